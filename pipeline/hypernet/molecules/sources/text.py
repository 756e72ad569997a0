"""Files of text as people have them: packed or not, of any encoding and line ending, and no larger than is held."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from hypernet.lab.errors import UserError

# Bytes of a file, unpacked; a packed one of a few bytes may claim any size.
MOST_BYTES = 2**28
# Of a list, and of all files of a command together.
MOST_MOLECULES = 200_000
# Of a molecule: every atom has all others for neighbours where nothing else is asked for.
MOST_ATOMS = 500
# Bytes of a first line.
LONGEST_LINE = 20_000
PACKED = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def text_of(path: Path) -> str:
    """All of a file, with ``\\n`` at the ends of lines and without a byte order mark.

    UTF-8, UTF-16 with its mark, or Latin-1; packed by gzip where its first bytes say so.

    Raises:
        UserError: no such file, damaged, too large, or not text.
    """
    content = _content(path)
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            text = content[len(mark) :].decode(encoding, "replace")
            break
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    if "\0" in text:
        raise UserError(f"{path}: not text in UTF-8 (or in UTF-16 with a byte order mark)")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            packed = file.read(len(PACKED)) == PACKED
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())[:120]})") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: more than {MOST_BYTES // 2**20} MB of text; accepted: that much, in several files")
    return content


def check_count(path: Path | str, count: int) -> None:
    """Refuse more molecules than are held.

    Raises:
        UserError: more than ``MOST_MOLECULES``.
    """
    if count > MOST_MOLECULES:
        raise UserError(f"{path}: more than {MOST_MOLECULES:,} molecules; accepted: that many, in several files")


def shown(text: str, longest: int = 60) -> str:
    """A piece of a file in a message: one line of ASCII."""
    return ascii(text if len(text) <= longest else text[: longest - 3] + "...")


def stem_of(path: Path) -> str:
    """A file's name without its endings."""
    name = path.name.removesuffix(".gz")
    return name.rpartition(".")[0] or name


def first_line(path: Path) -> bytes:
    """The first line of a file, packed or not, without its end; of a damaged file, what can be read of it.

    Raises:
        UserError: no such file.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(len(PACKED)) == PACKED
        with gzip.open(path) if packed else path.open("rb") as file:
            return file.readline(LONGEST_LINE).removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())[:120]})") from None
