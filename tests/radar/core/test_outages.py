"""Images that say dry where it rained: found in rain that only moves, and in none that no one has tampered with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from hypernet.radar.core.frames import quantised, to_grey
from hypernet.radar.core.outages import outages
from hypernet.radar.sources.readers import read_files
from hypernet.radar.sources.storms import event

NOWHERE = np.zeros((100, 100), dtype=bool)


def rain(index, frames=6):
    """Simulated rain, uint8 ``[T, 100, 100]``."""
    return quantised(to_grey(event(5, index, 100, frames)))


def moving():
    """A field with rain on 60 % of the area that moves 2 pixels south and 4 east a step."""
    noise = gaussian_filter(np.random.default_rng(0).standard_normal((100, 100)), 6, mode="wrap")
    field = np.where(noise > np.quantile(noise, 0.4), 90, 0).astype(np.uint8)
    return np.stack([np.roll(field, (2 * step, 4 * step), axis=(0, 1)) for step in range(6)])


# Of the first events those with much rain: where there is little, a blank image says little.
WET = [index for index in range(8) if (rain(index, 1) > 0).mean() > 0.15][:3]


def blanked(grey, *places, part=np.s_[:, :]):
    spoilt = grey.copy()
    for place in places:
        spoilt[place][part] = 0
    return spoilt


@pytest.mark.parametrize("index", WET)
@pytest.mark.parametrize("places", [(0,), (1,), (2,), (5,), (2, 3), (1, 2, 3), (0, 1), (4, 5), (1, 4)], ids=str)
def test_blank_images_among_wet_ones(index, places):
    assert np.flatnonzero(outages(blanked(rain(index), *places), NOWHERE)).tolist() == list(places)


@pytest.mark.parametrize(
    ("part", "place"),
    [
        (np.s_[50:, :], 2),
        (np.s_[:, :80], 2),
        (np.s_[38:62, :], 3),
        (np.s_[:, 38:62], 1),
        (np.s_[:, :80], 0),
        (np.s_[:, :80], 5),
    ],
    ids=["lower half", "most", "rows", "columns", "most of the first", "most of the last"],
)
def test_a_part_of_an_image_that_was_not_heard(part, place):
    grey = moving()
    assert not outages(grey, NOWHERE).any()
    assert np.flatnonzero(outages(blanked(grey, place, part=part), NOWHERE)).tolist() == [place]


@pytest.mark.parametrize("scale", [0.02, 0.3, 3.0])
def test_the_scale_of_the_grey_levels_does_not_matter(scale):
    grey = blanked(rain(WET[0]), 2).astype(np.float32)
    assert np.array_equal(outages(grey * scale, NOWHERE), outages(grey, NOWHERE))


def test_some_clutter_that_is_left_does_not_hide_an_outage():
    grey = blanked(rain(WET[0]), 2)
    grey[2, 3::25, 3::25] = 100
    assert outages(grey, NOWHERE).tolist() == [False, False, True, False, False, False]


def test_an_image_of_one_level_is_as_good_as_blank():
    grey = rain(WET[0])
    grey[2] = 120
    assert outages(grey, NOWHERE).tolist() == [False, False, True, False, False, False]


def test_what_is_declared_missing_is_no_outage():
    grey = blanked(moving(), 2, part=np.s_[:, 30:])
    missing = np.zeros(grey.shape, dtype=bool)
    missing[2, :, 30:] = True
    assert not outages(grey, missing).any()
    assert outages(grey, NOWHERE)[2]


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_few_images_and_dry_ones(frames):
    assert outages(np.zeros((frames, 100, 100), np.uint8), NOWHERE).tolist() == [False] * frames
    assert not outages(rain(WET[0], max(frames, 1))[:frames], NOWHERE).any()


def test_a_band_that_leaves_the_image_is_no_outage():
    """A band 20 pixels wide, 15 pixels a step eastwards: at the end nothing is left of it."""
    behind = np.arange(100) - 15 * np.arange(9)[:, None]
    grey = np.repeat(np.where((behind >= 0) & (behind < 20), 90, 0).astype(np.uint8)[:, None], 100, axis=1)
    assert not outages(grey, NOWHERE).any()
    assert not outages(grey[::-1], NOWHERE).any()


@given(st.integers(0, 60), st.sampled_from([1, 2]))
@settings(max_examples=10, deadline=None)
def test_simulated_rain_has_none(index, stride):
    assert not outages(rain(index, 12)[::stride], NOWHERE).any()


@pytest.mark.parametrize(
    ("folder", "stride"), [("fmi/20160928", 2), ("fmi/20170509", 2), ("knmi", 2), ("bom", 1), ("mch", 2)]
)
def test_real_rain_has_none(folder, stride, radar_folder):
    sequence = read_files(sorted(path for path in radar_folder(folder).iterdir() if path.is_file())[: 8 * stride])
    for phase in range(stride):
        missing = sequence.missing if sequence.missing.ndim == 2 else sequence.missing[phase::stride]
        assert not outages(sequence.grey[phase::stride], missing).any()
