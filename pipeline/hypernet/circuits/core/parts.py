"""Parts and ladders: types, catalogue values, the canonical form of a circuit and its text.

A ladder is a sequence of parts c_1..c_n; c_1 is next to port 1, c_n next to port 2. In arrays a batch of ladders is
``types`` ``[B, n]`` (:data:`PAD` behind the last part) and ``values`` ``[B, n]``, normalised: 1.0 is 1 kOhm, 1 mH or
1 nF.

Types 0..5 are parts on their own, an *arm* each: in series in the line, or parallel from the line to ground. A part may
also belong to the arm of the part before it, as in elliptic filters and traps. The level of a type, ``type // 6``, says
how:

* 0: it begins an arm.
* 1, ``&`` in texts: a branch beside what the arm has so far: in parallel to it in a series arm (``SL:1.0&SC:2.2``, a
  tank), in series with it in a parallel arm (``PL:1.0&PC:2.2``, a trap).
* 2, ``+`` in texts: inside the branch of the part before, the other way round (``SL:1.0+SR:0.1&SC:2.2``: a coil with
  its loss, and a capacitor over both).
"""

from __future__ import annotations

import math
import re

import numpy as np

from hypernet.lab.errors import UserError

# The types of parts: series and parallel (shunt) resistor, inductor, capacitor, in this order.
PART_TYPES = ("SR", "SL", "SC", "PR", "PL", "PC")
SR, SL, SC, PR, PL, PC = range(6)
PAD = -1
# R, L and C: a type modulo three, whatever its alignment and level.
ELEMENTS = 3
# A part that begins an arm, one that begins a branch of it, one inside a branch; see the module.
LEVELS = 3
ARM, BRANCH, CHAINED = range(LEVELS)
JOINTS = ("|", "&", "+")

# Normalisation: R0 and w0 are chosen, L0 = R0 / w0 and C0 = 1 / (w0 R0) follow.
R0_OHM = 1e3
OMEGA0_RADIAN_PER_SECOND = 1e6
L0_HENRY = R0_OHM / OMEGA0_RADIAN_PER_SECOND
C0_FARAD = 1.0 / (OMEGA0_RADIAN_PER_SECOND * R0_OHM)
UNITS = ("Ohm", "H", "F")
SI_PER_ONE = np.array([R0_OHM, L0_HENRY, C0_FARAD])


def is_series(types: np.ndarray) -> np.ndarray:
    """Whether each part lies in a series arm; padding does not."""
    types = np.asarray(types)
    return np.asarray((types >= 0) & (types % len(PART_TYPES) < ELEMENTS))


def levels_of(types: np.ndarray) -> np.ndarray:
    """Level of each part, see the module; -1 at padding."""
    levels: np.ndarray = np.asarray(types) // len(PART_TYPES)
    return levels


def joined(part_type: int, level: int) -> int:
    """The type of a part like ``part_type`` (0..5) at another level."""
    return part_type + level * len(PART_TYPES)


def has_joined(types: np.ndarray) -> np.ndarray:
    """Whether a ladder has arms of several parts, ``[...]`` from ``[..., n]``."""
    return np.asarray((np.asarray(types) >= len(PART_TYPES)).any(axis=-1))


def arms_of(types: np.ndarray) -> list[list[list[int]]]:
    """Positions of one ladder's parts: arms, their branches, the parts of a branch.

    Raises:
        ValueError: a part that belongs to the arm before it, and there is none of its alignment.
    """
    arms: list[list[list[int]]] = []
    for place, part_type in enumerate(np.asarray(types).tolist()):
        if part_type < 0:
            continue
        level = part_type // len(PART_TYPES)
        if level == ARM:
            arms.append([[place]])
            continue
        first = None if not arms else types[arms[-1][0][0]]
        if first is None or is_series(first) != is_series(part_type):
            raise ValueError(f"part {place + 1} belongs to an arm of its alignment, and there is none before it")
        if level == BRANCH:
            arms[-1].append([place])
        else:
            arms[-1][-1].append(place)
    return arms


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
    side = np.where(types < 0, 2, types % len(PART_TYPES) // ELEMENTS)
    change = np.zeros(types.shape, dtype=np.int64)
    change[..., 1:] = side[..., 1:] != side[..., :-1]
    return np.cumsum(change, axis=-1)


def canonical(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort the parts inside each run, which leaves the response as it is: ``[B, n]`` twice.

    By type, then by value; arms of several parts stand behind those of one, and their branches are sorted too. Nothing
    is merged: two parts of one type in a run stay two parts.
    """
    types, values = np.asarray(types), np.asarray(values)
    key = runs_of(types) * LEVELS * len(PART_TYPES) + np.maximum(types, 0)
    order = np.lexsort((values, key), axis=-1)
    out = np.take_along_axis(types, order, axis=-1), np.take_along_axis(values, order, axis=-1)
    for row in np.flatnonzero(has_joined(types)):
        inside = types[row] >= 0
        out[0][row][: inside.sum()], out[1][row][: inside.sum()] = _sorted_arms(types[row], values[row])
    return out


def _sorted_arms(types: np.ndarray, values: np.ndarray) -> tuple[list[int], list[float]]:
    """Types and values of one ladder with arms of several parts in canonical order, without padding."""
    Part = tuple[int, float]
    runs = runs_of(types)

    def branch_key(branch: list[Part]) -> tuple[int, list[Part]]:
        return len(branch), branch

    arms: list[tuple[int, list[list[Part]]]] = []
    for arm in arms_of(types):
        branches = [sorted((int(types[at]) % len(PART_TYPES), float(values[at])) for at in branch) for branch in arm]
        arms.append((int(runs[arm[0][0]]), sorted(branches, key=branch_key)))
    arms.sort(key=lambda arm: (arm[0], sum(map(len, arm[1])) > 1, len(arm[1]), [branch_key(each) for each in arm[1]]))
    flat = [
        (joined(part_type, CHAINED if later else BRANCH if beside else ARM), value)
        for _, branches in arms
        for beside, branch in enumerate(branches)
        for later, (part_type, value) in enumerate(branch)
    ]
    return [part_type for part_type, _ in flat], [value for _, value in flat]


def is_irreducible(types: np.ndarray) -> np.ndarray:
    """Whether no run holds two parts of one type alone in their arms, which would merge (R + R); ``[B]``.

    Args:
        types: in canonical order, so that parts of one type stand side by side.
    """
    types = np.asarray(types)
    goes_on = np.zeros(types.shape, dtype=bool)
    goes_on[..., :-1] = types[..., 1:] >= len(PART_TYPES)
    repeated = (types[..., 1:] == types[..., :-1]) & (types[..., 1:] >= 0) & ~goes_on[..., 1:]
    return ~np.asarray(repeated.any(axis=-1))


def merge(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One ladder ``[n]`` in canonical order with parts of one type in a run joined to one.

    Impedances in series and admittances in parallel add: values of SR, SL and PC add, of SC, PR and PL their inverses.
    """
    types, values = canonical(types[types >= 0][None], values[types >= 0][None])
    out: list[tuple[int, float]] = []
    runs = runs_of(types)[0]
    alone = {arm[0][0] for arm in arms_of(types[0]) if len(arm) == len(arm[0]) == 1}
    for place, (part_type, value) in enumerate(zip(types[0].tolist(), values[0].tolist(), strict=True)):
        if {place, place - 1} <= alone and out[-1][0] == part_type and runs[place] == runs[place - 1]:
            before = out[-1][1]
            together = before + value if part_type in (SR, SL, PC) else 1.0 / (1.0 / before + 1.0 / value)
            out[-1] = (part_type, together)
        else:
            out.append((part_type, value))
    return np.array([part_type for part_type, _ in out], dtype=np.int8), np.array([value for _, value in out])


def texts(types: np.ndarray, values: np.ndarray) -> list[str]:
    """The text of each ladder, such as ``"SR:1.0|PC:2.2"``; circuits are split by the hash of their canonical text."""
    rows = zip(np.asarray(types).tolist(), np.asarray(values, dtype=np.float64).tolist(), strict=True)
    return [
        "".join(
            f"{JOINTS[part_type // len(PART_TYPES)]}{PART_TYPES[part_type % len(PART_TYPES)]}:{value}"
            for part_type, value in zip(*row, strict=True)
            if part_type >= 0
        )[1:]
        for row in rows
    ]


# Where a text is cut: a sign of an exponent is no joint.
_JOINT = re.compile(r"([|&]|\+(?=\s*[sp][rlc]\s*:))", re.ASCII | re.IGNORECASE)


def parse(text: str, where: str = "circuit") -> tuple[np.ndarray, np.ndarray]:
    """Types and values ``[n]`` of one ladder from its text; the module says what ``&`` and ``+`` mean.

    Raises:
        UserError: no parts, an unknown type, a value that is not positive, or a part joined to one of the other
            alignment; names the position.
    """
    types: list[int] = []
    values: list[float] = []
    pieces = _JOINT.split(text) if text.strip() else []
    for place, (joint, part) in enumerate(zip(["|", *pieces[1::2]], pieces[::2], strict=False), start=1):
        part_type, colon, value = part.strip().partition(":")
        if part_type.upper() not in PART_TYPES or not colon:
            raise UserError(f"{where}, part {place}: {part!r} is not TYPE:VALUE with a type of {', '.join(PART_TYPES)}")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (0 < number < math.inf):
            raise UserError(f"{where}, part {place}: the value {value!r} is not a positive number")
        base = PART_TYPES.index(part_type.upper())
        if joint != "|" and is_series(np.array(base)) != is_series(np.array(types[-1])):
            raise UserError(f"{where}, part {place}: {part!r} is joined by {joint} to a part of the other alignment")
        types.append(joined(base, JOINTS.index(joint)))
        values.append(number)
    if not types:
        raise UserError(f"{where}: a circuit needs at least one part")
    return np.array(types, dtype=np.int8), np.array(values)
