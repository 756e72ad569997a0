"""``hypernet codes curve``: error rates of belief propagation, and of a trained decoder, on any code."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, SupportsFloat, cast, runtime_checkable

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.channel import Code
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.evaluate import measure
from hypernet.codes.methods import TITLES
from hypernet.codes.montecarlo import Decode, simulate
from hypernet.codes.names import CODES
from hypernet.codes.plots.error_rates import draw_curve
from hypernet.codes.sources.alist import LARGEST_AREA, read_parity_check
from hypernet.codes.sources.matrices import construct, matrix_digest, validate
from hypernet.codes.tools.inputs import opened, whole_number
from hypernet.codes.trained import MOST_ITERATIONS, TrainedDecoder, as_array
from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, write_table
from hypernet.lab.results import figures

EBN0 = "1:6:1"
WORDS, FEWEST_WORDS, MOST_WORDS, WORDS_AT_ONCE = 50_000, 5_000, 10**9, 500
FRAME_ERRORS = 100
ITERATIONS = 5
SEED = 0
LOWEST_DB, HIGHEST_DB, MOST_POINTS, SMALLEST_STEP = -20.0, 30.0, 100, 0.01


@runtime_checkable
class SparseMatrix(Protocol):
    """A matrix or array of scipy.sparse."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    def toarray(self) -> np.ndarray:
        """The same with its zeros."""


@dataclass(frozen=True)
class Curve:
    """Bit error rates of decoders on one code.

    Attributes:
        table: a row for each decoder and point, columns ``decoder``, ``ebn0_db``, ``ber`` with its 95 % interval
            ``low`` and ``high``, and the number of words ``n``. With fewer than 10 wrong words ``ber`` and ``low`` are
            missing and ``high`` is a bound.
        title: name of the code.
        rate: R = k / n.
    """

    table: pd.DataFrame
    title: str
    rate: float

    def __repr__(self) -> str:
        decoders, points = self.table.decoder.nunique(), self.table.ebn0_db.nunique()
        return f"Curve({self.title}, rate {self.rate:.3f}, decoders: {decoders}, points: {points})"

    def draw(self) -> Figure:
        """Draw the bit error rates over Eb/N0.

        Returns:
            The picture; close it with ``matplotlib.pyplot.close`` when it is not shown.
        """
        return draw_curve(self.table, f"{self.title}, rate {self.rate:.3f}")

    def save(self, path: str | Path) -> None:
        """Write the picture (.png, and .svg beside it) and the table (.csv beside it).

        Raises:
            UserError: the name does not end in .png, or one of the files is a folder.
        """
        path = _picture(path)
        write_table(path.with_suffix(".csv"), self.table)
        figures.save(self.draw(), path.parent, path.stem)


def curve(
    matrix: ArrayLike | SparseMatrix | Code | str | Path | None = None,
    *,
    code: str | None = None,
    model: str | Path | TrainedDecoder | None = None,
    ebn0: str | SupportsFloat | Iterable[SupportsFloat] = EBN0,
    words: int = WORDS,
    frame_errors: int = FRAME_ERRORS,
    iterations: int = ITERATIONS,
    seed: int = SEED,
) -> Curve:
    """Simulate random code words on the Gaussian channel, and count what belief propagation gets wrong.

    All decoders see the same words and the same noise. Progress and warnings go to standard error.

    Args:
        matrix: parity-check matrix H, ``[m, n]`` of 0 and 1, as an array, a matrix of scipy.sparse or a ``Code``; or
            its file: alist, or a row of 0 and 1 a line.
        code: instead of ``matrix``, a code that is known by name, e.g. ``BCH31_16``.
        model: ``model.ckpt`` of a decoder trained on this matrix, or the opened decoder, to measure as well.
        ebn0: Eb/N0 in dB, each from -20 to 30: a number, several, or text: "first:last:step" or "2,4,6".
        words: most words at each point.
        frame_errors: number of wrong words that ends a point, after at least 5000 words.
        iterations: check updates of belief propagation.
        seed: of the words and the noise.

    Returns:
        The bit error rates with their intervals.

    Raises:
        UserError: neither or both of ``matrix`` and ``code``, a matrix that defines no code, a model of another code,
            or an impossible number.

    Example:
        >>> import hypernet
        >>> curve = hypernet.codes.curve([[1, 1, 0], [0, 1, 1]], ebn0=[2, 4], words=5000)
        >>> curve.table.ebn0_db.tolist()
        [2.0, 4.0]
    """
    most_words = whole_number("words", words, MOST_WORDS)
    rule = MonteCarlo(
        ebn0_db=_points(ebn0),
        chunk_words=WORDS_AT_ONCE,
        min_words=min(FEWEST_WORDS, most_words),
        max_words=most_words,
        min_frame_errors=whole_number("frame_errors", frame_errors, MOST_WORDS),
        parts=1,
        more_iterations={},
    )
    settings = EvaluationSettings(monte_carlo=rule, iterations=[whole_number("iterations", iterations)])
    chosen = _code(matrix, code)
    plain = BeliefPropagation(TannerGraph(chosen.parity_check), iterations)

    def decode_plain(llr: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            decoded: Tensor = plain(torch.from_numpy(llr))
        return decoded.numpy()

    decoders: dict[str, Decode] = {f"{TITLES['bp']}, {iterations} iterations": decode_plain}
    if model is not None:
        trained = opened(model)
        if matrix_digest(trained.parity_check) != matrix_digest(chosen.parity_check):
            name = "the model" if isinstance(model, TrainedDecoder) else model
            raise UserError(f"{name}: trained on {trained.title}, whose matrix is not that of {chosen.title}")
        decoders[f"{TITLES[trained.method]}, {trained.iterations} iterations"] = trained.decode_columns
    tables = {label: _rates(decode, chosen, settings, seed) for label, decode in decoders.items()}
    table = pd.concat(tables, names=["decoder"]).reset_index(level=0).reset_index(drop=True)
    return Curve(table, chosen.title, chosen.rate)


def _points(ebn0: str | SupportsFloat | Iterable[SupportsFloat]) -> list[float]:
    """Eb/N0 in dB."""
    if not isinstance(ebn0, str):
        # An array of no dimensions is a number.
        several = isinstance(ebn0, Iterable) and getattr(ebn0, "ndim", 1) != 0
        given = cast("Iterable[SupportsFloat]", ebn0 if several else [ebn0])
        try:
            # No more than it takes to see that there are too many.
            points = [float(point) for point in itertools.islice(given, MOST_POINTS + 1)]
        except (TypeError, ValueError):
            shown = " ".join(repr(ebn0).split())[:80]
            raise UserError(f"ebn0: {shown} is not a number of dB, several, or first:last:step") from None
        return _accepted(points, str(points)[:80])
    try:
        if ":" not in ebn0:
            return _accepted([float(field) for field in ebn0.split(",")], repr(ebn0[:40]))
        first, last, step = (float(field) for field in ebn0.split(":"))
    except ValueError:
        raise UserError(
            f"ebn0: {ebn0[:40]!r} is not first:last:step in dB, like 1:6:0.5, nor values, like 2,4,6"
        ) from None
    rising = LOWEST_DB <= first <= last <= HIGHEST_DB and SMALLEST_STEP <= step < math.inf
    if not (rising and (last - first) / step < MOST_POINTS):
        raise UserError(f"ebn0: {ebn0[:40]!r}: from -20 to 30 dB, rising, at most {MOST_POINTS} points")
    return [round(first + i * step, 6) for i in range(int((last - first) / step + 1e-9) + 1)]


def _accepted(points: list[float], shown: str) -> list[float]:
    if not 1 <= len(points) <= MOST_POINTS or not all(LOWEST_DB <= point <= HIGHEST_DB for point in points):
        raise UserError(f"ebn0: {shown}: from -20 to 30 dB, 1 to {MOST_POINTS} points")
    if len(set(points)) < len(points):
        raise UserError(f"ebn0: {shown}: a point stands here more than once")
    return points


def _code(matrix: ArrayLike | SparseMatrix | Code | str | Path | None, name: str | None) -> Code:
    """The code of a matrix, of its file, or of a name."""
    if (matrix is None) == (name is None):
        raise UserError("a curve is that of one code: give either a matrix or the name of a known code")
    if name is not None:
        parity_check = construct(name)
        return Code.of(CODES[name].title, parity_check)
    assert matrix is not None
    if isinstance(matrix, str | Path):
        parity_check, title, where = read_parity_check(Path(matrix)), Path(matrix).stem, str(matrix)
    else:
        where = "the matrix"
        title, values = (matrix.title, matrix.parity_check) if isinstance(matrix, Code) else ("", matrix)
        parity_check = _zeros_and_ones(values, where)
    for warning in validate(parity_check, where):
        print(f"warning: {warning}", file=sys.stderr)
    code = Code.of(title, parity_check.astype(np.uint8))
    return code if title else Code(f"({code.length},{len(code.generator)})", code.parity_check, code.generator)


def _zeros_and_ones(matrix: ArrayLike | SparseMatrix, where: str) -> np.ndarray:
    """H as whole numbers, where it is made of numbers 0 and 1; others are left as they are, to be refused."""
    if isinstance(matrix, SparseMatrix):
        # A few numbers can claim any size.
        if math.prod(matrix.shape) > LARGEST_AREA:
            raise UserError(f"{where}: {list(matrix.shape)} numbers; accepted: at most {LARGEST_AREA}")
        matrix = matrix.toarray()
    parity_check = as_array(matrix, where)
    if parity_check.dtype.kind not in "biuf":
        given = type(matrix).__name__ if parity_check.dtype == object else parity_check.dtype
        raise UserError(f"{where}: numbers 0 and 1 (an array, a matrix of scipy.sparse, or a Code), not {given}")
    if parity_check.dtype.kind == "f" and ((parity_check == 0) | (parity_check == 1)).all():
        return parity_check.astype(np.uint8)
    return parity_check


def _rates(decode: Decode, code: Code, settings: EvaluationSettings, seed: int) -> pd.DataFrame:
    (iterations,) = settings.iterations
    counts = simulate(lambda _: decode, code, settings, seed, 0, None, digest_of([]))
    rows = [
        {
            "ebn0_db": float(measurement.group.removesuffix(" dB")),
            "ber": measurement.value,
            "low": measurement.low,
            "high": measurement.high,
            "n": measurement.n,
        }
        for measurement in measure(counts, code.length, iterations)
        if measurement.metric == "ber"
    ]
    # Where there is a bound only, the others are None; numbers throughout let them be drawn.
    return pd.DataFrame(rows).astype({"ber": float, "low": float, "high": float})


def _picture(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".png":
        raise UserError(f"{path}: the name must end in .png")
    for file in (path, path.with_suffix(".svg"), path.with_suffix(".csv")):
        if file.is_dir():
            raise UserError(f"{file}: this is a folder, and would be a file of this command")
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes curve``."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--matrix", type=Path, help="your parity-check matrix: alist, or rows of 0 and 1")
    group.add_argument(
        "--code", choices=[name for name, code in CODES.items() if code.constructed], help="a built-in code"
    )
    parser.add_argument("--model", type=Path, help="model.ckpt of a decoder trained on this matrix")
    parser.add_argument(
        "--ebn0", default=EBN0, help=f"Eb/N0 in dB: first:last:step, or values as 2,4,6; default: {EBN0}"
    )
    parser.add_argument(
        "--words",
        type=options.whole_number(1, MOST_WORDS),
        default=WORDS,
        help=f"most words per point; default: {WORDS}",
    )
    parser.add_argument(
        "--frame-errors",
        type=options.whole_number(1, MOST_WORDS),
        default=FRAME_ERRORS,
        help=f"wrong words that end a point; default: {FRAME_ERRORS}",
    )
    parser.add_argument(
        "--iterations",
        type=options.whole_number(1, MOST_ITERATIONS),
        default=ITERATIONS,
        help=f"check updates of belief propagation; default: {ITERATIONS}",
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("curve.png"),
        help="the picture, .png; the same as .svg and the table as .csv stand beside it; default: curve.png",
    )


def run(arguments: argparse.Namespace) -> None:
    """Simulate, print the table, draw the curve."""
    out = _picture(arguments.out)
    result = curve(
        arguments.matrix,
        code=arguments.code,
        model=arguments.model,
        ebn0=arguments.ebn0,
        words=arguments.words,
        frame_errors=arguments.frame_errors,
        iterations=arguments.iterations,
        seed=arguments.seed,
    )
    print(result.table.to_string(index=False))
    figures.use_style()
    result.save(out)
    print(f"{out} and {out.with_suffix('.csv')}")
