"""Text files of other people, read up to a size and as text alone."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from hypernet.lab.errors import UserError

# The control characters that no text file holds; ^Z ends the files of old systems.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
END_OF_FILE = "\x1a"
# How files of Windows programs begin that are in UTF-16, as LTspice writes netlists.
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path, largest: int, format_name: str, encodings: tuple[str, ...] = ("utf-8-sig", "latin-1")) -> str:
    """The text of a file, with ``\\n`` at the end of each line.

    Args:
        path: the file.
        largest: bytes that it may have at most; no more are read, whatever the file is.
        format_name: what it should be, for messages.
        encodings: tried in this order; a file that begins with a mark of UTF-16 is read in that.

    Raises:
        UserError: no such file, unreadable, too large, in another encoding, or binary data.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > largest:
        raise UserError(f"{path}: more than {largest:,} bytes, the most that {format_name} may have")
    if content.startswith(WIDE_MARKS):
        encodings = ("utf-16",)
    for encoding in encodings:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UserError(f"{path}: not {format_name} (it is no text in {encodings[0].upper().removesuffix('-SIG')})")
    text = text.rstrip(END_OF_FILE)
    if CONTROL.search(text):
        raise UserError(f"{path}: not {format_name} (it holds binary data)")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def printable(text: str, longest: int = 200) -> str:
    """A text of a file as one line for terminals and pictures: no control characters, not too long."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:longest]
