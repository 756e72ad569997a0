"""Parity-check matrices from files, whatever program wrote them: the content tells the format, not the name."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import cast

from hypernet.codes.core.sparse import ParityCheck
from hypernet.codes.sources import alist, arrays, market, matlab, quasi_cyclic, rows
from hypernet.codes.sources.lines import Lines, encoding_of
from hypernet.lab.errors import UserError

ACCEPTED = (
    "alist, rows of 0 and 1, CSV, Matrix Market, quasi-cyclic text ('columns rows Z', then shifts), .npy, .npz, .mat"
)
HEAD = 64


def read_parity_check(path: Path | str) -> ParityCheck:
    """Read H from a file.

    Text may be UTF-8 or UTF-16, with any line ends, with comments after # or %, and packed by gzip. A first line of two
    whole numbers that are not both 0 or 1 begins an alist (``n m``), one of three a quasi-cyclic matrix
    (``columns rows Z``).

    Args:
        path: the file.

    Returns:
        H, ``[m, n]`` uint8, sparse.

    Raises:
        UserError: one line that names the file, the line where there is one, what is wrong and what is accepted.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(str(path), file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such parity-check file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (
        EOFError,
        LookupError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        TypeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: damaged, or of no known format ({reason}); accepted: {ACCEPTED}") from None


def _read(where: str, file: io.BufferedReader) -> ParityCheck:
    if file.peek(2)[:2] == b"\x1f\x8b":
        # As a reader of its own, so that what is unpacked can be looked at too.
        file = io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file)))
    head = file.peek(HEAD)[:HEAD]
    if head.startswith(arrays.NPY_MARK):
        return arrays.read_npy(where, file)
    if head.startswith(b"PK"):
        return arrays.read_npz(where, file)
    if head.startswith(matlab.MARKS):
        return matlab.read_mat(where, file)
    encoding = encoding_of(head)
    lines = Lines(where, file, encoding)
    if head.decode(encoding, errors="replace").lower().startswith(market.MARK):
        return market.read_market(lines)
    return _read_text(lines)


def _read_text(lines: Lines) -> ParityCheck:
    first = lines.peek()
    if first is None:
        raise UserError(f"{lines.where}: the file is empty; accepted: {ACCEPTED}")
    fields = first.split(maxsplit=3)
    if all(field.strip().isdecimal() for field in fields) and not set(fields) <= {"0", "1"}:
        if len(fields) == 2:
            return alist.read_alist(lines)
        if len(fields) == 3:
            return quasi_cyclic.read_quasi_cyclic(lines)
    return rows.read_rows(lines)
