"""A second training of a run, for as long as the hypernetwork's: trained, kept, measured and compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.codes.evaluate import EQUAL_TIME_GAIN, GAIN, compare, evaluate, evaluate_part
from hypernet.codes.train import train
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.runs.models import load_model

DATASET = "BCH31_16"
SHORT = (
    f"datasets=[{DATASET}]",
    "train.max_steps=6",
    "train.check_every_steps=3",
    "train.validation={ebn0_db: [4], words: 100}",
    "concat.train={equal_time_steps: 4}",
    "evaluate={ebn0_db: [2], chunk_words: 200, min_words: 400, max_words: 400, more_iterations: {}, most_words: {}}",
)


@pytest.fixture(scope="module")
def folders(prepared, config, tmp_path_factory):
    """The folders of a run with a second training, and of two without."""
    root = tmp_path_factory.mktemp("equal_time")

    def run(method, *assignments):
        section = config(*SHORT, *assignments)
        folder = root / "-".join([method, *assignments])
        facts = ("codes", DATASET, method, 0, prepared(DATASET), folder)
        train(Job(*facts, section.settings("train", DATASET, method)))
        evaluate(Job(*facts, section.settings("evaluate", DATASET, method)))
        return folder

    alone = run("concat", "concat.train={max_steps: 4, equal_time_steps: null}")
    return {"concat": run("concat"), "hyper": run("hyper"), "four steps": alone}


def test_the_second_training_is_that_of_its_steps_alone(folders):
    """It starts anew, with a cosine of its own: the first training with as many steps gives the same weights."""
    both, alone = (open_model(folders[name] / "model.ckpt") for name in ("concat", "four steps"))
    assert alone.equal_time is None
    again, expected = both.equal_time.module.state_dict(), alone.module.state_dict()
    assert all(torch.equal(again[name], expected[name]) for name in expected)
    assert not all(torch.equal(again[name], value) for name, value in both.module.state_dict().items())
    record = read_json(folders["concat"] / "run.json")
    assert [row["step"] for row in record["history"]] == [3, 6]
    assert record["equal_time"]["history"][-1]["step"] == 4


def test_both_trainings_are_measured_on_the_same_words(folders):
    items = pd.read_csv(folders["concat"] / "items.csv")
    first, second = (items[items.equal_time == number].drop(columns="equal_time") for number in (0, 1))
    expected = pd.read_csv(folders["four steps"] / "items.csv")
    pd.testing.assert_frame_equal(second.reset_index(drop=True), expected)
    assert not np.array_equal(first.bit_errors, second.bit_errors)
    metrics = {
        (row["metric"], row["group"]): row for row in read_json(folders["concat"] / "metrics.json")["measurements"]
    }
    for name, rows in (("ber", first), ("ber_equal_time", second)):
        assert metrics[name, "2 dB"]["value"] == pytest.approx(rows.bit_errors.sum() / rows.words.sum() / 31)
    record = read_json(folders["concat"] / "run.json")
    assert metrics["training_seconds", ""]["value"] == record["seconds"]
    assert metrics["equal_time_seconds", ""]["value"] == record["equal_time"]["seconds"]
    without = {row["metric"] for row in read_json(folders["hyper"] / "metrics.json")["measurements"]}
    assert not any("equal_time" in metric for metric in without)
    assert not list(folders["concat"].glob(".*json"))


def test_methods_are_compared_at_equal_steps_and_at_equal_time(folders):
    """The hypernetwork counts with its only training in both."""
    runs = {(DATASET, method, 0): folders[method] for method in ("concat", "hyper")}
    rows = {(row.method, row.reference, row.metric): row for row in compare(runs)}
    items = pd.read_csv(folders["concat"] / "items.csv")
    ours = pd.read_csv(folders["hyper"] / "items.csv").bit_errors.sum()
    for number, metric in enumerate((GAIN, EQUAL_TIME_GAIN)):
        row = rows["hyper", "concat", metric]
        theirs = items.bit_errors[items.equal_time == number].sum()
        assert row.difference == pytest.approx(np.log(theirs / ours))
        assert not row.claimed


def test_parts_of_an_evaluation_hold_both_trainings(folders, prepared, config):
    settings = config(*SHORT, "evaluate.parts=2").settings("evaluate", DATASET, "concat")
    job = Job("codes", DATASET, "concat", 0, prepared(DATASET), folders["concat"], settings)
    before = pd.read_csv(job.folder / "items.csv")
    for part in range(2):
        evaluate_part(job, part)
    assert {path.name for path in (job.folder / "parts").iterdir()} == {
        f"{part}{later}.json" for part in range(2) for later in ("", "_equal_time")
    }
    evaluate(job)
    pd.testing.assert_frame_equal(pd.read_csv(job.folder / "items.csv"), before)


def test_a_second_state_that_does_not_fit_is_refused(folders, tmp_path):
    content = load_model(folders["concat"] / "model.ckpt")
    name = next(iter(content["equal_time_state"]))
    content["equal_time_state"][name] = torch.zeros(3)
    torch.save(content, tmp_path / "model.ckpt")
    with pytest.raises(UserError, match=r"model\.ckpt"):
        open_model(tmp_path / "model.ckpt")
