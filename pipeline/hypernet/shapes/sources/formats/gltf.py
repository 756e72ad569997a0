"""glTF 2.0, binary (.glb) or text with everything in it (.gltf): the triangles of a scene, each node in its place.

What is read is the geometry alone: pictures are never decoded, other files never opened, and every number of the file
is checked against the bytes that there are. Coordinates are metres with y up, as the format says.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np

from hypernet.shapes.core.solids import MOST_TRIANGLES
from hypernet.shapes.sources.formats.reading import DamagedError, shown

MAGIC, JSON_CHUNK, BINARY_CHUNK = b"glTF", b"JSON", b"BIN\0"
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3}
TRIANGLES, STRIP, FAN = 4, 5, 6
# Extensions without which the geometry cannot be read.
PACKED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
MOST_NODES = 100_000
# A piece of a mesh takes as long as so many triangles.
PIECE = 100
# Objects, lists and what else stands in the description: each takes up to twenty times its text.
MOST_PARTS = 4_000_000
LARGEST_NUMBER = 2**40


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices ``[v, 3]`` and triangles ``[t, 3]`` of the scene that the file shows first.

    Raises:
        DamagedError: no glTF 2, packed geometry, data in other files, or numbers that do not fit the bytes.
    """
    binary = b""
    text = content
    if content.startswith(MAGIC):
        text, binary = _chunks(content)
    parts = sum(text.count(sign) for sign in (b"{", b"[", b","))
    if parts > MOST_PARTS:
        raise DamagedError(f"its description has {parts:,} parts; accepted: {MOST_PARTS:,}")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedError("not glTF 2.0 (its description is no JSON)") from None
    asset = document.get("asset") if isinstance(document, dict) else None
    version = asset.get("version") if isinstance(asset, dict) else None
    if not isinstance(version, str) or not version.startswith("2"):
        raise DamagedError("not glTF 2.0 (its description names no version 2)")
    return _Scene(document, binary).triangles()


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    version, length = (int.from_bytes(content[place : place + 4], "little") for place in (4, 8))
    if version != 2 or length > len(content):
        raise DamagedError(f"version {version} with {length:,} bytes, of which {len(content):,} are here; accepted: 2")
    text, binary, place = b"", b"", 12
    while place + 8 <= length:
        size, label = int.from_bytes(content[place : place + 4], "little"), content[place + 4 : place + 8]
        place += 8
        if size > length - place:
            raise DamagedError(f"a part of {size:,} bytes; only {length - place:,} are left")
        if label == JSON_CHUNK and not text:
            text = content[place : place + size]
        elif label == BINARY_CHUNK and not binary:
            binary = content[place : place + size]
        place += size
    return text, binary


def _pick(holder: Any, key: str, expected: type, default: Any = None) -> Any:
    """A value of a JSON object, if it is of its type."""
    value = holder.get(key, default) if isinstance(holder, dict) else None
    if value is default and default is not None:
        return default
    fits = isinstance(value, expected) and not isinstance(value, bool)
    if not fits or (isinstance(value, int) and abs(value) > LARGEST_NUMBER):
        raise DamagedError(f"{key} is missing or is no {expected.__name__}")
    return value


class _Scene:
    """A description and its bytes, read as far as the geometry needs."""

    def __init__(self, document: dict, binary: bytes) -> None:
        self.document, self.binary = document, binary
        self.buffers: dict[int, bytes] = {}
        self.meshes: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        self.taken = 0
        required = document.get("extensionsRequired", [])
        packed = [name for name in PACKED if isinstance(required, list) and name in required]
        if packed:
            raise DamagedError(f"its geometry is packed ({packed[0]}); save it without compression")

    def entry(self, table: str, index: Any) -> dict:
        """An entry of one of the description's tables."""
        entries = _pick(self.document, table, list, [])
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(entries):
            named = index if isinstance(index, int) else type(index).__name__
            raise DamagedError(f"{table}[{named}] is not there; there are {len(entries)}")
        if not isinstance(entries[index], dict):
            raise DamagedError(f"{table}[{index}] is no object")
        return entries[index]

    def buffer(self, index: int) -> bytes:
        """Bytes of a buffer: those behind the description, or those written into it as text."""
        if index not in self.buffers:
            entry = self.entry("buffers", index)
            uri = entry.get("uri")
            if uri is None:
                content = self.binary if index == 0 else b""
            elif isinstance(uri, str) and uri.startswith("data:") and ";base64," in uri[:200]:
                try:
                    content = base64.b64decode(uri.partition(",")[2], validate=True)
                except (binascii.Error, ValueError):
                    raise DamagedError(f"buffers[{index}] is no base64 text") from None
            else:
                named = shown(uri) if isinstance(uri, str) else "of no name"
                raise DamagedError(f"its data are in another file ({named}); save it as one .glb file")
            length = _pick(entry, "byteLength", int)
            if not 0 <= length <= len(content):
                raise DamagedError(f"buffers[{index}] says {length:,} bytes; {len(content):,} are here")
            self.buffers[index] = content[:length]
        return self.buffers[index]

    def accessor(self, index: Any, form: str) -> np.ndarray:
        """Numbers of an accessor, ``[count, width]``; whole numbers that stand for fractions become those."""
        entry = self.entry("accessors", index)
        if "sparse" in entry or "bufferView" not in entry:
            raise DamagedError(f"accessors[{index}] is sparse; save it with all values written out")
        numbers, count = _pick(entry, "componentType", int), _pick(entry, "count", int)
        if numbers not in COMPONENTS or entry.get("type") != form or count < 0:
            raise DamagedError(f"accessors[{index}] holds no {form} of a known type")
        view = self.entry("bufferViews", entry["bufferView"])
        where = _pick(view, "buffer", int)
        content = self.buffer(where)
        first, length = _pick(view, "byteOffset", int, 0), _pick(view, "byteLength", int)
        offset = _pick(entry, "byteOffset", int, 0)
        component = np.dtype(COMPONENTS[numbers])
        item = component.itemsize * WIDTHS[form]
        stride = _pick(view, "byteStride", int, item)
        fits = min(first, length, offset) >= 0 and first + length <= len(content) and stride >= item
        if not fits or (count and offset + stride * (count - 1) + item > length):
            raise DamagedError(f"accessors[{index}] says {count:,} values; its bytes are not there")
        if not count:
            return np.zeros((0, WIDTHS[form]))
        values = np.ndarray((count, WIDTHS[form]), component, content, first + offset, (stride, component.itemsize))
        if entry.get("normalized") is True and component.kind in "iu":
            return np.maximum(values / np.iinfo(component).max, -1.0)
        return values

    def mesh(self, index: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Vertices and triangles of each primitive of a mesh."""
        if index not in self.meshes:
            pieces = []
            for primitive in _pick(self.entry("meshes", index), "primitives", list):
                mode = _pick(primitive, "mode", int, TRIANGLES)
                if mode not in (TRIANGLES, STRIP, FAN):
                    continue
                extensions = _pick(primitive, "extensions", dict, {})
                packed = [name for name in PACKED if name in extensions]
                if packed:
                    raise DamagedError(f"its geometry is packed ({packed[0]}); save it without compression")
                attributes = _pick(primitive, "attributes", dict)
                points = self.accessor(attributes.get("POSITION"), "VEC3").astype(np.float64)
                if "indices" in primitive:
                    indices = self.accessor(primitive["indices"], "SCALAR").ravel()
                    if indices.dtype.kind != "u":
                        raise DamagedError("the indices of a mesh are no whole numbers")
                    indices = indices.astype(np.int64)
                else:
                    indices = np.arange(len(points))
                # The same bytes may be named many times.
                self.count(len(points) // 3 + len(indices) // 3)
                if len(indices) and indices.max() >= len(points):
                    raise DamagedError(f"a face names vertex {indices.max():,}; there are {len(points):,}")
                pieces.append((points, _faces(indices, mode)))
            self.meshes[index] = pieces
        return self.meshes[index]

    def count(self, triangles: int) -> None:
        """Add a piece to what has been taken into memory, which has a limit."""
        self.taken += triangles + PIECE
        if self.taken > 4 * MOST_TRIANGLES:
            raise DamagedError(f"more than {MOST_TRIANGLES:,} triangles, the most that are accepted")

    def triangles(self) -> tuple[np.ndarray, np.ndarray]:
        """All triangles, each node's moved to its place; under a mirroring node they are turned over."""
        points, faces = [np.zeros((0, 3))], [np.zeros((0, 3), dtype=np.int64)]
        vertices = 0
        for index, matrix in self.placed():
            for corners, faces_here in self.mesh(index):
                with np.errstate(all="ignore"):  # numbers that are none are refused later
                    moved = corners @ matrix[:3, :3].T + matrix[:3, 3]
                    mirrored = np.linalg.det(matrix[:3, :3]) < 0
                points.append(moved)
                faces.append((faces_here[:, ::-1] if mirrored else faces_here) + vertices)
                vertices += len(corners)
                self.count(len(corners) // 3 + len(faces_here))
        return np.concatenate(points), np.concatenate(faces)

    def placed(self) -> list[tuple[int, np.ndarray]]:
        """Index of the mesh and the matrix of each node that has a mesh, from the roots of the scene down."""
        nodes = _pick(self.document, "nodes", list, [])
        if not nodes:
            return [(index, np.eye(4)) for index in range(len(_pick(self.document, "meshes", list, [])))]
        if _pick(self.document, "scenes", list, []):
            scene = self.entry("scenes", self.document.get("scene", 0))
            roots = _pick(scene, "nodes", list, [])
        else:
            children = [
                child for node in nodes if isinstance(node, dict) for child in _pick(node, "children", list, [])
            ]
            below = {child for child in children if isinstance(child, int)}
            roots = [index for index in range(len(nodes)) if index not in below]
        waiting = [(root, np.eye(4)) for root in reversed(roots)]
        seen: set[int] = set()
        placed = []
        while waiting:
            index, above = waiting.pop()
            node = self.entry("nodes", index)
            if index in seen or len(seen) >= MOST_NODES:
                raise DamagedError(f"nodes[{index}] hangs in two places, or there are more than {MOST_NODES:,}")
            seen.add(index)
            with np.errstate(all="ignore"):
                matrix = above @ _matrix(node)
            if "mesh" in node:
                placed.append((_pick(node, "mesh", int), matrix))
            waiting += [(child, matrix) for child in reversed(_pick(node, "children", list, []))]
        return placed


def _faces(indices: np.ndarray, mode: int) -> np.ndarray:
    """Triangles ``[t, 3]`` of a list, a strip (every other one runs the other way) or a fan."""
    if mode == TRIANGLES:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    if len(indices) < 3:
        return np.zeros((0, 3), dtype=np.int64)
    if mode == FAN:
        return np.stack([np.full(len(indices) - 2, indices[0]), indices[1:-1], indices[2:]], axis=1)
    faces = np.stack([indices[:-2], indices[1:-1], indices[2:]], axis=1)
    faces[1::2] = faces[1::2, [1, 0, 2]]
    return faces


def _matrix(node: dict) -> np.ndarray:
    """Matrix ``[4, 4]`` of a node: as given (by columns), or translation · rotation (a quaternion) · scale."""
    if "matrix" in node:
        return _vector(node, "matrix", 16).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = _vector(node, "rotation", 4, (0, 0, 0, 1))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = rotation * _vector(node, "scale", 3, (1, 1, 1))
    matrix[:3, 3] = _vector(node, "translation", 3, (0, 0, 0))
    return matrix


def _vector(node: dict, key: str, size: int, default: tuple = ()) -> np.ndarray:
    values = node.get(key, list(default))
    fine = isinstance(values, list) and len(values) == size
    if not fine or not all(type(value) in (int, float) and abs(value) < 1e100 for value in values):
        raise DamagedError(f"{key} of a node is not {size} finite numbers")
    return np.array([float(value) for value in values])


def write(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray | None) -> bytes:
    """The bytes of a .glb file, of metres with y up; colours are of vertices, uint8 ``[v, 3]``."""
    columns = [(vertices.astype("<f4"), 34962), (triangles.astype("<u4"), 34963)]
    attributes = {"POSITION": 0}
    accessors: list[dict] = [
        {
            "bufferView": 0, "componentType": 5126, "count": len(vertices), "type": "VEC3",
            "min": columns[0][0].min(axis=0).tolist(), "max": columns[0][0].max(axis=0).tolist(),
        },
        {"bufferView": 1, "componentType": 5125, "count": triangles.size, "type": "SCALAR"},
    ]  # fmt: skip
    if colours is not None:
        # A colour in the file is linear light, that of a picture is not; and a vertex takes a multiple of 4 bytes.
        shade = colours / 255.0
        linear = np.where(shade <= 0.04045, shade / 12.92, ((shade + 0.055) / 1.055) ** 2.4)
        rows = np.full((len(colours), 4), 255, dtype=np.uint8)
        rows[:, :3] = np.round(255 * linear)
        columns.append((rows, 34962))
        accessors.append(
            {"bufferView": 2, "componentType": 5121, "normalized": True, "count": len(rows), "type": "VEC4"}
        )
        attributes["COLOR_0"] = 2
    views, place = [], 0
    for values, target in columns:
        views.append({"buffer": 0, "byteOffset": place, "byteLength": values.nbytes, "target": target})
        place += values.nbytes
    material = {"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.9}, "doubleSided": True}
    primitive = {"attributes": attributes, "indices": 1, "mode": TRIANGLES, "material": 0}
    document = {
        "asset": {"version": "2.0", "generator": "hypernet shapes"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": place}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(values.tobytes() for values, _ in columns)
    chunks = [
        len(text).to_bytes(4, "little") + JSON_CHUNK + text,
        len(binary).to_bytes(4, "little") + BINARY_CHUNK + binary,
    ]
    body = b"".join(chunks)
    return MAGIC + (2).to_bytes(4, "little") + (12 + len(body)).to_bytes(4, "little") + body
