"""When ratings were given: numbers, and dates as programs and countries write them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from hypernet.ratings.sources.numerals import plain_number

DATES = ("%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S")
# What is noted where times cannot be read and the last rating is to count.
LATER_ROW = "of two ratings of an item, the later in the table counts"


def moments(texts: list[str]) -> np.ndarray:
    """Numbers that rise with time, float64 ``[N]``; NaN where a text is no time, or a date that may be two."""
    times = np.array([_time(text) for text in texts], dtype=np.float64)
    dated = _dates(texts) if len(texts) and np.isnan(times).all() else None
    return times if dated is None else dated


def not_a_time(text: str) -> str:
    """What is said of a text that is no time."""
    accepted = "accepted: a number, or a date as 2026-01-31, 2026-01-31T12:00:00 or 31.01.2026"
    return f"{text[:30]!r} is not a time; {accepted}"


def _time(text: str) -> float:
    """Seconds of a date, or the number that stands there; NaN where it is neither."""
    number = plain_number(text)
    if not np.isnan(number):
        return number
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _dates(texts: list[str]) -> np.ndarray | None:
    """Seconds of dates as countries write them, ``[N]``; None where day and month cannot be told apart by any row."""
    read = []
    for form in (day + clock for day in DATES for clock in CLOCKS):
        try:
            moments = [datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() for text in texts]
        except ValueError:
            continue
        read.append(np.array(moments))
    return read[0] if read and all((other == read[0]).all() for other in read) else None
