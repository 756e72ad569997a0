"""Measures against closed forms and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.retouch.core.lab import lab
from hypernet.retouch.core.metrics import clipped_share, colour_differences, psnr, rounded, ssim

RANDOM = np.random.default_rng(0)
MADE, WANTED = (RANDOM.integers(0, 256, (40, 50, 3)).astype(np.uint8) for _ in range(2))


def test_psnr_of_a_known_error():
    image = np.full((10, 10, 3), 100, dtype=np.uint8)
    assert psnr(image + 5, image) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr(image, image) == 100


def test_ssim_is_1_for_the_same_and_torchmetrics_for_others():
    assert ssim(MADE, MADE) == pytest.approx(1)
    functional = pytest.importorskip("torchmetrics.functional.image")
    smooth = np.clip(
        np.add.outer(np.arange(40) * 3, np.arange(50) * 2)[..., None] + RANDOM.normal(0, 8, (40, 50, 3)), 0, 255
    )
    smooth = smooth.astype(np.uint8)
    first, second = (
        torch.from_numpy(image).permute(2, 0, 1)[None].double() for image in (smooth, (smooth * 0.8).astype(np.uint8))
    )
    peer = functional.structural_similarity_index_measure(first, second, sigma=1.5, kernel_size=11, data_range=255.0)
    assert ssim(smooth, (smooth * 0.8).astype(np.uint8)) == pytest.approx(float(peer), abs=2e-3)


def test_lab_is_scikit_image_s():
    from skimage.color import rgb2lab

    colours = np.concatenate([0.01 + 0.99 * RANDOM.random((500, 3)), np.ones((1, 3))])
    np.testing.assert_allclose(lab(torch.from_numpy(colours)).numpy(), rgb2lab(colours), atol=1e-3)
    # Where a channel is black its light counts as 1e-4.
    np.testing.assert_allclose(lab(torch.eye(3)).numpy(), rgb2lab(np.eye(3)), atol=0.1)


def test_lab_has_gradients_at_black_and_they_are_right_elsewhere():
    black = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    lab(black).sum().backward()
    assert torch.isfinite(black.grad).all()
    colours = torch.from_numpy(0.1 + 0.8 * RANDOM.random((4, 3))).requires_grad_()
    assert torch.autograd.gradcheck(lab, colours)


def test_colour_differences_are_colour_science_s():
    colour = pytest.importorskip("colour")
    made, wanted = (
        colour.XYZ_to_Lab(
            colour.sRGB_to_XYZ(image / 255), colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"]
        )
        for image in (MADE, WANTED)
    )
    euclidean, perceived = colour_differences(MADE, WANTED)
    assert euclidean == pytest.approx(np.linalg.norm(made - wanted, axis=-1).mean(), rel=2e-3)
    assert perceived == pytest.approx(colour.delta_E(made, wanted, method="CIE 2000").mean(), rel=2e-3)


def test_clipping_counts_what_lies_outside_by_more_than_half_a_level():
    colours = np.array([[-0.1, 0.0, 0.5], [1.001, 1.1, 1.0]])
    assert clipped_share(colours) == pytest.approx(2 / 6)
    assert rounded(colours).tolist() == [[0, 0, 128], [255, 255, 255]]
