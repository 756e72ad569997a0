"""Interpolation against torch and Pillow, and the protocol's table on the official digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from hypernet.superres.baselines.convolutions import InterpolatedFirst, SubPixel
from hypernet.superres.baselines.resampling import Resampling
from hypernet.superres.core.grids import Window, area_mean
from hypernet.superres.core.metrics import consistency, psnr
from hypernet.superres.sources.idx import read_idx


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(32, 32), (13, 29), (5, 7)])
def test_torch_s_kernels_are_interpolate(kernel, size):
    low = torch.rand(2, 8, 8)
    options = {} if kernel == "nearest" else {"align_corners": False}
    # `nearest` of interpolate takes the pixel at the corner; `nearest-exact` is the one of the centre.
    mode = "nearest-exact" if kernel == "nearest" else kernel
    expected = F.interpolate(low[:, None], size, mode=mode, **options)[:, 0]
    torch.testing.assert_close(Resampling(kernel)(low, *size), expected, atol=1e-5, rtol=1e-5)


def test_lanczos_is_pillow_s():
    low = torch.rand(1, 8, 8)
    expected = np.asarray(Image.fromarray(low[0].numpy()).resize((29, 13), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(Resampling("lanczos")(low, 13, 29)[0].numpy(), expected)


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_a_window_is_the_part_of_a_larger_image(kernel):
    low = torch.rand(1, 8, 8)
    part = Resampling(kernel)(low, 16, 8, Window(0.5, 0.25, 1.0, 0.5))
    torch.testing.assert_close(part, Resampling(kernel)(low, 32, 32)[:, 16:, 8:16], atol=1e-5, rtol=1e-5)


# PSNR in dB on the first 1,000 test images: x4, x2, x8.
TABLE = {
    "nearest": (15.10, 19.289, 13.277),
    "bilinear": (15.25, 19.646, 13.293),
    "bicubic": (15.75, 21.620, 13.447),
    "lanczos": (15.84, 21.945, 13.476),
}


@pytest.mark.parametrize("kernel", list(TABLE))
def test_the_protocol_s_table_on_the_official_digits(kernel, mirror):
    digits = read_idx(mirror / "t10k-images-idx3-ubyte.gz")[:1000]
    high = F.pad(torch.from_numpy(digits.astype(np.float32)) / 255, (2, 2, 2, 2))
    for scale, expected in zip((4, 2, 8), TABLE[kernel], strict=True):
        low = area_mean(high, 32 // scale, 32 // scale)
        made = Resampling(kernel)(low, 32, 32)
        assert float(psnr(made, high).mean()) == pytest.approx(expected, abs=0.02 if kernel == "lanczos" else 0.01)
        if kernel == "nearest":
            assert (consistency(made, low) > 100).all()


def test_sub_pixels_are_torch_s_pixel_shuffle():
    network, low = SubPixel((4, 4)), torch.rand(2, 8, 8)
    expected = F.pixel_shuffle(network.layers(low[:, None]), 4)[:, 0]
    assert torch.equal(network(low), expected)
    assert SubPixel((4, 2))(torch.rand(2, 8, 16)).shape == (2, 32, 32)


def test_sizes_of_the_convolutional_networks():
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    assert count(SubPixel((4, 4))) == 24_752
    # 9-1-5 with 64 and 32 channels of one colour.
    assert count(InterpolatedFirst((4, 4))) == 81 * 64 + 64 + 64 * 32 + 32 + 25 * 32 + 1
    assert InterpolatedFirst((4, 2))(torch.rand(2, 8, 16)).shape == (2, 32, 32)
