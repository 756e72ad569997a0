"""Pictures that look into the trained hypernetworks: what they ask, of whom, and how far their trees can be trusted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from hypernet.lab.results import figures
from hypernet.ratings.baselines.base import clipped_rmse
from hypernet.ratings.core.asked import asked_counts
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.plots.tree_pictures import draw_tree
from hypernet.ratings.trained import BaselinePredictor, MetaTreePredictor, SetPredictor

# The method whose network is portrayed: fixed structure and hard routing.
PORTRAYED = "meta_fixed_hard"
# The methods of which a picture shows something.
SHOWN = (
    PORTRAYED,
    "meta_fixed_soft",
    "meta_dynamic_soft",
    "meta_dynamic_hard",
    "meta_explained_soft",
    "meta_explained_hard",
    "global_tree",
    "local_trees",
    "local_trees_tuned",
    "greedy_residual",
)
# The methods with a tree for each user whose questions are counted.
ASKING = ("local_trees_tuned", "greedy_residual", PORTRAYED, "meta_dynamic_hard", "meta_explained_hard")
MOST_ATTRIBUTES = 8
DEPTHS = range(1, 7)
# Levels of rules that can be read in a picture of this size.
DEEPEST = 4
TENTHS = 10


@dataclass(frozen=True)
class Sitter:
    """What the pictures are made of.

    Attributes:
        data: the data set.
        models: trained models of one seed by method; :data:`PORTRAYED` is among them.
        titles: names of methods for people.
    """

    data: RatingData
    models: Mapping[str, SetPredictor | BaselinePredictor]
    titles: Mapping[str, str]

    @property
    def hard(self) -> MetaTreePredictor:
        """The network with a fixed structure and hard routing."""
        model = self.models[PORTRAYED]
        assert isinstance(model, MetaTreePredictor)
        return model

    @cached_property
    def user(self) -> int:
        """The user shown: whose tree asks about the most attributes, and of those the one with most ratings."""
        forest = _grown(self.hard, self.data)
        asked = np.array([len(forest.features_used(user)) for user in range(len(self.data.users))])
        given = np.bincount(self.data.train.user, minlength=len(self.data.users))
        return int(np.lexsort((given, asked))[-1])


def draw_portraits(sitter: Sitter | None, out: Path) -> None:
    """Draw the pictures that need a trained hypernetwork; without one they say so.

    Args:
        sitter: the data set and the models.
        out: folder for the pictures.
    """
    for name, picture in PICTURES.items():
        if sitter is None:
            figure = figures.nothing_to_show("No meta tree with hard routing among the runs")
        else:
            figure = picture(sitter)
            if name not in ("sample_trees", "user_tree", "truth"):
                figure.suptitle(sitter.data.title, fontsize=11)
        figures.save(figure, out, name)


def _grown(model: MetaTreePredictor, data: RatingData) -> Forest:
    return model.forest(model.training_rows(data), len(data.users))


def _trees(
    titles_and_trees: list[tuple[str, Forest, int]], data: RatingData, user: int, precise: bool = False
) -> Figure:
    count = len(titles_and_trees)
    figure, axes = plt.subplots(count, 1, figsize=(11, 4.3 * count), squeeze=False)
    for panel, (title, forest, tree) in zip(axes.flat, titles_and_trees, strict=True):
        draw_tree(panel, forest, tree, data, precise=precise, deepest=DEEPEST, user=data.user_x[user])
        panel.set_title(title)
    return figure


def _sample_trees(sitter: Sitter) -> Figure:
    data, user = sitter.data, sitter.user
    shown: list[tuple[str, Forest, int]] = []
    for method, title in (
        ("global_tree", "One tree for everybody (at most four levels of it)"),
        ("meta_fixed_hard", "This user's tree, fixed"),
        ("meta_dynamic_hard", "This user's tree, dynamic"),
        ("meta_explained_hard", "This user's tree of what others' ratings and the user's level leave over"),
    ):
        model = sitter.models.get(method)
        if isinstance(model, MetaTreePredictor):
            shown.append((title, _grown(model, data), user))
        elif isinstance(model, BaselinePredictor) and (tree := model.fitted.user_trees(np.array([user]))) is not None:
            shown.append((title, tree, 0))
    return _trees(shown, data, user)


def _user_tree(sitter: Sitter) -> Figure:
    data, user = sitter.data, sitter.user
    return _trees([(f"User {data.users[user]}", _grown(sitter.hard, data), user)], data, user, precise=True)


def _truth(sitter: Sitter) -> Figure:
    data = sitter.data
    if data.truth is None:
        return figures.nothing_to_show("The true trees are known for generated data only")
    user = sitter.user
    rated = data.train.x[data.train.user == user]
    pair = [
        ("The truth", data.truth.forest.counting(user, rated), user),
        ("Grown from the user's ratings", _grown(sitter.hard, data), user),
    ]
    return _trees(pair, data, user)


def _attributes(sitter: Sitter) -> Figure:
    data, forest = sitter.data, _grown(sitter.hard, sitter.data)
    names = np.array([feature.precise for feature in data.features])
    by_depth = []
    level = forest.root
    while len(level):
        level = level[forest.feature[level] != LEAF]
        if not len(level):
            break
        by_depth.append(np.bincount(forest.feature[level], minlength=len(names)) / len(level))
        level = np.concatenate([forest.left[level], forest.right[level]])
    shares = np.array(by_depth)
    order = np.argsort(-shares[0])
    figure, (first, rest) = plt.subplots(1, 2, figsize=(10.5, 4.4), width_ratios=[1.25, 1])
    shown = order[: 2 * MOST_ATTRIBUTES][::-1]
    first.barh(range(len(shown)), 100 * shares[0][shown], color=figures.COLOURS[0])
    if data.truth is not None:
        true = np.bincount(data.truth.forest.feature[data.truth.forest.root], minlength=len(names)) / len(data.users)
        first.plot(100 * true[shown], range(len(shown)), "D", ms=6, mfc="white", mec="black", label="True trees")
        first.legend(loc="lower right")
    first.set_yticks(range(len(shown)), names[shown], fontsize=8)
    first.set_xlabel("Users whose first rule asks about it (%)")
    first.grid(False, axis="y")
    most = np.argsort(-shares.sum(axis=0))[: MOST_ATTRIBUTES - 1]
    bottom = np.zeros(len(shares))
    for colour, feature in zip(figures.COLOURS, most, strict=False):
        rest.bar(range(1, len(shares) + 1), 100 * shares[:, feature], 0.7, bottom, color=colour, label=names[feature])
        bottom += 100 * shares[:, feature]
    rest.bar(range(1, len(shares) + 1), 100 - bottom, 0.7, bottom, color="0.85", label="All others")
    rest.set_xticks(range(1, len(shares) + 1))
    rest.set_xlabel("Depth of the rule in the tree (1: root)")
    rest.set_ylabel("Share of the rules (%)")
    rest.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def _asked(sitter: Sitter) -> Figure:
    """Which attributes the rules ask about that decide something, and how many a tree asks about."""
    data, width = sitter.data, len(sitter.data.features)
    trees: dict[str, np.ndarray] = {}
    if data.truth is not None:
        trees["True trees"] = asked_counts(data.truth.forest, data.item_x, width)
    for method in ASKING:
        model = sitter.models.get(method)
        if isinstance(model, MetaTreePredictor):
            trees[sitter.titles[method]] = asked_counts(_grown(model, data), model.item_x, width)
        elif isinstance(model, BaselinePredictor) and (forest := model.fitted.user_trees()) is not None:
            trees[sitter.titles[method]] = asked_counts(forest, model.fitted.reads(data.item_x), width)
    shares = np.array([counts.sum(axis=0) / max(counts.sum(), 1) for counts in trees.values()])
    numbers = [(counts > 0).sum(axis=1) for counts in trees.values()]
    most = np.argsort(-shares.sum(axis=0), kind="stable")[: MOST_ATTRIBUTES - 1]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12.5, 1.6 + 0.55 * len(trees)), width_ratios=[1.5, 1], sharey=True, layout="constrained"
    )
    places, end = np.arange(len(trees))[::-1], np.zeros(len(trees))
    for colour, feature in zip(figures.COLOURS, most, strict=False):
        name = data.features[feature].precise
        left.barh(places, 100 * shares[:, feature], 0.7, end, color=colour, label=name)
        end += 100 * shares[:, feature]
    rest = 100 * shares.sum(axis=1) - end
    left.barh(places, rest, 0.7, end, color="0.85", label="All others")
    left.set_yticks(places, list(trees), fontsize=8)
    left.set_xlim(0, 100)
    left.set_xlabel("Share of the rules that decide something (%)")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=4, fontsize=8)
    largest = max(int(number.max()) for number in numbers)
    shades = np.linspace(0.92, 0.25, largest + 1)
    end = np.zeros(len(trees))
    for asked in range(largest + 1):
        part = np.array([100 * (number == asked).mean() for number in numbers])
        right.barh(places, part, 0.7, end, color=str(shades[asked]), label=str(asked))
        end += part
    for place, number in zip(places, numbers, strict=True):
        right.text(101, place, f"mean {number.mean():.1f}", va="center", fontsize=8)
    right.set_xlim(0, 100)
    right.set_xlabel("Users, by the number of attributes that their tree asks about (%)")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=largest + 1, fontsize=8)
    for axes in (left, right):
        axes.grid(False, axis="y")
    return figure


def _style(number: int) -> dict[str, Any]:
    """Colour and marker of soft (0) and hard routing (1), and of the two of trees on a base."""
    return {"color": figures.COLOURS[(0, 4, 2, 3)[number]], "marker": figures.MARKERS[number]}


def _calibration(sitter: Sitter) -> Figure:
    data = sitter.data
    figure, axes = plt.subplots(figsize=(5.4, 4.6))
    for number, method in enumerate(
        ("meta_fixed_soft", "meta_fixed_hard", "meta_explained_soft", "meta_explained_hard")
    ):
        if method not in sitter.models:
            continue
        predicted = np.clip(sitter.models[method].test(data), data.low, data.high)
        parts = np.array_split(np.argsort(predicted, kind="stable"), TENTHS)
        means = np.array([[predicted[part].mean(), data.test.rating[part].mean()] for part in parts])
        spread = [1.96 * data.test.rating[part].std() / np.sqrt(len(part)) for part in parts]
        style = _style(number) | {"ms": 5, "capsize": 2}
        axes.errorbar(means[:, 0], means[:, 1], yerr=spread, label=sitter.titles[method], **style)
    ends = [data.low, data.high]
    axes.plot(ends, ends, "--", color="0.5", zorder=1, label="Perfectly calibrated")
    axes.set_xlabel(f"Predicted rating ({data.unit}, mean of each tenth)")
    axes.set_ylabel(f"Observed rating ({data.unit}, mean and 95 % interval)")
    axes.legend()
    return figure


def _depth(sitter: Sitter) -> Figure:
    data = sitter.data
    figure, axes = plt.subplots(figsize=(5.8, 4.4))
    for number, method in enumerate(("meta_fixed_soft", "meta_fixed_hard")):
        model = sitter.models.get(method)
        if not isinstance(model, MetaTreePredictor):
            continue
        # One f and one g serve nodes of every depth, so the same network grows trees of any.
        other, trained = copy.deepcopy(model), cast("int", model.tree.depth)
        depths, errors = sorted({*DEPTHS, trained}), []
        for depth in depths:
            other.tree.depth = depth
            errors.append(clipped_rmse(other.test(data), data.test.rating, data.low, data.high))
        style = _style(number)
        axes.plot(depths, errors, label=sitter.titles[method], **style)
        axes.plot(trained, errors[depths.index(trained)], "o", ms=13, mfc="none", mec=style["color"])
    for method, dashes in (("local_trees", ":"), ("local_trees_tuned", "--")):
        if method in sitter.models:
            error = float(clipped_rmse(sitter.models[method].test(data), data.test.rating, data.low, data.high))
            axes.axhline(error, color=figures.COLOURS[2], ls=dashes, label=sitter.titles[method])
    axes.set_xlabel("Depth of the grown trees (ring: depth in training)")
    axes.set_ylabel(f"RMSE on test ratings ({data.unit})")
    axes.legend()
    return figure


def _embedding(sitter: Sitter) -> Figure:
    data = sitter.data
    r_all = sitter.hard.summaries(sitter.hard.training_rows(data), len(data.users))
    centred = r_all - r_all.mean(axis=0)
    _, strength, directions = np.linalg.svd(centred, full_matrices=False)
    place = centred @ directions[:2].T
    favourite = _favourites(data)
    figure, axes = plt.subplots(figsize=(7.4, 5.2))
    common = np.bincount(favourite, minlength=len(data.features)).argsort()[::-1][: MOST_ATTRIBUTES - 1]
    rest = ~np.isin(favourite, common)
    axes.scatter(place[rest, 0], place[rest, 1], s=9, color="0.85", label="Another")
    for colour, marker, feature in zip(figures.COLOURS, figures.MARKERS, common, strict=False):
        chosen = favourite == feature
        if chosen.any():
            label = data.features[feature].precise
            axes.scatter(
                place[chosen, 0], place[chosen, 1], s=14, color=colour, marker=marker, lw=0, alpha=0.8, label=label
            )
    share = 100 * strength**2 / (strength**2).sum()
    axes.set_xlabel(f"First principal component of r_all ({share[0]:.0f} % of variance)")
    axes.set_ylabel(f"Second principal component ({share[1]:.0f} % of variance)")
    axes.legend(title="Favourite attribute", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def _favourites(data: RatingData) -> np.ndarray:
    """The item attribute with the largest covariance with each user's ratings, ``[U]``."""
    rows, users = data.train, len(data.users)
    count = np.bincount(rows.user, minlength=users)
    mean = np.bincount(rows.user, rows.rating, users) / count
    centred = rows.rating - mean[rows.user]
    favour = np.full((users, len(data.features)), -np.inf)
    for number, feature in enumerate(data.features):
        if feature.of == "item":
            favour[:, number] = np.bincount(rows.user, centred * rows.x[:, number], users) / count
    favourites: np.ndarray = favour.argmax(axis=1)
    return favourites


PICTURES: dict[str, Callable[[Sitter], Figure]] = {
    "sample_trees": _sample_trees,
    "user_tree": _user_tree,
    "truth": _truth,
    "attributes": _attributes,
    "asked": _asked,
    "calibration": _calibration,
    "depth": _depth,
    "embedding": _embedding,
}
