"""Explainable recommendation: a hypernetwork grows a decision tree for every user.

E. Shulman, L. Wolf, "Meta Decision Trees for Explainable Recommendation Systems", AIES 2020, arXiv 1912.09140.

``recommend`` and ``predict`` are the tools; ``open_model`` opens a trained model. Everything is imported when it is
first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
