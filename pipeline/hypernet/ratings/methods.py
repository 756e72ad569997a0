"""Method ids, their names for people, and the tree network of a meta tree method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernet.ratings.config import MetaTreeSettings

if TYPE_CHECKING:
    from hypernet.ratings.model import MetaTree

TITLES = {
    "oracle": "Truth (mean rating)",
    "global_mean": "Mean of all ratings",
    "item_mean": "Item's mean",
    "user_mean": "User's mean",
    "global_tree": "Global tree",
    "local_trees": "Local trees",
    "knn_trees": "Trees of neighbours",
    "gbrt": "Gradient boosted trees",
    "baseline_only": "User and item biases",
    "knn_baseline": "Nearest neighbours",
    "svd": "SVD",
    "svdpp": "SVD++",
    "meta_fixed_soft": "Meta tree, soft",
    "meta_fixed_hard": "Meta tree, hard",
    "meta_dynamic_soft": "Dynamic meta tree, soft",
    "meta_dynamic_hard": "Dynamic meta tree, hard",
    "grals": "GRALS (quoted)",
    "srgcnn": "sRGCNN (quoted)",
    "factorized_eae": "Factorized EAE (quoted)",
    "gc_mc": "GC-MC (quoted)",
}


def is_meta(method: str) -> bool:
    """Whether a method is a hypernetwork that grows trees."""
    return method.startswith("meta_")


def is_hard(method: str) -> bool:
    """Whether a meta tree routes hard: a row goes down one path."""
    return method.endswith("_hard")


def build(method: str, settings: MetaTreeSettings, features: int, low: float, high: float) -> MetaTree:
    """The untrained tree network of a meta tree method.

    Args:
        method: a method id with :func:`is_meta`.
        settings: its settings.
        features: D.
        low: smallest rating.
        high: largest rating.
    """
    from hypernet.ratings.model import DynamicMetaTree, FixedMetaTree

    network = DynamicMetaTree if method.startswith("meta_dynamic") else FixedMetaTree
    temperature = settings.stage.final_temperature
    return network(features=features, low=low, high=high, temperature=temperature, **settings.method.model_dump())
