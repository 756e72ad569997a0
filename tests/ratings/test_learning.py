"""Training a meta tree: it learns, goes on from the soft training, and keeps what was better."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.runs.models import load_model, save_model
from hypernet.ratings.batches import HeldOutUsers
from hypernet.ratings.config import Damping
from hypernet.ratings.core.base import user_lines
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.learning import SoftTraining, held_out_rmse
from hypernet.ratings.methods import build
from hypernet.ratings.rows_read import fit_biases, on_base
from hypernet.ratings.train import train
from hypernet.ratings.trained import open_model, open_trees

SHORT = (
    "recipes.explained.max_steps=60",
    "recipes.explained.harden_steps=10",
    "meta_explained.embedding=16",
    "recipes.anneal.max_steps=120",
    "recipes.anneal.harden_steps=20",
    "recipes.anneal.dynamic_steps=20",
    "train.check_every_steps=20",
    "train.users_per_batch=64",
    "meta_fixed.embedding=24",
    "meta_dynamic.embedding=24",
    "meta_dynamic.depth=3",
)


def run_training(prepared, config, root, method, *assignments, seed=0):
    settings = config(*SHORT, *assignments).settings("train", "preftrees", method)
    folder = root / "preftrees" / method / f"seed{seed}"
    train(Job("ratings", "preftrees", method, seed, prepared("preftrees"), folder, settings))
    return folder


@pytest.fixture(scope="module")
def soft(prepared, config, tmp_path_factory):
    return run_training(prepared, config, tmp_path_factory.mktemp("runs"), "meta_fixed_soft")


def record(folder):
    return json.loads((folder / "run.json").read_text())


def test_a_short_training_already_beats_everybodys_mean(soft, prepared):
    data = RatingData.load(prepared("preftrees"))
    facts = record(soft)
    spread = float(np.sqrt(np.mean((data.validation.rating - data.fit.rating.mean()) ** 2)))
    assert facts["validation_rmse"] < spread
    assert facts["validation_rmse"] < facts["validation_rmse_at_start"] - 0.02
    assert facts["history"][-1]["validation_rmse"] == pytest.approx(
        min(row["validation_rmse"] for row in facts["history"]), abs=0.05
    )


def test_the_hard_training_goes_on_from_the_soft_one(soft, prepared, config):
    hard = run_training(prepared, config, soft.parents[2], "meta_fixed_hard")
    facts = record(hard)
    start = open_trees(soft / "model.ckpt").tree
    data = RatingData.load(prepared("preftrees"))
    checks = HeldOutUsers(data.fit, data.validation, len(data.users))
    assert facts["validation_rmse_at_start"] == pytest.approx(held_out_rmse(start, checks, torch.round), abs=1e-6)
    assert facts["validation_rmse"] <= facts["validation_rmse_at_start"]


def test_a_hard_training_that_does_harm_changes_nothing(soft, prepared, config):
    hard = run_training(
        prepared, config, soft.parents[2], "meta_fixed_hard", "recipes.anneal.further_learning_rate=1.0", seed=0
    )
    before, after = (load_model(folder / "model.ckpt")["state"] for folder in (soft, hard))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert record(hard)["best_step"] == 0


def test_without_a_hard_training_both_rows_have_one_network(soft, prepared, config):
    hard = run_training(prepared, config, soft.parents[2], "meta_fixed_hard", "recipes.anneal.harden_steps=0")
    before, after = (load_model(folder / "model.ckpt")["state"] for folder in (soft, hard))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert open_model(hard / "model.ckpt").hard
    assert not open_model(soft / "model.ckpt").hard


def test_a_hard_training_without_its_start_says_what_is_missing(prepared, config, tmp_path):
    with pytest.raises(UserError, match="meta_dynamic_soft goes on from meta_fixed_soft, train that one first"):
        run_training(prepared, config, tmp_path, "meta_dynamic_soft")


def test_a_start_of_other_sizes_or_another_method_is_one_line(soft, prepared, config, tmp_path):
    beside = tmp_path / "preftrees" / "meta_fixed_soft" / "seed0"
    beside.mkdir(parents=True)
    shutil.copy(soft / "model.ckpt", beside)
    with pytest.raises(UserError, match="not of the sizes set here") as caught:
        run_training(
            prepared, config, tmp_path, "meta_fixed_hard", "meta_fixed.embedding=8", "meta_dynamic.embedding=8"
        )
    assert "\n" not in str(caught.value)
    save_model(beside / "model.ckpt", load_model(soft / "model.ckpt") | {"method": "svd"})
    with pytest.raises(UserError, match="not a model of meta_fixed_soft; train that one again"):
        run_training(prepared, config, tmp_path, "meta_fixed_hard")


def test_the_same_seed_gives_the_same_weights(prepared, config, tmp_path):
    few = ("recipes.anneal.max_steps=6", "recipes.anneal.dynamic_steps=null", "train.check_every_steps=3")
    first, second, third = (
        load_model(run_training(prepared, config, tmp_path / name, "meta_dynamic_soft", *few, seed=seed) / "model.ckpt")
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert all(torch.equal(first["state"][name], second["state"][name]) for name in first["state"])
    assert not torch.equal(first["state"]["g.2.weight"], third["state"]["g.2.weight"])


def test_rules_come_to_one_attribute_by_temperature_then_by_decree(config):
    settings = config("recipes.anneal.soft_share=0.5").settings("train", "preftrees", "meta_fixed_soft")
    stage = settings.stage
    training = SoftTraining(build("meta_fixed_soft", settings, 3, 1.0, 5.0), stage)
    seen = [training.softness(round(share * stage.steps)) for share in (0, 0.49, 0.5, 1)]
    assert [hard_rule for _, hard_rule in seen] == [False, False, True, True]
    temperatures = [temperature for temperature, _ in seen]
    assert temperatures == sorted(temperatures)
    assert (temperatures[0], temperatures[-1]) == (stage.temperature, stage.final_temperature)


@pytest.fixture(scope="module")
def explained(prepared, config, tmp_path_factory):
    return run_training(prepared, config, tmp_path_factory.mktemp("explained"), "meta_explained_soft")


def base_alone(data):
    """RMSE on the validation ratings of mu + b_i + a_u + c_u b_i, by the numpy form."""
    seen, biases = on_base(data, Damping(item=2, level=5, slope=10))
    rows, bias = seen.fit, seen.fit.x[:, -1]
    left = rows.rating - biases.overall - bias
    level, tilt = user_lines(rows.user, bias, left, len(data.users), level_damping=5, slope_damping=10)
    asked = seen.validation
    predicted = biases.overall + level[asked.user] + (1 + tilt[asked.user]) * asked.x[:, -1]
    return float(np.sqrt(np.mean((predicted - asked.rating) ** 2)))


def test_trees_on_a_base_add_to_it_from_the_first_step(explained, prepared):
    data, facts = RatingData.load(prepared("preftrees")), record(explained)
    assert facts["validation_rmse"] <= facts["validation_rmse_at_start"] < base_alone(data) - 0.01


def test_a_model_on_a_base_opens_and_serves_known_people_and_new_ones(explained, prepared, config):
    hard = run_training(prepared, config, explained.parents[2], "meta_explained_hard")
    data, model = RatingData.load(prepared("preftrees")), open_trees(hard / "model.ckpt")
    assert model.item_x.shape == (len(data.items), len(data.features) + 1)
    # The model's base is that of all training ratings.
    biases = fit_biases(data.train, len(data.users), len(data.items), Damping(item=2, level=5, slope=10))
    assert np.allclose(model.item_x[:, -1], biases.bias, atol=1e-6)
    forest = model.forest(model.training_rows(data), len(data.users))
    assert forest.has_base
    spread = float(np.sqrt(np.mean((data.test.rating - data.train.rating.mean()) ** 2)))
    for predicted, rows in ((model.test(data), data.test), (model.newcomers(data), data.newcomers.query)):
        assert float(np.sqrt(np.mean((predicted - rows.rating) ** 2))) < spread
    # One call for a person, and the trees grown for all newcomers, agree.
    people = data.newcomers
    theirs = people.support.user == 3
    one_by_one = model(np.column_stack([people.support.item[theirs], people.support.rating[theirs]]))
    asked = people.query.user == 3
    assert np.allclose(one_by_one[people.query.item[asked]], model.newcomers(data)[asked], atol=1e-5)


def test_soft_predictions_are_leaves_by_probability_on_the_base(explained, prepared):
    data, model = RatingData.load(prepared("preftrees")), open_trees(explained / "model.ckpt")
    support = model.rows(np.zeros(3, np.int64), np.array([3, 8, 20]), np.array([5.0, 1.0, 3.0]))
    forest, x = model.forest(support, 1), model.item_x
    others, person = forest.base(np.zeros(len(x), np.int64), x[:, -1])
    leaves = model.leaf_probabilities(support, x) @ np.nan_to_num(forest.value)
    assert np.allclose(model.expected(support, x), others + person + leaves, atol=1e-5)
    assert np.array_equal(model.reads(data.item_x)[:, -1], np.zeros(len(x)))


def test_the_control_without_a_tree_learns_and_opens(prepared, config, tmp_path):
    folder = run_training(prepared, config, tmp_path, "deep_set")
    data, facts = RatingData.load(prepared("preftrees")), record(folder)
    assert facts["validation_rmse"] < facts["validation_rmse_at_start"]
    model = open_model(folder / "model.ckpt")
    assert np.isfinite(model.test(data)).all()
    assert model(np.array([[3, 5.0], [8, 1.0]])).shape == (len(data.items),)
    with pytest.raises(UserError, match="Deep set, no tree cannot grow a tree"):
        open_trees(folder / "model.ckpt")


def test_data_that_are_not_as_published_are_named_in_the_record_and_its_parameters(prepared, config, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(prepared("preftrees"), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["facts"]["modified"] = {"u.data": {"found": "aa", "expected": "bb"}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    settings = config().settings("train", "preftrees", "user_mean")
    out = tmp_path / "preftrees" / "user_mean" / "seed0"
    train(Job("ratings", "preftrees", "user_mean", 0, folder, out, settings))
    facts = record(out)
    assert facts["modified_files"] == {"u.data": {"found": "aa", "expected": "bb"}}
    assert facts["parameters"]["modified_files"] == facts["modified_files"]
    assert "modified_files" not in load_model(out / "model.ckpt")["settings"]
    untouched = run_training(prepared, config, tmp_path / "other", "user_mean")
    assert "modified_files" not in record(untouched)
