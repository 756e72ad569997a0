"""What files say of a photograph beside its pixels, and the few things in it that a retouched copy has to change.

EXIF is edited where it stands: makers' notes point into it by place, so nothing in it moves (a library that writes EXIF
anew would lose them; the binding of exiv2, which would not, is under the GPL).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from hypernet.retouch.sources.formats.places import iptc_without_places, xmp_without_places
from hypernet.retouch.sources.formats.tiff_tags import (
    ENTRY_BYTES,
    EXIF,
    GPS,
    INTEROPERABILITY,
    LONG,
    SHORT,
    Directory,
    TagError,
    first_directory,
    structure,
    tree_of,
)

LARGEST_EXIF = 2**23
EXIF_PREFIX, PHOTOSHOP_PREFIX = b"Exif\0\0", b"Photoshop 3.0\0"
IPTC, _IPTC_DIGEST = 0x0404, 1061
_ORIENTATION, _COLOUR_SPACE, _MAKER_NOTE = 0x0112, 0xA001, 0x927C
# Width and height, in the directory of the picture and in that of EXIF.
_SIDES = (((0x0100, 0x0101), None), ((0xA002, 0xA003), EXIF))
_THUMBNAIL, _THUMBNAIL_BYTES = 0x0201, 0x0202
# Of the picture's directory: the place, and XMP, which may say it too and stands elsewhere in most files.
_PLACES = (GPS, 0x02BC)
_UNCALIBRATED, _DPI = 65535, (1e-2, 6e4)
# Of Photoshop's blocks, thumbnails and copies of EXIF, XMP and ICC, which would stay as they were.
_STALE_BLOCKS = (1033, 1036, 1039, 1058, 1059, 1060)
# Properties of any name space that begin with GPS (DJI's are GpsLatitude), as attributes and as elements.
_XMP_GPS = (
    rb"""\s[\w.-]+:gps\w*\s*=\s*("[^"]*"|'[^']*')""",
    rb"""<[\w.-]+:gps\w*(\s[^<>]*)?/>""",
    rb"""<([\w.-]+:gps\w*)(\s[^<>]*)?>[^<]*</\1\s*>""",
)
_XMP_STILL_GPS = re.compile(rb":gps(lat|lon|alt|dest|time|date|map|img)", re.IGNORECASE)
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)(\d)""")
_XMP_THUMBNAILS = b"<xmp:Thumbnails>", b"</xmp:Thumbnails>"
_PNG_GPS = re.compile(rb"^([\w.-]+[:.])?gps", re.IGNORECASE)


@dataclass(frozen=True)
class Metadata:
    """What a file says of a photograph beside its pixels and its colours.

    Attributes:
        exif: a structure of TIFF as EXIF has it, without a prefix; empty: none.
        xmp: Adobe's XML; empty: none.
        photoshop: Photoshop's blocks, IPTC among them; empty: none.
        dpi: pixels per inch, across and down; None: not stated.
        comment: of JPEG.
        chunks: type and content of PNG's texts and of what it says of its colours, as they stand in the file.
        subsampling: of JPEG's colour, 0 (4:4:4), 1 (4:2:2) or 2 (4:2:0); None: of another file, or another.
        is_lossless: of WebP.
        is_compressed: of TIFF.
    """

    exif: bytes = b""
    xmp: bytes = b""
    photoshop: bytes = b""
    dpi: tuple[float, float] | None = None
    comment: bytes = b""
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    subsampling: int | None = None
    is_lossless: bool = False
    is_compressed: bool = True

    @property
    def orientation(self) -> int:
        """How the pixels have to be turned, 1 to 8, by EXIF, or by XMP where EXIF does not say it."""
        directory = _directory(self.exif)
        turned = directory.number(_ORIENTATION) if directory else 0
        if not turned and (match := _XMP_ORIENTATION.search(self.xmp)):
            turned = int(match[2])
        return turned if 1 <= turned <= 8 else 1

    @property
    def claims_other_colours(self) -> bool:
        """Whether EXIF says that the colours are not sRGB: Adobe RGB as cameras mark it, or uncalibrated."""
        directory = _directory(self.exif)
        facts = directory.inner(EXIF) if directory else None
        if facts is None:
            return False
        interoperability = facts.inner(INTEROPERABILITY)
        marked = interoperability is not None and interoperability.value(1).startswith(b"R03")
        return marked or facts.number(_COLOUR_SPACE) == _UNCALIBRATED

    def upright(self, width: int, height: int) -> Metadata:
        """Of pixels that are turned upright and of this size; without the thumbnail, which shows the old picture."""
        dpi = self.dpi[::-1] if self.dpi and self.orientation >= 5 else self.dpi
        # Of a damaged file.
        if dpi and not all(_DPI[0] <= number <= _DPI[1] for number in dpi):
            dpi = None
        return replace(
            self,
            exif=_edited(self.exif, lambda exif: _set_upright(exif, width, height)),
            xmp=_without_thumbnails(_XMP_ORIENTATION.sub(rb"\g<1>1", self.xmp)),
            photoshop=without_stale(self.photoshop),
            dpi=dpi,
        )

    def without_location(self) -> Metadata:
        """Without GPS in EXIF, XMP and PNG's texts, and names of places in XMP and IPTC; a makers' note stays."""
        xmp = xmp_without_places(self.xmp)
        for pattern in _XMP_GPS:
            xmp = re.sub(pattern, b"", xmp, flags=re.IGNORECASE)
        # Rather no XMP than a place in a way of writing that is not known (another encoding, elements inside).
        if b"\0" in xmp or _XMP_STILL_GPS.search(xmp):
            xmp = b""
        chunks = tuple((name, content) for name, content in self.chunks if not _PNG_GPS.match(content))
        photoshop = _without_places(self.photoshop)
        return replace(self, exif=_edited(self.exif, _remove_location), xmp=xmp, chunks=chunks, photoshop=photoshop)

    def without_maker_note(self) -> Metadata:
        """Without the makers' note, the longest part of EXIF, where a format holds no more."""
        directory = _directory(self.exif)
        if directory is None:
            return replace(self, exif=b"")
        tree = tree_of(directory)
        if EXIF in tree.inner:
            tree.inner[EXIF].values.pop(_MAKER_NOTE, None)
        return replace(self, exif=structure(tree, directory.order))


def readable_exif(block: bytes) -> tuple[bytes, list[str]]:
    """An EXIF block of a file as ``Metadata`` holds it, and a note where it cannot be read and is left out."""
    while block.startswith(EXIF_PREFIX):
        block = block.removeprefix(EXIF_PREFIX)
    if block and (len(block) > LARGEST_EXIF or _directory(block) is None):
        return b"", ["its EXIF data cannot be read: left out"]
    return block, []


def photoshop_blocks(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Photoshop's blocks: number, the whole block, and what it holds; up to the first that is broken."""
    place = 0
    while place + 12 <= len(content) and content[place : place + 4] == b"8BIM":
        (number,) = struct.unpack_from(">H", content, place + 4)
        # A Pascal string, padded to an even length.
        name_stop = place + 6 + (content[place + 6] + 2 & ~1)
        if name_stop + 4 > len(content):
            return
        (length,) = struct.unpack_from(">I", content, name_stop)
        stop = name_stop + 4 + length
        if stop > len(content):
            return
        yield number, content[place : stop + length % 2], content[name_stop + 4 : stop]
        place = stop + length % 2


def without_stale(content: bytes) -> bytes:
    """Photoshop's blocks without thumbnails and without copies of what files hold elsewhere."""
    return b"".join(block for number, block, _ in photoshop_blocks(content) if number not in _STALE_BLOCKS)


def _without_places(content: bytes) -> bytes:
    """Photoshop's blocks with IPTC's facts but for names of places."""
    kept = b""
    for number, block, held in photoshop_blocks(content):
        if number == IPTC:
            block = iptc_block(iptc_without_places(held))
        # A sum of IPTC's bytes, which are others now.
        if number != _IPTC_DIGEST:
            kept += block
    return kept


def iptc_of(content: bytes) -> bytes:
    """IPTC's facts among Photoshop's blocks; empty: none."""
    return b"".join(held for number, _, held in photoshop_blocks(content) if number == IPTC)


def iptc_block(content: bytes) -> bytes:
    """IPTC's facts as a block of Photoshop's, for files that hold them without it."""
    return b"8BIM" + struct.pack(">HHI", IPTC, 0, len(content)) + content + bytes(len(content) % 2)


def _directory(exif: bytes | bytearray) -> Directory | None:
    try:
        return first_directory(exif) if exif else None
    except TagError:
        return None


def _edited(exif: bytes, change: Callable[[bytearray], None]) -> bytes:
    """A copy that is changed in place; none where it cannot be read, since then nobody knows what stays in it."""
    if _directory(exif) is None:
        return b""
    edited = bytearray(exif)
    change(edited)
    return bytes(edited)


def _set_upright(exif: bytearray, width: int, height: int) -> None:
    directory = first_directory(exif)
    _set_number(directory, _ORIENTATION, 1)
    for tags, place in _SIDES:
        holder = directory if place is None else directory.inner(place)
        for tag, side in zip(tags, (width, height), strict=True):
            if holder is not None:
                _set_number(holder, tag, side)
    _remove_thumbnail(exif, directory)


def _set_number(directory: Directory, tag: int, number: int) -> None:
    entry = directory.entries.get(tag)
    if entry is not None and entry.count == 1 and entry.type_code in (SHORT, LONG):
        letter, most = ("H", 2**16) if entry.type_code == SHORT else ("I", 2**32)
        if number < most:
            struct.pack_into(f"{directory.order}{letter}", directory.data, entry.start, number)


def _remove_thumbnail(exif: bytearray, directory: Directory) -> None:
    start = directory.next_start
    if not start:
        return
    struct.pack_into(f"{directory.order}I", exif, directory.stop, 0)
    try:
        second = Directory(exif, start, directory.order)
    except TagError:
        return
    picture = second.number(_THUMBNAIL)
    ranges = [*second.ranges(), (picture, picture + second.number(_THUMBNAIL_BYTES))]
    _blank(exif, directory, ranges)
    # Most often it is the end of the block.
    used = max(stop for _, stop in _used(directory))
    if used < len(exif) and not any(exif[used:]):
        del exif[used:]


def _remove_location(exif: bytearray) -> None:
    directory = first_directory(exif)
    place = directory.inner(GPS)
    ranges = list(place.ranges()) if place else []
    ranges += [(entry.start, entry.stop) for tag in _PLACES if (entry := directory.entries.get(tag)) is not None]
    # What the tags that stay point to stays where it is. A directory may name a tag twice, or with an unknown type.
    slots = [slot for tag, slot in directory.slots if tag not in _PLACES]
    kept = b"".join(exif[slot : slot + ENTRY_BYTES] for slot in slots) + exif[directory.stop : directory.stop + 4]
    start = directory.start + 2
    exif[start : directory.stop + 4] = kept.ljust(directory.stop + 4 - start, b"\0")
    struct.pack_into(f"{directory.order}H", exif, directory.start, len(slots))
    _blank(exif, first_directory(exif), ranges)


def _without_thumbnails(xmp: bytes) -> bytes:
    (begin, end), pieces, place = _XMP_THUMBNAILS, [], 0
    while (start := xmp.find(begin, place)) >= 0 and (stop := xmp.find(end, start)) >= 0:
        pieces.append(xmp[place:start])
        place = stop + len(end)
    return b"".join([*pieces, xmp[place:]])


def _used(directory: Directory) -> Iterator[tuple[int, int]]:
    """Where the bytes of a picture's facts stand: its directory's and those of the directories inside."""
    yield 0, 8
    yield from directory.ranges()
    facts = directory.inner(EXIF)
    for inner in (facts, directory.inner(GPS), facts.inner(INTEROPERABILITY) if facts else None):
        if inner is not None:
            yield from inner.ranges()


def _blank(exif: bytearray, directory: Directory, ranges: Iterable[tuple[int, int]]) -> None:
    """Zeros where something was, but not where other facts stand too."""
    kept = [(start, bytes(exif[start:stop])) for start, stop in _merged(_used(directory))]
    for start, stop in _merged(ranges):
        stop = min(stop, len(exif))
        if start < stop:
            exif[start:stop] = bytes(stop - start)
    for start, content in kept:
        exif[start : start + len(content)] = content


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that do not overlap: a block may name the same bytes many thousand times."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
