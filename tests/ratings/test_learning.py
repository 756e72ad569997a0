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
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.learning import SoftTraining, held_out_rmse
from hypernet.ratings.methods import build
from hypernet.ratings.train import train
from hypernet.ratings.trained import open_model, open_trees

SHORT = (
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
