"""Colour maps without a network: none, one for all images, that of the nearest image, and a ridge regression."""

from __future__ import annotations

import abc

import numpy as np
import torch
from torch import Tensor

from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.fitting import NormalEquations, fit_map
from hypernet.retouch.core.functions import GlobalMap
from hypernet.retouch.core.statistics import STATISTICS, statistics

# Of the maps of single training images, toward the identity.
IMAGE_RIDGE = 1e-3


class Identity(GlobalMap):
    """The image as it is."""

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        return self.map.start.expand(len(thumbnails), -1, -1)


class Fitted(GlobalMap):
    """A map that is fitted to training images without steps."""

    @abc.abstractmethod
    def fit(self, inputs: np.ndarray, targets: np.ndarray, thumbnails: np.ndarray) -> None:
        """Fit it.

        Args:
            inputs: training images, float ``[n, H, W, 3]``.
            targets: what is wanted of them.
            thumbnails: what it will be shown of them, in [0, 1].
        """


class SharedMap(Fitted):
    """One map for all images: least squares over the whole training set."""

    shared: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shared", torch.zeros_like(self.map.start))

    def fit(self, inputs: np.ndarray, targets: np.ndarray, thumbnails: np.ndarray) -> None:
        """See ``Fitted``."""
        equations = NormalEquations(self.basis)
        for given, wanted in zip(inputs, targets, strict=True):
            equations.add(given, wanted)
        self.shared.copy_(torch.tensor(equations.solve().matrix))

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        return self.shared.expand(len(thumbnails), -1, -1)


class NearestMaps(Fitted):
    """The mean of the maps of the training images whose statistics are nearest (scikit-learn's neighbours' rule).

    Args:
        samples: training images.
        neighbours: so many of the nearest.
    """

    known: Tensor
    matrices: Tensor

    def __init__(self, samples: int, neighbours: int):
        super().__init__()
        self.neighbours = neighbours
        self.register_buffer("known", torch.zeros(samples, STATISTICS))
        self.register_buffer("matrices", torch.zeros(samples, *self.map.start.shape))

    def fit(self, inputs: np.ndarray, targets: np.ndarray, thumbnails: np.ndarray) -> None:
        """See ``Fitted``."""
        self.known.copy_(_statistics(thumbnails))
        self.matrices.copy_(torch.from_numpy(image_matrices(inputs, targets)))

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        distances = torch.cdist(statistics(thumbnails), self.known)
        nearest = distances.topk(self.neighbours, largest=False).indices
        return self.matrices[nearest].mean(dim=1)


class RidgeMaps(Fitted):
    """M as a linear function of the statistics, with a penalty on its squared weights.

    Args:
        penalty: of the weights, for statistics of standard deviation 1 and a mean over images.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, penalty: float):
        super().__init__()
        self.penalty = penalty
        numbers = self.map.parameter_count
        self.register_buffer("weight", torch.zeros(numbers, STATISTICS))
        self.register_buffer("bias", torch.zeros(numbers))

    def fit(self, inputs: np.ndarray, targets: np.ndarray, thumbnails: np.ndarray) -> None:
        """See ``Fitted``."""
        from sklearn.linear_model import Ridge

        given = _statistics(thumbnails).double().numpy()
        wanted = image_matrices(inputs, targets).reshape(len(inputs), -1)
        mean, spread = given.mean(axis=0), given.std(axis=0) + 1e-6
        solved = Ridge(alpha=self.penalty * len(inputs)).fit((given - mean) / spread, wanted)
        weight = solved.coef_ / spread
        self.weight.copy_(torch.from_numpy(weight))
        self.bias.copy_(torch.from_numpy(solved.intercept_ - weight @ mean))

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        written = torch.nn.functional.linear(statistics(thumbnails), self.weight, self.bias)
        return written.unflatten(1, self.map.start.shape)


def image_matrices(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The best map of each image by itself, drawn a little toward the identity: ``[n, 3, 10]``."""
    pairs = zip(inputs, targets, strict=True)
    return np.stack([fit_map(given, wanted, ridge=IMAGE_RIDGE).matrix for given, wanted in pairs])


def as_map(matrix: Tensor) -> ColourMap:
    """M of one image, ``[3, F]``, as a colour map.

    Raises:
        ValueError: a number that is not finite.
    """
    return ColourMap(matrix.detach().double().cpu().numpy())


def _statistics(images: np.ndarray) -> Tensor:
    return statistics(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float())
