from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.lab.files import (
    atomic_path,
    digest_of,
    read_json,
    sha256,
    write_json,
    write_table,
    write_text,
)

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_writer_that_fails_leaves_what_stood(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_writer_that_fails_leaves_nothing_where_nothing_stood(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert names(tmp_path) == []


def test_the_file_is_as_readable_as_any_other(tmp_path):
    ours, plain = tmp_path / "ours", tmp_path / "plain"
    plain.touch()
    write_text(ours, "")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def write_often(path: Path, letter: str) -> None:
    for _ in range(25):
        write_text(path, letter * 50_000)


def test_of_several_writers_one_wins_and_a_reader_never_sees_a_mixture(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "a" * 50_000)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(path, letter)) for letter in "bcd"]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers) or not reads:
        text = path.read_text()
        assert len(text) == 50_000
        assert len(set(text)) == 1
        reads += 1
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert path.read_text()[0] in "bcd"
    assert names(tmp_path) == ["a.txt"]


@given(json_like)
def test_json_comes_back(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "back.json"
    write_json(path, content)
    assert read_json(path) == content


@pytest.mark.parametrize("content", [b"{", b"", b"{} {}", b"\xff\xfe{}"])
def test_bad_json_is_refused_with_its_place(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not valid JSON") as caught:
        read_json(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_json_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.json: no such file"):
        read_json(tmp_path / "nothing.json")


def reordered(content):
    """The same content with the keys of every mapping in reverse order."""
    if isinstance(content, dict):
        return {key: reordered(content[key]) for key in reversed(content)}
    return [reordered(entry) for entry in content] if isinstance(content, list) else content


@given(json_like)
def test_the_digest_does_not_depend_on_the_order_of_keys(content):
    assert digest_of(reordered(content)) == digest_of(content)


@given(json_like, json_like)
def test_other_content_has_another_digest(first, second):
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (digest_of(first) == digest_of(second)) == same


@pytest.mark.parametrize(
    ("first", "second"), [([1, 2], [2, 1]), ({"a": 1}, {"a": "1"}), ({"a": {"b": 1}}, {"a.b": 1}), (None, "null")]
)
def test_lists_types_and_nesting_count(first, second):
    assert digest_of(first) != digest_of(second)


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    content = os.urandom(300_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_tables_come_back(tmp_path):
    table = pd.DataFrame({"a": [1.5, None], "b": ['comma, "quote"', "line\nbreak"]})
    write_table(tmp_path / "t.csv", table)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), table)


def test_json_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(UserError, match=r"deep\.json: not valid JSON \(nested too deeply\)"):
        read_json(path)
