"""What rules on a base may ask: attributes of the items, each with thresholds between values that items have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.base import askable
from hypernet.ratings.core.tables import Feature


class Questions(NamedTuple):
    """What rules may ask.

    Attributes:
        column: number of the attribute, int64 ``[Q]``.
        threshold: standardised, float32 ``[Q]``.
    """

    column: np.ndarray
    threshold: np.ndarray

    def checked(self, features: int) -> Self:
        """The questions themselves; those of a file may have been made by a stranger.

        Raises:
            ValueError: none, or one about an attribute that is not there.
        """
        if not len(self.column):
            raise ValueError("no questions")
        if ((self.column < 0) | (self.column >= features)).any():
            raise ValueError(f"a question about an attribute beyond the {features} there are")
        return self


def questions(x: np.ndarray, features: Sequence[Feature], most: int) -> Questions:
    """The questions for some rows: one about a 0/1 attribute, up to ``most`` about a number, with about as many rows
    between one threshold and the next.

    Args:
        x: standardised attributes of the rows, ``[N, D]``.
        features: the D attributes.
        most: questions about one number.

    Raises:
        UserError: no attribute of the items differs between them.
    """
    columns: list[int] = []
    thresholds: list[float] = []
    for column in askable(features):
        values = np.unique(x[:, column]).astype(np.float64)
        if len(values) < 2:
            continue
        between = (values[1:] + values[:-1]) / 2
        shares = np.quantile(x[:, column], np.arange(1, most + 1) / (most + 1))
        places = np.clip(np.searchsorted(values, shares, side="right") - 1, 0, len(between) - 1)
        chosen = between if len(between) <= most else between[np.unique(places)]
        columns += [int(column)] * len(chosen)
        thresholds += chosen.tolist()
    if not columns:
        raise UserError("the items have no attribute, beside the mean of their ratings, in which they differ")
    return Questions(np.array(columns), np.array(thresholds, dtype=np.float32))
