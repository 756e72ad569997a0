"""Passive two-port ladders from a wanted frequency response: a hypernetwork writes the GRU that writes the circuit.

After M. Rotman and L. Wolf, "Electric Analog Circuit Design with Hypernetworks and a Differential Simulator", ICASSP
2020 (arXiv 1911.03053). `docs/circuits.md` has the equations, the data and what was measured.

``design``, ``predict`` and ``simulate`` are the command line's verbs as functions; everything is imported when it is
first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
