"""Voxels in .binvox files (P. Min, https://www.patrickmin.com/binvox/): a text header, then pairs of value and length.

The program writes the axes in the order x, z, y, so that y changes fastest. Files of other programs, such as the
predictions of some ports of Pix2Vox, have x, y, z and say nothing of it: reading them in the wrong order gives another
shape and no error, so the order is the caller's to say.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.shapes.sources.mesh_files import read_bytes

ORDERS = {"xzy": (0, 2, 1), "xyz": (0, 1, 2)}
MOST_A_SIDE = 1024
LARGEST = 256 << 20
LONGEST_HEADER = 4096
LONGEST_RUN = 255
DATA = re.compile(rb"\ndata[ \t]*\r?\n")


def read_binvox(path: Path | str, order: str = "xzy") -> tuple[np.ndarray, np.ndarray, float]:
    """Voxels, and where they are: the centre of voxel i is at (i + 1/2) / side * scale + translate on each axis.

    Args:
        path: the file.
        order: of the axes in the file, ``xzy`` (binvox) or ``xyz``.

    Returns:
        Occupied, bool ``[side, side, side]``, indexed by x, y, z; translate, ``[3]``; scale, the length of a side.

    Raises:
        UserError: no such file, another format, not cubic, or its runs do not fill the cube exactly.
    """
    path = Path(path)
    if order not in ORDERS:
        raise UserError(f"order: {order!r} is none; accepted: {', '.join(ORDERS)}")
    content = read_bytes(path, LARGEST, "a .binvox file")
    if not content.startswith(b"#binvox"):
        raise UserError(f"{path}: not a .binvox file: it has to begin with `#binvox 1`")
    data = DATA.search(content, 0, LONGEST_HEADER)
    if not data:
        raise UserError(f"{path}: the header does not end with a line `data`")
    side, translate, scale = _header(path, content[: data.start()].decode("latin-1"))
    pairs = np.frombuffer(content, dtype=np.uint8, offset=data.end())
    if len(pairs) % 2:
        raise UserError(f"{path}: breaks off in the middle of a run")
    values, runs = pairs[::2], pairs[1::2]
    if (runs == 0).any():
        raise UserError(f"{path}: run {int(np.argmax(runs == 0)) + 1} has length 0")
    if (values > 1).any():
        raise UserError(f"{path}: a voxel has the value {int(values.max())}; accepted: 0 and 1")
    total = int(runs.sum(dtype=np.int64))
    if total != side**3:
        raise UserError(f"{path}: its runs add up to {total:,} voxels; the header says {side}³ = {side**3:,}")
    occupied = np.repeat(values.astype(bool), runs).reshape((side,) * 3).transpose(ORDERS[order])
    return np.ascontiguousarray(occupied), translate, scale


def _header(path: Path, text: str) -> tuple[int, np.ndarray, float]:
    entries = {}
    for line in text.split("\n")[1:]:
        words = line.split()
        if words and not words[0].startswith("#"):
            entries[words[0].lower()] = words[1:]
    sides = entries.get("dim", [])
    if len(sides) != 3 or not all(side.isascii() and side.isdigit() and len(side) < 9 for side in sides):
        raise UserError(f"{path}: the header has no line `dim` with three numbers")
    if len(set(sides)) > 1 or not 1 <= int(sides[0]) <= MOST_A_SIDE:
        raise UserError(f"{path}: {' x '.join(sides)} voxels; accepted are cubes of 1 to {MOST_A_SIDE} a side")
    try:
        translate = np.array([float(word) for word in entries.get("translate", ["0", "0", "0"])])
        (scale,) = (float(word) for word in entries.get("scale", ["1"]))
    except ValueError:
        raise UserError(f"{path}: translate and scale of the header are not numbers") from None
    if translate.shape != (3,) or not np.isfinite([*translate, scale]).all() or not scale > 0:
        raise UserError(f"{path}: translate has to be three finite numbers, and scale a positive one")
    return int(sides[0]), translate, scale


def write_binvox(
    path: Path | str,
    occupied: np.ndarray,
    translate: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
    order: str = "xzy",
) -> None:
    """Write voxels, whole or not at all.

    Args:
        path: the file.
        occupied: bool ``[side, side, side]``, indexed by x, y, z.
        translate: place of the grid's lowest corner, ``[3]``.
        scale: length of the grid's side.
        order: of the axes in the file; other programs expect ``xzy``.

    Raises:
        ValueError: not cubic, or no order.
    """
    occupied = np.asarray(occupied, dtype=bool)
    side = len(occupied)
    if occupied.shape != (side,) * 3 or not 1 <= side <= MOST_A_SIDE or order not in ORDERS:
        raise ValueError(f"voxels {list(occupied.shape)} in the order {order} are no cube in the order xzy or xyz")
    flat = occupied.transpose(ORDERS[order]).ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(np.concatenate([starts, [flat.size]]))
    # A run holds up to 255 voxels: longer ones become several.
    pieces = -(-lengths // LONGEST_RUN)
    runs = np.full(pieces.sum(), LONGEST_RUN, dtype=np.int64)
    runs[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * LONGEST_RUN
    pairs = np.stack([np.repeat(flat[starts], pieces).astype(np.uint8), runs.astype(np.uint8)], axis=1)
    place = " ".join(f"{float(value)!r}" for value in translate)
    header = f"#binvox 1\ndim {side} {side} {side}\ntranslate {place}\nscale {float(scale)!r}\ndata\n"
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(header.encode() + pairs.tobytes())
