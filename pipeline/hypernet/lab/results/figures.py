"""How every picture of this project looks, and how it is saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, read_json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008): eight colours told apart with every common kind of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def use_style() -> None:
    """Draw without a screen, in the project's style."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 150,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            # The same picture gives the same bytes.
            "svg.hashsalt": "hypernet",
        }
    )


def read_runs(domain: str, runs: Sequence[Path], results: Path) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """What pictures are drawn of: the rows of ``summary.csv``, and the records of runs, each with its ``folder``.

    Args:
        domain: name of the domain.
        runs: folders of the runs.
        results: folder with ``summary.csv``.

    Raises:
        UserError: no ``summary.csv``.
    """
    import pandas as pd

    path = results / "summary.csv"
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `hypernet {domain} summarise` first")
    summary = pd.read_csv(path, dtype={"group": str}).fillna({"group": ""})
    return summary, [read_json(run / "run.json") | {"folder": run} for run in runs]


def first_runs(records: Sequence[dict[str, Any]], dataset: str, methods: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The first run of each method on a data set, in the order of ``methods``: that of the table, not of a command."""
    first = {record["method"]: record for record in records[::-1] if record["dataset"] == dataset}
    return {method: first[method] for method in methods if method in first}


def save_drawn(drawn: Figure | str, directory: Path, name: str) -> None:
    """Write a picture, or the reason why there is none."""
    save(nothing_to_show(drawn) if isinstance(drawn, str) else drawn, directory, name)


def save(figure: Figure, directory: Path, name: str) -> None:
    """Write ``name.png`` and ``name.svg``, each whole or not at all, and close the figure."""
    import matplotlib.pyplot as plt

    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        with atomic_path(directory / f"{name}{suffix}") as temporary:
            figure.savefig(temporary, metadata=metadata)
        # Everything has found its place: to look for it a second time takes as long as the first.
        figure.set_layout_engine("none")
    plt.close(figure)


def save_panels(
    directory: Path,
    name: str,
    panels: Mapping[str, Callable[[Axes], None]],
    legend_order: Sequence[str],
    columns: int = 3,
) -> None:
    """Draw one panel beside the other over one legend for all, and save the picture.

    Args:
        directory: folder of the picture.
        name: its name, without suffix.
        panels: by title, what draws into each panel.
        legend_order: labels that come first in the legend, in this order; others follow as they were drawn.
        columns: most panels in a row.
    """
    import matplotlib.pyplot as plt

    columns = min(len(panels), columns)
    rows = math.ceil(len(panels) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.9 * columns, 4.2 * rows + 0.9), squeeze=False)
    used = axes.flat[: len(panels)]
    for panel, (title, draw) in zip(used, panels.items(), strict=True):
        draw(panel)
        panel.set_title(title)
    for unused in axes.flat[len(panels) :]:
        unused.remove()
    labelled: dict[str, Artist] = {}
    for panel in used:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            labelled.setdefault(label, handle)
    order = {label: place for place, label in enumerate(legend_order)}
    labelled = dict(sorted(labelled.items(), key=lambda entry: order.get(entry[0], len(order))))
    if labelled:
        # As many columns as the picture is wide.
        for ncols in range(min(len(labelled), 5), 0, -1):
            legend = figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=ncols)
            figure.draw_without_rendering()
            if ncols == 1 or legend.get_window_extent().width <= 0.98 * figure.bbox.width:
                break
            legend.remove()
    save(figure, directory, name)


def save_learning(
    directory: Path,
    records: Sequence[dict[str, Any]],
    draw: Callable[[Sequence[dict[str, Any]], Mapping[str, str], Axes], None],
    titles: Mapping[str, str],
    dataset_title: Callable[[str], str],
    absent: str,
) -> None:
    """Write ``learning.png`` and ``.svg``: how trainings went on, a panel for each data set.

    Args:
        directory: folder of the picture.
        records: of runs; those without a history are left out.
        draw: draws the histories of some records, by the titles of their methods, into a panel.
        titles: of the methods, in the order of the legend.
        dataset_title: name of a data set for people.
        absent: what is written where nothing was trained.
    """
    learned: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record.get("history"):
            learned.setdefault(record["dataset"], []).append(record)
    if not learned:
        save_drawn(absent, directory, "learning")
        return
    panels = {dataset_title(name): partial(draw, histories, titles) for name, histories in learned.items()}
    save_panels(directory, "learning", panels, legend_order=list(titles.values()), columns=2)


def nothing_to_show(reason: str) -> Figure:
    """A picture that says why there is none; the page expects one."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(6, 1.2))
    figure.text(0.5, 0.5, reason, ha="center", va="center")
    return figure
