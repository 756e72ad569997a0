"""What all tools of this domain take: a model or a code, positions of bits, and whole numbers."""

from __future__ import annotations

import argparse
import copy
import numbers
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.codes.core.channel import Code
from hypernet.codes.core.sparse import ParityCheck, sparse
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.names import CODES
from hypernet.codes.sources.matrices import construct, validate
from hypernet.codes.sources.reading import read_parity_check
from hypernet.codes.trained import (
    MIN_SUM_SCALE,
    MOST_ITERATIONS,
    PLAIN_ITERATIONS,
    PLAIN_METHODS,
    BlockDecoder,
    open_model,
    plain_decoder,
)
from hypernet.lab import options
from hypernet.lab.errors import UserError

# No code in use is longer.
LARGEST_POSITION = 2**20 - 1
_RANGE = re.compile(r"\s*(\d{1,7})\s*(?:-\s*(\d{1,7})\s*)?", re.ASCII)
# A parity-check matrix, its file, or a code. Arrays of numpy, nested lists, tensors and matrices of scipy.sparse are
# told apart by `sparse`.
Matrix = Any
Positions = str | Iterable[int] | np.ndarray


def opened(model: str | Path | BlockDecoder, iterations: int | None = None) -> BlockDecoder:
    """A decoder from its file or as it is, set to run ``iterations`` check updates (None: as it stands).

    A decoder that was given is not changed.

    Raises:
        UserError: no such file or no decoder, or one that cannot run this number of iterations.
    """
    if not isinstance(model, str | os.PathLike | BlockDecoder):
        raise UserError(f"model: {type(model).__name__}; accepted: the path of a model.ckpt, or an opened decoder")
    decoder = copy.copy(model) if isinstance(model, BlockDecoder) else open_model(model)
    if iterations is not None:
        decoder.use_iterations(whole_number("iterations", iterations))
    return decoder


def chosen_matrix(matrix: Matrix | None, name: str | None) -> tuple[str, ParityCheck]:
    """Title and parity-check matrix of a matrix, of its file, or of a code known by name; warnings are printed.

    Raises:
        UserError: neither or both, no such file or code, or no parity-check matrix.
    """
    if (matrix is None) == (name is None):
        raise UserError("which code? give either a matrix or the name of a known code")
    if name is not None:
        return CODES[name].title if name in CODES else name, construct(name)
    if isinstance(matrix, Code):
        return matrix.title, matrix.parity_check
    if isinstance(matrix, str | os.PathLike):
        title, where, parity_check = Path(matrix).stem, str(matrix), read_parity_check(Path(matrix))
    else:
        title, where = "", "the matrix"
        parity_check = sparse(matrix, where)
    for warning in validate(parity_check, where):
        print(f"warning: {warning}", file=sys.stderr)
    return title, parity_check


def chosen_code(matrix: Matrix | None, name: str | None) -> Code:
    """As :func:`chosen_matrix`, with what encodes; a code without a title is called by its size."""
    title, parity_check = chosen_matrix(matrix, name)
    code = matrix if isinstance(matrix, Code) else Code.of(title, parity_check)
    return code if title else Code(f"({code.length},{code.dimension})", code.parity_check, code.encoder)


def chosen_decoder(
    model: str | Path | BlockDecoder | None,
    matrix: Matrix | None,
    code: str | None,
    method: str | None = None,
    iterations: int | None = None,
    scale: float | None = None,
) -> BlockDecoder:
    """A decoder of a trained model, or a plain one of a matrix or a known code.

    Raises:
        UserError: not exactly one of the three, or ``method`` or ``scale`` beside a model, which has its own.
    """
    if (model is not None) + (matrix is not None) + (code is not None) != 1:
        raise UserError("which decoder? give one of: a model, a matrix, the name of a known code")
    if model is not None:
        if method is not None or scale is not None:
            raise UserError("method and scale are those of a decoder without training; a model has its own")
        return opened(model, iterations)
    method = method or PLAIN_METHODS[0]
    if scale is not None and method != "min_sum":
        raise UserError(f"scale: that of min_sum; {method} has none")
    title, parity_check = chosen_matrix(matrix, code)
    number = PLAIN_ITERATIONS if iterations is None else whole_number("iterations", iterations)
    return plain_decoder(parity_check, method, number, MIN_SUM_SCALE if scale is None else scale, title)


def transmission_of(code: Code, puncture: Positions | None, shorten: Positions | None) -> Transmission:
    """What of a code's words is sent.

    Raises:
        UserError: positions that this code does not have, or that leave nothing to be sent.
    """
    return Transmission(code, positions("puncture", puncture), positions("shorten", shorten))


def positions(name: str, given: Positions | None) -> np.ndarray:
    """Positions of bits, from 0: numbers, or text as ``0-767,800``.

    Returns:
        ``[count]`` int64, in the order given.

    Raises:
        UserError: no such list.
    """
    accepted = "accepted: positions of bits from 0, as 0-767,800"
    if given is None:
        return np.zeros(0, dtype=np.int64)
    if isinstance(given, str):
        parts = []
        for part in given.split(","):
            match = _RANGE.fullmatch(part)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if not first <= last <= LARGEST_POSITION:
                raise UserError(f"{name}: {part.strip()[:40]!r}; {accepted}")
            parts.append(np.arange(first, last + 1))
        return np.concatenate(parts)
    try:
        array = np.asarray(given if isinstance(given, np.ndarray) else list(given))
    except (TypeError, ValueError):
        raise UserError(f"{name}: {type(given).__name__}; {accepted}") from None
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UserError(f"{name}: {array.dtype} {list(array.shape)}; {accepted}")
    return array.astype(np.int64)


def ranges(numbers_from_0: np.ndarray) -> str:
    """Rising whole numbers in short: ``0-767,800``."""
    if not len(numbers_from_0):
        return ""
    parts = np.split(numbers_from_0, np.flatnonzero(np.diff(numbers_from_0) != 1) + 1)
    return ",".join(f"{part[0]}" if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def whole_number(name: str, value: object, most: int = MOST_ITERATIONS) -> int:
    """A number that counts something.

    Raises:
        UserError: not a whole number from 1 to ``most``.
    """
    if not isinstance(value, bool) and isinstance(value, numbers.Integral):
        number = int(value)
        if 1 <= number <= most:
            return number
    raise UserError(f"{name}: {value!r} is not a whole number from 1 to {most}")


def add_code_arguments(parser: argparse.ArgumentParser, model: str | None = None) -> None:
    """Declare ``--matrix`` and ``--code``, of which one is needed; ``--model`` too where ``model`` is its help."""
    group = parser.add_mutually_exclusive_group(required=True)
    if model is not None:
        group.add_argument("--model", type=Path, help=model)
    group.add_argument(
        "--matrix",
        type=Path,
        help="your parity-check matrix: alist, rows of 0 and 1, CSV, .npy, .npz, .mat, Matrix Market, quasi-cyclic",
    )
    group.add_argument(
        "--code", choices=[name for name, code in CODES.items() if code.constructed], help="a built-in code"
    )


def add_transmission_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--puncture`` and ``--shorten``."""
    parser.add_argument("--puncture", metavar="LIST", help="bits that are not sent, from 0, as 0-767,800")
    parser.add_argument("--shorten", metavar="LIST", help="bits that are 0 in every word and not sent, likewise")


def add_iterations_argument(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare ``--iterations``; ``default`` is what the help says of it."""
    parser.add_argument(
        "--iterations",
        type=options.whole_number(1, MOST_ITERATIONS),
        help=f"number of check updates; default: {default}",
    )
