"""IDX files, the form of MNIST and of the sets that took its place: a big-endian header, then bytes.

    two zeros, type (8: unsigned bytes), number of dimensions, each dimension as 4 bytes, the data row by row

Images have three dimensions (magic number 2051), labels one (2049). Files lie about packed and unpacked, under names
that do not always say which: their first bytes do.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import zlib
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError

# Bytes of the data.
LARGEST = 2**31
PACKED = b"\x1f\x8b"
# Dimensions by what is in the file.
IMAGES, LABELS = 3, 1
CONTENTS = {IMAGES: "images", LABELS: "labels"}
BYTES = 0x08
TYPES = {0x09: "signed bytes", 0x0B: "16-bit numbers", 0x0C: "32-bit numbers", 0x0D: "floats", 0x0E: "doubles"}
# No byte of a packed file becomes more than this many: the limit of deflate.
_MOST_UNPACKED = 1032
_PIECE = 2**20


def read_idx(path: Path | str) -> np.ndarray:
    """Images or labels.

    The sizes that the header claims are held against the file before memory is taken for them, and no more is unpacked.

    Args:
        path: the file, packed by gzip or not.

    Returns:
        uint8 ``[n, rows, columns]`` or ``[n]``.

    Raises:
        UserError: no such file, another format, other numbers than unsigned bytes, other dimensions than one or three,
            a file that is damaged, or one that holds less or more than its header claims.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file but a folder, a pipe or a device; name an IDX file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            packed = file.read(len(PACKED)) == PACKED
            file.seek(0)
            if not packed:
                return _content(path, file, size)
            with gzip.open(file) as unpacked:
                return _content(path, unpacked, _MOST_UNPACKED * size, packed=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except EOFError:
        raise UserError(f"{path}: a packed file that breaks off; get it again") from None
    except (OSError, zlib.error, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())[:120]})") from None
    except MemoryError:
        raise UserError(f"{path}: there is not enough memory for what its header claims") from None


def read_images(path: Path | str) -> np.ndarray:
    """Images, uint8 ``[n, rows, columns]``.

    Raises:
        UserError: see ``read_idx``; or labels.
    """
    return _of_dimensions(Path(path), IMAGES)


def read_labels(path: Path | str) -> np.ndarray:
    """Labels, uint8 ``[n]``.

    Raises:
        UserError: see ``read_idx``; or images.
    """
    return _of_dimensions(Path(path), LABELS)


def read_pair(images_path: Path | str, labels_path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Images and their labels, uint8 ``[n, rows, columns]`` and ``[n]``.

    Raises:
        UserError: see ``read_idx``; or the two files are exchanged, or of different lengths.
    """
    images, labels = read_images(images_path), read_labels(labels_path)
    if len(images) != len(labels):
        raise UserError(
            f"{labels_path}: {len(labels):,} labels for {len(images):,} images of {images_path}; one for each is needed"
        )
    return images, labels


def _of_dimensions(path: Path, dimensions: int) -> np.ndarray:
    array = read_idx(path)
    if array.ndim != dimensions:
        raise UserError(f"{path}: holds {CONTENTS[array.ndim]}; expected {CONTENTS[dimensions]}")
    return array


def _content(path: Path, file: io.BufferedIOBase, most: int, packed: bool = False) -> np.ndarray:
    """What an open file holds.

    Args:
        path: of the file, for messages.
        file: at its beginning, unpacked.
        most: bytes that it may have, unpacked.
        packed: whether that is a bound and not their number.
    """
    shape, header = _shape(path, file)
    count = math.prod(shape)
    claim = f"its header claims {' x '.join(f'{side:,}' for side in shape)}"
    if not 0 < count <= LARGEST:
        raise UserError(f"{path}: {claim}; accepted: 1 to {LARGEST:,} bytes")
    if packed and header + count > most:
        raise UserError(f"{path}: {claim} = {count:,} bytes; a packed file of this size holds {most:,} at most")
    if not packed and header + count != most:
        raise UserError(f"{path}: {claim} = {count:,} bytes; the file has {most - header:,} after the header")
    # Memory that is not written to is not taken yet.
    data = np.empty(count, dtype=np.uint8)
    filled = 0
    while filled < count:
        taken = file.readinto(data.data[filled : filled + _PIECE])
        if not taken:
            raise UserError(f"{path}: {claim} = {count:,} bytes; it holds {filled:,} after the header")
        filled += taken
    # Reading on also makes gzip compare its checksum.
    if file.read(1):
        raise UserError(f"{path}: {claim} = {count:,} bytes; it holds more")
    return data.reshape(shape)


def _shape(path: Path, file: io.BufferedIOBase) -> tuple[tuple[int, ...], int]:
    """The dimensions that the header claims, and its length in bytes."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in (BYTES, *TYPES):
        begins = magic.hex(" ") if magic else "nothing"
        raise UserError(
            f"{path}: not an IDX file: it begins with {begins}; expected 00 00 08 03 (images) or 00 00 08 01 (labels)"
        )
    if magic[2] != BYTES:
        raise UserError(f"{path}: an IDX file of {TYPES[magic[2]]}; accepted: unsigned bytes")
    if (dimensions := magic[3]) not in CONTENTS:
        raise UserError(f"{path}: an IDX file of {dimensions} dimensions; accepted: 3 (images) or 1 (labels)")
    sides = file.read(4 * dimensions)
    if len(sides) < 4 * dimensions:
        raise UserError(
            f"{path}: its header breaks off after {4 + len(sides)} bytes; expected {4 + 4 * dimensions} of them"
        )
    return tuple(int(side) for side in np.frombuffer(sides, dtype=">u4")), 4 + len(sides)
