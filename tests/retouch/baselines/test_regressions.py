"""Maps without a network: each is what its definition says, on images whose maps are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.retouch.baselines.oracles import Oracle
from hypernet.retouch.baselines.regressions import Identity, NearestMaps, RidgeMaps, SharedMap, image_matrices
from hypernet.retouch.core.colour_map import ColourMap, monomials
from hypernet.retouch.core.statistics import statistics

RANDOM = np.random.default_rng(0)
# Photographs of different brightness and colour.
INPUTS = (RANDOM.random((30, 1, 1, 3)) * 0.7 + 0.3 * RANDOM.random((30, 12, 14, 3))).astype(np.float32)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def test_the_identity_is_none():
    images = as_tensor(INPUTS)
    np.testing.assert_array_equal(Identity()(images, images).numpy(), images.numpy())


def test_the_shared_map_is_least_squares_over_all_pixels():
    targets = np.clip(INPUTS**0.8 * [1.1, 1.0, 0.9], 0, 1)
    shared = SharedMap()
    shared.fit(INPUTS, targets, INPUTS)
    expected, *_ = np.linalg.lstsq(
        monomials(INPUTS.reshape(-1, 3).astype(np.float64)), targets.reshape(-1, 3), rcond=None
    )
    np.testing.assert_allclose(shared.shared.numpy(), expected.T, atol=1e-5)
    images = as_tensor(INPUTS[:2])
    made = shared(images, images).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(made, ColourMap(expected.T)(INPUTS[:2]), atol=1e-5)


def test_the_nearest_image_s_map_is_taken():
    targets = np.clip(INPUTS * RANDOM.uniform(0.5, 1.4, (30, 1, 1, 3)), 0, 1)
    nearest, two = NearestMaps(30, 1), NearestMaps(30, 2)
    nearest.fit(INPUTS, targets, INPUTS)
    two.fit(INPUTS, targets, INPUTS)
    matrices = image_matrices(INPUTS, targets)
    images = as_tensor(INPUTS)
    # Of a training image itself: its own.
    np.testing.assert_allclose(nearest.matrix(images).numpy(), matrices, atol=1e-5)
    known = statistics(images).numpy()
    distances = np.linalg.norm(known - known[4], axis=1)
    expected = matrices[np.argsort(distances)[:2]].mean(axis=0)
    np.testing.assert_allclose(two.matrix(images[4:5])[0].numpy(), expected, atol=1e-5)


def test_a_rule_that_is_linear_in_the_statistics_is_found():
    given = statistics(as_tensor(INPUTS)).numpy()
    start = ColourMap.identity().matrix
    # Brighter images are darkened: the gain is linear in a quantile.
    gains = 1 - 0.2 * given[:, 3]
    targets = np.stack([image * gain for image, gain in zip(INPUTS, gains, strict=True)])
    ridge = RidgeMaps(penalty=1e-8)
    ridge.fit(INPUTS[:28], targets[:28], INPUTS[:28])
    made = ridge(as_tensor(INPUTS[28:]), as_tensor(INPUTS[28:])).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(made, targets[28:], atol=0.03)
    stiff = RidgeMaps(penalty=1e6)
    stiff.fit(INPUTS, targets, INPUTS)
    mean = image_matrices(INPUTS, targets).mean(axis=0)
    np.testing.assert_allclose(stiff.matrix(as_tensor(INPUTS[:1]))[0].numpy(), mean, atol=1e-4)
    assert mean.shape == start.shape


def test_an_oracle_is_nothing_without_the_answer():
    with pytest.raises(ValueError, match="needs the wanted images"):
        Oracle("quadratic")(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8))
    wanted = ColourMap.identity("affine").at_strength(0.5)(INPUTS[0])
    np.testing.assert_allclose(Oracle("affine").map_to(INPUTS[0], wanted)(INPUTS[0]), wanted, atol=1e-6)
