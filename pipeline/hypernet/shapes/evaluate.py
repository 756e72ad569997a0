"""Reconstructions of held-out objects: IoU by class, and distances between surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hypernet.lab.files import atomic_path, read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import Interval, mean_of_classes
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.shapes.config import EvaluationSettings, MeshScores
from hypernet.shapes.core.extraction import EmptyFieldError, extract
from hypernet.shapes.core.metrics import surface_scores
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.core.solids import surface_samples
from hypernet.shapes.dataset import Split, load
from hypernet.shapes.names import CLASSES, GENERATED
from hypernet.shapes.trained import Reconstructor, open_model

GAIN = "iou_gain"
SURFACE_METRICS = {"chamfer_l1": "1", "f_score": "%", "normal_consistency": "1"}
# The papers' two tables, and the conventions of their labels; this project's are others.
TABLES = ("Choy", "Hane")
MEAN = "mean"
# (method, reference): percentage points of IoU by which the method is claimed to be better, on generated shapes.
CLAIMS: dict[tuple[str, str], float] = {
    ("hyper", "concat"): 5.0,
    ("hyper", "concat_matched"): 0.0,
    ("hyper", "film"): 0.0,
    ("hyper", "mean_shape"): 15.0,
    ("hyper", "hyper_uniform"): 0.0,
    ("hyper_silhouettes", "mean_shape"): 0.0,
}
SHOWN = [
    *CLAIMS,
    ("hyper", "retrieval"),
    ("hyper", "class_mean_oracle"),
    ("hyper", "concat_wide"),
    ("hyper", "voxel_deconv"),
    ("hyper", "voxel_r2n2"),
    ("hyper", "cbn"),
    ("hyper", "hyper_single"),
    ("hyper", "hyper_silhouettes"),
    ("film", "concat_matched"),
]


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Reconstruct every held-out object and write ``items.csv`` and ``metrics.json`` to the run's folder.

    ``predictions.npz`` keeps the voxels of all reconstructions, and the embeddings where there are some.
    """
    use_threads(job.threads)
    split = load(job.data).splits["test"]
    model = open_model(job.model)
    items, kept = _items(model, split, job.settings.mesh, job.seed)
    with atomic_path(job.folder / "predictions.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **kept)
    measurements = measure(items, job.seed, job.settings.resamples, job.dataset)
    write_results(job, items, measurements + _costs(model, job.folder))


def _items(
    model: Reconstructor, split: Split, mesh: MeshScores, seed: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """One row per object and view, and what is kept for pictures."""
    rows, packed = [], []
    truth = split.voxels()
    scored = first_of_each_class(split.classes, mesh.objects_per_class)
    for view in range(split.images.shape[1]):
        images = np.array(split.images[:, view])
        classes = np.asarray(split.classes) if model.needs_class else None
        occupied = model(images, classes) if model.solid else None
        for place, entry in enumerate(split.table.itertuples()):
            row: dict[str, Any] = {
                "object": f"{entry.collection}/{split.table['class'][place]}/{entry.object}",
                "class": split.table["class"][place],
                "collection": entry.collection,
                "view": view,
            }
            if occupied is not None:
                both = int((occupied[place] & truth[place]).sum())
                either = int((occupied[place] | truth[place]).sum())
                row |= {"intersection": both, "union": either, "iou": 100 * both / either if either else 100.0}
            if view == 0 and scored[place]:
                chosen = None if classes is None else classes[place : place + 1]
                random = numpy_generator(seed, "shapes", "surface", model.method, str(row["object"]))
                row |= _surface(model, images[place : place + 1], chosen, split.surface[place], mesh, random)
            rows.append(row)
        if view == 0 and occupied is not None:
            packed.append(np.packbits(occupied.reshape(len(occupied), -1), axis=1))
    kept = {"voxels": packed[0]} if packed else {"points": model.points(np.array(split.images[:, 0]))}
    if model.latent:
        kept["embedding"] = model.embedding(np.array(split.images[:, 0]))
    return pd.DataFrame(rows), kept


def first_of_each_class(classes: np.ndarray, count: int) -> np.ndarray:
    """Whether each object is among the first ``count`` of its class, whose surfaces are compared, bool ``[n]``.

    Args:
        classes: places in ``CLASSES``, ``[n]``.
        count: objects of each class.
    """
    chosen = np.zeros(len(classes), dtype=bool)
    for place in range(len(CLASSES)):
        chosen[np.flatnonzero(classes == place)[:count]] = True
    return chosen


def _surface(
    model: Reconstructor,
    image: np.ndarray,
    classes: np.ndarray | None,
    truth: np.ndarray,
    mesh: MeshScores,
    random: np.random.Generator,
) -> dict[str, float]:
    """Distances between the reconstructed and the true surface; an empty reconstruction is as wrong as can be."""
    there = truth[random.permutation(len(truth))[: mesh.points]].astype(np.float64)
    if not model.solid:
        points = model.points(image)[0].astype(np.float64)
        scores = surface_scores((points, np.zeros_like(points)), (there[:, :3], there[:, 3:]))
        return {"chamfer_l1": scores["chamfer_l1"], "f_score": 100 * scores["f_score"]}
    try:
        surface = extract(model.fields(image, classes)[0], mesh.resolution)
    except EmptyFieldError:
        # The farthest that two points of the cube can be apart.
        return {"chamfer_l1": float(np.sqrt(12)), "f_score": 0.0, "normal_consistency": 0.0}
    scores = surface_scores(surface_samples(surface, mesh.points, random), (there[:, :3], there[:, 3:]))
    return {
        "chamfer_l1": scores["chamfer_l1"],
        "f_score": 100 * scores["f_score"],
        "normal_consistency": scores["normal_consistency"],
    }


def measure(items: pd.DataFrame, seed: int, resamples: int, dataset: str) -> list[Measurement]:
    """The numbers of one run; intervals are bootstraps over objects within their classes."""
    measurements = []
    collections = list(dict.fromkeys(items.collection))
    for collection in collections:
        rows = items[items.collection == collection]
        prefix = f"{collection}, " if len(collections) > 1 else ""
        if "iou" in rows:
            measurements += by_class(rows, "iou", "%", prefix, "shapes", seed, resamples)
        for metric, unit in SURFACE_METRICS.items():
            if metric in rows and rows[metric].notna().any():
                there = rows[rows[metric].notna()]
                measurements += by_class(there, metric, unit, prefix, "shapes", seed, resamples)[-1:]
    if dataset.startswith(GENERATED) and "iou" in items:
        # The same numbers under the names of the published tables, for the page to lay them side by side.
        whole = {entry.group or MEAN: entry for entry in measurements if entry.metric == "iou"}
        for table in TABLES:
            measurements += [
                Measurement(f"{table}, {group}", "published_iou", "%", entry.value, entry.low, entry.high, entry.n)
                for group, entry in whole.items()
            ]
    return measurements


def by_class(
    rows: pd.DataFrame, metric: str, unit: str, prefix: str, domain: str, seed: int, resamples: int
) -> list[Measurement]:
    """A metric of every class that has objects, then the mean of the classes (under ``prefix`` alone).

    Args:
        rows: ``class``, ``object`` and the metric, a row per object and view; views of an object are averaged first.
        metric: its column, and its name.
        unit: its unit.
        prefix: what stands before the classes' names, "" or ``"name, "``.
        domain: whose random numbers resample.
        seed: of the run.
        resamples: of the bootstrap over objects within their classes.
    """
    per_object = rows.groupby(["class", "object"], sort=False)[metric].mean()
    values = {
        name: per_object[name].to_numpy() for name in CLASSES if name in per_object.index.get_level_values("class")
    }
    measurements = []
    for name, objects in values.items():
        random = numpy_generator(seed, domain, "bootstrap", metric, prefix + name)
        measurements.append(_measurement(prefix + name, metric, unit, mean_of_classes([objects], random, resamples)))
    random = numpy_generator(seed, domain, "bootstrap", metric, prefix)
    whole = mean_of_classes(list(values.values()), random, resamples)
    return [*measurements, _measurement(prefix.removesuffix(", "), metric, unit, whole)]


def _measurement(group: str, metric: str, unit: str, interval: Interval) -> Measurement:
    low, high = (None if np.isnan(end) else end for end in (interval.low, interval.high))
    return Measurement(group, metric, unit, interval.value, low, high, interval.n)


def _costs(model: Reconstructor, folder: Path) -> list[Measurement]:
    """Parameters, multiplications per point and the seconds of the training: no intervals, they are counted."""
    record = read_json(folder / "run.json")
    network = model.network
    costs = [("parameters", "1", float(record["parameter_count"])), ("training_seconds", "s", record["seconds"])]
    if isinstance(network, ConditionalShape):
        costs.append(("multiply_adds", "1", float(network.decode.multiply_adds)))
    return [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of the mean IoU between methods that reconstruct the same objects, percentage points.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        for each data set and seed the pairs of ``SHOWN``, with a bootstrap over objects within their classes.
    """
    items: dict[tuple[str, str, int], pd.DataFrame] = {}
    for key, folder in runs.items():
        table = pd.read_csv(folder / "items.csv")
        if "iou" in table:
            items[key] = table.groupby(["collection", "class", "object"], sort=False)["iou"].mean().reset_index()
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference in SHOWN:
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is None or theirs is None:
                continue
            both = ours.merge(theirs, on=["collection", "class", "object"], suffixes=("", "_reference"))
            for collection in dict.fromkeys(both.collection):
                rows = both[both.collection == collection]
                difference = (rows["iou"] - rows["iou_reference"]).to_numpy()
                classes = [difference[rows["class"] == name] for name in dict.fromkeys(rows["class"])]
                random = numpy_generator(seed, "shapes", "bootstrap", dataset, collection, method, reference)
                interval = mean_of_classes(classes, random, 1000)
                if np.isnan(interval.low):
                    continue
                claimed = dataset.startswith(GENERATED) and (method, reference) in CLAIMS
                comparisons.append(
                    Comparison.of(
                        interval,
                        dataset=dataset,
                        group="" if both.collection.nunique() == 1 else collection,
                        seed=seed,
                        method=method,
                        reference=reference,
                        metric=GAIN,
                        claimed=claimed,
                        margin=CLAIMS.get((method, reference), 0.0) if claimed else 0.0,
                    )
                )
    return comparisons


def position(group: str) -> float | None:
    """Where a class stands on the axis of curves; None for what is no class."""
    return float(CLASSES.index(group)) if group in CLASSES else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see ``hypernet.lab.results.summary.summarise_runs``."""
    summarise_runs("shapes", scale, runs, published, out, compare, headline="iou", position=position)
