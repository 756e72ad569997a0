"""Parts and ladders: kinds, catalogue values, the canonical form of a circuit and its text.

A ladder is a sequence of parts c_1..c_n; c_1 is next to port 1, c_n next to port 2. In arrays a batch of ladders is
``kinds`` ``[B, n]`` (0..5, :data:`PAD` behind the last part) and ``values`` ``[B, n]``, normalised: 1.0 is 1 kOhm,
1 mH or 1 nF.
"""

from __future__ import annotations

import math

import numpy as np

from hypernet.lab.errors import UserError

# Series and parallel (shunt) resistor, inductor, capacitor, in this order.
KINDS = ("SR", "SL", "SC", "PR", "PL", "PC")
SR, SL, SC, PR, PL, PC = range(6)
PAD = -1
TYPES = 3

# Normalisation: R0 and w0 are chosen, L0 = R0 / w0 and C0 = 1 / (w0 R0) follow.
R0_OHM = 1e3
OMEGA0_RADIAN_PER_SECOND = 1e6
L0_HENRY = R0_OHM / OMEGA0_RADIAN_PER_SECOND
C0_FARAD = 1.0 / (OMEGA0_RADIAN_PER_SECOND * R0_OHM)
UNITS = ("Ohm", "H", "F")
SI_PER_ONE = np.array([R0_OHM, L0_HENRY, C0_FARAD])

# IEC 60063: the preferred values of one decade.
E_SERIES = {
    "E3": (1.0, 2.2, 4.7),
    "E6": (1.0, 1.5, 2.2, 3.3, 4.7, 6.8),
    "E12": (1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2),
    "E24": (
        *(1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0),
        *(3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2, 9.1),
    ),
}  # fmt: skip


def is_series(kinds: np.ndarray) -> np.ndarray:
    """Whether each part lies in series; padding does not."""
    return (kinds >= 0) & (kinds < TYPES)


def lengths_of(kinds: np.ndarray) -> np.ndarray:
    """Number of parts of each ladder, ``[B]``."""
    return (np.asarray(kinds) >= 0).sum(axis=-1)


def omega(frequency_hz: np.ndarray) -> np.ndarray:
    """Normalised angular frequency w = 2 pi f / w0."""
    return 2.0 * math.pi * np.asarray(frequency_hz, dtype=np.float64) / OMEGA0_RADIAN_PER_SECOND


def hertz(frequency: np.ndarray) -> np.ndarray:
    """The inverse of :func:`omega`."""
    return np.asarray(frequency, dtype=np.float64) * OMEGA0_RADIAN_PER_SECOND / (2.0 * math.pi)


def si_values(kinds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in ohms, henries and farads."""
    return np.asarray(values) * SI_PER_ONE[np.asarray(kinds) % TYPES]


def series_values(series: str, lowest: float, highest: float) -> np.ndarray:
    """All values of an E series from ``lowest`` to ``highest``, rising, normalised (decades keep the mantissas)."""
    decades = range(math.floor(math.log10(lowest)) - 1, math.ceil(math.log10(highest)) + 1)
    # Decimal texts give the double that a reader of 0.22 expects, not 2.2 * 0.1.
    values = np.array([float(f"{mantissa}e{decade}") for decade in decades for mantissa in E_SERIES[series]])
    return values[(values >= lowest * (1 - 1e-9)) & (values <= highest * (1 + 1e-9))]


def runs_of(kinds: np.ndarray) -> np.ndarray:
    """Number of the run that each position belongs to, ``[B, n]``: neighbours of one alignment, which commute.

    Padding is a run of its own behind all others.
    """
    kinds = np.asarray(kinds)
    side = np.where(kinds < 0, 2, kinds // TYPES)
    change = np.zeros(kinds.shape, dtype=np.int64)
    change[..., 1:] = side[..., 1:] != side[..., :-1]
    return np.cumsum(change, axis=-1)


def canonical_order(kinds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions in canonical order, ``[B, n]``: inside each run by kind, then by value."""
    key = runs_of(kinds) * len(KINDS) + np.maximum(kinds, 0)
    return np.lexsort((values, key), axis=-1)


def canonical(kinds: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort the parts inside each run, which leaves the response as it is: ``[B, n]`` twice.

    Nothing is merged: two parts of one type in a run stay two parts.
    """
    kinds, values = np.asarray(kinds), np.asarray(values)
    order = canonical_order(kinds, values)
    return np.take_along_axis(kinds, order, axis=-1), np.take_along_axis(values, order, axis=-1)


def is_irreducible(kinds: np.ndarray) -> np.ndarray:
    """Whether no run holds two parts of one type, which would merge into one (R + R); ``[B]``.

    Args:
        kinds: in canonical order, so that parts of one type stand side by side.
    """
    kinds = np.asarray(kinds)
    return ~((kinds[..., 1:] == kinds[..., :-1]) & (kinds[..., 1:] >= 0)).any(axis=-1)


def merge(kinds: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One ladder ``[n]`` in canonical order with parts of one type in a run joined to one.

    Impedances in series and admittances in parallel add: values of SR, SL and PC add, of SC, PR and PL their inverses.
    """
    kinds, values = canonical(kinds[kinds >= 0][None], values[kinds >= 0][None])
    out: list[tuple[int, float]] = []
    runs = runs_of(kinds)[0]
    for place, (kind, value) in enumerate(zip(kinds[0].tolist(), values[0].tolist(), strict=True)):
        if place and out[-1][0] == kind and runs[place] == runs[place - 1]:
            before = out[-1][1]
            joined = before + value if kind in (SR, SL, PC) else 1.0 / (1.0 / before + 1.0 / value)
            out[-1] = (kind, joined)
        else:
            out.append((kind, value))
    return np.array([kind for kind, _ in out], dtype=np.int8), np.array([value for _, value in out])


def texts(kinds: np.ndarray, values: np.ndarray) -> list[str]:
    """The text of each ladder, such as ``"SR:1.0|PC:2.2"``; circuits are split by the hash of their canonical text."""
    rows = zip(np.asarray(kinds).tolist(), np.asarray(values, dtype=np.float64).tolist(), strict=True)
    return ["|".join(f"{KINDS[kind]}:{value}" for kind, value in zip(*row, strict=True) if kind >= 0) for row in rows]


def parse(text: str, where: str = "circuit") -> tuple[np.ndarray, np.ndarray]:
    """Kinds and values ``[n]`` of one ladder from its text.

    Raises:
        UserError: no parts, an unknown kind, or a value that is not positive; names the position.
    """
    kinds, values = [], []
    for place, part in enumerate(text.split("|") if text.strip() else [], start=1):
        kind, colon, value = part.strip().partition(":")
        if kind.upper() not in KINDS or not colon:
            raise UserError(f"{where}, part {place}: {part!r} is not KIND:VALUE with a kind of {', '.join(KINDS)}")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (0 < number < math.inf):
            raise UserError(f"{where}, part {place}: the value {value!r} is not a positive number")
        kinds.append(KINDS.index(kind.upper()))
        values.append(number)
    if not kinds:
        raise UserError(f"{where}: a circuit needs at least one part")
    return np.array(kinds, dtype=np.int8), np.array(values)
