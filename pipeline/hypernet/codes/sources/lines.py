"""The lines of a text file, one at a time, whatever its encoding and line ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from hypernet.codes.core.sparse import LARGEST_SIDE
from hypernet.lab.errors import UserError

# A row of as many bits as are accepted, as numpy.savetxt writes it; and a dense matrix of 64,800 bits, row by row.
LONGEST_LINE = 2**25
LARGEST_TEXT = 2**32
# Characters at the start of a line that make it a comment: those of numpy and of MATLAB and Matrix Market.
COMMENT = ("#", "%")
LONGEST_NUMBER = 9


class Lines:
    """The lines that are neither blank nor comments, in order.

    Args:
        where: what to call the file in a message.
        file: the file, at its start.
        encoding: its encoding.

    Attributes:
        where: as given.
        number: the number of the line that was read last, from 1.
    """

    def __init__(self, where: str, file: BinaryIO, encoding: str):
        self.where, self.number = where, 0
        self._file = io.TextIOWrapper(file, encoding=encoding)
        self._next: str | None = None
        self._read = 0

    @property
    def here(self) -> str:
        """The file and the line that was read last, for a message."""
        return f"{self.where}, line {self.number}"

    def __iter__(self) -> Iterator[str]:
        while (line := self.take()) is not None:
            yield line

    def take(self) -> str | None:
        """The next line without its end; None after the last.

        Raises:
            UserError: the file is no text, or too large.
        """
        if self._next is not None:
            line, self._next = self._next, None
            return line
        while line := self.raw():
            stripped = line.strip()
            if stripped and not stripped.startswith(COMMENT):
                return line
        return None

    def peek(self) -> str | None:
        """The next line, which stays the next."""
        if self._next is None:
            self._next = self.take()
        return self._next

    def raw(self) -> str:
        """The line after the one read last, whatever is in it, with its end; nothing after the last.

        Raises:
            UserError: the file is no text, or too large.
        """
        self.number += 1
        try:
            line = self._file.readline(LONGEST_LINE + 1)
        except UnicodeError:
            raise UserError(f"{self.here}: not a text file, nor any other that is known here") from None
        self._read += len(line)
        if "\0" in line[:LONGEST_LINE]:
            raise UserError(f"{self.here}: not a text file, nor any other that is known here")
        if len(line) > LONGEST_LINE:
            raise UserError(f"{self.here}: more than {LONGEST_LINE} characters, the most that a line may have")
        if self._read > LARGEST_TEXT:
            raise UserError(f"{self.where}: more than {LARGEST_TEXT} characters, the most that a file may have")
        return line

    def numbers(self, what: str, smallest: int = 0) -> list[int] | None:
        """The whole numbers of the next line; None after the last.

        Args:
            what: what stands in the line, for a message.
            smallest: the smallest that is accepted.

        Raises:
            UserError: something in the line is no such number, or there are more than any matrix has columns.
        """
        line = self.take()
        if line is None:
            return None
        fields = line.split(maxsplit=LARGEST_SIDE)
        if len(fields) > LARGEST_SIDE:
            raise UserError(f"{self.here}: more than {LARGEST_SIDE} numbers ({what})")
        for field in fields:
            if not field.lstrip("-").isdecimal() or len(field) > LONGEST_NUMBER or int(field) < smallest:
                raise UserError(
                    f"{self.here}: {field[:20]!r} is not a whole number from {smallest}, of at most {LONGEST_NUMBER} "
                    f"digits ({what})"
                )
        return [int(field) for field in fields]

    def exactly(self, count: int, what: str, smallest: int = 0) -> list[int]:
        """The next ``count`` whole numbers, all that stand in one line.

        Raises:
            UserError: the line has another number of them, or the file ends.
        """
        values = self.numbers(what, smallest)
        if values is None:
            raise UserError(f"{self.where}: the file ends before {what}")
        if len(values) != count:
            raise UserError(f"{self.here}: {len(values)} numbers where {count} belong ({what})")
        return values


def encoding_of(head: bytes) -> str:
    """The encoding of a text that begins with these bytes: UTF-8, or UTF-16 with or without a byte-order mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Without a mark: digits and blanks have a zero byte beside them.
    for encoding, high in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if high and not any(high):
            return encoding
    return "utf-8-sig"
