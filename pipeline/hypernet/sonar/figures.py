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

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.libraries import library
from hypernet.lab.results import figures
from hypernet.lab.results.clusters import clustered
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import Field
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.names import CLASSES
from hypernet.shapes.plots.charts import draw_iou_by_class, draw_learning
from hypernet.shapes.plots.galleries import Made, draw_failures, draw_reconstructions
from hypernet.shapes.plots.latent import draw_classes, places
from hypernet.shapes.plots.tiles import VOXEL_CELLS, Example
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.glints import glints
from hypernet.sonar.core.poses import ears, head_at, to_world
from hypernet.sonar.core.strength import target_strength
from hypernet.sonar.dataset import EchoData, EchoSplit, load
from hypernet.sonar.methods import QUOTED, TITLES
from hypernet.sonar.names import GENERATED, GENERATED_NAME, dataset_title
from hypernet.sonar.plots.contrasts import Paired, draw_sight_and_sound, draw_surfaces
from hypernet.sonar.plots.scenes import draw_scene
from hypernet.sonar.plots.sounds import Sound, draw_echo
from hypernet.sonar.trained import Listener, open_model

SHOWN = ("airplane", "car", "chair", "lamp", "monitor", "table")
COMPARED = ("mean_shape", "nearest", "concat_matched", "resnet", "batman", "batman_pairs", "vision", "vision_sonar")
SOUND, SIGHT = ("batman", "batman_pairs"), "vision"
WORST = 3
# Cells along a side from which surfaces are drawn.
COARSE = 40
FREQUENCY_HZ = 40e3
STYLES = {
    method: {"color": figures.COLOURS[number % 8], "marker": figures.MARKERS[(number + number // 8) % 8]}
    for number, method in enumerate(TITLES)
}


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.sonar.captions`.

    Pictures of single objects show the first run of each method on the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    if not (results / "summary.csv").is_file():
        raise UserError(f"{results / 'summary.csv'}: no such file; run `hypernet sonar summarise` first")
    summary = pd.read_csv(results / "summary.csv", dtype={"group": str}).fillna({"group": ""})
    records = [read_json(run / "run.json") | {"folder": run} for run in runs]
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
        drawn = picture(gathered)
        figures.save(drawn if isinstance(drawn, Figure) else figures.nothing_to_show(drawn), out, name)
    learned = [record for record in records if record.get("history")]
    if not learned:
        figures.save(figures.nothing_to_show("No method among the runs was trained"), out, "learning")
        return
    panels = {
        dataset_title(name): partial(
            draw_learning, [record for record in learned if record["dataset"] == name], TITLES, styles=STYLES
        )
        for name in datasets
        if any(record["dataset"] == name for record in learned)
    }
    figures.save_panels(out, "learning", panels, legend_order=list(TITLES.values()), columns=2)


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
        first = {record["method"]: record for record in self.all_records[::-1] if record["dataset"] == dataset}
        return {method: first[method] for method in TITLES if method in first}

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
        return Made(TITLES[method], self.fields(method, rows), scores, cells)


def _reconstructions(gathered: _Gathered) -> Figure:
    methods = [method for method in COMPARED if method in gathered.records] or list(gathered.records)[:6]
    made = [gathered.made(method, gathered.rows) for method in methods]
    return draw_reconstructions(
        [gathered.example(row) for row in gathered.rows],
        made,
        gathered.title,
        given="one echo each (vision: one image)",
        first="What an eye would see",
        seen_from="where the bat was",
    )


def _iou_by_class(gathered: _Gathered) -> Figure | str:
    table = gathered.summary[gathered.summary.dataset == gathered.dataset]
    titles = {method: TITLES[method] for method in TITLES}
    drawn = draw_iou_by_class(
        table, gathered.title, titles, list(QUOTED), styles=STYLES, quoted_styles={}, quoted_titles={},
        published_by="Frank et al. 2020",
    )  # fmt: skip
    return drawn or "No method among the runs gives solids"


def _sight_and_sound(gathered: _Gathered) -> Figure | str:
    comparisons = gathered.results / "comparisons.csv"
    table = pd.read_csv(comparisons) if comparisons.is_file() else pd.DataFrame()
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
    tables = {
        dataset_title(dataset): gathered.summary[gathered.summary.dataset == dataset]
        for dataset in gathered.by_reflections.values()
    }
    chosen = ("nearest", "concat_matched", "resnet", *SOUND, "vision", "vision_sonar")
    titles = {method: TITLES[method] for method in chosen}
    there = {name: table for name, table in tables.items() if (table.metric == "recall").any()}
    return draw_surfaces(there, titles, STYLES) if there else "No surface among these runs was compared"


def _echoes(gathered: _Gathered) -> Figure:
    row, data = gathered.rows[min(2, len(gathered.rows) - 1)], gathered.data
    entry = gathered.test.table.iloc[row]
    echo = data.heard("test", np.array([row]), 0, "pair")[0].astype(np.float64)
    sound = Sound(echo, data.rate_hz, data.start_s, data.speed_of_sound, data.emitted)
    mesh = gathered.mesh(row)
    title = f"{entry['class']}, {data.call}, with noise"
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
    title = f"{name}: what adds to the echo at {FREQUENCY_HZ / 1e3:g} kHz"
    return draw_scene([mesh], [head], ears(), parts.points, parts.levels_db, title)


def _strength(gathered: _Gathered) -> Figure:
    """Shapes whose target strength is known, around the angle of incidence."""
    del gathered
    angles, frequency, air = np.arange(-90.0, 90.5, 1.5), np.array([FREQUENCY_HZ]), Air()
    side, radius = 0.1, 0.05
    wavelength = air.speed_of_sound / FREQUENCY_HZ
    tilt = np.radians(angles)
    plate = 20 * np.log10(
        np.abs(side**2 / wavelength * np.cos(tilt) * np.sinc(2 * side / wavelength * np.sin(tilt))) + 1e-9
    )
    # In the plane of a right-angled corner: the aperture of all that comes back by way of both faces.
    reach = np.where(np.abs(angles) < 45, np.minimum(np.sin(np.pi / 4 - tilt), np.sin(np.pi / 4 + tilt)), 0)
    corner = 20 * np.log10(2 * side**2 / wavelength * np.abs(reach) + 1e-9)
    ball = np.full(len(angles), 20 * np.log10(radius / 2))
    meshes = {
        "plate, 10 x 10 cm": (_plate(side), 1),
        "sphere, 10 cm": (_sphere(radius), 1),
        "right-angled corner, one reflection": (_corner(side), 1),
        "right-angled corner, two reflections": (_corner(side), 2),
    }
    levels = {
        name: target_strength(mesh, frequency, angles, bounces=bounces, air=air)[:, 0]
        for name, (mesh, bounces) in meshes.items()
    }
    known = ("plate, 10 x 10 cm", "sphere, 10 cm", "right-angled corner, two reflections")
    forms = dict(zip(known, (plate, ball, corner), strict=True))
    figure, grid = plt.subplots(1, 3, figsize=(13.5, 4.4), sharex=True, sharey=True)
    for place, axes in enumerate(grid):
        for number, name in enumerate(list(meshes)[place : place + 1] if place < 2 else list(meshes)[2:]):
            axes.plot(angles, levels[name], color=figures.COLOURS[number], lw=1.8, label=name)
            if name in forms:
                axes.plot(angles, forms[name], color="black", lw=0.9, ls=(0, (4, 3)), label="closed form")
        axes.set_ylim(-70, 30)
        axes.set_xticks(range(-90, 91, 30))
        axes.set_xlabel("angle of incidence (degrees)")
        axes.legend(loc="upper right", fontsize=8)
    grid[0].set_ylabel(f"target strength at {FREQUENCY_HZ / 1e3:g} kHz (dB re 1 m)")
    return figure


def _plate(side: float) -> Mesh:
    """A square across the x axis that faces along it."""
    half = side / 2
    corners = np.array([[0, -half, -half], [0, half, -half], [0, half, half], [0, -half, half]])
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))


def _corner(side: float) -> Mesh:
    """Two squares that meet at a right angle along z and open along x."""
    half, far = side / 2, side * np.sqrt(0.5)
    near, left, right = (0, 0), (far, far), (far, -far)
    points = np.array([(*place, height) for place in (near, left, right) for height in (-half, half)])
    return Mesh(points, np.array([[0, 2, 3], [0, 3, 1], [0, 5, 4], [0, 1, 5]]))


def _sphere(radius: float) -> Mesh:
    """A sphere of small facets."""
    trimesh = library("trimesh", "trimesh", "shapes")
    ball = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    return Mesh(np.asarray(ball.vertices), np.asarray(ball.faces))


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
    return draw_failures(groups, title, given="to the eye")
