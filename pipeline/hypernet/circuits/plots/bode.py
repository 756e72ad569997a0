"""Bode plots of ladders over frequency, with limits and tolerance bands.

Between a source and a load with resistances: S21, closer where it passes, S11, and the phase of S21. Without a source
resistance: the voltage gain from port 1, where the source is, to port 2, where the load is, its phase, and the
impedance that port 1 shows. With the excitation (1, -1) the load is R0 and V the voltage that port 1 needs for 1 V at
the load, so the gain is 1 / V, and R0 |V / I| that impedance.
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
GAIN = "$V_2/V_1$"
# Of a curve without limits at most so much is shown below its top, and so much below the lowest limit, in dB.
DEPTH, BELOW_LIMITS = 100.0, 25.0
# Last over first frequency.
NARROW = 8.0


@dataclass(frozen=True)
class Curve:
    """One response and how it is drawn.

    Attributes:
        label: its name in the legend.
        voltage: V, or what else is the inverse of what comes through, such as 1 / S21; complex ``[d]``.
        current: the second component of the state, complex ``[d]``; None where it is not known.
        style: keywords of matplotlib's ``plot``.
        has_phase: whether the phase of V is known.
    """

    label: str
    voltage: np.ndarray
    current: np.ndarray | None
    style: dict[str, Any] = field(default_factory=dict)
    has_phase: bool = True


@dataclass(frozen=True)
class Level:
    """A curve in dB and how it is drawn.

    Attributes:
        label: its name in the legend.
        decibel: ``[d]``.
        style: keywords of matplotlib's ``plot``.
    """

    label: str
    decibel: np.ndarray
    style: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """Rows of a mask; between two a limit is a straight line over log f, a frequency that stands twice an edge.

    Attributes:
        hertz: ``[m]``, not falling.
        lowest: dB, ``[m]``, infinite where there is no limit.
        highest: dB, ``[m]``, infinite where there is no limit.
    """

    hertz: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


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
    """Magnitude of the impedance that port 1 shows, Ohm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        impedance: np.ndarray = r0 * np.abs(voltage) / np.abs(current)
    return impedance


def draw_gain(
    axes: Axes,
    hertz: np.ndarray,
    curves: Sequence[Curve],
    limits: Limits | None = None,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    band_label: str = "",
    name: str = f"Gain {GAIN}",
) -> None:
    """Gain in dB over frequency; arguments as those of :func:`draw_levels`."""
    levels = [Level(curve.label, decibels(curve.voltage), curve.style) for curve in curves]
    draw_levels(axes, hertz, levels, name, limits, band, band_label)


def draw_levels(
    axes: Axes,
    hertz: np.ndarray,
    levels: Sequence[Level],
    name: str,
    limits: Limits | None = None,
    band: tuple[np.ndarray, np.ndarray] | None = None,
    band_label: str = "",
) -> None:
    """Curves in dB over frequency.

    Args:
        axes: where to.
        hertz: frequencies, ``[d]``.
        levels: the first is drawn lowest.
        name: of what they are.
        limits: of a mask.
        band: lower and upper edge of a band, dB, ``[d]`` each.
        band_label: its name in the legend.
    """
    if band is not None:
        colour = levels[-1].style.get("color", "0.5")
        axes.fill_between(hertz, *band, color=colour, alpha=0.3, lw=0, label=band_label or None)
    for level in levels:
        axes.plot(hertz, level.decibel, label=level.label, **level.style)
    _show(axes, levels, limits)
    if limits is not None:
        _forbid(axes, limits)
    _finish(axes, hertz, f"{name} (dB)")


def _show(axes: Axes, levels: Sequence[Level], limits: Limits | None) -> None:
    """Curves and limits in sight, but not the whole depth of a notch."""
    values = np.concatenate([level.decibel[np.isfinite(level.decibel)] for level in levels])
    edges = np.concatenate([limits.lowest, limits.highest]) if limits is not None else np.zeros(0)
    edges = edges[np.isfinite(edges)]
    top = max(values.max(initial=-np.inf), edges.max(initial=-np.inf))
    if not np.isfinite(top):
        return
    floor = edges.min() - BELOW_LIMITS if len(edges) else top - DEPTH
    bottom = min(max(values.min(initial=top), floor), edges.min(initial=np.inf))
    room = max(0.06 * (top - bottom), 0.05)
    axes.set_ylim(bottom - room, top + room)
    axes.ticklabel_format(axis="y", useOffset=False)


def _forbid(axes: Axes, limits: Limits) -> None:
    """Hatch what a mask forbids."""
    bottom, top = axes.get_ylim()
    label: str | None = "Outside the mask"
    for edge, far in ((limits.lowest, bottom), (limits.highest, top)):
        where = np.isfinite(edge)
        if where.any():
            axes.fill_between(limits.hertz, edge, far, where=where, zorder=0, label=label, **FORBIDDEN)
            axes.plot(limits.hertz, np.where(where, edge, np.nan), color="0.45", lw=0.8, zorder=1)
            label = None
        # Between two rows without a limit a row with one is a point.
        beside = np.pad(where, 1)
        alone = where & ~beside[:-2] & ~beside[2:]
        axes.plot(limits.hertz[alone], edge[alone], "_", color="0.45", ms=9, mew=2)


def within(hertz: np.ndarray, bands: Sequence[tuple[float, float]]) -> np.ndarray:
    """Which frequencies are in a band, its ends included, boolean ``[d]``.

    Args:
        hertz: frequencies, ``[d]``.
        bands: first and last frequency of each, Hz.
    """
    inside = [(hertz >= low * (1 - 1e-9)) & (hertz <= high * (1 + 1e-9)) for low, high in bands]
    return np.any(inside, axis=0)


def draw_passband(
    axes: Axes,
    hertz: np.ndarray,
    levels: Sequence[Level],
    name: str,
    passbands: Sequence[tuple[float, float]],
    limits: Limits | None = None,
    band: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """The same as :func:`draw_levels` at the frequencies that are to pass, and a little beyond.

    Args:
        axes: where to.
        hertz: frequencies, ``[d]``.
        levels: the last one has to be in sight.
        name: of what they are.
        passbands: first and last frequency of each, Hz.
        limits: of a mask.
        band: lower and upper edge of a band, dB, ``[d]`` each.
    """
    draw_levels(axes, hertz, levels, name, limits, band)
    low, high = passbands[0][0], passbands[-1][1]
    beyond = (high / low) ** 0.08
    axes.set_xlim(max(low / beyond, hertz[0]), min(high * beyond, hertz[-1]))
    inside = within(hertz, passbands)
    if inside.any():
        seen = [levels[-1].decibel[inside]] + ([] if band is None else [edge[inside] for edge in band])
        if limits is not None:
            seen.append(limits.lowest[within(limits.hertz, passbands)])
        values = np.concatenate(seen)
        values = values[np.isfinite(values)]
        room = max(0.25 * np.ptp(values), 0.05)
        axes.set_ylim(values.min() - room, values.max() + room)
    if high / low < NARROW:
        _more_ticks(axes)


def _more_ticks(axes: Axes) -> None:
    """Of a band of less than a decade powers of ten are too few ticks."""
    from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator

    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))


def draw_phase(axes: Axes, hertz: np.ndarray, curves: Sequence[Curve], name: str = GAIN) -> None:
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
    _finish(axes, hertz, f"Phase of {name} (degrees)")


def _turns(axes: Axes) -> MultipleLocator:
    from matplotlib.ticker import MultipleLocator

    bottom, top = axes.get_ylim()
    steps = (15, 30, 45, 90, 180, 360, 720)
    return MultipleLocator(next((step for step in steps if (top - bottom) / step <= 7), steps[-1]))


def draw_impedance(axes: Axes, hertz: np.ndarray, curves: Sequence[Curve], r0: float = R0_OHM) -> None:
    """Magnitude of the impedance at port 1 in Ohm over frequency."""
    for curve in curves:
        if curve.current is not None:
            impedance = impedance_ohm(curve.voltage, curve.current, r0)
            axes.loglog(hertz, impedance, label=curve.label, **curve.style)
    bottom, top = axes.get_ylim()
    if top < 10 * bottom:
        # Less than a decade would have a single tick.
        middle = np.sqrt(top * bottom)
        axes.set_ylim(middle / 10**0.6, middle * 10**0.6)
    _finish(axes, hertz, "$|Z|$ at port 1 (Ω)")


def _finish(axes: Axes, hertz: np.ndarray, ylabel: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(hertz[0], hertz[-1])
    axes.set_xlabel(HERTZ)
    axes.set_ylabel(ylabel)


def bode_panels(
    hertz: np.ndarray,
    curves: Sequence[Curve],
    limits: Limits | None = None,
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


def scattering_panels(
    hertz: np.ndarray,
    curves: Sequence[Curve],
    reflections: Sequence[Level],
    passbands: Sequence[tuple[float, float]],
    limits: tuple[Limits | None, Limits | None] = (None, None),
    bands: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None,
    band_label: str = "",
) -> dict[str, Callable[[Axes], None]]:
    """The four panels of a circuit between a source and a load, by title.

    Args:
        hertz: frequencies, ``[d]``.
        curves: of 1 / S21.
        reflections: S11.
        passbands: first and last frequency of each, for the closer look, Hz.
        limits: of S21 and of S11.
        bands: of S21 and of S11, dB, each of two edges ``[d]``.
        band_label: their name in the legend.
    """
    levels = [Level(curve.label, decibels(curve.voltage), curve.style) for curve in curves]
    through, back = bands or (None, None)
    shown: dict[str, Any] = {"hertz": hertz, "limits": limits[0], "band": through, "name": "$S_{21}$"}
    return {
        "Transmission": partial(draw_levels, levels=levels, band_label=band_label, **shown),
        "Passband": partial(draw_passband, levels=levels, passbands=passbands, **shown),
        "Reflection (minus the return loss)": partial(
            draw_levels, hertz=hertz, levels=reflections, name="$S_{11}$", limits=limits[1], band=back
        ),
        "Phase": partial(draw_phase, hertz=hertz, curves=curves, name="$S_{21}$"),
    }
