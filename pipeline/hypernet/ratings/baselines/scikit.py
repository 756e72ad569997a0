"""Regression trees of scikit-learn, and their way into a :class:`~hypernet.ratings.core.trees.Forest`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.libraries import library
from hypernet.ratings.core.trees import LEAF, Forest

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.tree import DecisionTreeRegressor

PACKAGE = "scikit-learn"


def regression_tree(depth: int, seed: int) -> DecisionTreeRegressor:
    """An unfitted tree for squared error with at most ``depth`` rules on a path.

    Raises:
        UserError: scikit-learn is not installed.
    """
    return library("sklearn.tree", PACKAGE, "ratings").DecisionTreeRegressor(max_depth=depth, random_state=seed)


def unchecked() -> AbstractContextManager[None]:
    """Fit without scikit-learn's checks of its input, which take longer than a small tree; rows are finite here."""
    sklearn = library("sklearn", PACKAGE, "ratings")
    context: AbstractContextManager[None] = sklearn.config_context(assume_finite=True, skip_parameter_validation=True)
    return context


def version() -> str:
    """Which scikit-learn this is, for the facts of a run."""
    return f"{PACKAGE} {library('sklearn', PACKAGE, 'ratings').__version__}"


def pack(trees: Iterable[DecisionTreeRegressor]) -> tuple[Forest, np.ndarray]:
    """Fitted trees in common arrays; each tree's first node is its root.

    Args:
        trees: taken one by one, so that a generator never has more than one in memory.

    Returns:
        the forest, and the mean target of the rows at every node, inner ones too, float64 ``[nodes]``.
    """
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    sizes = []
    for fitted in trees:
        tree = fitted.tree_
        columns = {
            "left": tree.children_left,
            "right": tree.children_right,
            "feature": tree.feature,
            "threshold": tree.threshold,
            "mean": tree.value[:, 0, 0],
            "support": tree.n_node_samples,
        }
        for name, array in columns.items():
            # These are views, which would keep the whole tree alive.
            parts[name].append(array.copy())
        sizes.append(tree.node_count)
    flat = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    root = np.cumsum([0, *sizes[:-1]])
    leaf = flat["left"] < 0
    node = np.arange(len(leaf))
    first = np.repeat(root, sizes)
    forest = Forest(
        root=root.astype(np.int64),
        feature=np.where(leaf, LEAF, flat["feature"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, flat["threshold"]),
        sign=np.where(leaf, 0, 1).astype(np.int8),
        left=np.where(leaf, node, first + flat["left"]),
        right=np.where(leaf, node, first + flat["right"]),
        value=np.where(leaf, flat["mean"], np.nan),
        support=flat["support"].astype(np.int32),
    )
    return forest, flat["mean"]


def pack_boosted(model: HistGradientBoostingRegressor, trees: int) -> tuple[Forest, float]:
    """The first trees of a boosted model by histograms.

    scikit-learn shows the trees of this model nowhere in public; what is read here is compared with its predictions in
    the tests.

    Args:
        model: fitted to features without missing values, none of them categorical.
        trees: how many of its trees.

    Returns:
        the trees, their leaves already times the learning rate, and the prediction before the first.
    """
    columns = [predictor.nodes for (predictor,) in model._predictors[:trees]]
    sizes = [len(nodes) for nodes in columns]
    nodes = np.concatenate(columns)
    root = np.cumsum([0, *sizes[:-1]])
    first, leaf, index = np.repeat(root, sizes), nodes["is_leaf"] > 0, np.arange(len(nodes))
    forest = Forest(
        root=root.astype(np.int64),
        feature=np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        sign=np.where(leaf, 0, 1).astype(np.int8),
        left=np.where(leaf, index, first + nodes["left"].astype(np.int64)),
        right=np.where(leaf, index, first + nodes["right"].astype(np.int64)),
        value=np.where(leaf, nodes["value"], np.nan),
        support=nodes["count"].astype(np.int32),
    )
    return forest, float(np.ravel(model._baseline_prediction)[0])
