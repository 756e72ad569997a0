from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.core import sparse as module
from hypernet.codes.core.sparse import sparse
from hypernet.lab.errors import UserError

FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


@given(arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 1)))
@settings(max_examples=60, deadline=None)
def test_any_form_of_a_matrix_gives_the_canonical_one(dense):
    forms = [dense, dense.tolist(), dense.astype(bool), dense.astype(float), np.asfortranarray(dense)]
    forms += [getattr(scipy.sparse, f"{name}_array")(dense) for name in ("csr", "csc", "coo", "lil", "dok")]
    for form in forms:
        matrix = sparse(form)
        assert isinstance(matrix, scipy.sparse.csr_array)
        assert matrix.dtype == np.uint8
        assert matrix.has_canonical_format
        assert (matrix.data == 1).all()
        assert np.array_equal(matrix.toarray(), dense)


@pytest.mark.parametrize("name", FORMATS)
def test_matrices_and_arrays_of_scipy_alike(name):
    dense = np.array([[1, 0, 1, 1], [0, 1, 0, 1]])
    assert np.array_equal(sparse(getattr(scipy.sparse, f"{name}_matrix")(dense)).toarray(), dense)


def test_stored_zeros_are_dropped_and_indices_sorted():
    stored = scipy.sparse.csr_array(([1, 0, 1], [2, 1, 0], [0, 3]), shape=(1, 3))
    assert sparse(stored).indices.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        ([[1, 2, 0], [0, 1, 1]], "row 1, column 2 is 2; accepted: 0 and 1"),
        (np.array([[0, 1], [np.nan, 1]]), "row 2, column 1 is nan"),
        (np.array([[0, 1], [0.5, 1]]), r"row 2, column 1 is 0\.5"),
        (scipy.sparse.coo_array(([1, -1], ([0, 1], [0, 2])), shape=(2, 3)), "row 2, column 3 is -1"),
        # Once more could mean 2, or 0 as a sum mod 2.
        (scipy.sparse.coo_array(([1, 1], ([0, 0], [2, 2])), shape=(2, 3)), "row 1, column 3 is given more than once"),
        (scipy.sparse.coo_array(([1, 1], ([1, 1], [0, 0])), shape=(2, 3)), "row 2, column 1 is given more than once"),
        ([[1, 0], [1]], "rows of different lengths"),
        ([1, 1], r"is \[m, n\] with m and n from 1; got \[2\]"),
        (np.ones((2, 2, 2)), r"got \[2, 2, 2\]"),
        (np.zeros((3, 0)), r"got \[3, 0\]"),
        ([["1", "0"]], "entries of type <U1"),
        (np.ones((1, 2), dtype=complex), "entries of type complex128"),
        # No memory is taken for what a shape alone claims.
        (np.lib.stride_tricks.as_strided(np.zeros(1), (10**12, 0), (0, 0)), r"got \[10{12}, 0\]"),
        (scipy.sparse.coo_array(([1], ([0], [0])), shape=(2**31, 2**31)), "2147483648 rows, 2147483648 columns"),
    ],
)
def test_what_is_no_matrix_of_zeros_and_ones_is_one_line(matrix, reason):
    with pytest.raises(UserError, match=reason) as caught:
        sparse(matrix, "mine.txt")
    assert str(caught.value).startswith("mine.txt: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("indices", "starts"), [([0, 9], [0, 1, 2]), ([0, -1], [0, 1, 2]), ([0, 1], [0, 9, 2])])
def test_indices_that_point_nowhere_are_refused_before_they_are_followed(indices, starts):
    matrix = scipy.sparse.csr_array(([1, 1], [0, 1], [0, 1, 2]), shape=(2, 3))
    matrix.indices[:], matrix.indptr[:] = indices, starts
    with pytest.raises(UserError, match=r"mine\.npz: not a sparse matrix"):
        sparse(matrix, "mine.npz")


def test_a_matrix_of_too_many_ones_is_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_ONES", 20)
    assert sparse(np.ones((4, 5))).nnz == 20
    with pytest.raises(UserError, match=r"mine\.txt: 21 ones; accepted: at most 20"):
        sparse(np.ones((3, 7)), "mine.txt")
