"""Stanford .ply, text and binary of either byte order: coordinates of vertices and corners of faces, nothing else."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hypernet.shapes.sources.formats.polygons import triangulate
from hypernet.shapes.sources.formats.reading import DamagedError, check_counts, numbered_lines, shown

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
LONGEST_HEADER = 1 << 16
END = re.compile(rb"(?:^|[\r\n])end_header[ \t]*(?:\r\n|\r|\n)")
CORNERS = ("vertex_indices", "vertex_index")
NEEDED = ("x", "y", "z", *CORNERS)
MOST_DIGITS = 12


@dataclass
class Element:
    """A table of a file: its name, how many rows, and its properties: (name, type, type of the length or "")."""

    name: str
    count: int
    properties: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def smallest(self) -> int:
        """Bytes that a row takes at least, in a binary file."""
        return sum(np.dtype(length or number).itemsize for _, number, length in self.properties)


Lists = tuple[np.ndarray, np.ndarray]
"""Values of a property that is a list, one row's after another, and how many each row has."""


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices ``[v, 3]`` and triangles ``[t, 3]``.

    Raises:
        DamagedError: the header cannot be read, says more than the file holds, or there are no faces.
    """
    order, elements, start = _header(content)
    tables = _read_binary(content, start, order, elements) if order else _read_text(content[start:], elements)
    points, faces = tables.get("vertex", {}), tables.get("face", {})
    missing = [axis for axis in "xyz" if not isinstance(points.get(axis), np.ndarray)]
    if missing:
        raise DamagedError(f"the vertices have no property {missing[0]}")
    corners = next((faces[name] for name in CORNERS if isinstance(faces.get(name), tuple)), None)
    if corners is None:
        raise DamagedError("no faces; accepted are meshes, not clouds of points or strips")
    vertices = np.stack([points[axis].astype(np.float64) for axis in "xyz"], axis=1)
    values, counts = corners
    with np.errstate(invalid="ignore"):
        return vertices, triangulate(vertices, values.astype(np.int64), counts.astype(np.int64))


def _header(content: bytes) -> tuple[str, list[Element], int]:
    end = END.search(content, 0, LONGEST_HEADER)
    if not content.startswith(b"ply") or not end:
        raise DamagedError("not a .ply file: it has to begin with `ply` and a header that ends with `end_header`")
    order, elements = None, []
    for line in content[: end.start()].decode("latin-1").replace("\r", "\n").split("\n")[1:]:
        match line.split():
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", form, *_] if form in ORDERS:
                order = ORDERS[form]
            case ["element", name, count] if count.isdecimal() and len(count) <= MOST_DIGITS:
                elements.append(Element(name, int(count)))
            case ["property", "list", length, number, name] if length in TYPES and number in TYPES and elements:
                if TYPES[length][0] == "f":
                    raise DamagedError(f"header: {shown(line)}: the length of a list is a whole number")
                elements[-1].properties.append((name, TYPES[number], TYPES[length]))
            case ["property", number, name] if number in TYPES and elements:
                elements[-1].properties.append((name, TYPES[number], ""))
            case _:
                raise DamagedError(f"header: {shown(line)} cannot be read")
    if order is None:
        raise DamagedError(f"header: no format; accepted: {', '.join(ORDERS)}")
    for element in elements:
        check_counts(element.count, element.count if element.name == "face" else 0)
        names = [name for name, _, _ in element.properties]
        if len(set(names)) < len(names):
            raise DamagedError(f"header: element {shown(element.name)} has two properties of one name")
    return order, elements, end.end()


def _too_short(element: Element) -> DamagedError:
    return DamagedError(f"says {element.count:,} of element {shown(element.name)}; the file is too short to hold them")


def _read_binary(content: bytes, start: int, order: str, elements: list[Element]) -> dict[str, dict]:
    tables = {}
    for element in elements:
        if element.count * element.smallest > len(content) - start:
            raise _too_short(element)
        if not element.properties or not element.count:
            tables[element.name] = {name: _none(length) for name, _, length in element.properties}
            continue
        table, start = _even_rows(content, start, order, element) or _uneven_rows(content, start, order, element)
        tables[element.name] = table
    return tables


def _none(length: str) -> np.ndarray | Lists:
    empty = np.zeros(0, dtype=np.int64)
    return (empty, empty) if length else empty


def _even_rows(content: bytes, start: int, order: str, element: Element) -> tuple[dict, int] | None:
    """All rows at once, if each has lists as long as those of the first one."""
    fields: list[tuple] = []
    place, lengths = start, {}
    for name, number, length in element.properties:
        if length:
            step = np.dtype(length).itemsize
            head = content[place : place + step]
            if len(head) < step:
                return None
            lengths[name] = int(np.frombuffer(head, order + length)[0])
            if not 0 <= lengths[name] <= len(content):
                return None
            fields += [(f"length {name}", order + length), (name, order + number, (lengths[name],))]
            place += step + lengths[name] * np.dtype(number).itemsize
        else:
            fields.append((name, order + number))
            place += np.dtype(number).itemsize
    # Of a row as long as the first one: known before numpy is asked, which has a limit of its own.
    if (place - start) * element.count > len(content) - start:
        return None
    rows = np.frombuffer(content, np.dtype(fields), element.count, start)
    if any((rows[f"length {name}"] != length).any() for name, length in lengths.items()):
        return None
    counts = {name: np.full(element.count, length) for name, length in lengths.items()}
    table = {
        name: (rows[name].ravel(), counts[name]) if name in counts else rows[name] for name, _, _ in element.properties
    }
    return table, start + rows.nbytes


def _uneven_rows(content: bytes, start: int, order: str, element: Element) -> tuple[dict, int]:
    """Row after row: triangles beside quadrilaterals, for example."""
    values: dict[str, list] = {name: [] for name, _, _ in element.properties}
    keep: list[Callable[[bytes], None]] = [
        values[name].append if name in NEEDED else _passed_over for name, _, _ in element.properties
    ]
    plan = [
        (append, np.dtype(number).itemsize, np.dtype(length).itemsize if length else 0, length[:1] == "i")
        for append, (_, number, length) in zip(keep, element.properties, strict=True)
    ]
    endian: Literal["big", "little"] = "big" if order == ">" else "little"
    for _ in range(element.count):
        for append, size, head, signed in plan:
            count = 1
            if head:
                count = int.from_bytes(content[start : start + head], endian, signed=signed)
                start += head
            end = start + count * size
            if count < 0 or end > len(content):
                raise _too_short(element)
            append(content[start:end])
            start = end
    table: dict[str, np.ndarray | Lists] = {}
    for name, number, length in element.properties:
        if name not in NEEDED:
            continue
        flat = np.frombuffer(b"".join(values[name]), order + number)
        size = np.dtype(number).itemsize
        table[name] = (flat, np.array([len(row) // size for row in values[name]])) if length else flat
    return table, start


def _passed_over(value: bytes) -> None:
    """What nobody asks for is not kept: a row of small values takes some twenty times its bytes."""


def _read_text(body: bytes, elements: list[Element]) -> dict[str, dict]:
    # A number and what parts it from the next take two bytes.
    if 2 * sum(element.count * max(1, len(element.properties)) for element in elements) > len(body) + 1:
        raise DamagedError("says more vertices and faces than the file can hold")
    lines = (row for row in numbered_lines(body) if row[1] and not row[1].isspace())
    tables = {}
    for element in elements:
        columns = {name: array("d") for name, _, _ in element.properties}
        counts = {name: array("q") for name, _, length in element.properties if length}
        for _ in range(element.count):
            number, line = next(lines, (0, ""))
            if not number:
                raise _too_short(element)
            try:
                whole = _append(line.split(), element, columns, counts)
            except (ValueError, IndexError, OverflowError):
                whole = False
            if not whole:
                where = f"line {number} behind the header: {shown(line)}"
                raise DamagedError(f"{where} is no row of element {shown(element.name)}")
        arrays = {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
        tables[element.name] = {
            name: (flat, np.array(counts[name], dtype=np.int64)) if name in counts else flat
            for name, flat in arrays.items()
        }
    return tables


def _append(words: list[str], element: Element, columns: dict[str, array], counts: dict[str, array]) -> bool:
    """Add one row's words to the columns; False if there are fewer than it says."""
    place = 0
    for name, _, length in element.properties:
        count = 1
        if length:
            count, place = int(words[place]), place + 1
            counts[name].append(count)
        if not 0 <= count <= len(words) - place:
            return False
        columns[name].extend(map(float, words[place : place + count]))
        place += count
    return True


def write(
    vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray | None, of_faces: bool, comment: str
) -> bytes:
    """The bytes of a little-endian file; colours are uint8 ``[v, 3]`` of vertices or ``[t, 3]`` of triangles."""
    shades = [(name, "u1") for name in ("red", "green", "blue")] if colours is not None else []
    rows = np.zeros((0, 3)) if colours is None else colours
    of_points, of_triangles = ([], shades) if of_faces else (shades, [])
    points = np.zeros(len(vertices), [*((axis, "<f4") for axis in "xyz"), *of_points])
    faces = np.zeros(len(triangles), [("count", "u1"), ("corners", "<i4", 3), *of_triangles])
    for column, axis in enumerate("xyz"):
        points[axis] = vertices[:, column]
    faces["count"], faces["corners"] = 3, triangles
    for column, (name, _) in enumerate(shades):
        (faces if of_faces else points)[name] = rows[:, column]
    lines = ["ply", "format binary_little_endian 1.0", f"comment {comment}", f"element vertex {len(points)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + [f"property uchar {name}" for name, _ in of_points]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    lines += [f"property uchar {name}" for name, _ in of_triangles]
    return "\n".join([*lines, "end_header", ""]).encode() + points.tobytes() + faces.tobytes()
