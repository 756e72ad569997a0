"""The pictures of a design: its schematic, and its curves beside the target or its limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hypernet.circuits.core.goals import decibels
from hypernet.circuits.plots.bode import TARGET_STYLE, Curve, Level, Limits, bode_panels, scattering_panels
from hypernet.circuits.plots.schematic import draw_schematic, write_svg
from hypernet.circuits.sources.targets import Gain, Mask, Response, Scattering, ScatteringMask, Target, Transmission
from hypernet.circuits.tools.solution import Solution
from hypernet.lab.results import figures

STYLE = {"color": figures.COLOURS[0], "lw": 1.8}


def draw_design(design: Solution, folder: Path) -> None:
    """Write ``schematic.svg``, ``bode.png`` and ``bode.svg``."""
    scale, ends, band = design.scale, design.goal.terminations, design.band
    write_svg(folder / "schematic.svg", draw_schematic(*design.circuit, scale.r0, scale.omega0, terminations=ends))
    figures.use_style()
    hertz, curves, (limits, reflection_limits) = design.response.frequency_hz, _curves(design), _limits(design)
    label = f"95 % of circuits, parts within {100 * design.request.tolerance:g} %"
    edges = (band.low, band.high)
    if band.reflection is None:
        panels, columns = bode_panels(hertz, curves, limits, edges, label, design.load_ohm), 3
    else:
        both, bands = (limits, reflection_limits), (edges, (band.reflection.low, band.reflection.high))
        reflections, passbands = _reflections(design), design.merits.passbands
        panels, columns = scattering_panels(hertz, curves, reflections, passbands, both, bands, label), 2
    figures.save_panels(folder, "bode", panels, legend_order=["Target", "Design"], columns=columns)


def _curves(design: Solution) -> list[Curve]:
    """The target, where it is a curve, and the answer: 1 / S21, or V and I of a source without resistance."""
    target, response, scale = design.request.target, design.response, design.scale
    frequency, wanted = scale.omega(response.frequency_hz), []
    match target:
        case Response():
            wanted = [Curve("Target", *target.at(frequency, scale), TARGET_STYLE)]
        case Scattering():
            wanted = [Curve("Target", 1.0 / target.at(frequency, scale)[:, 1, 0], None, TARGET_STYLE)]
        case Gain() | Transmission():
            level, phase = target.at(frequency, scale)
            inverse = 10.0 ** (-level / 20) * np.exp(-1j * np.radians(0.0 if phase is None else phase))
            wanted = [Curve("Target", inverse, None, TARGET_STYLE, has_phase=phase is not None)]
    current = response.current if design.s_parameters is None else None
    return [*wanted, Curve("Design", 1.0 / design.through, current, STYLE)]


def _reflections(design: Solution) -> list[Level]:
    """S11 of the target, where it is known, and of the answer."""
    assert design.s_parameters is not None
    target, scale, wanted = design.request.target, design.scale, []
    if isinstance(target, Scattering):
        s = target.at(scale.omega(design.response.frequency_hz), scale)
        wanted = [Level("Target", -decibels(s[:, 0, 0]), TARGET_STYLE)]
    return [*wanted, Level("Design", -decibels(design.s_parameters[:, 0, 0]), STYLE)]


def _limits(design: Solution) -> tuple[Limits | None, Limits | None]:
    """The limits of a mask: of S21 or the gain, and of S11."""
    target: Target = design.request.target
    if not isinstance(target, Mask | ScatteringMask):
        return None, None
    lowest, highest, *reflection = target.limits()
    through = Limits(target.frequency_hz, lowest, highest)
    if not reflection or not np.isfinite(reflection[0]).any():
        return through, None
    return through, Limits(target.frequency_hz, np.full(len(lowest), -np.inf), reflection[0])
