"""A trained network at work: from anybody's ratings, in one forward pass, a tree or the ratings themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from hypernet.lab.errors import UserError
from hypernet.ratings.batches import as_ratings, grouped
from hypernet.ratings.core.catalogue import Catalogue
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.methods import is_hard
from hypernet.ratings.model import Rater, Reader, TreeNetwork, Trees
from hypernet.ratings.network import ExplainedTrees
from hypernet.ratings.rows_read import RowsRead

# Ratings whose trees are grown at once: few enough to stay in the processor's cache.
RATINGS_AT_ONCE = 6_000
QUERIES_AT_ONCE = 10_000


def pairs_of(values: np.ndarray, what: str) -> np.ndarray:
    """Pairs of numbers, float64 ``[n, 2]`` with n above 0."""
    try:
        pairs = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pairs = np.empty(0)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise UserError(f"accepted: pairs of {what}, an array [n, 2] with at least one row")
    return pairs


def indices(values: np.ndarray, count: int, what: str) -> np.ndarray:
    """Numbers of users or items, int64."""
    wrong = ~((values >= 0) & (values < count) & (values == np.floor(values)))
    if wrong.any():
        raise UserError(f"{what} {values[wrong][0]:g} does not exist; accepted: whole numbers from 0 to {count - 1}")
    return values.astype(np.int64)


class SetPredictor:
    """A trained network that reads a person's ratings and predicts others.

    Calling it with the ratings of one person, an array of pairs (number of the item, rating) ``[n, 2]``, gives that
    person's predicted ratings of all items, ``[M]``.

    Args:
        method: a method id.
        catalogue: the items and features.
        network: the network.
        reading: which rows it reads.
    """

    def __init__(self, method: str, catalogue: Catalogue, network: Reader, reading: RowsRead | None = None):
        self.method, self.catalogue, self.network = method, catalogue, network.eval()
        self.reading = RowsRead(catalogue.item_x) if reading is None else reading

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.method}, {len(self.catalogue.items)} items)"

    def __call__(self, ratings: np.ndarray) -> np.ndarray:
        """Predicted ratings of all items for one person.

        Args:
            ratings: the person's ratings, (number of the item, rating) ``[n, 2]``.

        Returns:
            ratings, float64 ``[M]``, in the order of the catalogue's items, clipped to the scale.

        Raises:
            UserError: not such pairs, an item that is not there, or a rating outside the scale.
        """
        ratings = pairs_of(ratings, "(number of the item, rating)")
        item = indices(ratings[:, 0], len(self.catalogue.items), "item")
        low, high = self.catalogue.low, self.catalogue.high
        # In single precision, as data sets keep ratings: there 4.9 is a little more than in double.
        rating = ratings[:, 1].astype(np.float32)
        outside = ~((rating >= np.float32(low)) & (rating <= np.float32(high)))
        if outside.any():
            raise UserError(f"the rating {ratings[outside, 1][0]:g} is not on the scale from {low:g} to {high:g}")
        support = self.rows(np.zeros(len(item), np.int64), item, ratings[:, 1])
        every = np.arange(len(self.catalogue.items))
        asked = self.rows(np.zeros(len(every), np.int64), every, np.zeros(len(every)))
        # What is added to a base may lead beyond the scale.
        predicted: np.ndarray = np.clip(self.answer(support, asked, 1), low, high)
        return predicted

    @property
    def item_x(self) -> np.ndarray:
        """What the network reads of every item, float32 ``[M, D]``, with one column more where it stands on a base."""
        return self.reading.item_x

    def reads(self, x: np.ndarray) -> np.ndarray:
        """Rows of attributes ``[N, D]`` of items that nobody has rated, as the network reads them."""
        return self.reading.unrated(x)

    def example(self, data: RatingData, count: int) -> np.ndarray:
        """An input that the model may be called with."""
        return np.stack([data.train.item[:count], data.train.rating[:count]], axis=1).astype(np.float64)

    def rows(self, user: np.ndarray, item: np.ndarray, rating: np.ndarray) -> Rows:
        """Rows of items of the catalogue; of the users nothing but their ratings is known."""
        return Rows(user, item, rating.astype(np.float32), self.item_x[item])

    def training_rows(self, data: RatingData) -> Rows:
        """``data.train`` as the network reads it."""
        return self.reading.learned_from(data)

    def test(self, data: RatingData) -> np.ndarray:
        """Predictions of ``data.test`` from ``data.train``, float64 ``[N]``."""
        return self.answer(self.training_rows(data), self.reading.others(data.test), len(data.users))

    def newcomers(self, data: RatingData) -> np.ndarray | None:
        """Predictions of ``data.newcomers.query`` from their support."""
        people = data.newcomers
        if people is None:
            return None
        return self.answer(self.reading.others(people.support), self.reading.others(people.query), people.count)

    def answer(self, support: Rows, query: Rows, users: int) -> np.ndarray:
        """Read the ratings ``support`` of ``users`` users and predict ``query`` as trained, ``[N]``."""
        predicted = np.empty(len(query))
        offsets = query.offsets(users)
        for first, end, rater in self._read(support, users):
            for begin in range(int(offsets[first]), int(offsets[end]), QUERIES_AT_ONCE):
                stop = min(begin + QUERIES_AT_ONCE, int(offsets[end]))
                asked = as_ratings(query, begin, stop, first)
                with torch.inference_mode():
                    predicted[begin:stop] = rater.rate(asked.owner, asked.x, lambda right: right).numpy()
        return predicted

    def _read(self, support: Rows, users: int) -> Iterator[tuple[int, int, Rater]]:
        """What the network makes of groups of users: first user, end, and that."""
        for first, end, begin, stop in grouped(support, users, RATINGS_AT_ONCE):
            with torch.inference_mode():
                rater = self.network.grow(as_ratings(support, begin, stop, first), end - first, one_attribute=True)
            yield first, end, rater


class MetaTreePredictor(SetPredictor):
    """A trained hypernetwork, whose trees can be had.

    Args:
        method: a method id.
        catalogue: the items and features.
        tree: the networks.
        reading: which rows they read.
    """

    def __init__(self, method: str, catalogue: Catalogue, tree: TreeNetwork, reading: RowsRead | None = None):
        super().__init__(method, catalogue, tree, reading)
        self.tree = tree
        self.hard = is_hard(method)

    def answer(self, support: Rows, query: Rows, users: int) -> np.ndarray:
        """Grow the trees of ``users`` users from ``support`` and predict ``query`` as trained, ``[N]``."""
        if self.hard:
            return self.forest(support, users).predict(query.user, query.x)
        return super().answer(support, query, users)

    def forest(self, support: Rows, users: int) -> Forest:
        """The users' trees with hard routing, grown from their ratings; every user has at least one."""
        forests = []
        for first, end, begin, stop in grouped(support, users, RATINGS_AT_ONCE):
            with torch.inference_mode():
                given = as_ratings(support, begin, stop, first)
                forests.append(pack(self.tree.grow(given, end - first, one_attribute=True)))
        return join(forests)

    def leaf_probabilities(self, support: Rows, x: np.ndarray) -> np.ndarray:
        """Probability with which soft routing sends each row to each node of one user's tree, ``[N, nodes]``.

        Nodes are numbered as in ``forest``; only leaves count, others are 0.
        """
        with torch.inference_mode():
            trees = self.tree.grow(as_ratings(support, 0, len(support), 0), 1, one_attribute=True)
            owner = torch.zeros(len(x), dtype=torch.int64)
            reach = trees.reach(trees.right(owner, torch.from_numpy(np.asarray(x, np.float32))))
            return (reach * trees.leaf[0]).numpy()

    def expected(self, support: Rows, x: np.ndarray) -> np.ndarray:
        """Predictions of rows for one user by soft routing, float64 ``[N]``."""
        with torch.inference_mode():
            trees = self.tree.grow(as_ratings(support, 0, len(support), 0), 1, one_attribute=True)
            owner = torch.zeros(len(x), dtype=torch.int64)
            rated = trees.rate(owner, torch.from_numpy(np.asarray(x, np.float32)), lambda right: right)
            return rated.double().numpy()

    def summaries(self, support: Rows, users: int) -> np.ndarray:
        """r_all of every user: what the network makes of all the user's ratings, float32 ``[users, r]``."""
        with torch.inference_mode():
            return self.tree.summary(as_ratings(support, 0, len(support), 0), users).numpy()


def pack(trees: Trees) -> Forest:
    """The generated trees as a ``Forest`` with hard routing; the nodes of a tree keep their heap order."""
    users, nodes = trees.value.shape
    inner = trees.offset.shape[1]
    start = np.arange(users)[:, None] * nodes
    heap = np.arange(nodes)
    is_leaf = (trees.leaf.numpy() > 0) | (heap >= inner)

    def padded(values: np.ndarray) -> np.ndarray:
        return np.pad(values, ((0, 0), (0, nodes - inner)))

    index = start + heap
    base = {}
    if isinstance(trees, ExplainedTrees):
        base = {name: getattr(trees, name).numpy().astype(np.float64) for name in ("overall", "level", "tilt")}
    return Forest(
        root=start[:, 0],
        feature=np.where(is_leaf, LEAF, padded(trees.direction.argmax(dim=2).numpy())).astype(np.int32).ravel(),
        threshold=padded(-trees.offset.numpy().astype(np.float64)).ravel(),
        sign=padded(np.sign(trees.slope.numpy())).astype(np.int8).ravel(),
        left=np.where(is_leaf, index, start + 2 * heap + 1).ravel(),
        right=np.where(is_leaf, index, start + 2 * heap + 2).ravel(),
        value=np.where(is_leaf, trees.value.numpy().astype(np.float64), np.nan).ravel(),
        support=trees.count.numpy().astype(np.int32).ravel(),
        **base,
    )


def join(forests: list[Forest]) -> Forest:
    """Several forests as one, their trees in the order given; all of them with a base, or none."""
    shift = np.cumsum([0] + [len(forest.feature) for forest in forests[:-1]])
    arrays = {name: np.concatenate([getattr(forest, name) for forest in forests]) for name in forests[0].arrays()}
    for name in ("root", "left", "right"):
        arrays[name] = np.concatenate([getattr(forest, name) + by for forest, by in zip(forests, shift, strict=True)])
    return Forest(**arrays)
