"""Bytes of a table as text: UTF-8, UTF-16, or the encoding of Western spreadsheets; what is no text is named."""

from __future__ import annotations

import codecs
import unicodedata
from pathlib import Path

from hypernet.lab.errors import UserError

FALLBACK = "cp1252"
# First bytes of files that are called tables but are no text, and what to do with them.
NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip archive; save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"\x1f\x8b": "compressed (gzip); unpack it",
    b"BZh": "compressed (bzip2); unpack it",
    b"\xfd7zXZ": "compressed (xz); unpack it",
    b"\x28\xb5\x2f\xfd": "compressed (zstandard); unpack it",
    b"PAR1": "a Parquet file; write it as CSV (pandas: to_csv)",
    b"SQLite format 3": "an SQLite database; write the table as CSV",
    b"%PDF": "a PDF; write the table as CSV",
}
# First characters of texts that are no tables.
NOT_TABLES = {"{": "JSON", "[": "JSON", "<": "HTML or XML"}
ACCEPTED = "accepted: CSV with a header, as UTF-8"
# Of a text in another encoding, this much around the first letter of which that shows.
SAMPLE = 24
# Bytes of which the first tell whether a text without a mark is UTF-16.
LOOKED_AT = 1024
# Of UTF-16 in Western letters, nearly every other byte is zero.
WIDE_SHARE = 0.4


def decoded_table(path: Path, content: bytes) -> tuple[str, list[str]]:
    """The text of a table, accented letters as one character (NFC), and notes on how it was read.

    Raises:
        UserError: no text, or in no encoding that is known; one line that names the file.
    """
    for magic, meaning in NOT_TEXT.items():
        if content.startswith(magic):
            raise UserError(f"{path}: {meaning}; {ACCEPTED}")
    notes: list[str] = []
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        if encoding != "utf-8-sig":
            raise UserError(f"{path}: not a text in {encoding.upper()}; {ACCEPTED}") from None
        try:
            text = content.decode(FALLBACK)
        except UnicodeDecodeError:
            raise UserError(f"{path}, line {line}: not a text in UTF-8; save it as CSV UTF-8") from None
        start = max(content.rfind(b"\n", 0, error.start) + 1, error.start - SAMPLE)
        sample = text[start : error.start + SAMPLE].splitlines()[0]
        notes.append(f"{path}: not in UTF-8; read as Windows-1252, line {line}: {sample!r}")
    if "\0" in text or (notes and _controls(text)):
        raise UserError(f"{path}: not a text; {ACCEPTED}")
    first = text.lstrip()[:1]
    if first in NOT_TABLES:
        raise UserError(f"{path}: {NOT_TABLES[first]}, not a table; {ACCEPTED}")
    return unicodedata.normalize("NFC", text), notes


def _encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = content[:LOOKED_AT]
    if head[1::2].count(0) > WIDE_SHARE * len(head):
        return "utf-16-le"
    if head[::2].count(0) > WIDE_SHARE * len(head):
        return "utf-16-be"
    return "utf-8-sig"


def _controls(text: str) -> bool:
    """Whether there are characters that no table has."""
    return any(ord(letter) < ord(" ") and letter not in "\t\r\n" for letter in text[: LOOKED_AT**2])
