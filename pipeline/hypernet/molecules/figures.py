"""Pictures of errors, of what networks add up and write for each atom, and of how far predictions can be trusted."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hypernet.lab.machine import use_threads
from hypernet.lab.manifest import read_manifest
from hypernet.lab.results import figures
from hypernet.molecules.core.elements import symbol_of
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.dataset import PropertyData, load
from hypernet.molecules.methods import TITLES
from hypernet.molecules.names import MOST_HEAVY, dataset_title, qm9_set
from hypernet.molecules.plots.accuracy import Predicted, draw_errors, draw_parity, draw_relative
from hypernet.molecules.plots.bonds import bonded, surroundings
from hypernet.molecules.plots.colouring import Coloured, draw_contributions, usual
from hypernet.molecules.plots.costs import draw_costs
from hypernet.molecules.plots.curves import Trace, draw_learning, draw_mix, draw_sizes
from hypernet.molecules.plots.groups import FUNCTIONAL_GROUPS, membership
from hypernet.molecules.plots.trust import coverage, draw_trust
from hypernet.molecules.plots.weights import components, draw_weights
from hypernet.molecules.trained import Predictor, open_model

# Those that write weights for each atom, the one to be shown first.
WRITERS = ("hyper", "hyper_base", "hyper_per_step", "hyper_linear", "hyper_xavier", "hyper_c1", "hyper_c0")
# Those that add up atoms' parts.
SUMS = ("hyper_base", *WRITERS, "nmp_edge", "nmp_wide", "nmp_no_edge", "schnet")
# Methods that come into pictures of limited room, where there are some of them.
PARITY = ("composition", "krr", "schnet", "nmp_wide", "hyper", "hyper_base")
BY_GROUP = ("hyper_base", "nmp_wide", "schnet", "krr")
# Molecules that are drawn, and those that their atoms are compared with.
DRAWN, COMPARED = 8, 300
# Atoms whose weights are shown at most, and numbers that are held for it.
ATOMS, NUMBERS = 2_000, 2**24
# In a line above a panel of learning curves.
LETTERS = 44


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.molecules.captions`.

    Pictures of single molecules show the first run of each method on the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    # Several would wait for each other over so small molecules.
    use_threads(1)
    summary, records = figures.read_runs("molecules", runs, results)
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    gathered = _Gathered(datasets[0], records, summary)
    pictures: dict[str, Callable[[_Gathered], Figure | str]] = {
        "parity": _parity,
        "errors": _errors,
        "relative": _relative,
        "sizes": _sizes,
        "costs": _costs,
        "contributions": _contributions,
        "weights": _weights,
        "mix": _mix,
        "trust": _trust,
    }
    for name, picture in pictures.items():
        figures.save_drawn(picture(gathered), out, name)
    errors = summary[(summary.metric == "mae") & (summary.group == "")]
    units = {dataset: str(rows.unit.iloc[0]) for dataset, rows in errors.groupby("dataset")}
    learned = [record | {"unit": units[record["dataset"]]} for record in records if record.get("history")]
    absent = "No method among the runs was trained in steps"
    figures.save_learning(out, learned, draw_learning, TITLES, _in_lines, absent)


def _in_lines(dataset: str) -> str:
    """A data set's name above a panel."""
    return textwrap.fill(dataset_title(dataset), LETTERS)


@dataclass(eq=False)
class _Gathered:
    """What the pictures are drawn of: all records, and a data set with the first run of each method on it."""

    dataset: str
    all_records: Sequence[dict[str, Any]]
    whole_summary: pd.DataFrame

    def __post_init__(self) -> None:
        self.records = figures.first_runs(self.all_records, self.dataset, TITLES)
        self.summary = self.whole_summary[self.whole_summary.dataset == self.dataset]
        self.title = dataset_title(self.dataset)
        self._models: dict[str, Predictor] = {}
        self._items: dict[str, pd.DataFrame] = {}

    @cached_property
    def data(self) -> PropertyData:
        return load(Path(next(iter(self.records.values()))["data"]))

    @cached_property
    def tested(self) -> Molecules:
        return self.data.part("test")[0]

    @cached_property
    def bonded(self) -> list[Any | None]:
        """RDKit's molecule of each tested one."""
        pairs = zip(self.tested, self.tested.smiles, strict=True)
        return [bonded(numbers, positions, smiles) for (numbers, positions), smiles in pairs]

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Which tested molecules have each functional group."""
        return membership(self.bonded)

    def first_of(self, methods: Sequence[str]) -> str | None:
        return next((method for method in methods if method in self.records), None)

    def shown(self, wanted: Sequence[str], most: int) -> list[str]:
        """Those of the wanted methods that are there, in the order of the table; the last ones where there is none."""
        chosen = [method for method in self.records if method in wanted]
        return chosen or list(self.records)[-most:]

    def model(self, method: str) -> Predictor:
        if method not in self._models:
            self._models[method] = open_model(self.records[method]["folder"] / "model.ckpt")
        return self._models[method]

    def items(self, method: str) -> pd.DataFrame:
        """A row for each tested molecule."""
        if method not in self._items:
            self._items[method] = pd.read_csv(self.records[method]["folder"] / "items.csv")
        return self._items[method]

    def coloured(self, method: str, rows: Sequence[int]) -> list[Coloured]:
        """Tested molecules whose bonds are known, with their atoms' parts of the property."""
        molecules = self.tested.take(rows)
        parts = np.split(self.model(method).contributions(molecules), np.cumsum(molecules.counts)[:-1])
        return [Coloured(self.bonded[row], part) for row, part in zip(rows, parts, strict=True)]

    def first_with_each_group(self, count: int) -> list[int]:
        """Tested molecules: the first with each functional group that no chosen molecule has, then the first ones."""
        known = [row for row, molecule in enumerate(self.bonded) if molecule is not None]
        chosen: list[int] = []
        for name in FUNCTIONAL_GROUPS:
            members = self.groups[name]
            if not any(members[row] for row in chosen):
                chosen += [row for row in known if members[row]][:1]
        return [*chosen, *(row for row in known if row not in chosen)][:count]


def _parity(gathered: _Gathered) -> Figure:
    target = gathered.data.target
    predicted = []
    for method in gathered.shown(PARITY, len(PARITY)):
        items = gathered.items(method)
        predicted.append(Predicted(method, TITLES[method], items.true.to_numpy(), items.predicted.to_numpy()))
    units = (target.unit, target.shown_unit, target.shown_factor)
    name = f"{target.name} of atomization" if target.atomization else target.name
    return draw_parity(predicted, name, *units, gathered.title)


def _errors(gathered: _Gathered) -> Figure | str:
    by_group = {
        method: {
            name: gathered.items(method).abs_error.to_numpy()[members] for name, members in gathered.groups.items()
        }
        for method in gathered.shown(BY_GROUP, len(BY_GROUP))
    }
    drawn = draw_errors(gathered.summary, by_group, TITLES, gathered.title)
    return drawn or "Too few tested molecules of a size, or of a functional group"


def _relative(gathered: _Gathered) -> Figure | str:
    names = {record["dataset"]: dataset_title(record["dataset"]) for record in gathered.all_records}
    drawn = draw_relative(gathered.whole_summary, TITLES, names)
    return drawn or "The property is the same for all tested molecules"


def _sizes(gathered: _Gathered) -> Figure | str:
    counts: dict[tuple[int, str], dict[str, int]] = {}
    for record in gathered.all_records:
        named = qm9_set(record["dataset"])
        if named is not None:
            facts = read_manifest(Path(record["data"]))["facts"]
            counts.setdefault((named.heavy, named.target), {})[record["dataset"]] = int(facts["train"])
    summary = gathered.whole_summary
    errors = summary[(summary.metric == "mae") & (summary.group == "") & summary.value.notna()]
    families = {}
    for (heavy, target), train in counts.items():
        if len(train) > 1:
            part = "" if heavy == MOST_HEAVY else f"_{heavy}heavy"
            rows = errors[errors.dataset.isin([*train])]
            families[dataset_title(f"qm9{part}_{target}")] = rows.assign(train=rows.dataset.map(train))
    if not families:
        return "No data set among the runs differs from another in its molecules for training alone"
    return draw_sizes(families, TITLES)


def _costs(gathered: _Gathered) -> Figure | str:
    return (
        draw_costs(gathered.summary, TITLES, gathered.title)
        or "Predictions of the methods among the runs take next to no time"
    )


def _contributions(gathered: _Gathered) -> Figure | str:
    method = gathered.first_of(SUMS)
    if method is None:
        return "No method among the runs adds up atoms' parts"
    rows = gathered.first_with_each_group(DRAWN)
    if not rows:
        return "Of no tested molecule the bonds are known"
    compared = [row for row, molecule in enumerate(gathered.bonded) if molecule is not None][:COMPARED]
    target, items = gathered.data.target, gathered.items(method)
    average = target.readout == "mean"
    words = []
    for row in rows:
        groups = [name for name, members in gathered.groups.items() if members[row]]
        item = items.iloc[row]
        numbers = f"predicted {item.predicted:.3f}, true {item.true:.3f} {target.unit}"
        words.append("\n".join([gathered.tested.names[row], ", ".join(groups[:2]) or "-", numbers]))
    readout = (
        "which average to the prediction; a hydrogen's part is averaged with that of"
        if average
        else "which add up to the prediction; a hydrogen's part is added to that of"
    )
    foot = (
        f"Numbers: the atoms' parts in {target.unit}, {readout} the atom it is bound to. Colours: how they differ from "
        f"the mean of atoms of the same element with as many hydrogens in {len(compared)} tested molecules. Nobody "
        "measured parts: they are how this network comes to its prediction, and another training may share it out "
        "differently. Chosen: for each functional group in turn that is not there yet, the first molecule that has it."
    )
    title = f"{gathered.title}. {TITLES[method]}: atoms' parts"
    mean = usual(gathered.coloured(method, [*compared, *(row for row in rows if row not in compared)]), average)
    coloured = [replace(entry, words=text) for entry, text in zip(gathered.coloured(method, rows), words, strict=True)]
    return draw_contributions(coloured, target.unit, title, foot, compared=mean, average=average)


def _weights(gathered: _Gathered) -> Figure | str:
    method = gathered.first_of(WRITERS)
    if method is None:
        return f"No run of `{WRITERS[0]}` among the runs"
    model, tested = gathered.model(method), gathered.tested
    known = [row for row, molecule in enumerate(gathered.bonded) if molecule is not None]
    if not known:
        return "Of no tested molecule the bonds are known"
    single = model.theta(tested.take(known[:1]))
    most = min(ATOMS, NUMBERS // (len(single) * single[0].shape[1]))
    rows = known[: max(1, int((np.cumsum(tested.counts[known]) <= most).sum()))]
    molecules = tested.take(rows)
    places, shares = components(model.theta(molecules))
    bonding = [word for row in rows for word in surroundings(gathered.bonded[row])]
    symbols = [symbol_of(int(number)) for number in molecules.numbers]
    title = f"{gathered.title}: weights written for the {len(symbols):,} atoms of {len(rows)} tested molecules. "
    return draw_weights(places, shares, symbols, bonding, title + TITLES[method])


def _mix(gathered: _Gathered) -> Figure | str:
    traces: dict[str, list[Trace]] = {}
    for record in gathered.all_records:
        history = [entry for entry in record.get("history", []) if "mix" in entry]
        method = record["method"]
        # A share that the settings give is not learned.
        if history and record["parameters"]["method"]["mix"] is None:
            steps, mix = (np.array([entry[name] for entry in history], dtype=float) for name in ("step", "mix"))
            where = dataset_title(record["dataset"])
            traces.setdefault(where, []).append(Trace(method, TITLES[method], steps, mix))
    return draw_mix(traces) if traces else "No method among the runs learned a share c"


def _trust(gathered: _Gathered) -> Figure:
    covered = {}
    for method in gathered.shown(WRITERS[:1], 1):
        _, predicted, true = gathered.model(method).validation
        items = gathered.items(method)
        covered[method] = coverage(np.abs(predicted - true), np.abs(items.predicted - items.true).to_numpy())
    return draw_trust(covered, gathered.summary, TITLES, gathered.title)
