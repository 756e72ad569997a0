"""When ratings were given, from numbers and dates."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.ratings.sources.moments import moments


@pytest.mark.parametrize(
    "texts",
    [
        ["978300760", "978302109.5"],
        ["2026-01-31", "2026-02-01T00:00:01Z"],
        ["31.01.2026", "01.02.2026"],
        ["1/31/2026", "2/1/2026"],
    ],
)
def test_later_times_are_larger(texts):
    first, second = moments(texts)
    assert first < second


def test_seconds_are_those_of_utc():
    assert moments(["1970-01-02", "3600"]).tolist() == [86400, 3600]


@pytest.mark.parametrize("texts", [["yesterday", "2026-01-31"], ["1/2/2026", "2/1/2026"]])
def test_what_is_no_time_or_may_be_two_is_none(texts):
    assert np.isnan(moments(texts)).any()


def test_no_times():
    assert moments([]).shape == (0,)
