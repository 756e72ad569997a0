"""Coils with losses: closed forms by hand, and scikit-rf."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.tools.dissipation import with_coil_q

W = np.array([0.5, 1.0, 2.0])
MATCHED = Terminations(1.0, 1.0)


def test_a_trap_at_its_resonance_is_the_resistance_of_its_coil():
    # w L / Q = 0.05 across a load of 1 between equal ends: S21 = 2 r / (1 + 2 r).
    through, _ = with_coil_q(*parse("PL:0.5&PC:2"), W, MATCHED, 10.0)
    assert through[1] == pytest.approx(20 * np.log10(0.1 / 1.1))


def test_a_tank_at_its_resonance_is_a_resistance_too():
    # 1 / (1 / (j + 1 / 20) + j) in the line: S21 = 2 / (2 + z).
    z = 1 / (1 / (1j + 0.05) + 1j)
    through, back = with_coil_q(*parse("SL:1&SC:1"), W, MATCHED, 20.0)
    assert through[1] == pytest.approx(20 * np.log10(abs(2 / (2 + z))))
    assert back is not None
    assert back[1] == pytest.approx(20 * np.log10(abs(z / (2 + z))))


def test_losses_of_a_ladder_between_other_resistances_by_scikit_rf():
    skrf = pytest.importorskip("skrf")
    chain = np.stack([np.eye(2, dtype=complex)] * len(W))
    # From the source: a coil in the line, a capacitor to ground, a coil to ground, a resistor in the line.
    jw = 1j * W
    for series, size in (
        (True, jw * 1.5 + W * 1.5 / 50),
        (False, 1 / (jw * 0.7)),
        (False, jw * 2 + W * 2 / 50),
        (True, 0.2 + 0j * W),
    ):
        step = np.zeros((len(W), 2, 2), complex)
        step[:, 0, 0] = step[:, 1, 1] = 1
        step[:, 0, 1], step[:, 1, 0] = (size, 0) if series else (0, 1 / size)
        chain = chain @ step
    network = skrf.Network(f=W, f_unit="hz", a=chain, z0=50)
    network.renormalize([[2.0, 0.5]] * len(W))
    through, back = with_coil_q(*parse("SR:0.2|PL:2|PC:0.7|SL:1.5"), W, Terminations(2.0, 0.5), 50.0)
    np.testing.assert_allclose(through, 20 * np.log10(np.abs(network.s[:, 1, 0])), atol=1e-10)
    np.testing.assert_allclose(back, 20 * np.log10(np.abs(network.s[:, 0, 0])), atol=1e-10)


def test_a_source_without_resistance_has_a_gain_and_no_reflection():
    through, back = with_coil_q(*parse("SL:1"), W, Terminations(None, 1.0), 10.0)
    np.testing.assert_allclose(through, -20 * np.log10(np.abs(1 + 1j * W + W / 10)))
    assert back is None
