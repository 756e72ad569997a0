"""A page of a user: the ratings given, the tree, and predictions with reasons; the reader may change the rules.

The page is one file without any reference to the network. Everything on it is written here and stands without
JavaScript; the page's script knows the same rules and words, and takes over when a rule is changed.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hypernet.lab.files import write_text
from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import question, reasons
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import Bound, Described, sentence, shown, words
from hypernet.ratings.plots.tree_layout import CIVIDIS, Place, colour, ink, places
from hypernet.ratings.tools.items import Items

# Leaves that a laptop's screen shows side by side; larger trees are drawn as a list only.
WIDEST = 16
# Sizes in pixels: of a leaf's place, a level, and of boxes in the wide drawing; of a row and a step in the narrow one.
LEAF_PITCH, LEVEL_PITCH, RULE_BOX, LEAF_BOX = 90, 112, (170, 68), (78, 44)
ROW_PITCH, INDENT, NARROW_WIDTH, ROW_HEIGHT = 46, 26, 372, 38
LINE_HEIGHT, BASELINE = 15, 11.5
# Widest letters on average, of questions and of what is small.
LETTER, SMALL_LETTER = 7.4, 5.6


def write_user_page(
    out: Path,
    forest: Forest,
    tree: int,
    described: Described,
    items: Items,
    item: np.ndarray,
    rating: np.ndarray,
    order: np.ndarray,
    top: int,
) -> None:
    """Write the page of a user whose tree routes hard.

    Args:
        out: the file, ``.html``.
        forest: trees.
        tree: number of the user's tree.
        described: title, unit and scale of the ratings, and names of the attributes.
        items: M items.
        item: numbers of those that the user rated, ``[n]``.
        rating: their ratings, ``[n]``.
        order: numbers of the items to predict, best first; all of them can be found on the page.
        top: how many of them are shown at first.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    nodes = _nodes(forest, tree, described, items.x[item])
    drawn = places(forest, tree, deepest=len(forest.feature))
    why = {leaf: leaf_reason.text for leaf, leaf_reason in reasons(forest, tree, described).items()}
    predicted = _entries(forest, tree, described, items, order[:top], why)
    history = _entries(forest, tree, described, items, item, why)
    for entry, given in zip(history, rating, strict=True):
        entry["given"] = _chip(float(given), described)
    fitted = forest.predict(np.full(len(item), tree), items.x[item])
    content = {
        "title": described.title,
        "unit": described.unit,
        "low": f"{described.low:g}",
        "high": f"{described.high:g}",
        "bar": ", ".join(f"rgb{rgb}" for rgb in CIVIDIS),
        "count": len(item),
        "error": shown(float(np.abs(fitted - rating).mean()), 2),
        "history": history,
        "predicted": predicted,
        "drawings": _drawings(drawn, nodes),
        "wide": sum(not place.is_rule for place in drawn) <= WIDEST,
        "model": _model(forest, tree, described, items, item, rating, order, top),
    }
    write_text(out, environment.get_template("user.html.j2").render(content))


def _chip(value: float, described: Described) -> dict[str, str]:
    """A rating on its colour."""
    ground = colour(value, described.low, described.high)
    return {"value": shown(value, 1), "colour": ground, "ink": ink(ground)}


def _entries(
    forest: Forest, tree: int, described: Described, items: Items, chosen: np.ndarray, why: dict[int, str]
) -> list[dict[str, Any]]:
    """What is written of the chosen items: title, prediction, reason and what would change it."""
    leaves = forest.leaves(np.full(len(chosen), tree), items.x[chosen])
    entries = []
    for number, leaf in zip(chosen, leaves, strict=True):
        chip = _chip(float(forest.value[leaf]), described)
        flips = counterfactuals(forest, tree, items.x[number], described, items.x)
        change = next((sentence(flip.text) for flip in flips if shown(flip.value, 1) != chip["value"]), "")
        entry = {"title": str(items.titles[number]), "chip": chip, "given": None}
        entries.append(entry | {"reason": why[int(leaf)], "change": change})
    return entries


def _nodes(forest: Forest, tree: int, described: Described, rated: np.ndarray) -> dict[int, dict[str, Any]]:
    """What stands at every node, by its number."""
    reachable = {leaf: leaf_reason.reachable for leaf, leaf_reason in reasons(forest, tree, described).items()}
    reached = forest.leaves(np.full(len(rated), tree), rated)
    nodes: dict[int, dict[str, Any]] = {}
    for node in reversed(forest.nodes(tree)):
        if forest.feature[node] == LEAF:
            chip = _chip(float(forest.value[node]), described)
            count = int((reached == node).sum())
            nodes[node] = {"count": count, "dead": not reachable[node], "constant": False, "chip": chip}
            continue
        asked = question(forest, node, described)
        below = nodes[asked.no], nodes[asked.yes]
        below[0]["answer"], below[1]["answer"] = "no", "yes"
        nodes[node] = {
            "count": below[0]["count"] + below[1]["count"],
            "dead": below[0]["dead"] and below[1]["dead"],
            "constant": asked.constant,
            "chip": None,
            "text": asked.text,
            "precise": _precise(forest, node, described),
        }
    return nodes


def _precise(forest: Forest, node: int, described: Described) -> str:
    """The question in numbers; nothing for a 0/1 attribute."""
    feature = int(forest.feature[node])
    if described.features[feature].kind == "binary" or forest.sign[node] == 0:
        return ""
    return words(described, feature, Bound.of_side(forest, node, forest.sign[node] >= 0), precise=True)


def _in_lines(text: str, letters: int) -> list[str]:
    """A question in two lines; the second takes what is left, and is empty where nothing is."""
    if len(text) <= letters or " " not in text:
        return [_clipped(text, letters), ""]
    cut = text.rfind(" ", 0, letters + 1)
    cut = text.find(" ") if cut < 0 else cut
    return [_clipped(text[:cut], letters), _clipped(text[cut + 1 :], letters)]


def _clipped(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _clipped_name(text: str, letters: int) -> str:
    """A rule in numbers: too long a name is cut, not the number at the end."""
    parts = text.split(" ")
    if len(text) <= letters or len(parts) < 3:
        return _clipped(text, letters)
    end = " ".join(parts[-2:])
    return f"{_clipped(' '.join(parts[:-2]), letters - len(end) - 1)} {end}"


def _wide_texts(facts: dict[str, Any], y: float) -> list[dict[str, Any]]:
    """The lines in a rule's box of the wide drawing, centred about y."""
    letters, small = int((RULE_BOX[0] - 8) / LETTER), int((RULE_BOX[0] - 8) / SMALL_LETTER)
    lines = [("q", text, letters) for text in _in_lines(facts["text"], letters)]
    lines += [
        ("precise small", _clipped_name(facts["precise"], small), small),
        ("n small", f"n = {facts['count']}", small),
    ]
    count = sum(bool(text) for _, text, _ in lines)
    placed, row = [], 0
    for style, text, most in lines:
        baseline = y - count * LINE_HEIGHT / 2 + BASELINE + row * LINE_HEIGHT
        placed.append({"style": style, "text": text, "letters": most, "y": baseline})
        row += bool(text)
    return placed


def _narrow_texts(facts: dict[str, Any], y: float, width: float) -> list[dict[str, Any]]:
    """The lines in a rule's row of the narrow drawing; the count stands at their right."""
    letters, small = int((width - 60) / LETTER), int((width - 60) / SMALL_LETTER)
    question_y = y + (16 if facts["precise"] else 24)
    return [
        {"style": "q", "text": _clipped(facts["text"], letters), "letters": letters, "y": question_y},
        {"style": "precise small", "text": _clipped_name(facts["precise"], small), "letters": small, "y": y + 31},
    ]


def _drawings(drawn: list[Place], nodes: dict[int, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tree drawn twice: ``wide`` from top to bottom, ``narrow`` as an indented list."""
    leaves = sum(not place.is_rule for place in drawn)
    wide = {
        place.node: ((place.x + 0.5) * LEAF_PITCH, place.level * LEVEL_PITCH + RULE_BOX[1] / 2 + 6) for place in drawn
    }
    narrow = {place.node: (8 + place.level * INDENT, 6 + row * ROW_PITCH) for row, place in enumerate(drawn)}
    above = {child: place.node for place in drawn if place.is_rule for child in place.children.values()}
    boxes: dict[str, list[dict[str, Any]]] = {"wide": [], "narrow": []}
    for place in drawn:
        facts = nodes[place.node] | {"node": place.node, "rule": place.is_rule, "edge": None}
        width, height = RULE_BOX if place.is_rule else LEAF_BOX
        x, y = wide[place.node]
        box = facts | {"x": x - width / 2, "y": y - height / 2, "width": width, "height": height}
        box["texts"] = _wide_texts(facts, y) if place.is_rule else []
        x, y = narrow[place.node]
        width = NARROW_WIDTH - x - 40 if place.is_rule else 74
        row = facts | {"x": x + 32, "y": y, "width": width, "height": ROW_HEIGHT}
        row["texts"] = _narrow_texts(facts, y, width) if place.is_rule else []
        if place.node in above:
            parent_x, parent_y = wide[above[place.node]]
            box["edge"] = f"M{parent_x:g} {parent_y + RULE_BOX[1] / 2:g}L{wide[place.node][0]:g} {box['y']:g}"
            parent_x, parent_y = narrow[above[place.node]]
            row["edge"] = f"M{parent_x + 36:g} {parent_y + ROW_HEIGHT:g}V{y + ROW_HEIGHT / 2:g}H{row['x']:g}"
        boxes["wide"].append(box)
        boxes["narrow"].append(row)
    levels = max(place.level for place in drawn)
    size = max(leaves, 2) * LEAF_PITCH, levels * LEVEL_PITCH + RULE_BOX[1] + 12
    return {
        "wide": {"width": size[0], "height": size[1], "boxes": boxes["wide"]},
        "narrow": {"width": NARROW_WIDTH, "height": len(drawn) * ROW_PITCH + 6, "boxes": boxes["narrow"]},
    }


def _model(
    forest: Forest,
    tree: int,
    described: Described,
    items: Items,
    item: np.ndarray,
    rating: np.ndarray,
    order: np.ndarray,
    top: int,
) -> dict[str, Any]:
    """What the page's script works with: the tree, its attributes, and of every item the attributes that the tree uses.

    Values are standardised and exact; an item has the number of its value among those that items have.
    """
    used = sorted(forest.features_used(tree))
    columns = [np.unique(items.x[:, feature], return_inverse=True) for feature in used]
    numbers = np.stack([inverse for _, inverse in columns], axis=1) if used else np.zeros((len(items), 0), int)
    features = [
        asdict(described.features[feature])
        | {"mean": float(described.mean[feature]), "deviation": float(described.deviation[feature])}
        | {"values": [float(value) for value in values]}
        for feature, (values, _) in zip(used, columns, strict=True)
    ]
    place = {feature: number for number, feature in enumerate(used)}
    nodes = {}
    for node in forest.nodes(tree):
        if forest.feature[node] == LEAF:
            nodes[node] = {"chip": _chip(float(forest.value[node]), described), "value": float(forest.value[node])}
        else:
            nodes[node] = {
                "feature": place[int(forest.feature[node])],
                "threshold": float(forest.threshold[node]),
                "sign": int(forest.sign[node]),
                "left": int(forest.left[node]),
                "right": int(forest.right[node]),
            }
    return {
        "root": int(forest.root[tree]),
        "nodes": nodes,
        "features": features,
        "top": top,
        "line": {"height": LINE_HEIGHT, "baseline": BASELINE},
        "items": [[str(items.titles[number]), numbers[number].tolist()] for number in order],
        "rated": [
            [str(items.titles[number]), numbers[number].tolist(), float(given), _chip(float(given), described)]
            for number, given in zip(item, rating, strict=True)
        ],
    }
