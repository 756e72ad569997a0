"""Directories of tags, the structure of TIFF (TIFF 6.0) and of EXIF (CIPA DC-008): read within bounds, and written.

A directory is a list of tags with numbers or bytes; some tags point to directories of their own. Nothing is copied
before it is asked for: a small file may name the same megabytes many thousand times.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

# Bytes of a value by its type's number.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_WHOLE = {BYTE: "B", SHORT: "H", LONG: "I", 13: "I"}
EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
# Directories that carry a photograph's facts, and where they hang.
INSIDE: dict[int, dict] = {EXIF: {INTEROPERABILITY: {}}, GPS: {}}
ENTRY_BYTES, _MOST_VALUES = 12, 2**24


class TagError(ValueError):
    """A structure that is not one of TIFF's: what is wrong with it."""


@dataclass(frozen=True)
class Entry:
    """One tag of a directory.

    Attributes:
        type_code: of its values, a key of ``SIZES``.
        count: how many values.
        slot: where its twelve bytes begin.
        start: where its values begin.
    """

    type_code: int
    count: int
    slot: int
    start: int

    @property
    def stop(self) -> int:
        """Where its values end."""
        return self.start + self.count * SIZES[self.type_code]

    @property
    def is_inside(self) -> bool:
        """Whether its values stand in the entry itself."""
        return self.start == self.slot + 8


class Directory:
    """A directory that is read.

    Args:
        data: the whole structure; places count from its beginning.
        start: where the directory begins.
        order: ``<`` or ``>``.

    Raises:
        TagError: it begins or ends outside the data.
    """

    def __init__(self, data: bytes | bytearray | memoryview, start: int, order: str):
        self.data, self.start, self.order = data, start, order
        if not 8 <= start <= len(data) - 2:
            raise TagError("a directory of tags begins outside the file")
        (count,) = struct.unpack_from(f"{order}H", data, start)
        self.stop = start + 2 + ENTRY_BYTES * count
        if self.stop > len(data):
            raise TagError("a directory of tags is cut off")
        self.entries: dict[int, Entry] = {}
        for slot in range(start + 2, self.stop, ENTRY_BYTES):
            tag, type_code, values = struct.unpack_from(f"{order}HHI", data, slot)
            if type_code not in SIZES:
                continue
            inside = values * SIZES[type_code] <= 4
            place = slot + 8 if inside else struct.unpack_from(f"{order}I", data, slot + 8)[0]
            entry = Entry(type_code, values, slot, place)
            if entry.stop <= len(data):
                self.entries.setdefault(tag, entry)

    @property
    def next_start(self) -> int:
        """Where the next directory of the chain begins; 0: there is none."""
        if self.stop + 4 > len(self.data):
            return 0
        return struct.unpack_from(f"{self.order}I", self.data, self.stop)[0]

    @property
    def slots(self) -> list[tuple[int, int]]:
        """Tag and beginning of every entry, whatever its type."""
        places = range(self.start + 2, self.stop, ENTRY_BYTES)
        return [(struct.unpack_from(f"{self.order}H", self.data, slot)[0], slot) for slot in places]

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def value(self, tag: int) -> bytes:
        """The bytes of a tag's values; none where the directory lacks the tag."""
        entry = self.entries.get(tag)
        return bytes(self.data[entry.start : entry.stop]) if entry else b""

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of a tag; none where it is absent or is of another type.

        Raises:
            TagError: more numbers than a photograph has rows and tiles.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.type_code not in _WHOLE:
            return ()
        if entry.count > _MOST_VALUES:
            raise TagError(f"a tag of {entry.count:,} numbers")
        return struct.unpack_from(f"{self.order}{entry.count}{_WHOLE[entry.type_code]}", self.data, entry.start)

    def number(self, tag: int, default: int = 0) -> int:
        """The first whole number of a tag."""
        return (*self.numbers(tag), default)[0]

    def inner(self, tag: int) -> Directory | None:
        """The directory that a tag points to; None where there is none that can be read."""
        try:
            return Directory(self.data, self.numbers(tag)[0], self.order)
        except (TagError, IndexError):
            return None

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Where its bytes stand: the directory itself, and values outside of it."""
        yield self.start, self.stop + 4
        for entry in self.entries.values():
            if not entry.is_inside:
                yield entry.start, entry.stop


def first_directory(data: bytes | bytearray | memoryview) -> Directory:
    """The first directory of a TIFF structure.

    Raises:
        TagError: it is not one, or is of the large variant (BigTIFF).
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise TagError("not a structure of TIFF")
    version, start = struct.unpack_from(f"{order}HI", data, 2)
    if version == 43:
        raise TagError("BigTIFF is not read; save it as an ordinary TIFF")
    # 42; Olympus and Panasonic have other numbers in theirs.
    return Directory(data, start, order)


@dataclass
class Tree:
    """Tags to be written.

    Attributes:
        values: type, count and bytes by tag.
        inner: directories that tags point to.
    """

    values: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    inner: dict[int, Tree] = field(default_factory=dict)


def tree_of(
    directory: Directory,
    inside: dict = INSIDE,
    most_bytes: int = 2**23,
    but: Callable[[int], bool] = lambda tag: False,
) -> Tree:
    """Everything of a directory and of those inside it that carry a photograph's facts.

    Args:
        directory: to take from.
        inside: tags that point to directories, and what hangs in these.
        most_bytes: of all values together.
        but: whether a tag of the directory itself is left out.

    Raises:
        TagError: more bytes.
    """
    tree = Tree()
    for tag, entry in directory.entries.items():
        if tag not in inside and but(tag):
            continue
        most_bytes -= entry.stop - entry.start
        if most_bytes < 0:
            raise TagError("its tags are too large")
        if tag not in inside:
            tree.values[tag] = (entry.type_code, entry.count, directory.value(tag))
        elif (directory_inside := directory.inner(tag)) is not None:
            tree.inner[tag] = tree_of(directory_inside, inside[tag], most_bytes)
    return tree


def packed(tree: Tree, order: str, start: int) -> bytes:
    """A directory, its values and those inside it as bytes that stand at ``start``, which is even."""
    tags = sorted(tree.values.keys() | tree.inner.keys())
    body, place = b"", start + 2 + ENTRY_BYTES * len(tags) + 4
    table = struct.pack(f"{order}H", len(tags))
    for tag in tags:
        if tag in tree.inner:
            content, entry = packed(tree.inner[tag], order, place + len(body)), (tag, LONG, 1)
        else:
            type_code, count, content = tree.values[tag]
            entry = (tag, type_code, count)
            if len(content) <= 4:
                table += struct.pack(f"{order}HHI", *entry) + content.ljust(4, b"\0")
                continue
        table += struct.pack(f"{order}HHII", *entry, place + len(body))
        body += content + bytes(len(content) % 2)
    return table + bytes(4) + body


def structure(tree: Tree, order: str) -> bytes:
    """A whole structure of TIFF with these tags: what an EXIF block holds."""
    return header(order, 8) + packed(tree, order, 8)


def header(order: str, start: int) -> bytes:
    """The first eight bytes, of a structure whose first directory begins at ``start``."""
    return (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)


def whole(order: str, type_code: int, numbers: Iterable[int]) -> tuple[int, int, bytes]:
    """Whole numbers as a tag's values: type, count, bytes."""
    numbers = tuple(numbers)
    return type_code, len(numbers), struct.pack(f"{order}{len(numbers)}{_WHOLE[type_code]}", *numbers)
