from __future__ import annotations

import galois
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.core.gf2 import generator_matrix, product, rank, row_reduce

# Plain Python arithmetic: galois would compile its fields for seconds, for a few products.
GF2 = galois.GF(2, compile="python-calculate")
binary_matrices = st.tuples(st.integers(1, 12), st.integers(1, 20)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)


@given(binary_matrices)
@settings(max_examples=60, deadline=None)
def test_row_reduction_and_rank_are_those_of_galois(matrix):
    reduced, pivots = row_reduce(matrix)
    expected = np.asarray(GF2(matrix).row_reduce())
    assert np.array_equal(reduced, expected[expected.any(axis=1)])
    assert rank(matrix) == np.linalg.matrix_rank(GF2(matrix)) == len(pivots)
    assert np.array_equal(reduced[:, pivots], np.eye(len(pivots)))


@given(binary_matrices)
@settings(max_examples=60, deadline=None)
def test_the_generator_spans_the_null_space(matrix):
    generator = generator_matrix(matrix)
    k = matrix.shape[1] - np.linalg.matrix_rank(GF2(matrix))
    assert generator.shape == (k, matrix.shape[1])
    assert not (generator.astype(int) @ matrix.T % 2).any()
    null_space = np.asarray(GF2(matrix).null_space())
    # Same dimension, and together no larger: the same space.
    assert rank(generator) == len(null_space) == k
    assert k == 0 or rank(np.vstack([generator, null_space])) == k


@given(arrays(np.uint8, (3, 70), elements=st.integers(0, 1)))
@settings(max_examples=20, deadline=None)
def test_rows_longer_than_several_bytes(matrix):
    assert rank(matrix) == np.linalg.matrix_rank(GF2(matrix))


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (70, 70)])
def test_many_strips_of_eight_columns(shape):
    rng = np.random.default_rng(shape[0])
    # Of rank 25 at most.
    left, right = (rng.integers(0, 2, sides) for sides in ((shape[0], 25), (25, shape[1])))
    matrix = (left @ right % 2).astype(np.uint8)
    reduced, _ = row_reduce(matrix)
    expected = np.asarray(GF2(matrix).row_reduce())
    assert np.array_equal(reduced, expected[expected.any(axis=1)])


@pytest.mark.parametrize(("m", "n", "words"), [(1, 1, 1), (5, 8, 3), (20, 37, 50), (0, 4, 8), (4, 0, 8)])
def test_the_product_is_that_of_whole_numbers_mod_2(m, n, words):
    rng = np.random.default_rng(m)
    matrix, vectors = rng.integers(0, 2, (m, n)), rng.integers(0, 2, (n, words))
    packed = product(matrix.astype(np.uint8), np.packbits(vectors.astype(np.uint8), axis=1))
    assert np.array_equal(np.unpackbits(packed, axis=1, count=words), matrix @ vectors % 2)
