"""`hypernet molecules predict`: a row per molecule, whatever becomes of it."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import hypernet
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.molecules.core.molecules import joined
from hypernet.molecules.tools.inputs import gathered
from hypernet.molecules.tools.predict import predict
from hypernet.molecules.trained import open_model, packed

XYZ = """3
strange
S 0 0 0
H 0.96 0.93 0
H 0.96 -0.93 0
"""
SYMBOLS = {1: "H", 2: "He", 6: "C", 8: "O"}


def command(models, inputs, *options, names=("hyper",)):
    given = [word for name in names for word in ("--model", str(models[name]))]
    return ["molecules", "predict", *map(str, inputs), *given, *map(str, options)]


def xyz(molecules, row):
    numbers, positions = [*molecules][row]
    lines = [f"{SYMBOLS[number]} {x:.6f} {y:.6f} {z:.6f}" for number, (x, y, z) in zip(numbers, positions, strict=True)]
    return "\n".join([str(len(lines)), molecules.names[row], *lines]) + "\n"


@pytest.fixture
def files(tiny, tmp_path):
    """A file of every common form."""
    (tmp_path / "list.smi").write_text("CCO ethanol\n[CH3] methyl\nnonsense\n")
    (tmp_path / "table.csv").write_text("id,SMILES,logS\n1,C,0.1\n2,[NH4+],0.2\n")
    (tmp_path / "water.xyz").write_text(xyz(tiny, 0))
    (tmp_path / "strange.xyz").write_text(XYZ)
    np.save(tmp_path / "arrays.npy", packed(tiny.take([0, 1])))
    return [tmp_path / name for name in ("list.smi", "table.csv", "water.xyz", "strange.xyz", "arrays.npy")]


def test_every_molecule_keeps_its_row(models, files, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert main(command(models, ["O", *files], "--out", out)) == 0
    table = pd.read_csv(out, keep_default_na=False)
    assert table.SMILES.tolist()[:6] == ["O", "CCO", "[CH3]", "nonsense", "C", "[NH4+]"]
    assert table.name.tolist()[1:3] == ["ethanol", "methyl"]
    assert table.formula.tolist() == ["H2O", "C2H6O", "", "", "CH4", "", "H2O", "H2S", "H2O", "CH4"]
    values = table["U0 atomization (eV)"]
    assert [place for place, value in enumerate(values) if value == ""] == [2, 3, 5, 7]
    reasons = table.problem
    assert "unpaired electron" in reasons[2]
    assert "RDKit cannot read" in reasons[3]
    assert "charge +1" in reasons[5]
    assert reasons[7] == "S was in no molecule for training; accepted: H, C, N, O, F"
    assert (reasons[[0, 1, 4, 6, 8, 9]] == "").all()
    assert [text == "as given" for text in table.geometry] == [False] * 6 + [True] * 4
    assert "ETKDGv3 and MMFF94" in table.geometry[0]
    # Water twice: as a file and as an array.
    assert float(values[6]) == pytest.approx(float(values[8]), abs=1e-4)
    printed = capsys.readouterr()
    assert (
        "U0 atomization (eV): internal energy at 0 K (B3LYP/6-31G(2df,p)) less those of the free atoms" in printed.out
    )
    assert "below zero for a bound molecule" in printed.out
    assert "warning: 4 of 10 molecules were not predicted:" in printed.err
    assert f"{files[0]}" in printed.err


def test_the_function_gives_what_the_command_writes(models, files, tmp_path):
    out = tmp_path / "out.csv"
    assert main(command(models, files, "--out", out, names=("hyper", "again"))) == 0
    written = pd.read_csv(out, keep_default_na=False, na_values={"U0 atomization (eV)": [""]})
    table = hypernet.molecules.predict([str(path) for path in files], model=[models["hyper"], models["again"]])
    assert table.columns.tolist() == written.columns.tolist()
    column = "U0 atomization (eV)"
    np.testing.assert_allclose(table[column], written[column])
    assert table.problem.tolist() == written.problem.tolist()


def test_numbers_are_those_of_the_opened_model(models, rows):
    molecules = rows.molecules.take(np.arange(30))
    model = open_model(models["schnet"])
    table = predict(molecules, model=model)
    np.testing.assert_array_equal(table["U0 atomization (eV)"], model.predict(molecules))
    np.testing.assert_allclose(predict(packed(molecules), model=model)["U0 atomization (eV)"], model(packed(molecules)))
    assert table.name.tolist() == molecules.names
    np.testing.assert_allclose(table["U0 atomization high (eV)"] - table["U0 atomization (eV)"], model.margin)
    np.testing.assert_allclose(table["U0 atomization (eV)"] - table["U0 atomization low (eV)"], model.margin)
    assert table["U0 atomization spread (eV)"].isna().all()


def test_intervals_hold_nine_in_ten_of_the_molecules_they_were_made_from(models, rows):
    """Of the validation they hold ceil(0.9 (n + 1)) of n by construction; of an ensemble too."""
    molecules = rows.molecules.take(np.arange(200, 260))
    for names in (["hyper"], ["hyper", "again", "third"]):
        table = predict(molecules, model=[models[name] for name in names])
        true = open_model(models["hyper"]).validation[2]
        inside = (table["U0 atomization low (eV)"] <= true + 1e-6) & (true - 1e-6 <= table["U0 atomization high (eV)"])
        assert inside.sum() in (55, 56)


def test_total_energies_and_units(models, tiny):
    water = tiny.take([0])
    table = predict(water, model=models["hyper"], unit="Hartree", energy="total")
    atomization = predict(water, model=models["hyper"])["U0 atomization (eV)"][0]
    assert table["U0 total (Hartree)"][0] == pytest.approx(
        atomization / 27.211386246 - 75.064579 - 2 * 0.500273, abs=1e-9
    )
    # A difference is no total: the width has the unit, and no atoms.
    width = table["U0 total high (Hartree)"][0] - table["U0 total (Hartree)"][0]
    assert width == pytest.approx(open_model(models["hyper"]).margin / 27.211386246)


def test_several_properties_are_several_columns(models, tiny, capsys):
    given = joined([tiny.take([0, 1])])
    table = predict(given, model=[models[name] for name in ("gap", "hyper", "mu")], unit=["kcal/mol"])
    columns = ["gap (kcal/mol)", "U0 atomization (kcal/mol)", "mu (D)"]
    assert [column for column in table.columns if column in columns] == columns
    assert table[columns].notna().all(axis=None)
    assert table.columns[-2:].tolist() == ["warning", "problem"]
    only = predict(given, model=[models["gap"], models["hyper"]], target="gap")
    assert "gap (eV)" in only
    assert not any(column.startswith("U0") for column in only)


def test_larger_molecules_than_any_of_the_training_are_warned_of(models, capsys):
    assert main(command(models, ["CCCCCCCCO", "C"])) == 0
    printed = capsys.readouterr()
    assert "warning: 1 of 2: 9 heavy atoms, none for training has more than 6" in printed.err
    assert "CCCCCCCCO" in printed.out
    assert main(command(models, ["CCCCCCCCO", "C", "CCCCCCC"])) == 0
    printed = capsys.readouterr()
    assert printed.err.count("heavy atoms, none") == 1
    assert "warning: 2 of 3: 7 to 9 heavy atoms, none for training has more than 6" in printed.err
    table = predict(["C", "CCCCCCCCO"], model=models["hyper"])
    assert "heavy atoms" not in table.warning[0]
    assert "9 heavy atoms" in table.warning[1]


def test_made_geometries_have_the_interval_of_made_geometries(models, tiny, tmp_path, capsys):
    model = tmp_path / "model.ckpt"
    model.write_bytes(models["hyper"].read_bytes())
    assert "made from SMILES" in predict("O", model=model).warning[0]
    errors = np.linspace(5, 10, 101)
    items = {"molecule": range(101), "true": 0.0, "predicted": 0.5, "predicted_rebuilt": errors}
    pd.DataFrame(items).to_csv(tmp_path / "items.csv", index=False)
    table = predict(["O", tiny.take([0])], model=model)
    assert (table.warning == "").all()
    width = table["U0 atomization high (eV)"] - table["U0 atomization (eV)"]
    # The 92nd of 101: ceil(0.9 * 102).
    assert width[0] == pytest.approx(errors[91])
    assert width[1] == pytest.approx(open_model(model).margin)
    assert main(["molecules", "predict", "O", "--model", str(model)]) == 0
    line = "of 101 tested molecules the mean absolute error is 7.5 eV at geometries made from SMILES and 0.5 at"
    printed = capsys.readouterr().out
    assert line in printed
    # The width is said as well as used.
    assert f"of these errors: ±{errors[91]:.3g} eV\n" in printed
    assert "geometries as given" not in printed


def test_a_given_geometry_is_taken_for_one_like_the_datas(models, files, capsys):
    assert main(command(models, [files[2]])) == 0
    printed = capsys.readouterr().out
    assert "geometries as given are taken for ones like those of the data (minima of B3LYP/6-31G(2df,p))" in printed
    assert "made from SMILES" not in printed


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (["[Na+].[Cl-]"], r"the molecule could not be predicted: input 1: 2 molecules \(a salt"),
        (["CS", "nonsense"], "none of 2 molecules could be predicted: input 1: S was in no molecule for training"),
    ],
)
def test_where_nothing_could_be_predicted_the_exit_code_says_so(models, tmp_path, capsys, inputs, reason):
    out = tmp_path / "out.csv"
    assert main(command(models, inputs, "--out", out)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(reason, error), error
    # The reasons of all are in the table.
    assert (pd.read_csv(out).problem != "").all()


def test_a_method_without_an_answer_for_one_molecule_answers_for_the_others(models, tiny, monkeypatch):
    model = open_model(models["hyper"])
    answer = model.predict

    def hesitant(molecules):
        if "methane" in molecules.names:
            raise UserError("methane: more atoms than any molecule of training has")
        return answer(molecules)

    monkeypatch.setattr(model, "predict", hesitant)
    table = predict(tiny.take([0, 1, 2]), model=model)
    assert table.problem.tolist() == ["", "more atoms than any molecule of training has", ""]
    assert table["U0 atomization (eV)"].isna().tolist() == [False, True, False]


def test_files_that_cannot_be_written_or_read_are_one_line(models, files, tmp_path, capsys):
    existing = files[2]
    before = existing.read_bytes()
    cases = [
        (["O", "--out", tmp_path / "out.txt"], "--out .*out.txt: the name must end in .csv"),
        (["O", "--picture", tmp_path / "out.gif"], "--picture .* must end in .svg or .png"),
        ([files[1], "--out", files[1]], "--out .*table.csv: this file is read by the same command"),
        (["O", "--out", tmp_path / "a.csv", "--contributions", tmp_path / "a.csv"], "is written by --out"),
        ([tmp_path / "absent.xyz"], "absent.xyz: no such file"),
        ([files[1], "--column", "structure"], "table.csv.*structure"),
        (["O", "--unit", "D"], "--unit D: none of U0"),
        (["O", "--target", "gap"], "--target gap: the models given were trained for U0; this trains another"),
        (["O", "--conformers", "0"], "'0' is not a whole number from 1 to 1000"),
    ]
    for words, reason in cases:
        assert main(command(models, [], *words)) == 2, words
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert re.search(reason, error), (reason, error)
    assert existing.read_bytes() == before
    assert not (tmp_path / "a.csv").exists()


def test_what_a_terminal_would_obey_is_not_printed(models, tmp_path, capsys):
    (tmp_path / "list.smi").write_text("O \x1b[31mred\nnonsense \x1b[2Jgone\n")
    assert main(command(models, [tmp_path / "list.smi"])) == 0
    printed = capsys.readouterr()
    assert "red" in printed.out
    assert "\x1b" not in printed.out + printed.err


def test_a_picture_is_of_one_property(models, tmp_path, capsys):
    path = tmp_path / "p.svg"
    assert main(command(models, ["O"], "--picture", path, names=("hyper", "gap"))) == 2
    assert "--picture: shows one property, the models predict U0, gap; choose one" in capsys.readouterr().err
    assert main(command(models, ["CO"], "--picture", path, "--target", "gap", names=("hyper", "gap"))) == 0
    assert path.read_text().startswith("<?xml")


def test_the_order_and_the_company_of_molecules_change_nothing(models, rows):
    molecules = rows.molecules.take(np.arange(40))
    order = np.random.default_rng(0).permutation(40)
    column = "U0 atomization (eV)"
    together = predict(molecules, model=models["hyper"])[column].to_numpy()
    np.testing.assert_allclose(
        predict(molecules.take(order), model=models["hyper"])[column], together[order], atol=1e-5
    )
    alone = [predict(molecules.take([row]), model=models["hyper"])[column][0] for row in range(5)]
    np.testing.assert_allclose(alone, together[:5], atol=1e-5)


def test_a_made_geometry_is_the_one_that_is_said(models):
    (structure,) = gathered("CCO", conformers=2)
    table = predict("CCO", model=models["hyper"], conformers=2)
    assert table.geometry[0] == structure.made
    model = open_model(models["hyper"])
    assert table["U0 atomization (eV)"][0] == model.predict(structure.molecules())[0]


def test_help_imports_nothing_heavy(tmp_path):
    program = (
        "import sys\nfrom hypernet.cli import main\n"
        "try:\n    main(['molecules', 'predict', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('HEAVY', sorted({'torch', 'pandas', 'rdkit', 'matplotlib', 'ase', 'sklearn'} & {*sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "HEAVY []" in out.stdout, out.stdout[-300:]
    assert "less the energies of the free atoms" in " ".join(out.stdout.split())


def test_formal_charges_within_a_neutral_molecule_are_warned_of(models):
    table = predict(["[NH3+]CC(=O)[O-]", "NCC(=O)O"], model=models["hyper"])
    assert "atoms with formal charges" in table.warning[0]
    assert "formal charges" not in table.warning[1]
