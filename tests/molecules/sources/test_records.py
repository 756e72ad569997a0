"""SDF, MOL, MOL2 and PDB against RDKit's own readers and writers."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.sources.geometry import structure_of
from hypernet.molecules.sources.records import read_records

chem = pytest.importorskip("rdkit.Chem")

# Of Å: the format has four decimals.
ROUNDED = 6e-5


def model(smiles: str):
    """RDKit's molecule with hydrogens and positions."""
    parsed = chem.AddHs(chem.MolFromSmiles(smiles))
    conformer = chem.Conformer(parsed.GetNumAtoms())
    for atom, place in enumerate(structure_of(smiles, "", "x", 1).positions):
        conformer.SetAtomPosition(atom, place.tolist())
    parsed.AddConformer(conformer)
    return parsed


def drawing(smiles: str):
    parsed = chem.MolFromSmiles(smiles)
    pytest.importorskip("rdkit.Chem.rdDepictor").Compute2DCoords(parsed)
    return parsed


def read(tmp_path, text, name):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_records(path, 1)


SMILES = ["CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "F/C=C\\F", "C#N", "C1CC1OC1CCC1", "C[N+](=O)[O-]"]


@pytest.mark.parametrize("form", ["V2000", "V3000"])
def test_an_sdf_against_rdkit(tmp_path, form):
    path = tmp_path / "many.sdf"
    with chem.SDWriter(str(path)) as writer:
        writer.SetForceV3000(form == "V3000")
        for place, smiles in enumerate(SMILES):
            parsed = model(smiles)
            parsed.SetProp("_Name", f"no. {place}" if place % 2 else "")
            parsed.SetProp("U0", f"{-place}.5")
            parsed.SetProp("a note", "two\nlines")
            writer.write(parsed)
    structures = read_records(path)
    peers = [*chem.SDMolSupplier(str(path), removeHs=False)]
    assert len(structures) == len(peers) == len(SMILES)
    for place, (structure, peer) in enumerate(zip(structures, peers, strict=True)):
        assert structure.numbers.tolist() == [atom.GetAtomicNum() for atom in peer.GetAtoms()]
        np.testing.assert_array_equal(structure.positions, peer.GetConformer().GetPositions())
        assert (structure.problem, structure.made, structure.charge, structure.radicals) == ("", "", 0, 0)
        assert structure.smiles == chem.CanonSmiles(SMILES[place])
        assert (
            dict(structure.facts)
            == peer.GetPropsAsDict(autoConvertStrings=False)
            == {
                "U0": f"{-place}.5",
                "a note": "two\nlines",
            }
        )
        assert structure.name == (f"no. {place}" if place % 2 else f"many {place + 1}")
        assert structure.where.endswith(f"record {place + 1}")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_packed_and_from_windows(tmp_path, ending):
    block = chem.MolToMolBlock(model("CCO")).replace("\n", ending)
    (structure,) = read(tmp_path, gzip.compress(block.encode()), "ethanol.mol.gz")
    assert (structure.name, len(structure.numbers), structure.problem) == ("ethanol", 9, "")


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "C[C@H](O)F", "F/C=C/F"])
def test_a_drawing_gets_a_structure(tmp_path, smiles):
    (structure,) = read(tmp_path, chem.MolToMolBlock(drawing(smiles)), "a.mol")
    assert "a flat drawing; " in structure.made
    assert "hydrogens added; geometry by RDKit's ETKDGv3" in structure.made
    assert len(structure.numbers) == model(smiles).GetNumAtoms()
    assert structure.smiles == chem.CanonSmiles(smiles)
    assert structure.problem == ""


def test_missing_hydrogens_are_added(tmp_path):
    (structure,) = read(tmp_path, chem.MolToMolBlock(chem.RemoveHs(model("C[C@H](O)F"))), "a.mol")
    assert structure.made.startswith("5 hydrogens added; geometry by")
    assert structure.numbers.tolist().count(1) == 5
    assert structure.smiles == chem.CanonSmiles("C[C@H](O)F")


@pytest.mark.parametrize("mark", ["3D", "  ", "2D"])
@pytest.mark.parametrize(
    ("smiles", "flat"), [("c1ccccc1", True), ("O", True), ("C#N", True), ("F", True), ("CC", False), ("N", False)]
)
def test_all_heights_zero(tmp_path, smiles, flat, mark):
    """A molecule that is flat keeps its positions unless the file calls them a drawing; one that is not, never."""
    parsed = model(smiles)
    conformer = parsed.GetConformer()
    places = conformer.GetPositions() - conformer.GetPositions().mean(axis=0)
    # Turned into the plane of its two longest axes.
    places = places @ np.linalg.svd(places, full_matrices=True)[2].T
    places[:, 2] = 0
    for atom, place in enumerate(places):
        conformer.SetAtomPosition(atom, place.tolist())
    lines = chem.MolToMolBlock(parsed).split("\n")
    lines[1] = f"{lines[1][:20]}{mark}"
    (structure,) = read(tmp_path, "\n".join(lines), "a.mol")
    kept = flat and mark != "2D"
    assert ("a flat drawing" in structure.made) == (not kept)
    assert structure.problem == ""
    if kept:
        np.testing.assert_allclose(structure.positions, places, atol=ROUNDED)


def test_a_drawing_with_its_hydrogens(tmp_path):
    parsed = chem.AddHs(chem.MolFromSmiles("C=C"))
    pytest.importorskip("rdkit.Chem.rdDepictor").Compute2DCoords(parsed)
    (structure,) = read(tmp_path, chem.MolToMolBlock(parsed).replace("2D", "3D"), "a.mol")
    assert structure.made.startswith("a flat drawing; geometry by")


@pytest.mark.parametrize(
    ("smiles", "problem", "charge", "radicals"),
    [
        ("C[NH3+]", "net charge +1", 1, 0),
        ("CC(=O)[O-]", "net charge -1", -1, 0),
        ("[CH2]C", "1 unpaired electron", 0, 1),
        ("[Na+].[Cl-]", "2 molecules", 0, 0),
        ("C*", "stands for any", 0, 0),
    ],
)
def test_states_that_are_not_accepted(tmp_path, smiles, problem, charge, radicals):
    (structure,) = read(tmp_path, chem.MolToMolBlock(drawing(smiles)), "a.mol")
    assert problem in structure.problem
    assert (structure.charge, structure.radicals) == (charge, radicals)


def test_a_bad_record_does_not_hide_the_next(tmp_path, capfd):
    good = chem.MolToMolBlock(model("CCO"))
    valence = chem.MolToMolBlock(model("C")).replace("  1  5  1  0", "  1  5  3  0")
    large = "x\n\n\n 501  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n".replace(" 501", "501")
    large3 = "y\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 70000 0 0 0 0\nM  END\n"
    cut = good[: len(good) // 2] + "\n"
    nothing = "empty\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n"
    records = [good, valence, "rubbish\n", cut, large, large3, nothing, "\n", good]
    structures = read(tmp_path, "$$$$\n".join(records), "a.sdf")
    problems = [structure.problem for structure in structures]
    assert problems[0] == problems[-1] == ""
    assert "valence" in problems[1].lower()
    assert all(problem.startswith("RDKit cannot read it") for problem in (problems[2], problems[3], problems[7]))
    assert problems[4:7] == [
        "501 atoms; accepted: 500 atoms at most",
        "70,000 atoms; accepted: 500 atoms at most",
        "no atoms",
    ]
    assert [structure.where.rpartition(" ")[2] for structure in structures] == list("123456789")
    assert capfd.readouterr() == ("", "")


def test_a_long_line_among_the_tags_is_gone_through_once(tmp_path):
    block = chem.MolToMolBlock(model("C")) + "> <U0> (1)\n-1.5\n\n>" + "<" * 300_000 + "\nx\n\n$$$$\n"
    (structure,) = read(tmp_path, block, "a.sdf")
    assert (structure.problem, structure.facts["U0"]) == ("", "-1.5")


MOL2 = """# written by hand
@<TRIPOS>MOLECULE
water
 3 2 1
SMALL
NO_CHARGES

@<TRIPOS>ATOM
 1 O1 0.0000 0.0000 0.1190 O.3 1 HOH 0.0
 2 H1 0.0000 0.7630 -0.4770 H 1 HOH 0.0
 3 H2 0.0000 -0.7630 -0.4770 H 1 HOH 0.0
@<TRIPOS>BOND
 1 1 2 1
 2 1 3 1
"""


def test_mol2(tmp_path):
    first, second = read(tmp_path, MOL2 + MOL2.replace("water", "*****").replace("O.3", "Q.9"), "a.mol2")
    assert (first.name, first.smiles, first.problem, first.charge) == ("water", "O", "", 0)
    np.testing.assert_allclose(first.positions[:, 2], [0.119, -0.477, -0.477])
    assert (second.name, bool(second.problem)) == ("a 2", True)


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "CC(=O)N", "OC1CC1OC1CCC1"])
def test_pdb(tmp_path, smiles):
    parsed = model(smiles)
    (structure,) = read(tmp_path, chem.MolToPDBBlock(parsed), "a.pdb")
    assert (structure.problem, structure.made, structure.charge) == ("", "", None)
    np.testing.assert_allclose(structure.positions, parsed.GetConformer().GetPositions(), atol=6e-4)
    peer = chem.MolFromSmiles(structure.smiles)
    assert chem.MolToSmiles(peer, isomericSmiles=False) == chem.CanonSmiles(smiles)
    (bare,) = read(tmp_path, chem.MolToPDBBlock(chem.RemoveHs(parsed)), "bare.pdb")
    assert bare.problem.startswith("no hydrogens")


def test_models_of_a_pdb_file(tmp_path):
    atoms = [line for line in chem.MolToPDBBlock(model("CO")).split("\n") if line.startswith("HETATM")]
    model_text = "\n".join(["MODEL        1", *atoms, "ENDMDL", ""])
    large = "\n".join(["MODEL        2", *atoms * 100, "ENDMDL", ""])
    first, second = read(tmp_path, f"REMARK\n{model_text}{large}END\n", "a.pdb")
    assert (first.problem, second.problem) == ("", "600 atoms; accepted: 500 atoms at most")
    water = atoms[0].replace(" C1 ", " O9 ").replace(" C  ", " O  ")[:30] + "  20.000  20.000  20.000" + atoms[0][54:]
    (solvated,) = read(tmp_path, "\n".join([*atoms, water, "END"]), "b.pdb")
    assert "2 parts" in solvated.problem


@pytest.mark.parametrize("name", ["a.sdf", "a.mol", "a.mol2", "a.pdb"])
@pytest.mark.parametrize("content", ["", "\n\n", b"\0\1\2", gzip.compress(b"x" * 9999, mtime=0)[:-9]])
def test_files_without_molecules(tmp_path, name, content):
    with pytest.raises(UserError, match=name):
        read(tmp_path, content, name)
