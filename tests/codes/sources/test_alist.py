from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.sources.alist import read_parity_check, write_alist
from hypernet.lab.errors import UserError

# Two bits at least: a single one leaves no code, and its header "1 1" would be a row of digits.
binary_matrices = st.tuples(st.integers(1, 9), st.integers(2, 12)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)
# Two checks on three bits, written by hand:  1 1 0
#                                             0 1 1
HAND = ["3 2", "2 2", "1 2 1", "2 2", "1", "1 2", "2", "1 2", "2 3"]
HAND_MATRIX = [[1, 1, 0], [0, 1, 1]]


def written(folder, lines, name="h.alist"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


@given(binary_matrices)
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, matrix):
    path = tmp_path_factory.getbasetemp() / "round.alist"
    write_alist(path, matrix)
    assert np.array_equal(read_parity_check(path), matrix)


def test_a_file_written_by_hand(tmp_path):
    assert np.array_equal(read_parity_check(written(tmp_path, HAND)), HAND_MATRIX)


def test_the_written_file_is_the_one_written_by_hand(tmp_path):
    write_alist(tmp_path / "h.alist", np.array(HAND_MATRIX))
    assert (tmp_path / "h.alist").read_text().split("\n") == [*HAND, ""]


def test_blanks_blank_lines_and_filling_zeros_change_nothing(tmp_path):
    padded = ["3 2 ", "2\t2", "", "1 2 1   ", "2 2", "1 0 ", "1 2", "2 0", "", "1 2 ", "2 3", "", ""]
    path = tmp_path / "h.alist"
    path.write_bytes("\r\n".join(padded).encode())
    assert np.array_equal(read_parity_check(path), HAND_MATRIX)


@pytest.mark.parametrize("content", ["110\n011\n", "1 1 0\n0 1 1", "1 1 0 \n\n 011\n"])
def test_rows_of_digits(tmp_path, content):
    (tmp_path / "h.txt").write_text(content)
    matrix = read_parity_check(tmp_path / "h.txt")
    assert matrix.dtype == np.uint8
    assert np.array_equal(matrix, HAND_MATRIX)


def test_two_columns_of_digits_are_not_the_header_of_an_alist(tmp_path):
    assert np.array_equal(read_parity_check(written(tmp_path, ["1 1", "0 1"])), [[1, 1], [0, 1]])


def changed(**lines):
    """The file written by hand with other content in some lines, counted from 1 (``line_2="..."``)."""
    return [lines.get(f"line_{number}", line) for number, line in enumerate(HAND, start=1)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (changed(line_8="1 3"), "row 1, column 2 is a one only in the column part"),
        (changed(line_5="2"), "row 1, column 1 is a one only in the row part"),
        (changed(line_2="3 2"), "line 3: the largest column degree is 2; line 2 says 3"),
        (changed(line_2="2 1"), "line 4: the largest row degree is 2; line 2 says 1"),
        (changed(line_3="1 2"), "line 3: 2 numbers where 3 belong"),
        (changed(line_4="2 2 2"), "line 4: 3 numbers where 2 belong"),
        (changed(line_6="1"), "line 6: column 2 lists 1 rows; its degree is 2"),
        (changed(line_9="1 2 3"), "line 9: row 2 lists 3 columns; its degree is 2"),
        (changed(line_6="1 3"), "line 6: column 2 names row 3; there are 2"),
        (changed(line_9="2 4"), "line 9: row 2 names column 4; there are 3"),
        (changed(line_6="1 1"), "line 6: column 2 names a row twice"),
        (changed(line_8="1 two"), "line 8: 'two' is not a number"),
        (changed(line_8="1 -2"), "line 8: '-2' is not a number"),
        (changed(line_8="1 2.0"), r"line 8: '2\.0' is not a number"),
        (changed(line_1="3 99999999999"), "line 1: 99999999999 is too large a number"),
        (changed(line_1="1000000000 2"), "line 1: 1000000000 is too large a number"),
        (changed(line_1="20000 20000"), "line 1: n = 20000, m = 20000; accepted: .* product of at most 268435456"),
        (changed(line_1="3 20001"), "line 1: n = 3, m = 20001; accepted: 1 to 20000"),
        (changed(line_1="3 0"), "line 1: n = 3, m = 0"),
        (HAND[:-1], "the file ends before columns of row 2"),
        (HAND[:2], "the file ends before column degrees"),
        ([*HAND, "1"], "line 10: more lines than the header announces"),
        (["110", "012"], "line 2: '2' is neither 0 nor 1"),
        (["110", "0 x 1"], "line 2: 'x' is neither 0 nor 1"),
        (["110", "01"], "line 2: 2 columns; the rows before have 3"),
        (["0.5 1 0"], r"line 1: '\.5' is neither 0 nor 1"),
        ([], "the file is empty"),
        (["", "  "], "the file is empty"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_the_place(tmp_path, lines, reason):
    path = written(tmp_path, lines)
    with pytest.raises(UserError, match=reason) as caught:
        read_parity_check(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1\n" * 2_000_000, "line 20001: more than 20000 rows"),
        (b"1" * 2_000_000, "line 1: 2000000 columns; accepted: at most 20000"),
        (b"1 0 " * 1_000_000, "line 1: 2000000 columns"),
        (b"2 3\n" + b"10 " * 1_000_000, r"line 2: more than 20000 numbers \(largest column and row degree\)"),
        (b"20000 13000\n3 6\n" + b"3 " * 20_000 + b"\n" + b"6 " * 13_000, "the file ends before rows of column 1"),
        (b"\n" * 1_000_000, "the file is empty"),
        (b"1" * (32 * 2**20 + 1), "more than 33554432 bytes"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:25],
)
def test_a_hostile_size_is_refused_before_it_takes_memory(tmp_path, content, reason):
    (tmp_path / "h.alist").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=reason):
            read_parity_check(tmp_path / "h.alist")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The largest accepted matrix is announced in one case; its untouched zeros count here, but take no memory.
    assert peak < 2**28 + 2**26


def test_a_device_without_an_end_is_not_read_to_it():
    with pytest.raises(UserError, match="/dev/zero: more than"):
        read_parity_check("/dev/zero")


def test_files_that_are_no_text_or_not_there(tmp_path):
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    for name, reason in (("binary", "not a text file"), ("absent", "no such parity-check file"), (".", "read")):
        with pytest.raises(UserError, match=reason) as caught:
            read_parity_check(tmp_path / name)
        assert "\n" not in str(caught.value)


@given(st.integers(0, len(HAND) - 1), st.text(alphabet="0123x- \n.", max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_content_breaks_the_reader(tmp_path_factory, line, content):
    lines = [*HAND]
    lines[line] = content
    path = written(tmp_path_factory.getbasetemp(), lines, "any.alist")
    try:
        matrix = read_parity_check(path)
    except UserError as error:
        matrix, message = None, str(error)
    if matrix is None:
        assert message.startswith(str(path))
        assert "\n" not in message
    else:
        assert matrix.ndim == 2
        assert np.isin(matrix, (0, 1)).all()


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "h.alist"
    write_alist(path, np.array(HAND_MATRIX))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="unpack"):
        write_alist(path, np.array([1, 0, 1]))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["h.alist"]
