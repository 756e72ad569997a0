"""Reconstructions of held-out objects from their echoes: IoU by class, surfaces by sort, sound beside sight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hypernet.lab.files import atomic_path, read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.clusters import clustered
from hypernet.lab.results.statistics import correlation, mean_of_classes
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.shapes.config import EvaluationSettings, MeshScores
from hypernet.shapes.core.extraction import EmptyFieldError, extract
from hypernet.shapes.core.metrics import surface_scores
from hypernet.shapes.core.solids import surface_samples
from hypernet.shapes.evaluate import by_class, first_of_each_class, position
from hypernet.sonar.baselines.nearest import NearestEcho
from hypernet.sonar.core.regions import REGIONS, region_scores
from hypernet.sonar.dataset import EchoData, EchoSplit, load
from hypernet.sonar.names import GENERATED
from hypernet.sonar.trained import Listener, open_model

GAIN, MEAN = "iou_gain", "mean"
SURFACE_METRICS = {"chamfer_l1": "1", "f_score": "%"}
REGION_METRICS = {"recall": "%", "precision": "%", "normal_error": "degree"}
# The farthest that two points of the cube can be apart.
FARTHEST = float(np.sqrt(12))
# (method, reference): percentage points of IoU by which the method is claimed to be better, on generated shapes.
CLAIMS: dict[tuple[str, str], float] = {
    ("batman", "mean_shape"): 8.0,
    ("batman_pairs", "mean_shape"): 15.0,
    ("resnet", "mean_shape"): 10.0,
    ("resnet_phase", "mean_shape"): 0.0,
    ("soundnet", "mean_shape"): 5.0,
    ("film", "mean_shape"): 5.0,
    ("batman", "fixed_decoder"): 5.0,
    ("batman", "concat_matched"): 5.0,
    ("batman", "film"): 0.0,
    ("batman_pairs", "batman"): 5.0,
    ("batman_mics", "batman"): 5.0,
    ("vision", "batman"): 5.0,
    ("vision_sonar", "vision"): 0.0,
}
SHOWN = [
    *CLAIMS,
    ("concat_matched", "mean_shape"),
    ("batman", "nearest"),
    ("batman_pairs", "nearest"),
    ("batman", "soundnet"),
    ("batman", "resnet"),
    ("batman", "resnet_phase"),
    ("batman_mics", "batman_pairs"),
    ("vision", "batman_pairs"),
    ("vision_sonar", "batman"),
]
# Sight against sound, of which also surfaces and correlations are compared.
SIGHT, SOUND = "vision", ("batman", "batman_pairs")


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Reconstruct every held-out object and write ``items.csv`` and ``metrics.json`` to the run's folder.

    ``predictions.npz`` keeps the voxels of all reconstructions, and the embeddings where there are some.
    """
    use_threads(job.threads)
    data = load(job.data)
    split = data.split("test")
    model = open_model(job.model)
    items, kept = _items(model, data, split, job.settings.mesh, job.seed)
    with atomic_path(job.folder / "predictions.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **kept)
    measurements = measure(items, job.seed, job.settings.resamples, job.dataset)
    if "embedding" in kept:
        measurements += _separation(kept["embedding"], np.asarray(split.classes))
    record = read_json(job.folder / "run.json")
    costs = [("parameters", "1", float(record["parameter_count"])), ("training_seconds", "s", record["seconds"])]
    measurements += [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]
    write_results(job, items, measurements)


def _items(
    model: Listener, data: EchoData, split: EchoSplit, mesh: MeshScores, seed: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """One row per object and view, and what is kept for pictures."""
    rows, kept = [], {}
    truth, table = split.voxels(), split.table
    scored = first_of_each_class(split.classes, mesh.objects_per_class)
    for view in range(split.echoes.shape[1]):
        given = data.given("test", np.arange(len(split)), view, model.senses)
        occupied = model(given)
        for place, entry in enumerate(table.itertuples()):
            both, either = (
                int(joined.sum()) for joined in (occupied[place] & truth[place], occupied[place] | truth[place])
            )
            row: dict[str, Any] = {
                "object": f"{entry.collection}/{table['class'][place]}/{entry.object}",
                "class": table["class"][place],
                "collection": entry.collection,
                "view": view,
                "intersection": both,
                "union": either,
                "iou": 100 * both / either if either else 100.0,
            }
            if view == 0 and scored[place]:
                random = numpy_generator(seed, "sonar", "surface", model.method, str(row["object"]))
                row |= _surface(model, given[place : place + 1], split, place, mesh, random)
            rows.append(row)
        if view == 0:
            kept["voxels"] = np.packbits(occupied.reshape(len(occupied), -1), axis=1)
            if model.latent:
                kept["embedding"] = model.embedding(given)
            elif isinstance(model.network, NearestEcho):
                with torch.inference_mode():
                    kept["embedding"] = model.network.listen(torch.from_numpy(given)).numpy()
    return pd.DataFrame(rows), kept


def _surface(
    model: Listener, given: np.ndarray, split: EchoSplit, place: int, mesh: MeshScores, random: np.random.Generator
) -> dict[str, float | None]:
    """Distances between the reconstructed and the true surface; an empty reconstruction is as wrong as can be."""
    stored = np.asarray(split.surface[place], dtype=np.float64)
    there, labels = (stored[:, :3], stored[:, 3:]), np.asarray(split.regions[place])
    chosen = random.permutation(len(stored))[: mesh.points]
    try:
        surface = extract(model.fields(given)[0], mesh.resolution)
    except EmptyFieldError:
        missed = {f"recall_{region}": 0.0 for sort, region in enumerate(REGIONS) if (labels == sort).any()}
        return {"chamfer_l1": FARTHEST, "f_score": 0.0, **missed}
    samples = surface_samples(surface, mesh.points, random)
    scores = surface_scores(samples, (there[0][chosen], there[1][chosen]))
    row: dict[str, float | None] = {"chamfer_l1": scores["chamfer_l1"], "f_score": 100 * scores["f_score"]}
    sorted_points = (there[0][: len(labels)], there[1][: len(labels)])
    for region, values in region_scores(samples, sorted_points, labels).items():
        row[f"recall_{region}"] = _percent(values.recall)
        row[f"precision_{region}"] = _percent(values.precision)
        row[f"normal_error_{region}"] = values.normal_error
    return row


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def measure(items: pd.DataFrame, seed: int, resamples: int, dataset: str) -> list[Measurement]:
    """The numbers of one run; intervals are bootstraps over objects within their classes."""
    measurements = by_class(items, "iou", "%", "", "sonar", seed, resamples)
    for metric, unit in SURFACE_METRICS.items():
        if metric in items and items[metric].notna().any():
            rows = items[items[metric].notna()]
            measurements += by_class(rows, metric, unit, "", "sonar", seed, resamples)[-1:]
    for metric, unit in REGION_METRICS.items():
        for region in REGIONS:
            column = f"{metric}_{region}"
            if column in items and items[column].notna().any():
                rows = items[items[column].notna()]
                whole = by_class(rows, column, unit, "", "sonar", seed, resamples)[-1]
                measurements.append(Measurement(region, metric, unit, whole.value, whole.low, whole.high, whole.n))
    if dataset.startswith(GENERATED):
        # The same numbers under the names of the published table, for the page to lay them side by side.
        measurements += [
            Measurement(entry.group or MEAN, "published_iou", "%", entry.value, entry.low, entry.high, entry.n)
            for entry in measurements
            if entry.metric == "iou"
        ]
    return measurements


def _separation(vectors: np.ndarray, classes: np.ndarray) -> list[Measurement]:
    """How well embeddings tell the classes apart that no training named."""
    intervals = clustered(vectors, classes).intervals
    named = [
        ("class_accuracy", "%", 100.0, "neighbours"),
        ("class_information", "1", 1.0, "information"),
        ("class_agreement", "1", 1.0, "agreement"),
    ]
    measurements = []
    for metric, unit, scale, name in named:
        value, low, high = (
            scale * number for number in (intervals[name].value, intervals[name].low, intervals[name].high)
        )
        measurements.append(Measurement("", metric, unit, value, low, high, intervals[name].n))
    return measurements


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences between methods that reconstruct the same objects, and how sight and sound go together.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        for each data set and seed the pairs of ``SHOWN`` in percentage points of IoU, with a bootstrap over objects
        within their classes; of sight and sound also the gains on each sort of surface and the correlations.
    """
    items = {key: _by_object(pd.read_csv(folder / "items.csv")) for key, folder in runs.items()}
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference in SHOWN:
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is None or theirs is None:
                continue
            paired = ours.merge(theirs, on=["class", "object"], suffixes=("", "_reference"))
            claimed = dataset.startswith(GENERATED) and (method, reference) in CLAIMS
            common: dict[str, Any] = {"dataset": dataset, "seed": seed, "method": method, "reference": reference}
            margin = CLAIMS.get((method, reference), 0.0) if claimed else 0.0
            comparisons += _gain(paired, "iou", 1.0, common, group="", metric=GAIN, claimed=claimed, margin=margin)
            if method == SIGHT and reference in SOUND:
                comparisons += _sight_and_sound(paired, common)
    return comparisons


def _by_object(items: pd.DataFrame) -> pd.DataFrame:
    numbers = [name for name in items if name == "iou" or str(name).startswith(tuple(REGION_METRICS))]
    return items.groupby(["class", "object"], sort=False)[numbers].mean().reset_index()


def _gain(paired: pd.DataFrame, column: str, sign: float, common: dict[str, Any], **facts: Any) -> list[Comparison]:
    """The difference of a column, method less reference (times ``sign``: larger is better); none where undefined."""
    difference = sign * (paired[column] - paired[f"{column}_reference"])
    rows = paired[difference.notna()]
    if not len(rows):
        return []
    values = difference[difference.notna()].to_numpy()
    classes = [values[(rows["class"] == name).to_numpy()] for name in dict.fromkeys(rows["class"])]
    random = numpy_generator(common["seed"], "sonar", "bootstrap", *(str(value) for value in common.values()), column)
    interval = mean_of_classes(classes, random, 1000)
    return [] if np.isnan(interval.low) else [Comparison.of(interval, **common, **({"claimed": False} | facts))]


def _sight_and_sound(paired: pd.DataFrame, common: dict[str, Any]) -> list[Comparison]:
    """Gains of sight by sort of surface, and correlations of the two IoUs."""
    comparisons = []
    for region in REGIONS:
        for metric, sign in (("recall", 1.0), ("normal_error", -1.0)):
            column = f"{metric}_{region}"
            if column in paired and f"{column}_reference" in paired:
                name = "normal_gain" if metric == "normal_error" else "recall_gain"
                comparisons += _gain(paired, column, sign, common, group=region, metric=name)
    sight, sound = paired["iou"].to_numpy(), paired["iou_reference"].to_numpy()
    random = numpy_generator(common["seed"], "sonar", "correlation", *(str(value) for value in common.values()))
    classes = paired["class"].to_numpy()
    for metric, groups in (("class_correlation", classes), ("object_correlation", None)):
        interval = correlation(sight, sound, random, classes=groups).pearson
        if np.isfinite([interval.value, interval.low, interval.high]).all():
            comparisons.append(Comparison.of(interval, **common, group="", metric=metric, claimed=False))
    return comparisons


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see ``hypernet.lab.results.summary.summarise_runs``."""
    summarise_runs("sonar", scale, runs, published, out, compare, headline="iou", position=position)
