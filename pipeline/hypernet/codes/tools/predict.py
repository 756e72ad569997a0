"""Use a trained decoder on your own channel values."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from hypernet.codes.trained import CHUNK, checked, open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path


def llr_chunks(source: str, length: int, title: str, words: int) -> Iterator[np.ndarray]:
    """Channel values as they come, ``[up to words, n]`` at a time.

    Args:
        source: a ``.npy`` file, a text file with one word a line, or ``-`` (standard input, text).
        length: n.
        title: name of the code, for messages.
        words: number of words handed on at once.

    Raises:
        UserError: no such file, not numbers (with the line), words of another length, or no words at all.
    """
    if source == "-":
        yield from _text_chunks(sys.stdin, "standard input", length, title, words)
    elif Path(source).is_dir():
        raise UserError(f"{source}: this is a folder; name a file of channel values")
    elif not Path(source).is_file():
        raise UserError(f"{source}: no such file of channel values")
    elif source.endswith(".npy"):
        try:
            # numpy warns where a header's numbers overflow; the error below says it.
            with np.errstate(all="ignore"):
                # Mapped, not read: a file larger than the memory is decoded piece by piece.
                llr = np.load(source, allow_pickle=False, mmap_mode="r")
        except Exception as error:
            # numpy's reader meets a bad header with errors of many types.
            said = " ".join(str(error).split())[:160]
            raise UserError(f"{source}: not a .npy file of numbers ({said})") from None
        if not isinstance(llr, np.ndarray):
            raise UserError(f"{source}: not a .npy file of one array but an archive")
        rows = llr[None, :] if llr.ndim == 1 else llr
        # The shape is judged whole, the values piece by piece.
        for start in range(0, len(rows) if rows.ndim == 2 else 1, words):
            part = rows[start : start + words] if rows.ndim == 2 else rows
            yield checked(np.asarray(part), length, title, source, first=start)
        if len(rows) == 0:
            raise UserError(f"{source}: no words in here; accepted: [words, {length}] channel values")
    else:
        with Path(source).open(encoding="utf-8-sig") as lines:
            yield from _text_chunks(lines, source, length, title, words)


def _text_chunks(lines: TextIO, name: str, length: int, title: str, words: int) -> Iterator[np.ndarray]:
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
            if "_" in line:
                # Python would read 1_0 as 10.
                raise UserError(f"{name}, line {number}: {line.strip()[:40]!r} is not a list of numbers")
            try:
                row = [float(field) for field in fields]
            except ValueError as error:
                raise UserError(f"{name}, line {number}: {error}") from None
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes predict`` and ``decode``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained run")
    parser.add_argument(
        "--llr",
        required=True,
        help="channel values log P(0)/P(1), one word a row: a .npy file, a text file, or - for standard input",
    )
    parser.add_argument("--out", type=Path, help="write the decided bits here (.npy or .txt); else print them")
    parser.add_argument("--soft", type=Path, help="write the decoded log-likelihood ratios here (.npy)")
    parser.add_argument("--iterations", type=whole_number, help="number of check updates; default: as trained")
    parser.add_argument(
        "--batch",
        type=whole_number,
        default=CHUNK,
        help=f"words decoded at once; 1 answers every line; default: {CHUNK}",
    )


def whole_number(text: str) -> int:
    """An option's value that counts something."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Decode channel values as they come."""
    for path, accepted in ((arguments.out, (".npy", ".txt")), (arguments.soft, (".npy",))):
        if path is not None and path.suffix not in accepted:
            raise UserError(f"{path}: the name must end in {' or '.join(accepted)}")
        if path is not None and path.is_dir():
            raise UserError(f"{path}: this is a folder; name a file")
    if arguments.out is not None and arguments.out == arguments.soft:
        raise UserError(f"{arguments.out}: bits and log-likelihood ratios cannot go to one file")
    decoder = open_model(arguments.model)
    if arguments.iterations is not None:
        decoder.use_iterations(arguments.iterations)
    soft, bits, words = [], [], 0
    for llr in llr_chunks(arguments.llr, decoder.length, decoder.title, arguments.batch):
        decoded = decoder(llr)
        words += len(decoded)
        if arguments.soft is not None:
            soft.append(decoded)
        if arguments.out is None:
            _write_bits(sys.stdout, decoded)
            sys.stdout.flush()
        else:
            bits.append((decoded < 0).astype(np.uint8))
    if arguments.soft is not None:
        with atomic_path(arguments.soft) as temporary:
            np.save(temporary, np.concatenate(soft))
    if arguments.out is None:
        return
    with atomic_path(arguments.out) as temporary:
        if arguments.out.suffix == ".npy":
            np.save(temporary, np.concatenate(bits))
        else:
            np.savetxt(temporary, np.concatenate(bits), fmt="%d", delimiter="")
    print(f"{words} words of {decoder.title} decoded by {decoder.method}: {arguments.out}")


def _write_bits(out: TextIO, decoded: np.ndarray) -> None:
    digits = np.where(decoded < 0, ord("1"), ord("0")).astype(np.uint8)
    lines = np.pad(digits, ((0, 0), (0, 1)), constant_values=ord("\n"))
    out.write(lines.tobytes().decode("ascii"))
