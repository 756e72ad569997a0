"""Nearest neighbours on top of the biases (Koren, TKDD 2010, formula 3), as ``KNNBaseline`` of Surprise has it.

    r_ui    = b_ui + sum over v of s(u, v) (r_vi - b_vi) / sum over v of s(u, v)
    s(u, v) = 1 / (1 + mean squared difference of the ratings of what both rated),   0 where that is nothing

v are the k users most similar to u among those who rated i, of equal ones the lower numbers. The biases are
Surprise's. The neighbours are found here, in blocks of users: Surprise holds all pairs of users in memory three times,
which is 15 GB for the users of Jester, and searches them in a Python loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from hypernet.lab.progress import Progress
from hypernet.ratings.baselines.factorisation import Biases, fit_biases, newcomers_bias, version
from hypernet.ratings.baselines.similarity import blocks, largest, multiplicand, rating_matrix
from hypernet.ratings.config import NeighboursSettings
from hypernet.ratings.core.tables import RatingData, Rows


class Overlap:
    """Mean squared differences between some users and all others, over the items that both rated.

    Args:
        others: ratings of the others, ``[B, M]``.
    """

    def __init__(self, others: sparse.csr_array):
        self.ratings, self.squares, self.rated = (multiplicand(power) for power in _powers(others))

    def similarity(self, asking: sparse.csr_array) -> np.ndarray:
        """s of the asking users and all others: ``[A, M] -> [A, B]``."""
        ratings, squares, rated = (power.toarray().T for power in _powers(asking))
        count = self.rated @ rated
        differences = self.squares @ rated + self.rated @ squares - 2.0 * (self.ratings @ ratings)
        # Nothing but rounding can make a sum of squares negative.
        mean = np.maximum(differences, 0.0) / np.maximum(count, 1.0)
        return np.where(count > 0, 1.0 / (mean + 1.0), 0.0).T


def _powers(matrix: sparse.csr_array) -> tuple[sparse.csr_array, sparse.csr_array, sparse.csr_array]:
    """The ratings, their squares, and 1 where there is one."""
    squares, rated = matrix.copy(), matrix.copy()
    squares.data = np.square(matrix.data)
    rated.data = np.ones_like(matrix.data)
    return matrix, squares, rated


@dataclass(frozen=True, kw_only=True)
class NeighbourRatings(Biases):
    """The biases, the training ratings, and k.

    Attributes:
        user: of every training rating, int32 ``[N]``.
        item: likewise.
        rating: likewise, float32.
        neighbours: k.
    """

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    neighbours: int

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`~hypernet.ratings.baselines.base.Fitted`."""
        return self.predict_from(self._matrix(self.rating), self.user_bias, rows)

    def predict_from(self, asking: sparse.csr_array, bias: np.ndarray, rows: Rows) -> np.ndarray:
        """Ratings of users given by their ratings and biases.

        Args:
            asking: ``[A, M]``.
            bias: b_u, ``[A]``.
            rows: what to predict, users numbered from 0 to A - 1.

        Returns:
            float64 ``[N]``.
        """
        predicted: np.ndarray = self.overall + bias[rows.user] + self.item_bias[rows.item]
        left = self.rating - (self.overall + self.user_bias[self.user] + self.item_bias[self.item])
        by_item = sparse.csc_array(self._matrix(left))
        overlap = Overlap(self._matrix(self.rating))
        users, place = np.unique(rows.user, return_inverse=True)
        by_user = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place, minlength=len(users)))
        progress = Progress("neighbours", len(users), "users")
        for part in blocks(len(users), len(self.user_bias)):
            similarity = overlap.similarity(asking[users[part]])
            block = by_user[ends[part.start - 1] if part.start else 0 : ends[part.stop - 1]]
            block = block[np.argsort(rows.item[block], kind="stable")]
            for same_item in np.split(block, np.flatnonzero(np.diff(rows.item[block])) + 1):
                item = rows.item[same_item[0]]
                raters = slice(by_item.indptr[item], by_item.indptr[item + 1])
                those = similarity[np.ix_(place[same_item] - part.start, by_item.indices[raters])]
                column, weight = largest(those, self.neighbours)
                total = weight.sum(axis=1)
                gain = (weight * by_item.data[raters][column]).sum(axis=1)
                predicted[same_item] += np.where(total > 0, gain / np.where(total > 0, total, 1.0), 0.0)
            progress.advance(part.stop - part.start)
        progress.close()
        return predicted

    def _matrix(self, values: np.ndarray) -> sparse.csr_array:
        rows = Rows(self.user, self.item, values, np.zeros((len(values), 0), np.float32))
        return rating_matrix(rows, values, len(self.user_bias), len(self.item_bias))


def fit_knn_baseline(
    data: RatingData, settings: NeighboursSettings, seed: int
) -> tuple[NeighbourRatings, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`.

    A newcomer's neighbours are users of the training; see also
    :func:`hypernet.ratings.baselines.factorisation.newcomers_bias`.
    """
    del seed
    biases = fit_biases(data)
    fields = {name: getattr(biases, name) for name in ("overall", "user_bias", "item_bias")} | {
        "user": data.train.user.astype(np.int32),
        "item": data.train.item.astype(np.int32),
        "rating": data.train.rating,
        "neighbours": settings.method.neighbours,
    }
    fitted = NeighbourRatings(**fields, newcomers=None)
    if data.newcomers is not None:
        support, count = data.newcomers.support, data.newcomers.count
        ratings = rating_matrix(support, support.rating, count, len(data.items))
        bias = newcomers_bias(biases, support, count)
        fitted = NeighbourRatings(**fields, newcomers=fitted.predict_from(ratings, bias, data.newcomers.query))
    count = 1 + len(biases.user_bias) + len(biases.item_bias) + len(data.train)
    return fitted, {"neighbours": fitted.neighbours, "parameter_count": count, "library": version()}
