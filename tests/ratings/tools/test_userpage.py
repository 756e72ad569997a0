"""The page of a user: whole without a network or JavaScript, the same words in JavaScript, and alive in a browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import question, reason, reasons, with_base
from hypernet.ratings.core.readable import numbered, readable
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import Bound, words
from hypernet.ratings.tools import userpage
from hypernet.ratings.tools.items import Items
from hypernet.ratings.tools.userpage import write_user_page

FEATURES = (
    Feature("avg", "number", "item", "high ratings", "low ratings", "average rating", 2),
    Feature("action", "binary", "item", "action", "not action", "action"),
    Feature("noir", "binary", "item", "genre: noir", "not genre: noir", "genre: noir"),
    Feature("year", "number", "item", "after {t}", "before {t}", "release year"),
    Feature("age", "number", "user", "older than {t}", "younger than {t}", "age"),
    Feature("runtime", "number", "item", "runtime above {t}", "runtime below {t}", "runtime"),
    Feature("read", "number", "item", "year read after {t}", "year read before {t}", "year read"),
)
MEAN = np.array([3.3, 0.25, 0.1, 1984.3, 33.0, 100.0, 2015.0])
DEVIATION = np.array([0.6, 0.43, 0.3, 13.7, 11.0, 20.0, 6.0])
LOGIC = Path(userpage.__file__).with_name("user.js.j2")


def shop(count=40, seed=0):
    generator = np.random.default_rng(seed)
    natural = np.column_stack(
        [
            np.round(generator.normal(3.3, 0.6, count), 2),
            generator.random((count, 2)) < 0.4,
            generator.integers(1950, 2010, count),
            np.full(count, 33.0),
            generator.integers(60, 180, count),
            generator.integers(2000, 2026, count),
        ]
    )
    titles = np.array([f'Film {number} "&" </script>' for number in range(count)])
    x = ((natural - MEAN) / DEVIATION).astype(np.float32)
    unknown = np.zeros(x.shape, dtype=bool)
    unknown[::5, 1:4] = generator.random((len(unknown[::5]), 3)) < 0.5
    return Items(np.array([f"film{number}" for number in range(count)]), titles, x, unknown=unknown)


DESCRIBED = SimpleNamespace(
    title="Films & <more>",
    unit="stars",
    features=FEATURES,
    mean=MEAN,
    deviation=DEVIATION,
    low=1.0,
    high=5.0,
    item_x=shop().x,
)


def told(forest, leaf, items, number):
    return reason(forest, 0, leaf, DESCRIBED).told(DESCRIBED, items.not_known(number))


def full_forest(seed, depth):
    generator = np.random.default_rng(seed)
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    number = np.arange(nodes)
    leaf = number >= inner
    feature = generator.integers(0, len(FEATURES), nodes)
    binary = np.array([feature.kind == "binary" for feature in FEATURES])[feature]
    natural = np.where(binary, generator.choice([0.5, 0.5, 1.2, -0.2], nodes), MEAN[feature] + DEVIATION[feature] * 0.7)
    natural += np.where(binary, 0.0, DEVIATION[feature] * generator.normal(0, 0.5, nodes))
    return Forest(
        np.array([0]),
        np.where(leaf, LEAF, feature).astype(np.int32),
        (natural - MEAN[feature]) / DEVIATION[feature],
        generator.choice([-1, 1, 1, 0] if seed % 3 == 0 else [-1, 1], nodes).astype(np.int8),
        np.where(leaf, number, 2 * number + 1),
        np.where(leaf, number, 2 * number + 2),
        np.where(leaf, np.round(generator.uniform(1, 5, nodes), 3), np.nan),
        np.zeros(nodes, np.int32),
    )


def wide_forest(depth):
    """A complete tree that divides the shop by average rating alone, each leaf its own films."""
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    number, level = np.arange(nodes), np.log2(np.arange(nodes) + 1).astype(int)
    leaf = number >= inner
    ordered = np.sort(shop().x[:, 0].astype(float))
    share = (number + 1 - 2**level + 0.5) / 2**level
    place = np.clip((share * len(ordered)).round().astype(int), 1, len(ordered) - 1)
    return Forest(
        np.array([0]),
        np.where(leaf, LEAF, 0).astype(np.int32),
        (ordered[place - 1] + ordered[place]) / 2,
        np.ones(nodes, np.int8),
        np.where(leaf, number, 2 * number + 1),
        np.where(leaf, number, 2 * number + 2),
        np.where(leaf, 1 + (number * 7 % 40) / 10, np.nan),
        np.zeros(nodes, np.int32),
    )


def standardised(feature, value):
    return (value - MEAN[feature]) / DEVIATION[feature]


# One film has 3.62, which in single precision is above the threshold: the number is one between it and the next below.
RULE = "average rating > 3.61"
# High ratings? no: 2.7; yes: action? no 3.2, yes 4.7.
TALK = Forest(
    np.array([0]),
    np.array([0, -1, 1, -1, -1], np.int32),
    np.array([standardised(0, 3.62), 0, standardised(1, 0.5), 0, 0]),
    np.array([1, 0, 1, 0, 0], np.int8),
    np.array([1, 1, 3, 3, 4]),
    np.array([2, 1, 4, 3, 4]),
    np.array([np.nan, 2.7, np.nan, 3.2, 4.7]),
    np.array([5, 2, 3, 1, 2], np.int32),
)
RATED, RATING = np.array([1, 3, 8]), np.array([5.0, 2.0, 3.5])


def on_scale(low, high):
    """The same attributes, with ratings from ``low`` to ``high``."""
    return SimpleNamespace(**(vars(DESCRIBED) | {"low": low, "high": high}))


def page(path, forest, top=10, described=DESCRIBED):
    items = shop()
    if forest.has_base:
        items = replace(items, x=np.column_stack([items.x, np.linspace(-1, 1, len(items))]).astype(np.float32))
    read = readable(forest, 0, described, items=items.x)
    order = np.argsort(-read.predict(np.zeros(len(items), np.int64), items.x), kind="stable")
    order = order[~np.isin(order, RATED)]
    write_user_page(path, forest, 0, described, items, RATED, RATING, order, top)
    return path.read_text(encoding="utf-8"), items, order


def classes(attributes):
    return set((dict(attributes).get("class") or "").split())


class Reader(HTMLParser):
    """Tags with their attributes, and the text of every list entry and of every SVG text, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.entries, self.drawn, self.model = [], [], [], ""
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in ("li", "text", "script", "style") or (tag == "span" and {"q", "precise", "n"} & classes(attributes)):
            self._open.append((tag, dict(attributes)))
        if tag == "li":
            self.entries.append("")

    def handle_endtag(self, tag):
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data):
        if not self._open:
            return
        tag, attributes = self._open[-1]
        if tag == "li":
            self.entries[-1] += f" {data.strip()}" if data.strip() else ""
        elif tag in ("text", "span"):
            self.drawn.append(data)
        elif attributes.get("id") == "model":
            self.model += data


def test_everything_stands_on_the_page_without_javascript(tmp_path):
    text, items, order = page(tmp_path / "user.html", TALK, top=6)
    read = Reader(text)
    assert len(read.entries) == 6 + 3
    for place, (entry, number) in enumerate(zip(read.entries[:6], order[:6], strict=True), start=1):
        leaf = int(TALK.leaves(np.zeros(1, np.int64), items.x[[number]])[0])
        expected = f"{place} {items.titles[number]} {TALK.value[leaf]} {told(TALK, leaf, items, number)}"
        assert entry.strip().startswith(expected)
    assert " you 5.0 tree " in read.entries[6]
    # Twice: from top to bottom, and as a list for narrow screens.
    for drawn in ("High ratings?", "Action?", RULE, "2.7", "3.2", "4.7", "n = 3", "no", "yes"):
        assert read.drawn.count(drawn) >= 2, drawn
    assert sum(tag == "svg" for tag, _ in read.tags) == 2


def test_the_page_needs_no_network_and_titles_stay_text(tmp_path):
    text, items, _ = page(tmp_path / "user.html", TALK)
    read = Reader(text)
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    for tag, attributes in read.tags:
        assert not {"src", "href", "srcset", "action", "data"} & set(attributes), tag
    policy = next(
        attributes["content"]
        for tag, attributes in read.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    # A title that ends the script would let the rest run.
    assert text.count("</script>") == 2
    assert json.loads(read.model)["items"][0][0].endswith('"&" </script>')
    assert html.escape(str(items.titles[1]), quote=False).split()[0] in text


def test_a_tree_too_wide_for_a_screen_is_drawn_as_a_list_only(tmp_path):
    text, _, _ = page(tmp_path / "user.html", wide_forest(5))
    assert next(attributes["class"] for tag, attributes in Reader(text).tags if tag == "div") == "narrow"
    assert text.count("<svg") == 1


def test_a_tree_that_is_one_leaf(tmp_path):
    leaf = Forest(*(np.array([value]) for value in (0, -1, 0.0, 0, 0, 0, 3.5, 3)))
    text, _, _ = page(tmp_path / "user.html", leaf, top=2)
    assert "1 Film 0" in Reader(text).entries[0].replace('"', "")
    assert "Any item" in Reader(text).entries[0]


def boxes(text, layout):
    """Rectangles of one drawing as (x, y, width, height), and the size of the drawing."""
    drawing = text[text.index(f'<div class="{layout}">') :]
    drawing = drawing[: drawing.index("</svg>")]
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    rectangles = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', drawing)
    return np.array(rectangles, dtype=float), [float(number) for number in size.groups()]


@pytest.mark.parametrize(("layout", "depth"), [("wide", 1), ("wide", 4), ("narrow", 3), ("narrow", 4)])
def test_boxes_lie_apart_and_inside(tmp_path, layout, depth):
    rectangles, (width, height) = boxes(page(tmp_path / "user.html", wide_forest(depth))[0], layout)
    assert len(rectangles) == 2 ** (depth + 1) - 1
    x, y, w, h = rectangles.T
    assert (x >= 0).all()
    assert (y >= 0).all()
    assert (x + w <= width).all()
    assert (y + h <= height).all()
    for box in range(len(x)):
        apart = (x[box] >= x + w) | (x >= x[box] + w[box]) | (y[box] >= y + h) | (y >= y[box] + h[box])
        assert apart[np.arange(len(x)) != box].all()


@pytest.fixture(scope="module")
def node():
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: the page's script is not compared with the program")
    return program


HARNESS = """
const models = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(models.map(model => {
  const tree = treeOf(model), alive = tree.alive();
  return {
    items: [...model.items, ...model.rated].map(([, indices, base, unknown]) => {
      const x = tree.valuesOf(indices), { leaf, steps } = tree.path(x);
      const flips = tree.flips(x, base, unknown).map(({ node, value, text }) => [node, value, text]);
      return { leaf, value: tree.rated(base, leaf), reason: tree.reason(steps, base, leaf, unknown), flips };
    }),
    rules: Object.keys(model.nodes).map(Number).filter(node => !tree.isLeaf(node))
      .map(node => [node, tree.question(node), tree.precise(node)]),
    alive: [...alive].sort((one, other) => one - other),
  };
})));
"""


def based(forest, seed):
    """The same rules on a base, their leaves what is added to it."""
    generator = np.random.default_rng(seed)
    base = {name: generator.normal(3.2 if name == "overall" else 0, 0.4, 1) for name in ("overall", "level", "tilt")}
    return Forest(**(forest.arrays() | base | {"value": (forest.value - 3) / 4}))


def stretched(forest, low, high):
    """A tree whose ratings go from 1 to 5, on another scale."""
    arrays, factor = forest.arrays(), (high - low) / 4
    if forest.has_base:
        arrays |= {"overall": low + (arrays["overall"] - 1) * factor, "level": arrays["level"] * factor}
        return Forest(**(arrays | {"value": arrays["value"] * factor}))
    return Forest(**(arrays | {"value": low + (arrays["value"] - 1) * factor}))


def test_the_script_says_what_the_program_says(tmp_path, node):
    forests = [TALK, *(full_forest(seed, 2 + seed % 4) for seed in range(24)), wide_forest(4)]
    forests += [based(forest, seed) for seed, forest in enumerate(forests)]
    scales = [((1.0, 5.0), (1.0, 5.0), (0.0, 1.0), (-10.0, 10.0), (0.0, 100.0))[number % 5] for number in range(52)]
    forests = [stretched(forest, *scale) for forest, scale in zip(forests, scales, strict=True)]
    models, orders = [], []
    for forest, scale in zip(forests, scales, strict=True):
        text, items, order = page(tmp_path / "user.html", forest, described=on_scale(*scale))
        models.append(json.loads(Reader(text).model))
        orders.append((items, np.concatenate([order, RATED])))
    logic = LOGIC.read_text(encoding="utf-8").split("// The page.")[0]
    (tmp_path / "harness.js").write_text(logic + HARNESS, encoding="utf-8")
    answer = subprocess.run(
        [node, str(tmp_path / "harness.js")], input=json.dumps(models), capture_output=True, text=True, check=True
    )
    for forest, scale, (items, order), answered in zip(forests, scales, orders, json.loads(answer.stdout), strict=True):
        described = on_scale(*scale)
        read = readable(forest, 0, described, items=items.x)
        whose = np.zeros(len(order), np.int64)
        leaves, values = read.leaves(whose, items.x[order]), np.clip(read.predict(whose, items.x[order]), *scale)
        why = reasons(read, 0, described)
        for number, leaf, value, item in zip(order, leaves, values, answered["items"], strict=True):
            unknown = items.not_known(number)
            flips = counterfactuals(read, 0, items.x[number], described, unknown=unknown)
            text = why[int(leaf)].told(described, unknown)
            if read.has_base:
                others, person = read.base(np.zeros(1, int), items.x[[number], -1])
                text = why[int(leaf)].phrase(described, unknown)
                text = with_base(text, read.value[leaf], (others[0], person[0]), scale, items.x[number, -1] == 0)
            assert (item["leaf"], item["value"], item["reason"]) == (leaf, value, text)
            assert item["flips"] == [[flip.node, flip.value, flip.text] for flip in flips]
        numbers = numbered(read, 0, described)
        for rule, asked, precise in answered["rules"]:
            expected = question(read, rule, described, numbers=numbers)
            assert (asked["text"], asked["yes"]) == (expected.text, expected.yes)
            wanted = question(read, rule, described, precise=True).text
            assert not precise or f"{precise[0].upper()}{precise[1:]}?" == wanted
        assert answered["alive"] == sorted(read.nodes(0))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Opens a page, runs a script on it and gives the page's document as it then is."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no chromium: the page is not tried in a browser")

    def visit(path, script):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
        flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
        flags += " --disable-component-update --disable-sync"
        profile = f"--user-data-dir={tmp_path_factory.mktemp('browser')}"
        command = [program, *flags.split(), profile, "--dump-dom", path.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout

    return visit


def as_written(entries):
    return [" ".join(entry.split()) for entry in entries]


@pytest.mark.parametrize("has_base", [False, True])
def test_the_browser_leaves_the_page_as_it_was_written(tmp_path, browser, has_base):
    text, _, _ = page(tmp_path / "user.html", based(full_forest(4, 3), 0) if has_base else full_forest(4, 3))
    before, after = Reader(text), Reader(browser(tmp_path / "user.html", ""))
    assert as_written(after.entries) == as_written(before.entries)
    assert after.drawn == before.drawn
    boxes_of = [
        [
            (attributes["data-node"], attributes["class"].replace(" chosen", ""))
            for tag, attributes in read.tags
            if "data-node" in attributes
        ]
        for read in (before, after)
    ]
    assert boxes_of[0] == boxes_of[1]


def test_moving_and_flipping_a_rule_moves_the_predictions(tmp_path, browser):
    _, items, order = page(tmp_path / "user.html", TALK, top=37)
    # The threshold of "high ratings" to the tenth of the places between two films, and action turned round.
    script = """
    document.querySelector('.narrow [data-node="0"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
    $("slider").value = 9;
    $("slider").dispatchEvent(new Event("input"));
    document.querySelector('.wide [data-node="2"]').dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    $("flip").click();
    """
    document = browser(tmp_path / "user.html", script)
    read = Reader(document)
    known = np.unique(items.x[:, 0].astype(float))
    edited = TALK.arrays()
    edited["threshold"] = np.array([(known[9] + known[10]) / 2, 0, standardised(1, 0.5), 0, 0])
    edited["sign"] = np.array([1, 0, -1, 0, 0], np.int8)
    edited = Forest(**edited)
    value, was = (forest.predict(np.zeros(len(items), np.int64), items.x) for forest in (edited, TALK))
    ranked = sorted(order, key=lambda number: (-value[number], list(order).index(number)))
    assert len(read.entries) == 37 + 3
    for place, (number, entry) in enumerate(zip(ranked, read.entries, strict=False), start=1):
        leaf = int(edited.leaves(np.zeros(1, np.int64), items.x[[number]])[0])
        moved = (
            "" if value[number] == was[number] else f" {'▲' if value[number] > was[number] else '▼'} was {was[number]}"
        )
        expected = f"{place} {items.titles[number]}{moved} {value[number]} {told(edited, leaf, items, number)}"
        assert entry.strip().startswith(expected)
    assert words(DESCRIBED, 0, Bound.of_side(edited, 0, True), precise=True) in read.drawn
    error = np.abs(value[RATED] - RATING).mean()
    assert f'<span id="error">{error:.2f}</span>' in document
    assert f"As grown: {np.abs(was[RATED] - RATING).mean():.2f}." in document
