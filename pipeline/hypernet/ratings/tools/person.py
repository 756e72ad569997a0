"""One person's tree, and what it says of every item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.catalogue import Catalogue
from hypernet.ratings.core.readable import below, readable
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.growing import MetaTreePredictor
from hypernet.ratings.tools.items import Items

# The feature that counts an item's ratings, and how those are called that say how well it is thought of.
COUNT, AVERAGES = (
    "rating_count",
    {"average rating": "those rated best by others", "critics' score": "those that critics like best"},
)


@dataclass(frozen=True)
class Grown:
    """A tree grown from one person's ratings, and what it says of every item.

    Attributes:
        forest: the tree alone.
        read: the same nodes as they can be read, see ``hypernet.ratings.core.readable``.
        predicted: ratings of the M items, ``[M]``.
        leaf: the leaf of the readable tree where the item's own answers lead, ``[M]``.
        probability: that soft routing comes there, ``[M]``.
        base: what others give each item, and how this person differs, ``[M]`` each; None where the tree says all.
        predict: predictions of other rows, ``[N, D] -> [N]``; None with hard routing, where the tree says all.
    """

    forest: Forest
    read: Forest
    predicted: np.ndarray
    leaf: np.ndarray
    probability: np.ndarray
    base: tuple[np.ndarray, np.ndarray] | None
    predict: Callable[[np.ndarray], np.ndarray] | None


def grow(model: MetaTreePredictor, known: Catalogue, items: Items, item: np.ndarray, rating: np.ndarray) -> Grown:
    """Grow a person's tree and predict all items, as the model was trained to: with hard or soft routing.

    Args:
        model: the hypernetwork.
        known: what it knows of the data, with all items.
        items: M items.
        item: numbers of those rated, ``[n]``; at least one.
        rating: their ratings, ``[n]``.

    Raises:
        UserError: the model's weights are such that the tree has numbers that are not finite.
    """
    support = Rows(np.zeros(len(item), np.int64), item, rating.astype(np.float32), items.x[item])
    forest = model.forest(support, 1)
    is_leaf = forest.feature == LEAF
    if not np.isfinite(np.where(is_leaf, forest.value, forest.threshold)).all():
        raise UserError("model: its weights give a tree with numbers that are not finite; train it again")
    alone = np.zeros(len(items), np.int64)
    read = readable(forest, 0, known, items=items.x)
    leaf = read.leaves(alone, items.x)
    routed = model.leaf_probabilities(support, items.x)
    probability = np.empty(len(items))
    for node in np.unique(leaf):
        here = leaf == node
        probability[here] = routed[here][:, below(forest, int(node))].sum(axis=1)
    base = forest.base(alone, items.x[:, -1]) if forest.has_base else None
    if model.hard:
        return Grown(forest, read, forest.predict(alone, items.x), leaf, probability, base, None)

    def predict(x: np.ndarray) -> np.ndarray:
        return model.expected(support, x)

    return Grown(forest, read, predict(items.x), leaf, probability, base, predict)


def nobody_rated(x: np.ndarray) -> bool:
    """Whether nobody has rated the item of this row of a tree with a base: its bias, the last, is then exactly 0."""
    return bool(x[-1] == 0.0)


def ranking(known: Catalogue, items: Items, grown: Grown, rated: np.ndarray) -> np.ndarray:
    """Numbers of the unrated items, best first.

    A tree has few different predictions. Of equal ones the most rated item is first, where ratings are counted, else
    the one with the best average rating, where that is known; then the one of which soft routing is surest, then the
    first of the catalogue.

    Args:
        known: what the model knows of the data.
        items: M items.
        grown: the person's tree.
        rated: numbers of the items that the person rated.
    """
    place, _ = tie_breaker(known)
    first = np.zeros(len(items)) if place is None else items.x[:, place]
    order = np.lexsort((-grown.probability, -first, -grown.predicted))
    return order[~np.isin(order, rated)]


def tie_breaker(known: Catalogue) -> tuple[int | None, str]:
    """The feature of which more is better among equal predictions, and how that is said."""
    for place, feature in enumerate(known.features):
        if feature.name == COUNT:
            return place, "the most rated come first"
    for place, feature in enumerate(known.features):
        if feature.precise in AVERAGES:
            return place, f"{AVERAGES[feature.precise]} come first"
    return None, "the first of the catalogue come first"
