"""Pictures of how well the methods see shapes, of what they write, and of what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results import figures
from hypernet.lab.runs.models import count_parameters
from hypernet.shapes.baselines.per_class import PerClass
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import Field, field_of_network
from hypernet.shapes.core.frames import RESOLUTION, grid
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.core.polytopes import Solid
from hypernet.shapes.core.voxels import occupancy
from hypernet.shapes.dataset import ShapeData, Split, load
from hypernet.shapes.methods import QUOTED, TITLES
from hypernet.shapes.model import GeneratedDecoder
from hypernet.shapes.names import CLASSES, GENERATED, dataset_title
from hypernet.shapes.plots import costs
from hypernet.shapes.plots.charts import draw_iou_by_class, draw_learning
from hypernet.shapes.plots.cuts import Drawn, draw_samples, draw_slices
from hypernet.shapes.plots.galleries import Made, draw_failures, draw_reconstructions, draw_silhouettes, draw_strips
from hypernet.shapes.plots.latent import draw_latent
from hypernet.shapes.plots.tiles import CELLS, VOXEL_CELLS, Example
from hypernet.shapes.sources.procedural import generate
from hypernet.shapes.trained import Reconstructor, open_model

# Those that write a network for each image, the one to be shown first.
WRITERS = ("hyper", "hyper_uniform", "hyper_silhouettes")
# Classes told apart at a glance; others take the place of those that the data set has not got.
SHOWN = ("airplane", "bench", "car", "chair", "lamp", "table", "watercraft")
FAMILIAR = ("airplane", "car", "table", "chair", "lamp")
WORST = 3
STEPS = 8
# A solid of the generator is shown for an object only where this many voxels differ at most: it may have changed since.
STRAY_VOXELS = 8
# Objects of each class whose networks are rounded.
ROUNDED = 1
LARGEST_BYTE = 127
# Points of a set where no method gives one: as those of Fan et al.
POINTS = 1024


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.shapes.captions`.

    Pictures of single objects show the first run of each method on the first generated data set, or on the first data
    set where none is generated.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    summary, records = figures.read_runs("shapes", runs, results)
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    dataset = next((name for name in datasets if name.startswith(GENERATED)), datasets[0])
    gathered = _Gathered(dataset, records, summary[summary.dataset == dataset])
    pictures: dict[str, Callable[[_Gathered], Figure | str]] = {
        "reconstructions": _reconstructions,
        "iou_by_class": _iou_by_class,
        "representations": _representations,
        "latent": _latent,
        "interpolation": _interpolation,
        "silhouettes": _silhouettes,
        "slices": _slices,
        "samples": _samples,
        "resolution": _resolution,
        "failures": _failures,
    }
    for name, picture in pictures.items():
        figures.save_drawn(picture(gathered), out, name)
    # The error of a set of points is a distance, not an IoU.
    learned = [record for record in records if record["method"] != "points"]
    figures.save_learning(
        out, learned, draw_learning, TITLES, dataset_title, "No method among the runs was trained to an IoU"
    )


@dataclass(eq=False)
class _Gathered:
    """What the pictures of single objects are drawn of: a data set, and the first run of each method on it."""

    dataset: str
    all_records: Sequence[dict[str, Any]]
    summary: pd.DataFrame

    def __post_init__(self) -> None:
        self.records = figures.first_runs(self.all_records, self.dataset, TITLES)
        self.title = dataset_title(self.dataset)
        self._models: dict[str, Reconstructor] = {}

    @cached_property
    def data(self) -> ShapeData:
        return load(Path(next(iter(self.records.values()))["data"]))

    @property
    def test(self) -> Split:
        return self.data.splits["test"]

    @property
    def writer(self) -> str | None:
        """The method whose networks are looked into."""
        return next((method for method in WRITERS if method in self.records), None)

    @property
    def no_writer(self) -> str:
        return f"No run of `{WRITERS[0]}` among the runs"

    def model(self, method: str) -> Reconstructor:
        if method not in self._models:
            self._models[method] = open_model(self.records[method]["folder"] / "model.ckpt")
        return self._models[method]

    def items(self, method: str) -> pd.DataFrame:
        """The first view of every held-out object, in the order of the split."""
        table = pd.read_csv(self.records[method]["folder"] / "items.csv")
        return table[table["view"] == 0].reset_index(drop=True)

    def rows(self, classes: Sequence[str], count: int) -> list[int]:
        """The first held-out object of each of ``count`` classes at most: of those named, then of any other."""
        # In the order of the published tables.
        names = sorted(set(_familiar(self.test, classes, count)), key=CLASSES.index)
        return [self.row(name) for name in names]

    def row(self, name: str) -> int:
        return int(np.flatnonzero(self.test.classes == CLASSES.index(name))[0])

    def best(self, name: str, scores: np.ndarray) -> int:
        """The held-out object of a class with the highest score."""
        members = np.flatnonzero(self.test.classes == CLASSES.index(name))
        return int(members[scores[members].argmax()])

    def example(self, row: int, split: Split | None = None) -> Example:
        split = self.test if split is None else split
        entry, voxels = split.table.iloc[row], split.voxels(np.array([row]))[0]
        solid: Solid | None = None
        if entry["collection"] == GENERATED:
            solid = generate(entry["class"], int(entry["object"]))
            if (occupancy(solid, RESOLUTION) != voxels).sum() > STRAY_VOXELS:
                solid = None
        # What a method makes of an image may be larger than the object in it.
        camera = Camera.from_row(split.cameras[row, 0]).overview()
        return Example(entry["class"], np.array(split.images[row, 0]), camera, voxels, solid)

    def cells(self, method: str) -> int:
        """Cells along a side of the cube that show all that a method says: those that know voxels only say no more."""
        continuous = isinstance(self.model(method).network, ConditionalShape | PerClass)
        return CELLS if continuous else VOXEL_CELLS

    def fields(self, method: str, rows: Sequence[int], split: Split | None = None) -> list[Field]:
        split = self.test if split is None else split
        model, chosen = self.model(method), np.asarray(rows)
        classes = np.asarray(split.classes)[chosen] if model.needs_class else None
        return model.fields(np.array(split.images[chosen, 0]), classes)


def _reconstructions(gathered: _Gathered) -> Figure:
    rows = gathered.rows(SHOWN, len(SHOWN))
    images = np.array(gathered.test.images[rows, 0])
    made = []
    for method in gathered.records:
        if not gathered.model(method).solid:
            made.append(Made(TITLES[method], list(gathered.model(method).points(images)), None))
            continue
        scores = gathered.items(method)["iou"].iloc[rows].tolist()
        made.append(Made(TITLES[method], gathered.fields(method, rows), scores, gathered.cells(method)))
    return draw_reconstructions([gathered.example(row) for row in rows], made, gathered.title)


def _failures(gathered: _Gathered) -> Figure | str:
    method = gathered.writer or next((name for name in gathered.records if gathered.model(name).solid), None)
    if method is None:
        return "No method among the runs gives solids"
    scores = gathered.items(method)["iou"].to_numpy()
    groups = {}
    for place in np.unique(gathered.test.classes):
        members = np.flatnonzero(gathered.test.classes == place)
        worst = members[scores[members].argsort(kind="stable")][:WORST].tolist()
        shapes = gathered.fields(method, worst)
        groups[CLASSES[place]] = [
            (gathered.example(row), shape, float(scores[row])) for row, shape in zip(worst, shapes, strict=True)
        ]
    return draw_failures(groups, f"{gathered.title}: the worst of each class. {TITLES[method]}")


def _latent(gathered: _Gathered) -> Figure | str:
    method = gathered.writer or next((name for name in gathered.records if gathered.model(name).latent), None)
    if method is None:
        return "No method among the runs has embeddings"
    if len(gathered.test) < 4:
        return "Fewer than four held-out objects have no places"
    model, images = gathered.model(method), np.array(gathered.test.images[:, 0])
    vectors = model.embedding(images)
    spaces = {f"embedding, {vectors.shape[1]:,} numbers": vectors}
    if model.generated:
        theta = model.theta(vectors)
        spaces[f"weights θ of the networks, {theta.shape[1]:,} numbers"] = theta
    title = f"{gathered.title}: embeddings of held-out images. {TITLES[method]}"
    return draw_latent(images, np.asarray(gathered.test.classes), CLASSES, spaces, title)


def _interpolation(gathered: _Gathered) -> Figure | str:
    if gathered.writer is None:
        return gathered.no_writer
    scores = gathered.items(gathered.writer)["iou"].to_numpy()
    first, last = (gathered.best(name, scores) for name in _familiar(gathered.test, FAMILIAR, 2))
    model = gathered.model(gathered.writer)
    ends = model.embedding(np.array(gathered.test.images[[first, last], 0]))
    shapes = [model.field_of(end) for end in ends]
    shares = np.linspace(0, 1, STEPS)
    strips: dict[str, list[Field]] = {
        "Embeddings mixed": [model.field_of((1 - share) * ends[0] + share * ends[1]) for share in shares],
        "Values z mixed": [
            lambda points, share=share: (1 - share) * shapes[0](points) + share * shapes[1](points)  # type: ignore[misc]
            for share in shares
        ],
    }
    title = f"{gathered.title}: between two held-out objects. {TITLES[gathered.writer]}"
    return draw_strips((gathered.example(first), gathered.example(last)), strips, shares.tolist(), title)


def _familiar(split: Split, names: Sequence[str], count: int) -> list[str]:
    """Names of ``count`` classes of a split: those named come first and keep their order."""
    present = [CLASSES[place] for place in np.unique(split.classes)]
    chosen = [*(name for name in names if name in present), *(name for name in present if name not in names)]
    # A data set of a single class has only that one to show.
    return [chosen[number % len(chosen)] for number in range(count)]


def _silhouettes(gathered: _Gathered) -> Figure | str:
    if "hyper_silhouettes" not in gathered.records:
        return "No run of `hyper_silhouettes` among the runs"
    # Test objects often have a single image; those of the validation have as many as the training's.
    split = gathered.data.splits["test" if gathered.test.images.shape[1] > 1 else "validation"]
    if split.images.shape[1] < 2:
        return "No held-out object has a second view"
    rows = [
        int(np.flatnonzero(split.classes == place)[0])
        for place in sorted(np.unique(split.classes), key=lambda place: CLASSES[place] not in FAMILIAR)[:4]
    ]
    labels = [
        (np.asarray(split.images[row, 1, ..., 3], dtype=np.float64) / 255, Camera.from_row(split.cameras[row, 1]))
        for row in rows
    ]
    examples = [gathered.example(row, split) for row in rows]
    shapes = gathered.fields("hyper_silhouettes", rows, split)
    title = f"{gathered.title}: held-out objects. {TITLES['hyper_silhouettes']}"
    return draw_silhouettes(examples, labels, shapes, title)


def _slices(gathered: _Gathered) -> Figure | str:
    if gathered.writer is None:
        return gathered.no_writer
    rows = gathered.rows(FAMILIAR, 3)
    title = f"{gathered.title}: cuts through written functions. {TITLES[gathered.writer]}"
    return draw_slices([gathered.example(row) for row in rows], gathered.fields(gathered.writer, rows), title)


def _samples(gathered: _Gathered) -> Figure | str:
    """The points are drawn as the training draws them, before half of a batch is mirrored."""
    method = next((name for name in (*WRITERS[:2], *gathered.records) if name in gathered.records), None)
    training = {} if method is None else gathered.records[method].get("parameters", {}).get("train", {})
    if method is None or "uniform" not in training or method in ("points", "hyper_silhouettes"):
        return "No method among the runs was trained on labelled points"
    data, split = gathered.data, gathered.data.splits["train"]
    random = numpy_generator(gathered.records[method]["seed"], "shapes", "picture of samples")
    objects = []
    for name in _familiar(split, FAMILIAR, 3):
        row = int(np.flatnonzero(split.classes == CLASSES.index(name))[0])
        uniform, boundary = training["uniform"], training["boundary"]
        (points,), (inside,) = data.labelled_points("train", np.array([row]), uniform, boundary, random)
        objects.append(Drawn(name, np.array(split.images[row, 0]), points, inside, uniform))
    return draw_samples(objects, f"{gathered.title}: labelled points of one training batch. {TITLES[method]}")


def _resolution(gathered: _Gathered) -> Figure | str:
    if gathered.writer is None:
        return gathered.no_writer
    rows = gathered.rows(FAMILIAR, 2)
    asked = []
    for row, shape in zip(rows, gathered.fields(gathered.writer, rows), strict=True):
        example = gathered.example(row)
        if example.solid is not None:
            asked.append(costs.ask(example.class_name, shape, example.solid))
    if not asked:
        return "Only generated shapes are known exactly at every resolution"
    title = f"{gathered.title}: one network for each object, asked at several resolutions. {TITLES[gathered.writer]}"
    return costs.draw_resolution(asked, title)


def _representations(gathered: _Gathered) -> Figure:
    shared = next((method for method in ("concat_matched", "concat", "film") if method in gathered.records), None)
    # An object that is something in all forms: looking for a surface that is not there takes longest.
    compared = [method for method in (shared, gathered.writer) if method is not None]
    scores = np.min(
        [np.full(len(gathered.test), 100.0), *(gathered.items(method)["iou"] for method in compared)], axis=0
    )
    row = max((gathered.best(name, scores) for name in _familiar(gathered.test, FAMILIAR, 3)), key=scores.__getitem__)
    example = gathered.example(row)
    forms = [
        _voxels(gathered, example, RESOLUTION),
        _voxels(gathered, example, 8 * RESOLUTION),
        _point_set(gathered, example, row),
        _mesh(gathered, example),
    ]
    if shared is not None:
        title = f"Embedding, float32 ({TITLES[shared]})"
        forms.append(_embedding(gathered, shared, title, figures.COLOURS[1], example))
    if gathered.writer is not None:
        title = f"Embedding, float32 ({TITLES[gathered.writer]}: f writes the network)"
        forms.append(_embedding(gathered, gathered.writer, title, figures.COLOURS[0], example))
        forms += _written(gathered, gathered.writer, example)
    notes = (
        f"Measured here: bytes, and processor seconds to a view of the same {example.class_name} from what is kept, "
        f"once (functions: their surface is first looked for at {costs.VIEW_CELLS}³ cells). Mesh: mean of an object of "
        "each class. Bytes that all objects share: what turns an object's into a shape; what reads the image is not "
        "counted. IoU: 32³ voxels of held-out objects, mean of the classes; in points: what rounding changes, for an "
        "object of each class. A dash: no method among the runs gives this form from an image."
    )
    return costs.draw_representations(forms, f"{gathered.title}: one object in several forms", notes)


def _training(gathered: _Gathered, method: str) -> tuple[str, str]:
    """Seconds of a method's training, and its IoU: words of a row of the table."""
    if method not in gathered.records:
        return "–", "–"
    table = gathered.summary
    row = table[(table.method == method) & (table.metric == "iou") & (table.group == "")]
    accuracy = f"{row.value.iloc[0]:.1f} %" if len(row) and row.value.notna().all() else "no inside"
    return f"{gathered.records[method]['seconds']:,.0f} s", accuracy


def _voxels(gathered: _Gathered, example: Example, cells: int) -> costs.Form:
    each, view = costs.view_of_voxels(example, cells)
    words = _training(gathered, "voxel_deconv" if cells == RESOLUTION else "")
    title, resolution = f"Voxels, {cells}³ bits", f"{cells}³ cells"
    return costs.Form(
        title=title, each=each, resolution=resolution, topology="any", view=view, training=words[0], iou=words[1]
    )


def _point_set(gathered: _Gathered, example: Example, row: int) -> costs.Form:
    if "points" in gathered.records:
        points = gathered.model("points").points(example.image[None])[0]
    else:
        points = gathered.test.surface[row, :POINTS, :3].astype(np.float32)
    words = _training(gathered, "points")
    title, resolution = f"{len(points):,} points, float32", f"{len(points):,} points"
    view = costs.view_of_points(points, example.camera)
    return costs.Form(
        title=title,
        each=points.nbytes,
        resolution=resolution,
        topology="none",
        view=view,
        training=words[0],
        iou=words[1],
    )


def _mesh(gathered: _Gathered, example: Example) -> costs.Form:
    others = [gathered.example(row) for row in gathered.rows((), len(CLASSES))]
    each = float(np.mean([costs.bytes_of_mesh(other) for other in others]))
    view = costs.view_of_mesh(example)
    title, words = "Mesh of the true surface", _training(gathered, "")
    return costs.Form(
        title=title,
        each=each,
        resolution="its triangles",
        topology="its own",
        view=view,
        training=words[0],
        iou=words[1],
    )


def _embedding(gathered: _Gathered, method: str, title: str, colour: str, example: Example) -> costs.Form:
    """An object is its embedding; the weights that make a function of it are shared by all objects."""
    model = gathered.model(method)
    embedding = model.embedding(example.image[None])[0]
    assert isinstance(model.network, ConditionalShape)
    view = costs.view_of_field(lambda: model.field_of(embedding), example.camera)
    shared = 4 * count_parameters(model.network.decode)
    words = _training(gathered, method)
    return costs.Form(
        title=title, each=embedding.nbytes, shared=shared, view=view, colour=colour, training=words[0], iou=words[1]
    )


def _written(gathered: _Gathered, method: str, example: Example) -> list[costs.Form]:
    """An object is the network that was written for it: as float32, and rounded."""
    model = gathered.model(method)
    assert isinstance(model.network, ConditionalShape)
    assert isinstance(model.network.decode, GeneratedDecoder)
    spans = [part.span for part in model.network.decode.network.parts]
    some = np.sort(
        np.concatenate(
            [np.flatnonzero(gathered.test.classes == place)[:ROUNDED] for place in np.unique(gathered.test.classes)]
        )
    )
    theta = model.theta(model.embedding(np.array(gathered.test.images[some, 0])))
    kept = {
        "float32": (theta, theta[0].nbytes),
        "float16": (theta.astype(np.float16).astype(np.float32), theta[0].astype(np.float16).nbytes),
        "int8": (to_bytes(theta, spans), theta[0].astype(np.int8).nbytes + 4 * len(spans)),
    }
    truth, points = gathered.test.voxels(some), grid(RESOLUTION)
    training, accuracy = _training(gathered, method)
    score, forms = {}, []
    for precision, (weights, each) in kept.items():
        occupied = np.stack([field_of_network(model.network_of(network))(points) > 0 for network in weights])
        score[precision] = 100 * float(np.mean(iou(occupied, truth)))
        change = round(score[precision] - score["float32"], 2)
        view = costs.view_of_field(partial(_opened, model, weights[0]), example.camera)
        forms.append(
            costs.Form(
                title=f"Network θ of {theta.shape[1]:,} weights, {precision}",
                each=each,
                training=training,
                view=view,
                iou=accuracy if precision == "float32" else f"{change:+.2f} points".replace("-", "−"),
                colour=figures.COLOURS[0],
            )
        )
    return forms


def _opened(model: Reconstructor, theta: np.ndarray) -> Field:
    return field_of_network(model.network_of(theta))


def to_bytes(theta: np.ndarray, spans: Sequence[slice]) -> np.ndarray:
    """Weights rounded to whole numbers of -127 to 127, times one float32 for each tensor of a network.

    Args:
        theta: ``[B, N]``.
        spans: where each tensor stands in a row.
    """
    rounded = np.empty_like(theta)
    for span in spans:
        step = np.maximum(np.abs(theta[:, span]).max(axis=1, keepdims=True), 1e-30) / LARGEST_BYTE
        rounded[:, span] = np.round(theta[:, span] / step) * step
    return rounded


def _iou_by_class(gathered: _Gathered) -> Figure | str:
    drawn = draw_iou_by_class(gathered.summary, gathered.title, TITLES, list(QUOTED))
    return drawn or "No method among the runs gives solids"
