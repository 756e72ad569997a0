"""Wavefront .obj: vertices and faces of all objects and groups; materials, textures and curves are left out."""

from __future__ import annotations

from array import array

import numpy as np

from hypernet.shapes.sources.formats.polygons import triangulate
from hypernet.shapes.sources.formats.reading import LONGEST_LINE, DamagedError, check_counts, numbered_lines, shown

# Lines after which the counts are looked at, and characters of a line before which they are.
CHECKED, LONG = 100_000, 10_000


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices ``[v, 3]`` and triangles ``[t, 3]``.

    A vertex may carry a weight or a colour behind its coordinates. A face may have any number of corners, as ``v``,
    ``v/t``, ``v//n`` or ``v/t/n``, counted from 1, or from -1 backwards from the last vertex above it.

    Raises:
        DamagedError: a line that cannot be read, or a vertex that is not there.
    """
    if b"\0" in content:
        raise DamagedError("binary data; an .obj file is text")
    coordinates, corners, counts = array("d"), array("q"), array("q")
    begun = ""
    for number, line in numbered_lines(content.replace(b"\\\r\n", b"\\\n"), "#"):
        if number % CHECKED == 0 or len(line) > LONG:
            check_counts(len(coordinates) // 3, max(len(counts), len(corners) // 16))
        if line.endswith("\\\n") and len(begun) <= LONGEST_LINE:
            begun += line[:-2] + " "
            continue
        if len(begun) > LONGEST_LINE:
            raise DamagedError(f"line {number} goes on from others: more than {LONGEST_LINE:,} characters together")
        words = (begun + line).split() if begun or line.lstrip()[:1] in ("v", "f") else ()
        begun = ""
        if not words or words[0] not in ("v", "f"):
            continue
        try:
            if words[0] == "v":
                x, y, z = words[1:4]
                coordinates.extend((float(x), float(y), float(z)))
                continue
            above = len(coordinates) // 3
            indices = [int(word.partition("/")[0]) for word in words[1:]]
            corners.extend([index - 1 if index > 0 else above + index for index in indices])
        except (ValueError, OverflowError):
            raise DamagedError(f"line {number}: {shown(line)} is neither a vertex nor a face") from None
        if 0 in indices or min(indices, default=0) < -above:
            raise DamagedError(f"line {number}: a face names vertex {min(indices)}; {above:,} are above it")
        counts.append(len(indices))
    if begun:
        raise DamagedError(f"breaks off: the last line, {shown(begun)}, says that it goes on")
    vertices = np.array(coordinates, dtype=np.float64).reshape(-1, 3)
    return vertices, triangulate(vertices, np.array(corners, dtype=np.int64), np.array(counts, dtype=np.int64))


def write(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray | None, comment: str) -> bytes:
    """The file's bytes; colours of vertices, uint8 ``[v, 3]``, stand behind the coordinates as numbers up to 1."""
    rows = [" ".join(f"{value:.9g}" for value in row) for row in vertices.tolist()]
    if colours is not None:
        shades = (" ".join(f"{value:.4f}" for value in row) for row in (colours / 255).tolist())
        rows = [f"{row} {shade}" for row, shade in zip(rows, shades, strict=True)]
    faces = ("f {} {} {}".format(*row) for row in (triangles + 1).tolist())
    return "\n".join([f"# {comment}", *(f"v {row}" for row in rows), *faces, ""]).encode()
