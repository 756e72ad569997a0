"""Both public layouts of FiveK are read, told apart from what only looks like them, and described for the record."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.fivek import LAYOUTS, fivek_folder, fivek_pairs, names_digest
from hypernet.retouch.sources.formats.profiles import PowerCurve, made_profile
from hypernet.retouch.sources.pairs import read_pair

Image = pytest.importorskip("PIL.Image")


def picture(path, size=(48, 32), profile=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4], "little")
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    if profile is not None:
        options["icc_profile"] = profile
    Image.fromarray(pixels).save(path, **options)
    return path


def srgb():
    cms = pytest.importorskip("PIL.ImageCms")
    return cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()


@pytest.fixture
def uegan(tmp_path):
    """As in the mirror: unpaired training pictures, two pairs to validate on and two to test on."""
    folder = tmp_path / "fivek"
    for split, names in (("val", ("a4970-x", "a4990-y.z")), ("test", ("a4670-x", "a4690-DSC_0005-1-2"))):
        for name in names:
            for side in ("raw", "label"):
                picture(folder / split / side / f"{name}.png")
    for name in ("a4485", "a4495"):
        picture(folder / "train" / "raw" / f"{name}.png", (64, 32), srgb())
    picture(folder / "train" / "exp" / "a2211.png", (32, 50), srgb())
    return folder


@pytest.fixture
def lut3d(tmp_path):
    """As its authors give it, with linear inputs beside those in sRGB."""
    folder = tmp_path / "fiveK"
    for name in ("a0001", "a0002", "a0003", "a0004", "a0005", "a0006"):
        for side in ("input", "expertC"):
            picture(folder / side / "JPG" / "480p" / f"{name}.jpg")
        picture(folder / "input" / "PNG" / "480p_16bits_XYZ_WB" / f"{name}.png")
    (folder / "train_input.txt").write_text("a0003\na0001\n")
    (folder / "train_label.txt").write_text("a0002\n")
    # Without an end of its last line, whose last letter the authors' program would lose.
    (folder / "test.txt").write_text("a0006\na0005")
    return folder


def names(pairs):
    return [pair.name for pair in pairs]


def test_pairs_of_uegan(uegan):
    read = fivek_pairs(uegan)
    assert {split: names(pairs) for split, pairs in read.splits.items()} == {
        "train": ["a4970-x", "a4990-y.z"],
        "test": ["a4670-x", "a4690-DSC_0005-1-2"],
    }
    assert read.splits["train"][1].input == uegan / "val" / "raw" / "a4990-y.z.png"
    assert read.splits["test"][0].target == uegan / "test" / "label" / "a4670-x.png"
    assert names_of(read.inputs) == ["a4485", "a4495"]
    assert names_of(read.targets) == ["a2211"]
    facts = read.facts
    assert facts["layout"] == "UEGAN"
    assert facts["unpaired"] == {"inputs": 2, "targets": 1}
    assert (facts["short_side"], facts["long_side"]) == ([32, 32], [48, 64])
    assert facts["notes"] == ["train has no pairs (unpaired by design): those of val are trained on"]
    assert facts["profiles"] == {"none, taken as sRGB": 8, "sRGB built-in": 3}


def names_of(paths):
    return [path.stem for path in paths]


def test_the_digest_of_a_split_is_of_its_sorted_names(uegan):
    expected = hashlib.sha256(b"a4670-x\na4690-DSC_0005-1-2\n").hexdigest()
    assert fivek_pairs(uegan).facts["splits"]["test"] == {"pairs": 2, "sha256": expected}
    assert names_digest(["b", "a"]) == names_digest(["a", "b"]) != names_digest(["ab"])


def test_pairs_to_train_on_keep_those_to_validate_on_apart(uegan):
    picture(uegan / "train" / "label" / "a4485.png", (64, 32))
    picture(uegan / "train" / "label" / "a4495.png", (64, 32))
    read = fivek_pairs(uegan)
    assert {split: len(pairs) for split, pairs in read.splits.items()} == {"train": 2, "val": 2, "test": 2}
    assert read.facts["notes"] == []


def test_pairs_of_3d_lut(lut3d):
    read = fivek_pairs(lut3d)
    assert names(read.splits["train"]) == ["a0001", "a0002", "a0003"]
    assert names(read.splits["test"]) == ["a0005", "a0006"]
    pair = read.splits["test"][0]
    assert pair.input == lut3d / "input" / "JPG" / "480p" / "a0005.jpg"
    assert pair.target == lut3d / "expertC" / "JPG" / "480p" / "a0005.jpg"
    assert names_of(read.inputs) == ["a0001", "a0003"]
    assert [path.relative_to(lut3d).as_posix() for path in read.targets] == ["expertC/JPG/480p/a0002.jpg"]
    assert read.facts["layout"] == "3D-LUT"
    assert read.facts["export"] == "input/JPG/480p and expertC/JPG/480p"
    assert read.facts["notes"] == [
        "other exports, not used: input/PNG/480p_16bits_XYZ_WB",
        "the training pairs are those of train_input.txt and train_label.txt together",
    ]


def test_a_single_training_list_with_endings(lut3d):
    for name in ("train_input.txt", "train_label.txt"):
        (lut3d / name).unlink()
    (lut3d / "train.txt").write_text("\ufeffa0002.jpg\r\n\r\na0001.dng.jpg\r\na0003\r\n", encoding="utf-8")
    for side in ("input", "expertC"):
        picture(lut3d / side / "JPG" / "480p" / "a0001.dng.jpg")
    read = fivek_pairs(lut3d)
    assert names(read.splits["train"]) == ["a0001.dng", "a0002", "a0003"]
    assert read.inputs == read.targets == ()


def test_exports_of_other_formats(lut3d):
    (lut3d / "expertC" / "JPG").rename(lut3d / "expertC" / "TIF")
    for path in (lut3d / "expertC" / "TIF" / "480p").iterdir():
        picture(path.with_suffix(".tif"))
        path.unlink()
    picture(lut3d / "input" / "JPG" / "full" / "a0001.jpg")
    read = fivek_pairs(lut3d)
    assert read.facts["export"] == "input/JPG/480p and expertC/TIF/480p"
    assert read.splits["train"][0].target.name == "a0001.tif"
    before, after = read_pair(read.splits["train"][0])
    assert before.shape == after.shape == (32, 48, 3)


def test_exports_of_several_resolutions_do_not_tell(lut3d):
    for side in ("input", "expertC"):
        (lut3d / side / "JPG" / "480p").rename(lut3d / side / "JPG" / "full")
        picture(lut3d / side / "JPG" / "720p" / "a0001.jpg")
    with pytest.raises(UserError, match=r"exports of several resolutions \(720p, full\); keep one of them"):
        fivek_pairs(lut3d)


def test_linear_inputs_alone_are_refused(lut3d):
    for path in (lut3d / "input" / "JPG" / "480p").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"no pictures of one resolution .* \(there are none and 480p\)"):
        fivek_pairs(lut3d)


def test_pictures_without_a_partner_are_named(uegan, lut3d):
    (uegan / "val" / "label" / "a4970-x.png").unlink()
    with pytest.raises(UserError, match=r"val: in only one of raw and label: a4970-x$"):
        fivek_pairs(uegan)
    shutil.rmtree(uegan / "val" / "label")
    with pytest.raises(UserError, match=r"val: in only one of raw and label: a4970-x, a4990-y.z$"):
        fivek_pairs(uegan)
    (lut3d / "train.txt").write_text("unused\n")
    (lut3d / "train_input.txt").write_text("".join(f"b{number}\n" for number in range(7)) + "a0001\n")
    expected = r"input/JPG/480p: names of the train list without a picture: b0, b1, b2, b3, b4 \.\.\. \(7 in all\)"
    with pytest.raises(UserError, match=expected):
        fivek_pairs(lut3d)


def test_names_that_lead_elsewhere_have_no_picture(lut3d):
    (lut3d / "test.txt").write_text("../../../expertC/JPG/480p/a0001\n")
    with pytest.raises(UserError, match="names of the test list without a picture"):
        fivek_pairs(lut3d)


def test_a_photograph_to_train_on_is_none_to_test_on(uegan, lut3d):
    (lut3d / "test.txt").write_text("a0001\na0005\n")
    with pytest.raises(UserError, match=r"to train on and to test: a0001$"):
        fivek_pairs(lut3d)
    picture(uegan / "train" / "exp" / "a4670-x.png")
    with pytest.raises(UserError, match=r"to train on and to test: a4670-x$"):
        fivek_pairs(uegan)


def test_lists_that_are_none(lut3d):
    (lut3d / "test.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"test.txt: not a list of names"):
        fivek_pairs(lut3d)
    (lut3d / "test.txt").write_text("a0005\n" * 800_000)
    with pytest.raises(UserError, match=r"test.txt: more than 4,194,304 bytes; accepted: a name a line"):
        fivek_pairs(lut3d)
    (lut3d / "test.txt").unlink()
    with pytest.raises(UserError, match="no names to test on; accepted: "):
        fivek_pairs(lut3d)


def test_pairs_of_different_sizes(uegan):
    picture(uegan / "test" / "label" / "a4670-x.png", (49, 32))
    picture(uegan / "val" / "raw" / "a4990-y.z.png", (96, 64))
    with pytest.raises(UserError, match=r"pairs of different sizes: .*; the first has .* the option resize"):
        fivek_pairs(uegan)
    read = fivek_pairs(uegan, resize=True)
    assert "2 pairs have different sizes: the larger picture is reduced to the smaller" in read.facts["notes"]
    for pair in (*read.splits["train"], *read.splits["test"]):
        before, after = read_pair(pair, resize=True)
        assert before.shape == after.shape == (32, 48, 3)
    picture(uegan / "test" / "label" / "a4670-x.png", (40, 32))
    with pytest.raises(UserError, match=r"fivek: pairs of different sizes: a4670-x; .*other proportions"):
        fivek_pairs(uegan, resize=True)


def test_turned_pictures_have_upright_sizes(lut3d):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(lut3d / "input" / "JPG" / "480p" / "a0005.jpg", (32, 48), exif=exif)
    before, after = read_pair(fivek_pairs(lut3d).splits["test"][0])
    assert before.shape == after.shape == (32, 48, 3)


def test_pictures_in_prophoto_are_converted_and_told(lut3d):
    primaries, white = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585)
    profile = made_profile("ProPhoto RGB", primaries, white, PowerCurve(1.8)).data
    grey = np.full((32, 48, 3), 128, np.uint8)
    red = np.broadcast_to(np.array([150, 90, 80], np.uint8), (32, 48, 3))
    for side, pixels in (("input", grey), ("expertC", red)):
        path = lut3d / side / "JPG" / "480p" / "a0005.jpg"
        Image.fromarray(pixels).save(path, icc_profile=profile, quality=98, subsampling=0)
    read = fivek_pairs(lut3d)
    assert read.facts["profiles"]["ProPhoto RGB"] == 2
    assert read.facts["notes"][-1] == "2 files are in ProPhoto RGB: converted through their profile"
    before, after = (pixels[0, 0].astype(int) for pixels in read_pair(read.splits["test"][0]))
    # 0.5^1.8 of the light, encoded by sRGB.
    assert np.abs(before - 255 * (1.055 * (128 / 255) ** (1.8 / 2.4) - 0.055)).max() <= 2
    # A colour of wide primaries is stronger than its numbers say.
    assert np.ptp(after) > np.ptp(red[0, 0]) + 10


def test_a_file_that_is_no_picture_is_named(uegan):
    (uegan / "test" / "label" / "a4670-x.png").write_text("no picture")
    with pytest.raises(UserError, match=r"a4670-x.png: not a picture that can be read"):
        fivek_pairs(uegan)


def test_two_pictures_of_one_name_do_not_tell(uegan):
    picture(uegan / "test" / "raw" / "a4670-x.jpg")
    with pytest.raises(UserError, match=r"raw: a4670-x.jpg and a4670-x.png are of one name; keep one"):
        fivek_pairs(uegan)


def test_the_folder_is_the_named_one_or_in_a_mirror(uegan, lut3d, tmp_path, monkeypatch):
    assert fivek_folder(str(lut3d)) == lut3d
    shutil.rmtree(lut3d)
    above = tmp_path / "mirror"
    for folder in (above / "fivek", above / "retouch" / "fiveK"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        uegan.rename(folder)
        for mirror in (above, folder):
            monkeypatch.setenv("HYPERNET_MIRROR", f"{tmp_path / 'nothing'}:{mirror}")
            assert fivek_folder(None) == folder
        uegan = folder


def test_what_only_has_the_name_is_passed_over(uegan, tmp_path, monkeypatch):
    (tmp_path / "other" / "fivek").mkdir(parents=True)
    (tmp_path / "right" / "data").mkdir(parents=True)
    uegan.rename(tmp_path / "right" / "data" / "FiveK")
    monkeypatch.setenv("HYPERNET_MIRROR", f"{tmp_path / 'other'}:{tmp_path / 'right'}")
    assert fivek_folder(None) == tmp_path / "right" / "data" / "FiveK"


def test_where_there_is_none_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HYPERNET_MIRROR", str(tmp_path))
    with pytest.raises(UserError) as caught:
        fivek_folder(None)
    for part in ("https://data.csail.mit.edu/graphics/fivek/", "research use", "retouch.fivek.path", LAYOUTS):
        assert part in str(caught.value)
    with pytest.raises(UserError, match="neither of FiveK's layouts; accepted: "):
        fivek_folder(str(tmp_path))
    with pytest.raises(UserError, match="nothing: no such folder"):
        fivek_folder(str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="neither of FiveK's layouts"):
        fivek_pairs(tmp_path)


def test_the_pairs_of_the_mirror(mirror, monkeypatch):
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror.parent))
    folder = fivek_folder(None)
    assert folder == mirror / "fivek"
    read = fivek_pairs(folder)
    assert names(read.splits["test"]) == ["a4670-Duggan_080115_4464", "a4690-DSC_0005-1-2"]
    assert names(read.splits["train"]) == ["a4970-DSC_0377", "a4990-jmac_MG_1139"]
    assert (len(read.inputs), len(read.targets)) == (3, 3)
    assert read.facts["profiles"] == {"none, taken as sRGB": 8, "sRGB IEC61966-2.1": 6}
    assert (read.facts["short_side"], read.facts["long_side"]) == ([512, 512], [512, 770])
    # Section 11, test 2, of the specification: how far the input is from what the expert made of it.
    for pair, expected in zip(read.splits["test"], (16.8145, 15.2965), strict=True):
        before, after = (pixels / 255 for pixels in read_pair(pair))
        assert -10 * np.log10(np.square(before - after).mean()) == pytest.approx(expected, abs=1e-3)
