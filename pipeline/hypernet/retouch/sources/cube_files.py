"""Files ``.cube`` of Iridas and Adobe: a three-dimensional look-up table as text, red fastest.

Resolve, Premiere, Photoshop, ffmpeg (``lut3d``) and OpenColorIO read them. Nodes may lie outside [0, 1].
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_text

LARGEST_SIZE, LARGEST_FILE, LONGEST_LINE = 129, 2**27, 1000
# A node further out is no colour: the largest number of half precision, which programs of films compute in.
LARGEST_NUMBER = 65504.0
LONGEST_TITLE = 100
# The format allows lines of 250 bytes.
LONGEST_COMMENT = 240
# A part of a level of 16 bits: no table is meant for less.
NARROWEST_DOMAIN = 1e-6
TITLE, SIZE, SIZE_1D = "TITLE", "LUT_3D_SIZE", "LUT_1D_SIZE"
DOMAIN = ("DOMAIN_MIN", "DOMAIN_MAX")
# As Resolve writes the domain: two numbers for all channels.
RANGE = "LUT_3D_INPUT_RANGE"
KEYWORDS = (TITLE, SIZE, *DOMAIN, RANGE)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def write_cube(path: Path, lattice: np.ndarray, title: str, comments: Sequence[str] = ()) -> None:
    """Write a lattice, whole or not at all.

    Args:
        path: of the file.
        lattice: ``[S, S, S, 3]`` over [0, 1], indexed by red, green and blue.
        title: brought to a line of ASCII without quotation marks, as the format wants it.
        comments: lines for people, brought to ASCII likewise.

    Raises:
        ValueError: a lattice of another shape or size, or with a number that is not finite.
    """
    size = len(lattice)
    if lattice.shape != (size, size, size, 3) or not 2 <= size <= LARGEST_SIZE:
        raise ValueError(f"a lattice is [S, S, S, 3] with S from 2 to {LARGEST_SIZE}, not {list(lattice.shape)}")
    if not np.isfinite(lattice).all():
        raise ValueError("a node of the lattice is not finite")
    nodes = np.round(lattice.astype(np.float64).transpose(2, 1, 0, 3).reshape(-1, 3), 8) + 0.0  # without -0
    lines = [f'{TITLE} "{_plain(title)}"', *(f"# {_plain(comment, LONGEST_COMMENT)}" for comment in comments)]
    lines += [f"{SIZE} {size}", f"{DOMAIN[0]} 0.0 0.0 0.0", f"{DOMAIN[1]} 1.0 1.0 1.0"]
    lines += [f"{red:.8f} {green:.8f} {blue:.8f}" for red, green, blue in nodes.tolist()]
    write_text(path, "\n".join(lines) + "\n")


def read_cube(path: Path) -> np.ndarray:
    """Read a lattice; over another domain than [0, 1] it is sampled anew on [0, 1], with as many nodes.

    Args:
        path: a ``.cube`` file.

    Returns:
        float32 ``[S, S, S, 3]`` over [0, 1], indexed by red, green and blue.

    Raises:
        UserError: no such file, or not such a table; names the line.
    """
    path = Path(path)
    header: dict[str, list[float]] = {}
    values, wanted = array("d"), 0
    for where, line in _lines(path):
        word, *numbers = line.split()
        if NUMBER.fullmatch(word):
            if not wanted:
                raise UserError(f"{where}: numbers before {SIZE}")
            values.extend(_numbers(where, line, line.split(), 3))
            if len(values) > wanted:
                raise UserError(f"{where}: more than the {wanted // 3:,} nodes of {SIZE}")
        elif word in (*KEYWORDS, SIZE_1D):
            if values:
                raise UserError(f"{where}: {word} after the first node")
            if word in header:
                raise UserError(f"{where}: {word} for the second time")
            header[word] = _keyword(where, line, word, numbers)
            if word == SIZE:
                wanted = 3 * int(header[SIZE][0]) ** 3
        else:
            raise UserError(f"{where}: {_shown(line)} is neither a node of three numbers nor {', '.join(KEYWORDS)}")
    if not wanted:
        raise UserError(f"{path}: no {SIZE}; accepted: a three-dimensional .cube file")
    if len(values) < wanted:
        raise UserError(f"{path}: {len(values) // 3:,} nodes of {wanted // 3:,}: the file is cut short")
    size = int(header[SIZE][0])
    lattice = np.array(values, dtype=np.float32).reshape(size, size, size, 3).transpose(2, 1, 0, 3)
    return _over_unit_cube(path, np.ascontiguousarray(lattice), header)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Lines that say something, and where each stands, for messages."""
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file but a folder, a pipe or a device; name a .cube file")
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path}: a table of more than {LARGEST_FILE:,} bytes")
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), ""), start=1):
                if len(line) > LONGEST_LINE:
                    raise UserError(f"{path}, line {number}: longer than {LONGEST_LINE} characters; not a .cube file")
                if (text := line.strip()) and not text.startswith("#"):
                    yield f"{path}, line {number}", text
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _keyword(where: str, line: str, word: str, numbers: Sequence[str]) -> list[float]:
    """Its numbers; none of a title."""
    if word == TITLE:
        return []
    if word == SIZE_1D:
        raise UserError(f"{where}: {word}, a table of each channel by itself; accepted: {SIZE}")
    if word != SIZE:
        return _numbers(where, line, numbers, 2 if word == RANGE else 3)
    if len(numbers) != 1 or not re.fullmatch(r"\d{1,9}", numbers[0], re.ASCII):
        raise UserError(f"{where}: {_shown(line)} must be {SIZE} and a whole number")
    if not 2 <= int(numbers[0]) <= LARGEST_SIZE:
        raise UserError(f"{where}: {SIZE} {int(numbers[0])}; accepted: 2 to {LARGEST_SIZE}")
    return [float(numbers[0])]


def _numbers(where: str, line: str, words: Sequence[str], count: int) -> list[float]:
    """So many finite numbers."""
    if len(words) != count or not all(NUMBER.fullmatch(word) for word in words):
        raise UserError(f"{where}: {_shown(line)} must have {count} numbers, such as 0.25")
    numbers = [float(word) for word in words]
    if not all(abs(number) <= LARGEST_NUMBER for number in numbers):
        raise UserError(f"{where}: {_shown(line)} has a number beyond {LARGEST_NUMBER:g}")
    return numbers


def _over_unit_cube(path: Path, lattice: np.ndarray, header: dict[str, list[float]]) -> np.ndarray:
    """A lattice over the domain that the header names, over [0, 1]."""
    if RANGE in header and not header.keys().isdisjoint(DOMAIN):
        raise UserError(f"{path}: both {RANGE} and {' or '.join(DOMAIN)}; keep one of them")
    low, high = ([limit] * 3 for limit in header.get(RANGE, (0.0, 1.0)))
    low, high = header.get(DOMAIN[0], low), header.get(DOMAIN[1], high)
    if any(not most - least >= NARROWEST_DOMAIN for least, most in zip(low, high, strict=True)):
        raise UserError(f"{path}: the domain from {low} to {high} is empty")
    if low == [0.0] * 3 and high == [1.0] * 3:
        return lattice
    from hypernet.retouch.core.lut import sampled  # with torch; tables over [0, 1] are read without it

    axes = [(np.linspace(0, 1, len(lattice)) - least) / (most - least) for least, most in zip(low, high, strict=True)]
    return sampled(lattice, np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)).astype(np.float32)


def _plain(text: str, longest: int = LONGEST_TITLE) -> str:
    """A line of ASCII without double quotation marks."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode()
    printable = "".join(letter if letter.isprintable() else " " for letter in ascii_only)
    return " ".join(printable.replace('"', "'").split())[:longest]


def _shown(line: str) -> str:
    """A line of a file in a message."""
    return ascii(line if len(line) <= 60 else line[:57] + "...")
