"""Images in the order of time: cadence, gaps, duplicates, grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Sequence
from hypernet.radar.sources.readers.common import Frame
from hypernet.radar.sources.sequences import (
    cropped,
    follows,
    latest,
    measured_step,
    missing_share,
    nearest_to_marks,
    phases,
    stacked,
    stride_of,
    to_marks,
)

START = np.datetime64("2020-06-01T12:00:00", "s")


def times(seconds):
    return START + np.asarray(seconds, dtype="timedelta64[s]")


def sequence(seconds, shape=(4, 5), missing=None):
    """Each image's grey is its number."""
    count = len(seconds)
    grey = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, *shape))
    outside = np.zeros(shape, bool) if missing is None else missing
    x, y = np.arange(shape[1]) * 1000.0, -np.arange(shape[0]) * 1000.0
    return Sequence(grey, times(seconds), outside, x, y, "")


def frame(second, value=35.0, shape=(2, 3), **changes):
    facts = {
        "dbz": np.full(shape, value, np.float32),
        "time": times([second])[0],
        "missing": np.zeros(shape, bool),
        "x": np.arange(shape[1]) * 1000.0,
        "y": -np.arange(shape[0]) * 1000.0,
        "projection": "+proj=stere",
        "attributes": {"source": "here", "number": second},
    }
    return Frame(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time": np.datetime64("NaT", "s")}, "at NaT"),
        ({"dbz": np.zeros((0, 0), np.float32)}, r"\(0, 0\) pixels"),
        ({"dbz": np.zeros((2, 2, 3), np.float32)}, r"\(2, 2, 3\) pixels"),
        ({"x": np.zeros(3)}, "do not rise eastwards"),
        ({"x": np.full(3, np.inf)}, "do not rise eastwards"),
        ({"y": np.arange(2.0)}, "do not rise eastwards and northwards"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_images_without_time_pixels_or_place_are_refused(changes, reason):
    with pytest.raises(UserError, match=f"^a: .*{reason}"):
        stacked([("a", frame(0, **changes)), ("b", frame(600))])


def test_images_are_sorted_by_their_times():
    joined = stacked([("b", frame(600, 70)), ("a", frame(0, 0)), ("c", frame(300, 35))])
    assert joined.time.tolist() == times([0, 300, 600]).tolist()
    assert joined.grey[:, 0, 0].tolist() == [0, 128, 255]
    assert joined.missing.shape == (2, 3)
    # What is not the same for all images does not describe the sequence.
    assert joined.attributes == {"source": "here"}


def test_masks_that_change_are_kept_for_each_image():
    gone = np.array([[True, False, False]] * 2)
    joined = stacked([("b", frame(600, missing=gone)), ("a", frame(0))])
    assert joined.missing.shape == (2, 2, 3)
    assert np.array_equal(joined.missing[1], gone)
    assert missing_share(joined) == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (frame(600, shape=(3, 3)), r"b: another grid than a: \(3, 3\) pixels, not \(2, 3\)"),
        (frame(600, x=np.arange(3) * 500.0), "b: another grid than a: its corner at 0, 0 m"),
        (frame(600, y=-1000.0 * np.arange(2) - 50), "b: another grid than a: its corner at 0, -50 m, not 0, 0 m"),
        (frame(600, projection="+proj=laea"), "b: another grid than a: projection '[+]proj=laea', not '[+]proj=stere'"),
        (frame(0), "1 times occur twice: 2020-06-01T12:00:00; the first in a and b"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(second, reason):
    with pytest.raises(UserError, match=reason):
        stacked([("a", frame(0)), ("b", second)])


def test_no_images():
    with pytest.raises(UserError, match="no radar images"):
        stacked([])


@given(st.floats(20, 4000))
def test_a_cadence_fits_when_a_whole_number_of_steps_makes_ten_minutes(seconds):
    step = round(seconds)
    time = times(np.arange(6) * step)
    near = [count for count in range(1, 60) if abs(count * step - 600) <= 90]
    if near:
        assert abs(stride_of(time, 600) * step - 600) == min(abs(count * step - 600) for count in near)
    else:
        with pytest.raises(
            UserError, match=r"minutes apart; accepted: 10 minutes .*, or another step_minutes, such as"
        ):
            stride_of(time, 600)


@given(
    st.sampled_from([60, 120, 150, 300, 600]),
    st.lists(st.integers(0, 60), min_size=40, max_size=61, unique=True),
    st.integers(0, 2**32 - 1),
)
@example(60, [*range(22), 23, 25, 27, 28, 30, 32, 33, 35, 37, 39, 41, 42, 44, 46, 48, 50, 52, 54], 0)
@settings(max_examples=80, deadline=None)
def test_phases_hold_each_image_once_ten_minutes_apart(cadence, slots, seed):
    """Two thirds of the images are there, each up to a twentieth of the cadence early or late."""
    slots = np.sort(slots)
    late = np.random.default_rng(seed).integers(-cadence // 20, cadence // 20 + 1, len(slots))
    given_sequence = sequence(slots * cadence + late)
    parts = phases(given_sequence, 600)
    stride = 600 // cadence
    assert len(parts) <= stride
    numbers = np.concatenate([part.grey[:, 0, 0] for part in parts])
    assert sorted(numbers.tolist()) == list(range(len(slots)))
    for part in parts:
        slots_of_part = slots[part.grey[:, 0, 0]]
        # One remainder: a lost image does not move those that come after it.
        assert len(set((slots_of_part % stride).tolist())) == 1
        assert np.array_equal(follows(part.time, 600), np.diff(slots_of_part) == stride)


@pytest.mark.parametrize("minutes", [6, 7.5, 15, 20])
def test_another_cadence_is_taken_by_its_number_or_as_it_comes(minutes):
    images = sequence(np.arange(8) * round(60 * minutes))
    assert phases(images, None) == [images]
    assert phases(images, 60 * minutes) == [images]
    assert measured_step([images.time]) == 60 * minutes
    with pytest.raises(UserError, match=rf"from 2020-06-01T12:00:00 on are {minutes:g} minutes apart; accepted: 10"):
        phases(images, 600)


@pytest.mark.parametrize(
    ("minutes", "step"),
    [(1, 10), (2.5, 10), (4, 8), (5, 10), (6, 12), (7.5, 7.5), (9, 9), (10, 10), (15, 15), (20, 20), (30, 30)],
)
def test_the_latest_images_are_as_near_to_ten_minutes_as_their_cadence_allows(minutes, step):
    last, seconds = latest(sequence(np.arange(45) * round(60 * minutes)))
    assert seconds == 60 * step
    assert last.grey[:, 0, 0].tolist() == [44 - round(step / minutes) * back for back in (3, 2, 1, 0)]


@given(st.integers(120, 3000), st.lists(st.integers(-5, 5), min_size=12, max_size=12))
def test_the_step_of_the_latest_images_is_what_their_times_say(cadence, late):
    images = sequence(np.arange(12) * cadence + np.array(late))
    last, seconds = latest(images, 3)
    assert seconds == (last.time[-1] - last.time[0]) / np.timedelta64(1, "s") / 2
    assert seconds == pytest.approx(max(1, round(600 / cadence)) * cadence, abs=max(10, 0.51 * cadence))


def test_the_latest_images_at_a_step_that_is_asked_for():
    five = sequence(np.arange(12) * 300)
    assert latest(five, step_seconds=300)[0].grey[:, 0, 0].tolist() == [8, 9, 10, 11]
    assert latest(five, step_seconds=900)[0].grey[:, 0, 0].tolist() == [2, 5, 8, 11]
    # Nine minutes pass for ten, but are not taken for them.
    assert latest(sequence(np.arange(6) * 540), step_seconds=600)[1] == 540
    with pytest.raises(UserError, match=r"are 9 minutes apart; accepted: 10 minutes .* within 30 seconds"):
        latest(sequence(np.arange(6) * 540), step_seconds=600, tolerance_seconds=30)


def test_what_the_cadence_was_hours_ago_does_not_matter():
    seconds = np.concatenate([np.arange(40) * 1200, 48_000 + np.arange(12) * 300])
    last, step = latest(sequence(seconds))
    assert (last.grey[:, 0, 0].tolist(), step) == ([45, 47, 49, 51], 600)


def test_an_image_that_is_lost_among_images_a_minute_apart_is_a_gap():
    time = times([0, 60, 120, 240, 300])
    assert follows(time, 60).tolist() == [True, True, False, True]


def test_the_latest_of_five_minute_data_end_with_the_last_image():
    last, step = latest(sequence(np.arange(10) * 300))
    assert (last.grey[:, 0, 0].tolist(), step) == ([3, 5, 7, 9], 600)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        ([0, 600, 1200], "3 images; accepted: 4 at least"),
        ([0], "1 images; accepted: 4"),
        ([0, 300, 600, 900], "2 images 10 minutes apart up to 2020-06-01T12:15:00; accepted: 4 without a gap"),
        ([0, 600, 1200, 2400, 3000], "a gap from 2020-06-01T12:20:00 to 2020-06-01T12:40:00"),
    ],
)
def test_too_few_images_for_a_nowcast(seconds, reason):
    with pytest.raises(UserError, match=reason):
        latest(sequence(seconds))


def test_an_older_gap_does_not_matter_to_a_nowcast():
    assert latest(sequence([0, 1800, 2400, 3000, 3600]))[0].grey[:, 0, 0].tolist() == [1, 2, 3, 4]


def test_a_rectangle_keeps_its_place():
    missing = np.zeros((4, 5), bool)
    missing[1, 2] = True
    square = cropped(sequence([0, 600], missing=missing), 1, 2, 2, 3)
    assert square.grey.shape == (2, 2, 3)
    assert square.missing.tolist() == [[True, False, False], [False] * 3]
    assert (square.x.tolist(), square.y.tolist()) == ([2000, 3000, 4000], [-1000, -2000])


@pytest.mark.parametrize("corner", [(-1, 0), (0, 3), (3, 0)])
def test_a_rectangle_that_does_not_lie_in_the_images(corner):
    with pytest.raises(UserError, match="the images have 4 x 5"):
        cropped(sequence([0]), *corner, 2, 3)


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=40, unique=True))
def test_the_nearest_image_to_each_mark(seconds):
    seconds = sorted(seconds)
    # START is a full hour, so marks are multiples of 600 seconds from it.
    chosen = set(nearest_to_marks(times(seconds), 600, 180).tolist())
    for mark in range(0, 21_000, 600):
        around = [number for number, second in enumerate(seconds) if -300 <= second - mark < 300]
        near = [number for number in around if abs(seconds[number] - mark) <= 180]
        best = min((abs(seconds[number] - mark) for number in near), default=None)
        taken = chosen & set(around)
        assert len(taken) == (best is not None)
        assert all(abs(seconds[number] - mark) == best for number in taken)


def test_images_are_moved_to_their_marks():
    marked, off = to_marks(sequence([0, 290, 640, 1100, 1750, 2400]), 600, 180)
    assert marked.time.tolist() == times([0, 600, 1200, 1800, 2400]).tolist()
    assert marked.grey[:, 0, 0].tolist() == [0, 2, 3, 4, 5]
    assert off == pytest.approx((0 + 40 + 100 + 50 + 0) / 5)
    with pytest.raises(UserError, match=r"1 of 3 images lie within 60 seconds of full 10 minutes \(windows.tolerance"):
        to_marks(sequence([0, 290, 700]), 600, 60)
