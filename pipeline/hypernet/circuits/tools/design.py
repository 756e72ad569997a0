"""``hypernet circuits design``: from a wanted S21, mask or two-port to a circuit with values that can be bought."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.circuits.core.goals import UNIT_LOAD, Goal, MaskGoal, ResponseGoal, ScatteringGoal, TransmissionGoal
from hypernet.circuits.core.parts import R0_OHM
from hypernet.circuits.core.scale import Scale, choose_scale
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.names import E_SERIES, series_values
from hypernet.circuits.sources.targets import (
    Gain,
    Mask,
    Response,
    Scattering,
    ScatteringMask,
    Target,
    Transmission,
)
from hypernet.circuits.sources.wanted import as_target
from hypernet.circuits.tools.choice import choose
from hypernet.circuits.tools.deliverables import FILES, Design, check_folder
from hypernet.circuits.tools.search import HIGHEST, LOWEST, Search
from hypernet.circuits.tools.simulation import Simulation
from hypernet.circuits.tools.solution import CURVE_POINTS, Request
from hypernet.lab.errors import UserError
from hypernet.lab.options import real_number, scaled_number, whole_number

if TYPE_CHECKING:
    import skrf

    from hypernet.circuits.trained import Designer

MODEL = Path("results/circuits/lengths4to6/ours/seed0/model.ckpt")
# What is called no network, beside Python's None.
NO_MODEL = "none"
ACCEPTED = (
    "a .s2p or .csv file, a Transmission, ScatteringMask, Scattering, Response, Gain, Mask or Simulation, or a "
    "two-port of scikit-rf"
)
# What is not asked for.
SERIES, MAX_PARTS, CANDIDATES, LOAD_PORT, SEED, TOLERANCE = "E12", 8, 64, 2, 0, 0.05
WHOLE_NUMBERS = {"max_parts": (1, 16), "candidates": (8, 4096), "seed": (0, 2**31 - 1)}
LOWEST_OHM, HIGHEST_OHM = 1e-3, 1e9
# Source and load of S21, and the load of a voltage gain, where nothing else is said.
USUAL_OHM = 50.0
# The grid that targets are scaled to where there is no network.
GRID = (0.01, 100.0)
# About the frequencies at which a mask's limits are looked at, beside its rows: while searching, and to judge what was
# found (half of them are those of its curves). Between rows limits are straight lines.
MASK_POINTS, JUDGED_POINTS = 120, 2 * CURVE_POINTS


def design(
    target: Path | str | Target | Simulation | skrf.Network,
    *,
    model: Path | str | Designer | None = MODEL,
    parts: str = SERIES,
    max_parts: int = MAX_PARTS,
    candidates: int = CANDIDATES,
    source: float | None = None,
    load: float | None = None,
    load_port: int = LOAD_PORT,
    seed: int = SEED,
    tolerance: float = TOLERANCE,
    resonators: bool = True,
) -> Design:
    """Find a passive ladder for a wanted S21, mask, two-port, response or gain, with values that can be bought.

    Args:
        target: a .s2p (Touchstone) or .csv file, with the columns that `docs/circuits.md` names; a two-port of
            scikit-rf; a `hypernet.circuits.Transmission`, `ScatteringMask`, `Scattering`, `Response`, `Gain` or
            `Mask`; or what `simulate` returned.
        model: a ``model.ckpt``, what `hypernet.circuits.open_model` returned, or None (or "none") to search without.
        parts: series of the values: E3, E6, E12, E24, E48 or E96.
        max_parts: most parts of the circuit, 1 to 16.
        candidates: circuits that the network writes, 8 to 4096.
        source: resistance of the source in ohms; None: 50, or the reference of a two-port's port. Voltage gains and
            responses have a source without.
        load: in ohms; None: 50, the reference of a two-port's port, or what a response names or else 1 kOhm.
        load_port: the port of a two-port where the load is, 1 or 2.
        seed: the same seed finds the same circuit.
        tolerance: of the parts, a share, such as 0.05.
        resonators: whether coils parallel to a capacitor in the line, and in series with one to ground, are tried.

    Returns:
        The chosen circuit, the others that were compared, the response, and what parts with a tolerance do to it.

    Raises:
        UserError: a file or an option that cannot be used; one line names it.

    Example::

        hertz = np.array([1e6, 1e7, 2e7, 1e8])
        low_pass = circuits.ScatteringMask(hertz, np.array([-1, -1, np.nan, np.nan]), np.array([0, 0, -20, -20]))
        answer = circuits.design(low_pass, model=None, max_parts=5)
        answer.text, answer.mask_yield.value
        answer.write("my_filter")
    """
    started = time.perf_counter()
    _check_options(parts, tolerance, max_parts=max_parts, candidates=candidates, seed=seed)
    for name, ohm in (("source", source), ("load", load)):
        if ohm is not None and not LOWEST_OHM <= ohm <= HIGHEST_OHM:
            raise UserError(f"{name}: {ohm} is not a resistance in ohms from {LOWEST_OHM:g} to {HIGHEST_OHM:g}")
    designer = _open(model)
    lowest, highest = GRID if designer is None else designer.probe.frequency[[0, -1]].tolist()
    file = Path(target) if isinstance(target, Path | str) else None
    name = "target" if file is None else str(file)
    wanted = as_target(_known(target), load_port, name, ACCEPTED)
    source, load = _ends(wanted, source, load, name)
    if isinstance(wanted, Scattering):
        wanted = wanted.renormalised(source or USUAL_OHM, load)
    scale = choose_scale(wanted.frequency_hz, load, lowest, highest)
    ends = Terminations(None if source is None else source / scale.r0, load / scale.r0)
    goal = goal_of(wanted, scale, ends)
    # A two-port is known with every load, also with that of the network.
    seen = goal_of(wanted.response(scale.r0), scale, UNIT_LOAD) if isinstance(wanted, Scattering) else goal
    catalogue = series_values(parts, LOWEST, HIGHEST)
    search = Search(goal, catalogue, tolerance, max_parts, candidates, seed, designer, seen, resonators=resonators)
    result = search.run()
    judged = goal_of(wanted, scale, ends, JUDGED_POINTS)
    return Design(
        request=Request(
            target=wanted,
            file=file,
            model=NO_MODEL if designer is None else _model_name(model),
            parts=parts,
            max_parts=max_parts,
            candidates=candidates,
            tolerance=tolerance,
            seed=seed,
            resonators=resonators,
        ),
        scale=scale,
        source_ohm=source,
        load_ohm=load,
        goal=goal,
        judged=judged,
        choice=choose(goal, result.pool, judged, tolerance, seed),
        search=result,
        longest_written=None if designer is None else designer.longest,
        seconds=time.perf_counter() - started,
    )


def goal_of(target: Target, scale: Scale, terminations: Terminations, points: int = MASK_POINTS) -> Goal:
    """The goal behind a target, on the target's own frequencies; a mask is looked at between its rows too.

    Args:
        target: what is wanted.
        scale: what 1.0 is.
        terminations: source and load, in units of ``scale.r0``.
        points: about the frequencies between the rows of a mask.
    """
    frequency = scale.omega(target.frequency_hz)
    match target:
        case Response():
            load = terminations.load
            return ResponseGoal(frequency, target.voltage, target.current / load, load)
        case Scattering():
            return ScatteringGoal(frequency, target.s, terminations)
        case Gain() | Transmission():
            level, phase = target.at(frequency, scale)
            inverse = 10.0 ** (-level / 20) * np.exp(-1j * np.radians(0.0 if phase is None else phase))
            return TransmissionGoal(frequency, inverse, phase is not None, terminations)
    frequency = scale.omega(_between_rows(target.frequency_hz, points))
    lowest, highest, *reflection = target.at(frequency, scale)
    limited = target.covers(frequency, scale)
    # A column without a number limits nothing.
    highest_reflection = reflection[0][limited] if reflection and np.isfinite(reflection[0]).any() else None
    return MaskGoal(frequency[limited], lowest[limited], highest[limited], terminations, highest_reflection)


def _between_rows(hertz: np.ndarray, points: int) -> np.ndarray:
    """The rows of a mask, half of the points evenly over log f, and the other half evenly over its rows."""
    edges = np.unique(hertz)
    each = max(2, points // 2 // max(len(edges) - 1, 1))
    inner = [np.geomspace(low, high, each + 1)[1:-1] for low, high in itertools.pairwise(edges)]
    even = np.geomspace(edges[0], edges[-1], max(points // 2, 2))[1:-1]
    every = np.unique(np.concatenate([edges, even, *inner]))
    # Rows as they are: what comes within rounding of one goes.
    near = np.isclose(every[:, None], edges, rtol=1e-9, atol=0.0).any(axis=1) & ~np.isin(every, edges)
    return every[~near]


def _known(target: Path | str | Target | Simulation | skrf.Network) -> Path | str | Target | skrf.Network:
    """A simulation as a two-port between its source and its load, or as the response with its load."""
    if not isinstance(target, Simulation):
        return target
    source, load = target.ladder.source_ohm, target.ladder.load_ohm
    if source is None or math.isinf(load):
        return target.response
    return Scattering(target.frequency_hz, target.s_parameters, source, load)


def _ends(wanted: Target, source: float | None, load: float | None, name: str) -> tuple[float | None, float]:
    """The resistances of source and load in ohms: what is asked for, what the target says, or what is usual."""
    match wanted:
        case Scattering():
            return source or _usable(wanted.source_ohm, name), load or _usable(wanted.load_ohm, name)
        case Transmission() | ScatteringMask():
            return source or USUAL_OHM, load or USUAL_OHM
    if source is not None:
        raise UserError(
            f"source: {name} is a voltage gain or a response, whose source has no resistance; "
            "for S21 between a source and a load name the columns s21_db, or lowest_s21_db and highest_s21_db"
        )
    if isinstance(wanted, Gain | Mask):
        return None, load or USUAL_OHM
    known = wanted.load_ohm
    if load is not None and known not in (None, load):
        print(
            f"warning: {name}: a response with a load of {known:g} Ohm is read as one with {load:g} Ohm",
            file=sys.stderr,
        )
    return None, load or (R0_OHM if known is None else _usable(known, name))


def _usable(reference: float, name: str) -> float:
    if LOWEST_OHM <= reference <= HIGHEST_OHM:
        return reference
    print(f"warning: {name}: the reference is {reference:g} Ohm; {USUAL_OHM:g} Ohm is taken", file=sys.stderr)
    return USUAL_OHM


def _check_options(parts: str, tolerance: float, **numbers: int) -> None:
    if parts not in E_SERIES:
        raise UserError(f"parts: {parts!r} is not a series; accepted: {', '.join(E_SERIES)}")
    if not 0 <= tolerance < 1:
        raise UserError(f"tolerance: {tolerance} is not a share from 0 to below 1, such as 0.05")
    for name, number in numbers.items():
        lowest, highest = WHOLE_NUMBERS[name]
        if number != int(number) or not lowest <= number <= highest:
            raise UserError(f"{name}: {number} is not a whole number from {lowest} to {highest}")


def _open(model: Path | str | Designer | None) -> Designer | None:
    """The network; None without one, and where the default one has not been trained."""
    from hypernet.circuits.core.ladder import EXCITATION
    from hypernet.circuits.trained import opened

    if model is None or model == NO_MODEL:
        return None
    shown = _model_name(model)
    if isinstance(model, Path | str) and Path(model) == MODEL and not MODEL.exists():
        print(
            f"note: {MODEL}: no such file, so the search goes without a network; `make run DOMAIN=circuits` trains it",
            file=sys.stderr,
        )
        return None
    designer = opened(model)
    if designer.probe.excitations != [EXCITATION]:
        raise UserError(f"{shown}: trained with another excitation than {EXCITATION}, that of all targets here")
    if not designer.knows_the_end:
        raise UserError(f"{shown}: needs the number of parts; take a model of another method")
    return designer


def _model_name(model: Path | str | Designer | None) -> str:
    if model is None:
        return NO_MODEL
    return str(model) if isinstance(model, Path | str) else f"{model.method}, {model.title}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits design``."""
    parser.add_argument(
        "target",
        type=Path,
        metavar="TARGET",
        help=".s2p (Touchstone), or .csv with frequency_hz (or _khz, _mhz, _ghz) and: s21_db[,s21_phase_deg]; "
        "lowest_s21_db,highest_s21_db[,highest_s11_db] (a mask); gain_db[,phase_deg] or lowest_gain_db,highest_gain_db "
        "(voltage gain); or v_re,v_im,i_re,i_im",
    )
    parser.add_argument(
        "--model", default=str(MODEL), help=f"model.ckpt, or {NO_MODEL} for no network; default: {MODEL}"
    )
    parser.add_argument("--parts", choices=E_SERIES, default=SERIES, help=f"series of the values; default: {SERIES}")
    parser.add_argument(
        "--max-parts",
        type=whole_number(*WHOLE_NUMBERS["max_parts"]),
        default=MAX_PARTS,
        help=f"most parts of the circuit; default: {MAX_PARTS}",
    )
    parser.add_argument(
        "--candidates",
        type=whole_number(*WHOLE_NUMBERS["candidates"]),
        default=CANDIDATES,
        help=f"circuits that the network writes; default: {CANDIDATES}",
    )
    ohms = f"a resistance in ohms from {LOWEST_OHM:g} to {HIGHEST_OHM:g}"
    parser.add_argument(
        "--source",
        type=scaled_number(LOWEST_OHM, HIGHEST_OHM, "Ohm", ohms),
        metavar="OHM",
        help=f"resistance of the source, at port 1; default: {USUAL_OHM:g} for S21, the reference of a .s2p file; "
        "voltage gains and responses have none",
    )
    parser.add_argument(
        "--load",
        type=scaled_number(LOWEST_OHM, HIGHEST_OHM, "Ohm", ohms),
        metavar="OHM",
        help=f"load at port 2; default: {USUAL_OHM:g}, the reference of a .s2p file, {R0_OHM:g} for v_re,v_im,...",
    )
    parser.add_argument(
        "--load-port",
        type=int,
        choices=(1, 2),
        default=LOAD_PORT,
        help=f"port of a .s2p file where the load is; default: {LOAD_PORT}",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(*WHOLE_NUMBERS["seed"]),
        default=SEED,
        help=f"of the search's random numbers; default: {SEED}",
    )
    parser.add_argument(
        "--tolerance",
        type=real_number(0, math.nextafter(1, 0), "a share from 0 to below 1, such as 0.05"),
        default=TOLERANCE,
        help=f"of the parts, a share; default: {TOLERANCE:g}, which is {100 * TOLERANCE:g} %%",
    )
    parser.add_argument(
        "--no-resonators",
        dest="resonators",
        action="store_false",
        help="no coil parallel to a capacitor in the line, and none in series with one to ground",
    )
    parser.add_argument("--out", type=Path, default=Path("design"), help="folder for the files; default: design")


def run(arguments: argparse.Namespace) -> None:
    """Search, write the files, print the summary."""
    # Before a search of a minute, not after it.
    check_folder(arguments.out)
    result = design(
        arguments.target,
        model=arguments.model,
        parts=arguments.parts,
        max_parts=arguments.max_parts,
        candidates=arguments.candidates,
        source=arguments.source,
        load=arguments.load,
        load_port=arguments.load_port,
        seed=arguments.seed,
        tolerance=arguments.tolerance,
        resonators=arguments.resonators,
    )
    result.write(arguments.out)
    print(result.summary())
    print(f"\nFiles in {arguments.out}: {', '.join(FILES)}")
