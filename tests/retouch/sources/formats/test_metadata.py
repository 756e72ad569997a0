"""EXIF, XMP, IPTC and texts: what a retouched copy keeps, and the little that it changes."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, IptcImagePlugin, PngImagePlugin

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.formats.metadata import (
    EXIF_PREFIX,
    PHOTOSHOP_PREFIX,
    Metadata,
    iptc_block,
    iptc_of,
    photoshop_blocks,
    readable_exif,
    without_stale,
)
from hypernet.retouch.sources.image_files import read_photograph, write_photograph

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
EXIF_TAG, GPS_TAG, THUMBNAIL = 0x8769, 0x8825, b"\xff\xd8old picture\xff\xd9"
MAKER_NOTE = b"MAKER\0" + bytes(range(200))
GPS_FACTS = {1: "N", 2: (31.0, 46.0, 11.5), 3: "E", 4: (35.0, 12.0, 33.5), 29: "1999:12:31"}


def exif_of(orientation=1, order="<", located=True):
    """An EXIF block as a camera writes it, with a thumbnail behind it."""
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F], exif[0x0110], exif[0x0112], exif[0x8298] = "Maker", "Model", orientation, "me"
    exif[0x011A] = exif[0x011B] = 300.0
    exif[0x0128] = 2
    facts = exif.get_ifd(EXIF_TAG)
    facts.update({0x829A: 0.008, 0x927C: MAKER_NOTE, 0xA002: 40, 0xA003: 24, 0x9003: "2001:02:03 04:05:06"})
    facts[0xA001] = 1
    if located:
        exif.get_ifd(GPS_TAG).update(GPS_FACTS)
    block = bytearray(exif.tobytes().removeprefix(EXIF_PREFIX))
    block += bytes(len(block) % 2)
    sign = "<" if block[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{sign}I", block, 4)
    (count,) = struct.unpack_from(f"{sign}H", block, start)
    struct.pack_into(f"{sign}I", block, start + 2 + 12 * count, len(block))
    block += struct.pack(f"{sign}H", 2)
    block += struct.pack(f"{sign}HHII", 0x0201, 4, 1, len(block) + 28)
    block += struct.pack(f"{sign}HHII", 0x0202, 4, 1, len(THUMBNAIL)) + bytes(4)
    return bytes(block + THUMBNAIL)


def facts_of(exif):
    """By Pillow: the tags of the picture, of EXIF and of GPS."""
    opened = Image.Exif()
    opened.load(exif if exif.startswith(EXIF_PREFIX) else EXIF_PREFIX + exif)
    return dict(opened), dict(opened.get_ifd(EXIF_TAG)), dict(opened.get_ifd(GPS_TAG))


def saved(path, exif, **options):
    if isinstance(exif, bytes) and exif and not exif.startswith(EXIF_PREFIX):
        exif = EXIF_PREFIX + exif
    Image.fromarray(PIXELS).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_come_upright_and_stay_so(tmp_path, orientation, ending):
    options = {"lossless": True} if ending == ".webp" else {}
    path = saved(tmp_path / f"in{ending}", exif_of(orientation), **options)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    photograph = read_photograph(path)
    assert np.array_equal(photograph.pixels, expected)
    write_photograph(tmp_path / f"out{ending}", photograph)
    with Image.open(tmp_path / f"out{ending}") as image:
        assert image.getexif()[0x0112] == 1
        assert image.size == expected.shape[1::-1]
        facts = image.getexif().get_ifd(EXIF_TAG)
        assert (facts[0xA002], facts[0xA003]) == image.size
        if ending != ".jpg":
            assert np.array_equal(np.asarray(image.convert("RGB")), expected)
    again = read_photograph(tmp_path / f"out{ending}")
    assert again.metadata.orientation == 1
    assert again.pixels.shape == expected.shape


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_exif_is_kept_but_for_the_thumbnail(tmp_path, order, ending):
    source = exif_of(6, order)
    path = saved(tmp_path / "in.jpg", source)
    assert THUMBNAIL in path.read_bytes()
    write_photograph(tmp_path / f"out{ending}", read_photograph(path))
    content = (tmp_path / f"out{ending}").read_bytes()
    assert THUMBNAIL[2:-2] not in content
    with Image.open(tmp_path / f"out{ending}") as image:
        exif = image.getexif()
        main, facts, place = dict(exif), dict(exif.get_ifd(EXIF_TAG)), dict(exif.get_ifd(GPS_TAG))
    expected = facts_of(source)
    expected[0][0x0112], expected[1][0xA002], expected[1][0xA003] = 1, 24, 40
    assert facts == expected[1]
    assert facts[0x927C] == MAKER_NOTE
    assert place == expected[2]
    assert {tag: main[tag] for tag in expected[0] if tag not in (EXIF_TAG, GPS_TAG)} == {
        tag: value for tag, value in expected[0].items() if tag not in (EXIF_TAG, GPS_TAG)
    }
    if ending != ".tif":
        # Nothing moves, since makers' notes point into the block by place.
        assert source.index(MAKER_NOTE) == read_photograph(tmp_path / f"out{ending}").metadata.exif.index(MAKER_NOTE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_the_place_is_removed_and_nothing_else(tmp_path, order, ending):
    photograph = read_photograph(saved(tmp_path / "in.jpg", exif_of(1, order)))
    write_photograph(tmp_path / f"kept{ending}", photograph)
    write_photograph(tmp_path / f"out{ending}", photograph, strip_location=True)
    sets = []
    for name in ("kept", "out"):
        with Image.open(tmp_path / f"{name}{ending}") as image:
            exif = image.getexif()
            sets.append((dict(exif), dict(exif.get_ifd(EXIF_TAG)), dict(exif.get_ifd(GPS_TAG))))
    (main, facts, place), (main_after, facts_after, place_after) = sets
    assert place == GPS_FACTS
    assert place_after == {}
    assert facts_after == facts
    assert facts_after[0x927C] == MAKER_NOTE
    varying = {GPS_TAG, EXIF_TAG, 273, 279}
    assert {tag: main[tag] for tag in main.keys() - varying} == {
        tag: main_after[tag] for tag in main_after.keys() - varying
    }
    assert GPS_TAG not in main_after
    # Not by its bytes either: seconds as a rational, and the date.
    assert b"1999:12:31" in (tmp_path / f"kept{ending}").read_bytes()
    assert b"1999:12:31" not in (tmp_path / f"out{ending}").read_bytes()


XMP = b"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF>
<rdf:Description tiff:Orientation="6" exif:GPSLatitude="31,46.19N" drone-dji:GpsLongitude='+35.2' xmp:Rating="4"
 dc:title="GPS handbook"><exif:GPSLongitude>35,12.5E</exif:GPSLongitude><exif:GPSAltitude />
<xmp:Thumbnails><rdf:li>/9j/old</rdf:li></xmp:Thumbnails><photoshop:City>Somewhere</photoshop:City>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_xmp_is_kept_and_loses_its_place(tmp_path, ending):
    photograph = read_photograph(saved(tmp_path / "in.jpg", b"", xmp=XMP))
    assert photograph.pixels.shape == (40, 24, 3)  # turned by XMP alone
    write_photograph(tmp_path / f"out{ending}", photograph)
    kept = read_photograph(tmp_path / f"out{ending}").metadata.xmp
    start, stop = XMP.index(b"<xmp:Thumb"), XMP.index(b"</xmp:Thumbnails>") + len(b"</xmp:Thumbnails>")
    assert kept == (XMP[:start] + XMP[stop:]).replace(b'Orientation="6"', b'Orientation="1"')
    write_photograph(tmp_path / f"out{ending}", photograph, strip_location=True)
    bare = read_photograph(tmp_path / f"out{ending}").metadata.xmp
    wanted = re.sub(rb" exif:GPSLatitude=\S+| drone-dji:GpsLongitude=\S+", b"", kept)
    wanted = wanted.replace(b"<exif:GPSLongitude>35,12.5E</exif:GPSLongitude>", b"").replace(
        b"<exif:GPSAltitude />", b""
    )
    assert bare == wanted.replace(b"<photoshop:City>Somewhere</photoshop:City>", b"")
    assert b"GPS handbook" in bare


@pytest.mark.parametrize(
    "xmp", [XMP.decode().encode("utf-16"), b"<a:GPSLatitude><b>31</b></a:GPSLatitude>", b"<a:GPSLatitude>31<unclosed"]
)
def test_xmp_that_may_still_hold_a_place_is_left_out(xmp):
    assert Metadata(xmp=xmp).without_location().xmp == b""


def test_names_of_places_go_with_the_place(tmp_path):
    iptc = {(2, 90): b"Vienna", (2, 92): b"Prater", (2, 95): b"W", (2, 101): b"Austria", (2, 120): b"a wheel"}
    facts = b"".join(bytes([0x1C, *key]) + struct.pack(">H", len(text)) + text for key, text in iptc.items())
    blocks = PHOTOSHOP_PREFIX + block(1028, facts) + block(1061, bytes(16)) + block(1050, b"odd")
    xmp = (
        b'<x:xmpmeta xmlns:x=\'adobe:ns:meta/\'><rdf:RDF><rdf:Description photoshop:City="Vienna" xmp:Rating="4"'
        b" Iptc4xmpCore:Location='Prater'><photoshop:Country>Austria</photoshop:Country><photoshop:State/><dc:title>"
        b"City</dc:title><Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li Iptc4xmpExt:City='Vienna'/></rdf:Bag>"
        b"</Iptc4xmpExt:LocationShown></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    extra = b"\xff\xed" + struct.pack(">H", len(blocks) + 2) + blocks
    photograph = read_photograph(saved(tmp_path / "in.jpg", b"", extra=extra, xmp=xmp))
    for name in ("out.jpg", "out.tif"):
        write_photograph(tmp_path / f"kept {name}", photograph)
        assert b"Vienna" in (tmp_path / f"kept {name}").read_bytes()
        write_photograph(tmp_path / name, photograph, strip_location=True)
        content = (tmp_path / name).read_bytes()
        assert not any(place in content for place in (b"Vienna", b"Prater", b"Austria"))
        with Image.open(tmp_path / name) as image:
            assert IptcImagePlugin.getiptcinfo(image) == {(2, 120): b"a wheel"}
        bare = read_photograph(tmp_path / name).metadata
        assert bare.photoshop.endswith(block(1050, b"odd"))
        assert bare.xmp == (
            b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description xmp:Rating=\"4\"><dc:title>City</dc:title>"
            b"</rdf:Description></rdf:RDF></x:xmpmeta>"
        )


@pytest.mark.parametrize(
    "broken", [b"\x1c\x02\x5a\x00\x40Vien", b"\x1c\x02\x5a\x80\x04\x00\x00\x00\x06Vienna", b"Vienna"]
)
def test_iptc_is_kept_up_to_where_it_is_broken(broken):
    good = b"\x1c\x02\x78\x00\x07caption"
    bare = Metadata(photoshop=iptc_block(good + broken)).without_location()
    assert iptc_of(bare.photoshop) == good


def test_an_element_of_a_place_that_does_not_end_takes_the_rest_with_it():
    assert Metadata(xmp=b"<a/><photoshop:City>Vienna").without_location().xmp == b""


def test_texts_of_png_are_kept(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "a title")
    texts.add_itxt("Author", "an author é", zip=True)
    texts.add_text("exif:GPSLatitude", "31/1, 46/1")
    Image.fromarray(PIXELS).save(tmp_path / "in.png", pnginfo=texts, dpi=(300, 200))
    photograph = read_photograph(tmp_path / "in.png")
    assert write_photograph(tmp_path / "out.png", photograph) == ()
    assert write_photograph(tmp_path / "bare.png", photograph, strip_location=True) == ()
    with Image.open(tmp_path / "in.png") as first, Image.open(tmp_path / "out.png") as second:
        assert second.text == first.text
        np.testing.assert_allclose(second.info["dpi"], (300, 200), atol=0.01)
    with Image.open(tmp_path / "bare.png") as bare:
        assert bare.text == {"Title": "a title", "Author": "an author é"}
    notes = write_photograph(tmp_path / "out.jpg", photograph)
    assert notes == ("texts of the PNG are left out: jpg has no place for them",)


def test_what_old_programs_hide_in_texts_of_png_is_understood(tmp_path):
    block, texts = exif_of(8), PngImagePlugin.PngInfo()
    for name, content in (("exif", EXIF_PREFIX + block), ("xmp", XMP)):
        lines = "\n".join(re.findall(".{1,72}", content.hex()))
        texts.add_text(f"Raw profile type {name}", f"\n{name}\n{len(content):8}\n{lines}\n", zip=True)
    Image.fromarray(PIXELS).save(tmp_path / "in.png", pnginfo=texts)
    photograph = read_photograph(tmp_path / "in.png")
    assert photograph.pixels.shape == (40, 24, 3)
    assert facts_of(photograph.metadata.exif)[0][0x0110] == "Model"
    assert b"xmp:Rating" in photograph.metadata.xmp
    write_photograph(tmp_path / "out.png", photograph, strip_location=True)
    assert b"Raw profile" not in (tmp_path / "out.png").read_bytes()
    assert facts_of(read_photograph(tmp_path / "out.png").metadata.exif)[2] == {}


def block(number, content):
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)


def test_iptc_is_kept_and_old_thumbnails_of_photoshop_are_not(tmp_path):
    iptc = b"\x1c\x02\x78\x00\x07caption"
    blocks = block(1036, b"old thumbnail") + block(1028, iptc) + block(1050, b"odd")
    segment = PHOTOSHOP_PREFIX + blocks
    extra = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    path = saved(tmp_path / "in.jpg", b"", extra=extra, comment=b"a comment", dpi=(240, 240), subsampling=1)
    photograph = read_photograph(path)
    assert photograph.metadata.photoshop == block(1028, iptc) + block(1050, b"odd")
    write_photograph(tmp_path / "out.jpg", photograph)
    write_photograph(tmp_path / "out.tif", photograph)
    assert write_photograph(tmp_path / "out.png", photograph) == (
        "its IPTC data are left out: PNG has no place for them",
        "its comment is left out: png has no place for it",
    )
    for name in ("out.jpg", "out.tif"):
        with Image.open(tmp_path / name) as image:
            assert IptcImagePlugin.getiptcinfo(image)[2, 120] == b"caption"
            assert tuple(map(round, image.info["dpi"])) == (240, 240)
        assert iptc_of(read_photograph(tmp_path / name).metadata.photoshop) == iptc
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.info["comment"] == b"a comment"
    assert read_photograph(tmp_path / "out.jpg").metadata.subsampling == 1


def test_extended_xmp_is_noted(tmp_path):
    segment = b"http://ns.adobe.com/xmp/extension/\0" + bytes(60)
    extra = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    photograph = read_photograph(saved(tmp_path / "in.jpg", b"", extra=extra))
    assert photograph.notes == ("the second part of its XMP data (depth, older versions) is left out",)


def test_photoshop_blocks_end_where_they_are_broken():
    whole = block(1050, b"even") + iptc_block(b"odd")
    assert [number for number, *_ in photoshop_blocks(whole)] == [1050, 1028]
    assert without_stale(whole) == whole
    for cut in range(1, len(whole)):
        assert [number for number, *_ in photoshop_blocks(whole[:cut])] in ([], [1050], [1050, 1028])


def test_exif_too_long_for_jpeg_loses_the_makers_note(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(EXIF_TAG).update({0x927C: bytes(70_000), 0x9003: "2001:02:03 04:05:06"})
    photograph = read_photograph(saved(tmp_path / "in.png", exif.tobytes()))
    (note,) = write_photograph(tmp_path / "out.jpg", photograph)
    assert "makers' note" in note
    main, facts, _ = facts_of(read_photograph(tmp_path / "out.jpg").metadata.exif)
    assert main[0x010F] == "Maker"
    assert facts == {0x9003: "2001:02:03 04:05:06"}
    exif[0x010F] = "x" * 70_000
    photograph = read_photograph(saved(tmp_path / "in.png", exif.tobytes()))
    with pytest.raises(UserError, match="too long for JPEG"):
        write_photograph(tmp_path / "no.jpg", photograph)
    assert not (tmp_path / "no.jpg").exists()


@pytest.mark.parametrize(("colour_space", "mark"), [(65535, None), (1, "R03")])
def test_other_colours_without_a_profile_are_noted(tmp_path, colour_space, mark):
    exif = Image.Exif()
    exif.get_ifd(EXIF_TAG)[0xA001] = colour_space
    if mark:
        exif.get_ifd(EXIF_TAG)[0xA005] = {1: mark}
    photograph = read_photograph(saved(tmp_path / "in.jpg", exif))
    assert any("no profile is embedded: taken as sRGB" in note for note in photograph.notes)
    assert photograph.pixels.dtype == np.uint8
    plain = read_photograph(saved(tmp_path / "plain.jpg", exif_of()))
    assert plain.notes == ()


def test_exif_that_cannot_be_read_is_left_out():
    for broken in (b"nonsense", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"):
        assert readable_exif(EXIF_PREFIX + broken) == (b"", ["its EXIF data cannot be read: left out"])
    assert readable_exif(b"") == (b"", [])


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@settings(max_examples=150, deadline=500)
@given(
    order=st.sampled_from("<>"),
    places=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 400),
)
def test_damaged_exif_never_fails_and_never_keeps_a_place(order, places, cut):
    block = bytearray(exif_of(6, order))
    for place, value in places:
        block[place % len(block)] = value
    exif, _ = readable_exif(bytes(block[: len(block) - (cut if cut < 300 else 0)]))
    metadata = Metadata(exif=exif).upright(10, 20)
    assert 1 <= metadata.orientation <= 8
    bare = metadata.without_location()
    assert len(bare.exif) <= len(exif) + 4
    if bare.exif:
        opened = Image.Exif()
        try:
            opened.load(bare.exif)
            kept = GPS_TAG in opened
        except Exception:  # what Pillow cannot read, it cannot show
            kept = False
        assert not kept
    metadata.without_maker_note()


def test_a_small_block_that_names_its_bytes_many_times_takes_no_time():
    entries = b"".join(struct.pack("<HHII", 0x9000 + n % 4096, 1, 2**16, 8) for n in range(20_000))
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 20_000) + entries + bytes(4)
    metadata = Metadata(exif=block).upright(10, 10).without_location()
    assert len(metadata.exif) == len(block)
    with pytest.raises(ValueError, match="too large"):
        Metadata(exif=block).without_maker_note()
