"""Reading text files of fields: right files whole, wrong ones in one line that names the place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.ratings.sources.delimited import is_finite, numbered, read_lines, read_ratings
from tests.ratings.text_files import refused, written

rows_of_ratings = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(-99, 99).map(lambda value: round(value, 3))),
    min_size=1,
    max_size=20,
)


@given(rows_of_ratings, st.sampled_from(["\t", "::", "|"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_ratings_are_read_back(tmp_path_factory, rows, separator, end, ends_with_line):
    text = end.join(separator.join([str(user), str(item), str(rating), "881250949"]) for user, item, rating in rows)
    path = written(tmp_path_factory.getbasetemp(), text + (end if ends_with_line else ""))
    user, item, rating = read_ratings(path, separator, fields=4)
    assert (user.dtype, item.dtype, rating.dtype) == (np.int64, np.int64, np.float64)
    assert list(zip(user.tolist(), item.tolist(), rating.tolist(), strict=True)) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\t2\t3\t4\n1\t2\t3\n", "line 2: 3 fields where 4 belong"),
        ("1\t2\t3\t4\n1\t2\t3\t4\t5\n", "line 2: 5 fields where 4 belong"),
        ("1\t2\t3\t4\t5\n1\t2\t3\t4\t5\n", "line 1: 5 fields where 4 belong"),
        ("1\t2\t3\t4\t5\n1\t2\t3\n", "line 1: 5 fields where 4 belong"),
        ("1\t2\t3\t4\n\n1\t2\t3\t4\n", "line 2: 1 fields where 4 belong"),
        ("1\tx\t3\t4\n", "line 1: 'x' is not the number of an item"),
        ("-1\t2\t3\t4\n", "line 1: '-1' is not the number of a user"),
        ("1.5\t2\t3\t4\n", r"line 1: '1\.5' is not the number of a user"),
        ("99999999999999999999\t2\t3\t4\n", "is not the number of a user"),
        ("1\t2\tfive\t4\n", "line 1: 'five' is not a rating"),
        ("1\t2\tnan\t4\n", "line 1: 'nan' is not a rating"),
        ("1\t2\tinf\t4\n", "line 1: 'inf' is not a rating"),
        ("1\t2\t\t4\n", "line 1: '' is not a rating"),
        ("user\titem\trating\ttime\n1\t2\t3\t4\n", "line 1: 'user' is not the number of a user"),
        ("", "no ratings can be read from 0 lines"),
    ],
)
def test_a_wrong_file_of_ratings_is_one_line(tmp_path, content, message):
    refused(lambda path: read_ratings(path, "\t", 4), written(tmp_path, content), message)


@given(st.text(alphabet="012345.-\t:|\n\rxeN\0\"'é", max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_content_breaks_the_reader_of_ratings(tmp_path_factory, content):
    path = written(tmp_path_factory.getbasetemp(), content, "any.txt")
    try:
        (user, item, rating), message = read_ratings(path, "\t", 3), None
    except UserError as error:
        message = str(error)
    if message is None:
        assert np.isfinite(rating).all()
        assert len(user) == len(item) == len(rating) > 0
    else:
        assert message.startswith(str(path))
        assert "\n" not in message


def test_small_files_keep_their_fields(tmp_path):
    path = written(tmp_path, "1|Amélie|2001\n2||\n\n".encode("latin-1"))
    assert read_lines(path, "|", 3, "latin-1") == [["1", "Amélie", "2001"], ["2", "", ""]]
    refused(lambda path: read_lines(path, "|", 3, "utf-8"), path, "line 1: not a text in UTF-8")
    refused(lambda path: read_lines(path, "|", 4, "latin-1"), path, "line 1: 3 fields where 4 belong")
    refused(lambda path: read_lines(path, "|", 4, "latin-1"), tmp_path / "absent", "no such file")


def test_identifiers_become_numbers(tmp_path):
    lines = np.array([2, 3, 4])
    assert numbered(tmp_path, "item", ["b", "a", "b"], np.array(["b", "c", "a"]), lines).tolist() == [0, 2, 0]
    refused(
        lambda path: numbered(path, "item", ["b", "d", "b"], np.array(["b", "c"]), lines),
        tmp_path,
        "line 3: item d is not in the table of items",
    )


def test_finite_numbers():
    assert all(is_finite(text) for text in ("1", "-2.5", "3e2", " 4 "))
    assert not any(is_finite(text) for text in ("", "x", "nan", "inf", "-inf", "1_000", "1e999"))
