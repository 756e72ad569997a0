from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError


def read(folder, content):
    path = folder / "h.qc"
    path.write_text(content)
    return read_parity_check(path).toarray()


@given(
    st.integers(1, 6).flatmap(
        lambda size: st.tuples(
            st.just(size),
            arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(2, 5)), elements=st.integers(-1, size - 1)),
        )
    )
)
@settings(max_examples=80, deadline=None)
def test_blocks_are_identities_rotated_right(tmp_path_factory, drawn):
    size, shifts = drawn
    header = f"{shifts.shape[1]} {shifts.shape[0]} {size}\n\n"
    if header.split() == ["1", "1", "1"]:
        return
    identity = np.eye(size, dtype=np.uint8)
    expected = np.block([[np.roll(identity, shift, axis=1) * (shift >= 0) for shift in row] for row in shifts])
    content = header + "\n".join("\t".join(map(str, row)) for row in shifts)
    assert np.array_equal(read(tmp_path_factory.getbasetemp(), content), expected)


def test_a_pattern_of_what_is_sent_is_named_and_has_no_part_in_the_matrix(tmp_path, capsys):
    base = "3 1 2\n0 1 -1\n"
    expected = [[1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 0]]
    assert np.array_equal(read(tmp_path, f"{base}\n0 1 0\n"), expected)
    assert "h.qc: the block columns 0, 2 (from 0) are marked as not sent" in capsys.readouterr().err
    assert np.array_equal(read(tmp_path, f"{base}\n1 1 1\n"), expected)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("3 2 4\n0 1 2\n", "the file ends before shifts of block row 2"),
        ("3 2 4\n0 1 2\n0 1\n", "line 3: 2 numbers where 3 belong"),
        ("3 2 4\n0 1 2\n0 1 4\n", "line 3: a shift of 4; accepted: 0 to Z - 1 = 3, -1 for zeros"),
        ("3 2 4\n0 1 2\n0 1 -2\n", "line 3: '-2' is not a whole number from -1"),
        ("3 2 4\n0 1 2\n0 1 *\n", r"line 3: '\*' is not a whole number from -1"),
        ("3 1 4\n0 1 2\n0 1 2\n", "line 3: more lines than the header announces"),
        ("3 1 4\n0 1 2\n0 1 1\n0 1 1\n", "line 4: more lines than the header announces"),
        ("2 0 3\n", r"got \[0, 6\]"),
        ("3000 2000 1000\n", "line 1: 2000000 rows, 3000000 columns; accepted: at most 1048576 each"),
        ("9 5 200000\n" + "1 2 3 4 5 -1 -1 -1 -1\n" * 5, "1000000 rows, 1800000 columns"),
        ("10 5 100000\n" + "1 2 3 4 5 6 7 8 9 10\n" * 5, "5000000 ones; accepted: at most 4194304"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_the_place(tmp_path, content, reason):
    with pytest.raises(UserError, match=reason) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "h.qc"))
