"""Pictures that look into the trained hypernetworks: what they ask, of whom, and how far their trees can be trusted."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from hypernet.lab.results import figures
from hypernet.ratings.baselines.arrays import clipped_rmse
from hypernet.ratings.batches import as_ratings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.methods import TITLES
from hypernet.ratings.names import dataset_title
from hypernet.ratings.plots.tree_pictures import draw_tree
from hypernet.ratings.trained import BaselinePredictor, MetaTreePredictor, open_model

PREPARED = Path("data/processed/ratings")
MOST_ATTRIBUTES = 8
DEPTHS = range(1, 7)
# Levels of rules that can be read in a picture of this size.
DEEPEST = 4
TENTHS = 10


@dataclass(frozen=True)
class Sitter:
    """The data set and trained models of which the pictures are made: those of one seed, by method."""

    data: RatingData
    models: dict[str, MetaTreePredictor | BaselinePredictor]

    @property
    def hard(self) -> MetaTreePredictor:
        """The network with a fixed structure and hard routing."""
        return self.models["meta_fixed_hard"]

    @cached_property
    def user(self) -> int:
        """The user shown: whose tree asks about the most attributes, and of those the one with most ratings."""
        forest = _grown(self.hard, self.data)
        asked = np.array([len(forest.features_used(user)) for user in range(len(self.data.users))])
        given = np.bincount(self.data.train.user, minlength=len(self.data.users))
        return int(np.lexsort((given, asked))[-1])


def draw_portraits(records: Sequence[dict], out: Path) -> None:
    """Draw the pictures that need a trained hypernetwork, of the first data set and seed that have one.

    Args:
        records: ``run.json`` of every run, with its ``folder``.
        out: folder for the pictures.
    """
    pictures = {
        "sample_trees": _sample_trees,
        "user_tree": _user_tree,
        "truth": _truth,
        "attributes": _attributes,
        "calibration": _calibration,
        "depth": _depth,
        "embedding": _embedding,
    }
    first = next((one for one in records if one["method"] == "meta_fixed_hard"), None)
    if first is None:
        for name in pictures:
            figures.save(figures.nothing_to_show("No meta tree with hard routing among the runs"), out, name)
        return
    beside = [one for one in records if (one["dataset"], one["seed"]) == (first["dataset"], first["seed"])]
    wanted = [*(method for method in TITLES if method.startswith("meta_")), "global_tree", "local_trees"]
    models = {one["method"]: open_model(one["folder"] / "model.ckpt") for one in beside if one["method"] in wanted}
    sitter = Sitter(RatingData.load(PREPARED / first["dataset"]), models)
    for name, picture in pictures.items():
        figure = picture(sitter)
        if name not in ("sample_trees", "user_tree", "truth"):
            figure.suptitle(dataset_title(first["dataset"]), fontsize=11)
        figures.save(figure, out, name)


def _grown(model: MetaTreePredictor, data: RatingData) -> Forest:
    return model.forest(data.train, len(data.users))


def _trees(titles_and_trees: list[tuple[str, Forest, int]], data: RatingData, precise: bool = False) -> Figure:
    count = len(titles_and_trees)
    figure, axes = plt.subplots(count, 1, figsize=(11, 4.3 * count), squeeze=False)
    for one, (title, forest, tree) in zip(axes.flat, titles_and_trees, strict=True):
        draw_tree(one, forest, tree, data, precise=precise, deepest=DEEPEST)
        one.set_title(title)
    return figure


def _sample_trees(sitter: Sitter) -> Figure:
    data, user = sitter.data, sitter.user
    shown = []
    for method, title in (
        ("global_tree", "One tree for everybody (at most four levels of it)"),
        ("meta_fixed_hard", "This user's tree, fixed"),
        ("meta_dynamic_hard", "This user's tree, dynamic"),
    ):
        model = sitter.models.get(method)
        if isinstance(model, MetaTreePredictor):
            shown.append((title, _grown(model, data), user))
        elif model is not None:
            shown.append((title, model.fitted.user_trees(np.array([user])), 0))
    return _trees(shown, data)


def _user_tree(sitter: Sitter) -> Figure:
    data, user = sitter.data, sitter.user
    return _trees([(f"User {data.users[user]}", _grown(sitter.hard, data), user)], data, precise=True)


def _truth(sitter: Sitter) -> Figure:
    data = sitter.data
    if data.truth is None:
        return figures.nothing_to_show("The true trees are known for generated data only")
    user = sitter.user
    own = data.train.x[data.train.user == user]
    pair = [
        ("The truth", data.truth.forest.counting(user, own), user),
        ("Grown from the user's ratings", _grown(sitter.hard, data), user),
    ]
    return _trees(pair, data)


def _attributes(sitter: Sitter) -> Figure:
    data, forest = sitter.data, _grown(sitter.hard, sitter.data)
    names = np.array([one.precise for one in data.features])
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
        first.plot(100 * true[shown], range(len(shown)), "D", ms=6, mfc="white", mec="black", label="true trees")
        first.legend(loc="lower right")
    first.set_yticks(range(len(shown)), names[shown], fontsize=8)
    first.set_xlabel("Users whose tree asks it first (%)")
    first.grid(False, axis="y")
    most = np.argsort(-shares.sum(axis=0))[: MOST_ATTRIBUTES - 1]
    bottom = np.zeros(len(shares))
    for colour, feature in zip(figures.COLOURS, most, strict=False):
        rest.bar(range(1, len(shares) + 1), 100 * shares[:, feature], 0.7, bottom, color=colour, label=names[feature])
        bottom += 100 * shares[:, feature]
    rest.bar(range(1, len(shares) + 1), 100 - bottom, 0.7, bottom, color="0.85", label="all others")
    rest.set_xticks(range(1, len(shares) + 1))
    rest.set_xlabel("Depth of the rule (1: the first question)")
    rest.set_ylabel("Share of the rules (%)")
    rest.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure


def _calibration(sitter: Sitter) -> Figure:
    data = sitter.data
    figure, axes = plt.subplots(figsize=(5.4, 4.6))
    for number, method in enumerate(("meta_fixed_soft", "meta_fixed_hard")):
        if method not in sitter.models:
            continue
        predicted = np.clip(sitter.models[method].test(data), data.low, data.high)
        parts = np.array_split(np.argsort(predicted, kind="stable"), TENTHS)
        means = np.array([[predicted[part].mean(), data.test.rating[part].mean()] for part in parts])
        spread = [1.96 * data.test.rating[part].std() / np.sqrt(len(part)) for part in parts]
        style = {"color": figures.COLOURS[(0, 4)[number]], "marker": figures.MARKERS[number], "ms": 5, "capsize": 2}
        axes.errorbar(means[:, 0], means[:, 1], yerr=spread, label=TITLES[method], **style)
    ends = [data.low, data.high]
    axes.plot(ends, ends, "--", color="0.5", zorder=1, label="as predicted")
    axes.set_xlabel(f"Rating predicted ({data.unit}, mean of a tenth)")
    axes.set_ylabel(f"Rating given ({data.unit}, mean with 95 % interval)")
    axes.legend()
    return figure


def _depth(sitter: Sitter) -> Figure:
    data = sitter.data
    figure, axes = plt.subplots(figsize=(5.8, 4.4))
    for number, method in enumerate(("meta_fixed_soft", "meta_fixed_hard")):
        model = sitter.models.get(method)
        if model is None:
            continue
        # One f and one g serve nodes of every depth, so the same network grows trees of any.
        other = copy.deepcopy(model)
        depths, errors = sorted({*DEPTHS, model.tree.depth}), []
        for depth in depths:
            other.tree.depth = depth
            errors.append(clipped_rmse(other.test(data), data.test.rating, data.low, data.high))
        style = {"color": figures.COLOURS[(0, 4)[number]], "marker": figures.MARKERS[number]}
        axes.plot(depths, errors, label=TITLES[method], **style)
        axes.plot(model.tree.depth, errors[depths.index(model.tree.depth)], "o", ms=13, mfc="none", mec=style["color"])
    if "local_trees" in sitter.models:
        error = clipped_rmse(sitter.models["local_trees"].test(data), data.test.rating, data.low, data.high)
        axes.axhline(error, color=figures.COLOURS[2], ls="--", label="Local trees, best depth")
    axes.set_xlabel("Depth of the trees grown (ring: as trained)")
    axes.set_ylabel(f"RMSE on the test ratings ({data.unit})")
    axes.legend()
    return figure


def _embedding(sitter: Sitter) -> Figure:
    data = sitter.data
    support = as_ratings(data.train, 0, len(data.train), 0)
    with torch.inference_mode():
        r_all = sitter.hard.tree.summary(support, len(data.users)).numpy()
    centred = r_all - r_all.mean(axis=0)
    _, strength, directions = np.linalg.svd(centred, full_matrices=False)
    place = centred @ directions[:2].T
    favourite = _favourites(data)
    figure, axes = plt.subplots(figsize=(7.4, 5.2))
    common = np.bincount(favourite, minlength=len(data.features)).argsort()[::-1][: MOST_ATTRIBUTES - 1]
    rest = ~np.isin(favourite, common)
    axes.scatter(*place[rest].T, s=9, color="0.85", label="another")
    for colour, marker, feature in zip(figures.COLOURS, figures.MARKERS, common, strict=False):
        chosen = favourite == feature
        if chosen.any():
            label = data.features[feature].precise
            axes.scatter(*place[chosen].T, s=14, color=colour, marker=marker, lw=0, alpha=0.8, label=label)
    share = 100 * strength**2 / (strength**2).sum()
    axes.set_xlabel(f"First principal component of r_all ({share[0]:.0f} % of the variance)")
    axes.set_ylabel(f"Second ({share[1]:.0f} %)")
    axes.legend(title="Favoured most", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
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
    return favour.argmax(axis=1)
