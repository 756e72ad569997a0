"""A handful of a person's ratings in, what the person will like out, with the reasons."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.options import whole_number
from hypernet.ratings.core.catalogue import Catalogue
from hypernet.ratings.core.counterfactuals import Counterfactual, counterfactuals
from hypernet.ratings.core.explain import reasons, tree_text, with_base
from hypernet.ratings.core.readable import told_apart
from hypernet.ratings.core.wording import counted, decimals, printable, shown
from hypernet.ratings.growing import MetaTreePredictor
from hypernet.ratings.sources.lookup import MOST_LETTERS
from hypernet.ratings.tools.items import Items, add_items
from hypernet.ratings.tools.person import Grown, grow, nobody_rated, ranking, tie_breaker
from hypernet.ratings.tools.profiles import KEEP, UNKNOWN, read_ratings
from hypernet.ratings.trained import open_trees

if TYPE_CHECKING:
    import pandas as pd

TOP = 10
WIDEST_TITLE = 48
UNCHANGED = "no one change would alter it"
PAGES = (".html", ".htm")


@dataclass(frozen=True)
class Recommendations:
    """What a person will like, and why; made by ``hypernet.ratings.recommend``.

    ``table`` has a row per recommended item with its prediction, reason and change; ``tree`` is the person's tree in
    words, ``reasons`` and ``changes`` the last two columns, ``text()`` what the command prints (``print`` shows it) and
    ``write_page(path)`` writes a page that opens in a browser.

    Attributes:
        model: the hypernetwork.
        catalogue: what it knows of the data, with the items that were added.
        items: M items that could be rated or recommended.
        item: numbers of those that the person rated, ``[n]``.
        rating: their ratings, ``[n]``.
        grown: the person's tree, and its predictions of all items.
        order: numbers of all unrated items, best first.
        top: how many of them are recommended.
        explain: whether the text has the tree and what would change each prediction.
        precise: whether rules are worded with the numbers of their thresholds.
    """

    model: MetaTreePredictor
    catalogue: Catalogue
    items: Items
    item: np.ndarray
    rating: np.ndarray
    grown: Grown
    order: np.ndarray
    top: int
    explain: bool
    precise: bool

    def __repr__(self) -> str:
        rated = counted(len(self.item), "rating")
        return f"Recommendations({self.top} of {len(self.order)} unrated items, from {rated}, {self.model.method})"

    def __str__(self) -> str:
        return self.text()

    @cached_property
    def reasons(self) -> list[str]:
        """Why each recommended item is predicted its rating, e.g. "High ratings, not action"."""
        by_leaf, scale = (
            reasons(self.grown.read, 0, self.catalogue, self.precise),
            (self.catalogue.low, self.catalogue.high),
        )
        told = []
        for number in self.order[: self.top]:
            reason = by_leaf[int(self.grown.leaf[number])]
            unknown = self.items.not_known(number)
            if self.grown.base is None:
                told.append(reason.told(self.catalogue, unknown))
                continue
            others, person = (float(part[number]) for part in self.grown.base)
            # Soft routing adds a mean of leaves, hard routing what stands at the leaf.
            added = reason.value if self.model.hard else float(self.grown.predicted[number]) - others - person
            unrated = nobody_rated(self.items.x[number])
            told.append(with_base(reason.phrase(self.catalogue, unknown), added, (others, person), scale, unrated))
        return told

    @cached_property
    def changes(self) -> list[str]:
        """What would change the prediction of each recommended item, e.g. "would be 4.7 if it were action"."""
        changes = []
        for number in self.order[: self.top]:
            x, grown = self.items.x[number], self.grown
            value = float(np.clip(grown.predicted[number], self.catalogue.low, self.catalogue.high))
            unknown = self.items.not_known(number)
            flips = counterfactuals(grown.read, 0, x, self.catalogue, grown.predict, self.precise, unknown)
            wanted = (
                flip.text for flip in flips if told_apart(flip.value, value, self._digits) and self._holds(flip, x)
            )
            changes.append(next(wanted, UNCHANGED))
        return changes

    def _holds(self, flip: Counterfactual, x: np.ndarray) -> bool:
        """Whether the tree as grown predicts the same of the changed item, which may be unlike any there is."""
        if self.grown.predict is not None:
            return True
        changed = x[None].copy()
        changed[0, flip.feature] = flip.changed
        value = self.grown.forest.predict(np.zeros(1, np.int64), changed)[0]
        value = float(np.clip(value, self.catalogue.low, self.catalogue.high))
        return shown(value, self._digits) == shown(flip.value, self._digits)

    @property
    def _digits(self) -> int:
        return decimals(self.catalogue.low, self.catalogue.high)

    @cached_property
    def tree(self) -> str:
        """The person's tree as indented text, with the number of the person's ratings at every node."""
        return tree_text(self.grown.forest, 0, self.catalogue, self.precise, items=self.items.x)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The recommended items, best first.

        Columns ``item`` (id), ``title``, ``prediction`` (in the unit of the ratings), ``probability`` (with which soft
        routing comes where the item's own answers lead, of which the reason speaks), ``reason`` and ``change``.
        """
        import pandas as pd

        chosen = self.order[: self.top]
        return pd.DataFrame(
            {
                "item": self.items.ids[chosen].astype(object),
                "title": self.items.titles[chosen].astype(object),
                "prediction": np.clip(self.grown.predicted[chosen], self.catalogue.low, self.catalogue.high),
                "probability": self.grown.probability[chosen],
                "reason": self.reasons,
                "change": self.changes,
            }
        )

    def text(self) -> str:
        """What `hypernet ratings recommend` prints: the recommended items with predictions and reasons."""
        known, count = self.catalogue, counted(len(self.item), "rating")
        lines = [f"{known.title}: a tree from {count}, on a scale from {known.low:g} to {known.high:g}"]
        if self.explain:
            lines += ["", *self.tree.splitlines()]
            if not self.model.hard:
                lines.append("(soft routing: a prediction is the mean of all leaves, each with its probability)")
        return "\n".join(printable(line) for line in [*lines, "", *self._item_lines(), *self._tie()])

    def _item_lines(self) -> list[str]:
        """The recommended items, a line each, and with ``explain`` a second line for what would change each."""
        table = self.table
        titles = [_clipped(title) for title in table["title"]]
        width, places = max(len(title) for title in titles), len(str(len(titles)))
        lines = []
        for place, (row, title) in enumerate(zip(table.itertuples(), titles, strict=True)):
            reason = row.reason
            if not self.model.hard:
                reason += f" (with probability {row.probability:.2f})"
            value = shown(float(row.prediction), self._digits)
            lines.append(f"{place + 1:>{places}}  {value}  {title:<{width}}  {reason}".rstrip())
            if self.explain:
                lines.append(f"{'':{places}}  {'':{len(value)}}  {row.change}")
        return lines

    def _tie(self) -> list[str]:
        """A line on how items of the very same prediction are ordered, where the last of the list has such a one."""
        last = self.grown.predicted[self.order[self.top - 1]]
        alike = self.grown.predicted[self.order] == last
        above = int((~alike[: self.top]).sum())
        if alike.sum() < 2:
            return []
        first, how = above + 1, tie_breaker(self.catalogue)[1]
        return [f"({alike.sum()} items have the prediction of number {first}; {how})"]

    def write_page(self, path: str | Path) -> None:
        """Write a page on which the person can change the tree's rules and see the predictions follow.

        Args:
            path: the file, ``.html``; it needs no network.

        Raises:
            UserError: another ending, a folder, or a model with soft routing, of which a page cannot show one path.
        """
        # Imported here: only a page needs it.
        from hypernet.ratings.tools.userpage import write_user_page

        path = Path(path)
        check_page(path)
        check_hard(self.model)
        write_user_page(
            path,
            self.grown.read,
            0,
            self.catalogue,
            self.items,
            self.item,
            self.rating,
            self.order,
            self.top,
        )


def recommend(
    ratings: str | Path | pd.DataFrame | Mapping[str, float] | pd.Series[float] | Sequence[tuple[str, float]],
    *,
    model: str | Path | MetaTreePredictor,
    items: str | Path | pd.DataFrame | None = None,
    top: int | None = None,
    explain: bool = False,
    precise: bool = False,
    keep: str | None = None,
    unknown: str | None = None,
) -> Recommendations:
    """Grow a person's decision tree from a handful of ratings and recommend what it predicts highest.

    The tree comes in one forward pass of the hypernetwork; the person need not be known to it.

        mine = {"Film 3 (1966)": 5, "film10": 1, "film50": 4}
        best = hypernet.ratings.recommend(mine, model="model.ckpt", top=5, explain=True)
        print(best.text())
        best.table  # item, title, prediction, probability, reason, change
        best.write_page("me.html")

    Args:
        ratings: a path to a CSV file or a pandas table with the columns ``item`` (id or title) and ``rating``; or a
            dictionary or pandas Series ``{item: rating}``, or a list of ``(item, rating)``. One person's: at least one
            rating, on the scale of the model's data. For several people there is ``hypernet.ratings.predict``.
        model: ``model.ckpt`` of a meta_ method, or the model opened.
        items: more items than those that the model was trained on: a path to a CSV file or a pandas table with the
            columns ``item``, perhaps ``title``, and any that are named as the items' features.
        top: how many to recommend; by default ten, or as many as are unrated.
        explain: whether the text has the tree, and what would change each prediction.
        precise: "average rating > 3.62" in place of "high ratings".
        keep: ``"last"`` where an item may be rated twice and the last rating counts: the latest where there is a column
            ``timestamp``, else the later in the table.
        unknown: ``"skip"`` where ratings of items that the model does not know are left out, and noted.

    Returns:
        the recommendations, with the tree and the reasons.

    Raises:
        UserError: a table or model cannot be read, has ratings of several users, an item is unknown, a rating is not on
            the scale, or fewer items are unrated than asked for.
    """
    predictor = open_trees(model)
    known = predictor.catalogue
    available = Items.of(predictor)
    if items is not None:
        available = add_items(items, available, predictor)
        known = replace(
            known, items=available.ids, titles=available.titles, item_x=available.x, unknown=available.unknown
        )
    item, rating, notes = read_ratings(ratings, available, known.low, known.high, keep, unknown)
    available = replace(available, notes=(*available.notes, *notes))
    unrated = len(available) - len(item)
    if not unrated:
        name = ratings if isinstance(ratings, str | Path) else "ratings"
        raise UserError(f"{name}: all {len(available)} items are rated, none is left to recommend; add others (items)")
    if top is not None and (isinstance(top, bool) or not isinstance(top, int | np.integer)):
        raise UserError(
            f"top: {' '.join(repr(top).split())[:MOST_LETTERS]} is no whole number; accepted: 1 to {unrated}"
        )
    if top is not None and not 1 <= top <= unrated:
        raise UserError(f"top {top}: {unrated} items are unrated; accepted: 1 to {unrated}")
    grown = grow(predictor, known, available, item, rating)
    order = ranking(known, available, grown, item)
    count = int(min(top or TOP, unrated))
    return Recommendations(predictor, known, available, item, rating, grown, order, count, explain, precise)


def check_page(path: Path) -> None:
    """Refuse what is no name of a page.

    Raises:
        UserError: another ending than ``.html``, or a folder.
    """
    if path.suffix not in PAGES:
        raise UserError(f"{path}: the name must end in .html")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")


def check_hard(model: MetaTreePredictor, name: str | Path = "model") -> None:
    """Refuse a model of whose predictions a page cannot show the path.

    Raises:
        UserError: it routes softly.
    """
    if not model.hard:
        raise UserError(f"{name}: it routes softly and a page shows one path; give a model of meta_*_hard")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet ratings recommend``."""
    parser.add_argument("ratings", type=Path, help="your ratings: CSV with item (id or title),rating")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a meta_ method")
    parser.add_argument("--items", type=Path, help="more items: CSV with item,title and columns named as the features")
    parser.add_argument("--top", type=whole_number(1), help=f"how many to recommend; default: {TOP}")
    parser.add_argument("--explain", action="store_true", help="print your tree, and what would change each prediction")
    parser.add_argument("--precise", action="store_true", help='"average rating > 3.62" in place of "high ratings"')
    parser.add_argument("--keep", choices=KEEP[1:], help="last: of two ratings of an item the last counts")
    parser.add_argument("--unknown", choices=UNKNOWN[1:], help="skip: leave out ratings of items that the model lacks")
    parser.add_argument("--page", type=Path, help="write a page on which you can change the tree's rules, .html")


def run(arguments: argparse.Namespace) -> None:
    """Recommend, print, and write the page where one is asked for."""
    model = arguments.model
    if arguments.page is not None:
        check_page(arguments.page)
        model = open_trees(arguments.model)
        check_hard(model, arguments.model)
    best = recommend(
        arguments.ratings,
        model=model,
        items=arguments.items,
        top=arguments.top,
        explain=arguments.explain,
        precise=arguments.precise,
        keep=arguments.keep,
        unknown=arguments.unknown,
    )
    for note in best.items.notes:
        print(printable(note), file=sys.stderr)
    if arguments.page is not None:
        best.write_page(arguments.page)
    print(best.text())
    if arguments.page is not None:
        print(f"\n{arguments.page}")


def _clipped(title: str) -> str:
    return title if len(title) <= WIDEST_TITLE else f"{title[: WIDEST_TITLE - 1]}…"
