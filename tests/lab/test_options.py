"""Types of options: every text is a number within the limits, or one line."""

from __future__ import annotations

import argparse
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.options import real_number, whole_number


@given(st.integers(-(10**12), 10**12))
def test_whole_numbers_within_the_limits_are_taken(number):
    if 2 <= number <= 5000:
        assert whole_number(2, 5000)(str(number)) == number
    else:
        with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number from 2 to 5000"):
            whole_number(2, 5000)(str(number))


@pytest.mark.parametrize("text", ["", "1.0", "+3", " 3", "three", "²", "٣", "9" * 10_000])
def test_what_is_no_whole_number_is_one_short_line(text):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        whole_number(1)(text)
    assert str(caught.value).endswith("is not a whole number from 1")
    assert len(str(caught.value)) < 100


@given(st.floats())
def test_real_numbers_within_the_limits_are_taken(number):
    parse = real_number(0, 1, "a share")
    if 0 <= number <= 1:
        assert parse(repr(number)) == number
    else:
        with pytest.raises(argparse.ArgumentTypeError, match="is not a share"):
            parse(repr(number))
    assert not math.isnan(parse("0.5"))
