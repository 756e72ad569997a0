from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

# Nothing listens on the discard port.
NO_SERVER = "http://127.0.0.1:9"


def run_id(copy, domain, place):
    """MLflow's id of a run."""
    path = copy.path / "mlruns" / "tracked" / "results" / f"{domain}.json"
    return json.loads(path.read_text(encoding="utf-8"))[place]


@pytest.fixture
def client(copy):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{copy.path}/mlruns/mlflow.db")


def test_every_run_is_in_its_domains_experiment(copy, client):
    experiment = client.get_experiment_by_name("codes")
    runs = {run.data.tags["mlflow.runName"]: run for run in client.search_runs([experiment.experiment_id])}
    assert {"bp BCH31_16 seed 0", "hyper BCH31_16 seed 0"} <= set(runs)
    hyper = runs["hyper BCH31_16 seed 0"]
    assert hyper.info.status == "FINISHED"
    assert hyper.data.params["method.g_hidden"] == "16"
    assert {"commit", "data_digest", "rule", "method", "dataset"} <= set(hyper.data.tags)
    assert hyper.data.tags["scale"] == "smoke"
    measured = json.loads((copy.path / "results/codes/BCH31_16/hyper/seed0/metrics.json").read_text(encoding="utf-8"))
    expected = {
        "/".join(filter(None, (row["metric"], row["group"]))): row["value"]
        for row in measured["measurements"]
        if row["value"] is not None
    }
    assert expected
    assert {name: hyper.data.metrics[name] for name in expected} == pytest.approx(expected)


def test_curves_have_a_point_per_check(copy, client):
    history = client.get_metric_history(run_id(copy, "codes", "BCH31_16/hyper/seed0"), "validation_ln_ber")
    assert [point.step for point in history] == [10, 20]


def test_every_run_has_ended_and_is_there_once(copy, client):
    for domain in copy.domains:
        runs = client.search_runs([client.get_experiment_by_name(domain).experiment_id])
        assert {run.info.status for run in runs} == {"FINISHED"}
        places = [run.data.tags["place"] for run in runs if not run.data.tags["place"].startswith("program")]
        folders = {
            path.parent for path in (copy.path / "results" / domain).rglob("metrics.json") if path.parent.name != domain
        }
        assert sorted(places) == sorted(["summary", *("/".join(folder.parts[-3:]) for folder in folders)])


def test_a_server_that_is_away_costs_nothing_and_is_told_later(copy, tmp_path):
    back = copy.clone(tmp_path / "away")
    away = replace(back, environment={**back.environment, "MLFLOW_TRACKING_URI": NO_SERVER})
    away.run("snakemake", "codes")
    assert "what was not sent is sent next time" in (away.path / "results/codes/track.txt").read_text()
    # That server has nothing yet.
    assert away.planned() == {f"{domain}: bring MLflow to where the results are" for domain in copy.domains}
    back.run("snakemake", "codes")
    assert back.planned() == set()


def test_figures_are_kept(copy, client):
    experiment = client.get_experiment_by_name("codes")
    summaries = client.search_runs([experiment.experiment_id], filter_string="run_name = 'summary'")
    names = {artifact.path for artifact in client.list_artifacts(summaries[0].info.run_id)}
    assert {"waterfall.png", "summary.csv"} <= names


def test_kept_models_work_in_a_bare_process(copy, tmp_path):
    """Loaded by MLflow in another process, which cannot see this project: a model carries its program."""
    llr = np.full((2, 31), 4.0, dtype=np.float32)
    llr[1, [3, 17]] = -0.5
    np.save(tmp_path / "llr.npy", llr)
    program = f"""
import gc, mlflow, numpy as np
mlflow.set_tracking_uri("sqlite:///{copy.path}/mlruns/mlflow.db")
model = mlflow.pyfunc.load_model("runs:/{run_id(copy, "codes", "BCH31_16/bp/seed0")}/model")
np.save("decoded.npy", model.predict(np.load("llr.npy")))
# The program outlives the first model that brought it.
del model
gc.collect()
model = mlflow.pyfunc.load_model("runs:/{run_id(copy, "ratings", "preftrees/meta_fixed_hard/seed0")}/model")
np.save("predicted.npy", model.predict(np.array([[3.0, 5.0], [8.0, 1.0]])))
"""
    environment = {key: value for key, value in copy.environment.items() if key != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, capture_output=True)
    decoded, predicted = (np.load(tmp_path / name) for name in ("decoded.npy", "predicted.npy"))
    assert decoded.shape == llr.shape
    # Two weak wrong bits in the all-zero word: belief propagation mends them.
    assert (decoded > 0).all()
    # A rating of every item of the catalogue.
    assert predicted.shape == (300,)
    assert ((predicted >= 1) & (predicted <= 5)).all()
