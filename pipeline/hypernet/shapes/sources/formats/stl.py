"""Stereolithography .stl, binary and text: triangles, each with its own corners."""

from __future__ import annotations

from array import array

import numpy as np

from hypernet.shapes.sources.formats.reading import DamagedError, check_counts, numbered_lines, shown

HEADER = 84
# Lines after which the count is looked at.
CHECKED = 100_000
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices ``[3 t, 3]`` and triangles ``[t, 3]``.

    Many binary files begin with `solid` as text ones do: a length that fits the number of triangles tells them apart.

    Raises:
        DamagedError: more or fewer triangles than the file says, or a text that breaks off.
    """
    count = int.from_bytes(content[80:84], "little") if len(content) >= HEADER else 0
    fits = len(content) == HEADER + count * TRIANGLE.itemsize and len(content) >= HEADER
    if not fits and content[:1024].lstrip()[:5].lower() == b"solid" and b"\0" not in content:
        return _read_text(content)
    if len(content) < HEADER:
        raise DamagedError(f"{len(content)} bytes; not an .stl file, whose header alone has {HEADER}")
    held = (len(content) - HEADER) // TRIANGLE.itemsize
    if not fits:
        raise DamagedError(f"says {count:,} triangles; its length is that of {held:,}")
    check_counts(3 * count, count)
    corners = np.frombuffer(content, TRIANGLE, count, HEADER)["corners"].astype(np.float64)
    return corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3)


def _read_text(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    coordinates, corners, closed = array("d"), 0, False
    for number, line in numbered_lines(content):
        words = line[:400].split()
        key = words[0].lower() if words else ""
        closed = closed or key == "endsolid"
        if number % CHECKED == 0:
            check_counts(len(coordinates) // 3, 0)
        if key == "vertex":
            try:
                x, y, z = (float(word) for word in words[1:])
            except ValueError:
                raise DamagedError(f"line {number}: {shown(line)} are not three numbers") from None
            coordinates.extend((x, y, z))
            corners += 1
        elif key == "solid":
            closed = False
        elif key == "endfacet":
            if corners != 3:
                raise DamagedError(f"line {number}: a facet of {corners} corners; accepted: 3")
            corners = 0
    if corners or not closed:
        raise DamagedError("breaks off: the last facet or `endsolid` is missing")
    vertices = np.array(coordinates, dtype=np.float64).reshape(-1, 3)
    return vertices, np.arange(len(vertices)).reshape(-1, 3)


def write(vertices: np.ndarray, triangles: np.ndarray, normals: np.ndarray, comment: str) -> bytes:
    """The bytes of a binary file."""
    rows = np.zeros(len(triangles), TRIANGLE)
    rows["normal"], rows["corners"] = normals, vertices[triangles]
    head = comment.encode("ascii", "replace")[:80].ljust(80)
    return head + len(triangles).to_bytes(4, "little") + rows.tobytes()
