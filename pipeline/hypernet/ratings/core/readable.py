"""A tree as it can be read: every question splits the catalogue, and no two answers end alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import THRESHOLD, Described, decimals, shown


def readable(
    forest: Forest, tree: int, described: Described, user: np.ndarray | None = None, items: np.ndarray | None = None
) -> Forest:
    """The same nodes, with what no reader can follow taken out of one tree.

    A rule that sends all items of the catalogue which come to it the same way asks nothing: so does one that repeats a
    question below its own answer, or asks about the user. What stands below it takes its place. A rule whose two
    answers are shown as the same number is a leaf, with the mean value of the items that come there. Every item of the
    catalogue is shown the same prediction as before; with a base this is seen to where ``items`` have what others
    give them in one column more.

    Args:
        forest: trees.
        tree: number of the tree.
        described: the catalogue.
        user: standardised features of the user ``[D]``, which decide rules about the user; None: the mean of all users.
        items: standardised features of the items, ``[M, D]`` or one column more; None: those of ``described``.
    """
    x = np.asarray(described.item_x if items is None else items)
    if user is not None:
        of_user = [place for place, feature in enumerate(described.features) if feature.of == "user"]
        x = x.copy()
        x[:, of_user] = user[of_user]
    changed = {name: getattr(forest, name).copy() for name in ("root", "feature", "left", "right", "value")}

    predicted, base, digits = None, None, decimals(described.low, described.high)
    if forest.has_base and x.shape[1] > len(described.features):
        whose = np.full(len(x), tree)
        base = np.sum(forest.base(whose, x[:, -1]), axis=0)
        predicted = np.array([shown(value, digits) for value in forest.predict(whose, x)])

    def alike(rows: np.ndarray, value: float) -> bool:
        """Whether these items are shown the same prediction with this value at their leaf."""
        if base is None or predicted is None:
            return True
        return all(
            shown(total, digits) == before for total, before in zip(base[rows] + value, predicted[rows], strict=True)
        )

    def settle(node: int, rows: np.ndarray) -> int:
        """The node that takes the place of this one, for these rows of the catalogue."""
        if forest.feature[node] == LEAF:
            return node
        ahead = forest.sign[node] * (x[rows, forest.feature[node]] - forest.threshold[node]) > 0
        if ahead.all():
            return settle(int(forest.right[node]), rows)
        if not ahead.any():
            return settle(int(forest.left[node]), rows)
        left, right = settle(int(forest.left[node]), rows[~ahead]), settle(int(forest.right[node]), rows[ahead])
        if changed["feature"][left] == changed["feature"][right] == LEAF:
            values = changed["value"][[left, right]]
            joined = np.average(values, weights=[(~ahead).sum(), ahead.sum()])
            if len({shown(float(value), digits) for value in values}) == 1 and alike(rows, joined):
                changed["feature"][node], left, right = LEAF, node, node
                changed["value"][node] = joined
        changed["left"][node], changed["right"][node] = left, right
        return node

    changed["root"][tree] = settle(int(forest.root[tree]), np.arange(len(x)))
    return replace(forest, **changed)


def below(forest: Forest, node: int) -> list[int]:
    """The leaves below a node; a leaf itself."""
    if forest.feature[node] == LEAF:
        return [node]
    return [leaf for child in (forest.left, forest.right) for leaf in below(forest, int(child[node]))]


def least_change(digits: int) -> float:
    """Half of what the last digit shows."""
    return 0.5 / 10**digits


def told_apart(first: float, second: float, digits: int) -> bool:
    """Whether two predictions are shown as different, and not only because one is rounded up and one down."""
    return shown(first, digits) != shown(second, digits) and abs(first - second) >= least_change(digits)


def left_out(forest: Forest, read: Forest, tree: int) -> int:
    """How many rules of a tree the readable form does without."""
    rules, kept = ((trees.feature[trees.nodes(tree)] != LEAF).sum() for trees in (forest, read))
    return int(rules - kept)


def numbered(forest: Forest, tree: int, described: Described) -> frozenset[int]:
    """Numbers of the attributes that a tree asks about more than once, and whose words would not tell the rules apart.

    "High ratings?" twice are two questions only where each has its number; "after 1984" has one as it is.
    """
    asked = [int(forest.feature[node]) for node in forest.nodes(tree) if forest.feature[node] != LEAF]
    return frozenset(
        feature
        for feature in set(asked)
        if asked.count(feature) > 1
        and described.features[feature].kind == "number"
        and not (THRESHOLD in described.features[feature].above and THRESHOLD in described.features[feature].below)
    )
