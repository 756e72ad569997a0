"""What trees may ask about: names for people, and item statistics in which no rating explains itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hypernet.ratings.core.tables import Feature

FOLDS = 5


def genre(name: str) -> Feature:
    """Whether an item is of a genre."""
    return Feature(name, "binary", "item", name, f"not {name}", name)


def number(
    name: str, above: str, below: str, precise: str, *, of: Literal["item", "user"] = "item", digits: int = 0
) -> Feature:
    """A numeric attribute; the texts as in :class:`Feature`."""
    return Feature(name, "number", of, above, below, precise, digits)


def with_medians(values: np.ndarray) -> np.ndarray:
    """A number of every item, ``[M]``, the median of the others in the place of NaN."""
    unknown = np.isnan(values)
    return np.where(unknown, np.median(values[~unknown]), values) if unknown.any() else values


# Attributes of an item that are computed from the training ratings.
STATISTICS = {
    "mean_rating": number("mean_rating", "high ratings", "low ratings", "average rating", digits=2),
    "rating_count": number("rating_count", "popular", "rarely rated", "number of ratings"),
    "rating_deviation": number(
        "rating_deviation", "opinions differ", "opinions agree", "deviation of ratings", digits=2
    ),
}


@dataclass(frozen=True)
class ItemStatistics:
    """Number, mean and deviation of the ratings of every item.

    Ratings are summed as differences from their common mean, so that the deviations lose no digits.

    Attributes:
        mean: of all ratings.
        deviation: population standard deviation of all ratings.
        count: ratings of each item, float64 ``[M]``.
        total: sum of the differences from ``mean``, ``[M]``.
        squares: sum of their squares, ``[M]``.
    """

    mean: float
    deviation: float
    count: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, item: np.ndarray, rating: np.ndarray, items: int) -> ItemStatistics:
        """From the ratings ``[N]`` of items numbered below ``items``."""
        mean = float(rating.mean())
        difference = rating - mean
        count, total, squares = (
            np.bincount(item, weights=weights, minlength=items)
            for weights in (np.ones(len(item)), difference, difference**2)
        )
        return cls(mean, float(np.sqrt(np.mean(difference**2))), count, total, squares)

    def all_ratings(self) -> dict[str, np.ndarray]:
        """The :data:`STATISTICS` of every item, ``[M]`` each; of an item without ratings those of all, and count 0."""
        return self._columns(self.count, self.total, self.squares)

    def without_own(self, item: np.ndarray, rating: np.ndarray) -> dict[str, np.ndarray]:
        """The :data:`STATISTICS` of each row's item from all ratings but the row's own, ``[N]`` each.

        (mean * count - y) / (count - 1), as the authors' code has it; an item with one rating has the mean of all.
        """
        difference = rating - self.mean
        count, total, squares = self.count[item] - 1, self.total[item] - difference, self.squares[item] - difference**2
        return self._columns(count, total, squares)

    def _columns(self, count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> dict[str, np.ndarray]:
        some = count > 0
        safe = np.where(some, count, 1)
        spread = np.sqrt(np.maximum(squares / safe - (total / safe) ** 2, 0))
        return {
            "mean_rating": np.where(some, self.mean + total / safe, self.mean),
            "rating_count": count,
            "rating_deviation": np.where(some, spread, self.deviation),
        }


def training_statistics(
    item: np.ndarray, rating: np.ndarray, items: int, folds: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The :data:`STATISTICS` of the rows from which they are made, ``[N]`` each.

    Args:
        item: number of the item of each row.
        rating: its rating.
        items: number of items.
        folds: None leaves each row's own rating out. That leaks it: within an item, the mean of the others falls as
            the row's rating rises, and a deep tree can tell items apart by their count. With the number of a fold for
            every row, mean and deviation come from the ratings of the other folds: a row shares them with its fold.
            The count is that of all other ratings in both cases, as at test time.
    """
    columns = ItemStatistics.of(item, rating, items).without_own(item, rating)
    if folds is not None:
        for fold in np.unique(folds):
            in_fold = folds == fold
            if in_fold.all():
                # Too few rows for another fold: each row's own rating stays left out.
                break
            others = ItemStatistics.of(item[~in_fold], rating[~in_fold], items).all_ratings()
            for name in ("mean_rating", "rating_deviation"):
                columns[name][in_fold] = others[name][item[in_fold]]
    return columns
