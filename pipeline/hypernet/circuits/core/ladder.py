"""The two-port simulator: voltage and current carried from port 1 to port 2, part by part, with gradients.

(V, -I)_out = T_n ... T_1 (V, I)_in, where both port currents point into the two-port, so the second component is the
current that leaves to the right. A part with impedance z or admittance y has

    series: T = [[1, -z], [0, 1]]        parallel: T = [[1, 0], [-y, 1]]
    R: z = r, y = 1 / r        L: z = i w l, y = 1 / (i w l)        C: z = 1 / (i w c), y = i w c

(Rotman and Wolf 2020; the talk's slide leaves out w). No matrices are needed: a series part takes z I off V, a parallel
part y V off I. Nothing cancels with the default excitation (1, -1): port 1 is closed with R0, and port 2 driven so that
the voltage there is 1. Then V is the inverse voltage transfer V_source / V_load and V / I the impedance seen at port 2.

Arms of several parts (tanks in series, traps to ground) come down to one impedance or admittance first, in complex
arithmetic. Where such an arm resonates, its impedance or admittance is 1 / :data:`SMALLEST` instead of infinite.

Types, values and frequencies are normalised, see :mod:`hypernet.circuits.core.parts`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.core.parts import ARM, BRANCH, CHAINED, ELEMENTS, PART_TYPES

EXCITATION = (1.0, -1.0)
# Circuits times frequencies in one block: the planes of a block stay in the processor's cache.
BLOCK = 2**14
# Immittances are no smaller: at the resonance of an arm without losses there would be a division by zero.
SMALLEST = 1e-30


def coefficients(types: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """(a, b, g) of every part's impedance and admittance a + b (i w) + g / (i w).

    Args:
        types: ``[B, n]`` integers, negative for padding.
        values: ``[B, n]``, positive; at padding any number.

    Returns:
        series z and parallel y, ``[B, n, 3]`` each; zero where the part has the other alignment.
    """
    present = torch.nn.functional.one_hot(types.clamp_min(0), len(PART_TYPES)) * (types >= 0).unsqueeze(-1)
    return mixed_coefficients(present.to(values.dtype), torch.where(types >= 0, values, torch.ones_like(values)))


def mixed_coefficients(share: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The same for a mixture of types at every place: sum over types of share times matrix, T = sum_c p_c T_c.

    Args:
        share: of each type, ``[B, n, 6]``; what is missing from 1 is the share of no part.
        values: ``[B, n]``, positive.
    """
    inverse = 1.0 / values
    resistor, inductor, capacitor, shunt_resistor, shunt_inductor, shunt_capacitor = share.unbind(dim=-1)
    series = torch.stack([resistor * values, inductor * values, capacitor * inverse], dim=-1)
    parallel = torch.stack([shunt_resistor * inverse, shunt_capacitor * values, shunt_inductor * inverse], dim=-1)
    return series, parallel


def carry(
    series: Tensor,
    parallel: Tensor,
    frequency: Tensor,
    excitation: tuple[float, float],
    reactive: dict[int, tuple[Tensor, Tensor]] | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Carry (V, I) through the parts with these coefficients, in real arithmetic.

    Args:
        series: of the impedances, ``[B, n, 3]``.
        parallel: of the admittances, ``[B, n, 3]``.
        frequency: w, ``[d]``, positive.
        excitation: (V_in, I_in).
        reactive: more of the impedance and of the admittance at some places, both imaginary, ``[B, d]``.

    Returns:
        (Re V, Re I, Im V, Im I), each ``[B, d]``.
    """
    shape = (len(series), len(frequency))
    v_re, i_re = (series.new_full(shape, float(start)) for start in excitation)
    v_im, i_im = series.new_zeros(shape), series.new_zeros(shape)
    inverse = 1.0 / frequency
    for place, (z, y) in enumerate(zip(series.unbind(dim=1), parallel.unbind(dim=1), strict=True)):
        z_re, y_re = z[:, 0, None], y[:, 0, None]
        z_im = z[:, 1, None] * frequency - z[:, 2, None] * inverse
        y_im = y[:, 1, None] * frequency - y[:, 2, None] * inverse
        if reactive is not None and place in reactive:
            z_im, y_im = z_im + reactive[place][0], y_im + reactive[place][1]
        # Fused multiply-adds: a fifth faster than products and differences.
        v_re, v_im, i_re, i_im = (
            _take(_take(v_re, z_re, i_re), z_im, i_im, sign=1),
            _take(_take(v_im, z_re, i_im), z_im, i_re),
            _take(_take(i_re, y_re, v_re), y_im, v_im, sign=1),
            _take(_take(i_im, y_re, v_im), y_im, v_re),
        )
    return v_re, i_re, v_im, i_im


def _take(total: Tensor, factor: Tensor, other: Tensor, sign: int = -1) -> Tensor:
    """``total`` less (or, with the sign 1, plus) the product of the others."""
    return torch.addcmul(total, factor, other, value=sign)


def propagate(
    types: Tensor, values: Tensor, frequency: Tensor, excitation: tuple[float, float] = EXCITATION
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The response in real arithmetic: (Re V, Re I, Im V, Im I), each ``[B, d]``.

    Differentiable in ``values`` and ``frequency``, in their precision.

    Args:
        types: ``[B, n]`` int64, negative for padding.
        values: ``[B, n]``, positive.
        frequency: w, ``[d]``, positive.
        excitation: (V_in, I_in).
    """
    if (types >= len(PART_TYPES)).any():
        return (_carry_pairs if _only_pairs(types) else _carry_arms)(types, values, frequency, excitation)
    return carry(*coefficients(types, values), frequency, excitation)


def arm_immittances(types: Tensor, values: Tensor, frequency: Tensor) -> Tensor:
    """z of series arms and y of parallel ones, complex ``[B, n, d]``, at the part that begins an arm; 0 elsewhere.

    Args:
        types: ``[B, n]`` integers of any level, negative for padding.
        values: ``[B, n]``, positive; at padding any number.
        frequency: w, ``[d]``, positive.
    """
    level, base = types // len(PART_TYPES), types.clamp_min(0) % len(PART_TYPES)
    sizes = torch.where(types >= 0, values, torch.ones_like(values))
    series, parallel = coefficients(base, sizes)
    coefficient = series + parallel
    jw = torch.complex(torch.zeros_like(frequency), frequency)
    # Impedance of each series part, admittance of each parallel one.
    single = coefficient[..., 0, None] + coefficient[..., 1, None] * jw + coefficient[..., 2, None] / jw
    empty = torch.zeros_like(single[:, 0])
    chain, beside, any_beside = empty, empty, torch.zeros_like(types[:, 0], dtype=torch.bool)
    out: list[Tensor] = []
    # From the last part to the first: an arm is complete where it begins.
    for place in range(types.shape[1] - 1, -1, -1):
        here, part = level[:, place], single[:, place]
        branch = part + chain
        begins, joins = (here == ARM)[:, None], (here == BRANCH)[:, None]
        whole = torch.where(any_beside[:, None], _inverse(_inverse(branch) + beside), branch)
        out.append(torch.where(begins, whole, empty))
        beside = torch.where(joins, beside + _inverse(branch), torch.where(begins, empty, beside))
        any_beside = (any_beside | joins[:, 0]) & ~begins[:, 0]
        chain = torch.where((here == CHAINED)[:, None], branch, empty)
    return torch.stack(out[::-1], dim=1)


def _inverse(number: Tensor) -> Tensor:
    small = number.abs() < SMALLEST
    return 1.0 / torch.where(small, torch.full_like(number, SMALLEST), number)


def _only_pairs(types: Tensor) -> bool:
    """Whether all arms of several parts are of two, L and C, as tanks and traps are."""
    joined = types >= len(PART_TYPES)
    before, joins = types[:, :-1], joined[:, 1:]
    side, side_before = types[:, 1:] % len(PART_TYPES) // ELEMENTS, before % len(PART_TYPES) // ELEMENTS
    pair = (types[:, 1:] // len(PART_TYPES) == BRANCH) & (before // len(PART_TYPES) == ARM) & (side == side_before)
    lossless = (types[:, 1:] % ELEMENTS > 0) & (before % ELEMENTS > 0)
    return not joined[:, 0].any() and bool((pair & lossless | ~joins).all())


def _carry_pairs(
    types: Tensor, values: Tensor, frequency: Tensor, excitation: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same as :func:`propagate` for tanks and traps without losses: real arithmetic, a fourth of the time."""
    joins = types >= len(PART_TYPES)
    series, parallel = coefficients(torch.where(types >= 0, types % len(PART_TYPES), types), values)
    coefficient = series + parallel
    pair = joins | torch.nn.functional.pad(joins[:, 1:], (0, 1))
    is_series = types % len(PART_TYPES) < ELEMENTS
    inverse = 1.0 / frequency
    reactive = {}
    for place in joins.any(dim=0).nonzero()[:, 0].tolist():
        rows = joins[:, place].nonzero()[:, 0]
        first, second = (
            coefficient[rows, at, 1, None] * frequency - coefficient[rows, at, 2, None] * inverse
            for at in (place - 1, place)
        )
        whole = _inverse(_inverse(first) + _inverse(second))
        along = is_series[rows, place, None]
        nowhere = torch.zeros_like(whole)
        empty = series.new_zeros(len(types), len(frequency))
        reactive[place] = (
            empty.index_put((rows,), torch.where(along, whole, nowhere)),
            empty.index_put((rows,), torch.where(along, nowhere, whole)),
        )
    alone = ~pair[..., None]
    return carry(series * alone, parallel * alone, frequency, excitation, reactive)


def _carry_arms(
    types: Tensor, values: Tensor, frequency: Tensor, excitation: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same as :func:`propagate` for ladders with arms of several parts."""
    arms = arm_immittances(types, values, frequency)
    series = ((types % len(PART_TYPES) < ELEMENTS) & (types >= 0))[..., None]
    none = torch.zeros_like(arms)
    voltage, current = (torch.full_like(arms[:, 0], float(start)) for start in excitation)
    for z, y in zip(torch.where(series, arms, none).unbind(1), torch.where(series, none, arms).unbind(1), strict=True):
        voltage, current = voltage - z * current, current - y * voltage
    return voltage.real, current.real, voltage.imag, current.imag


def respond(
    types: np.ndarray, values: np.ndarray, frequency: np.ndarray, excitation: tuple[float, float] = EXCITATION
) -> tuple[np.ndarray, np.ndarray]:
    """V and the second component (the current leaving port 2) in double precision, complex ``[B, d]`` each.

    Large batches go block by block, so memory stays bounded by the result.
    """
    parts, sizes = torch.from_numpy(np.asarray(types, np.int64)), torch.from_numpy(np.asarray(values, np.float64))
    points = torch.from_numpy(np.asarray(frequency, np.float64))
    voltage, current = (np.empty((len(parts), len(points)), np.complex128) for _ in range(2))
    block = max(1, BLOCK // len(points))
    with torch.inference_mode():
        for first in range(0, len(parts), block):
            rows = slice(first, first + block)
            v_re, i_re, v_im, i_im = propagate(parts[rows], sizes[rows], points, excitation)
            voltage.real[rows], voltage.imag[rows] = v_re.numpy(), v_im.numpy()
            current.real[rows], current.imag[rows] = i_re.numpy(), i_im.numpy()
    return voltage, current
