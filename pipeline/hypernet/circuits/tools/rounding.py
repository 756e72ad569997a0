"""Rounding all values of a circuit at once: of the two catalogue values around each, the best combination."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from hypernet.circuits.core.parts import lengths_of
from hypernet.circuits.core.ranking import Error, snap

# Of more parts there are too many combinations; those are rounded part by part alone.
MOST_PARTS = 8
CIRCUITS_AT_ONCE = 2048


def round_values(types: np.ndarray, values: np.ndarray, catalogue: np.ndarray, error: Error) -> np.ndarray:
    """Catalogue values near given ones: the better of all combinations of neighbours, and of rounding part by part.

    Args:
        types: ``[B, n]``, padding behind the last part.
        values: ``[B, n]``.
        catalogue: the values that can be had, rising.
        error: what to lower; see :func:`hypernet.circuits.core.ranking.snap`.

    Returns:
        values of the catalogue, ``[B, n]``.
    """
    snapped = snap(types, values, catalogue, error)
    above = np.clip(np.searchsorted(catalogue, values), 1, len(catalogue) - 1)
    around = np.stack([catalogue[above - 1], catalogue[above]], axis=-1)
    out, lengths = snapped.copy(), lengths_of(types)
    for length in range(1, min(MOST_PARTS, types.shape[1]) + 1):
        rows = np.flatnonzero(lengths == length)
        sides = np.array(list(itertools.product((0, 1), repeat=length)))
        # The first combination is the one that is there already.
        block = max(1, CIRCUITS_AT_ONCE // (len(sides) + 1))
        for first in range(0, len(rows), block):
            here = rows[first : first + block]
            tried = np.where(sides, around[here, None, :length, 1], around[here, None, :length, 0])
            tried = np.concatenate([snapped[here, None, :length], tried], axis=1)
            parts = torch.from_numpy(np.repeat(types[here, :length], tried.shape[1], axis=0).astype(np.int64))
            with torch.inference_mode():
                errors = error(parts, torch.from_numpy(tried.reshape(-1, length))).numpy()
            best = np.nan_to_num(errors, nan=np.inf).reshape(len(here), -1).argmin(axis=1)
            out[here, :length] = tried[np.arange(len(here)), best]
    return out
