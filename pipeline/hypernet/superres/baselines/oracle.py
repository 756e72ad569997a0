"""The generated network fitted to each large image itself: what g could be, had somebody seen the answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.layers import FunctionalMLP
from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import as_points, axes


class FittedImages(ImageFunction):
    """θ of a few images, each fitted to its large image; a small image is looked up among theirs.

    Args:
        count: number of images.
        low: rows and columns of a small image.
        frequencies: K of the Fourier features.
        widths: hidden widths of g.
    """

    small: Tensor
    theta: Tensor

    def __init__(self, count: int, low: tuple[int, int], frequencies: int, widths: tuple[int, ...]):
        super().__init__()
        self.features = FourierFeatures(frequencies)
        self.network = FunctionalMLP((self.features.size, *widths, 1), nn.ReLU(), input_mean_square=0.5)
        self.register_buffer("small", torch.zeros(count, *low))
        self.register_buffer("theta", torch.zeros(count, self.network.parameter_count))

    @property
    def multiply_adds(self) -> int:
        """See ``ImageFunction``."""
        return self.network.multiply_adds

    def fit(self, small: Tensor, large: Tensor, steps: int, learning_rate: float) -> None:
        """Fit every image's network to all its pixels, all images at once, with Adam.

        Args:
            small: the small images, ``[B, h, w]``.
            large: the large ones, ``[B, H, W]``.
            steps: of Adam.
            learning_rate: of Adam.
        """
        self.small.copy_(small)
        theta = torch.stack([self.network.ordinary() for _ in range(len(large))]).requires_grad_()
        optimizer = torch.optim.Adam([theta], lr=learning_rate)
        rows, columns = axes(*large.shape[1:])
        for _ in range(steps):
            # The sum over images: each has its own network, and none slows another.
            loss = F.mse_loss(self.on_grid(theta, rows, columns), large) * len(large)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.theta.copy_(theta.detach())

    def encode(self, low: Tensor) -> Tensor:
        """See ``ImageFunction``.

        Raises:
            ValueError: an image that was not fitted.
        """
        distance = torch.cdist(low.flatten(1), self.small.flatten(1))
        nearest, place = distance.min(dim=1)
        if bool((nearest > 1e-4).any()):
            raise ValueError(f"only {len(self.small)} images of the test were fitted, and this is none of them")
        return self.theta[place]

    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        return self.network(self.features(points), state).squeeze(-1)

    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        points = as_points(rows, columns).expand(len(state), -1, -1)
        return self.at(state, points).reshape(len(state), len(rows), len(columns))
