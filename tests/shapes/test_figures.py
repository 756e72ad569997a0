"""The pictures are drawn from small runs; what they look like is for a person to judge."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json
from hypernet.lab.job import Job
from hypernet.lab.manifest import write_manifest
from hypernet.lab.results import figures as style
from hypernet.lab.runs.models import save_model
from hypernet.shapes import captions, dataset, raw
from hypernet.shapes import figures as drawing
from hypernet.shapes.config import METHODS
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.frames import RESOLUTION
from hypernet.shapes.core.voxels import occupancy
from hypernet.shapes.evaluate import evaluate, summarise
from hypernet.shapes.figures import draw, to_bytes
from hypernet.shapes.methods import QUOTED, build
from hypernet.shapes.names import CLASSES, dataset_title
from hypernet.shapes.plots import costs, galleries
from hypernet.shapes.plots.charts import QUOTED_STYLE, STYLE, by_collection
from hypernet.shapes.plots.galleries import silhouette_of
from hypernet.shapes.plots.latent import separation
from hypernet.shapes.plots.tiles import (
    DENSITY,
    Example,
    Tile,
    board,
    dots,
    photograph,
    surface_of,
    surface_of_voxels,
    view,
)
from hypernet.shapes.sources.procedural import generate
from hypernet.shapes.train import train
from hypernet.shapes.trained import VERSION, describe

SMALL = (
    "views={size: 24, train: 2, test: 1}",
    "samples={uniform: 80, boundary: 80, sigma: [0.1]}",
    "train.uniform=40",
    "train.boundary=40",
    "encoder={channels: 4, stride: 2, units: [{channels: 8, stride: 2}], hidden: 16, embedding: 12}",
    "decoder={width: 8, layers: 4, start: ordinary}",
    "points={hidden: 16, count: 64, train: {}}",
    "concat_matched={width: 8, embedding: 8, train: {}}",
    "evaluate={resamples: 100, mesh: {objects_per_class: 1, resolution: 16, points: 100}}",
)
FEW = ("airplane", "cabinet", "car")
COUNTS = {"train": 1, "validation": 1, "test": 2}
NETWORKS = ("hyper", "hyper_silhouettes", "concat_matched", "points")
PUBLISHED = Path(captions.__file__).with_name("published.csv")
# Inches: a notice is a narrow strip.
NOTICE = 2.0
CAMERA = Camera.orbit(35.0, 22.0)


def shapes_of_few_classes(folder: Path) -> None:
    """Raw generated shapes of three classes: those of all thirteen take seconds."""
    shapes = [
        {"cls": name, "seed": raw.FIRST_SEED[split] + number, "split": split}
        for split, count in COUNTS.items()
        for name in FEW
        for number in range(count)
    ]
    whole = [shape | generate(shape["cls"], shape["seed"]).to_dict() for shape in shapes]
    folder.mkdir(parents=True)
    (folder / raw.SHAPES).write_bytes(gzip.compress(json.dumps(whole).encode()))
    write_manifest(folder, {"origin": "generated", "licence": "free of rights"})


@pytest.fixture(scope="module")
def runs(section, tmp_path_factory) -> dict[str, Path]:
    """Runs of several methods, evaluated; networks are as they start, with a history that nobody trained."""
    root, config = tmp_path_factory.mktemp("figures"), section("shapes", *SMALL)
    data = root / "data" / "processed"
    shapes_of_few_classes(root / "raw")
    dataset.prepare("generated", root / "raw", data, config.settings("prepare", "generated"))
    folders = {}
    for method in (*NETWORKS, "mean_shape", "retrieval"):
        folder = root / "results" / "shapes" / "generated" / method / "seed0"
        settings = config.settings("train", "generated", method)
        job = Job("shapes", "generated", method, 0, data, folder, settings)
        if method not in NETWORKS:
            train(job)
        else:
            folder.mkdir(parents=True)
            torch.manual_seed(1)
            stored = settings.model_dump(mode="json")
            content = {"domain": "shapes", "version": VERSION, "method": method, "settings": stored}
            content |= describe("Generated shapes", 24, False) | {"state": build(settings).state_dict()}
            save_model(folder / "model.ckpt", content)
            history = [{"step": step, "seconds": 2.0 * step, "validation_error": 1 / (1 + step)} for step in (1, 2, 3)]
            record = {"domain": "shapes", "dataset": "generated", "method": method, "seed": 0, "data": str(data)}
            record |= {"seconds": 6.0, "parameter_count": 1, "history": history, "parameters": stored}
            write_json(folder / "run.json", record)
        evaluate(replace(job, settings=config.settings("evaluate", "generated", method)))
        folders[method] = folder
    return folders


@pytest.fixture
def sizes(sizes, monkeypatch) -> dict[str, float]:
    """As of all domains, of pictures that are quick to draw."""
    # As coarse as they can be: they take the time of the default's pictures.
    monkeypatch.setattr(costs, "RESOLUTIONS", (16, 32))
    for module in (costs, galleries):
        monkeypatch.setattr(module, "surface_of", lambda shape, cells=16: surface_of(shape, 16))
    finest = costs.view_of_voxels
    monkeypatch.setattr(costs, "view_of_voxels", lambda example, resolution: finest(example, min(resolution, 64)))
    return sizes


def drawn(runs: dict[str, Path], root: Path, methods: tuple[str, ...]) -> None:
    folders = [runs[method] for method in methods]
    summarise(folders, PUBLISHED, root, "smoke")
    draw(folders, root, root / "figures")


def test_every_picture_is_there_and_is_no_notice(runs, tmp_path, sizes):
    drawn(runs, tmp_path, tuple(runs))
    assert set(sizes) == {f"{name}{suffix}" for name in captions.FIGURES for suffix in (".png", ".svg")}
    assert {name for name, height in sizes.items() if height < NOTICE} == set()


@pytest.mark.parametrize(
    ("methods", "missing"),
    [
        (
            ("mean_shape",),
            {"latent", "interpolation", "silhouettes", "slices", "samples", "resolution", "learning"},
        ),
        (("concat_matched",), {"interpolation", "silhouettes", "slices", "resolution"}),
        (("hyper_silhouettes",), {"samples"}),
        (
            ("points",),
            {"iou_by_class", "latent", "interpolation", "silhouettes", "slices", "samples", "resolution"}
            | {"failures", "learning"},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_pictures_without_their_runs_say_so(runs, tmp_path, sizes, monkeypatch, methods, missing):
    for module in (costs, galleries):
        monkeypatch.setattr(module, "view", lambda mesh, camera, size, colour=None: np.zeros((size, size, 3), np.uint8))
    drawn(runs, tmp_path, methods)
    assert {name.removesuffix(".png") for name in sizes if name.endswith(".png")} == set(captions.FIGURES)
    notices = {name.removesuffix(".png") for name, height in sizes.items() if name.endswith(".png") and height < NOTICE}
    assert notices == missing


def test_of_several_data_sets_the_generated_one_is_looked_into(runs, tmp_path, monkeypatch):
    """Whatever stands first; learning curves have a panel for each."""
    folders = []
    for name in ("choy", "generated"):
        for method in ("mean_shape", "hyper"):
            folder = tmp_path / name / method / "seed0"
            folder.mkdir(parents=True)
            for path in runs[method].iterdir():
                (folder / path.name).write_bytes(path.read_bytes())
            record = json.loads((folder / "run.json").read_text()) | {"dataset": name}
            write_json(folder / "run.json", record)
            folders.append(folder)
    titles: dict[str, list[str]] = {}
    monkeypatch.setattr(
        style, "save_panels", lambda out, name, panels, **options: titles.setdefault(name, []).extend(panels)
    )
    monkeypatch.setattr(style, "save", lambda figure, out, name: plt.close(figure))
    looked: list[str] = []
    monkeypatch.setattr(drawing, "_reconstructions", lambda gathered: looked.append(gathered.dataset) or "nothing")
    for name in ("representations", "latent", "interpolation", "slices", "samples", "resolution", "failures"):
        monkeypatch.setattr(drawing, f"_{name}", lambda gathered: "nothing")
    summarise([runs["mean_shape"], runs["hyper"]], PUBLISHED, tmp_path, "smoke")
    draw(folders, tmp_path, tmp_path / "figures")
    assert looked == ["generated"]
    assert titles == {"learning": [dataset_title("choy"), dataset_title("generated")]}


def test_without_a_summary_the_step_before_is_named(runs, tmp_path):
    with pytest.raises(UserError, match="run `hypernet shapes summarise` first"):
        draw([runs["mean_shape"]], tmp_path, tmp_path / "figures")


def test_every_method_has_a_style_of_its_own():
    assert set(STYLE) == set(METHODS)
    assert len({(entry["color"], entry["marker"]) for entry in STYLE.values()}) == len(STYLE)
    assert set(QUOTED_STYLE) == {*QUOTED, "hyper"}


def test_groups_are_told_apart_by_collection():
    groups = ["meshes, chair", "meshes, table", "meshes", "official, chair", "official", "Choy, mean"]
    table = pd.DataFrame({"group": groups, "value": range(len(groups))})
    parts = by_collection(table, "value")
    assert list(parts) == ["meshes", "official", "Choy"]
    assert parts["meshes"]["class"].tolist() == ["chair", "table", "mean"]
    assert parts["Choy"]["class"].tolist() == ["mean"]
    (alone,) = by_collection(pd.DataFrame({"group": ["chair", ""], "value": [1, 2]}), "value").items()
    assert alone[0] == ""
    assert alone[1]["class"].tolist() == ["chair", "mean"]


def test_an_object_that_the_generator_no_longer_makes_is_shown_by_its_voxels(runs):
    record = json.loads((runs["mean_shape"] / "run.json").read_text()) | {"folder": runs["mean_shape"]}
    gathered = drawing._Gathered("generated", [record], pd.DataFrame())
    assert gathered.example(0).solid is not None
    gathered.test.table["object"] = "9077"
    changed = gathered.example(0)
    assert changed.solid is None
    assert changed.mesh is not None


# --- what the pictures claim ------------------------------------------------------------------------------------


def test_mixing_embeddings_is_mixing_weights(section):
    settings = section("shapes", *SMALL).settings("train", "generated", "hyper")
    decode = build(settings).decode
    first, second = torch.randn(2, 1, 12, generator=torch.Generator().manual_seed(0))
    mixed = 0.3 * decode.theta(first) + 0.7 * decode.theta(second)
    torch.testing.assert_close(decode.theta(0.3 * first + 0.7 * second), mixed, rtol=1e-4, atol=1e-5)


def test_rounded_weights_are_near_and_few():
    theta = np.random.default_rng(0).standard_normal((3, 30)).astype(np.float32)
    theta[1, 10:] = 0
    spans = [slice(0, 10), slice(10, 30)]
    rounded = to_bytes(theta, spans)
    for span in spans:
        step = np.abs(theta[:, span]).max(axis=1, keepdims=True) / 127
        assert (np.abs(rounded[:, span] - theta[:, span]) <= 0.5001 * step + 1e-12).all()
        assert all(len(np.unique(row)) <= 255 for row in rounded[:, span])
    np.testing.assert_allclose(to_bytes(rounded, spans), rounded, rtol=1e-6)
    assert not rounded[1, 10:].any()


def test_classes_are_apart_as_counted_by_hand():
    """Two pairs on a line: (0, 1) and (10, 12); silhouettes are 1 - a / b with a in the pair and b the mean beyond."""
    vectors, classes = np.array([[0.0], [1.0], [10.0], [12.0]]), np.array([4, 4, 7, 7])
    scored = separation(vectors, classes)
    by_hand = np.mean([1 - 1 / 11, 1 - 1 / 10, 1 - 2 / 9.5, 1 - 2 / 11.5])
    assert scored.silhouette == pytest.approx(by_hand)
    assert scored.nearest == 1.0
    assert separation(vectors, np.array([1, 2, 1, 2])).nearest == 0.0
    assert separation(vectors, np.zeros(4, int)).silhouette is None


def test_the_silhouette_of_a_ball_is_a_disc():
    radius, size = 0.5, 40
    predicted = silhouette_of(lambda points: 40 * (radius - np.linalg.norm(points, axis=-1)), CAMERA, size)
    _, directions = CAMERA.rays(size, size)
    eye = np.asarray(CAMERA.eye)
    # The distance of the centre from each ray.
    passed = np.linalg.norm(eye - (directions @ eye)[:, None] * directions, axis=1).reshape(size, size)
    clear = np.abs(passed - radius) > 0.01
    np.testing.assert_array_equal((predicted > 0.5)[clear], (passed < radius)[clear])


def test_the_object_itself_is_right_at_every_resolution(monkeypatch):
    monkeypatch.setattr(costs, "RESOLUTIONS", (16, 24))
    solid = generate("cabinet", 3)
    asked = costs.ask("cabinet", lambda points: solid.inside(points) - 0.5, solid)
    assert asked.scores == [100.0, 100.0]
    assert min(asked.every + asked.near) >= 0
    nothing = costs.ask("cabinet", lambda points: np.full(len(points), -1.0, np.float32), solid)
    assert nothing.scores == [0.0, 0.0]


def test_voxels_cost_a_bit_each_and_a_mesh_its_arrays():
    solid = generate("table", 5)
    example = Example("table", np.zeros((8, 8, 4), np.uint8), CAMERA, occupancy(solid, RESOLUTION), solid)
    assert costs.view_of_voxels(example, 32)[0] == 4096
    mesh = solid.union()
    assert costs.bytes_of_mesh(example) == 12 * (len(mesh.vertices) + len(mesh.triangles))


# --- tiles ------------------------------------------------------------------------------------------------------


def test_the_surface_of_voxels_closes_and_lies_where_they_do():
    occupied = np.zeros((RESOLUTION,) * 3, dtype=bool)
    occupied[0:12, 5:20, 8:32] = True
    mesh = surface_of_voxels(occupied)
    assert mesh is not None
    assert mesh.watertight
    step = 2 * (32 / 36) / 32
    # Edges are cut off half way: a little less than the box.
    assert 0.9 * occupied.sum() * step**3 < mesh.volume < occupied.sum() * step**3
    lowest, highest = mesh.bounds
    np.testing.assert_allclose(lowest, -(32 / 36) + step * np.array([0, 5, 8]), atol=1e-9)
    np.testing.assert_allclose(highest, -(32 / 36) + step * np.array([12, 20, 32]), atol=1e-9)
    assert surface_of_voxels(np.zeros((8, 8, 8), dtype=bool)) is None


def test_a_field_without_a_surface_is_a_white_tile():
    assert surface_of(lambda points: np.full(len(points), -1.0, np.float32), 16) is None
    assert (view(None, CAMERA, 20) == 255).all()


def test_points_are_drawn_where_the_camera_sees_them():
    points = np.array([[0.0, 0.5, 0.0], [0.3, -0.4, 0.2]])
    picture = dots(points, CAMERA, 90)
    for column, row in CAMERA.project(points, 90, 90):
        assert (picture[int(row), int(column)] < 250).any()
    assert (picture[:5] == 255).all()


def test_photographs_keep_their_pixels_on_a_white_ground():
    image = np.zeros((2, 2, 4), np.uint8)
    image[0, 1] = (10, 20, 30, 255)
    enlarged = photograph(image, 6)
    assert (enlarged[:3, 3:] == (10, 20, 30)).all()
    assert (enlarged[3:] == 255).all()


def test_a_board_has_its_tiles_pixel_by_pixel(tmp_path):
    style.use_style()
    colours = [[(200, 30, 40), (20, 120, 60)], [(10, 20, 220), None]]
    rows = [
        [Tile(None if colour is None else np.full((50, 50, 3), colour, np.uint8), "a note") for colour in row]
        for row in colours
    ]
    options = {"row_names": ["one", "two"], "column_names": ["left", "right"], "foot": "below", "apart": (1,)}
    figure = board(rows, 50, title="A title", **options)
    figure.savefig(tmp_path / "board.png")
    plt.close(figure)
    picture = np.asarray(Image.open(tmp_path / "board.png").convert("RGB"))
    assert picture.shape[1] == round(figure.get_size_inches()[0] * DENSITY)
    for colour in (colours[0][0], colours[0][1], colours[1][0]):
        places = np.argwhere((picture == colour).all(axis=-1))
        assert len(places) == 2500
        assert tuple(np.ptp(places, axis=0)) == (49, 49)


def test_captions_name_classes_of_the_data():
    assert {*drawing.SHOWN, *drawing.FAMILIAR} <= set(CLASSES)
