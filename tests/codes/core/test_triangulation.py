from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.core.sparse import sparse
from hypernet.codes.core.substitution import Substitution, Sums
from hypernet.codes.core.triangulation import triangulate

matrices = st.tuples(st.integers(1, 9), st.integers(1, 14)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1), fill=st.just(0))
)


@given(matrices, st.data())
@settings(max_examples=150, deadline=None)
def test_every_check_has_but_its_own_bit_and_those_before_it(matrix, data):
    unknown = np.array(sorted(data.draw(st.sets(st.integers(0, matrix.shape[1] - 1)))), dtype=np.int64)
    order = triangulate(sparse(matrix), unknown)
    (forward_checks, forward_bits), (backward_checks, backward_bits) = order.forward, order.backward
    # All checks and all unknown bits, each once.
    checks = np.concatenate([forward_checks, backward_checks, order.left])
    assert sorted(checks.tolist()) == list(range(len(matrix)))
    assert sorted(np.concatenate([forward_bits, backward_bits, order.aside]).tolist()) == unknown.tolist()
    known = set(range(matrix.shape[1])) - set(unknown.tolist()) | set(order.aside.tolist())
    for check, bit in zip(forward_checks, forward_bits, strict=True):
        assert set(np.flatnonzero(matrix[check]).tolist()) - known == {bit}
        known.add(bit)
    for check in order.left:
        assert set(np.flatnonzero(matrix[check]).tolist()) <= known
    for check, bit in zip(backward_checks, backward_bits, strict=True):
        assert set(np.flatnonzero(matrix[check]).tolist()) - known == {bit}
        known.add(bit)


def test_a_staircase_sets_nothing_aside():
    staircase = np.eye(50, dtype=np.uint8) + np.eye(50, k=-1, dtype=np.uint8)
    for matrix in (staircase, staircase.T, staircase[::-1]):
        order = triangulate(sparse(matrix), np.arange(50))
        assert len(order.aside) == len(order.left) == 0


@given(matrices)
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_whole_numbers_mod_2(matrix):
    rng = np.random.default_rng(matrix.shape[1])
    words = rng.integers(0, 2, (matrix.shape[1], 19), dtype=np.uint8)
    checks = rng.integers(0, len(matrix), 12)
    sums = Sums(sparse(matrix), checks).of(np.packbits(words, axis=1))
    assert np.array_equal(np.unpackbits(sums, axis=1, count=19), matrix[checks].astype(int) @ words % 2)


def test_substitution_solves_a_triangle():
    rng = np.random.default_rng(0)
    # Few and many checks that wait for each other, in any order of rows.
    triangle = np.tril(rng.random((60, 60)) < 0.1, -1) | np.eye(60, dtype=bool)
    rows = rng.permutation(60)
    matrix = triangle[rows].astype(np.uint8)
    with_known = sparse(np.hstack([rng.integers(0, 2, (60, 5), dtype=np.uint8), matrix]))
    words = np.zeros((65, 3), dtype=np.uint8)
    words[:5] = rng.integers(0, 256, (5, 3))
    Substitution(with_known, np.argsort(rows), 5 + np.arange(60)).solve(words)
    assert not (with_known.toarray().astype(int) @ np.unpackbits(words, axis=1) % 2).any()
    assert words[5:].any()
