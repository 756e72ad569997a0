"""Colours of films in and out, against the equations of ITU-R."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.film_files import FilmReader
from tests.retouch.clips import BT709, contents, copied, moving, program, refused, samples, write_clip, ycbcr

av = pytest.importorskip("av")

COLOURS = [(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (0.8, 0.3, 0.2), (0.1, 0.6, 0.3), (0.2, 0.3, 0.9)]
LOSSLESS = {"crf": "0"}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_colours_are_those_of_the_matrix_and_range_that_are_named(tmp_path, matrix, full):
    clip = write_clip(
        tmp_path / "a.mkv",
        planes=[ycbcr(colour, matrix, full) for colour in COLOURS],
        pixel_format="yuv444p",
        tags=(matrix, 2 if full else 1, 1, 1),
        options=LOSSLESS,
    )
    film = FilmReader(clip)
    for frame, colour in zip(film, COLOURS, strict=True):
        pixels = film.pixels(frame)
        assert pixels.dtype == np.uint8
        # A step of Cb or Cr is up to two of blue or red.
        np.testing.assert_allclose(pixels.reshape(-1, 3) / 255, np.tile(colour, (48 * 64, 1)), atol=1.6 / 255)
        np.testing.assert_allclose(frame.thumbnail(4, 6), pixels[:4, :6] / 255, atol=0.3 / 255)


def test_ten_bits_are_sixteen_inside(tmp_path):
    clip = write_clip(
        tmp_path / "a.mkv",
        planes=[ycbcr(colour, 1, False, bits=10) for colour in COLOURS],
        pixel_format="yuv444p10le",
        tags=BT709,
        options=LOSSLESS,
    )
    film = FilmReader(clip)
    assert film.colours.bits == 10
    for frame, colour in zip(film, COLOURS, strict=True):
        pixels = film.pixels(frame)
        assert pixels.dtype == np.uint16
        np.testing.assert_allclose(pixels.reshape(-1, 3) / 65535, np.tile(colour, (48 * 64, 1)), atol=1.6 / 1023)
        np.testing.assert_allclose(frame.thumbnail(4, 6), pixels[:4, :6] / 65535, atol=0.2 / 255)


@pytest.mark.parametrize(("size", "matrix", "title"), [((48, 64), 6, "BT.601"), ((48, 1280), 1, "BT.709")])
def test_a_film_without_a_matrix_is_taken_as_players_take_it(tmp_path, size, matrix, title):
    samples_of_red = ycbcr((0.8, 0.2, 0.2), matrix, full=False)
    clip = write_clip(tmp_path / "a.mp4", planes=[samples_of_red] * 2, size=size, options=LOSSLESS)
    film, copy = copied(clip, tmp_path / "b.mp4", crf=0)
    np.testing.assert_allclose(film.pixels(next(iter(film)))[5, 5] / 255, (0.8, 0.2, 0.2), atol=1.6 / 255)
    assert [note for note in film.notes if title in note]
    assert contents(tmp_path / "b.mp4").stream["tags"] == (2, 0, 2, 2)
    assert copy.codec == "H.264 (yuv420p), crf 0"


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p"])
def test_a_film_written_as_it_is_is_what_it_was(tmp_path, pixel_format):
    full = pixel_format.startswith("yuvj")
    tags = (1, 2 if full else 1, 1, 1)
    clip = write_clip(tmp_path / "a.mp4", moving(3), pixel_format=pixel_format, tags=tags, options=LOSSLESS)
    copied(clip, tmp_path / "b.mp4", crf=0)
    before, after = contents(clip), contents(tmp_path / "b.mp4")
    assert after.stream == before.stream
    for first, second in zip(before.frames, after.frames, strict=True):
        for planes in zip(samples(first), samples(second), strict=True):
            difference = planes[1] - planes[0]
            assert np.abs(difference).max() <= 2
            # No scale or shift hides in the rounding.
            assert abs(difference.mean()) < 0.1


def test_ten_bits_stay_ten_bits(tmp_path):
    clip = write_clip(tmp_path / "a.mov", moving(3), pixel_format="yuv420p10le", tags=BT709, options=LOSSLESS)
    _, copy = copied(clip, tmp_path / "b.mp4", crf=0)
    before, after = contents(clip), contents(tmp_path / "b.mp4")
    assert copy.codec.startswith("HEVC (yuv420p10le)")
    assert after.stream == {**before.stream, "codec": "hevc"}
    for first, second in zip(before.frames, after.frames, strict=True):
        for planes in zip(samples(first), samples(second), strict=True):
            assert np.abs(planes[1] - planes[0]).max() <= 4
            assert abs((planes[1] - planes[0]).mean()) < 0.3
    with pytest.raises(UserError, match=re.escape("10 bits are not written to .webm; accepted: .mp4, .mov, .mkv")):
        copied(clip, tmp_path / "c.webm")


@pytest.mark.parametrize(("transfer", "light"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_with_the_way_out(tmp_path, transfer, light):
    clip = write_clip(
        tmp_path / "a.mp4", moving(2), pixel_format="yuv420p10le", tags=(9, 1, 9, transfer), options=LOSSLESS
    )
    message = refused(clip)
    assert f"HDR ({light}) is not retouched as if it were sRGB" in message
    command = re.search(r'ffmpeg -i IN (-vf) "([^"]+)" (-c:a) (copy) OUT', message)
    assert command
    # The command that it names makes a film that is accepted.
    filters = [command[1], command[2], command[3], command[4]]
    made = subprocess.run(
        [program("ffmpeg"), "-v", "error", "-i", str(clip), *filters, str(tmp_path / "sdr.mp4")],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No such filter" in made.stderr:
        pytest.skip("this ffmpeg has no zscale")
    film = FilmReader(tmp_path / "sdr.mp4")
    assert (film.colours.matrix, film.colours.tags[3], film.colours.bits) == (1, 1, 8)


def test_linear_light_and_unknown_matrices_are_refused(tmp_path):
    assert "its levels are linear" in refused(write_clip(tmp_path / "a.mkv", moving(2), tags=(1, 1, 1, 8)))
    assert "the matrix 8 of its colours (ITU-T H.273) is not known" in refused(
        write_clip(tmp_path / "b.mkv", moving(2), tags=(8, 1, 1, 1))
    )


def test_other_primaries_are_noted_and_kept(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(2), tags=(1, 1, 12, 1))
    film, _ = copied(clip, tmp_path / "b.mp4")
    assert film.notes == ["its primaries are Display P3: retouched as if sRGB's, and kept"]
    assert contents(tmp_path / "b.mp4").stream["tags"] == (1, 1, 12, 1)


def test_films_of_rgb_and_grey_become_ycbcr_and_say_so(tmp_path):
    frames = moving(2)
    for name, codec, pixel_format, written in [
        ("a.mkv", "ffv1", "bgr0", "yuv444p"),
        ("b.mkv", "ffv1", "gray", "yuv420p"),
    ]:
        clip = write_clip(tmp_path / name, frames, codec=codec, pixel_format=pixel_format)
        film, _ = copied(clip, tmp_path / "out.mp4", crf=0)
        assert [note for note in film.notes if f"its pixels are {pixel_format}" in note]
        stream = contents(tmp_path / "out.mp4").stream
        assert (stream["pixel_format"], stream["tags"][:2]) == (written, (1, 1))
        before, after = (reader.pixels(next(iter(reader))) for reader in (film, FilmReader(tmp_path / "out.mp4")))
        assert np.abs(before.astype(int) - after).max() <= 2


@pytest.mark.parametrize("size", [(72, 128), (241, 321), (64, 64), (40, 60), (9, 16)])
def test_thumbnails_are_means_over_areas(tmp_path, size):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    film = FilmReader(write_clip(tmp_path / "a.mkv", [frame] * 2, codec="ffv1", pixel_format="bgr0"))
    first = next(iter(film))
    assert np.array_equal(film.pixels(first), frame)
    np.testing.assert_allclose(first.thumbnail(64, 64), thumbnail(frame, 64), atol=0.2 / 255)


def test_pixels_can_be_replaced(tmp_path):
    film = FilmReader(write_clip(tmp_path / "a.mp4", moving(2, width=50)))
    frame = next(iter(film))
    film.replace(frame, 255 - film.pixels(frame))
    other = FilmReader(tmp_path / "a.mp4")
    assert np.array_equal(film.pixels(frame), 255 - other.pixels(next(iter(other))))
