"""Decision trees packed into arrays: many trees, evaluated for millions of rows at once."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

LEAF = -1
# The parts of a base, one number a tree.
BASE = ("overall", "level", "tilt")
# Rows that go down their trees together: few enough to stay in the processor's cache.
BLOCK = 8192


@dataclass(frozen=True)
class Forest:
    """Decision trees on standardised features, all nodes of all trees in common arrays.

    A row x goes right at a node where ``sign * (x[feature] - threshold) > 0``, and left otherwise (so also on a tie).

    Attributes:
        root: node at the root of each tree, int64 ``[trees]``.
        feature: number of the feature, -1 at a leaf, int32 ``[nodes]``.
        threshold: in standardised units, float64 ``[nodes]``.
        sign: +1, -1, or 0 where every row goes left, int8 ``[nodes]``.
        left: node number, int64 ``[nodes]``; at a leaf the node itself.
        right: likewise.
        value: the prediction of a leaf, float64 ``[nodes]``; NaN at inner nodes.
        support: number of ratings that reached the node when the tree was grown, int32 ``[nodes]``.
        overall: mu of each tree where leaves add to a base, float64 ``[trees]``, else None like the next two. Then
            rating = (mu + b) + (a + c b) + leaf, and rows have one column more than the features: b, by how much others
            rate the item above mu.
        level: a, how much more the tree's user gives than others, ``[trees]``.
        tilt: c, by how much further apart the user rates good and bad items, ``[trees]``.
    """

    root: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    sign: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    support: np.ndarray
    overall: np.ndarray | None = None
    level: np.ndarray | None = None
    tilt: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.root)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name; ``Forest(**arrays)`` is the forest again."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in arrays.items() if array is not None}

    @property
    def has_base(self) -> bool:
        """Whether leaves are what a base leaves over."""
        return self.overall is not None

    def base(self, tree: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What others give, mu + b, and how the tree's user differs from them, a + c b.

        Args:
            tree: number of the tree of each row, int ``[N]``.
            bias: b of each row's item, in rating units, ``[N]``.

        Returns:
            both in rating units, float64 ``[N]``.

        Raises:
            ValueError: the trees have no base.
        """
        if self.overall is None or self.level is None or self.tilt is None:
            raise ValueError("these trees have no base")
        b = np.asarray(bias, dtype=np.float64)
        return self.overall[tree] + b, self.level[tree] + self.tilt[tree] * b

    def checked(self, features: int) -> Self:
        """The forest itself, once every path in it is known to end; one from a file may have been made by a stranger.

        Args:
            features: D, the number of features that rules may ask about.

        Raises:
            ValueError: an array of another length or type, a rule about an unknown feature, or children that do not
                stand after their parent.
        """
        nodes = np.arange(len(self.feature))
        if len(self.arrays().keys() & set(BASE)) not in (0, len(BASE)):
            raise ValueError("a base of the trees lacks a part")
        for name, array in self.arrays().items():
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "if":
                raise ValueError(f"{name} of the trees is no list of numbers")
            per_tree = name in ("root", *BASE)
            if len(array) != (len(self.root) if per_tree else len(nodes)):
                raise ValueError(
                    f"{name} of the trees has {len(array)} numbers for "
                    + (f"{len(self.root)} trees" if per_tree else f"{len(nodes)} nodes")
                )
        for name in ("root", "feature", "sign", "left", "right", "support"):
            if getattr(self, name).dtype.kind != "i":
                raise ValueError(f"{name} of the trees is no list of whole numbers")
        inner = self.feature != LEAF
        if ((self.feature < LEAF) | (self.feature >= features)).any():
            raise ValueError(f"a rule asks about a feature beyond the {features} there are")
        for child in (self.left, self.right):
            if ((child <= nodes) | (child >= len(nodes)))[inner].any():
                raise ValueError("a rule leads back to itself or out of its tree")
        if ((self.root < 0) | (self.root >= len(nodes))).any():
            raise ValueError("a tree begins outside the nodes")
        return self

    def leaves(self, tree: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The leaf that each row reaches.

        Args:
            tree: number of the tree of each row, int ``[N]``.
            x: standardised features, ``[N, D]``.

        Returns:
            node numbers, int64 ``[N]``.
        """
        node: np.ndarray = self.root[tree]
        for start in range(0, len(node), BLOCK):
            block = slice(start, start + BLOCK)
            self._descend(node[block], x[block])
        return node

    def _descend(self, node: np.ndarray, x: np.ndarray) -> None:
        """Move every row from its node to the leaf below it, in place."""
        rows = np.arange(len(node))
        while True:
            feature = self.feature[node]
            if (feature == LEAF).all():
                return
            ahead = self.sign[node] * (x[rows, np.maximum(feature, 0)] - self.threshold[node]) > 0
            node[:] = np.where(ahead, self.right[node], self.left[node])

    def predict(self, tree: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values of the leaves that the rows reach, on the base if there is one, float64 ``[N]``; see ``leaves``."""
        predicted: np.ndarray = self.value[self.leaves(tree, x)]
        if self.has_base:
            others, person = self.base(tree, x[:, -1])
            predicted = others + person + predicted
        return predicted

    def counting(self, tree: int, x: np.ndarray) -> Forest:
        """The same trees, with the number of these rows ``[N, D]`` that reach each node of one tree as its support."""
        support = self.support.copy()
        reached = {int(self.root[tree]): np.ones(len(x), dtype=bool)}
        for node in self.nodes(tree):
            rows = reached[node]
            support[node] = rows.sum()
            if self.feature[node] != LEAF:
                ahead = self.sign[node] * (x[:, self.feature[node]] - self.threshold[node]) > 0
                reached[int(self.left[node])], reached[int(self.right[node])] = rows & ~ahead, rows & ahead
        return replace(self, support=support)

    def features_used(self, tree: int) -> set[int]:
        """Numbers of the features that one tree asks about anywhere."""
        return {int(self.feature[node]) for node in self.nodes(tree) if self.feature[node] != LEAF}

    def nodes(self, tree: int) -> list[int]:
        """Nodes of one tree, each before its children, left before right."""
        order, waiting = [], [int(self.root[tree])]
        while waiting:
            node = waiting.pop()
            order.append(node)
            if self.feature[node] != LEAF:
                waiting += [int(self.right[node]), int(self.left[node])]
        return order
