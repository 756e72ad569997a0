"""A page of a user: the ratings given, the tree, and predictions with reasons; the reader may change the rules.

The page is one file without any reference to the network. Everything on it is written here and stands without
JavaScript. The page's script takes over when a rule is changed; the words, numbers, colours and boxes that it shows
then come from here too, see :func:`_model`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hypernet.lab.files import write_text
from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import Question, leaf_text, question, reasons, with_base
from hypernet.ratings.core.readable import least_change, numbered, readable, told_apart
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import (
    PHRASES,
    Bound,
    Cut,
    Described,
    condition,
    conditions,
    decimals,
    sentence,
    shown,
    standardised,
    words,
)
from hypernet.ratings.plots.tree_layout import CIVIDIS, Place, colour, ink, leaf_colour, places
from hypernet.ratings.tools.items import Items
from hypernet.ratings.tools.person import nobody_rated

# Leaves that a laptop's screen shows side by side; larger trees are drawn as a list only.
WIDEST = 16
# Sizes in pixels: of a leaf's place, a level, and of boxes in the wide drawing; of a row and a step in the narrow one.
LEAF_PITCH, LEVEL_PITCH, RULE_BOX, LEAF_BOX = 90, 112, (170, 68), (78, 44)
ROW_PITCH, INDENT, NARROW_WIDTH, ROW_HEIGHT = 46, 26, 372, 38
# Colours from one end of the scale to the other, less one.
SHADES = 100
# Places to which the slider moves a threshold, at most.
MOST_STOPS = 200


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
        described: title, unit and scale of the ratings, names of the attributes, and the catalogue of all ``items``.
        items: M items.
        item: numbers of those that the user rated, ``[n]``.
        rating: their ratings, ``[n]``.
        order: numbers of the items to predict, best first; all of them can be found on the page.
        top: how many of them are shown at first.
    """
    read = readable(forest, tree, described, items=items.x)
    # By what the page's tree predicts: leaves that were joined have their mean.
    order = order[np.argsort(-read.predict(np.full(len(order), tree), items.x[order]), kind="stable")]
    drawn = places(read, tree, deepest=len(read.feature))
    predicted = _entries(read, tree, described, items, order[:top])
    history = _entries(read, tree, described, items, item)
    for entry, given in zip(history, rating, strict=True):
        entry["given"] = _chip(float(given), described)
    fitted = _clipped(read.predict(np.full(len(item), tree), items.x[item]), described)
    content = {
        "title": described.title,
        "unit": described.unit,
        "low": f"{described.low:g}",
        "high": f"{described.high:g}",
        "bar": ", ".join(f"rgb{rgb}" for rgb in CIVIDIS),
        "count": len(item),
        "has_base": read.has_base,
        "error": shown(float(np.abs(fitted - rating).mean()), _digits(described) + 1),
        "history": history,
        "predicted": predicted,
        "drawings": _drawings(drawn, _nodes(read, tree, described, items.x[item])),
        "wide": sum(not place.is_rule for place in drawn) <= WIDEST,
        "model": _model(read, tree, described, items, item, rating, order, top),
    }
    write_text(out, _template().render(content))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("user.html.j2")


def _clipped(predicted: np.ndarray, described: Described) -> np.ndarray:
    """What is added to a base may lead beyond the scale."""
    clipped: np.ndarray = np.clip(predicted, described.low, described.high)
    return clipped


def _digits(described: Described) -> int:
    return decimals(described.low, described.high)


def _chip(value: float, described: Described) -> dict[str, str]:
    """A rating on its colour, one of :func:`_shades`."""
    share = (value - described.low) / (described.high - described.low)
    ground, text = _shades()[int(np.clip(np.floor(share * SHADES + 0.5), 0, SHADES))]
    return {"value": shown(value, _digits(described)), "colour": ground, "ink": text}


@cache
def _shades() -> list[tuple[str, str]]:
    """Colours of the scale from end to end, and of what is written on each."""
    grounds = [colour(step / SHADES, 0, 1) for step in range(SHADES + 1)]
    return [(ground, ink(ground)) for ground in grounds]


def _leaf_chip(read: Forest, node: int, described: Described) -> dict[str, str]:
    value = float(read.value[node])
    ground = leaf_colour(read, value, described.low, described.high)
    return {"value": leaf_text(read, value, described), "colour": ground, "ink": ink(ground)}


def _entries(read: Forest, tree: int, described: Described, items: Items, chosen: np.ndarray) -> list[dict[str, Any]]:
    """What is written of the chosen items: title, prediction, reason and what would change it."""
    why = reasons(read, tree, described)
    whose = np.full(len(chosen), tree)
    leaves, predicted = (answer(whose, items.x[chosen]) for answer in (read.leaves, read.predict))
    entries = []
    for number, leaf, value in zip(chosen, leaves, _clipped(predicted, described), strict=True):
        chip = _chip(float(value), described)
        unknown = items.not_known(number)
        flips = counterfactuals(read, tree, items.x[number], described, unknown=unknown)
        moved = (flip for flip in flips if told_apart(flip.value, float(value), _digits(described)))
        change = next((sentence(flip.text) for flip in moved), "")
        reason = why[int(leaf)].told(described, unknown)
        if read.has_base:
            base, scale = _base(read, tree, items.x[number]), (described.low, described.high)
            phrase = why[int(leaf)].phrase(described, unknown)
            reason = with_base(phrase, float(read.value[leaf]), base, scale, nobody_rated(items.x[number]))
        entries.append(
            {"title": str(items.titles[number]), "chip": chip, "given": None, "reason": reason, "change": change}
        )
    return entries


def _base(read: Forest, tree: int, x: np.ndarray) -> tuple[float, float]:
    others, person = read.base(np.array([tree]), x[-1:])
    return float(others[0]), float(person[0])


def _asked(read: Forest, tree: int, node: int, described: Described) -> tuple[Question, str]:
    """A rule as a question, and the same in numbers; nothing where the question has them, or asks for yes or no."""
    numbers = numbered(read, tree, described)
    asked, feature = question(read, node, described, numbers=numbers), int(read.feature[node])
    if described.features[feature].kind == "binary" or feature in numbers:
        return asked, ""
    return asked, words(described, feature, Bound.of_side(read, node, read.sign[node] >= 0), precise=True)


def _nodes(read: Forest, tree: int, described: Described, rated: np.ndarray) -> dict[int, dict[str, Any]]:
    """What stands at every node, by its number."""
    reached = read.leaves(np.full(len(rated), tree), rated)
    nodes: dict[int, dict[str, Any]] = {}
    for node in reversed(read.nodes(tree)):
        if read.feature[node] == LEAF:
            nodes[node] = {"count": int((reached == node).sum()), "chip": _leaf_chip(read, node, described)}
            continue
        asked, precise = _asked(read, tree, node, described)
        below = nodes[asked.no], nodes[asked.yes]
        below[0]["answer"], below[1]["answer"] = "no", "yes"
        count = below[0]["count"] + below[1]["count"]
        nodes[node] = {"count": count, "chip": None, "text": asked.text, "precise": precise}
    return nodes


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
        x, y = narrow[place.node]
        width = NARROW_WIDTH - x - 40 if place.is_rule else 74
        row = facts | {"x": x + 32, "y": y, "width": width, "height": ROW_HEIGHT}
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
    read: Forest,
    tree: int,
    described: Described,
    items: Items,
    item: np.ndarray,
    rating: np.ndarray,
    order: np.ndarray,
    top: int,
) -> dict[str, Any]:
    """What the page's script works with: the tree, the words, and of every item the attributes that the tree uses.

    Values are standardised; an item has the number of its value among those that items have. A threshold stands midway
    between two values, so none is on it.
    """
    used = sorted(read.features_used(tree))
    columns = [np.unique(items.x[:, feature], return_inverse=True) for feature in used]
    place_of = np.stack([inverse for _, inverse in columns], axis=1) if used else np.zeros((len(items), 0), int)
    values = {feature: known.astype(np.float64) for feature, (known, _) in zip(used, columns, strict=True)}
    numbers = numbered(read, tree, described)
    nodes: dict[int, dict[str, Any]] = {}
    for node in read.nodes(tree):
        feature = int(read.feature[node])
        if feature == LEAF:
            nodes[node] = {"chip": _leaf_chip(read, node, described), "value": float(read.value[node])}
            continue
        end, sign = float(read.threshold[node]), int(read.sign[node])
        # What stands on the threshold goes left.
        first_above = int(np.searchsorted(values[feature], end, side="left" if sign < 0 else "right"))
        nodes[node] = {
            "feature": used.index(feature),
            "threshold": float(values[feature][first_above - 1 : first_above + 1].mean()),
            "cut": _cut(described, feature, end, sign < 0),
            "sign": sign,
            "left": int(read.left[node]),
            "right": int(read.right[node]),
        }

    def listed(number: int) -> list[Any]:
        base = [*_base(read, tree, items.x[number]), nobody_rated(items.x[number])] if read.has_base else None
        unknown = [used.index(feature) for feature in items.not_known(number) if feature in used]
        return [str(items.titles[number]), place_of[number].tolist(), base, unknown]

    return {
        "root": int(read.root[tree]),
        "nodes": nodes,
        "features": [_feature(described, feature, values[feature], feature in numbers) for feature in used],
        "phrases": PHRASES,
        "digits": _digits(described),
        "least": least_change(_digits(described)),
        "scale": [described.low, described.high],
        "shades": _shades(),
        "top": top,
        "items": [listed(number) for number in order],
        "rated": [
            [*listed(number), float(given), _chip(float(given), described)]
            for number, given in zip(item, rating, strict=True)
        ],
    }


def _feature(described: Described, feature: int, values: np.ndarray, in_numbers: bool) -> dict[str, Any]:
    """An attribute and its words: those of no and yes, or those of a number and all ways to divide its values."""
    about = described.features[feature]
    told: dict[str, Any] = {"name": about.precise, "kind": about.kind, "values": values.tolist()}
    if about.kind == "binary":
        halves = Bound(high=standardised(described, feature, 0.5)), Bound(low=standardised(described, feature, 0.5))
        told["one"] = standardised(described, feature, 1.0)
        told["words"] = [words(described, feature, half) for half in halves]
        told["conditions"] = [condition(described, feature, half) for half in halves]
        return told
    gaps = np.unique(np.linspace(1, len(values) - 1, min(len(values) - 1, MOST_STOPS)).round().astype(int))
    midway = [float(values[gap - 1 : gap + 1].mean()) for gap in gaps]
    told["stops"] = [[threshold, _cut(described, feature, threshold, False)] for threshold in midway]
    return told | {"words": [about.above, about.below], "conditions": conditions(about), "numbered": in_numbers}


def _cut(described: Described, feature: int, end: float, end_is_above: bool) -> dict[str, str] | None:
    """How a threshold is written; nothing for a 0/1 attribute."""
    if described.features[feature].kind == "binary":
        return None
    return Cut.of(described, feature, end, end_is_above)._asdict()
