"""Forecasts of held-out images: the talk's loss, what forecasters use beside it, and longer lead times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hypernet.lab.files import atomic_path, write_table
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import Interval
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.radar.config import EvaluationSettings
from hypernet.radar.core.frames import INPUTS, LEVELS, RadarData
from hypernet.radar.core.scores import SCALES, THRESHOLDS, half_squared_error, ratio_interval, window_scores
from hypernet.radar.dataset import load
from hypernet.radar.trained import Forecaster, open_model

GAIN = "loss_gain"
# Windows whose pictures are kept.
KEPT = 12
WINDOWS_AT_ONCE = 32
# By how many quarters of a circle test windows are turned.
QUARTERS = (1, 2)
MOST_TURNED = 64
TALK = ("Tel Aviv", "Davenport", "Kansas City")
# (method, reference): the method's loss is claimed to be lower, on simulated rain.
CLAIMS = {
    ("global_motion", "last_frame"),
    ("patch_linear", "last_frame"),
    ("patch_cnn", "last_frame"),
    ("whole_dynamic", "last_frame"),
    ("patch_dynamic", "last_frame"),
    ("whole_matching", "last_frame"),
    ("patch_matching", "last_frame"),
    ("whole_dynamic", "global_motion"),
    ("patch_dynamic", "global_motion"),
    ("whole_matching", "global_motion"),
    ("patch_matching", "global_motion"),
    ("patch_dynamic", "patch_linear"),
    ("whole_matching", "whole_dynamic"),
    ("patch_matching", "patch_dynamic"),
    ("whole_matching", "constant_filter"),
    ("patch_matching", "constant_filter"),
    ("patch_matching", "soft_motion"),
    ("whole_matching", "pysteps"),
    ("patch_matching", "pysteps"),
}
SHOWN = [
    *sorted(CLAIMS),
    ("pysteps", "last_frame"),
    ("soft_motion", "global_motion"),
    ("whole_matching", "soft_motion"),
    ("patch_matching", "whole_matching"),
    ("whole_dynamic", "constant_filter"),
    ("whole_dynamic", "pixel_cnn"),
    ("patch_dynamic", "patch_cnn"),
    ("patch_dynamic", "whole_dynamic"),
    ("whole_matching", "pixel_cnn"),
    ("patch_matching", "patch_cnn"),
    ("patch_matching", "pixel_cnn"),
    ("whole_dynamic", "pysteps"),
    ("patch_dynamic", "pysteps"),
]


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Forecast every held-out image and write ``items.csv`` and ``metrics.json`` to the run's folder.

    ``predictions.npz`` keeps the first windows for pictures, ``lead_times.csv`` the scores of forecasts fed back.
    """
    use_threads(job.threads)
    radar = load(job.data)
    forecaster = open_model(job.model)
    items, kept = _items(forecaster, radar)
    items = items.assign(**rotated_losses(forecaster, radar))
    leads = lead_times(forecaster, radar, job.settings.lead_steps)
    measurements = measure(items, job.seed, job.settings.resamples)
    measurements += measure_leads(leads, job.seed, job.settings.resamples)
    with atomic_path(job.folder / "predictions.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **kept)
    write_table(job.folder / "lead_times.csv", pooled_leads(leads))
    write_results(job, items, measurements)


def _items(forecaster: Forecaster, radar: RadarData) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """One row per test window, and what is kept of the first ones."""
    windows, margin = radar.windows["test"], radar.geometry.margin
    inner = slice(margin, radar.geometry.size - margin)
    tables, kept = [], {}
    for first in range(0, len(windows), WINDOWS_AT_ONCE):
        rows = np.arange(first, min(first + WINDOWS_AT_ONCE, len(windows)))
        frames, truth = radar.inputs("test", rows), radar.targets("test", rows)
        forecast = forecaster(frames)
        scores = window_scores(forecast, truth, frames[:, -1, inner, inner])
        place = {"window": rows, "event": windows.event[rows], "time": radar.time[windows.first[rows] + INPUTS]}
        tables.append(pd.DataFrame(place | scores))
        if first == 0:
            some = slice(0, KEPT)
            kept = {
                "inputs": np.rint(frames[some] * LEVELS).astype(np.uint8),
                "truth": truth[some].astype(np.float16),
                "forecast": forecast[some].astype(np.float16),
                "step_seconds": np.array(radar.step_seconds),
            }
            filters = forecaster.filters(frames[some])
            if filters is not None:
                kept |= {"vertical": filters[0], "horizontal": filters[1]}
    return pd.concat(tables, ignore_index=True), kept


def rotated_losses(forecaster: Forecaster, radar: RadarData) -> dict[str, np.ndarray]:
    """The loss on test windows turned against the clock, ``rotated_90`` and ``rotated_180``, each ``[n]``.

    Rain knows no compass: who reads the motion from the images forecasts turned ones as well. Who learned which way the
    wind blew on the training days does not. As many windows are turned as tell; of the others it is not a number.
    """
    windows = radar.windows["test"]
    losses = {f"rotated_{90 * quarters}": np.full(len(windows), np.nan) for quarters in QUARTERS}
    chosen = radar.some("test", MOST_TURNED)
    for first in range(0, len(chosen), WINDOWS_AT_ONCE):
        rows = chosen[first : first + WINDOWS_AT_ONCE]
        frames, truth = radar.inputs("test", rows), radar.targets("test", rows)
        for quarters in QUARTERS:
            images, targets = (np.rot90(fields, quarters, axes=(-2, -1)) for fields in (frames, truth))
            forecast = forecaster(np.ascontiguousarray(images))
            losses[f"rotated_{90 * quarters}"][rows] = half_squared_error(forecast, targets)
    return losses


def lead_times(forecaster: Forecaster, radar: RadarData, steps: int) -> pd.DataFrame:
    """Scores of longer forecasts, for the test windows that go on long enough.

    Forecasts are made of the windows' squares; what is outside counts as dry, so the error grows from the edge too.
    Scored is the predicted square. Methods that read a motion from the images keep it, see ``Forecaster.roll_out``.

    Returns:
        a row per window and lead time: ``event``, ``lead_minutes``, ``loss``, ``last_frame_loss``, and counts.
    """
    windows, margin, size = radar.windows["test"], radar.geometry.margin, radar.geometry.size
    inner = slice(margin, size - margin)
    last = windows.first + INPUTS - 1 + steps
    inside = last < len(radar.time)
    whole = np.zeros(len(windows), dtype=bool)
    between = (radar.time[last[inside]] - radar.time[windows.first[inside] + INPUTS - 1]) / np.timedelta64(1, "s")
    # Without a gap: images may be off their step by some seconds.
    whole[inside] = np.abs(between - steps * radar.step_seconds) < radar.step_seconds / 2
    tables = []
    for first in range(0, int(whole.sum()), WINDOWS_AT_ONCE):
        rows = np.flatnonzero(whole)[first : first + WINDOWS_AT_ONCE]
        frames = radar.inputs("test", rows)
        forecasts = forecaster.roll_out(frames, steps)[..., inner, inner]
        truths = radar.crops("test", rows, np.arange(INPUTS, INPUTS + steps))[..., inner, inner] / np.float32(LEVELS)
        for step in range(steps):
            scores = window_scores(forecasts[:, step], truths[:, step], frames[:, -1, inner, inner], scales=())
            minutes = round((step + 1) * radar.step_seconds / 60)
            tables.append(pd.DataFrame({"event": windows.event[rows], "lead_minutes": minutes} | scores))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["event", "lead_minutes", "loss"])


def pooled_leads(leads: pd.DataFrame) -> pd.DataFrame:
    """Over all windows of a lead time: ``lead_minutes``, ``loss``, ``last_frame_loss``, ``csi_21``, ``csi_35``."""
    rows = []
    for minutes, rows_of_lead in leads.groupby("lead_minutes"):
        row = {
            "lead_minutes": minutes,
            "loss": rows_of_lead.loss.mean(),
            "last_frame_loss": rows_of_lead.last_frame_loss.mean(),
        }
        for threshold in THRESHOLDS:
            row[f"csi_{threshold}"] = _pooled(rows_of_lead, *_csi(threshold))
        rows.append(row)
    return pd.DataFrame(rows)


def _csi(threshold: int) -> tuple[list[str], list[str]]:
    names = [f"{name}_{threshold}" for name in ("hits", "misses", "false")]
    return names[:1], names


def _pooled(items: pd.DataFrame, above: list[str], below: list[str]) -> float:
    total = items[below].to_numpy().sum()
    return float(items[above].to_numpy().sum() / total) if total else float("nan")


def measure(items: pd.DataFrame, seed: int, resamples: int) -> list[Measurement]:
    """The numbers of one run; intervals are bootstraps over events, for windows of one event share images."""
    ones = np.ones(len(items))

    def pooled(group: str, metric: str, unit: str, above: np.ndarray, below: np.ndarray) -> list[Measurement]:
        return _measurement(items.event.to_numpy(), group, metric, unit, above, below, seed, resamples)

    measurements = pooled("", "loss", "1", items.loss.to_numpy(), ones)
    ratios = pooled("", "ratio", "1", items.loss.to_numpy(), items.last_frame_loss.to_numpy())
    measurements += ratios
    for ratio in ratios:
        measurements += [
            Measurement(place, "published_ratio", "1", ratio.value, ratio.low, ratio.high, ratio.n) for place in TALK
        ]
    for quarters in QUARTERS:
        turned = items[f"rotated_{90 * quarters}"]
        below = items.last_frame_loss.where(turned.notna(), 0.0)
        group = f"{90 * quarters} degrees"
        measurements += pooled(group, "rotated_ratio", "1", turned.fillna(0.0).to_numpy(), below.to_numpy())
    measurements += pooled("", "mae_dbz", "dB", items.mae_dbz.to_numpy(), ones)
    measurements += pooled("", "better_share", "1", (items.loss < items.last_frame_loss).to_numpy(np.float64), ones)
    for threshold in THRESHOLDS:
        hits, misses, false = (items[f"{name}_{threshold}"].to_numpy() for name in ("hits", "misses", "false"))
        group = f"{threshold} dBZ"
        measurements += pooled(group, "csi", "1", hits, hits + misses + false)
        measurements += pooled(group, "pod", "1", hits, hits + misses)
        measurements += pooled(group, "far", "1", false, hits + false)
        for scale in SCALES:
            above, below = (items[f"fss_{threshold}_{scale}_{end}"].to_numpy() for end in ("numerator", "denominator"))
            measurements += pooled(f"{group}, {scale} px", "fss", "1", below - above, below)
    return measurements


def measure_leads(leads: pd.DataFrame, seed: int, resamples: int) -> list[Measurement]:
    """The numbers at each lead time."""
    measurements = []
    for minutes, scores in leads.groupby("lead_minutes"):
        group, events = f"{minutes} min", scores.event.to_numpy()
        hits, misses, false = (scores[f"{name}_{THRESHOLDS[0]}"].to_numpy() for name in ("hits", "misses", "false"))
        for metric, above, below in (
            ("lead_ratio", scores.loss.to_numpy(), scores.last_frame_loss.to_numpy()),
            ("lead_csi", hits, hits + misses + false),
        ):
            measurements += _measurement(events, group, metric, "1", above, below, seed, resamples)
    return measurements


def _measurement(
    events: np.ndarray,
    group: str,
    metric: str,
    unit: str,
    above: np.ndarray,
    below: np.ndarray,
    seed: int,
    resamples: int,
) -> list[Measurement]:
    """Nothing where the sum below is zero: no rain, no share of it."""
    if not below.sum() > 0:
        return []
    generator = numpy_generator(seed, "radar", "bootstrap", metric, group)
    interval = ratio_interval(above, below, events, generator, resamples)
    low, high = (None if np.isnan(end) else end for end in (interval.low, interval.high))
    return [Measurement(group, metric, unit, interval.value, low, high, interval.n)]


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of the loss between methods that forecast the same images.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        for each data set and seed the pairs of ``SHOWN``: mean loss of the reference less that of the method, with
        a bootstrap over events; none where there are too few of them for an interval.
    """
    items = {key: pd.read_csv(folder / "items.csv") for key, folder in runs.items()}
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference in SHOWN:
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is None or theirs is None:
                continue
            both = ours.merge(theirs, on=["window", "event"], suffixes=("", "_reference"))
            interval = _paired(both, numpy_generator(seed, "radar", "bootstrap", dataset, method, reference))
            if np.isnan(interval.low):
                continue
            comparisons.append(
                Comparison.of(
                    interval,
                    dataset=dataset,
                    group="",
                    seed=seed,
                    method=method,
                    reference=reference,
                    metric=GAIN,
                    claimed=(method, reference) in CLAIMS and dataset.startswith("simulated"),
                )
            )
    return comparisons


def _paired(both: pd.DataFrame, generator: np.random.Generator) -> Interval:
    difference = (both.loss_reference - both.loss).to_numpy()
    return ratio_interval(difference, np.ones(len(both)), both.event.to_numpy(), generator)


def _position(group: str) -> float | None:
    return float(group.removesuffix(" min")) if group.endswith(" min") else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see ``hypernet.lab.results.summary.summarise_runs``."""
    summarise_runs("radar", scale, runs, published, out, compare, headline="lead_ratio", position=_position)
