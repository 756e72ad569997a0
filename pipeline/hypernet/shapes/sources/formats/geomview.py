"""Geomview .off: counts, then a line for each vertex and each face; colours and normals are left out."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

import numpy as np

from hypernet.shapes.sources.formats.polygons import triangulate
from hypernet.shapes.sources.formats.reading import DamagedError, check_counts, numbered_lines, shown

# Some files of ModelNet have the counts on the first line, without a space.
HEADER = re.compile(r"\s*(?P<prefix>(?:ST|C|N|4|n)*)(?i:OFF)(?P<binary>\s+BINARY)?")
MOST_DIGITS = 12


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices ``[v, 3]`` and triangles ``[t, 3]``; `OFF` may be left out, prefixes for colours and normals are read.

    Raises:
        DamagedError: the counts do not agree with the lines, or a line cannot be read.
    """
    if b"\0" in content:
        raise DamagedError("binary data; only .off files that are text are read")
    lines = (row for row in numbered_lines(content, "#") if not row[1].isspace() and row[1])
    _, line = next(lines, (1, ""))
    header = HEADER.match(line)
    if header:
        if header["binary"] or "4" in header["prefix"] or "n" in header["prefix"]:
            raise DamagedError("a binary file, or one of four or more dimensions; only text with x, y, z is read")
        line = line[header.end() :]
        if not line.strip():
            _, line = next(lines, (1, ""))
    words = line[:200].split()
    if len(words) < 2 or not all(word.isdecimal() and len(word) <= MOST_DIGITS for word in words[:2]):
        raise DamagedError("not an .off file: the numbers of vertices and faces are missing at its start")
    points, faces = int(words[0]), int(words[1])
    if 2 * (points + faces) > len(content):
        raise DamagedError(f"says {points:,} vertices and {faces:,} faces; the file is too short to hold them")
    check_counts(points, faces)
    coordinates, corners, counts = array("d"), array("q"), array("q")
    for row in _next(lines, points, "vertices"):
        coordinates.extend(_numbers(row, float, 3))
    for row in _next(lines, faces, "faces"):
        (count,) = _numbers(row, int, 1)
        if count < 0:
            raise DamagedError(f"line {row[0]}: a face of {count} corners")
        try:
            corners.extend(_numbers(row, int, count + 1)[1:])
        except OverflowError:
            raise DamagedError(f"line {row[0]}: a face names a vertex that is not there") from None
        counts.append(count)
    vertices = np.array(coordinates, dtype=np.float64).reshape(-1, 3)
    return vertices, triangulate(vertices, np.array(corners, dtype=np.int64), np.array(counts, dtype=np.int64))


def _next(lines: Iterator[tuple[int, str]], count: int, what: str) -> Iterator[tuple[int, str]]:
    """So many lines."""
    for place in range(count):
        row = next(lines, None)
        if row is None:
            raise DamagedError(f"says {count:,} {what}; the lines end after {place:,} of them")
        yield row


def _numbers(row: tuple[int, str], convert: type, count: int) -> list:
    """The first so many numbers of a line."""
    number, line = row
    # Not more than a line can hold: the count itself was read from it.
    words = line.split(None, min(count, len(line)))[:count]
    if len(words) < count:
        raise DamagedError(f"line {number}: {len(words)} numbers, too few: {shown(line)}")
    try:
        return [convert(word) for word in words]
    except ValueError:
        raise DamagedError(f"line {number}: {shown(line)} does not begin with {count} numbers") from None


def write(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray | None, comment: str) -> bytes:
    """The file's bytes; colours are of triangles, uint8 ``[t, 3]``."""
    lines = ["OFF", f"# {comment}", f"{len(vertices)} {len(triangles)} 0"]
    lines += [" ".join(f"{value:.9g}" for value in row) for row in vertices.tolist()]
    rows = triangles if colours is None else np.concatenate([triangles, colours], axis=1)
    lines += ["3 " + " ".join(map(str, row)) for row in rows.tolist()]
    return "\n".join([*lines, ""]).encode()
