from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.sources import rows as module
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError

MATRIX = [[1, 1, 0, 1], [0, 1, 1, 0]]
wide = st.tuples(st.integers(1, 6), st.integers(4, 9)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)


def read(folder, content):
    path = folder / "h.txt"
    path.write_text(content)
    return read_parity_check(path).toarray()


@given(wide, st.sampled_from([" ", ",", ";", "\t", ", ", "; ", "  ", ""]), st.sampled_from(["%d", "%.1f", "%.18e"]))
@settings(max_examples=120, deadline=None)
def test_what_savetxt_writes(tmp_path_factory, matrix, separator, form):
    if not separator:
        form = "%d"
    text = io.StringIO()
    np.savetxt(text, matrix, fmt=form, delimiter=separator, header="a parity-check matrix")
    assert np.array_equal(read(tmp_path_factory.getbasetemp(), text.getvalue()), matrix)


@pytest.mark.parametrize(
    "content",
    [
        "1101\n0110\n",
        "1 1 0 1\n0 1 1 0",
        "1 1 0 1 \n\n 0110\n",
        "11 01\n0110".replace("11 01", "1101"),
        "1,1,0,1,\n0,1,1,0,\n",
        '"1","1","0","1"\n"0","1","1","0"\n',
        "True,True,False,True\nFalse,True,True,False\n",
        "0,1,2,3\n1,1,0,1\n0,1,1,0\n",
        "1;2;3;4\n1;1;0;1\n0;1;1;0\n",
        ",0,1,2,3\n0,1,1,0,1\n1,0,1,1,0\n",
        ",0,1,2,3\nfirst,1,1,0,1\nsecond,0,1,1,0\n",
        "v0\tv1\tv2\tv3\n1\t1\t0\t1\n0\t1\t1\t0\n",
        "[[1 1 0 1]\n [0 1 1 0]]\n",
        "[[1, 1, 0, 1],\n [0, 1, 1, 0]]\n",
        "[\n[1, 1, 0, 1],\n[0, 1, 1, 0]\n]\n",
        "[1 1 0 1;\n0 1 1 0];\n",
        "# made by hand\n% n = 4\n1 1 0 1\n# half way\n0 1 1 0\n",
        "1. 1. 0. 1.\n0 1e0 1.0 0e5\n",
    ],
)
def test_forms_of_one_matrix(tmp_path, content):
    matrix = read(tmp_path, content)
    assert matrix.dtype == np.uint8
    assert np.array_equal(matrix, MATRIX)


def test_two_columns_of_digits_are_not_the_header_of_an_alist(tmp_path):
    assert np.array_equal(read(tmp_path, "1 1\n0 1\n"), [[1, 1], [0, 1]])
    assert np.array_equal(read(tmp_path, "0 1\n1 1\n"), [[0, 1], [1, 1]])
    assert np.array_equal(read(tmp_path, "0,1\n1,1\n"), [[0, 1], [1, 1]])
    assert np.array_equal(read(tmp_path, "1 0 1\n0 1 1\n"), [[1, 0, 1], [0, 1, 1]])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("1101\n0120", "line 2: column 1 is '0120'; accepted: 0 and 1"),
        # A table of shifts without its sizes, and sizes that are none.
        ("3 -1 0 1\n-1 2 1 0", "line 1: column 1 is '3'; accepted: 0 and 1, or a first line of positive sizes"),
        ("2 1 -4\n0 1", "line 1: column 1 is '2'; accepted: 0 and 1, or a first line of positive sizes"),
        ("1 1 0 1\n0 1 x 0", "line 2: column 3 is 'x'; accepted: 0 and 1"),
        ("1 1 0 1\n0 1 2 0", "line 2: column 3 is '2'"),
        ("1 1 0 1\n0 1 -1 0", "line 2: column 3 is '-1'"),
        ("1 1 0 1\n0 1 nan 0", "line 2: column 3 is 'nan'"),
        ("0.5 1 0 1", r"line 1: column 1 is '0\.5'"),
        ("1,1,0,1\n0,1,10,0", "line 2: column 3 is '10'"),
        ("1 1 0 1\n0 1 1", "line 2: 3 columns; the rows before have 4"),
        ("0,1,2,3\n1,1,0\n", "line 2: 3 columns; the line of column names has 4"),
        ("0,1,2,3\n", "no rows of 0 and 1"),
        ("[\n]\n", "no rows of 0 and 1"),
        # Another reading of each of these would give another matrix.
        ("[1 1 0 1; 0 1 1 0]", "line 1: a cell is empty or holds more than one number; accepted: a line for each row"),
        ("1 1 0 1, 0 1 1 0", "line 1: a cell is empty or holds more than one number"),
        ("1,0 1,0 0,0", "line 1: a cell is empty or holds more than one number"),
        ("1,0;1,0;0,0", "line 1: a cell is empty or holds more than one number"),
        ("1,,0,1\n0,1,1,0", "line 1: a cell is empty or holds more than one number"),
        (",1,0,1\n,1,1,0", "line 1: a cell is empty or holds more than one number"),
        ("[[1,1,0,1],[0,1,1,0]]", r"line 1: column 4 is '1\]'"),
        ("[[1 1 0 ... 0 1 1]\n [0 1 1 ... 0 0 0]]", r"line 1: column 4 is '\.\.\.'"),
        ("hello\n", "line 1: column 1 is 'hello'"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_the_place(tmp_path, content, reason):
    with pytest.raises(UserError, match=reason) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "h.txt"))
    assert "\n" not in str(caught.value)


def test_sizes_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_SIDE", 5)
    monkeypatch.setattr(module, "LARGEST_ONES", 8)
    for content, reason in [
        ("1" * 6, "line 1: 6 columns; accepted: at most 5"),
        ("1.0 " * 7, "line 1: column 6 is|line 1: 6 columns; accepted: at most 5"),
        ("10\n" * 7, "line 6: more than 5 rows"),
        ("1111\n" * 3, "line 3: more than 8 ones"),
    ]:
        with pytest.raises(UserError, match=reason):
            read(tmp_path, content)
