"""What rules say of one attribute, in words: "high ratings", "not action", "year between 1975 and 1985"."""

from __future__ import annotations

import math
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Protocol, Self

import numpy as np

from hypernet.ratings.core.tables import Feature
from hypernet.ratings.core.trees import Forest

# Values are kept as float32 in standardised units: one within 1/1000 of a displayed step is that step.
STEP_DIGITS = 3
# Digits after the point of a threshold in the precise form, at least.
PRECISE_DIGITS = 2
# The place of a threshold in a feature's words. It is replaced and never formatted: the words may be a stranger's.
THRESHOLD = "{t}"
# Larger numbers are shown with an exponent.
LARGEST_SHOWN = 1e20


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


def words(described: Described, feature: int, bound: Bound, precise: bool = False) -> str:
    """What passes, e.g. "high ratings", "before 1985", "not action", "year between 1976 and 1984".

    A threshold is rounded so that the words hold for every value with as many digits as the threshold is shown with:
    year > 1984.4 is "after 1984", its opposite "before 1985"; both ends of "between" pass.

    Args:
        described: names and units of the attributes.
        feature: number of the attribute.
        bound: what passes; see :func:`possible`.
        precise: with the numbers, "average rating > 3.62".
    """
    about = described.features[feature]
    if about.kind == "binary":
        return about.above if binary_values(described, feature, bound)[1] else about.below
    if precise:
        return _inequality(described, feature, bound)
    above, below = _outside(described, feature, bound)
    if above is not None and below is not None:
        between = _between(above, below, about.digits)
        return f"{about.precise} {between}" if between else _inequality(described, feature, bound)
    if above is not None:
        return about.above.replace(THRESHOLD, _steps_shown(above, about.digits))
    assert below is not None, "a bound that lets everything pass has no words"
    return about.below.replace(THRESHOLD, _steps_shown(below, about.digits))


def condition(described: Described, feature: int, bound: Bound, precise: bool = False) -> str:
    """The same as what would have to be: "it were not action", "its average rating were above 3.62"."""
    about = described.features[feature]
    if about.kind == "binary":
        # "genre: action" is a value of an attribute.
        attribute, _, value = about.precise.partition(": ")
        if value:
            is_not = "" if binary_values(described, feature, bound)[1] else "not "
            return f"its {attribute} were {is_not}{value}"
        return f"it were {words(described, feature, bound)}"
    if precise:
        return _inequality(described, feature, bound)
    above, below = _outside(described, feature, bound)
    if above is not None and below is not None:
        between = _between(above, below, about.digits)
        return f"its {about.precise} were {between}" if between else _inequality(described, feature, bound)
    if above is not None:
        return f"its {about.precise} were above {_steps_shown(above, about.digits)}"
    assert below is not None, "a bound that lets everything pass is no condition"
    return f"its {about.precise} were below {_steps_shown(below, about.digits)}"


def sentence(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def shown(value: float, digits: int) -> str:
    """A number with ``digits`` digits after the point: halves away from zero, and no minus sign before zero."""
    if not abs(value) < LARGEST_SHOWN:
        return f"{value:g}"
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded)


def _outside(described: Described, feature: int, bound: Bound) -> tuple[int | None, int | None]:
    """The next values below and above those that pass, in the steps that are shown; None where there is no end."""
    above = below = None
    scale = 10 ** described.features[feature].digits
    if bound.low > -math.inf:
        end = round(natural(described, feature, bound.low) * scale, STEP_DIGITS)
        above = math.ceil(end) - 1 if bound.low_passes else math.floor(end)
    if bound.high < math.inf:
        end = round(natural(described, feature, bound.high) * scale, STEP_DIGITS)
        below = math.floor(end) + 1 if bound.high_passes else math.ceil(end)
    return above, below


def _between(above: int, below: int, digits: int) -> str | None:
    """What lies between, both ends included; None where no displayed step does."""
    first, last = above + 1, below - 1
    if first > last:
        return None
    if first == last:
        return _steps_shown(first, digits)
    return f"between {_steps_shown(first, digits)} and {_steps_shown(last, digits)}"


def _steps_shown(steps: int, digits: int) -> str:
    return shown(steps / 10**digits, digits)


def _inequality(described: Described, feature: int, bound: Bound) -> str:
    about = described.features[feature]

    def number(end: float) -> str:
        return shown(natural(described, feature, end), max(about.digits, PRECISE_DIGITS))

    if bound.low == bound.high:
        return f"{about.precise} = {number(bound.low)}"
    upper = "≤" if bound.high_passes else "<"
    if bound.low == -math.inf:
        return f"{about.precise} {upper} {number(bound.high)}"
    if bound.high == math.inf:
        return f"{about.precise} {'≥' if bound.low_passes else '>'} {number(bound.low)}"
    return f"{number(bound.low)} {'≤' if bound.low_passes else '<'} {about.precise} {upper} {number(bound.high)}"


def counted(count: int, what: str) -> str:
    """A number of things in words: "1 rating", "4 ratings"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def printable(line: str) -> str:
    """Without control characters, by which a stranger's title could command the terminal."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in line
    )
