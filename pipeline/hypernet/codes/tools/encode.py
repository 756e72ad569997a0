"""``hypernet codes encode``: information bits in, words of a code out."""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import ArrayLike

from hypernet.codes.core.channel import Code
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.tools import inputs
from hypernet.codes.tools.bits import save_bits, write_bits
from hypernet.codes.tools.inputs import Matrix, Positions, chosen_code, opened, ranges
from hypernet.codes.trained import BlockDecoder, as_array
from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, option_file

NUMPY = b"\x93NUMPY"
# Bits encoded at once.
BITS_AT_ONCE = 2**24


def encode(
    bits: ArrayLike | str | Path,
    *,
    matrix: Matrix | None = None,
    code: str | None = None,
    model: str | Path | BlockDecoder | None = None,
    puncture: Positions | None = None,
    shorten: Positions | None = None,
) -> np.ndarray:
    """Encode information bits.

    The code is systematic: the information bits stand in each word at ``Code.information``, as far left as H allows,
    and ``decode`` gives them back as ``Decoded.information``.

    Args:
        bits: ``[words, k]`` or ``[k]`` of 0 and 1; or where they are: a ``.npy`` file, a text file with one word a
            line, or ``-`` for standard input.
        matrix: parity-check matrix H, ``[m, n]``, as an array, a matrix of scipy.sparse or a ``Code``; or its file.
        code: instead, a code that is known by name, e.g. ``BCH31_16``.
        model: instead, the code that a trained decoder is for.
        puncture: positions (from 0, numbers or text as ``"0-767,800"``) of bits that are not sent.
        shorten: positions of bits that are 0 in every word and not sent: k is smaller by as many.

    Returns:
        The words, ``[words, n]`` int8 of 0 and 1, so that 1 - 2 c is -1 for a 1; or, with ``puncture`` or
        ``shorten``, their bits that are sent, ``[words, t]``.

    Raises:
        UserError: not one of ``matrix``, ``code`` and ``model``, no such file, words of another length than k, or
            values other than 0 and 1.

    Example:
        >>> import hypernet
        >>> hypernet.codes.encode([[1], [0]], matrix=[[1, 1, 0], [0, 1, 1]]).tolist()
        [[1, 1, 1], [0, 0, 0]]
    """
    return _encoded(bits, sending(matrix, code, model, puncture, shorten))


def sending(
    matrix: Matrix | None,
    name: str | None,
    model: str | Path | BlockDecoder | None,
    puncture: Positions | None,
    shorten: Positions | None,
) -> Transmission:
    """The code, by its matrix, its name or a model of it, and which bits of its words are sent.

    Raises:
        UserError: not one of the three, or impossible positions.
    """
    if (matrix is not None) + (name is not None) + (model is not None) != 1:
        raise UserError("which code? give one of: a matrix, the name of a known code, a model")
    if model is not None:
        decoder = opened(model)
        code = Code.of(decoder.title, decoder.parity_check)
    else:
        code = chosen_code(matrix, name)
    return inputs.transmission_of(code, puncture, shorten)


def _encoded(bits: ArrayLike | str | Path, transmission: Transmission) -> np.ndarray:
    dimension, title = len(transmission.information), transmission.code.title
    name = "standard input" if str(bits) == "-" else str(bits) if isinstance(bits, str | Path) else "the input"
    given = _read(bits, name, dimension, title)
    if given.ndim == 1 and len(given) and len(given) % dimension == 0:
        given = given.reshape(-1, dimension)
    if given.dtype.kind not in "biuf" or given.ndim != 2 or given.shape[1] != dimension or not len(given):
        raise UserError(
            f"{name}: {given.dtype} {list(given.shape)}; {title} takes [words, {dimension}] information bits, 0 and 1"
        )
    wrong = np.argwhere((given != 0) & (given != 1))
    if wrong.size:
        word, bit = wrong[0]
        raise UserError(f"{name}: bit {bit} of word {word} (from 0) is {given[word, bit]:g}, not 0 or 1")
    words = np.empty((len(given), len(transmission.sent)), dtype=np.int8)
    step = max(1, BITS_AT_ONCE // transmission.code.length)
    for first in range(0, len(given), step):
        part = given[first : first + step].astype(np.uint8)
        words[first : first + step] = transmission.encode(part.T)[transmission.sent].T
    return words


def _read(bits: ArrayLike | str | Path, name: str, dimension: int, title: str) -> np.ndarray:
    """What a caller or a file gives, as an array."""
    if not isinstance(bits, str | Path):
        return as_array(bits, name)
    if str(bits) == "-":
        return _of_text(sys.stdin, name, dimension, title)
    path = Path(bits)
    if not path.exists() or path.is_dir():
        raise UserError(f"{path}: no such file of information bits")
    if path.is_file():
        with path.open("rb") as file:
            is_numpy = file.read(len(NUMPY)) == NUMPY
        if is_numpy or path.suffix == ".npy":
            try:
                with np.errstate(all="ignore"):
                    return np.asarray(np.load(path, allow_pickle=False, mmap_mode="r"))
            except Exception as error:  # numpy's reader meets a bad header with errors of many types
                reason = " ".join(str(error).split())[:160]
                raise UserError(f"{path}: not a .npy file of bits ({reason})") from None
    with path.open(encoding="utf-8-sig") as lines:
        return _of_text(lines, name, dimension, title)


def _of_text(lines: TextIO, name: str, dimension: int, title: str) -> np.ndarray:
    """Bits of text, a word a line, with or without anything between them."""
    longest = 4 * dimension + 1024
    words = io.BytesIO()
    count = 0
    for number in itertools.count(1):
        try:
            line = lines.readline(longest)
        except UnicodeError:
            raise UserError(f"{name}: neither text nor .npy") from None
        if not line:
            break
        digits = "".join(line.removeprefix("\ufeff").replace(",", " ").replace(";", " ").split())
        if wrong := digits.strip("01"):
            raise UserError(f"{name}, line {number}: {wrong[:20]!r} is not a bit, 0 or 1")
        if digits and len(digits) != dimension:
            raise UserError(
                f"{name}, line {number}: {len(digits)} bits; a word of {title} has {dimension} information bits"
            )
        words.write(digits.encode("ascii"))
        count += bool(digits)
    if not count:
        raise UserError(f"{name}: no words in here; write {dimension} bits a line")
    return (np.frombuffer(words.getvalue(), dtype=np.uint8) - np.uint8(ord("0"))).reshape(count, dimension)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes encode``."""
    inputs.add_code_arguments(parser, model="model.ckpt of a decoder for the code")
    parser.add_argument(
        "--bits",
        required=True,
        help="information bits, one word a row: .npy, text, or - for standard input",
    )
    inputs.add_transmission_arguments(parser)
    parser.add_argument("--out", type=Path, help="write the words to this file (.npy or .txt); else print them")


def run(arguments: argparse.Namespace) -> None:
    """Encode, and print the words or write them."""
    out = None if arguments.out is None else option_file("out", arguments.out, ".npy", ".txt")
    read = [Path(path) for path in (arguments.bits, arguments.model, arguments.matrix) if path not in (None, "-")]
    check_outputs([("out", out)], read)
    transmission = sending(arguments.matrix, arguments.code, arguments.model, arguments.puncture, arguments.shorten)
    words = _encoded(arguments.bits, transmission)
    if out is None:
        write_bits(sys.stdout, words)
    else:
        save_bits(out, words)
        print(f"{len(words)} words of {transmission.code.title}: {out}")
    information = transmission.information
    print(
        f"{len(words):,} words of {words.shape[1]} bits, rate {transmission.rate:.3f}; the {len(information)} "
        f"information bits stand at positions {ranges(information)} of the whole word, from 0",
        file=sys.stderr,
    )
