"""One image of an object in, a network that is the object out: it says of every point whether it is inside.

After G. Littwin and L. Wolf, "Deep Meta Functionals for Shape Representation", ICCV 2019. `docs/shapes.md` has the
equations, the data and what was measured. The tools are functions: `reconstruct`, `interpolate`, `voxelize`, `score`
and `predict`; everything is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
