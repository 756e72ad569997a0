"""Candidate circuits side by side: padded, with where each came from; joined, chosen from, and tidied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.circuits.core.parts import PAD, lengths_of, merge, texts

# Added to where a circuit came from.
PRUNED = ", parts left out"


@dataclass(frozen=True)
class Pool:
    """Candidate circuits.

    Attributes:
        kinds: int8 ``[B, n]``, :data:`~hypernet.circuits.core.parts.PAD` behind the last part.
        values: ``[B, n]``, normalised.
        origin: where each came from, for people, ``[B]``.
        free: score before the values were snapped to the catalogue, ``[B]``; NaN where that has not happened.
    """

    kinds: np.ndarray
    values: np.ndarray
    origin: np.ndarray
    free: np.ndarray

    @classmethod
    def of(cls, kinds: np.ndarray, values: np.ndarray, origin: str | np.ndarray) -> Pool:
        """Circuits before refinement."""
        origins = np.broadcast_to(np.asarray(origin, dtype=object), (len(kinds),))
        return cls(np.asarray(kinds, np.int8), np.asarray(values, np.float64), origins, np.full(len(kinds), np.nan))

    def __len__(self) -> int:
        """B."""
        return len(self.kinds)

    def take(self, rows: np.ndarray) -> Pool:
        """Some of the circuits."""
        return Pool(self.kinds[rows], self.values[rows], self.origin[rows], self.free[rows])

    def __add__(self, other: Pool) -> Pool:
        """Both, one behind the other."""
        longest = max(self.kinds.shape[1], other.kinds.shape[1])
        kinds = [_widened(one.kinds, longest, PAD) for one in (self, other)]
        values = [_widened(one.values, longest, 1.0) for one in (self, other)]
        rest = [np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("origin", "free")]
        return Pool(np.concatenate(kinds), np.concatenate(values), *rest)

    def tidied(self) -> Pool:
        """Parts that are one part joined, each circuit once, circuits without parts left out."""
        found: dict[str, tuple[int, np.ndarray, np.ndarray]] = {}
        for row, circuit in enumerate(zip(self.kinds, self.values, strict=True)):
            if (circuit[0] >= 0).any():
                kinds, values = merge(*circuit)
                # Six digits: closer values are the same circuit on two ways to it.
                name = texts(kinds[None], np.array([[float(f"{one:.5e}") for one in values]]))[0]
                found.setdefault(name, (row, kinds, values))
        rows = np.array([row for row, _, _ in found.values()], dtype=int)
        longest = max((len(kinds) for _, kinds, _ in found.values()), default=self.kinds.shape[1])
        kinds, values = np.full((len(rows), longest), PAD, np.int8), np.ones((len(rows), longest))
        for place, (_, own_kinds, own_values) in enumerate(found.values()):
            kinds[place, : len(own_kinds)], values[place, : len(own_values)] = own_kinds, own_values
        return Pool(kinds, values, self.origin[rows], self.free[rows])


def _widened(array: np.ndarray, width: int, fill: float) -> np.ndarray:
    return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill)


def one_part_less(pool: Pool) -> Pool:
    """Every circuit of several parts, once without each of its parts."""
    rows, places = np.nonzero((pool.kinds >= 0) & (lengths_of(pool.kinds) > 1)[:, None])
    kinds, values = pool.kinds[rows].copy(), pool.values[rows]
    kinds[np.arange(len(rows)), places] = PAD
    origin = np.array([one.removesuffix(PRUNED) + PRUNED for one in pool.origin[rows]], dtype=object)
    return Pool.of(kinds, values, origin)
