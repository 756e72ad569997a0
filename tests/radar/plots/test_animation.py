"""Panels, the scale of rain, and animations."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from hypernet.radar.core.frames import dbz_of_rain_rate
from hypernet.radar.plots.animation import PANEL, compose, resized, write_animation
from hypernet.radar.plots.colours import NO_DATA, TICKS_DBZ, rgb, scale


def moving_rain() -> np.ndarray:
    """Five images, float32 ``[5, 100, 100]``."""
    field = gaussian_filter(np.random.default_rng(1).standard_normal((130, 130)), 5)
    field = (0.55 * field / field.std() + 0.05).clip(0, 1).astype(np.float32)
    return np.stack([field[:100, 4 * step : 100 + 4 * step] for step in range(5)])


def test_colours_of_grey_levels():
    levels = scale()
    assert levels.shape == (256, 3)
    # All told apart from no data, and heavy rain is darker than moderate rain.
    assert (np.abs(levels.astype(int) - NO_DATA).max(axis=1) > 20).all()
    luminance = levels @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[150:]) <= 1e-9).all()
    np.testing.assert_array_equal(rgb(np.array([0.0, 1.0, np.nan])), [levels[0], levels[255], NO_DATA])


@pytest.mark.parametrize(("shape", "factor"), [((100, 80), 3), ((400, 300), 1), ((1500, 900), 1)])
def test_panels_are_enlarged_by_whole_factors_and_bounded(shape, factor):
    picture = compose({"Title": np.zeros(shape)})
    assert picture.height > min(factor * shape[0], PANEL // 2)
    assert picture.width < 2 * PANEL


def test_averaged_panels_keep_the_mean_and_what_is_missing():
    grey = np.random.default_rng(0).random((1500, 1500)).astype(np.float32)
    grey[:48] = np.nan
    small = resized(grey, (500, 500))
    assert small.shape == (500, 500)
    assert np.isnan(small[:16]).all()
    assert np.nanmean(small) == pytest.approx(np.nanmean(grey), rel=1e-4)


def test_pixels_are_known_where_half_of_them_is():
    grey = np.array([[1.0, np.nan, np.nan, np.nan], [1.0, np.nan, np.nan, 0.5]], dtype=np.float32)
    np.testing.assert_array_equal(resized(grey, (2, 1)), [[1.0, np.nan]])
    np.testing.assert_array_equal(resized(grey[:, :1], (2, 4)), np.ones((4, 2)))


def test_rain_rates_of_the_scale_are_those_of_marshall_and_palmer():
    """The bar's upper end is 70 dBZ: 10 log10(200 R^1.6) = 70 at R = 865 mm/h."""
    assert dbz_of_rain_rate(np.array(865.0)) == pytest.approx(TICKS_DBZ[-1], abs=0.01)


def test_animations_have_the_same_bytes_every_time(tmp_path):
    for name in ("one.gif", "two.gif"):
        pictures = [compose({"Rain": image}, "note") for image in moving_rain()]
        write_animation(tmp_path / name, pictures, [300, 300, 300, 300, 900])
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()
    with Image.open(tmp_path / "one.gif") as animation:
        assert animation.n_frames == 5
        assert animation.info["loop"] == 0
        durations = []
        for number in range(5):
            animation.seek(number)
            durations.append(animation.info["duration"])
    assert durations == [300, 300, 300, 300, 900]


def test_colours_of_an_animation_are_those_of_the_scale(tmp_path):
    grey = np.linspace(0, 1, 90).reshape(1, 90).repeat(60, axis=0)
    picture = compose({"Rain": grey})
    write_animation(tmp_path / "a.gif", [picture, picture], [100, 100])
    with Image.open(tmp_path / "a.gif") as animation:
        shown = np.asarray(animation.convert("RGB")).astype(int)
    difference = np.abs(shown - np.asarray(picture)).max(axis=2)
    # 223 shades stand for 256, and letters have 32 greys.
    assert np.quantile(difference, 0.99) <= 8
