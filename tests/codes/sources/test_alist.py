from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.core.sparse import of_positions
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.reading import read_parity_check
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


def read(path):
    return read_parity_check(path).toarray()


def changed(**lines):
    """The file written by hand with other content in some lines, counted from 1 (``line_2="..."``)."""
    return [lines.get(f"line_{number}", line) for number, line in enumerate(HAND, start=1)]


@given(binary_matrices)
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, matrix):
    path = tmp_path_factory.getbasetemp() / "round.alist"
    write_alist(path, matrix)
    assert np.array_equal(read(path), matrix)


@given(binary_matrices, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_lists_filled_up_or_empty_with_and_without_the_row_part(tmp_path_factory, matrix, filled, by_row):
    columns = [(np.flatnonzero(column) + 1).tolist() for column in matrix.T]
    rows = [(np.flatnonzero(row) + 1).tolist() for row in matrix]
    # The second line may be an upper bound.
    lines = [f"{len(columns)} {len(rows)}", "20 20"]
    lines += [" ".join(str(len(entries)) for entries in lists) for lists in (columns, rows)]
    for lists in (columns, rows) if by_row else (columns,):
        for entries in lists:
            lines.append(" ".join(map(str, entries + [0] * ((20 if filled else 0) - len(entries)))))
    path = written(tmp_path_factory.getbasetemp(), lines, "loose.alist")
    assert np.array_equal(read(path), matrix)


def test_a_file_written_by_hand(tmp_path):
    assert np.array_equal(read(written(tmp_path, HAND)), HAND_MATRIX)


def test_the_written_file_is_the_one_written_by_hand(tmp_path):
    write_alist(tmp_path / "h.alist", np.array(HAND_MATRIX))
    assert (tmp_path / "h.alist").read_text().split("\n") == [*HAND, ""]


def test_blanks_blank_lines_comments_and_filling_zeros_change_nothing(tmp_path):
    padded = ["# H", "3 2 ", "2\t2", "", "1 2 1   ", "2 2", "1 0 ", "1 2", "2 0", "", "% rows", "1 2 ", "2 3", "", ""]
    path = tmp_path / "h.alist"
    path.write_bytes("\r\n".join(padded).encode())
    assert np.array_equal(read(path), HAND_MATRIX)


@pytest.mark.parametrize(
    "lines",
    [
        changed(line_2="5 7"),
        changed(line_2="2 2", line_3="1 2\n1"),
        changed(line_3="1\n2\n1", line_4="2\n2"),
        HAND[:-2],
    ],
    ids=["upper bounds", "wrapped degrees", "a degree a line", "no row part"],
)
def test_loose_files_that_say_the_same(tmp_path, lines):
    assert np.array_equal(read(written(tmp_path, lines)), HAND_MATRIX)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (changed(line_8="1 3"), "row 1, column 2 is a one only in the column part"),
        (changed(line_5="2"), "row 1, column 1 is a one only in the row part"),
        (changed(line_2="1 2"), "line 3: a column degree of 2; line 2 says at most 1"),
        (changed(line_2="2 1"), "line 4: a row degree of 2; line 2 says at most 1"),
        # The degrees of the rows come too early for those of the columns.
        (changed(line_3="1 2"), r"line 4: 4 numbers where 3 belong \(column degrees\)"),
        (changed(line_4="2 2 2"), r"line 4: 3 numbers where 2 belong \(row degrees\)"),
        # A wrong first line: three columns and two rows, the other way round.
        (changed(line_1="2 3"), r"line 3: 3 numbers where 2 belong .*is the first line 'm n'\? accepted: 'n m'"),
        (["4 6", *HAND[1:]], r"line 4: 5 numbers where 4 belong \(column degrees\)"),
        (changed(line_6="1"), "line 6: column 2 lists 1 rows; its degree is 2"),
        (changed(line_9="1 2 3"), "line 9: row 2 lists 3 columns; its degree is 2"),
        (
            changed(line_5="0", line_6="0 1", line_7="1"),
            r"column 1 lists 0 rows; its degree is 1; are rows counted from",
        ),
        (changed(line_6="1 3"), "line 6: column 2 names row 3; there are 2"),
        (changed(line_9="2 4"), "line 9: row 2 names column 4; there are 3"),
        (changed(line_6="1 1"), "line 6: column 2 names a row twice"),
        (changed(line_8="1 two"), "line 8: 'two' is not a whole number"),
        (changed(line_8="1 -2"), "line 8: '-2' is not a whole number"),
        (changed(line_8="1 2.0"), r"line 8: '2\.0' is not a whole number"),
        (changed(line_8="1 1_0"), r"line 8: '1_0' is not a whole number"),
        (changed(line_1="3 99999999999"), "line 1: '99999999999' is not a whole number from 0, of at most 9 digits"),
        (changed(line_1="3 1048577"), "line 1: 1048577 rows, 3 columns; accepted: at most 1048576 each"),
        (changed(line_1="3 0"), r"line 1: .* with m and n from 1; got \[0, 3\]"),
        (["5 1", "1000000 9", "999999 999999 999999 999999 999999"], "line 3: 4999995 ones; accepted: at most 4194304"),
        (HAND[:-1], "the file ends before columns of row 2"),
        (HAND[:6], "the file ends before rows of column 3"),
        (HAND[:2], "the file ends before column degrees"),
        ([*HAND[:3], "1 2", *HAND[4:7]], "row 1 has degree 1, but is in 2 columns"),
        ([*HAND, "1"], "line 10: more lines than the header announces"),
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
        (b"2 3\n" + b"10 " * 1_100_000, r"line 2: more than 1048576 numbers \(largest column and row degree\)"),
        (b"1048576 1048576\n3 6\n", "the file ends before column degrees"),
    ],
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
    # A million short texts, which is a line in parts.
    assert peak < 2**28


@given(st.integers(0, len(HAND) - 1), st.text(alphabet="0123x- \n.", max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_content_breaks_the_reader(tmp_path_factory, line, content):
    lines = [*HAND]
    lines[line] = content
    path = written(tmp_path_factory.getbasetemp(), lines, "any.alist")
    try:
        matrix, message = read(path), ""
    except UserError as error:
        matrix, message = None, str(error)
    if matrix is None:
        assert message.startswith(str(path))
        assert "\n" not in message
    else:
        assert matrix.ndim == 2
        assert np.isin(matrix, (0, 1)).all()


def test_a_matrix_whose_dense_form_would_not_fit_is_written_and_read(tmp_path):
    # Every bit equal to the next; dense, they would take 2^32 bytes.
    rows = np.repeat(np.arange(2**16 - 1), 2)
    chain = of_positions(rows, rows + np.tile([0, 1], 2**16 - 1), (2**16 - 1, 2**16), "chain")
    write_alist(tmp_path / "h.alist", chain)
    again = read_parity_check(tmp_path / "h.alist")
    assert again.shape == (2**16 - 1, 2**16)
    assert not (again != chain).nnz


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "h.alist"
    write_alist(path, np.array(HAND_MATRIX))
    before = path.read_bytes()
    with pytest.raises(UserError, match="parity-check matrix"):
        write_alist(path, np.array([1, 0, 1]))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["h.alist"]
