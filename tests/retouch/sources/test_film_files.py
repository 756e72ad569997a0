"""Films in and out: all that is not colour, kept, and what is refused."""

from __future__ import annotations

import io
import os
import re
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.sources import film_streams
from hypernet.retouch.sources.film_files import FilmReader, writing
from tests.retouch.clips import BT709, contents, copied, moving, program, refused, write_clip

av = pytest.importorskip("av")

LOSSLESS = {"crf": "0"}


# --- what is not colour ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".MP4"])
def test_uneven_times_and_all_sound_are_kept_exactly(tmp_path, ending):
    times = [777, 3001, 3754, 9000, 9009, 90000, 90001, 123456]
    clip = write_clip(
        tmp_path / "a.mp4",
        moving(8),
        times=times,
        time_base=Fraction(1, 90000),
        sounds=["aac", "libmp3lame"],
        options={"bf": "2"},
    )
    copied(clip, tmp_path / f"b{ending}")
    before, after = contents(clip), contents(tmp_path / f"b{ending}")
    assert before.pts == times
    assert (after.pts, after.duration, after.time_base) == (before.pts, before.duration, before.time_base)
    assert len(before.sounds) == 2
    assert after.sounds == before.sounds
    assert after.languages == before.languages == ["eng", "eng"]


@pytest.mark.parametrize(("ending", "codec", "sound"), [(".mkv", "libx264", "aac"), (".webm", "libvpx-vp9", "libopus")])
def test_matroska_keeps_what_its_milliseconds_can(tmp_path, ending, codec, sound):
    clip = write_clip(
        tmp_path / f"a{ending}",
        moving(5),
        codec=codec,
        times=[0, 40, 100, 101, 500],
        time_base=Fraction(1, 1000),
        sounds=[sound],
    )
    _, copy = copied(clip, tmp_path / f"b{ending}")
    before, after = contents(clip), contents(tmp_path / f"b{ending}")
    assert after.pts == before.pts
    assert [entry[:2] for entry in after.sounds[0]] == [entry[:2] for entry in before.sounds[0]]
    assert copy.notes == []
    # Of a clock that it has not got, it says so.
    clip = write_clip(tmp_path / "c.mp4", moving(3), times=[0, 1, 2], time_base=Fraction(1, 30))
    _, copy = copied(clip, tmp_path / f"d{ending}")
    assert copy.notes == ["times of 2 frames are rounded to the container's unit, milliseconds"]
    assert contents(tmp_path / f"d{ending}").pts == [0, 33, 67]


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_stays_a_tag(tmp_path, degrees, ending):
    clip = write_clip(tmp_path / "a.mp4", moving(2), rotation=(degrees, False))
    copied(clip, tmp_path / f"b{ending}")
    before, after = contents(clip), contents(tmp_path / f"b{ending}")
    assert before.stream["rotation"] % 360 == degrees
    assert after.stream["rotation"] == before.stream["rotation"]
    assert after.stream["size"] == before.stream["size"] == (64, 48)
    if ending != ".mkv":
        assert after.matrix == before.matrix


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_upright_is_as_ffmpeg_shows_it(tmp_path, degrees, mirrored):
    clip = write_clip(tmp_path / "a.mp4", moving(1, 48, 80), rotation=(degrees, mirrored), tags=BT709, options=LOSSLESS)
    film = FilmReader(clip)
    pixels = film.pixels(next(iter(film)))
    turned = np.rot90(pixels, degrees // 90)
    assert np.array_equal(film.upright(pixels), turned[:, ::-1] if mirrored else turned)
    command = [
        program("ffmpeg"),
        "-v",
        "error",
        "-i",
        clip,
        "-frames:v",
        "1",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    shown = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)
    shown = shown.reshape(film.upright(pixels).shape)
    assert np.abs(film.upright(pixels).astype(int) - shown).mean() < 3


def test_a_rotation_beside_what_pyav_does_not_know(tmp_path):
    """Pictures with EXIF: PyAV then gives none of what stands beside a picture."""
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    # Shown after a quarter of a turn clockwise.
    exif[0x0112] = 6
    content = io.BytesIO()
    image.fromarray(moving(1)[0]).save(content, "JPEG", exif=exif)
    with av.open(str(tmp_path / "a.mov"), "w") as output:
        stream = output.add_mux_stream("mjpeg", rate=25, width=64, height=48, time_base=Fraction(1, 25))
        for number in range(2):
            packet = av.Packet(content.getvalue())
            packet.stream, packet.pts, packet.dts, packet.duration = stream, number, number, 1
            packet.time_base, packet.is_keyframe = Fraction(1, 25), True
            output.mux(packet)
    film, _ = copied(tmp_path / "a.mov", tmp_path / "b.mov")
    pixels = film.pixels(next(iter(film)))
    assert np.array_equal(film.upright(pixels), np.rot90(pixels, -1))
    assert contents(tmp_path / "b.mov").stream["rotation"] == -90


def test_titles_dates_places_and_chapters_are_kept(tmp_path):
    metadata = {
        "title": "Nacht",
        "creation_time": "2019-04-28T21:00:00.000000Z",
        "comment": "Grüße",
        "location": "+48.1000+011.5000/",
    }
    chapters = [(0, 12, "Eins"), (12, 25, "Zwei")]
    clip = write_clip(tmp_path / "a.mp4", moving(25), metadata=metadata, sounds=["aac"], chapters=chapters)
    _, copy = copied(clip, tmp_path / "b.mp4")
    assert copy.notes == []
    copied(clip, tmp_path / "c.mp4", strip_location=True)
    before, after, stripped = (contents(tmp_path / name).metadata for name in ("a.mp4", "b.mp4", "c.mp4"))
    for key, text in metadata.items():
        assert before[key] == after[key] == text
    assert not [key for key in stripped if "location" in key]
    assert stripped["title"] == "Nacht"
    assert contents(clip).chapters == contents(tmp_path / "b.mp4").chapters == [(0, "Eins"), (Fraction(12, 25), "Zwei")]


def test_the_shape_of_pixels_and_fields_are_kept(tmp_path):
    flags = av.codec.context.Flags
    clip = write_clip(
        tmp_path / "a.mp4",
        moving(4, 64, 64),
        sample_aspect=Fraction(16, 11),
        flags=flags.interlaced_dct | flags.interlaced_me,
        options={"x264-params": "tff=1"},
        tags=BT709,
    )
    film, _ = copied(clip, tmp_path / "b.mp4")
    before, after = contents(clip).stream, contents(tmp_path / "b.mp4").stream
    assert before["interlaced"]
    assert before["sample_aspect"] == Fraction(16, 11)
    assert after == before
    assert film.notes == ["it is interlaced: colours may bleed by a row between its two fields"]


@pytest.mark.parametrize(("ending", "pixel_format"), [(".mp4", "yuv444p"), (".mkv", "yuv444p"), (".webm", "yuv420p")])
def test_odd_sizes_are_kept(tmp_path, ending, pixel_format):
    clip = write_clip(tmp_path / "a.webm", moving(3, 49, 65), codec="libvpx-vp9", tags=BT709)
    film, copy = copied(clip, tmp_path / f"b{ending}")
    stream = contents(tmp_path / f"b{ending}").stream
    assert (stream["size"], stream["pixel_format"]) == ((65, 49), pixel_format)
    noted = "H.264 halves no odd size: written in 4:4:4, which not every player shows"
    assert copy.notes == ([noted] if pixel_format == "yuv444p" else [])
    pixels = [reader.pixels(next(iter(reader))).astype(int) for reader in (film, FilmReader(tmp_path / f"b{ending}"))]
    assert np.abs(pixels[1] - pixels[0]).mean() < 2


def test_avi_has_no_times_and_its_frames_are_shown_in_order(tmp_path):
    clip = write_clip(tmp_path / "a.avi", moving(9), options={"bf": "2"})
    copied(clip, tmp_path / "b.mp4", crf=0)
    after = contents(tmp_path / "b.mp4")
    assert after.pts == list(range(9))
    assert after.time_base == Fraction(1, 25)


def test_a_broadcast_begins_at_0_and_keeps_its_sound_where_it_was(tmp_path):
    clip = write_clip(
        tmp_path / "a.ts",
        moving(5),
        times=[9000 + 3600 * n for n in range(5)],
        time_base=Fraction(1, 90000),
        sounds=["aac"],
    )
    copied(clip, tmp_path / "b.mp4")
    before, after = contents(clip), contents(tmp_path / "b.mp4")
    assert min(before.pts) > 9000
    offsets = [film.pts[0] * film.time_base - film.sounds[0][0][1] for film in (before, after)]
    assert abs(offsets[0] - offsets[1]) < Fraction(1, 40000)
    assert np.diff(after.pts).tolist() == np.diff(before.pts).tolist()
    assert min(after.pts[0] * after.time_base, after.sounds[0][0][1]) == 0
    # The sound of a broadcast has headers in every packet, that of MP4 has not; what is in them is the same.
    assert [entry[0][7:] for entry in before.sounds[0]] == [entry[0] for entry in after.sounds[0]]


def test_sound_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(2), sounds=["aac"])
    with pytest.raises(
        UserError, match=re.escape("a.mp4: .webm does not take its sound (aac) as it is; accepted: .mp4, ")
    ):
        copied(clip, tmp_path / "b.webm")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    clip = write_clip(tmp_path / "a.asf", moving(2), codec="wmv2", sounds=["wmav2"])
    with pytest.raises(UserError, match=re.escape("(wmav2) as it is; first: ffmpeg -i IN -c:v copy -c:a aac OUT.mkv")):
        copied(clip, tmp_path / "b.mkv")


def test_subtitles_go_where_they_are_taken_and_are_missed_elsewhere(tmp_path):
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHallo\n", encoding="utf-8")
    clip = write_clip(tmp_path / "a.mp4", moving(30))
    files = ["-i", clip, "-i", tmp_path / "a.srt", "-c", "copy", tmp_path / "b.mkv"]
    subprocess.run([program("ffmpeg"), "-v", "error", *files], check=True)
    _, kept = copied(tmp_path / "b.mkv", tmp_path / "c.mkv")
    assert contents(tmp_path / "c.mkv").types == ["video", "subtitle"]
    assert kept.notes == []
    _, missed = copied(tmp_path / "b.mkv", tmp_path / "d.mp4")
    assert contents(tmp_path / "d.mp4").types == ["video"]
    assert missed.notes == ["subtitle stream 1 (srt) is left out: .mp4 does not take it"]


def test_ffprobe_reads_the_same_tags(tmp_path):
    tags = (6, 1, 6, 6)
    clip = write_clip(
        tmp_path / "a.mp4", moving(3), tags=tags, sample_aspect=Fraction(4, 3), rotation=(90, False), sounds=["aac"]
    )
    copied(clip, tmp_path / "b.mp4")
    entries = "stream=color_space,color_range,color_primaries,color_transfer,sample_aspect_ratio,width,height,nb_frames"
    entries += ",codec_name,duration_ts,time_base:stream_side_data=rotation"
    before, after = (
        subprocess.run(
            [program("ffprobe"), "-v", "error", "-show_entries", entries, tmp_path / name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in ("a.mp4", "b.mp4")
    )
    assert "color_space=smpte170m" in before
    assert "rotation=90" in before
    assert after == before


def test_names_that_ffmpeg_would_take_for_addresses(tmp_path):
    clip = write_clip(tmp_path / "um 12:30.mp4", moving(2))
    copied(clip, tmp_path / "um 12:31.mp4")
    assert len(contents(tmp_path / "um 12:31.mp4").pts) == 2


# --- what is refused ----------------------------------------------------------------------------------------------


def test_what_is_no_film_is_refused_in_a_line(tmp_path):
    (tmp_path / "text.mp4").write_text("no film\n" * 500)
    assert "cannot be read as a film" in refused(tmp_path / "text.mp4")
    assert "no such file" in refused(tmp_path / "missing.mp4")
    assert "this is a folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "this is a pipe or a device" in refused(tmp_path / "pipe.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "cannot be read as a film" in refused(tmp_path / "empty.mp4")
    with av.open(str(tmp_path / "sound.wav"), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="stereo")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    assert "cannot be read as a film" in refused(tmp_path / "sound.wav")


def test_lists_that_open_other_files_are_refused(tmp_path):
    write_clip(tmp_path / "a.ts", moving(3))
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.m3u8").write_text(playlist)
    (tmp_path / "list.mp4").write_text(playlist)
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile a.ts\n")
    for name in ("list.m3u8", "list.mp4", "list.ffconcat"):
        assert "cannot be read as a film" in refused(tmp_path / name)


def test_a_film_with_only_a_cover_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        stream = output.add_stream("mjpeg", rate=25, width=64, height=48, pix_fmt="yuvj420p")
        stream.disposition = av.stream.Disposition.attached_pic
        output.mux(stream.encode(av.VideoFrame(64, 48, "yuvj420p")))
        output.mux(stream.encode(None))
    assert "there are no moving pictures in it" in refused(tmp_path / "a.mp4")


def test_small_large_and_untimed_frames_are_refused(tmp_path, monkeypatch):
    assert "frames of 64 x 6 pixels; accepted: 8 or more" in refused(write_clip(tmp_path / "a.mkv", moving(2, 6, 64)))
    raw = write_clip(tmp_path / "a.h264", moving(3), container="h264")
    assert "frame 0 has no time; give it a rate: ffmpeg -r 25" in refused(raw)
    clip = write_clip(tmp_path / "b.mp4", moving(2))
    monkeypatch.setattr(film_streams, "LARGEST_FRAME", 64 * 48 - 1)
    refused(clip)


def test_a_film_that_changes_its_size_is_refused_at_that_frame(tmp_path):
    clip = write_clip(tmp_path / "a.ts", [*moving(3)], then=moving(3, 48, 80))
    assert "frame 3 has another size than those before, 80 x 48" in refused(clip)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_film_that_is_cut_off_is_refused_and_nothing_is_left(tmp_path, name, share):
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3)).astype(np.uint8)
    clip = write_clip(tmp_path / "whole.mkv", noise, options={"g": "10"})
    # With the index in front, so that the beginning can be read.
    copied(clip, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    target = tmp_path / "out.mp4"
    target.write_text("stays")
    with pytest.raises(UserError, match=r"frame \d+|after \d+ frames"):
        copied(tmp_path / name, target)
    assert target.read_text() == "stays"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out.mp4", "whole.mkv"])


@pytest.mark.parametrize("missing", [1, 400])
def test_a_matroska_film_without_its_last_bytes_is_refused(tmp_path, missing):
    whole = write_clip(tmp_path / "a.mkv", moving(40)).read_bytes()
    assert len(list(FilmReader(tmp_path / "a.mkv"))) == 40
    (tmp_path / "a.mkv").write_bytes(whole[:-missing])
    assert "cut off after" in refused(tmp_path / "a.mkv")


def test_a_damaged_frame_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3)).astype(np.uint8)
    clip = write_clip(tmp_path / "a.mp4", noise, options={"g": "1"})
    content = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][17]
        content[packet.pos + 200 : packet.pos + packet.size] = bytes(packet.size - 200)
    clip.write_bytes(content)
    assert re.search(r"a\.mp4: frame 17 (is damaged|cannot be decoded)", refused(clip))


def test_what_cannot_be_written_is_refused_in_a_line(tmp_path):
    film = FilmReader(write_clip(tmp_path / "a.mp4", moving(2)))
    for path, options, message in [
        (tmp_path / "b.avi", {}, "b.avi: the name must end in .mp4, .m4v, .mov, .mkv, .webm"),
        (tmp_path / "b.mp4", {"crf": 52}, "crf 52: accepted for H.264: 0 (best) to 51; usual: 18"),
        (tmp_path / "b.mp4", {"crf": float("nan")}, "crf nan"),
    ]:
        with pytest.raises(UserError, match=re.escape(message)), writing(path, film, **options):
            pass
    (tmp_path / "c.mp4").mkdir()
    with pytest.raises(UserError, match="this is a folder"), writing(tmp_path / "c.mp4", film):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "c.mp4"]
