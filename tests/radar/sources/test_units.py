"""Units of radar files in all their spellings, against factors worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hypernet.radar.sources.readers.units import (
    AMOUNT,
    DBZ,
    LINEAR,
    RATE,
    metres_of,
    seconds_of,
    unit_of,
)

KNOWN = {
    "dBZ": (DBZ, 1), "dBz": (DBZ, 1), "DBZ": (DBZ, 1), "dB": (DBZ, 1), "0.1 lg(re 1e-18 m3)": (DBZ, 1),
    "10 log10(mm6 m-3)": (DBZ, 1), "10*log10(mm^6/m^3)": (DBZ, 1),
    "mm6 m-3": (LINEAR, 1), "mm^6 m^-3": (LINEAR, 1), "mm**6 m**-3": (LINEAR, 1), "mm6/m3": (LINEAR, 1),
    "MM6 M-3": (LINEAR, 1), "mm^6/m^3": (LINEAR, 1), "1e-18 m3": (LINEAR, 1), "m3": (LINEAR, 1e18), "Z": (LINEAR, 1),
    "mm h-1": (RATE, 1), "mm h^-1": (RATE, 1), "mm h**-1": (RATE, 1), "mm/hr": (RATE, 1), "mm hour-1": (RATE, 1),
    "MM/H": (RATE, 1), "mm.h-1": (RATE, 1), "mm·h⁻¹": (RATE, 1), "mm h^{-1}": (RATE, 1),
    "millimeters per hour": (RATE, 1), "mm/day": (RATE, 1 / 24), "mm s-1": (RATE, 3600), "cm/h": (RATE, 10),
    "kg m-2 s-1": (RATE, 3600), "kg m^-2 s^-1": (RATE, 3600), "kg/m2/s": (RATE, 3600), "kg/(m^2 s)": (RATE, 3600),
    "kg m-2 h-1": (RATE, 1), "g m-2 s-1": (RATE, 3.6), "l m-2 h-1": (RATE, 1), "m s-1": (RATE, 3.6e6),
    "in/h": (RATE, 25.4), "inches/hour": (RATE, 25.4), "mm/5min": (RATE, 12), "mm (10 min)-1": (RATE, 6),
    "mmh-1": (RATE, 1), "mmh^-1": (RATE, 1), "0.01 mm h-1": (RATE, 0.01), "mm per 10 minutes": (RATE, 6),
    "mm": (AMOUNT, 1), "kg m-2": (AMOUNT, 1), "kg m**-2": (AMOUNT, 1), "kg/m^2": (AMOUNT, 1), "l/m2": (AMOUNT, 1),
    "m": (AMOUNT, 1000), "in": (AMOUNT, 25.4), "0.1 mm": (AMOUNT, 0.1),
}  # fmt: skip


@pytest.mark.parametrize("text", KNOWN)
def test_spellings(text):
    unit = unit_of(text)
    assert unit is not None
    assert (unit.measure, unit.factor) == (KNOWN[text][0], pytest.approx(KNOWN[text][1], rel=1e-9))


@pytest.mark.parametrize(
    "text",
    ["", "1", "%", "K", "degrees", "km2", "mm h", "mm/", "mm//h", "/h", "mm-1", "0 mm", "s", "hPa", "furlong h-1",
     "dBZ m", "mm^99", "(mm", "mm)", "((((((mm))))))", "kg m-2 s", "m2 s-2", "mm" * 60, "dBm", "counts"],
)  # fmt: skip
def test_what_is_no_unit_of_rain(text):
    assert unit_of(text) is None


@pytest.mark.parametrize(
    ("plain", "not_plain"), [("mm h-1", "m s-1"), ("dBZ", "dB"), ("mm6 m-3", "m3"), ("kg m-2 s-1", "km/h")]
)
def test_what_a_unit_says_alone(plain, not_plain):
    """Metres a second are wind, decibels and cubic metres many things: a name must say that it is rain."""
    assert unit_of(plain).plain
    assert not unit_of(not_plain).plain


def test_lengths_and_times():
    assert [metres_of(text) for text in ("m", "km", "Kilometres", "1000 m", "degrees", "mm h-1")] == [
        1, 1000, 1000, 1000, None, None,
    ]  # fmt: skip
    assert [seconds_of(text) for text in ("10 minutes", "1 hr", "5min", "300 s", "1 day", "10", "mm")] == [
        600, 3600, 300, 300, 86400, None, None,
    ]  # fmt: skip


BELOW = {"s": 1, "sec": 1, "min": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400}
ABOVE = {"mm": 1, "cm": 10, "inch": 25.4, "kg m-2": 1, "kg m^-2": 1, "kg m**-2": 1, "kg/m2": 1, "g.m-2": 1e-3}


@given(
    st.sampled_from(sorted(ABOVE)),
    st.sampled_from(sorted(BELOW)),
    st.sampled_from(
        ["{a}/{b}", "{a} / {b}", "{a} per {b}", "{a} {b}-1", "{a} {b}^-1", "{a}.{b}**-1", "{a}*{b}^{{-1}}"]
    ),
    st.integers(1, 60),
    st.booleans(),
)
def test_any_rate_is_read(above, below, form, count, capitals):
    divided = f"{count} {below}" if count > 1 and form.startswith(("{a}/", "{a} /", "{a} per")) else below
    text = form.format(a=above, b=divided)
    unit = unit_of(text.upper() if capitals else text)
    seconds = BELOW[below] * (count if divided != below else 1)
    assert unit is not None, text
    assert unit.measure == RATE
    assert math.isclose(unit.factor, ABOVE[above] * 3600 / seconds, rel_tol=1e-9)
    assert unit.plain


@given(st.text(max_size=100))
@example("(" * 90)
@example("m^" + "9" * 80)
@example("1e999 mm")
@example("10 log10(" * 10)
def test_any_text_is_a_unit_or_none(text):
    unit = unit_of(text)
    assert unit is None or (unit.factor > 0 and math.isfinite(unit.factor))
