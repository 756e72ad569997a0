"""Biases and factors of users and items, by Surprise (Hug, JOSS 2020).

    biases    r = mu + b_u + b_i                                     Koren, TKDD 2010, section 2.1
    SVD       r = mu + b_u + b_i + q_i . p_u                         Koren, Bell & Volinsky, IEEE Computer 2009
    SVD++     r = mu + b_u + b_i + q_i . (p_u + |I_u|^-1/2 sum of y_j over I_u)               Koren, KDD 2008

I_u are the items that the user rated. The sum over them does not depend on i: it is added to p_u once the model is
fitted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.ratings.baselines.base import Fitted, clipped_rmse
from hypernet.ratings.config import BaselineSettings, FactorisationGridSettings, FactorisationSettings
from hypernet.ratings.core.tables import RatingData, Rows

if TYPE_CHECKING:
    from surprise import AlgoBase, Trainset

PACKAGE = "scikit-surprise"
# Regularisation of a user's bias, Surprise's default.
USER_REGULARISATION = 15
ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, kw_only=True)
class Biases(Fitted):
    """mu + b_u + b_i; an item without training ratings has none.

    Attributes:
        overall: mu, the mean rating.
        user_bias: float64 ``[U]``.
        item_bias: float64 ``[M]``.
    """

    overall: float
    user_bias: np.ndarray
    item_bias: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        predicted: np.ndarray = self.overall + self.user_bias[rows.user] + self.item_bias[rows.item]
        return predicted


@dataclass(frozen=True, kw_only=True)
class Factors(Biases):
    """mu + b_u + b_i + q_i . p_u.

    Attributes:
        user_factors: p, float64 ``[U, f]``.
        item_factors: q, float64 ``[M, f]``; zeros for an item without training ratings.
    """

    user_factors: np.ndarray
    item_factors: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        predicted = super().predict(rows)
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(begin, begin + ROWS_AT_ONCE)
            users, items = self.user_factors[rows.user[part]], self.item_factors[rows.item[part]]
            predicted[part] += np.einsum("nf,nf->n", users, items)
        return predicted


class Numbered(NamedTuple):
    """Ratings as Surprise numbers them.

    Attributes:
        trainset: Surprise's own form.
        users: our number of each of its users.
        items: our number of each of its items, in the order in which they come first.
    """

    trainset: Trainset
    users: np.ndarray
    items: np.ndarray


def numbered(rows: Rows, low: float, high: float) -> Numbered:
    """Training ratings as Surprise would read them from a file, without its loop over them."""
    surprise = library("surprise", PACKAGE, "ratings")
    user, users = _by_appearance(rows.user)
    item, items = _by_appearance(rows.item)
    trainset = surprise.Trainset(
        _lists(user, item, rows.rating, len(users)),
        _lists(item, user, rows.rating, len(items)),
        len(users),
        len(items),
        len(rows),
        (low, high),
        {number: place for place, number in enumerate(users.tolist())},
        {number: place for place, number in enumerate(items.tolist())},
    )
    return Numbered(trainset, users, items)


def _by_appearance(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers counted in the order in which they come first, ``[N]``, and which number each was."""
    known, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[place], known[order]


def _lists(key: np.ndarray, other: np.ndarray, rating: np.ndarray, keys: int) -> dict[int, list[tuple[int, float]]]:
    order = np.argsort(key, kind="stable")
    pairs = list(zip(other[order].tolist(), rating[order].tolist(), strict=True))
    ends = np.cumsum(np.bincount(key, minlength=keys)).tolist()
    # Surprise looks up users that are not there and expects empty lists.
    lists: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for place, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        lists[place] = pairs[begin:end]
    return lists


def _scattered(values: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Values at their places among ``count``, zeros elsewhere."""
    whole = np.zeros((count, *values.shape[1:]))
    whole[places] = values
    return whole


def bias_fields(algorithm: AlgoBase, ratings: Numbered, data: RatingData) -> dict[str, Any]:
    """Fields of :class:`Biases` from a fitted algorithm of Surprise."""
    return {
        "overall": float(ratings.trainset.global_mean),
        "user_bias": _scattered(algorithm.bu, ratings.users, len(data.users)),
        "item_bias": _scattered(algorithm.bi, ratings.items, len(data.items)),
    }


def fit_biases(data: RatingData) -> Biases:
    """mu, b_u and b_i by alternating least squares on ``data.train``, as Surprise sets it up."""
    ratings = numbered(data.train, data.low, data.high)
    algorithm = library("surprise", PACKAGE, "ratings").BaselineOnly(verbose=False).fit(ratings.trainset)
    return Biases(**bias_fields(algorithm, ratings, data), newcomers=None)


def newcomers_bias(biases: Biases, support: Rows, users: int) -> np.ndarray:
    """b_u of users not seen in training: the least squares step that gives b_u, the items' biases as they are."""
    left = support.rating.astype(np.float64) - biases.overall - biases.item_bias[support.item]
    count = np.bincount(support.user, minlength=users)
    return np.bincount(support.user, left, minlength=users) / (USER_REGULARISATION + count)


def version() -> str:
    """Which Surprise this is, for the facts of a run."""
    return f"{PACKAGE} {library('surprise', PACKAGE, 'ratings').__version__}"


def fit_baseline_only(data: RatingData, settings: BaselineSettings, seed: int) -> tuple[Biases, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit` and :func:`newcomers_bias`."""
    del settings, seed
    biases = fit_biases(data)
    unseen = None
    if data.newcomers is not None:
        query = data.newcomers.query
        user_bias = newcomers_bias(biases, data.newcomers.support, data.newcomers.count)
        unseen = biases.overall + user_bias[query.user] + biases.item_bias[query.item]
    count = 1 + len(biases.user_bias) + len(biases.item_bias)
    fitted = Biases(overall=biases.overall, user_bias=biases.user_bias, item_bias=biases.item_bias, newcomers=unseen)
    return fitted, {"parameter_count": count, "library": version()}


def fit_svd(data: RatingData, settings: FactorisationSettings, seed: int) -> tuple[Factors, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`; it has nothing to say of newcomers."""
    ratings = numbered(data.train, data.low, data.high)
    algorithm = library("surprise", PACKAGE, "ratings").SVD(**_arguments(settings, seed))
    algorithm.fit(ratings.trainset)
    return _factors(algorithm, algorithm.pu, ratings, data)


def fit_svdpp(data: RatingData, settings: FactorisationSettings, seed: int) -> tuple[Factors, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`; it has nothing to say of newcomers."""
    ratings = numbered(data.train, data.low, data.high)
    algorithm = library("surprise", PACKAGE, "ratings").SVDpp(**_arguments(settings, seed), cache_ratings=True)
    algorithm.fit(ratings.trainset)
    rated = ratings.trainset.ur
    implicit = np.array([algorithm.yj[[item for item, _ in rated[user]]].sum(axis=0) for user in range(len(rated))])
    share = np.array([len(rated[user]) for user in range(len(rated))]) ** -0.5
    fitted, facts = _factors(algorithm, algorithm.pu + implicit * share[:, None], ratings, data)
    facts["parameter_count"] += algorithm.yj.size
    return fitted, facts


def fit_tuned_svd(data: RatingData, settings: FactorisationGridSettings, seed: int) -> tuple[Factors, dict[str, Any]]:
    """:func:`fit_svd` with the settings that are best on ``data.validation``."""
    return _tuned(fit_svd, data, settings, seed)


def fit_tuned_svdpp(data: RatingData, settings: FactorisationGridSettings, seed: int) -> tuple[Factors, dict[str, Any]]:
    """:func:`fit_svdpp` with the settings that are best on ``data.validation``."""
    return _tuned(fit_svdpp, data, settings, seed)


def _tuned(
    fit: Callable[[RatingData, FactorisationSettings, int], tuple[Factors, dict[str, Any]]],
    data: RatingData,
    settings: FactorisationGridSettings,
    seed: int,
) -> tuple[Factors, dict[str, Any]]:
    choosing = replace(data, train=data.fit)
    candidates = [FactorisationSettings(method=candidate) for candidate in settings.method.candidates]
    errors = []
    for candidate in candidates:
        predicted = fit(choosing, candidate, seed)[0].predict(data.validation)
        # Steps that are too large for a scale lead to infinity: no choice.
        error = float(clipped_rmse(predicted, data.validation.rating, data.low, data.high))
        errors.append(error if np.isfinite(predicted).all() else np.inf)
    best = int(np.argmin(errors))
    if not np.isfinite(errors[best]):
        raise UserError("candidates: none of the learning rates suits this scale of ratings; give smaller ones")
    fitted, facts = fit(data, candidates[best], seed)
    return fitted, facts | settings.method.candidates[best].model_dump() | {
        "validation_rmse": errors[best],
        "candidates": len(candidates),
    }


def _arguments(settings: FactorisationSettings, seed: int) -> dict[str, Any]:
    """The settings under the names that Surprise gives them."""
    sizes = settings.method
    return {
        "n_factors": sizes.factors,
        "n_epochs": sizes.epochs,
        "lr_all": sizes.learning_rate,
        "reg_all": sizes.regularisation,
        "random_state": seed,
    }


def _factors(
    algorithm: AlgoBase, user_factors: np.ndarray, ratings: Numbered, data: RatingData
) -> tuple[Factors, dict[str, Any]]:
    fitted = Factors(
        **bias_fields(algorithm, ratings, data),
        user_factors=_scattered(user_factors, ratings.users, len(data.users)),
        item_factors=_scattered(algorithm.qi, ratings.items, len(data.items)),
        newcomers=None,
    )
    count = 1 + sum(array.size for array in (algorithm.bu, algorithm.bi, algorithm.pu, algorithm.qi))
    return fitted, {"parameter_count": count, "library": version()}
