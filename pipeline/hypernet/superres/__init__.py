"""A small image in, a function of the image plane out, sampled on any grid: super-resolution of handwritten digits.

After the talk's picture "MNIST super resolution" and G. Littwin and L. Wolf, "Deep Meta Functionals for Shape
Representation", ICCV 2019. `docs/superres.md` has the equations, the data and what was measured. The tools are
functions: `enlarge` and `predict`; everything is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
