"""The response of a circuit over frequency: S21 and the reflections, or a voltage gain, with phase and impedance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.results import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Below the highest level of a panel: a notch or the zeros of a reflection would leave no room for the rest.
DEPTH_DB = 120.0
STYLES = ("-", "--", ":")
# Degrees between two ticks: parts of a turn, or several.
PHASE_STEPS = (5, 15, 30, 45, 90, 180, 360, 720, 1440)


def draw_response(
    hertz: np.ndarray,
    levels_db: Sequence[Mapping[str, np.ndarray]],
    phase_degree: np.ndarray,
    impedance_ohm: np.ndarray,
    title: str,
) -> Figure:
    """Levels, the phase of the first curve and the magnitude of the impedance at the source, one below the other.

    Args:
        hertz: frequencies, ``[d]``.
        levels_db: of each panel, curves in dB by name, ``[d]`` each.
        phase_degree: of the first curve, unwrapped, ``[d]``.
        impedance_ohm: seen by the source, complex ``[d]``.
        title: above all.
    """
    figures.use_style()
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MultipleLocator

    panels = len(levels_db) + 2
    figure, axes = plt.subplots(panels, 1, figsize=(6.4, 2.1 * panels + 0.6), sharex=True)
    for panel, curves in zip(axes, levels_db, strict=False):
        _draw_levels(panel, hertz, curves)
    axes[-2].semilogx(hertz, phase_degree, color=figures.COLOURS[0])
    axes[-2].set_ylabel("Phase (degrees)")
    bottom, top = axes[-2].get_ylim()
    step = next((step for step in PHASE_STEPS if (top - bottom) / step <= 7), None)
    if step is not None:
        axes[-2].yaxis.set_major_locator(MultipleLocator(step))
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(impedance_ohm)
    drawn = np.where(np.isfinite(magnitude) & (magnitude > 0), magnitude, np.nan)
    axes[-1].loglog(hertz, drawn, color=figures.COLOURS[0])
    axes[-1].set_ylabel("|Impedance| at\nthe source")
    axes[-1].set_xlabel("Frequency")
    _room_for_a_decade(axes[-1])
    if len(hertz) > 1:
        axes[-1].set_xlim(hertz[0], hertz[-1])
        _label(axes[-1].xaxis, hertz[-1] / hertz[0], "Hz")
    bottom, top = axes[-1].get_ylim()
    _label(axes[-1].yaxis, top / bottom, "Ω")
    figure.align_ylabels()
    figure.suptitle(title, fontsize=10)
    return figure


def _draw_levels(axes: Axes, hertz: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    colours = (figures.COLOURS[0], figures.COLOURS[4], figures.COLOURS[2])
    for (name, decibels), colour, style in zip(curves.items(), colours, STYLES, strict=False):
        axes.semilogx(hertz, decibels, style, color=colour, label=name)
    axes.set_ylabel(" and ".join(curves) + " (dB)")
    finite = np.concatenate([decibels[np.isfinite(decibels)] for decibels in curves.values()])
    if len(finite):
        top, bottom = finite.max(), max(finite.min(), finite.max() - DEPTH_DB)
        # A curve of rounding errors is a straight line.
        room = max(0.06 * (top - bottom), 0.05)
        axes.set_ylim(bottom - room, top + room)
    axes.ticklabel_format(axis="y", useOffset=False)
    if len(curves) > 1:
        axes.legend(loc="best")


def _room_for_a_decade(axes: Axes) -> None:
    """Less than a decade would have a single tick."""
    bottom, top = axes.get_ylim()
    if top < 10 * bottom:
        middle = float(np.sqrt(top * bottom))
        axes.set_ylim(middle / 10**0.6, middle * 10**0.6)


def _label(axis: Axis, ratio: float, unit: str) -> None:
    """Ticks such as 20 MHz: at powers of ten, at 2 and 5 too where those are few, and evenly within an octave or so."""
    from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

    axis.set_major_formatter(EngFormatter(unit))
    axis.set_minor_formatter(NullFormatter())
    if ratio < 4:
        axis.set_major_locator(MaxNLocator(5))
    elif ratio < 300:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
