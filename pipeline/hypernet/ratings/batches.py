"""Batches for training a meta tree: some users, n ratings of each, most to grow the tree from and a few to predict."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from hypernet.lab.errors import UserError
from hypernet.lab.randomness import numpy_generator
from hypernet.ratings.config import Training
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.model import Ratings

# With fewer there is nothing to predict, or nothing to grow a tree from.
FEWEST_RATINGS = 2


class UserBatches(Dataset[tuple[Ratings, Ratings]]):
    """Batch i of a training, made from the number i alone.

    As the authors draw it: n is uniform between the smallest number of ratings of a user (or ``fewest``) and that of
    the B-th most active user (at most ``largest_support``); B users with at least n ratings; of each n ratings without
    replacement, the last min(``query_ratings``, n // 2) to be predicted, the others to grow the tree from. Users with
    one rating cannot be both and are left out.

    Args:
        rows: the ratings that may be seen.
        users: number of users.
        settings: sizes of a batch.
        seed: seed of the training.
        fewest: the smallest n; None: the smallest number of ratings of a user, so that people who have rated less are
            like nobody in the training.

    Raises:
        UserError: no user has two ratings.
    """

    def __init__(self, rows: Rows, users: int, settings: Training, seed: int, fewest: int | None = None):
        self.settings, self.seed = settings, seed
        self.x, self.y = torch.from_numpy(rows.x), torch.from_numpy(rows.rating)
        offsets = rows.offsets(users)
        counts = np.diff(offsets)
        # Most active first: the users with at least n ratings are then a prefix.
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] >= FEWEST_RATINGS]
        if not len(order):
            raise UserError(f"{len(rows)} ratings of {users} users: no user has two, so there is nothing to learn from")
        self.left_out = users - len(order)
        self.start, self.count = offsets[:-1][order], counts[order]
        self.batch_users = min(settings.users_per_batch, len(order))
        most = int(self.count[self.batch_users - 1])
        self.most = most if settings.largest_support is None else min(most, settings.largest_support)
        self.fewest = min(int(self.count[-1]) if fewest is None else fewest, self.most)

    def __getitem__(self, index: int) -> tuple[Ratings, Ratings]:
        """The ratings to grow from and those to predict, of ``batch_users`` users."""
        generator = numpy_generator(self.seed, "ratings", "batch", index)
        n = int(generator.integers(self.fewest, self.most + 1))
        eligible = int(np.searchsorted(-self.count, -n, side="right"))
        chosen = generator.choice(eligible, self.batch_users, replace=False)
        # The n smallest of as many random keys as the user has ratings: n ratings without replacement.
        keys = generator.random((self.batch_users, int(self.count[chosen].max())), dtype=np.float32)
        keys[np.arange(keys.shape[1]) >= self.count[chosen, None]] = 2.0
        places = np.argpartition(keys, n - 1, axis=1)[:, :n]
        # The order in which a partition leaves them is not a random one, and the last are to be predicted.
        places = np.take_along_axis(places, np.argsort(np.take_along_axis(keys, places, axis=1), axis=1), axis=1)
        rows = torch.from_numpy(self.start[chosen, None] + places)
        queries = min(self.settings.query_ratings, n // 2)
        support = self._ratings(rows[:, : n - queries])
        return support, self._ratings(rows if self.settings.loss_on == "all" else rows[:, n - queries :])

    def _ratings(self, rows: Tensor) -> Ratings:
        owner = torch.arange(len(rows)).repeat_interleave(rows.shape[1])
        flat = rows.reshape(-1)
        return Ratings(owner, self.x[flat], self.y[flat])


def grouped(rows: Rows, users: int, ratings_at_once: int) -> list[tuple[int, int, int, int]]:
    """Cut users into groups of about ``ratings_at_once`` ratings: (first user, end, first row, end) of each."""
    offsets = rows.offsets(users)
    groups, first = [], 0
    while first < users:
        end = int(np.searchsorted(offsets, offsets[first] + ratings_at_once, side="right")) - 1
        end = min(max(end, first + 1), users)
        groups.append((first, end, int(offsets[first]), int(offsets[end])))
        first = end
    return groups


def as_ratings(rows: Rows, begin: int, end: int, first_user: int) -> Ratings:
    """Rows ``begin`` to ``end`` as tensors, users numbered from ``first_user``."""
    part = slice(begin, end)
    return Ratings(
        torch.from_numpy(rows.user[part] - first_user),
        torch.from_numpy(rows.x[part]),
        torch.from_numpy(rows.rating[part]),
    )


class HeldOutUsers(Dataset[tuple[Ratings, Ratings, int]]):
    """Every check's batches: groups of users with all ratings to grow their trees from, and those held out.

    Args:
        support: ratings to grow from.
        query: ratings to predict.
        users: number of users.
    """

    RATINGS_AT_ONCE = 20_000

    def __init__(self, support: Rows, query: Rows, users: int):
        self.support, self.query = support, query
        self.groups = grouped(support, users, self.RATINGS_AT_ONCE)
        self.query_offsets = query.offsets(users)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> tuple[Ratings, Ratings, int]:
        """Ratings to grow from, ratings to predict, number of users."""
        first, end, begin, stop = self.groups[index]
        query = as_ratings(self.query, int(self.query_offsets[first]), int(self.query_offsets[end]), first)
        return as_ratings(self.support, begin, stop, first), query, end - first
