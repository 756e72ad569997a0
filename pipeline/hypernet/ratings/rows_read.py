"""Which rows a trained network reads: the attributes as they are, or with the bias of the row's item beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hypernet.ratings.config import Damping
from hypernet.ratings.core.base import ItemBiases
from hypernet.ratings.core.tables import RatingData, Rows


class RowsRead:
    """The attributes as they are.

    Args:
        item_x: of every item, float32 ``[M, D]``.
    """

    def __init__(self, item_x: np.ndarray):
        self.item_x = item_x

    def unrated(self, x: np.ndarray) -> np.ndarray:
        """Rows of attributes ``[N, D]`` of items that nobody has rated, as they are read."""
        return x

    def others(self, rows: Rows) -> Rows:
        """Rows that the model has not learned from, as they are read."""
        return rows

    def learned_from(self, data: RatingData) -> Rows:
        """``data.train`` as it is read."""
        return data.train


class WideRows(RowsRead):
    """The attributes and, in one column more, b_i: 0 for an item that nobody rated.

    Args:
        item_x: attributes of every item, float32 ``[M, D]``.
        item_bias: of every item, float32 ``[M]``.
        damping: with which the biases were fitted.
    """

    def __init__(self, item_x: np.ndarray, item_bias: np.ndarray, damping: Damping):
        super().__init__(np.column_stack([item_x, item_bias]))
        self.damping = damping

    def unrated(self, x: np.ndarray) -> np.ndarray:
        """See :class:`RowsRead`."""
        return np.pad(x, ((0, 0), (0, 1)))

    def others(self, rows: Rows) -> Rows:
        """See :class:`RowsRead`."""
        return widened(rows, self.item_x[rows.item, -1])

    def learned_from(self, data: RatingData) -> Rows:
        """See :class:`RowsRead`; each rating is left out of its item's bias."""
        biases = fit_biases(data.train, len(data.users), len(data.items), self.damping)
        return without_own(data.train, biases)


def fit_biases(rows: Rows, users: int, items: int, damping: Damping) -> ItemBiases:
    """mu and the biases of the items from these ratings."""
    return ItemBiases.fit(
        rows.user, rows.item, rows.rating, users, items, item_damping=damping.item, user_damping=damping.level
    )


def widened(rows: Rows, bias: np.ndarray) -> Rows:
    """The rows with these biases ``[N]`` as their last column."""
    return replace(rows, x=np.column_stack([rows.x, bias.astype(np.float32)]))


def without_own(rows: Rows, biases: ItemBiases) -> Rows:
    """Rows that the biases were fitted to: each is left out of its item's bias."""
    return widened(rows, biases.without_own(rows.user, rows.item, rows.rating))


def on_base(data: RatingData, damping: Damping) -> tuple[RatingData, ItemBiases]:
    """The data with wide rows in ``fit`` and ``validation``, which a training sees, and the biases of ``fit``."""
    biases = fit_biases(data.fit, len(data.users), len(data.items), damping)
    validation = widened(data.validation, biases.bias[data.validation.item])
    return replace(data, fit=without_own(data.fit, biases), validation=validation), biases
