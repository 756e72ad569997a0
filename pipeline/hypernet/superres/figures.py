"""Pictures of how near enlarged digits are to the true ones, of the functions they are samples of, and of costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from hypernet.lab.libraries import library
from hypernet.lab.machine import use_threads
from hypernet.lab.results import figures
from hypernet.superres.config import CONCAT, DEFAULT_WIDTH, HYPER
from hypernet.superres.core.grids import area_mean
from hypernet.superres.core.metrics import consistency
from hypernet.superres.dataset import DigitData, Split, load
from hypernet.superres.methods import TITLES
from hypernet.superres.names import SIZE, dataset_title
from hypernet.superres.plots.charts import draw_by_class, draw_costs, draw_learning, draw_width
from hypernet.superres.plots.galleries import (
    Example,
    Made,
    Strip,
    draw_changed,
    draw_elsewhere,
    draw_gallery,
    draw_interpolation,
    draw_sizes,
)
from hypernet.superres.trained import Enlarger, open_model

# Those that write a network for each image, and those that do with shared weights; the one to be shown first.
WRITERS = ("hyper_h16", "hyper_h32", "hyper_h64", "hyper_h8", "hyper_h4")
CONTROLS = ("concat_matched", "concat_big", "film", "concat_h16")
# Methods that come into pictures of limited room before others.
FIRST = ("bicubic", "concat_h16", "concat_matched", "film", "espcn", "liif")
MOST, DIGITS_SHOWN = 7, 5
SIZES = (8, 16, 32, 64, 128, 256)
SHARES = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
PAIRS = 2
# Digits taken for others: how many are shown, and how many in a row.
CASES, ACROSS = 16, 4
# Grey levels and sides of scikit-learn's digits, and pixels that are put around them.
UCI_LEVELS, UCI_SIDES, BORDER = 16, (8, 8), 2


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.superres.captions`.

    Pictures of single images show the first run of each method on the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    # Several would wait for each other over so few images.
    use_threads(1)
    summary, records = figures.read_runs("superres", runs, results)
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    gathered = _Gathered(datasets[0], records, summary[summary.dataset == datasets[0]])
    pictures: dict[str, Callable[[_Gathered], Figure | str]] = {
        "gallery": _gallery,
        "sizes": _sizes,
        "width": _width,
        "costs": _costs,
        "by_class": _by_class,
        "interpolation": _interpolation,
        "changed": _changed,
        "elsewhere": _elsewhere,
    }
    for name, picture in pictures.items():
        figures.save_drawn(picture(gathered), out, name)
    learned = [record for record in records if record.get("history")]
    shown = _main(record["method"] for record in learned)
    learned = [record for record in learned if record["method"] in shown]
    figures.save_learning(out, learned, draw_learning, TITLES, dataset_title, "No method among the runs was trained")


def _main(methods: Iterable[str]) -> list[str]:
    """Methods without other widths of g than the default's, where it is among them: those have a picture for them."""
    present, others = list(dict.fromkeys(methods)), set[str]()
    for family in (HYPER, CONCAT):
        if any(family.get(method) == DEFAULT_WIDTH for method in present):
            others |= {method for method, width in family.items() if width != DEFAULT_WIDTH}
    return [method for method in present if method not in others]


@dataclass(eq=False)
class _Gathered:
    """What the pictures of single images are drawn of: a data set, and the first run of each method on it."""

    dataset: str
    all_records: Sequence[dict[str, Any]]
    summary: pd.DataFrame

    def __post_init__(self) -> None:
        self.records = figures.first_runs(self.all_records, self.dataset, TITLES)
        self.title = dataset_title(self.dataset)
        self._models: dict[str, Enlarger] = {}
        self._items: dict[str, pd.DataFrame] = {}

    @cached_property
    def data(self) -> DigitData:
        return load(Path(next(iter(self.records.values()))["data"]))

    @property
    def test(self) -> Split:
        return self.data.splits["test"]

    def first_of(self, methods: Sequence[str]) -> str | None:
        return next((method for method in methods if method in self.records), None)

    @property
    def writer(self) -> str | None:
        """The method whose networks are looked into."""
        return self.first_of(WRITERS)

    def model(self, method: str) -> Enlarger:
        if method not in self._models:
            self._models[method] = open_model(self.records[method]["folder"] / "model.ckpt")
        return self._models[method]

    def items(self, method: str) -> pd.DataFrame:
        """A row for each held-out image that a method was measured on: the first of the split, or all."""
        if method not in self._items:
            self._items[method] = pd.read_csv(self.records[method]["folder"] / "items.csv")
        return self._items[method]

    def name(self, row: int) -> str:
        """Of the class of a held-out image."""
        return self.data.classes[self.test.labels[row]] if self.data.classes else f"no. {row + 1}"

    def example(self, row: int) -> Example:
        return Example(self.name(row), self.test.low[row].numpy(), self.test.high[row].numpy())

    def different(self, count: int, among: int) -> list[int]:
        """The first images of different classes, ``count`` at most, among the first of the held-out ones."""
        names = [self.name(row) for row in range(among)]
        return [names.index(name) for name in dict.fromkeys(names)][:count]

    def best(self, method: str, row: int) -> int:
        """The image that a method enlarges best, of the class of a given image; that image where there are none."""
        items = self.items(method)
        return int(items.psnr[items.label == self.test.labels[row]].idxmax()) if self.data.classes else row

    def enlarged(self, method: str, rows: Sequence[int]) -> np.ndarray:
        return self.model(method)(self.test.low[list(rows)].numpy())


def _gallery(gathered: _Gathered) -> Figure:
    wanted = [method for method in (gathered.writer, *FIRST, *gathered.records) if method in gathered.records]
    chosen = list(dict.fromkeys(wanted))[:MOST]
    shown = [method for method in gathered.records if method in chosen]
    rows = gathered.different(DIGITS_SHOWN, min(len(gathered.items(method)) for method in shown))
    made = [
        Made(
            TITLES[method],
            gathered.enlarged(method, rows),
            [f"{score:.1f} dB" for score in gathered.items(method).psnr.iloc[rows]],
        )
        for method in shown
    ]
    return draw_gallery([gathered.example(row) for row in rows], made, gathered.title)


def _sizes(gathered: _Gathered) -> Figure | str:
    functional = [method for method in gathered.records if gathered.model(method).functional]
    wanted = [method for method in (gathered.writer, "liif", "bicubic") if method in functional]
    shown = wanted or functional[:1]
    if not shown:
        return "No method among the runs makes images of several sizes"
    (row,) = gathered.different(1, 1)
    low, high = gathered.test.low[[row]].numpy(), gathered.test.high[row]
    sampled = {
        TITLES[method]: [gathered.model(method).enlarge(low, size, size)[0] for size in SIZES] for method in shown
    }
    true = [area_mean(high, size, size).numpy() if size <= SIZE else None for size in SIZES]
    return draw_sizes(gathered.example(row), sampled, true, SIZES, gathered.title)


def _width(gathered: _Gathered) -> Figure | str:
    drawn = draw_width(gathered.summary, TITLES, gathered.title)
    return drawn or "No network among the runs is asked at points"


def _costs(gathered: _Gathered) -> Figure | str:
    summary = gathered.summary[gathered.summary.method.isin(_main(gathered.records))]
    drawn = draw_costs(summary, TITLES, gathered.title)
    return drawn or "No network among the runs is asked at points"


def _by_class(gathered: _Gathered) -> Figure:
    wanted = ["bicubic", gathered.first_of(CONTROLS), gathered.writer]
    shown = [method for method in gathered.records if method in wanted] or list(gathered.records)[:1]
    items = {method: gathered.items(method) for method in shown}
    return draw_by_class(items, gathered.data.classes, TITLES, gathered.title)


def _interpolation(gathered: _Gathered) -> Figure | str:
    writer = gathered.writer
    if writer is None:
        return f"No run of `{WRITERS[0]}` among the runs"
    firsts = gathered.different(2 * PAIRS, len(gathered.items(writer)))
    ends = [gathered.best(writer, row) for row in firsts]
    if len(ends) < 2:
        return "Fewer than two classes among the held-out images"
    model, classifier, names = gathered.model(writer), gathered.data.classifier, gathered.data.classes
    share = torch.tensor(SHARES)[:, None, None]
    ways = []
    for first, last in zip(ends[::2], ends[1::2], strict=False):
        low = gathered.test.low[[first, last]]
        theta, large = model.state(low).cpu(), torch.from_numpy(model(low.numpy()))
        mixed = {
            "Weights θ mixed": model.sample(torch.lerp(theta[0], theta[1], share[:, 0]).to(model.device), SIZE, SIZE),
            "Small images mixed, then enlarged": model(torch.lerp(low[0], low[1], share).numpy()),
            "Enlarged images mixed": torch.lerp(large[0], large[1], share).numpy(),
        }
        strips = [
            Strip(name, images, [names[place] for place in classifier(images)] if classifier else [""] * len(images))
            for name, images in mixed.items()
        ]
        ways.append((gathered.example(first), gathered.example(last), strips))
    foot = (
        "t: share of the right image in the mixture. Mixing θ is mixing the embeddings too, since θ is a linear "
        "function of the embedding."
    )
    if classifier is not None:
        foot += " At the ends: the held-out image of its class that is enlarged best. Below: what the classifier sees."
    title = f"{gathered.title}: between two held-out images. {TITLES[writer]}"
    return draw_interpolation(ways, SHARES, title, foot)


def _changed(gathered: _Gathered) -> Figure | str:
    method = gathered.writer or gathered.first_of((*CONTROLS, *gathered.records))
    assert method is not None
    items = gathered.items(method)
    if "seen_as" not in items:
        return "Without classes no digit is taken for another"
    names = gathered.data.classes
    changed = items[(items.true_seen_as == items.label) & (items.seen_as != items.label)]
    if changed.empty:
        return f"{TITLES[method]}: no held-out digit became another"
    worst = changed.sort_values("psnr", kind="stable").head(CASES)
    rows = [int(row) for row in worst.index]
    cases = [
        (gathered.example(row), image, f"{names[entry.label]} → {names[entry.seen_as]}")
        for row, image, entry in zip(rows, gathered.enlarged(method, rows), worst.itertuples(), strict=True)
    ]
    right = int((items.true_seen_as == items.label).sum())
    title = f"{gathered.title}: {len(changed)} of {right:,} digits became others. {TITLES[method]}"
    return draw_changed(cases, ACROSS, title, _counts(gathered))


def _counts(gathered: _Gathered) -> str:
    """How many digits every method has changed, in words."""
    counts = []
    for method in gathered.records:
        items = gathered.items(method)
        changed = (items.true_seen_as == items.label) & (items.seen_as != items.label)
        # No line ends before a width.
        title = TITLES[method].replace(" = ", "\u00a0=\u00a0")
        counts.append(f"{title}: {int(changed.sum())}" + f" of {len(items)}" * (len(items) < len(gathered.test)))
    return (
        "Digits that the classifier tells right in the true image and takes for another after enlargement; the lowest "
        f"PSNR first. Their number, by method: {'; '.join(counts)}."
    )


def _elsewhere(gathered: _Gathered) -> Figure | str:
    if tuple(gathered.test.low.shape[1:]) != UCI_SIDES:
        return "The other collection's digits are 8 × 8, the small images here are not"
    wanted = (gathered.writer, "liif", "bicubic")
    shown = [method for method in gathered.records if method in wanted]
    if not shown:
        return "None of `hyper_h16`, `liif`, `bicubic` among the runs"
    digits = library("sklearn.datasets", "scikit-learn", "superres").load_digits()
    rows = [int(np.flatnonzero(digits.target == name)[0]) for name in range(10)]
    small = (digits.images[rows] / UCI_LEVELS).astype(np.float32)
    # In the training a digit takes 20 of 32 pixels.
    bordered = area_mean(F.pad(torch.from_numpy(small), (BORDER,) * 4), *UCI_SIDES).numpy()
    looks = {
        "as it is": (small, _made(gathered, shown, small)),
        f"with a border of {BORDER} pixels, made 8 × 8 again": (bordered, _made(gathered, shown, bordered)),
    }
    title = f"Out of domain: UCI digits (scikit-learn), enlarged by what was trained on {gathered.title}"
    foot = (
        "The first image of each digit, not chosen. No larger image is known. Below each: PSNR between its area means "
        "and the small image. These digits fill their image; those of the training have a border around them."
    )
    return draw_elsewhere([str(name) for name in range(10)], looks, title, foot)


def _made(gathered: _Gathered, methods: Sequence[str], small: np.ndarray) -> list[Made]:
    made = []
    for method in methods:
        images = gathered.model(method)(small)
        near = consistency(torch.from_numpy(images), torch.from_numpy(small))
        made.append(Made(TITLES[method], images, [f"{value:.1f} dB" for value in near.tolist()]))
    return made
