"""What predicts a property without a network: fitted at once, kept as arrays."""

from __future__ import annotations

import abc

import numpy as np
from torch import Tensor

from hypernet.molecules.core.molecules import Molecules


class Regressor(abc.ABC):
    """A fitted method."""

    @abc.abstractmethod
    def predict(self, molecules: Molecules) -> np.ndarray:
        """The property of each molecule in the unit that it was fitted in, float64 ``[M]``.

        Raises:
            UserError: a molecule that the method has no answer for.
        """

    @abc.abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that it is made of, as tensors: what ``restored`` takes."""

    @classmethod
    @abc.abstractmethod
    def restored(cls, state: dict[str, Tensor]) -> Regressor:
        """The same again from its tensors.

        Raises:
            ValueError: tensors that do not fit each other.
        """

    @property
    @abc.abstractmethod
    def parameter_count(self) -> int:
        """Fitted numbers."""
