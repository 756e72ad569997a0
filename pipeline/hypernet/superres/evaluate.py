"""Held-out images enlarged: how near they are to the true ones, to the small ones, and to the digit they show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.results.statistics import mean_t, wilson
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.superres.baselines.oracle import FittedImages
from hypernet.superres.config import EvaluationSettings, Projection
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import area_mean
from hypernet.superres.core.metrics import consistency, psnr, ssim
from hypernet.superres.core.projection import back_projected, projected_state
from hypernet.superres.dataset import DigitData, Split, load
from hypernet.superres.names import DIGITS, SIZE
from hypernet.superres.trained import Enlarger, open_model

UNITS = {
    "psnr": "dB",
    "psnr_equal_time": "dB",
    "ssim": "1",
    "consistency": "dB",
    "psnr_16": "dB",
    "psnr_24": "dB",
    "psnr_16_area": "dB",
    "psnr_24_area": "dB",
    "consistency_64": "dB",
    "drift": "dB",
    "psnr_projected": "dB",
    "projection_gain": "dB",
    "consistency_projected": "dB",
}
# Other output sizes whose true images are known, and samples along a side of each of their pixels for its mean.
SMALLER = {16: 4, 24: 3}
LARGER = 64
IMAGES_AT_ONCE = 100
# Of one image, for the time that a point takes.
TIMED_SIZE, TIMED_IMAGES, REPEATS = 256, 100, 3

EQUAL_STEPS, EQUAL_TIME = "psnr", "psnr_equal_time"
# (method, reference, what is compared): dB by which the method is claimed to be better.
CLAIMS: dict[tuple[str, str, str], float] = {
    ("hyper_h16", "concat_h16", EQUAL_STEPS): 2.0,
    ("hyper_h16", "bicubic", EQUAL_STEPS): 3.0,
    # A network of 216 multiplications a point against shared ones of 5,312.
    ("hyper_h8", "concat_h64", EQUAL_STEPS): 0.5,
    ("hyper_h32", "concat_h32", EQUAL_STEPS): 2.0,
    ("hyper_h16", "concat_matched", EQUAL_TIME): 0.0,
    ("hyper_h16", "concat_big", EQUAL_TIME): 0.0,
    ("hyper_h16", "film", EQUAL_TIME): 0.0,
}
SHOWN = [
    *CLAIMS,
    *(
        ("hyper_h16", reference, compared)
        for reference in ("concat_matched", "concat_big", "film", "liif", "hfir", "espcn", "srcnn")
        for compared in (EQUAL_STEPS, EQUAL_TIME)
    ),
    ("film", "concat_matched", EQUAL_STEPS),
]


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Enlarge every held-out image and write ``items.csv`` and ``metrics.json`` to the run's folder."""
    use_threads(job.threads)
    data, model = load(job.data), open_model(job.model)
    items = measured_items(model, data, job.settings)
    write_results(job, items, measure(items, data.classes) + _costs(model, data.splits["test"], job.folder))


def measured_items(model: Enlarger, data: DigitData, settings: EvaluationSettings) -> pd.DataFrame:
    """One row per held-out image; what was measured of some is missing of the others.

    Args:
        model: the trained method.
        data: the data set.
        settings: of the evaluation.
    """
    test = data.splits["test"]
    count = len(model.network.small) if isinstance(model.network, FittedImages) else len(test)
    low, high = test.low[:count], test.high[:count]
    made = _enlarged(model, low, SIZE)
    columns: dict[str, np.ndarray] = {
        "image": np.array(test.names[:count]),
        "label": test.labels[:count],
        "psnr": psnr(made, high).numpy(),
        "ssim": ssim(made, high),
        "consistency": consistency(made, low).numpy(),
    }
    if model.equal_time is not None:
        columns["psnr_equal_time"] = psnr(_enlarged(model.equal_time, low, SIZE), high).numpy()
    if data.classifier is not None:
        columns["seen_as"] = data.classifier(made.numpy())
        columns["true_seen_as"] = data.classifier(high.numpy())
    if model.functional:
        some = min(settings.other_sizes, count)
        columns |= _padded(_other_sizes(model, data, low[:some], high[:some], made[:some]), count)
    if some := min(settings.projection.images, count):
        columns |= _padded(_projected(model, low[:some], high[:some], made[:some], settings.projection), count)
    return pd.DataFrame(columns)


def _enlarged(model: Enlarger, low: Tensor, size: int) -> Tensor:
    pieces = [model.enlarge(piece.numpy(), size, size) for piece in low.split(IMAGES_AT_ONCE)]
    return torch.from_numpy(np.concatenate(pieces))


def _padded(columns: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Columns of the first rows, with nothing in the further ones."""
    return {
        name: np.concatenate([values.astype(np.float64), np.full(count - len(values), np.nan)])
        for name, values in columns.items()
    }


def _other_sizes(model: Enlarger, data: DigitData, low: Tensor, high: Tensor, made: Tensor) -> dict[str, np.ndarray]:
    columns = {}
    for size, samples in SMALLER.items():
        true = area_mean(high, size, size)
        columns[f"psnr_{size}"] = psnr(_enlarged(model, low, size), true)
        columns[f"psnr_{size}_area"] = psnr(area_mean(_enlarged(model, low, samples * size), size, size), true)
    large = _enlarged(model, low, LARGER)
    back = area_mean(large, SIZE, SIZE)
    columns["consistency_64"] = consistency(large, low)
    columns["drift"] = psnr(back, made)
    arrays = {name: values.numpy() for name, values in columns.items()}
    if data.classifier is not None:
        arrays["seen_as_64"] = data.classifier(back.numpy())
    return arrays


def _projected(model: Enlarger, low: Tensor, high: Tensor, made: Tensor, settings: Projection) -> dict[str, np.ndarray]:
    """Functions move their states, images that are no functions their pixels."""
    network, before = model.network, psnr(made, high).numpy()
    if isinstance(network, ImageFunction):
        size = (SIZE, SIZE)
        given = low.to(model.device)
        states = [
            projected_state(network, piece, size, settings.steps, settings.learning_rate)
            for piece in given.split(IMAGES_AT_ONCE)
        ]
        made = torch.from_numpy(model.sample(torch.cat(states), SIZE, SIZE))
    else:
        made = back_projected(made, low)
    after = psnr(made, high).numpy()
    return {
        "psnr_projected": after,
        "projection_gain": after - before,
        "consistency_projected": consistency(made, low).numpy(),
    }


def measure(items: pd.DataFrame, classes: Sequence[str]) -> list[Measurement]:
    """The numbers of one run, of all images and the PSNR of every class; intervals over images.

    Args:
        items: what :func:`measured_items` returned.
        classes: names of the classes; none where there are no labels.
    """
    measurements = []
    for metric, unit in UNITS.items():
        if metric in items:
            measurements.append(_mean("", metric, unit, items[metric].dropna()))
    for place, name in enumerate(classes):
        rows = items[items.label == place]
        if len(rows) > 1:
            measurements.append(_mean(name, "psnr", "dB", rows.psnr))
    if "seen_as" in items:
        measurements.append(_share("accuracy", items.seen_as == items.label))
        measurements.append(_share("changed", items.seen_as != items.true_seen_as))
    if "seen_as_64" in items:
        there = items[items.seen_as_64.notna()]
        measurements.append(_share("accuracy_64", there.seen_as_64 == there.label))
    return measurements


def _mean(group: str, metric: str, unit: str, values: pd.Series) -> Measurement:
    interval = mean_t(values.to_numpy())
    return Measurement(group, metric, unit, interval.value, interval.low, interval.high, interval.n)


def _share(metric: str, true: pd.Series) -> Measurement:
    interval = wilson(int(true.sum()), len(true))
    return Measurement("", metric, "%", 100 * interval.value, 100 * interval.low, 100 * interval.high, interval.n)


def _costs(model: Enlarger, test: Split, folder: Path) -> list[Measurement]:
    """What a method takes: no intervals, it is counted, or the least of some times."""
    record = read_json(folder / "run.json")
    costs = [("parameters", "1", float(record["parameter_count"])), ("training_seconds", "s", record["seconds"])]
    if "equal_time" in record:
        costs.append(("equal_time_seconds", "s", record["equal_time"]["seconds"]))
    low = test.low[: min(TIMED_IMAGES, len(test))].numpy()
    if isinstance(model.network, ImageFunction) and not isinstance(model.network, FittedImages):
        state = model.state(low)
        costs += [
            ("state", "1", float(state[0].numel())),
            ("multiply_adds", "1", float(model.network.multiply_adds)),
            ("encode_ms", "ms", 1e3 * _seconds(lambda: model.state(low)) / len(low)),
            (
                "ns_per_point",
                "ns",
                1e9 * _seconds(lambda: model.sample(state[:1], TIMED_SIZE, TIMED_SIZE)) / TIMED_SIZE**2,
            ),
        ]
    return [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]


def _seconds(work: Callable[[], object]) -> float:
    """The least processor time of some repetitions."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of PSNR between methods on the same images, dB, after equal steps and in equal time.

    A method without a second training counts at equal time with its first.

    Args:
        runs: folder of each run by (data set, method, seed).
    """
    items = {key: pd.read_csv(folder / "items.csv").set_index("image") for key, folder in runs.items()}
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference, compared in dict.fromkeys(SHOWN):
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is None or theirs is None:
                continue
            pair = [table[compared if compared in table else EQUAL_STEPS] for table in (ours, theirs)]
            difference = (pair[0] - pair[1]).dropna()
            claimed = dataset == DIGITS and (method, reference, compared) in CLAIMS
            comparisons.append(
                Comparison.of(
                    mean_t(difference.to_numpy()),
                    dataset=dataset,
                    group="",
                    seed=seed,
                    method=method,
                    reference=reference,
                    metric=f"{compared}_gain",
                    claimed=claimed,
                    margin=CLAIMS[method, reference, compared] if claimed else 0.0,
                )
            )
    return comparisons


def position(group: str) -> float | None:
    """Where a digit stands on the axis of curves; None for other classes and for all images."""
    return float(group) if group.isascii() and group.isdecimal() else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see ``hypernet.lab.results.summary.summarise_runs``."""
    summarise_runs("superres", scale, runs, published, out, compare, headline="psnr", position=position)
