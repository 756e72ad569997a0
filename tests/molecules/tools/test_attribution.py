"""What atoms give comes to what the molecule has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hypernet
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.molecules.tools.attribution import contributions
from hypernet.molecules.tools.predict import predict


@pytest.mark.parametrize("energy", ["atomization", "total"])
@pytest.mark.parametrize("name", ["hyper", "schnet", "smooth"])
def test_parts_add_up(models, rows, name, energy):
    molecules = rows.molecules.take(np.arange(20))
    given = {"model": models[name], "unit": "Hartree", "energy": energy}
    table = contributions(molecules, **given)
    sums = table.groupby("molecule", sort=False).contribution.sum()
    np.testing.assert_allclose(sums, predict(molecules, **given)[f"U0 {energy} (Hartree)"], rtol=1e-6)
    assert len(table) == len(molecules.numbers)
    assert set(table.unit) == {"Hartree"}
    assert set(table.property) == {f"U0 {energy}"}


@pytest.mark.parametrize("name", ["gap", "mu"])
def test_parts_of_what_does_not_grow_average(models, rows, name):
    molecules = rows.molecules.take(np.arange(20))
    means = contributions(molecules, model=models[name]).groupby("molecule", sort=False).contribution.mean()
    table = predict(molecules, model=models[name])
    np.testing.assert_allclose(
        means, table[next(column for column in table if column.startswith(f"{name} ("))], rtol=1e-5
    )


def test_atoms_that_are_alike_give_alike(models, tiny):
    table = contributions(tiny.take([1]), model=[models["hyper"], models["again"]])
    assert table.element.tolist() == ["C", "H", "H", "H", "H"]
    assert table.atom.tolist() == [1, 2, 3, 4, 5]
    # Methane's four hydrogens cannot be told apart.
    assert np.ptp(table.contribution[1:]) < 1e-4
    assert (table.spread > 0).all()


def test_the_command_writes_all_properties_and_leaves_out_what_has_none(models, tmp_path, capsys):
    path = tmp_path / "atoms.csv"
    words = ["molecules", "predict", "O", "[CH3]", "CO", "--contributions", str(path)]
    assert main([*words, "--model", str(models["hyper"]), "--model", str(models["gap"])]) == 0
    table = pd.read_csv(path)
    assert table.groupby("property", sort=False).size().to_dict() == {"U0 atomization": 9, "gap": 9}
    assert table.source.unique().tolist() == ["input 1", "input 3"]
    assert "what 18 atoms give" in capsys.readouterr().out


def test_methods_without_parts_say_so(models):
    with pytest.raises(UserError, match="composition: its predictions are no sums over atoms"):
        hypernet.molecules.contributions("O", model=models["composition"])
    with pytest.raises(UserError, match="no molecule that can be predicted"):
        contributions("CS", model=models["hyper"])
