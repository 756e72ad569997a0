"""Sets of molecules against loops over lists, and what is wrong with a geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.molecules.core.molecules import FAR, Molecules, fragments, joined, molecule, near_origin, problem


@st.composite
def sets(draw, least: int = 0) -> list[Molecules]:
    """Molecules one by one, with any elements and places."""
    counts = draw(st.lists(st.integers(1, 6), min_size=least, max_size=6))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    return [
        molecule(random.integers(1, 119, count).tolist(), random.normal(size=(count, 3)), f"m{place}", "C" * place)
        for place, count in enumerate(counts)
    ]


def same(first: Molecules, second: Molecules) -> bool:
    """Whether two sets agree in everything."""
    return (
        np.array_equal(first.numbers, second.numbers)
        and np.array_equal(first.positions, second.positions)
        and np.array_equal(first.counts, second.counts)
        and first.names == second.names
        and first.smiles == second.smiles
    )


@given(sets(least=1), st.data())
def test_some_of_them_are_the_same_molecules(single, data):
    rows = data.draw(st.lists(st.integers(0, len(single) - 1), max_size=8))
    assert same(joined(single).take(rows), joined([single[row] for row in rows]))


@given(sets(), st.integers(0, 6))
def test_joined_pieces_are_the_whole(single, cut):
    assert same(joined([joined(single[:cut]), joined(single[cut:])]), joined(single))


@given(sets())
def test_molecules_come_one_after_the_other(single):
    together = joined(single)
    assert len(together) == len(single)
    for (numbers, positions), alone in zip(together, single, strict=True):
        assert np.array_equal(numbers, alone.numbers)
        assert np.array_equal(positions, alone.positions)


@given(sets(), st.integers(0, 2**16))
def test_sums_over_molecules_are_those_of_a_loop(single, seed):
    together = joined(single)
    values = np.random.default_rng(seed).normal(size=len(together.numbers))
    expected, start = [], 0
    for alone in single:
        expected.append(sum(values[start : start + len(alone.numbers)]))
        start += len(alone.numbers)
    np.testing.assert_allclose(together.per_molecule(values), expected, rtol=1e-12, atol=1e-14)
    assert together.starts.tolist() == [len(joined(single[:place]).numbers) for place in range(len(single))]
    elements = (1, 6, 8)
    counted = [[int((alone.numbers == number).sum()) for number in elements] for alone in single]
    assert together.composition(elements).tolist() == counted
    assert together.heavy_atoms.tolist() == [int((alone.numbers != 1).sum()) for alone in single]
    assert together.molecule_of_atom.tolist() == [
        place for place, alone in enumerate(single) for _ in range(len(alone.numbers))
    ]


def test_formulas(tiny):
    assert [tiny.formula(row) for row in range(len(tiny))] == ["H2O", "CH4", "H2", "He"]


def test_nothing_is_wrong_with_real_molecules(rows, tiny):
    assert [problem(*alone) for alone in rows.molecules] == [""] * len(rows.ids)
    assert [problem(*alone) for alone in tiny] == [""] * len(tiny)


@pytest.mark.parametrize(
    ("numbers", "positions", "expected"),
    [
        ([], np.zeros((0, 3)), "no atoms"),
        ([6, 8], [[0, 0, 0], [0, np.nan, 1.1]], "the position of atom 2 (O) is not a number"),
        ([6, 8], [[0, np.inf, 0], [0, 0, 1.1]], "the position of atom 1 (C) is not a number"),
        ([6, 1, 8], [[0, 0, 0], [0, 0, 1.1], [0, 0, 1.1]], "atoms 2 (H) and 3 (O) are 0 Å apart"),
        ([1, 1], [[0, 0, 0], [0, 0, 0.0741]], "0.0741 Å apart; accepted: 0.5 and more (are these Å"),
        ([8, 1, 1, 2], [[0, 0, 0.1], [0, 0.8, -0.5], [0, -0.8, -0.5], [0, 0, 9]], "2 parts that no bond joins"),
        ([8, 1, 1], [[0, 0, 0.22], [0, 1.44, -0.9], [0, -1.44, -0.9]], "(are these Å, and not bohr or pm?)"),
        ([6, 8], [[0, 0, 0], [0, 0, 1e38]], "2 parts that no bond joins"),
    ],
)
def test_what_is_wrong_is_said(numbers, positions, expected):
    answer = problem(np.array(numbers, dtype=np.uint8), np.array(positions, dtype=np.float32))
    assert expected in answer
    assert "\n" not in answer


@given(st.integers(1, 12), st.floats(1.5, 6), st.integers(0, 2**16))
def test_parts_are_the_components_of_the_graph_of_near_atoms(count, size, seed):
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import distance

    random = np.random.default_rng(seed)
    places = size * random.random((count, 3))
    numbers = random.choice([1, 6, 7, 8, 9], count)
    radii = np.array([{1: 0.31, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57}[int(number)] for number in numbers])
    distances = distance.cdist(places, places)
    near = distances < 1.5 * (radii[:, None] + radii)
    np.fill_diagonal(distances, np.inf)
    assert fragments(numbers, distances) == connected_components(near, directed=False)[0]


@pytest.mark.parametrize("shift", [1e3, -1e6, 1e9])
def test_a_molecule_far_from_the_origin_keeps_its_distances(shift):
    # In float32 two numbers near 1e6 are a sixteenth apart.
    places = np.array([[0, 0, 0], [0.75, 0, 0], [0, 0.625, 0.5]])
    far = molecule([8, 1, 1], places + np.array([shift, -shift, 0.5 * shift])).positions
    np.testing.assert_allclose(far - far[0], places, atol=1e-5)


def test_a_molecule_near_the_origin_stays_where_it_is():
    places = np.array([[FAR, 0, 0], [FAR - 1, 0, 0]], dtype=np.float32)
    assert near_origin(places) is places
    assert near_origin(np.zeros((0, 3))).shape == (0, 3)
