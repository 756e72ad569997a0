"""Training, what is kept of it, and designing with it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.circuits.config import EvaluationSettings
from hypernet.circuits.core.parts import lengths_of
from hypernet.circuits.core.scoring import exact_circuits
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.evaluate import evaluate
from hypernet.circuits.learning import TrainingCircuits, ValidationCircuits
from hypernet.circuits.train import train
from hypernet.circuits.trained import Designer, open_model
from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.runs.models import load_model, save_model


def read(path):
    return json.loads(path.read_text())


def record(folder):
    return read(folder / "run.json")


def evaluated(folder, prepared, seed=0):
    method = folder.parent.name
    evaluate(Job("circuits", "small", method, seed, prepared, folder, EvaluationSettings()))
    return pd.read_csv(folder / "items.csv"), np.load(folder / "predictions.npz")


def test_a_batch_is_told_by_its_number(prepared):
    data = CircuitData.load(prepared)
    batches = TrainingCircuits(data, 32, 0, one_length=False)
    for first, same in zip(batches[3], batches[3], strict=True):
        torch.testing.assert_close(first, same)
    assert (batches[3][1] != batches[4][1]).any()
    assert (batches[3][1] != TrainingCircuits(data, 32, 1, one_length=False)[3][1]).any()


def test_training_never_sees_a_held_out_circuit(prepared):
    data = CircuitData.load(prepared)
    held_out = {
        name
        for types, classes in (
            (data.validation_types, data.validation_classes),
            (data.test_types, data.test_classes),
        )
        for name in data.sampler.texts(types, classes)
    }
    batches = TrainingCircuits(data, 256, 0, one_length=False)
    seen = {
        name for index in range(20) for name in data.sampler.texts(*(tensor.numpy() for tensor in batches[index][1:]))
    }
    assert len(seen) > 500
    assert not seen & held_out


def test_batches_of_one_length_take_the_lengths_in_turn(prepared):
    batches = TrainingCircuits(CircuitData.load(prepared), 16, 0, one_length=True)
    assert [set(lengths_of(batches[index][1].numpy())) for index in range(4)] == [{2}, {3}, {2}, {3}]


@pytest.mark.parametrize("method", ["gru", "gru_per_length", "gru_only_hypernet", "ours", "ours_lowrank"])
def test_a_short_training_learns_what_chance_does_not(method, trained, prepared):
    folder = trained(method)
    history = record(folder)["history"]
    assert history[-1]["training_loss"] < history[0]["training_loss"]
    items, _ = evaluated(folder, prepared)
    # Of seven outcomes at every step one is right: chance is 0.14 +- 0.04. Processors round otherwise: 0.27 and more.
    assert items.right_kinds.sum() / items.parts.sum() > 0.22
    if method == "ours":
        # There are 96 circuits of two parts and 736 of three.
        assert items.exact.mean() > 0.1


def test_the_kept_weights_are_those_of_the_best_check(trained, prepared):
    folder = trained("ours")
    data, designer = CircuitData.load(prepared), open_model(trained("ours") / "model.ckpt")
    right = 0
    for response, types, classes in (ValidationCircuits(data)[index] for index in range(2)):
        chains = designer.write(response.numpy())
        exact = exact_circuits(chains.types[:, 0], chains.classes[:, 0], types.numpy(), classes.numpy())
        right += int((exact & chains.ended[:, 0]).sum())
    best = min(row["validation_error"] for row in record(folder)["history"])
    assert 1 - right / len(data.validation_types) == pytest.approx(best, abs=1e-6)


def test_an_interrupted_training_ends_with_the_same_weights(prepared, small, tmp_path, monkeypatch):
    settings = small("train.max_steps=30", "train.check_every_steps=10").settings("train", "small", "ours")

    def run(name):
        train(Job("circuits", "small", "ours", 0, prepared, tmp_path / name, settings))
        return load_model(tmp_path / name / "model.ckpt")["state"]

    whole = run("whole")
    taken = TrainingCircuits.__getitem__

    def stumble(self, index):
        if index == 24:
            raise KeyboardInterrupt
        return taken(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingCircuits, "__getitem__", stumble)
        with pytest.raises(KeyboardInterrupt):
            run("killed")
    assert not (tmp_path / "killed" / "model.ckpt").exists()
    resumed = run("killed")
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_the_loss_on_the_response_changes_what_is_learned(trained):
    runs = [trained(method, "train.max_steps=5", "train.check_every_steps=5") for method in ("ours", "ours_no_sim")]
    with_loss, without = (load_model(run / "model.ckpt")["state"] for run in runs)
    assert "response_loss" in record(runs[0])["history"][0]
    assert "response_loss" not in record(runs[1])["history"][0]
    assert any(not torch.equal(with_loss[name], without[name]) for name in with_loss)


def test_the_training_of_equal_time_is_a_training_of_so_many_steps(trained, prepared):
    later = "departures={ours_lowrank: {equal_time_steps: 60}}"
    folder = trained("ours_lowrank", "train.max_steps=30", "train.check_every_steps=20", later)
    again = record(folder)["equal_time"]
    assert [row["step"] for row in record(folder)["history"]] == [20, 30]
    assert [row["step"] for row in again["history"]] == [20, 40, 60]
    content = load_model(folder / "model.ckpt")
    longer = trained("ours_lowrank", "train.max_steps=60", "train.check_every_steps=20", "departures={}")
    alone = load_model(longer / "model.ckpt")
    assert all(torch.equal(content["equal_time_state"][name], alone["state"][name]) for name in alone["state"])
    assert "equal_time_state" not in alone
    items, _ = evaluated(folder, prepared)
    expected, _ = evaluated(longer, prepared)
    for name in ("exact", "topology", "response_error"):
        np.testing.assert_array_equal(items[f"{name}_equal_time"], expected[name])
    measured = {entry["metric"]: entry["value"] for entry in read(folder / "metrics.json")["measurements"][::-1]}
    assert measured["exact_equal_time"] == pytest.approx(expected.exact.mean())
    assert measured["topology_equal_time"] == pytest.approx(expected.topology.mean())
    assert measured["response_match_5_equal_time"] == pytest.approx((expected.response_error < 0.05).mean())
    assert measured["equal_time_seconds"] == again["processor_seconds"]
    assert measured["training_seconds"] == record(folder)["processor_seconds"]
    assert measured["parameters"] == record(folder)["parameter_count"]


def test_as_many_steps_are_the_first_training(trained, prepared):
    settings = "train.max_steps=20", "train.check_every_steps=20", "departures={gru: {equal_time_steps: 20}}"
    folder = trained("gru", *settings)
    content = load_model(folder / "model.ckpt")
    assert all(torch.equal(content["equal_time_state"][name], content["state"][name]) for name in content["state"])
    assert record(folder)["equal_time"]["seconds"] == pytest.approx(record(folder)["seconds"], abs=1e-3)
    items, _ = evaluated(folder, prepared)
    np.testing.assert_array_equal(items.exact_equal_time, items.exact)


def test_circuits_with_resonators_are_learned(small, tmp_path):
    from hypernet.circuits.dataset import prepare
    from hypernet.circuits.raw import make

    section = small("ladders.small={lengths: [2, 3], values: [1.0, 2.2], targets: drawn, resonators: true}")
    make("small", tmp_path / "raw", section.settings("raw", "small"))
    prepare("small", tmp_path / "raw", tmp_path / "data", section.settings("prepare", "small"))
    data = CircuitData.load(tmp_path / "data")
    assert {8, 11} <= set(np.unique(data.test_types))
    for method in ("ours_lowrank", "ours_lowrank_rank64", "ga"):
        folder = tmp_path / method / "seed0"
        train(
            Job("circuits", "small", method, 0, tmp_path / "data", folder, section.settings("train", "small", method))
        )
        items, kept = evaluated(folder, tmp_path / "data")
        resonant = (kept["target_kinds"] >= 6).any(axis=1)
        # Chance is one of nine; nothing is right of a resonator that cannot be written.
        assert items.right_kinds.sum() / items.parts.sum() > 0.22
        assert (kept["kinds"] >= 6).any()
        assert items.topology[resonant].mean() > 0
        # The response of what is exactly right is the wanted one.
        assert (items[items.exact == 1].response_error < 1e-5).all()


def test_ranked_decoding_is_better_than_the_greedy_answer(trained, prepared):
    greedy, _ = evaluated(trained("ours"), prepared)
    ranked, kept = evaluated(trained("ours_rank64"), prepared)
    assert ranked.response_error.mean() < greedy.response_error.mean()
    assert ranked.exact.mean() > greedy.exact.mean() + 0.1
    assert kept["candidate_counts"].tolist() == [1, 2, 4, 8, 9]
    errors = kept["candidate_errors"]
    assert (np.diff(errors, axis=1) <= 1e-12).all()
    np.testing.assert_allclose(errors[:, 0], greedy.response_error, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(kept["candidate_exact"][:, 0], greedy.exact == 1)
    # Polishing keeps only what lowers the error.
    assert (ranked.response_error <= errors[:, -1] + 1e-6).all()


def test_ranked_decoding_needs_the_network_first(prepared, small, tmp_path):
    settings = small().settings("train", "small", "ours_rank64")
    folder = tmp_path / "ours_rank64" / "seed0"
    with pytest.raises(UserError, match="goes on from ours, train that one first"):
        train(Job("circuits", "small", "ours_rank64", 0, prepared, folder, settings))


def test_the_genetic_algorithm_designs_without_training(trained, prepared):
    folder = trained("ga")
    items, kept = evaluated(folder, prepared)
    assert items.ended.all()
    assert record(folder)["parameter_count"] == 0
    np.testing.assert_array_equal(lengths_of(kept["kinds"]), items.parts)
    # It sees the true length and every catalogue value.
    assert items.exact.mean() > 0.3
    assert (items[items.exact == 1].response_error < 1e-5).all()


def test_evaluating_again_gives_the_same_numbers(trained, prepared):
    for method in ("ga", "ours_rank64"):
        first, _ = evaluated(trained(method), prepared)
        again, _ = evaluated(trained(method), prepared)
        pd.testing.assert_frame_equal(first, again)


def test_a_designer_gives_circuits_for_arrays(trained, prepared):
    data, designer = CircuitData.load(prepared), open_model(trained("ours") / "model.ckpt")
    answer = designer(data.test_response[:5])
    chains = designer.write(data.test_response[:5])
    np.testing.assert_array_equal(answer[..., 0], chains.types[:, 0])
    inside = chains.types[:, 0] >= 0
    np.testing.assert_array_equal(answer[..., 1][inside], data.values[chains.classes[:, 0]][inside])
    assert (answer[..., 1][~inside] == 0).all()
    assert designer.longest == 3
    np.testing.assert_array_equal(designer.probe.frequency, data.probe.frequency)


def test_a_family_needs_the_length(trained, prepared):
    data, designer = CircuitData.load(prepared), open_model(trained("gru_per_length") / "model.ckpt")
    assert not designer.knows_the_end
    with pytest.raises(UserError, match="needs the number of parts"):
        designer.write(data.test_response)
    assert designer.write(data.test_response, length=2).types.shape[0] == len(data.test_response)


def test_weights_differ_from_response_to_response(trained, prepared):
    data, designer = CircuitData.load(prepared), open_model(trained("ours") / "model.ckpt")
    weights = designer.weights(data.test_response)
    assert weights.shape == (len(data.test_response), designer.network.generated.parameter_count)
    assert weights.std(axis=0).max() > 1e-3
    assert open_model(trained("gru") / "model.ckpt").weights(data.test_response) is None


def test_strange_model_files_are_one_line(trained, tmp_path):
    with pytest.raises(UserError, match="no such model file"):
        open_model(tmp_path / "nothing.ckpt")
    save_model(tmp_path / "codes.ckpt", {"domain": "codes"})
    with pytest.raises(UserError, match="not a model trained by `hypernet circuits train`"):
        open_model(tmp_path / "codes.ckpt")
    with pytest.raises(UserError, match="no network"):
        open_model(trained("ga") / "model.ckpt")
    content = load_model(trained("ours") / "model.ckpt")
    for change in ({"lengths": [10**9]}, {"features": "none!"}, {"values": []}, {"state": {}}, {"method": "x"}):
        save_model(tmp_path / "changed.ckpt", content | change)
        with pytest.raises(UserError, match="train it again"):
            open_model(tmp_path / "changed.ckpt")


def test_other_excitations_have_more_channels(small, tmp_path):
    from hypernet.circuits.dataset import prepare
    from hypernet.circuits.raw import make

    section = small("excitations=[[1.0, 0.0], [0.0, 1.0]]", "train.max_steps=10", "train.check_every_steps=10")
    make("small", tmp_path / "raw", section.settings("raw", "small"))
    prepare("small", tmp_path / "raw", tmp_path / "data", section.settings("prepare", "small"))
    data = CircuitData.load(tmp_path / "data")
    assert data.test_response.shape[1] == 8
    folder = tmp_path / "ours" / "seed0"
    train(Job("circuits", "small", "ours", 0, tmp_path / "data", folder, section.settings("train", "small", "ours")))
    designer = open_model(folder / "model.ckpt")
    assert isinstance(designer, Designer)
    items, _ = evaluated(folder, tmp_path / "data")
    assert len(items) == len(data.test_types)
