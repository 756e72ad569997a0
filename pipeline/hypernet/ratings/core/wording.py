"""What rules say of one attribute, in words: "high ratings", "not action", "year between 1975 and 1985".

Whatever is said is true of every item of the catalogue that a rule lets pass, and of no other: a threshold is written
with the fewest digits that still lie between the two values next to it; see :class:`Cut`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol, Self

import numpy as np

from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import Forest

# The place of a threshold in a feature's words. It is replaced and never formatted: the words may be a stranger's.
THRESHOLD = "{t}"
# Larger numbers are shown with an exponent.
LARGEST_SHOWN = 1e20
# Digits after the point with which a value is tried to be written before it is taken as it is.
MOST_DIGITS = 12

# What is said, by how many ends there are; the page's script fills the same templates.
PHRASES = {
    "between": "{name} between {first} and {last}",
    "single": "{name} {first}",
    "more": "{name} > {cut}",
    "less": "{name} ≤ {cut}",
    "within": "{low} < {name} ≤ {cut}",
    "change": "would be {value} if {condition}",
    "anything": "any item",
    "not_known": "{name} not known",
    "others": "others give {others}",
    "unrated": "nobody has rated it, items get {others} on average",
    "base": "{told}, you are {person} {way}",
    "as_others": "{told}, and so do you",
    "parts": "{base}; {reason}: {leaf}",
    "beyond": "{parts} (the scale ends at {end})",
}
# What would have to be, for a lower end, an upper end, both, or one value: of a number, of the year that an item is
# from, and of another of its years.
OF_NUMBERS = (
    "its {name} were above {last}",
    "its {name} were below {first}",
    "its {name} were between {first} and {last}",
    "its {name} were {first}",
)
FROM_YEARS = (
    "it were from {first} or later",
    "it were from before {first}",
    "it were from {first} to {last}",
    "it were from {first}",
)
OF_YEARS = (
    "its {name} were {first} or later",
    "its {name} were before {first}",
    "its {name} were between {first} and {last}",
    "its {name} were {first}",
)
AFTER, BEFORE = f"after {THRESHOLD}", f"before {THRESHOLD}"
# The last digit of a rating that is shown is at most this part of the scale.
FINEST = 25


class Described(Protocol):
    """What is needed to speak of a tree; a data set and a trained model have it."""

    @property
    def title(self) -> str:
        """Name of the data for people."""

    @property
    def unit(self) -> str:
        """Unit of a rating."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """D attributes."""

    @property
    def mean(self) -> np.ndarray:
        """Of each attribute, ``[D]``."""

    @property
    def deviation(self) -> np.ndarray:
        """Of each attribute, ``[D]``."""

    @property
    def item_x(self) -> np.ndarray:
        """Standardised features of the M items of the catalogue, ``[M, D]``; further columns are not looked at."""

    @property
    def low(self) -> float:
        """Smallest rating of the scale."""

    @property
    def high(self) -> float:
        """Largest rating of the scale."""


class Bound(NamedTuple):
    """The standardised values of one attribute that some rules let pass: all between two ends.

    Attributes:
        low: the lower end.
        low_passes: whether the lower end itself passes.
        high: the upper end.
        high_passes: whether it passes.
    """

    low: float = -math.inf
    low_passes: bool = False
    high: float = math.inf
    high_passes: bool = False

    @classmethod
    def of_side(cls, forest: Forest, node: int, right: bool) -> Self:
        """What goes to one side of a rule; the threshold itself, a tie, goes left."""
        threshold, sign = float(forest.threshold[node]), int(forest.sign[node])
        if sign == 0:
            return cls(high=-math.inf) if right else cls()
        if (sign > 0) == right:
            return cls(low=threshold, low_passes=not right)
        return cls(high=threshold, high_passes=not right)

    def meet(self, other: Bound) -> Bound:
        """What both let pass: the tighter of two ends."""
        low, low_open = max((self.low, not self.low_passes), (other.low, not other.low_passes))
        high, high_passes = min((self.high, self.high_passes), (other.high, other.high_passes))
        return Bound(low, not low_open, high, high_passes)

    @property
    def empty(self) -> bool:
        """Whether no value passes."""
        return self.low > self.high or (self.low == self.high and not (self.low_passes and self.high_passes))

    def passes(self, value: float | np.ndarray) -> bool | np.ndarray:
        """Whether a value passes; of an array each."""
        above = (value > self.low) | (self.low_passes & (value == self.low))
        return above & ((value < self.high) | (self.high_passes & (value == self.high)))


def standardised(described: Described, feature: int, value: float) -> float:
    """A natural value in standardised units, rounded to float32 as all features are."""
    return float(np.float32((value - described.mean[feature]) / described.deviation[feature]))


def natural(described: Described, feature: int, value: float) -> float:
    """A standardised value in the attribute's own units."""
    return float(described.mean[feature] + described.deviation[feature] * value)


def binary_values(described: Described, feature: int, bound: Bound) -> tuple[bool, bool]:
    """Which of 0 and 1 pass."""
    zero_passes, one_passes = (bool(bound.passes(standardised(described, feature, value))) for value in (0.0, 1.0))
    return zero_passes, one_passes


def possible(described: Described, feature: int, bound: Bound) -> bool:
    """Whether an attribute can have a value that passes."""
    if described.features[feature].kind == "binary":
        return any(binary_values(described, feature, bound))
    return not bound.empty


def is_constant(described: Described, forest: Forest, node: int) -> bool:
    """Whether a rule sends all items of a user the same way, whatever they are.

    So does a rule about the user, one about a 0/1 attribute with its threshold elsewhere than between 0 and 1, and one
    with sign 0. Such a rule says nothing.
    """
    feature = int(forest.feature[node])
    if described.features[feature].of == "user" or forest.sign[node] == 0:
        return True
    return not all(possible(described, feature, Bound.of_side(forest, node, right)) for right in (False, True))


class Cut(NamedTuple):
    """How the threshold between two neighbouring values of the catalogue is written, nearest to what it is.

    Attributes:
        last: where what lies below it ends, "between 1976 and {last}", "above {last}": the value below it or more.
        first: where what lies above it begins, "between {first} and 1990", "below {first}": the value above it or less.
        exact: apart from both values, "average rating > {exact}".
    """

    last: str
    first: str
    exact: str

    @classmethod
    def of(cls, described: Described, feature: int, end: float, end_is_above: bool) -> Self:
        """From a threshold in standardised units, and whether what stands on it counts as above it."""
        column = described.item_x[:, feature].astype(np.float64)
        is_above = column > end
        if end_is_above:
            is_above |= column == end
        below, above = column[~is_above], column[is_above]
        at = natural(described, feature, end)
        if not abs(at) < LARGEST_SHOWN:
            return cls(f"{at:g}", f"{at:g}", f"{at:g}")
        low = _value(described, feature, float(below.max())) if len(below) else None
        high = _value(described, feature, float(above.min())) if len(above) else None
        if low is not None and high is not None and low >= high:
            low, high = (Fraction(natural(described, feature, float(value))) for value in (below.max(), above.min()))
        digits, wanted = described.features[feature].digits, Fraction(at)
        return cls(
            _written(digits, math.floor, wanted, (low, True), (high, False)),
            _written(digits, lambda steps: math.floor(steps) + 1, wanted, (low, False), (high, True)),
            _written(digits, round, wanted, (low, False), (high, False)),
        )


def _value(described: Described, feature: int, value: float) -> Fraction:
    """A value of the catalogue in its own units: the shortest number that is this one in single precision."""
    exact = natural(described, feature, value)
    room = float(described.deviation[feature]) * float(np.spacing(np.float32(abs(value)))) * 0.51
    for digits in range(MOST_DIGITS):
        short = round(exact, digits)
        if abs(short - exact) <= room:
            return Fraction(str(short))
    return Fraction(exact)


def _written(
    digits: int,
    nearest: Callable[[Fraction], int],
    wanted: Fraction,
    low: tuple[Fraction | None, bool],
    high: tuple[Fraction | None, bool],
) -> str:
    """The number with the fewest digits between two ends, each with whether it may be the number itself."""
    while True:
        scale = 10**digits
        steps = nearest(wanted * scale)
        most = None if high[0] is None else _most(high[0] * scale, high[1])
        least = None if low[0] is None else -_most(-low[0] * scale, low[1])
        # Where nothing of the catalogue lies on one side, only the other binds.
        if least is None:
            least = steps if most is None else min(steps, most)
        if most is None:
            most = max(steps, least)
        if least <= most:
            return _steps_shown(min(max(steps, least), most), digits)
        digits += 1


def _most(end: Fraction, passes: bool) -> int:
    """The largest whole number up to an end, or below it."""
    return math.floor(end) if passes else math.ceil(end) - 1


def _steps_shown(steps: int, digits: int) -> str:
    whole, part = divmod(abs(steps), 10**digits)
    return f"{'-' if steps < 0 else ''}{whole}" + (f".{part:0{digits}}" if digits else "")


def cuts(described: Described, feature: int, bound: Bound) -> tuple[Cut | None, Cut | None]:
    """How the lower and the upper end of a bound are written; None where there is none."""
    lower = upper = None
    if bound.low > -math.inf:
        lower = Cut.of(described, feature, bound.low, bound.low_passes)
    if bound.high < math.inf:
        upper = Cut.of(described, feature, bound.high, not bound.high_passes)
    return lower, upper


def words(described: Described, feature: int, bound: Bound, precise: bool = False) -> str:
    """What passes, e.g. "high ratings", "before 1985", "not action", "year between 1976 and 1984".

    The year > 1984.4 is "after 1984", its opposite "before 1985"; both ends of "between" pass.

    Args:
        described: names and units of the attributes, and the catalogue of which the words are to be true.
        feature: number of the attribute.
        bound: what passes; see :func:`possible`.
        precise: with the numbers, "average rating > 3.62".
    """
    about = described.features[feature]
    if about.kind == "binary":
        return about.above if binary_values(described, feature, bound)[1] else about.below
    if precise:
        return _inequality(described, feature, bound)
    return _filled(described, feature, bound, (about.above, about.below, PHRASES["between"], PHRASES["single"]))


def condition(described: Described, feature: int, bound: Bound, precise: bool = False) -> str:
    """The same as what would have to be: "it were not action", "its average rating were above 3.62"."""
    about = described.features[feature]
    if about.kind == "binary":
        # "genre: action" is a value of an attribute, "genres: action" one of several.
        attribute, _, value = about.precise.partition(": ")
        is_not = "" if binary_values(described, feature, bound)[1] else "not "
        if value and attribute.endswith("s"):
            return f"{value} were {is_not}among its {attribute}"
        if value:
            return f"its {attribute} were {is_not}{value}"
        return f"it were {words(described, feature, bound)}"
    if precise:
        return _inequality(described, feature, bound)
    return _filled(described, feature, bound, conditions(about))


def conditions(about: Feature) -> tuple[str, str, str, str]:
    """The phrases of what would have to be of a number, for a lower end, an upper end, both, and a single value."""
    if not (about.above.endswith(AFTER) and about.below.endswith(BEFORE)):
        return OF_NUMBERS
    # "After 1984" is said of the item, "release year after 1984" of one of its years.
    return FROM_YEARS if about.above == AFTER else OF_YEARS


def _filled(described: Described, feature: int, bound: Bound, phrases: tuple[str, str, str, str]) -> str:
    """The phrase for a lower end, an upper end, both, or both with one number between them."""
    above, below, between, single = phrases
    name = described.features[feature].precise
    lower, upper = cuts(described, feature, bound)
    if lower is not None and upper is not None:
        first, last = float(lower.first), float(upper.last)
        if first > last:
            # Nothing of the catalogue is between them.
            return _inequality(described, feature, bound)
        phrase = single if first == last else between
        return fill(phrase, name=name, first=lower.first, last=upper.last)
    if lower is not None:
        return fill(above, name=name, first=lower.first, last=lower.last, t=lower.last)
    assert upper is not None, "a bound that lets everything pass has no words"
    return fill(below, name=name, first=upper.first, t=upper.first)


def _inequality(described: Described, feature: int, bound: Bound) -> str:
    name = described.features[feature].precise
    lower, upper = cuts(described, feature, bound)
    if lower is not None and upper is not None:
        return fill(PHRASES["within"], low=lower.exact, name=name, cut=upper.exact)
    if lower is not None:
        return fill(PHRASES["more"], name=name, cut=lower.exact)
    assert upper is not None, "a bound that lets everything pass has no inequality"
    return fill(PHRASES["less"], name=name, cut=upper.exact)


def fill(phrase: str, **parts: str) -> str:
    """A phrase with its parts in their places; what stands in a part is not looked at."""
    return re.sub(r"{(\w+)}", lambda place: parts.get(place[1], place[0]), phrase)


def sentence(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def shown(value: float, digits: int) -> str:
    """A number with ``digits`` digits after the point: halves away from zero, and no minus sign before zero."""
    if not abs(value) < LARGEST_SHOWN:
        return f"{value:g}"
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded)


def decimals(low: float, high: float) -> int:
    """Digits after the point with which ratings on a scale, and their differences, are shown: one on 1 to 5."""
    return next((digits for digits in range(MOST_DIGITS) if (high - low) * 10**digits >= FINEST), MOST_DIGITS)


def counted(count: int, what: str) -> str:
    """A number of things in words: "1 rating", "4 ratings"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def printable(line: str) -> str:
    """Without control characters, by which a stranger's title could command the terminal."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in line
    )
