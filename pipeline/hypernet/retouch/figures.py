"""Pictures of retouched photographs, of the colour maps behind them, of a film and of plates, and of scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hypernet.lab.machine import use_threads
from hypernet.lab.results import figures
from hypernet.retouch.core import sequences
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.fitting import fit_map
from hypernet.retouch.core.metrics import psnr, rounded
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.core.separations import FEWEST_PIXELS, REACH, align, picture, split, stack
from hypernet.retouch.dataset import Pair, RetouchData, load
from hypernet.retouch.evaluate import read_items
from hypernet.retouch.methods import TITLES
from hypernet.retouch.names import FOLDS, POOLED, dataset_title
from hypernet.retouch.plots.charts import draw_controls, draw_learning, draw_scores
from hypernet.retouch.plots.footage import draw_film, moments
from hypernet.retouch.plots.galleries import (
    Example,
    Made,
    draw_clipped,
    draw_gallery,
    draw_plates,
    draw_strength,
    draw_worst,
)
from hypernet.retouch.plots.maps import Case, draw_curves, draw_gamut, draw_matrices
from hypernet.retouch.steadiness import made_film, matrices_of
from hypernet.retouch.trained import Retoucher, open_model

# Those whose colour maps are looked into, the one to be shown first, and those that it is measured against.
WRITERS = ("hyper", "hyper_plain", "affine", "cubic", "hyper_unpaired")
CONTROLS = ("pixel_mlp", "unet", "lut3d", "hdrnet")
# Methods that come into pictures of limited room before others.
FIRST = ("auto_contrast", "ridge", "pixel_mlp", "hyper_unpaired", "unet", "lut3d", "oracle_quadratic", "clahe")
MOST, PHOTOGRAPHS, MAPS_SHOWN = 8, 4, 3
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
WORST = 10
# Of ||M - I||² beside the mean squared error: so the numbers of a best map stay small, and its result nearly as good.
PULL = 1e-4
# Frames of each shot of the film, and the smoothing of its maps in seconds: as this project's settings measure it.
FRAMES, SMOOTHING = 24, 0.5
# Rows and columns by which the plates of green and red lie away from blue's: those of a scan of the Library of
# Congress (cathedral), and what is left around the photograph for them.
OFFSETS, AROUND = {"G": (5, 2), "R": (12, 3)}, 16


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.retouch.captions`.

    Pictures of single images show the first run of each method on the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    # Several would wait for each other over so small images.
    use_threads(1)
    _, records = figures.read_runs("retouch", runs, results)
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    gathered = _Gathered(datasets[0], records)
    pictures: dict[str, Callable[[_Gathered], Figure | str]] = {
        "gallery": _gallery,
        "scores": _scores,
        "controls": _controls,
    }
    for name, drawn in pictures.items():
        figures.save_drawn(drawn(gathered), out, name)
    of_maps: dict[str, Callable[[_Gathered, str], Figure | str]] = {
        "strength": _strength,
        "curves": _curves,
        "gamut": _gamut,
        "matrix": _matrix,
        "worst": _worst,
        "clipped": _clipped,
        "film": _film,
        "plates": _plates,
    }
    for name, drawn_of in of_maps.items():
        writer = gathered.writer
        missing = f"No run of `{WRITERS[0]}` among the runs"
        figures.save_drawn(missing if writer is None else drawn_of(gathered, writer), out, name)
    absent = "No method among the runs was trained in steps"
    figures.save_learning(out, records, draw_learning, TITLES, dataset_title, absent)


@dataclass(eq=False)
class _Gathered:
    """What the pictures are drawn of: all records, and a data set with the first run of each method on it."""

    dataset: str
    all_records: Sequence[dict[str, Any]]

    def __post_init__(self) -> None:
        self.records = figures.first_runs(self.all_records, self.dataset, TITLES)
        self.title = dataset_title(self.dataset)
        self._models: dict[str, Retoucher] = {}
        self._items: dict[str, pd.DataFrame] = {}

    @cached_property
    def data(self) -> RetouchData:
        return load(Path(next(iter(self.records.values()))["data"]))

    @cached_property
    def firsts(self) -> list[Pair]:
        """The first pair of each held-out photograph."""
        first = {pair.photograph: pair for pair in reversed(self.data.pairs["test"])}
        return [first[name] for name in dict.fromkeys(pair.photograph for pair in self.data.pairs["test"])]

    @property
    def writer(self) -> str | None:
        """The method whose maps are looked into."""
        return next((method for method in WRITERS if method in self.records), None)

    def model(self, method: str) -> Retoucher:
        if method not in self._models:
            self._models[method] = open_model(self.records[method]["folder"] / "model.ckpt")
        return self._models[method]

    def items(self, method: str) -> pd.DataFrame:
        """A row for each held-out pair, by its name."""
        if method not in self._items:
            self._items[method] = read_items(self.records[method]["folder"])
        return self._items[method].set_index("pair")

    def unclamped(self, method: str, pair: Pair) -> np.ndarray:
        """What a method makes of a pair's input; an oracle is given the target."""
        return self.model(method).toward(pair.input(), pair.target())

    def cases(self, method: str) -> list[Case]:
        """The first pairs with their maps."""
        cases = []
        for pair in self.firsts[:MAPS_SHOWN]:
            given, wanted = pair.input(), pair.target()
            made = self.model(method).colour_map(given)
            best = fit_map(given / 255, wanted / 255, made.basis)
            cases.append(Case(pair.name, given, wanted, made, best))
        return cases


def _chosen(gathered: _Gathered) -> list[str]:
    """Methods for pictures of limited room, in the order of the table; the identity is the input, which is there."""
    wanted = dict.fromkeys(method for method in (gathered.writer, *FIRST, *gathered.records) if method != "identity")
    chosen = [method for method in wanted if method in gathered.records][:MOST]
    return [method for method in gathered.records if method in chosen]


def _gallery(gathered: _Gathered) -> Figure:
    pairs = gathered.firsts[:PHOTOGRAPHS]
    methods = _chosen(gathered)
    made = [
        Made(
            TITLES[method],
            [rounded(gathered.unclamped(method, pair)) for pair in pairs],
            [f"{gathered.items(method).psnr[pair.name]:.1f} dB" for pair in pairs],
        )
        for method in methods
    ]
    return draw_gallery([_example(pair) for pair in pairs], made, gathered.title)


def _example(pair: Pair) -> Example:
    return Example(pair.name, pair.input(), pair.target())


def _by_photograph(records: Iterable[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """Means over pairs and seeds: a row for each method and photograph, by data set; splits of the same are joined."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for record in records:
        items = read_items(record["folder"]).assign(method=record["method"])
        parts.setdefault(record["dataset"], []).append(items)
    tables = {
        dataset: pd.concat(both).groupby(["method", "photograph"], sort=False).mean(numeric_only=True).reset_index()
        for dataset, both in parts.items()
    }
    if set(FOLDS) <= set(tables):
        folds = [tables.pop(fold) for fold in FOLDS]
        everywhere = set.intersection(*(set(fold.method) for fold in folds))
        joined = pd.concat(folds)
        tables = {POOLED: joined[joined.method.isin(everywhere)]} | tables
    return tables


def _scores(gathered: _Gathered) -> Figure:
    tables = {dataset_title(name): table for name, table in _by_photograph(gathered.all_records).items()}
    return draw_scores(tables, gathered.writer or next(iter(gathered.records)), TITLES)


def _controls(gathered: _Gathered) -> Figure | str:
    dataset, table = next(iter(_by_photograph(gathered.all_records).items()))
    folds = FOLDS if dataset == POOLED else (dataset,)
    seconds: dict[str, tuple[float, float | None]] = {}
    for method in (WRITERS[0], *CONTROLS):
        records = [
            record for record in gathered.all_records if record["dataset"] in folds and record["method"] == method
        ]
        if records and method in set(table.method):
            again = [record["equal_time"]["seconds"] for record in records if "equal_time" in record]
            first = float(np.mean([record["seconds"] for record in records]))
            seconds[method] = (first, float(np.mean(again)) if again else None)
    if len(seconds) < 2 or WRITERS[0] not in seconds:
        return f"No runs of `{WRITERS[0]}` and of a control among the runs"
    if "psnr_equal_time" not in table:
        table = table.assign(psnr_equal_time=np.nan)
    return draw_controls(table, seconds, WRITERS[0], TITLES, dataset_title(dataset))


def _curves(gathered: _Gathered, writer: str) -> Figure:
    return draw_curves(gathered.cases(writer), f"{gathered.title}: colour maps along four axes. {TITLES[writer]}")


def _gamut(gathered: _Gathered, writer: str) -> Figure:
    title = f"{gathered.title}: where the commonest colours go. {TITLES[writer]}"
    return draw_gamut(gathered.cases(writer), title)


def _matrix(gathered: _Gathered, writer: str) -> Figure:
    rows = []
    for case in gathered.cases(writer):
        pulled = fit_map(case.given / 255, case.wanted / 255, case.made.basis, PULL)
        reached = [
            f"{psnr(apply_maps(case.given, [each]), case.wanted):.1f} dB" for each in (case.made, pulled, case.best)
        ]
        words = f"{case.name}: best, pulled to the identity, {reached[1]} (not pulled: {reached[2]})"
        rows.append({f"{case.name}: {TITLES[writer]}, {reached[0]}": case.made, words: pulled})
    return draw_matrices(rows, f"{gathered.title}: what the colour maps add to the identity")


def _strength(gathered: _Gathered, writer: str) -> Figure:
    pair = gathered.firsts[0]
    given, wanted = pair.input(), pair.target()
    colour_map = gathered.model(writer).colour_map(given)
    made = {strength: apply_maps(given, [colour_map.at_strength(strength)]) for strength in STRENGTHS}
    shown = {strength: (pixels, f"{psnr(pixels, wanted):.1f} dB") for strength, pixels in made.items()}
    return draw_strength(_example(pair), shown, f"{gathered.title}, {pair.name}. {TITLES[writer]}")


def _worst(gathered: _Gathered, writer: str) -> Figure:
    items = gathered.items(writer).sort_values("psnr", kind="stable").head(WORST)
    pairs = {pair.name: pair for pair in gathered.data.pairs["test"]}
    cases = [
        (
            _example(pairs[name]),
            rounded(gathered.unclamped(writer, pairs[name])),
            f"{row.psnr:.1f} dB, ΔE {row.delta_e76:.1f}",
        )
        for name, row in items.iterrows()
    ]
    return draw_worst(cases, f"{gathered.title}: the {len(cases)} worst of {len(pairs)} pairs. {TITLES[writer]}")


def _clipped(gathered: _Gathered, writer: str) -> Figure:
    name = str(gathered.items(writer).clipped.idxmax())
    (pair,) = (pair for pair in gathered.data.pairs["test"] if pair.name == name)
    methods = _chosen(gathered)
    made = {TITLES[method]: gathered.unclamped(method, pair) for method in methods}
    notes = [f"{gathered.items(method).clipped[name]:.1f} %" for method in methods]
    return draw_clipped(_example(pair), made, notes, gathered.title)


def _film(gathered: _Gathered, writer: str) -> Figure:
    film, model = made_film(gathered.data.pairs["test"], FRAMES), gathered.model(writer)
    matrices = matrices_of(model, film)
    smooth = sequences.smoothed(matrices, film.seconds, film.cuts, SMOOTHING)
    shown = moments(len(matrices), film.cuts)
    pictures = {
        "input": [film.frames[frame] for frame in shown],
        "frame by frame": [apply_maps(film.frames[frame], [ColourMap(matrices[frame])]) for frame in shown],
        "smoothed": [apply_maps(film.frames[frame], [ColourMap(smooth[frame])]) for frame in shown],
    }
    before, after = (sequences.jitter(each, film.cuts) for each in (matrices, smooth))
    foot = (
        "Not a camera's film: a window moves over the inputs of held-out photographs, a shot each, with noise of poor "
        f"light in every frame. Mean step of M from frame to frame (jitter): {before:.3f} frame by frame, {after:.3f} "
        f"smoothed over {SMOOTHING:g} s. Left: the entries of M that change most from frame to frame."
    )
    title = f"{gathered.title}: a film of {len(film.cuts) + 1} shots. {TITLES[writer]}"
    basis = ColourMap(matrices[0]).basis
    return draw_film(pictures, shown, matrices, smooth, film.cuts, film.seconds, basis, title, foot)


def _plates(gathered: _Gathered, writer: str) -> Figure | str:
    pair = gathered.firsts[0]
    scan = _scanned(pair.input())
    separations = split(scan)
    side = min(separations["B"].shape)
    if side < FEWEST_PIXELS:
        return "The first held-out photograph is too small to be taken apart into plates"
    # Plates of few pixels are searched farther, so that the offsets are within reach.
    reach = max(REACH, (max(map(max, OFFSETS.values())) + 1) / side)
    shifts = {name: alignment.shift for name, alignment in align(separations, reach).items()}
    aligned = stack(separations, shifts)[picture(separations, shifts).slices]
    pictures = {
        "the thirds as they lie": stack(separations, {}),
        "aligned": aligned,
        f"aligned, retouched: {TITLES[writer]}": apply_maps(aligned, [gathered.model(writer).colour_map(aligned)]),
    }
    foot = (
        f"No old plates: {pair.name}, taken apart, its green moved by {_shift(OFFSETS['G'])} and its red by "
        f"{_shift(OFFSETS['R'])} pixels (rows, columns). Found again: {_shift(shifts['G'])} and {_shift(shifts['R'])}. "
        "Plates of 1910 are aligned and retouched by the same commands."
    )
    title = f"{gathered.title}: a photograph taken apart into plates"
    return draw_plates(separations, pictures, title, foot)


def _shift(shift: tuple[int, int]) -> str:
    return f"({shift[0]}, {shift[1]})"


def _scanned(pixels: np.ndarray) -> np.ndarray:
    """Blue, green and red of a photograph one above the other, each seen from its offset: uint8 ``[3 h, w]``."""
    rows, columns = (length - 2 * AROUND for length in pixels.shape[:2])
    plates = []
    for channel, name in ((2, "B"), (1, "G"), (0, "R")):
        down, right = OFFSETS.get(name, (0, 0))
        top, left = AROUND + down, AROUND + right
        plates.append(pixels[top : top + rows, left : left + columns, channel])
    return np.concatenate(plates)
