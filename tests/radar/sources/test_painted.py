"""Folders of pictures of any service, by a palette: GIF and PNG, plain, over a map, or with transparency."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.radar.sources.palette import COLUMNS, find_palette
from hypernet.radar.sources.pictures import (
    PictureSettings,
    colour_list,
    draw,
    scene,
    write_pictures,
)
from hypernet.radar.sources.readers import read_files
from hypernet.radar.sources.readers.painted import TRAINING_SHARE

SIZE = 40
SIMULATED = find_palette("simulated")
COLOURS = colour_list(SIMULATED)
START = np.datetime64("2015-03-31T23:40")
# Three classes of rain, dry, and no data.
TABLE = [
    ("rain", 0, 0, 255, 10, 20, "dBZ"),
    ("rain", 0, 255, 0, 20, 30, "dBZ"),
    ("rain", 255, 0, 0, 30, "", "dBZ"),
    ("dry", 255, 255, 255, "", "", ""),
    ("missing", 128, 128, 128, "", "", ""),
]
# Dry, three classes, missing.
RGB = np.array([[255, 255, 255], [0, 0, 255], [0, 255, 0], [255, 0, 0], [128, 128, 128]], np.uint8)
DBZ = np.array([0, 15, 25, 30, 0])


def palette_file(folder, rows=TABLE):
    lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]
    (folder / "palette.csv").write_text("\n".join(lines) + "\n")
    return folder / "palette.csv"


def numbers(images=4):
    return np.random.default_rng(0).integers(0, 5, (images, 6, 8)).astype(np.uint8)


def save(folder, classes, name="rain_20150331{0:02d}40.png", mode="RGB", colours=RGB, **options):
    folder.mkdir(exist_ok=True)
    paths = []
    for hour, picture in enumerate(classes):
        paths.append(folder / name.format(hour))
        if mode == "P":
            image = Image.fromarray(picture)
            image.putpalette(colours.tobytes())
        else:
            image = Image.fromarray(colours[picture])
        image.save(paths[-1], **options)
    return paths


def dbz(sequence):
    return sequence.grey / 255 * 70


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", "png"), ("P", "png"), ("P", "gif"), ("RGBA", "png")])
def test_pictures_of_every_kind(tmp_path, capsys, mode, suffix):
    classes = numbers()
    colours = np.hstack([RGB, np.full((5, 1), 255, np.uint8)]) if mode == "RGBA" else RGB
    save(tmp_path / "rain", classes, f"rain_20150331{{0:02d}}40.{suffix}", mode, colours)
    settings = PictureSettings(palette_file(tmp_path), pixel_km=2.0, projection="+proj=aeqd +lat_0=50 +lon_0=5")
    sequence = read_files(tmp_path / "rain", form="pictures", pictures=settings)
    assert dbz(sequence) == pytest.approx(DBZ[classes], abs=0.14)
    assert np.array_equal(sequence.missing, classes == 4)
    assert (sequence.time == np.datetime64("2015-03-31T00:40") + np.arange(4) * np.timedelta64(1, "h")).all()
    assert sequence.x.tolist() == [-7000, -5000, -3000, -1000, 1000, 3000, 5000, 7000]
    assert sequence.y.tolist() == [5000, 3000, 1000, -1000, -3000, -5000]
    assert "+lat_0=50" in sequence.projection
    assert capsys.readouterr().err == ""


def test_files_are_pictures_where_a_palette_is_given(tmp_path, capsys):
    paths = save(tmp_path / "rain", numbers(), "{0:02d}h 2015-03-31.png")
    settings = PictureSettings(palette_file(tmp_path / "rain"), r"(\d\d)h (\d{4}-\d\d-\d\d)", "%H%Y-%m-%d")
    sequence = read_files(reversed(paths), pictures=settings)
    assert sequence.time[1] == np.datetime64("2015-03-31T01:00")
    note = capsys.readouterr().err
    assert "the width of a pixel is not said: 1 km was taken" in note
    assert np.diff(sequence.x)[0] == 1000
    # The palette that lies among them is none.
    assert np.array_equal(read_files(tmp_path / "rain", pictures=settings).grey, sequence.grey)
    assert "1 files are no pictures" in capsys.readouterr().err


def test_transparent_pixels_are_dry(tmp_path, capsys):
    """A layer for maps: colours with a little transparency, nothing where it does not rain."""
    classes = numbers()
    colours = np.array([[0, 0, 0, 0], *([*rgb, 180] for rgb in RGB[1:].tolist())], np.uint8)
    save(tmp_path / "rain", classes, colours=colours)
    settings = PictureSettings(palette_file(tmp_path, [row for row in TABLE if row[0] != "dry"]), pixel_km=1)
    sequence = read_files(tmp_path / "rain", form="pictures", pictures=settings)
    assert dbz(sequence) == pytest.approx(DBZ[classes], abs=0.14)
    assert "transparent pixels count as dry" in capsys.readouterr().err


def test_a_transparent_colour_of_a_gif(tmp_path):
    classes = numbers()
    save(tmp_path / "rain", classes, "rain_20150331{0:02d}40.gif", "P", transparency=0)
    settings = PictureSettings(palette_file(tmp_path, [row for row in TABLE if row[0] != "dry"]), pixel_km=1)
    assert dbz(read_files(tmp_path / "rain", pictures=settings)) == pytest.approx(DBZ[classes], abs=0.14)


def rain_over_a_map(folder, images, dry):
    classes = np.random.default_rng(1).integers(0, 15, (images, SIZE // 4, SIZE // 4)).astype(np.uint8)
    classes = classes.repeat(4, axis=1).repeat(4, axis=2)
    classes[:dry] = 0
    write_pictures(folder, draw(classes, scene(0, SIZE), seed=1, index=0), COLOURS, START)
    return classes


def test_the_map_is_found_in_many_pictures(tmp_path, capsys):
    images, dry = 60, 24
    classes = rain_over_a_map(tmp_path, images, dry)
    sequence = read_files(tmp_path, pictures=PictureSettings("simulated", pixel_km=1))
    centres = np.array([0, *(5 * np.arange(1, 14) + 2.5), 70])
    right = np.abs(dbz(sequence) - centres[classes]) < 0.2
    where = scene(0, SIZE)
    assert right[:, (where.lines == 0) & (where.clutter == 0)].all()
    # Lines and clutter are filled from around them: wrong at the edges of the squares alone.
    assert right.mean() > 0.95
    note = capsys.readouterr().err
    # Never in the last part in time, which a test of training may be.
    assert f"found in {int(TRAINING_SHARE * images)} of the first {int(TRAINING_SHARE * images)} pictures" in note
    assert len(sequence.attributes["background_sha256"]) == 64


def test_four_pictures_over_a_map(tmp_path, capsys):
    """Too few to find the map in: its colours are those of the palette."""
    classes = rain_over_a_map(tmp_path, 4, 0)
    sequence = read_files(tmp_path, pictures=PictureSettings("simulated", pixel_km=1))
    centres = np.array([0, *(5 * np.arange(1, 14) + 2.5), 70])
    where = scene(0, SIZE)
    clear = (where.lines == 0) & (where.clutter == 0)
    assert dbz(sequence)[:, clear] == pytest.approx(centres[classes][:, clear], abs=0.2)
    assert "4 pictures are too few to find the map behind the rain (24)" in capsys.readouterr().err


def test_colours_that_are_a_little_off(tmp_path):
    classes = numbers()
    off = (RGB.astype(int) + np.array([[-3], [3], [3], [-3], [3]])).clip(0, 255).astype(np.uint8)
    save(tmp_path / "rain", classes, colours=off)
    path = palette_file(tmp_path)
    sequence = read_files(tmp_path / "rain", pictures=PictureSettings(path, tolerance=4, pixel_km=1))
    assert dbz(sequence) == pytest.approx(DBZ[classes], abs=0.14)
    with pytest.raises(UserError, match=r"rain_201503310040\.png: .* colours that palette palette lacks"):
        read_files(tmp_path / "rain", pictures=PictureSettings(path, pixel_km=1))


def test_many_pictures_are_read_in_parts(tmp_path, monkeypatch):
    from hypernet.radar.sources.readers import painted

    classes = numbers(5)
    save(tmp_path / "rain", classes)
    monkeypatch.setattr(painted, "AT_ONCE", 2 * 6 * 8)
    sequence = read_files(tmp_path / "rain", pictures=PictureSettings(palette_file(tmp_path), pixel_km=1))
    assert dbz(sequence) == pytest.approx(DBZ[classes], abs=0.14)
    save(tmp_path / "rain", numbers(1)[:, :3], "rain_2015033123{0:02d}.png")
    with pytest.raises(UserError, match="pictures of one size are needed"):
        read_files(tmp_path / "rain", pictures=PictureSettings(palette_file(tmp_path), pixel_km=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time_pattern": "("}, "not a regular expression"),
        ({"time_pattern": r"(\d{14})"}, "no time in the name"),
        ({"time_format": "%Y"}, "no time in the name"),
        ({"palette": "nothing"}, "palette nothing: no such file"),
        ({"tolerance": -1}, "tolerance -1; accepted: 0 to 64"),
        ({"tolerance": 255}, "tolerance 255"),
        ({"pixel_km": 0.0}, "pixel_km 0.0"),
        ({"pixel_km": float("nan")}, "pixel_km nan"),
        ({"projection": "somewhere"}, "projection 'somewhere' is none"),
        ({"projection": "+proj=longlat +nadgrids=/dev/zero"}, "needs no other file"),
    ],
)
def test_settings_that_are_refused(tmp_path, change, message):
    paths = save(tmp_path / "rain", numbers())
    facts = {"palette": palette_file(tmp_path), "pixel_km": 1.0} | change
    with pytest.raises(UserError, match=message) as caught:
        read_files(paths, pictures=PictureSettings(**facts))
    assert "\n" not in str(caught.value)


def test_pictures_need_a_palette(tmp_path):
    paths = save(tmp_path / "rain", numbers())
    with pytest.raises(UserError, match=r"PictureSettings\(palette="):
        read_files(paths, form="pictures")
    with pytest.raises(UserError, match="a picture does not say what its colours mean"):
        read_files(paths)
    with pytest.raises(UserError, match="form 'jpeg'; accepted: auto, fmi"):
        read_files(paths, form="jpeg")
    without_dry = palette_file(tmp_path, TABLE[:3])
    with pytest.raises(UserError, match="too few to find their map in, and palette palette has no dry or area colour"):
        read_files(paths, pictures=PictureSettings(without_dry))


def test_a_form_that_a_file_does_not_have(tmp_path):
    paths = save(tmp_path / "rain", numbers())
    with pytest.raises(UserError, match="not a binary PGM file"):
        read_files(paths, form="fmi")
