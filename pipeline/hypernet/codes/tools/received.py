"""Channel values as programs write them: arrays, .npy, .npz, .mat, text, CSV, and pipes, some words at a time."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import ArrayLike

from hypernet.codes.sources.matlab import MARKS, read_values
from hypernet.codes.trained import as_array, checked
from hypernet.lab.errors import UserError

NUMPY, ZIP, GZIP = b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b"
BYTE_ORDERS = (b"\xff\xfe", b"\xfe\xff")
# A line without an end must not fill the memory; no number needs this many characters.
LONGEST_NUMBER = 64
COMMENTS = ("#", "%")
# A header whose lines begin with the number of the row.
NUMBERED = "numbered"
HARD_BITS = (
    "hard bits, 0 and 1, are no log-likelihood ratios; --hard-bits P decodes them, P the share of bits that the "
    "channel flips (hard_bits=P in Python)"
)


class Received:
    """The channel values of words, read some words at a time.

    Args:
        source: ``[words, t]`` or ``[t]``; or a file, or ``-`` for standard input.
        length: t, values of a word.
        title: name of the code, for messages.
        hard: the values are bits 0 and 1.
    """

    def __init__(self, source: ArrayLike | str | Path, length: int, title: str, hard: bool = False):
        self.source, self.length, self.title, self.hard = source, length, title, hard
        self.name = str(source) if isinstance(source, str | Path) else "the input"
        if self.name == "-":
            self.name = "standard input"
        self._soft = False

    def batches(self, words: int) -> Iterator[np.ndarray]:
        """Up to ``words`` of them at a time, ``[words, t]`` float32.

        Raises:
            UserError: no such file, words of another length, values that are no numbers, or none at all.
        """
        if not isinstance(self.source, str | Path):
            yield from self._of_array(as_array(self.source, self.name), words)
        elif str(self.source) == "-":
            yield from self._of_stream(words)
        else:
            yield from self._of_file(Path(self.source), words)

    def tell(self, text: str) -> None:
        """Say what was taken for what."""
        print(f"{self.name}: {text}", file=sys.stderr)

    # --- where they come from -------------------------------------------------------------------------------

    def _of_stream(self, words: int) -> Iterator[np.ndarray]:
        binary = getattr(sys.stdin, "buffer", None)
        if binary is not None and hasattr(binary, "peek") and binary.peek(len(NUMPY))[:1] == NUMPY[:1]:
            yield from self._of_array(self._piped(binary), words)
        else:
            yield from self._of_text(sys.stdin, words)

    def _of_file(self, path: Path, words: int) -> Iterator[np.ndarray]:
        if path.is_dir():
            raise UserError(f"{path}: this is a folder; name a file of channel values")
        if not path.exists():
            raise UserError(f"{path}: no such file of channel values")
        try:
            if not path.is_file():
                # A pipe by its name, as a shell makes of <(...); it can be read only once.
                with path.open(encoding="utf-8-sig") as lines:
                    yield from self._of_text(lines, words)
                return
            with path.open("rb") as file:
                start = file.read(max(len(mark) for mark in MARKS))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
        if start.startswith(NUMPY) or path.suffix == ".npy":
            yield from self._of_array(self._mapped(path), words)
        elif start.startswith(ZIP):
            yield from self._of_array(self._archived(path), words)
        elif start.startswith(MARKS):
            with path.open("rb") as file:
                values = read_values(str(path), file)
            yield from self._of_array(values, words)
        elif start.startswith(GZIP):
            try:
                with gzip.open(path, "rt", encoding="utf-8-sig") as lines:
                    yield from self._of_text(lines, words)
            except (EOFError, gzip.BadGzipFile):
                raise UserError(f"{path}: its gzip is damaged or cut off") from None
        else:
            with path.open(encoding="utf-16" if start[:2] in BYTE_ORDERS else "utf-8-sig") as lines:
                yield from self._of_text(lines, words)

    def _mapped(self, path: Path) -> np.ndarray:
        """An array in a file, mapped and not read: one larger than the memory is decoded piece by piece."""
        try:
            # numpy warns where a header's numbers overflow; the error below says it.
            with np.errstate(all="ignore"):
                llr: Any = np.load(path, allow_pickle=False, mmap_mode="r")
        except Exception as error:  # numpy's reader meets a bad header with errors of many types
            raise UserError(f"{path}: not a .npy file of numbers ({_line(error)})") from None
        if not isinstance(llr, np.ndarray):
            llr.close()
            raise UserError(f"{path}: not a .npy file of one array but an archive")
        return llr

    def _piped(self, binary: Any) -> np.ndarray:
        """The .npy file that stands in a pipe; no more is taken than came."""
        content = io.BytesIO()
        while part := binary.read(2**20):
            content.write(part)
        content.seek(0)
        try:
            with np.errstate(all="ignore"):
                version = np.lib.format.read_magic(content)
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, fortran, dtype = read[version](content)
            # Of a type that is no numbers numpy makes none.
            values = np.frombuffer(content.getbuffer()[content.tell() :], dtype=dtype)
            return values.reshape(shape, order="F" if fortran else "C")
        except Exception as error:
            raise UserError(f"{self.name}: not a .npy file of numbers ({_line(error)})") from None

    def _archived(self, path: Path) -> np.ndarray:
        """The one array of an .npz file."""
        import zipfile

        from hypernet.lab.inputs.arrays import arrays_of

        try:
            with zipfile.ZipFile(path) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise UserError(f"{path}: not an archive of numpy ({_line(error)})") from None
        if len(names) != 1:
            shown = ", ".join(names)[:80]
            raise UserError(f"{path}: {len(names)} arrays ({shown}); accepted: an .npz of the channel values alone")
        if path.suffix != ".npz":
            raise UserError(f"{path}: an archive; accepted: .npy, or an .npz of one array")
        return arrays_of(path, names, "uibf")[names[0]]

    # --- arrays ---------------------------------------------------------------------------------------------

    def _of_array(self, llr: np.ndarray, words: int) -> Iterator[np.ndarray]:
        if self.hard and llr.dtype.kind == "b":
            llr = llr.astype(np.uint8)
        if llr.ndim == 2 and 1 in llr.shape and llr.shape[1] != self.length:
            # A row or a column of MATLAB.
            llr = llr.reshape(-1)
        if llr.ndim == 1:
            if llr.size and llr.size % self.length == 0 and llr.size > self.length:
                self.tell(f"{llr.size} values in a row: {llr.size // self.length} words of {self.length}")
                llr = llr.reshape(-1, self.length)
            else:
                llr = llr[None, :]
        if llr.ndim == 2 and llr.shape[0] == self.length != llr.shape[1]:
            raise UserError(
                f"{self.name}: {self.title} takes words of {self.length} channel values, [words, {self.length}]; this "
                f"has shape {list(llr.shape)}: are the words in its columns? Transpose it"
            )
        if llr.ndim != 2 or llr.shape[1] != self.length:
            # It says so.
            checked(llr, self.length, self.title, self.name)
        if len(llr) == 0:
            raise UserError(f"{self.name}: no words in here; accepted: [words, {self.length}] channel values")
        for start in range(0, len(llr), words):
            yield self._accepted(np.asarray(llr[start : start + words]), start)

    def _accepted(self, values: np.ndarray, first: int) -> np.ndarray:
        """Words as float32, checked; ``first`` is the number of the first of them."""
        if values.dtype.kind == "b":
            raise UserError(f"{self.name}: {HARD_BITS}")
        words = checked(values, self.length, self.title, self.name, first)
        neither = (words != 0) & (words != 1)
        if self.hard and neither.any():
            word, bit = np.argwhere(neither)[0]
            raise UserError(
                f"{self.name}: bit {bit} of word {first + word} (from 0) is {words[word, bit]:g}, not 0 or 1"
            )
        # After any other value 0 and 1 are values among others.
        self._soft = self._soft or bool(neither.any())
        if not self.hard and not self._soft and words.any():
            raise UserError(f"{self.name}: {HARD_BITS}")
        if not self.hard and values.dtype.kind == "u":
            raise UserError(f"{self.name}: log-likelihood ratios have a sign, {values.dtype} has none; {HARD_BITS}")
        return words

    # --- text -----------------------------------------------------------------------------------------------

    def _of_text(self, lines: TextIO, words: int) -> Iterator[np.ndarray]:
        rows: list[list[float]] = []
        read = 0
        for row in self._rows(lines):
            rows.append(row)
            if len(rows) == words:
                yield self._accepted(np.array(rows), read)
                read, rows = read + len(rows), []
        if rows:
            yield self._accepted(np.array(rows), read)
        elif not read:
            raise UserError(f"{self.name}: no words in here; write {self.length} channel values a line")

    def _rows(self, lines: TextIO) -> Iterator[list[float]]:
        """The values of each word."""
        length, form, numbered = self.length, "", False
        gathered: list[float] = []
        for number, text in self._lines(lines):
            fields = _fields(text, length)
            if not form and (header := self._header(text, fields)):
                self.tell(f"line {number} is taken for a header")
                form, numbered = "words", header == NUMBERED
                continue
            if numbered and len(fields) == length + 1:
                # The row number that pandas writes first.
                fields = fields[1:]
            if len(fields) == 1 and len(fields[0]) == length > 1 and set(fields[0]) <= {"0", "1"}:
                if not self.hard:
                    raise UserError(f"{self.name}, line {number}: {HARD_BITS}")
                fields = list(fields[0])
            row = self._numbers(fields, number)
            if not form:
                form = "values" if len(row) == 1 < length else "words"
                if form == "values":
                    # As numpy and MATLAB write a vector.
                    self.tell(f"a value a line: {length} lines are taken for a word")
            if len(row) != (1 if form == "values" else length):
                raise UserError(f"{self.name}, line {number}: {len(row)} values; a word of {self.title} has {length}")
            if form == "words":
                yield row
                continue
            gathered += row
            if len(gathered) == length:
                yield gathered
                gathered = []
        if gathered:
            raise UserError(
                f"{self.name}: {len(gathered)} lines of a value each left over; {length} make a word of {self.title}"
            )

    def _lines(self, lines: TextIO) -> Iterable[tuple[int, str]]:
        """Lines with their numbers, without blank ones and comments."""
        longest = LONGEST_NUMBER * (self.length + 1) + 1024
        number = 0
        while True:
            number += 1
            try:
                line = lines.readline(longest)
            except UnicodeError:
                raise UserError(f"{self.name}: neither text nor .npy") from None
            if not line:
                return
            if len(line) == longest and not line.endswith("\n"):
                raise UserError(
                    f"{self.name}, line {number}: longer than {longest} characters; a word has {self.length} values"
                )
            text = line.strip().removeprefix("\ufeff")
            if text and not text.startswith(COMMENTS):
                yield number, text

    def _header(self, text: str, fields: list[str]) -> str:
        """Whether a first line names columns; names are no numbers, or count from 0 as those of pandas."""
        counted = [str(column) for column in range(self.length)]
        if fields == counted:
            return NUMBERED if text[0] in ",;" else "plain"
        if fields[1:] == counted and not _is_number(fields[0]):
            return NUMBERED
        if len(fields) in (self.length, self.length + 1) and not any(_is_number(field) for field in fields):
            return NUMBERED if len(fields) > self.length or text[0] in ",;" else "plain"
        return ""

    def _numbers(self, fields: list[str], line: int) -> list[float]:
        try:
            # Python would read 1_0 as 10.
            if not any("_" in field for field in fields):
                return [float(field) for field in fields]
        except ValueError:
            pass
        wrong = next(field for field in fields if not _is_number(field))
        raise UserError(f"{self.name}, line {line}: {wrong[:40]!r} is not a number")


def _fields(text: str, length: int) -> list[str]:
    """The numbers of a line, between commas, semicolons, tabs or spaces; a comma may be a decimal sign.

    Where there are semicolons, or where the fields between spaces are as many as a word has values, it is.
    """
    if ";" in text:
        return text.replace(",", ".").replace(";", " ").split()
    fields = text.replace(",", " ").split()
    if len(fields) != length and "," in text:
        spaced = text.replace(",", ".").split()
        if len(spaced) == length:
            return spaced
    return fields


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _line(error: Exception) -> str:
    """An error's text in one short line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
