"""ICC profiles for tests, put together byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

# Primaries in the connection space as the profiles of these names have them, rows red, green, blue.
COLORANTS = {
    "sRGB": [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]],
    "Display P3": [[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]],
    "Adobe RGB": [[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]],
    "ProPhoto": [[0.79767, 0.28804, 0.0], [0.13519, 0.71188, 0.0], [0.03134, 0.00009, 0.82491]],
}
SRGB = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]


def fixed(numbers: Iterable[float]) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def gamma(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * exponent))


def table(values: np.ndarray) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">I", len(values)) + np.rint(65535 * values).astype(">u2").tobytes()


def parametric(numbers: list[float]) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", {1: 0, 3: 1, 4: 2, 5: 3, 7: 4}[len(numbers)], 0) + fixed(numbers)


def icc(
    tags: dict[bytes, bytes], space: bytes = b"RGB ", connection: bytes = b"XYZ ", name: bytes = b"a test"
) -> bytes:
    """A profile of version 2 with these tags."""
    words = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78)
    tags = {b"desc": words, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": xyz([0.9642, 1, 0.8249]), **tags}
    entries, body = b"", b""
    for tag, content in tags.items():
        entries += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = 132 + len(entries) + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"mntr", space, connection)
    header += struct.pack(">6H", 2001, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed([0.9642, 1, 0.8249])
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + body


def matrix_icc(colorants: str, curve: bytes, **options) -> bytes:
    """A profile of these primaries, its three curves alike."""
    primaries = zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, COLORANTS[colorants]), strict=True)
    return icc({**dict(primaries), **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)}, **options)


def tables_icc() -> bytes:
    """A profile of a printer's manner: RGB to Lab by a grid of 2 and 8-bit numbers."""
    grid = [[0, 128, 128], [82, 207, 20], [224, 42, 210], [231, 81, 115],
            [136, 208, 195], [154, 221, 68], [248, 106, 222], [255, 128, 128]]  # fmt: skip
    lut = b"mft1" + bytes(4) + bytes([3, 3, 2, 0]) + fixed([1, 0, 0, 0, 1, 0, 0, 0, 1])
    ramp = bytes(range(256))
    return icc({b"A2B0": lut + 3 * ramp + bytes(np.array(grid, np.uint8).tobytes()) + 3 * ramp}, connection=b"Lab ")


def xyz(numbers: Iterable[float]) -> bytes:
    return b"XYZ " + bytes(4) + fixed(numbers)


WIDE = {
    "Display P3": matrix_icc("Display P3", parametric(SRGB), name=b"Display P3"),
    "Adobe RGB": matrix_icc("Adobe RGB", gamma(2 + 51 / 256), name=b"Adobe RGB"),
    "ProPhoto": matrix_icc("ProPhoto", gamma(1.8), name=b"ProPhoto"),
    "a table": matrix_icc("Display P3", table(np.linspace(0, 1, 1024) ** 2.2), name=b"a table"),
}
