"""Text files of other people: encodings, line ends, sizes and what is no text."""

from __future__ import annotations

import pytest

from hypernet.circuits.sources.reading import printable, read_text
from hypernet.lab.errors import UserError


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("µ\n".encode(), "µ\n"),
        ("µ\n".encode("utf-8-sig"), "µ\n"),
        ("µ\n".encode("latin-1"), "µ\n"),
        (b"a\r\nb\rc\n\x1a", "a\nb\nc\n"),
        ("µ\n".encode("utf-16"), "µ\n"),
        (b"\xfe\xff\0a\0\r\0\n", "a\n"),
        (b"", ""),
        (b"12345678", "12345678"),
    ],
    ids=[
        "UTF-8",
        "byte order mark",
        "Latin-1",
        "line ends",
        "UTF-16",
        "UTF-16 BE",
        "empty",
        "as large as allowed",
    ],
)
def test_what_is_text(content, text, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert read_text(tmp_path / "file", 8, "a list") == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"123456789", "more than 8 bytes, the most that a list may have"),
        (b"a\0", "not a list .it holds binary data"),
        (b"\x1b[31m", "not a list .it holds binary data"),
        (b"\xff", "not a list .it is no text in UTF-8"),
        (b"\xff\xfea", "not a list .it is no text in UTF-16"),
        (b"\xff\xfe\0\0a\0\0\0", "not a list .it holds binary data"),
        (None, "no such file"),
    ],
)
def test_what_is_none_is_one_line(content, message, tmp_path):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_text(tmp_path / "file", 8, "a list", ("utf-8-sig",))
    assert str(caught.value).startswith(f"{tmp_path / 'file'}: ")
    assert "\n" not in str(caught.value)


def test_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path, 8, "a list")


def test_what_is_shown_is_one_line_of_printable_letters():
    assert printable("a\tb\n\x1b[31mred\u009b \u202eΩ") == "a b [31mred Ω"
    assert printable("x" * 999, 20) == "x" * 20
