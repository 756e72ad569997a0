"""Write circuits for responses in files: one table row each. `design` does more for one target at a time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits predict``."""
    parser.add_argument("targets", type=Path, nargs="+", metavar="TARGET", help="responses: .s2p or .csv files")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a network that writes circuits")
    parser.add_argument(
        "--candidates", type=_count, default=0, help="also draw so many circuits, simulate all, keep the nearest"
    )
    parser.add_argument(
        "--load-port", type=int, choices=(1, 2), default=1, help="port of a .s2p file that the load closes; default: 1"
    )
    parser.add_argument("--seed", type=_count, default=0, help="of the drawn circuits; default: 0")
    parser.add_argument("--out", type=Path, help="write the table here (.csv); default: standard output")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 100000")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Read the responses, write a circuit for each, and say how far its response is off."""
    import pandas as pd

    from hypernet.circuits.core.parts import OMEGA0_RADIAN_PER_SECOND, R0_OHM, canonical, texts
    from hypernet.circuits.core.ranking import candidate_errors
    from hypernet.circuits.sources.targets import Response, Scale, read_target
    from hypernet.circuits.trained import open_model

    if arguments.out is not None and arguments.out.suffix != ".csv":
        raise UserError(f"{arguments.out}: the name must end in .csv")
    if arguments.out is not None and arguments.out.is_dir():
        raise UserError(f"{arguments.out}: this is a folder; name a file")
    designer = open_model(arguments.model)
    probe, scale = designer.probe, Scale(R0_OHM, OMEGA0_RADIAN_PER_SECOND)
    if probe.excitations != [(1.0, -1.0)]:
        raise UserError(f"{arguments.model}: was trained with another excitation than that of files, [1, -1]")
    responses = []
    for path in arguments.targets:
        target = read_target(path, R0_OHM, arguments.load_port)
        if not isinstance(target, Response):
            raise UserError(f"{path}: not a complete response of V and I; `hypernet circuits design` takes limits")
        try:
            responses.append(probe.compress(*(one[None] for one in target.at(probe.frequency, scale)))[0])
        except UserError as error:
            raise UserError(f"{path}: {error}; `hypernet circuits design` takes other bands") from None
    wanted = np.stack(responses)
    kinds, values = designer.candidates(wanted, arguments.candidates, arguments.seed)
    errors = candidate_errors(probe, wanted, kinds, values)
    best = errors.argmin(axis=1)
    rows = np.arange(len(best))
    named = texts(*canonical(kinds[rows, best], values[rows, best]))
    table = pd.DataFrame(
        {
            "target": [str(path) for path in arguments.targets],
            "circuit": named,
            "parts": (kinds[rows, best] >= 0).sum(axis=1),
            "response_error": errors[rows, best].round(6),
        }
    )
    if arguments.out is None:
        table.to_csv(sys.stdout, index=False)
        return
    write_table(arguments.out, table)
    print(f"{len(table)} circuits written: {arguments.out}")
