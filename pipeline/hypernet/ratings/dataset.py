"""From raw files to the arrays that training reads: divide the ratings, make the features, standardise them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import sha256
from hypernet.lab.manifest import MANIFEST, read_manifest, write_manifest
from hypernet.lab.randomness import numpy_generator
from hypernet.ratings.config import GENERATED, PUBLISHED, PrepareSettings
from hypernet.ratings.core.tables import Newcomers, RatingData, Rows, Truth
from hypernet.ratings.core.wording import counted
from hypernet.ratings.names import dataset_title
from hypernet.ratings.sources import csv_tables, jester, movielens, preftrees
from hypernet.ratings.sources.features import FOLDS, STATISTICS, ItemStatistics, training_statistics, with_medians
from hypernet.ratings.sources.interactions import RawRatings, TrueTrees

# Where the source does not say which ratings are for testing.
TEST_SHARE = 0.1
# A spread this small beside the values is rounding, not spread.
ROUNDING = 1e-10
# Shares of a user's ratings differ by more than its inverse: no user has so many.
LEAST_DIFFERENCE = 1e12


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Make :class:`RatingData` from raw files and write it to ``out`` with a manifest.

    Raises:
        UserError: the raw files cannot be read, or nothing can be learned from them.
    """
    manifest = read_manifest(raw)
    for name, digest in manifest["files"].items():
        if not (raw / name).is_file() or sha256(raw / name) != digest:
            raise UserError(f"{raw / name}: not as it was made; run `hypernet ratings raw --dataset {dataset}` again")
    data, facts = assemble(dataset, read(dataset, raw, settings), settings)
    if len(np.unique(data.test.user)) < 2:
        raise UserError(f"{dataset}: test ratings of one user only; intervals over users need two")
    if cold := facts["cold_users"]:
        left = (
            f"{counted(facts['cold_test_ratings'], 'test rating')} of {counted(cold, 'user')} without training ratings"
        )
        print(f"{dataset}: cold: left out: {left}", file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    data.save(out)
    write_manifest(out, manifest["facts"] | facts)


def read(dataset: str, raw: Path, settings: PrepareSettings) -> RawRatings:
    """Read the raw files of a data set.

    Raises:
        UserError: a file is missing or damaged; one line names it and the place.
    """
    title = dataset_title(dataset)
    if GENERATED.fullmatch(dataset):
        return preftrees.read(raw, title)
    if dataset == "jester1":
        return jester.read(raw, title)
    if dataset == "ml1m":
        return movielens.read_1m(raw, title)
    if dataset in PUBLISHED:
        return movielens.read_100k(raw, title, split=int(dataset.removeprefix("ml100k_u")))
    return csv_tables.read(
        raw / csv_tables.RATINGS,
        raw / csv_tables.ITEMS,
        title,
        settings.keep,
        settings.scale,
        settings.split,
        settings.unknown,
    )


def assemble(dataset: str, source: RawRatings, settings: PrepareSettings) -> tuple[RatingData, dict[str, Any]]:
    """Divide ratings, compute and standardise features.

    A user is known by at least one training rating. Test ratings of others are left out and counted as cold: a tree
    grown from nothing is undefined. Of the training ratings ``validation_share`` is held out for choosing, but
    never a user's only one.

    Args:
        dataset: its name, which names the random streams.
        source: ratings and attributes in natural units.
        settings: how rows are divided and item statistics are made.

    Returns:
        the prepared data, and facts for the manifest.

    Raises:
        UserError: no attributes, no ratings to train on or to test with, or all ratings alike.
    """
    if not source.user_features and not source.item_features and not source.statistics:
        raise UserError(f"{dataset}: the items have no attributes, so a tree has nothing to ask about")
    table = _Table(dataset, source)
    if not len(table.train):
        raise UserError(f"{dataset}: no training ratings; at least one user needs two ratings")
    low, high = (float(end) for end in (table.rating[table.train].min(), table.rating[table.train].max()))
    if low == high:
        raise UserError(f"{dataset}: all training ratings are {low:g}; there is nothing to predict")
    low, high = settings.scale or (float(source.rating.min()), float(source.rating.max()))
    if settings.select == "test":
        fit, validation = table.train, table.test
    else:
        fit, validation = table.held_out(table.train, settings.validation_share, "validation")
    if source.test is not None and not len(table.test):
        raise UserError(f"{dataset}: no test rating of a user who has training ratings")
    for name, rows in (("test", table.test), ("validation", validation)):
        if not len(rows):
            raise UserError(
                f"{dataset}: {len(table.rating)} ratings of {len(source.users)} users are too few to hold some out for "
                f"{name}: of each user one is kept"
            )
    folds = None
    if settings.item_mean == "kfold":
        folds = numpy_generator(0, "ratings", "folds", dataset).integers(FOLDS, size=len(table.rating))
    features = table.features
    mean, deviation = _moments(table.training_columns(table.train, folds), len(features))

    def training(rows: np.ndarray) -> Rows:
        return table.rows(rows, table.training_columns(rows, folds), mean, deviation)

    def held_out(rows: np.ndarray, seen: np.ndarray) -> Rows:
        return table.rows(rows, table.item_columns(rows, seen), mean, deviation)

    train, test = training(table.train), held_out(table.test, table.train)
    chosen = settings.select == "validation"
    item_x, user_x = table.item_x(mean, deviation), table.user_x(mean, deviation)
    data = RatingData(
        title=source.title,
        unit=source.unit,
        select=settings.select,
        features=features,
        mean=mean,
        deviation=deviation,
        low=low,
        high=high,
        users=table.users,
        items=source.items,
        titles=source.titles,
        item_x=item_x,
        user_x=user_x,
        unknown=table.unknown(),
        fit=training(fit) if chosen else train,
        validation=held_out(validation, fit) if chosen else test,
        train=train,
        test=test,
        newcomers=_newcomers(source, item_x, mean, deviation),
        truth=None if source.trees is None else _truth(source.trees, source.item_values, mean, deviation),
    )
    facts = {
        "title": source.title,
        "users": len(data.users),
        "items": len(data.items),
        "features": [feature.name for feature in features],
        "feature_count": len(features),
        "ratings": len(source.rating),
        "train": len(train),
        "test": len(test),
        "fit": len(data.fit),
        "validation": len(data.validation),
        "low": low,
        "high": high,
        "test_items_unseen": len(np.setdiff1d(test.item, train.item)),
        "cold_users": table.cold_users,
        "cold_test_ratings": table.cold_ratings,
        "users_with_one_rating": int((np.diff(train.offsets(len(data.users))) == 1).sum()),
    }
    return data, source.facts | facts


class _Table:
    """Ratings sorted by user, users with no training rating left out, and the columns of their features."""

    def __init__(self, dataset: str, source: RawRatings):
        self.dataset, self.source = dataset, source
        self.user, self.item, self.rating = source.user, source.item, source.rating
        self.item_values = source.item_values.copy()
        for place, column in enumerate(source.item_values.T):
            self.item_values[:, place] = with_medians(column)
        every = np.arange(len(self.rating))
        if source.test is None:
            train, test = self.held_out(every, TEST_SHARE, "test")
        else:
            train, test = every[~source.test], every[source.test]
        known = np.zeros(len(source.users), dtype=bool)
        known[self.user[train]] = True
        met = np.zeros(len(source.users), dtype=bool)
        met[self.user[test]] = True
        self.cold_users = int((met & ~known).sum())
        self.cold_ratings = int((~known[self.user[test]]).sum())
        test = test[known[self.user[test]]]
        self.users, self.user_values = source.users[known], source.user_values[known]
        self.user = (np.cumsum(known) - 1)[self.user]
        self.train, self.test = (rows[np.argsort(self.user[rows], kind="stable")] for rows in (train, test))
        self.features = (
            *source.user_features,
            *source.item_features,
            *(STATISTICS[name] for name in source.statistics),
        )

    def held_out(self, rows: np.ndarray, share: float, purpose: str) -> tuple[np.ndarray, np.ndarray]:
        """Divide rows into those kept and ``share`` held out; every user keeps one. Both keep the order.

        Held out are rows at random or, where times are known, of every user the latest.
        """
        key = numpy_generator(0, "ratings", purpose, self.dataset).random(len(rows))
        if self.source.time is not None:
            key = self._age(rows) + key / LEAST_DIFFERENCE
        order = np.lexsort((key, self.user[rows]))
        sure = np.zeros(len(rows), dtype=bool)
        ends = np.append(np.diff(self.user[rows][order]) != 0, True) if len(rows) else np.zeros(0, dtype=bool)
        sure[order[ends]] = True
        free = np.flatnonzero(~sure)
        taken = free[np.argsort(key[free], kind="stable")[: round(share * len(rows))]]
        held = np.zeros(len(rows), dtype=bool)
        held[taken] = True
        return rows[~held], rows[held]

    def _age(self, rows: np.ndarray) -> np.ndarray:
        """How many of the user's rows are as late or later than each, as a share of the user's rows, ``[N]``."""
        assert self.source.time is not None, "only where times are known"
        order = np.lexsort((-self.source.time[rows], self.user[rows]))
        sizes = np.bincount(self.user[rows])
        starts = np.cumsum(sizes) - sizes
        age = np.empty(len(rows))
        age[order] = np.arange(len(rows)) - starts[self.user[rows][order]] + 0.5
        return age / sizes[self.user[rows]]

    def training_columns(self, rows: np.ndarray, folds: np.ndarray | None) -> Iterator[np.ndarray]:
        """Features of rows from which the item statistics are made, column by column, float64 ``[N]``."""
        yield from self._attributes(rows)
        if self.source.statistics:
            row_folds = None if folds is None else folds[rows]
            statistics = training_statistics(self.item[rows], self.rating[rows], len(self.source.items), row_folds)
            yield from (statistics[name] for name in self.source.statistics)

    def item_columns(self, rows: np.ndarray, seen: np.ndarray) -> Iterator[np.ndarray]:
        """Features of other rows, with the item statistics of the rows ``seen``."""
        yield from self._attributes(rows)
        yield from (column[self.item[rows]] for column in self._statistics(seen))

    def rows(self, rows: np.ndarray, columns: Iterator[np.ndarray], mean: np.ndarray, deviation: np.ndarray) -> Rows:
        """Standardised rows."""
        x = np.empty((len(rows), len(self.features)), dtype=np.float32)
        for place, column in enumerate(columns):
            x[:, place] = (column - mean[place]) / deviation[place]
        return Rows(self.user[rows], self.item[rows], self.rating[rows].astype(np.float32), x)

    def item_x(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Standardised features of the items from all training ratings, 0 in the users' columns."""
        values = np.column_stack([self.item_values, *self._statistics(self.train)])
        columns = np.s_[len(self.source.user_features) :]
        x = np.zeros((len(values), len(self.features)), dtype=np.float32)
        x[:, columns] = (values - mean[columns]) / deviation[columns]
        return x

    def unknown(self) -> np.ndarray | None:
        """Which features of an item are not known, bool ``[M, D]``: the median stands in there. None: all are known."""
        unknown = np.zeros((len(self.source.items), len(self.features)), dtype=bool)
        first = len(self.source.user_features)
        unknown[:, first : first + len(self.source.item_features)] = np.isnan(self.source.item_values)
        return unknown if unknown.any() else None

    def user_x(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Standardised features of the users, 0 in the items' columns."""
        columns = np.s_[: len(self.source.user_features)]
        x = np.zeros((len(self.users), len(self.features)), dtype=np.float32)
        x[:, columns] = (self.user_values - mean[columns]) / deviation[columns]
        return x

    def _attributes(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        yield from (column[self.user[rows]] for column in self.user_values.T)
        yield from (column[self.item[rows]] for column in self.item_values.T)

    def _statistics(self, seen: np.ndarray) -> list[np.ndarray]:
        """Item statistics of the rows ``seen``, ``[M]`` each."""
        if not self.source.statistics:
            return []
        statistics = ItemStatistics.of(self.item[seen], self.rating[seen], len(self.source.items)).all_ratings()
        return [statistics[name] for name in self.source.statistics]


def _moments(columns: Iterator[np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population standard deviation of each column; of a constant one its value and 1."""
    mean, deviation = np.empty(count), np.empty(count)
    for place, column in enumerate(columns):
        mean[place], deviation[place] = column.mean(), column.std()
        if deviation[place] <= ROUNDING * max(1.0, abs(mean[place])):
            mean[place], deviation[place] = column[0], 1.0
    return mean, deviation


def _newcomers(source: RawRatings, item_x: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> Newcomers | None:
    people = source.newcomers
    if people is None:
        return None

    def rows(chosen: np.ndarray) -> Rows:
        item = people.item[chosen]
        return Rows(people.user[chosen], item, people.rating[chosen].astype(np.float32), item_x[item])

    truth = _truth(people.trees, source.item_values, mean, deviation)
    return Newcomers(len(people.trees.value), rows(~people.query), rows(people.query), truth)


def _truth(trees: TrueTrees, item_values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> Truth:
    return Truth(trees.forest(item_values, mean, deviation), trees.expected(item_values).astype(np.float32))
