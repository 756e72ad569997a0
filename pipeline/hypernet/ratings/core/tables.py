"""Ratings as arrays: who rated what, how high, and the features that a tree may ask about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, read_json, write_json
from hypernet.ratings.core.arrays import read_arrays
from hypernet.ratings.core.trees import Forest

ARRAYS, FACTS = "ratings.npz", "ratings.json"
# Digits after the point of a threshold, at most.
MOST_DIGITS = 6


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

    def checked(self) -> Self:
        """The feature itself, once its fields are known to be usable; one from a file may have been made by a stranger.

        Raises:
            ValueError: a field of another type, an unknown kind, or too many digits.
        """
        for name in ("name", "above", "below", "precise"):
            text = getattr(self, name)
            if not isinstance(text, str):
                raise ValueError(f"{name} of a feature is no text")  # noqa: TRY004 (all faults of a file are one kind)
            text.encode()
        if self.kind not in ("number", "binary") or self.of not in ("item", "user"):
            raise ValueError(f"a feature of the kind {self.kind!r} of the {self.of!r}")
        if not isinstance(self.digits, int) or not 0 <= self.digits <= MOST_DIGITS:
            raise ValueError(f"a feature with {self.digits!r} digits; accepted: 0 to {MOST_DIGITS}")
        return self


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
        low: smallest rating of the scale: of the settings, else of all ratings.
        high: largest one.
        users: identifiers of the U users, as text.
        items: identifiers of the M items, as text.
        titles: titles of the items.
        item_x: standardised features of every item from all training ratings, float32 ``[M, D]``; 0 (the mean) in the
            user's columns.
        user_x: standardised features of every user, float32 ``[U, D]``; 0 in the items' columns.
        unknown: which features of an item are not known, bool ``[M, D]``, and a stand-in is in ``item_x``; None: all
            are known.
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
    unknown: np.ndarray | None = None

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
        if self.unknown is not None:
            arrays["unknown"] = self.unknown
        with atomic_path(folder / ARRAYS) as temporary:
            np.savez(temporary, **arrays)
        facts = {name: getattr(self, name) for name in ("title", "unit", "select", "low", "high")}
        facts["features"] = [asdict(feature) for feature in self.features]
        facts["newcomers"] = None if self.newcomers is None else self.newcomers.count
        write_json(folder / FACTS, facts)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            UserError: the folder holds no prepared ratings, or those of another version.
        """
        folder = Path(folder)
        if not (folder / ARRAYS).is_file():
            raise UserError(f"{folder}: no prepared ratings here; run `hypernet ratings prepare` first")
        facts, arrays = read_json(folder / FACTS), read_arrays(folder / ARRAYS)
        try:
            facts["features"] = tuple(Feature(**feature).checked() for feature in facts["features"])
            count = facts.pop("newcomers")
            parts: dict[str, Any] = {split: _rows(arrays, split) for split in ("fit", "validation", "train", "test")}
            for name in ("mean", "deviation", "users", "items", "titles", "item_x", "user_x"):
                parts[name] = arrays[name]
            newcomers = None
            if count is not None:
                newcomers = Newcomers(
                    count,
                    _rows(arrays, "newcomers.support"),
                    _rows(arrays, "newcomers.query"),
                    _truth(arrays, "newcomers.truth", len(facts["features"])),
                )
            truth = _truth(arrays, "truth", len(facts["features"]))
            return cls(**facts, **parts, newcomers=newcomers, truth=truth, unknown=arrays.get("unknown"))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:160]
            raise UserError(
                f"{folder}: prepared ratings of another version, or damaged ({type(error).__name__}: {reason}); "
                "run `hypernet ratings prepare` again"
            ) from None


def _row_arrays(prefix: str, rows: Rows) -> dict[str, np.ndarray]:
    return {f"{prefix}.{name}": getattr(rows, name) for name in ("user", "item", "rating", "x")}


def _rows(arrays: dict[str, np.ndarray], prefix: str) -> Rows:
    return Rows(**{name: arrays[f"{prefix}.{name}"] for name in ("user", "item", "rating", "x")})


def _truth_arrays(prefix: str, truth: Truth | None) -> dict[str, np.ndarray]:
    if truth is None:
        return {}
    forest = {f"{prefix}.forest.{name}": array for name, array in truth.forest.arrays().items()}
    return forest | {f"{prefix}.expected": truth.expected}


def _truth(arrays: dict[str, np.ndarray], prefix: str, features: int) -> Truth | None:
    if f"{prefix}.expected" not in arrays:
        return None
    forest = {
        name.removeprefix(f"{prefix}.forest."): array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}.forest.")
    }
    return Truth(Forest(**forest).checked(features), arrays[f"{prefix}.expected"])
