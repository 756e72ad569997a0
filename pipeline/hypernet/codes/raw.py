"""Raw data: a parity-check matrix, built by formula, from the published database, or the user's own file."""

from __future__ import annotations

import functools
from pathlib import Path

from hypernet.codes.config import LARGEST_SYNDROME_BITS, LARGEST_WORD_BITS, LONGEST_WORDS, RawSettings
from hypernet.codes.core.reduction import independent_rows
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import MATRICES, construct, validate
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError
from hypernet.lab.files import empty
from hypernet.lab.manifest import write_manifest

FILE = "parity_check.alist"
# Bytes of a file that a plan looks into; that of a code which can be enumerated has fewer.
LARGEST_PLANNED_FILE = 2**21

# The copy of the channel code database of RPTU Kaiserslautern (Helmling et al. 2019) that the papers used.
DATABASE = "https://raw.githubusercontent.com/yoniLc/ECCT/361b9910e8429a7a77af8153a91ca87818067092/Codes_DB/{file}"


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the parity-check matrix of ``dataset`` to ``out`` as an alist file, with a manifest.

    Raises:
        UserError: the user's file cannot be read, or the database's file cannot be had.
    """
    if settings.matrix is not None:
        parity_check = read_parity_check(Path(settings.matrix))
        validate(parity_check, settings.matrix)
        origin = settings.matrix
    elif settings.source == "database":
        from hypernet.lab.acquire import RemoteFile, acquire

        published = MATRICES[dataset]
        remote = RemoteFile(
            name=published.database_file,
            url=DATABASE.format(file=published.database_file),
            sha256=published.database_sha256,
            licence="MIT (ECCT repository); the database itself states none",
            citation="Helmling et al., Database of Channel Codes and ML Simulation Results, 2019",
        )
        parity_check = read_parity_check(acquire(remote))
        origin = remote.url
    else:
        parity_check = construct(dataset)
        origin = "construction"
    empty(out)
    write_alist(out / FILE, parity_check)
    write_manifest(out, {"origin": origin, "shape": list(parity_check.shape)})


def planned(path: str) -> tuple[int, int] | None:
    """n and k of the code in a person's file, where it is small enough for the methods that enumerate.

    Args:
        path: the file.

    Returns:
        None where the matrix is too large to find k in a moment.

    Raises:
        UserError: there is no such file, or it holds no matrix.
    """
    try:
        state = Path(path).stat()
    except (OSError, ValueError):
        raise UserError(f"{path}: no such parity-check file") from None
    return _size(path, state.st_size, state.st_mtime_ns) if state.st_size <= LARGEST_PLANNED_FILE else None


@functools.lru_cache(maxsize=64)
def _size(path: str, size: int, changed: int) -> tuple[int, int] | None:
    """Of a file of this size, last changed at this time."""
    del size, changed
    parity_check = read_parity_check(Path(path))
    checks, length = parity_check.shape
    if checks > LARGEST_SYNDROME_BITS and (length > LONGEST_WORDS or length - checks > LARGEST_WORD_BITS):
        return None
    rows = independent_rows(parity_check)
    return None if rows is None else (length, length - len(rows))
