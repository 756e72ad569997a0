"""``hypernet circuits design``: from a wanted response, gain or mask to a circuit with values that can be bought."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

from hypernet.circuits.core.goals import GainGoal, Goal, MaskGoal, ResponseGoal
from hypernet.circuits.core.parts import E_SERIES, R0_OHM, series_values
from hypernet.circuits.sources.targets import Gain, Mask, Response, Scale, choose_scale, read_target
from hypernet.circuits.tools.choice import choose
from hypernet.circuits.tools.deliverables import FILES, Design, write_files
from hypernet.circuits.tools.search import HIGHEST, LOWEST, Search
from hypernet.lab.errors import UserError

MODEL = Path("results/circuits/lengths4to6/ours/seed0/model.ckpt")
NO_MODEL = "none"
MOST_PARTS, MOST_CANDIDATES = 16, 4096
# The grid that targets are scaled to where there is no network.
GRID = (0.01, 100.0)
# Between the rows of a mask its limits are lines, which are looked at so often.
MASK_POINTS = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits design``."""
    parser.add_argument(
        "target",
        type=Path,
        metavar="TARGET",
        help=".s2p (Touchstone), or .csv with frequency_hz and: gain_db; gain_db,phase_deg; "
        "lowest_gain_db,highest_gain_db (a mask); or v_re,v_im,i_re,i_im",
    )
    parser.add_argument("--model", default=str(MODEL), help=f"model.ckpt, or none for no network; default: {MODEL}")
    parser.add_argument("--parts", choices=E_SERIES, default="E12", help="series of the values; default: E12")
    parser.add_argument("--max-parts", type=_whole(1, MOST_PARTS), default=8, help="default: 8")
    parser.add_argument(
        "--candidates",
        type=_whole(8, MOST_CANDIDATES),
        default=64,
        help="circuits that the network writes; default: 64",
    )
    parser.add_argument(
        "--load",
        type=_resistance,
        metavar="OHM",
        help=f"load at port 1; default: the reference of a .s2p file, {R0_OHM:g} for a .csv file",
    )
    parser.add_argument(
        "--load-port", type=int, choices=(1, 2), default=1, help="port of a .s2p file that the load closes; default: 1"
    )
    parser.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0, help="default: 0")
    parser.add_argument("--tolerance", type=_share, default=0.05, help="of the parts; default: 0.05, which is 5 %%")
    parser.add_argument("--out", type=Path, default=Path("design"), help="folder for the files; default: design")


def _whole(lowest: int, highest: int):
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return read


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _share(text: str) -> float:
    if not 0 <= _number(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to below 1, such as 0.05")
    return float(text)


def _resistance(text: str) -> float:
    if not 1e-3 <= _number(text) <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a resistance in ohms from 0.001 to 1e9")
    return float(text)


def run(arguments: argparse.Namespace) -> None:
    """Search, write the files, print the summary."""
    started = time.perf_counter()
    _check_folder(arguments.out)
    designer = _open(arguments.model)
    grid = GRID if designer is None else tuple(designer.probe.frequency[[0, -1]])
    load_ohm = arguments.load or _reference_ohm(arguments.target)
    target = read_target(arguments.target, load_ohm, arguments.load_port)
    scale = choose_scale(target.frequency_hz, load_ohm, *grid)
    goal = goal_of(target, scale, load_ohm)
    seen = goal
    if arguments.target.suffix.lower() == ".s2p" and scale.r0 != load_ohm:
        # A whole two-port is known with every load, so the network can read it with its own.
        seen = goal_of(read_target(arguments.target, scale.r0, arguments.load_port), scale, scale.r0)
    catalogue = series_values(arguments.parts, LOWEST, HIGHEST)
    size = (arguments.max_parts, arguments.candidates, arguments.seed)
    found = Search(goal, catalogue, arguments.tolerance, *size, designer, seen).run()
    choice = choose(goal, found.pool, found.scores, arguments.tolerance, arguments.seed)
    design = Design(
        arguments=arguments,
        target=target,
        scale=scale,
        load_ohm=load_ohm,
        goal=goal,
        choice=choice,
        found=found,
        longest_written=None if designer is None else designer.longest,
        seconds=time.perf_counter() - started,
    )
    write_files(design, arguments.out)
    print(design.summary())
    print(f"\nFiles in {arguments.out}: {', '.join(FILES)}")


def goal_of(target: Response | Gain | Mask, scale: Scale, load_ohm: float) -> Goal:
    """The goal behind a target, on the target's own frequencies; a mask is looked at between its rows too."""
    frequency, load = scale.omega(target.frequency_hz), load_ohm / scale.r0
    match target:
        case Response():
            return ResponseGoal(frequency, target.voltage, target.current / load, load)
        case Gain():
            phase = target.phase_degree
            voltage = 10.0 ** (-target.gain_db / 20) * np.exp(-1j * np.radians(0.0 if phase is None else phase))
            return GainGoal(frequency, voltage, phase is not None, load)
    between = np.geomspace(*target.frequency_hz[[0, -1]], MASK_POINTS)[1:-1]
    frequency = scale.omega(np.union1d(target.frequency_hz, between))
    lowest, highest = target.at(frequency, scale)
    limited = np.isfinite(lowest) | np.isfinite(highest)
    return MaskGoal(frequency[limited], lowest[limited], highest[limited], load)


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; name a folder")
    # Before a search of a minute, not after it.
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
    for name in FILES:
        if (folder / name).is_dir():
            raise UserError(f"{folder / name}: this is a folder, and would be a file of this command")


def _open(model: str):
    """The network, or None."""
    if model == NO_MODEL:
        return None
    from hypernet.circuits.core.ladder import EXCITATION
    from hypernet.circuits.trained import open_model

    if Path(model) == MODEL and not MODEL.exists():
        raise UserError(f"{MODEL}: no such file; `make run DOMAIN=circuits` trains it, --model none does without")
    designer = open_model(Path(model))
    if designer.probe.excitations != [EXCITATION]:
        raise UserError(f"{model}: trained with another excitation than {EXCITATION}, which a design is made with")
    if not designer.knows_the_end:
        raise UserError(f"{model}: must be told the number of parts; take a model of another method")
    return designer


def _reference_ohm(path: Path) -> float:
    """Reference resistance of a Touchstone file; :func:`read_target` says what is wrong with one."""
    if path.suffix.lower() != ".s2p":
        return R0_OHM
    from hypernet.circuits.sources.touchstone import read_touchstone

    try:
        reference = float(read_touchstone(path).z0[0, 0].real)
    except UserError:
        return R0_OHM
    if not reference > 0:
        print(f"warning: {path}: the reference is {reference:g} Ohm; the load is {R0_OHM:g} Ohm", file=sys.stderr)
        return R0_OHM
    return reference
