"""`hypernet circuits predict`: responses in files, a table of circuits out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet import circuits
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import hertz, omega, parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.dataset import CircuitData
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, save_model


def write_response(path, types, values, frequency):
    voltage, current = respond(types[None], values[None], frequency)
    table = {"frequency_hz": hertz(frequency)}
    table |= {"v_re": voltage[0].real, "v_im": voltage[0].imag, "i_re": current[0].real, "i_im": current[0].imag}
    pd.DataFrame(table).to_csv(path, index=False)


@pytest.fixture
def targets(prepared, tmp_path):
    data = CircuitData.load(prepared)
    frequency = np.geomspace(0.005, 200, 300)
    paths = []
    for row in range(6):
        inside = data.test_types[row] >= 0
        values = data.values[data.test_classes[row]]
        paths.append(tmp_path / f"target{row}.csv")
        write_response(paths[-1], data.test_types[row][inside], values[inside], frequency)
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
    for row, answer in enumerate(table.itertuples()):
        types, values = parse(answer.circuit)
        assert len(types) == answer.parts
        written = data.probe.measure(types[None], values[None])[0]
        wanted = data.test_response[row]
        expected = np.sqrt(np.square(written - wanted).mean() / np.square(wanted).mean())
        # The file's grid is not the network's: interpolated.
        assert answer.response_error == pytest.approx(expected, abs=5e-3)
    assert len(frequency) == 24
    assert (table.response_error < 0.01).sum() >= 2


def test_from_python_the_table_is_that_of_the_command(trained, targets, tmp_path, capsys):
    path = trained("ours") / "model.ckpt"
    model = circuits.open_model(path)
    predictions = circuits.predict(targets, model=model, candidates=16, seed=3)
    assert capsys.readouterr().out == ""
    command = ["circuits", "predict", *map(str, targets), "--model", str(path), "--candidates", "16", "--seed", "3"]
    assert main([*command, "--out", str(tmp_path / "command.csv")]) == 0
    predictions.write(tmp_path / "python.csv")
    assert (tmp_path / "python.csv").read_bytes() == (tmp_path / "command.csv").read_bytes()
    assert predictions.types.shape == predictions.values.shape == (6, 3)
    assert list(predictions.table.circuit) == predictions.circuits
    read = [circuits.read_target(target) for target in targets]
    again = circuits.predict(read, model=path, candidates=16, seed=3)
    assert again.circuits == predictions.circuits
    np.testing.assert_array_equal(again.response_error, predictions.response_error)
    alone = circuits.predict(read[0], model=path)
    assert (alone.targets, len(alone.types)) == (("target 1",), 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": 1.5}, "candidates: 1.5 is not a whole number"),
        ({"model": None}, "model: a NoneType; accepted: a model.ckpt"),
        ({"candidates": -1}, "candidates: -1 is not a whole number"),
        ({"load_port": 3}, "load_port: 3 is neither 1 nor 2"),
        ({"model": "nothing.ckpt"}, "no such model file"),
    ],
)
def test_from_python_mistakes_are_errors_of_the_user(trained, targets, options, message):
    with pytest.raises(UserError, match=message):
        circuits.predict(targets[0], **{"model": trained("ours") / "model.ckpt"} | options)
    with pytest.raises(UserError, match="none are given"):
        circuits.predict([], model=trained("ours") / "model.ckpt")


def test_without_a_file_the_table_goes_to_standard_output(trained, targets, capsys):
    assert main(["circuits", "predict", str(targets[0]), "--model", str(trained("gru") / "model.ckpt")]) == 0
    assert capsys.readouterr().out.startswith("target,circuit,parts,response_error,units\n")


def test_the_load_of_a_simulation_is_the_unit_of_its_circuit(trained, capsys):
    model = circuits.open_model(trained("ours") / "model.ckpt")
    netlist = circuits.write_netlist(*parse("SR:1.0|PC:2.2"), "fifty ohms", r0=50.0)
    hertz = np.geomspace(1e3, 1e8, 300)
    simulation = circuits.simulate(netlist, frequency_hz=hertz)
    assert simulation.response.load_ohm == simulation.ladder.r0 == 50.0
    predictions = circuits.predict([simulation, simulation.response], model=model, candidates=64)
    # Once, whatever the number of targets.
    assert capsys.readouterr().err == (
        "warning: target 1, target 2: the load is 50 Ohm, not 1000; 1.0 in their circuits is 50 Ohm, 50 µH, 20 nF\n"
    )
    assert predictions.load_ohm.tolist() == [50.0, 50.0]
    assert predictions.units == list(predictions.table.units) == ["50 Ohm, 50 µH, 20 nF"] * 2
    # The same numbers with 1 kOhm are the same circuit in other units, and nothing to warn of.
    usual = circuits.Response(hertz, simulation.voltage, simulation.current)
    again = circuits.predict(usual, model=model, candidates=64)
    assert again.units == ["1 kOhm, 1 mH, 1 nF"]
    assert again.circuits[0] == predictions.circuits[0]
    assert capsys.readouterr().err == ""


def test_a_two_port_is_closed_with_the_load_of_the_network(trained, tmp_path, capsys):
    model = circuits.open_model(trained("ours") / "model.ckpt")
    netlist = circuits.write_netlist(*parse("SR:1.0|PC:2.2"), "any", terminations=Terminations(0.05, 0.075))
    hertz = np.geomspace(500, 1e8, 3000)
    circuits.simulate(netlist, frequency_hz=hertz).write(tmp_path / "between_50_and_75.s2p")
    whole = circuits.simulate(netlist, load=1e3, frequency_hz=hertz)
    capsys.readouterr()
    from_file = circuits.predict(tmp_path / "between_50_and_75.s2p", model=model, candidates=64)
    expected = circuits.predict(whole, model=model, candidates=64)
    assert from_file.circuits == expected.circuits
    np.testing.assert_allclose(from_file.response_error, expected.response_error, rtol=1e-6)
    assert from_file.load_ohm.tolist() == [1e3]
    assert capsys.readouterr().err == ""
    # The other way round it is another circuit: a capacitor at the load, then the resistor.
    turned = circuits.predict(tmp_path / "between_50_and_75.s2p", model=model, candidates=64, load_port=1)
    types, values = parse("PC:2.2|SR:1.0")
    other = circuits.Response(hertz, *(curve[0] for curve in respond(types[None], values[None], omega(hertz))))
    np.testing.assert_allclose(
        turned.response_error, circuits.predict(other, model=model, candidates=64).response_error, rtol=1e-6
    )


def test_an_open_port_has_no_response(trained):
    model = circuits.open_model(trained("ours") / "model.ckpt")
    simulation = circuits.simulate("open\nV1 in 0 AC 1\nL1 in out 1m\nC1 out 0 1n\n.end\n")
    with pytest.raises(UserError, match="the port of the load is open, a response needs a load"):
        circuits.predict(simulation, model=model)


def test_predictions_are_one_line(trained, targets):
    model = circuits.open_model(trained("ours") / "model.ckpt")
    assert repr(model).startswith("Designer(ours, ")
    assert repr(model).endswith("2 to 3 parts, 24 frequencies)")
    predictions = circuits.predict(targets, model=model)
    assert predictions.table is predictions.table
    assert repr(predictions).startswith("Predictions(6 circuits: ")
    assert str(predictions).count("1 kOhm, 1 mH, 1 nF") == 6
    alone = repr(circuits.predict(targets[0], model=model))
    assert alone.startswith(f"Predictions({predictions.circuits[0]}, response error ")
    assert not any("\n" in text for text in (repr(model), repr(predictions), alone))


def test_what_it_does_not_take_is_not_named(trained, targets):
    with pytest.raises(
        UserError, match=r"a float; accepted: a \.s2p or \.csv file, a Response or Simulation, or a two"
    ):
        circuits.predict(3.0, model=trained("ours") / "model.ckpt")


def test_a_genetic_algorithm_has_no_network(trained):
    path = trained("ga") / "model.ckpt"
    with pytest.raises(UserError, match="ga: a genetic algorithm has no network to open; take a model of another"):
        circuits.open_model(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--out", "x.txt"], "must end in .csv"),
        (["--candidates", "-1"], "not a whole number"),
        (["--model", "nothing.ckpt"], "no such model file"),
    ],
)
def test_mistakes_are_one_line(trained, targets, capsys, change, reason):
    command = ["circuits", "predict", str(targets[0]), "--model", str(trained("ours") / "model.ckpt"), *change]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert reason in error
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


@pytest.mark.parametrize(
    "table",
    [
        "frequency_hz,lowest_gain_db,highest_gain_db\n1000,-10,0\n100000,-10,0\n",
        "frequency_hz,highest_s21_db\n1000,-10\n100000,-20\n",
        "frequency_hz,s21_db\n1000,-1\n10000,-2\n100000,-10\n1000000,-20\n",
    ],
    ids=["mask", "mask of S21", "S21"],
)
def test_what_is_no_whole_response_is_sent_to_design(trained, tmp_path, capsys, table):
    path = tmp_path / "mask.csv"
    path.write_text(table)
    assert main(["circuits", "predict", str(path), "--model", str(trained("ours") / "model.ckpt")]) == 2
    assert "hypernet circuits design" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("values", lambda values: [-value for value in values]),
        ("values", lambda values: [float("nan") for _ in values]),
        ("frequency", lambda frequency: frequency.flip(0)),
        ("frequency", lambda frequency: frequency * 0 + 1),
        ("lengths", lambda lengths: [*lengths, float("inf")]),
        ("state", lambda state: {key: weights.to(torch.complex64) for key, weights in state.items()}),
        ("state", lambda state: {key: weights.to_sparse() for key, weights in state.items()}),
        ("state", lambda state: dict.fromkeys(state, "weights")),
        # A file of some bytes that claims more memory than there is.
        ("frequency", lambda _: torch.zeros(1).expand(30_000_000_000)),
        ("frequency", lambda _: torch.arange(1.0, 1e5)),
        ("mean", lambda _: torch.zeros(1).expand(4, 30_000_000_000)),
        ("mean", lambda mean: mean[:, :-1].contiguous()),
        ("mean", lambda mean: mean.to("meta")),
        ("state", lambda state: {key: torch.zeros(1).expand(weights.shape) for key, weights in state.items()}),
        ("settings", lambda settings: settings | {"encoder": settings["encoder"] | {"widths": [1] * 100_000}}),
        ("settings", lambda settings: settings | {"encoder": settings["encoder"] | {"widths": [10**12]}}),
        ("settings", lambda settings: settings | {"decoder": {"embedding": 8, "hidden": 10**18}}),
        ("lengths", lambda _: [2] * 900_000),
        ("excitations", lambda _: [[1.0, -1.0]] * 100_000),
        ("values", lambda _: torch.zeros(1).expand(30_000_000_000)),
        ("title", lambda _: 7),
    ],
)
def test_a_strange_model_file_is_one_line(trained, targets, tmp_path, capsys, name, change):
    content = load_model(trained("ours") / "model.ckpt")
    save_model(tmp_path / "strange.ckpt", content | {name: change(content[name])})
    assert main(["circuits", "predict", str(targets[0]), "--model", str(tmp_path / "strange.ckpt")]) == 2
    error = capsys.readouterr().err
    assert "strange.ckpt: a model of another version, or damaged" in error
    assert error.count("\n") == 1
