"""Ratings as arrays: who rated what, how high, and the features that a tree may ask about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, read_json, write_json
from hypernet.ratings.core.trees import Forest

ARRAYS, FACTS = "ratings.npz", "ratings.json"


@dataclass(frozen=True)
class Feature:
    """An attribute that a tree may ask about.

    Attributes:
        name: its short name, e.g. ``mean_rating`` or ``action``.
        kind: a number, or 0/1.
        of: whose attribute it is. One of the user is the same for all items, so it cannot split that user's items.
        above: how a person says "more than the threshold"; ``{t}`` stands for the threshold, as in "after {t}".
        below: how a person says the opposite.
        precise: its name in a precise rule, e.g. ``average rating`` for "average rating > 3.62".
        digits: digits after the point of a threshold in words.
    """

    name: str
    kind: Literal["number", "binary"]
    of: Literal["item", "user"]
    above: str
    below: str
    precise: str
    digits: int = 0


@dataclass(frozen=True)
class Rows:
    """Ratings, sorted by user.

    Attributes:
        user: number of the user, int64 ``[N]``.
        item: number of the item, int64 ``[N]``.
        rating: float32 ``[N]``.
        x: standardised features of the item for this row, float32 ``[N, D]``.
    """

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    x: np.ndarray

    def __len__(self) -> int:
        return len(self.rating)

    def offsets(self, users: int) -> np.ndarray:
        """Where each user's rows begin, and the end: int64 ``[users + 1]``."""
        return np.searchsorted(self.user, np.arange(users + 1))


@dataclass(frozen=True)
class Truth:
    """What generated ratings were drawn from: every user's true tree (in standardised units) and mean ratings.

    Attributes:
        forest: one true tree per user.
        expected: mean rating of every user for every item, float32 ``[users, M]``.
    """

    forest: Forest
    expected: np.ndarray


@dataclass(frozen=True)
class Newcomers:
    """Users that no training saw: the ratings from which their trees are grown, and those that are predicted.

    User numbers count from 0 among the newcomers.
    """

    count: int
    support: Rows
    query: Rows
    truth: Truth | None


@dataclass(frozen=True)
class RatingData:
    """A prepared data set.

    ``train`` and ``test`` are the split of the data set. Choices (weights, depths, neighbours) are made with ``fit``
    and ``validation``, a division of ``train`` whose item statistics know nothing of ``validation``; with
    ``select: test`` they are ``train`` and ``test`` themselves, as in the published table.

    Attributes:
        title: name for people.
        unit: unit of a rating, e.g. "stars".
        select: which rows choose: "validation" or "test".
        features: D attributes.
        mean: of each feature over the training rows, float64 ``[D]``.
        deviation: standard deviation likewise, 1 where a feature is constant.
        low: smallest rating of the training rows.
        high: largest one.
        users: identifiers of the U users, as text.
        items: identifiers of the M items, as text.
        titles: titles of the items.
        item_x: standardised features of every item from all training ratings, float32 ``[M, D]``; 0 (the mean) in the
            user's columns.
        user_x: standardised features of every user, float32 ``[U, D]``; 0 in the items' columns.
    """

    title: str
    unit: str
    select: Literal["validation", "test"]
    features: tuple[Feature, ...]
    mean: np.ndarray
    deviation: np.ndarray
    low: float
    high: float
    users: np.ndarray
    items: np.ndarray
    titles: np.ndarray
    item_x: np.ndarray
    user_x: np.ndarray
    fit: Rows
    validation: Rows
    train: Rows
    test: Rows
    newcomers: Newcomers | None = None
    truth: Truth | None = None

    def save(self, folder: Path) -> None:
        """Write the data set to ``folder``: arrays as npz, everything else as JSON."""
        arrays = {
            name: getattr(self, name) for name in ("mean", "deviation", "users", "items", "titles", "item_x", "user_x")
        }
        for split in ("fit", "validation", "train", "test"):
            arrays |= _row_arrays(split, getattr(self, split))
        if self.newcomers is not None:
            arrays |= _row_arrays("newcomers.support", self.newcomers.support)
            arrays |= _row_arrays("newcomers.query", self.newcomers.query)
            arrays |= _truth_arrays("newcomers.truth", self.newcomers.truth)
        arrays |= _truth_arrays("truth", self.truth)
        with atomic_path(folder / ARRAYS) as temporary:
            np.savez(temporary, **arrays)
        facts = {name: getattr(self, name) for name in ("title", "unit", "select", "low", "high")}
        facts["features"] = [asdict(one) for one in self.features]
        facts["newcomers"] = None if self.newcomers is None else self.newcomers.count
        write_json(folder / FACTS, facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: the folder holds no prepared ratings.
        """
        if not (folder / ARRAYS).is_file():
            raise UserError(f"{folder}: no prepared ratings here; run `hypernet ratings prepare` first")
        facts = read_json(folder / FACTS)
        facts["features"] = tuple(Feature(**one) for one in facts["features"])
        count = facts.pop("newcomers")
        with np.load(folder / ARRAYS) as arrays:
            splits = {split: _rows(arrays, split) for split in ("fit", "validation", "train", "test")}
            plain = {
                name: arrays[name] for name in ("mean", "deviation", "users", "items", "titles", "item_x", "user_x")
            }
            newcomers = None
            if count is not None:
                newcomers = Newcomers(
                    count,
                    _rows(arrays, "newcomers.support"),
                    _rows(arrays, "newcomers.query"),
                    _truth(arrays, "newcomers.truth"),
                )
            return cls(**facts, **plain, **splits, newcomers=newcomers, truth=_truth(arrays, "truth"))


def _row_arrays(prefix: str, rows: Rows) -> dict[str, np.ndarray]:
    return {f"{prefix}.{name}": getattr(rows, name) for name in ("user", "item", "rating", "x")}


def _rows(arrays: np.lib.npyio.NpzFile, prefix: str) -> Rows:
    return Rows(**{name: arrays[f"{prefix}.{name}"] for name in ("user", "item", "rating", "x")})


def _truth_arrays(prefix: str, truth: Truth | None) -> dict[str, np.ndarray]:
    if truth is None:
        return {}
    forest = {f"{prefix}.forest.{name}": array for name, array in truth.forest.arrays().items()}
    return forest | {f"{prefix}.expected": truth.expected}


def _truth(arrays: np.lib.npyio.NpzFile, prefix: str) -> Truth | None:
    if f"{prefix}.expected" not in arrays:
        return None
    forest = {
        name.removeprefix(f"{prefix}.forest."): arrays[name]
        for name in arrays.files
        if name.startswith(f"{prefix}.forest.")
    }
    return Truth(Forest(**forest), arrays[f"{prefix}.expected"])
