"""The map of a pixel's colour: its algebra, and where grey folds over."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.layers import colour_transform
from hypernet.retouch.core.colour_map import BASES, MONOMIALS, ColourMap, monomials


def random_map(seed: int, basis: str = "quadratic", size: float = 0.3) -> ColourMap:
    identity = ColourMap.identity(basis).matrix
    return ColourMap(identity + size * np.random.default_rng(seed).normal(size=identity.shape))


COLOURS = np.random.default_rng(1).random((200, 3))


def test_the_ten_stand_in_the_order_of_the_talk():
    (row,) = monomials(np.array([[2.0, 3.0, 5.0]]))
    assert row.tolist() == [4, 9, 25, 6, 10, 15, 2, 3, 5, 1]
    assert MONOMIALS["quadratic"] == ["RR", "GG", "BB", "RG", "RB", "GB", "R", "G", "B", "1"]


@pytest.mark.parametrize("basis", BASES)
def test_it_is_the_layer_s_map(basis):
    colour_map, layer = random_map(0, basis), colour_transform(basis)
    expected = layer(torch.from_numpy(COLOURS)[None], torch.tensor(colour_map.matrix).reshape(1, -1))[0]
    np.testing.assert_allclose(colour_map(COLOURS), expected.numpy(), atol=1e-12)


@pytest.mark.parametrize("basis", BASES)
def test_the_identity_changes_nothing(basis):
    np.testing.assert_array_equal(ColourMap.identity(basis)(COLOURS), COLOURS)


@given(strength=st.floats(0, 1.5), seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_strength_is_linear_in_the_output(strength, seed):
    colour_map = random_map(seed)
    expected = (1 - strength) * COLOURS + strength * colour_map(COLOURS)
    np.testing.assert_allclose(colour_map.at_strength(strength)(COLOURS), expected, atol=1e-12)


@pytest.mark.parametrize("basis", BASES)
def test_an_affine_map_after_it_is_one_map(basis):
    affine = np.random.default_rng(3).normal(size=(3, 4))
    expected = random_map(2, basis)(COLOURS) @ affine[:, :3].T + affine[:, 3]
    np.testing.assert_allclose(random_map(2, basis).then_affine(affine)(COLOURS), expected, atol=1e-12)


def test_a_smaller_basis_is_written_in_a_larger_one_and_not_the_other_way():
    affine = random_map(4, "affine")
    for basis in BASES:
        np.testing.assert_allclose(affine.in_basis(basis)(COLOURS), affine(COLOURS), atol=1e-12)
    with pytest.raises(ValueError, match="a cubic map cannot be written in the quadratic basis"):
        random_map(0, "cubic").in_basis("quadratic")


def test_a_parabola_folds_where_its_slope_turns_and_is_unfolded_at_the_strength_where_it_does_not():
    # grey g goes to g (1.6 - 0.8 ... ): T = 2 g - 1.4 g^2 turns at g = 0.714.
    matrix = np.zeros((3, 10))
    matrix[range(3), range(3)] = -1.4
    matrix[range(3), range(6, 9)] = 2.0
    folding = ColourMap(matrix)
    assert folding.folds
    unfolded, strength = folding.unfolded()
    # (1 - a) + a (2 - 2.8 g) >= 0 at g = 1 where a <= 1 / 1.8.
    assert strength == pytest.approx(1 / 1.8, abs=3e-3)
    assert not unfolded.folds
    np.testing.assert_allclose(unfolded.matrix, folding.at_strength(strength).matrix)
    gentle, whole = random_map(0, size=0.0).unfolded()
    assert whole == 1.0
    assert not gentle.folds


def test_only_greys_that_an_image_has_fold():
    # T = 2 g - 1.4 g^2 turns at g = 0.714.
    matrix = np.zeros((3, 10))
    matrix[range(3), range(3)] = -1.4
    matrix[range(3), range(6, 9)] = 2.0
    folding = ColourMap(matrix)
    assert not folding.folds_up_to(0.71)
    assert folding.folds_up_to(0.73)
    assert folding.unfolded(0.71) == (folding, 1.0)
    unfolded, strength = folding.unfolded(0.9)
    # (1 - a) + a (2 - 2.8 g) >= 0 at g = 0.9 where a <= 1 / 1.52.
    assert strength == pytest.approx(1 / 1.52, abs=3e-3)
    assert not unfolded.folds_up_to(0.9)
    assert unfolded.folds
    assert folding.unfolded(0.0)[1] == 1.0


@pytest.mark.parametrize(
    ("matrix", "line"),
    [
        (np.zeros((3, 9)), "3 x 4, 3 x 10, 3 x 20 numbers, not 3 x 9"),
        (np.zeros(30), "not 30"),
        (np.full((3, 10), np.nan), "not finite"),
    ],
)
def test_what_is_no_map_is_refused(matrix, line):
    with pytest.raises(ValueError, match=line):
        ColourMap(matrix)


def test_the_matrix_cannot_be_changed_behind_its_back():
    numbers = np.zeros((3, 10))
    colour_map = ColourMap(numbers)
    numbers[0, 0] = 1
    assert colour_map.matrix[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        colour_map.matrix[0, 0] = 2
