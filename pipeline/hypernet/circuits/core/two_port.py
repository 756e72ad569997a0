"""S parameters of a two-port: other references, the response with a load, and S from Z, Y, H and G.

Arrays are complex ``[..., 2, 2]``; references are positive resistances, in ohms or in whatever unit both have.
(Pozar, Microwave Engineering, chapter 4; Frickey, IEEE Trans. MTT 42, 1994, page 205.)
"""

from __future__ import annotations

import math

import numpy as np

# Kurokawa 1965; Marks and Williams 1992; the waves that run on the line.
WAVES = ("power", "pseudo", "traveling")


def renormalise(s: np.ndarray, old: tuple[float, float], new: tuple[float, float]) -> np.ndarray:
    """S parameters with other references.

    Nothing cancels in the transmissions, whose digits stay in the deepest stop band.

    Args:
        s: with the references ``old``.
        old: of port 1 and port 2.
        new: the same for the result.
    """
    r1, r2 = ((after - before) / (after + before) for before, after in zip(old, new, strict=True))
    s11, s12, s21, s22 = s[..., 0, 0], s[..., 0, 1], s[..., 1, 0], s[..., 1, 1]
    across = s12 * s21
    determinant = (1 - r1 * s11) * (1 - r2 * s22) - r1 * r2 * across
    through = math.sqrt((1 - r1**2) * (1 - r2**2))
    out = np.empty_like(s)
    out[..., 0, 0] = ((s11 - r1) * (1 - r2 * s22) + r2 * across) / determinant
    out[..., 1, 1] = ((s22 - r2) * (1 - r1 * s11) + r1 * across) / determinant
    out[..., 0, 1], out[..., 1, 0] = s12 * through / determinant, s21 * through / determinant
    return out


def closed(s: np.ndarray, source: float, load: float) -> tuple[np.ndarray, np.ndarray]:
    """V and I at port 1 for 1 V at the load, see :mod:`hypernet.circuits.core.ladder`; complex ``[...]`` each.

    A wave of size 1 that goes in at port 1 makes (1 + S11) sqrt(Rs) volts there and lets (1 - S11) / sqrt(Rs) in, and
    S21 sqrt(RL) volts at the load. I is the current that leaves port 1, the negative of what goes in.

    Args:
        s: with source and load as references.
        source: Rs.
        load: RL.
    """
    s11, s21 = s[..., 0, 0], s[..., 1, 0]
    return (1 + s11) / s21 * math.sqrt(source / load), -(1 - s11) / s21 / math.sqrt(source * load)


def from_z(z: np.ndarray) -> np.ndarray:
    """S from impedances over the reference."""
    return _solved(z - np.eye(2), z + np.eye(2))


def from_y(y: np.ndarray) -> np.ndarray:
    """S from admittances times the reference."""
    return _solved(np.eye(2) - y, np.eye(2) + y)


def from_h(h: np.ndarray) -> np.ndarray:
    """S from hybrid parameters, V1 = h11 I1 + h12 V2 and I2 = h21 I1 + h22 V2.

    Here h11 is over the reference, and h22 times it.
    """
    h11, h12, h21, h22 = h[..., 0, 0], h[..., 0, 1], h[..., 1, 0], h[..., 1, 1]
    determinant = (h11 + 1) * (h22 + 1) - h12 * h21
    entries = (
        ((h11 - 1) * (h22 + 1) - h12 * h21, 2 * h12),
        (-2 * h21, (1 + h11) * (1 - h22) + h12 * h21),
    )
    return _stacked(entries, determinant)


def from_g(g: np.ndarray) -> np.ndarray:
    """S from inverse hybrid parameters, I1 = g11 V1 + g12 I2 and V2 = g21 V1 + g22 I2.

    Here g11 is times the reference, and g22 over it.
    """
    g11, g12, g21, g22 = g[..., 0, 0], g[..., 0, 1], g[..., 1, 0], g[..., 1, 1]
    determinant = (1 + g11) * (1 + g22) - g12 * g21
    entries = (
        ((1 - g11) * (1 + g22) + g12 * g21, -2 * g12),
        (2 * g21, (1 + g11) * (g22 - 1) - g12 * g21),
    )
    return _stacked(entries, determinant)


def from_waves(s: np.ndarray, reference: np.ndarray, resistance: float, definition: str) -> np.ndarray:
    """S with one resistance as reference, from waves with complex references.

    What a wave is with complex references is defined in three ways, which are the same with real ones.

    Args:
        s: ``[n, 2, 2]``.
        reference: complex ``[n, 2]``, in the unit of ``resistance``, with positive real parts.
        resistance: of both ports.
        definition: a name in :data:`WAVES`.
    """
    z, ones = reference[:, :, None], np.eye(2)
    # Port voltages and currents for a unit wave at each port.
    if definition == "power":
        voltage, current = (z.conj() * ones + z * s) / np.sqrt(z.real), (ones - s) / np.sqrt(z.real)
    else:
        root = np.sqrt(z) if definition == "traveling" else np.abs(z) / np.sqrt(z.real)
        voltage, current = root * (ones + s), root / z * (ones - s)
    return _solved(voltage - resistance * current, voltage + resistance * current)


def _solved(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator times the inverse of denominator, by its adjugate."""
    adjugate = np.empty_like(denominator)
    adjugate[..., 0, 0], adjugate[..., 1, 1] = denominator[..., 1, 1], denominator[..., 0, 0]
    adjugate[..., 0, 1], adjugate[..., 1, 0] = -denominator[..., 0, 1], -denominator[..., 1, 0]
    determinant = denominator[..., 0, 0] * denominator[..., 1, 1] - denominator[..., 0, 1] * denominator[..., 1, 0]
    solved: np.ndarray = numerator @ adjugate / determinant[..., None, None]
    return solved


def _stacked(entries: tuple[tuple[np.ndarray, np.ndarray], ...], determinant: np.ndarray) -> np.ndarray:
    rows = [np.stack([entry / determinant for entry in row], axis=-1) for row in entries]
    return np.stack(rows, axis=-2)
