"""What colour maps do: along grey and the primaries, to the colours of a photograph, and their numbers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hypernet.lab.results.figures import COLOURS
from hypernet.retouch.core.colour_map import MONOMIALS, ColourMap
from hypernet.retouch.core.lab import lab
from hypernet.retouch.plots.tiles import short

# Of the three outputs: told apart with every common kind of colour blindness.
CHANNELS = {"R": COLOURS[4], "G": COLOURS[2], "B": COLOURS[0]}
AXES = {
    "Grey (R = G = B)": (1, 1, 1),
    "Red (G = B = 0)": (1, 0, 0),
    "Green (R = B = 0)": (0, 1, 0),
    "Blue (R = G = 0)": (0, 0, 1),
}
LEVELS = 64
# Colours so near to an axis, in levels, are counted along it in ranges of so many levels.
NEAR, RANGE = 32, 16
# Outputs that are drawn, in levels; what lies outside 0 to 255 is clamped.
LOWEST, HIGHEST = -48, 303
# The height of a histogram's largest range in these axes, in levels.
HISTOGRAM = 70
# Ranges of a channel that make the colours of a photograph, and how many of the most frequent are drawn.
CELLS, ARROWS, SWATCHES = 8, 20, 14
# PuOr: violet and orange, whose order of lightness is symmetric about white.
DIVERGING = "PuOr_r"


@dataclass(frozen=True, eq=False)
class Case:
    """A pair, and the colour maps that lead from its input to the target.

    Attributes:
        name: of the pair.
        given: the input, uint8 ``[H, W, 3]``.
        wanted: the target, likewise.
        made: the method's map.
        best: the map of the same basis with the least squared error.
    """

    name: str
    given: np.ndarray
    wanted: np.ndarray
    made: ColourMap
    best: ColourMap


def draw_curves(cases: Sequence[Case], title: str) -> Figure:
    """The three outputs along four axes of the cube of colours, a row for each pair.

    Args:
        cases: the pairs.
        title: above the picture.
    """
    figure, axes = plt.subplots(
        len(cases), 5, figsize=(13.2, 2.75 * len(cases) + 1.3), squeeze=False, width_ratios=(0.9, 1, 1, 1, 1)
    )
    for name, panel in zip(AXES, axes[0, 1:], strict=True):
        panel.set_title(f"Along {name[0].lower()}{name[1:]}", fontsize=10)
    for panel in axes[-1, 1:]:
        panel.set_xlabel("Input level, 0 to 255")
    for row, case in zip(axes, cases, strict=True):
        row[0].imshow(case.given)
        row[0].set_axis_off()
        row[0].set_title(f"Input: {short(case.name)}", fontsize=10)
        counts = [_near(case.given, direction) for direction in AXES.values()]
        largest = max(count.max() for count in counts)
        for panel, direction, count in zip(row[1:], AXES.values(), counts, strict=True):
            _curves(panel, case, np.array(direction, dtype=float))
            panel.stairs(LOWEST + HISTOGRAM * count / largest, _edges(), baseline=LOWEST, fill=True, color="0.8")
            panel.tick_params(labelleft=panel is row[1])
        row[1].set_ylabel("Output level")
    handles: list[Line2D | Patch] = [Line2D([], [], color=colour, lw=2) for colour in CHANNELS.values()]
    handles += [Line2D([], [], color="0.3", lw=2, ls=style) for style in ("-", (0, (4, 2)), ":")]
    handles += [Patch(color="0.8"), Patch(color="0.93")]
    words = [*(f"output {name}" for name in CHANNELS), "hypernetwork", "best map of the pair", "identity"]
    words += [f"the photograph's colours within {NEAR} levels of the axis", "outside 0 to 255: clamped"]
    figure.legend(handles, words, loc="outside lower center", ncols=4, handlelength=3)
    figure.suptitle(title)
    return figure


def _curves(panel: Axes, case: Case, direction: np.ndarray) -> None:
    """Outputs of both maps and of none along one axis."""
    share = np.linspace(0, 1, LEVELS)
    colours = share[:, None] * direction
    for end, limit in ((0, LOWEST), (255, HIGHEST)):
        panel.axhspan(*sorted((end, limit)), color="0.93", lw=0, zorder=0)
    for channel, colour in enumerate(CHANNELS.values()):
        panel.plot(255 * share, 255 * colours[:, channel], color=colour, lw=1, ls=":")
        panel.plot(255 * share, 255 * case.best(colours)[:, channel], color=colour, lw=1.5, ls=(0, (4, 2)))
        panel.plot(255 * share, 255 * case.made(colours)[:, channel], color=colour, lw=2)
    panel.set_xlim(0, 255)
    panel.set_ylim(LOWEST, HIGHEST)
    panel.set_xticks([0, 128, 255])
    panel.set_yticks([0, 128, 255])


def _edges() -> np.ndarray:
    return np.arange(0, 256 + RANGE, RANGE)


def _near(pixels: np.ndarray, direction: Sequence[int]) -> np.ndarray:
    """How many colours of a photograph lie near an axis, by their place along it."""
    colours, unit = pixels.reshape(-1, 3).astype(float), np.array(direction, dtype=float)
    place = (colours @ unit) / (unit @ unit)
    near = np.linalg.norm(colours - place[:, None] * unit, axis=1) <= NEAR
    counts: np.ndarray = np.histogram(place[near], _edges())[0]
    return counts


def draw_gamut(cases: Sequence[Case], title: str) -> Figure:
    """Where the commonest colours of photographs go, in the plane of a* and b* and as swatches.

    Args:
        cases: the pairs, a column for each.
        title: above the picture.
    """
    figure, axes = plt.subplots(
        2, len(cases), figsize=(4.4 * len(cases) + 0.4, 6.4), squeeze=False, height_ratios=(4.4, 1.1)
    )
    colours = [_commonest(case) for case in cases]
    for column, case, common in zip(axes.T, cases, colours, strict=True):
        _arrows(column[0], common)
        column[0].set_title(short(case.name))
        _swatches(column[1], common)
    everywhere = np.concatenate([_chroma(common).reshape(-1, 2) for common in colours])
    middle, reach = np.ptp(everywhere, axis=0) / 2 + everywhere.min(axis=0), 0.56 * np.ptp(everywhere, axis=0).max()
    for panel in axes[0]:
        panel.set(aspect="equal", xlim=middle[0] + [-reach, reach], ylim=middle[1] + [-reach, reach])
        panel.set_xlabel("a*: green to red")
    axes[0, 0].set_ylabel("b*: blue to yellow")
    handles = [
        Line2D([], [], ls="", marker="o", ms=6, color="0.6", mec="0.2"),
        Line2D([], [], ls="-", lw=1.2, color="0.2", marker=">", ms=6),
        Line2D([], [], ls="", marker="s", ms=8, color="0.6", mec="black"),
        Line2D([], [], ls=":", lw=1.2, color="0.2"),
    ]
    names = ["input", "to what the hypernetwork makes of it", "target, of the same pixels", "what is missing"]
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    figure.suptitle(title)
    return figure


def _commonest(case: Case) -> np.ndarray:
    """Colours of the photograph's fullest cells of the cube: input, made and target of their pixels, ``[3, n, 3]``."""
    cells = (case.given // (256 // CELLS)).reshape(-1, 3) @ np.array([CELLS**2, CELLS, 1])
    counts = np.bincount(cells, minlength=CELLS**3)
    chosen = [int(cell) for cell in np.argsort(-counts, kind="stable")[:ARROWS] if counts[cell]]
    given = case.given.reshape(-1, 3) / 255
    stages = (given, np.clip(case.made(given), 0, 1), case.wanted.reshape(-1, 3) / 255)
    return np.stack([[stage[cells == cell].mean(axis=0) for cell in chosen] for stage in stages])


def _chroma(colours: np.ndarray) -> np.ndarray:
    """a* and b* of colours in [0, 1], ``[..., 3]``."""
    return lab(torch.from_numpy(colours))[..., 1:].numpy()


def _arrows(panel: Axes, common: np.ndarray) -> None:
    given, made, wanted = _chroma(common)
    for start, end, aim in zip(given, made, wanted, strict=True):
        panel.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.2", "lw": 1, "shrinkA": 3})
        panel.plot(*np.stack([end, aim]).T, color="0.2", lw=1.2, ls=":")
    panel.scatter(given[:, 0], given[:, 1], s=28, c=common[0], edgecolors="0.2", linewidths=0.6, zorder=3)
    panel.scatter(
        wanted[:, 0], wanted[:, 1], s=46, c=common[2], marker="s", edgecolors="black", linewidths=0.8, zorder=3
    )
    for draw_axis in (panel.axhline, panel.axvline):
        draw_axis(0, color="0.6", lw=0.8, zorder=0)


def _swatches(panel: Axes, common: np.ndarray) -> None:
    """The commonest of these colours, from dark to light."""
    chosen = common[:, :SWATCHES]
    order = np.argsort(lab(torch.from_numpy(chosen[0]))[:, 0].numpy(), kind="stable")
    panel.imshow(chosen[:, order], interpolation="nearest", aspect="auto")
    panel.set_yticks(range(3), ["input", "made", "target"])
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.grid(visible=False)
    for edge in panel.spines.values():
        edge.set_visible(False)
    panel.hlines([0.5, 1.5], -0.5, chosen.shape[1] - 0.5, color="white", lw=2)


def draw_matrices(rows: Sequence[Mapping[str, ColourMap]], title: str) -> Figure:
    """M - I of colour maps, with the numbers in the cells.

    Args:
        rows: maps of one basis beside each other, as many in every row, by the words above them.
        title: above the picture.
    """
    basis = next(iter(rows[0].values())).basis
    start, names = ColourMap.identity(basis).matrix, [monomial(name) for name in MONOMIALS[basis]]
    entries = [(words, colour_map.matrix - start) for row in rows for words, colour_map in row.items()]
    # The twenty of the cubic basis take the whole width.
    columns = len(rows[0]) if len(names) <= 10 else 1
    lines = len(entries) // columns
    figure, axes = plt.subplots(lines, columns, figsize=(13.2, 1.95 * lines + 0.6), squeeze=False)
    reach = max(np.abs(values).max() for _, values in entries)
    for panel, (words, values) in zip(axes.flat, entries, strict=True):
        image = panel.imshow(values, cmap=DIVERGING, vmin=-reach, vmax=reach, aspect="auto")
        panel.set_title(words, fontsize=10)
        panel.set_xticks(range(len(names)), names)
        panel.set_yticks(range(3), [f"output {channel}" for channel in CHANNELS])
        panel.grid(visible=False)
        panel.tick_params(length=0)
        for row, column in itertools.product(range(3), range(len(names))):
            ink = "white" if abs(values[row, column]) > 0.6 * reach else "black"
            # No sign before what is rounded to 0.
            number = f"{round(values[row, column], 2) + 0.0:+.2f}".replace("+0.00", "0.00")
            panel.text(column, row, number, ha="center", va="center", fontsize=8.5, color=ink)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30)
    bar.set_label("M - I")
    figure.suptitle(title)
    return figure


def monomial(name: str) -> str:
    """RRG as R²G."""
    powers = ((channel, name.count(channel)) for channel in "RGB")
    return "".join(channel + {1: "", 2: "²", 3: "³"}[count] for channel, count in powers if count) or name
