"""Generated ratings with a known truth: every user rates by a small tree of their own.

300 items have genres, a year and an average rating by critics, an attribute of the catalogue that is not computed from
the ratings. A user follows one of six templates, trees of two levels, with thresholds and leaf values of their own, and
rates with noise. The draws and their order define the data set.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.ratings.config import GENERATED
from hypernet.ratings.core.arrays import read_arrays
from hypernet.ratings.sources.features import genre, number
from hypernet.ratings.sources.interactions import RawNewcomers, RawRatings, TrueTrees

ITEMS, USERS, NEWCOMERS = 300, 1200, 200
GENRES = ("action", "comedy", "drama", "romance", "scifi", "thriller", "horror", "family")
COLUMNS = (*GENRES, "year", "avg")
FEATURES = (
    *(genre(name) for name in GENRES),
    number("year", "after {t}", "before {t}", "year"),
    number("avg", "high critics' score", "low critics' score", "critics' score", digits=2),
)
# How far a user's own threshold is from the template's; that of a genre is always one half.
AVERAGE_JITTER, YEAR_JITTER, GENRE_THRESHOLD = 0.1, 3, 0.5
COMMON_DEVIATION, LEAF_DEVIATION, NOISE_DEVIATION = 0.25, 0.15, 0.6
LOW, HIGH = 1.0, 5.0
FEWEST_RATINGS, MOST_RATINGS, FEWEST_TEST_RATINGS = 16, 48, 4


@dataclass(frozen=True)
class Template:
    """A tree of two levels: rules of root, left and right child; mean ratings at LL, LR, RL, RR (right: true)."""

    attributes: tuple[str, str, str]
    thresholds: tuple[float, float, float]
    values: tuple[float, float, float, float]


HALF = GENRE_THRESHOLD
TEMPLATES = (
    Template(("avg", "comedy", "action"), (3.4, HALF, HALF), (2.0, 3.0, 3.2, 4.7)),
    Template(("drama", "scifi", "avg"), (HALF, HALF, 3.4), (2.4, 4.4, 2.2, 4.6)),
    Template(("comedy", "avg", "romance"), (HALF, 3.7, HALF), (2.2, 3.6, 3.4, 4.8)),
    Template(("year", "drama", "horror"), (1985, HALF, HALF), (3.0, 4.5, 3.4, 1.6)),
    Template(("avg", "year", "thriller"), (3.0, 1975, HALF), (1.4, 2.6, 3.6, 4.8)),
    Template(("family", "action", "year"), (HALF, HALF, 1985), (2.8, 4.2, 4.6, 2.6)),
)


@dataclass(frozen=True)
class Population:
    """Users and their ratings, in the order drawn.

    Attributes:
        template: number of each user's template, int64 ``[U]``.
        trees: each user's own tree.
        user: of each rating, int64 ``[N]``; rising.
        item: int64 ``[N]``.
        rating: whole numbers 1..5, float64 ``[N]``.
        test: the last quarter of each user's ratings, bool ``[N]``.
    """

    template: np.ndarray
    trees: TrueTrees
    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    test: np.ndarray


def draw_items(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The catalogue: attributes float64 ``[M, 10]`` in the order of :data:`COLUMNS`, and popularity ``[M]``."""
    share = 1 / np.sqrt(1 + np.arange(len(GENRES)))
    share /= share.sum()
    genres = np.zeros((ITEMS, len(GENRES)))
    for row in genres:
        count = 1 + (generator.random() < 0.5) + (generator.random() < 0.15)
        row[generator.choice(len(GENRES), count, replace=False, p=share)] = 1
    year = generator.integers(1960, 2000, ITEMS)
    average = np.clip(np.round(3.3 + 0.6 * generator.standard_normal(ITEMS), 2), LOW, HIGH)
    popularity = 1 / np.sqrt(1 + generator.permutation(ITEMS))
    return np.column_stack([genres, year, average]), popularity / popularity.sum()


def draw_users(generator: np.random.Generator, users: int, items: np.ndarray, popularity: np.ndarray) -> Population:
    """Draw users with their trees and ratings of ``items``, as attributes ``[M, 10]``."""
    templates, columns, thresholds, values, chosen, ratings = [], [], [], [], [], []
    for _ in range(users):
        number_of = int(generator.integers(len(TEMPLATES)))
        template = TEMPLATES[number_of]
        moved = np.array(template.values) + generator.normal(0, COMMON_DEVIATION)
        value = np.clip(moved + generator.normal(0, LEAF_DEVIATION, 4), LOW, HIGH)
        threshold = np.array(
            [_user_threshold(generator, *rule) for rule in zip(template.attributes, template.thresholds, strict=True)]
        )
        column = np.array([COLUMNS.index(name) for name in template.attributes])
        count = int(generator.integers(FEWEST_RATINGS, MOST_RATINGS + 1))
        item = generator.choice(len(items), count, replace=False, p=popularity)
        expected = TrueTrees(column[None], threshold[None], value[None]).expected(items[item])[0]
        rating = np.clip(np.round(expected + NOISE_DEVIATION * generator.standard_normal(count)), LOW, HIGH)
        templates.append(number_of)
        columns.append(column)
        thresholds.append(threshold)
        values.append(value)
        chosen.append(item)
        ratings.append(rating)
    counts = np.array([len(item) for item in chosen])
    held_out = np.maximum(FEWEST_TEST_RATINGS, counts // 4)
    place = np.concatenate([np.arange(count) for count in counts])
    return Population(
        np.array(templates),
        TrueTrees(np.array(columns), np.array(thresholds), np.array(values)),
        np.repeat(np.arange(users), counts),
        np.concatenate(chosen),
        np.concatenate(ratings),
        place >= np.repeat(counts - held_out, counts),
    )


def _user_threshold(generator: np.random.Generator, attribute: str, threshold: float) -> float:
    if attribute == "avg":
        return threshold + generator.normal(0, AVERAGE_JITTER)
    if attribute == "year":
        return threshold + generator.integers(-YEAR_JITTER, YEAR_JITTER + 1)
    return threshold


def files(dataset: str) -> dict[str, bytes]:
    """The raw files of ``preftrees`` or ``preftrees_seed<k>``, by name.

    Items and users come from ``numpy.random.default_rng(k)``, k = 0 without a number, and newcomers, who rate the
    same items, from ``default_rng(k + 1)``: numpy's own streams, because they define the data set wherever it is made.
    """
    match = GENERATED.fullmatch(dataset)
    assert match is not None, f"{dataset} is no name of a generated data set"
    seed = int(match[1] or 0)
    generator = np.random.default_rng(seed)
    items, popularity = draw_items(generator)
    populations = {
        "users": draw_users(generator, USERS, items, popularity),
        "newcomers": draw_users(np.random.default_rng(seed + 1), NEWCOMERS, items, popularity),
    }
    made = {"items.npz": _archive(columns=np.array(COLUMNS), values=items, popularity=popularity)}
    for name, people in populations.items():
        expected = people.trees.expected(items)[people.user, people.item]
        truth = {"template": people.template, "truth.expected": expected}
        truth |= {f"truth.{part}": getattr(people.trees, part) for part in ("column", "threshold", "value")}
        ratings = {part: getattr(people, part) for part in ("user", "item", "rating", "test")}
        made[f"{name}.npz"] = _archive(**ratings, **truth)
    return made


def _archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]  # its keyword allow_pickle is no array
    return file.getvalue()


def read(raw: Path, title: str) -> RawRatings:
    """Read what :func:`files` made.

    Args:
        raw: folder of the raw files.
        title: name for people.

    Raises:
        UserError: a file is missing or damaged.
    """
    items = read_arrays(raw / "items.npz", ["values"])["values"]
    parts: dict[str, dict[str, Any]] = {}
    trees: dict[str, TrueTrees] = {}
    splits, truth = ("user", "item", "rating", "test"), ("truth.column", "truth.threshold", "truth.value")
    for name in ("users", "newcomers"):
        arrays = read_arrays(raw / f"{name}.npz", [*splits, *truth])
        parts[name] = {part: arrays[part] for part in splits}
        trees[name] = TrueTrees(*(arrays[part] for part in truth))
    newcomers = parts["newcomers"]
    newcomers["query"] = newcomers.pop("test")
    return RawRatings(
        title=title,
        unit="stars",
        users=np.array([f"user{number}" for number in range(len(trees["users"].value))]),
        items=np.array([f"film{number}" for number in range(len(items))]),
        titles=np.array([_item_title(number, values) for number, values in enumerate(items)]),
        **parts["users"],
        user_features=(),
        user_values=np.zeros((len(trees["users"].value), 0)),
        item_features=FEATURES,
        item_values=items,
        statistics=(),
        trees=trees["users"],
        newcomers=RawNewcomers(**newcomers, trees=trees["newcomers"]),
    )


def _item_title(number_of: int, values: np.ndarray) -> str:
    return f"Film {number_of} ({int(values[COLUMNS.index('year')])})"
