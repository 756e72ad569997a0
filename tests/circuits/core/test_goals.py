"""Goals against closed forms: what a circuit scores, how far it is off, what is put into a response."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hypernet.circuits.core.goals import (
    MaskGoal,
    ResponseGoal,
    ScatteringGoal,
    TransmissionGoal,
    decibels,
)
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PC, SL, SR, parse
from hypernet.circuits.core.terminations import Terminations

W = np.geomspace(0.05, 20, 31)
MATCHED, UNEQUAL = Terminations(1.0, 1.0), Terminations(0.5, 2.0)
LADDER = "SR:0.3|PC:1.1|SL:1.5|PL:3.3&PC:0.5"
NONE = np.full(len(W), np.inf)


def batch(text):
    types, values = parse(text)
    return types[None].astype(np.int64), values[None]


def state(text, ends, frequency=W):
    return respond(*batch(text), frequency, ends.excitation)


def s_of(text, ends, frequency=W):
    forth, back = state(text, ends, frequency), respond(*batch(text), frequency, ends.back_excitation)
    s21 = 1 / ends.inverse_transmission(*forth)
    entries = ends.input_reflection(*forth), s21, s21, ends.output_reflection(*forth, *back)
    return np.stack([entry[0] for entry in entries], axis=-1).reshape(-1, 2, 2)


def goals(ends=UNEQUAL):
    voltage, current = state(LADDER, ends)
    through = ends.inverse_transmission(voltage, current)[0]
    mask = MaskGoal(W, np.full(len(W), -4.0), np.full(len(W), -3.5), ends, np.full(len(W), -12.0))
    return [
        ResponseGoal(W, voltage[0], current[0], ends.load),
        TransmissionGoal(W, through, True, ends),
        TransmissionGoal(W, np.abs(through), False, ends),
        ScatteringGoal(W, s_of(LADDER, ends), ends),
        mask,
        mask.inset(0.1),
    ]


def test_a_circuit_meets_the_goals_made_of_it():
    for goal in goals()[:4]:
        score = goal.scores(*batch(LADDER))[0]
        assert score == pytest.approx(0, abs=1e-9)
        assert goal.met(score)
        assert goal.deviation(*goal.respond(*batch(LADDER))).max() < 1e-9
        assert goal.scores(*batch("SR:0.3|PC:1.3|SL:1.5|PL:3.3&PC:0.5"))[0] > 1e-3


def test_losses_have_the_gradients_of_finite_differences():
    types, values = batch("SR:0.7|PC:1.3|SL:2.0|PC:0.4")
    types, values = torch.from_numpy(types), torch.from_numpy(values).requires_grad_()
    for goal in goals():
        assert torch.autograd.gradcheck(lambda sizes, goal=goal: goal.loss(types, sizes), values)


@pytest.mark.parametrize("goal", goals(), ids=lambda goal: type(goal).__name__)
def test_a_thinned_goal_is_the_same_at_fewer_frequencies(goal):
    few = goal.thinned(7)
    assert (len(few), type(few), few.terminations) == (7, type(goal), goal.terminations)
    np.testing.assert_array_equal(few.frequency[[0, -1]], W[[0, -1]])
    circuit = batch("SR:0.3|PC:1.1|SL:1.6|PL:3.3&PC:0.5")
    at = np.isin(W, few.frequency)
    whole, part = goal.deviation(*goal.respond(*circuit)), few.deviation(*few.respond(*circuit))
    np.testing.assert_allclose(part, whole[:, at], rtol=1e-9)


def test_the_phase_counts_where_it_is_known():
    through = UNEQUAL.inverse_transmission(*state(LADDER, UNEQUAL))[0]
    turned = through * np.exp(0.3j)
    assert TransmissionGoal(W, turned, True, UNEQUAL).scores(*batch(LADDER))[0] > 0.1
    assert TransmissionGoal(W, np.abs(turned), False, UNEQUAL).scores(*batch(LADDER))[0] < 1e-9


def test_a_score_of_s21_is_called_so():
    inverse = np.ones(len(W))
    assert TransmissionGoal(W, inverse, False, MATCHED).name == "S21 error"
    assert TransmissionGoal(W, inverse, False).name == "gain error"
    assert TransmissionGoal(W, inverse, False, Terminations(1.0, math.inf)).name == "gain error"


def test_the_relative_error_of_an_attenuation():
    # 1 / S21 is 1 where 3 are wanted, in magnitude: log 2 and log 4, so half of it is missing.
    goal = TransmissionGoal(W, np.full(len(W), 3.0), False, MATCHED)
    assert goal.scores(*batch("SL:1e-12"))[0] == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(goal.deviation(*goal.respond(*batch("SL:1e-12"))), 20 * math.log10(3), rtol=1e-9)


def test_ports_of_a_two_port_matter():
    ladder, turned = "SR:1|PC:2.2", "PC:2.2|SR:1"
    goal = ScatteringGoal(W, s_of(ladder, MATCHED), MATCHED)
    assert goal.scores(*batch(ladder))[0] < 1e-12
    # S21 of both is the same.
    np.testing.assert_allclose(goal.deviation(*goal.respond(*batch(turned))), 0, atol=1e-9)
    assert goal.scores(*batch(turned))[0] > 0.1


def test_the_error_of_a_two_port_by_hand():
    # An attenuator of nothing but 2 in series between 1 and 1: 1 / S21 = 2, S11 = S22 = 1/2; and a through.
    goal = ScatteringGoal(W, s_of("SR:2", MATCHED), MATCHED)
    wanted, through = math.log(3) / 5, math.log(2) / 5
    off = (wanted - through) ** 2 + 2 * 0.5**2
    assert goal.scores(*batch("SR:1e-12"))[0] == pytest.approx(math.sqrt(off / (wanted**2 + 0.5)), rel=1e-9)


@pytest.mark.parametrize("load", [1.0, 0.5, 6.0])
def test_a_divider_of_equal_halves_is_beyond_a_mask_by_what_is_known(load):
    # A source without resistance, and as much in series as the load: 6.02 dB below 0.
    mask = MaskGoal(W, np.full(len(W), -3.0), NONE, Terminations(None, load))
    divider = np.array([[SR]]), np.array([[load]])
    assert mask.scores(*divider)[0] == pytest.approx(20 * np.log10(2) - 3, abs=1e-8)
    np.testing.assert_allclose(mask.deviation(*mask.respond(*divider)), 20 * np.log10(2) - 3)
    assert MaskGoal(W, np.full(len(W), -6.1), np.full(len(W), -6.0), mask.terminations).scores(*divider) == [0]


def test_a_limit_of_s21_counts_the_source():
    # 2 in series between 1 and 1: S21 = 2 / 4, whereas the voltage gain is 1 / 3.
    divider, lowest = batch("SR:2"), np.full(len(W), -6.03)
    assert MaskGoal(W, lowest, NONE, MATCHED).scores(*divider) == [0]
    assert MaskGoal(W, lowest, NONE).scores(*divider)[0] == pytest.approx(20 * math.log10(3) - 6.03, abs=1e-8)


def test_a_limit_of_s11_by_hand():
    # 2 in series between 1 and 1: S11 = 1/2, so -6.02 dB.
    divider = batch("SR:2")
    mask = MaskGoal(W, -NONE, NONE, MATCHED, np.full(len(W), -10.0))
    assert mask.scores(*divider)[0] == pytest.approx(10 - 20 * math.log10(2), abs=1e-8)
    np.testing.assert_allclose(mask.deviation(*mask.respond(*divider)), 10 - 20 * math.log10(2))
    assert MaskGoal(W, -NONE, NONE, MATCHED, np.full(len(W), -6.0)).scores(*divider) == [0]
    # Both limits: squares add in the score, and the larger one is how far it is off.
    both = MaskGoal(W, np.full(len(W), -3.0), NONE, MATCHED, np.full(len(W), -10.0))
    off = 20 * math.log10(2) - 3, 10 - 20 * math.log10(2)
    assert both.scores(*divider)[0] == pytest.approx(math.hypot(*off), abs=1e-8)
    np.testing.assert_allclose(both.deviation(*both.respond(*divider)), max(off))


def test_without_a_source_resistance_there_is_no_s11_to_limit():
    with pytest.raises(ValueError, match="no S11"):
        MaskGoal(W, -NONE, NONE, highest_reflection=NONE)
    with pytest.raises(ValueError, match="no S parameters"):
        ScatteringGoal(W, s_of("SR:1", MATCHED), Terminations(1.0, math.inf))


@pytest.mark.parametrize("ends", [MATCHED, Terminations(0.5, 0.5)])
def test_rounding_does_not_carry_a_lossless_circuit_over_0_db(ends):
    # Butterworth low-passes of third order, at 0 dB far below their edge.
    ohm = ends.load
    text = f"PC:{1 / ohm}|SL:{2 * ohm}|PC:{1 / ohm}"
    frequency = np.geomspace(1e-4, 1e-2, 200)
    mask = MaskGoal(frequency, np.full(200, -1e-6), np.zeros(200), ends)
    assert mask.scores(*batch(text)) == [0]
    assert mask.deviation(*mask.respond(*batch(text))).max() == 0


def test_the_margin_leads_to_0_db_where_nothing_comes_above():
    # Limits of S21 from -0.5 to 0 dB: a lossless circuit at 0 dB is as good as can be.
    ends, frequency = MATCHED, np.geomspace(1e-4, 1e-2, 20)
    s21 = MaskGoal(frequency, np.full(20, -0.5), np.zeros(20), ends).inset(0.5)
    assert s21.scores(*batch("PC:1|SL:2|PC:1")) == [0]
    # A voltage gain may be above, so its margin leads to the middle.
    gain = MaskGoal(frequency, np.full(20, -0.5), np.zeros(20)).inset(0.5)
    assert gain.scores(*batch("PC:1|SL:2|PC:1"))[0] == pytest.approx(0.25 * math.sqrt(0.03), rel=1e-3)


def test_a_margin_draws_the_limit_of_s11_in_too():
    divider = batch("SR:2")
    mask = MaskGoal(W, -NONE, NONE, MATCHED, np.full(len(W), -6.0))
    beyond = 0.5 - (20 * math.log10(2) - 6)
    assert mask.inset(0.5).scores(*divider)[0] == pytest.approx(beyond * math.sqrt(0.03), rel=1e-6)


def test_limits_that_contradict_each_other_at_an_edge_are_never_met():
    frequency = np.array([1.0, 2.0, 3.0])
    mask = MaskGoal(frequency, np.array([-1.0, -1.0, -np.inf]), np.array([0.0, -40.0, -40.0]), MATCHED)
    for goal in (mask, mask.inset(0.5)):
        scores = goal.scores(*batch("PC:1|SL:2|PC:1"))
        assert np.isfinite(scores).all()
        assert not goal.met(scores[0])


def test_a_mask_without_limits_somewhere_asks_for_nothing_there():
    assert MaskGoal(W, -NONE, NONE).scores(*batch("SL:3|PC:4")) == [0]
    assert MaskGoal(W, -NONE, NONE, MATCHED, NONE).inset(0.5).scores(*batch("SL:3|PC:4")) == [0]


@pytest.mark.parametrize("goal", goals()[:4], ids=lambda goal: type(goal).__name__)
def test_what_is_known_is_put_into_a_response(goal):
    template = goal.respond(np.array([[SL, PC]]), np.array([[1.0, 2.0]]))
    completed = goal.complete(*template)
    assert goal.deviation(*completed).max() < 1e-9
    planes = [plane for curve in completed for plane in (curve.real, curve.imag)]
    v_re, v_im, i_re, i_im = planes
    if not isinstance(goal, ScatteringGoal):
        score = goal.compare(torch.from_numpy(np.stack([v_re, i_re, v_im, i_im], axis=1)))
        assert score.item() < 1e-15
    else:
        np.testing.assert_allclose(np.stack(completed)[:, 0], np.stack(state(LADDER, UNEQUAL))[:, 0], rtol=1e-9)


def test_a_known_s21_leaves_s11_as_it_is():
    goal = goals()[1]
    template = goal.respond(np.array([[SL, PC]]), np.array([[1.0, 2.0]]))
    before, after = (UNEQUAL.input_reflection(*pair) for pair in (template, goal.complete(*template)))
    np.testing.assert_allclose(after, before, rtol=1e-12)


@pytest.mark.parametrize("ends", [Terminations(None, 1.0), MATCHED])
def test_a_mask_only_brings_the_magnitude_inside(ends):
    mask = MaskGoal(W, np.full(len(W), -20.0), np.full(len(W), -10.0), ends)
    template = mask.respond(*batch("SR:1|PC:1"))
    inside = mask.complete(*template)
    before, after = (ends.inverse_transmission(*pair) for pair in (template, inside))
    np.testing.assert_allclose(np.angle(after), np.angle(before), atol=1e-12)
    gain = decibels(after)
    assert ((gain >= -20 - 1e-9) & (gain <= -10 + 1e-9)).all()
    if ends.source is None:
        np.testing.assert_array_equal(inside[1], template[1])
