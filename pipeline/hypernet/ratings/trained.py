"""Trained models opened again: baselines that predict known users, hypernetworks that grow a tree for anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored, without_weights
from hypernet.ratings.baselines.base import Fitted
from hypernet.ratings.baselines.fit import open_fitted
from hypernet.ratings.batches import as_ratings, grouped
from hypernet.ratings.config import METHODS, MetaTreeSettings
from hypernet.ratings.core.tables import Feature, RatingData, Rows
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.methods import TITLES, build, is_hard, is_meta
from hypernet.ratings.model import MetaTree, Trees

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1

# Ratings whose trees are grown at once: few enough to stay in the processor's cache.
RATINGS_AT_ONCE = 6_000
QUERIES_AT_ONCE = 10_000
# Characters of an identifier or a title.
LONGEST_NAME = 10_000
# Characters of all identifiers or titles, each as wide as the longest.
LARGEST_TEXTS = 2**26


@dataclass(frozen=True)
class Catalogue:
    """What a model knows of the data it was trained on; see ``hypernet.ratings.RatingData``."""

    title: str
    unit: str
    low: float
    high: float
    features: tuple[Feature, ...]
    mean: np.ndarray
    deviation: np.ndarray
    users: np.ndarray
    items: np.ndarray
    titles: np.ndarray
    item_x: np.ndarray
    user_x: np.ndarray

    @classmethod
    def read(cls, content: dict[str, Any]) -> Self:
        """From the part ``catalogue`` of a model file, which may be a stranger's.

        Raises:
            KeyError: a part is missing.
            TypeError: a part is of another type.
            ValueError: parts that do not fit together.
        """
        features = tuple(Feature(**feature).checked() for feature in content["features"])
        users, items, titles = (_texts(content, name) for name in ("users", "items", "titles"))
        width, low, high = len(features), float(content["low"]), float(content["high"])
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"no scale goes from {low:g} to {high:g}")
        if len(titles) != len(items):
            raise ValueError(f"{len(titles)} titles of {len(items)} items")
        deviation = _numbers(content, "deviation", torch.float64, width)
        if (deviation <= 0).any():
            raise ValueError("a feature whose deviation is not above zero")
        return cls(
            title=_text(content["title"]),
            unit=_text(content["unit"]),
            low=low,
            high=high,
            features=features,
            mean=_numbers(content, "mean", torch.float64, width),
            deviation=deviation,
            users=users,
            items=items,
            titles=titles,
            item_x=_numbers(content, "item_x", torch.float32, len(items), width),
            user_x=_numbers(content, "user_x", torch.float32, len(users), width),
        )


def _text(value: object) -> str:
    """A text that can be written to a file; a UnicodeEncodeError is a ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where a text belongs")
    value.encode()
    return value


def _texts(content: dict[str, Any], name: str) -> np.ndarray:
    texts = [_text(value) for value in content[name]]
    # In an array the longest text sets the width of all.
    longest = max(map(len, texts), default=0)
    if longest > LONGEST_NAME:
        raise ValueError(f"one of the {name} has {longest} characters; accepted: up to {LONGEST_NAME}")
    if longest * len(texts) > LARGEST_TEXTS:
        raise ValueError(f"{len(texts)} {name} of up to {longest} characters; accepted: {LARGEST_TEXTS:,} in all")
    return np.array(texts, dtype=str)


def _numbers(content: dict[str, Any], name: str, dtype: torch.dtype, *shape: int) -> np.ndarray:
    """An array of a model file that is what it should be, every number of it in the file."""
    tensor = content[name]
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        raise ValueError(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, not {dtype} {shape}")
    # A view may have more numbers than the file.
    if tensor.layout != torch.strided or not tensor.is_contiguous():
        raise ValueError(f"{name} is not stored number by number")
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    numbers: np.ndarray = tensor.numpy()
    return numbers


def _pairs(values: np.ndarray, what: str) -> np.ndarray:
    """Pairs of numbers, float64 ``[n, 2]`` with n above 0."""
    try:
        pairs = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pairs = np.empty(0)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise UserError(f"accepted: pairs of {what}, an array [n, 2] with at least one row")
    return pairs


def _indices(values: np.ndarray, count: int, what: str) -> np.ndarray:
    """Numbers of users or items, int64."""
    wrong = ~((values >= 0) & (values < count) & (values == np.floor(values)))
    if wrong.any():
        raise UserError(f"{what} {values[wrong][0]:g} does not exist; accepted: whole numbers from 0 to {count - 1}")
    return values.astype(np.int64)


class BaselinePredictor:
    """A baseline read from ``model.ckpt``.

    Calling it with an array of pairs (number of the user, number of the item), int ``[N, 2]``, gives ratings ``[N]``.
    """

    def __init__(self, method: str, catalogue: Catalogue, fitted: Fitted):
        self.method, self.catalogue, self.fitted = method, catalogue, fitted

    def __repr__(self) -> str:
        return f"BaselinePredictor({self.method}, {len(self.catalogue.items)} items)"

    def __call__(self, pairs: np.ndarray) -> np.ndarray:
        """Predicted ratings of users and items of the training data, clipped to the scale.

        Args:
            pairs: number of the user and number of the item, whole numbers ``[N, 2]``.

        Returns:
            ratings, float64 ``[N]``.

        Raises:
            UserError: not such pairs, or a user or an item that the training data do not have.
        """
        pairs = _pairs(pairs, "(number of the user, number of the item)")
        user = _indices(pairs[:, 0], len(self.catalogue.user_x), "user")
        item = _indices(pairs[:, 1], len(self.catalogue.items), "item")
        rows = Rows(
            user, item, np.zeros(len(user), np.float32), self.catalogue.item_x[item] + self.catalogue.user_x[user]
        )
        predicted: np.ndarray = np.clip(self.fitted.predict(rows), self.catalogue.low, self.catalogue.high)
        return predicted

    def example(self, data: RatingData, count: int) -> np.ndarray:
        """An input that the model may be called with."""
        return np.stack([data.test.user[:count], data.test.item[:count]], axis=1)

    def test(self, data: RatingData) -> np.ndarray:
        """Predictions of ``data.test``, float64 ``[N]``."""
        return self.fitted.predict(data.test)

    def newcomers(self, data: RatingData) -> np.ndarray | None:
        """Predictions of ``data.newcomers.query``, or None where the method cannot serve users it has not seen."""
        del data
        return self.fitted.predict_newcomers()


class MetaTreePredictor:
    """A trained hypernetwork: it grows a tree from anybody's ratings, in one forward pass.

    Calling it with the ratings of one person, an array of pairs (number of the item, rating) ``[n, 2]``, gives that
    person's predicted ratings of all items, ``[M]``.

    Args:
        method: a method id.
        catalogue: the items and features.
        tree: the networks.
    """

    def __init__(self, method: str, catalogue: Catalogue, tree: MetaTree):
        self.method, self.catalogue, self.tree = method, catalogue, tree.eval()
        self.hard = is_hard(method)

    def __repr__(self) -> str:
        return f"MetaTreePredictor({self.method}, {len(self.catalogue.items)} items)"

    def __call__(self, ratings: np.ndarray) -> np.ndarray:
        """Predicted ratings of all items for one person.

        Args:
            ratings: the person's ratings, (number of the item, rating) ``[n, 2]``.

        Returns:
            ratings, float64 ``[M]``, in the order of the catalogue's items.

        Raises:
            UserError: not such pairs, an item that is not there, or a rating outside the scale.
        """
        ratings = _pairs(ratings, "(number of the item, rating)")
        item = _indices(ratings[:, 0], len(self.catalogue.items), "item")
        low, high = self.catalogue.low, self.catalogue.high
        # In single precision, as data sets keep ratings: there 4.9 is a little more than in double.
        rating = ratings[:, 1].astype(np.float32)
        outside = ~((rating >= np.float32(low)) & (rating <= np.float32(high)))
        if outside.any():
            raise UserError(f"the rating {ratings[outside, 1][0]:g} is not on the scale from {low:g} to {high:g}")
        support = self.rows(np.zeros(len(item), np.int64), item, ratings[:, 1])
        every = np.arange(len(self.catalogue.items))
        asked = self.rows(np.zeros(len(every), np.int64), every, np.zeros(len(every)))
        return self.answer(support, asked, 1)

    def example(self, data: RatingData, count: int) -> np.ndarray:
        """An input that the model may be called with."""
        return np.stack([data.train.item[:count], data.train.rating[:count]], axis=1).astype(np.float64)

    def rows(self, user: np.ndarray, item: np.ndarray, rating: np.ndarray) -> Rows:
        """Rows of items of the catalogue; of the users nothing but their ratings is known."""
        return Rows(user, item, rating.astype(np.float32), self.catalogue.item_x[item])

    def test(self, data: RatingData) -> np.ndarray:
        """Predictions of ``data.test`` by trees grown from ``data.train``, float64 ``[N]``."""
        return self.answer(data.train, data.test, len(data.users))

    def newcomers(self, data: RatingData) -> np.ndarray | None:
        """Predictions of ``data.newcomers.query`` by trees grown from their support."""
        if data.newcomers is None:
            return None
        return self.answer(data.newcomers.support, data.newcomers.query, data.newcomers.count)

    def answer(self, support: Rows, query: Rows, users: int) -> np.ndarray:
        """Grow the trees of ``users`` users from ``support`` and predict ``query`` as trained, ``[N]``."""
        if self.hard:
            return self.forest(support, users).predict(query.user, query.x)
        predicted = np.empty(len(query))
        offsets = query.offsets(users)
        for first, end, trees in self._grown(support, users):
            for begin in range(int(offsets[first]), int(offsets[end]), QUERIES_AT_ONCE):
                stop = min(begin + QUERIES_AT_ONCE, int(offsets[end]))
                asked = as_ratings(query, begin, stop, first)
                with torch.inference_mode():
                    predicted[begin:stop] = trees.predict(asked.owner, trees.right(asked.owner, asked.x)).numpy()
        return predicted

    def forest(self, support: Rows, users: int) -> Forest:
        """The users' trees with hard routing, grown from their ratings; every user has at least one."""
        return join([pack(trees) for _, _, trees in self._grown(support, users)])

    def leaf_probabilities(self, support: Rows, x: np.ndarray) -> np.ndarray:
        """Probability with which soft routing sends each row to each node of one user's tree, ``[N, nodes]``.

        Nodes are numbered as in ``forest``; only leaves count, others are 0.
        """
        with torch.inference_mode():
            trees = self.tree.grow(as_ratings(support, 0, len(support), 0), 1, one_attribute=True)
            owner = torch.zeros(len(x), dtype=torch.int64)
            reach = trees.reach(trees.right(owner, torch.from_numpy(np.asarray(x, np.float32))))
            return (reach * trees.leaf[0]).numpy()

    def summaries(self, support: Rows, users: int) -> np.ndarray:
        """r_all of every user: what the network makes of all the user's ratings, float32 ``[users, r]``."""
        with torch.inference_mode():
            return self.tree.summary(as_ratings(support, 0, len(support), 0), users).numpy()

    def _grown(self, support: Rows, users: int) -> Iterator[tuple[int, int, Trees]]:
        """Trees of groups of users: first user, end, and their trees."""
        for first, end, begin, stop in grouped(support, users, RATINGS_AT_ONCE):
            with torch.inference_mode():
                yield (
                    first,
                    end,
                    self.tree.grow(as_ratings(support, begin, stop, first), end - first, one_attribute=True),
                )


def pack(trees: Trees) -> Forest:
    """The generated trees as a ``Forest`` with hard routing; the nodes of a tree keep their heap order."""
    users, nodes = trees.value.shape
    inner = trees.offset.shape[1]
    base = np.arange(users)[:, None] * nodes
    heap = np.arange(nodes)
    is_leaf = (trees.leaf.numpy() > 0) | (heap >= inner)

    def padded(values: np.ndarray) -> np.ndarray:
        return np.pad(values, ((0, 0), (0, nodes - inner)))

    index = base + heap
    return Forest(
        root=base[:, 0],
        feature=np.where(is_leaf, LEAF, padded(trees.direction.argmax(dim=2).numpy())).astype(np.int32).ravel(),
        threshold=padded(-trees.offset.numpy().astype(np.float64)).ravel(),
        sign=padded(np.sign(trees.slope.numpy())).astype(np.int8).ravel(),
        left=np.where(is_leaf, index, base + 2 * heap + 1).ravel(),
        right=np.where(is_leaf, index, base + 2 * heap + 2).ravel(),
        value=np.where(is_leaf, trees.value.numpy().astype(np.float64), np.nan).ravel(),
        support=trees.count.numpy().astype(np.int32).ravel(),
    )


def join(forests: list[Forest]) -> Forest:
    """Several forests as one, their trees in the order given."""
    shift = np.cumsum([0] + [len(forest.feature) for forest in forests[:-1]])
    moved = {
        name: np.concatenate([getattr(forest, name) + by for forest, by in zip(forests, shift, strict=True)])
        for name in ("root", "left", "right")
    }
    same = ("feature", "threshold", "sign", "value", "support")
    return Forest(**moved, **{name: np.concatenate([getattr(forest, name) for forest in forests]) for name in same})


def restore(content: dict[str, Any]) -> BaselinePredictor | MetaTreePredictor:
    """A predictor from the content of its file, which may be a stranger's.

    Raises:
        KeyError: a part is missing.
        TypeError: a part is of another type.
        ValueError: parts that do not fit together.
    """
    method, catalogue = content["method"], Catalogue.read(content["catalogue"])
    if not is_meta(method):
        return BaselinePredictor(method, catalogue, open_fitted(method, content["state"], len(catalogue.features)))
    settings, state = METHODS[method].settings.model_validate(content["settings"]), content["state"]
    assert isinstance(settings, MetaTreeSettings), method
    # Without memory: what the settings ask for may be larger than what the file holds.
    with without_weights():
        tree = build(method, settings, len(catalogue.features), catalogue.low, catalogue.high)
    for name, parameter in tree.state_dict().items():
        _numbers(state, name, parameter.dtype, *parameter.shape)
    tree.load_state_dict(state, assign=True)
    return MetaTreePredictor(method, catalogue, tree)


def open_model(path: str | Path) -> BaselinePredictor | MetaTreePredictor:
    """Open a model that `hypernet ratings train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "ratings", VERSION, restore)


def open_trees(model: str | Path | BaselinePredictor | MetaTreePredictor) -> MetaTreePredictor:
    """A trained hypernetwork, opened where it is not open yet.

    Args:
        model: a file that `hypernet ratings train` wrote for a meta_ method, or what ``open_model`` returned.

    Raises:
        UserError: neither; what ``open_model`` refuses; or the model grows no trees for new users.
    """
    predictor = open_model(model) if isinstance(model, str | Path) else model
    if not isinstance(predictor, BaselinePredictor | MetaTreePredictor):
        raise UserError(
            f"model: a {type(predictor).__name__}; accepted: a path to model.ckpt of a meta_ method, or the model"
        )
    if not isinstance(predictor, MetaTreePredictor):
        name = model if isinstance(model, str | Path) else "model"
        raise UserError(
            f"{name}: {TITLES[predictor.method]} cannot grow a tree for new users; give a model of a meta_ method"
        )
    return predictor
