"""Sliders: each by its formula, together in the stated order, and after any map a single one."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.core.adjustments import Adjustments, adjusted
from hypernet.retouch.core.colour_map import ColourMap

COLOURS = np.random.default_rng(0).random((500, 3))
GREYS = np.linspace(0, 1, 11)[:, None].repeat(3, axis=1)


def luma(colours):
    return 0.2126 * colours[..., 0] + 0.7152 * colours[..., 1] + 0.0722 * colours[..., 2]


def through(colours, **sliders):
    affine = Adjustments(**sliders).affine()
    return colours @ affine[:, :3].T + affine[:, 3]


def drawn_map(basis, size):
    rng = np.random.default_rng(1)
    return ColourMap(ColourMap.identity(basis).matrix + 0.1 * rng.normal(size=(3, size)))


def test_sliders_at_nought_change_nothing_to_the_last_bit():
    np.testing.assert_array_equal(Adjustments().affine(), np.eye(3, 4))
    colour_map = drawn_map("quadratic", 10)
    np.testing.assert_array_equal(adjusted(colour_map, Adjustments()).matrix, colour_map.matrix)
    np.testing.assert_array_equal(adjusted(colour_map, Adjustments(), 0.0).matrix, ColourMap.identity().matrix)


@pytest.mark.parametrize(("ev", "gain"), [(2.2, 2.0), (-2.2, 0.5), (1.1, 2**0.5)])
def test_exposure_is_a_gain_of_encoded_values(ev, gain):
    np.testing.assert_allclose(through(COLOURS, exposure=ev), gain * COLOURS, atol=1e-15)


def test_exposure_is_near_a_gain_of_linear_light_in_the_middle():
    encoded = np.linspace(0.3, 0.8, 20)[:, None].repeat(3, axis=1)

    def linear(values):
        return ((values + 0.055) / 1.055) ** 2.4

    stops = np.log2(linear(through(encoded, exposure=0.5)) / linear(encoded))
    assert np.abs(stops - 0.5).max() < 0.04


@pytest.mark.parametrize(("slider", "up", "down"), [("temperature", 0, 2), ("tint", (0, 2), 1)])
def test_temperature_and_tint_colour_greys_and_keep_their_luma(slider, up, down):
    for value in (-100, -30, 60, 100):
        coloured = through(GREYS[1:], **{slider: value})
        np.testing.assert_allclose(luma(coloured), GREYS[1:, 0], atol=1e-12)
        sign = np.sign(value)
        assert (sign * (coloured[:, up] - coloured[:, [down] * np.size(up)].reshape(coloured[:, up].shape)) > 0).all()
    np.testing.assert_allclose(through(np.ones(3), temperature=100)[[0, 2]], np.array([1.3, 0.7]) / 1.04212, atol=1e-12)
    np.testing.assert_allclose(through(np.ones(3), tint=100), np.array([1, 0.8, 1]) / 0.85696, atol=1e-12)


def test_contrast_turns_about_mid_grey():
    np.testing.assert_allclose(through(COLOURS, contrast=100), 2 * COLOURS - 0.5, atol=1e-15)
    np.testing.assert_allclose(through(COLOURS, contrast=-100), 0.5 * COLOURS + 0.25, atol=1e-15)
    there_and_back = through(through(COLOURS, contrast=37), contrast=-37)
    np.testing.assert_allclose(there_and_back, COLOURS, atol=1e-12)


def test_saturation_moves_along_the_line_to_grey():
    grey = through(COLOURS, saturation=-100)
    np.testing.assert_allclose(grey, luma(COLOURS)[:, None].repeat(3, axis=1), atol=1e-12)
    for value in (-40, 100):
        changed = through(COLOURS, saturation=value)
        np.testing.assert_allclose(luma(changed), luma(COLOURS), atol=1e-12)
        np.testing.assert_allclose(changed - grey, (1 + value / 100) * (COLOURS - grey), atol=1e-12)
    np.testing.assert_allclose(through(GREYS, saturation=80), GREYS, atol=1e-12)


@pytest.mark.parametrize(("basis", "size"), [("affine", 4), ("quadratic", 10), ("cubic", 20)])
def test_a_map_at_a_strength_and_then_each_slider_in_order_is_a_single_map(basis, size):
    colour_map = drawn_map(basis, size)
    sliders = {"exposure": 0.7, "temperature": 35.0, "tint": -20.0, "contrast": 25.0, "saturation": -30.0}
    step = COLOURS + 1.2 * (colour_map(COLOURS) - COLOURS)
    step = through(step, exposure=0.7)
    gains = np.array([1 + 0.3 * 0.35, 1 + 0.2 * 0.2, 1 - 0.3 * 0.35])
    step = step * gains / luma(gains)
    step = through(through(step, contrast=25.0), saturation=-30.0)
    single = adjusted(colour_map, Adjustments(**sliders), 1.2)
    assert single.basis == basis
    np.testing.assert_allclose(single(COLOURS), step, atol=1e-12)


@pytest.mark.parametrize(
    ("sliders", "words"),
    [
        ({"exposure": 3.5}, "exposure 3.5: it must be from -3 to 3"),
        ({"contrast": -101}, "contrast -101: it must be from -100 to 100"),
        ({"tint": float("nan")}, "tint nan"),
        ({"saturation": float("inf")}, "saturation inf"),
    ],
)
def test_a_slider_outside_its_range_is_refused(sliders, words):
    with pytest.raises(UserError, match=words):
        Adjustments(**sliders)


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan")])
def test_a_strength_outside_its_range_is_refused(strength):
    with pytest.raises(UserError, match=r"from 0 to 1\.5"):
        adjusted(ColourMap.identity(), Adjustments(), strength)
