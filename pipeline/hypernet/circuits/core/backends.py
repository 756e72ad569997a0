"""The simulator in the literal forms of the talk: products of matrices. For reading and for checking, not for speed.

Rotman and Wolf 2020 write a part as a matrix T of the state (V, -I) and the circuit as the product T_n ... T_1 of its
parts' matrices, with complex entries (`complex`) or with every complex number as a 2 x 2 block of real ones
(`clifford`). The default carries the state along without
matrices (`recurrence`, the module `ladder`); `hypernet.circuits.simulate(netlist, form="clifford")` selects another.

T is the inverse of the chain matrix ABCD of the textbooks (Pozar, Microwave Engineering, chapter 4). Its determinant is
1 whatever the circuit, so the adjugate inverts it without a division, which would lose digits in a stop band.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from hypernet.circuits.core.ladder import EXCITATION, arm_immittances, respond
from hypernet.circuits.core.parts import PAD, PC, PL, PR, R0_OHM, SC, SL, SR, has_joined, is_series


def immittances(types: np.ndarray, values: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """z of parts in series and y of parallel ones, complex ``[B, n, d]``; 0 at padding.

    An arm of several parts stands as a whole where its first part is.

    Args:
        types: ``[B, n]``, :data:`PAD` behind the last part.
        values: ``[B, n]``, normalised.
        frequency: w, ``[d]``, normalised.
    """
    if has_joined(types).any():
        arrays = (np.asarray(types, np.int64), np.asarray(values, np.float64), np.asarray(frequency, np.float64))
        arms: np.ndarray = arm_immittances(*map(torch.from_numpy, arrays)).numpy()
        return arms
    types, values = np.asarray(types)[..., None], np.asarray(values, dtype=np.float64)[..., None]
    jw = 1j * np.asarray(frequency, dtype=np.float64)
    values = np.where(types == PAD, 1.0, values)
    table = {SR: values, SL: jw * values, SC: 1 / (jw * values), PR: 1 / values, PL: 1 / (jw * values), PC: jw * values}
    return np.select([types == part_type for part_type in table], list(table.values()), 0.0)


def factors(types: np.ndarray, values: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """T_1, ..., T_n of every circuit, complex ``[B, n, d, 2, 2]``; the unit matrix at padding.

    Arguments as in :func:`immittances`.
    """
    size = immittances(types, values, frequency)
    series = is_series(np.asarray(types))[..., None]
    matrices = np.zeros((*size.shape, 2, 2), dtype=np.complex128)
    matrices[..., 0, 0] = matrices[..., 1, 1] = 1.0
    matrices[..., 0, 1] = np.where(series, -size, 0.0)
    matrices[..., 1, 0] = np.where(series, 0.0, -size)
    return matrices


def product(matrices: np.ndarray) -> np.ndarray:
    """M_n ... M_1 of ``[B, n, ...]``: the first part stands at the right."""
    whole = matrices[:, 0]
    for place in range(1, matrices.shape[1]):
        whole = matrices[:, place] @ whole
    return whole


def transfer(types: np.ndarray, values: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """T = T_n ... T_1 of every circuit, complex ``[B, d, 2, 2]``: (V, -I)_out = T (V, I)_in.

    Arguments as in :func:`immittances`.
    """
    return product(factors(types, values, frequency))


def abcd(matrices: np.ndarray) -> np.ndarray:
    """Chain matrices from transfer matrices T, normalised: (V, I)_1 = ABCD (V, -I)_2.

    Args:
        matrices: ``[..., 2, 2]`` with determinant 1.
    """
    chain = -matrices
    chain[..., 0, 0], chain[..., 1, 1] = matrices[..., 1, 1], matrices[..., 0, 0]
    return chain


def abcd_si(matrices: np.ndarray) -> np.ndarray:
    """The same in SI units: B in ohms and C in siemens."""
    si: np.ndarray = abcd(matrices) * np.array([[1.0, R0_OHM], [1.0 / R0_OHM, 1.0]])
    return si


def blocks(numbers: np.ndarray) -> np.ndarray:
    """Complex matrices ``[..., m, k]`` as real ones ``[..., 2 m, 2 k]``: a + i b becomes [[a, b], [-b, a]].

    Products, sums and inverses of blocks are the blocks of products, sums and inverses: this is the even part of the
    Clifford algebra of the plane, and i is the block [[0, 1], [-1, 0]].
    """
    real, imaginary = numbers.real, numbers.imag
    pairs = np.stack([np.stack([real, imaginary], axis=-1), np.stack([-imaginary, real], axis=-1)], axis=-2)
    rows, columns = numbers.shape[-2:]
    return pairs.swapaxes(-3, -2).reshape(*numbers.shape[:-2], 2 * rows, 2 * columns)


def by_complex_matrices(
    types: np.ndarray, values: np.ndarray, frequency: np.ndarray, excitation: tuple[float, float] = EXCITATION
) -> tuple[np.ndarray, np.ndarray]:
    """The response by products of complex matrices; see :data:`BACKENDS`."""
    state = transfer(types, values, frequency) @ np.asarray(excitation, dtype=np.complex128)
    return state[..., 0], state[..., 1]


def by_real_blocks(
    types: np.ndarray, values: np.ndarray, frequency: np.ndarray, excitation: tuple[float, float] = EXCITATION
) -> tuple[np.ndarray, np.ndarray]:
    """The response by products of real 4 x 4 matrices; see :data:`BACKENDS`."""
    whole = product(blocks(factors(types, values, frequency)))
    # A vector is the first column of its blocks: (Re V, -Im V), not (Re V, Im V), which would stand for conj(V).
    voltage, current = excitation
    state = whole @ np.array([voltage, 0.0, current, 0.0])
    return state[..., 0] - 1j * state[..., 1], state[..., 2] - 1j * state[..., 3]


# (types [B, n], values [B, n], frequency [d], excitation) -> V and the current leaving port 2, complex [B, d] each.
Backend = Callable[..., tuple[np.ndarray, np.ndarray]]
BACKENDS: dict[str, Backend] = {"recurrence": respond, "complex": by_complex_matrices, "clifford": by_real_blocks}
