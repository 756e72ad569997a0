"""MovieLens 100K and 1M: users' ages and sexes, films' genres and years, ratings from one to five stars.

F. M. Harper, J. A. Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015. The features are
those of the authors' code (Shulman & Wolf 2020): 18 genres, year, age, sex, and mean and number of a film's ratings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.sources.delimited import numbered, read_lines, read_ratings
from hypernet.ratings.sources.features import genre, number
from hypernet.ratings.sources.interactions import RawRatings, check_ratings, last_of_pairs

# In the order of u.genre; "unknown", the first there, is no genre.
GENRES = (
    "action",
    "adventure",
    "animation",
    "children",
    "comedy",
    "crime",
    "documentary",
    "drama",
    "fantasy",
    "film-noir",
    "horror",
    "musical",
    "mystery",
    "romance",
    "sci-fi",
    "thriller",
    "war",
    "western",
)
SCALE = (1.0, 5.0)
USER_FEATURES = (
    number("age", "older than {t}", "younger than {t}", "age", of="user"),
    Feature("male", "binary", "user", "male", "female", "male"),
)
# "Not children" is said of nobody's film.
FOR_CHILDREN = Feature("children", "binary", "item", "for children", "not for children", "for children")
ITEM_FEATURES = (
    *(FOR_CHILDREN if name == "children" else genre(name) for name in GENRES),
    number("year", "after {t}", "before {t}", "year"),
)
STATISTICS = ("mean_rating", "rating_count")
# Ratings in each of the tests u1 to u5.
SPLIT_SIZE = 20_000


def split_rows(split: int, user: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The official divisions u1 to u5 (mku.sh): rows of ``u<split>.base`` and ``u<split>.test``.

    The test is lines (split - 1) * 20000 + 1 to split * 20000 of ``u.data`` in the order of the file, the base is the
    rest; both are sorted by user, then item.

    Args:
        split: 1 to 5.
        user: identifiers in the order of ``u.data``, ``[N]``.
        item: likewise.
    """
    lines = np.arange(len(user))
    test = lines // SPLIT_SIZE == split - 1
    order = np.lexsort((item, user))
    return order[~test[order]], order[test[order]]


def read_100k(raw: Path, title: str, split: int) -> RawRatings:
    """Read ``u.data``, ``u.item`` and ``u.user`` and divide the ratings as in ``u<split>``.

    Raises:
        UserError: a file is damaged; one line names the place.
    """
    user_ids, user_values = _users_100k(raw / "u.user")
    item_ids, titles, item_values = _items_100k(raw / "u.item")
    user, item, rating = _ratings(raw / "u.data", "\t", user_ids, item_ids)
    base, test = split_rows(split, user_ids[user], item_ids[item])
    rows = np.concatenate([base, test])
    return _movielens(
        title,
        user_ids,
        user_values,
        item_ids,
        titles,
        item_values,
        (user[rows], item[rows], rating[rows]),
        np.arange(len(rows)) >= len(base),
        f"u{split} of the official splits",
    )


def read_1m(raw: Path, title: str) -> RawRatings:
    """Read ``ratings.dat``, ``movies.dat`` and ``users.dat`` and hold out a random tenth, as the authors' code does.

    Raises:
        UserError: a file is damaged; one line names the place. Or scikit-learn is missing.
    """
    user_ids, user_values = _users_1m(raw / "users.dat")
    item_ids, titles, item_values = _items_1m(raw / "movies.dat")
    user, item, rating = _ratings(raw / "ratings.dat", "::", user_ids, item_ids)
    test = np.zeros(len(rating), dtype=bool)
    test[random_tenth(user, item)] = True
    return _movielens(
        title,
        user_ids,
        user_values,
        item_ids,
        titles,
        item_values,
        (user, item, rating),
        test,
        "train_test_split(test_size=0.1, random_state=0) of the rows joined with films, then users",
    )


def random_tenth(user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Rows that ``train_test_split(test_size=0.1, random_state=0)`` holds out of the joined table.

    The authors' code joins ratings with films and then with users. In the pandas of its day (before 2.2) an inner
    join puts rows with the same key together, keys in the order of their first row: so do we, with any pandas.

    Args:
        user: of each row of ``ratings.dat``, ``[N]``.
        item: likewise.

    Raises:
        UserError: scikit-learn is missing.
    """
    selection = library("sklearn.model_selection", "scikit-learn", "ratings")
    rows = np.arange(len(user))
    for key in (item, user):
        rows = rows[np.argsort(_first_seen(key[rows]), kind="stable")]
    if len(rows) < 2:
        return rows[:0]
    held_out: np.ndarray = selection.train_test_split(rows, test_size=0.1, random_state=0)[1]
    return held_out


def _first_seen(key: np.ndarray) -> np.ndarray:
    """The place of each key in the order of first appearance, ``[N]``."""
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _movielens(
    title: str,
    user_ids: np.ndarray,
    user_values: np.ndarray,
    item_ids: np.ndarray,
    titles: np.ndarray,
    item_values: np.ndarray,
    ratings: tuple[np.ndarray, np.ndarray, np.ndarray],
    test: np.ndarray,
    split: str,
) -> RawRatings:
    user, item, rating = ratings
    return RawRatings(
        title=title,
        unit="stars",
        users=user_ids.astype(str),
        items=item_ids.astype(str),
        titles=titles,
        user=user,
        item=item,
        rating=rating,
        test=test,
        user_features=USER_FEATURES,
        user_values=user_values,
        item_features=ITEM_FEATURES,
        item_values=item_values,
        statistics=STATISTICS,
        facts={"split": split},
    )


def _ratings(
    path: Path, separator: str, user_ids: np.ndarray, item_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    user, item, rating = read_ratings(path, separator, fields=4)
    lines = np.arange(1, len(rating) + 1)
    check_ratings(str(path), rating, lines, SCALE)
    user = numbered(path, "user", user, user_ids, lines)
    item = numbered(path, "item", item, item_ids, lines)
    last_of_pairs(str(path), user, item, (user_ids, item_ids), lines, keep=None)
    return user, item, rating


def _users_100k(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = read_lines(path, "|", 5, "latin-1")
    return _ids(path, "user", rows), np.array(
        [[_whole(path, line, "age", row[1]), _male(path, line, row[2])] for line, row in enumerate(rows, start=1)]
    )


def _users_1m(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The age here is the code of a bracket: its lowest age, and 1 for children."""
    rows = read_lines(path, "::", 5, "latin-1")
    return _ids(path, "user", rows), np.array(
        [[_whole(path, line, "age", row[2]), _male(path, line, row[1])] for line, row in enumerate(rows, start=1)]
    )


def _items_100k(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = read_lines(path, "|", 5 + 1 + len(GENRES), "latin-1")
    values = np.empty((len(rows), len(ITEM_FEATURES)))
    for line, row in enumerate(rows, start=1):
        flags = row[6:]
        if not set(flags) <= {"0", "1"}:
            raise UserError(f"{path}, line {line}: a genre is neither 0 nor 1")
        # dd-Mon-yyyy; one item has none.
        year = _whole(path, line, "year", row[2][-4:]) if row[2] else np.nan
        values[line - 1] = [*map(float, flags), year]
    return _ids(path, "item", rows), np.array([row[1].strip() for row in rows]), _with_a_year(path, values)


def _items_1m(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = read_lines(path, "::", 3, "latin-1")
    values = np.zeros((len(rows), len(ITEM_FEATURES)))
    for line, row in enumerate(rows, start=1):
        for name in row[2].lower().split("|"):
            known = name.removesuffix("'s")
            if known not in GENRES:
                raise UserError(f"{path}, line {line}: {name[:20]!r} is not a genre; accepted: {', '.join(GENRES)}")
            values[line - 1, GENRES.index(known)] = 1
        values[line - 1, -1] = _whole(path, line, "year in the title", row[1].rstrip()[-5:-1])
    return _ids(path, "item", rows), np.array([row[1].strip() for row in rows]), _with_a_year(path, values)


def _with_a_year(path: Path, values: np.ndarray) -> np.ndarray:
    """The values themselves, where the year of some item is known."""
    if np.isnan(values[:, -1]).all():
        raise UserError(f"{path}: no item has a year")
    return values


def _ids(path: Path, what: str, rows: list[list[str]]) -> np.ndarray:
    ids = np.array([_whole(path, line, f"number of the {what}", row[0]) for line, row in enumerate(rows, start=1)])
    known, count = np.unique(ids, return_counts=True)
    if (count > 1).any():
        raise UserError(f"{path}: {what} {known[np.argmax(count > 1)]} is listed more than once")
    return ids


def _whole(path: Path, line: int, what: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UserError(f"{path}, line {line}: {text[:20]!r} is no {what}; accepted: a whole number from 0")
    return int(text)


def _male(path: Path, line: int, text: str) -> float:
    if text not in ("M", "F"):
        raise UserError(f"{path}, line {line}: {text[:20]!r} is no sex; accepted: M, F")
    return float(text == "M")
