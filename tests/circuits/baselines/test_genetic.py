"""The genetic algorithm against brute force, PyGAD with the same budget, and what each of its operators must keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from hypernet.circuits.baselines.genetic import RESONANT, Plan, decode, encode, evolve, response_errors
from hypernet.circuits.core.features import Probe, grid, response_error
from hypernet.circuits.core.parts import PAD, PART_TYPES, canonical, lengths_of, parse, texts
from hypernet.circuits.sources.sampler import Sampler, draw

E3 = np.array([1.0, 2.2, 4.7])
PROBE = Probe(grid(32, 0.01, 100), [(1.0, -1.0)], "logmag")
PLAN = Plan(population=40, generations=12, tournament=3, crossover=0.7, mutation=0.1, elite=2)


def targets(count, length, seed=0):
    types, classes = Sampler([length], E3).draw(np.random.default_rng(seed), count, "train", length)
    return types, E3[classes]


def names(types, values):
    return texts(*canonical(types, values))


def search(target, lengths, plan=PLAN, seed=0, **more):
    return evolve(response_errors(PROBE, target), lengths, E3, np.random.default_rng(seed), plan, **more)


def test_error_is_that_of_the_features_in_both_shapes():
    types, values = targets(6, 4)
    target = PROBE.measure(types, values)
    error = response_errors(PROBE, target)
    generator = np.random.default_rng(1)
    others = generator.integers(PAD, 6, (6, 7, 4)), generator.choice(E3, (6, 7, 4))
    flat = PROBE.measure(others[0].reshape(42, 4), others[1].reshape(42, 4)).reshape(6, 7, 4, 32)
    wanted = response_error(flat, target[:, None])
    np.testing.assert_allclose(error(*others, slice(None)), wanted, rtol=1e-5)
    np.testing.assert_allclose(error(*(array[2:4] for array in others), slice(2, 4)), wanted[2:4], rtol=1e-5)
    chosen = np.array([5, 0, 0])
    np.testing.assert_allclose(error(*(array[chosen] for array in others), chosen), wanted[chosen], rtol=1e-5)


def test_a_circuit_has_no_error_to_itself_up_to_single_precision():
    types, values = targets(20, 8)
    error = response_errors(PROBE, PROBE.measure(types, values))
    assert error(types[:, None], values[:, None], slice(None)).max() < 1e-6


@pytest.mark.parametrize("decades", [1, 4])
def test_error_of_the_largest_responses_is_finite_and_right(decades):
    # [SC, PL] x 5 at w = 0.01: |V| is 1e27 for 0.1, and beyond single precision for 1e-4.
    value = 10.0**-decades
    types, values = np.tile([2, 4], 5)[None], np.full((1, 10), value)
    target = PROBE.measure(types, values)
    assert np.isfinite(target).all()
    other = 2.2 * values
    errors = response_errors(PROBE, target)(types[:, None], other[:, None], slice(None))
    np.testing.assert_allclose(errors[:, 0], response_error(PROBE.measure(types, other), target), rtol=1e-5)


def test_with_a_large_budget_it_finds_what_brute_force_finds():
    # Targets that no circuit of two parts has exactly: responses of circuits with three.
    target = PROBE.measure(*targets(12, 3))
    genes = np.stack(np.meshgrid(*[np.arange(18)] * 2), axis=-1).reshape(-1, 2)
    all_errors = response_error(PROBE.measure(genes // 3, E3[genes % 3])[None], target[:, None])
    plan = replace(PLAN, population=100, generations=30)
    _, _, errors = search(target, np.full(12, 2), plan)
    np.testing.assert_allclose(errors, all_errors.min(axis=1), rtol=1e-5)


def test_answer_has_the_error_that_is_returned_and_values_of_the_catalogue():
    lengths = np.array([1, 2, 3, 4, 5])
    types, classes = draw(np.random.default_rng(0), lengths, 3)
    target = PROBE.measure(types, E3[classes])
    answer_types, found_values, errors = search(target, lengths)
    np.testing.assert_array_equal(lengths_of(answer_types), lengths)
    np.testing.assert_array_equal(answer_types == PAD, np.arange(5) >= lengths[:, None])
    assert np.isin(found_values[answer_types >= 0], E3).all()
    np.testing.assert_allclose(errors, response_error(PROBE.measure(answer_types, found_values), target), atol=1e-6)
    assert errors[0] < 1e-6


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 4),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_elite_is_never_lost(seed, length, elite, crossover, mutation):
    seen = []

    def error(types, values, rows):
        # A rugged landscape.
        errors = np.sin(types @ np.arange(1.0, length + 1) + values @ np.arange(3.0, length + 3)) + rows[:, None]
        best = np.full(3, np.inf)
        np.minimum.at(best, rows, errors[:, 0])
        seen.append(best)
        return errors

    plan = Plan(10, 8, 2, crossover, mutation, elite)
    *_, errors = evolve(error, np.full(3, length), E3, np.random.default_rng(seed), plan)
    # The answer is the best of all circuits that were ever measured.
    np.testing.assert_array_equal(errors, np.min(seen, axis=0))


def test_copies_of_parents_are_not_measured_again():
    measured = []

    def error(types, values, rows):
        measured.append(len(types))
        return values.sum(axis=2) + types.sum(axis=2)

    plan = Plan(50, 5, 3, crossover=0.0, mutation=0.0, elite=2)
    evolve(error, np.full(4, 3), E3, np.random.default_rng(0), plan)
    assert measured == [4 * 50]


def test_errors_that_are_kept_are_those_of_their_circuits():
    target = PROBE.measure(*targets(30, 4))
    kept = {}
    exact = response_errors(PROBE, target)

    def error(types, values, rows):
        errors = exact(types, values, rows)
        kept.update(zip(zip(rows.tolist(), texts(types[:, 0], values[:, 0]), strict=True), errors[:, 0], strict=True))
        return errors

    # Without an elite a copy can be the best.
    plan = replace(PLAN, population=10, generations=6, mutation=0.02, elite=0)
    types, values, errors = evolve(error, np.full(30, 4), E3, np.random.default_rng(0), plan)
    for row, (text, circuit_error) in enumerate(zip(texts(types, values), errors, strict=True)):
        assert kept[row, text] == pytest.approx(circuit_error, abs=1e-7)


def test_without_mutation_only_genes_of_the_first_population_appear_each_at_its_place():
    first, later = [], []

    def error(types, values, rows):
        (later if first else first).append((types[:, 0] * 10 + values[:, 0], rows))
        return np.random.default_rng(len(later)).random(types.shape[:2])

    evolve(error, np.full(2, 5), E3, np.random.default_rng(0), Plan(4, 20, 2, 1.0, 0.0, 1))
    genes, owner = first[0]
    for children, rows in later:
        for child, row in zip(children, rows, strict=True):
            assert ((genes[owner == row] == child).any(axis=0)).all()


def test_nan_is_the_worst():
    def error(types, values, rows):
        return np.where(types[:, :, 0] == 0, np.nan, 1.0 + types[:, :, 0])

    types, _, errors = evolve(error, np.full(50, 2), E3, np.random.default_rng(0), PLAN)
    assert (types[:, 0] == 1).all()
    assert (errors == 2).all()


def test_the_generator_determines_the_answer():
    target, lengths = PROBE.measure(*targets(5, 4)), np.full(5, 4)
    for first, other in zip(search(target, lengths), search(target, lengths), strict=True):
        np.testing.assert_array_equal(first, other)
    assert (search(target, lengths)[1] != search(target, lengths, seed=1)[1]).any()


def test_a_given_answer_stays_in_the_population():
    types, values = targets(5, 8)
    target, lengths = PROBE.measure(types, values), np.full(5, 8)
    generator = np.random.default_rng(3)
    other = generator.integers(0, 6, (5, 8)), generator.choice(E3, (5, 8))
    # Off the catalogue by less than half a step; with padding at the end.
    start = tuple(
        np.pad(np.stack(pair, axis=1), ((0, 0), (0, 0), (0, 2)), constant_values=PAD)
        for pair in ((other[0], types), (other[1], values * 1.1))
    )
    answer_types, found_values, errors = search(target, lengths, start=start)
    assert names(answer_types, found_values) == names(types, values)
    assert errors.max() < 1e-6


def test_shorter_starts_keep_a_gap_and_longer_ones_are_cut():
    frozen = Plan(1, 1, 1, 0.0, 0.0, 1)
    target = PROBE.measure(*targets(1, 3))
    start = np.array([[[PAD, 3, PAD, 5, 0]]]), np.array([[[1.0, 2.0, 1.0, 9.0, 1.0]]])
    types, values, _ = search(target, np.array([4]), frozen, start=start)
    assert types.tolist() == [[3, 5, PAD, PAD]]
    assert values[0, :2].tolist() == [2.2, 4.7]
    types, _, _ = search(target, np.array([2]), frozen, start=start)
    assert types.tolist() == [[3, PAD]]


@given(st.lists(st.tuples(st.integers(PAD, 5), st.integers(0, 2)), min_size=1))
def test_genes_read_back(ladder):
    types, classes = (np.array(column) for column in zip(*ladder, strict=True))
    back_types, back_values = decode(encode(types, E3[classes], E3), E3)
    np.testing.assert_array_equal(back_types, types)
    np.testing.assert_array_equal(back_values[types >= 0], E3[classes][types >= 0])


def by_pygad(error, target, length, plan, seed):
    """The best circuit that PyGAD finds for one target with the same genes, operators and fitness."""
    import pygad

    def fitness(search, strings, index):
        types, values = decode(np.asarray(strings, dtype=np.int16), E3)
        return list(-error(types[None], values[None], np.array([target]))[0])

    search = pygad.GA(
        num_generations=plan.generations,
        sol_per_pop=plan.population,
        num_parents_mating=plan.population,
        num_genes=length,
        gene_space=list(range(len(PART_TYPES) * len(E3))),
        gene_type=int,
        fitness_func=fitness,
        fitness_batch_size=plan.population,
        parent_selection_type="tournament",
        K_tournament=plan.tournament,
        crossover_type="single_point",
        crossover_probability=plan.crossover,
        mutation_type="random",
        mutation_probability=plan.mutation,
        keep_elitism=plan.elite,
        random_seed=seed,
        suppress_warnings=True,
    )
    search.run()
    return decode(np.asarray(search.best_solution()[0], dtype=np.int16)[None], E3)


@pytest.mark.filterwarnings("ignore")
def test_finds_the_circuit_about_as_often_as_pygad():
    pytest.importorskip("pygad")
    count, length = 20, 3
    plan = replace(PLAN, generations=10)
    types, values = targets(count, length, seed=5)
    wanted = names(types, values)
    target = PROBE.measure(types, values)
    error = response_errors(PROBE, target)
    theirs = sum(
        names(*by_pygad(error, target_number, length, plan, seed=target_number))[0] == wanted[target_number]
        for target_number in range(count)
    )
    times = 10
    ours = sum(
        answer == name
        for seed in range(times)
        for answer, name in zip(names(*search(target, np.full(count, length), plan, seed)[:2]), wanted, strict=True)
    )
    assert 0 < theirs < count
    assert fisher_exact([[theirs, count - theirs], [ours, times * count - ours]]).pvalue > 0.01


def test_a_tank_and_a_trap_are_genes_where_asked_for():
    types, values = (array[None] for array in parse("PC:1|SL:2.2&SC:4.7|PL:1&PC:2.2"))
    back = decode(encode(types, values, E3, RESONANT), E3, RESONANT)
    assert texts(*back) == texts(types, values)
    # Without these genes each part is an arm of its own.
    assert texts(*decode(encode(types, values, E3), E3)) == ["PC:1.0|SL:2.2|SC:4.7|PL:1.0|PC:2.2"]


def test_a_capacitor_without_a_coil_before_it_joins_nothing():
    joined_series, joined_parallel = (RESONANT.index(part_type) * len(E3) for part_type in (8, 11))
    coil = RESONANT.index(1) * len(E3)
    strings = np.array(
        [[joined_series, coil, joined_series, joined_series], [coil, joined_parallel, PAD, joined_series]], np.int16
    )
    types, _ = decode(strings, E3, RESONANT)
    assert types.tolist() == [[2, 1, 8, 2], [1, 5, PAD, 2]]


def test_a_tank_is_found():
    types, values = (array[None] for array in parse("SL:2.2&SC:1"))
    error = response_errors(PROBE, PROBE.measure(types, values))
    plan = replace(PLAN, population=200, generations=40)
    *circuit, errors = evolve(error, np.array([2]), E3, np.random.default_rng(0), plan, genes=RESONANT)
    assert names(*circuit) == names(types, values)
    assert errors[0] < 1e-6
