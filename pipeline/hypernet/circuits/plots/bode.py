"""Bode plots of ladders: gain, phase and input impedance over frequency, with limits and tolerance bands.

With the excitation (1, -1) port 1 is closed with R0 and V is the voltage that port 2 needs for 1 V at port 1, so the
gain from port 2 to port 1 is 1 / V, and R0 |V / I| is the impedance that port 2 shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.circuits.core.goals import decibels
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import R0_OHM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import MultipleLocator

TARGET_STYLE: dict[str, Any] = {"color": "0.55", "lw": 4.0, "alpha": 0.7, "solid_capstyle": "round"}
FORBIDDEN: dict[str, Any] = {"facecolor": "0.93", "edgecolor": "0.6", "hatch": "////", "lw": 0.0}
HERTZ = "Frequency (Hz)"


@dataclass(frozen=True)
class Curve:
    """One response and how it is drawn.

    Attributes:
        label: its name in the legend.
        voltage: V, complex ``[d]``.
        current: the second component of the state, complex ``[d]``; None where it is not known.
        style: keywords of matplotlib's ``plot``.
        has_phase: whether the phase of V is known.
    """

    label: str
    voltage: np.ndarray
    current: np.ndarray | None
    style: dict[str, Any] = field(default_factory=dict)
    has_phase: bool = True


def curve_of(label: str, types: np.ndarray, values: np.ndarray, frequency: np.ndarray, style: dict[str, Any]) -> Curve:
    """The curve of one ladder.

    Args:
        label: its name in the legend.
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        frequency: w, ``[d]``, normalised.
        style: keywords of matplotlib's ``plot``.
    """
    voltage, current = respond(np.asarray(types)[None], np.asarray(values)[None], frequency)
    return Curve(label, voltage[0], current[0], style)


def phase_degrees(voltage: np.ndarray, beside: np.ndarray | None = None) -> np.ndarray:
    """Unwrapped phase of 1 / V in degrees, ``[d]``.

    Args:
        voltage: complex ``[d]``.
        beside: another phase ``[d]``; whole turns that set the two apart are taken off.
    """
    phase: np.ndarray = np.degrees(np.unwrap(-np.angle(voltage)))
    if beside is not None:
        phase -= 360.0 * np.round(np.mean(phase - beside) / 360.0)
    return phase


def impedance_ohm(voltage: np.ndarray, current: np.ndarray, r0: float = R0_OHM) -> np.ndarray:
    """Magnitude of the impedance that port 2 shows, Ohm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        impedance: np.ndarray = r0 * np.abs(voltage) / np.abs(current)
    return impedance


def draw_gain(
    axes: Axes,
    hertz: np.ndarray,
    curves: Sequence[Curve],
    limits: tuple[np.ndarray, np.ndarray] | None = None,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    band_label: str = "",
) -> None:
    """Gain in dB over frequency.

    Args:
        axes: where to.
        hertz: frequencies, ``[d]``.
        curves: the first is drawn lowest.
        limits: lowest and highest gain allowed, dB, ``[d]`` each; infinite where there is no limit.
        band: lower and upper edge of a band, dB, ``[d]`` each.
        band_label: its name in the legend.
    """
    if band is not None:
        colour = curves[-1].style.get("color", "0.5")
        axes.fill_between(hertz, *band, color=colour, alpha=0.3, lw=0, label=band_label or None)
    for curve in curves:
        axes.plot(hertz, decibels(curve.voltage), label=curve.label, **curve.style)
    if limits is not None:
        _forbid(axes, hertz, *limits)
    _finish(axes, hertz, "Gain $V_1/V_2$ (dB)")


def _forbid(axes: Axes, hertz: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> None:
    """Hatch what a mask forbids, and keep its limits in sight."""
    bottom, top = axes.get_ylim()
    finite = [edge[np.isfinite(edge)] for edge in (np.asarray(lowest), np.asarray(highest))]
    room = 0.15 * (top - bottom)
    if len(finite[0]):
        bottom = min(bottom, finite[0].min() - room)
    if len(finite[1]):
        top = max(top, finite[1].max() + room)
    label: str | None = "Outside the mask"
    for edge, far in ((lowest, bottom), (highest, top)):
        where = np.isfinite(edge)
        if where.any():
            axes.fill_between(hertz, edge, far, where=where, zorder=0, label=label, **FORBIDDEN)
            label = None
    axes.set_ylim(bottom, top)


def draw_phase(axes: Axes, hertz: np.ndarray, curves: Sequence[Curve]) -> None:
    """Phase of the gain in degrees over frequency, unwrapped; all curves beside the first."""
    first = None
    for curve in curves:
        if not curve.has_phase:
            continue
        phase = phase_degrees(curve.voltage, first)
        first = phase if first is None else first
        axes.plot(hertz, phase, label=curve.label, **curve.style)
    # Ticks at parts of a turn.
    axes.yaxis.set_major_locator(_turns(axes))
    _finish(axes, hertz, "Phase of $V_1/V_2$ (degrees)")


def _turns(axes: Axes) -> MultipleLocator:
    from matplotlib.ticker import MultipleLocator

    bottom, top = axes.get_ylim()
    steps = (15, 30, 45, 90, 180, 360, 720)
    return MultipleLocator(next((step for step in steps if (top - bottom) / step <= 7), steps[-1]))


def draw_impedance(axes: Axes, hertz: np.ndarray, curves: Sequence[Curve], r0: float = R0_OHM) -> None:
    """Magnitude of the impedance at port 2 in Ohm over frequency."""
    for curve in curves:
        if curve.current is not None:
            impedance = impedance_ohm(curve.voltage, curve.current, r0)
            axes.loglog(hertz, impedance, label=curve.label, **curve.style)
    bottom, top = axes.get_ylim()
    if top < 10 * bottom:
        # Less than a decade would have a single tick.
        middle = np.sqrt(top * bottom)
        axes.set_ylim(middle / 10**0.6, middle * 10**0.6)
    _finish(axes, hertz, "$|Z|$ at port 2 (Ω)")


def _finish(axes: Axes, hertz: np.ndarray, ylabel: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(hertz[0], hertz[-1])
    axes.set_xlabel(HERTZ)
    axes.set_ylabel(ylabel)


def bode_panels(
    hertz: np.ndarray,
    curves: Sequence[Curve],
    limits: tuple[np.ndarray, np.ndarray] | None = None,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    band_label: str = "",
    r0: float = R0_OHM,
) -> dict[str, Callable[[Axes], None]]:
    """The three panels by title, for :func:`hypernet.lab.results.figures.save_panels`; arguments as above."""
    return {
        "Gain": partial(draw_gain, hertz=hertz, curves=curves, limits=limits, band=band, band_label=band_label),
        "Phase": partial(draw_phase, hertz=hertz, curves=curves),
        "Input impedance": partial(draw_impedance, hertz=hertz, curves=curves, r0=r0),
    }
