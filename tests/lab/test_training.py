from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import Dataset

from hypernet.cli import main
from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.manifest import write_manifest
from hypernet.lab.runs.models import load_model, save_model
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, StepSampler, TrainerSettings, fit

PROJECT = Path(__file__).resolve().parents[2]


# Nothing listens on the discard port: these runs keep their record in run.json and need no store.
NO_SERVER = "http://127.0.0.1:9"


class NoSettings(Section):
    pass


class Batches(Dataset):
    """Batch i comes from the number i alone."""

    def __init__(self, first=0, count=10**6):
        self.first, self.count = first, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index >= self.count:
            raise IndexError
        generator = torch.Generator().manual_seed(self.first + index)
        x = torch.randn(16, 4, generator=generator)
        return x, x.sum(dim=1, keepdim=True)


class Regression(pl.LightningModule):
    """Has dropout, which draws from the global generator: a resume must draw the same."""

    def __init__(self, fail_at=None, nan_at=None):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
        self.fail_at, self.nan_at = fail_at, nan_at
        self.seen = []

    def training_step(self, batch, batch_idx):
        if self.global_step == self.fail_at:
            raise RuntimeError("the power went out")
        x, y = batch
        self.seen.append(round(x[0, 0].item(), 6))
        loss = ((self.net(x) - y) ** 2).mean()
        return loss * float("nan") if self.global_step == self.nan_at else loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("error", ((self.net(x) - y) ** 2).mean(), batch_size=1)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        return [optimizer], [{"scheduler": torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99), "interval": "step"}]


def settings(steps=25, check=10, patience=None):
    return TrainerSettings(
        max_steps=steps,
        check_every_steps=check,
        patience_checks=patience,
        gradient_clip=None,
        precision="32-true",
        accelerator="cpu",
        devices=1,
    )


def run_once(folder, module, trainer, seed=0):
    prepared = folder / "data"
    if not prepared.exists():
        prepared.mkdir(parents=True)
        (prepared / "x").write_text("x")
        write_manifest(prepared, {})
    with TrainingRun(Job("toy", "set", "method", seed, prepared, folder / "run", NoSettings(), "program")) as run:
        torch.manual_seed(0)
        module.net.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)
        data = StepData(Batches(), Batches(first=10**6, count=3), trainer)
        fit(module, data, trainer, run, "error", threads=1)
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)


@pytest.mark.parametrize("stop", [3, 10, 17, 20, 24])
def test_a_broken_training_ends_as_if_it_had_never_been_broken(tmp_path, stop):
    whole = run_once(tmp_path / "whole", Regression(), settings())
    with pytest.raises(RuntimeError, match="power"):
        run_once(tmp_path / "broken", Regression(fail_at=stop), settings())
    resumed = run_once(tmp_path / "broken", Regression(), settings())
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    records = [read_json(tmp_path / name / "run" / "run.json") for name in ("whole", "broken")]
    assert all(record["processor_seconds"] > 0 for record in records)
    curves = [[{k: v for k, v in row.items() if k != "seconds"} for row in record["history"]] for record in records]
    assert curves[0] == curves[1]
    assert [row["step"] for row in curves[0]] == [10, 20, 25]
    assert not (tmp_path / "broken" / "run" / ".work").exists()


def test_a_resume_with_other_settings_starts_afresh(tmp_path):
    with pytest.raises(RuntimeError, match="power"):
        run_once(tmp_path / "a", Regression(fail_at=15), settings(), seed=1)
    resumed = Regression()
    run_once(tmp_path / "a", resumed, settings(), seed=2)
    assert len(resumed.seen) == 25


def test_the_weights_of_the_best_check_are_kept(tmp_path):
    class GettingWorse(Regression):
        def validation_step(self, batch, batch_idx):
            self.log("error", torch.tensor(float(self.global_step)), batch_size=1)

        def on_train_epoch_end(self):
            if self.global_step == 10:
                self.first = {name: value.clone() for name, value in self.state_dict().items()}

    module = GettingWorse()
    final = run_once(tmp_path, module, settings())
    assert all(torch.equal(module.first[name], final[name]) for name in final)
    assert read_json(tmp_path / "run" / "run.json")["best_step"] == 10


def test_early_stopping_counts_checks_without_progress(tmp_path):
    class Stuck(Regression):
        def validation_step(self, batch, batch_idx):
            self.log("error", torch.tensor(1.0), batch_size=1)

    module = Stuck()
    run_once(tmp_path, module, settings(steps=1000, patience=2))
    assert len(module.seen) == 30


def test_early_stopping_is_remembered_over_a_kill(tmp_path, monkeypatch):
    class Stuck(Regression):
        def validation_step(self, batch, batch_idx):
            self.log("error", torch.tensor(1.0), batch_size=1)

    def power_cut(*arguments, **options):
        raise RuntimeError("the power went out")

    with monkeypatch.context() as patched:
        # After the last check, before the weights are taken home.
        patched.setattr(Stuck, "on_train_end", power_cut)
        with pytest.raises(RuntimeError, match="power"):
            run_once(tmp_path, Stuck(), settings(steps=1000, patience=2))
    resumed = Stuck()
    run_once(tmp_path, resumed, settings(steps=1000, patience=2))
    assert resumed.seen == []
    assert [row["step"] for row in read_json(tmp_path / "run" / "run.json")["history"]] == [10, 20, 30]


def test_a_loss_that_is_no_number_names_step_and_batch(tmp_path):
    with pytest.raises(UserError, match=r"became nan at step 13 \(batch 2 of epoch 1\)"):
        run_once(tmp_path, Regression(nan_at=12), settings())
    assert not (tmp_path / "run" / "run.json").exists()


def test_every_step_is_numbered_once():
    sampler = StepSampler(25, 10)
    numbers = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        numbers += list(sampler)
    assert numbers == list(range(25))


def test_a_model_file_runs_no_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"x": Trap()}, tmp_path / "model.ckpt")
    with pytest.raises(UserError, match="not a model file"):
        load_model(tmp_path / "model.ckpt")
    assert not (tmp_path / "sprung").exists()
    save_model(tmp_path / "good.ckpt", {"a": torch.ones(2), "b": "text"})
    assert torch.equal(load_model(tmp_path / "good.ckpt")["a"], torch.ones(2))


def test_kill_minus_nine_at_any_moment_changes_nothing(workspace, capfd):
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "pipeline")}
    short = ("max_steps=60", "check_every_steps=10", "validation={ebn0_db: [4], words: 500}")
    training = ["codes", "train", "--dataset", "BCH31_16", "--method", "hyper"]
    training += [part for setting in short for part in ("--set", f"codes.train.{setting}")]
    for verb in ("raw", "prepare"):
        assert main(["codes", verb, "--dataset", "BCH31_16"]) == 0
    assert main([*training, "--results", "whole"]) == 0
    killed = [*training, "--results", "killed"]
    run = workspace / "killed" / "codes" / "BCH31_16" / "hyper" / "seed0"
    command = [sys.executable, "-m", "hypernet.cli", *killed]
    victim = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (run / ".work" / "last.ckpt").exists():
        assert victim.poll() is None, "the training ended before it could be killed"
        time.sleep(0.01)
    # Some time after the first whole epoch, another time in each run of this test.
    time.sleep(int.from_bytes(os.urandom(1), "little") / 255)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    whole = (run / "run.json").exists()
    capfd.readouterr()
    assert main(killed) == 0
    assert whole or "resuming" in capfd.readouterr().err
    expected = load_model(workspace / "whole/codes/BCH31_16/hyper/seed0/model.ckpt")["state_dict"]
    resumed = load_model(run / "model.ckpt")["state_dict"]
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
