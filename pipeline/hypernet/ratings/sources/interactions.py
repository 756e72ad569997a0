"""A data set as its source gives it: ratings, and attributes in natural units, before any feature is standardised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import LEAF, Forest


@dataclass(frozen=True)
class TrueTrees:
    """Trees of two levels from which generated ratings come, one per user, in natural units.

    A row goes right where ``value >= threshold``; rules are ordered root, left child, right child, and leaves LL, LR,
    RL, RR.

    Attributes:
        column: number of the item attribute that each rule asks about, int64 ``[U, 3]``.
        threshold: float64 ``[U, 3]``.
        value: mean rating at each leaf, float64 ``[U, 4]``.
    """

    column: np.ndarray
    threshold: np.ndarray
    value: np.ndarray

    def expected(self, item_values: np.ndarray) -> np.ndarray:
        """Mean rating of every user for every item, float64 ``[U, M]``, from attributes ``[M, columns]``."""
        right = item_values[:, self.column] >= self.threshold
        leaf = np.where(right[..., 0], 2 + right[..., 2], 0 + right[..., 1])
        return np.take_along_axis(self.value, leaf.T, axis=1)

    def forest(self, item_values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> Forest:
        """The same trees on standardised features.

        A :class:`Forest` goes right strictly above its threshold and these trees at it as well, so a threshold that
        is the value of some item moves half way down to the next smaller value of the catalogue.

        Args:
            item_values: attributes of the catalogue in natural units, ``[M, columns]``.
            mean: of each attribute, ``[columns]``.
            deviation: likewise.
        """
        users = len(self.column)
        threshold = self.threshold.copy()
        for column in range(item_values.shape[1]):
            known = np.unique(item_values[:, column])
            tied = (self.column == column) & np.isin(threshold, known)
            place = np.searchsorted(known, threshold[tied])
            threshold[tied] = np.where(place > 0, (known[place - 1] + known[place]) / 2, known[0] - 1)
        base = 7 * np.arange(users)[:, None]
        nodes = base + np.arange(7)
        leaves = np.full((users, 4), LEAF)
        children = np.array([1, 3, 5]), np.array([2, 4, 6])
        left, right = (np.concatenate([base + side, nodes[:, 3:]], axis=1).ravel() for side in children)
        standardised = (threshold - mean[self.column]) / deviation[self.column]
        return Forest(
            root=base[:, 0],
            feature=np.concatenate([self.column, leaves], axis=1).astype(np.int32).ravel(),
            threshold=np.concatenate([standardised, np.zeros((users, 4))], axis=1).ravel(),
            sign=np.tile(np.array([1, 1, 1, 0, 0, 0, 0], dtype=np.int8), users),
            left=left,
            right=right,
            value=np.concatenate([np.full((users, 3), np.nan), self.value], axis=1).ravel(),
            support=np.zeros(7 * users, dtype=np.int32),
        )


@dataclass(frozen=True)
class RawNewcomers:
    """Users outside the data set: like its ratings, with ``query`` in the place of ``test``; users count from 0."""

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    query: np.ndarray
    trees: TrueTrees


@dataclass(frozen=True)
class RawRatings:
    """What a reader of raw files gives.

    Attributes:
        title: name for people.
        unit: unit of a rating.
        users: identifiers of the U users, as text.
        items: identifiers of the M items, as text.
        titles: titles of the items.
        user: number of the user of each rating, int64 ``[N]``.
        item: number of the item, int64 ``[N]``.
        rating: float64 ``[N]``.
        test: which ratings are held out, bool ``[N]``; None where the source does not divide them.
        user_features: attributes of users.
        user_values: in natural units, float64 ``[U, len(user_features)]``.
        item_features: attributes of items that come with them.
        item_values: in natural units, float64 ``[M, len(item_features)]``, NaN where it is not
            known, which it is of some item.
        statistics: attributes of items that are computed from training ratings; keys of
            :data:`hypernet.ratings.sources.features.STATISTICS`.
        trees: where the ratings were generated, what from.
        newcomers: users outside the data set.
        time: when each rating was given, in any unit, float64 ``[N]``, where the latest are to be held out; else None.
        facts: what the manifest is to say of this source.
        notes: what a person should know of how the source was read.
    """

    title: str
    unit: str
    users: np.ndarray
    items: np.ndarray
    titles: np.ndarray
    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    test: np.ndarray | None
    user_features: tuple[Feature, ...]
    user_values: np.ndarray
    item_features: tuple[Feature, ...]
    item_values: np.ndarray
    statistics: tuple[str, ...]
    trees: TrueTrees | None = None
    newcomers: RawNewcomers | None = None
    time: np.ndarray | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def check_ratings(where: str, rating: np.ndarray, lines: np.ndarray, scale: tuple[float, float]) -> None:
    """Refuse ratings that are not finite or outside the scale.

    Args:
        where: the file, for the message.
        rating: float64 ``[N]``.
        lines: number of each rating's line in the file, ``[N]``.
        scale: lowest and highest rating that there can be.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    low, high = scale
    wrong = ~((rating >= low) & (rating <= high))
    if wrong.any():
        first = int(np.argmax(wrong))
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        raise UserError(f"{where}, line {lines[first]}: rating {rating[first]:g}{more}; accepted: {low:g} to {high:g}")


def last_of_pairs(
    where: str,
    user: np.ndarray,
    item: np.ndarray,
    names: tuple[np.ndarray, np.ndarray],
    lines: np.ndarray,
    keep: str | None,
    time: np.ndarray | None = None,
) -> np.ndarray:
    """Numbers of the rows to keep where a user may have rated an item twice, in the order of the file.

    Args:
        where: the file, for the message.
        user: number of the user, ``[N]``.
        item: number of the item, ``[N]``.
        names: identifiers of users and items, for the message.
        lines: number of each rating's line in the file, ``[N]``.
        keep: ``"last"`` keeps the last of each pair; None accepts each pair once.
        time: when each rating was given, ``[N]``; None: in the order of the file.

    Raises:
        UserError: a pair stands there twice, and ``keep`` is None.
    """
    order = np.lexsort((item, user) if time is None or keep is None else (time, item, user))
    same = (user[order][1:] == user[order][:-1]) & (item[order][1:] == item[order][:-1])
    if keep == "last":
        return np.sort(order[np.append(~same, True)])
    if same.any():
        # The sort is stable: of a pair the first line comes first.
        place = int(np.argmax(same))
        first, second = order[place], order[place + 1]
        users, items = names
        raise UserError(
            f"{where}, line {lines[second]}: user {users[user[second]]} rated item {items[item[second]]} on line "
            f"{lines[first]} already; accepted: each pair once (of CSV tables with keep: last, the last)"
        )
    return np.arange(len(user))
