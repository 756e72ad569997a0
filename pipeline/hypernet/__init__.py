"""Hypernetworks, networks whose weights are the output of other networks: nine systems, one pipeline.

``hypernet.open_model(path)`` opens a model that any domain has trained; ``hypernet.layers`` has the generated layers;
each domain, e.g. ``hypernet.radar``, has its tools as functions. Everything is imported when it is first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
