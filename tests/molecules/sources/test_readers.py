"""Whatever stands on a command line."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.sources import text
from hypernet.molecules.sources.qm9 import read_csv
from hypernet.molecules.sources.readers import read_structures

chem = pytest.importorskip("rdkit.Chem")
WATER = "3\nwater\nO 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of files of all forms, which is where the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.smi").write_text("N ammonia\n")
    (tmp_path / "list.txt").write_text("C#C acetylene\n")
    (tmp_path / "table.CSV").write_text("smiles,other,name\nC,O,methane\n")
    (tmp_path / "table.tsv").write_text("smiles\tname\nCC\tethane\n")
    (tmp_path / "a.sdf").write_text(f"{chem.MolToMolBlock(chem.MolFromSmiles('CO'))}$$$$\n")
    (tmp_path / "a.xyz").write_text(WATER)
    (tmp_path / "notes.docx").write_text("x")
    (tmp_path / ".hidden.xyz").write_text("x")
    return tmp_path


def test_all_forms_in_their_order(folder):
    inputs = [
        "CCO",
        "a.xyz",
        "list.smi",
        "table.CSV",
        "InChI=1S/CH4/h1H4",
        "list.txt",
        "table.tsv",
        "a.sdf",
        "C=O formaldehyde",
    ]
    structures = read_structures(inputs, conformers=1)
    assert [structure.problem for structure in structures] == [""] * len(inputs)
    assert [structure.name for structure in structures] == [
        "CCO",
        "water",
        "ammonia",
        "methane",
        "InChI=1S/CH4/h1H4",
        "acetylene",
        "ethane",
        "a",
        "formaldehyde",
    ]
    assert structures[0].where == "input 1"
    assert read_structures(["table.CSV"], column="other", conformers=1)[0].smiles == "O"


def test_a_folder(folder):
    names = ["a", "water", "ammonia", "methane", "ethane"]
    assert [structure.name for structure in read_structures([str(folder)], conformers=1)] == names
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no file of molecules"):
        read_structures(["empty"])


def test_folders_that_are_called_like_molecules(folder):
    (folder / "CC").mkdir()
    (folder / "CC/a.xyz").write_text(WATER)
    assert [structure.name for structure in read_structures(["CC", "./CC"], conformers=1)] == ["CC", "water"]


def test_the_table_of_qm9_keeps_its_geometry(first_rows, tmp_path):
    path = tmp_path / "qm9.csv"
    path.write_bytes(b"".join(first_rows.read_bytes().splitlines(keepends=True)[:5]))
    structures = read_structures([str(path)])
    data = read_csv(path)
    assert [structure.name for structure in structures] == ["gdb 1", "gdb 2", "gdb 3", "gdb 4"]
    assert all(not structure.made and not structure.problem for structure in structures)
    np.testing.assert_array_equal(structures[0].positions, data.molecules.positions[:5])
    assert float(structures[0].facts["U0"]) == -40.47893


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("absent.smi", "absent.smi: no such file"),
        ("absent.sdf.gz", "absent.sdf.gz: no such file"),
        ("folder/absent", "no such file, and RDKit cannot read"),
        ("absent.docx", r"no such file, and RDKit cannot read.*accepted: \.smi"),
        ("notes.docx", r"an ending that is not read; accepted: \.smi"),
        ("./nothing", "no such file"),
    ],
)
def test_names_of_files_that_are_not_read(folder, given, message):
    with pytest.raises(UserError, match=message) as caught:
        read_structures([given])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["aspirin", "C1CC", "C" * 400, "", "C\0", "F/C=C/F", "[Na+].[Cl-]", "Q" * 4000])
def test_text_that_is_a_molecule_or_says_why_not(folder, given):
    (structure,) = read_structures([given], conformers=1)
    assert bool(structure.problem) == (given != "F/C=C/F")


@pytest.mark.parametrize("given", ["ethanol", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"])
def test_names_and_hashes_are_not_looked_up(folder, given):
    (structure,) = read_structures([given])
    assert "names and InChIKeys are not looked up; accepted: a SMILES" in structure.problem


def test_more_than_is_held(folder, monkeypatch):
    monkeypatch.setattr(text, "MOST_MOLECULES", 2)
    assert len(read_structures(["C", "a.xyz"], conformers=1)) == 2
    with pytest.raises(UserError, match="more than 2 molecules"):
        read_structures(["C", "a.xyz", "C"], conformers=1)
    monkeypatch.setattr(text, "MOST_BYTES", 20)
    with pytest.raises(UserError, match=r"a\.xyz: more than"):
        read_structures(["a.xyz"])
