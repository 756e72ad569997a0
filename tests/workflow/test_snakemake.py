from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import yaml

from hypernet.domains import available, room
from hypernet.lab.results.summary import COLUMNS

PROJECT = Path(__file__).resolve().parents[2]


def test_a_run_leaves_everything_that_was_promised(copy):
    results = copy.path / "results"
    table = pd.read_csv(results / "codes" / "summary.csv", dtype={"group": str})
    assert list(table.columns) == COLUMNS
    assert not table.duplicated(["dataset", "method", "group", "metric"]).any()
    assert set(table.method) == {"bp", "hyper"}
    assert {"model.ckpt", "run.json", "metrics.json", "items.csv", "log.txt"} <= {
        path.name for path in (results / "codes" / "BCH31_16" / "hyper" / "seed0").iterdir()
    }
    assert "Error-correcting-code decoders" in (results / "index.html").read_text(encoding="utf-8")
    assert not list(results.rglob("*.tmp*"))


def test_every_step_of_every_domain_is_planned(copy):
    """By the project's own configuration, in a folder where nothing was made."""
    (copy.path / "everything.yaml").write_text((PROJECT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    overlay = ["--configfile", "everything.yaml", "--config", "project={data: data/none, results: results_none}"]
    planned = copy.jobs(copy.run("snakemake", "--dry-run", *overlay).stdout)
    shutil.rmtree(copy.path / "results_none", ignore_errors=True)
    for domain in available():
        steps = room(domain, "captions").STEPS
        dataset = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))[domain]["datasets"][0]
        messages = [step.message.format(dataset=dataset) for step in steps.values()]
        for message in (*messages, "join all runs into summary.csv", "draw the pictures"):
            assert f"{domain}: {message}" in planned
        assert any(text.startswith(f"{domain}: train ") for text in planned)


def test_a_second_run_has_nothing_to_do(copy):
    assert "Nothing to be done" in copy.run("snakemake").stdout


def test_a_methods_training_setting_reruns_that_method_and_what_follows(copy):
    copy.change("codes", "hyper", "f_hidden", value=8)
    assert copy.planned() == {
        "codes: train hyper on BCH31_16, seed 0",
        "codes: evaluate hyper on BCH31_16, seed 0",
        "codes: join all runs into summary.csv",
        "codes: draw the pictures",
        "codes: bring MLflow to where the results are",
        "write the page of results",
    }


def test_an_evaluation_setting_trains_nothing(copy):
    copy.change("codes", "evaluate", "max_words", value=3000)
    planned = copy.planned()
    # Belief propagation has nothing to train: it is made and measured in one process.
    assert {job for job in planned if "BCH31_16" in job} == {
        "codes: measure bp on BCH31_16, seed 0",
        "codes: evaluate hyper on BCH31_16, seed 0",
    }


def test_an_evaluation_may_be_many_jobs(copy):
    copy.change("codes", "evaluate", "parts", value=2)
    parts = {job for job in copy.planned() if "part" in job}
    assert parts == {
        f"codes: evaluate {method} on BCH31_16, seed 0, part {part}" for method in ("bp", "hyper") for part in (0, 1)
    }


def test_another_seed_leaves_the_first_alone(copy):
    copy.change("codes", "seeds", value=[0, 1])
    runs = {job for job in copy.planned() if "seed" in job}
    assert runs
    assert all(job.endswith("seed 1") for job in runs)


def test_an_impossible_setting_stops_before_anything_runs(copy):
    copy.change("codes", "hyper", "f_hidden", value=0)
    failed = copy.run("snakemake", check=False)
    assert failed.returncode != 0
    assert "codes.hyper.f_hidden" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_the_rules_are_clean(copy):
    assert "Congratulations" in copy.run("snakemake", "--lint").stdout


def test_snakemakes_own_report_holds_tables_and_figures(copy):
    copy.run("snakemake", "--report", "report.html")
    report = (copy.path / "report.html").read_text(encoding="utf-8")
    assert "waterfall.png" in report
    assert "summary.csv" in report


def test_a_training_that_goes_on_from_another_follows_it(copy):
    copy.change("ratings", "recipes", "anneal", "harden_steps", value=5)
    assert {job for job in copy.planned() if "train" in job} == {"ratings: train meta_fixed_hard on preftrees, seed 0"}
    copy.change("ratings", "recipes", "anneal", "learning_rate", value=0.001)
    assert {job for job in copy.planned() if "train" in job} == {
        f"ratings: train {method} on preftrees, seed 0" for method in ("meta_fixed_soft", "meta_fixed_hard")
    }


def test_every_domain_has_its_tables_and_pictures(copy):
    for domain in copy.domains:
        summary = pd.read_csv(copy.path / "results" / domain / "summary.csv", keep_default_na=False)
        assert set(summary.dataset) == set(yaml.safe_load((copy.path / "params.yaml").read_text())[domain]["datasets"])
        for picture in room(domain, "captions").FIGURES:
            assert (copy.path / "results" / domain / "figures" / f"{picture}.png").is_file()


def test_every_step_noted_what_it_cost(copy):
    table = copy.costs
    for domain in copy.domains:
        for step in ("raw", "prepare", "train", "measure", "evaluate", "summarise", "figures", "track"):
            assert f"| {domain} | {step}" in table
