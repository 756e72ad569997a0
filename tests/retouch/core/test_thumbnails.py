"""Thumbnails are exact means over areas, whatever the size and type of the photograph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.retouch.core.thumbnails import thumbnail


def test_of_a_multiple_it_is_the_mean_of_blocks():
    pixels = np.random.default_rng(0).integers(0, 256, (24, 36, 3)).astype(np.uint8)
    blocks = pixels.reshape(12, 2, 12, 3, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(thumbnail(pixels, 12), blocks, atol=1e-6)
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(pixels).permute(2, 0, 1).double(), 12)
    np.testing.assert_allclose(thumbnail(pixels, 12), pooled.permute(1, 2, 0).numpy() / 255, atol=1e-6)


@given(rows=st.integers(8, 700), columns=st.integers(8, 90), size=st.sampled_from([5, 16, 64]))
@settings(max_examples=25, deadline=None)
def test_the_mean_is_kept_for_any_sides(rows, columns, size):
    pixels = np.random.default_rng(rows * columns).random((rows, columns, 3)).astype(np.float32)
    small = thumbnail(pixels, size)
    assert small.shape == (size, size, 3)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), pixels.mean(axis=(0, 1)), atol=1e-5)
    assert small.min() >= pixels.min() - 1e-6
    assert small.max() <= pixels.max() + 1e-6


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_white_is_one(dtype, white):
    np.testing.assert_allclose(thumbnail(np.full((100, 80, 3), white, dtype=dtype), 64), 1.0, atol=1e-6)
