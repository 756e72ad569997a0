"""`hypernet retouch apply`: photographs, folders and films; what is said, kept and refused."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image, ImageFilter

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.retouch import trained
from hypernet.retouch.core import adjustments as core
from hypernet.retouch.core.adjustments import Adjustments
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.lut import largest_error, lattice
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.cube_files import read_cube, write_cube
from hypernet.retouch.sources.formats.wide_colours import beyond_srgb
from hypernet.retouch.sources.image_files import Photograph, read_photograph
from hypernet.retouch.sources.map_files import read_map, write_map
from hypernet.retouch.tools import apply as module
from hypernet.retouch.tools import films, looks
from hypernet.retouch.tools.apply import apply
from hypernet.retouch.tools.deliverables import Retouched
from hypernet.retouch.tools.looks import Recipe, SavedMap

AWKWARD = "a <script>alert(1)<|script> & 'ü' \u202egnp.png"


class OfMaps:
    """Brightens as much as the thumbnail is dark."""

    method, title, size, is_map = "stand-in", "nothing", 16, True

    def __init__(self):
        self.seen = []

    def colour_maps(self, thumbnails):
        self.seen.append(thumbnails)
        return [
            ColourMap(ColourMap.identity().matrix * (2 - small.mean()) + gentle().matrix - np.eye(3, 10, 6))
            for small in thumbnails
        ]


class OfImages:
    """Turns colours into their negatives: no colour map, as far as it tells."""

    method, title, size, is_map = "negative", "nothing", 16, False

    def colour_maps(self, thumbnails):
        raise AssertionError

    def retouch(self, pixels):
        return (255 - pixels) if pixels.dtype == np.uint8 else (1 - pixels)


def gentle() -> ColourMap:
    """A map that changes every term, and neither folds nor clips much."""
    start = ColourMap.identity().matrix
    return ColourMap(0.9 * start + 0.03 + np.random.default_rng(4).normal(0, 0.02, start.shape))


def folding() -> ColourMap:
    """Grey rises to 0.7 of the scale and falls then: T(x) = 2.8 x - 2 x² in all channels."""
    matrix = 2.8 * ColourMap.identity().matrix
    matrix[[0, 1, 2], [0, 1, 2]] = -2
    return ColourMap(matrix)


def scene(rows: int = 30, columns: int = 44, dtype: type = np.uint8) -> np.ndarray:
    """Smooth colours with a little noise."""
    y, x = np.mgrid[:rows, :columns]
    waves = np.stack([0.5 + 0.3 * np.sin(x / 9), 0.5 + 0.3 * np.cos(y / 7), 0.5 + 0.3 * np.sin((x + y) / 11)], axis=2)
    noisy = waves + np.random.default_rng(0).normal(0, 0.03, waves.shape)
    return np.round(np.iinfo(dtype).max * np.clip(noisy, 0, 1)).astype(dtype)


def exactly(colour_map: ColourMap, pixels: np.ndarray) -> np.ndarray:
    """What a map makes of integers, in float64."""
    white = np.iinfo(pixels.dtype).max
    return np.floor(np.clip(colour_map(pixels / white), 0, 1) * white + 0.5)


def write(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def look(tmp_path):
    """A saved map."""
    write_map(tmp_path / "look.json", gentle(), {})
    return tmp_path / "look.json"


@pytest.fixture
def model(monkeypatch, tmp_path):
    """A model's file that opens as the stand-in of this name."""
    monkeypatch.setattr(trained, "open_model", lambda path: {"maps.ckpt": OfMaps, "images.ckpt": OfImages}[path.name]())
    return lambda name: tmp_path / f"{name}.ckpt"


def run(*arguments):
    return main(["retouch", "apply", *map(str, arguments)])


# --- the function -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_model_s_map_at_full_size(dtype):
    model, pixels = OfMaps(), scene(dtype=dtype)
    made = apply(pixels, model=model)
    (seen,) = model.seen
    np.testing.assert_array_equal(seen, thumbnail(pixels, 16)[None])
    assert made.pixels.dtype == dtype
    assert made.strength == 1
    assert np.abs(made.pixels - exactly(made.colour_map, pixels)).max() <= 1
    # Strength and sliders come after what the model says.
    sliders = Adjustments(exposure=-0.5, saturation=-30)
    again = apply(pixels, model=model, strength=0.4, adjustments=sliders)
    expected = core.adjusted(made.colour_map, sliders, 0.4)
    np.testing.assert_allclose(again.colour_map.matrix, expected.matrix)
    assert np.abs(again.pixels - exactly(expected, pixels)).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strength_zero_and_the_identity_give_the_photograph_back(dtype):
    pixels = scene(dtype=dtype)
    assert np.array_equal(apply(pixels, colour_map=folding(), strength=0).pixels, pixels)
    assert np.array_equal(apply(pixels, colour_map=ColourMap.identity()).pixels, pixels)
    identity = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij"), axis=-1)
    assert np.array_equal(apply(pixels, lut=identity).pixels, pixels)


def test_floats_are_given_back_as_floats():
    pixels = (scene() / 255).astype(np.float64)
    made = apply(pixels, colour_map=gentle())
    assert made.pixels.dtype == np.float32
    np.testing.assert_allclose(made.pixels, gentle()(pixels), atol=1e-6)


def test_colours_outside_srgb_are_mapped_and_not_cut_and_the_model_does_not_see_them():
    wide = (scene() / 255 * 1.6 - 0.3).astype(np.float32)
    model = OfMaps()
    made = Retouched.of("wide", Photograph(wide), model, Recipe())
    assert model.seen[0].min() >= 0
    assert model.seen[0].max() <= 1
    inside = wide.clip(0, 1)
    # The map of what lies inside, and beside it the light that lies outside.
    beside = beyond_srgb(wide, made.colour_map(inside).astype(np.float32))
    np.testing.assert_allclose(made.pixels, beside, atol=1e-5)
    within = (wide == inside).all(axis=2)
    np.testing.assert_allclose(made.pixels[within], made.colour_map(wide[within]), atol=2e-6)
    assert made.pixels.min() < -0.05
    assert made.pixels.max() > 1.1


def test_a_map_that_folds_is_taken_back_until_it_does_not():
    bright = scene()
    bright[0, 0] = 255
    made = apply(bright, colour_map=folding(), strength=1.2)
    # (1 - a) x + a (2.8 x - 2 x²) rises up to x = 1 where 1 + 1.8 a - 4 a >= 0.
    assert made.strength == pytest.approx(1 / 2.2, abs=2e-3)
    assert made.strength <= 1 / 2.2 + 2e-3
    assert not made.colour_map.folds
    np.testing.assert_allclose(made.colour_map.matrix, folding().at_strength(made.strength).matrix)
    assert re.search(r"some brighter greys darker: its strength is reduced from 1.2 to 0.45\d", made.summary())
    kept = apply(bright, colour_map=folding(), strength=1.2, allow_fold=True)
    assert kept.strength == 1.2
    assert kept.colour_map.folds
    assert "warning: photo: some brighter greys become darker ones" in kept.summary()
    assert apply(bright, colour_map=folding(), strength=0.4).notes == ()


def test_a_dark_photograph_is_brightened_by_a_map_that_folds_beyond_it(tmp_path):
    # Grey turns at 0.7, and the brightest level is 0.4.
    dark = write(tmp_path / "dark.png", (scene() * 0.4).astype(np.uint8))
    made = apply(dark, colour_map=folding())
    assert made.strength == 1
    assert not any("greys" in note for note in made.notes)
    np.testing.assert_array_equal(made.pixels, exactly(folding(), read_photograph(dark).pixels))
    most = read_photograph(dark).pixels.max() / 255
    for words in (made.save_matrix(tmp_path / "look.json"), made.save_lut(tmp_path / "look.cube")):
        assert f"; for this photograph: greys brighter than its brightest, {most:.2f} of white, may become" in words
    again = apply(dark, colour_map=tmp_path / "look.json")
    np.testing.assert_array_equal(again.pixels, made.pixels)
    bright = write(tmp_path / "bright.png", scene(40, 50) | 128)
    assert apply(bright, colour_map=tmp_path / "look.json").strength < 1
    assert "for this photograph" not in apply(bright, colour_map=tmp_path / "look.json").save_lut(tmp_path / "b.cube")


def test_sliders_alone_may_fold_and_say_so():
    # Red rises slower than the others: with much saturation it falls.
    matrix = ColourMap.identity().matrix * [[0.3], [1], [1]]
    made = apply(scene(), colour_map=ColourMap(matrix), adjustments=Adjustments(saturation=100))
    assert made.strength == 1
    assert "warning: photo: some brighter greys become darker ones" in made.summary()


def test_what_is_clipped_and_what_is_uniform_is_told():
    brighter = ColourMap(1.5 * ColourMap.identity().matrix)
    made = apply(scene(200, 200), colour_map=brighter)
    outside = (1.5 * scene(200, 200) / 255 > 1 + 0.5 / 255).mean()
    assert made.clipped == pytest.approx(outside, abs=1e-12)
    assert f"{outside:.1%} of the channel values fall outside [0, 1] and are clipped" in made.summary()
    assert apply(scene(), colour_map=gentle()).summary() == ""
    flat = apply(np.full((20, 20, 3), 77, np.uint8), colour_map=gentle())
    assert str(flat).startswith("Retouched(photo, 20 x 20, a saved map, strength 1)\nwarning: photo: all of it")
    assert flat.summary() == "warning: photo: all of it has nearly one colour; a look has little to go by"


def test_a_large_photograph_is_looked_at_in_part():
    brighter = ColourMap(1.5 * ColourMap.identity().matrix)
    large = scene(700, 700)
    share = (1.5 * large / 255 > 1 + 0.5 / 255).mean()
    assert apply(large, colour_map=brighter).clipped == pytest.approx(share, abs=5e-3)


def test_a_method_of_whole_images_has_strength_and_sliders_too(monkeypatch):
    monkeypatch.setattr(looks, "PIXELS_AT_ONCE", 100)
    pixels = scene()
    made = apply(pixels, model=OfImages())
    assert np.array_equal(made.pixels, 255 - pixels)
    assert (made.colour_map, made.clipped) == (None, None)
    quarter = apply(pixels, model=OfImages(), strength=0.25)
    assert np.array_equal(quarter.pixels, np.floor(0.75 * pixels + 0.25 * (255 - pixels) + 0.5))
    beyond = apply(pixels, model=OfImages(), strength=1.5)
    assert np.array_equal(beyond.pixels, np.floor(np.clip(-0.5 * pixels + 1.5 * (255.0 - pixels), 0, 255) + 0.5))
    grey = apply(pixels, model=OfImages(), adjustments=Adjustments(saturation=-100)).pixels
    assert np.ptp(grey, axis=2).max() <= 1
    for save, name in ((made.save_matrix, "a.json"), (made.save_lut, "a.cube"), (made.save_page, "a.html")):
        with pytest.raises(UserError, match="negative: makes whole images and no colour map"):
            save(name)
    wide = Retouched.of("wide", Photograph((pixels / 255 * 1.5).astype(np.float32)), OfImages(), Recipe())
    assert wide.notes == ("negative: colours outside sRGB are brought into it",)
    np.testing.assert_allclose(wide.pixels, 1 - np.clip(pixels / 255 * 1.5, 0, 1), atol=1e-6)


def test_a_saved_lut_is_the_map_within_its_error(tmp_path):
    write_cube(tmp_path / "look.cube", lattice([gentle()]), "mine")
    for dtype, atol in ((np.uint8, 1), (np.uint16, 20)):
        expected = apply(scene(dtype=dtype), colour_map=gentle()).pixels
        made = apply(scene(dtype=dtype), lut=tmp_path / "look.cube").pixels
        assert made.dtype == dtype
        assert np.abs(made.astype(int) - expected).max() <= atol


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (np.zeros((20, 20), np.uint8), r"photo: uint8 \[20, 20\]; accepted: uint8, uint16 or float in \[0, 1\]"),
        (np.zeros((20, 20, 4), np.uint8), r"photo: uint8 \[20, 20, 4\]"),
        (np.zeros((7, 20, 3), np.uint8), r"photo: uint8 \[7, 20, 3\].* 8 x 8 or larger"),
        (np.zeros((20, 20, 3), np.int64), "photo: int64"),
        (np.full((20, 20, 3), np.nan), "photo: values from nan to nan"),
        (np.full((20, 20, 3), 1.5), "photo: values from 1.5 to 1.5"),
        ("absent.jpg", "absent.jpg: no such file"),
    ],
)
def test_photographs_that_are_refused(photo, reason):
    with pytest.raises(UserError, match=reason):
        apply(photo, colour_map=gentle())


def test_exactly_one_look_is_taken(look):
    for given in ({}, {"colour_map": look, "lut": look}, {"model": OfMaps(), "colour_map": gentle()}):
        with pytest.raises(UserError, match="give one of a model, a colour map and a LUT"):
            apply(scene(), **given)
    with pytest.raises(UserError, match=r"strength: 1\.6; accepted: 0 to 1\.5"):
        apply(scene(), colour_map=look, strength=1.6)


# --- what is written of one photograph ----------------------------------------------------------------------------


def test_the_written_map_and_lut_make_the_same_picture(model, tmp_path, capsys):
    photo = write(tmp_path / "photo.png", scene())
    extras = ["--matrix", tmp_path / "mine.json", "--lut", tmp_path / "mine.cube", "--page", tmp_path / "mine.html"]
    amounts = ["--strength", 0.8, "--exposure", 0.2, "--tint", -20]
    assert run(photo, "--model", model("maps"), "--out", tmp_path / "made.png", *amounts, *extras) == 0
    printed = capsys.readouterr().out
    made = np.asarray(Image.open(tmp_path / "made.png")).astype(int)
    assert np.array_equal(
        made, apply(scene(), model=OfMaps(), strength=0.8, adjustments=Adjustments(0.2, 0, -20)).pixels
    )
    assert run(photo, "--from-matrix", tmp_path / "mine.json", "--out", tmp_path / "again.png") == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "again.png")), made)
    error = float(re.search(r"within (\d+\.\d+) levels of 255", printed)[1])
    assert run(photo, "--from-lut", tmp_path / "mine.cube", "--out", tmp_path / "again.png") == 0
    assert np.abs(np.asarray(Image.open(tmp_path / "again.png")) - made).max() <= error + 1
    # Another reader and another program.
    table = np.loadtxt(tmp_path / "mine.cube", skiprows=5, comments="#")
    assert np.array_equal(table.reshape(33, 33, 33, 3).transpose(2, 1, 0, 3).astype(np.float32),
                          read_cube(tmp_path / "mine.cube"))  # fmt: skip
    by_pillow = Image.fromarray(scene()).filter(ImageFilter.Color3DLUT(33, table.ravel().tolist()))
    assert np.abs(np.asarray(by_pillow).astype(int) - made).max() <= error + 1
    assert "mine.html: a page before and after" in printed
    assert "mine.json: the quadratic colour map, 3 x 10 numbers" in printed
    assert read_map(tmp_path / "mine.json").basis == "quadratic"


def test_without_out_only_what_was_asked_for_is_written(look, tmp_path):
    photo = write(tmp_path / "photo.png", scene())
    assert run(photo, "--from-matrix", look, "--matrix", tmp_path / "new" / "mine.json") == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["look.json", "mine.json", "new", "photo.png"]


def test_camera_files_keep_what_they_say(look, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (48.0, 12.0, 3.0)
    photo = write(tmp_path / "photo.jpg", scene(64, 96), exif=exif, quality=95)
    assert run(photo, "--from-matrix", look, "--out", tmp_path / "a.jpg", "--quality", 100) == 0
    assert run(photo, "--from-matrix", look, "--out", tmp_path / "b.jpg", "--strip-location") == 0
    made, stripped = Image.open(tmp_path / "a.jpg"), Image.open(tmp_path / "b.jpg")
    assert made.size == (64, 96)
    assert (made.getexif()[0x0112], made.getexif()[0x010F]) == (1, "Maker")
    assert made.getexif().get_ifd(0x8825)[1] == "N"
    assert not stripped.getexif().get_ifd(0x8825)
    assert stripped.getexif()[0x010F] == "Maker"
    expected = exactly(gentle(), read_photograph(photo).pixels)
    assert np.abs(np.asarray(made).astype(int) - expected).mean() < 1


def test_opacity_and_sixteen_bits_stay(look, tmp_path):
    opacity = np.tile(np.linspace(0, 255, 44).astype(np.uint8), (30, 1))
    photo = write(tmp_path / "photo.png", np.dstack([scene(), opacity]))
    assert run(photo, "--from-matrix", look, "--out", tmp_path / "made.png") == 0
    made = np.asarray(Image.open(tmp_path / "made.png"))
    assert np.array_equal(made[..., 3], opacity)
    assert np.abs(made[..., :3] - exactly(gentle(), scene())).max() <= 1
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "deep.tif", scene(dtype=np.uint16), photometric="rgb")
    assert run(tmp_path / "deep.tif", "--from-matrix", look, "--out", tmp_path / "made.tif") == 0
    made = tifffile.imread(tmp_path / "made.tif")
    assert made.dtype == np.uint16
    assert np.abs(made - exactly(gentle(), scene(dtype=np.uint16))).max() <= 1


# --- folders and several -----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A photographer's folder: photographs, folders below, files of other programs, and two that are broken."""
    folder = tmp_path / "given folder"
    (folder / "below").mkdir(parents=True)
    (folder / ".trash").mkdir()
    for name in (AWKWARD, "below/b.JPG", "c.bmp", ".trash/old.png", "._c.png"):
        write(folder / name, scene())
    whole = write(folder / "d.jpg", scene(200, 200)).read_bytes()
    (folder / "d.jpg").write_bytes(whole[: len(whole) // 3])
    (folder / "e.png").write_text("hello")
    for name in ("notes.txt", "photo.xmp", "Thumbs.db", "clip.mov"):
        (folder / name).write_text("mine")
    return folder


def test_a_folder_is_made_but_for_what_is_broken(look, folder, tmp_path, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    out = tmp_path / "made"
    assert run(folder, "--from-matrix", look, "--out", out) == 2
    printed = capsys.readouterr()
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    # BMP is read and not written.
    assert made == [AWKWARD, "below/b.JPG", "c.tif"]
    assert np.abs(np.asarray(Image.open(out / AWKWARD)) - exactly(gentle(), scene())).max() <= 1
    lines = printed.err.splitlines()
    assert re.fullmatch(r"left out: .*d\.jpg: not a picture that can be read \(.*\)", lines[0])
    assert re.fullmatch(r"left out: .*e\.png: not a picture of a known format; accepted: .*", lines[1])
    assert lines[2:] == ["hypernet: 2 of 5 files were left out, for the reasons above"]
    assert f"{folder}: left out, no photographs by their names: notes.txt" in printed.out
    assert f"{folder}: left out, films; name them by themselves: clip.mov" in printed.out
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    # Again, over what is there, in another format beside.
    for name in ("d.jpg", "e.png"):
        (folder / name).unlink()
    assert run(folder, "--from-matrix", look, "--out", out, "--format", "webp") == 0
    assert len(list(out.rglob("*.webp"))) == 3


def test_several_files_go_to_a_folder(look, folder, tmp_path):
    out = tmp_path / "made"
    photo = write(tmp_path / "photo.png", scene())
    assert run(photo, folder / "c.bmp", "--from-matrix", look, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["c.tif", "photo.png"]
    # One to a folder that is there, and one to a name without an ending.
    for place in (out, tmp_path / "other"):
        assert run(folder / AWKWARD, "--from-matrix", look, "--out", place) == 0
        assert (place / AWKWARD).is_file()


def test_a_film_goes_to_the_tool_of_films(model, tmp_path, monkeypatch, capsys):
    asked = []

    class Report:
        def summary(self):
            return "250 frames\nno cuts"

    def retouch_film(path, out, look, **options):
        asked.append((path.name, out.name, look.method, options))
        return Report()

    monkeypatch.setattr(films, "retouch_film", retouch_film)
    for name in ("a.mp4", "b.AVI"):
        (tmp_path / name).write_bytes(b"film")
    out = tmp_path / "made.mkv"
    amounts = ["--strength", 0.5, "--contrast", 10, "--smoothing", 0.2, "--offline", "--strip-location", "--allow-fold"]
    assert run(tmp_path / "a.mp4", "--model", model("maps"), "--out", out, *amounts) == 0
    given = {
        "strength": 0.5, "adjustments": Adjustments(contrast=10), "allow_fold": True, "smoothing_s": 0.2,
        "offline": True, "strip_location": True,
    }  # fmt: skip
    assert asked == [("a.mp4", "made.mkv", "stand-in", given)]
    assert capsys.readouterr().out == f"{out}: 250 frames\n{out}: no cuts\n"
    photo = write(tmp_path / "photo.png", scene())
    several = [tmp_path / "a.mp4", tmp_path / "b.AVI", photo]
    assert run(*several, "--model", model("maps"), "--out", tmp_path / "made") == 0
    assert [names[:2] for names in asked[1:]] == [("a.mp4", "a.mp4"), ("b.AVI", "b.mp4")]
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["photo.png"]
    # Without --smoothing the tool of films decides.
    assert "smoothing_s" not in asked[1][3]


# --- what is refused ----------------------------------------------------------------------------------------------


def test_what_is_refused_is_a_line_and_changes_nothing(model, look, folder, tmp_path, capsys):
    photo = write(tmp_path / "photo.png", scene())
    (tmp_path / "clip.mp4").write_bytes(b"film")
    (tmp_path / "empty").mkdir()
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in ("a.png", "a.bmp", "a.jpg"):
        write(twice / name, scene())
    (tmp_path / "look.cube").write_text("hello")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    out, saved = tmp_path / "made.png", ["--from-matrix", look]
    for reason, arguments in (
        ("give one of --model, --from-matrix and --from-lut", [photo, "--out", out]),
        ("give one of --model", [photo, "--out", out, *saved, "--from-lut", tmp_path / "look.cube"]),
        ("look.cube, line 1: 'hello' is neither a node", [photo, "--out", out, "--from-lut", tmp_path / "look.cube"]),
        ("nothing to write: give --out, --matrix, --lut or --page", [photo, *saved]),
        ("--out .*photo.png: this file is read by the same command", [photo, *saved, "--out", photo]),
        ("--out .*photo.png: this file is read by the same command", [photo, *saved, "--out", tmp_path]),
        ("--matrix .*look.json: this file is read by the same", [photo, *saved, "--matrix", look]),
        ("--lut .*x.cube: this file is written by --out|--out .*must end", [photo, *saved, "--out", "x.cube", "--lut",
                                                                        "x.cube"]),
        ("--matrix .*a.txt: the name must end in .json", [photo, *saved, "--matrix", "a.txt"]),
        ("--page .*empty: the name must end in .html", [photo, *saved, "--page", tmp_path / "empty"]),
        ("--page: is of one photograph", [folder, *saved, "--page", "a.html", "--out", tmp_path / "m"]),
        ("--lut: is of one photograph", [photo, photo, *saved, "--lut", "a.cube"]),
        ("--matrix: is of one photograph", [tmp_path / "clip.mp4", *saved, "--matrix", "a.json"]),
        ("negative: makes whole images and no colour map", [photo, "--model", model("images"), "--lut", "a.cube",
                                                            "--out", out]),
        ("--smoothing, --offline: are of films; none is given", [photo, *saved, "--out", out, "--offline"]),
        ("--from-lut: is of photographs; on films ffmpeg", [tmp_path / "clip.mp4", "--from-lut", tmp_path / "look.cube",
                                                            "--out", tmp_path / "a.mp4"]),
        ("--out .*a.heic: the name must end in .jpg, .jpeg, .png", [photo, *saved, "--out", tmp_path / "a.heic"]),
        ("--out .*a.png: the name must end in .mp4", [tmp_path / "clip.mp4", *saved, "--out", tmp_path / "a.png"]),
        ("--format: is of the files in a folder", [photo, *saved, "--out", out, "--format", "png"]),
        ("--out .*given folder: lies in the folder that is read", [folder, *saved, "--out", folder]),
        ("--out .*new: lies in the folder that is read", [folder, *saved, "--out", folder / "new"]),
        ("--out .*made.png: this is a file; name a folder", [folder, *saved, "--out", out]),
        ("--out .*look.json: this is a file; name a folder", [photo, folder, *saved, "--out", look]),
        ("--out .*a.png: would be written of both .*a.bmp and .*a.jpg", [twice, *saved, "--out", tmp_path / "m",
                                                                         "--format", "png"]),
        ("empty: no photographs in it; accepted: JPEG, PNG", [tmp_path / "empty", *saved, "--out", tmp_path / "m"]),
        ("absent: no such file or folder", [tmp_path / "absent", *saved, "--out", tmp_path / "m"]),
        ("'2' is not a number from 0 to 1.5", [photo, *saved, "--out", out, "--strength", 2]),
        ("'nan' is not a number from -3 to 3", [photo, *saved, "--out", out, "--exposure", "nan"]),
        ("invalid choice: 'gif'", [folder, *saved, "--out", tmp_path / "m", "--format", "gif"]),
    ):  # fmt: skip
        assert run(*arguments) == 2, reason
        printed = capsys.readouterr()
        assert printed.err.count("\n") == 1, printed.err
        assert re.search(reason, printed.err), (reason, printed.err)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_file_that_cannot_be_written_does_not_end_a_folder(look, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    # Beside so long a name there is no room for a temporary one.
    names = ["a.png", "b" * 251 + ".png", "c.png"]
    for name in names:
        write(tmp_path / "in" / name, scene())
    assert run(tmp_path / "in", "--from-matrix", look, "--out", tmp_path / "made") == 2
    printed = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["a.png", "c.png"]
    assert re.search(r"left out: .*b\.png: cannot be written \(File name too long\)", printed.err)
    assert "1 of 3 files were left out" in printed.err


def test_links_to_folders_are_named_and_not_followed(look, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.png", scene())
    (tmp_path / "in" / "loop").symlink_to("..", target_is_directory=True)
    assert run(tmp_path / "in", "--from-matrix", look, "--out", tmp_path / "made") == 0
    assert "left out, links to folders; name them by themselves: loop" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "made").rglob("*")] == ["a.png"]


def test_a_folder_whose_name_has_an_ending_is_a_folder(look, tmp_path):
    photo = write(tmp_path / "photo.png", scene())
    (tmp_path / "album.png").mkdir()
    assert run(photo, "--from-matrix", look, "--out", tmp_path / "album.png") == 0
    assert [path.name for path in (tmp_path / "album.png").iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    "lattice",
    [
        np.zeros((3, 3, 3)),
        np.zeros((2, 3, 3, 3)),
        np.zeros((1, 1, 1, 3)),
        np.zeros((2, 2, 2, 4)),
        np.full((2, 2, 2, 3), np.nan),
        np.full((2, 2, 2, 3), 255, np.uint8),
        3,
    ],
)
def test_an_array_that_is_no_look_up_table_is_refused(lattice):
    with pytest.raises(UserError, match=r"^the look-up table: .*accepted: finite floats \[S, S, S, 3\]"):
        apply(scene(), lut=lattice)


def test_an_array_is_no_colour_map():
    with pytest.raises(UserError, match=r"the colour map: a ndarray; accepted: a ColourMap"):
        apply(scene(), colour_map=gentle().matrix)


def test_the_error_of_a_look_up_table_is_not_said_smaller_than_it_is(tmp_path):
    made = apply(scene(), colour_map=gentle())
    stated = float(re.search(r"within (\d+\.\d+) levels", made.save_lut(tmp_path / "look.cube"))[1])
    assert stated >= largest_error([made.colour_map], read_cube(tmp_path / "look.cube")) > stated - 0.011


def test_a_single_broken_photograph_is_one_line(look, tmp_path, capsys):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0broken")
    assert run(tmp_path / "photo.jpg", "--from-matrix", look, "--out", tmp_path / "made.jpg") == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "photo.jpg: not a picture that can be read" in printed.err
    assert not (tmp_path / "made.jpg").exists()


# --- the command line ---------------------------------------------------------------------------------------------


def test_its_help_knows_the_sliders_and_imports_nothing_slow():
    assert list(module.SLIDERS) == [field.name for field in fields(Adjustments)]
    assert (module.MOST_STRENGTH, module.MOST_EXPOSURE, module.MOST_OF_A_SLIDER) == (
        core.MOST_STRENGTH, core.EXPOSURE_RANGE, core.RANGE,
    )  # fmt: skip
    program = "import sys; from hypernet.cli import main\n"
    program += "try: main(['retouch', 'apply', '--help'])\nexcept SystemExit: print(sorted(sys.modules))"
    words = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "--strip-location" in words
    assert not {"'torch'", "'PIL'", "'av'", "'jinja2'"} & set(re.findall(r"'\w+'", words))


def test_a_real_photograph(mirror, look, tmp_path):
    photo = mirror / "kodak" / "kodim04.png"
    assert run(photo, "--from-matrix", look, "--strength", 0.7, "--out", tmp_path / "made.png") == 0
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    off = np.abs(np.asarray(Image.open(tmp_path / "made.png")) - exactly(gentle().at_strength(0.7), pixels))
    assert off.max() <= 1
    assert off.mean() < 1e-3


def test_a_saved_map_is_a_look_like_any_other():
    look = SavedMap(gentle(), "look.json")
    assert np.array_equal(look.retouch(scene()), apply(scene(), model=look).pixels)
    assert len(look.colour_maps(np.zeros((3, 64, 64, 3), np.float32))) == 3
