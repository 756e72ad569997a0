"""``hypernet codes decode``: channel values in, bits out, as they come or all at once."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import ArrayLike

from hypernet.codes.tools.inputs import opened, whole_number
from hypernet.codes.trained import CHUNK, MOST_ITERATIONS, TrainedDecoder, as_array, checked
from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file


@dataclass(frozen=True)
class Decoded:
    """Words after decoding.

    Attributes:
        soft: log-likelihood ratios ln P(bit = 0) / P(bit = 1), ``[words, n]`` float32.
        title: name of the code.
        method: method id of the decoder.
    """

    soft: np.ndarray
    title: str
    method: str

    def __repr__(self) -> str:
        return f"Decoded({self.title}, {self.method}, {len(self.soft)} words)"

    @property
    def bits(self) -> np.ndarray:
        """The decided bits, ``[words, n]`` uint8 of 0 and 1: 1 where the log-likelihood ratio is negative."""
        return (self.soft < 0).astype(np.uint8)

    def save(self, bits: str | Path | None = None, soft: str | Path | None = None) -> None:
        """Write the bits (.npy, or .txt with a word a line) and the log-likelihood ratios (.npy), each whole or not.

        Raises:
            UserError: another ending, a folder, or one file for both.
        """
        bits, soft = _outputs(bits, soft)
        if soft is not None:
            _save_array(soft, self.soft)
        if bits is not None:
            _save_bits(bits, self.bits)


def decode(
    llr: ArrayLike | str | Path,
    *,
    model: str | Path | TrainedDecoder,
    iterations: int | None = None,
    batch: int = CHUNK,
) -> Decoded:
    """Decode noisy words with a trained decoder.

    Args:
        llr: channel values ln P(bit = 0) / P(bit = 1), ``[words, n]`` or ``[n]`` for one word (other programs, e.g.
            sionna, use the opposite sign); or where they are: a ``.npy`` file, a text file with one word a line, or
            ``-`` for standard input. An infinite value is a bit known for certain.
        model: ``model.ckpt`` of a trained run, or the decoder that ``hypernet.codes.open_model`` opened.
        iterations: number of check updates; None runs as many as were trained.
        batch: words decoded at once.

    Returns:
        The bits and the log-likelihood ratios they were decided by.

    Raises:
        UserError: no such file, words of another length than the code's, a value that is not a number, no words at
            all, or a decoder that cannot run this number of iterations.

    Example:
        >>> import hypernet
        >>> model = "results/codes/BCH31_16/hyper/seed0/model.ckpt"
        >>> decoded = hypernet.codes.decode(llr, model=model)  # doctest: +SKIP
        >>> decoded.bits.shape  # doctest: +SKIP
        (500, 31)
    """
    decoder = opened(model, iterations)
    soft = [decoded.soft for decoded in decode_stream(llr, model=decoder, batch=batch)]
    return Decoded(np.concatenate(soft), decoder.title, decoder.method)


def decode_stream(
    llr: ArrayLike | str | Path,
    *,
    model: str | Path | TrainedDecoder,
    iterations: int | None = None,
    batch: int = CHUNK,
) -> Iterator[Decoded]:
    """Decode words as they come, at most ``batch`` at a time: for a pipe, or for more words than fit into memory.

    The errors of the model come at once, those of the input when its turn comes.

    Args:
        llr: channel values, as ``decode`` takes them.
        model: ``model.ckpt`` of a trained run, or the decoder that ``hypernet.codes.open_model`` opened.
        iterations: number of check updates; None runs as many as were trained.
        batch: most words decoded at once.

    Returns:
        The words of each batch after decoding, in order.

    Raises:
        UserError: as ``decode``.

    Example:
        >>> from hypernet.codes import decode_stream
        >>> ones = sum(part.bits.sum() for part in decode_stream("llr.npy", model=model))  # doctest: +SKIP
    """
    decoder = opened(model, iterations)
    words = whole_number("batch", batch)
    return (Decoded(decoder(part), decoder.title, decoder.method) for part in _batches(llr, decoder, words))


def _batches(llr: ArrayLike | str | Path, decoder: TrainedDecoder, words: int) -> Iterator[np.ndarray]:
    """Channel values as they come, ``[up to words, n]`` at a time."""
    length, title = decoder.length, decoder.title
    if not isinstance(llr, str | Path):
        yield from _array_batches(as_array(llr, "the input"), "the input", length, title, words)
        return
    source, path = str(llr), Path(llr)
    if source == "-":
        yield from _text_batches(sys.stdin, "standard input", length, title, words)
    elif path.is_dir():
        raise UserError(f"{source}: this is a folder; name a file of channel values")
    elif not path.is_file():
        raise UserError(f"{source}: no such file of channel values")
    elif path.suffix == ".npy":
        yield from _array_batches(_mapped(source), source, length, title, words)
    else:
        with path.open(encoding="utf-8-sig") as lines:
            yield from _text_batches(lines, source, length, title, words)


def _mapped(source: str) -> np.ndarray:
    """An array in a file, mapped and not read: one larger than the memory is decoded piece by piece."""
    try:
        # numpy warns where a header's numbers overflow; the error below says it.
        with np.errstate(all="ignore"):
            llr = np.load(source, allow_pickle=False, mmap_mode="r")
    except Exception as error:
        # numpy's reader meets a bad header with errors of many types.
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{source}: not a .npy file of numbers ({reason})") from None
    if not isinstance(llr, np.ndarray):
        llr.close()
        raise UserError(f"{source}: not a .npy file of one array but an archive")
    return llr


def _array_batches(llr: np.ndarray, name: str, length: int, title: str, words: int) -> Iterator[np.ndarray]:
    rows = llr[None, :] if llr.ndim == 1 else llr
    # The shape is judged whole, the values piece by piece.
    for start in range(0, len(rows) if rows.ndim == 2 else 1, words):
        part = rows[start : start + words] if rows.ndim == 2 else rows
        yield checked(np.asarray(part), length, title, name, first=start)
    if len(rows) == 0:
        raise UserError(f"{name}: no words in here; accepted: [words, {length}] channel values")


def _text_batches(lines: TextIO, name: str, length: int, title: str, words: int) -> Iterator[np.ndarray]:
    # No number needs this many characters; a line without an end must not fill the memory.
    longest = 64 * length + 1024
    rows: list[list[float]] = []
    read = 0
    for number in itertools.count(1):
        try:
            line = lines.readline(longest)
        except UnicodeDecodeError:
            raise UserError(f"{name}: neither text nor .npy") from None
        if len(line) == longest and not line.endswith("\n"):
            raise UserError(f"{name}, line {number}: longer than {longest} characters; a word has {length} values")
        if fields := line.replace(",", " ").split():
            # The names that pandas gives to columns without any.
            if not (read or rows) and fields == [str(column) for column in range(length)]:
                raise UserError(
                    f"{name}, line {number}: 0 to {length - 1} in order is a header of pandas, not a word; write "
                    "without it: to_csv(path, header=False, index=False) (if it is a word, write 0.0 for 0)"
                )
            row = [_number(field, name, number) for field in fields]
            if len(row) != length:
                raise UserError(f"{name}, line {number}: {len(row)} values; a word of {title} has {length}")
            rows.append(row)
        if rows and (len(rows) == words or not line):
            yield checked(np.array(rows), length, title, name, first=read)
            read, rows = read + len(rows), []
        if not line:
            break
    if not read:
        raise UserError(f"{name}: no words in here; write {length} channel values a line")


def _number(field: str, name: str, line: int) -> float:
    try:
        # Python would read 1_0 as 10.
        if "_" not in field:
            return float(field)
    except ValueError:
        pass
    raise UserError(f"{name}, line {line}: {field[:40]!r} is not a number")


def _outputs(bits: str | Path | None, soft: str | Path | None) -> tuple[Path | None, Path | None]:
    bits = None if bits is None else output_file(bits, ".npy", ".txt")
    soft = None if soft is None else output_file(soft, ".npy")
    if bits is not None and bits == soft:
        raise UserError(f"{bits}: bits and log-likelihood ratios cannot go to one file")
    return bits, soft


def _save_array(path: Path, array: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        np.save(temporary, array)


def _save_bits(path: Path, bits: np.ndarray) -> None:
    if path.suffix == ".npy":
        _save_array(path, bits)
        return
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii") as file:
        _write_bits(file, bits)


def _write_bits(out: TextIO, bits: np.ndarray) -> None:
    """A word a line, without anything between its bits."""
    lines = np.pad(bits + np.uint8(ord("0")), ((0, 0), (0, 1)), constant_values=ord("\n"))
    out.write(lines.tobytes().decode("ascii"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes decode`` and ``predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained run")
    parser.add_argument(
        "--llr",
        required=True,
        help="channel values ln P(0)/P(1), one word a row: a .npy file, a text file, or - for standard input",
    )
    parser.add_argument("--out", type=Path, help="write the decided bits to this file (.npy or .txt); else print them")
    parser.add_argument("--soft", type=Path, help="write the decoded log-likelihood ratios to this file (.npy)")
    parser.add_argument(
        "--iterations",
        type=options.whole_number(1, MOST_ITERATIONS),
        help="number of check updates; default: as trained",
    )
    parser.add_argument(
        "--batch",
        type=options.whole_number(1, MOST_ITERATIONS),
        default=CHUNK,
        help=f"words decoded at once; 1 answers every line; default: {CHUNK}",
    )


def run(arguments: argparse.Namespace) -> None:
    """Decode channel values as they come, and print the bits or write files."""
    out, soft_out = _outputs(arguments.out, arguments.soft)
    decoder = opened(arguments.model, arguments.iterations)
    soft, bits, words = [], [], 0
    for part in decode_stream(arguments.llr, model=decoder, batch=arguments.batch):
        words += len(part.soft)
        if soft_out is not None:
            soft.append(part.soft)
        if out is not None:
            bits.append(part.bits)
        else:
            _write_bits(sys.stdout, part.bits)
            sys.stdout.flush()
    if soft_out is not None:
        _save_array(soft_out, np.concatenate(soft))
    if out is not None:
        _save_bits(out, np.concatenate(bits))
        print(f"{words} words of {decoder.title} decoded by {decoder.method}: {out}")
