"""Films retouched: maps applied to every frame, smoothed within shots, and what is reported and refused."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.core import sequences
from hypernet.retouch.core.adjustments import Adjustments
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.film_files import FilmReader
from hypernet.retouch.tools.films import retouch_film
from tests.retouch.clips import BT709, contents, moving, write_clip

pytest.importorskip("av")

LOSSLESS = {"crf": "0"}


def brighter(gain: float) -> ColourMap:
    """T(x) = x + (gain - 1) x (1 - x): black and white stay."""
    matrix = ColourMap.identity().matrix.copy()
    for channel in range(3):
        matrix[channel, channel] = 1 - gain
        matrix[channel, 6 + channel] = gain
    return ColourMap(matrix)


class Brightener:
    """A method that makes every frame as light as another one, and trembles."""

    method, title, size, is_map = "brightener", "made up", 64, True

    def __init__(self, tremble: float = 0.0, wanted: float = 0.55):
        self.seen: list[np.ndarray] = []
        self.random, self.tremble, self.wanted = np.random.default_rng(0), tremble, wanted

    def colour_maps(self, thumbnails: np.ndarray) -> list[ColourMap]:
        assert thumbnails.shape[1:] == (64, 64, 3)
        assert thumbnails.dtype == np.float32
        self.seen += list(thumbnails)
        gains = np.clip(self.wanted / thumbnails.mean(axis=(1, 2, 3)).clip(0.1), 0.5, 1.8)
        return [brighter(gain + self.tremble * self.random.standard_normal()) for gain in gains]


def two_shots(tmp_path, **options):
    frames = np.concatenate([moving(9) // 4, 128 + moving(8, seed=1) // 2])
    return write_clip(tmp_path / "a.mp4", frames, tags=BT709, options=LOSSLESS, **options), len(frames)


def frames_of(path):
    film = FilmReader(path)
    return [film.pixels(frame).astype(float) for frame in film]


# --- what it does ------------------------------------------------------------------------------------------------


def test_every_frame_has_its_smoothed_map_and_a_shot_begins_with_its_own(tmp_path):
    clip, count = two_shots(tmp_path)
    report = retouch_film(clip, tmp_path / "b.mp4", Brightener(tremble=0.05), crf=0, smoothing_s=0.1)
    assert report.cuts == (9,)
    assert report.frames == count
    assert report.lag == 0
    for first in (0, 9):
        assert np.array_equal(report.smoothed[first], report.matrices[first])
    expected = sequences.smoothed(report.matrices, np.arange(count) / 25, [9], 0.1)
    np.testing.assert_allclose(report.smoothed, expected, atol=1e-12)
    assert report.jitter_smoothed < report.jitter / 1.5
    for before, after, matrix in zip(frames_of(clip), frames_of(tmp_path / "b.mp4"), report.smoothed, strict=True):
        # 8-bit Y'CbCr of half resolution in colour lies between.
        assert np.abs(ColourMap(matrix)(before / 255).clip(0, 1) * 255 - after).mean() < 1.2


def test_nothing_is_smoothed_at_0_and_both_ways_offline(tmp_path):
    clip, count = two_shots(tmp_path)
    alone = retouch_film(clip, tmp_path / "b.mp4", Brightener(0.05), smoothing_s=0)
    assert np.array_equal(alone.smoothed, alone.matrices)
    offline = retouch_film(clip, tmp_path / "b.mp4", Brightener(0.05), smoothing_s=0.1, offline=True)
    expected = sequences.smoothed(alone.matrices, np.arange(count) / 25, [9], 0.1, zero_phase=True)
    np.testing.assert_allclose(offline.smoothed, expected, atol=1e-12)


def test_the_network_sees_frames_as_they_are_shown(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(3, 96, 160), rotation=(90, False), tags=BT709)
    model = Brightener()
    retouch_film(clip, tmp_path / "b.mp4", model)
    for frame, seen in zip(frames_of(clip), model.seen, strict=True):
        np.testing.assert_allclose(seen, thumbnail(np.rot90(frame).astype(np.uint8), 64), atol=0.3 / 255)


def test_times_and_sound_stay(tmp_path):
    times = [0, 1000, 4000, 4100, 9000, 20000]
    clip = write_clip(
        tmp_path / "a.mp4", moving(6), times=times, time_base=Fraction(1, 90000), sounds=["aac"], rotation=(270, False)
    )
    report = retouch_film(clip, tmp_path / "b.mp4", Brightener(0.1), smoothing_s=0.05)
    before, after = contents(clip), contents(tmp_path / "b.mp4")
    assert (after.pts, after.sounds, after.matrix) == (before.pts, before.sounds, before.matrix)
    # The time between frames is that of the film, not of a mean rate.
    np.testing.assert_allclose(report.seconds, np.array(times) / 90000)
    expected = sequences.smoothed(report.matrices, np.array(times) / 90000, [], 0.05)
    np.testing.assert_allclose(report.smoothed, expected, atol=1e-12)


def test_one_map_for_a_whole_film(tmp_path):
    clip, _ = two_shots(tmp_path)
    report = retouch_film(clip, tmp_path / "b.mp4", colour_map=brighter(1.4), crf=0)
    assert report.jitter == report.jitter_smoothed == 0
    for before, after in zip(frames_of(clip), frames_of(tmp_path / "b.mp4"), strict=True):
        assert np.abs(brighter(1.4)(before / 255) * 255 - after).mean() < 1.2


def test_strength_and_sliders(tmp_path):
    clip, _ = two_shots(tmp_path)
    retouch_film(clip, tmp_path / "b.mp4", Brightener(), strength=0, crf=0)
    for before, after in zip(frames_of(clip), frames_of(tmp_path / "b.mp4"), strict=True):
        assert np.abs(before - after).max() <= 2
    retouch_film(clip, tmp_path / "c.mp4", Brightener(), strength=0, adjustments=Adjustments(saturation=-100), crf=0)
    grey = frames_of(tmp_path / "c.mp4")[12]
    assert np.ptp(grey, axis=-1).max() <= 2


def test_ten_bits_are_retouched_as_ten_bits(tmp_path):
    ramp = np.linspace(40, 80, 64 * 48).reshape(48, 64, 1).repeat(3, axis=2)
    clip = write_clip(tmp_path / "a.mov", [ramp.astype(np.uint8)] * 3, pixel_format="yuv420p10le", tags=BT709)
    retouch_film(clip, tmp_path / "b.mov", colour_map=brighter(1.7), crf=4)
    before, after = (frames_of(path)[1] / 65535 for path in (clip, tmp_path / "b.mov"))
    assert contents(tmp_path / "b.mov").stream["pixel_format"] == "yuv420p10le"
    assert np.abs(brighter(1.7)(before) - after).mean() < 1 / 1023


# --- fades, flashes, black ----------------------------------------------------------------------------------------


def test_a_flash_and_black_frames_have_the_map_of_the_shot(tmp_path):
    frames = np.concatenate([np.zeros_like(moving(4)), moving(12) // 2])
    frames[9] = 255
    clip = write_clip(tmp_path / "a.mp4", frames, tags=BT709, options=LOSSLESS)
    report = retouch_film(clip, tmp_path / "b.mp4", Brightener(), smoothing_s=0)
    assert report.cuts == (4,)
    assert report.held == (0, 1, 2, 3, 9)
    assert np.array_equal(report.smoothed[9], report.matrices[8])
    assert not np.array_equal(report.matrices[9], report.matrices[8])


def test_maps_that_fold_are_weakened_and_counted(tmp_path):
    clip, count = two_shots(tmp_path)
    # Grey turns at 3/4: the first shot is a dark one, and the second is not.
    folding = brighter(3.0)
    before = frames_of(clip)
    most = max(frame.max() for frame in before[9:]) / 255
    assert max(frame.max() for frame in before[:9]) / 255 < 0.7 < 0.8 < most
    weaker, strength = folding.unfolded(most)
    report = retouch_film(clip, tmp_path / "b.mp4", colour_map=folding, crf=0)
    assert report.cuts == (9,)
    assert report.folded == count - 9
    assert report.weakest == pytest.approx(strength)
    assert strength < 1
    assert f"strength reduced in {count - 9} frames, to {strength:.2g} at the least" in report.summary()
    for number, (dark, after) in enumerate(zip(before, frames_of(tmp_path / "b.mp4"), strict=True)):
        expected = (folding if number < 9 else weaker)(dark / 255)
        assert np.abs(expected.clip(0, 1) * 255 - after).mean() < 1.2
    assert retouch_film(clip, tmp_path / "b.mp4", colour_map=folding, allow_fold=True).folded == 0


# --- what is said ------------------------------------------------------------------------------------------------


def test_the_report(tmp_path):
    clip, _ = two_shots(tmp_path)
    report = retouch_film(clip, tmp_path / "b.webm", Brightener(0.05))
    lines = report.summary().splitlines()
    assert lines[0] == "17 frames of 64 x 48 pixels, 0.6 s, VP9 (yuv420p), crf 24"
    assert lines[1] == "cuts at frames 9 (0.36 s)"
    assert re.fullmatch(
        r"map from frame to frame: 0\.\d{4}, smoothed 0\.\d{4}; "
        r"luma flicker: [\d.]+ levels about \d+, retouched [\d.]+ about \d+",
        lines[2],
    )
    luma = np.array([frame.mean(axis=(0, 1)) @ (0.2126, 0.7152, 0.0722) for frame in frames_of(clip)]) / 255
    assert report.flicker == pytest.approx(sequences.luma_flicker(luma, [9]), abs=0.02)
    luma = (
        np.array([frame.mean(axis=(0, 1)) @ (0.2126, 0.7152, 0.0722) for frame in frames_of(tmp_path / "b.webm")]) / 255
    )
    assert report.flicker_after == pytest.approx(sequences.luma_flicker(luma, [9]), abs=0.3)


def test_what_is_taken_for_granted_is_said(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(2))
    report = retouch_film(clip, tmp_path / "b.mp4", Brightener())
    assert report.notes == ("no matrix is named in it: taken for BT.601, as players do",)
    assert report.summary().splitlines()[-1] == report.notes[0]


# --- what is refused ----------------------------------------------------------------------------------------------


class Painter(Brightener):
    method, is_map = "unet", False


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Painter(), {}, "unet: makes each frame by itself and would flicker; accepted: a method with a colour map"),
        (Brightener(), {"smoothing_s": -1}, "smoothing_s -1: accepted: 0 or more seconds"),
        (Brightener(), {"smoothing_s": float("nan")}, "smoothing_s nan: accepted: 0 or more seconds"),
        (Brightener(), {"strength": 2}, "strength: 2; accepted: 0 to 1.5"),
        (Brightener(), {"crf": -1}, "crf -1: accepted for H.264: 0 (best) to 51"),
        (Brightener(), {"colour_map": ColourMap.identity()}, "give either a model or a colour map"),
        (None, {}, "give either a model or a colour map"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(tmp_path, model, options, message):
    clip = write_clip(tmp_path / "a.mp4", moving(2))
    with pytest.raises(UserError, match=re.escape(message)):
        retouch_film(clip, tmp_path / "b.mp4", model, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_the_film_itself_is_not_written_over(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(2))
    content = clip.read_bytes()
    with pytest.raises(UserError, match="is read by the same command"):
        retouch_film(clip, clip, Brightener())
    assert clip.read_bytes() == content


def test_a_damaged_film_leaves_nothing_behind(tmp_path):
    clip = write_clip(tmp_path / "a.mkv", np.random.default_rng(0).integers(0, 256, (50, 48, 64, 3)).astype(np.uint8))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    model = Brightener()
    with pytest.raises(UserError, match=r"a\.mkv: it is cut off after \d+ frames"):
        retouch_film(clip, tmp_path / "b.mp4", model)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


# --- real films --------------------------------------------------------------------------------------------------


def darker(matrix_of_light: np.ndarray) -> np.ndarray:
    """1.2 EV less, and the power 1.3."""
    light = np.where(matrix_of_light <= 0.04045, matrix_of_light / 12.92, ((matrix_of_light + 0.055) / 1.055) ** 2.4)
    light = light * 2**-1.2
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return encoded**1.3


@pytest.mark.parametrize(("name", "cuts"), [("bikes", [30, 137, 242]), ("bigbuckbunny", [])])
def test_cuts_of_real_films_and_maps_half_as_unsteady(mirror, name, cuts):
    """The cuts that the specification measured; a stand-in for a network, the map to the mean of the film's levels."""
    film = FilmReader(mirror / "video" / f"{name}.mp4")
    histograms, seconds, matrices = [], [], []
    for frame in film:
        small = frame.thumbnail(*sequences.THUMBNAIL)
        histograms.append(sequences.histogram(small))
        seconds.append(frame.seconds)
        levels = np.quantile(darker(small.astype(float)), (0.02, 0.98), axis=(0, 1))
        matrix = np.zeros((3, 4))
        matrix[:, :3] = np.diag(0.9 / (levels[1] - levels[0]).clip(0.05))
        matrix[:, 3] = 0.05 - levels[0] * np.diag(matrix[:, :3])
        matrices.append(matrix)
    distances = sequences.distance(np.stack(histograms)[1:], np.stack(histograms)[:-1])
    assert sequences.cuts(np.stack(histograms)) == cuts
    assert sequences.flashes(np.stack(histograms)) == []
    if not cuts:
        assert distances.max() == pytest.approx(0.022, abs=0.002)
    smooth = sequences.smoothed(np.stack(matrices), np.array(seconds), cuts, 0.5)
    assert sequences.jitter(smooth, cuts) < sequences.jitter(np.stack(matrices), cuts) / 2
    for first in (0, *cuts):
        assert np.array_equal(smooth[first], matrices[first])
