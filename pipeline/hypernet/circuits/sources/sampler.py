"""Canonical ladders drawn uniformly without rejection, counted, enumerated and split.

With K values per type the number of canonical ladders of length n is 2 [x^n] G / (1 - G), G(x) = (1 + K x)^3 - 1: a
run is a non-empty subset of R, L and C with a value each, and runs alternate between series and parallel. With
resonators a series run may hold a tank beside (L and C in parallel), and a parallel run a trap (L and C in series to
ground), of two parts each: G(x) = (1 + K x)^3 (1 + K^2 x^2) - 1.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Collection, Sequence

import numpy as np

from hypernet.circuits.core.parts import (
    BRANCH,
    ELEMENTS,
    JOINTS,
    PAD,
    PART_TYPES,
    PR,
    SC,
    SL,
    SR,
    joined,
)

# The seven non-empty subsets of {R, L, C}, in this order.
SUBSETS = [subset for size in (1, 2, 3) for subset in itertools.combinations(range(ELEMENTS), size)]
# The types of a tank; in canonical order it stands behind single parts.
TANK = (SL, joined(SC, BRANCH))
# Of a hundred parts of the hash: 90 for training, 5 for validation, 5 for the test.
SPLITS = {"train": range(90), "validation": range(90, 95), "test": range(95, 100)}


@functools.cache
def runs(resonators: bool) -> list[tuple[int, ...]]:
    """The types of every run of series parts, in the order of their number; those of parallel parts are 3 more."""
    if not resonators:
        return SUBSETS
    return sorted([*SUBSETS, *(subset + TANK for subset in [(), *SUBSETS])], key=len)


def _sizes(resonators: bool) -> np.ndarray:
    return np.array([len(run) for run in runs(resonators)])


def tails(longest: int, values: int, resonators: bool = False) -> list[int]:
    """N(m) for m = 0..longest: ways to go on for m more parts when the alignment of the next run is given."""
    sizes, ways = _sizes(resonators).tolist(), [1]
    for m in range(1, longest + 1):
        ways.append(sum(values**size * ways[m - size] for size in sizes if size <= m))
    return ways


def count(length: int, values: int, resonators: bool = False) -> int:
    """Number of canonical ladders of ``length`` parts with ``values`` values per type."""
    return 2 * tails(length, values, resonators)[length]


@functools.cache
def _next_runs(longest: int, values: int, resonators: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How the next run is drawn when m = 0..longest parts are still to come; kept, for every batch asks for it.

    Returns:
        types of each of the N runs ``[N, largest]``, 0 fills; cumulative probability of each ``[longest + 1, N]``; and
        the last one that still fits ``[longest + 1]``.
    """
    ways, sizes = tails(longest, values, resonators), _sizes(resonators)
    weight = np.zeros((longest + 1, len(sizes)))
    for still in range(1, longest + 1):
        for number, size in enumerate(sizes.tolist()):
            if size <= still:
                weight[still, number] = values**size * ways[still - size] / ways[still]
    table = np.array([run + (0,) * (sizes.max() - len(run)) for run in runs(resonators)])
    # Runs are in order of their size.
    return table, np.cumsum(weight, axis=1), (weight > 0).sum(axis=1) - 1


def draw(
    generator: np.random.Generator, lengths: np.ndarray, values: int, resonators: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Draw canonical ladders, each uniformly among all of its length.

    Args:
        generator: source of the choices.
        lengths: number of parts of each ladder, ``[B]``.
        values: K, number of values per type.
        resonators: whether runs may hold a tank or a trap.

    Returns:
        types and value classes (0..K-1), int8 ``[B, longest]`` each, :data:`PAD` behind the last part.
    """
    lengths = np.asarray(lengths)
    longest = int(lengths.max())
    (table, share, last), sizes = _next_runs(longest, values, resonators), _sizes(resonators)
    types = np.full((len(lengths), longest), PAD, dtype=np.int8)
    side = generator.integers(0, 2, size=len(lengths))
    left = lengths.copy()
    rows = np.arange(len(lengths))
    while len(rows):
        m = left[rows]
        u = generator.random(len(rows))
        # Never one that is too large, whatever the rounding of the sums.
        run = np.minimum((u[:, None] >= share[m]).sum(axis=1), last[m])
        place = lengths[rows] - m
        for offset in range(table.shape[1]):
            has = sizes[run] > offset
            types[rows[has], place[has] + offset] = side[rows[has]] * ELEMENTS + table[run[has], offset]
        left[rows] -= sizes[run]
        side[rows] ^= 1
        rows = rows[left[rows] > 0]
    classes = generator.integers(0, values, size=types.shape).astype(np.int8)
    return types, np.where(types >= 0, classes, PAD).astype(np.int8)


def every(length: int, values: int, resonators: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """All canonical ladders of ``length`` parts: types and value classes, int8 ``[count, length]``."""

    def go_on(done: tuple[int, ...], side: int) -> list[tuple[int, ...]]:
        if len(done) == length:
            return [done]
        fitting = [run for run in runs(resonators) if len(done) + len(run) <= length]
        return [
            chain
            for run in fitting
            for chain in go_on(done + tuple(side * ELEMENTS + element for element in run), 1 - side)
        ]

    chains = np.array(go_on((), 0) + go_on((), 1), dtype=np.int8)
    choices = np.array(list(itertools.product(range(values), repeat=length)), dtype=np.int8)
    return np.repeat(chains, len(choices), axis=0), np.tile(choices, (len(chains), 1))


def only_resistors(types: np.ndarray) -> np.ndarray:
    """Ladders of resistors alone, whose response is flat; ``[B]``."""
    flat: np.ndarray = ((types < 0) | (types == SR) | (types == PR)).all(axis=1)
    return flat


class Sampler:
    """Draws circuits of one split from the circuits that a data set consists of.

    Left out are circuits of resistors only and those whose response another circuit has too.

    Args:
        lengths: numbers of parts, drawn uniformly.
        values: the values that every type can have, rising, normalised.
        dropped: canonical texts of circuits to leave out.
        resonators: whether circuits may have tanks and traps.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        values: Sequence[float],
        dropped: Collection[str] = (),
        resonators: bool = False,
    ):
        self.lengths, self.values, self.dropped = np.array(lengths), np.array(values, dtype=float), set(dropped)
        self.resonators = resonators
        self._names = [
            [f"{joint}{part_type}:{value}" for value in self.values.tolist()]
            for joint in JOINTS[: BRANCH + 1]
            for part_type in PART_TYPES
        ]

    def count(self, length: int) -> int:
        """Number of canonical ladders of ``length`` parts, those that are left out among them."""
        return count(length, len(self.values), self.resonators)

    def every(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """All canonical ladders of ``length`` parts, those that are left out among them; see :func:`every`."""
        return every(length, len(self.values), self.resonators)

    def texts(self, types: np.ndarray, classes: np.ndarray) -> list[str]:
        """Canonical texts of circuits that are in canonical order."""
        names = self._names
        return [
            "".join([names[part_type][value] for part_type, value in zip(*row, strict=True) if part_type >= 0])[1:]
            for row in zip(types.tolist(), classes.tolist(), strict=True)
        ]

    def belongs(self, types: np.ndarray, classes: np.ndarray, split: str) -> np.ndarray:
        """Whether each circuit is one of ``split``, ``[B]`` bool."""
        parts = SPLITS[split]
        named = self.texts(types, classes)
        hashed = [int.from_bytes(hashlib.sha256(name.encode()).digest()) % 100 for name in named]
        inside = np.array([number in parts for number in hashed], dtype=bool)
        if self.dropped:
            inside &= np.array([name not in self.dropped for name in named], dtype=bool)
        belonging: np.ndarray = inside & ~only_resistors(types)
        return belonging

    def draw(
        self, generator: np.random.Generator, size: int, split: str, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw ``size`` circuits of ``split``, with repetition.

        Args:
            generator: source of the choices.
            size: B.
            split: train, validation or test.
            length: the number of parts of all; None draws each from ``lengths``.

        Returns:
            types and value classes, int8 ``[B, longest]``, :data:`PAD` behind the last part.
        """
        longest = int(self.lengths.max()) if length is None else length
        lengths = generator.choice(self.lengths, size) if length is None else np.full(size, length)
        types, classes = (np.full((size, longest), PAD, dtype=np.int8) for _ in range(2))
        open_rows = np.arange(size)
        # A circuit of another split is drawn again with its own length: the mix of lengths stays uniform.
        while len(open_rows):
            new_types, new_classes = draw(generator, lengths[open_rows], len(self.values), self.resonators)
            good = self.belongs(new_types, new_classes, split)
            width = new_types.shape[1]
            types[open_rows[good], :width] = new_types[good]
            classes[open_rows[good], :width] = new_classes[good]
            open_rows = open_rows[~good]
        return types, classes

    def distinct(
        self, generator: np.random.Generator, size: int, split: str, length: int, enumerable: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw up to ``size`` different circuits of one length and split.

        Where there are at most ``enumerable`` circuits of that length, all of them are made and some chosen; so a
        small set gives what it has.
        """
        if self.count(length) <= enumerable:
            types, classes = self.every(length)
            inside = np.flatnonzero(self.belongs(types, classes, split))
            chosen = np.sort(generator.permutation(inside)[:size])
            return types[chosen], classes[chosen]
        drawn: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        while len(drawn) < size:
            types, classes = self.draw(generator, size - len(drawn), split, length)
            for name, *circuit in zip(self.texts(types, classes), types, classes, strict=True):
                drawn.setdefault(name, (circuit[0], circuit[1]))
        return np.stack([types for types, _ in drawn.values()]), np.stack([classes for _, classes in drawn.values()])
