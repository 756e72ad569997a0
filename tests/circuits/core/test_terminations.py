"""S parameters between a source and a load: textbook filters, what is known of lossless circuits, scikit-rf."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.core.two_port import WAVES, closed, from_g, from_h, from_waves, from_y, from_z, renormalise

# Units of 50 Ohm at 10 MHz: frequencies are those over 10 MHz.
MATCHED = Terminations(1.0, 1.0)
BUTTERWORTH = "|".join(
    f"{part}:{2 * math.sin((2 * k - 1) * math.pi / 10)!r}" for k, part in enumerate(["PC", "SL"] * 2 + ["PC"], start=1)
)


def s_of(text, frequency, ends):
    """S11, S21 and S22 of a ladder, complex ``[d]`` each."""
    types, values = parse(text)
    forth, back = (
        [state[0] for state in respond(types[None], values[None], np.asarray(frequency, float), excitation)]
        for excitation in (ends.excitation, ends.back_excitation)
    )
    return ends.input_reflection(*forth), 1 / ends.inverse_transmission(*forth), ends.output_reflection(*forth, *back)


def test_the_textbook_butterworth():
    frequency = np.array([0.01, 0.32, 1.0, 2.0, 10.0])
    s11, s21, s22 = s_of(BUTTERWORTH, frequency, MATCHED)
    power = 1 / (1 + frequency**10)
    np.testing.assert_allclose(np.abs(s21) ** 2, power, rtol=1e-10)
    np.testing.assert_allclose(np.abs(s11) ** 2, 1 - power, atol=1e-12)
    np.testing.assert_allclose(np.abs(s22), np.abs(s11), atol=1e-12)
    assert 20 * np.log10(abs(s21[2])) == pytest.approx(-3.0103, abs=1e-4)
    assert 20 * np.log10(abs(s21[1])) == pytest.approx(0.0, abs=1e-4)


def test_its_rounded_values_in_ohms_henries_and_farads():
    # Parts as a netlist of this filter has them: 196.7 pF, 1.288 uH, 636.6 pF between 50 Ohm and 50 Ohm.
    ohm, omega0 = 50.0, 2 * math.pi * 10e6
    farad, henry = 1 / (ohm * omega0), ohm / omega0
    text = "|".join(
        f"PC:{size / farad!r}" if element == "C" else f"SL:{size / henry!r}"
        for element, size in [("C", 196.7e-12), ("L", 1.288e-6), ("C", 636.6e-12), ("L", 1.288e-6), ("C", 196.7e-12)]
    )
    _, s21, _ = s_of(text, [0.01, 0.32, 1.0], MATCHED)
    np.testing.assert_allclose(20 * np.log10(np.abs(s21)), [0.0, 0.0, -3.01], atol=0.005)


def test_a_divider_of_unequal_ends():
    # 2 in series between 1 and 3: S21 = 2 sqrt(1 * 3) / (1 + 2 + 3), S11 = (5 - 1) / (5 + 1), S22 = (3 - 3) / 6.
    s11, s21, s22 = s_of("SR:2", [1.0], Terminations(1.0, 3.0))
    np.testing.assert_allclose([s11[0], s21[0], s22[0]], [4 / 6, 2 * math.sqrt(3) / 6, 0.0], atol=1e-15)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        # A resistor of 2 towards a capacitor of 0.5, at w = 1: what is left of the source's voltage at the capacitor.
        (Terminations(None, math.inf), 1 / (1 + 2 * 0.5j)),
        (Terminations(None, 4.0), 1 / (1 + 2 * (0.25 + 0.5j))),
        (Terminations(1.0, math.inf), 1 / (1 + 3 * 0.5j)),
    ],
)
def test_voltage_gain_where_an_end_has_no_resistance(ends, expected):
    types, values = parse("PC:0.5|SR:2")
    voltage, current = respond(types[None], values[None], np.array([1.0]), ends.excitation)
    assert not ends.matched
    np.testing.assert_allclose(1 / ends.inverse_transmission(voltage, current), [[expected]], rtol=1e-14)
    with pytest.raises(ValueError, match="no S22"):
        ends.output_reflection(voltage, current, voltage, current)
    if ends.source is None:
        with pytest.raises(ValueError, match="no S11"):
            ends.input_reflection(voltage, current)


LOSSLESS = st.lists(st.tuples(st.sampled_from(["SL", "SC", "PL", "PC"]), st.floats(0.1, 10)), min_size=1, max_size=8)
ENDS = st.builds(Terminations, st.floats(0.1, 10), st.floats(0.1, 10))


@given(LOSSLESS, ENDS, st.floats(0.3, 3))
def test_without_losses_no_power_is_lost(parts, ends, frequency):
    s11, s21, s22 = s_of("|".join(f"{part}:{value!r}" for part, value in parts), [frequency], ends)
    for reflection in (s11, s22):
        assert abs(reflection[0]) ** 2 + abs(s21[0]) ** 2 == pytest.approx(1, abs=1e-9)


@given(LOSSLESS, ENDS, st.floats(0.3, 3))
def test_turned_round_the_ends_change_places(parts, ends, frequency):
    texts = [f"{part}:{value!r}" for part, value in parts]
    s11, s21, s22 = s_of("|".join(texts), [frequency], ends)
    t11, t21, t22 = s_of("|".join(reversed(texts)), [frequency], Terminations(ends.load, ends.source))
    np.testing.assert_allclose([t22, t21, t11], [s11, s21, s22], atol=1e-9)


TEXT = "SR:0.3|PC:1.0|SL:1.5|PR:2.2|SC:2.2&SL:0.7|PL:4.7&PC:0.2|SR:0.1"


def network_of(text, frequency, ohm=1000.0):
    """The two-port in scikit-rf with its source at port 1, that is: the ladder from its last part to its first."""
    skrf = pytest.importorskip("skrf")
    media = skrf.media.DefinedGammaZ0(skrf.Frequency.from_f(np.asarray(frequency) / 2 / math.pi, unit="hz"), z0=ohm)
    whole = media.line(0, "m")
    jw = 1j * np.asarray(frequency)
    size = {"R": lambda v: ohm * v, "L": lambda v: ohm * v * jw, "C": lambda v: ohm / (v * jw)}
    for arm in reversed(text.split("|")):
        parts = [part.split(":") for part in arm.split("&")]
        impedances = [size[part[1]](float(value)) + 0 * jw for part, value in parts]
        abcd = np.tile(np.eye(2, dtype=complex), (len(frequency), 1, 1))
        if parts[0][0][0] == "S":
            abcd[:, 0, 1] = 1 / sum(1 / z for z in impedances)
        else:
            abcd[:, 1, 0] = 1 / sum(impedances)
        whole = whole ** skrf.Network(frequency=media.frequency, s=skrf.network.a2s(abcd, ohm), z0=ohm)
    return whole


@pytest.mark.parametrize("ends", [(1.0, 1.0), (0.05, 0.05), (0.05, 0.3), (2.0, 0.1)])
def test_all_directions_of_scikit_rf(ends):
    frequency = np.geomspace(0.1, 10, 23)
    network = network_of(TEXT, frequency)
    network.renormalize([1000 * ends[0], 1000 * ends[1]])
    s11, s21, s22 = s_of(TEXT, frequency, Terminations(*ends))
    for mine, theirs in ((s11, network.s[:, 0, 0]), (s21, network.s[:, 1, 0]), (s21, network.s[:, 0, 1]),
                         (s22, network.s[:, 1, 1])):  # fmt: skip
        np.testing.assert_allclose(mine, theirs, atol=1e-10)


def test_curves_may_be_tensors_and_have_gradients():
    ends = Terminations(0.5, 2.0)
    voltage, current = (torch.tensor([size], dtype=torch.complex128, requires_grad=True) for size in (2 + 1j, -1 + 2j))
    for curve in (ends.inverse_transmission, ends.input_reflection):
        assert torch.autograd.gradcheck(lambda v, i, curve=curve: torch.view_as_real(curve(v, i)), (voltage, current))


COMPLEX = st.complex_numbers(max_magnitude=0.9, allow_nan=False, allow_infinity=False)


@given(st.lists(COMPLEX, min_size=4, max_size=4), st.lists(st.floats(1.0, 1000.0), min_size=4, max_size=4))
def test_other_references_and_back(entries, ohms):
    s, old, new = np.array(entries).reshape(1, 2, 2), tuple(ohms[:2]), tuple(ohms[2:])
    if np.linalg.norm(s[0], 2) > 0.9:
        s = s / 2.5
    there = renormalise(s, old, new)
    np.testing.assert_allclose(renormalise(there, new, old), s, atol=1e-9)
    skrf = pytest.importorskip("skrf")
    theirs = skrf.network.renormalize_s(s, np.array([old]), np.array([new]))
    np.testing.assert_allclose(there, theirs, atol=1e-9)


def test_other_references_keep_the_digits_of_a_deep_stop_band():
    # A T of 1 MOhm, 1 mOhm and 1 MOhm.
    a, b, c = 1 + 1e9, 2e6 + 1e15, 1e3

    def s_between(ohm):
        whole = 2 * a + b / ohm + c * ohm
        reflection, transmission = (b / ohm - c * ohm) / whole, 2 / whole
        return np.array([[[reflection, transmission], [transmission, reflection]]])

    s, wanted = s_between(50.0), s_between(75.0)
    assert wanted[0, 1, 0] < 1e-12
    np.testing.assert_allclose(renormalise(s, (50.0, 50.0), (75.0, 75.0)), wanted, rtol=1e-9)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (0.05, 0.3)])
def test_the_state_behind_s_parameters(ends):
    types, values = parse(TEXT)
    frequency = np.geomspace(0.1, 10, 7)
    s11, s21, s22 = s_of(TEXT, frequency, Terminations(*ends))
    s = np.stack([s11, s21, s21, s22], axis=-1).reshape(-1, 2, 2)
    voltage, current = respond(types[None], values[None], frequency, (1.0, -1.0 / ends[1]))
    np.testing.assert_allclose(closed(s, *ends), (voltage[0], current[0]), rtol=1e-9)


@pytest.mark.parametrize(
    ("convert", "name", "unit"),
    [
        (from_z, "z", [[1 / 50, 1 / 50], [1 / 50, 1 / 50]]),
        (from_y, "y", [[50.0, 50.0], [50.0, 50.0]]),
        (from_h, "h", [[1 / 50, 1.0], [1.0, 50.0]]),
        (from_g, "g", [[50.0, 1.0], [1.0, 1 / 50]]),
    ],
)
def test_other_parameters_than_s(convert, name, unit):
    network = network_of(TEXT, np.geomspace(0.1, 10, 7), ohm=50.0)
    np.testing.assert_allclose(convert(getattr(network, name) * np.array(unit)), network.s, atol=1e-9)


@pytest.mark.parametrize("definition", WAVES)
def test_waves_with_complex_references(definition):
    network = network_of(TEXT, np.geomspace(0.1, 10, 7), ohm=50.0)
    reference = np.tile([30 + 5j, 70 - 20j], (7, 1))
    other = network.copy()
    other.renormalize(reference, s_def=definition)
    np.testing.assert_allclose(from_waves(other.s, reference, 50.0, definition), network.s, atol=1e-9)
