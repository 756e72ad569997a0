"""The made pairs: the published means and limits, closed forms, and a second implementation of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.retouch.core.degradation import (
    LOOKS,
    PARAMETERS,
    degrade,
    degrade_image,
    draw_parameters,
    look,
    look_image,
    to_encoded,
    to_linear,
)
from hypernet.retouch.sources.photographs import packaged_file

NEUTRAL = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0])
LUMA = np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def clean():
    """Full-size photographs as their files have them."""
    image = pytest.importorskip("PIL.Image")
    return {name: np.asarray(image.open(packaged_file(name)).convert("RGB")) for name in ("coffee", "astronaut")}


def psnr(made, wanted):
    return -10 * np.log10(np.square(made - wanted).mean())


def fitted(inputs, targets, with_products):
    """Targets as the best linear combinations of monomials, clamped."""
    red, green, blue = np.moveaxis(inputs.reshape(-1, 3), -1, 0)
    columns = [red, green, blue, np.ones_like(red)]
    if with_products:
        columns += [red**2, green**2, blue**2, red * green, red * blue, green * blue]
    features = np.stack(columns, axis=1)
    matrix = np.linalg.lstsq(features, targets.reshape(-1, 3), rcond=None)[0]
    return np.clip(features @ matrix, 0, 1).reshape(targets.shape)


# Section 11, test 3, of the specification.
@pytest.mark.parametrize(
    ("name", "parameters", "means", "identity", "affine", "quadratic"),
    [
        ("coffee", (-0.9, 0.25, -0.2, 0.75, 0.7, 0.3), (98.7249, 64.6243, 50.2444), 14.9998, 42.014, 49.168),
        ("astronaut", (-1, 0, 0, 0.7, 0.8, 0.5), (78.419, 63.9564, 60.4636), 11.9813, 33.395, 43.676),
    ],
)
def test_the_degradation_is_that_of_the_specification(clean, name, parameters, means, identity, affine, quadratic):
    degraded = degrade_image(clean[name], np.array([*parameters, *2 * parameters[-1:]]))
    assert degraded.dtype == np.uint8
    np.testing.assert_allclose(degraded.mean(axis=(0, 1)), means, atol=0.01)
    inputs, targets = degraded / 255, clean[name] / 255
    assert psnr(inputs, targets) == pytest.approx(identity, abs=1e-4)
    assert psnr(fitted(inputs, targets, False), targets) == pytest.approx(affine, abs=2e-3)
    assert psnr(fitted(inputs, targets, True), targets) == pytest.approx(quadratic, abs=2e-3)


def expected_degradation(colours, parameters):
    """Of colours [n, 3], step by step and a channel at a time, before the rounding."""
    ev, wr, wb, contrast, saturation, *exponents = parameters
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    for channel, stops in enumerate((ev + wr, ev, ev + wb)):
        linear[:, channel] = np.minimum(linear[:, channel] * 2**stops, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    flat = (encoded - 0.5) * contrast + 0.5
    luma = flat @ LUMA
    for channel in range(3):
        mixed = np.clip((1 - saturation) * luma + saturation * flat[:, channel], 0, 1)
        flat[:, channel] = mixed ** (2 ** exponents[channel])
    return flat


def test_another_writing_of_the_degradation_agrees():
    generator = np.random.default_rng(1)
    colours = generator.random((200, 50, 3))
    colours[0] = np.linspace(0, 1, 50)[:, None]
    for row, parameters in zip(colours, draw_parameters(generator, 200), strict=True):
        made = degrade_image(row[None], parameters)[0]
        expected = 255 * expected_degradation(row, parameters)
        assert np.abs(made - expected).max() < 0.5 + 1e-9


def test_the_look_is_that_of_the_specification():
    colours = np.random.default_rng(2).random((7, 9, 3))
    curved = colours - 0.06 * np.sin(2 * np.pi * colours)
    luma = (curved @ LUMA)[..., None]
    vivid = luma + 1.15 * (curved - luma)
    expected = np.clip(0.04 + 0.92 * vivid * [1.04, 1.00, 0.90], 0, 1)
    np.testing.assert_allclose(look_image(colours), expected, atol=1e-12)
    # Black is lifted, and white is warm.
    np.testing.assert_allclose(look_image(np.zeros((1, 1, 3)))[0, 0], 0.04)
    np.testing.assert_allclose(look_image(np.full((1, 1, 3), 255, np.uint8))[0, 0], [0.9968, 0.96, 0.868])


def test_no_look_changes_nothing():
    images = torch.rand(2, 3, 5)
    assert LOOKS["none"](images) is images
    assert LOOKS["expert"] is look
    pixels = np.random.default_rng(3).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    assert (look_image(pixels, "none") == pixels / 255).all()


def test_neutral_parameters_change_nothing():
    every_level = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    mixed = np.random.default_rng(4).permutation(every_level.ravel()).reshape(16, 16, 3)
    for pixels in (every_level, mixed):
        assert (degrade_image(pixels, NEUTRAL) == pixels).all()
    images = torch.from_numpy(mixed / np.float32(255)).permute(2, 0, 1)[None]
    assert torch.equal(degrade(images, torch.from_numpy(NEUTRAL)[None]), images)


@pytest.mark.parametrize("index", range(8))
def test_every_parameter_does_what_its_name_says(index):
    grey, red = np.full((1, 1, 3), 128, np.uint8), np.array([[[200, 100, 100]]], np.uint8)
    parameters = NEUTRAL.copy()
    parameters[index] += -0.5 if PARAMETERS[index] in ("c", "s") else 0.5
    of_grey, of_red = (degrade_image(pixels, parameters)[0, 0].astype(int) for pixels in (grey, red))
    if PARAMETERS[index] == "ev":
        # Half a stop more of linear light.
        expected = 1.055 * (2**0.5 * ((128 / 255 + 0.055) / 1.055) ** 2.4) ** (1 / 2.4) - 0.055
        assert (of_grey == round(255 * expected)).all()
    elif PARAMETERS[index] == "c":
        assert (of_grey == 128).all()
        assert of_red[0] == round(127.5 + 0.5 * 72.5)
    elif PARAMETERS[index] == "s":
        assert (of_grey == 128).all()
        assert of_red[0] - of_red[1] == 50
    else:
        channel = {"wr": 0, "wb": 2, "g_r": 0, "g_g": 1, "g_b": 2}[PARAMETERS[index]]
        others = [other for other in range(3) if other != channel]
        assert (of_grey[others] == 128).all()
        darker = PARAMETERS[index].startswith("g")
        assert (of_grey[channel] < 128) == darker
        if darker:
            assert of_grey[channel] == round(255 * (128 / 255) ** (2**0.5))


def test_batches_and_shapes_do_not_matter():
    generator = np.random.default_rng(5)
    images = torch.from_numpy(generator.random((6, 3, 8, 10)))
    parameters = torch.from_numpy(draw_parameters(generator, 6))
    together = degrade(images, parameters)
    assert torch.equal(degrade(images.flatten(2), parameters), together.flatten(2))
    assert torch.equal(look(images.flatten(2)), look(images).flatten(2))
    for number in range(6):
        alone = degrade(images[number : number + 1], parameters[number : number + 1])[0]
        assert torch.equal(alone, together[number])
        levels = degrade_image(images[number].permute(1, 2, 0).numpy(), parameters[number].numpy())
        np.testing.assert_allclose(levels / 255, alone.permute(1, 2, 0), atol=1e-12)
    # Single precision differs by a level where a value lies between two.
    single = degrade(images.float(), parameters)
    assert single.dtype == torch.float32
    difference = (255 * (single - together.float())).abs()
    assert difference.max() < 1.01
    assert (difference > 0.5).float().mean() < 1e-3


@given(st.integers(0, 2**32 - 1))
def test_results_are_levels_of_8_bits(seed):
    generator = np.random.default_rng(seed)
    images = torch.from_numpy(generator.random((2, 3, 16))).float()
    images[0, :, 0], images[0, :, 1] = 0, 1
    made = degrade(images, torch.from_numpy(draw_parameters(generator, 2)))
    assert made.min() >= 0
    assert made.max() <= 1
    assert torch.equal((made * 255).round() / 255, made)


def test_the_curves_are_those_of_the_standard():
    encoded = torch.tensor([0.0, 0.04, 0.04045, 0.5, 0.7353569830524495, 1.0], dtype=torch.float64)
    linear = [0.0, 0.04 / 12.92, 0.04045 / 12.92, 0.21404114048223255, 0.5, 1.0]
    np.testing.assert_allclose(to_linear(encoded), linear, atol=1e-15)
    levels = torch.linspace(0, 1, 1001, dtype=torch.float64)
    # The two pieces of the standard miss each other by 3e-8.
    np.testing.assert_allclose(to_encoded(to_linear(levels)), levels, atol=1e-7)


def test_the_curves_are_those_of_scikit_image():
    colour = pytest.importorskip("skimage.color")
    colours = np.random.default_rng(6).random((50, 3))
    to_xyz = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    linear = to_linear(torch.from_numpy(colours)).numpy()
    np.testing.assert_allclose(linear @ to_xyz.T, colour.rgb2xyz(colours), atol=1e-12)
    np.testing.assert_allclose(to_encoded(torch.from_numpy(linear)), colours, atol=1e-7)


def test_gradients_are_finite_everywhere():
    values = torch.tensor([-0.5, 0.0, 1e-8, 0.003, 0.04, 0.5, 1.0, 1.5])
    for curve in (to_linear, to_encoded):
        leaf = values.clone().requires_grad_()
        curve(leaf).sum().backward()
        assert leaf.grad.isfinite().all()
        assert (leaf.grad > 0).all()
    images = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1).expand(1, 3, 4).clone().requires_grad_()
    (degrade(images, torch.from_numpy(NEUTRAL - 0.3)[None]) + look(images)).sum().backward()
    assert images.grad.isfinite().all()


def test_parameters_are_drawn_from_their_ranges():
    drawn = draw_parameters(np.random.default_rng(7), 5000)
    assert drawn.shape == (5000, 8)
    lowest = np.array([-1.2, -0.35, -0.35, 0.6, 0.5, -0.95, -0.95, -0.95])
    highest = np.array([0.3, 0.35, 0.35, 1.0, 1.1, 0.95, 0.95, 0.95])
    assert (drawn >= lowest).all()
    assert (drawn <= highest).all()
    width = highest - lowest
    np.testing.assert_allclose(drawn.mean(axis=0), (lowest + highest) / 2, atol=0.02)
    # Uniform: sd = width / sqrt(12); the exponents are sums of two uniform numbers.
    np.testing.assert_allclose(drawn[:, :5].std(axis=0), width[:5] / np.sqrt(12), rtol=0.03)
    np.testing.assert_allclose(drawn[:, 5:].std(axis=0), np.sqrt((1.6**2 + 0.3**2) / 12), rtol=0.03)
    # The common part outweighs the rest, and nothing else hangs together.
    together = np.corrcoef(drawn.T)
    assert together[5:, 5:].min() > 0.95
    assert np.abs(together[:5, 5:]).max() < 0.06
    assert (np.ptp(drawn[:, 5:], axis=1) <= 0.3).all()


def test_the_first_parameters_do_not_depend_on_how_many_are_drawn():
    few, many = (draw_parameters(np.random.default_rng(8), count) for count in (3, 10))
    assert (few == many[:3]).all()
