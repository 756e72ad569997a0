"""``hypernet ratings recommend``: a handful of your ratings in, what you will like out, with the reasons."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.counterfactuals import counterfactuals
from hypernet.ratings.core.explain import most_probable, reasons, tree_text
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.core.wording import shown
from hypernet.ratings.tools.given_ratings import Items, read_items, read_ratings
from hypernet.ratings.trained import MetaTreePredictor, open_trees

TOP = 10
# The feature that counts an item's ratings.
COUNT = "rating_count"
WIDEST_TITLE = 48


@dataclass(frozen=True)
class Grown:
    """A tree grown from one person's ratings, and what it says of every item.

    Attributes:
        forest: the tree alone.
        predicted: ratings of the M items, ``[M]``.
        leaf: the leaf to speak of, that reached or with soft routing the most probable one, ``[M]``.
        probability: that soft routing ends there, ``[M]``.
        predict: predictions of other rows, ``[N, D] -> [N]``; None with hard routing, where the tree says all.
    """

    forest: Forest
    predicted: np.ndarray
    leaf: np.ndarray
    probability: np.ndarray
    predict: Callable[[np.ndarray], np.ndarray] | None


def grow(model: MetaTreePredictor, items: Items, item: np.ndarray, rating: np.ndarray) -> Grown:
    """Grow a person's tree and predict all items, as the model was trained to: with hard or soft routing.

    Args:
        model: the hypernetwork.
        items: M items.
        item: numbers of those rated, ``[n]``; at least one.
        rating: their ratings, ``[n]``.
    """
    support = Rows(np.zeros(len(item), np.int64), item, rating.astype(np.float32), items.x[item])
    forest = model.forest(support, 1)
    probability = model.leaf_probabilities(support, items.x)
    everyone = np.arange(len(items))
    if model.hard:
        leaf = forest.leaves(np.zeros(len(items), np.int64), items.x)
        return Grown(forest, forest.value[leaf], leaf, probability[everyone, leaf], None)
    value = np.where(forest.feature == LEAF, forest.value, 0.0)

    def predict(x: np.ndarray) -> np.ndarray:
        return model.leaf_probabilities(support, x) @ value

    leaf, share = most_probable(forest, 0, probability)
    return Grown(forest, probability @ value, leaf, share, predict)


def ranking(model: MetaTreePredictor, items: Items, grown: Grown, rated: np.ndarray) -> np.ndarray:
    """Numbers of the unrated items, best first.

    A tree has few different predictions. Of equal ones the most rated item is first, where ratings are counted, then
    the one of which soft routing is surest, then the first of the catalogue.

    Args:
        model: the hypernetwork.
        items: M items.
        grown: the person's tree.
        rated: numbers of the items that the person rated.
    """
    names = [one.name for one in model.catalogue.features]
    count = items.x[:, names.index(COUNT)] if COUNT in names else np.zeros(len(items))
    order = np.lexsort((-grown.probability, -count, -grown.predicted))
    return order[~np.isin(order, rated)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet ratings recommend``."""
    parser.add_argument("ratings", type=Path, help="your ratings: CSV with item (id or title),rating")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a meta_ method")
    parser.add_argument("--items", type=Path, help="more items: CSV with item,title and columns named as the features")
    parser.add_argument("--top", type=_count, help=f"how many to recommend; default: {TOP}")
    parser.add_argument("--explain", action="store_true", help="print your tree, and what would change each prediction")
    parser.add_argument("--precise", action="store_true", help='"average rating > 3.62" in place of "high ratings"')
    parser.add_argument("--page", type=Path, help="write a page on which you can change the tree's rules, .html")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Grow the tree, print the best items, write the page."""
    if arguments.page is not None and arguments.page.suffix not in (".html", ".htm"):
        raise UserError(f"{arguments.page}: the name must end in .html")
    if arguments.page is not None and arguments.page.is_dir():
        raise UserError(f"{arguments.page}: this is a folder; name a file")
    model = open_trees(arguments.model)
    known = model.catalogue
    if arguments.page is not None and not model.hard:
        raise UserError(
            f"--page: {arguments.model} routes softly and a page shows one path; give a model of meta_*_hard"
        )
    items = Items(known.items, known.titles, known.item_x)
    if arguments.items is not None:
        items = read_items(arguments.items, items, known.features, known.mean, known.deviation)
    item, rating = read_ratings(arguments.ratings, items, known.low, known.high)
    unrated = len(items) - len(item)
    if not unrated:
        raise UserError(f"{arguments.ratings}: all {len(items)} items are rated; add others with --items")
    if arguments.top is not None and arguments.top > unrated:
        raise UserError(f"--top {arguments.top}: {unrated} items are unrated; from 1 to {unrated} is accepted")
    grown = grow(model, items, item, rating)
    order = ranking(model, items, grown, item)
    top = min(arguments.top or TOP, unrated)
    plural = "" if len(item) == 1 else "s"
    print(f"{known.title}: a tree from {len(item)} rating{plural}, on a scale from {known.low:g} to {known.high:g}")
    if arguments.explain:
        print(f"\n{tree_text(grown.forest, 0, known, arguments.precise)}")
        if not model.hard:
            print("(soft routing: a prediction is the mean of all leaves, each with its probability)")
    print()
    for line in lines(model, items, grown, order[:top], arguments.explain, arguments.precise):
        print(line)
    if arguments.page is not None:
        # Imported here: only a page needs it.
        from hypernet.ratings.tools.userpage import write_user_page

        write_user_page(arguments.page, grown.forest, 0, known, items, item, rating, order, top)
        print(f"\n{arguments.page}")


def lines(
    model: MetaTreePredictor, items: Items, grown: Grown, chosen: np.ndarray, explain: bool, precise: bool
) -> list[str]:
    """The chosen items with their predictions and reasons, a line each.

    Args:
        model: the hypernetwork.
        items: all items.
        grown: the person's tree.
        chosen: numbers of items, in the order wanted.
        explain: whether a second line says what would change the prediction.
        precise: with the numbers of the thresholds.
    """
    why = reasons(grown.forest, 0, model.catalogue, precise)
    titles = [_clipped(str(items.titles[one])) for one in chosen]
    width = max(len(title) for title in titles)
    places = len(str(len(chosen)))
    said = []
    for place, (number, title) in enumerate(zip(chosen, titles, strict=True), start=1):
        text = why[int(grown.leaf[number])].text
        if not model.hard:
            text += f" (with probability {grown.probability[number]:.2f})"
        value = shown(float(grown.predicted[number]), 1)
        said.append(f"{place:>{places}}  {value}  {title:<{width}}  {text}".rstrip())
        if explain:
            flips = counterfactuals(grown.forest, 0, items.x[number], model.catalogue, items.x, grown.predict, precise)
            change = next((one.text for one in flips if shown(one.value, 1) != value), "no one change would alter it")
            said.append(f"{'':{places}}  {'':{len(value)}}  {change}")
    return said


def _clipped(title: str) -> str:
    return title if len(title) <= WIDEST_TITLE else f"{title[: WIDEST_TITLE - 1]}…"
