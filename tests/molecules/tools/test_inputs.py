"""Whatever holds a molecule gives the same molecule, and what cannot be used says why."""

from __future__ import annotations

import ase
import ase.io
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hypernet.lab.errors import UserError
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.tools.inputs import gathered
from hypernet.molecules.trained import packed


def atoms_of(molecules, row=0):
    numbers, positions = [*molecules][row]
    return ase.Atoms(numbers=numbers, positions=positions)


@pytest.mark.parametrize("form", ["array", "flat", "npy", "npz", "xyz", "text", "molecules", "ase", "structure"])
def test_every_form_of_a_molecule_is_that_molecule(form, water, tmp_path):
    numbers, positions = next(iter(water))
    array, atoms = packed(water), atoms_of(water)
    np.save(tmp_path / "water.npy", array)
    np.savez_compressed(tmp_path / "water.npz", molecules=array.astype(np.float64))
    ase.io.write(tmp_path / "water.xyz", atoms, format="xyz")
    forms = {
        "array": array,
        "flat": array[0],
        "npy": tmp_path / "water.npy",
        "npz": str(tmp_path / "water.npz"),
        "xyz": tmp_path / "water.xyz",
        "text": str(tmp_path / "water.xyz"),
        "molecules": water,
        "ase": atoms,
        "structure": Structure("water", "here", numbers, positions.astype(np.float64)),
    }
    (structure,) = gathered(forms[form])
    assert structure.problem == ""
    assert structure.made == ""
    assert structure.numbers.tolist() == [8, 1, 1]
    np.testing.assert_allclose(structure.positions, positions, atol=1e-6)
    # Told by its geometry where nothing else does.
    assert structure.smiles == "O"


def test_several_keep_their_order(tiny, tmp_path):
    (tmp_path / "list.smi").write_text("CC ethane\nO water\n")
    structures = gathered(["CCO", str(tmp_path / "list.smi"), packed(tiny.take([1, 0])), atoms_of(tiny, 2)])
    assert [structure.smiles for structure in structures] == ["CCO", "CC", "O", "C", "O", "[H][H]"]
    assert [structure.name for structure in structures[:3]] == ["CCO", "ethane", "water"]
    assert structures[0].where == "input 1"
    assert structures[1].where.startswith(str(tmp_path / "list.smi"))
    assert "ETKDG" in structures[0].made


@pytest.mark.parametrize(
    ("numbers", "positions", "reason"),
    [
        ([6, 1, 1, 1], [[0, 0, 0], [1.08, 0, 0], [-0.54, 0.94, 0], [-0.54, -0.94, 0]], "9 electrons, an odd number"),
        ([1, 1], [[0, 0, 0], [0, 0, 0.01]], "0.01 Å apart"),
        ([2, 2], [[0, 0, 0], [0, 0, 9]], "2 parts"),
        ([1, 1], [[0, 0, 0], [0, 0, np.nan]], "not a number"),
        ([119], [[0, 0, 0]], "atomic number 119"),
        ([1.5], [[0, 0, 0]], "atomic number 1.5"),
        ([-6], [[0, 0, 0]], "atomic number -6"),
    ],
)
def test_a_molecule_that_cannot_be_used_says_why(water, numbers, positions, reason):
    rows = np.column_stack([numbers, positions])
    array = np.zeros((2, max(3, len(rows)), 4))
    array[0, : len(rows)], array[1, :3] = rows, packed(water)[0]
    first, second = gathered(array)
    assert reason in first.problem
    assert second.problem == ""


def test_atoms_of_ase_that_are_periodic_or_charged_are_refused(water):
    periodic, charged, named = (atoms_of(water) for _ in range(3))
    periodic.pbc = True
    charged.info["charge"] = 2
    named.info["name"] = "my water"
    structures = gathered([periodic, charged, named])
    assert ["periodic" in structures[0].problem, "charge +2" in structures[1].problem] == [True, True]
    assert (structures[2].name, structures[2].problem) == ("my water", "")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ([], "no molecules were given"),
        (np.zeros((2, 3, 5)), r"float64 \[2, 3, 5\]; accepted: numbers \[B, n, 4\]"),
        (np.zeros((2, 3, 4), dtype=complex), "complex128"),
        (np.zeros((1, 501, 4)), "501 atoms; accepted"),
        ("absent.npy", "absent.npy: no such file"),
        ("absent.xyz", "absent.xyz: no such file"),
        (3.5, "float: no molecule; accepted: SMILES"),
        ([None], "NoneType: no molecule"),
    ],
)
def test_what_holds_no_molecules_is_one_line(what, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=reason) as caught:
        gathered(what)
    assert str(caught.value).count("\n") == 0


def test_numbers_of_conformers_are_checked():
    for conformers in (0, -1, 10**6):
        with pytest.raises(UserError, match=r"conformers: .*accepted: 1 to 1,000"):
            gathered("C", conformers=conformers)


@settings(max_examples=60)
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.just(4)),
        elements=st.floats(-1e3, 1e3) | st.sampled_from([0.0, 1.0, 6.0, np.nan, np.inf]),
    )
)
def test_no_array_of_the_right_shape_stops_the_others(array):
    structures = gathered(array)
    assert len(structures) == len(array)
    for structure in structures:
        assert structure.problem or np.isfinite(structure.positions).all()
