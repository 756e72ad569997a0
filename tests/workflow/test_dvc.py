from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MODEL = "results/codes/BCH31_16/hyper/seed0/model.ckpt"


@pytest.fixture(scope="module")
def reproduced(whole_run):
    """The copy after `dvc repro`, committed."""
    reproduced = whole_run.run("dvc", "repro").stdout
    assert "Running stage 'codes'" in reproduced
    whole_run.run("git", "add", "-A")
    whole_run.run("git", "commit", "-q", "-m", "reproduced")
    return whole_run


def test_the_stages_are_those_that_the_domains_ask_for(whole_run):
    written = whole_run.run(sys.executable, "rules/dvc.py").stdout
    assert written == (PROJECT / "dvc.yaml").read_text(encoding="utf-8")


def test_what_snakemake_made_is_kept_by_the_first_repro(reproduced):
    # The run of the fixture and DVC's share one folder of outputs: the model was trained once.
    benchmark = (reproduced.path / MODEL).with_name("train.benchmark.tsv")
    assert benchmark.stat().st_mtime < (reproduced.path / "dvc.lock").stat().st_mtime
    assert reproduced.planned() == set()


def test_a_second_repro_does_nothing(reproduced):
    assert "Data and pipelines are up to date" in reproduced.run("dvc", "repro").stdout
    assert "up to date" in reproduced.run("dvc", "status").stdout


def test_metrics_plots_and_parameters_can_be_compared(reproduced, copy):
    shown = json.loads(reproduced.run("dvc", "metrics", "show", "--json").stdout)
    metrics = shown[""]["data"]["results/codes/metrics.json"]["data"]
    assert 0 < metrics["BCH31_16"]["hyper"]["ber"]["4 dB"] < 1
    copy.change("codes", "train", "max_steps", value=40)
    changes = json.loads(copy.run("dvc", "params", "diff", "--json").stdout)
    assert changes["params.yaml"]["codes.train.max_steps"]["new"] == 40
    copy.run("dvc", "plots", "diff", "--out", "plots")
    page = (copy.path / "plots" / "index.html").read_text(encoding="utf-8")
    # One picture for the code's table, with the curves of both methods.
    assert "curves_BCH31_16_csv" in page
    assert '"hyper"' in page
    shutil.rmtree(copy.path / "plots")


def test_a_parameter_of_a_domain_concerns_that_domain_and_the_page(reproduced, copy):
    copy.change("codes", "hyper", "f_hidden", value=8)
    assert "modified:           codes" in copy.run("dvc", "status").stdout
    assert "Running stage 'codes'" in copy.run("dvc", "repro", "--dry").stdout


def test_a_changed_raw_file_runs_its_domain_again(reproduced, copy):
    raw = copy.path / "data" / "raw" / "codes" / "BCH31_16" / "parity_check.alist"
    before = raw.read_bytes()
    try:
        raw.write_bytes(before + b"\n")
        assert "Running stage 'codes'" in copy.run("dvc", "repro", "--dry").stdout
        assert "codes: generator matrix of BCH31_16, which makes its code words" in copy.planned()
    finally:
        raw.write_bytes(before)
    assert copy.planned() == set()


def test_results_travel_through_a_remote_to_a_clone_that_has_nothing_to_do(reproduced, tmp_path):
    reproduced.run("dvc", "remote", "add", "--force", "shared", str(tmp_path / "shelf"))
    reproduced.run("dvc", "push", "--remote", "shared")
    reproduced.run("git", "commit", "-qam", "a remote")
    try:
        reproduced.run("git", "clone", "-q", str(reproduced.path), str(tmp_path / "clone"))
    finally:
        reproduced.run("git", "reset", "-q", "--hard", "HEAD~1")
    path = tmp_path / "clone"
    clone = replace(reproduced, path=path, environment={**reproduced.environment, "PYTHONPATH": str(path / "pipeline")})
    clone.run("dvc", "pull", "--remote", "shared")
    assert (clone.path / MODEL).read_bytes() == (reproduced.path / MODEL).read_bytes()
    assert "up to date" in clone.run("dvc", "status").stdout
    # Files that came from elsewhere have new dates.
    assert clone.planned() == set()
    clone.change("codes", "hyper", "f_hidden", value=8)
    assert clone.planned() == {
        "codes: train hyper on BCH31_16, seed 0",
        "codes: evaluate hyper on BCH31_16, seed 0",
        "codes: join all runs into summary.csv",
        "codes: draw the pictures",
        "codes: bring MLflow to where the results are",
        "write the page of results",
    }


def test_an_experiment_changes_a_parameter_and_is_kept(reproduced, tmp_path):
    clone = reproduced.clone(tmp_path / "clone")
    # As on a machine where Snakemake never ran.
    shutil.rmtree(clone.path / ".snakemake")
    clone.run("dvc", "exp", "run", "codes", "--name", "fewer", "--set-param", "codes.methods=[bp]")
    assert "fewer" in clone.run("dvc", "exp", "list", "--name-only").stdout
    metrics = json.loads((clone.path / "results" / "codes" / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["BCH31_16"]) == {"bp"}
