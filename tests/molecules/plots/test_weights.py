"""Principal components by hand and by scikit-learn; marks by element and hybridisation."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.molecules.plots.weights import ELEMENTS, MARKERS, OTHER_ELEMENTS, components, draw_weights


def test_components_of_a_cross_by_hand():
    # Along (3, 4, 0) / 5 with variance 4 times that along (0, 0, 1).
    first, second = np.array([3.0, 4, 0]) / 5, np.array([0, 0, 1.0])
    rows = np.stack([2 * first, -2 * first, second, -second]) + np.array([10, 20, 30])
    places, shares = components([rows[:2], rows[2:]])
    np.testing.assert_allclose(shares, [0.8, 0.2])
    joined = np.concatenate(places)
    # Largest loadings are above zero; the common standard deviation of both is sqrt((8 + 2) / 8).
    np.testing.assert_allclose(joined * np.sqrt(10 / 8), [[2, 0], [-2, 0], [0, 1], [0, -1]], atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), atoms=st.integers(3, 30), width=st.integers(3, 40))
def test_components_are_those_of_scikit_learn(seed, atoms, width):
    decomposition = pytest.importorskip("sklearn.decomposition")
    generator = np.random.default_rng(seed)
    rounds = [generator.normal(size=(atoms, width)) * np.linspace(1, 3, width) for _ in range(2)]
    peer = decomposition.PCA(2, svd_solver="full")
    wanted = peer.fit_transform(np.concatenate(rounds))
    places, shares = components(rounds)
    np.testing.assert_allclose(shares, peer.explained_variance_ratio_, rtol=1e-6)
    places = np.concatenate(places) * np.sqrt(np.square(wanted).mean())
    for component in range(2):
        error = min(np.abs(places[:, component] - sign * wanted[:, component]).max() for sign in (1, -1))
        assert error < 1e-6


@pytest.mark.parametrize(("atoms", "width"), [(1, 5), (2, 5), (4, 1), (5, 2)])
def test_few_atoms_or_weights_have_components_too(atoms, width):
    rows = np.random.default_rng(0).normal(size=(atoms, width))
    (places,), shares = components([rows])
    assert places.shape == (atoms, 2)
    assert shares.sum() == pytest.approx(1.0 if atoms > 1 else 0.0)


def test_atoms_with_the_same_weights_are_in_the_middle():
    (places,), shares = components([np.ones((6, 4))])
    assert not places.any()
    assert not shares.any()


def test_marks_have_the_colour_of_the_element_and_the_shape_of_the_hybridisation():
    places = np.arange(10.0).reshape(5, 2)
    symbols, bonding = ["C", "H", "S", "C", "N"], ["sp3", "on C", "sp3d", "sp2", "sp"]
    figure = draw_weights([places, -places], np.array([0.7, 0.2]), symbols, bonding, "title")
    first, second = figure.axes
    marks = {tuple(line.get_xydata()[0]): (line.get_color(), line.get_marker()) for line in first.lines}
    assert marks == {
        (0, 1): (ELEMENTS["C"], MARKERS["sp3"][0]),
        (2, 3): (ELEMENTS["H"], MARKERS["on C"][0]),
        (4, 5): (OTHER_ELEMENTS[0], MARKERS["other"][0]),
        (6, 7): (ELEMENTS["C"], MARKERS["sp2"][0]),
        (8, 9): (ELEMENTS["N"], MARKERS["sp"][0]),
    }
    assert second.get_xlabel() == "Component 1 (70 % of the variance)"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:4] == ["H", "C", "N", "S"]
    plt.close(figure)
