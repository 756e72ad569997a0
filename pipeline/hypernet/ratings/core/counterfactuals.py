"""What would change a prediction: "would be 4.7 if it were action"."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from hypernet.ratings.core.explain import bounds_of, path
from hypernet.ratings.core.trees import Forest
from hypernet.ratings.core.wording import PHRASES, Bound, Described, condition, decimals, fill, is_constant, shown

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Counterfactual:
    """A change of one attribute of an item, and what it would do.

    Attributes:
        node: the rule that the item would then answer differently.
        feature: number of the attribute.
        changed: its standardised value.
        value: the prediction then.
        change: that prediction less the present one.
        text: "would be 4.7 if it were action".
    """

    node: int
    feature: int
    changed: float
    value: float
    change: float
    text: str


def counterfactuals(
    forest: Forest,
    tree: int,
    x: np.ndarray,
    described: Described,
    predict: Predict | None = None,
    precise: bool = False,
    unknown: Collection[int] = (),
) -> list[Counterfactual]:
    """Flip each rule on an item's path, one at a time, by changing the attribute it asks about and nothing else.

    The attribute takes the nearest value, among those that items have, with which the item still comes to this rule but
    answers it differently. So there is no flip of a rule about the user, of one that says nothing, of one that
    another rule of the path implies, or to a value that no item has.

    Args:
        forest: trees.
        tree: number of the user's tree.
        x: standardised features of the item, ``[D]``; what a tree with a base reads has one more.
        described: names and units of the attributes, and the catalogue.
        predict: predictions of rows ``[N, D] -> [N]``, where they are not those of the leaf reached (soft routing).
            The text then names the value; without, it names all values that have the same effect.
        precise: "if average rating > 3.62" in place of "if its average rating were above 3.62".
        unknown: numbers of attributes that are not known of the item: there is nothing to change.

    Returns:
        the largest change first; of equals the one nearer to the root.
    """
    chosen = np.array([tree])
    here = int(forest.leaves(chosen, x[None])[0])
    flips: list[tuple[int, int, float]] = []
    before: dict[int, Bound] = {}
    for node, right in path(forest, tree, here):
        feature = int(forest.feature[node])
        if feature not in unknown and not is_constant(described, forest, node):
            wanted = before.get(feature, Bound()).meet(Bound.of_side(forest, node, not right))
            # In float64, as the tree compares.
            column = described.item_x[:, feature].astype(np.float64)
            others = column[wanted.passes(column)]
            if len(others):
                distance = np.abs(others - float(x[feature]))
                flips.append((node, feature, float(others[distance == distance.min()].min())))
        before[feature] = before.get(feature, Bound()).meet(Bound.of_side(forest, node, right))
    if not flips:
        return []
    rows = np.repeat(x[None], len(flips) + 1, axis=0)
    for row, (_, feature, changed) in zip(rows[1:], flips, strict=True):
        row[feature] = changed
    leaves = forest.leaves(np.repeat(chosen, len(rows)), rows)
    values = forest.predict(np.repeat(chosen, len(rows)), rows) if predict is None else predict(rows)
    # What is added to a base may lead beyond the scale.
    values = np.clip(values, described.low, described.high)
    changes, digits = [], decimals(described.low, described.high)
    for (node, feature, changed), leaf, value in zip(flips, leaves[1:], values[1:], strict=True):
        bound = Bound(changed, True, changed, True)
        if predict is None:
            bound = bounds_of(forest, path(forest, tree, int(leaf)), described)[feature]
        told = condition(described, feature, bound, precise)
        text = fill(PHRASES["change"], value=shown(float(value), digits), condition=told)
        changes.append(Counterfactual(node, feature, changed, float(value), float(value - values[0]), text))
    return sorted(changes, key=lambda flip: -abs(flip.change))
