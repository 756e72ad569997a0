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
    missing_share,
    nearest_to_marks,
    phases,
    stacked,
    stride_of,
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
        assert abs(stride_of(time) * step - 600) == min(abs(count * step - 600) for count in near)
    else:
        with pytest.raises(UserError, match=rf"are {step / 60:.3g}(e\+03)? minutes apart; accepted: 10 minutes"):
            stride_of(time)


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
    parts = phases(given_sequence)
    stride = 600 // cadence
    assert len(parts) <= stride
    numbers = np.concatenate([part.grey[:, 0, 0] for part in parts])
    assert sorted(numbers.tolist()) == list(range(len(slots)))
    for part in parts:
        slots_of_part = slots[part.grey[:, 0, 0]]
        # One remainder: a lost image does not move those that come after it.
        assert len(set((slots_of_part % stride).tolist())) == 1
        assert np.array_equal(follows(part.time), np.diff(slots_of_part) == stride)


def test_another_cadence_is_taken_when_allowed():
    every_quarter = sequence(np.arange(6) * 900)
    with pytest.raises(UserError, match="from 2020-06-01T12:00:00 on are 15 minutes apart"):
        phases(every_quarter)
    assert phases(every_quarter, allow_cadence=True) == [every_quarter]
    assert len(latest(every_quarter, allow_cadence=True).time) == 4


def test_the_latest_of_five_minute_data_end_with_the_last_image():
    last = latest(sequence(np.arange(10) * 300))
    assert last.grey[:, 0, 0].tolist() == [3, 5, 7, 9]


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        ([0, 600, 1200], "3 images; accepted: 4 at least"),
        ([0], "1 images; accepted: 4"),
        ([0, 300, 600, 900], "2 images 10 minutes apart up to 2020-06-01T12:15:00; accepted: 4 without a gap"),
        ([0, 600, 1200, 2400, 3000], "a gap from 2020-06-01T12:20:00 to 2020-06-01T12:40:00"),
        ([0, 1800, 3600, 5400], "are 30 minutes apart"),
    ],
)
def test_too_few_images_for_a_nowcast(seconds, reason):
    with pytest.raises(UserError, match=reason):
        latest(sequence(seconds))


def test_an_older_gap_does_not_matter_to_a_nowcast():
    assert latest(sequence([0, 1800, 2400, 3000, 3600])).grey[:, 0, 0].tolist() == [1, 2, 3, 4]


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
    chosen = set(nearest_to_marks(times(seconds)).tolist())
    for mark in range(0, 21_000, 600):
        around = [number for number, second in enumerate(seconds) if -300 <= second - mark < 300]
        near = [number for number in around if abs(seconds[number] - mark) <= 180]
        best = min((abs(seconds[number] - mark) for number in near), default=None)
        taken = chosen & set(around)
        assert len(taken) == (best is not None)
        assert all(abs(seconds[number] - mark) == best for number in taken)
