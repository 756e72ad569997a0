"""Method ids, their names for people, and the tree network of a meta tree method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypernet.ratings.config import METHODS, ExplainedSettings, MetaTreeSettings

if TYPE_CHECKING:
    from hypernet.ratings.core.questions import Questions
    from hypernet.ratings.deep_set import DeepSet
    from hypernet.ratings.model import MetaTree
    from hypernet.ratings.network import ExplainedMetaTree

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
    """The untrained tree network of the talk.

    Args:
        method: ``meta_fixed_*`` or ``meta_dynamic_*``.
        settings: its settings.
        features: D.
        low: smallest rating.
        high: largest rating.
    """
    from hypernet.ratings.model import DynamicMetaTree, FixedMetaTree

    network = DynamicMetaTree if method.startswith("meta_dynamic") else FixedMetaTree
    temperature = settings.stage.final_temperature
    return network(features=features, low=low, high=high, temperature=temperature, **settings.method.model_dump())


def build_on_base(
    method: str, settings: ExplainedSettings, features: int, items: int, asked: Questions, low: float, high: float
) -> ExplainedMetaTree | DeepSet:
    """The untrained network of a method on a base.

    Args:
        method: ``meta_explained_*``, or ``deep_set``, which has as many trained numbers.
        settings: its settings.
        features: D.
        items: M.
        asked: the questions that rules may ask.
        low: smallest rating.
        high: largest rating.
    """
    from hypernet.lab.runs.models import count_parameters, of_parameters
    from hypernet.ratings.deep_set import DeepSet
    from hypernet.ratings.encoder import PersonalBase
    from hypernet.ratings.network import ExplainedMetaTree

    sizes = settings.method

    def base() -> PersonalBase:
        return PersonalBase(items, settings.base.level, settings.base.slope)

    tree = ExplainedMetaTree(
        features=features,
        asked=asked,
        base=base(),
        temperature=settings.stage.final_temperature,
        reach=(high - low) / 2,
        **sizes.model_dump(include={"depth", "embedding", "f_hidden", "g_hidden", "gain_damping"}),
    )
    if is_meta(method):
        return tree
    control, _ = of_parameters(
        lambda hidden: DeepSet(features, base(), sizes.embedding, hidden), count_parameters(tree)
    )
    assert control is not None, "a deep set with one hidden number is smaller than any tree network"
    return control
