"""Canonical ladders drawn uniformly without rejection, counted, enumerated and split.

With K values per type the number of canonical ladders of length n is 2 [x^n] G / (1 - G), G(x) = (1 + K x)^3 - 1: a
run is a non-empty subset of the three types with a value each, and runs alternate between series and parallel.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Sequence

import numpy as np

from hypernet.circuits.core.parts import KINDS, PAD, PR, SR, TYPES

# The seven non-empty subsets of {R, L, C}, types rising; 0 fills.
SUBSETS = [subset for size in (1, 2, 3) for subset in itertools.combinations(range(TYPES), size)]
SIZES = np.array([len(subset) for subset in SUBSETS])
TYPE_TABLE = np.array([subset + (0,) * (TYPES - len(subset)) for subset in SUBSETS])
# Of a hundred parts of the hash: 90 for training, 5 for validation, 5 for the test.
SPLITS = {"train": range(90), "validation": range(90, 95), "test": range(95, 100)}


def tails(longest: int, values: int) -> list[int]:
    """N(m) for m = 0..longest: ways to go on for m more parts when the alignment of the next run is given."""
    ways = [1]
    for m in range(1, longest + 1):
        ways.append(
            sum(int((size == SIZES).sum()) * values**size * ways[m - size] for size in range(1, TYPES + 1) if size <= m)
        )
    return ways


def count(length: int, values: int) -> int:
    """Number of canonical ladders of ``length`` parts with ``values`` values per type."""
    return 2 * tails(length, values)[length]


def draw(generator: np.random.Generator, lengths: np.ndarray, values: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw canonical ladders, each uniformly among all of its length.

    Args:
        generator: source of the choices.
        lengths: number of parts of each ladder, ``[B]``.
        values: K, number of values per type.

    Returns:
        kinds and value classes (0..K-1), int8 ``[B, longest]`` each, :data:`PAD` behind the last part.
    """
    lengths = np.asarray(lengths)
    longest = int(lengths.max())
    ways = tails(longest, values)
    # share[m, subset]: cumulative probability that the next run is this subset when m parts are still to come.
    weight = np.zeros((longest + 1, len(SUBSETS)))
    for m in range(1, longest + 1):
        for place, size in enumerate(SIZES):
            if size <= m:
                weight[m, place] = values ** int(size) * ways[m - size] / ways[m]
    share = np.cumsum(weight, axis=1)
    # The last subset that still fits: subsets are in order of their size.
    last = (weight > 0).sum(axis=1) - 1
    kinds = np.full((len(lengths), longest), PAD, dtype=np.int8)
    side = generator.integers(0, 2, size=len(lengths))
    left = lengths.copy()
    rows = np.arange(len(lengths))
    while len(rows):
        m = left[rows]
        u = generator.random(len(rows))
        # Never one that is too large, whatever the rounding of the sums.
        subset = np.minimum((u[:, None] >= share[m]).sum(axis=1), last[m])
        place = lengths[rows] - m
        for t in range(TYPES):
            has = SIZES[subset] > t
            kinds[rows[has], place[has] + t] = side[rows[has]] * TYPES + TYPE_TABLE[subset[has], t]
        left[rows] -= SIZES[subset]
        side[rows] ^= 1
        rows = rows[left[rows] > 0]
    classes = generator.integers(0, values, size=kinds.shape).astype(np.int8)
    return kinds, np.where(kinds >= 0, classes, PAD).astype(np.int8)


def every(length: int, values: int) -> tuple[np.ndarray, np.ndarray]:
    """All canonical ladders of ``length`` parts: kinds and value classes, int8 ``[count, length]``."""

    def go_on(done: tuple[int, ...], side: int) -> list[tuple[int, ...]]:
        if len(done) == length:
            return [done]
        fitting = [subset for subset in SUBSETS if len(done) + len(subset) <= length]
        return [one for subset in fitting for one in go_on(done + tuple(side * TYPES + t for t in subset), 1 - side)]

    chains = np.array(go_on((), 0) + go_on((), 1), dtype=np.int8)
    choices = np.array(list(itertools.product(range(values), repeat=length)), dtype=np.int8)
    return np.repeat(chains, len(choices), axis=0), np.tile(choices, (len(chains), 1))


def only_resistors(kinds: np.ndarray) -> np.ndarray:
    """Ladders of resistors alone, whose response is flat; ``[B]``."""
    return ((kinds < 0) | (kinds == SR) | (kinds == PR)).all(axis=1)


class Sampler:
    """Draws circuits of one split from the circuits that a data set consists of.

    Left out are circuits of resistors only and those whose response another circuit has too.

    Args:
        lengths: numbers of parts, drawn uniformly.
        values: the values that every type can have, rising, normalised.
        dropped: canonical texts of circuits to leave out.
    """

    def __init__(self, lengths: Sequence[int], values: Sequence[float], dropped: Collection[str] = ()):
        self.lengths, self.values, self.dropped = np.array(lengths), np.array(values, dtype=float), set(dropped)
        self._names = [[f"{kind}:{value}" for value in self.values.tolist()] for kind in KINDS]

    def texts(self, kinds: np.ndarray, classes: np.ndarray) -> list[str]:
        """Canonical texts of circuits that are in canonical order."""
        names = self._names
        return [
            "|".join([names[kind][value] for kind, value in zip(*row, strict=True) if kind >= 0])
            for row in zip(kinds.tolist(), classes.tolist(), strict=True)
        ]

    def belongs(self, kinds: np.ndarray, classes: np.ndarray, split: str) -> np.ndarray:
        """Whether each circuit is one of ``split``, ``[B]`` bool."""
        parts = SPLITS[split]
        named = self.texts(kinds, classes)
        hashed = [int.from_bytes(hashlib.sha256(name.encode()).digest()) % 100 for name in named]
        inside = np.array([one in parts for one in hashed], dtype=bool)
        if self.dropped:
            inside &= np.array([name not in self.dropped for name in named], dtype=bool)
        return inside & ~only_resistors(kinds)

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
            kinds and value classes, int8 ``[B, longest]``, :data:`PAD` behind the last part.
        """
        longest = int(self.lengths.max()) if length is None else length
        lengths = generator.choice(self.lengths, size) if length is None else np.full(size, length)
        kinds, classes = (np.full((size, longest), PAD, dtype=np.int8) for _ in range(2))
        open_rows = np.arange(size)
        # A circuit of another split is drawn again with its own length: the mix of lengths stays uniform.
        while len(open_rows):
            own = lengths[open_rows]
            new_kinds, new_classes = draw(generator, own, len(self.values))
            good = self.belongs(new_kinds, new_classes, split)
            width = new_kinds.shape[1]
            kinds[open_rows[good], :width] = new_kinds[good]
            classes[open_rows[good], :width] = new_classes[good]
            open_rows = open_rows[~good]
        return kinds, classes

    def distinct(
        self, generator: np.random.Generator, size: int, split: str, length: int, enumerable: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw up to ``size`` different circuits of one length and split.

        Where there are at most ``enumerable`` circuits of that length, all of them are made and some chosen; so a
        small set gives what it has.
        """
        if count(length, len(self.values)) <= enumerable:
            kinds, classes = every(length, len(self.values))
            inside = np.flatnonzero(self.belongs(kinds, classes, split))
            chosen = np.sort(generator.permutation(inside)[:size])
            return kinds[chosen], classes[chosen]
        found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        while len(found) < size:
            kinds, classes = self.draw(generator, size - len(found), split, length)
            for name, *circuit in zip(self.texts(kinds, classes), kinds, classes, strict=True):
                found.setdefault(name, tuple(circuit))
        return tuple(np.stack(one) for one in zip(*found.values(), strict=True))
