"""Held-out pairs retouched: how near the results are to what is wanted, to the best map, and how steady over a film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.results.statistics import Interval, mean_t
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.retouch.baselines.oracles import Oracle
from hypernet.retouch.config import EvaluationSettings
from hypernet.retouch.core.fitting import fit_map
from hypernet.retouch.core.metrics import clipped_share, colour_differences, psnr, rounded, ssim
from hypernet.retouch.dataset import RetouchData, load
from hypernet.retouch.names import FOLDS, POOLED
from hypernet.retouch.steadiness import measured_film
from hypernet.retouch.trained import Retoucher, open_model

UNITS = {
    "psnr": "dB",
    "psnr_equal_time": "dB",
    "ssim": "1",
    "delta_e76": "1",
    "delta_e2000": "1",
    "clipped": "%",
    "recovery": "levels",
}
# So many photographs have a row of their own in the tables.
MOST_GROUPS = 12
LOWER = ("delta_e76", "delta_e2000")
EQUAL_TIME = "psnr_equal_time"
# (method, reference, metric): by how much the method is claimed to be better, over all splits.
CLAIMS: dict[tuple[str, str, str], float] = {
    ("hyper", "identity", "psnr"): 3.0,
    ("hyper", "global_ls", "psnr"): 3.0,
    ("hyper", "grey_world", "psnr"): 3.0,
    ("hyper", "equalize", "psnr"): 3.0,
    ("hyper", "clahe", "psnr"): 3.0,
    ("hyper", "unet", "psnr"): 1.0,
    ("hyper", "unet", "delta_e76"): 1.0,
    ("hyper", "auto_contrast", "delta_e76"): 2.0,
    ("hyper", "nearest_matrix", "delta_e76"): 2.0,
    ("hyper_unpaired", "identity", "psnr"): 1.5,
    ("hyper_unpaired", "identity", "delta_e76"): 3.0,
    ("oracle_quadratic", "hyper", "psnr"): 10.0,
    ("oracle_quadratic", "oracle_affine", "psnr"): 3.0,
}
REFERENCES = (
    "identity", "grey_world", "auto_contrast", "equalize", "clahe", "imagemagick", "global_ls", "nearest_matrix",
    "ridge", "global_ls_stretched", "ridge_stretched", "hyper_plain", "pixel_mlp", "unet", "lut3d", "hdrnet", "affine",
    "cubic",
)  # fmt: skip
SHOWN = [
    *CLAIMS,
    *(("hyper", reference, metric) for reference in REFERENCES for metric in ("psnr", "ssim", "delta_e76")),
    *(("hyper", reference, EQUAL_TIME) for reference in ("pixel_mlp", "unet", "lut3d", "hdrnet")),
    *(("hyper_unpaired", reference, "psnr") for reference in ("identity", "auto_contrast", "cyclegan")),
    *(("hyper_unpaired", "identity", metric) for metric in ("ssim", "delta_e76")),
    ("oracle_quadratic", "hyper", "psnr"),
    ("oracle_quadratic", "oracle_affine", "psnr"),
]


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Retouch every held-out input and write ``items.csv`` and ``metrics.json`` to the run's folder."""
    use_threads(job.threads)
    data, model = load(job.data), open_model(job.model)
    items = measured_items(model, data)
    measurements = measure(items) + _costs(job.folder)
    if job.settings.film and not isinstance(model.network, Oracle):
        steady = measured_film(model, data.pairs["test"], job.settings.film, job.settings.smoothing_s)
        measurements += [
            Measurement("", metric, unit, value, None, None, 1) for metric, (value, unit) in steady.items()
        ]
    write_results(job, items, measurements)


def measured_items(model: Retoucher, data: RetouchData) -> pd.DataFrame:
    """One row per held-out pair.

    Args:
        model: the trained method.
        data: the data set.
    """
    rows = []
    for pair in data.pairs["test"]:
        given, wanted = pair.input(), pair.target()
        colours, answer = given.astype(np.float64) / 255, wanted.astype(np.float64) / 255
        best = fit_map(colours, answer)(colours)
        made = model.toward(given, wanted)
        levels = rounded(made)
        euclidean, perceived = colour_differences(levels, wanted)
        row = {
            "pair": pair.name,
            "photograph": pair.photograph,
            "psnr": psnr(levels, wanted),
            "ssim": ssim(levels, wanted),
            "delta_e76": euclidean,
            "delta_e2000": perceived,
            "clipped": 100 * clipped_share(made),
            "recovery": 255 * float(np.abs(made - best).mean()),
        }
        if model.equal_time is not None:
            row["psnr_equal_time"] = psnr(rounded(model.equal_time.unclamped(given)), wanted)
        rows.append(row)
    return pd.DataFrame(rows)


def read_items(folder: Path) -> pd.DataFrame:
    """What :func:`measured_items` returned, of a run. A photograph may be called null, or 0001."""
    return pd.read_csv(folder / "items.csv", dtype={"pair": str, "photograph": str}, keep_default_na=False)


def measure(items: pd.DataFrame) -> list[Measurement]:
    """The numbers of one run, of all pairs and of every photograph; intervals over photographs.

    Args:
        items: what :func:`measured_items` returned.
    """
    measurements = []
    photographs = items.groupby("photograph", sort=False)
    for metric, unit in UNITS.items():
        if metric in items:
            interval = _over_photographs(photographs[metric].mean())
            low, high = (None if np.isnan(end) else end for end in (interval.low, interval.high))
            measurements.append(Measurement("", metric, unit, interval.value, low, high, len(items)))
    if 1 < len(photographs) <= MOST_GROUPS:
        for name, group in photographs:
            if len(group) > 1:
                interval = mean_t(group.psnr.to_numpy())
                measurements.append(
                    Measurement(str(name), "psnr", "dB", interval.value, interval.low, interval.high, interval.n)
                )
    return measurements


def _over_photographs(means: pd.Series) -> Interval:
    """Several pairs of a photograph fail together: the mean and its interval are of photographs."""
    if len(means) > 1:
        return mean_t(means.to_numpy())
    return Interval(float(means.iloc[0]), np.nan, np.nan, 1)


def _costs(folder: Path) -> list[Measurement]:
    """What a method takes: no intervals, it is counted."""
    record = read_json(folder / "run.json")
    costs = [
        ("parameters", "1", float(record.get("parameter_count") or 0)),
        ("training_seconds", "s", record["seconds"]),
    ]
    if "equal_time" in record:
        costs.append(("equal_time_seconds", "s", record["equal_time"]["seconds"]))
    return [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences between methods, of the means of the same photographs; larger is better.

    A method without a second training counts at equal time with its first. Where all splits of the eight photographs
    are there, they are joined to one data set in which every photograph is tested once.

    Args:
        runs: folder of each run by (data set, method, seed).
    """
    means = {key: read_items(folder).groupby("photograph").mean(numeric_only=True) for key, folder in runs.items()}
    for method, seed in dict.fromkeys((method, seed) for _, method, seed in runs):
        tables = [means.get((fold, method, seed)) for fold in FOLDS]
        if all(table is not None for table in tables):
            means[POOLED, method, seed] = pd.concat(tables)
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in means):
        for method, reference, metric in dict.fromkeys(SHOWN):
            ours, theirs = means.get((dataset, method, seed)), means.get((dataset, reference, seed))
            if ours is None or theirs is None or len(ours) < 2:
                continue
            pair = [table[metric if metric in table else "psnr"] for table in (ours, theirs)]
            difference = (pair[0] - pair[1]).dropna() * (-1 if metric in LOWER else 1)
            claimed = dataset == POOLED and (method, reference, metric) in CLAIMS
            comparisons.append(
                Comparison.of(
                    mean_t(difference.to_numpy()),
                    dataset=dataset,
                    group="",
                    seed=seed,
                    method=method,
                    reference=reference,
                    metric=f"{metric}_gain",
                    claimed=claimed,
                    margin=CLAIMS[method, reference, metric] if claimed else 0.0,
                )
            )
    return comparisons


def position(group: str) -> float | None:
    """Photographs have no place on an axis."""
    del group
    return None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see ``hypernet.lab.results.summary.summarise_runs``."""
    summarise_runs("retouch", scale, runs, published, out, compare, headline="psnr", position=position)
