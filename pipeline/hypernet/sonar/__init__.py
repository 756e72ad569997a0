"""An echo of a bat's call in, a network that is the object out; and a simulator of such echoes that stands alone.

After N. Frank et al., "Comparing Vision-based to Sonar-based 3D Reconstruction", ICCP 2020: a re-implementation, and
the simulator is not the authors'. `docs/sonar.md` has the equations, the data and what was measured. Everything is
imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
