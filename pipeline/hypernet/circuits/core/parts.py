"""Parts and ladders: types, catalogue values, the canonical form of a circuit and its text.

A ladder is a sequence of parts c_1..c_n; c_1 is next to port 1, c_n next to port 2. In arrays a batch of ladders is
``types`` ``[B, n]`` (0..5, :data:`PAD` behind the last part) and ``values`` ``[B, n]``, normalised: 1.0 is 1 kOhm,
1 mH or 1 nF.
"""

from __future__ import annotations

import math

import numpy as np

from hypernet.lab.errors import UserError

# The types of parts: series and parallel (shunt) resistor, inductor, capacitor, in this order.
PART_TYPES = ("SR", "SL", "SC", "PR", "PL", "PC")
SR, SL, SC, PR, PL, PC = range(6)
PAD = -1
# R, L and C: a type modulo three, whatever its alignment.
ELEMENTS = 3

# Normalisation: R0 and w0 are chosen, L0 = R0 / w0 and C0 = 1 / (w0 R0) follow.
R0_OHM = 1e3
OMEGA0_RADIAN_PER_SECOND = 1e6
L0_HENRY = R0_OHM / OMEGA0_RADIAN_PER_SECOND
C0_FARAD = 1.0 / (OMEGA0_RADIAN_PER_SECOND * R0_OHM)
UNITS = ("Ohm", "H", "F")
SI_PER_ONE = np.array([R0_OHM, L0_HENRY, C0_FARAD])


def is_series(types: np.ndarray) -> np.ndarray:
    """Whether each part lies in series; padding does not."""
    return (types >= 0) & (types < ELEMENTS)


def lengths_of(types: np.ndarray) -> np.ndarray:
    """Number of parts of each ladder, ``[B]``."""
    lengths: np.ndarray = (np.asarray(types) >= 0).sum(axis=-1)
    return lengths


def omega(frequency_hz: np.ndarray) -> np.ndarray:
    """Normalised angular frequency w = 2 pi f / w0."""
    frequency: np.ndarray = 2.0 * math.pi * np.asarray(frequency_hz, dtype=np.float64) / OMEGA0_RADIAN_PER_SECOND
    return frequency


def hertz(frequency: np.ndarray) -> np.ndarray:
    """The inverse of :func:`omega`."""
    frequency_hz: np.ndarray = np.asarray(frequency, dtype=np.float64) * OMEGA0_RADIAN_PER_SECOND / (2.0 * math.pi)
    return frequency_hz


def si_values(types: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in ohms, henries and farads."""
    si: np.ndarray = np.asarray(values) * SI_PER_ONE[np.asarray(types) % ELEMENTS]
    return si


def runs_of(types: np.ndarray) -> np.ndarray:
    """Number of the run that each position belongs to, ``[B, n]``: neighbours of one alignment, which commute.

    Padding is a run of its own behind all others.
    """
    types = np.asarray(types)
    side = np.where(types < 0, 2, types // ELEMENTS)
    change = np.zeros(types.shape, dtype=np.int64)
    change[..., 1:] = side[..., 1:] != side[..., :-1]
    return np.cumsum(change, axis=-1)


def canonical_order(types: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions in canonical order, ``[B, n]``: inside each run by type, then by value."""
    key = runs_of(types) * len(PART_TYPES) + np.maximum(types, 0)
    return np.lexsort((values, key), axis=-1)


def canonical(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort the parts inside each run, which leaves the response as it is: ``[B, n]`` twice.

    Nothing is merged: two parts of one type in a run stay two parts.
    """
    types, values = np.asarray(types), np.asarray(values)
    order = canonical_order(types, values)
    return np.take_along_axis(types, order, axis=-1), np.take_along_axis(values, order, axis=-1)


def is_irreducible(types: np.ndarray) -> np.ndarray:
    """Whether no run holds two parts of one type, which would merge into one (R + R); ``[B]``.

    Args:
        types: in canonical order, so that parts of one type stand side by side.
    """
    types = np.asarray(types)
    repeated: np.ndarray = ((types[..., 1:] == types[..., :-1]) & (types[..., 1:] >= 0)).any(axis=-1)
    return ~repeated


def merge(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One ladder ``[n]`` in canonical order with parts of one type in a run joined to one.

    Impedances in series and admittances in parallel add: values of SR, SL and PC add, of SC, PR and PL their inverses.
    """
    types, values = canonical(types[types >= 0][None], values[types >= 0][None])
    out: list[tuple[int, float]] = []
    runs = runs_of(types)[0]
    for place, (part_type, value) in enumerate(zip(types[0].tolist(), values[0].tolist(), strict=True)):
        if place and out[-1][0] == part_type and runs[place] == runs[place - 1]:
            before = out[-1][1]
            joined = before + value if part_type in (SR, SL, PC) else 1.0 / (1.0 / before + 1.0 / value)
            out[-1] = (part_type, joined)
        else:
            out.append((part_type, value))
    return np.array([part_type for part_type, _ in out], dtype=np.int8), np.array([value for _, value in out])


def texts(types: np.ndarray, values: np.ndarray) -> list[str]:
    """The text of each ladder, such as ``"SR:1.0|PC:2.2"``; circuits are split by the hash of their canonical text."""
    rows = zip(np.asarray(types).tolist(), np.asarray(values, dtype=np.float64).tolist(), strict=True)
    return [
        "|".join(f"{PART_TYPES[part_type]}:{value}" for part_type, value in zip(*row, strict=True) if part_type >= 0)
        for row in rows
    ]


def parse(text: str, where: str = "circuit") -> tuple[np.ndarray, np.ndarray]:
    """Types and values ``[n]`` of one ladder from its text.

    Raises:
        UserError: no parts, an unknown type, or a value that is not positive; names the position.
    """
    types, values = [], []
    for place, part in enumerate(text.split("|") if text.strip() else [], start=1):
        part_type, colon, value = part.strip().partition(":")
        if part_type.upper() not in PART_TYPES or not colon:
            raise UserError(f"{where}, part {place}: {part!r} is not TYPE:VALUE with a type of {', '.join(PART_TYPES)}")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (0 < number < math.inf):
            raise UserError(f"{where}, part {place}: the value {value!r} is not a positive number")
        types.append(PART_TYPES.index(part_type.upper()))
        values.append(number)
    if not types:
        raise UserError(f"{where}: a circuit needs at least one part")
    return np.array(types, dtype=np.int8), np.array(values)
