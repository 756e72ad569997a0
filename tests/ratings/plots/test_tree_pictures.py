"""Drawn trees: nothing overlaps, everything can be read, and DOT says the same."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from hypernet.lab.results import figures
from hypernet.ratings.core.explain import tree_text
from hypernet.ratings.core.readable import readable
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.plots.tree_layout import colour, ink, mean_below, places
from hypernet.ratings.plots.tree_pictures import draw_tree, to_dot

FEATURES = (
    Feature("mean_rating", "number", "item", "high ratings", "low ratings", "average rating", 2),
    Feature("documentary", "binary", "item", "documentary", "not documentary", "documentary"),
    Feature("cost", "number", "item", "cost in $ above {t}", "cost in $ below {t}", "cost in $", 1),
    Feature("age", "number", "user", "older than {t}", "younger than {t}", "age"),
)
MEAN, DEVIATION = np.array([3.4, 0.2, 12.0, 33.0]), np.array([0.6, 0.4, 5.0, 11.0])
SPREAD = np.random.default_rng(5).normal(0, 1.5, (4000, 4)).astype(np.float32)
# Documentary or not, and the age of one user.
SPREAD[:, 1] = ((np.arange(4000) % 5 == 0) - MEAN[1]) / DEVIATION[1]
SPREAD[:, 3] = 0.0
DESCRIBED = SimpleNamespace(
    title="Films",
    unit="stars",
    features=FEATURES,
    mean=MEAN,
    deviation=DEVIATION,
    low=1.0,
    high=5.0,
    item_x=SPREAD,
)


def forest(seed, depth, early=0.0):
    """A tree of at most this depth; a share ``early`` of the nodes are leaves before."""
    generator = np.random.default_rng(seed)
    nodes = 2 ** (depth + 1) - 1
    number = np.arange(nodes)
    leaf = (number >= 2**depth - 1) | ((generator.random(nodes) < early) & (number > 0))
    # On one path each asks about another side of the catalogue, so that all of it can be read.
    level = np.log2(number + 1).astype(int)
    feature = np.where(level == depth // 2, 1, 2 * (level % 2))
    natural = np.where(feature == 1, 0.5, MEAN[feature])
    spread = np.where(feature == 1, 0.0, (number + 1 - 2**level - (2**level - 1) / 2) / 2 ** (level + 1))
    return Forest(
        np.array([0]),
        np.where(leaf, LEAF, feature).astype(np.int32),
        (natural - MEAN[feature]) / DEVIATION[feature] + spread,
        generator.choice([-1, 1], nodes).astype(np.int8),
        np.where(leaf, number, 2 * number + 1),
        np.where(leaf, number, 2 * number + 2),
        np.where(leaf, generator.uniform(1, 5, nodes), np.nan),
        generator.integers(0, 90, nodes).astype(np.int32),
    )


@pytest.fixture(autouse=True)
def _style():
    with mpl.rc_context():
        figures.use_style()
        yield
        plt.close("all")


def drawn(tree, size=(11, 4.6), **options):
    figure, axes = plt.subplots(figsize=size)
    draw_tree(axes, tree, 0, DESCRIBED, **options)
    axes.set_title("A tree")
    figure.canvas.draw()
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return figure, axes, boxes


def apart(first, second):
    return first.x1 <= second.x0 or second.x1 <= first.x0 or first.y1 <= second.y0 or second.y1 <= first.y0


@pytest.mark.parametrize(
    ("seed", "depth", "early", "size", "precise"),
    [
        (0, 1, 0.0, (4, 3), False),
        (1, 3, 0.0, (5, 4.2), True),
        (2, 4, 0.0, (11, 4.6), False),
        (3, 5, 0.0, (11, 4.6), True),
        (4, 5, 0.3, (11, 4.6), False),
        (5, 5, 0.0, (5.4, 4.4), False),
    ],
)
def test_nothing_overlaps_and_texts_stay_in_their_boxes(seed, depth, early, size, precise):
    figure, axes, boxes = drawn(forest(seed, depth, early), size, precise=precise)
    extents = [box.get_window_extent() for box in boxes]
    for first, second in itertools.combinations(extents, 2):
        assert apart(first, second)
    answers, inside = [], []
    for text in axes.texts:
        (answers if text.get_text() in ("no", "yes") else inside).append(text.get_window_extent())
    for extent in inside:
        middle = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
        box = next(tree for tree in extents if tree.contains(*middle))
        assert box.x0 - 1 <= extent.x0
        assert extent.x1 <= box.x1 + 1
        assert box.y0 - 1 <= extent.y0
        assert extent.y1 <= box.y1 + 1
    for first, second in itertools.combinations(answers, 2):
        assert apart(first, second)
    # All of it within the picture.
    whole = figure.bbox
    assert all(whole.x0 <= tree.x0 and tree.x1 <= whole.x1 and whole.y0 <= tree.y0 for tree in extents)


def test_what_is_drawn_is_the_tree():
    tree = forest(7, 2)
    _, axes, boxes = drawn(tree)
    texts = [text.get_text() for text in axes.texts]
    assert len(boxes) == 7
    for node in tree.nodes(0):
        assert f"n = {tree.support[node]}" in texts
        if tree.feature[node] == LEAF:
            assert f"{tree.value[node]:.1f}" in texts
    assert texts.count("no") == texts.count("yes") == 3


def test_a_tree_that_was_not_grown_from_ratings_has_no_counts():
    tree = replace(forest(7, 2), support=np.zeros(7, np.int32))
    _, axes, _ = drawn(tree)
    assert not any("n =" in text.get_text() for text in axes.texts)
    assert "n =" not in to_dot(tree, 0, DESCRIBED)
    assert "rating" not in tree_text(tree, 0, DESCRIBED).lower().replace("high ratings", "")


def test_a_dollar_sign_is_no_mathematics():
    tree = Forest(
        *(np.array([0]), np.array([2, -1, -1], np.int32), np.zeros(3), np.array([1, 0, 0], np.int8)),
        *(np.array([1, 1, 2]), np.array([2, 1, 2]), np.array([np.nan, 2.0, 4.0]), np.array([3, 1, 2], np.int32)),
    )
    _, axes, _ = drawn(tree)
    assert axes.texts[2].get_text() == r"Cost in \$ above 12.0?"


def test_a_rule_that_says_nothing_is_not_drawn():
    tree = Forest(
        *(np.array([0]), np.array([1, 0, -1, -1, -1], np.int32), np.array([3.0, 0, 0, 0, 0]), np.ones(5, np.int8)),
        *(np.array([1, 3, 2, 3, 4]), np.array([2, 4, 2, 3, 4])),
        *(np.array([np.nan, np.nan, 4.0, 2.0, 3.0]), np.array([3, 3, 0, 1, 2], np.int32)),
    )
    _, axes, boxes = drawn(tree)
    assert len(boxes) == 3
    assert "High ratings?" in {text.get_text() for text in axes.texts}
    dot = to_dot(tree, 0, DESCRIBED)
    assert "Documentary" not in dot
    assert '1 [label="High ratings?\\nn = 3", style="filled"' in dot
    assert '1 -> 3 [label="no"];' in dot
    # Rules about the user are decided by the user.
    by_age = replace(tree, feature=np.array([3, 0, -1, -1, -1], np.int32), threshold=np.zeros(5))
    old = np.array([0, 0, 0, 1.0])
    assert to_dot(by_age, 0, DESCRIBED, user=old).count("label=") == 1
    assert to_dot(by_age, 0, DESCRIBED, user=-old) == dot


def test_leaves_on_a_base_have_signs():
    base = {"overall": np.array([3.5]), "level": np.array([0.0]), "tilt": np.array([0.0])}
    tree = forest(7, 1)
    tree = Forest(**(tree.arrays() | base | {"value": np.array([np.nan, -0.31, 0.3])}))
    _, axes, _ = drawn(tree)
    assert {"-0.3", "+0.3"} <= {text.get_text() for text in axes.texts}


def test_a_deep_tree_is_cut_and_says_so():
    tree = readable(forest(8, 6), 0, DESCRIBED)
    _, axes, boxes = drawn(tree, deepest=2)
    assert len(boxes) == 7
    cut = [place for place in places(tree, 0, 2) if place.cut]
    assert len(cut) == 4
    texts = [text.get_text() for text in axes.texts]
    for place in cut:
        below = [node for node in tree.nodes(0) if tree.feature[node] == LEAF and is_below(node, place.node)]
        mean = np.average(tree.value[below], weights=tree.support[below])
        assert mean_below(tree, place.node) == pytest.approx(mean)
        assert f"{mean:.1f}…" in texts


def is_below(node, above):
    # Numbered as in a heap.
    while node > above:
        node = (node - 1) // 2
    return node == above


def test_the_same_tree_gives_the_same_picture(tmp_path):
    for name in ("one", "two"):
        figure, axes = plt.subplots(figsize=(6, 4))
        draw_tree(axes, forest(9, 3), 0, DESCRIBED)
        figures.save(figure, tmp_path, name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize("share", np.linspace(0, 1, 21))
def test_colours_are_those_of_cividis_with_readable_text(share):
    ground = colour(-10 + 20 * share, -10, 10)
    assert np.abs(np.array(to_rgb(ground)) - mpl.colormaps["cividis"](share)[:3]).max() < 0.03
    bright, dark = sorted((luminance(ground), luminance(ink(ground))), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) > 4.5


def luminance(name):
    parts = np.array(to_rgb(name))
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def test_ratings_beyond_the_scale_have_the_colour_of_its_end():
    assert colour(0.2, 1, 5) == colour(1, 1, 5)
    assert colour(9, 1, 5) == colour(5, 1, 5)


def test_dot_has_every_node_and_edge():
    tree = readable(forest(10, 6, early=0.2), 0, DESCRIBED)
    dot = to_dot(tree, 0, DESCRIBED, precise=True)
    nodes = set(map(int, re.findall(r"^  (\d+) \[", dot, flags=re.MULTILINE)))
    assert nodes == set(tree.nodes(0))
    edges = re.findall(r"^  (\d+) -> (\d+) \[label=\"(no|yes)\"", dot, flags=re.MULTILINE)
    for above, below, answer in edges:
        above, below = int(above), int(below)
        right = below == tree.right[above]
        assert right or below == tree.left[above]
        assert (answer == "yes") == (right == (tree.sign[above] > 0))
    assert len(edges) == len(nodes) - 1
    assert dot.startswith("digraph tree {")
    assert dot.rstrip().endswith("}")
