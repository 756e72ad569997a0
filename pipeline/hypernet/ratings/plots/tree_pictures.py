"""Pictures of a user's tree: boxes for matplotlib, and DOT text for graphviz."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hypernet.ratings.core.explain import leaf_text, question
from hypernet.ratings.core.readable import numbered, readable
from hypernet.ratings.core.trees import Forest
from hypernet.ratings.core.wording import Described
from hypernet.ratings.plots.tree_layout import Place, ink, leaf_colour, places

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lines of text with their sizes, in font sizes.
Lines = list[tuple[str, float]]

# Levels of rules drawn: 2^5 leaves are the most that can be read side by side.
DEEPEST = 5
# Largest sizes of boxes in the units of the layout: leaves are 1 apart, and so are levels.
RULE_LIMITS, LEAF_LIMITS = (1.88, 0.64), (0.88, 0.56)
# Between text and edge of a box, both sides together, in font sizes.
PADDING = (1.2, 0.7)
LARGEST_FONT, SMALLEST_FONT, FONT_STEP = 9.5, 1.5, 0.25
# Height of a line and size of a count, in font sizes.
LINE, COUNT_FONT = 1.25, 0.82
RULE_COLOUR, LINE_COLOUR = "#f2f4f6", "#57606a"


def draw_tree(
    axes: Axes,
    forest: Forest,
    tree: int,
    described: Described,
    precise: bool = False,
    deepest: int = DEEPEST,
    user: np.ndarray | None = None,
) -> None:
    """Draw a tree as it can be read: rules as questions, "no" to the left, leaves coloured, support at every node.

    A leaf has the colour of its rating on the scale, or of what it adds to a base. One with an ellipsis stands for a
    subtree that is not drawn, and has its mean. See :func:`~hypernet.ratings.core.readable.readable`.

    Args:
        axes: where; it keeps its size.
        forest: trees.
        tree: number of the tree.
        described: names of the attributes, the rating scale and the catalogue.
        precise: with the numbers of the thresholds.
        deepest: levels of rules that are drawn.
        user: standardised features of the user ``[D]``, which decide rules about the user; None: the mean of all users.
    """
    read = readable(forest, tree, described, user)
    drawn = {place.node: place for place in places(read, tree, deepest)}
    leaves = 1 + max(place.x for place in drawn.values() if not place.is_rule)
    levels = 1 + max(place.level for place in drawn.values())
    axes.set_xlim(-0.5 - (leaves < 2) / 2, leaves - 0.5 + (leaves < 2) / 2)
    axes.set_ylim(-levels + 0.5, 0.5)
    axes.set_axis_off()
    # Points of a unit of the layout.
    extent = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    unit = extent.width * scale / max(leaves, 2), extent.height * scale / levels
    texts = _texts(read, tree, drawn, described, precise)
    font, lines = _fitted(drawn, texts, _counts(read, tree, drawn), unit)
    sizes = {is_rule: _box(drawn, lines, font, unit, is_rule) for is_rule in (True, False)}
    for place in drawn.values():
        for answer, child in place.children.items():
            _draw_edge(axes, place, drawn[child], sizes, answer, font)
        ground = RULE_COLOUR if place.is_rule else leaf_colour(read, place.value, described.low, described.high)
        _draw_box(axes, place, sizes[place.is_rule], lines[place.node], font, ground)


def _counts(forest: Forest, tree: int, drawn: dict[int, Place]) -> dict[int, str]:
    """The support of every drawn node; nothing of a tree that was not grown from ratings."""
    if not forest.support[forest.root[tree]]:
        return dict.fromkeys(drawn, "")
    return {node: f"n = {forest.support[node]}" for node in drawn}


def _texts(read: Forest, tree: int, drawn: dict[int, Place], described: Described, precise: bool) -> dict[int, str]:
    """What is written in every box."""
    numbers = numbered(read, tree, described)
    texts = {}
    for node, place in drawn.items():
        if place.is_rule:
            texts[node] = question(read, node, described, precise, numbers).text
        else:
            texts[node] = leaf_text(read, place.value, described)
            texts[node] += "…" if place.cut else ""
    return texts


def _fitted(
    drawn: dict[int, Place], texts: dict[int, str], counts: dict[int, str], unit: tuple[float, float]
) -> tuple[float, dict[int, Lines]]:
    """The largest font with which every text and count fits its box, and what is written in each box."""
    for font in np.arange(LARGEST_FONT, SMALLEST_FONT, -FONT_STEP):
        lines = {}
        for node, place in drawn.items():
            limits = RULE_LIMITS if place.is_rule else LEAF_LIMITS
            width, height = (
                limit * points / font - room for limit, points, room in zip(limits, unit, PADDING, strict=True)
            )
            wrapped = _wrapped(texts[node], width)
            if wrapped is None:
                break
            lines[node] = _with_count(wrapped, counts[node])
            wide, high = _size(lines[node])
            if wide > width or high > height:
                break
        else:
            return float(font), lines
    return SMALLEST_FONT, {node: _with_count([text], counts[node]) for node, text in texts.items()}


def _with_count(texts: list[str], count: str) -> Lines:
    return [(text, 1.0) for text in texts] + ([(count, COUNT_FONT)] if count else [])


def _size(lines: Lines) -> tuple[float, float]:
    """Width and height of some lines, in font sizes."""
    return max(size * _width(text) for text, size in lines), LINE * sum(size for _, size in lines)


def _box(
    drawn: dict[int, Place], lines: dict[int, Lines], font: float, unit: tuple[float, float], rules: bool
) -> tuple[float, float]:
    """Width and height of the boxes of rules or of leaves: as large as the largest text asks for."""
    sizes = [_size(lines[node]) for node, place in drawn.items() if place.is_rule == rules]
    limits = RULE_LIMITS if rules else LEAF_LIMITS
    if not sizes:
        return limits
    needed = (max(extents) + room for extents, room in zip(zip(*sizes, strict=True), PADDING, strict=True))
    width, height = (
        min(limit, wanted * font / points) for limit, wanted, points in zip(limits, needed, unit, strict=True)
    )
    return width, height


def _wrapped(text: str, width: float) -> list[str] | None:
    """Lines of a text, of at most this width in units of the font size; None where one word is wider."""
    lines: list[str] = []
    for word in text.split():
        if _width(word) > width:
            return None
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


@lru_cache(maxsize=10_000)
def _width(text: str) -> float:
    """Width of a text in units of the font size."""
    from matplotlib.textpath import TextPath

    # Without a dollar sign, which would begin mathematics.
    return float(TextPath((0, 0), text.replace("$", "S"), size=100).get_extents().width) / 100


def _draw_edge(
    axes: Axes,
    above: Place,
    below: Place,
    sizes: dict[bool, tuple[float, float]],
    answer: str,
    font: float,
) -> None:
    start, end = -above.level - sizes[True][1] / 2, -below.level + sizes[below.is_rule][1] / 2
    axes.plot([above.x, below.x], [start, end], zorder=1, color=LINE_COLOUR, lw=1.0)
    axes.annotate(
        answer,
        (below.x, end),
        (0, 0.2 * font),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=COUNT_FONT * font,
        color=LINE_COLOUR,
        bbox={"boxstyle": "square,pad=0.25", "fc": "white", "ec": "none"},
        zorder=2,
    )


def _draw_box(axes: Axes, place: Place, size: tuple[float, float], lines: Lines, font: float, ground: str) -> None:
    from matplotlib.patches import Rectangle

    width, height = size
    corner = place.x - width / 2, -place.level - height / 2
    box = axes.add_patch(Rectangle(corner, width, height, facecolor=ground, edgecolor=LINE_COLOUR, lw=0.8, zorder=3))
    below = _size(lines)[1] / 2
    for line, line_size in lines:
        text = axes.annotate(
            line.replace("$", r"\$"),
            (place.x, -place.level),
            (0, (below - line_size * LINE / 2) * font),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=line_size * font,
            weight="normal" if place.is_rule or line_size < 1 else "bold",
            color=ink(ground),
            clip_on=True,
            zorder=4,
        )
        text.set_clip_path(box)
        below -= line_size * LINE


def to_dot(
    forest: Forest, tree: int, described: Described, precise: bool = False, user: np.ndarray | None = None
) -> str:
    """A tree in the DOT language, for ``dot -Tsvg``: everything that :func:`draw_tree` shows, and no level left out.

    Args:
        forest: trees.
        tree: number of the tree.
        described: names of the attributes, the rating scale and the catalogue.
        precise: with the numbers of the thresholds.
        user: standardised features of the user ``[D]``; None: the mean of all users.
    """
    read = readable(forest, tree, described, user)
    drawn = {place.node: place for place in places(read, tree, len(forest.feature))}
    counts, texts = _counts(read, tree, drawn), _texts(read, tree, drawn, described, precise)
    lines = ["digraph tree {", '  node [shape=box, fontname="sans-serif"];', '  edge [fontname="sans-serif"];']
    for node, place in drawn.items():
        ground = RULE_COLOUR if place.is_rule else leaf_colour(read, place.value, described.low, described.high)
        quoted = texts[node].replace("\\", "\\\\").replace('"', '\\"')
        label = f"{quoted}\\n{counts[node]}" if counts[node] else quoted
        lines.append(f'  {node} [label="{label}", style="filled", fillcolor="{ground}", fontcolor="{ink(ground)}"];')
        for answer, child in place.children.items():
            lines.append(f'  {node} -> {child} [label="{answer}"];')
    return "\n".join([*lines, "}"]) + "\n"
