"""Reasons in words: the talk's example, what the words claim against what the tree does, and what would change it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import path, question, reason, reasons, signed, tree_text, with_base
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import Bound, condition, decimals, shown, standardised, words


def binary(name):
    return Feature(name, "binary", "item", name, f"not {name}", name)


FEATURES = (
    Feature("avg", "number", "item", "high ratings", "low ratings", "average rating", 2),
    binary("action"),
    binary("comedy"),
    Feature("year", "number", "item", "after {t}", "before {t}", "release year"),
    Feature("price", "number", "item", "price above {t}", "price below {t}", "price", 1),
    Feature("age", "number", "user", "older than {t}", "younger than {t}", "age"),
    binary("genre: noir"),
)
NAMES = [feature.name for feature in FEATURES]
MEAN = np.array([3.3, 0.25, 0.4, 1984.3, 12.0, 33.0, 0.1])
DEVIATION = np.array([0.6, 0.43, 0.49, 13.7, 4.2, 11.0, 0.3])
# Every year of two centuries, prices from 0 to 40, and average ratings with odd hundredths.
STEPS = np.arange(200)
ALL = np.column_stack(
    [1.01 + STEPS / 50, STEPS % 2, STEPS // 2 % 2, 1900 + STEPS, STEPS / 5, np.full(200, 33.0), STEPS % 3 == 0]
)
DESCRIBED = SimpleNamespace(
    title="Films",
    unit="stars",
    features=FEATURES,
    mean=MEAN,
    deviation=DEVIATION,
    low=1.0,
    high=5.0,
    item_x=((ALL - MEAN) / DEVIATION).astype(np.float32),
)


def described(x, **changes):
    """The same attributes with another catalogue."""
    return SimpleNamespace(**(vars(DESCRIBED) | {"item_x": x} | changes))


def forest_of(*trees):
    """Trees of nested tuples: (feature, natural threshold, sign, left, right), or (value, support) at a leaf."""
    nodes, roots = [], []

    def add(node):
        number = len(nodes)
        nodes.append(None)
        if len(node) == 2:
            nodes[number] = (LEAF, 0.0, 0, number, number, node[0], node[1])
            return number
        feature = NAMES.index(node[0])
        left, right = add(node[3]), add(node[4])
        threshold = (node[1] - MEAN[feature]) / DEVIATION[feature]
        nodes[number] = (feature, threshold, node[2], left, right, np.nan, nodes[left][6] + nodes[right][6])
        return number

    for tree in trees:
        roots.append(add(tree))
    columns = zip(*nodes, strict=True)
    types = (np.int32, np.float64, np.int8, np.int64, np.int64, np.float64, np.int32)
    arrays = (np.array(column, dtype=column_type) for column, column_type in zip(columns, types, strict=True))
    return Forest(np.array(roots), *arrays)


def rows(*items):
    """Standardised rows of items given as dictionaries; what is not said is the mean, 0 for 0/1."""
    x = np.tile(np.where([feature.kind == "binary" for feature in FEATURES], 0.0, MEAN), (len(items), 1))
    for row, item in zip(x, items, strict=True):
        for name, value in item.items():
            row[NAMES.index(name)] = value
    return ((x - MEAN) / DEVIATION).astype(np.float32)


def texts(forest, x, precise=False):
    leaves = forest.leaves(np.zeros(len(x), np.int64), x)
    return [reason(forest, 0, int(leaf), DESCRIBED, precise).text for leaf in leaves]


TALK_ROOT = ("avg", 3.62, 1, (2.7, 4), ("action", 0.5, 1, (3.2, 6), (4.7, 5)))
TALK = forest_of(TALK_ROOT)
FILMS = rows(
    {"avg": 4.0}, {"avg": 2.9, "action": 1}, {"avg": 4.3, "action": 1}, {"avg": 3.7, "comedy": 1}
)  # Avatar, Stolen, Batman, Vice


def test_the_four_films_of_the_talk():
    assert texts(TALK, FILMS) == [
        "High ratings, not action",
        "Low ratings",
        "High ratings, action",
        "High ratings, not action",
    ]
    assert TALK.predict(np.zeros(4, np.int64), FILMS).tolist() == [3.2, 2.7, 4.7, 3.2]


def test_precise_rules_have_numbers():
    assert texts(TALK, FILMS, precise=True)[:3] == [
        "Average rating > 3.62, not action",
        "Average rating ≤ 3.62",
        "Average rating > 3.62, action",
    ]


def test_the_mirrored_tree_says_the_same():
    mirrored = forest_of(("avg", 3.62, -1, ("action", 0.5, -1, (4.7, 5), (3.2, 6)), (2.7, 4)))
    assert texts(mirrored, FILMS) == texts(TALK, FILMS)
    assert texts(mirrored, FILMS, precise=True)[:2] == [
        "Average rating > 3.62, not action",
        "Average rating ≤ 3.62",
    ]


def test_rules_about_one_attribute_are_merged():
    inner = ("year", 1990.5, 1, (1.0, 1), (2.0, 1))
    forest = forest_of(
        ("year", 1975.5, 1, ("year", 1960.5, 1, (3.0, 1), (4.0, 1)), ("action", 0.5, 1, inner, (5.0, 1)))
    )
    years = [{"year": 1950}, {"year": 1970}, {"year": 1980}, {"year": 1995}, {"year": 1980, "action": 1}]
    assert texts(forest, rows(*years)) == [
        "Before 1961",
        "Release year between 1961 and 1975",
        "Release year between 1976 and 1990, not action",
        "After 1990, not action",
        "After 1975, action",
    ]
    assert texts(forest, rows(years[2]), precise=True) == ["1975.5 < release year ≤ 1990.5, not action"]


def test_a_single_value_between_two_thresholds_is_named():
    forest = forest_of(("year", 1983.5, 1, (1.0, 1), ("year", 1984.5, 1, (2.0, 1), (3.0, 1))))
    assert texts(forest, rows({"year": 1984})) == ["Release year 1984"]


def test_two_thresholds_within_one_displayed_step_do_not_cross():
    forest = forest_of(("avg", 3.6212, 1, (1.0, 1), ("avg", 3.6288, 1, (2.0, 1), (3.0, 1))))
    x = rows({"avg": 3.62}, {"avg": 3.625}, {"avg": 3.63})
    leaf = reached_by(forest, x[1])
    assert reason(forest, 0, leaf, described(x)).text == "3.621 < average rating ≤ 3.629"


def test_rules_that_say_nothing_are_dropped_and_counted():
    user, beyond = ("age", 30.0, 1, (1.0, 1), TALK_ROOT), ("comedy", 1.4, 1, None, (9.0, 0))
    forest = forest_of((*beyond[:3], user, beyond[4]))
    leaf = int(forest.leaves(np.zeros(1, np.int64), rows({"avg": 4.0, "age": 44}))[0])
    explained = reason(forest, 0, leaf, DESCRIBED)
    assert (explained.text, explained.dropped, explained.reachable) == ("High ratings, not action", 2, True)
    dead = reasons(forest, 0, DESCRIBED)[int(forest.right[forest.root[0]])]
    assert (dead.text, dead.reachable, dead.dropped) == ("No item", False, 1)


@pytest.mark.parametrize(
    ("threshold", "sign", "constant"),
    [(0.5, 1, False), (0.5, -1, False), (0.01, 1, False), (0.99, -1, False), (-0.2, 1, True), (1.0001, -1, True)],
)
def test_a_rule_about_an_attribute_asks_only_between_0_and_1(threshold, sign, constant):
    forest = forest_of(("action", threshold, sign, (1.0, 1), (2.0, 1)))
    x = rows({"action": 0}, {"action": 1})
    assert (len(set(forest.predict(np.zeros(2, np.int64), x))) == 1) == constant
    clauses = texts(forest, x)
    assert clauses == (["Any item"] * 2 if constant else ["Not action", "Action"])
    assert (len(tree_text(forest, 0, DESCRIBED).splitlines()) == 2) == constant


def test_a_rule_without_a_sign_sends_everything_left():
    forest = forest_of(("year", 1980.0, 0, (1.0, 1), (2.0, 1)))
    left, right = reasons(forest, 0, DESCRIBED).values()
    assert (left.text, left.dropped, right.text, right.reachable) == ("Any item", 1, "No item", False)
    assert question(forest, 0, DESCRIBED).text == "Release year?"


def test_a_tree_that_is_one_leaf():
    forest = forest_of((3.5, 7))
    assert reasons(forest, 0, DESCRIBED)[0].text == "Any item"
    assert tree_text(forest, 0, DESCRIBED) == "3.5 [7 ratings]"


def random_forest(seed, depth):
    generator = np.random.default_rng(seed)

    def grow(level):
        if level == depth or (level and generator.random() < 0.15):
            return (round(generator.uniform(1, 5), 3), int(generator.integers(9)))
        name = NAMES[generator.integers(len(NAMES))]
        place = NAMES.index(name)
        kinds = [0.5, 0.5, 1.3] if FEATURES[place].kind == "binary" else [MEAN[place]]
        threshold = generator.choice(kinds) + DEVIATION[place] * generator.normal(0, 0.5) * (len(kinds) == 1)
        return (name, threshold, int(generator.choice([-1, 1])), grow(level + 1), grow(level + 1))

    return forest_of(grow(0))


def random_items(seed, count):
    """Items whose attributes have as many digits as are shown; the user's age is that of one user."""
    generator = np.random.default_rng(seed)
    natural = np.column_stack(
        [
            np.round(generator.normal(3.3, 0.6, count), 2),
            generator.random((count, 2)) < 0.4,
            generator.integers(1950, 2010, count),
            np.round(generator.normal(12, 4, count), 1),
            np.full(count, 33.0),
            generator.random(count) < 0.4,
        ]
    )
    return natural, ((natural - MEAN) / DEVIATION).astype(np.float32)


NUMBER = r"(-?[\d.]+)"
PATTERNS = (
    (rf"{NUMBER} [<≤] (?P<name>[a-z ]+) [<≤] {NUMBER}", lambda value, low, high: low < value < high),
    (rf"(?P<name>[a-z ]+) between {NUMBER} and {NUMBER}", lambda value, low, high: low <= value <= high),
    (rf"(?P<name>after|[a-z]+ above) {NUMBER}", lambda value, end: value > end),
    (rf"(?P<name>before|[a-z]+ below) {NUMBER}", lambda value, end: value < end),
    (rf"(?P<name>[a-z ]+) {NUMBER}", lambda value, at: value == at),
)
MEANT = {"average rating": "avg", "release year": "year", "after": "year", "before": "year"}


def holds(clause, item):
    """Whether a clause is true of an item, read as a person reads it."""
    for pattern, test in PATTERNS:
        if match := re.fullmatch(pattern, clause):
            name = match["name"]
            numbers = [float(group) for group in match.groups() if group != name]
            return test(round(item[NAMES.index(MEANT.get(name, name.split()[0]))], 4), *numbers)
    wanted = not clause.startswith("not ")
    return bool(item[NAMES.index(clause.removeprefix("not "))]) == wanted


@pytest.mark.parametrize("seed", range(30))
def test_the_words_are_true_of_the_items_that_come_there_and_of_no_others(seed):
    # Ratings in words have no number, so these are said with one here.
    told = [*FEATURES]
    told[0] = Feature("avg", "number", "item", "avg above {t}", "avg below {t}", "average rating", 2)
    forest = random_forest(seed, 5)
    natural, x = random_items(seed, 60)
    films = described(x, features=tuple(told))
    reached = forest.leaves(np.zeros(len(x), np.int64), x)
    all_reasons = reasons(forest, 0, films)
    on_users_path = {leaf for leaf in all_reasons if agrees_with_user(forest, leaf, x[0])}
    for leaf in on_users_path:
        text = all_reasons[leaf].text
        if text == "No item":
            assert leaf not in reached
            continue
        clauses = [] if text == "Any item" else (text[0].lower() + text[1:]).split(", ")
        true_of = np.array([all(holds(clause, item) for clause in clauses) for item in natural])
        assert (true_of == (reached == leaf)).all(), text
    assert set(reached) <= on_users_path


def agrees_with_user(forest, leaf, x):
    for node, right in path(forest, 0, leaf):
        if FEATURES[forest.feature[node]].of == "user":
            ahead = forest.sign[node] * (x[forest.feature[node]] - forest.threshold[node]) > 0
            if ahead != right:
                return False
    return True


@given(st.floats(1900, 2100), st.integers(1900, 2100), st.sampled_from([-1, 1]))
@settings(max_examples=200, deadline=None)
def test_a_rounded_threshold_is_right_for_whole_numbers(threshold, value, sign):
    forest = forest_of(("year", threshold, sign, (1.0, 1), (2.0, 1)))
    years = rows(*({"year": year} for year in (1890, value, 2110)))
    leaf = reached_by(forest, years[1])
    word, year = reason(forest, 0, leaf, described(years)).text.split()
    assert value > float(year) if word == "After" else value < float(year)


def test_the_tree_as_text():
    assert tree_text(TALK, 0, DESCRIBED).splitlines() == [
        "High ratings? [15 ratings]",
        "  no: 2.7 [4 ratings]",
        "  yes: Action? [11 ratings]",
        "    no: 3.2 [6 ratings]",
        "    yes: 4.7 [5 ratings]",
    ]


def test_the_text_asks_only_what_can_be_answered_in_two_ways():
    redundant = ("action", 0.5, 1, (1.0, 0), TALK_ROOT)
    forest = forest_of(("action", 0.5, -1, ("age", 30.0, 1, (1.5, 1), redundant), (2.0, 2)))
    young, old = (np.zeros(len(FEATURES)) for _ in range(2))
    young[5], old[5] = (20 - 33) / 11, (50 - 33) / 11
    assert tree_text(forest, 0, DESCRIBED, user=young).splitlines()[:3] == [
        "Action? [18 ratings]",
        "  no: 2.0 [2 ratings]",
        "  yes: 1.5 [1 rating]",
    ]
    lines = tree_text(forest, 0, DESCRIBED, precise=True, user=old).splitlines()
    assert lines[2] == "  yes: Average rating > 3.62? [15 ratings]"
    assert lines[-2:] == [
        "    yes: 4.7 [5 ratings]",
        "(3 rules left out: no item is shown another prediction for the answer)",
    ]


def test_a_node_of_another_tree_is_refused():
    forest = forest_of((3.5, 7), (2.5, 1))
    with pytest.raises(ValueError, match="node 1 is not in tree 0"):
        path(forest, 0, 1)


def test_would_be_otherwise():
    catalogue = rows({"avg": 2.0, "action": 1}, {"avg": 3.5}, {"avg": 3.6}, {"avg": 4.5})
    texts_of = [[flip.text for flip in counterfactuals(TALK, 0, x, described(catalogue))] for x in FILMS]
    assert texts_of == [
        ["would be 4.7 if it were action", "would be 2.7 if its average rating were below 3.63"],
        ["would be 4.7 if its average rating were above 3.62"],
        ["would be 2.7 if its average rating were below 3.63", "would be 3.2 if it were not action"],
        ["would be 4.7 if it were action", "would be 2.7 if its average rating were below 3.63"],
    ]
    first = counterfactuals(TALK, 0, FILMS[0], described(catalogue), precise=True)[1]
    assert first.text == "would be 2.7 if average rating ≤ 3.62"
    assert first.change == pytest.approx(-0.5)
    # The nearest rating on the other side that some item has.
    assert first.changed == rows({"avg": 3.6})[0, 0]


def test_what_is_not_known_of_an_item_is_neither_said_nor_changed():
    catalogue = rows({"avg": 2.0, "action": 1}, {"avg": 3.5}, {"avg": 3.6}, {"avg": 4.5})
    leaf = int(TALK.leaves(np.zeros(1, int), FILMS[:1])[0])
    why = reason(TALK, 0, leaf, described(catalogue))
    assert why.text == why.told(DESCRIBED, []) == "High ratings, not action"
    assert why.told(DESCRIBED, [1]) == "High ratings, action not known"
    assert why.told(DESCRIBED, [0, 1]) == "Average rating not known, action not known"
    flips = counterfactuals(TALK, 0, FILMS[0], described(catalogue), unknown=[1])
    assert [flip.text for flip in flips] == ["would be 2.7 if its average rating were below 3.63"]
    assert counterfactuals(TALK, 0, FILMS[0], described(catalogue), unknown=[0, 1]) == []


def test_values_of_an_attribute_are_named_as_such():
    forest = forest_of(("genre: noir", 0.5, 1, (3.0, 1), (4.0, 1)))
    catalogue = rows({"genre: noir": 1}, {"genre: noir": 0})
    texts_of = [counterfactuals(forest, 0, x, described(catalogue))[0].text for x in catalogue]
    assert texts_of == ["would be 3.0 if its genre were not noir", "would be 4.0 if its genre were noir"]


def test_no_flip_to_what_no_item_has():
    no_action = rows({"avg": 4.5}, {"avg": 2.0})
    assert [flip.feature for flip in counterfactuals(TALK, 0, FILMS[0], described(no_action))] == [0]
    low_only = rows({"avg": 2.0, "action": 1}, {"avg": 2.0})
    assert counterfactuals(TALK, 0, FILMS[1], described(low_only)) == []


@pytest.mark.parametrize("seed", range(20))
def test_flips_are_what_changing_one_attribute_does(seed):
    forest = random_forest(seed + 100, 4)
    _, catalogue = random_items(seed, 40)
    for x in catalogue[:10]:
        here = forest.value[reached_by(forest, x)]
        flips = counterfactuals(forest, 0, x, described(catalogue))
        assert [abs(flip.change) for flip in flips] == sorted((abs(flip.change) for flip in flips), reverse=True)
        for flip in flips:
            assert FEATURES[flip.feature].of == "item"
            assert flip.changed in catalogue[:, flip.feature]
            other = x.copy()
            other[flip.feature] = flip.changed
            value = forest.value[reached_by(forest, other)]
            assert (flip.value, flip.change) == (value, value - here)
            assert f"would be {shown(value, 1)} if " in flip.text
        for node, right in path(forest, 0, reached_by(forest, x)):
            assert (node in {flip.node for flip in flips}) == can_flip(forest, node, right, x, catalogue)


def reached_by(forest, x):
    return int(forest.leaves(np.zeros(1, np.int64), x[None])[0])


def can_flip(forest, node, right, x, catalogue):
    """Whether the item, with some other item's value of the attribute, would take the other side of this rule."""
    feature = int(forest.feature[node])
    for value in catalogue[:, feature]:
        other = x.copy()
        other[feature] = value
        if (node, not right) in path(forest, 0, reached_by(forest, other)):
            return FEATURES[feature].of == "item"
    return False


def test_soft_predictions_name_the_value():
    catalogue = rows({"avg": 2.0, "action": 1}, {"avg": 3.5}, {"avg": 4.5})

    def predict(x):
        return 3.0 + x[:, 0]

    texts_of = [flip.text for flip in counterfactuals(TALK, 0, FILMS[0], described(catalogue), predict)]
    assert texts_of == ["would be 3.3 if its average rating were 3.50", "would be 4.2 if it were action"]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(2.25, 1, "2.3"), (-2.25, 1, "-2.3"), (-0.04, 1, "0.0"), (4.0, 1, "4.0"), (1984.5, 0, "1985"), (2.675, 2, "2.67")],
)
def test_numbers_are_rounded_as_people_and_browsers_do(value, digits, text):
    assert shown(value, digits) == text


@pytest.mark.parametrize(
    ("above", "low", "high", "text"),
    [
        ("after {t}", 1996.5, np.inf, "it were from 1997 or later"),
        ("after {t}", -np.inf, 1996.5, "it were from before 1997"),
        ("after {t}", 1975.5, 1990.5, "it were from 1976 to 1990"),
        ("after {t}", 1983.5, 1984.5, "it were from 1984"),
        ("year read after {t}", 1996.5, np.inf, "its year read were 1997 or later"),
        ("year read after {t}", -np.inf, 1996.5, "its year read were before 1997"),
        ("year read after {t}", 1975.5, 1990.5, "its year read were between 1976 and 1990"),
        ("year read after {t}", 1983.5, 1984.5, "its year read were 1984"),
    ],
)
def test_years_are_spoken_of_as_years(above, low, high, text):
    below = above.replace("after", "before")
    told = tuple(replace(FEATURES[3], above=above, below=below, precise="year read") for _ in FEATURES)
    low, high = ((end - MEAN[3]) / DEVIATION[3] for end in (low, high))
    bound = Bound(low=low, high=high)
    assert condition(described(DESCRIBED.item_x, features=told), 3, bound) == text


def test_one_of_several_genres_is_among_them():
    films = described(DESCRIBED.item_x, features=(*FEATURES[:6], binary("genres: noir")))
    half = standardised(films, 6, 0.5)
    assert condition(films, 6, Bound(low=half)) == "noir were among its genres"
    assert condition(films, 6, Bound(high=half)) == "noir were not among its genres"


def test_bounds_without_an_end():
    bound = Bound.of_side(TALK, 0, True)
    assert words(DESCRIBED, 0, bound) == "high ratings"
    assert condition(DESCRIBED, 0, bound, precise=True) == "average rating > 3.62"
    assert not bound.passes(bound.low)
    assert Bound.of_side(TALK, 0, False).passes(bound.low)


def test_the_two_parts_of_a_reason():
    scale = (1.0, 5.0)
    assert with_base("newer than 1990, not action", -0.31, (4.13, -0.22), scale) == (
        "Others give 4.1, you are 0.2 stricter; newer than 1990, not action: -0.3"
    )
    assert with_base("any item", 0.04, (2.0, 0.29), scale) == "Others give 2.0, you are 0.3 kinder; any item: 0.0"
    assert with_base("any item", 0.26, (2.0, 0.04), scale) == "Others give 2.0, and so do you; any item: +0.3"
    assert with_base("any item", 0.2, (3.2, 0.1), scale, unrated=True) == (
        "Nobody has rated it, items get 3.2 on average, you are 0.1 kinder; any item: +0.2"
    )
    assert with_base("any item", 0.2, (3.2, 0.0), scale, unrated=True) == (
        "Nobody has rated it, items get 3.2 on average; any item: +0.2"
    )
    assert with_base("any item", 0.0, (3.9, 1.5), scale) == (
        "Others give 3.9, you are 1.5 kinder; any item: 0.0 (the scale ends at 5)"
    )
    assert with_base("any item", -1.0, (1.2, 0.0), scale).endswith(": -1.0 (the scale ends at 1)")
    assert [signed(value, 1) for value in (0.25, -0.04, -1)] == ["+0.3", "0.0", "-1.0"]


SCALES = {(1, 5): 1, (0.5, 5): 1, (1, 10): 1, (-10, 10): 1, (0, 1): 2, (-1, 1): 2, (0, 100): 0, (1, 100): 0}


@pytest.mark.parametrize(("scale", "digits"), SCALES.items())
def test_a_rating_has_the_digits_of_its_scale(scale, digits):
    assert decimals(*scale) == digits


@given(st.sampled_from(list(SCALES)), *(st.floats(*ends) for ends in ((-0.5, 0.5), (0, 1), (-0.4, 0.4))))
def test_the_parts_of_a_reason_add_up_to_the_prediction_as_it_is_shown(scale, leaf, others, person):
    (low, high), digits = scale, SCALES[scale]
    leaf, others, person = leaf * (high - low), low + others * (high - low), person * (high - low)
    text = with_base("any item", leaf, (others, person), scale)
    told = re.fullmatch(
        r"Others give (-?[\d.]+), (?:you are ([\d.]+) (kinder|stricter)|and so do you); "
        r"any item: ([-+]?[\d.]+)( \(.*\))?",
        text,
    )
    level, way, added = Decimal(told[2] or 0), {"stricter": -1}.get(told[3], 1), Decimal(told[4])
    total = Decimal(told[1]) + way * level + added
    assert total == Decimal(shown(others + person + leaf, digits))
    assert bool(told[5]) == (not low <= total <= high)
    # Nobody is told more than rounding allows.
    assert abs(float(way * level) - person) <= 1.5 / 10**digits + 1e-9
    assert [len(part.partition(".")[2]) for part in (told[1], told[4])] == [digits] * 2


def test_a_change_of_a_tree_with_a_base_is_that_of_the_whole_prediction():
    base = {"overall": np.array([3.5]), "level": np.array([-0.2]), "tilt": np.array([0.5])}
    forest = Forest(**(forest_of(("action", 0.5, 1, (-0.3, 1), (0.4, 1))).arrays() | base))
    x = np.column_stack([rows({"action": 0}, {"action": 1}), [0.4, -2.0]]).astype(np.float32)
    flips = [counterfactuals(forest, 0, row, described(x)) for row in x]
    # 3.5 + 0.4 - 0.2 + 0.5 * 0.4 = 3.9, and 3.5 - 2 - 0.2 - 1 = 0.3; no prediction is below the scale.
    assert [flip[0].text for flip in flips] == ["would be 4.3 if it were action", "would be 1.0 if it were not action"]
    assert flips[0][0].change == pytest.approx(0.7)
    lines = tree_text(forest, 0, described(x)).splitlines()
    assert lines[1:3] == ["  no: -0.3 [1 rating]", "  yes: +0.4 [1 rating]"]
