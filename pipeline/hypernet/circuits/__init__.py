"""Passive two-port ladders from a wanted frequency response: a hypernetwork writes the GRU that writes the circuit.

After M. Rotman and L. Wolf, "Electric Analog Circuit Design with Hypernetworks and a Differential Simulator", ICASSP
2020 (arXiv 1911.03053). `docs/circuits.md` has the equations, the data and what was measured.
"""
