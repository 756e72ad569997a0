"""Searching circuits: goals against closed forms, what the network is shown, known circuits found again, the rule."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from hypernet.circuits.baselines.genetic import Plan
from hypernet.circuits.core.features import Probe, response_error
from hypernet.circuits.core.goals import MaskGoal, ResponseGoal, TransmissionGoal
from hypernet.circuits.core.ladder import EXCITATION, respond
from hypernet.circuits.core.parts import PAD, PC, SL, SR, lengths_of, parse, texts
from hypernet.circuits.core.ranking import snap
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.names import series_values
from hypernet.circuits.tools.choice import band_of, choose
from hypernet.circuits.tools.completion import completed, covers
from hypernet.circuits.tools.pool import Pool, one_part_less, paired, with_resonator
from hypernet.circuits.tools.rounding import round_values
from hypernet.circuits.tools.search import GREEDY, RETRIEVED, Effort, Search

W = np.geomspace(0.05, 20, 31)
SMALL = Effort(
    rounds=1, draws=4000, starts=60, templates=2, first_steps=40, finalists=10, last_steps=40, prunings=1,
    evolution=Plan(30, 5, 3, 0.7, 0.1, 2), centred=4, copies=8,
)  # fmt: skip
E12 = series_values("E12", 1e-3, 1e3)
HALF, MATCHED = Terminations(None, 0.5), Terminations(1.0, 1.0)


def goal_of(text, frequency=W, load=1.0):
    types, values = parse(text)
    voltage, current = respond(types[None], values[None], frequency, (1.0, -1.0 / load))
    return ResponseGoal(frequency, voltage[0], current[0], load)


def pool_of(*circuits, origin=RETRIEVED):
    parsed = [parse(text) for text in circuits]
    longest = max(len(types) for types, _ in parsed)
    types, values = np.full((len(parsed), longest), PAD, np.int8), np.ones((len(parsed), longest))
    for row, (circuit_types, own_values) in enumerate(parsed):
        types[row, : len(circuit_types)], values[row, : len(own_values)] = circuit_types, own_values
    return Pool.of(types, values, origin)


def search(goal, longest=4, seed=0, designer=None, effort=SMALL, tolerance=0.05, **options):
    return Search(goal, E12, tolerance, longest, 16, seed, designer, effort=effort, **options)


class FixedDesigner:
    """A stand-in for a network that always writes the same circuits."""

    def __init__(self, *circuits, frequency=W):
        self.probe = Probe(frequency, [EXCITATION], "logmag")
        self.pool, self.responses = pool_of(*circuits), None

    def candidates(self, response, samples, seed):
        self.responses = response
        rows = np.resize(np.arange(len(self.pool)), 1 + samples)
        return tuple(np.stack([array[rows]] * len(response)) for array in (self.pool.types, self.pool.values))


def test_score_of_a_response_is_the_error_that_the_evaluation_reports():
    goal, pool = goal_of("SR:1|PC:2.2|SL:0.47"), pool_of("SR:1|PC:1|SL:0.47", "PL:2|SC:3")
    probe = Probe(W, [EXCITATION], "logmag")
    target = probe.compress(goal.voltage[None], goal.current[None])
    wanted = response_error(probe.measure(pool.types, pool.values), target)
    np.testing.assert_allclose(goal.scores(pool.types, pool.values), wanted, rtol=1e-12)


@pytest.mark.parametrize(("load", "resistance"), [(1.0, 1.0), (0.5, 0.5), (6.0, 6.0)])
def test_a_divider_of_equal_halves_is_beyond_a_mask_by_what_is_known(load, resistance):
    # The gain is 1/2 at all frequencies: 6.02 dB below 0.
    mask = MaskGoal(W, np.full(len(W), -3.0), np.full(len(W), np.inf), Terminations(None, load))
    score = mask.scores(np.array([[SR]]), np.array([[resistance]]))[0]
    assert score == pytest.approx(20 * np.log10(2) - 3, abs=2e-9)
    state = mask.respond(np.array([[SR]]), np.array([[resistance]]))
    np.testing.assert_allclose(mask.deviation(*state), score)
    inside = MaskGoal(W, np.full(len(W), -6.1), np.full(len(W), -6.0), Terminations(None, load))
    assert inside.scores(np.array([[SR]]), np.array([[resistance]])) == [0]


def test_a_mask_without_limits_somewhere_asks_for_nothing_there():
    nothing = MaskGoal(W, np.full(len(W), -np.inf), np.full(len(W), np.inf))
    assert nothing.scores(*(pool_of("SL:3|PC:4").types, pool_of("SL:3|PC:4").values)) == [0]


@pytest.mark.parametrize("has_phase", [True, False])
def test_a_gain_looks_at_the_phase_where_there_is_one(has_phase):
    types, values = parse("SR:1|PC:2.2")
    voltage = respond(types[None], values[None], W)[0][0]
    right = TransmissionGoal(W, voltage if has_phase else np.abs(voltage), has_phase)
    assert right.scores(types[None], values[None]) == pytest.approx(0, abs=1e-12)
    turned = TransmissionGoal(W, voltage * np.exp(0.3j), has_phase)
    assert (turned.scores(types[None], values[None])[0] > 0.1) == has_phase


def test_losses_have_the_gradients_of_finite_differences():
    types, values = torch.tensor([[SR, PC, SL, PC]]), torch.tensor([[0.7, 1.3, 2.0, 0.4]], dtype=torch.float64)
    target = goal_of("SR:1|PC:1.1|SL:1.5|PC:0.5", load=0.5)
    mask = MaskGoal(W, np.full(len(W), -1.0), np.full(len(W), -0.5), HALF)
    goals = [
        target,
        mask,
        mask.inset(0.1),
        *(TransmissionGoal(W, target.voltage, phase, HALF) for phase in (True, False)),
    ]
    for goal in goals:
        assert torch.autograd.gradcheck(lambda sizes, goal=goal: goal.loss(types, sizes), values.requires_grad_())


def test_thinned_goals_keep_both_ends():
    goal = goal_of("SR:1|PC:1")
    few = goal.thinned(5)
    assert len(few) == 5
    np.testing.assert_array_equal(few.frequency[[0, -1]], W[[0, -1]])
    np.testing.assert_array_equal(few.voltage[[0, -1]], goal.voltage[[0, -1]])


def test_without_tolerance_the_band_has_no_width():
    goal, circuit = goal_of("PC:1|SL:2", load=0.5), parse("PC:1|SL:2")
    band = band_of(goal, *circuit, 0.0, 10, 0, W)
    np.testing.assert_allclose(band.low, -20 * np.log10(np.abs(goal.voltage)), atol=1e-9)
    np.testing.assert_allclose(band.high, band.low, atol=1e-12)


def test_a_network_sees_a_whole_response_as_it_is_whatever_the_template():
    goal, probe = goal_of("SR:1|PC:2.2|SL:0.47"), Probe(W, [EXCITATION], "logmag")
    template = pool_of("PL:2|SC:3", "SR:4.7")
    seen = completed(goal, probe, template.types, template.values)
    wanted = probe.compress(goal.voltage[None], goal.current[None])
    assert covers(goal, probe)
    np.testing.assert_allclose(seen, np.repeat(wanted, 2, axis=0), atol=1e-12)


def test_a_network_sees_what_is_known_and_beyond_it_the_template():
    probe = Probe(W, [EXCITATION], "none")
    goal, template = goal_of("SR:1|PC:2.2", W[8:20]), pool_of("SR:1|PC:1.8")
    assert not covers(goal, probe)
    seen = completed(goal, probe, template.types, template.values)[0]
    types, values = parse("SR:1|PC:2.2")
    wanted = probe.measure(types[None], values[None])[0]
    np.testing.assert_allclose(seen[:, 8:20], wanted[:, 8:20], rtol=1e-9)
    simulated = probe.measure(template.types, template.values)[0]
    # Outside the response goes on as the template's does: the ratio of both stays.
    ratio = (seen[0] + 1j * seen[2]) / (simulated[0] + 1j * simulated[2])
    np.testing.assert_allclose(ratio[20:], ratio[19], rtol=1e-9)
    np.testing.assert_allclose(ratio[:8], ratio[8], rtol=1e-9)


def test_a_mask_only_brings_the_magnitude_inside():
    template = pool_of("SR:1|PC:1")
    mask = MaskGoal(W, np.full(len(W), -20.0), np.full(len(W), -10.0))
    voltage, current = mask.respond(template.types, template.values)
    inside, same = mask.complete(voltage, current)
    np.testing.assert_allclose(np.angle(inside), np.angle(voltage), atol=1e-12)
    gain = -20 * np.log10(np.abs(inside))
    assert ((gain >= -20 - 1e-9) & (gain <= -10 + 1e-9)).all()
    np.testing.assert_array_equal(same, current)


def test_tidying_joins_parts_and_drops_copies_and_empty_circuits():
    pool = pool_of("SR:1|SR:2|PC:1", "PC:3|PC:1", "PC:4", "SL:1|SR:2", "SR:2|SL:1")
    empty = Pool.of(np.full((1, 3), PAD, np.int8), np.ones((1, 3)), RETRIEVED)
    tidy = (pool + empty).tidied()
    assert texts(tidy.types, tidy.values) == ["SR:3.0|PC:1.0", "PC:4.0", "SR:2.0|SL:1.0"]


def test_every_part_is_left_out_once():
    less = one_part_less(pool_of("SR:1|PC:2|SL:3", "PC:4"))
    tidy = less.tidied()
    assert sorted(texts(tidy.types, tidy.values)) == ["PC:2.0|SL:3.0", "SR:1.0|PC:2.0", "SR:1.0|SL:3.0"]


def test_what_stands_in_the_arm_of_a_part_that_is_left_out_stays_there():
    tidy = one_part_less(pool_of("SL:1+SR:0.1&SC:2|PL:3&PC:4")).tidied()
    assert sorted(texts(tidy.types, tidy.values)) == [
        "SC:2.0&SR:0.1+SL:1.0|PC:4.0",
        "SC:2.0&SR:0.1+SL:1.0|PL:3.0",
        "SL:1.0&SC:2.0|PL:3.0&PC:4.0",
        "SR:0.1&SC:2.0|PL:3.0&PC:4.0",
        "SR:0.1+SL:1.0|PL:3.0&PC:4.0",
    ]


def test_coils_and_capacitors_get_a_partner_that_resonates():
    pool = pool_of("PC:2|SL:0.5&SC:1|SR:1|SC:4", "SL:1")
    more = with_resonator(pool, np.array([0.5, 2.0]), 6)
    assert texts(more.types, more.values) == [
        "PC:2.0&PL:2.0|SL:0.5&SC:1.0|SR:1.0|SC:4.0",
        "PC:2.0|SL:0.5&SC:1.0|SR:1.0|SC:4.0&SL:1.0",
        "SL:1.0&SC:0.25",
    ]
    assert texts(*(getattr(with_resonator(pool, np.array([0.5, 2.0]), 2), name) for name in ("types", "values"))) == [
        "SL:1.0&SC:0.25"
    ]


def test_pairs_become_tanks_and_traps_where_chosen():
    types = parse("SR:1|SL:1|SC:1|PL:1|PC:1|SL:1|PC:1")[0][None]
    both = paired(types, np.ones(types.shape, dtype=bool))
    assert texts(both, np.ones(types.shape)) == ["SR:1.0|SL:1.0&SC:1.0|PL:1.0&PC:1.0|SL:1.0|PC:1.0"]
    np.testing.assert_array_equal(paired(types, np.zeros(types.shape, dtype=bool)), types)


def test_a_steep_edge_is_met_with_a_tank_or_a_trap_in_fewer_parts():
    # 1 dB up to 1, 15 dB from 1.3: an elliptic filter of third order (four parts), or a Chebyshev one of fifth.
    w = np.unique(np.concatenate([np.geomspace(0.05, 1, 20), np.geomspace(1.3, 20, 20)]))
    mask = MaskGoal(w, np.where(w <= 1, -1.0, -np.inf), np.where(w > 1, -15.0, np.inf), MATCHED)
    effort = replace(SMALL, draws=20_000, starts=200, finalists=16, prunings=2)
    result = search(mask, effort=effort, tolerance=0.0).run()
    assert result.scores[0] == 0
    assert lengths_of(result.pool.types[:1]) == 4
    assert "&" in texts(result.pool.types[:1], result.pool.values[:1])[0]
    without = search(mask, effort=effort, tolerance=0.0, resonators=False).run()
    assert without.scores[0] > 0.1
    assert not any("&" in text for text in texts(without.pool.types, without.pool.values))


def test_parts_of_no_use_are_left_out_of_circuits_inside_a_mask():
    # 1 mH and 0.15 mOhm beside a Butterworth low-pass of third order, in units of 1 Ohm and 1 rad/s.
    mask = MaskGoal(W, np.where(W < 0.8, -3.0, -np.inf), np.where(W > 4, -30.0, np.inf), MATCHED)
    begun = search(mask, longest=6)
    pool = pool_of("PC:1|SL:2.2|PC:1|PL:1000|SR:0.0015", "PC:1|SL:0.1")
    lean = begun._lean(pool)
    assert texts(lean.types, lean.values)[0] == "PC:1.0|SL:2.2|PC:1.0|PL:1000.0|SR:0.0015"
    assert "PC:1.0|SL:2.2|PC:1.0" in texts(lean.types, lean.values)
    assert (mask.scores(lean.types, lean.values) == 0).all()


def test_rounding_tries_all_neighbours_together():
    goal, catalogue = goal_of("PC:1.07|SL:1.31|PC:0.52"), series_values("E3", 0.1, 10)
    types, values = parse("PC:1.07|SL:1.31|PC:0.52")
    rounded = round_values(types[None], values[None], catalogue, goal.loss)
    reached = goal.scores(types[None], rounded)[0]
    around = [(catalogue[catalogue <= value][-1], catalogue[catalogue >= value][0]) for value in values]
    every = [goal.scores(types[None], np.array(choice)[None])[0] for choice in itertools.product(*around)]
    part_by_part = goal.scores(types[None], snap(types[None], values[None], catalogue, goal.loss))[0]
    assert reached <= min(*every, part_by_part) * (1 + 1e-9)
    assert np.isin(rounded, catalogue).all()


def test_a_low_pass_is_found_and_its_values_before_rounding_too():
    # A Butterworth low-pass of third order, whose middle value no series has.
    goal = goal_of("PC:1|SL:2|PC:1")
    result = search(goal).run()
    assert np.nanmin(result.pool.free) < 1e-3
    choice = choose(goal, result.pool, goal, 0.05, 0)
    assert choice.pool.types[0].tolist() == [PC, SL, PC, PAD]
    assert (np.diff(result.scores) >= 0).all()


def test_catalogue_values_are_found_exactly():
    goal = goal_of("SR:0.47|PC:2.2|SL:1.5")
    result = search(goal).run()
    assert result.scores[0] < 1e-9
    assert texts(result.pool.types[:1], result.pool.values[:1]) == ["SR:0.47|PC:2.2|SL:1.5"]


def test_the_same_seed_finds_the_same_circuits():
    mask = MaskGoal(W, np.where(W < 1, -3.0, -np.inf), np.where(W > 4, -30.0, 1.0))
    effort = replace(SMALL, starts=20, first_steps=10, last_steps=10, finalists=4)
    first, again = (search(mask, seed=3, effort=effort).run() for _ in range(2))
    assert texts(first.pool.types, first.pool.values) == texts(again.pool.types, again.pool.values)
    assert first.simulated == again.simulated
    other = search(mask, seed=4, effort=effort).run()
    assert texts(first.pool.types, first.pool.values) != texts(other.pool.types, other.pool.values)


def test_a_mask_is_met_with_room_for_tolerances():
    mask = MaskGoal(W, np.where(W < 1, -3.0, -np.inf), np.where(W > 4, -30.0, 1.0))
    effort = replace(SMALL, draws=20_000, starts=200)
    result = search(mask, longest=5, effort=effort).run()
    assert result.scores[0] == 0
    choice = choose(mask, result.pool, mask, 0.02, 0)
    assert choice.yields[0] > 0.5
    assert np.nanmax(choice.yields) - choice.yields[0] < 0.05


@pytest.mark.parametrize("longest", [1, 2])
def test_the_shortest_ladders_can_be_asked_for(longest):
    result = search(goal_of("SL:1.5"), longest=longest).run()
    assert texts(result.pool.types[:1], result.pool.values[:1]) == ["SL:1.5"]
    assert result.pool.types.shape[1] <= longest


def test_what_the_network_writes_exactly_is_taken_at_once():
    text = "SR:1.0|PC:2.2|SL:0.47|PC:1.0"
    designer = FixedDesigner(text, "SR:1|PC:1|SL:1|PC:1")
    result = search(goal_of(text), designer=designer).run()
    assert designer.responses.shape == (1, 4, len(W))
    assert result.pool.origin[0] == GREEDY
    assert texts(result.pool.types[:1], result.pool.values[:1]) == [text]
    assert "genetic algorithm" not in [step["step"] for step in result.steps]


def test_the_network_is_shown_several_completions_of_a_mask_and_too_long_circuits_are_left_out():
    designer = FixedDesigner("SR:1|PC:2.2|SL:0.47|PC:1|SL:1", frequency=np.geomspace(0.01, 100, 16))
    mask = MaskGoal(W, np.where(W < 1, -3.0, -np.inf), np.where(W > 8, -20.0, 1.0))
    result = search(mask, longest=3, designer=designer).run()
    assert designer.responses.shape == (SMALL.templates, 4, 16)
    assert result.pool.types.shape[1] == 3
    written = next(step for step in result.steps if step["step"] == "network")
    assert written["circuits"] == 0
    assert written["best"] == np.inf


class FixedScores(ResponseGoal):
    """A goal whose scores are given."""

    given = np.zeros(0)

    def scores(self, types, values):
        return self.given


def test_of_equally_good_circuits_the_one_with_fewest_parts_is_the_answer():
    goal = goal_of("PC:1.05|SL:2")
    judged = FixedScores(goal.frequency, goal.voltage, goal.current)
    pool = pool_of("PC:1|SL:2|PR:470", "PC:1|SL:2.2", "SL:0.1|PC:4.7")
    judged.given = np.array([0.01, 0.02, 0.6])
    free = np.array([2e-4, 5e-4, 0.5])
    choice = choose(goal, Pool(pool.types, pool.values, pool.origin, free), judged, 0.05, 0)
    assert [text.count(":") for text in texts(choice.pool.types, choice.pool.values)] == [2, 3, 2]
    assert choice.scores.tolist() == [0.02, 0.01, 0.6]
    assert np.isnan(choice.yields).all()


def test_of_many_circuits_inside_a_mask_those_of_the_best_yield_are_compared(monkeypatch):
    # Dividers to 1 / (1 + r) in a mask from 0 to -1 dB: the smaller r, the more room; the longest circuit has most.
    monkeypatch.setattr("hypernet.circuits.tools.choice.COMPARED", 2)
    mask = MaskGoal(W, np.full(len(W), -1.0), np.full(len(W), np.inf))
    pool = pool_of("SR:0.122", "SR:0.121", "SR:0.05|PR:1000")
    choice = choose(mask, pool, mask, 0.05, 0)
    assert texts(choice.pool.types[:1], choice.pool.values[:1]) == ["SR:0.05|PR:1000.0"]
    assert choice.yields[0] == 1


def test_a_circuit_that_leaves_a_mask_between_its_frequencies_is_not_inside():
    # A trap between two frequencies of the mask, which are far from it.
    few, many = np.array([0.5, 2.0]), np.sort(np.append(np.geomspace(0.5, 2.0, 41), 1.0))
    masks = [MaskGoal(w, np.full(len(w), -3.0), np.full(len(w), 1.0), MATCHED) for w in (few, many)]
    pool = pool_of("PL:10&PC:0.1", "SR:0.3|PR:10")
    assert masks[0].scores(pool.types, pool.values).tolist() == [0, 0]
    choice = choose(masks[0], pool, masks[1], 0.05, 0)
    assert texts(choice.pool.types[:1], choice.pool.values[:1]) == ["SR:0.3|PR:10.0"]
    assert choice.scores[0] == 0
    assert choice.deviation_db[1] > 20


def test_outside_a_mask_the_smallest_violation_is_the_answer_and_its_yield_is_nothing():
    mask = MaskGoal(W, np.full(len(W), -1.0), np.full(len(W), 0.0))
    pool = pool_of("SR:1", "SR:2|PR:5", "SR:1|PR:100")
    scores = mask.scores(pool.types, pool.values)
    order = np.argsort(scores)
    choice = choose(mask, pool.take(order), mask, 0.05, 0)
    assert texts(choice.pool.types[:1], choice.pool.values[:1]) == ["SR:1.0"]
    assert (choice.yields == 0).all()
    np.testing.assert_allclose(choice.deviation_db[0], 20 * np.log10(2) - 1)
