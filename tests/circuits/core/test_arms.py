"""Arms of several parts (tanks, traps, coils with losses): against nodal analysis, closed forms and the other forms."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.backends import BACKENDS
from hypernet.circuits.core.ladder import SMALLEST, propagate, respond
from hypernet.circuits.core.parts import (
    PAD,
    arms_of,
    canonical,
    has_joined,
    is_irreducible,
    is_series,
    levels_of,
    merge,
    parse,
    texts,
)
from hypernet.lab.errors import UserError

W = np.geomspace(0.011, 93, 7)
SOME = "PC:1|SL:2+SR:0.1&SC:0.5|PL:0.3&PC:0.7+PR:2|SL:1&SC:2|SC:0.4|SL:3"

value = st.floats(0.1, 10.0)
branches = st.lists(st.lists(st.tuples(st.sampled_from("RLC"), value), min_size=1, max_size=3), min_size=1, max_size=3)
arms = st.lists(st.tuples(st.sampled_from("SP"), branches), min_size=1, max_size=4)


def text_of(ladder):
    return "|".join(
        "&".join("+".join(f"{side}{letter}:{size}" for letter, size in branch) for branch in arm)
        for side, arm in ladder
    )


def circuit(text, padding=0):
    types, values = parse(text)
    return np.array([[*types, *[PAD] * padding]]), np.array([[*values, *[1.0] * padding]])


def nodal(ladder, w):
    """V and the current leaving port 2 by nodal analysis: every part between two nodes, 1 at port 1 solved for."""
    edges, fresh, node = [], iter(range(1, 1000)), 0
    for side, arm in ladder:
        start, end = node, next(fresh) if side == "S" else "ground"
        if side == "S":
            # Branches in parallel between two nodes, the parts of a branch one behind the other.
            for branch in arm:
                at = start
                for place, part in enumerate(branch):
                    to = end if place == len(branch) - 1 else next(fresh)
                    edges.append((at, to, part))
                    at = to
            node = end
        else:
            # Blocks one behind the other to ground, the parts of a block in parallel.
            at = start
            for place, block in enumerate(arm):
                to = "ground" if place == len(arm) - 1 else next(fresh)
                edges += [(at, to, part) for part in block]
                at = to
    nodes = sorted({end for edge in edges for end in edge[:2] if end != "ground"} | {0, node})
    row = {name: place for place, name in enumerate(nodes)}
    matrix = np.zeros((len(nodes), len(nodes)), complex)
    for start, end, (letter, size) in edges:
        y = {"R": 1 / size, "L": 1 / (1j * w * size), "C": 1j * w * size}[letter]
        ends = [row[name] for name in (start, end) if name != "ground"]
        for here in ends:
            matrix[here, here] += y
        if len(ends) == 2:
            matrix[ends[0], ends[1]] -= y
            matrix[ends[1], ends[0]] -= y
    matrix[row[0], row[0]] += 1.0  # the load
    driven = np.zeros(len(nodes), complex)
    driven[row[node]] = 1.0
    voltages = np.linalg.solve(matrix, driven)
    return voltages[row[node]] / voltages[row[0]], -1.0 / voltages[row[0]]


@given(arms, st.integers(0, 2))
def test_every_arm_does_what_nodal_analysis_says(ladder, padding):
    voltage, current = respond(*circuit(text_of(ladder), padding), W)
    wanted = np.array([nodal(ladder, w) for w in W]).T
    size = np.abs(wanted).max(axis=0)
    np.testing.assert_allclose(voltage[0] / size, wanted[0] / size, atol=1e-7)
    np.testing.assert_allclose(current[0] / size, wanted[1] / size, atol=1e-7)


@pytest.mark.parametrize("name", BACKENDS)
def test_all_forms_agree(name):
    ours, theirs = BACKENDS[name](*circuit(SOME, 1), W), respond(*circuit(SOME), W)
    for curve, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(curve, other, rtol=1e-12)


def test_ladders_with_and_without_joined_parts_in_one_batch():
    plain, joined = circuit("SL:1|PC:2", 1), circuit("SL:1&SC:2|PC:2")
    types, values = (np.concatenate([plain[place], joined[place]]) for place in range(2))
    assert has_joined(types).tolist() == [False, True]
    both = respond(types, values, W)
    for place, single in enumerate((circuit("SL:1|PC:2"), joined)):
        np.testing.assert_allclose(np.array(both)[:, place], np.array(respond(*single, W))[:, 0], rtol=1e-13)


def test_gradients_of_arms():
    types, values = circuit(SOME)
    parts, points = torch.from_numpy(types.astype(np.int64)), torch.from_numpy(W[1:5])
    sizes = torch.from_numpy(values).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: torch.stack(propagate(parts, given, points)), (sizes,))


def test_a_tank_stops_its_resonance_and_a_trap_shorts_it():
    resonance = 1 / math.sqrt(2.0 * 0.5)
    for text in ("SL:2&SC:0.5", "PL:2&PC:0.5|SR:1"):
        voltage, _ = respond(*circuit(text), np.array([resonance * (1 - 1e-6), resonance, 0.1]))
        assert np.isfinite(voltage).all()
        assert abs(voltage[0, 0]) > 1e5
        assert abs(voltage[0, 1]) > 1e12
        assert abs(voltage[0, 2]) < 3
    # Values whose immittances cancel to the last bit.
    assert abs(respond(*circuit("SL:1&SC:1"), np.array([1.0]))[0][0, 0]) == pytest.approx(1 / SMALLEST)


def test_a_tank_in_closed_form():
    voltage, _ = respond(*circuit("SL:2&SC:0.5"), np.array([3.0]))
    assert cmath.isclose(voltage[0, 0], 1 + 1 / (1 / (1j * 3 * 2) + 1j * 3 * 0.5), rel_tol=1e-14)


@given(arms)
def test_texts_read_back(ladder):
    types, values = circuit(text_of(ladder))
    again, sizes = parse(texts(types, values)[0])
    assert again.tolist() == types[0].tolist()
    assert sizes.tolist() == values[0].tolist()
    sides = [is_series(types[0, arm[0][0]]) for arm in arms_of(types[0])]
    assert sides == [side == "S" for side, _ in ladder]
    assert [[len(branch) for branch in arm] for arm in arms_of(types[0])] == [
        [len(branch) for branch in arm] for _, arm in ladder
    ]


def test_exponents_are_no_joints():
    types, values = parse("SL:1e+3+SR:2e-1 & SC:1E+2")
    assert levels_of(types).tolist() == [0, 2, 1]
    assert values.tolist() == [1000.0, 0.2, 100.0]


@pytest.mark.parametrize("text", ["SL:1&PC:2", "PC:1|SL:1+PR:2"])
def test_a_part_joined_to_the_other_alignment_is_refused(text):
    with pytest.raises(UserError, match=r"part [23]: .* is joined by"):
        parse(text)
    with pytest.raises(ValueError, match="part 1 belongs to an arm"):
        arms_of(np.array([7]))


@given(arms, st.randoms(use_true_random=False))
def test_the_canonical_form_keeps_the_response_and_does_not_depend_on_the_order(ladder, random):
    shuffled, run = [], []
    for arm in [*ladder, None]:
        if run and (arm is None or arm[0] != run[0][0]):
            random.shuffle(run)
            shuffled, run = shuffled + run, []
        if arm is not None:
            inside = [random.sample(branch, len(branch)) for branch in arm[1]]
            run.append((arm[0], random.sample(inside, len(inside))))
    first = canonical(*circuit(text_of(ladder), 1))
    second = canonical(*circuit(text_of(shuffled), 1))
    for array, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(array, other)
    for array, other in zip(first, canonical(*first), strict=True):
        np.testing.assert_array_equal(array, other)
    ours, theirs = np.array(respond(*first, W)), np.array(respond(*circuit(text_of(ladder)), W))
    np.testing.assert_allclose(ours, theirs, atol=1e-7 * np.abs(theirs).max())


def test_merging_leaves_arms_of_several_parts_as_they_are():
    types, values = merge(*parse("SL:1|SL:2|SL:1&SC:2|PC:1|PC:2"))
    assert texts(types[None], values[None]) == ["SL:3.0|SL:1.0&SC:2.0|PC:3.0"]
    assert is_irreducible(types[None])[0]
