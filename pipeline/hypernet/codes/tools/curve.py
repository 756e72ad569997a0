"""``hypernet codes curve``: error rates of belief propagation, min-sum, and a trained decoder, on any code."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsFloat, cast

import pandas as pd
from matplotlib.figure import Figure

from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.evaluate import measure
from hypernet.codes.methods import TITLES
from hypernet.codes.montecarlo import chunk_counts, simulate, words_of_chunk
from hypernet.codes.plots.error_rates import draw_curve
from hypernet.codes.sources.matrices import matrix_digest
from hypernet.codes.tools import inputs
from hypernet.codes.tools.inputs import Matrix, Positions, chosen_code, opened, whole_number
from hypernet.codes.trained import PLAIN_ITERATIONS, PLAIN_METHODS, BlockDecoder, plain_decoder
from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, write_table
from hypernet.lab.results import figures

EBN0 = "1:6:1"
WORDS, FEWEST_WORDS, MOST_WORDS, WORDS_AT_ONCE = 50_000, 5_000, 10**9, 500
# Where words are long, fewer of them hold as many bits: most and fewest bits of a point.
MOST_BITS, FEWEST_BITS = 10**8, 5 * 10**6
FRAME_ERRORS = 100
SEED = 0
LOWEST_DB, HIGHEST_DB, MOST_POINTS, SMALLEST_STEP = -20.0, 30.0, 100, 0.01
# What may take longer than so many seconds is announced, from this share of the words.
LONG_SECONDS, TRIAL_SHARE = 20.0, 0.02
RATES = ("ber", "ber_low", "ber_high", "fer", "fer_low", "fer_high")


@dataclass(frozen=True)
class Curve:
    """Error rates of decoders on one code.

    Attributes:
        table: a row for each decoder and point: ``decoder``, ``ebn0_db``; the bit error rate ``ber`` with its 95 %
            interval ``ber_low`` and ``ber_high``; the word error rate ``fer`` with ``fer_low`` and ``fer_high``; and
            the number of ``words``. With fewer than 10 wrong words a rate and its low end are missing and the high
            end is a bound. Shortened bits, which are known, count nowhere; punctured ones do, unless only the
            information bits count.
        title: name of the code.
        rate: R, information bits over bits sent.
        dimension: k, information bits of a word.
        information_only: whether errors of the information bits alone count.
    """

    table: pd.DataFrame
    title: str
    rate: float
    dimension: int
    information_only: bool = False

    def __repr__(self) -> str:
        decoders, points = self.table.decoder.nunique(), self.table.ebn0_db.nunique()
        return f"Curve({self.title}, rate {self.rate:.3f}, decoders: {decoders}, points: {points})"

    def draw(self) -> Figure:
        """Draw the bit and the word error rates over Eb/N0, beside those without a code.

        Returns:
            The picture; close it with ``matplotlib.pyplot.close`` when it is not shown.
        """
        title = f"{self.title}, k = {self.dimension}, rate {self.rate:.3f}"
        counted = "information bits" if self.information_only else "all bits"
        return draw_curve(self.table, title, self.dimension, counted)

    def save(self, path: str | Path) -> None:
        """Write the picture (.png, and .svg beside it) and the table (.csv beside it).

        Raises:
            UserError: the name does not end in .png, or one of the files is a folder.
        """
        path = _picture(path)
        write_table(path.with_suffix(".csv"), self.table)
        figures.save(self.draw(), path.parent, path.stem)


def curve(
    matrix: Matrix | None = None,
    *,
    code: str | None = None,
    model: str | Path | BlockDecoder | None = None,
    ebn0: str | SupportsFloat | Iterable[SupportsFloat] = EBN0,
    words: int | None = None,
    frame_errors: int = FRAME_ERRORS,
    iterations: int | None = None,
    puncture: Positions | None = None,
    shorten: Positions | None = None,
    information_only: bool = False,
    seed: int = SEED,
) -> Curve:
    """Simulate random code words on the Gaussian channel, and count what belief propagation and min-sum get wrong.

    All decoders see the same words and the same noise. Progress and warnings go to standard error.

    Args:
        matrix: parity-check matrix H, ``[m, n]`` of 0 and 1, as an array, a matrix of scipy.sparse or a ``Code``; or
            its file.
        code: instead of ``matrix``, a code that is known by name, e.g. ``BCH31_16``.
        model: ``model.ckpt`` of a decoder trained on this matrix, or an opened decoder of it, to measure as well.
        ebn0: Eb/N0 in dB, each from -20 to 30: a number, several, or text: "first:last:step" or "2,4,6".
        words: most words at each point; by default 50,000, of a code of more than 2,000 bits as many as have 10^8
            bits.
        frame_errors: number of wrong words that ends a point, after at least 5000 words, of a code of more than
            1,000 bits as many as have 5 million bits.
        iterations: most check updates of belief propagation and min-sum, which stop at words that satisfy H; by
            default those of ``model``, else 50.
        puncture: positions (from 0, numbers or text as ``"0-767,800"``) of bits that are not sent.
        shorten: positions of bits that are 0 in every word and not sent. The rate is that of what is sent.
        information_only: count the errors of the information bits alone, as block error rates of standards do, and
            not those of all bits of a word.
        seed: of the words and the noise.

    Returns:
        The error rates with their intervals.

    Raises:
        UserError: neither or both of ``matrix`` and ``code``, a matrix that defines no code, a model of another code,
            or an impossible number.

    Example:
        >>> import hypernet
        >>> curve = hypernet.codes.curve([[1, 1, 0], [0, 1, 1]], ebn0=[2, 4], words=500)
        >>> curve.table.ebn0_db.unique().tolist()
        [2.0, 4.0]
    """
    points, errors = _points(ebn0), whole_number("frame_errors", frame_errors, MOST_WORDS)
    most_words = None if words is None else whole_number("words", words, MOST_WORDS)
    number = None if iterations is None else whole_number("iterations", iterations)
    chosen = chosen_code(matrix, code)
    transmission = inputs.transmission_of(chosen, puncture, shorten)
    if information_only:
        transmission.counted = transmission.information
    trained = None if model is None else opened(model)
    if trained is not None and matrix_digest(trained.parity_check) != matrix_digest(chosen.parity_check):
        name = "the model" if isinstance(model, BlockDecoder) else model
        raise UserError(f"{name}: trained on {trained.title}, whose matrix is not that of {chosen.title}")
    if most_words is None:
        most_words = min(WORDS, max(1000, MOST_BITS // chosen.length))
    fewest_words = min(FEWEST_WORDS, most_words, max(100, FEWEST_BITS // chosen.length))
    rule = MonteCarlo(
        ebn0_db=points,
        # A point ends soon after its fewest words.
        chunk_words=min(WORDS_AT_ONCE, math.ceil(fewest_words / 4)),
        min_words=fewest_words,
        max_words=most_words,
        min_frame_errors=errors,
        parts=1,
        more_iterations={},
    )
    if number is None:
        number = PLAIN_ITERATIONS if trained is None else trained.iterations
    settings = EvaluationSettings(monte_carlo=rule, iterations=[number])
    plain = [plain_decoder(chosen, method, number) for method in PLAIN_METHODS]
    decoders = {_label(decoder): decoder for decoder in plain}
    if trained is not None:
        decoders[_label(trained) + (" (model)" if _label(trained) in decoders else "")] = trained
    _announce(decoders, transmission, rule, seed)
    tables = {label: _rates(decoder, transmission, settings, seed) for label, decoder in decoders.items()}
    table = pd.concat(tables, names=["decoder"]).reset_index(level=0).reset_index(drop=True)
    return Curve(table, chosen.title, transmission.rate, len(transmission.information), information_only)


def _label(decoder: BlockDecoder) -> str:
    return f"{TITLES[decoder.method]}, {decoder.iterations} iterations"


def _announce(decoders: dict[str, BlockDecoder], transmission: Transmission, rule: MonteCarlo, seed: int) -> None:
    """Say how long it may take where that is long, from the time of a few words at the noisiest point."""
    words = min(words_of_chunk(transmission.code.length, rule), math.ceil(TRIAL_SHARE * rule.max_words))
    seconds = 0.0
    for decoder in decoders.values():
        started = time.monotonic()
        chunk_counts(decoder.decode_columns, transmission, min(rule.ebn0_db), seed, 0, words)
        seconds += (time.monotonic() - started) / words * rule.max_words * len(rule.ebn0_db)
    if seconds > LONG_SECONDS:
        text = f"{seconds / 60:.0f} minutes" if seconds > 120 else f"{seconds:.0f} seconds"
        print(
            f"at most about {text}: {len(rule.ebn0_db)} points of up to {rule.max_words:,} words, {len(decoders)} "
            f"decoders; a point ends after {rule.min_words:,} words with {rule.min_frame_errors} of them wrong",
            file=sys.stderr,
        )


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


def _rates(decoder: BlockDecoder, transmission: Transmission, settings: EvaluationSettings, seed: int) -> pd.DataFrame:
    """Error rates of a decoder, a row for each point."""
    (iterations,) = settings.iterations
    counts = simulate(lambda _: decoder.decode_columns, transmission, settings, seed, 0, None, digest_of([]))
    rows: dict[float, dict[str, float | None]] = {}
    for rate in measure(counts, len(transmission.counted), iterations):
        point = float(rate.group.removesuffix(" dB"))
        row = rows.setdefault(point, {"ebn0_db": point, **dict.fromkeys(RATES)})
        row["words"] = rate.n
        if rate.metric in ("ber", "fer"):
            row |= {rate.metric: rate.value, f"{rate.metric}_low": rate.low, f"{rate.metric}_high": rate.high}
    # Where there is a bound only, the others are None; numbers throughout let them be drawn.
    table = pd.DataFrame(list(rows.values())).astype(dict.fromkeys(RATES, float))
    return table[["ebn0_db", *RATES, "words"]].astype({"words": int})


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
    inputs.add_code_arguments(parser)
    parser.add_argument("--model", type=Path, help="model.ckpt of a decoder trained on this matrix")
    parser.add_argument(
        "--ebn0", default=EBN0, help=f"Eb/N0 in dB: first:last:step, or values as 2,4,6; default: {EBN0}"
    )
    parser.add_argument(
        "--words",
        type=options.whole_number(1, MOST_WORDS),
        help=f"most words per point; default: {WORDS}, of more than 2,000 bits as many as have 10^8",
    )
    parser.add_argument(
        "--frame-errors",
        type=options.whole_number(1, MOST_WORDS),
        default=FRAME_ERRORS,
        help=f"wrong words that end a point; default: {FRAME_ERRORS}",
    )
    inputs.add_iterations_argument(parser, f"those of the model, else at most {PLAIN_ITERATIONS}")
    inputs.add_transmission_arguments(parser)
    parser.add_argument(
        "--information-only",
        action="store_true",
        help="count the errors of the information bits alone, as block error rates of standards do",
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
        puncture=arguments.puncture,
        shorten=arguments.shorten,
        information_only=arguments.information_only,
        seed=arguments.seed,
    )
    print(result.table.to_string(index=False))
    figures.use_style()
    result.save(out)
    print(f"{out} and {out.with_suffix('.csv')}")
