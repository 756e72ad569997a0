"""Properties of small molecules by message passing whose state changes are written atom by atom: QM9.

After the talk's equations 1 to 4 and E. Nachmani and L. Wolf, "Molecule Property Prediction and Classification with
Graph Hypernetworks", arXiv 2002.00240, on NMP-Edge (P. B. Jørgensen, K. W. Jacobsen and M. N. Schmidt, arXiv
1806.03146). `docs/molecules.md` has the equations, the data and what was measured. The tools are functions; everything
is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
