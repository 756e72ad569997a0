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
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.wording import counted, printable
from hypernet.ratings.tools.items import Items
from hypernet.ratings.tools.profiles import read_pairs, read_people
from hypernet.ratings.trained import MetaTreePredictor, open_trees

if TYPE_CHECKING:
    import pandas as pd

# Digits after the point of a prediction.
DIGITS = 3
# Predictions that are made without being asked for by name.
MOST_PREDICTIONS = 50_000_000


@dataclass(frozen=True)
class Predictions:
    """Predicted ratings of several people; made by ``hypernet.ratings.predict``.

    ``table`` has them, ``save(path)`` writes them as CSV.

    Attributes:
        table: columns ``user``, ``item`` (id), ``title`` and ``prediction`` (in the unit of the ratings).
        users: number of people for whom a tree was grown.
    """

    table: pd.DataFrame
    users: int

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
) -> Predictions:
    """Grow a decision tree for each of several people from their ratings, and predict others of their ratings.

    The people need not be known to the model.

        given = {"ann": {"film3": 5, "film9": 2}, "bob": {"film7": 1}}
        predicted = hypernet.ratings.predict(given, model="model.ckpt")
        predicted.table  # user, item, title, prediction
        predicted.save("predictions.csv")

    Args:
        ratings: a path to a CSV file or a pandas table with the columns ``user``, ``item`` (id or title) and
            ``rating``; or a dictionary ``{user: {item: rating}}``.
        model: ``model.ckpt`` of a meta_ method, or the model opened.
        pairs: what to predict: a path to a CSV file or a pandas table with the columns ``user`` and ``item``, or a
            list of ``(user, item)``; by default every item that a user did not rate.

    Returns:
        the predictions, in the order of ``pairs``; by default by user, then by item.

    Raises:
        UserError: a table or model cannot be read, an item or user is unknown, a rating is not on the scale, or there
            would be too many predictions.
    """
    import pandas as pd

    predictor = open_trees(model)
    known = predictor.catalogue
    items = Items.of(known)
    people, support = read_people(ratings, items, known.low, known.high)
    if pairs is None:
        if len(people) * len(items) > MOST_PREDICTIONS:
            raise UserError(
                f"{len(people)} users and {len(items)} items make more than {MOST_PREDICTIONS:,} predictions; "
                "say which (pairs)"
            )
        rated = np.zeros((len(people), len(items)), dtype=bool)
        rated[support.user, support.item] = True
        user, item = np.nonzero(~rated)
    else:
        user, item = read_pairs(pairs, people, items)
    # Predictions are made user by user; the table keeps the order that was asked for.
    order = np.argsort(user, kind="stable")
    asked = Rows(user[order], item[order], np.zeros(len(user), np.float32), items.x[item[order]])
    predicted = np.empty(len(user))
    predicted[order] = predictor.answer(support, asked, len(people))
    table = pd.DataFrame(
        {
            "user": people[user],
            "item": items.ids.astype(object)[item],
            "title": items.titles.astype(object)[item],
            "prediction": predicted.round(DIGITS),
        }
    )
    return Predictions(table, len(people))


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
        "--out", type=Path, help="write user,item,title,prediction here (.csv); default: standard output"
    )


def run(arguments: argparse.Namespace) -> None:
    """Predict, and write the table or print it."""
    if arguments.out is not None:
        check_out(arguments.out)
    predictions = predict(arguments.ratings, model=arguments.model, pairs=arguments.pairs)
    if arguments.out is None:
        predictions.table.to_csv(sys.stdout, index=False)
        return
    predictions.save(arguments.out)
    print(f"{len(predictions.table)} ratings of {predictions.users} users predicted: {arguments.out}")
