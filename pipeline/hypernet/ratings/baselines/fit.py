"""Fitting and reopening the baselines by method id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypernet.lab.config import Section
from hypernet.ratings.baselines.base import Fitted
from hypernet.ratings.baselines.factorisation import (
    Biases,
    Factors,
    fit_baseline_only,
    fit_svd,
    fit_svdpp,
    fit_tuned_svd,
    fit_tuned_svdpp,
)
from hypernet.ratings.baselines.lines import Lines, fit_item_bias, fit_ridge_mean
from hypernet.ratings.baselines.means import (
    GlobalMean,
    ItemMean,
    Oracle,
    UserMean,
    fit_global_mean,
    fit_item_mean,
    fit_oracle,
    fit_user_mean,
)
from hypernet.ratings.baselines.neighbours import NeighbourRatings, fit_knn_baseline
from hypernet.ratings.baselines.residual import (
    ResidualRidge,
    ResidualTrees,
    fit_greedy_residual,
    fit_ridge_residual,
)
from hypernet.ratings.baselines.shared_trees import (
    SharedTrees,
    fit_boosted_trees,
    fit_global_tree,
    fit_tuned_boosted_trees,
)
from hypernet.ratings.baselines.shrunk_trees import fit_shrunk_local_trees
from hypernet.ratings.baselines.user_trees import UserTrees, fit_local_trees, fit_neighbour_trees
from hypernet.ratings.core.tables import RatingData


class Baseline(NamedTuple):
    """How a method is fitted, and the class of the result."""

    fit: Callable[[RatingData, Any, int], tuple[Fitted, dict[str, Any]]]
    result: type[Fitted]


BASELINES = {
    "oracle": Baseline(fit_oracle, Oracle),
    "global_mean": Baseline(fit_global_mean, GlobalMean),
    "item_mean": Baseline(fit_item_mean, ItemMean),
    "user_mean": Baseline(fit_user_mean, UserMean),
    "global_tree": Baseline(fit_global_tree, SharedTrees),
    "local_trees": Baseline(fit_local_trees, UserTrees),
    "knn_trees": Baseline(fit_neighbour_trees, UserTrees),
    "gbrt": Baseline(fit_boosted_trees, SharedTrees),
    "baseline_only": Baseline(fit_baseline_only, Biases),
    "knn_baseline": Baseline(fit_knn_baseline, NeighbourRatings),
    "svd": Baseline(fit_svd, Factors),
    "svdpp": Baseline(fit_svdpp, Factors),
    "local_trees_tuned": Baseline(fit_shrunk_local_trees, UserTrees),
    "gbrt_tuned": Baseline(fit_tuned_boosted_trees, SharedTrees),
    "svd_tuned": Baseline(fit_tuned_svd, Factors),
    "svdpp_tuned": Baseline(fit_tuned_svdpp, Factors),
    "item_bias": Baseline(fit_item_bias, Biases),
    "ridge_mean": Baseline(fit_ridge_mean, Lines),
    "ridge_residual": Baseline(fit_ridge_residual, ResidualRidge),
    "greedy_residual": Baseline(fit_greedy_residual, ResidualTrees),
}


def fit(method: str, data: RatingData, settings: Section, seed: int) -> tuple[Fitted, dict[str, Any]]:
    """Fit a baseline to ``data.train``; what it has to choose, it chooses by RMSE on ``data.validation``.

    For a choice it is fitted to ``data.fit``; predictions are clipped to the scale, as in the evaluation.

    Args:
        method: a method id of :data:`BASELINES`.
        data: prepared ratings.
        settings: of the method, see :data:`hypernet.ratings.config.METHODS`.
        seed: decides what the library draws.

    Returns:
        the fitted method, and facts of the run: what was chosen, ``parameter_count``, the library's version.

    Raises:
        UserError: the library is not installed; or ``oracle`` where nobody knows the truth.
    """
    return BASELINES[method].fit(data, settings, seed)


def open_fitted(method: str, state: dict[str, Any], features: int) -> Fitted:
    """The fitted method whose ``state()`` this is.

    Args:
        method: a method id.
        state: from a file, which may be a stranger's.
        features: D.

    Raises:
        KeyError: not the id of a baseline.
        TypeError: the state of another method.
        ValueError: a damaged state.
    """
    return BASELINES[method].result.from_state(state, features)
