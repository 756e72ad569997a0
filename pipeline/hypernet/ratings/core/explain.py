"""The reason for a prediction: the rules on its path through the user's tree, joined into a few words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import Bound, Described, is_constant, possible, sentence, shown, words

# What is said where no rule says anything, and where no item can come.
ANYTHING, NOTHING = "Any item", "No item"


@dataclass(frozen=True)
class Reason:
    """Why items of one leaf are predicted its value.

    Attributes:
        leaf: node number.
        text: the rules in words, "High ratings, not action".
        bounds: what the rules let pass of each attribute that they speak of, in the order of the path.
        dropped: rules on the path that say nothing; see :func:`~hypernet.ratings.core.wording.is_constant`.
        reachable: whether an item can come here at all.
        value: the prediction.
        support: number of the user's ratings from which the leaf was made.
    """

    leaf: int
    text: str
    bounds: dict[int, Bound]
    dropped: int
    reachable: bool
    value: float
    support: int


@dataclass(frozen=True)
class Question:
    """A rule as a question.

    Attributes:
        text: "High ratings?".
        no: the node where items go for which it is not so.
        yes: the node for the others.
        constant: whether all items of a user go the same way.
    """

    text: str
    no: int
    yes: int
    constant: bool


def path(forest: Forest, tree: int, node: int) -> list[tuple[int, bool]]:
    """The rules from the root to a node, with whether the path goes right there.

    Raises:
        ValueError: the node is not in this tree.
    """
    paths = _paths(forest, tree)
    if node not in paths:
        raise ValueError(f"node {node} is not in tree {tree}")
    return paths[node]


def _paths(forest: Forest, tree: int) -> dict[int, list[tuple[int, bool]]]:
    """The path to every node of a tree, each node before those below it."""
    paths: dict[int, list[tuple[int, bool]]] = {int(forest.root[tree]): []}
    for node in forest.nodes(tree):
        if forest.feature[node] != LEAF:
            paths[int(forest.left[node])] = [*paths[node], (node, False)]
            paths[int(forest.right[node])] = [*paths[node], (node, True)]
    return paths


def reason(forest: Forest, tree: int, leaf: int, described: Described, precise: bool = False) -> Reason:
    """The reason for a prediction, in words.

    Rules about one attribute are merged: of two thresholds on one side the tighter one counts, thresholds on both sides
    become "between". Rules that say nothing of an item, such as those about the user, are left out and counted.

    Args:
        forest: trees.
        tree: number of the tree.
        leaf: the leaf that the item reaches.
        described: names and units of the attributes.
        precise: "Average rating > 3.62" in place of "High ratings".
    """
    return reasons(forest, tree, described, precise, [leaf])[leaf]


def reasons(
    forest: Forest, tree: int, described: Described, precise: bool = False, leaves: list[int] | None = None
) -> dict[int, Reason]:
    """The reasons of several leaves of a tree, by default of all, from left to right; see :func:`reason`.

    An inner node may stand among ``leaves``, for all that comes to it.
    """
    paths = _paths(forest, tree)
    if leaves is None:
        leaves = [node for node in forest.nodes(tree) if forest.feature[node] == LEAF]
    return {leaf: _reason(forest, leaf, paths[leaf], described, precise) for leaf in leaves}


def _reason(forest: Forest, leaf: int, steps: list[tuple[int, bool]], described: Described, precise: bool) -> Reason:
    bounds: dict[int, Bound] = {}
    dropped, reachable = 0, True
    for node, right in steps:
        feature, bound = int(forest.feature[node]), Bound.of_side(forest, node, right)
        if is_constant(described, forest, node):
            dropped += 1
            reachable &= possible(described, feature, bound)
            continue
        bounds[feature] = bounds.get(feature, Bound()).meet(bound)
    reachable &= all(possible(described, feature, bound) for feature, bound in bounds.items())
    text = NOTHING
    if reachable:
        clauses = [words(described, feature, bound, precise) for feature, bound in bounds.items()]
        text = sentence(", ".join(clauses)) or ANYTHING
    return Reason(leaf, text, bounds, dropped, reachable, float(forest.value[leaf]), int(forest.support[leaf]))


def most_probable(forest: Forest, tree: int, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leaf to speak of where soft routing sends every row to all leaves.

    Args:
        forest: trees.
        tree: number of the tree.
        probability: of every row for every node of the forest, ``[N, nodes]``; only the tree's leaves count.

    Returns:
        the most probable leaf of every row (of equals the leftmost one), int64 ``[N]``, and its probability ``[N]``.
    """
    leaves = np.array([node for node in forest.nodes(tree) if forest.feature[node] == LEAF])
    best = leaves[probability[:, leaves].argmax(axis=1)]
    return best, probability[np.arange(len(best)), best]


def question(forest: Forest, node: int, described: Described, precise: bool = False) -> Question:
    """A rule as a question that asks for more than the threshold, or for the attribute itself: yes, it is so."""
    feature = int(forest.feature[node])
    right_is_more = int(forest.sign[node]) >= 0
    no, yes = (int(side[node]) for side in ((forest.left, forest.right)[:: 1 if right_is_more else -1]))
    constant = is_constant(described, forest, node)
    about = described.features[feature]
    if about.kind == "binary":
        text = about.above
    elif forest.sign[node] == 0:
        text = about.precise
    else:
        text = words(described, feature, Bound.of_side(forest, node, right_is_more), precise)
    return Question(f"{sentence(text)}?", no, yes, constant)


def tree_text(
    forest: Forest, tree: int, described: Described, precise: bool = False, user: np.ndarray | None = None
) -> str:
    """A tree as indented text, with the number of the user's ratings at every node.

    Args:
        forest: trees.
        tree: number of the tree.
        described: names and units of the attributes.
        precise: with the numbers of the thresholds.
        user: standardised features of the user ``[D]``, which decide rules about the user; None: the mean of all users.

    Returns:
        lines without rules that say nothing, and a last line that counts these where there are any.
    """
    user_x = np.zeros(len(described.features)) if user is None else user
    lines: list[str] = []
    left_out = 0
    # A true tree, say, was not grown from ratings.
    grown = forest.support[forest.root[tree]] > 0

    def passing(node: int, bounds: dict[int, Bound]) -> list[tuple[int, dict[int, Bound]]]:
        """The children to which items can come, with what passes there."""
        feature = int(forest.feature[node])
        reached = []
        for child, right in ((int(forest.left[node]), False), (int(forest.right[node]), True)):
            met = bounds.get(feature, Bound()).meet(Bound.of_side(forest, node, right))
            if described.features[feature].of == "user":
                passes = met.passes(float(user_x[feature]))
            else:
                passes = possible(described, feature, met)
            if passes:
                reached.append((child, bounds | {feature: met}))
        return reached

    def write(node: int, bounds: dict[int, Bound], depth: int, answer: str) -> None:
        nonlocal left_out
        while forest.feature[node] != LEAF and len(reached := passing(node, bounds)) == 1:
            left_out += 1
            node, bounds = reached[0]
        count = int(forest.support[node])
        ratings = f" [{count} rating{'' if count == 1 else 's'}]" if grown else ""
        if forest.feature[node] == LEAF:
            lines.append(f"{'  ' * depth}{answer}{shown(float(forest.value[node]), 1)}{ratings}")
            return
        asked = question(forest, node, described, precise)
        lines.append(f"{'  ' * depth}{answer}{asked.text}{ratings}")
        below = dict(reached)
        write(asked.no, below[asked.no], depth + 1, "no: ")
        write(asked.yes, below[asked.yes], depth + 1, "yes: ")

    write(int(forest.root[tree]), {}, 0, "")
    if left_out:
        omitted = "1 rule is left out: it sends" if left_out == 1 else f"{left_out} rules are left out: they send"
        lines.append(f"({omitted} every item that comes there the same way)")
    return "\n".join(lines)
