"""Texts, the canonical form and the merging of parts: random circuits keep their response."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core import parts
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, PART_TYPES, canonical, is_irreducible, merge, parse, texts
from hypernet.circuits.names import E_SERIES, series_values
from hypernet.lab.errors import UserError

W = np.geomspace(0.01, 100, 9)
one_part = st.tuples(st.integers(0, 5), st.floats(0.1, 10.0))
ladders = st.lists(one_part, min_size=1, max_size=10)


def arrays(ladder, padding=0):
    types, values = zip(*ladder, strict=True)
    return np.array([types + (PAD,) * padding], np.int8), np.array([values + (1.0,) * padding])


def assert_same_response(circuit, other):
    np.testing.assert_allclose(respond(*circuit, W), respond(*other, W), rtol=1e-10)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(1e-300, 1e300)), min_size=1), st.integers(0, 3))
def test_text_reads_back_to_the_same_circuit_without_its_padding(ladder, padding):
    text = texts(*arrays(ladder, padding))[0]
    types, values = parse(text)
    assert types.tolist() == [part_type for part_type, _ in ladder]
    assert values.tolist() == [value for _, value in ladder]


def test_text_is_the_one_that_the_splits_are_made_from():
    assert texts(np.array([[0, 5, PAD]]), np.array([[1, 2.2, 9]])) == ["SR:1.0|PC:2.2"]


def test_spaces_and_small_letters_are_read():
    types, values = parse(" sr:1 | Pc : 2e-1 ".replace(" : ", ":"))
    assert (types.tolist(), values.tolist()) == ([0, 5], [1.0, 0.2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "circuit: a circuit needs at least one part"),
        ("  ", "circuit: a circuit needs at least one part"),
        ("SR:1|XX:1", "circuit, part 2: 'XX:1' is not TYPE:VALUE with a type of SR, SL, SC, PR, PL, PC"),
        ("SR:1|", "circuit, part 2: '' is not TYPE:VALUE"),
        ("SR", "circuit, part 1: 'SR' is not TYPE:VALUE"),
        ("SR:0", "circuit, part 1: the value '0' is not a positive number"),
        ("SR:-1", "circuit, part 1: the value '-1' is not a positive number"),
        ("SR:1|SL:nan", "circuit, part 2: the value 'nan' is not a positive number"),
        ("SR:inf", "circuit, part 1: the value 'inf' is not a positive number"),
        ("SR:big", "circuit, part 1: the value 'big' is not a positive number"),
    ],
)
def test_faulty_texts_are_refused_naming_the_part(text, message):
    with pytest.raises(UserError) as raised:
        parse(text)
    assert str(raised.value).startswith(message)


@given(st.text(alphabet="SRLCP:|.0123456789e- ", max_size=30))
def test_any_text_is_read_or_refused_by_a_user_error(text):
    with suppress(UserError):
        types, values = parse(text)
        assert len(types) == len(values) == text.count("|") + 1
        assert (values > 0).all()


@given(ladders, st.integers(0, 2))
def test_canonical_form_keeps_the_response_and_the_parts_and_is_its_own(ladder, padding):
    circuit = arrays(ladder, padding)
    sorted_ = canonical(*circuit)
    assert_same_response(circuit, sorted_)
    assert sorted(zip(sorted_[0][0], sorted_[1][0], strict=True)) == sorted(
        zip(circuit[0][0], circuit[1][0], strict=True)
    )
    for once, twice in zip(sorted_, canonical(*sorted_), strict=True):
        np.testing.assert_array_equal(once, twice)
    assert (sorted_[0][0, len(ladder) :] == PAD).all()


@given(ladders, st.randoms(use_true_random=False))
def test_canonical_form_does_not_depend_on_the_order_inside_runs(ladder, random):
    shuffled, run = [], []
    for part in [*ladder, None]:
        if run and (part is None or (part[0] < 3) != (run[0][0] < 3)):
            random.shuffle(run)
            shuffled, run = shuffled + run, []
        run.append(part)
    for array, other in zip(canonical(*arrays(ladder)), canonical(*arrays(shuffled)), strict=True):
        np.testing.assert_array_equal(array, other)


@given(ladders, st.integers(0, 2))
def test_merging_keeps_the_response_and_leaves_nothing_to_merge(ladder, padding):
    circuit = arrays(ladder, padding)
    types, values = merge(circuit[0][0], circuit[1][0])
    assert_same_response(circuit, (types[None], values[None]))
    assert is_irreducible(types[None])[0]
    assert len(types) <= len(ladder)
    assert (values > 0).all()


@pytest.mark.parametrize(
    ("part_type", "joined"), [("SR", 3.0), ("SL", 3.0), ("SC", 2 / 3), ("PR", 2 / 3), ("PL", 2 / 3), ("PC", 3.0)]
)
def test_two_parts_of_one_type_merge_as_in_a_textbook(part_type, joined):
    types, values = merge(*parse(f"{part_type}:1|{part_type}:2"))
    assert types.tolist() == [PART_TYPES.index(part_type)]
    np.testing.assert_allclose(values, [joined])


def test_irreducible_looks_at_runs_only():
    rows = ["SR:1|PR:1|SR:2", "SR:1|SR:2|PR:1", "SL:1|SC:1|PL:1", "PC:1|PC:1|PC:1"]
    types = np.stack([parse(row)[0] for row in rows])
    assert is_irreducible(types).tolist() == [True, False, True, False]
    assert is_irreducible(np.array([[0, PAD, PAD]])).tolist() == [True]


def test_tee_and_pi_of_resistors_do_the_same_but_are_different_circuits():
    tee, pi = (tuple(array[None] for array in parse(text)) for text in ("SR:1|PR:1|SR:1|PC:1", "PR:3|SR:3|PR:3|PC:1"))
    assert_same_response(tee, pi)
    assert texts(*canonical(*tee)) != texts(*canonical(*pi))


def test_values_of_a_series_over_decades():
    assert series_values("E3", 1.0, 4.7).tolist() == [1.0, 2.2, 4.7]
    two_decades = [0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8]
    assert series_values("E6", 0.1, 6.8).tolist() == two_decades
    assert len(series_values("E12", 1e-3, 0.82e3)) == 72
    assert len(series_values("E24", 10, 91)) == 24


@pytest.mark.parametrize("name", ["E48", "E96"])
def test_fine_series_are_powers_rounded_to_three_digits(name):
    count = int(name[1:])
    assert E_SERIES[name] == tuple(round(10 ** (place / count), 2) for place in range(count))


@pytest.mark.parametrize("name", ["E3", "E6", "E12", "E24"])
def test_series_are_evenly_spaced_up_to_rounding_to_two_digits(name):
    mantissas = np.array(E_SERIES[name])
    assert len(mantissas) == int(name[1:])
    # IEC 60063 rounds 10^(i/n) to two digits, with some values one or two steps off (and E3, E6, E12 from E24).
    assert np.abs(mantissas - 10 ** (np.arange(len(mantissas)) / len(mantissas))).max() < 0.3
    assert set(mantissas) <= set(E_SERIES["E24"])


def test_units():
    np.testing.assert_allclose(parts.si_values(np.arange(6), np.ones(6)), [1e3, 1e-3, 1e-9] * 2)
    np.testing.assert_allclose(parts.omega(159_154.94309189534), 1.0)
    np.testing.assert_allclose(parts.hertz(parts.omega(np.array([1.0, 5e7]))), [1.0, 5e7])
