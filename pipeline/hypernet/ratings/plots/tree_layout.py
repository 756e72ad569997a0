"""Where the boxes of a drawn tree stand and which colour a rating has, for matplotlib and for the page alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.ratings.core.trees import LEAF, Forest

# The colour map cividis (Nunez et al. 2018): read alike with and without colour blindness, and in grey.
CIVIDIS = (
    (0, 34, 78), (0, 49, 112), (42, 63, 109), (67, 78, 108), (87, 93, 109), (106, 108, 113), (125, 124, 120),
    (145, 139, 120), (165, 156, 116), (188, 174, 108), (210, 192, 96), (233, 211, 78), (254, 232, 56),
)  # fmt: skip
# Relative luminance at which black and white text have the same contrast (WCAG 2).
BLACK_FROM = 0.179


@dataclass(frozen=True)
class Place:
    """A node of a drawn tree. The side "no" of a rule stands on the left.

    Attributes:
        node: node number.
        x: place from left to right; neighbouring leaves are 1 apart.
        level: 0 at the root.
        no: node of the answer no; None where nothing is drawn below.
        yes: node of the answer yes.
        value: prediction of a leaf; mean of those below where a tree is cut off; NaN at rules.
        cut: whether this rule is not drawn, nor what is below.
    """

    node: int
    x: float
    level: int
    no: int | None
    yes: int | None
    value: float
    cut: bool

    @property
    def is_rule(self) -> bool:
        """Whether a rule stands here, with two nodes below."""
        return self.no is not None

    @property
    def children(self) -> dict[str, int]:
        """The nodes below by the answer that leads there; none below a leaf."""
        return {} if self.no is None or self.yes is None else {"no": self.no, "yes": self.yes}


def places(forest: Forest, tree: int, deepest: int) -> list[Place]:
    """Places of a tree's nodes, each node before those below it, no before yes.

    Boxes do not overlap if those of leaves are less than 1 wide, those of rules less than 2, and half of one and half
    of the other less than 1.5.

    Args:
        forest: trees.
        tree: number of the tree.
        deepest: levels of rules that are drawn.
    """
    placed: list[Place] = []
    leaves = 0

    def put(node: int, level: int) -> float:
        nonlocal leaves
        inner = forest.feature[node] != LEAF
        if not inner or level == deepest:
            placed.append(Place(node, leaves, level, None, None, mean_below(forest, node), bool(inner)))
            leaves += 1
            return placed[-1].x
        no, yes = int(forest.left[node]), int(forest.right[node])
        if forest.sign[node] < 0:
            no, yes = yes, no
        index = len(placed)
        placed.append(Place(node, np.nan, level, no, yes, np.nan, False))
        x = (put(no, level + 1) + put(yes, level + 1)) / 2
        placed[index] = Place(node, x, level, no, yes, np.nan, False)
        return x

    put(int(forest.root[tree]), 0)
    return placed


def mean_below(forest: Forest, node: int) -> float:
    """Mean value of the leaves below a node, by their support; of a leaf its value."""
    total, weight, plain, waiting = 0.0, 0, [], [node]
    while waiting:
        below = waiting.pop()
        if forest.feature[below] == LEAF:
            total += float(forest.value[below]) * int(forest.support[below])
            weight += int(forest.support[below])
            plain.append(float(forest.value[below]))
        else:
            waiting += [int(forest.left[below]), int(forest.right[below])]
    return total / weight if weight and len(plain) > 1 else float(np.mean(plain))


def colour(value: float, low: float, high: float) -> str:
    """Colour of a rating on a scale, as ``#rrggbb``; beyond its ends that of the end."""
    share = (value - low) / (high - low) * (len(CIVIDIS) - 1)
    steps = np.arange(len(CIVIDIS))
    return "#" + "".join(f"{round(np.interp(share, steps, part)):02x}" for part in zip(*CIVIDIS, strict=True))


def leaf_colour(forest: Forest, value: float, low: float, high: float) -> str:
    """Colour of what stands at a leaf: of a rating on its scale, or of an addition up to a quarter of it."""
    reach = (high - low) / 4
    return colour(value, -reach, reach) if forest.has_base else colour(value, low, high)


def ink(ground: str) -> str:
    """Black or white, whichever is read better on a colour."""
    parts = np.array([int(ground[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return "#000000" if linear @ [0.2126, 0.7152, 0.0722] > BLACK_FROM else "#ffffff"
