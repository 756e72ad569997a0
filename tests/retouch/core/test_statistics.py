"""The 27 statistics against numpy's quantiles."""

from __future__ import annotations

import numpy as np
import torch

from hypernet.retouch.core.statistics import STATISTICS, statistics


def by_numpy(image: np.ndarray) -> np.ndarray:
    channels = image.reshape(3, -1)
    quantiles = np.quantile(channels, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99], axis=1).T
    chroma = np.quantile(channels.max(axis=0) - channels.min(axis=0), [0.25, 0.75, 0.95])
    return np.concatenate([(2 * quantiles - 1).ravel(), 4 * channels.std(axis=1) - 1, 2 * chroma - 1])


def test_they_are_quantiles_and_deviations():
    images = np.random.default_rng(0).beta(0.7, 1.3, size=(4, 3, 17, 23))
    made = statistics(torch.from_numpy(images))
    assert made.shape == (4, STATISTICS)
    np.testing.assert_allclose(made.numpy(), [by_numpy(image) for image in images], atol=1e-12)


def test_gradients_reach_the_image_and_are_right():
    image = torch.rand(1, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(statistics, image)
    np.testing.assert_allclose(statistics(image).detach().numpy(), statistics(image.detach()).numpy(), atol=1e-14)
