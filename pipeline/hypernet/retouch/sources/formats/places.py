"""Names of places in XMP and IPTC, by which a photograph says where it was taken without GPS."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

# Of IPTC's second record: codes and names of the place shown; city, part of it, state, country.
_IPTC_PLACES = {26, 27, 90, 92, 95, 100, 101}
_TAG_MARK, _ENVELOPE_BYTES, _EXTENDED = 0x1C, 5, 0x8000
# Of the name spaces photoshop, Iptc4xmpCore and Iptc4xmpExt, whose prefixes a file may choose; the last two hold more.
_PROPERTIES = (
    rb"(?:City|State|Country|CountryCode|CountryName|ProvinceState|Location|Sublocation|WorldRegion|LocationCreated"
    rb"|LocationShown)"
)
_ATTRIBUTE = re.compile(rb"""\s[\w.-]+:%s\s*=\s*("[^"]*"|'[^']*')""" % _PROPERTIES)
_ELEMENT = re.compile(rb"<([\w.-]+:%s)(?:\s[^<>]*?)?(/?)>" % _PROPERTIES)


def xmp_without_places(xmp: bytes) -> bytes:
    """XMP without names of places; empty where one of its elements does not end."""
    pieces, start = [], 0
    while match := _ELEMENT.search(xmp, start):
        pieces.append(xmp[start : match.start()])
        start = match.end()
        if not match[2]:
            end = b"</%s>" % match[1]
            stop = xmp.find(end, start)
            if stop < 0:
                return b""
            start = stop + len(end)
    return _ATTRIBUTE.sub(b"", b"".join([*pieces, xmp[start:]]))


def iptc_without_places(iptc: bytes) -> bytes:
    """IPTC's facts without names of places, up to the first that is broken."""
    kept = (fact for record, number, fact in _facts(iptc) if record != 2 or number not in _IPTC_PLACES)
    return b"".join(kept)


def _facts(iptc: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Record and number of each fact, and the whole of it."""
    start = 0
    while start + _ENVELOPE_BYTES <= len(iptc) and iptc[start] == _TAG_MARK:
        record, number, length = struct.unpack_from(">BBH", iptc, start + 1)
        stop = start + _ENVELOPE_BYTES + length
        # Facts of more than 32 kB, whose length is written otherwise, are none of a photograph.
        if length >= _EXTENDED or stop > len(iptc):
            return
        yield record, number, iptc[start:stop]
        start = stop
