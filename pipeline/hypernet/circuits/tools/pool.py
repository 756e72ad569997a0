"""Candidate circuits side by side: padded, with where each came from; joined, chosen from, and tidied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.circuits.core.parts import (
    ARM,
    BRANCH,
    PAD,
    PART_TYPES,
    PC,
    PL,
    SC,
    SL,
    joined,
    lengths_of,
    levels_of,
    merge,
    texts,
)

# Added to where a circuit came from.
PRUNED, GROWN = ", parts left out", ", made resonant"
# Coils and capacitors in series and to ground, and what makes a tank or a trap of each.
PARTNERS = {SL: SC, SC: SL, PL: PC, PC: PL}


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
    each = np.arange(len(rows))
    types, values = pool.types[rows].copy(), pool.values[rows]
    # What stood in the arm or branch of the part that goes begins it now.
    level = levels_of(types)[each, places]
    after = np.minimum(places + 1, types.shape[1] - 1)
    heir = types[each, after]
    inherits = (after > places) & (levels_of(heir) > level)
    types[each[inherits], after[inherits]] = (heir % len(PART_TYPES) + level * len(PART_TYPES))[inherits]
    types[each, places] = PAD
    return Pool.of(types, values, _with(pool.origin[rows], PRUNED))


def with_resonator(pool: Pool, resonance: np.ndarray, longest: int) -> Pool:
    """Every circuit, once for each coil and capacitor that is an arm of its own, with a partner: a tank, or a trap.

    Args:
        pool: the circuits.
        resonance: w at which the new pairs of each circuit resonate, ``[B]``.
        longest: most parts of a new circuit.
    """
    width = pool.types.shape[1]
    follows = np.pad(levels_of(pool.types[:, 1:]) > ARM, ((0, 0), (0, 1)))
    single = np.isin(pool.types, list(PARTNERS)) & ~follows & (lengths_of(pool.types) < longest)[:, None]
    rows, places = np.nonzero(single)
    each = np.arange(len(rows))
    # A part is put in behind its partner, those after it move on by one.
    at = np.arange(width + 1)
    source = np.where(at <= places[:, None], at, at - 1)
    types, values = (np.take_along_axis(array[rows], source, axis=1) for array in (pool.types, pool.values))
    partner = np.array([joined(PARTNERS.get(part_type, 0), BRANCH) for part_type in range(len(PART_TYPES))])
    types[each, places + 1] = partner[pool.types[rows, places]]
    values[each, places + 1] = 1.0 / (resonance[rows] ** 2 * values[each, places])
    return Pool.of(types, values, _with(pool.origin[rows], GROWN))


def paired(types: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Ladders with a tank or a trap instead of a coil and the capacitor behind it, where they are ``chosen``.

    Args:
        types: ``[B, n]``, each part an arm of its own, in canonical order.
        chosen: ``[B, n]`` of the capacitors.
    """
    types = np.array(types)
    pair = ((types[:, :-1] == SL) & (types[:, 1:] == SC)) | ((types[:, :-1] == PL) & (types[:, 1:] == PC))
    types[:, 1:][pair & chosen[:, 1:]] += BRANCH * len(PART_TYPES)
    return types


def _with(origin: np.ndarray, added: str) -> np.ndarray:
    return np.array([name.removesuffix(added) + added for name in origin], dtype=object)
