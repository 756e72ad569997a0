"""``hypernet codes curve``: error rates of belief propagation, and of a trained decoder, on any code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hypernet.codes.baselines.message_passing import BeliefPropagation
from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.gf2 import generator_matrix
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.dataset import Code
from hypernet.codes.evaluate import measure
from hypernet.codes.methods import TITLES
from hypernet.codes.montecarlo import Decode, simulate
from hypernet.codes.sources.alist import read_parity_check
from hypernet.codes.sources.matrices import CODES, construct, matrix_digest, validate
from hypernet.codes.tools.predict import whole_number
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, write_table
from hypernet.lab.results import figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes curve``."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--matrix", type=Path, help="your parity-check matrix: alist, or rows of 0 and 1")
    group.add_argument(
        "--code", choices=[name for name, code in CODES.items() if code.construction], help="a built-in code"
    )
    parser.add_argument("--model", type=Path, help="model.ckpt of a decoder trained on this matrix")
    parser.add_argument("--ebn0", type=_points, default=_points("1:6:1"), help="first:last:step in dB; default: 1:6:1")
    parser.add_argument("--words", type=_count, default=50_000, help="most words per point; default: 50000")
    parser.add_argument("--frame-errors", type=_count, default=100, help="wrong words that end a point; default: 100")
    parser.add_argument(
        "--iterations", type=whole_number, default=5, help="check updates of belief propagation; default: 5"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--out", type=Path, default=Path("curve.png"), help="the picture, .png; a .csv stands beside it"
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10^9")
    return int(text)


def _points(text: str) -> list[float]:
    try:
        first, last, step = (float(field) for field in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not first:last:step in dB, like 1:6:0.5") from None
    if not (-20 <= first <= last <= 30 and step >= 0.01 and (last - first) / step < 100):
        raise argparse.ArgumentTypeError(f"{text!r}: from -20 to 30 dB, rising, at most 100 points")
    return [round(first + i * step, 6) for i in range(int((last - first) / step + 1e-9) + 1)]


def run(arguments: argparse.Namespace) -> None:
    """Simulate, print the table, draw the curve."""
    if arguments.out.suffix != ".png":
        raise UserError(f"{arguments.out}: the name must end in .png")
    for path in (arguments.out, arguments.out.with_suffix(".csv")):
        if path.is_dir():
            raise UserError(f"{path}: this is a folder, and would be a file of this command")
    if arguments.matrix is not None:
        parity_check, title = read_parity_check(arguments.matrix), arguments.matrix.stem
        for warning in validate(parity_check, str(arguments.matrix)):
            print(f"warning: {warning}", file=sys.stderr)
    else:
        parity_check, title = construct(arguments.code), CODES[arguments.code].title
    code = Code(title, parity_check, generator_matrix(parity_check))
    plain = BeliefPropagation(TannerGraph(parity_check), arguments.iterations)

    def decode_plain(llr: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return plain(torch.from_numpy(llr)).numpy()

    decoders: dict[str, Decode] = {f"{TITLES['bp']}, {arguments.iterations} iterations": decode_plain}
    if arguments.model is not None:
        trained = open_model(arguments.model)
        if matrix_digest(trained.parity_check) != matrix_digest(parity_check):
            raise UserError(f"{arguments.model}: trained on {trained.title}, whose matrix is not that of {title}")
        decoders[f"{TITLES[trained.method]}, {trained.iterations} iterations"] = trained.decode_columns
    tables = {label: _simulate(decode, code, arguments) for label, decode in decoders.items()}
    table = pd.concat(tables, names=["decoder"]).reset_index(level=0)
    write_table(arguments.out.with_suffix(".csv"), table)
    print(table.to_string(index=False))
    _draw(table, code, arguments.out)
    print(f"{arguments.out} and {arguments.out.with_suffix('.csv')}")


def _simulate(decode: Decode, code: Code, arguments: argparse.Namespace) -> pd.DataFrame:
    rule = MonteCarlo(
        ebn0_db=arguments.ebn0,
        chunk_words=500,
        min_words=min(5000, arguments.words),
        max_words=arguments.words,
        min_frame_errors=arguments.frame_errors,
        parts=1,
        more_iterations={},
    )
    settings = EvaluationSettings(monte_carlo=rule, iterations=[arguments.iterations])
    counts = simulate(lambda iterations: decode, code, settings, arguments.seed, 0, None, digest_of([]))
    rows = [
        {
            "ebn0_db": float(one.group.removesuffix(" dB")),
            "ber": one.value,
            "low": one.low,
            "high": one.high,
            "n": one.n,
        }
        for one in measure(counts, code.length, arguments.iterations)
        if one.metric == "ber"
    ]
    # Where there is a bound only, the others are None; numbers throughout let them be drawn.
    return pd.DataFrame(rows).astype({"ber": float, "low": float, "high": float})


def _draw(table: pd.DataFrame, code: Code, out: Path) -> None:
    figures.use_style()
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 4.4))
    for (label, rows), colour, marker in zip(
        table.groupby("decoder", sort=False), figures.COLOURS, figures.MARKERS, strict=False
    ):
        known = rows.dropna(subset=["ber"])
        axes.semilogy(known.ebn0_db, known.ber, color=colour, marker=marker, ms=5, label=label)
        axes.fill_between(known.ebn0_db, known.low, known.high, color=colour, alpha=0.2, lw=0)
        bounds = rows[rows.ber.isna()]
        axes.semilogy(bounds.ebn0_db, bounds.high, ls="", marker=r"$\downarrow$", ms=9, color=colour)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("Bit error rate")
    axes.set_title(f"{code.title}, rate {code.rate:.3f}")
    axes.legend()
    figures.save(figure, out.parent, out.stem)
