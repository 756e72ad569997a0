"""The pictures are drawn from small runs; what they look like is for a person to judge."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_json
from hypernet.lab.job import Job
from hypernet.lab.results import figures as style
from hypernet.lab.runs.models import count_parameters, save_model
from hypernet.molecules import captions, dataset, raw
from hypernet.molecules import evaluate as evaluation
from hypernet.molecules import figures as drawing
from hypernet.molecules.config import METHODS
from hypernet.molecules.figures import draw
from hypernet.molecules.methods import TITLES, build
from hypernet.molecules.names import dataset_title
from hypernet.molecules.plots.style import STYLE
from hypernet.molecules.train import normalisation, train
from hypernet.molecules.trained import VERSION, NetworkRegressor

pytest.importorskip("rdkit")
if importlib.util.find_spec("qm9pack") is None:
    pytest.skip("qm9pack is not installed", allow_module_level=True)

SMALL = (
    "held_out={test: 60, validation: 30}",
    "rebuilt=4",
    "krr.widths=[500.0]",
    "krr.ridges=[1.0e-6]",
    "network.channels=8",
    "network.steps=2",
    "network.spacing=0.5",
    "hyper.features=4",
    "hyper.hidden=6",
    "evaluate.resamples=100",
)
FIRST, FEWER = "qm9_6heavy_U0", "qm9_6heavy_train300_U0"
NETWORKS = ("nmp_edge", "nmp_wide", "hyper_c0", "hyper")
PUBLISHED = Path(captions.__file__).with_name("published.csv")
# Inches: a notice is a narrow strip.
NOTICE = 2.0


class Bench:
    """Prepared data and evaluated runs; networks are as they start, with a history that nobody trained."""

    def __init__(self, root: Path, section, *assignments: str):
        self.root, self.config = root, section("molecules", *SMALL, *assignments)

    def prepare(self, name: str) -> None:
        folder = self.root / "raw" / name
        raw.make(name, folder, self.config.settings("raw", name))
        dataset.prepare(name, folder, self.root / "data" / name, self.config.settings("prepare", name))

    def run(self, name: str, method: str) -> Path:
        folder = self.root / "results" / "molecules" / name / method / "seed0"
        settings = self.config.settings("train", name, method)
        job = Job("molecules", name, method, 0, self.root / "data" / name, folder, settings)
        untrained(job) if method in NETWORKS else train(job)
        evaluation.evaluate(replace(job, settings=self.config.settings("evaluate", name, method)))
        return folder


def untrained(job: Job) -> None:
    """A run whose network is as it starts."""
    job.folder.mkdir(parents=True)
    torch.manual_seed(1)
    data, settings = dataset.load(job.data), job.settings
    network = build(settings, data.target.readout == "mean")
    offset, scale = normalisation(data, settings.train.offset)
    stored = settings.model_dump(mode="json")
    content = {"domain": "molecules", "version": VERSION, "method": job.method, "settings": stored}
    content |= dataset.described(data) | {"offset": offset.state(), "scale": scale, "state": network.state_dict()}
    molecules, true = data.part("validation")
    predicted = NetworkRegressor(network, offset, scale, settings.graph).predict(molecules)
    held_out = {"names": molecules.names, "predicted": torch.from_numpy(predicted), "true": torch.from_numpy(true)}
    content["validation"] = held_out
    history = [
        {"step": step, "seconds": 2.0 * step, "validation_error": 900.0 / step, "mix": 0.5 + 0.1 * step}
        for step in (1, 2, 3)
    ]
    if not job.method.startswith("hyper"):
        history = [{name: entry[name] for name in entry if name != "mix"} for entry in history]
    record = {"domain": "molecules", "dataset": job.dataset, "method": job.method, "seed": 0, "data": str(job.data)}
    record |= {"seconds": 6.0, "parameter_count": count_parameters(network), "parameters": stored}
    record |= {"history": history, "best_step": 2}
    if job.method == "nmp_edge":
        content["equal_time_state"] = network.state_dict()
        record["equal_time"] = {"seconds": 4.0, "best_step": 1, "history": history[:2]}
    save_model(job.folder / "model.ckpt", content)
    write_json(job.folder / "run.json", record)


@pytest.fixture(scope="module")
def runs(section, tmp_path_factory) -> dict[tuple[str, str], Path]:
    bench = Bench(tmp_path_factory.mktemp("figures"), section)
    for name in (FIRST, FEWER):
        bench.prepare(name)
    first = {(FIRST, method): bench.run(FIRST, method) for method in ("composition", "krr", *NETWORKS)}
    return first | {(FEWER, method): bench.run(FEWER, method) for method in ("composition", "hyper")}


@pytest.fixture
def gathered(runs, tmp_path):
    """What the pictures are drawn of: ``gathered("hyper", "krr")``, or of all runs of the first data set."""

    def gather(*methods):
        folders = [
            folder for (name, method), folder in runs.items() if name == FIRST and method in (methods or METHODS)
        ]
        evaluation.summarise(folders, PUBLISHED, tmp_path, "smoke")
        records = [read_json(folder / "run.json") | {"folder": folder} for folder in folders]
        summary = pd.read_csv(tmp_path / "summary.csv", dtype={"group": str}).fillna({"group": ""})
        return drawing._Gathered(FIRST, records, summary)

    return gather


@pytest.fixture
def given(monkeypatch):
    """What a drawing function is called with, in place of its picture: ``given("draw_parity")``."""

    def catch(name):
        calls: list[tuple[tuple, dict]] = []
        monkeypatch.setattr(drawing, name, lambda *arguments, **options: calls.append((arguments, options)))
        return calls

    return catch


def drawn(folders: list[Path], root: Path) -> None:
    evaluation.summarise(folders, PUBLISHED, root, "smoke")
    draw(folders, root, root / "figures")


def notices(sizes: dict[str, float]) -> set[str]:
    return {name.removesuffix(".png") for name, height in sizes.items() if name.endswith(".png") and height < NOTICE}


def test_every_picture_is_there_and_is_no_notice(runs, tmp_path, sizes):
    drawn(list(runs.values()), tmp_path)
    assert set(sizes) == {f"{name}{suffix}" for name in captions.FIGURES for suffix in (".png", ".svg")}
    assert notices(sizes) == set()


@pytest.mark.parametrize(
    ("methods", "missing"),
    [
        (("composition",), {"learning", "sizes", "costs", "contributions", "weights", "mix"}),
        (("krr",), {"learning", "sizes", "contributions", "weights", "mix"}),
        (("nmp_edge", "composition"), {"sizes", "weights", "mix"}),
        (("hyper_c0",), {"sizes", "mix"}),
        (("hyper",), {"sizes"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_pictures_without_their_runs_say_so(runs, tmp_path, sizes, methods, missing):
    drawn([runs[FIRST, method] for method in methods], tmp_path)
    assert {name.removesuffix(".png") for name in sizes if name.endswith(".png")} == set(captions.FIGURES)
    assert notices(sizes) == missing


def test_molecules_of_files_without_smiles_and_with_a_unit_of_their_own_have_their_pictures(
    runs, tmp_path, sizes, section
):
    data = dataset.load(Path(read_json(runs[FIRST, "krr"] / "run.json")["data"]))
    lines = []
    for (numbers, positions), value in zip(data.molecules, data.values, strict=True):
        lines += [str(len(numbers)), f'Properties=species:S:1:pos:R:3 stuff={value} note="$x_1"']
        lines += [f"{number} {x:.5f} {y:.5f} {z:.5f}" for number, (x, y, z) in zip(numbers, positions, strict=True)]
    (tmp_path / "mine.xyz").write_text("\n".join(lines) + "\n")
    path = tmp_path / "mine.xyz"
    source = f"own={{mine: {{path: {path}, kind: auto, target: stuff, unit: $ per mole, readout: mean}}}}"
    bench = Bench(tmp_path / "bench", section, source, "datasets=[mine]")
    bench.prepare("mine")
    drawn([bench.run("mine", method) for method in ("composition", "hyper")], tmp_path)
    assert notices(sizes) == {"sizes"}


def test_the_first_data_set_is_looked_into_and_each_has_its_learning_curves(runs, tmp_path, monkeypatch):
    titles: list[str] = []
    monkeypatch.setattr(style, "save_panels", lambda out, name, panels, **options: titles.extend(panels))
    monkeypatch.setattr(style, "save", lambda figure, out, name: plt.close(figure))
    looked: list[str] = []
    monkeypatch.setattr(drawing, "_parity", lambda gathered: looked.append(gathered.dataset) or "nothing")
    for name in ("errors", "relative", "sizes", "costs", "contributions", "weights", "mix", "trust"):
        monkeypatch.setattr(drawing, f"_{name}", lambda gathered: "nothing")
    drawn([runs[FEWER, "hyper"], runs[FIRST, "hyper"]], tmp_path)
    assert looked == [FEWER]
    assert [" ".join(title.split()) for title in titles] == [dataset_title(FEWER), dataset_title(FIRST)]


def test_without_a_summary_the_step_before_is_named(runs, tmp_path):
    with pytest.raises(UserError, match="run `hypernet molecules summarise` first"):
        draw([runs[FIRST, "krr"]], tmp_path, tmp_path / "figures")


# --- where numbers come from ------------------------------------------------------------------------------------


def test_parity_shows_the_methods_in_the_tables_order_with_its_errors(gathered, given):
    what, calls = gathered(), given("draw_parity")
    drawing._parity(what)
    (((methods, name, unit, shown_unit, factor, where), _),) = calls
    assert [entry.method for entry in methods] == ["composition", "krr", "nmp_wide", "hyper"]
    assert (name, unit, shown_unit, where) == ("U0 of atomization", "eV", "meV", dataset_title(FIRST))
    summary = what.summary.set_index(["method", "metric", "group"]).value
    for entry in methods:
        np.testing.assert_allclose(entry.true, what.data.part("test")[1])
        error = factor * np.abs(entry.predicted - entry.true).mean()
        assert error == pytest.approx(summary[entry.method, "mae", ""])


def test_methods_outside_the_choice_are_shown_where_there_is_no_other(gathered, given):
    calls = given("draw_parity")
    drawing._parity(gathered("hyper_c0"))
    assert [entry.method for entry in calls[0][0][0]] == ["hyper_c0"]


def test_groups_are_those_of_the_smiles(gathered):
    chem = pytest.importorskip("rdkit.Chem")
    what = gathered("krr")
    assert all(molecule is not None for molecule in what.bonded)
    for molecule, smiles in zip(what.bonded, what.tested.smiles, strict=True):
        flat = chem.MolToSmiles(chem.MolFromSmiles(smiles), isomericSmiles=False)
        assert chem.MolToSmiles(chem.RemoveHs(molecule), isomericSmiles=False) == flat
    assert what.groups["nitrile"].tolist() == ["C#N" in text or "N#C" in text for text in what.tested.smiles]


def test_parts_that_are_drawn_add_up_to_the_table(gathered, given):
    what, calls = gathered("hyper"), given("draw_contributions")
    drawing._contributions(what)
    (((molecules, unit, _, _), options),) = calls
    assert unit == "eV"
    rows = what.first_with_each_group(drawing.DRAWN)
    assert len(rows) == len(set(rows)) == len(molecules) == drawing.DRAWN
    predicted = what.items("hyper").predicted.to_numpy()[rows]
    np.testing.assert_allclose([entry.parts.sum() for entry in molecules], predicted, rtol=1e-5)
    assert [entry.words.split("\n")[0] for entry in molecules] == [what.tested.names[row] for row in rows]
    assert options["compared"]["CH₃"] < 0
    # A molecule for every group that any has, as long as there is room.
    shown = {name for name, members in what.groups.items() if members[rows].any()}
    assert shown >= {"alcohol", "ether", "amine", "imine", "amide", "nitrile", "alkyne", "aromatic ring"}


def test_weights_are_those_of_the_atoms_that_are_shown(gathered, given, monkeypatch):
    what, calls = gathered("hyper"), given("draw_weights")
    monkeypatch.setattr(drawing, "ATOMS", 200)
    drawing._weights(what)
    (((rounds, shares, symbols, bonding, _), _),) = calls
    assert len(rounds) == 2
    atoms = len(symbols)
    assert all(places.shape == (atoms, 2) for places in rounds)
    assert 150 < atoms == len(bonding) <= 200
    assert 0 < shares[1] <= shares[0] <= shares.sum() <= 1 + 1e-9
    # In the first round an element's atoms have the same weights.
    for symbol in set(symbols):
        of_element = rounds[0][np.array(symbols) == symbol]
        np.testing.assert_allclose(of_element, of_element[[0] * len(of_element)], atol=1e-4)


def test_c_is_traced_where_it_is_learned(gathered, given):
    calls = given("draw_mix")
    drawing._mix(gathered("hyper", "hyper_c0", "nmp_edge"))
    ((traces,), _) = calls[0]
    ((where, (trace,)),) = traces.items()
    assert (where, trace.method) == (dataset_title(FIRST), "hyper")
    np.testing.assert_allclose(trace.mix, [0.6, 0.7, 0.8])


def test_sizes_are_the_molecules_that_trained(runs, tmp_path, given):
    evaluation.summarise(list(runs.values()), PUBLISHED, tmp_path, "smoke")
    summary = pd.read_csv(tmp_path / "summary.csv", dtype={"group": str}).fillna({"group": ""})
    records = [read_json(folder / "run.json") | {"folder": folder} for folder in runs.values()]
    calls = given("draw_sizes")
    drawing._sizes(drawing._Gathered(FIRST, records, summary))
    ((families, _), _) = calls[0]
    ((name, rows),) = families.items()
    assert name == dataset_title(FIRST)
    everything = dataset.load(Path(records[0]["data"])).splits["train"]
    assert set(rows.train[rows.dataset == FIRST]) == {len(everything)}
    assert set(rows.train[rows.dataset == FEWER]) == {300}


def test_coverage_counts_the_items_within_the_margin(gathered, given):
    what, calls = gathered("hyper"), given("draw_trust")
    drawing._trust(what)
    ((covered, *_), _) = calls[0]
    (nominal,) = [entry for entry in covered["hyper"] if entry.level == 0.9]
    assert nominal.inside == what.items("hyper").covered.sum()
    assert nominal.count == 60


def test_a_run_without_bonds_says_so(gathered, monkeypatch):
    what = gathered("hyper")
    monkeypatch.setattr(drawing, "bonded", lambda *given: None)
    assert "bonds" in drawing._contributions(what)
    assert "bonds" in drawing._weights(what)
    assert not isinstance(drawing._errors(what), str)
    plt.close("all")


def test_every_method_has_a_style_of_its_own():
    assert set(STYLE) == set(METHODS) <= set(TITLES)
    assert len({(entry["color"], entry["marker"]) for entry in STYLE.values()}) == len(STYLE)
    for methods in (drawing.SUMS, drawing.PARITY, drawing.BY_GROUP):
        assert set(methods) <= set(METHODS)


def test_runs_whose_models_moved_are_read_from_their_folders(runs, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(runs[FIRST, "hyper"], folder)
    evaluation.summarise([folder], PUBLISHED, tmp_path, "smoke")
    summary = pd.read_csv(tmp_path / "summary.csv", dtype={"group": str}).fillna({"group": ""})
    record = read_json(folder / "run.json") | {"folder": folder}
    assert drawing._Gathered(FIRST, [record], summary).model("hyper").generated
