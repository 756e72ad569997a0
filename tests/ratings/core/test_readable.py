"""Trees as they can be read: on all trees of many random networks and forests, against the catalogue itself."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import question, reasons, tree_text
from hypernet.ratings.core.readable import below, left_out, numbered, readable, told_apart
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import Bound, Cut, shown, words

FEATURES = (
    Feature("mean_rating", "number", "item", "high ratings", "low ratings", "average rating", 2),
    Feature("rating_count", "number", "item", "popular", "rarely rated", "number of ratings"),
    Feature("action", "binary", "item", "action", "not action", "action"),
    Feature("year", "number", "item", "after {t}", "before {t}", "release year"),
    Feature("drama", "binary", "item", "drama", "not drama", "drama"),
    Feature("age", "number", "user", "older than {t}", "younger than {t}", "age"),
)
NAMES = {"average rating": 0, "number of ratings": 1, "release year": 3, "after": 3, "before": 3, "it were from": 3}
MEAN, DEVIATION = np.array([3.1, 60.0, 0.25, 1985.2, 0.4, 33.0]), np.array([0.78, 81.3, 0.43, 14.3, 0.49, 11.0])


def catalogue(seed, count=90):
    """Items as in MovieLens: averages of few or many whole ratings, so that some lie very close together."""
    generator = np.random.default_rng(seed)
    ratings = generator.integers(1, 300, count)
    natural = np.column_stack(
        [
            np.array([generator.integers(1, 6, number).mean() for number in ratings]),
            ratings,
            generator.random(count) < 0.3,
            generator.integers(1930, 1999, count),
            generator.random(count) < 0.4,
            np.full(count, 33.0),
        ]
    )
    x = ((natural - MEAN) / DEVIATION).astype(np.float32)
    films = SimpleNamespace(
        title="Films", unit="stars", features=FEATURES, mean=MEAN, deviation=DEVIATION, low=1.0, high=5.0, item_x=x
    )
    return natural, films


def grown(seed, depth=4):
    """A complete tree whose rules repeat one another, as those of a network do."""
    generator = np.random.default_rng(seed)
    nodes = 2 ** (depth + 1) - 1
    number = np.arange(nodes)
    leaf = number >= 2**depth - 1
    feature = generator.choice(len(FEATURES), nodes, p=[0.35, 0.15, 0.15, 0.15, 0.15, 0.05])
    binary = np.isin(feature, (2, 4))
    threshold = np.where(binary, (generator.choice([0.5, 0.2, 1.3], nodes) - MEAN[feature]) / DEVIATION[feature], 0.0)
    threshold += np.where(binary, 0.0, generator.normal(0, 0.6, nodes).round(1))
    return Forest(
        np.array([0]),
        np.where(leaf, LEAF, feature).astype(np.int32),
        threshold,
        generator.choice([-1, 1, 1, 0], nodes, p=[0.4, 0.3, 0.25, 0.05]).astype(np.int8),
        np.where(leaf, number, 2 * number + 1),
        np.where(leaf, number, 2 * number + 2),
        np.where(leaf, generator.choice([2.71, 3.14, 3.41, 3.38, 4.7], nodes), np.nan),
        np.zeros(nodes, np.int32),
    )


NUMBER = r"(-?[\d.]+)"
PATTERNS = (
    (rf"{NUMBER} < (?P<name>[a-z ]+) ≤ {NUMBER}", lambda value, low, high: low < value <= high),
    (
        rf"(?P<name>[a-z ]+?)(?: were)? between {NUMBER} and {NUMBER}",
        lambda value, low, high: (low <= value) & (value <= high),
    ),
    (rf"(?P<name>[a-z ]+) > {NUMBER}", lambda value, end: value > end),
    (rf"(?P<name>[a-z ]+) ≤ {NUMBER}", lambda value, end: value <= end),
    (rf"(?P<name>it were from) {NUMBER} to {NUMBER}", lambda value, low, high: low <= value <= high),
    (rf"(?P<name>it were from) before {NUMBER}", lambda value, end: value < end),
    (rf"(?P<name>it were from) {NUMBER} or later", lambda value, end: value >= end),
    (rf"(?P<name>it were from) {NUMBER}", lambda value, at: value == at),
    (rf"(?P<name>after|[a-z ]+ were above) {NUMBER}", lambda value, end: value > end),
    (rf"(?P<name>before|[a-z ]+ were below) {NUMBER}", lambda value, end: value < end),
    (rf"(?P<name>[a-z ]+?)(?: were)? {NUMBER}", lambda value, at: value == at),
)


def holds(clause, item):
    """Whether a clause is true of an item, given in natural units, read as a person reads it."""
    for pattern, test in PATTERNS:
        if match := re.fullmatch(pattern, clause.removeprefix("its ")):
            name = match["name"]
            numbers = [float(group) for group in match.groups() if group != name]
            return bool(test(item[NAMES[name.removesuffix(" were above").removesuffix(" were below")]], *numbers))
    place = {"action": 2, "drama": 4}[clause.removeprefix("it were ").removeprefix("not ")]
    return bool(item[place]) != clause.removeprefix("it were ").startswith("not ")


def clauses_of(text):
    return [] if text == "Any item" else (text[0].lower() + text[1:]).split(", ")


@pytest.mark.parametrize("seed", range(60))
def test_every_printed_tree_can_be_followed(seed):
    natural, films = catalogue(seed)
    forest = grown(seed)
    read = readable(forest, 0, films)
    alone = np.zeros(len(natural), np.int64)
    reached = read.leaves(alone, films.item_x)
    # Items are shown the same predictions.
    before, after = forest.predict(alone, films.item_x), read.predict(alone, films.item_x)
    assert [shown(value, 1) for value in after] == [shown(value, 1) for value in before]
    leaves = [node for node in read.nodes(0) if read.feature[node] == LEAF]
    # Every leaf is that of some item, and no rule has two leaves that are shown alike.
    assert set(leaves) == set(reached.tolist())
    numbers = numbered(read, 0, films)
    for node in set(read.nodes(0)) - set(leaves):
        sides = read.left[node], read.right[node]
        if all(read.feature[side] == LEAF for side in sides):
            assert shown(read.value[sides[0]], 1) != shown(read.value[sides[1]], 1)
        # The question, answered by a person, leads where the tree goes.
        asked = question(read, node, films, numbers=numbers)
        here = [row for row in range(len(natural)) if comes(read, node, films.item_x[row])]
        for row in here:
            text = asked.text[0].lower() + asked.text[1:-1]
            if text in ("high ratings", "popular"):
                continue
            assert comes(read, asked.yes, films.item_x[row]) == holds(text, natural[row]), (text, natural[row])
    check_lines(tree_text(forest, 0, films))


def comes(forest, node, x):
    here = int(forest.root[0])
    while here != node and forest.feature[here] != LEAF:
        ahead = forest.sign[here] * (x[forest.feature[here]] - forest.threshold[here]) > 0
        here = int(forest.right[here] if ahead else forest.left[here])
    return here == node


def check_lines(text):
    """No question is repeated below its own answer, and a question without a number is asked of an attribute once."""
    above = []
    bare = {"Average rating": 0, "Number of ratings": 0}
    for line in text.splitlines():
        if not line.rstrip().endswith("?"):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        asked = re.sub("^ *(no: |yes: )?", "", line)
        above = [*above[:depth], asked]
        assert above.count(asked) == 1, text
        for name, word in (("Average rating", "High ratings?"), ("Number of ratings", "Popular?")):
            bare[name] += asked == word
            assert not (bare[name] and name in text), text
    assert max(bare.values()) <= 1, text


@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_reasons_are_true_of_the_items_of_their_leaf_and_of_no_others(seed, precise):
    natural, films = catalogue(seed + 100)
    read = readable(grown(seed + 100), 0, films)
    reached = read.leaves(np.zeros(len(natural), np.int64), films.item_x)
    for leaf, reason in reasons(read, 0, films, precise).items():
        clauses = clauses_of(reason.text)
        words_only = [
            clause for clause in clauses if clause in ("high ratings", "low ratings", "popular", "rarely rated")
        ]
        assert not (precise and words_only)
        told = [clause for clause in clauses if clause not in words_only]
        true_of = np.array([all(holds(clause, item) for clause in told) for item in natural])
        wrong = (reached == leaf) & ~true_of if words_only else (reached == leaf) != true_of
        assert not wrong.any(), (reason.text, natural[wrong])


@pytest.mark.parametrize("seed", range(20))
def test_what_would_change_a_prediction_does(seed):
    natural, films = catalogue(seed + 200)
    read = readable(grown(seed + 200), 0, films)
    for row in range(12):
        for flip in counterfactuals(read, 0, films.item_x[row], films):
            told = flip.text.split(" if ")[1]
            changed = natural[row].copy()
            column = films.item_x[:, flip.feature]
            same = natural[:, flip.feature][column == np.float32(flip.changed)]
            changed[flip.feature] = same[0]
            assert holds(told, changed)
            # Whatever value of the catalogue it says has this effect.
            for value, x in zip(natural[:, flip.feature], column, strict=True):
                other = natural[row].copy()
                other[flip.feature] = value
                if holds(told, other):
                    moved = films.item_x[row].copy()
                    moved[flip.feature] = x
                    assert read.predict(np.zeros(1, np.int64), moved[None])[0] == flip.value


values = st.lists(st.floats(0, 6).map(np.float32), min_size=2, max_size=12, unique=True)


@given(values, st.floats(-0.5, 6.5), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_cut_lies_between_its_neighbours_however_close(values, end, above):
    x = np.zeros((len(values), 6), np.float32)
    x[:, 0] = values
    films = SimpleNamespace(features=FEATURES, mean=np.zeros(6), deviation=np.ones(6), item_x=x)
    cut = Cut.of(films, 0, end, above)
    natural = x[:, 0].astype(np.float64)
    upper = (natural > end) | (above & (natural == end))
    assert ((natural > float(cut.exact)) == upper).all()
    # Beside a value itself rounding in single precision counts.
    room = np.spacing(np.float32(6))
    assert (natural[upper] > float(cut.last) - room).all()
    assert (natural[~upper] <= float(cut.last) + room).all()
    assert (natural[upper] >= float(cut.first) - room).all()
    assert (natural[~upper] < float(cut.first) + room).all()


def test_the_fewest_digits_that_tell_apart():
    x = np.zeros((4, 6), np.float32)
    x[:, 0] = [3.5, 3.6249, 3.6251, 4.0]
    x[:, 3] = [1980, 1984, 1985, 1990]
    films = SimpleNamespace(features=FEATURES, mean=np.zeros(6), deviation=np.ones(6), item_x=x)
    assert Cut.of(films, 0, 3.6, False) == ("3.60", "3.61", "3.60")
    assert Cut.of(films, 0, 3.625, False) == ("3.625", "3.625", "3.625")
    # A threshold that rounds to the value beside it.
    assert Cut.of(films, 3, 1984.9999, False) == ("1984", "1985", "1984.9")
    assert Cut.of(films, 3, 1986.2, False) == ("1986", "1987", "1986")
    assert words(films, 3, Bound(low=1984.9999)) == "after 1984"
    assert words(films, 3, Bound(high=1984.9999), precise=True) == "release year ≤ 1984.9"
    # Nothing of the catalogue lies beyond.
    assert Cut.of(films, 3, 2001.7, False) == ("2001", "2002", "2002")


def test_a_change_is_more_than_rounding():
    assert told_apart(4.34, 4.4, 1)
    assert not told_apart(4.34, 4.36, 1)
    assert not told_apart(4.26, 4.34, 1)
    assert told_apart(0.434, 0.44, 2)
    assert not told_apart(43.4, 43.6, 0)


def test_what_is_left_out_is_counted_and_joined_leaves_have_their_mean():
    _, films = catalogue(0)
    films.item_x[:, 2] = ((np.arange(90) < 30) - MEAN[2]) / DEVIATION[2]
    forest = Forest(
        *(np.array([0]), np.array([2, 2, 4, -1, -1, -1, -1], np.int32), np.zeros(7), np.ones(7, np.int8)),
        *(np.array([1, 3, 5, 3, 4, 5, 6]), np.array([2, 4, 6, 3, 4, 5, 6])),
        *(np.array([np.nan, np.nan, np.nan, 2.0, 9.0, 3.36, 3.44]), np.array([5, 3, 2, 3, 0, 1, 1], np.int32)),
    )
    read = readable(forest, 0, films)
    assert left_out(forest, read, 0) == 2
    assert read.nodes(0) == [0, 3, 2]
    drama = films.item_x[:30, 4] > 0
    assert read.value[2] == pytest.approx(np.where(drama, 3.44, 3.36).mean())
    assert below(forest, 2) == [5, 6]
    assert tree_text(forest, 0, films).splitlines() == [
        "Action? [5 ratings]",
        "  no: 2.0 [3 ratings]",
        "  yes: 3.4 [2 ratings]",
        "(2 rules left out: no item is shown another prediction for the answer)",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_with_a_base_every_item_is_shown_the_same_prediction_as_before(seed):
    natural, films = catalogue(seed)
    generator = np.random.default_rng(seed)
    base = {"overall": np.array([3.2]), "level": generator.normal(0, 0.4, 1), "tilt": generator.normal(0, 0.4, 1)}
    forest = grown(seed)
    # Many leaves that are shown alike.
    forest = Forest(**(forest.arrays() | base | {"value": np.round(forest.value / 20, 1) + forest.value / 100}))
    x = np.column_stack([films.item_x, generator.normal(0, 0.5, len(natural))])
    read = readable(forest, 0, films, items=x)
    alone = np.zeros(len(x), np.int64)
    before, after = ([shown(value, 1) for value in trees.predict(alone, x)] for trees in (forest, read))
    assert before == after
    # Where two answers to a question are shown alike, that is said.
    sides = [
        {shown(read.value[side[node]], 1) for side in (read.left, read.right)}
        for node in read.nodes(0)
        if read.feature[node] != LEAF and read.feature[read.left[node]] == read.feature[read.right[node]] == LEAF
    ]
    alike = any(len(pair) == 1 for pair in sides)
    assert ("(answers shown alike differ by less than is shown" in tree_text(forest, 0, films, items=x)) == alike
