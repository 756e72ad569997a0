"""Many people's ratings in, predictions of their trees out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table
from hypernet.ratings.core.catalogue import Catalogue
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.wording import counted, printable
from hypernet.ratings.growing import MetaTreePredictor
from hypernet.ratings.sources.lookup import MOST_LETTERS
from hypernet.ratings.tools.items import Items
from hypernet.ratings.tools.person import AVERAGES
from hypernet.ratings.tools.profiles import KEEP, UNKNOWN, read_pairs, read_people
from hypernet.ratings.trained import open_trees

if TYPE_CHECKING:
    import pandas as pd

# Digits after the point of a prediction.
DIGITS = 3
# Users that a message names.
MOST_NAMED = 3
# Predictions that are made without being asked for by name.
MOST_PREDICTIONS = 50_000_000
PREDICTIONS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Predictions:
    """Predicted ratings of several people; made by ``hypernet.ratings.predict``.

    ``table`` has them, ``save(path)`` writes them as CSV.

    Attributes:
        table: columns ``user``, ``item`` (id), ``title``, ``prediction`` (in the unit of the ratings), and ``cold``:
            whether the user has no ratings to grow a tree from. The prediction is then the item's average rating.
        users: number of people for whom a tree was grown.
        notes: how the tables were read, where that is not as they stand there.
    """

    table: pd.DataFrame
    users: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Predictions({counted(len(self.table), 'rating')} of {counted(self.users, 'user')})"

    def __str__(self) -> str:
        return "\n".join(printable(line) for line in [repr(self), *str(self.table).splitlines()])

    def save(self, path: str | Path) -> None:
        """Write the table as CSV, whole or not at all.

        Raises:
            UserError: the name does not end in ``.csv``, or is that of a folder.
        """
        check_out(Path(path))
        write_table(Path(path), self.table)


def predict(
    ratings: str | Path | pd.DataFrame | Mapping[str, Mapping[str, float]],
    *,
    model: str | Path | MetaTreePredictor,
    pairs: str | Path | pd.DataFrame | Sequence[tuple[str, str]] | None = None,
    keep: str | None = None,
    unknown: str | None = None,
) -> Predictions:
    """Grow a decision tree for each of several people from their ratings, and predict others of their ratings.

    The people need not be known to the model.

        given = {"ann": {"film3": 5, "film9": 2}, "bob": {"film7": 1}}
        predicted = hypernet.ratings.predict(given, model="model.ckpt")
        predicted.table  # user, item, title, prediction, cold
        predicted.save("predictions.csv")

    Args:
        ratings: a path to a CSV file or a pandas table with the columns ``user``, ``item`` (id or title) and
            ``rating``; or a dictionary ``{user: {item: rating}}``.
        model: ``model.ckpt`` of a meta_ method, or the model opened.
        pairs: what to predict: a path to a CSV file or a pandas table with the columns ``user`` and ``item``, or a
            list of ``(user, item)``; by default every item that a user did not rate. One without ratings is ``cold``.
        keep: ``"last"`` where a user may rate an item twice and the last rating counts: the latest where there is a
            column ``timestamp``, else the later in the table.
        unknown: ``"skip"`` where rows of items that the model does not know are left out, and noted.

    Returns:
        the predictions, in the order of ``pairs``; by default by user, then by item.

    Raises:
        UserError: a table or model cannot be read, an item is unknown, a rating is not on the scale, or there
            would be too many predictions.
    """
    import pandas as pd

    predictor = open_trees(model)
    known = predictor.catalogue
    items = Items.of(predictor)
    people, support, notes = read_people(ratings, items, known.low, known.high, keep, unknown)
    if pairs is None:
        if len(people) * len(items) - len(support) > MOST_PREDICTIONS:
            raise UserError(
                f"{len(people)} users and {len(items)} items make more than {MOST_PREDICTIONS:,} predictions; "
                "say which (pairs)"
            )
        user, item = _unrated(support, len(people), len(items))
        names = people[user]
    else:
        names, user, item, more = read_pairs(pairs, people, items, unknown)
        notes += more
    cold = user < 0
    predicted = np.empty(len(user))
    predicted[cold] = average_rating(known)[item[cold]]
    predicted[~cold] = _answers(predictor, items, support, len(people), user[~cold], item[~cold])
    table = pd.DataFrame(
        {
            "user": names,
            "item": items.ids.astype(object)[item],
            "title": items.titles.astype(object)[item],
            "prediction": predicted.round(DIGITS),
            "cold": cold,
        }
    )
    return Predictions(table, len(people), notes)


def _unrated(support: Rows, users: int, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of users and of the items that each did not rate, user by user."""
    offsets = support.offsets(users)
    left = [np.setdiff1d(np.arange(items), support.item[offsets[user] : offsets[user + 1]]) for user in range(users)]
    return np.repeat(np.arange(users), [len(numbers) for numbers in left]), np.concatenate(left)


def _answers(
    predictor: MetaTreePredictor, items: Items, support: Rows, users: int, user: np.ndarray, item: np.ndarray
) -> np.ndarray:
    """Predictions of what is asked, in its order, a group of users at a time."""
    order = np.argsort(user, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))])
    given = support.offsets(users)
    predicted = np.empty(len(user))
    first = 0
    while first < users:
        # As many users as there are predictions at once, but one at least.
        end = max(first + 1, int(np.searchsorted(ends, ends[first] + PREDICTIONS_AT_ONCE, side="right")) - 1)
        rows, theirs = order[ends[first] : ends[end]], slice(given[first], given[end])
        if len(rows):
            part = Rows(support.user[theirs] - first, support.item[theirs], support.rating[theirs], support.x[theirs])
            query = Rows(user[rows] - first, item[rows], np.zeros(len(rows), np.float32), items.x[item[rows]])
            answered = predictor.answer(part, query, end - first)
            # What is added to a base may lead beyond the scale.
            predicted[rows] = np.clip(answered, predictor.catalogue.low, predictor.catalogue.high)
        first = end
    return predicted


def average_rating(known: Catalogue) -> np.ndarray:
    """Average rating of every item by all users, ``[M]``; the middle of the scale where the model does not know it."""
    place = next((place for place, feature in enumerate(known.features) if feature.precise in AVERAGES), None)
    if place is None:
        return np.full(len(known.items), (known.low + known.high) / 2)
    averages = known.mean[place] + known.deviation[place] * known.item_x[:, place].astype(np.float64)
    return np.clip(averages, known.low, known.high)


def check_out(path: Path) -> None:
    """Refuse what is no name of a table.

    Raises:
        UserError: another ending than ``.csv``, or a folder.
    """
    if path.suffix != ".csv":
        raise UserError(f"{path}: the name must end in .csv")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet ratings predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a meta_ method")
    parser.add_argument("--ratings", type=Path, required=True, help="your users' ratings: CSV with user,item,rating")
    parser.add_argument(
        "--pairs", type=Path, help="what to predict: CSV with user,item; default: all they did not rate"
    )
    parser.add_argument(
        "--out", type=Path, help="write user,item,title,prediction,cold here (.csv); default: standard output"
    )
    parser.add_argument("--keep", choices=KEEP[1:], help="last: of two ratings of an item the last counts")
    parser.add_argument("--unknown", choices=UNKNOWN[1:], help="skip: leave out rows of items that the model lacks")


def run(arguments: argparse.Namespace) -> None:
    """Predict, and write the table or print it."""
    if arguments.out is not None:
        check_out(arguments.out)
    predictions = predict(
        arguments.ratings,
        model=arguments.model,
        pairs=arguments.pairs,
        keep=arguments.keep,
        unknown=arguments.unknown,
    )
    for note in predictions.notes:
        print(printable(note), file=sys.stderr)
    cold = predictions.table["user"][predictions.table["cold"]].unique()
    if len(cold):
        named = ", ".join(str(user)[:MOST_LETTERS] for user in cold[:MOST_NAMED])
        more = ", …" if len(cold) > MOST_NAMED else ""
        told = f"{counted(len(cold), 'user')} without ratings ({named}{more}): cold, predicted are the average ratings"
        print(printable(told), file=sys.stderr)
    if arguments.out is None:
        predictions.table.to_csv(sys.stdout, index=False)
        return
    predictions.save(arguments.out)
    rows, asked = len(predictions.table), predictions.table["user"].nunique()
    print(f"{counted(rows, 'rating')} of {counted(asked, 'user')} predicted: {arguments.out}")
