"""The bytes of files as services send them: plain, or packed by gzip, bzip2, or as the only file of a zip archive."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hypernet.lab.errors import UserError

# What each begins with. All streams of bzip2 have a block's mark, the digits of pi, behind the size.
GZIP, ZIP, BZIP2, BLOCK_OF_BZIP2 = b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"1AY&SY"
# No file of a weather service comes near; a small packed file cannot make this program reserve more.
LARGEST_FILE = 2**30
HEAD = 64
# What the libraries raise over pieces that are no pieces of theirs.
DAMAGED = (EOFError, zlib.error, struct.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)


def content(path: Path, limit: int = LARGEST_FILE) -> bytes:
    """The bytes of a file, unpacked where it is packed.

    Raises:
        UserError: it cannot be read, is cut off or has more than ``limit`` bytes.
    """
    start = _start(path, limit + 1)
    if len(start) > limit:
        raise UserError(f"{path}: more than {limit} bytes, the most that a radar file may have")
    return start


def head(path: Path) -> bytes:
    """The first bytes of a file, unpacked where it is packed: enough to know its format.

    Raises:
        UserError: it cannot be read.
    """
    return _start(path, HEAD)


def openable(path: Path) -> Path | io.BytesIO:
    """What libraries for HDF5 and netCDF can open: the path itself, or the unpacked bytes of a packed file.

    Raises:
        UserError: it cannot be read, or is cut off.
    """
    return io.BytesIO(content(path)) if _packing(path) else path


def _packing(path: Path) -> str:
    """How a file is packed, for people; "" where it is not."""
    with path.open("rb") as file:
        first = file.read(len(BZIP2) + 1 + len(BLOCK_OF_BZIP2))
    if first.startswith(GZIP):
        return "gzip"
    if first.startswith(BZIP2) and first.endswith(BLOCK_OF_BZIP2):
        return "bzip2"
    return "zip" if first.startswith(ZIP) else ""


def _start(path: Path, count: int) -> bytes:
    packing = ""
    try:
        packing = _packing(path)
        with _opened(path, packing) as file:
            return file.read(count)
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: the {packing} file is cut off or damaged ({reason})") from None
    except OSError as error:
        # bz2 raises it without a number for what is damaged.
        if packing and error.errno is None:
            raise UserError(f"{path}: the {packing} file is cut off or damaged ({error})") from None
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextlib.contextmanager
def _opened(path: Path, packing: str) -> Iterator[io.BufferedIOBase | IO[bytes]]:
    """The file, unpacked as it is read.

    Raises:
        UserError: a zip archive with several files, or with a password.
    """
    if packing == "zip":
        with zipfile.ZipFile(path) as archive:
            inside = [member for member in archive.infolist() if not member.is_dir()]
            if len(inside) != 1:
                raise UserError(f"{path}: a zip archive of {len(inside)} files; accepted: of a single one")
            if inside[0].flag_bits & 1:
                raise UserError(f"{path}: the zip archive has a password; accepted: without")
            if inside[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
                # Others say themselves how much memory unpacking takes.
                raise UserError(f"{path}: the zip archive is packed in another way than accepted: deflate, bzip2")
            with archive.open(inside[0]) as file:
                yield file
    else:
        with (
            gzip.open(path) if packing == "gzip" else bz2.open(path) if packing == "bzip2" else path.open("rb") as file
        ):
            yield file
