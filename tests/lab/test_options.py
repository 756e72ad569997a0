"""Types of options: every text is a number within the limits, or one line."""

from __future__ import annotations

import argparse
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.options import real_number, scaled_number, whole_number


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


FREQUENCY = scaled_number(1e-9, 1e18, "Hz", "a frequency")


@pytest.mark.parametrize(
    ("text", "hertz"),
    [
        ("1e6", 1e6), ("1E6", 1e6), ("1000", 1e3), (".5", 0.5), ("10k", 1e4), ("10K", 1e4), ("10 kHz", 1e4),
        ("10khz", 1e4),
        ("1meg", 1e6), ("1MEG", 1e6), ("1MegHz", 1e6), ("1MHz", 1e6), ("1Mhz", 1e6), ("1MHZ", 1e6), ("1.5 MHz", 1.5e6),
        ("2.4GHz", 2.4e9), ("2.4g", 2.4e9), ("1THz", 1e12), ("1mHz", 1e-3), ("1m", 1e-3), ("50Hz", 50.0),
        ("1e3kHz", 1e6), ("3µHz", 3e-6), ("3u", 3e-6),
    ],
)  # fmt: skip
def test_numbers_with_prefix_and_unit(text, hertz):
    assert FREQUENCY(text) == pytest.approx(hertz, rel=1e-15)


@pytest.mark.parametrize("text", ["1M", "1.5 M", "1mhz"])
def test_a_prefix_that_may_be_milli_or_mega_is_refused(text):
    size = text.rstrip("Mmhz ")
    with pytest.raises(argparse.ArgumentTypeError, match=f"accepted: {size}meg or {size}MHz, and {size}mHz"):
        FREQUENCY(text)


@pytest.mark.parametrize(
    "text",
    ["", "k", "Hz", "1kV", "1 k Hz", "nan", "inf", "1_000", "0", "-1", "1e19", "1e999", "1,5k", "١k", "9" * 5000],
)
def test_what_is_no_scaled_number_is_one_short_line(text):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        FREQUENCY(text)
    assert str(caught.value).endswith("is not a frequency")
    assert len(str(caught.value)) < 100


@given(st.floats(1e-9, 1e18))
def test_plain_numbers_are_taken_as_they_are(number):
    assert FREQUENCY(repr(number)) == number


@given(st.text(max_size=60))
def test_any_text_is_a_number_in_the_range_or_refused(text):
    try:
        value = FREQUENCY(text)
    except argparse.ArgumentTypeError:
        return
    assert 1e-9 <= value <= 1e18


def test_words_stand_for_numbers():
    parse = scaled_number(1, 1e6, "Ohm", "a resistance, or open", {"open": math.inf})
    assert parse("Open") == math.inf
    assert parse("4.7kOhm") == 4700
    with pytest.raises(argparse.ArgumentTypeError, match="is not a resistance, or open"):
        parse("closed")
