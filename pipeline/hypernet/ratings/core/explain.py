"""The reason for a prediction: the rules on its path through the user's tree, joined into a few words.

The words hold for the items of the catalogue, and tell apart what the tree tells apart, once the tree is
:func:`~hypernet.ratings.core.readable.readable`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from hypernet.ratings.core.readable import left_out, numbered, readable
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import (
    PHRASES,
    Bound,
    Described,
    counted,
    decimals,
    fill,
    is_constant,
    possible,
    sentence,
    shown,
    words,
)

# What is said where no item can come.
NOTHING = "No item"


@dataclass(frozen=True)
class Reason:
    """Why items of one leaf are predicted its value.

    Attributes:
        leaf: node number.
        text: the rules in words, "High ratings, not action".
        bounds: what the rules let pass of each attribute that they speak of, in the order of the path.
        dropped: rules on the path that say nothing; see :func:`~hypernet.ratings.core.wording.is_constant`.
        reachable: whether an item can come here at all.
        value: the prediction; of a tree with a base what is added to it.
        support: number of the user's ratings from which the leaf was made.
        clauses: the words for each of ``bounds``; none where no item can come.
    """

    leaf: int
    text: str
    bounds: dict[int, Bound]
    dropped: int
    reachable: bool
    value: float
    support: int
    clauses: dict[int, str]

    def told(self, described: Described, unknown: Collection[int]) -> str:
        """The rules in words for an item of which some attributes are not known: "High ratings, year not known".

        Args:
            described: names of the attributes.
            unknown: numbers of those that are not known. The item goes where its stand-in leads.
        """
        return sentence(self.phrase(described, unknown))

    def phrase(self, described: Described, unknown: Collection[int]) -> str:
        """The same without a capital letter that no name of an attribute has."""
        if not self.clauses:
            return self.text[:1].lower() + self.text[1:]
        clauses = (
            fill(PHRASES["not_known"], name=described.features[feature].precise) if feature in unknown else clause
            for feature, clause in self.clauses.items()
        )
        return ", ".join(clauses)


@dataclass(frozen=True)
class Question:
    """A rule as a question.

    Attributes:
        text: "High ratings?".
        no: the node where items go for which it is not so.
        yes: the node for the others.
    """

    text: str
    no: int
    yes: int


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
        precise: "Average rating > 3.62" in place of "High ratings"; so it is said anyway of an attribute that the tree
            asks about more than once.
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
    numbers = numbered(forest, tree, described)
    return {leaf: _reason(forest, leaf, paths[leaf], described, precise, numbers) for leaf in leaves}


def _reason(
    forest: Forest,
    leaf: int,
    steps: list[tuple[int, bool]],
    described: Described,
    precise: bool,
    numbers: frozenset[int],
) -> Reason:
    bounds = bounds_of(forest, steps, described)
    dropped, reachable = 0, True
    for node, right in steps:
        if is_constant(described, forest, node):
            dropped += 1
            reachable &= possible(described, int(forest.feature[node]), Bound.of_side(forest, node, right))
    reachable &= all(possible(described, feature, bound) for feature, bound in bounds.items())
    text, clauses = NOTHING, {}
    if reachable:
        clauses = {
            feature: words(described, feature, bound, precise or feature in numbers)
            for feature, bound in bounds.items()
        }
        text = sentence(", ".join(clauses.values()) or PHRASES["anything"])
    return Reason(leaf, text, bounds, dropped, reachable, float(forest.value[leaf]), int(forest.support[leaf]), clauses)


def bounds_of(forest: Forest, steps: list[tuple[int, bool]], described: Described) -> dict[int, Bound]:
    """What the rules of a path let pass of each attribute that they speak of, in the order of the path."""
    bounds: dict[int, Bound] = {}
    for node, right in steps:
        if not is_constant(described, forest, node):
            feature = int(forest.feature[node])
            bounds[feature] = bounds.get(feature, Bound()).meet(Bound.of_side(forest, node, right))
    return bounds


def with_base(
    text: str, leaf: float, base: tuple[float, float], scale: tuple[float, float], unrated: bool = False
) -> str:
    """The reason for a prediction in two parts, as a tree with a base gives it.

        Others give 4.1, you are 0.2 stricter; newer than 1990, not action: -0.3

    The numbers add up to the prediction as it is shown: what rounding leaves goes to the person's part.

    Args:
        text: what the rules say, see :meth:`Reason.phrase`.
        leaf: what they add.
        base: mean rating of the item by others, and how much more this person gives.
        scale: lowest and highest rating; they set the digits, and a sum beyond them is said to be.
        unrated: whether nobody has rated the item, whose mean rating is then that of all.
    """
    total, digits = sum(base) + leaf, decimals(*scale)
    sums, others, added = (Decimal(shown(part, digits)) for part in (total, base[0], leaf))
    person = sums - others - added
    told = fill(PHRASES["unrated" if unrated else "others"], others=str(others))
    if person:
        way = "stricter" if person < 0 else "kinder"
        told = fill(PHRASES["base"], told=told, person=str(abs(person)), way=way)
    elif not unrated:
        told = fill(PHRASES["as_others"], told=told)
    parts = fill(PHRASES["parts"], base=told, reason=text, leaf=signed(leaf, digits))
    if not scale[0] <= sums <= scale[1]:
        parts = fill(PHRASES["beyond"], parts=parts, end=f"{scale[0] if sums < scale[0] else scale[1]:g}")
    return sentence(parts)


def signed(value: float, digits: int) -> str:
    """A difference as it is shown, with its sign."""
    text = shown(value, digits)
    return text if text.startswith("-") or text == shown(0.0, digits) else f"+{text}"


def question(
    forest: Forest, node: int, described: Described, precise: bool = False, numbers: frozenset[int] = frozenset()
) -> Question:
    """A rule as a question that asks for more than the threshold, or for the attribute itself: yes, it is so.

    Args:
        forest: trees.
        node: number of the rule.
        described: names and units of the attributes.
        precise: with the number of the threshold.
        numbers: attributes of which the number is said anyway; see
            :func:`~hypernet.ratings.core.readable.numbered`.
    """
    feature = int(forest.feature[node])
    right_is_more = int(forest.sign[node]) >= 0
    no, yes = (int(side[node]) for side in ((forest.left, forest.right)[:: 1 if right_is_more else -1]))
    about = described.features[feature]
    if about.kind == "binary":
        text = about.above
    elif forest.sign[node] == 0:
        text = about.precise
    else:
        bound = Bound.of_side(forest, node, right_is_more)
        text = words(described, feature, bound, precise or feature in numbers)
    return Question(f"{sentence(text)}?", no, yes)


def tree_text(
    forest: Forest,
    tree: int,
    described: Described,
    precise: bool = False,
    user: np.ndarray | None = None,
    items: np.ndarray | None = None,
) -> str:
    """A tree as indented text, as it can be read, with the number of the user's ratings at every node.

    Args:
        forest: trees.
        tree: number of the tree.
        described: names and units of the attributes, and the catalogue.
        precise: with the numbers of the thresholds.
        user: standardised features of the user ``[D]``, which decide rules about the user; None: the mean of all users.
        items: the items as :func:`~hypernet.ratings.core.readable.readable` takes them.

    Returns:
        lines, and a last one that counts the rules left out where there are any; see
        :func:`~hypernet.ratings.core.readable.readable`.
    """
    read = readable(forest, tree, described, user, items)
    numbers = numbered(read, tree, described)
    lines: list[str] = []
    # A true tree, say, was not grown from ratings.
    grown = read.support[read.root[tree]] > 0

    def write(node: int, depth: int, answer: str) -> None:
        ratings = f" [{counted(int(read.support[node]), 'rating')}]" if grown else ""
        if read.feature[node] == LEAF:
            lines.append(f"{'  ' * depth}{answer}{leaf_text(read, float(read.value[node]), described)}{ratings}")
            return
        asked = question(read, node, described, precise, numbers)
        lines.append(f"{'  ' * depth}{answer}{asked.text}{ratings}")
        write(asked.no, depth + 1, "no: ")
        write(asked.yes, depth + 1, "yes: ")

    write(int(read.root[tree]), 0, "")
    if read.has_base:
        lines.append("(what stands at the ends is added to what others give an item and to how strict you are)")
    if _alike(read, tree, decimals(described.low, described.high)):
        lines.append(
            "(answers shown alike differ by less than is shown, which turns the last digit of some predictions)"
        )
    if count := left_out(forest, read, tree):
        lines.append(f"({counted(count, 'rule')} left out: no item is shown another prediction for the answer)")
    return "\n".join(lines)


def _alike(read: Forest, tree: int, digits: int) -> bool:
    """Whether some question has two answers that are shown alike; with a base there are such, see :func:`readable`."""
    pairs = (
        {shown(float(read.value[side[node]]), digits) for side in (read.left, read.right)}
        for node in read.nodes(tree)
        if read.feature[node] != LEAF and read.feature[read.left[node]] == read.feature[read.right[node]] == LEAF
    )
    return any(len(pair) == 1 for pair in pairs)


def leaf_text(forest: Forest, value: float, described: Described) -> str:
    """What stands at a leaf of this value: the prediction, or what is added to the base."""
    digits = decimals(described.low, described.high)
    return signed(value, digits) if forest.has_base else shown(value, digits)
