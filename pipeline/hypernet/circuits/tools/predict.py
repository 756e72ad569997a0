"""``hypernet circuits predict``: circuits that a network writes for responses. `design` does more for one target."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table
from hypernet.lab.options import whole_number

if TYPE_CHECKING:
    import pandas as pd
    import skrf

    from hypernet.circuits.sources.targets import Response
    from hypernet.circuits.tools.simulation import Simulation
    from hypernet.circuits.trained import Designer

# What is not asked for.
CANDIDATES, LOAD_PORT, SEED = 0, 2, 0
MOST_CANDIDATES = 100_000
ACCEPTED = "a .s2p or .csv file, a Response or Simulation, or a two-port of scikit-rf"


@dataclass(frozen=True)
class Predictions:
    """A circuit for each response.

    Attributes:
        targets: name of each response.
        types: types of the parts from the load to the source, 0..5 (SR, SL, SC, PR, PL, PC), -1 behind the last part,
            int8 ``[T, n]``.
        values: ``[T, n]``, normalised: with a load of 1 kOhm, 1.0 is 1 kOhm, 1 mH or 1 nF; see ``units``.
        response_error: relative RMS error of each circuit's compressed response, ``[T]``.
        load_ohm: the load of each response, which is 1.0 of its circuit's resistances, ``[T]``.
    """

    targets: tuple[str, ...]
    types: np.ndarray
    values: np.ndarray
    response_error: np.ndarray
    load_ohm: np.ndarray

    def __repr__(self) -> str:
        first, count = self.circuits[0], len(self.targets)
        if count == 1:
            return f"Predictions({first}, response error {self.response_error[0]:.2g})"
        lowest, highest = self.response_error.min(), self.response_error.max()
        return f"Predictions({count} circuits: {first} ..., response errors {lowest:.2g} to {highest:.2g})"

    def __str__(self) -> str:
        text: str = self.table.to_string(index=False)
        return text

    @property
    def circuits(self) -> list[str]:
        """The circuits as texts in canonical order, such as ``SR:1.0|PC:2.2``."""
        from hypernet.circuits.core.parts import canonical, texts

        return texts(*canonical(self.types, self.values))

    @property
    def units(self) -> list[str]:
        """What 1.0 is in each circuit, such as ``1 kOhm, 1 mH, 1 nF``."""
        return [_units(float(load)) for load in self.load_ohm]

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each response: ``target``, ``circuit``, ``parts`` (their number), ``response_error``, ``units``.

        ``units`` is what 1.0 is in ``circuit``.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "target": list(self.targets),
                "circuit": self.circuits,
                "parts": (self.types >= 0).sum(axis=1),
                "response_error": self.response_error.round(6),
                "units": self.units,
            }
        )

    def write(self, path: Path | str) -> None:
        """Write the table as CSV.

        Raises:
            UserError: another ending than .csv, or a folder.
        """
        write_table(_check_output(Path(path)), self.table)


def predict(
    targets: Path
    | str
    | Response
    | Simulation
    | skrf.Network
    | Sequence[Path | str | Response | Simulation | skrf.Network],
    *,
    model: Path | str | Designer,
    candidates: int = CANDIDATES,
    load_port: int = LOAD_PORT,
    seed: int = SEED,
) -> Predictions:
    """Write circuits for responses with a trained network.

    Args:
        targets: whole responses over at least the network's frequencies, one or several: .s2p or .csv files,
            two-ports of scikit-rf (both closed with 1 kOhm; a table is read as with that load), what `simulate`
            returned, or a `hypernet.circuits.Response` (with their own load, 1 kOhm where a response names none).
        model: a ``model.ckpt``, or what `hypernet.circuits.open_model` returned.
        candidates: so many circuits are drawn beside the most probable one, all simulated, and the nearest kept.
        load_port: the port of a two-port that the load of 1 kOhm closes, 1 or 2; the source is at the other one.
        seed: of the draws.

    Returns:
        A circuit for each response, what 1.0 is in it, and how far its response is off; `table` has a row for each.

    Raises:
        UserError: a file or an option that cannot be used; the message names it.

    Example::

        predictions = circuits.predict(["filter.s2p"], model="model.ckpt", candidates=64)
        predictions.circuits, predictions.response_error
    """
    from hypernet.circuits.core.ladder import EXCITATION
    from hypernet.circuits.core.parts import OMEGA0_RADIAN_PER_SECOND, R0_OHM
    from hypernet.circuits.core.ranking import candidate_errors
    from hypernet.circuits.core.scale import Scale
    from hypernet.circuits.sources.targets import Response, Scattering
    from hypernet.circuits.sources.wanted import as_target
    from hypernet.circuits.tools.simulation import Simulation
    from hypernet.circuits.trained import opened

    for name, number, largest in (("candidates", candidates, MOST_CANDIDATES), ("seed", seed, MOST_CANDIDATES)):
        if not 0 <= number <= largest or number != int(number):
            raise UserError(f"{name}: {number} is not a whole number from 0 to {largest}")
    designer = opened(model)
    probe, scale = designer.probe, Scale(R0_OHM, OMEGA0_RADIAN_PER_SECOND)
    if probe.excitations != [EXCITATION]:
        shown = model if isinstance(model, Path | str) else "model"
        raise UserError(f"{shown}: was trained with another excitation than that of files, [1, -1]")
    several = list(targets) if isinstance(targets, list | tuple) else [targets]
    if not several:
        raise UserError("targets: none are given")
    names, responses, loads = [], [], []
    for number, given in enumerate(several, start=1):
        name = str(given) if isinstance(given, Path | str) else f"target {number}"
        response = given.response if isinstance(given, Simulation) else given
        target = as_target(response, load_port, name, ACCEPTED)
        if isinstance(target, Scattering):
            target = target.response(R0_OHM)
        if not isinstance(target, Response):
            raise UserError(
                f"{name}: not a complete response of V and I; `hypernet circuits design` takes S21, gains and limits"
            )
        try:
            voltage, current = target.at(probe.frequency, scale)
        except UserError as error:
            raise UserError(f"{name}: {error}; `hypernet circuits design` takes other bands") from None
        loads.append(R0_OHM if target.load_ohm is None else target.load_ohm)
        names.append(name)
        responses.append(probe.compress(voltage[None], current[None])[0])
    _warn_of_loads(names, loads)
    wanted = np.stack(responses)
    types, values = designer.candidates(wanted, candidates, seed)
    errors = candidate_errors(probe, wanted, types, values)
    rows, best = np.arange(len(errors)), errors.argmin(axis=1)
    return Predictions(tuple(names), types[rows, best], values[rows, best], errors[rows, best], np.array(loads))


def _warn_of_loads(names: list[str], loads: list[float]) -> None:
    """A line on stderr for every other load than the network's; a source does not change V and I."""
    from hypernet.circuits.core.parts import R0_OHM

    for load in dict.fromkeys(loads):
        if load != R0_OHM:
            those = [name for name, other in zip(names, loads, strict=True) if other == load]
            shown = ", ".join(those[:3]) + (f" and {len(those) - 3} more" if len(those) > 3 else "")
            where = "its circuit" if len(those) == 1 else "their circuits"
            units = f"1.0 in {where} is {_units(load)}"
            print(f"warning: {shown}: the load is {load:g} Ohm, not {R0_OHM:g}; {units}", file=sys.stderr)


def _units(load_ohm: float) -> str:
    from hypernet.circuits.core.parts import OMEGA0_RADIAN_PER_SECOND, UNITS
    from hypernet.circuits.tools.quantities import quantity

    omega0 = OMEGA0_RADIAN_PER_SECOND
    sizes = zip((load_ohm, load_ohm / omega0, 1 / (load_ohm * omega0)), UNITS, strict=True)
    return ", ".join(f"{quantity(size)}{unit}" for size, unit in sizes)


def _check_output(path: Path) -> Path:
    if path.suffix != ".csv":
        raise UserError(f"{path}: the name must end in .csv")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits predict``."""
    parser.add_argument("targets", type=Path, nargs="+", metavar="TARGET", help="responses: .s2p or .csv files")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a network that writes circuits")
    parser.add_argument(
        "--candidates",
        type=whole_number(0, MOST_CANDIDATES),
        default=CANDIDATES,
        help=f"circuits drawn beside the most probable one; all are simulated, the nearest kept; default: {CANDIDATES}",
    )
    parser.add_argument(
        "--load-port",
        type=int,
        choices=(1, 2),
        default=LOAD_PORT,
        help=f"port of a .s2p file that the load closes; default: {LOAD_PORT}",
    )
    parser.add_argument(
        "--seed", type=whole_number(0, 2**31 - 1), default=SEED, help=f"of the drawn circuits; default: {SEED}"
    )
    parser.add_argument("--out", type=Path, help="write the table here (.csv); default: standard output")


def run(arguments: argparse.Namespace) -> None:
    """Read the responses, write a circuit for each, and say how far its response is off."""
    if arguments.out is not None:
        _check_output(arguments.out)
    predictions = predict(
        arguments.targets,
        model=arguments.model,
        candidates=arguments.candidates,
        load_port=arguments.load_port,
        seed=arguments.seed,
    )
    if arguments.out is None:
        predictions.table.to_csv(sys.stdout, index=False)
        return
    predictions.write(arguments.out)
    print(f"{len(predictions.targets)} circuits written: {arguments.out}")
