"""The pictures are drawn from small runs; what they look like is for a person to judge."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_json
from hypernet.lab.job import Job
from hypernet.lab.manifest import write_manifest
from hypernet.lab.results import figures as style
from hypernet.lab.runs.models import count_parameters, save_model
from hypernet.retouch import captions
from hypernet.retouch import evaluate as evaluation
from hypernet.retouch import figures as drawing
from hypernet.retouch.config import METHODS, NetworkSettings
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.degradation import PARAMETERS, degrade_image, draw_parameters, look_image
from hypernet.retouch.core.metrics import psnr, rounded
from hypernet.retouch.core.separations import split, stack
from hypernet.retouch.figures import draw
from hypernet.retouch.methods import TITLES, build
from hypernet.retouch.model import GeneratedMap
from hypernet.retouch.names import FOLDS, POOLED, dataset_title
from hypernet.retouch.plots import charts, galleries, maps
from hypernet.retouch.plots.charts import STYLE, draw_controls, draw_learning, draw_scores
from hypernet.retouch.plots.footage import moments
from hypernet.retouch.plots.galleries import mask
from hypernet.retouch.plots.maps import Case, draw_curves, draw_gamut, draw_matrices, monomial
from hypernet.retouch.plots.tiles import DENSITY, Row, Tile, board, fitted
from hypernet.retouch.trained import VERSION, describe

NETWORKS = ("pixel_mlp", "unet", "lut3d", "affine", "hyper")
OTHERS = ("identity", "auto_contrast", "oracle_affine", "oracle_quadratic")
SMALL = (
    f"methods={[*NETWORKS, *OTHERS]}",
    "network={thumbnail: 16, encoder: pooled, embedding: 8, statistics: true, dropout: 0.0}",
    "unet.widths=[4, 8]",
    "lut3d.cells=5",
    "evaluate.film=0",
)
PUBLISHED = Path(captions.__file__).with_name("published.csv")
# Rows and columns of the photographs, and inputs of each.
PHOTOGRAPHS = {"wide": (112, 140), "tall": (60, 44), "small": (36, 36)}
PER_PHOTOGRAPH = 4
# Inches: a notice is a narrow strip.
NOTICE = 2.0
OF_MAPS = {"strength", "curves", "gamut", "matrix", "worst", "clipped", "film", "plates"}


@pytest.fixture(scope="module")
def runs(section, tmp_path_factory) -> dict[str, Path]:
    """Runs of several methods, evaluated; networks hardly differ from the start, and nobody trained their history."""
    root, config = tmp_path_factory.mktemp("figures"), section("retouch", *SMALL)
    prepared(root / "data")
    folders = {}
    for method in (*NETWORKS, *OTHERS):
        folder = root / "results" / "retouch" / "photos" / method / "seed0"
        job = Job("retouch", "photos", method, 0, root / "data", folder, config.settings("train", "photos", method))
        untrained(job)
        evaluation.evaluate(replace(job, settings=config.settings("evaluate", "photos", method)))
        folders[method] = folder
    return folders


def scene(rows: int, columns: int, seed: int) -> np.ndarray:
    """Rectangles over each other, with some noise: edges at no regular places, uint8."""
    random = np.random.default_rng(seed)
    picture = np.empty((rows, columns, 3))
    picture[:] = random.uniform(20, 235, 3)
    for _ in range(120):
        top, left = random.integers(-8, rows), random.integers(-8, columns)
        height, width = random.integers(4, 30, 2)
        picture[max(top, 0) : top + height, max(left, 0) : left + width] = random.uniform(20, 235, 3)
    return np.clip(picture + random.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def prepared(folder: Path) -> None:
    """A folder as ``dataset.prepare`` writes it, of three photographs."""
    (folder / "train").mkdir(parents=True)
    np.save(folder / "train" / "targets.npy", np.zeros((1, 3, 32, 32), dtype=np.uint8))
    write_json(folder / "facts.json", {"title": "Scenes", "look": "expert"})
    for split_name in ("validation", "test"):
        (folder / split_name).mkdir()
        table = []
        for number, (name, size) in enumerate(PHOTOGRAPHS.items()):
            clean, target = scene(*size, number), f"{number:04d}_target.png"
            Image.fromarray(rounded(look_image(clean))).save(folder / split_name / target)
            for place, parameters in enumerate(draw_parameters(np.random.default_rng(number), PER_PHOTOGRAPH)):
                given = f"{number:04d}_input{place}.png"
                Image.fromarray(degrade_image(clean, parameters)).save(folder / split_name / given)
                row = {"name": f"{name} {place + 1}", "photograph": name, "input": given, "target": target}
                table.append(row | dict(zip(PARAMETERS, parameters, strict=True)))
        pd.DataFrame(table).to_csv(folder / split_name / "pairs.csv", index=False)
    write_manifest(folder, {})


def untrained(job: Job) -> None:
    """A run whose networks are as they start; a hypernetwork's maps are a little apart from the identity."""
    job.folder.mkdir(parents=True)
    torch.manual_seed(1)
    network = build(job.method, job.settings)
    with torch.no_grad():
        for part in network.modules():
            for parameter in part.heads.parameters() if isinstance(part, GeneratedMap) else ():
                parameter += 0.03 * torch.randn_like(parameter)
    content = {"domain": "retouch", "version": VERSION, "method": job.method}
    content |= {"settings": job.settings.model_dump(mode="json"), **describe("Scenes"), "state": network.state_dict()}
    history = [{"step": step, "seconds": 2.0 * step, "validation_error": -10.0 - step} for step in (1, 2, 3)]
    record = {"domain": "retouch", "dataset": "photos", "method": job.method, "seed": 0, "data": str(job.data)}
    record |= {"seconds": 6.0, "parameter_count": count_parameters(network), "parameters": content["settings"]}
    if job.method in NETWORKS:
        record |= {"history": history, "best_step": 2}
    if job.method == "unet":
        content["equal_time_state"] = network.state_dict()
        record["equal_time"] = {"seconds": 4.0, "history": history[:2], "best_step": 1}
    save_model(job.folder / "model.ckpt", content)
    write_json(job.folder / "run.json", record)


@pytest.fixture
def gathered(runs):
    """What the pictures are drawn of: ``gathered("hyper", "unet")``, or of all runs."""

    def gather(*methods):
        folders = [runs[method] for method in methods or runs]
        return drawing._Gathered("photos", [read_json(folder / "run.json") | {"folder": folder} for folder in folders])

    return gather


@pytest.fixture
def given(monkeypatch):
    """What a drawing function is called with, in place of its picture: ``given("draw_gallery")``."""

    def catch(name):
        calls: list[tuple] = []
        monkeypatch.setattr(drawing, name, lambda *arguments: calls.append(arguments))
        return calls

    return catch


@pytest.fixture(autouse=True)
def closed():
    """No figure of a test is left over for the next."""
    yield
    plt.close("all")


def drawn(folders: list[Path], root: Path) -> None:
    evaluation.summarise(folders, PUBLISHED, root, "smoke")
    draw(folders, root, root / "figures")


def notices(sizes: dict[str, float]) -> set[str]:
    return {name.removesuffix(".png") for name, height in sizes.items() if name.endswith(".png") and height < NOTICE}


def test_every_picture_is_there_and_is_no_notice(runs, tmp_path, sizes):
    drawn(list(runs.values()), tmp_path)
    assert set(sizes) == {f"{name}{suffix}" for name in captions.FIGURES for suffix in (".png", ".svg")}
    assert notices(sizes) == set()


@pytest.mark.parametrize(
    ("methods", "missing"),
    [
        (("auto_contrast",), {"controls", "learning", *OF_MAPS}),
        (("oracle_affine", "identity"), {"controls", "learning", *OF_MAPS}),
        (("unet", "lut3d"), {"controls", *OF_MAPS}),
        (("affine", "pixel_mlp"), {"controls"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_pictures_without_their_runs_say_so(runs, tmp_path, sizes, methods, missing):
    drawn([runs[method] for method in methods], tmp_path)
    assert {name.removesuffix(".png") for name in sizes if name.endswith(".png")} == set(captions.FIGURES)
    assert notices(sizes) == missing


def test_the_first_data_set_is_looked_into_and_each_has_its_learning_curves(runs, tmp_path, monkeypatch):
    folders = []
    for name in ("kodak", "photos"):
        for method in ("identity", "hyper"):
            folder = tmp_path / name / method
            shutil.copytree(runs[method], folder)
            for file in ("run.json", "metrics.json"):
                write_json(folder / file, read_json(folder / file) | {"dataset": name})
            folders.append(folder)
    titles: list[str] = []
    monkeypatch.setattr(style, "save_panels", lambda out, name, panels, **options: titles.extend(panels))
    monkeypatch.setattr(style, "save", lambda figure, out, name: plt.close(figure))
    looked: list[str] = []
    monkeypatch.setattr(drawing, "_gallery", lambda gathered: looked.append(gathered.dataset) or "nothing")
    for name in {*captions.FIGURES} - {"gallery", "learning"}:
        monkeypatch.setattr(drawing, f"_{name}", lambda *given: "nothing")
    drawn(folders, tmp_path)
    assert looked == ["kodak"]
    assert titles == [dataset_title("kodak"), dataset_title("photos")]


def test_without_a_summary_the_step_before_is_named(runs, tmp_path):
    with pytest.raises(UserError, match="run `hypernet retouch summarise` first"):
        draw([runs["identity"]], tmp_path, tmp_path / "figures")


def test_the_same_picture_gives_the_same_bytes(gathered, tmp_path):
    style.use_style()
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
        style.save(drawing._strength(gathered("hyper"), "hyper"), tmp_path / folder, "strength")
    for suffix in (".png", ".svg"):
        first, again = (tmp_path / folder / f"strength{suffix}" for folder in ("first", "again"))
        assert first.read_bytes() == again.read_bytes()


# --- where numbers come from ------------------------------------------------------------------------------------


def test_the_gallery_shows_first_pairs_and_their_measured_psnr(gathered, given):
    what, calls = gathered(), given("draw_gallery")
    drawing._gallery(what)
    ((examples, made, where),) = calls
    assert where == dataset_title("photos")
    assert [example.name for example in examples] == ["wide 1", "tall 1", "small 1"]
    # The identity is the input; the affine oracle and the second hypernetwork fill what room is left.
    assert [method.title for method in made] == [TITLES[method] for method in what.records if method != "identity"]
    assert len(made) == drawing.MOST
    for method in made:
        for example, picture, note in zip(examples, method.pictures, method.notes, strict=True):
            error = np.square(picture / 255 - example.wanted / 255).mean()
            assert float(note.removesuffix(" dB")) == pytest.approx(-10 * np.log10(error), abs=0.06)
    by_title = {method.title: method for method in made}
    best, hyper = (float(by_title[TITLES[name]].notes[0].split()[0]) for name in ("oracle_quadratic", "hyper"))
    assert best > hyper


def test_strength_0_is_the_input_and_1_what_the_model_says(gathered, given):
    what, calls = gathered("hyper"), given("draw_strength")
    drawing._strength(what, "hyper")
    ((example, strengths, _),) = calls
    assert list(strengths) == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
    np.testing.assert_array_equal(strengths[0][0], example.given)
    np.testing.assert_array_equal(strengths[1][0], what.model("hyper").retouch(example.given))
    # The outputs are linear in a, up to rounding, where nothing is clamped.
    levels = np.stack([picture.astype(int) for picture, _ in strengths.values()])
    inside = ((levels > 0) & (levels < 255)).all(axis=0)
    assert (np.abs(np.diff(levels, n=2, axis=0)[:, inside]) <= 2).all()
    assert np.abs(levels[-1] - levels[0])[inside].max() > 5
    assert strengths[0.5][1] == f"{psnr(strengths[0.5][0], example.wanted):.1f} dB"


def test_the_worst_are_those_of_the_table(gathered, given):
    what, calls = gathered("hyper"), given("draw_worst")
    drawing._worst(what, "hyper")
    ((cases, title),) = calls
    items = what.items("hyper").sort_values("psnr")
    assert [example.name for example, *_ in cases] == list(items.index[:10])
    assert [note.partition(" dB")[0] for *_, note in cases] == [f"{value:.1f}" for value in items.psnr[:10]]
    assert "the 10 worst of 12 pairs" in title


def test_clamped_pixels_are_those_of_the_pair_that_loses_most(gathered, given):
    what, calls = gathered("hyper", "auto_contrast", "identity"), given("draw_clipped")
    drawing._clipped(what, "hyper")
    ((example, made, notes, _),) = calls
    items = what.items("hyper")
    assert items.clipped[example.name] == items.clipped.max() > 0
    assert list(made) == [TITLES["auto_contrast"], TITLES["hyper"]]
    for colours, note in zip(made.values(), notes, strict=True):
        outside = (colours < -0.5 / 255) | (colours > 1 + 0.5 / 255)
        assert float(note.removesuffix(" %")) == pytest.approx(100 * outside.mean(), abs=0.051)


def test_a_film_is_smoothed_within_shots_alone(gathered, given):
    calls = given("draw_film")
    drawing._film(gathered("hyper"), "hyper")
    ((pictures, shown, matrices, smooth, cuts, seconds, basis, _, foot),) = calls
    assert cuts == [drawing.FRAMES]
    assert len(matrices) == len(smooth) == len(seconds) == 2 * drawing.FRAMES
    assert shown == moments(len(matrices), cuts) == [0, 12, 23, 24, 36, 47]
    assert all(len(frames) == len(shown) for frames in pictures.values())
    assert basis == "quadratic"
    np.testing.assert_array_equal(smooth[[0, drawing.FRAMES]], matrices[[0, drawing.FRAMES]])
    # Where a shot begins both are the same picture; later they are not the same numbers.
    np.testing.assert_array_equal(pictures["smoothed"][3], pictures["frame by frame"][3])
    assert not np.array_equal(smooth[5], matrices[5])
    step = np.linalg.norm(np.delete(np.diff(matrices, axis=0), drawing.FRAMES - 1, axis=0), axis=(1, 2)).mean()
    assert f"{step:.3f} frame by frame" in foot


def test_plates_lie_apart_by_the_offsets_and_these_are_found_again(gathered, given):
    what, calls = gathered("hyper"), given("draw_plates")
    pixels = what.firsts[0].input()
    separations = split(drawing._scanned(pixels))
    brought_back = stack(separations, drawing.OFFSETS)
    height, width = separations["B"].shape
    assert (height, width) == (112 - 32, 140 - 32)
    # Where all plates cover the photograph, it is the photograph.
    np.testing.assert_array_equal(brought_back[12:, 3:], pixels[16 + 12 : 16 + height, 16 + 3 : 16 + width])
    assert not np.array_equal(stack(separations, {})[12:, 3:], brought_back[12:, 3:])
    drawing._plates(what, "hyper")
    ((_, pictures, _, foot),) = calls
    assert foot.count("(5, 2)") == foot.count("(12, 3)") == 2
    aligned = list(pictures.values())[1]
    assert aligned.shape[0] <= height - 12


def test_a_small_photograph_is_not_taken_apart(gathered):
    what = gathered("hyper")
    what.firsts = what.firsts[1:]
    assert "too small" in drawing._plates(what, "hyper")


def test_the_best_map_is_pulled_to_the_identity(gathered, given):
    what, calls = gathered("hyper"), given("draw_matrices")
    drawing._matrix(what, "hyper")
    (row, *_), _ = calls[0]
    made, best = row.values()
    pair = what.firsts[0]
    inputs, targets = (pixels.reshape(-1, 3) / 255 for pixels in (pair.input(), pair.target()))

    def loss(matrix):
        error = ColourMap(matrix)(inputs) - targets
        return np.square(error).sum(axis=1).mean() + 1e-4 * np.square(matrix - ColourMap.identity().matrix).sum()

    least = loss(best.matrix)
    assert least < loss(made.matrix)
    for change in np.random.default_rng(0).normal(0, 1e-3, (20, 3, 10)):
        assert least < loss(best.matrix + change)


def test_splits_of_the_eight_photographs_are_joined(runs, tmp_path):
    records = []
    for number, fold in enumerate(FOLDS):
        for seed in (0, 1):
            folder = tmp_path / fold / f"seed{seed}"
            folder.mkdir(parents=True)
            items = pd.read_csv(runs["hyper"] / "items.csv")
            items["photograph"] += f" {number}"
            items.assign(psnr=items.psnr + seed).to_csv(folder / "items.csv", index=False)
            records.append({"dataset": fold, "method": "hyper", "seed": seed, "folder": folder})
    # Alone in a split, a method is not of all photographs.
    records.append({"dataset": FOLDS[0], "method": "identity", "seed": 0, "folder": runs["identity"]})
    tables = drawing._by_photograph(records)
    assert list(tables) == [POOLED]
    table = tables[POOLED]
    assert len(table) == 9
    assert set(table.method) == {"hyper"}
    wanted = pd.read_csv(runs["hyper"] / "items.csv").groupby("photograph").psnr.mean() + 0.5
    for number in range(3):
        shown = table[table.photograph.str.endswith(f" {number}")].set_index("photograph").psnr
        np.testing.assert_allclose(shown.sort_index(), wanted.sort_index())
    assert list(drawing._by_photograph(records[:2])) == [FOLDS[0]]


def test_controls_have_their_seconds(gathered, given):
    calls = given("draw_controls")
    drawing._controls(gathered())
    ((table, seconds, reference, _, where),) = calls
    assert reference == "hyper"
    assert where == dataset_title("photos")
    assert seconds == {"hyper": (6, None), "pixel_mlp": (6, None), "unet": (6, 4), "lut3d": (6, None)}
    assert set(seconds) <= set(table.method)


# --- charts -----------------------------------------------------------------------------------------------------

SCORED = pd.DataFrame(
    [
        {"method": method, "photograph": photograph, "psnr": level + number, "delta_e76": 30 - level - number}
        for method, level in (("hyper", 20.0), ("clahe", 17.0), ("oracle_affine", 30.0))
        for number, photograph in enumerate(("cat", "rose", "sea"))
    ]
)


def test_scores_are_means_with_their_intervals():
    style.use_style()
    scored = SCORED.copy()
    scored.loc[(scored.method == "clahe") & (scored.photograph == "sea"), "psnr"] += 3
    figure = draw_scores({"Photographs": scored}, "hyper", TITLES)
    left, gain, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [
        TITLES[method] for method in ("clahe", "hyper", "oracle_affine")
    ]
    clahe = np.array([17.0, 18.0, 22.0])
    low, high = stats.t.interval(0.95, 2, loc=clahe.mean(), scale=stats.sem(clahe))
    bars = [lines.get_segments()[0] for lines in left.collections]
    np.testing.assert_allclose(bars[0], [[low, 0], [high, 0]], rtol=1e-6)
    means = [line.get_xydata()[0] for line in gain.lines if line.get_marker() == "D" and len(line.get_xydata()) == 1]
    np.testing.assert_allclose(means, [[clahe.mean() - 21, 0], [0, 1], [10, 2]], atol=1e-9)
    # A line for each photograph, the lowest row first.
    np.testing.assert_array_equal(left.lines[0].get_xydata(), [[17, 0], [20, 1], [30, 2]])
    np.testing.assert_array_equal(right.lines[0].get_xdata(), [13, 10, 0])


def test_scores_without_the_reference_have_no_differences():
    figure = draw_scores({"Photographs": SCORED[SCORED.method != "hyper"]}, "hyper", TITLES)
    assert [axes.get_visible() for axes in figure.axes] == [True, False, True]


def test_controls_stand_where_their_seconds_and_scores_are():
    table = pd.concat(
        [
            SCORED[SCORED.method == "hyper"],
            SCORED[SCORED.method == "clahe"].assign(method="unet", psnr_equal_time=[15.0, 15.0, 16.0]),
        ]
    )
    figure = draw_controls(table, {"hyper": (5.0, None), "unet": (12.0, 6.0)}, "hyper", TITLES, "Photographs")
    left, right = figure.axes
    marks = [(*line.get_xydata()[0], line.get_markerfacecolor()) for line in left.lines if len(line.get_xydata()) == 1]
    blue, pink = STYLE["hyper"]["color"], STYLE["unet"]["color"]
    assert marks == [(5, 21, blue), (12, 18, pink), (6, pytest.approx(46 / 3), "white")]
    gains = [line.get_xydata()[0] for line in right.lines if line.get_marker() == STYLE["unet"]["marker"]]
    np.testing.assert_allclose([gain[0] for gain in gains], [3, 21 - 46 / 3])


def test_learning_is_psnr_with_rings_around_what_is_kept_and_equal_time_is_dotted():
    history = [
        {"step": 1, "seconds": 2.0, "validation_error": -15.0},
        {"step": 2, "seconds": 4.0, "validation_error": -16.0},
    ]
    first = {"method": "unet", "seed": 0, "history": history, "best_step": 2}
    first["equal_time"] = {"history": history[:1], "best_step": 1}
    axes = plt.figure().add_subplot()
    draw_learning([first, first | {"seed": 1}], TITLES, axes)
    curve, ring, again, again_ring = axes.lines[:4]
    assert [line.get_linestyle() for line in (curve, again)] == ["-", ":"]
    assert {line.get_color() for line in axes.lines[:8]} == {STYLE["unet"]["color"]}
    np.testing.assert_array_equal(curve.get_xydata(), [[2, 15], [4, 16]])
    np.testing.assert_array_equal(ring.get_xydata(), [[4, 16]])
    np.testing.assert_array_equal(again_ring.get_xydata(), [[2, 15]])
    # Once for two seeds, and what rings and dots are.
    assert axes.get_legend_handles_labels()[1] == [TITLES["unet"], charts.KEPT, charts.EQUAL_TIME]


def test_every_trained_method_has_a_style_of_its_own():
    trained = {name for name, method in METHODS.items() if issubclass(method.settings, NetworkSettings)}
    assert set(STYLE) == trained
    assert len({(entry["color"], entry["marker"]) for entry in STYLE.values()}) == len(STYLE)
    for methods in (drawing.WRITERS, drawing.CONTROLS, drawing.FIRST, charts.BOUNDS):
        assert set(methods) <= set(METHODS)
    assert len({tuple(charts._mark(number).values()) for number in range(charts.MOST_MARKED)}) == charts.MOST_MARKED


# --- colour maps ------------------------------------------------------------------------------------------------

TURNED = ColourMap(np.array([[0, 1, 0, 0.1], [0, 0, 1, 0], [1, 0, 0, 0]]))  # R from G, G from B, B from R.


def a_case(given: np.ndarray) -> Case:
    return Case("a pair", given, 255 - given, TURNED, ColourMap.identity("affine"))


def test_curves_are_the_maps_outputs_along_each_axis():
    figure = draw_curves([a_case(np.full((8, 9, 3), 100, dtype=np.uint8))], "title")
    _, grey, red, *_ = figure.axes
    assert [axes.get_title() for axes in (grey, red)] == ["Along grey (R = G = B)", "Along red (G = B = 0)"]
    colours = list(maps.CHANNELS.values())

    def curve(axes, channel, style_of):
        (line,) = (
            line for line in axes.lines if line.get_color() == colours[channel] and line.get_linestyle() == style_of
        )
        return line.get_xydata()

    level = np.linspace(0, 255, maps.LEVELS)
    np.testing.assert_allclose(curve(grey, 0, "-"), np.stack([level, level + 25.5], axis=1), atol=1e-9)
    np.testing.assert_allclose(curve(grey, 2, "--")[:, 1], level, atol=1e-9)
    # Pure red has no green that red could come from; blue comes from it.
    np.testing.assert_allclose(curve(red, 0, "-")[:, 1], 25.5, atol=1e-9)
    np.testing.assert_allclose(curve(red, 2, "-")[:, 1], level, atol=1e-9)
    np.testing.assert_allclose(curve(red, 2, ":")[:, 1], 0, atol=1e-9)


def test_colours_near_an_axis_are_counted_along_it():
    pixels = np.array([[[200, 200, 200], [10, 10, 30], [255, 0, 0], [100, 0, 0], [0, 200, 200]]], dtype=np.uint8)
    grey, red = (maps._near(pixels, direction) for direction in ((1, 1, 1), (1, 0, 0)))
    assert np.flatnonzero(grey).tolist() == [16 // 16, 200 // 16]
    # A dark colour is near to all axes.
    assert np.flatnonzero(red).tolist() == [10 // 16, 100 // 16, 255 // 16]


def test_the_commonest_colours_are_followed_to_what_is_made_of_them():
    given = np.zeros((4, 10, 3), dtype=np.uint8)
    given[:3], given[3, :6], given[3, 6:] = (200, 40, 90), (10, 20, 30), (12, 24, 28)
    common = maps._commonest(a_case(given))
    assert common.shape == (3, 2, 3)
    # Both dark ones lie in one cell: their mean.
    dark = (6 * np.array([10, 20, 30]) + 4 * np.array([12, 24, 28])) / 10
    np.testing.assert_allclose(255 * common[0], [[200, 40, 90], dark])
    np.testing.assert_allclose(255 * common[1], [[40 + 25.5, 90, 200], [dark[1] + 25.5, dark[2], dark[0]]])
    np.testing.assert_allclose(255 * common[2], 255 - 255 * common[0])
    figure = draw_gamut([a_case(given)], "title")
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), common[:, ::-1])


def test_matrices_have_their_numbers_in_cells_and_a_scale_about_zero():
    matrix = ColourMap.identity().matrix + np.zeros((3, 10))
    matrix[1, 3], matrix[2, 9], matrix[0, 0] = 0.5, -0.75, -0.001
    figure = draw_matrices([{"left": ColourMap(matrix), "right": ColourMap.identity()}], "title")
    left = figure.axes[0]
    numbers = {text.get_position(): text.get_text() for text in left.texts}
    assert len(numbers) == 30
    assert numbers[3, 1] == "+0.50"
    assert numbers[9, 2] == "-0.75"
    assert {text for place, text in numbers.items() if place not in ((3, 1), (9, 2))} == {"0.00"}
    assert [label.get_text() for label in left.get_xticklabels()] == [
        "R²", "G²", "B²", "RG", "RB", "GB", "R", "G", "B", "1",
    ]  # fmt: skip
    for axes in figure.axes[:2]:
        assert axes.images[0].get_clim() == (-0.75, 0.75)


def test_cubic_matrices_stand_below_each_other():
    cubic = ColourMap(ColourMap.identity("cubic").matrix + 0.1)
    figure = draw_matrices([{"left": cubic, "right": cubic}], "title")
    first, second = figure.axes[:2]
    assert first.get_subplotspec().rowspan.start < second.get_subplotspec().rowspan.start
    assert [monomial(name) for name in ("RRR", "RRG", "RGB", "1")] == ["R³", "R²G", "RGB", "1"]


# --- boards -----------------------------------------------------------------------------------------------------


def test_clamped_pixels_have_the_colour_of_their_side():
    colours = np.full((1, 5, 3), 0.5)
    colours[0, 1, 0], colours[0, 2, 2], colours[0, 3] = 1.2, -0.3, (1.2, -0.3, 0.5)
    # A half level rounds to white: nothing is lost.
    colours[0, 4] = 1 + 0.4 / 255
    picture = mask(colours)[0]
    as_hex = ["#{:02X}{:02X}{:02X}".format(*pixel) for pixel in picture]
    assert as_hex[1:4] == [galleries.TOO_BRIGHT, galleries.TOO_DARK, galleries.BOTH]
    for pixel in picture[[0, 4]]:
        assert np.ptp(pixel.astype(int)) == 0
    assert picture[0, 0] < picture[4, 0] == 255


def test_larger_pictures_are_reduced_by_means_over_areas():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    half = fitted(pixels, 30, 999)
    means = pixels.reshape(20, 2, 30, 2, 3).mean(axis=(1, 3))
    assert half.shape == (20, 30, 3)
    assert np.abs(half - means).max() <= 1
    assert fitted(pixels, 999, 27).shape[0] == 27
    for size in ((60, 40), (100, 70)):
        np.testing.assert_array_equal(fitted(pixels, *size), pixels)


def test_much_smaller_pictures_become_equal_blocks():
    pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    picture = fitted(pixels, 40, 33)
    assert picture.shape == (30, 36, 3)
    np.testing.assert_array_equal(picture[::3, ::3], pixels)
    np.testing.assert_array_equal(picture[1::3, 2::3], pixels)


@pytest.mark.parametrize(("across", "tiles"), [(4, 8), (5, 30), (6, 30), (4, 64), (1, 1)])
def test_boards_have_a_bounded_number_of_pixels(across, tiles):
    width, height = galleries._box(across, tiles)
    assert tiles * width * height <= 1.02 * galleries.PIXELS
    assert across * width <= galleries.ACROSS


def test_a_board_has_its_tiles_pixel_by_pixel(tmp_path):
    style.use_style()
    shapes = [[(50, 70), (50, 30)], [(40, 60), None]]
    colours = [[(200, 30, 40), (20, 120, 60)], [(10, 20, 220), None]]
    rows = [
        Row(
            name,
            [
                Tile(None if shape is None else np.full((*shape, 3), colour, np.uint8), "a note of several words")
                for shape, colour in zip(row_shapes, row_colours, strict=True)
            ],
        )
        for name, row_shapes, row_colours in zip(("first", "second"), shapes, colours, strict=True)
    ]
    figure = board(rows, title="A title", column_names=["left", "right"], foot="below", apart=(1,), room=80)
    figure.savefig(tmp_path / "board.png")
    picture = np.asarray(Image.open(tmp_path / "board.png").convert("RGB"))
    width, height = (round(inches * DENSITY) for inches in figure.get_size_inches())
    assert picture.shape == (height, width, 3)
    for (rows_of, columns_of), colour in zip((*shapes[0], shapes[1][0]), (*colours[0], colours[1][0]), strict=True):
        places = np.argwhere((picture == colour).all(axis=-1))
        assert len(places) == rows_of * columns_of
        assert tuple(np.ptp(places, axis=0)) == (rows_of - 1, columns_of - 1)
    # The free room is below all tiles and as high as asked for.
    canvas, below = figure.axes
    box = below.get_position()
    assert box.height * height == pytest.approx(80, abs=1)
    lowest = np.argwhere((picture == colours[1][0]).all(axis=-1))[:, 0].max()
    assert (1 - box.y1) * height > lowest
    # Words of one tile do not reach into the next column's.
    boxes = [text.get_window_extent() for text in canvas.texts if text.get_text().startswith("a")]
    assert not any(first.overlaps(second) for number, first in enumerate(boxes) for second in boxes[:number])
