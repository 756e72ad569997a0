"""Method ids, their names for people, and the tree network of a meta tree method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernet.ratings.config import METHODS, MetaTreeSettings

if TYPE_CHECKING:
    from hypernet.ratings.model import MetaTree

TITLES = {name: method.title for name, method in METHODS.items()} | {
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
