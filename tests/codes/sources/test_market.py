from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError

HEADER = "%%MatrixMarket matrix coordinate integer general\n"
ARRAY = "%%MatrixMarket matrix array real general\n"


def read(folder, content):
    path = folder / "h.mtx"
    path.write_text(content)
    return read_parity_check(path).toarray()


@given(
    arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 1)),
    st.sampled_from(["pattern", "integer", "real"]),
)
@settings(max_examples=60, deadline=None)
def test_what_scipy_writes(tmp_path_factory, matrix, field):
    path = tmp_path_factory.getbasetemp() / "scipy.mtx"
    scipy.io.mmwrite(path, scipy.sparse.coo_array(matrix), field=field, symmetry="general", comment="H")
    assert np.array_equal(read_parity_check(path).toarray(), matrix)
    if field != "pattern":
        scipy.io.mmwrite(path, matrix, field=field, symmetry="general")
        assert np.array_equal(read_parity_check(path).toarray(), matrix)


@given(arrays(np.int64, st.integers(1, 6).map(lambda side: (side, side)), elements=st.integers(0, 1)))
@settings(max_examples=40, deadline=None)
def test_symmetric_matrices(tmp_path_factory, matrix):
    matrix |= matrix.T
    path = tmp_path_factory.getbasetemp() / "symmetric.mtx"
    for form in (scipy.sparse.coo_array(matrix), matrix):
        scipy.io.mmwrite(path, form, symmetry="symmetric")
        assert np.array_equal(read_parity_check(path).toarray(), matrix)


def test_stored_zeros_and_capitals(tmp_path):
    content = "%%MATRIXMARKET Matrix Coordinate Real General\n% a comment\n\n2 3 3\n1 1 1.0\n2 2 0\n2 3 1e0\n"
    assert np.array_equal(read(tmp_path, content), [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER + "2 3 2\n1 1 1\n1 1 1\n", "row 1, column 1 is given more than once"),
        (HEADER + "2 3 2\n1 1 1\n2 2 2\n", "row 2, column 2 is 2; accepted: 0 and 1"),
        (HEADER + "2 3 2\n1 1 1\n3 1 1\n", "line 4: row 3; accepted: 1 to 2"),
        (HEADER + "2 3 2\n1 1 1\n0 1 1\n", "line 4: row 0; accepted: 1 to 2"),
        (HEADER + "2 3 2\n1 1 1\n2 4 1\n", "line 4: column 4; accepted: 1 to 3"),
        (HEADER + "2 3 2\n1 1 1\n2 99999999999999999999 1\n", "line 4: column 99999999999999999999; accepted: 1 to 3"),
        (HEADER + "2 3 2\n1 1 1\n2 1\n", "line 4: accepted: row and column from 1, and the value"),
        (HEADER + "2 3 2\n1 1 1\n2 1 x\n", "line 4: 'x' is neither 0 nor 1"),
        (HEADER + "2 3 2\n1 1 1\n", "the file ends after 1 entries; it announces 2"),
        (HEADER + "2 3 1\n1 1 1\n2 2 1\n", "line 4: more lines than the 1 entries"),
        (HEADER + "2 3\n1 1 1\n", "line 2: 2 numbers where 3 belong"),
        (HEADER, "the file ends before rows, columns and the number of entries"),
        (HEADER + "2 3 4194305\n", "line 2: 4194305 entries; accepted: at most 4194304"),
        (HEADER + "2000000 3 2\n", "line 2: 2000000 rows, 3 columns"),
        (ARRAY + "2 2\n1\n0\n1\n", "the file ends after 3 entries; it announces 4"),
        (ARRAY + "2 2\n1\n0\n1\n0\n1\n", "line 7: more lines than the 4 entries"),
        (ARRAY + "2 2\n1\n0\n0.5\n1\n", r"row 1, column 2 is 0\.5; accepted: 0 and 1"),
        (ARRAY + "100000 1000\n", "line 2: 100000000 entries; accepted: at most 67108864"),
        (ARRAY.replace("general", "symmetric") + "2 3\n1\n", "line 2: 2 rows, 3 columns; a symmetric matrix"),
        (HEADER.replace("integer", "complex"), "line 1: a matrix that is complex and general; accepted: pattern"),
        (HEADER.replace("general", "skew-symmetric"), "line 1: a matrix that is integer and skew-symmetric"),
        ("%%MatrixMarket vector coordinate real general\n", "line 1: accepted: %%MatrixMarket matrix, coordinate or"),
        ("%%MatrixMarket matrix\n", "line 1: accepted: %%MatrixMarket matrix, coordinate or array"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_the_place(tmp_path, content, reason):
    with pytest.raises(UserError, match=reason) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "h.mtx"))
    assert "\n" not in str(caught.value)
