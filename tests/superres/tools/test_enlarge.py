"""`hypernet superres enlarge`: the image at other sizes, its parts, and what is said and refused."""

from __future__ import annotations

import re
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.superres import trained
from hypernet.superres.core.grids import WHOLE, Window, area_mean
from hypernet.superres.tools.enlarge import enlarge
from hypernet.superres.tools.ensemble import Ensemble
from hypernet.superres.tools.image_files import as_whole_levels
from hypernet.superres.trained import open_model

from .conftest import digit, small, write


def command(image, model, *arguments):
    models = model if isinstance(model, list) else [model]
    return ["superres", "enlarge", *map(str, [image, *arguments, "--model", *models])]


# --- what it gives ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "shape"), [(64, (64, 64)), ((40, 57), (40, 57)), (8, (8, 8))])
def test_bicubic_is_that_of_torch(models, size, shape):
    result = enlarge(small(), model=models["bicubic"], size=size)
    expected = F.interpolate(torch.from_numpy(small())[None, None], shape, mode="bicubic").clamp(0, 1)[0, 0].numpy()
    assert result.pixels.shape == shape
    assert result.pixels.dtype == np.float32
    np.testing.assert_allclose(result.pixels, expected, atol=2e-6)
    assert result.notes == ()


def test_nearest_agrees_with_the_small_image_at_any_multiple(models):
    for size in (8, 32, 1000):
        result = enlarge(small(), model=models["nearest"], size=size)
        # 120 dB stands for equal images.
        assert result.consistency == (pytest.approx(120) if size % 8 == 0 else pytest.approx(30, abs=25))
    part = enlarge(small(), model=models["nearest"], size=32, window=(0.2, 0.3, 0.7, 0.6))
    assert part.consistency == pytest.approx(120)


@pytest.mark.parametrize("name", ["hyper", "concat", "bicubic"])
def test_it_is_the_method_s_own_image(models, name):
    own_image = open_model(models[name]).enlarge(small(), 50, 70)[0]
    assert np.array_equal(enlarge(small(), model=models[name], size=(50, 70)).pixels, own_image)


@pytest.mark.parametrize("name", ["hyper", "concat", "nearest"])
def test_a_window_is_the_crop_of_a_larger_image(models, name):
    whole = enlarge(small(), model=models[name], size=128).pixels
    part = enlarge(small(), model=models[name], size=(32, 64), window=(0.25, 0.5, 0.5, 1)).pixels
    assert np.array_equal(part, whole[32:64, 64:])


def test_a_scale_counts_pixels_of_the_small_image(models):
    def shape(scale, window=None):
        return enlarge(small(), model=models["hyper"], scale=scale, window=window).pixels.shape

    assert shape(4) == (32, 32)
    assert shape(2.5) == (20, 20)
    assert shape(16, (0, 0, 0.25, 0.5)) == (32, 64)
    assert shape(0.01) == (1, 1)
    assert enlarge(small(), model=models["hyper"]).pixels.shape == (512, 512)
    assert enlarge(small(), model=models["espcn"]).pixels.shape == (32, 32)


@pytest.mark.parametrize("size", [(203, 101), (9, 20), (401, 77), (1, 5)])
def test_block_by_block_is_bit_equal_to_all_at_once(models, monkeypatch, size):
    results = []
    for points in (1, 2**12, 2**14, 2**30):
        monkeypatch.setattr(trained, "POINTS_AT_ONCE", points)
        several = [models[name] for name in ("hyper", "concat", "bicubic")]
        results.append(enlarge(small(), model=several, size=size, window=(0.1, 0.0, 0.9, 0.77)))
    for result in results[1:]:
        assert np.array_equal(result.pixels, results[0].pixels)
        assert np.array_equal(result.spread, results[0].spread)


def test_a_projected_image_agrees_better_with_the_small_one(models):
    plain, moved = (enlarge(small(), model=models["hyper"], size=64, project=steps) for steps in (0, 30))
    assert moved.consistency > plain.consistency + 1
    assert moved.notes == ("moved towards the small image by 30 steps (--project)",)
    with pytest.raises(UserError, match="espcn: makes no function that could be moved"):
        enlarge(small(), model=models["espcn"], project=5)
    with pytest.raises(UserError, match="project: -1; accepted: 0 to 10,000 steps"):
        enlarge(small(), model=models["hyper"], project=-1)


def test_few_points_are_in_memory_at_once(models, monkeypatch):
    ensemble, counts = Ensemble(models["hyper"]), []
    network = ensemble.models[0].network
    on_grid = network.on_grid
    monkeypatch.setattr(
        network, "on_grid", lambda *given: (counts.append(len(given[1]) * len(given[2])), on_grid(*given))[1]
    )
    enlarge(small(), model=ensemble, size=(600, 500))
    assert sum(counts) == 600 * 500
    assert max(counts) <= trained.POINTS_AT_ONCE
    tracemalloc.start()
    as_whole_levels(np.zeros((2000, 2000), dtype=np.float32))
    assert tracemalloc.get_traced_memory()[1] < 2000 * 2000 * 5 + 4e6  # zeros, the levels, and a block
    tracemalloc.stop()


def test_coarse_pixels_are_means_of_samples(models):
    ensemble = Ensemble(models["hyper"])
    for size, samples in ((16, 4), (24, 3), (31, 3), (5, 13)):
        auto, off = (enlarge(small(), model=ensemble, size=size, antialias=way) for way in ("auto", "off"))
        fine = torch.from_numpy(enlarge(small(), model=ensemble, size=size * samples).pixels)
        np.testing.assert_allclose(auto.pixels, area_mean(fine, size, size).numpy(), atol=1e-6)
        assert f"each is the mean of {samples} x {samples} samples (--antialias off" in auto.notes[0]
        assert off.notes == ()
        assert not np.array_equal(off.pixels, auto.pixels)
    # Each axis by itself, and a part by how fine the whole would be.
    assert ensemble.samples(32, 8, WHOLE) == (1, 8)
    assert ensemble.samples(16, 16, Window(0, 0, 0.5, 0.25)) == (1, 1)
    assert ensemble.samples(15, 4, Window(0, 0, 0.5, 0.25)) == (3, 4)
    assert Ensemble(models["bicubic"]).samples(8, 4, WHOLE) == (1, 4)
    assert Ensemble(models["espcn"]).samples(8, 8, WHOLE) == (1, 1)


def test_dark_ink_on_a_light_ground_is_inverted_and_back(models, tmp_path, capsys):
    path = write(tmp_path / "dark.png", 255 - np.round(255 * small()).astype(np.uint8))
    light = np.round(255 * small()).astype(np.uint8)
    for polarity in ("auto", "dark_on_light"):
        result = enlarge(path, model=models["hyper"], size=40, polarity=polarity)
        expected = enlarge(light, model=models["hyper"], size=40)
        np.testing.assert_allclose(result.pixels, 1 - expected.pixels, atol=1e-6)
        assert result.notes == ("dark ink on a light ground: inverted for the network, and the result inverted back",)
        assert result.consistency == pytest.approx(expected.consistency, abs=1e-3)
        np.testing.assert_allclose(result.sample(40), result.pixels, atol=1e-6)
    # What is said wins over what is seen.
    stated = enlarge(path, model=models["hyper"], size=40, polarity="light_on_dark")
    assert stated.notes == ("its ground is not black (100% of white), as that of the training's digits is",)
    assert np.array_equal(stated.pixels, enlarge(1 - light / 255, model=models["hyper"], size=40,
                                                 polarity="light_on_dark").pixels)  # fmt: skip
    assert stated.consistency < 18
    assert f"\nwarning: {path}: this is little, held-out digits of MNIST reach 18 dB and more" in str(stated)
    with pytest.raises(UserError, match=r"image: its border is of a middle grey .* neither a dark ground nor a light"):
        enlarge(0.4 + 0.2 * small(), model=models["hyper"])


def test_several_models_give_their_mean_and_spread(models, tmp_path, capsys):
    three = [models[name] for name in ("hyper", "again", "third")]
    images = np.stack([enlarge(small(), model=path, size=48).pixels for path in three])
    result = enlarge(small(), model=three, size=48)
    np.testing.assert_allclose(result.pixels, images.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(result.spread, images.std(axis=0, ddof=1), atol=1e-6)
    assert repr(result) == "Enlargement(image, 48 x 48, hyper_h16, hyper_h16, hyper_h16)"
    image = write(tmp_path / "d.png", digit())
    for name in ("s.png", "s.npy"):
        wanted = command(image, three, "--size", 48, "--out", tmp_path / "mean.npy", "--spread", tmp_path / name)
        assert main(wanted) == 0
        printed = capsys.readouterr().out
        assert (
            f"mean of 3 models; their standard deviation is {result.spread.mean():.4f} of white on average" in printed
        )
    np.testing.assert_allclose(np.load(tmp_path / "mean.npy"), result.pixels, atol=1e-6)
    np.testing.assert_allclose(np.load(tmp_path / "s.npy"), result.spread, atol=1e-6)
    assert "s.npy: standard deviation, float32 [48, 48], 9.3 kB" in printed
    with Image.open(tmp_path / "s.png") as picture:
        np.testing.assert_allclose(np.asarray(picture) / 255, np.minimum(result.spread / 0.5, 1), atol=0.003)


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bits", "mode"), [("b.png", 8, "L"), ("b.png", 16, "I;16"), ("b.tif", 8, "L"), ("b.tiff", 16, "I;16")]
)
def test_pictures_of_8_and_16_bits(models, tmp_path, capsys, name, bits, mode):
    image = write(tmp_path / "small.bmp", np.round(255 * small()).astype(np.uint8))
    out = tmp_path / "made" / name
    assert main(command(image, models["hyper"], "--size", "30x50", "--out", out, "--bits", bits)) == 0
    assert re.search(rf"{name}: 30 x 50 pixels, {bits} bits, \d\.\d kB\n", capsys.readouterr().out)
    expected = enlarge(image, model=models["hyper"], size=(30, 50)).pixels
    with Image.open(out) as picture:
        assert picture.mode == mode
        np.testing.assert_allclose(np.asarray(picture) / (2**bits - 1), expected, atol=0.51 / (2**bits - 1))
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_what_is_printed(models, tmp_path, capsys):
    image = write(tmp_path / "digit.png", digit())
    assert main(command(image, models["hyper"], "--size", 64, "--out", tmp_path / "big.png")) == 0
    printed = capsys.readouterr().out
    first, second, third = printed.splitlines()
    assert first == (
        f"{image}: a digit of 28 x 28 pixels: made small first, 8 x 8 exact means over areas, with 2 black ones on "
        "each side; this is enlarged"
    )
    result = enlarge(image, model=models["hyper"], size=64)
    assert second == f"{image}: agrees with the small image to {result.consistency:.1f} dB (PSNR of area means)"
    assert re.fullmatch(r".*big.png: 64 x 64 pixels, 8 bits, \d\.\d kB", third)
    assert result.consistency > 20
    assert str(result) == f"{first}\n{second}"


def test_the_command_writes_everything(models, tmp_path, capsys):
    image = write(tmp_path / "dark.png", 255 - digit())
    files = {"out": "o.png", "network": "n.json", "zoom": "z.gif"}
    outputs = [part for option, name in files.items() for part in (f"--{option}", tmp_path / "made" / name)]
    wanted = ["--size", 40, "--frames", 3, "--zoom-size", 20, "--window", "0.2,0.2,0.5,0.4"]
    assert main(command(image, models["hyper"], *outputs, *wanted)) == 0
    printed = capsys.readouterr().out
    # 18-16-16-1.
    assert re.search(r"n.json: the image as a network of 593 numbers, \d\.\d kB\n", printed)
    assert re.search(r"z.gif: a zoom into 0.2,0.2,0.5,0.4 \(top, left, bottom, right\), 3 frames of 20 x 20", printed)
    assert {path.name for path in (tmp_path / "made").iterdir()} == set(files.values())


# --- what is refused --------------------------------------------------------------------------------------------


def refused(capsys, arguments):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    return printed.err


def test_options_are_refused_before_any_work(models, tmp_path, capsys, monkeypatch):
    """Not even the model is opened."""
    monkeypatch.setattr("hypernet.superres.tools.ensemble.open_model", lambda path: pytest.fail("opened"))
    image = write(tmp_path / "d.png", digit())
    (tmp_path / "folder.png").mkdir()
    before, out = sorted(tmp_path.iterdir()), ["--out", tmp_path / "o.png"]
    several = [models["hyper"], models["again"]]
    for reason, model, arguments in (
        ("nothing to write: give --out", "m.ckpt", []),
        ("--out .*o.jpg: the name must end in .png or .tif", "m.ckpt", ["--out", tmp_path / "o.jpg"]),
        ("--out .*folder.png: this is a folder", "m.ckpt", ["--out", tmp_path / "folder.png"]),
        ("--out .*d.png: this file is read by the same command", "m.ckpt", ["--out", image]),
        ("--spread .*o.png: this file is written by --out", several, [*out, "--spread", tmp_path / "o.png"]),
        ("--spread .*s.gif: the name must end in", several, ["--spread", tmp_path / "s.gif"]),
        ("--spread: is of two or more models; --model names one", "m.ckpt", ["--spread", tmp_path / "s.png"]),
        ("--network: is of one model; --model names 2", several, ["--network", tmp_path / "n.json"]),
        ("--network .*n.pt: the name must end in .json or .npz or .onnx", "m.ckpt", ["--network", tmp_path / "n.pt"]),
        ("--zoom .*z.mp4: the name must end in .gif or .webp or .png", "m.ckpt", ["--zoom", tmp_path / "z.mp4"]),
        ("--bits: is of pictures; --out names none", "m.ckpt", ["--out", tmp_path / "o.npy", "--bits", 8]),
        ("--bits: is of pictures", "m.ckpt", ["--zoom", tmp_path / "z.gif", "--bits", 8]),
        ("--bits: invalid choice: 12", "m.ckpt", [*out, "--bits", 12]),
        ("--format: is of the files in a folder", "m.ckpt", [*out, "--format", "tif"]),
        ("--size: '8by8' is not a size such as 512 or 512x300", "m.ckpt", [*out, "--size", "8by8"]),
        ("--size: '1x2x3' is not a size", "m.ckpt", [*out, "--size", "1x2x3"]),
        ("--size: '-5' is not a size|expected one argument", "m.ckpt", [*out, "--size", "-5"]),
        ("--size: 0 x 5; accepted: rows x columns, 1 to 65,536", "m.ckpt", [*out, "--size", "0x5"]),
        ("--size: 20000 x 20000; .* 268,435,456 pixels at most", "m.ckpt", [*out, "--size", "20000"]),
        ("--size: 1 x 70000; accepted", "m.ckpt", [*out, "--size", "1x70000"]),
        ("--scale: '0' is not a number up to 8192", "m.ckpt", [*out, "--scale", "0"]),
        ("--scale: not allowed with argument --size", "m.ckpt", [*out, "--size", "9", "--scale", "2"]),
        ("--window: 0,0,1.5,1; accepted: top, left, bottom, right", "m.ckpt", [*out, "--window", "0,0,1.5,1"]),
        ("--window: 0.5,0,0.5,1; accepted", "m.ckpt", [*out, "--window", "0.5,0,0.5,1"]),
        ("--window: 0,0.9,1,0.1; accepted", "m.ckpt", [*out, "--window", "0,0.9,1,0.1"]),
        ("--window: 0,0,nan,1; accepted", "m.ckpt", [*out, "--window", "0,0,nan,1"]),
        ("--window: 0,0,1; accepted", "m.ckpt", [*out, "--window", "0,0,1"]),
        ("--window: 'a,b' is not four numbers", "m.ckpt", [*out, "--window", "a,b"]),
        ("--polarity: invalid choice: 'dark'", "m.ckpt", [*out, "--polarity", "dark"]),
        ("--antialias: invalid choice", "m.ckpt", [*out, "--antialias", "4"]),
        ("d.png: the largest level is of arrays", "m.ckpt", [*out, "--largest-level", "16"]),
    ):
        assert re.search(reason, refused(capsys, command(image, model, *arguments))), reason
    assert sorted(tmp_path.iterdir()) == before


def test_pictures_that_are_no_small_images_are_one_line(models, tmp_path, capsys):
    grey = np.round(255 * small()).astype(np.uint8)
    colour = np.dstack([grey, grey, 255 - grey])
    opacity = np.dstack([grey, grey, grey, np.where(grey > 9, 255, 128).astype(np.uint8)])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes(write(tmp_path / "whole.png", grey).read_bytes()[:60])
    out = tmp_path / "o.png"
    for reason, image in {
        r"absent.png: no such file": tmp_path / "absent.png",
        r"text.png: not a picture of a known format": tmp_path / "text.png",
        r"cut.png: not a picture that can be read": tmp_path / "cut.png",
        r"c.png: a colour picture": write(tmp_path / "c.png", colour),
        r"a.png: \d+ of its pixels are transparent": write(tmp_path / "a.png", opacity),
        r"b.png: blank, or nearly so": write(tmp_path / "b.png", np.full((8, 8), 9, np.uint8)),
        r"s.png: 30 x 28 pixels \(rows x columns\); accepted: a small image of 8 x 8, or a digit of 28 x 28 or 32 x 32,"
        r" which is made small; other digits with --from-large as_is or mass": write(
            tmp_path / "s.png", np.pad(digit(), ((1, 1), (0, 0)))
        ),
        r"m.png: its border is of a middle grey": write(tmp_path / "m.png", 100 + grey // 4),
    }.items():
        error = refused(capsys, command(image, models["hyper"], "--out", out))
        assert re.search(reason, error), (reason, error)
    assert not out.exists()


def test_models_that_cannot_are_refused_by_their_file(models, tmp_path, capsys):
    image = write(tmp_path / "d.png", digit())
    (tmp_path / "no.ckpt").write_text("hello")
    out = ["--out", tmp_path / "o.png"]
    for reason, model, arguments in (
        ("espcn.ckpt: espcn: makes whole images of 32 x 32 and nothing else; hyper_h16", "espcn", ["--size", 64]),
        ("espcn.ckpt: espcn: makes whole images", "espcn", ["--window", "0,0,0.5,0.5"]),
        ("espcn.ckpt: espcn: makes whole images", "espcn", ["--size", 16]),
        ("--zoom .*espcn.ckpt: espcn: makes whole images", "espcn", ["--zoom", tmp_path / "z.gif", "--zoom-size", 32]),
        ("--network .*concat.ckpt: concat_h4: its images are no networks", "concat",
         ["--network", tmp_path / "n.json"]),
        ("--zoom frames: 900 of 512 x 512 pixels; accepted: 2 to 1000, and 134,217,728 pixels", "hyper",
         ["--zoom", tmp_path / "z.gif", "--frames", 900, "--zoom-size", 512]),
        ("window: 0.7,0.5,0.700001,1 is too small for 512 x 512 pixels", "hyper", ["--window", "0.7,0.5,0.700001,1"]),
        ("d.png: no image 1; accepted: 0 to 0", "hyper", ["--number", 1]),
    ):  # fmt: skip
        error = refused(capsys, command(image, models[model], *out, *arguments))
        assert re.search(reason, error), (reason, error)
    for reason, model in {
        "absent.ckpt: no such model file": tmp_path / "absent.ckpt",
        "no.ckpt: not a model file of this project": tmp_path / "no.ckpt",
        "hyper.ckpt: this model was given twice": [models["hyper"], models["hyper"]],
    }.items():
        assert re.search(reason, refused(capsys, command(image, model, *out)))
    other = Ensemble(models["hyper"]).models[0]
    other.low = (16, 8)
    with pytest.raises(UserError, match=r"hyper_h16: takes small images of 16 x 8, .*again.ckpt of 8 x 8"):
        Ensemble([models["again"], other])
    with pytest.raises(UserError, match="no model was given"):
        enlarge(small(), model=[])
    assert not (tmp_path / "o.png").exists()


def test_what_the_function_refuses(models):
    for reason, options in {
        "size and scale: both say": {"size": 9, "scale": 2},
        "scale: nan; accepted: above 0": {"scale": float("nan")},
        r"scale: 1e\+09; accepted": {"scale": 1e9},
        "size: 65536 x 65536; accepted": {"scale": 8192},
        "size: 2.5 x 2.5; accepted": {"size": (2.5, 2.5)},
        "size: 1 x 2 x 3; accepted": {"size": (1, 2, 3)},
        "antialias: 'on'; accepted: auto, off": {"antialias": "on"},
        "from large: 'all'; accepted: auto, as_is, mass": {"from_large": "all"},
        "polarity: 'dark'; accepted": {"polarity": "dark"},
        "window: 0,0,2,1; accepted": {"window": (0, 0, 2, 1)},
    }.items():
        with pytest.raises(UserError, match=reason):
            enlarge(small(), model=models["hyper"], **options)
    result = enlarge(small(), model=[models["hyper"], models["again"]], size=np.int64(32))
    with pytest.raises(UserError, match="a network is of one model; 2 were given"):
        result.save_network("n.json")
    with pytest.raises(UserError, match="the spread is of two or more models"):
        enlarge(small(), model=models["hyper"], size=32).save_spread("s.png")
    with pytest.raises(UserError, match="bits: 12; accepted: 8 or 16"):
        result.save("o.png", bits=12)


def test_without_onnx_it_says_how_to_get_it(models, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    image = write(tmp_path / "d.png", digit())
    error = refused(capsys, command(image, models["hyper"], "--network", tmp_path / "n.onnx"))
    assert re.search(r'--network onnx cannot be used .*pip install "hypernet\[export\]"', error)
