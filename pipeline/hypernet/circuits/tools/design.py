"""``hypernet circuits design``: from a wanted response, gain or mask to a circuit with values that can be bought."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.circuits.core.goals import GainGoal, Goal, MaskGoal, ResponseGoal
from hypernet.circuits.core.parts import R0_OHM
from hypernet.circuits.names import E_SERIES, series_values
from hypernet.circuits.sources.targets import Gain, Response, Scale, Target, as_target, choose_scale, response_of
from hypernet.circuits.sources.touchstone import read_touchstone
from hypernet.circuits.tools.choice import choose
from hypernet.circuits.tools.deliverables import FILES, Design, Request, check_folder
from hypernet.circuits.tools.search import HIGHEST, LOWEST, Search
from hypernet.circuits.tools.simulate import Simulation
from hypernet.lab.errors import UserError
from hypernet.lab.options import real_number, whole_number

if TYPE_CHECKING:
    import skrf

    from hypernet.circuits.trained import Designer

MODEL = Path("results/circuits/lengths4to6/ours/seed0/model.ckpt")
# What is called no network, beside Python's None.
NO_MODEL = "none"
ACCEPTED = "a .s2p or .csv file, a Response, Gain, Mask or Simulation, or a two-port of scikit-rf"
# What is not asked for.
SERIES, MAX_PARTS, CANDIDATES, LOAD_PORT, SEED, TOLERANCE = "E12", 8, 64, 1, 0, 0.05
WHOLE_NUMBERS = {"max_parts": (1, 16), "candidates": (8, 4096), "seed": (0, 2**31 - 1)}
LOWEST_OHM, HIGHEST_OHM = 1e-3, 1e9
# The grid that targets are scaled to where there is no network.
GRID = (0.01, 100.0)
# Frequencies at which a mask's limits are looked at, beside its rows: between rows they are straight lines.
MASK_POINTS = 120


def design(
    target: Path | str | Target | Simulation | skrf.Network,
    *,
    model: Path | str | Designer | None = MODEL,
    parts: str = SERIES,
    max_parts: int = MAX_PARTS,
    candidates: int = CANDIDATES,
    load: float | None = None,
    load_port: int = LOAD_PORT,
    seed: int = SEED,
    tolerance: float = TOLERANCE,
) -> Design:
    """Find a passive ladder for a wanted response, gain or mask, with values that can be bought.

    Args:
        target: a .s2p (Touchstone) or .csv file, with the columns that `docs/circuits.md` names; a two-port of
            scikit-rf; a `hypernet.circuits.Response`, `Gain` or `Mask`; or what `simulate` returned.
        model: a ``model.ckpt``, what `hypernet.circuits.open_model` returned, or None (or "none") to search without.
        parts: series of the values: E3, E6, E12 or E24.
        max_parts: most parts of the circuit, 1 to 16.
        candidates: circuits that the network writes, 8 to 4096.
        load: load at port 1 in ohms; None: the reference of a two-port, that of a response that names its load, 1 kOhm
            for others.
        load_port: the port of a two-port that the load closes, 1 or 2.
        seed: the same seed finds the same circuit.
        tolerance: of the parts, a share, such as 0.05.

    Returns:
        The chosen circuit, the others that were compared, the response, and what parts with a tolerance do to it.

    Raises:
        UserError: a file or an option that cannot be used; one line names it.

    Example::

        hertz = np.array([1e4, 1e5, 5e5, 2e6])
        low_pass = circuits.Mask(hertz, np.array([-3, -3, np.nan, np.nan]), np.array([1, 1, -30, -30]))
        answer = circuits.design(low_pass, model=None, max_parts=5)
        answer.text, answer.mask_yield.value
        answer.write("my_filter")
    """
    started = time.perf_counter()
    _check_options(parts, load, tolerance, max_parts=max_parts, candidates=candidates, seed=seed)
    model = None if model == NO_MODEL else model
    designer = None if model is None else _open(model)
    lowest, highest = GRID if designer is None else designer.probe.frequency[[0, -1]].tolist()
    target = target.response if isinstance(target, Simulation) else target
    two_port = _two_port(target)
    name = str(target) if isinstance(target, Path | str) else "target"
    load_ohm = load or _reference_ohm(target, two_port, name)
    wanted = as_target(target if two_port is None else two_port, load_ohm, load_port, name, ACCEPTED)
    if isinstance(wanted, Response) and wanted.load_ohm not in (None, load_ohm):
        print(
            f"warning: {name}: a response with a load of {wanted.load_ohm:g} Ohm is read as one with {load_ohm:g} Ohm",
            file=sys.stderr,
        )
    scale = choose_scale(wanted.frequency_hz, load_ohm, lowest, highest)
    goal = goal_of(wanted, scale, load_ohm)
    seen = goal
    if two_port is not None and scale.r0 != load_ohm:
        # The response of a whole two-port is known for every load, also for the one that the network was trained with.
        seen = goal_of(response_of(two_port, scale.r0, load_port, name), scale, scale.r0)
    catalogue = series_values(parts, LOWEST, HIGHEST)
    result = Search(goal, catalogue, tolerance, max_parts, candidates, seed, designer, seen).run()
    return Design(
        request=Request(
            target=wanted,
            file=Path(target) if isinstance(target, Path | str) else None,
            model=_model_name(model),
            parts=parts,
            max_parts=max_parts,
            candidates=candidates,
            tolerance=tolerance,
            seed=seed,
        ),
        scale=scale,
        load_ohm=load_ohm,
        goal=goal,
        choice=choose(goal, result.pool, result.scores, tolerance, seed),
        search=result,
        longest_written=None if designer is None else designer.longest,
        seconds=time.perf_counter() - started,
    )


def goal_of(target: Target, scale: Scale, load_ohm: float) -> Goal:
    """The goal behind a target, on the target's own frequencies; a mask is looked at between its rows too."""
    frequency, load = scale.omega(target.frequency_hz), load_ohm / scale.r0
    match target:
        case Response():
            return ResponseGoal(frequency, target.voltage, target.current / load, load)
        case Gain():
            phase = target.phase_degree
            voltage = 10.0 ** (-target.gain_db / 20) * np.exp(-1j * np.radians(0.0 if phase is None else phase))
            return GainGoal(frequency, voltage, phase is not None, load)
    first, last = target.frequency_hz[[0, -1]]
    between = np.geomspace(first, last, MASK_POINTS)[1:-1]
    frequency = scale.omega(np.union1d(target.frequency_hz, between))
    lowest, highest = target.at(frequency, scale)
    limited = np.isfinite(lowest) | np.isfinite(highest)
    return MaskGoal(frequency[limited], lowest[limited], highest[limited], load)


def _check_options(parts: str, load: float | None, tolerance: float, **numbers: int) -> None:
    if parts not in E_SERIES:
        raise UserError(f"parts: {parts!r} is not a series; accepted: {', '.join(E_SERIES)}")
    if load is not None and not LOWEST_OHM <= load <= HIGHEST_OHM:
        raise UserError(f"load: {load} is not a resistance in ohms from {LOWEST_OHM:g} to {HIGHEST_OHM:g}")
    if not 0 <= tolerance < 1:
        raise UserError(f"tolerance: {tolerance} is not a share from 0 to below 1, such as 0.05")
    for name, number in numbers.items():
        lowest, highest = WHOLE_NUMBERS[name]
        if number != int(number) or not lowest <= number <= highest:
            raise UserError(f"{name}: {number} is not a whole number from {lowest} to {highest}")


def _open(model: Path | str | Designer) -> Designer:
    from hypernet.circuits.core.ladder import EXCITATION
    from hypernet.circuits.trained import opened

    shown = _model_name(model)
    if isinstance(model, Path | str) and Path(model) == MODEL and not MODEL.exists():
        raise UserError(
            f"{MODEL}: no such file; `make run DOMAIN=circuits` trains it, --model none (from Python: model=None) "
            "does without"
        )
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


def _two_port(target: Path | str | Target | skrf.Network) -> skrf.Network | None:
    """What is known with every load; None for targets that belong to one."""
    if isinstance(target, Path | str):
        return read_touchstone(target) if Path(target).suffix.lower() == ".s2p" else None
    return target if hasattr(target, "nports") else None


def _reference_ohm(target: Path | str | Target | skrf.Network, two_port: skrf.Network | None, name: str) -> float:
    """The load that a two-port or a response names; 1 kOhm for all others."""
    reference = R0_OHM
    if two_port is not None:
        reference = float(two_port.z0[0, 0].real) if len(two_port.z0) else R0_OHM
    elif isinstance(target, Response) and target.load_ohm is not None:
        reference = target.load_ohm
    if not LOWEST_OHM <= reference <= HIGHEST_OHM:
        print(f"warning: {name}: the reference is {reference:g} Ohm; the load is {R0_OHM:g} Ohm", file=sys.stderr)
        return R0_OHM
    return reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits design``."""
    parser.add_argument(
        "target",
        type=Path,
        metavar="TARGET",
        help=".s2p (Touchstone), or .csv with frequency_hz and: gain_db; gain_db,phase_deg; "
        "lowest_gain_db,highest_gain_db (a mask); or v_re,v_im,i_re,i_im",
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
    parser.add_argument(
        "--load",
        type=real_number(LOWEST_OHM, HIGHEST_OHM, f"a resistance in ohms from {LOWEST_OHM:g} to {HIGHEST_OHM:g}"),
        metavar="OHM",
        help=f"load at port 1; default: the reference of a .s2p file, {R0_OHM:g} for a .csv file",
    )
    parser.add_argument(
        "--load-port",
        type=int,
        choices=(1, 2),
        default=LOAD_PORT,
        help=f"port of a .s2p file that the load closes; default: {LOAD_PORT}",
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
        load=arguments.load,
        load_port=arguments.load_port,
        seed=arguments.seed,
        tolerance=arguments.tolerance,
    )
    result.write(arguments.out)
    print(result.summary())
    print(f"\nFiles in {arguments.out}: {', '.join(FILES)}")
