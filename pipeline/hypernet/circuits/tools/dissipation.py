"""What coils with losses make of a circuit: S21 or the gain, and S11, where every inductor has the same Q.

A coil of quality Q has the resistance w L / Q in series at every frequency w. Resistors and capacitors stay ideal:
capacitors of the sizes of filters have several times the Q of their coils.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from hypernet.circuits.core.goals import decibels
from hypernet.circuits.core.parts import ELEMENTS, arms_of, is_series
from hypernet.circuits.core.terminations import Terminations

INDUCTOR = 1
# An ordinary wire-wound coil for high frequencies.
COIL_Q = 100.0


def with_coil_q(
    types: np.ndarray, values: np.ndarray, frequency: np.ndarray, ends: Terminations, quality: float = COIL_Q
) -> tuple[np.ndarray, np.ndarray | None]:
    """S21 (or the gain) and S11 in dB, ``[d]`` each; S11 is None where the source or the load has no resistance.

    Args:
        types: ``[n]``, from the load to the source.
        values: ``[n]``, normalised.
        frequency: w, ``[d]``, normalised.
        ends: source and load.
        quality: Q of every coil.
    """
    voltage, current = (np.full(len(frequency), start, dtype=complex) for start in ends.excitation)
    for arm in arms_of(types):
        series = bool(is_series(types[arm[0][0]]))
        # Of a series arm branches are parallel and the parts of each in series; of an arm to ground the other way.
        branches = [[_impedance(types[place], values[place], frequency, quality) for place in branch] for branch in arm]
        if series:
            impedance = reduce(_parallel, [reduce(np.add, branch) for branch in branches])
            voltage = voltage - impedance * current
        else:
            impedance = reduce(np.add, [reduce(_parallel, branch) for branch in branches])
            current = current - voltage / impedance
    through = decibels(ends.inverse_transmission(voltage, current))
    return through, -decibels(ends.input_reflection(voltage, current)) if ends.matched else None


def _impedance(part_type: int, value: float, frequency: np.ndarray, quality: float) -> np.ndarray:
    resistor, coil, capacitor = (
        value + 0j * frequency,
        frequency * value * (1j + 1.0 / quality),
        -1j / frequency / value,
    )
    return (resistor, coil, capacitor)[int(part_type) % ELEMENTS]


def _parallel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first * second / (first + second)
