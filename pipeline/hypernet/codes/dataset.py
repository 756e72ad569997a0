"""Preparing a code: its parity-check matrix checked, and its generator matrix beside it."""

from __future__ import annotations

import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np

from hypernet.codes.config import PrepareSettings
from hypernet.codes.core.channel import Code
from hypernet.codes.names import CODES
from hypernet.codes.raw import FILE
from hypernet.codes.sources.alist import LARGEST_AREA, read_parity_check
from hypernet.codes.sources.matrices import MATRICES, matrix_digest, validate
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.manifest import read_manifest, write_manifest

# H and G as bytes, and their headers.
LARGEST_CODE_BYTES = 3 * LARGEST_AREA


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Check the raw matrix, find its generator matrix, and write both to ``out/code.npz`` with a manifest.

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
    length, k = code.length, len(code.generator)
    title = known.title if known else f"{dataset} ({length},{k})"
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "code.npz") as temporary:
        np.savez(temporary, title=np.array(title), parity_check=parity_check, generator=code.generator)
    write_manifest(
        out,
        {
            "title": title,
            "matrix_digest": digest,
            "n": length,
            "k": k,
            "checks": len(parity_check),
            "edges": int(parity_check.sum()),
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
            return Code(str(arrays["title"]), arrays["parity_check"], arrays["generator"])
    except (LookupError, MemoryError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a prepared code ({reason}); run `hypernet codes prepare` again") from None
