"""The pictures are drawn from small runs; what they look like is for a person to judge."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_json
from hypernet.lab.job import Job
from hypernet.lab.results import figures as style
from hypernet.lab.runs.models import count_parameters, save_model
from hypernet.superres import captions, dataset, raw
from hypernet.superres import evaluate as evaluation
from hypernet.superres import figures as drawing
from hypernet.superres.baselines.oracle import FittedImages
from hypernet.superres.config import METHODS
from hypernet.superres.figures import draw
from hypernet.superres.methods import TITLES, build
from hypernet.superres.names import dataset_title
from hypernet.superres.plots import charts
from hypernet.superres.plots.charts import STYLE, draw_by_class, draw_costs, draw_learning, draw_width
from hypernet.superres.plots.tiles import DENSITY, Row, Tile, board, grey, heat
from hypernet.superres.trained import VERSION, describe
from tests.components import SUPERRES

SMALL = (*SUPERRES.small, "evaluate.projection.images=0")
NETWORKS = ("concat_h16", "concat_matched", "film", "espcn", "liif", "hyper_h4", "hyper_h16")
PUBLISHED = Path(captions.__file__).with_name("published.csv")
# Inches: a notice is a narrow strip.
NOTICE = 2.0


@pytest.fixture(scope="module")
def runs(section, tmp_path_factory) -> dict[str, Path]:
    """Runs of several methods, evaluated; networks are as they start, with a history that nobody trained."""
    root, config = tmp_path_factory.mktemp("figures"), section("superres", *SMALL)
    data = root / "data" / "processed"
    raw.make("digits", root / "raw", config.settings("raw", "digits"))
    dataset.prepare("digits", root / "raw", data, config.settings("prepare", "digits"))
    folders = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "TIMED_SIZE", 8)
        for method in (*NETWORKS, "bicubic", "oracle_fit"):
            folder = root / "results" / "superres" / "digits" / method / "seed0"
            settings = config.settings("train", "digits", method)
            job = Job("superres", "digits", method, 0, data, folder, settings)
            untrained(job)
            evaluation.evaluate(replace(job, settings=config.settings("evaluate", "digits", method)))
            folders[method] = folder
    return folders


def untrained(job: Job) -> None:
    """A run whose networks are as they start."""
    job.folder.mkdir(parents=True)
    torch.manual_seed(1)
    stored, network = job.settings.model_dump(mode="json"), build(job.method, job.settings)
    if isinstance(network, FittedImages):
        network.small.copy_(dataset.load(job.data).splits["test"].low[: len(network.small)])
    content = {"domain": "superres", "version": VERSION, "method": job.method, "settings": stored}
    content |= describe("Digits") | {"state": network.state_dict()}
    history = [{"step": step, "seconds": 2.0 * step, "validation_error": -10.0 - step} for step in (1, 2, 3)]
    record = {"domain": "superres", "dataset": "digits", "method": job.method, "seed": 0, "data": str(job.data)}
    record |= {"seconds": 6.0, "parameter_count": count_parameters(network), "parameters": stored}
    if job.method in NETWORKS:
        record["history"] = history
    if job.method == "film":
        content["equal_time_state"] = network.state_dict()
        record["equal_time"] = {"seconds": 4.0, "history": history[:2]}
    save_model(job.folder / "model.ckpt", content)
    write_json(job.folder / "run.json", record)


@pytest.fixture
def gathered(runs, tmp_path):
    """What pictures of single images are drawn of: ``gathered("film", "bicubic")``, or of all runs."""

    def gather(*methods):
        folders = {method: runs[method] for method in methods or runs}
        evaluation.summarise(list(folders.values()), PUBLISHED, tmp_path, "smoke")
        records = [read_json(folder / "run.json") | {"folder": folder} for folder in folders.values()]
        summary = pd.read_csv(tmp_path / "summary.csv", dtype={"group": str}).fillna({"group": ""})
        return drawing._Gathered("digits", records, summary)

    return gather


@pytest.fixture
def given(monkeypatch):
    """What a drawing function is called with, in place of its picture: ``given("draw_gallery")``."""

    def catch(name):
        calls: list[tuple] = []
        monkeypatch.setattr(drawing, name, lambda *arguments: calls.append(arguments))
        return calls

    return catch


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
        (("bicubic",), {"width", "costs", "interpolation", "learning"}),
        (("espcn",), {"sizes", "width", "costs", "interpolation", "elsewhere"}),
        (("film", "concat_h16"), {"interpolation", "elsewhere"}),
        (("oracle_fit",), {"width", "costs", "interpolation", "elsewhere", "learning", "changed"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_pictures_without_their_runs_say_so(runs, tmp_path, sizes, methods, missing):
    drawn([runs[method] for method in methods], tmp_path)
    assert {name.removesuffix(".png") for name in sizes if name.endswith(".png")} == set(captions.FIGURES)
    # Whether a network as it starts makes another digit of one is its luck.
    assert notices(sizes) - {"changed"} == missing - {"changed"}


def test_images_without_classes_have_their_pictures_too(runs, tmp_path, sizes, section, monkeypatch):
    monkeypatch.setattr(evaluation, "TIMED_SIZE", 8)
    config, data = section("superres", *SMALL), tmp_path / "data"
    shutil.copytree(read_json(runs["bicubic"] / "run.json")["data"], data)
    write_json(data / "facts.json", json.loads((data / "facts.json").read_text()) | {"classes": []})
    for split in dataset.SPLITS:
        np.save(data / split / "labels.npy", np.full_like(np.load(data / split / "labels.npy"), -1))
    folders = []
    for method in ("bicubic", "hyper_h4"):
        folder = tmp_path / method / "seed0"
        shutil.copytree(runs[method], folder)
        write_json(folder / "run.json", read_json(folder / "run.json") | {"data": str(data)})
        job = Job("superres", "digits", method, 0, data, folder, config.settings("evaluate", "digits", method))
        evaluation.evaluate(job)
        folders.append(folder)
    drawn(folders, tmp_path)
    assert notices(sizes) == {"changed"}


def test_the_first_data_set_is_looked_into_and_each_has_its_learning_curves(runs, tmp_path, monkeypatch):
    folders = []
    for name in ("mnist", "digits"):
        for method in ("bicubic", "hyper_h16"):
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
    for name in ("sizes", "width", "costs", "by_class", "interpolation", "changed", "elsewhere"):
        monkeypatch.setattr(drawing, f"_{name}", lambda gathered: "nothing")
    drawn(folders, tmp_path)
    assert looked == ["mnist"]
    assert titles == [dataset_title("mnist"), dataset_title("digits")]


def test_without_a_summary_the_step_before_is_named(runs, tmp_path):
    with pytest.raises(UserError, match="run `hypernet superres summarise` first"):
        draw([runs["bicubic"]], tmp_path, tmp_path / "figures")


# --- where numbers come from ------------------------------------------------------------------------------------


def test_the_gallery_shows_different_digits_and_the_measured_psnr(gathered, given):
    what, calls = gathered(), given("draw_gallery")
    drawing._gallery(what)
    ((examples, made, where),) = calls
    assert where == dataset_title("digits")
    # The oracle has the first three images alone, and others come before it; a second width has no place.
    assert [method.title for method in made] == [
        TITLES[name] for name in ("bicubic", "concat_h16", "concat_matched", "film", "espcn", "liif", "hyper_h16")
    ]
    assert len({example.name for example in examples}) == len(examples) == 5
    items = what.items("film")
    for number, example in enumerate(examples):
        (row,) = [row for row, high in enumerate(what.test.high.numpy()) if (high == example.high).all()]
        error = np.square(made[3].images[number] - example.high).mean()
        assert made[3].notes[number] == f"{items.psnr[row]:.1f} dB"
        assert items.psnr[row] == pytest.approx(-10 * np.log10(error), abs=1e-3)


def test_a_gallery_with_the_oracle_shows_what_it_was_fitted_to(gathered, given):
    calls = given("draw_gallery")
    drawing._gallery(gathered("bicubic", "oracle_fit"))
    ((examples, made, _),) = calls
    assert 1 <= len(examples) <= 3
    assert [method.title for method in made] == [TITLES["bicubic"], TITLES["oracle_fit"]]


def test_sizes_are_samples_of_the_same_functions(gathered, given):
    what, calls = gathered("hyper_h16", "espcn", "liif", "film"), given("draw_sizes")
    drawing._sizes(what)
    ((example, sampled, true, sizes, _),) = calls
    assert list(sampled) == [TITLES["hyper_h16"], TITLES["liif"]]
    assert [len(image) for image in sampled[TITLES["liif"]]] == list(sizes)
    np.testing.assert_allclose(true[0], example.low, atol=1e-6)
    np.testing.assert_array_equal(true[2], example.high)
    assert true[3:] == [None] * 3
    np.testing.assert_array_equal(sampled[TITLES["hyper_h16"]][2], what.enlarged("hyper_h16", [0])[0])


def test_digits_that_became_others_are_those_of_the_table_the_worst_first(gathered, given):
    what, calls = gathered("bicubic", "hyper_h16"), given("draw_changed")
    items = what.items("hyper_h16")
    items["true_seen_as"] = items["seen_as"] = items["label"]
    # Right in neither image, wrong in the enlarged one twice.
    items.loc[2, ["true_seen_as", "seen_as"]] = (items.label[2] + 1) % 10
    for row, score in ((4, 12.0), (7, 11.0)):
        items.loc[row, ["seen_as", "psnr"]] = ((items.label[row] + 3) % 10, score)
    drawing._changed(what)
    ((cases, _, title, foot),) = calls
    assert [note for *_, note in cases] == [f"{items.label[row]} → {items.seen_as[row]}" for row in (7, 4)]
    np.testing.assert_array_equal(cases[0][0].high, what.test.high[7].numpy())
    assert "2 of 19 digits" in title
    assert "h\u00a0=\u00a016: 2" in foot


def test_between_two_digits_the_ends_are_what_is_enlarged(gathered, given):
    what, calls = gathered("hyper_h16"), given("draw_interpolation")
    drawing._interpolation(what)
    ((ways, shares, _, _),) = calls
    assert (shares[0], shares[-1]) == (0, 1)
    for first, last, strips in ways:
        assert first.name != last.name
        ends = what.model("hyper_h16")(np.stack([first.low, last.low]))
        for strip in strips:
            np.testing.assert_allclose(strip.images[[0, -1]], ends, atol=1e-5)
            assert len(strip.notes) == len(shares)


def test_mixing_embeddings_is_mixing_weights(section):
    network = build("hyper_h16", section("superres", *SMALL).settings("train", "digits", "hyper_h16"))
    first, second = torch.randn(2, 1, 16, generator=torch.Generator().manual_seed(0))
    mixed = 0.3 * network.heads(first) + 0.7 * network.heads(second)
    assert torch.allclose(network.heads(0.3 * first + 0.7 * second), mixed, rtol=1e-4, atol=1e-5)


def test_other_small_images_have_no_digits_of_the_other_collection():
    what = SimpleNamespace(test=SimpleNamespace(low=torch.zeros(2, 4, 8)))
    assert "8 × 8" in drawing._elsewhere(what)


def test_a_border_brings_the_other_collection_to_the_size_of_the_training(gathered, given):
    calls = given("draw_elsewhere")
    drawing._elsewhere(gathered("bicubic"))
    ((names, looks, title, _),) = calls
    assert names == [str(name) for name in range(10)]
    assert "Out of domain" in title
    (plain, _), (bordered, made) = looks.values()
    # The mean over 12 x 12 pixels, 8 x 8 of which are the digit's.
    np.testing.assert_allclose(bordered.mean(axis=(1, 2)), plain.mean(axis=(1, 2)) * 64 / 144, rtol=1e-5)
    assert len(made[0].notes) == 10


# --- charts -----------------------------------------------------------------------------------------------------


def marks(axes) -> dict[tuple[str, str], tuple[float, float]]:
    """Places of single marks by colour and marker."""
    return {
        (line.get_color(), line.get_marker()): tuple(line.get_xydata()[0])
        for line in axes.lines
        # The ends of intervals are marks too.
        if len(line.get_xydata()) == 1 and line.get_marker() not in ("None", "_")
    }


def test_marks_stand_where_the_summary_says(gathered):
    summary = gathered().summary
    table = summary[summary.group == ""].pivot(index="method", columns="metric", values="value")
    figure = draw_width(summary, TITLES, "Digits")
    for axes, metric in zip(figure.axes, ("multiply_adds", "parameters"), strict=True):
        shown = marks(axes)
        assert len(shown) == 6
        for method in ("hyper_h4", "hyper_h16", "concat_h16", "concat_matched", "film", "liif"):
            place = shown[STYLE[method]["color"], STYLE[method]["marker"]]
            assert place == pytest.approx((table[metric][method], table["psnr"][method]))
    plt.close(figure)
    figure = draw_costs(summary, TITLES, "Digits")
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert [line.get_ydata()[0] for line in hollow] == [table["psnr_equal_time"]["film"]]
    plt.close(figure)


def test_words_cover_neither_marks_nor_each_other(gathered):
    figure = draw_width(gathered().summary, TITLES, "Digits")
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 4
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])
        places = axes.transData.transform(list(marks(axes).values()))
        assert not any(box.contains(*place) for place in places)
    plt.close(figure)


def test_intervals_name_what_they_are_over(gathered):
    summary = gathered("hyper_h16").summary
    assert charts._psnr_label(summary).endswith("over images")
    assert charts._psnr_label(summary.assign(seeds="0 1 2")).endswith("over trainings and images")


def test_learning_is_psnr_and_equal_time_is_dotted():
    history = [{"seconds": 2.0, "validation_error": -15.0}, {"seconds": 4.0, "validation_error": -16.0}]
    first = {"method": "film", "seed": 0, "history": history, "equal_time": {"history": history[:1]}}
    figure, axes = plt.subplots()
    draw_learning([first, first | {"seed": 1}], TITLES, axes)
    assert [line.get_linestyle() for line in axes.lines[:2]] == ["-", ":"]
    assert {line.get_color() for line in axes.lines[:4]} == {STYLE["film"]["color"]}
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[2, 15], [4, 16]])
    # Once for two seeds, and what dots are.
    assert axes.get_legend_handles_labels()[1] == [TITLES["film"], charts.EQUAL_TIME]
    plt.close(figure)


def test_boxes_hold_the_images_of_their_class():
    table = pd.DataFrame({"label": [0, 0, 0, 2, 2], "psnr": [10.0, 11.0, 12.0, 20.0, 22.0]})
    figure = draw_by_class({"bicubic": table}, ["a", "b", "c"], TITLES, "Digits")
    medians = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_color() == "white"]
    np.testing.assert_array_equal(medians, [11, np.nan, 21, 12])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a", "b", "c", "all"]
    plt.close(figure)


def test_other_widths_stand_aside_where_the_default_is_shown():
    methods = ("bicubic", "concat_h4", "hyper_h4", "hyper_h16", "hyper_h4")
    assert drawing._main(methods) == ["bicubic", "concat_h4", "hyper_h16"]


def test_every_method_has_a_style_of_its_own():
    assert set(STYLE) == set(METHODS)
    assert len({(entry["color"], entry["marker"]) for entry in STYLE.values()}) == len(STYLE)
    for methods in (drawing.WRITERS, drawing.CONTROLS, drawing.FIRST, charts.WITHOUT_POINTS):
        assert set(methods) <= set(METHODS)


# --- tiles ------------------------------------------------------------------------------------------------------


def test_pixels_are_blocks_of_their_grey_level():
    picture = grey(np.array([[0.0, 1.0], [0.5, 2.0]]), 8)
    assert picture.shape == (8, 8, 3)
    np.testing.assert_array_equal(picture[..., 0], np.repeat(np.repeat([[0, 255], [128, 255]], 4, 0), 4, 1))


def test_larger_errors_are_lighter():
    picture = heat(np.linspace(0, 1, 8)[None], 8).astype(int)
    lightness = picture[0] @ (299, 587, 114)
    assert (np.diff(lightness) > 0).all()
    assert picture[0, 0].max() < 10


def test_a_board_has_its_tiles_pixel_by_pixel(tmp_path):
    style.use_style()
    colours = [[(200, 30, 40), (20, 120, 60)], [(10, 20, 220), None]]
    rows = [
        Row(
            name, [Tile(None if colour is None else np.full((50, 50, 3), colour, np.uint8), "a note") for colour in row]
        )
        for name, row in zip(("one", "two"), colours, strict=True)
    ]
    figure = board(rows, 50, title="A title", column_names=["left", "right"], foot="below", apart=(1,), bar="error")
    figure.savefig(tmp_path / "board.png")
    plt.close(figure)
    picture = np.asarray(Image.open(tmp_path / "board.png").convert("RGB"))
    assert picture.shape[1] == round(figure.get_size_inches()[0] * DENSITY)
    for colour in (colours[0][0], colours[0][1], colours[1][0]):
        places = np.argwhere((picture == colour).all(axis=-1))
        assert len(places) == 2500
        assert tuple(np.ptp(places, axis=0)) == (49, 49)
