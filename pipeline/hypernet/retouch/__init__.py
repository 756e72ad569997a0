"""A photograph in, a retouched one out at full size: a network looks at a thumbnail and writes a 3x10 colour map.

After Y. Chai, R. Giryes and L. Wolf, "Supervised and Unsupervised Learning of Parameterized Color Enhancement", WACV
2020. `docs/retouch.md` has the equations, the data and what was measured. The tools are functions: `apply`, `learn`,
`plates` and `predict`; everything is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
