"""Use a trained hypernetwork on your own users: their ratings in, predictions of their trees out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.tools.given_ratings import Items, read_pairs, read_people
from hypernet.ratings.trained import open_trees


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
    """Grow a tree for every user of the table and predict."""
    import pandas as pd

    if arguments.out is not None and arguments.out.suffix != ".csv":
        raise UserError(f"{arguments.out}: the name must end in .csv")
    if arguments.out is not None and arguments.out.is_dir():
        raise UserError(f"{arguments.out}: this is a folder; name a file")
    model = open_trees(arguments.model)
    known = model.catalogue
    items = Items(known.items, known.titles, known.item_x)
    people, support = read_people(arguments.ratings, items, known.low, known.high)
    if arguments.pairs is None:
        rated = np.zeros((len(people), len(items)), dtype=bool)
        rated[support.user, support.item] = True
        user, item = np.nonzero(~rated)
    else:
        user, item = read_pairs(arguments.pairs, people, items)
    # Predictions are made user by user; the table keeps the order that was asked for.
    order = np.argsort(user, kind="stable")
    asked = Rows(user[order], item[order], np.zeros(len(user), np.float32), items.x[item[order]])
    predicted = np.empty(len(user))
    predicted[order] = model.answer(support, asked, len(people))
    table = pd.DataFrame(
        {"user": people[user], "item": items.ids[item], "title": items.titles[item], "prediction": predicted.round(3)}
    )
    if arguments.out is None:
        table.to_csv(sys.stdout, index=False)
        return
    write_table(arguments.out, table)
    print(f"{len(table)} ratings of {len(people)} users predicted: {arguments.out}")
