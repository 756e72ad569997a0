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
        types: int8 ``[B, n]``, :data:`~hypernet.circuits.core.parts.PAD` behind the last part.
        values: ``[B, n]``, normalised.
        origin: where each came from, for people, ``[B]``.
        free: score before the values were snapped to the catalogue, ``[B]``; NaN where that has not happened.
    """

    types: np.ndarray
    values: np.ndarray
    origin: np.ndarray
    free: np.ndarray

    @classmethod
    def of(cls, types: np.ndarray, values: np.ndarray, origin: str | np.ndarray) -> Pool:
        """Circuits before refinement."""
        origins = np.broadcast_to(np.asarray(origin, dtype=object), (len(types),))
        return cls(np.asarray(types, np.int8), np.asarray(values, np.float64), origins, np.full(len(types), np.nan))

    def __len__(self) -> int:
        """B."""
        return len(self.types)

    def take(self, rows: np.ndarray) -> Pool:
        """Some of the circuits."""
        return Pool(self.types[rows], self.values[rows], self.origin[rows], self.free[rows])

    def __add__(self, other: Pool) -> Pool:
        """The circuits of both, those of ``self`` first."""
        longest = max(self.types.shape[1], other.types.shape[1])
        types = [_widened(pool.types, longest, PAD) for pool in (self, other)]
        values = [_widened(pool.values, longest, 1.0) for pool in (self, other)]
        rest = [np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("origin", "free")]
        return Pool(np.concatenate(types), np.concatenate(values), *rest)

    def tidied(self) -> Pool:
        """The circuits with mergeable parts merged, without duplicates and without circuits of no part."""
        circuits: dict[str, tuple[int, np.ndarray, np.ndarray]] = {}
        for row, circuit in enumerate(zip(self.types, self.values, strict=True)):
            if (circuit[0] >= 0).any():
                types, values = merge(*circuit)
                # Six digits: closer values are the same circuit on two ways to it.
                name = texts(types[None], np.array([[float(f"{value:.5e}") for value in values]]))[0]
                circuits.setdefault(name, (row, types, values))
        rows = np.array([row for row, _, _ in circuits.values()], dtype=int)
        longest = max((len(types) for _, types, _ in circuits.values()), default=self.types.shape[1])
        types, values = np.full((len(rows), longest), PAD, np.int8), np.ones((len(rows), longest))
        for place, (_, circuit_types, circuit_values) in enumerate(circuits.values()):
            types[place, : len(circuit_types)] = circuit_types
            values[place, : len(circuit_values)] = circuit_values
        return Pool(types, values, self.origin[rows], self.free[rows])


def _widened(array: np.ndarray, width: int, fill: float) -> np.ndarray:
    return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill)


def one_part_less(pool: Pool) -> Pool:
    """Every circuit of several parts, once without each of its parts."""
    rows, places = np.nonzero((pool.types >= 0) & (lengths_of(pool.types) > 1)[:, None])
    types, values = pool.types[rows].copy(), pool.values[rows]
    types[np.arange(len(rows)), places] = PAD
    origin = np.array([name.removesuffix(PRUNED) + PRUNED for name in pool.origin[rows]], dtype=object)
    return Pool.of(types, values, origin)
