"""Pictures of echoes, of what the methods make of them, and of sight beside sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hypernet.lab.machine import use_threads
from hypernet.lab.results import figures
from hypernet.lab.results.clusters import clustered
from hypernet.lab.results.summary import COMPARISON_COLUMNS
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import Field
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.names import CLASSES
from hypernet.shapes.plots.charts import draw_iou_by_class, draw_learning
from hypernet.shapes.plots.galleries import Made, draw_failures
from hypernet.shapes.plots.latent import draw_classes, places
from hypernet.shapes.plots.tiles import VOXEL_CELLS, Example
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.glints import glints
from hypernet.sonar.core.poses import ears, head_at, to_world
from hypernet.sonar.dataset import EchoData, EchoSplit, load
from hypernet.sonar.methods import QUOTED, TITLES
from hypernet.sonar.names import GENERATED, GENERATED_NAME, dataset_title
from hypernet.sonar.plots.closed_forms import draw_closed_forms
from hypernet.sonar.plots.contrasts import METRICS, Paired, draw_sight_and_sound, draw_surfaces
from hypernet.sonar.plots.gallery import SIDE, draw_reconstructions, spectrogram_image
from hypernet.sonar.plots.scenes import draw_scene
from hypernet.sonar.plots.sounds import Sound, draw_echo
from hypernet.sonar.plots.styles import QUOTED_STYLE, STYLE
from hypernet.sonar.trained import Listener, open_model

SHOWN = ("airplane", "car", "chair", "lamp", "monitor", "table")
# Side by side: sight, sound, and what else there is.
COMPARED = ("vision", "vision_sonar", "batman", "batman_pairs", "nearest", "concat_matched", "resnet", "mean_shape")
# Above narrow columns.
SHORT = {"concat_matched": "BatMan's encoder, fixed decoder", "vision": "Vision"}
SOUND, SIGHT = ("batman", "batman_pairs"), "vision"
WORST = 3
# Cells along a side from which surfaces are drawn, and pixels along a side of an echo's picture.
COARSE = 40
FREQUENCY_HZ = 40e3


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.sonar.captions`.

    Pictures of single objects show the first run of each method on the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    # More threads wait for each other over arrays of this size.
    use_threads(1)
    summary, records = figures.read_runs("sonar", runs, results)
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    # What is heard of a second reflection is shown beside the first, not instead of it.
    first = next((name for name in datasets if "_bounces2" not in name), datasets[0])
    gathered = _Gathered(first, records, summary, results)
    pictures: dict[str, Callable[[_Gathered], Figure | str]] = {
        "reconstructions": _reconstructions,
        "iou_by_class": _iou_by_class,
        "vision_sonar": _sight_and_sound,
        "surfaces": _surfaces,
        "echoes": _echoes,
        "scene": _scene,
        "strength": _strength,
        "latent": _latent,
        "failures": _failures,
    }
    for name, picture in pictures.items():
        figures.save_drawn(picture(gathered), out, name)
    drawing = partial(draw_learning, styles=STYLE)
    figures.save_learning(out, records, drawing, TITLES, dataset_title, "No method among the runs was trained")


@dataclass(eq=False)
class _Gathered:
    """What the pictures are drawn of: a data set, the first run of each method on it, and the tables of all."""

    dataset: str
    all_records: Sequence[dict[str, Any]]
    summary: pd.DataFrame
    results: Path

    def __post_init__(self) -> None:
        self.records = self.of(self.dataset)
        self.title = dataset_title(self.dataset)
        self._models: dict[str, Listener] = {}

    def of(self, dataset: str) -> dict[str, dict[str, Any]]:
        """The first run of each method on a data set, in the order of the table of results."""
        return figures.first_runs(self.all_records, dataset, TITLES)

    @cached_property
    def by_reflections(self) -> dict[str, str]:
        """A data set for one reflection and one for two, where there are such, by their names for people."""
        chosen: dict[str, str] = {}
        for record in self.all_records:
            named = GENERATED_NAME.fullmatch(record["dataset"])
            twice = bool(named and named["bounces"] == "2")
            chosen.setdefault("two reflections" if twice else "one reflection", record["dataset"])
        return dict(sorted(chosen.items()))

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Of methods in pairs; empty where there are none."""
        path = self.results / "comparisons.csv"
        return pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=COMPARISON_COLUMNS)

    @cached_property
    def data(self) -> EchoData:
        return load(Path(next(iter(self.records.values()))["data"]))

    @property
    def test(self) -> EchoSplit:
        return self.data.split("test")

    @property
    def sound(self) -> str | None:
        """The method whose reconstructions are looked into."""
        return next((name for name in (*SOUND, *self.records) if name in self.records), None)

    def model(self, method: str) -> Listener:
        if method not in self._models:
            self._models[method] = open_model(self.records[method]["folder"] / "model.ckpt")
        return self._models[method]

    def items(self, record: dict[str, Any]) -> pd.DataFrame:
        """The first view of every held-out object, in the order of the split."""
        table = pd.read_csv(record["folder"] / "items.csv")
        return table[table["view"] == 0].reset_index(drop=True)

    @cached_property
    def rows(self) -> list[int]:
        """The first held-out object of each class that is shown."""
        present = [name for name in (*SHOWN, *CLASSES) if (self.test.classes == CLASSES.index(name)).any()]
        names = sorted(list(dict.fromkeys(present))[: len(SHOWN)], key=CLASSES.index)
        return [int(np.flatnonzero(self.test.classes == CLASSES.index(name))[0]) for name in names]

    def mesh(self, row: int) -> Mesh | None:
        """The surface of a held-out object in metres; None where it is not generated."""
        entry = self.test.table.iloc[row]
        if entry["collection"] != GENERATED:
            return None
        surface = generate(entry["class"], int(entry["object"])).union()
        return Mesh(to_world(surface.vertices, self.data.scene["size_m"]), surface.triangles)

    def example(self, row: int) -> Example:
        entry, voxels = self.test.table.iloc[row], self.test.voxels(np.array([row]))[0]
        generated = entry["collection"] == GENERATED
        solid = generate(entry["class"], int(entry["object"])) if generated else None
        camera = Camera.from_row(self.test.cameras[row, 0]).overview()
        return Example(entry["class"], np.array(self.test.images[row, 0]), camera, voxels, solid)

    def fields(self, method: str, rows: Sequence[int]) -> list[Field]:
        model = self.model(method)
        return model.fields(self.data.given("test", np.asarray(rows), 0, model.senses))

    def made(self, method: str, rows: Sequence[int]) -> Made:
        scores = self.items(self.records[method])["iou"].iloc[list(rows)].tolist()
        cells = COARSE if isinstance(self.model(method).network, ConditionalShape) else VOXEL_CELLS
        return Made(SHORT.get(method, TITLES[method]), self.fields(method, rows), scores, cells)


def _reconstructions(gathered: _Gathered) -> Figure:
    methods = [method for method in COMPARED if method in gathered.records] or list(gathered.records)[:6]
    made = [gathered.made(method, gathered.rows) for method in methods]
    data = gathered.data
    # Between the lowest and the highest frequency that the call has.
    low, high = Call.recorded(data.emitted, data.rate_hz).band_hz
    band = (max(0.0, 0.5 * low), min(0.5 * data.rate_hz, 1.2 * high))
    heard = [spectrogram_image(_sound(gathered, row), band, SIDE) for row in gathered.rows]
    times = _sound(gathered, gathered.rows[0]).milliseconds
    shown = (
        f"Echo: spectrogram, to the right {times[0]:.1f} to {times[-1]:.1f} ms after the call began, upwards "
        f"{band[0] / 1e3:.0f} to {band[1] / 1e3:.0f} kHz, 50 dB from violet to yellow, with noise."
    )
    examples = [gathered.example(row) for row in gathered.rows]
    return draw_reconstructions(examples, heard, made, gathered.title, shown)


def _sound(gathered: _Gathered, row: int, noisy: bool = True) -> Sound:
    """What the ears of the first head hear of a held-out object."""
    data, rows = gathered.data, np.array([row])
    echo = data.heard("test", rows, 0, "pair") if noisy else data.clean("test", rows, np.zeros(1, int), "pair")
    return Sound(echo[0].astype(np.float64), data.rate_hz, data.start_s, data.speed_of_sound, data.emitted)


def _iou_by_class(gathered: _Gathered) -> Figure | str:
    table = gathered.summary[gathered.summary.dataset == gathered.dataset]
    titles = {method: TITLES[method] for method in TITLES}
    drawn = draw_iou_by_class(
        table, gathered.title, titles, list(QUOTED), styles=STYLE, quoted_styles=QUOTED_STYLE, quoted_titles={},
        published_by="Frank et al. 2020",
    )  # fmt: skip
    return drawn or "No method among the runs gives solids"


def _sight_and_sound(gathered: _Gathered) -> Figure | str:
    table = gathered.comparisons
    pairs = []
    for reflections, dataset in gathered.by_reflections.items():
        records = gathered.of(dataset)
        for sound in SOUND:
            if SIGHT not in records or sound not in records:
                continue
            seen, heard = gathered.items(records[SIGHT]), gathered.items(records[sound])
            objects = seen[["class", "object", "iou"]].merge(
                heard[["class", "object", "iou"]], on=["class", "object"], suffixes=("_sight", "_sound")
            )
            objects = objects.rename(columns={"iou_sight": "sight", "iou_sound": "sound"})
            chosen = table[(table.dataset == dataset) & (table.method == SIGHT) & (table.reference == sound)]
            correlations = {
                row.metric: (row.difference, row.ci95_low, row.ci95_high)
                for row in chosen.itertuples()
                if str(row.metric).endswith("_correlation")
            }
            pairs.append(Paired(f"{TITLES[sound]}, {reflections}", objects, correlations))
    return draw_sight_and_sound(pairs) if pairs else (
        "Sight is not among these runs: the evidence has it (make evidence DOMAIN=sonar)"
    )  # fmt: skip


def _surfaces(gathered: _Gathered) -> Figure | str:
    # What is quoted alone has no value.
    measured = gathered.summary[gathered.summary.metric.isin(METRICS) & gathered.summary.value.notna()]
    tables = {
        dataset_title(dataset): measured[measured.dataset == dataset] for dataset in gathered.by_reflections.values()
    }
    chosen = ("nearest", "concat_matched", "resnet", *SOUND, "vision", "vision_sonar")
    titles = {method: TITLES[method] for method in chosen}
    there = {name: table for name, table in tables.items() if (table.metric == "recall").any()}
    if not there:
        return "No surface among these runs was compared"
    gains = gathered.comparisons
    gains = gains[(gains.metric == "recall_gain") & (gains.method == SIGHT)]
    leads = {}
    for dataset in gathered.by_reflections.values():
        some = gains[gains.dataset == dataset]
        if len(some) and dataset_title(dataset) in there:
            leads[dataset_title(dataset)] = some[some.seed == some.seed.iloc[0]]
    return draw_surfaces(there, titles, STYLE, leads)


def _echoes(gathered: _Gathered) -> Figure:
    row, data = gathered.rows[min(2, len(gathered.rows) - 1)], gathered.data
    entry = gathered.test.table.iloc[row]
    # Between the ears of noise there is nothing to be seen.
    sound, mesh = _sound(gathered, row, noisy=False), gathered.mesh(row)
    title = f"Echo of a held-out {entry['class']} {data.scene['range_m']:g} m away, without noise; call: {data.call}"
    if mesh is None:
        return draw_echo(sound, title)
    parts = glints([mesh], _head(gathered, row).position, FREQUENCY_HZ, data.speed_of_sound)
    return draw_echo(sound, title, parts.depths_m, parts.areas)


def _head(gathered: _Gathered, row: int) -> Any:
    scene = gathered.data.scene
    return head_at(scene["range_m"], float(gathered.test.azimuths[row, 0]), scene["elevation_deg"])


def _scene(gathered: _Gathered) -> Figure | str:
    row = gathered.rows[min(2, len(gathered.rows) - 1)]
    mesh = gathered.mesh(row)
    if mesh is None:
        return "Only of generated objects is the surface itself at hand"
    head = _head(gathered, row)
    parts = glints([mesh], head.position, FREQUENCY_HZ, gathered.data.speed_of_sound)
    name = gathered.test.table.iloc[row]["class"]
    title = (
        f"Held-out {name}: which surface the bat reaches, and what it adds to the echo at {FREQUENCY_HZ / 1e3:g} kHz"
    )
    return draw_scene([mesh], [head], ears(), parts.points, parts.levels_db, title)


def _strength(gathered: _Gathered) -> Figure:
    del gathered
    return draw_closed_forms(FREQUENCY_HZ)


def _latent(gathered: _Gathered) -> Figure | str:
    spaces = {}
    named = ((gathered.sound, "Embeddings of {}"), ("nearest", "The echoes themselves, as {} compares them"))
    for method, name in named:
        if method in gathered.records:
            kept = np.load(gathered.records[method]["folder"] / "predictions.npz", allow_pickle=False)
            if "embedding" in kept:
                spaces[name.format(TITLES[method])] = kept["embedding"]
    if not spaces:
        return "No method among the runs has embeddings"
    classes = np.asarray(gathered.test.classes)
    figure, grid = plt.subplots(1, len(spaces), figsize=(6.4 * len(spaces), 6.6), squeeze=False)
    for axes, (name, vectors) in zip(grid[0], spaces.items(), strict=True):
        draw_classes(axes, places(vectors), classes, CLASSES)
        apart = clustered(vectors, classes)
        axes.set_title(
            f"{name}\n{100 * apart.neighbours:.0f} % share the class with neighbours; NMI {apart.information:.2f}",
            fontsize=10,
        )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("t-SNE, first coordinate")
        axes.set_ylabel("t-SNE, second coordinate")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7, fontsize=9)
    return figure


def _failures(gathered: _Gathered) -> Figure | str:
    method = gathered.sound
    if method is None:
        return "No method among the runs gives solids"
    scores = gathered.items(gathered.records[method])["iou"].to_numpy()
    groups = {}
    for place in np.unique(gathered.test.classes):
        members = np.flatnonzero(gathered.test.classes == place)
        worst = members[scores[members].argsort(kind="stable")][:WORST].tolist()
        shapes = gathered.fields(method, worst)
        groups[CLASSES[place]] = [
            (gathered.example(row), shape, float(scores[row])) for row, shape in zip(worst, shapes, strict=True)
        ]
    title = f"{gathered.title}: the worst of each class. {TITLES[method]}"
    more = "All are seen from where the bat was, which heard an echo and saw nothing."
    return draw_failures(groups, title, given="to the eye", more=more)
