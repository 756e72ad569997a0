"""What every baseline is once it is fitted: arrays that predict, saved without any code."""

from __future__ import annotations

import abc
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch

from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.trees import Forest

# The user's mean and number of ratings, which trees over many users may ask about beside the D features.
LEVEL_FEATURES = 2


@dataclass(frozen=True, kw_only=True)
class Fitted(abc.ABC):
    """A fitted baseline. Its fields are arrays, forests, numbers and words, and make up its saved state.

    Attributes:
        newcomers: predictions of ``data.newcomers.query`` made when it was fitted, float64; None where there are no
            such users, or where the method cannot serve users it has not seen.
    """

    newcomers: np.ndarray | None

    @abc.abstractmethod
    def predict(self, rows: Rows) -> np.ndarray:
        """Ratings of known users, not clipped to the scale, float64 ``[N]``."""

    def predict_newcomers(self) -> np.ndarray | None:
        """See :attr:`newcomers`."""
        return self.newcomers

    def user_trees(self, users: np.ndarray | None = None) -> Forest | None:
        """The tree by which each user is predicted, its leaves in rating units or on a base; see :meth:`reads`.

        Args:
            users: numbers of users, one tree for each in this order; all users where None.

        Returns:
            None where predictions are no single tree's.
        """
        del users
        return None

    def reads(self, item_x: np.ndarray) -> np.ndarray:
        """What :meth:`user_trees` read of the items, from the standardised features of all ``[M, D]``."""
        return item_x

    def state(self) -> dict[str, Any]:
        """Its fields as tensors and plain types."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Any], features: int) -> Self:
        """The baseline whose :meth:`state` this is.

        Args:
            state: from a file, which may be a stranger's.
            features: D.

        Raises:
            TypeError: the state of another class.
            ValueError: arrays that are not what they should be, or trees whose paths do not end.
        """
        return cls(**{name: _restored(name, value, features) for name, value in state.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, Forest):
        return {name: _plain(array) for name, array in value.arrays().items()}
    return value


def _restored(name: str, value: Any, features: int) -> Any:
    if isinstance(value, torch.Tensor):
        # A view may have more numbers than the file.
        if not value.is_contiguous():
            raise ValueError(f"{name} is not stored number by number")
        return value.numpy()
    if isinstance(value, dict):
        arrays = {part: _restored(part, array, features) for part, array in value.items()}
        return Forest(**arrays).checked(features + LEVEL_FEATURES)
    return value


def clipped_rmse(predicted: np.ndarray, rating: np.ndarray, low: float, high: float) -> np.ndarray:
    """Root mean squared error over the last axis of predictions clipped to the scale."""
    error: np.ndarray = np.sqrt(np.square(np.clip(predicted, low, high) - rating).mean(axis=-1))
    return error
