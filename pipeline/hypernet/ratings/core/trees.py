"""Decision trees packed into arrays: many trees, evaluated for millions of rows at once."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

LEAF = -1
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
    """

    root: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    sign: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    support: np.ndarray

    def __len__(self) -> int:
        return len(self.root)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name; ``Forest(**arrays)`` is the forest again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def checked(self, features: int) -> Self:
        """The forest itself, once every path in it is known to end; one from a file may have been made by a stranger.

        Args:
            features: D, the number of features that rules may ask about.

        Raises:
            ValueError: an array of another length or type, a rule about an unknown feature, or children that do not
                stand after their parent.
        """
        nodes = np.arange(len(self.feature))
        for name, array in self.arrays().items():
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "if":
                raise ValueError(f"{name} of the trees is no list of numbers")
            if name != "root" and len(array) != len(nodes):
                raise ValueError(f"{name} of the trees has {len(array)} numbers for {len(nodes)} nodes")
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
        """Values of the leaves that the rows reach, float64 ``[N]``; see ``leaves``."""
        predicted: np.ndarray = self.value[self.leaves(tree, x)]
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
