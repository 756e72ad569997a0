"""QM9 against published numbers, pandas, and what its columns say of each other."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.core.molecules import joined
from hypernet.molecules.core.targets import TARGETS, free_atoms
from hypernet.molecules.core.units import factor
from hypernet.molecules.names import TARGET_TITLES
from hypernet.molecules.sources import qm9

MIRROR = Path(__file__).resolve().parents[4] / "shared/data/molecules"
# Relative atomic masses of the commonest isotopes (AME 2020).
MASSES = {1: 1.00782503223, 6: 12.0, 7: 14.00307400443, 8: 15.99491461957, 9: 18.99840316273}
# A B C in GHz times amu Å².
GHZ_AMU = 505.379009
COLUMNS = {
    "mu": "Dipole_debye",
    "alpha": "Polarizability_bohr3",
    "homo": "HOMO_au",
    "lumo": "LUMO_au",
    "gap": "HOMO_LUMO_gap_au",
    "r2": "R2_bohr2",
    "zpve": "ZPVE_au",
    "U0": "InternalEnergy_0K_au",
    "U": "InternalEnergy_298K_au",
    "H": "Enthalphy_298K_au",
    "G": "GibbsFreeEnergy_298K_au",
    "Cv": "Heatcapacity_Cv_cal_mol_K",
}


@pytest.fixture(scope="module")
def first(first_rows) -> qm9.Qm9:
    return qm9.read_csv(first_rows)


def atomization(name: str, data: qm9.Qm9) -> np.ndarray:
    """eV, below zero for what is bound."""
    alone = data.molecules.per_molecule(free_atoms(name, data.molecules.numbers))
    return data.values[name] * factor(TARGETS[name].raw_unit, "eV", "energy") - alone


def test_first_molecules(first):
    assert first.molecules.names[:3] == ["gdb 1", "gdb 2", "gdb 3"]
    assert first.molecules.smiles[:3] == ["C", "N", "O"]
    assert first.molecules.numbers[:5].tolist() == [6, 1, 1, 1, 1]
    np.testing.assert_allclose(
        first.molecules.positions[:2],
        [[-0.0126981359, 1.0858041578, 0.0080009958], [0.002150416, -0.0060313176, 0.0019761204]],
        atol=1e-7,
    )
    np.testing.assert_allclose(first.rotational[0], [157.7118, 157.70997, 157.70699])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("U0", (-17.17218, -12.00585, -9.24036)), ("U", (-17.28682,)), ("H", (-17.38965,)), ("G", (-16.15192,))],
)
def test_energies_of_atomization_are_the_published_ones(first, name, expected):
    np.testing.assert_allclose(atomization(name, first)[: len(expected)], expected, atol=1e-4)


def test_columns_are_those_of_pandas(first, first_rows):
    table = pd.read_csv(first_rows)
    np.testing.assert_array_equal(first.ids, table["Index"])
    assert first.molecules.smiles == table["SMILES"].tolist()
    np.testing.assert_array_equal(first.molecules.counts, table["N_atoms"])
    assert [*first.values] == [*TARGET_TITLES]
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(first.values[name], table[column])
    places = [float(part) for text in table["XYZ_Ang"] for part in text.strip("[]").replace("],[", ",").split(",")]
    np.testing.assert_array_equal(first.molecules.positions.ravel(), np.float32(places))


def test_rotational_constants_follow_from_positions(first):
    compared = 0
    for row, (numbers, positions) in enumerate(first.molecules):
        mass = np.array([MASSES[int(number)] for number in numbers])
        place = positions.astype(np.float64) - mass @ positions / mass.sum()
        inertia = np.einsum("a,ai,aj->ij", mass, place, place)
        moments = np.linalg.eigvalsh(np.trace(inertia) * np.eye(3) - inertia)
        # Of linear molecules one moment is naught.
        if moments[0] > 1e-3:
            np.testing.assert_allclose(GHZ_AMU / moments, first.rotational[row], rtol=2e-5)
            compared += 1
    assert compared > 280


def test_all_of_qm9(qm9pack):
    parts = [qm9.read_csv(qm9pack / inside) for inside, _, _ in qm9.PARTS]
    assert [int(part.ids[-1]) for part in parts] == [last for _, last, _ in qm9.PARTS]
    molecules = joined([part.molecules for part in parts])
    assert (len(molecules), len(molecules.numbers)) == (130_831, 2_359_210)
    counts = {1: 3, 2: 5, 3: 9, 4: 31, 5: 127, 6: 608, 7: 3138, 8: 17879, 9: 109031}
    heavy = molecules.heavy_atoms
    assert {number: int((heavy == number).sum()) for number in counts} == counts
    ids = np.concatenate([part.ids for part in parts])
    assert {number: int(ids[heavy == number].max()) for number in counts if number < 9} == {
        number: last for number, last in qm9.LAST_IDS.items() if number < 9
    }
    energy = np.concatenate([atomization("U0", part) for part in parts])
    np.testing.assert_allclose([energy.mean(), energy.std()], [-76.116, 10.3237], atol=1e-3)
    per_atom = energy / molecules.counts
    np.testing.assert_allclose([per_atom.mean(), per_atom.std()], [-4.24335, 0.18914], atol=1e-5)
    for part in parts:
        assert np.abs(part.values["gap"] - part.values["lumo"] + part.values["homo"]).max() < 1.01e-4


def test_rows_of_seven_heavy_atoms(qm9pack, tmp_path):
    out = tmp_path / "seven.csv.gz"
    facts = qm9.write_rows(out, 7)
    assert {"origin", "licence"} <= {*facts}
    assert "qm9pack" not in sys.modules
    data = qm9.read_csv(out)
    assert (len(data.ids), len(data.molecules.numbers), data.molecules.heavy_atoms.max()) == (3_921, 55_498, 7)
    np.testing.assert_allclose(atomization("U0", data).mean(), -58.7830, atol=1e-4)
    again = tmp_path / "again.csv.gz"
    qm9.write_rows(again, 7)
    assert again.read_bytes() == out.read_bytes()
    assert qm9.read_csv(out, heavy=2).molecules.smiles == ["C", "N", "O", "C#C", "C#N", "C=O", "CC", "CO"]


def test_a_mirror_gives_the_same_lines(qm9pack, tmp_path, monkeypatch):
    if not (MIRROR / qm9.MIRRORED.name).is_file():
        pytest.skip(f"{MIRROR} is not there")
    qm9.write_rows(tmp_path / "package.csv.gz", 5)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("HYPERNET_MIRROR", str(MIRROR))
    assert "mirror" in qm9.write_rows(tmp_path / "mirror.csv.gz", 5)["origin"]
    assert (tmp_path / "mirror.csv.gz").read_bytes() == (tmp_path / "package.csv.gz").read_bytes()


@pytest.mark.parametrize("heavy", [7, 8])
def test_without_package_and_mirror(heavy, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("HYPERNET_MIRROR", raising=False)
    monkeypatch.setenv("HYPERNET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"hypernet\[molecules\]"):
        qm9.write_rows(tmp_path / "out.csv.gz", heavy)
    assert not (tmp_path / "out.csv.gz").exists()


def test_another_version_of_the_package_is_refused_and_never_imported(tmp_path, monkeypatch):
    (tmp_path / "qm9pack/data").mkdir(parents=True)
    (tmp_path / "qm9pack/__init__.py").write_text("raise RuntimeError")
    (tmp_path / "qm9pack/data/qm9_part1.csv").write_bytes(qm9.HEADER + b"\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    digest = hashlib.sha256(qm9.HEADER + b"\n").hexdigest()
    with pytest.raises(UserError, match=digest):
        qm9.write_rows(tmp_path / "out.csv.gz", 3)


@pytest.mark.parametrize("heavy", [0, 10])
def test_numbers_of_heavy_atoms_that_qm9_has_not(heavy, tmp_path):
    with pytest.raises(UserError, match="1 to 9"):
        qm9.write_rows(tmp_path / "out.csv.gz", heavy)


def test_numbers_of_mathematica(first_rows, tmp_path):
    header, line = first_rows.read_bytes().split(b"\n")[:2]
    other = line.replace(b",0.,13.21,", b",-2.5*^-3,13.,").replace(b"0.002150416", b"2.150416*^-3")
    assert other != line
    (tmp_path / "a.csv").write_bytes(header + b"\r\n" + other + b"\r\n")
    data = qm9.read_csv(tmp_path / "a.csv")
    assert (data.values["mu"][0], data.values["alpha"][0]) == (-0.0025, 13.0)
    np.testing.assert_allclose(data.molecules.positions[1, 0], 0.002150416, rtol=1e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",2,", b",1,"),
        (b",2,", b",0,"),
        (b'"[3,0,1,0,0]"', b'"[4,0,1,0,0]"'),
        (b'"N",', b'"N"'),
        (b",4,", b",5,"),
        (b"['N','H'", b"['X','H'"),
        (b"['N','H','H','H']", b"['N','H','H']"),
        (b"1.6256", b"nan"),
        (b"1.6256", b"1.62.56"),
        (b",1.6256", b""),
        (b"1.6256", b"1e999"),
        (b"[[-0.0404260543", b"[[-4040.260543"),
        (b"[[-0.0404260543,", b"[[-0.0404260543],["),
        (b"dsgdb9nsd", b"d" * qm9.LONGEST_LINE),
    ],
)
def test_a_bad_line_is_named(first_rows, tmp_path, old, new):
    lines = first_rows.read_bytes().split(b"\n")[:4]
    assert old in lines[2]
    lines[2] = lines[2].replace(old, new, 1)
    (tmp_path / "bad.csv").write_bytes(b"\n".join(lines))
    with pytest.raises(UserError, match=r"bad\.csv, line 3: "):
        qm9.read_csv(tmp_path / "bad.csv")


def test_files_that_are_none(first_rows, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        qm9.read_csv(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("SMILES,U0\nC,1\n")
    with pytest.raises(UserError, match="line 1"):
        qm9.read_csv(tmp_path / "other.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(first_rows.read_bytes())[:2000])
    with pytest.raises(UserError, match="cannot be read"):
        qm9.read_csv(tmp_path / "cut.csv.gz")
