"""Independent checks of a code, for decoders that enumerate: some rows at a time, and no more than are asked for."""

from __future__ import annotations

import numpy as np

from hypernet.codes.core.gf2 import row_reduce
from hypernet.codes.core.sparse import ParityCheck

# Entries of H that are unpacked at once.
ENTRIES_AT_ONCE = 2**22


def independent_rows(parity_check: ParityCheck, most: int | None = None) -> np.ndarray | None:
    """The reduced row echelon form of H over GF(2) without its zero rows.

    Args:
        parity_check: H, ``[m, n]``.
        most: the largest rank of interest; None: any.

    Returns:
        ``[rank, n]`` uint8; None as soon as the rank is seen to be more than ``most``.
    """
    checks, length = parity_check.shape
    reduced = np.zeros((0, length), dtype=np.uint8)
    at_once = max(1, ENTRIES_AT_ONCE // length)
    for start in range(0, checks, at_once):
        some = parity_check[start : start + at_once].toarray()
        reduced, _ = row_reduce(np.concatenate([reduced, some]))
        if most is not None and len(reduced) > most:
            return None
    return reduced
