"""Preparing a code: its parity-check matrix, checked."""

from __future__ import annotations

import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np

from hypernet.codes.config import PrepareSettings
from hypernet.codes.core.channel import Code
from hypernet.codes.core.sparse import LARGEST_ONES, check_shape, of_positions
from hypernet.codes.names import CODES
from hypernet.codes.raw import FILE
from hypernet.codes.sources.matrices import MATRICES, matrix_digest, validate
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.manifest import read_manifest, write_manifest

# The row and the column of every one of H, the title, and their headers.
LARGEST_CODE_BYTES = 8 * LARGEST_ONES + 2**16


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Check the raw matrix and write it to ``out/code.npz`` with a manifest.

    Raises:
        UserError: the matrix cannot define a code, or is not the published one that ``dataset`` names.
    """
    del settings
    path = raw / FILE
    parity_check = read_parity_check(path)
    for warning in validate(parity_check, str(path)):
        print(f"warning: {warning}", file=sys.stderr)
    known, digest = CODES.get(dataset), matrix_digest(parity_check)
    if known is not None and digest != MATRICES[dataset].digest:
        raise UserError(
            f"{path}: this is not {known.title} (digest {digest[:16]}, not {MATRICES[dataset].digest[:16]}). "
            "Delete the file to have it made again, or name your own under codes.matrices"
        )
    code = Code.of(known.title if known else dataset, parity_check)
    length, k = code.length, code.dimension
    title = known.title if known else f"{dataset} ({length},{k})"
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "code.npz") as temporary:
        rows, columns = parity_check.nonzero()
        ones = np.stack([rows, columns]).astype(np.int32)
        np.savez(temporary, title=np.array(title), shape=np.array(parity_check.shape), ones=ones)
    write_manifest(
        out,
        {
            "title": title,
            "matrix_digest": digest,
            "n": length,
            "k": k,
            "checks": parity_check.shape[0],
            "edges": parity_check.nnz,
        },
    )


def load_code(data: Path) -> Code:
    """Open a prepared code.

    Raises:
        UserError: the folder holds no prepared code, or a damaged one.
    """
    read_manifest(data)
    path = data / "code.npz"
    try:
        with zipfile.ZipFile(path) as archive:
            # What is packed small may unpack to any size.
            if sum(member.file_size for member in archive.infolist()) > LARGEST_CODE_BYTES:
                raise UserError(f"{path}: more than {LARGEST_CODE_BYTES} bytes when unpacked")
        with np.load(path, allow_pickle=False) as arrays:
            title, (rows, columns) = str(arrays["title"]), arrays["ones"]
            checks, length = (int(side) for side in arrays["shape"])
    except (LookupError, MemoryError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a prepared code ({reason}); run `hypernet codes prepare` again") from None
    check_shape((checks, length), str(path))
    for positions, side in ((rows, checks), (columns, length)):
        if positions.ndim != 1 or positions.dtype.kind != "i" or (positions < 0).any() or (positions >= side).any():
            raise UserError(f"{path}: not a prepared code (ones outside H); run `hypernet codes prepare` again")
    return Code.of(title, of_positions(rows, columns, (checks, length), str(path)))
