"""Measures against scikit-image and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from hypernet.superres.core.metrics import consistency, psnr, ssim


def test_psnr_is_scikit_image_s():
    made, true = torch.rand(3, 32, 32), torch.rand(3, 32, 32)
    expected = [
        peak_signal_noise_ratio(b.double().numpy(), a.double().numpy(), data_range=1)
        for a, b in zip(made, true, strict=True)
    ]
    np.testing.assert_allclose(psnr(made, true).numpy(), expected, rtol=1e-6)


def test_psnr_of_a_constant_error_is_its_own_in_decibels():
    true = torch.full((2, 4, 4), 0.5)
    np.testing.assert_allclose(psnr(true + 0.1, true).numpy(), 20, rtol=1e-5)


def test_equal_images_have_a_finite_psnr_and_values_are_clamped_first():
    black = torch.zeros(1, 4, 4)
    assert psnr(black, black).tolist() == [120]
    assert psnr(black - 3, black).tolist() == [120]
    with pytest.raises(ValueError, match=r"\[1, 4, 4\].*\[1, 4, 5\]"):
        psnr(black, torch.zeros(1, 4, 5))


def test_ssim_is_that_of_wang_et_al():
    made, true = torch.rand(2, 32, 32), torch.rand(2, 32, 32)
    expected = [
        structural_similarity(
            a.double().numpy(), b.double().numpy(), win_size=11, data_range=1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(made, true, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(ssim(made, true), expected, rtol=1e-9)


def test_an_image_of_repeated_pixels_is_consistent():
    low = torch.rand(2, 8, 8)
    assert (consistency(low.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2), low) > 110).all()
