"""Errors of predicted ratings with intervals over users, recovery of known trees, and paired comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import Interval, bootstrap, wilson
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.ratings.config import EvaluationSettings
from hypernet.ratings.core.asked import asked_counts
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import Forest
from hypernet.ratings.methods import TITLES, is_meta
from hypernet.ratings.trained import BaselinePredictor, MetaTreePredictor, SetPredictor, open_model

SELECTED_ON_TEST, NEW_USERS = "selected on test", "new users"
GAIN = "rmse_gain"
# The orders this domain claims on generated data, at every seed: against rows that were tuned with the same care.
CLAIMS = {
    (method, other)
    for method in ("meta_fixed_hard", "meta_explained_hard")
    for other in (
        *("user_mean", "item_bias", "ridge_mean"),
        *("global_tree", "local_trees_tuned", "gbrt_tuned", "greedy_residual"),
    )
} | {("meta_explained_hard", "ridge_residual")}
# Compared with each of the networks: other trees, what two numbers for a user reach, and what stands against them.
REFERENCES = (
    "user_mean",
    "item_bias",
    "ridge_mean",
    "global_tree",
    "local_trees",
    "local_trees_tuned",
    "knn_trees",
    "gbrt",
    "gbrt_tuned",
    "svd",
    "svd_tuned",
    "svdpp",
    "svdpp_tuned",
    "greedy_residual",
    "ridge_residual",
)
AMONG_NETWORKS = [
    ("meta_fixed_soft", "meta_fixed_hard"),
    ("meta_fixed_hard", "meta_dynamic_hard"),
    ("meta_fixed_soft", "meta_dynamic_soft"),
    ("meta_explained_soft", "meta_explained_hard"),
    ("meta_explained_soft", "meta_fixed_soft"),
    ("meta_explained_hard", "meta_fixed_hard"),
    # What it costs to say why: a network that says nothing is ahead by so much.
    ("deep_set", "meta_explained_soft"),
    ("deep_set", "meta_explained_hard"),
]


def test_group(data: RatingData) -> str:
    """The ``group`` of the test ratings: says so where choices were made on them."""
    return SELECTED_ON_TEST if data.select == "test" else ""


def errors_by_user(
    group: str, query: Rows, support: np.ndarray, predicted: np.ndarray, data: RatingData
) -> pd.DataFrame:
    """Sums of squared and absolute errors of every user with a rating to predict.

    Args:
        group: name of the split.
        query: the ratings that were predicted.
        support: number of ratings of each user from which predictions could be made, ``[users]``.
        predicted: float64 ``[N]``; clipped here to the scale of the data.
        data: the data set.

    Returns:
        columns ``group``, ``user``, ``support``, ``n`` (ratings), ``squared_error`` and ``absolute_error`` (sums).
    """
    error = np.clip(predicted, data.low, data.high) - query.rating
    users, place, count = np.unique(query.user, return_inverse=True, return_counts=True)
    return pd.DataFrame(
        {
            "group": group,
            "user": users,
            "support": support[users],
            "n": count,
            "squared_error": np.bincount(place, error**2),
            "absolute_error": np.bincount(place, np.abs(error)),
        }
    )


def root_mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Root of the mean over all ratings of resampled users: ``[resamples, users]`` twice -> ``[resamples]``."""
    root: np.ndarray = np.sqrt(total.sum(axis=1) / count.sum(axis=1))
    return root


def plain_mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean over all ratings of resampled users."""
    mean: np.ndarray = total.sum(axis=1) / count.sum(axis=1)
    return mean


def measure(items: pd.DataFrame, unit: str, resamples: int, seed: int) -> list[Measurement]:
    """RMSE and MAE over all ratings of each group, with a bootstrap over its users.

    A user's ratings err together, so ratings taken as independent would give too narrow an interval.
    """
    measurements = []
    for group, rows in items.groupby("group", sort=False):
        count = rows["n"].to_numpy(np.float64)
        for metric, column, statistic in (("rmse", "squared_error", root_mean), ("mae", "absolute_error", plain_mean)):
            generator = numpy_generator(seed, "ratings", "bootstrap", metric, group)
            interval = bootstrap(statistic, rows[column].to_numpy(), count, generator=generator, resamples=resamples)
            measurements.append(
                Measurement(group, metric, unit, interval.value, interval.low, interval.high, int(count.sum()))
            )
    return measurements


def root_features(forest: Forest) -> np.ndarray:
    """The feature that each tree asks first, int ``[trees]``; :data:`LEAF` for a tree without rules."""
    features: np.ndarray = forest.feature[forest.root]
    return features


def truth_measurements(
    group: str, forest: Forest, item_x: np.ndarray, data: RatingData, resamples: int, seed: int
) -> list[Measurement]:
    """How well grown trees match the known ones.

    Args:
        group: name of the split.
        forest: the grown trees, one per user.
        item_x: what they read of every item, ``[M, D]`` or a column more.
        data: generated ratings, whose truth is known.
        resamples: of the bootstrap over users.
        seed: of the bootstrap.

    Returns:
        ``root_recovery``: share of users whose first question is the true one; ``attribute_overlap``: Jaccard index of
        the sets of attributes asked about, mean over users; ``rmse_truth``: against the true mean rating of every user
        for every item, clipped to the scale like all predictions.
    """
    truth, unit = data.truth, data.unit
    assert truth is not None, f"{data.title}: the true trees are not known"
    users, items = truth.expected.shape
    recovered = int((root_features(forest) == root_features(truth.forest)).sum())
    share = wilson(recovered, users)
    overlap = np.array(
        [_jaccard(forest.features_used(user), truth.forest.features_used(user)) for user in range(users)]
    )
    predicted = forest.predict(np.repeat(np.arange(users), items), np.tile(item_x, (users, 1)))
    predicted = predicted.clip(data.low, data.high)
    squares = ((predicted.reshape(users, items) - truth.expected) ** 2).mean(axis=1)

    def interval(name: str, statistic: Callable[..., np.ndarray], *arrays: np.ndarray) -> Interval:
        generator = numpy_generator(seed, "ratings", "bootstrap", name, group)
        return bootstrap(statistic, *arrays, generator=generator, resamples=resamples)

    mean_overlap = interval("attribute_overlap", lambda values: values.mean(axis=1), overlap)
    error = interval("rmse_truth", lambda values: np.sqrt(values.mean(axis=1)), squares)
    return [
        Measurement(group, "root_recovery", "1", share.value, share.low, share.high, users),
        Measurement(group, "attribute_overlap", "1", mean_overlap.value, mean_overlap.low, mean_overlap.high, users),
        Measurement(group, "rmse_truth", unit, error.value, error.low, error.high, users * items),
    ]


def _jaccard(first: set[int], second: set[int]) -> float:
    return len(first & second) / max(len(first | second), 1)


def question_measurements(
    group: str, forest: Forest, item_x: np.ndarray, features: int, resamples: int, seed: int
) -> list[Measurement]:
    """What users' trees ask about, of the rules that decide something.

    Args:
        group: name of the split.
        forest: one tree per user.
        item_x: what the trees read of every item, ``[M, D]`` or a column more.
        features: D.
        resamples: of the bootstrap over users.
        seed: of the bootstrap.

    Returns:
        ``asked_attributes``: number of different attributes that a tree asks about, mean over users;
        ``commonest_attribute``: share of all rules that ask about the attribute that most rules ask about, where there
        is a rule.
    """
    counts = asked_counts(forest, item_x, features)
    commonest = int(counts.sum(axis=0).argmax())
    all_rules, of_commonest = counts.sum(axis=1).astype(np.float64), counts[:, commonest].astype(np.float64)

    def interval(name: str, statistic: Callable[..., np.ndarray], *arrays: np.ndarray) -> Measurement:
        generator = numpy_generator(seed, "ratings", "bootstrap", name, group)
        estimate = bootstrap(statistic, *arrays, generator=generator, resamples=resamples)
        return Measurement(group, name, "1", estimate.value, estimate.low, estimate.high, len(arrays[0]))

    measurements = [
        interval("asked_attributes", lambda number: number.mean(axis=1), (counts > 0).sum(axis=1).astype(np.float64))
    ]
    if all_rules.any():
        measurements.append(
            interval(
                "commonest_attribute",
                lambda part, whole: part.sum(axis=1) / np.maximum(whole.sum(axis=1), 1.0),
                of_commonest,
                all_rules,
            )
        )
    return measurements


class UserTrees(NamedTuple):
    """One tree per user, and what the trees read of every item."""

    forest: Forest
    item_x: np.ndarray


def trees_of(predictor: BaselinePredictor | SetPredictor, data: RatingData) -> UserTrees | None:
    """The trees by which a method predicts each user; None where its predictions are no single tree's."""
    if isinstance(predictor, MetaTreePredictor):
        if not predictor.hard:
            return None
        return UserTrees(predictor.forest(predictor.training_rows(data), len(data.users)), predictor.item_x)
    if isinstance(predictor, BaselinePredictor) and (forest := predictor.fitted.user_trees()) is not None:
        return UserTrees(forest, predictor.fitted.reads(data.item_x))
    return None


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Predict the held-out ratings; write ``items.csv`` (a row per user) and ``metrics.json`` to the run's folder."""
    use_threads(job.threads)
    ratings = RatingData.load(job.data)
    predictor = open_model(job.model)
    support = np.diff(ratings.train.offsets(len(ratings.users)))
    group = test_group(ratings)
    tables = [errors_by_user(group, ratings.test, support, predictor.test(ratings), ratings)]
    unseen = ratings.newcomers
    if unseen is not None and (predicted := predictor.newcomers(ratings)) is not None:
        given = np.diff(unseen.support.offsets(unseen.count))
        tables.append(errors_by_user(NEW_USERS, unseen.query, given, predicted, ratings))
    items = pd.concat(tables, ignore_index=True)
    measurements = measure(items, ratings.unit, job.settings.resamples, job.seed)
    resamples, grown = job.settings.resamples, trees_of(predictor, ratings)
    if grown is not None:
        measurements += question_measurements(group, *grown, len(ratings.features), resamples, job.seed)
        if ratings.truth is not None:
            measurements += truth_measurements(group, *grown, ratings, resamples, job.seed)
    write_results(job, items, measurements)


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of RMSE between methods that predicted the same ratings.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        for each data set, seed and group: every network against the baselines, and the networks among each other.
        The difference is the RMSE of the reference less that of the method, its interval a bootstrap over the users.
    """
    items = {key: pd.read_csv(folder / "items.csv", keep_default_na=False) for key, folder in runs.items()}
    networks = [method for method in TITLES if is_meta(method) or method == "deep_set"]
    pairs = [(method, reference) for method in networks for reference in REFERENCES] + AMONG_NETWORKS
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference in pairs:
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is not None and theirs is not None:
                comparisons += _compare(dataset, seed, method, reference, ours, theirs)
    return comparisons


def _compare(
    dataset: str, seed: int, method: str, reference: str, ours: pd.DataFrame, theirs: pd.DataFrame
) -> list[Comparison]:
    both = ours.merge(theirs, on=["group", "user", "n"], suffixes=("", "_reference"))
    comparisons = []
    for group, rows in both.groupby("group", sort=False):

        def gain(theirs_total: np.ndarray, ours_total: np.ndarray, count: np.ndarray) -> np.ndarray:
            difference: np.ndarray = root_mean(theirs_total, count) - root_mean(ours_total, count)
            return difference

        interval = bootstrap(
            gain,
            rows["squared_error_reference"].to_numpy(),
            rows["squared_error"].to_numpy(),
            rows["n"].to_numpy(np.float64),
            generator=numpy_generator(seed, "ratings", "bootstrap", dataset, method, reference, group),
        )
        comparisons.append(
            Comparison.of(
                interval,
                dataset=dataset,
                group=group,
                seed=seed,
                method=method,
                reference=reference,
                metric=GAIN,
                n=int(rows["n"].sum()),
                claimed=(method, reference) in CLAIMS and dataset.startswith("preftrees") and group == "",
            )
        )
    return comparisons


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see :func:`hypernet.lab.results.summary.summarise_runs`.

    Where files with another digest than the official ones were taken (``allow_modified``), the scale says of which data
    sets, and so does the page.
    """
    records = [read_json(run / "run.json") for run in runs]
    modified = dict.fromkeys(record["dataset"] for record in records if record.get("modified_files"))
    if modified:
        scale = f"{scale}, modified files of {' and '.join(modified)}"
    summarise_runs("ratings", scale, runs, published, out, compare, headline="rmse", position=lambda group: None)
