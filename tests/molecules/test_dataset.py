"""The prepared data: QM9's numbers as published, the split that anybody can draw, and a person's own molecules."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules import dataset as module
from hypernet.molecules import raw
from hypernet.molecules.core.elements import FREE_ATOMS
from hypernet.molecules.core.graphs import neighbours
from hypernet.molecules.core.molecules import joined, molecule
from hypernet.molecules.core.targets import TARGETS

OWN = "{path: %s, kind: auto, target: %s, unit: %s, readout: %s}"


def _prepared(section, tmp_path, name, *assignments):
    config = section("molecules", f"datasets=[{name}]", *assignments)
    raw.make(name, tmp_path / "raw", config.settings("raw", name))
    module.prepare(name, tmp_path / "raw", tmp_path / "out", config.settings("prepare", name))
    return module.load(tmp_path / "out")


@pytest.fixture(scope="module")
def small(section, tmp_path_factory):
    # Found, not imported: it needs what newer installations no longer have.
    if importlib.util.find_spec("qm9pack") is None:
        pytest.skip("qm9pack is not installed")
    return _prepared(section, tmp_path_factory.mktemp("small"), "qm9_7heavy_U0", "rebuilt=3")


def test_the_default_is_the_3921_molecules_of_at_most_seven_heavy_atoms(small):
    molecules = small.molecules
    assert (len(molecules), len(molecules.numbers), molecules.counts.max()) == (3_921, 55_498, 23)
    assert small.values.mean() == pytest.approx(-58.7830, abs=1e-4)
    assert np.bincount(molecules.heavy_atoms)[1:].tolist() == [3, 5, 9, 31, 127, 608, 3_138]
    # Methane, ammonia, water.
    assert small.values[:3] == pytest.approx([-17.17218, -12.00585, -9.24036], abs=1e-4)


def test_the_split_is_the_one_that_other_programs_can_draw(small):
    order = np.random.RandomState(0).permutation(3_921)
    assert np.array_equal(small.splits["test"], order[:521])
    assert np.array_equal(small.splits["validation"], order[521:921])
    assert np.array_equal(small.splits["train"], order[921:])


def test_neighbours_are_kept_as_they_are_found(small):
    graphs = neighbours(small.molecules, 4.0)
    for name in ("sender", "receiver", "edges"):
        assert np.array_equal(getattr(graphs, name), getattr(small.graphs, name))


def test_rebuilt_molecules_are_the_first_tested_ones_with_the_same_atoms(small):
    rows, rebuilt = small.rebuilt
    assert rows.tolist() == small.splits["test"][:3].tolist()
    for row, place in zip(rows, range(len(rows)), strict=True):
        assert small.molecules.formula(int(row)) == rebuilt.formula(place)


def test_a_graph_of_pyg_has_both_directions_and_the_property(small):
    pytest.importorskip("torch_geometric", reason="PyTorch Geometric is not installed")
    graph = small.graph(0)
    assert graph.z.tolist() == [6, 1, 1, 1, 1]
    assert graph.edge_index.shape == (2, 20)
    assert graph.is_undirected()
    assert not graph.has_self_loops()
    assert float(graph.y) == small.values[0]
    assert graph.validate()


def test_fewer_molecules_train_and_the_same_are_tested(section, tmp_path, small):
    fewer = _prepared(section, tmp_path, "qm9_7heavy_train100_gap", "rebuilt=0")
    assert np.array_equal(fewer.splits["train"], small.splits["train"][:100])
    assert np.array_equal(fewer.splits["test"], small.splits["test"])
    assert (fewer.target.readout, fewer.target.unit) == ("mean", "eV")
    # Methane: .5048 Hartree.
    assert fewer.values[0] == pytest.approx(13.7363, abs=1e-3)


def test_more_than_there_are_is_refused(section, tmp_path):
    line = "5,000 molecules to train on; 3,921 less 521 tested and 400 held-out leave 3,000"
    with pytest.raises(UserError, match=line):
        _prepared(section, tmp_path, "qm9_7heavy_train5000_U0")


def _table(path, lines):
    path.write_text("SMILES;logS\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


CHAINS = ["C" * count + end for count in range(1, 8) for end in ("", "O", "N", "=O")]


def test_a_persons_table_of_smiles(section, tmp_path, capsys):
    lines = [f"{smiles};{0.1 * place:.2f}" for place, smiles in enumerate(CHAINS)]
    path = _table(tmp_path / "mine.csv", [*lines, "c1ccccc1;soluble", "not_a_molecule;1"])
    data = _prepared(section, tmp_path, "mine", f"own={{mine: {OWN % (path, 'logS', 'mol/L', 'mean')}}}")
    assert len(data.molecules) == len(CHAINS)
    assert (data.target.name, data.target.unit, data.target.dimension) == ("logS", "mol/L", "")
    told = capsys.readouterr().err
    assert f"{path}, line 30: logS is 'soluble', no number" in told
    assert f"{path}, line 31" in told
    assert sorted(np.concatenate([*data.splits.values()]).tolist()) == list(range(len(CHAINS)))


def test_decimal_commas_are_told(section, tmp_path):
    path = _table(tmp_path / "mine.csv", [f"{smiles};-1,043" for smiles in CHAINS])
    with pytest.raises(UserError, match="logS is '-1,043', no number; accepted: a decimal point"):
        _prepared(section, tmp_path, "mine", f"own={{mine: {OWN % (path, 'logS', 'mol/L', 'mean')}}}")


def test_a_column_that_is_not_there_is_named(section, tmp_path):
    path = _table(tmp_path / "mine.csv", [f"{smiles};1" for smiles in CHAINS])
    with pytest.raises(UserError, match="no solubility; there is 'logS'"):
        _prepared(section, tmp_path, "mine", f"own={{mine: {OWN % (path, 'solubility', 'g/L', 'sum')}}}")


def test_total_energies_lose_their_free_atoms(section, tmp_path, rows):
    """QM9's own molecules as somebody's extended xyz, in Hartree."""
    from ase import Atoms
    from ase.io import write

    frames = []
    for (numbers, positions), energy in zip(rows.molecules, rows.values["U0"], strict=True):
        frames.append(Atoms(numbers=numbers, positions=positions, info={"total": energy}))
    write(tmp_path / "mine.extxyz", frames[:60], format="extxyz")
    entry = OWN % (tmp_path / "mine.extxyz", "total", "Hartree", "sum")
    data = _prepared(section, tmp_path, "mine", f"own={{mine: {entry[:-1]}, free_atoms: U0}}}}")
    assert (data.target.unit, data.target.reference) == ("eV", "U0")
    assert data.values[:3] == pytest.approx([-17.17218, -12.00585, -9.24036], abs=1e-4)


def test_equal_molecules_stay_together_however_they_are_written():
    texts = ["OCC", "CCO", "C(O)C"] * 10 + ["C" * count for count in range(1, 31)]
    one_atom = joined([molecule([6], np.zeros((1, 3)), text, text) for text in texts])
    splits = module.own_splits(one_atom)
    where = {name for name, rows in splits.items() if (rows < 30).any()}
    assert len(where) == 1
    assert sum(len(rows) for rows in splits.values()) == 60


def test_the_same_molecule_over_and_over_leaves_nothing_to_train_on():
    same = joined([molecule([6], np.zeros((1, 3)), "methane", "C") for _ in range(30)])
    with pytest.raises(UserError, match="none is left to train on"):
        module.own_splits(same)


def test_an_element_that_is_tested_is_trained():
    numbers = [6] * 18 + [9, 7]
    molecules = joined([molecule([number], np.zeros((1, 3))) for number in numbers])
    splits = {"train": np.arange(16), "validation": np.array([16, 18]), "test": np.array([17, 19])}
    moved = module.with_all_elements(splits, molecules)
    assert moved["train"].tolist() == [*range(16), 18, 19]
    assert (moved["validation"].tolist(), moved["test"].tolist()) == ([16], [17])


def test_elements_that_leave_nothing_to_test_are_named():
    molecules = joined([molecule([number], np.zeros((1, 3))) for number in [6] * 18 + [9, 7]])
    splits = {"train": np.arange(16), "validation": np.array([16, 17]), "test": np.array([18, 19])}
    with pytest.raises(UserError, match="left for test"):
        module.with_all_elements(splits, molecules)


def test_names_of_columns_are_shown_without_what_a_terminal_obeys_and_not_all(section, tmp_path):
    path = tmp_path / "mine.csv"
    more = ";".join(f"d{place}" for place in range(9))
    path.write_text(f"SMILES;\x1b[2Jy;{more}\n" + "".join(f"{smiles};1\n" for smiles in CHAINS), encoding="utf-8")
    with pytest.raises(UserError, match=r"there is '\\x1b\[2Jy'"):
        _prepared(section, tmp_path, "mine", f"own={{mine: {OWN % (path, 'y', 'g/L', 'sum')}}}")


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_property_is_learned_in_its_unit(rows, name):
    """As PyTorch Geometric gives them: eV for energies, QM9's own units for the rest, free atoms taken off of four."""
    target = TARGETS[name]
    values = module._in_unit(rows, target)
    assert np.isfinite(values).all()
    if target.dimension != "energy":
        assert np.array_equal(values, rows.values[name])
        return
    ev = 27.211386246 * rows.values[name]
    if name in ("U0", "U", "H", "G"):
        atoms = rows.molecules.composition((1, 6, 7, 8, 9)) @ [FREE_ATOMS[name][number] for number in (1, 6, 7, 8, 9)]
        ev = ev - 27.211386246 * atoms
        # Every molecule is bound.
        assert values.max() < 0
    np.testing.assert_allclose(values, ev, atol=1e-7)
