"""`hypernet circuits predict`: responses in files, a table of circuits out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import hertz, parse
from hypernet.circuits.dataset import CircuitData
from hypernet.cli import main
from hypernet.lab.runs.models import load_model, save_model


def write_response(path, kinds, values, frequency):
    voltage, current = respond(kinds[None], values[None], frequency)
    table = {"frequency_hz": hertz(frequency)}
    table |= {"v_re": voltage[0].real, "v_im": voltage[0].imag, "i_re": current[0].real, "i_im": current[0].imag}
    pd.DataFrame(table).to_csv(path, index=False)


@pytest.fixture
def targets(prepared, tmp_path):
    data = CircuitData.load(prepared)
    frequency = np.geomspace(0.005, 200, 300)
    paths = []
    for row in range(6):
        inside = data.test_kinds[row] >= 0
        values = data.values[data.test_classes[row]]
        paths.append(tmp_path / f"target{row}.csv")
        write_response(paths[-1], data.test_kinds[row][inside], values[inside], frequency)
    return paths


def test_circuits_for_files(trained, prepared, targets, tmp_path, capsys):
    model = str(trained("ours") / "model.ckpt")
    out = tmp_path / "circuits.csv"
    command = ["circuits", "predict", *map(str, targets), "--model", model, "--candidates", "64", "--out", str(out)]
    assert main(command) == 0
    assert "6 circuits written" in capsys.readouterr().out
    table = pd.read_csv(out)
    data = CircuitData.load(prepared)
    frequency = data.probe.frequency
    for row, one in enumerate(table.itertuples()):
        kinds, values = parse(one.circuit)
        assert len(kinds) == one.parts
        written = data.probe.measure(kinds[None], values[None])[0]
        wanted = data.test_response[row]
        own = np.sqrt(np.square(written - wanted).mean() / np.square(wanted).mean())
        # The file's grid is not the network's: interpolated.
        assert one.response_error == pytest.approx(own, abs=5e-3)
    assert len(frequency) == 24
    assert (table.response_error < 0.01).sum() >= 2


def test_without_a_file_the_table_goes_to_standard_output(trained, targets, capsys):
    assert main(["circuits", "predict", str(targets[0]), "--model", str(trained("gru") / "model.ckpt")]) == 0
    assert capsys.readouterr().out.startswith("target,circuit,parts,response_error\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--out", "x.txt"], "must end in .csv"),
        (["--candidates", "-1"], "not a whole number"),
        (["--model", "nothing.ckpt"], "no such model file"),
    ],
)
def test_mistakes_are_one_line(trained, targets, capsys, change, said):
    command = ["circuits", "predict", str(targets[0]), "--model", str(trained("ours") / "model.ckpt"), *change]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_band_that_is_too_narrow_names_both_ranges(trained, tmp_path, capsys):
    path = tmp_path / "narrow.csv"
    write_response(path, *parse("SR:1.0|PC:2.2"), np.geomspace(0.1, 10, 50))
    assert main(["circuits", "predict", str(path), "--model", str(trained("ours") / "model.ckpt")]) == 2
    error = capsys.readouterr().err
    assert "narrow.csv" in error
    assert "15915.5" in error
    assert "1591.55" in error
    assert "design" in error


def test_a_mask_is_sent_to_design(trained, tmp_path, capsys):
    path = tmp_path / "mask.csv"
    path.write_text("frequency_hz,lowest_gain_db,highest_gain_db\n1000,-10,0\n100000,-10,0\n")
    assert main(["circuits", "predict", str(path), "--model", str(trained("ours") / "model.ckpt")]) == 2
    assert "hypernet circuits design" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("values", lambda values: [-one for one in values]),
        ("values", lambda values: [float("nan") for _ in values]),
        ("frequency", lambda frequency: frequency.flip(0)),
        ("frequency", lambda frequency: frequency * 0 + 1),
        ("lengths", lambda lengths: [*lengths, float("inf")]),
        ("state", lambda state: {key: one.to(torch.complex64) for key, one in state.items()}),
        ("state", lambda state: {key: one.to_sparse() for key, one in state.items()}),
        ("state", lambda state: dict.fromkeys(state, "weights")),
    ],
)
def test_a_strange_model_file_is_one_line(trained, targets, tmp_path, capsys, name, change):
    content = load_model(trained("ours") / "model.ckpt")
    save_model(tmp_path / "strange.ckpt", content | {name: change(content[name])})
    assert main(["circuits", "predict", str(targets[0]), "--model", str(tmp_path / "strange.ckpt")]) == 2
    error = capsys.readouterr().err
    assert "strange.ckpt: no network, one of another version, or damaged" in error
    assert error.count("\n") == 1
