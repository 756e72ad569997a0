"""Windows against a search by loops, and splits that share no image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import SPLITS, Geometry, Sequence
from hypernet.radar.sources.windows import box_sums, choose, split

START = np.datetime64("2020-06-01T00:00:00", "s")
SMALL = Geometry(size=6, margin=1, patch=2, taps=3)


def sequence(seconds, grey, missing=None):
    rows, columns = grey.shape[1:]
    time = START + np.asarray(seconds, dtype="timedelta64[s]")
    outside = np.zeros((rows, columns), bool) if missing is None else missing
    return Sequence(grey, time, outside, np.arange(columns) * 1.0, -np.arange(rows) * 1.0, "")


def table(windows):
    return sorted(zip(windows.first.tolist(), windows.row.tolist(), windows.column.tolist(), strict=True))


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.booleans())
@settings(max_examples=60, deadline=None)
def test_windows_are_those_of_a_search_by_loops(seed, raster, moving_mask):
    draw = np.random.default_rng(seed)
    lowest_wet, most_missing = 0.3, 0.1
    parts = []
    for offset in (0, 300):
        count = int(draw.integers(1, 14))
        steps = draw.choice([600, 600, 600, 600, 640, 1200], count)
        grey = draw.choice(np.array([0, 76, 77, 200], np.uint8), (count, 9, 13), p=[0.3, 0.3, 0.2, 0.2])
        missing = draw.random((count, 9, 13) if moving_mask else (9, 13)) < 0.05
        parts.append(sequence(offset + np.cumsum(steps), grey, missing))
    expected, dropped, offset = [], {"gap": 0, "outage": 0, "no data": 0, "dry": 0}, 0
    for part in parts:
        for first in range(len(part.time) - 4):
            gaps = np.abs(np.diff(part.time[first : first + 5]).astype(int) - 600) > 90
            for row in range(0, 9 - 6 + 1, raster):
                for column in range(0, 13 - 6 + 1, raster):
                    square = (slice(row, row + 6), slice(column, column + 6))
                    masks = part.missing if moving_mask else np.repeat(part.missing[None], len(part.time), axis=0)
                    worst = max(masks[number][square].mean() for number in range(first, first + 5))
                    wet = (part.grey[first + 3][square] / 255 > 0.3).mean()
                    if gaps.any():
                        dropped["gap"] += 1
                    elif worst > most_missing:
                        dropped["no data"] += 1
                    elif wet < lowest_wet:
                        dropped["dry"] += 1
                    else:
                        expected.append((first + offset, row, column))
        offset += len(part.time)
    if expected:
        chosen = choose(parts, SMALL, raster, lowest_wet, 600, highest_missing_share=most_missing)
        assert table(chosen.windows) == sorted(expected)
        assert chosen.dropped == dropped
    else:
        with pytest.raises(UserError, match="no window of 5 images and 6 x 6 pixels is left"):
            choose(parts, SMALL, raster, lowest_wet, 600, highest_missing_share=most_missing)


def test_sums_over_squares():
    mask = np.random.default_rng(1).random((20, 30)) < 0.5
    rows, columns = np.array([0, 3, 13]), np.array([0, 5, 23])
    expected = [[mask[row : row + 7, column : column + 7].sum() for column in columns] for row in rows]
    assert box_sums(mask, rows, columns, 7).tolist() == expected


def test_images_that_are_smaller_than_a_window():
    with pytest.raises(UserError, match="images of 5 x 9 pixels; accepted: 6 x 6 at least"):
        choose([sequence([0], np.zeros((1, 5, 9), np.uint8))], SMALL, 1, 0, 600)


def test_images_of_two_sizes():
    parts = [sequence([0], np.zeros((1, 6, width), np.uint8)) for width in (6, 7)]
    with pytest.raises(UserError, match="accepted: one size"):
        choose(parts, SMALL, 1, 0, 600)


def test_dry_data_are_refused_with_the_count():
    dry = sequence(np.arange(8) * 600, np.zeros((8, 6, 6), np.uint8))
    with pytest.raises(UserError, match=r"no window .* is left \(4 dry\)"):
        choose([dry], SMALL, 1, 0.05, 600)


@pytest.mark.parametrize(("minutes", "tolerance"), [(6, 90), (7.5, 90), (15, 90), (20, 30)])
def test_windows_at_another_step(minutes, tolerance):
    seconds = np.arange(12) * round(60 * minutes)
    seconds[6:] += 2 * tolerance
    chosen = choose([sequence(seconds, np.full((12, 6, 6), 200, np.uint8))], SMALL, 1, 0, 60 * minutes, tolerance)
    # Five images in a row before the gap, and five after it.
    assert chosen.windows.first.tolist() == [0, 1, 6, 7]
    assert chosen.dropped["gap"] == 4


@pytest.mark.parametrize("lost", [3, 150])
def test_windows_with_an_outage_are_left_out_and_counted(lost):
    """Also where it lies beside the images that are looked at together."""
    rain = np.full((160, 24, 24), 100, np.uint8)
    rain[:, ::7, ::5] = 0
    rain[lost] = 0
    chosen = choose([sequence(np.arange(160) * 600, rain)], SMALL, 9, 0, 600)
    assert set(range(156)) - set(chosen.windows.first.tolist()) == {
        first for first in range(156) if first <= lost <= first + 4
    }
    assert chosen.dropped["outage"] == 9 * sum(first <= lost <= first + 4 for first in range(156))


def archive(days, images):
    """Ten-minute images of some days, wet everywhere."""
    seconds = (np.arange(days)[:, None] * 86_400 + np.arange(images) * 600).ravel()
    return sequence(seconds, np.full((days * images, 6, 6), 200, np.uint8))


@pytest.mark.parametrize(("days", "images"), [(1, 40), (2, 30), (3, 144), (10, 12), (25, 9), (30, 144)])
def test_splits_share_no_image_and_follow_in_time(days, images):
    whole = archive(days, images)
    windows = choose([whole], SMALL, 1, 0.05, 600).windows
    by_split = split(windows, whole.time)
    frames = {name: set((by_split[name].first[:, None] + np.arange(5)).ravel().tolist()) for name in SPLITS}
    events = {name: set(by_split[name].event.tolist()) for name in SPLITS}
    for split_name, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not frames[split_name] & frames[other]
        assert not events[split_name] & events[other]
    if days >= 10:
        assert max(frames["train"]) < min(frames["validation"])
        assert max(frames["validation"]) < min(frames["test"])
    counts = np.array([len(by_split[name]) for name in SPLITS])
    assert counts / counts.sum() == pytest.approx([0.7, 0.1, 0.2], abs=0.07)


def test_phases_of_five_minutes_are_cut_at_the_same_time():
    parts = [sequence(offset + np.arange(20) * 600, np.full((20, 6, 6), 200, np.uint8)) for offset in (0, 300)]
    time = np.concatenate([part.time for part in parts])
    by_split = split(choose(parts, SMALL, 1, 0.05, 600).windows, time)
    spans = {name: (time[windows.first].min(), time[windows.first + 4].max()) for name, windows in by_split.items()}
    assert spans["train"][1] < spans["validation"][0]
    assert spans["validation"][1] < spans["test"][0]
    # As 40 images of five minutes: 11, 2 and 3 windows, and 8 beginnings lost at each cut.
    assert [len(by_split[name]) for name in SPLITS] == [11, 2, 3]


def test_too_short_an_archive_to_be_split():
    whole = archive(1, 10)
    with pytest.raises(UserError, match=r"windows at 6 times give .* accepted: one of each at least"):
        split(choose([whole], SMALL, 1, 0.05, 600).windows, whole.time)
