"""Trained models opened again: baselines that predict known users, networks that read anybody's ratings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored, without_weights
from hypernet.ratings.baselines.base import Fitted
from hypernet.ratings.baselines.fit import open_fitted
from hypernet.ratings.config import METHODS, ExplainedSettings, MetaTreeSettings
from hypernet.ratings.core.catalogue import Catalogue, numbers
from hypernet.ratings.core.questions import Questions
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.growing import MetaTreePredictor, SetPredictor, indices, pairs_of
from hypernet.ratings.methods import TITLES, build, build_on_base
from hypernet.ratings.network import ExplainedMetaTree
from hypernet.ratings.rows_read import WideRows

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1


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
        pairs = pairs_of(pairs, "(number of the user, number of the item)")
        user = indices(pairs[:, 0], len(self.catalogue.user_x), "user")
        item = indices(pairs[:, 1], len(self.catalogue.items), "item")
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


def restore(content: dict[str, Any]) -> BaselinePredictor | SetPredictor:
    """A predictor from the content of its file, which may be a stranger's.

    Raises:
        KeyError: a part is missing.
        TypeError: a part is of another type.
        ValueError: parts that do not fit together.
    """
    method, catalogue = content["method"], Catalogue.read(content["catalogue"])
    settings_type, state = METHODS[method].settings, content["state"]
    if not issubclass(settings_type, MetaTreeSettings | ExplainedSettings):
        return BaselinePredictor(method, catalogue, open_fitted(method, state, len(catalogue.features)))
    settings = settings_type.model_validate(content["settings"])
    if isinstance(settings, ExplainedSettings):
        return _restore_on_base(method, catalogue, settings, content)
    # Without memory: what the settings ask for may be larger than what the file holds.
    with without_weights():
        tree = build(method, settings, len(catalogue.features), catalogue.low, catalogue.high)
    _fill(tree, state)
    return MetaTreePredictor(method, catalogue, tree)


def _restore_on_base(
    method: str, catalogue: Catalogue, settings: ExplainedSettings, content: dict[str, Any]
) -> SetPredictor:
    parts, features = content["questions"], len(catalogue.features)
    count = len(parts["column"])
    asked = Questions(
        numbers(parts, "column", torch.int64, count), numbers(parts, "threshold", torch.float32, count)
    ).checked(features)
    with without_weights():
        network = build_on_base(method, settings, features, len(catalogue.items), asked, catalogue.low, catalogue.high)
    _fill(network, content["state"])
    reading = WideRows(catalogue.item_x, network.base.item_bias.numpy(), settings.base)
    if isinstance(network, ExplainedMetaTree):
        return MetaTreePredictor(method, catalogue, network, reading)
    return SetPredictor(method, catalogue, network, reading)


def _fill(network: torch.nn.Module, state: dict[str, Any]) -> None:
    for name, parameter in network.state_dict().items():
        numbers(state, name, parameter.dtype, *parameter.shape)
    network.load_state_dict(state, assign=True)


def open_model(path: str | Path) -> BaselinePredictor | SetPredictor:
    """Open a model that `hypernet ratings train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "ratings", VERSION, restore)


def open_trees(model: str | Path | BaselinePredictor | SetPredictor) -> MetaTreePredictor:
    """A trained hypernetwork, opened where it is not open yet.

    Args:
        model: a file that `hypernet ratings train` wrote for a meta_ method, or what ``open_model`` returned.

    Raises:
        UserError: neither; what ``open_model`` refuses; or the model grows no trees for new users.
    """
    predictor = open_model(model) if isinstance(model, str | Path) else model
    if not isinstance(predictor, BaselinePredictor | SetPredictor):
        raise UserError(
            f"model: a {type(predictor).__name__}; accepted: a path to model.ckpt of a meta_ method, or the model"
        )
    if not isinstance(predictor, MetaTreePredictor):
        name = model if isinstance(model, str | Path) else "model"
        raise UserError(
            f"{name}: {TITLES[predictor.method]} cannot grow a tree for new users; give a model of a meta_ method"
        )
    return predictor
