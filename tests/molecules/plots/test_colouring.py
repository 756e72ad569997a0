"""Atoms' parts: what is counted with what, how it is compared, and where it stands."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Circle

from hypernet.molecules.plots import colouring
from hypernet.molecules.plots.colouring import Coloured, draw_contributions, grouped, skeleton, usual

chem = pytest.importorskip("rdkit.Chem")


def coloured(smiles: str, words: str = "") -> Coloured:
    """Parts 1, 2, 3, ... in the order of the atoms."""
    molecule = chem.AddHs(chem.MolFromSmiles(smiles))
    return Coloured(molecule, np.arange(1.0, molecule.GetNumAtoms() + 1), words)


def test_hydrogens_are_counted_with_their_atoms():
    # C 1, O 2, hydrogens of C 3 + 4 + 5, of O 6.
    groups = grouped(coloured("CO"))
    assert groups.labels == ["CH₃", "OH"]
    np.testing.assert_allclose(groups.values, [1 + 3 + 4 + 5, 2 + 6])
    np.testing.assert_allclose(grouped(coloured("CO"), average=True).values, [13 / 4, 8 / 2])


def test_all_parts_are_there():
    for smiles in ("CC(=O)N", "[H][H]", "c1ccoc1", "C[N+](C)(C)CC(=O)[O-]"):
        entry = coloured(smiles)
        assert grouped(entry).values.sum() == pytest.approx(entry.parts.sum())


def test_charges_are_written():
    assert grouped(coloured("[NH3+]CC(=O)[O-]")).labels == ["NH₃⁺", "CH₂", "C", "O", "O⁻"]


def test_the_usual_part_is_the_mean_of_such_atoms():
    # Water's O 1 + 2 + 3; hydrogen peroxide's O 1 + 3 and 2 + 4; methanol's 2 + 6.
    mean = usual([coloured("OO"), coloured("CO"), coloured("O")])
    assert mean == {"OH": pytest.approx((4 + 6 + 8) / 3), "CH₃": pytest.approx(13.0), "OH₂": pytest.approx(6.0)}


def test_the_skeleton_has_bonds_of_a_length_and_no_two_atoms_at_a_place():
    entry = coloured("N#CC1CC1C(=O)O")
    atoms = grouped(entry).atoms
    places, bonds = skeleton(entry.molecule, atoms)
    assert len(places) == len(atoms) == 8
    assert sorted(order for *_, order in bonds) == [1] * 6 + [2, 3]
    lengths = [np.linalg.norm(places[first] - places[second]) for first, second, _ in bonds]
    assert np.mean(lengths) == pytest.approx(colouring.BOND)
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(8)
    assert apart.min() > 0.6 * colouring.BOND
    # Across.
    assert np.ptp(places[:, 0]) >= np.ptp(places[:, 1])


def drawn(figure) -> list[tuple[str, str, tuple[float, ...]]]:
    """Label, number and colour of each atom."""
    axes = figure.axes[0]
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    texts = [text.get_text() for text in axes.texts]
    pairs = zip(texts[::2], texts[1::2], strict=False)
    return [(*pair, circle.get_facecolor()) for pair, circle in zip(pairs, circles, strict=False)]


def test_atoms_have_their_labels_numbers_and_colours():
    figure = draw_contributions([coloured("CO")], "eV", "title", "foot", compared={"CH₃": 13.0, "OH": 9.0})
    middle = mpl.colormaps[colouring.COLOUR_MAP](0.5)
    (carbon, oxygen) = drawn(figure)
    assert (carbon[:2], oxygen[:2]) == (("CH₃", "13.00"), ("OH", "8.00"))
    np.testing.assert_allclose(carbon[2], middle, atol=0.02)
    # Less than usual: blue.
    assert oxygen[2][2] > oxygen[2][0]
    plt.close(figure)


def test_words_of_files_are_no_formulas(tmp_path):
    molecules = [coloured("C", "$x_1"), coloured("[HH]", "a$b$c")]
    figure = draw_contributions(molecules, "$", "$title", "foot", across=1)
    figure.savefig(tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").stat().st_size > 0
    plt.close(figure)


@pytest.mark.parametrize("shades", [[0.0], [2.0, 2.0], [-1.0, 3.0], [5.0, 7.0, 8.0]])
def test_the_scale_is_about_zero_or_the_median(shades):
    norm = colouring._norm(np.array(shades), differences=False)
    assert norm.vmin < norm.vmax
    centre = 0.0 if min(shades) < 0 < max(shades) else np.median(shades)
    assert (norm.vmin + norm.vmax) / 2 == pytest.approx(centre)
    norm = colouring._norm(np.array(shades), differences=True)
    assert (norm.vmin + norm.vmax) / 2 == pytest.approx(0)


@pytest.mark.parametrize("smiles", ["[H][H]", "[HH]", "[He]", "C", "CC", "C#C"])
def test_small_molecules_have_a_skeleton(smiles):
    entry = coloured(smiles)
    places, bonds = skeleton(entry.molecule, grouped(entry).atoms)
    assert np.isfinite(places).all()
    for first, second, _ in bonds:
        assert np.linalg.norm(places[first] - places[second]) == pytest.approx(colouring.BOND)
