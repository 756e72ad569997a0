"""From pictures to grey levels: the true classes come out, and every step agrees with an oracle."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.stats

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import to_grey
from hypernet.radar.sources.background import CLUTTER, LINE, SEEN, STILL, Background, fit_background
from hypernet.radar.sources.grey_levels import recover
from hypernet.radar.sources.palette import find_palette, read_palette
from hypernet.radar.sources.pictures import colour_list, draw, find_pictures, read_pictures, scene, write_pictures
from hypernet.radar.sources.storms import event

SIZE, FRAMES, EVENTS, DRY = 100, 12, 20, 40
PALETTE = find_palette("simulated")
COLOURS = colour_list(PALETTE)
SEA, LAND, COAST = COLOURS[:3]
RAIN = COLOURS[4:]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """True reflectivities [240, N, N] and the pictures [280, N, N, 3], dry ones first, through files."""
    folder = tmp_path_factory.mktemp("pictures")
    dbz = np.stack([event(1, index, SIZE, FRAMES) for index in range(EVENTS)])
    place = scene(0, SIZE)
    dry = draw(np.zeros((DRY, SIZE, SIZE), np.uint8), place, 1, -1)
    write_pictures(folder, dry, COLOURS, np.datetime64("2015-01-01"))
    for index, event_dbz in enumerate(dbz):
        rain = draw(PALETTE.classes_of_dbz(event_dbz), place, 1, index)
        write_pictures(folder, rain, COLOURS, np.datetime64("2015-01-02") + index)
    paths, _ = find_pictures(folder)
    return dbz.reshape(-1, SIZE, SIZE), read_pictures(paths)


@pytest.fixture(scope="module")
def background(archive):
    return fit_background(archive[1], PALETTE)


def patch_pictures(frames: int = 30, size: int = 12) -> np.ndarray:
    """Pictures of land on which every pixel shows rain once."""
    rgb = np.broadcast_to(LAND, (frames, size, size, 3)).copy()
    rgb[3] = RAIN[0]
    return rgb


def test_the_true_classes_come_out(archive, background):
    dbz, rgb = archive
    truth = PALETTE.classes_of_dbz(dbz)
    recovery = recover(rgb, background, PALETTE)
    off = np.abs(recovery.classes[DRY:].astype(int) - truth)
    outside = background.holes == SEEN
    assert 0.04 < 1 - outside.mean() < 0.07
    assert (off[:, outside] == 0).all()
    assert (off == 0).mean() >= 0.99
    assert (off <= 1).mean() >= 0.996
    assert (recovery.classes[:DRY] == 0).mean() > 0.999
    assert recovery.report.holes == pytest.approx(1 - outside.mean())
    assert recovery.report.unknown == 0
    assert recovery.report.rain == pytest.approx((recovery.classes[:, outside] > 0).mean())


def test_luminance_is_measurably_worse(archive, background):
    dbz, rgb = archive
    truth = to_grey(dbz).ravel()
    recovered = recover(rgb, background, PALETTE).grey[DRY:].ravel()
    weights = np.array([0.299, 0.587, 0.114])
    luminance = np.abs(rgb[DRY:] @ weights - background.rgb @ weights).ravel()
    assert np.corrcoef(recovered, truth)[0, 1] > 0.98
    assert np.corrcoef(luminance, truth)[0, 1] < 0.9


def test_pictures_that_were_not_in_the_background_are_recovered_too(archive, background):
    rain = PALETTE.classes_of_dbz(event(2, 0, SIZE, FRAMES))
    rgb = COLOURS[draw(rain, scene(0, SIZE), 2, 0)]
    classes = recover(rgb, background, PALETTE).classes
    assert (classes == rain)[:, background.holes == SEEN].all()
    assert (classes == rain).mean() > 0.98


def test_the_background_is_the_mode_of_scipy():
    generator = np.random.default_rng(0)
    rgb = generator.integers(0, 2, (31, 5, 7, 3)).astype(np.uint8) * 200
    background = fit_background(rgb, PALETTE)
    number = (rgb.astype(int) * [65536, 256, 1]).sum(axis=-1)
    expected = scipy.stats.mode(number, axis=0).mode
    np.testing.assert_array_equal((background.rgb.astype(int) * [65536, 256, 1]).sum(axis=-1), expected)


def test_blocks_do_not_change_the_background(archive, monkeypatch):
    whole = fit_background(archive[1][:60], PALETTE)
    monkeypatch.setattr("hypernet.radar.sources.background.BLOCK", 6000)
    assert fit_background(archive[1][:60], PALETTE).digest == whole.digest


def test_holes_are_told_apart():
    rgb = patch_pictures()
    rgb[:, 0] = SEA
    rgb[:, 4] = COAST
    rgb[5:, 7, 7] = RAIN[3]
    background = fit_background(rgb, PALETTE)
    assert (background.holes[0] == STILL).all()
    assert (background.holes[4] == LINE).all()
    assert background.holes[7, 7] == CLUTTER
    assert (np.delete(background.holes, [0, 4], axis=0) == SEEN).sum() == 10 * 12 - 1
    assert background.frames == len(rgb)


def test_a_pixel_that_never_changed_is_believed_when_it_changes():
    rgb = patch_pictures()
    rgb[:, 0] = SEA
    background = fit_background(rgb, PALETTE)
    new = np.broadcast_to(background.rgb, (1, 12, 12, 3)).copy()
    new[0, 0, 5] = RAIN[6]
    recovery = recover(new, background, PALETTE)
    assert recovery.classes[0, 0, 5] == 7
    assert recovery.classes.sum() == 7


def test_lines_are_found_without_areas_in_the_palette(tmp_path):
    path = tmp_path / "own.csv"
    kept = [line for line in open_text("simulated") if not line.startswith(("area", "line"))]
    path.write_text("".join(kept))
    rgb = patch_pictures(size=100)
    rgb[:, :, 50] = COAST
    rgb[3, :, 50] = COAST
    background = fit_background(rgb, read_palette(path))
    assert (background.holes[:, 50] == LINE).all()
    assert (np.delete(background.holes, 50, axis=1) == SEEN).all()


def open_text(name: str) -> list[str]:
    from hypernet.radar.sources.palette import FOLDER

    return (FOLDER / f"{name}.csv").read_text().splitlines(keepends=True)


def test_filling_is_the_median_of_the_known_pixels():
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 15, (3, 20, 23)).astype(np.uint8)
    hidden = generator.random((20, 23)) < 0.3
    hidden[:6, :6] = True
    rgb = np.concatenate([LAND[None], RAIN])[truth]
    rgb[:, hidden] = COAST
    background = Background(np.where(hidden[..., None], COAST, LAND), np.where(hidden, LINE, SEEN).astype(np.uint8), 24)
    classes = recover(rgb, background, PALETTE).classes
    np.testing.assert_array_equal(classes[:, ~hidden], truth[:, ~hidden])
    for frame in range(3):
        for row, column in np.argwhere(hidden):
            part = slice(max(row - 2, 0), row + 3), slice(max(column - 2, 0), column + 3)
            known = np.sort(truth[frame][part][~hidden[part]])
            expected = known[(len(known) - 1) // 2] if len(known) else 0
            assert classes[frame, row, column] == expected
    assert classes[0, 0, 0] == 0


def test_filling_does_not_depend_on_blocks(archive, background, monkeypatch):
    whole = recover(archive[1][:50], background, PALETTE).classes
    monkeypatch.setattr("hypernet.radar.sources.grey_levels.BLOCK", 1000)
    np.testing.assert_array_equal(recover(archive[1][:50], background, PALETTE).classes, whole)


def test_lossy_pictures_need_a_tolerance(archive, background):
    rgb = archive[1][DRY : DRY + 12]
    noise = np.random.default_rng(0).integers(-8, 9, rgb.shape)
    noisy = (rgb.astype(int) + noise).clip(0, 255).astype(np.uint8)
    exact = recover(rgb, background, PALETTE).classes
    np.testing.assert_array_equal(recover(noisy, background, PALETTE, tolerance=8).classes, exact)
    with pytest.raises(UserError, match="lacks"):
        recover(noisy, background, PALETTE)


def test_the_wrong_palette_is_refused_with_the_colours_that_it_lacks(archive, background):
    rgb = archive[1][DRY:].copy()
    strange = (rgb == RAIN[0]).all(axis=-1) | (rgb == RAIN[1]).all(axis=-1)
    rgb[strange] = (1, 2, 3)
    with pytest.raises(UserError, match=r"of the rain has colours that palette simulated lacks.*\(1, 2, 3\)"):
        recover(rgb, background, PALETTE)


def test_few_strange_pixels_are_filled_and_counted(archive, background):
    rgb = archive[1][DRY:].copy()
    expected = recover(rgb, background, PALETTE)
    row, column = np.argwhere(background.holes == SEEN)[500]
    rgb[::7, row, column] = (1, 2, 3)
    recovery = recover(rgb, background, PALETTE)
    assert recovery.report.unknown * (background.holes == SEEN).sum() * len(rgb) == pytest.approx(len(rgb[::7]))
    changed = recovery.classes != expected.classes
    changed[::7, row - 2 : row + 3, column - 2 : column + 3] = False
    assert not changed.any()


def test_bad_backgrounds_are_refused(archive, background, tmp_path):
    with pytest.raises(UserError, match="23 pictures are too few"):
        fit_background(archive[1][:23], PALETTE)
    with pytest.raises(UserError, match="pictures of 99x100 pixels, but the background has 100x100"):
        recover(archive[1][:1, :, 1:], background, PALETTE)
    with pytest.raises(UserError, match="not a background"):
        Background.load(tmp_path / "none.npz")


def test_an_archive_without_a_dry_picture_is_warned_of(archive):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_background(archive[1], PALETTE)
    rgb = np.broadcast_to(LAND, (24, 10, 10, 3)).copy()
    rgb[:, :2] = RAIN[2]
    with pytest.warns(UserWarning, match="no picture is dry"):
        fit_background(rgb, PALETTE)


def test_a_background_is_saved_and_checked(background, tmp_path):
    path = tmp_path / "background.npz"
    background.save(path)
    again = Background.load(path)
    assert again.digest == background.digest
    np.testing.assert_array_equal(again.rgb, background.rgb)
    np.testing.assert_array_equal(again.holes, background.holes)
    first = path.read_bytes()
    background.save(path)
    assert path.read_bytes() == first
    np.savez(path, rgb=again.rgb, holes=again.holes * 0, frames=again.frames, digest=again.digest)
    with pytest.raises(UserError, match="do not have the digest"):
        Background.load(path)


def test_pictures_of_meteoswiss_without_a_map(radar_folder):
    from PIL import Image

    paths, times = find_pictures(radar_folder("mch"), r"AQC(\d{9})", "%y%j%H%M")
    assert str(times[0]) == "2015-05-15T15:45:00"
    assert set(np.diff(times).astype(int)) == {300}
    number = np.stack([np.asarray(Image.open(path)) for path in paths[:4]])
    recovery = recover(read_pictures(paths[:4]), None, find_palette("mch"))
    np.testing.assert_array_equal(recovery.missing, number == 255)
    wet = (number > 1) & (number < 255)
    np.testing.assert_array_equal(recovery.classes, np.where(wet, number - 1, 0))
    assert recovery.grey[~wet].max() == 0
    assert recovery.report.unknown == 0
