"""The next radar image: a network reads four images and writes the filters that move the last one.

After B. Klein, L. Wolf and Y. Afek, "A Dynamic Convolutional Layer for Short Range Weather Prediction", CVPR 2015.
`docs/radar.md` has the equations, the data and what was measured. The tools are functions: `nowcast`, `predict` and
`archive`; everything is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
