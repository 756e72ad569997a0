"""ICC profiles: what the numbers of a file mean, read strictly, and written for files that say it in another way.

Of a profile by a matrix and curves (ICC.1:2022, 8.3.3: cameras, displays, working spaces) everything that a conversion
needs is here, in both directions and without a grid, so that nothing is lost. Profiles by tables (scanners, printers)
are recognised, and left to LittleCMS.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hypernet.lab.errors import UserError

LARGEST_PROFILE = 2**24
MOST_TAGS = 256
# Of a tone curve: one for every level of 16 bits.
MOST_NODES = 2**16
# White of the connection space, and sRGB's primaries in it (IEC 61966-2-1, adapted by Bradford), columns R, G, B.
D50 = np.array([0.9642, 1.0, 0.8249])
SRGB_MATRIX = np.array(
    [
        [0.43603516, 0.38511658, 0.14305115],
        [0.22248840, 0.71690369, 0.06060791],
        [0.01391602, 0.09706116, 0.71391296],
    ]
)
# Chromaticities of white, red, green and blue.
SRGB_PRIMARIES = (0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# A profile is sRGB if its greys agree within half a level of 8 bits, and its primaries as those of the many sRGB
# profiles agree among each other.
SAME_GREYS, SAME_PRIMARIES = 0.5 / 255, 2e-3
_TABLES = (b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2")
_HEADER, _TAG = 128, 12
# How many parameters each function of a 'para' curve has, and their letters here.
_PARAMETRIC = ("g", "gab", "gabc", "gabcd", "gabcdef")


_P3 = (0.3127, 0.3290), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)
_BT2020 = (0.3127, 0.3290), (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)
_STATED_PRIMARIES = {1: SRGB_PRIMARIES, 2: SRGB_PRIMARIES, 9: _BT2020, 12: _P3}
_STATED_RANGES = {16: "of high dynamic range (PQ)", 18: "of high dynamic range (HLG)"}


class ProfileError(ValueError):
    """A profile that cannot be read, or is not of colours as a photograph has them: what is wrong with it."""


@dataclass(frozen=True)
class PowerCurve:
    """Encoded to linear: (a x + b)^g + e from d on, and c x + f below; all in [0, 1]."""

    g: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0

    def __call__(self, encoded: np.ndarray) -> np.ndarray:
        """Linear light, float, of encoded values in [0, 1]."""
        power = np.maximum(self.a * encoded + self.b, 0) ** self.g + self.e
        return np.clip(np.where(encoded >= self.d, power, self.c * encoded + self.f), 0, 1)

    def inverse(self, linear: np.ndarray) -> np.ndarray:
        """Encoded values in [0, 1] of linear light in [0, 1], of its own type."""
        knee = max(self.a * self.d + self.b, 0) ** self.g + self.e
        encoded = (np.maximum(linear - self.e, 0) ** (1 / self.g) - self.b) / self.a
        if self.d > 0:
            straight = (linear - self.f) / self.c if self.c > 0 else np.full_like(linear, self.d)
            encoded = np.where(linear >= knee, encoded, np.minimum(straight, self.d))
        return np.clip(encoded, 0, 1)


@dataclass(frozen=True, eq=False)
class TableCurve:
    """Encoded to linear by straight lines between values at equal steps, float64 ``[n]`` in [0, 1]."""

    values: np.ndarray

    def __call__(self, encoded: np.ndarray) -> np.ndarray:
        """Linear light, float, of encoded values in [0, 1]."""
        return np.interp(encoded, np.linspace(0, 1, len(self.values)), self.values)

    def inverse(self, linear: np.ndarray) -> np.ndarray:
        """Encoded values in [0, 1] of linear light in [0, 1]."""
        return np.interp(linear, self.values, np.linspace(0, 1, len(self.values)))


Curve = PowerCurve | TableCurve
SRGB_CURVE = PowerCurve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_STATED_CURVES = {**dict.fromkeys((1, 2, 6, 13, 14, 15), SRGB_CURVE), 4: PowerCurve(2.2), 8: PowerCurve(1.0)}


@dataclass(frozen=True, eq=False)
class Profile:
    """What the numbers of a file mean.

    Attributes:
        data: the profile as it stands in the file.
        name: for people.
        channels: 3 (RGB) or 1 (grey).
        curves: encoded to linear light of every channel; empty where the profile has tables instead.
        matrix: linear RGB to XYZ under D50, float64 ``[3, 3]``; None for grey and for tables.
    """

    data: bytes
    name: str
    channels: int
    curves: tuple[Curve, ...] = ()
    matrix: np.ndarray | None = None

    @cached_property
    def to_srgb(self) -> np.ndarray:
        """Linear RGB of the profile to linear RGB of sRGB, float64 ``[3, 3]``."""
        return np.linalg.inv(SRGB_MATRIX) @ self.matrix

    @cached_property
    def is_srgb(self) -> bool:
        """Whether its colours are those of sRGB, as far as profiles of sRGB agree among each other."""
        if self.matrix is None or np.abs(self.to_srgb - np.eye(3)).max() > SAME_PRIMARIES:
            return False
        greys = np.linspace(0, 1, 256)
        return all(np.abs(SRGB_CURVE.inverse(curve(greys)) - greys).max() < SAME_GREYS for curve in self.curves)


def read_profile(data: bytes) -> Profile:
    """Read an ICC profile, of version 2 or 4.

    Args:
        data: the profile; bytes after the length that it states are left out.

    Raises:
        ProfileError: what is wrong with it, or that it is of other colours than RGB and grey.
    """
    tags = _tags(data)
    space, connection = data[16:20], data[20:24]
    if space not in (b"RGB ", b"GRAY"):
        raise ProfileError(f"a profile of {_text(space)} colours")
    name, channels = _name(bytes(tags.get(b"desc", b""))), 3 if space == b"RGB " else 1
    names = [b"rTRC", b"gTRC", b"bTRC"] if channels == 3 else [b"kTRC"]
    colorants = [b"rXYZ", b"gXYZ", b"bXYZ"] if channels == 3 else []
    by_tables = any(tag in tags for tag in _TABLES) or connection != b"XYZ "
    if by_tables or not all(tag in tags for tag in names + colorants):
        return Profile(data, name, channels)
    curves = tuple(_curve(bytes(tags[tag])) for tag in names)
    if channels == 1:
        return Profile(data, name, channels, curves)
    matrix = np.stack([_xyz(bytes(tags[tag])) for tag in colorants], axis=1)
    if abs(np.linalg.det(matrix)) < 1e-4:
        raise ProfileError("its primaries lie in one plane")
    return Profile(data, name, channels, curves, matrix)


def made_profile(
    name: str, primaries: Sequence[tuple[float, float]], white: tuple[float, float], curve: PowerCurve
) -> Profile:
    """A profile of stated primaries, for files that state their colours without one.

    Args:
        name: for people, ASCII.
        primaries: chromaticities (x, y) of red, green and blue.
        white: chromaticity (x, y) of white.
        curve: encoded to linear, of all three channels.

    Returns:
        The profile, its ``data`` an ICC profile of version 4.3.

    Raises:
        ProfileError: the primaries span no colours.
    """
    try:
        columns = np.array([_xyz_of(*chromaticity) for chromaticity in primaries]).T
        source = _xyz_of(*white)
        matrix = columns * np.linalg.solve(columns, source)
        adapted = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ source)) @ BRADFORD
    except (np.linalg.LinAlgError, ZeroDivisionError):
        raise ProfileError("primaries that span no colours") from None
    matrix = adapted @ matrix
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 4 or np.linalg.det(matrix) < 1e-4:
        raise ProfileError("primaries that span no colours")
    text = name.encode("utf-16-be")
    words = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {b"desc": words, b"cprt": words, b"wtpt": _numbers(b"XYZ ", D50), b"chad": _numbers(b"sf32", adapted.flat)}
    tags |= {
        colorant: _numbers(b"XYZ ", matrix[:, column]) for column, colorant in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))
    }
    parameters = [curve.g, curve.a, curve.b, curve.c, curve.d, curve.e, curve.f]
    shape = b"para" + bytes(4) + struct.pack(">HH", 4, 0) + _fixed(parameters)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), shape)
    return read_profile(_assembled(tags))


def stated_profile(primaries: int, transfer: int) -> Profile | None:
    """The profile of colours that a file states by code points (ITU-T H.273), as PNG and HEIC do.

    Args:
        primaries: 1 (BT.709), 2 (not stated), 9 (BT.2020) or 12 (Display P3).
        transfer: 13 (sRGB), 1, 6, 14 and 15 (BT.709 and its like, which of photographs mean sRGB's), 2 (not stated), 4
            (gamma 2.2) or 8 (linear).

    Returns:
        The profile; None for sRGB.

    Raises:
        UserError: other colours, such as those of high dynamic range (PQ, HLG).
    """
    points, curve = _STATED_PRIMARIES.get(primaries), _STATED_CURVES.get(transfer)
    if points is None or curve is None:
        reason = _STATED_RANGES.get(transfer, f"of primaries {primaries} and transfer {transfer} of ITU-T H.273")
        raise UserError(f"colours {reason}; accepted: sRGB, Display P3 and BT.2020 of standard dynamic range")
    if points == SRGB_PRIMARIES and curve == SRGB_CURVE:
        return None
    white, *others = points
    return made_profile(f"H.273 primaries {primaries} transfer {transfer}", others, white, curve)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """A display profile of these tags."""
    table, body, place = b"", b"", _HEADER + 4 + _TAG * len(tags)
    for tag, content in tags.items():
        table += tag + struct.pack(">II", place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = place + len(body)
    dates = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x04300000, b"mntr", b"RGB ", b"XYZ ") + dates + b"acsp"
    header += bytes(28) + _fixed(D50)
    return header + bytes(_HEADER - len(header)) + struct.pack(">I", len(tags)) + table + body


def _tags(data: bytes) -> dict[bytes, memoryview]:
    """The tags of a profile; those that reach over its end are an error. Many may name the same megabytes."""
    if len(data) < _HEADER + 4 or data[36:40] != b"acsp":
        raise ProfileError("not an ICC profile")
    if len(data) > LARGEST_PROFILE:
        raise ProfileError(f"a profile of more than {LARGEST_PROFILE:,} bytes")
    (size,), (count,) = struct.unpack_from(">I", data), struct.unpack_from(">I", data, _HEADER)
    if size > len(data):
        raise ProfileError("the profile is cut off")
    if count > MOST_TAGS or _HEADER + 4 + _TAG * count > size:
        raise ProfileError(f"a profile of {count:,} tags")
    tags, view = {}, memoryview(data)
    for number in range(count):
        tag, place, length = struct.unpack_from(">4sII", data, _HEADER + 4 + _TAG * number)
        if place + length > size:
            raise ProfileError(f"its tag {_text(tag)} reaches over its end")
        tags[tag] = view[place : place + length]
    return tags


def _curve(content: bytes) -> Curve:
    """A tone curve, by a table or by numbers.

    Raises:
        ProfileError: it is cut off, falls, or leaves out a part of the levels.
    """
    if len(content) < 12:
        raise ProfileError("a tone curve is cut off")
    curve: Curve
    if content[:4] == b"curv":
        (count,) = struct.unpack_from(">I", content, 8)
        if 12 + 2 * count > len(content):
            raise ProfileError("a tone curve is cut off")
        if count > MOST_NODES:
            raise ProfileError(f"a tone curve of {count:,} numbers")
        numbers = np.frombuffer(content, ">u2", count, 12).astype(np.float64)
        curve = TableCurve(numbers / 65535) if count > 1 else PowerCurve(numbers[0] / 256 if count else 1.0)
    elif content[:4] == b"para":
        (shape,) = struct.unpack_from(">H", content, 8)
        if shape >= len(_PARAMETRIC) or 12 + 4 * len(_PARAMETRIC[shape]) > len(content):
            raise ProfileError("a tone curve is cut off, or of an unknown function")
        curve = _parametric(shape, content)
    else:
        raise ProfileError(f"a tone curve of the type {_text(content[:4])}")
    values = curve(np.linspace(0, 1, 1025))
    if not np.isfinite(values).all() or (np.diff(values) < -1e-4).any() or values[-1] - values[0] < 0.5:
        raise ProfileError("a tone curve that does not rise")
    # Rounding may let a table fall by a little; its inverse must not.
    return TableCurve(np.maximum.accumulate(curve.values)) if isinstance(curve, TableCurve) else curve


def _parametric(shape: int, content: bytes) -> PowerCurve:
    letters = _PARAMETRIC[shape]
    numbers = np.frombuffer(content, ">i4", len(letters), 12) / 65536
    parameters = {letter: float(number) for letter, number in zip(letters, numbers, strict=True)}
    if not 0.1 <= parameters["g"] <= 20 or not 1e-3 <= parameters.get("a", 1.0) <= 1e3:
        raise ProfileError("a tone curve that does not rise")
    if shape in (1, 2):
        # Flat below -b/a, at 0 or at c.
        flat = parameters.pop("c", 0.0)
        parameters |= {"d": -parameters["b"] / parameters["a"], "e": flat, "f": flat}
    return PowerCurve(**parameters)


def _xyz(content: bytes) -> np.ndarray:
    if content[:4] != b"XYZ " or len(content) < 20:
        raise ProfileError("a primary is cut off")
    return np.frombuffer(content, ">i4", 3, 8) / 65536


def _name(content: bytes) -> str:
    """A profile's name of both versions, or ``unnamed``."""
    text = ""
    if content[:4] == b"desc" and len(content) >= 12:
        (length,) = struct.unpack_from(">I", content, 8)
        text = content[12 : 12 + min(length, 200)].decode("latin-1")
    elif content[:4] == b"mluc" and len(content) >= 28:
        length, place = struct.unpack_from(">II", content, 20)
        text = content[place : place + min(length, 400)].decode("utf-16-be", "replace")
    return _printable(text) or "unnamed"


def _text(code: bytes) -> str:
    return repr(_printable(code.decode("latin-1")))


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable()).strip()[:100]


def _xyz_of(x: float, y: float) -> np.ndarray:
    """XYZ of a chromaticity, at luminance 1."""
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _numbers(code: bytes, values) -> bytes:
    return code + bytes(4) + _fixed(values)


def _fixed(values) -> bytes:
    """Numbers as s15Fixed16."""
    return np.rint(np.array(list(values)) * 65536).astype(">i4").tobytes()
