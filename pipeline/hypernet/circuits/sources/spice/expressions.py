"""Values in netlists: numbers with SPICE suffixes, and expressions of parameters, evaluated without running anything.

Numbers: ``1k``, ``4.7nF``, ``2.2kOhm``, ``1e-9``; and as resistors and capacitors are marked (IEC 60062): ``4k7``,
``2R2``, ``1n5``. ``M`` is milli as in all of SPICE; in ``4M7``, which is read both ways, it is refused.

Expressions: ``+ - * / ** ^``, parentheses, the names of parameters, ``pi`` and the functions of :data:`FUNCTIONS`.
Decimal numbers, for with binary ones 2.2 times 1e-9 would not be 2.2e-9.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow, localcontext

PRECISION = 40
# No value of a circuit is near 10 to this power, in any unit; what goes beyond is refused.
HIGHEST_POWER_OF_TEN = 600
LONGEST_EXPRESSION, DEEPEST = 500, 30
SUFFIXES = {
    "": "1", "t": "1e12", "g": "1e9", "meg": "1e6", "k": "1e3", "mil": "25.4e-6", "m": "1e-3", "u": "1e-6", "n": "1e-9",
    "p": "1e-12", "f": "1e-15",
}  # fmt: skip
# Letters behind the suffix are a unit: 10kOhm, 4.7nF.
NUMBER = re.compile(r"([+-]?(?:\d{1,60}\.?\d{0,60}|\.\d{1,60})(?:e[+-]?\d{1,3})?)(meg|mil|[tgkmunpf]?)([a-zω]*)")
MARKED = re.compile(r"(\d{1,9})(meg|[rtgkunplf])(\d{1,9})(?:ohms?|h|f|ω)?")
# A unit that stands apart from its number: 10 nH.
UNIT = re.compile(r"(?:t|g|meg|k|m|u|n|p|f)?(?:ohms?|h|henry|henries|f|farads?|ω)|t|g|meg|k|m|u|n|p")
TOKEN = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[a-z]*\d*[a-zω]*|[a-z_][\w.]*|\*\*|[-+*/^(),])")
ACCEPTED = "a number such as 1000, 1k, 4.7n, 4k7 or 1e-9, or {an expression} of parameters with + - * / ** and ( )"


class ExpressionError(ValueError):
    """What is wrong with a value, as the end of a line: ``the parameter 'x' is not defined``."""


def decimals() -> Context:
    """Decimal arithmetic that ends with an error instead of growing."""
    traps = [InvalidOperation, DivisionByZero, Overflow]
    return Context(prec=PRECISION, Emax=HIGHEST_POWER_OF_TEN, Emin=-HIGHEST_POWER_OF_TEN, traps=traps)


def number(text: str) -> Decimal | None:
    """The value of a number in lower case, or None where the text is none.

    Raises:
        ExpressionError: a number that is read in two ways.
    """
    match = NUMBER.fullmatch(text)
    if match:
        with localcontext(decimals()):
            try:
                return Decimal(match[1]) * Decimal(SUFFIXES[match[2]])
            except DecimalException:
                return None
    if re.fullmatch(r"\d{1,9}m\d{1,9}[a-zω]*", text):
        raise ExpressionError(f"the value {text!r} is milli or mega; write it as 4.7m or 4.7meg")
    marked = MARKED.fullmatch(text)
    if marked is None:
        return None
    scale = "1" if marked[2] in "rl" else SUFFIXES[marked[2]]
    with localcontext(decimals()):
        return Decimal(f"{marked[1]}.{marked[3]}") * Decimal(scale)


def is_common_number(text: str) -> bool:
    """Whether all SPICE programs read the text as :func:`number` does."""
    match = NUMBER.fullmatch(text)
    return match is not None and "ω" not in text and not (match[2] == "" and match[3].startswith("a"))


def _of_float(function: Callable[[float], float]) -> Callable[[Decimal], Decimal]:
    return lambda argument: Decimal(repr(function(float(argument))))


FUNCTIONS: dict[str, tuple[int, Callable[..., Decimal]]] = {
    "sqrt": (1, lambda x: x.sqrt()),
    "abs": (1, abs),
    "exp": (1, lambda x: x.exp()),
    "ln": (1, lambda x: x.ln()),
    "log": (1, lambda x: x.ln()),
    "log10": (1, lambda x: x.log10()),
    "sin": (1, _of_float(math.sin)),
    "cos": (1, _of_float(math.cos)),
    "tan": (1, _of_float(math.tan)),
    "sinh": (1, _of_float(math.sinh)),
    "cosh": (1, _of_float(math.cosh)),
    "tanh": (1, _of_float(math.tanh)),
    "atan": (1, _of_float(math.atan)),
    "pow": (2, lambda x, y: x**y),
    "min": (2, min),
    "max": (2, max),
}
PI = Decimal("3.141592653589793238462643383279502884197")


def evaluate(text: str, parameter: Callable[[str], Decimal]) -> Decimal:
    """The value of an expression in lower case, without its braces.

    Args:
        text: the expression.
        parameter: gives the value of a name, or raises :class:`ExpressionError`.

    Raises:
        ExpressionError: it is no expression, uses a name that is not defined, or leaves the range of numbers.
    """
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(f"an expression of more than {LONGEST_EXPRESSION} characters")
    with localcontext(decimals()):
        try:
            return _Reader(text, parameter).whole()
        except (DecimalException, OverflowError, ValueError, RecursionError) as error:
            if isinstance(error, ExpressionError):
                raise
            raise ExpressionError(f"the expression {text.strip()!r} has no value, or one out of range") from None


class _Reader:
    """A recursive descent over the tokens of one expression."""

    def __init__(self, text: str, parameter: Callable[[str], Decimal]) -> None:
        self.text, self.parameter = text.strip(), parameter
        self.tokens: list[str] = []
        place = 0
        while place < len(self.text):
            match = TOKEN.match(self.text, place)
            if match is None:
                raise self._wrong(self.text[place])
            self.tokens.append(match[1])
            place = match.end()
        self.tokens.reverse()
        self.depth = 0

    def whole(self) -> Decimal:
        value = self._sum()
        if self.tokens:
            raise self._wrong(self.tokens[-1])
        return value

    def _wrong(self, token: str | None) -> ExpressionError:
        what = "its end" if token is None else repr(token)
        return ExpressionError(f"the expression {self.text!r} is not understood at {what}")

    def _next(self, *wanted: str) -> str | None:
        return self.tokens.pop() if self.tokens and self.tokens[-1] in wanted else None

    def _sum(self) -> Decimal:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(f"an expression with more than {DEEPEST} parentheses inside one another")
        value = self._product()
        while sign := self._next("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        self.depth -= 1
        return value

    def _product(self) -> Decimal:
        value = self._signed()
        while sign := self._next("*", "/"):
            other = self._signed()
            value = value * other if sign == "*" else value / other
        return value

    def _signed(self) -> Decimal:
        negative = False
        while sign := self._next("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Decimal:
        value = self._atom()
        if not self._next("**", "^"):
            return value
        negative = bool(self._next("-"))
        exponent = -self._atom() if negative else self._atom()
        if self.tokens and self.tokens[-1] in ("**", "^"):
            # 2 ** 9 to this text's readers, 8 ** 2 to ngspice.
            raise ExpressionError(f"the expression {self.text!r} has a power of a power; put one in parentheses")
        return value**exponent

    def _atom(self) -> Decimal:
        token = self.tokens.pop() if self.tokens else None
        if token == "(":
            value = self._sum()
            if self._next(")") is None:
                raise self._wrong(self.tokens[-1] if self.tokens else None)
            return value
        if token is None or not (token[0].isalnum() or token[0] in "._"):
            raise self._wrong(token)
        if token[0].isdigit() or token[0] == ".":
            value_or_none = number(token)
            if value_or_none is None:
                raise self._wrong(token)
            return value_or_none
        if self._next("("):
            return self._call(token)
        return PI if token == "pi" else self.parameter(token)

    def _call(self, name: str) -> Decimal:
        if name not in FUNCTIONS:
            raise ExpressionError(f"the function {name!r} is not understood; accepted: {', '.join(FUNCTIONS)}")
        count, function = FUNCTIONS[name]
        arguments = [self._sum()]
        while self._next(","):
            arguments.append(self._sum())
        if self._next(")") is None or len(arguments) != count:
            raise ExpressionError(f"the function {name!r} takes {count} number{'s' * (count > 1)} in parentheses")
        return function(*arguments)
