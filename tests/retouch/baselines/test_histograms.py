"""What needs no training, against Pillow, scikit-image and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.retouch.baselines.histograms import AutoContrast, Clahe, Equalize, GreyWorld
from hypernet.retouch.core.degradation import to_encoded, to_linear

METHODS = {
    "grey world": GreyWorld,
    "grey world, linear": lambda: GreyWorld(linear=True),
    "auto-contrast": AutoContrast,
    "equalize": Equalize,
    "clahe": Clahe,
}


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return pytest.importorskip("skimage.data").coffee()


def batch(*pictures: np.ndarray) -> torch.Tensor:
    """uint8 or float ``[H, W, 3]`` to float64 ``[B, 3, H, W]`` in [0, 1]."""
    stacked = np.stack(pictures)
    return torch.from_numpy(stacked / (255 if stacked.dtype == np.uint8 else 1)).permute(0, 3, 1, 2)


def retouched(method, images: torch.Tensor) -> torch.Tensor:
    return method(images, images[:, :, :8, :8])


@pytest.mark.parametrize("name", list(METHODS))
@pytest.mark.parametrize("size", [(8, 8), (9, 31), (40, 17)])
def test_images_of_a_batch_do_not_see_each_other(name, size):
    pytest.importorskip("skimage")
    torch.manual_seed(0)
    method, images = METHODS[name](), torch.rand(3, 3, *size)
    together = retouched(method, images)
    assert together.shape == images.shape
    assert together.dtype == images.dtype
    assert torch.isfinite(together).all()
    torch.testing.assert_close(together, torch.cat([retouched(method, image[None]) for image in images]))


@pytest.mark.parametrize("name", list(METHODS))
def test_black_stays_black(name):
    pytest.importorskip("skimage")
    assert torch.equal(retouched(METHODS[name](), torch.zeros(1, 3, 9, 9)), torch.zeros(1, 3, 9, 9))


# --- grey world -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("linear", [False, True])
def test_a_grey_world_has_means_equal_to_their_mean(linear):
    torch.manual_seed(0)
    images = torch.rand(2, 3, 20, 30, dtype=torch.float64) * torch.tensor([0.9, 0.5, 0.2])[:, None, None]
    made = retouched(GreyWorld(linear), images)
    before, after = (to_linear(each) if linear else each for each in (images, made))
    expected = before.mean(dim=(1, 2, 3))[:, None].expand(2, 3)
    torch.testing.assert_close(after.mean(dim=(2, 3)), expected)
    # A scale of each channel and nothing else.
    ratio = after / before
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))


def test_a_cast_of_light_is_undone():
    torch.manual_seed(0)
    grey = torch.rand(1, 1, 20, 30, dtype=torch.float64).expand(1, 3, 20, 30) * 0.5
    cast = to_encoded(to_linear(grey) * torch.tensor([1.2, 1.0, 0.8], dtype=torch.float64)[:, None, None])
    torch.testing.assert_close(retouched(GreyWorld(linear=True), cast), grey)


def test_a_channel_without_light_stays_dark():
    images = torch.rand(1, 3, 9, 9)
    images[:, 2] = 0
    assert torch.equal(retouched(GreyWorld(), images)[:, 2], images[:, 2])


# --- auto-contrast --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cutoff", [0.005, 0.02])
def test_auto_contrast_is_pillow_s(cutoff, coffee):
    from PIL import Image, ImageOps

    made = retouched(AutoContrast(cutoff), batch(coffee))[0].permute(1, 2, 0).clamp(0, 1).numpy()
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(coffee), cutoff=100 * cutoff)) / 255
    # Pillow cuts what is behind the point to whole levels.
    np.testing.assert_allclose(made - 0.5 / 255, expected, atol=0.51 / 255)


def test_quantiles_go_to_black_and_white():
    ramp = torch.linspace(0.2, 0.7, 201, dtype=torch.float64)
    images = torch.stack([ramp, ramp.flip(0), ramp / 2])[None, :, :, None].expand(1, 3, 201, 8)
    made = retouched(AutoContrast(0.1), images)
    # With 201 * 8 values, a tenth is between two equal values of the ramp, 20 from its end.
    expected = (torch.arange(201, dtype=torch.float64) - 20) / 160
    torch.testing.assert_close(made[0, :, :, 3], torch.stack([expected, expected.flip(0), expected]))


def test_flat_images_are_not_torn_apart():
    images = 0.5 + 0.01 * torch.rand(1, 3, 30, 30)
    made = retouched(AutoContrast(0.0, least_span=0.05), images)
    assert float(made.amax() - made.amin()) < 0.01 / 0.05 + 1e-4
    torch.testing.assert_close(made.diff(dim=3), images.diff(dim=3) / 0.05, atol=1e-5, rtol=1e-4)


# --- equalisation ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bins", [64, 256])
def test_equalisation_is_scikit_image_s_of_value(bins, coffee):
    from skimage import color, exposure

    hsv = color.rgb2hsv(coffee)
    hsv[..., 2] = exposure.equalize_hist(hsv[..., 2], nbins=bins)
    made = retouched(Equalize(bins), batch(coffee))[0].permute(1, 2, 0)
    np.testing.assert_allclose(made, color.hsv2rgb(hsv), atol=1e-9)


@pytest.mark.parametrize(("clip_limit", "tiles"), [(0.01, 8), (0.03, 4)])
def test_clahe_is_scikit_image_s_of_colours(clip_limit, tiles, coffee):
    from skimage import exposure

    small = coffee[::3, ::3]
    kernel = [side // tiles for side in small.shape[:2]]
    expected = exposure.equalize_adapthist(small, kernel_size=kernel, clip_limit=clip_limit)
    made = retouched(Clahe(clip_limit, tiles), batch(small))[0].permute(1, 2, 0)
    # Its own way through hue is in single precision.
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("method", [Equalize(), Clahe()])
def test_an_image_of_a_single_brightness_is_left_alone(method):
    pytest.importorskip("skimage")
    images = torch.full((1, 3, 16, 16), 0.25)
    images[:, 1, 3:7] = 0.125
    torch.testing.assert_close(retouched(method, images), images)


def test_black_among_others_becomes_the_grey_of_its_share():
    pytest.importorskip("skimage")
    images = torch.zeros(1, 3, 16, 16)
    images[:, 0, 4:] = 0.75
    made = retouched(Equalize(), images)
    # A quarter of the pixels is black; equalize_hist gives a value the share of those up to it.
    torch.testing.assert_close(made[:, :, :4], torch.full((1, 3, 4, 16), 0.25))
    torch.testing.assert_close(made[:, :, 4:], torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, 12, 16))
