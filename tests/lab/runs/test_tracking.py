"""MLflow after the science: every run once, what changed in its predecessor's place, nothing lost without a server."""

from __future__ import annotations

import http.server
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.locks import alone
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.lab.results.summary import Measurement, write_results
from hypernet.lab.runs import tracking
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.runs.store import open_experiment
from hypernet.lab.runs.tracking import packed_program, track

OPENER = "hypernet.toy.trained:open_model"


class Settings(Section):
    width: int


def make_run(method: str, loss: float, seed: int = 0, width: int = 3, steps: int = 3) -> Path:
    """The files of one run, as a domain's steps leave them."""
    data = Path("data/processed/toy/set")
    if not data.exists():
        data.mkdir(parents=True)
        (data / "x").write_text("x")
        write_manifest(data, {})
    folder = Path("results/toy/set") / method / f"seed{seed}"
    job = Job("toy", "set", method, seed, data, folder, Settings(width=width), "program")
    with TrainingRun(job) as run:
        run.facts["parameter_count"] = 7
        run.facts["history"] = [
            {"step": 10 * (step + 1), "seconds": 1.5 * step, "validation_loss": loss / (step + 1)}
            for step in range(steps)
        ]
        run.save({"weights": [1.0, 2.0]}, 1)
        run.sign(np.zeros((2, 4), np.float32), np.zeros((2, 3)))
    write_results(job, pd.DataFrame({"item": [0]}), [Measurement("4 dB", "loss", "1", loss, None, None, 1)])
    return folder


def send(*runs: Path, results: str = "results", scale: str = "smoke") -> dict[str, str]:
    """Track these runs; returns the MLflow ids by place."""
    return track("toy", runs, Path("data/processed/toy"), Path(results), OPENER, scale)


@pytest.fixture
def results(store) -> Path:
    """The domain's folder of results, with a table and a picture."""
    out = Path("results/toy")
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "loss.png").write_bytes(b"a picture")
    (out / "summary.csv").write_text("a\n1\n")
    return out


def test_a_run_holds_what_its_files_say(results, client):
    folder = make_run("ours", 0.25)
    place = "set/ours/seed0"
    stored = client().get_run(send(folder)[place])
    record = read_json(folder / "run.json")
    assert stored.info.run_name == "ours set seed 0"
    assert stored.info.status == "FINISHED"
    assert (stored.info.start_time, stored.info.end_time) == (
        int(record["started"] * 1000),
        int(record["started"] * 1000) + int(record["seconds"] * 1000),
    )
    settings = {"domain": "toy", "dataset": "set", "method": "ours", "seed": "0", "width": "3"}
    assert settings.items() <= stored.data.params.items()
    assert stored.data.tags["scale"] == "smoke"
    assert stored.data.tags["data_digest"] == read_manifest(Path("data/processed/toy/set"))["digest"]
    assert stored.data.metrics["loss/4 dB"] == 0.25
    assert stored.data.metrics["parameter_count"] == 7
    history = client().get_metric_history(stored.info.run_id, "validation_loss")
    assert [(point.step, point.value) for point in history] == [(10, 0.25), (20, 0.125), (30, 0.25 / 3)]
    assert [point.timestamp - stored.info.start_time for point in history] == [0, 1500, 3000]
    (dataset,) = stored.inputs.dataset_inputs
    assert dataset.dataset.name == "set"
    assert stored.data.tags["data_digest"].startswith(dataset.dataset.digest)
    assert {file.path for file in client().list_artifacts(stored.info.run_id)} >= {"items.csv", "run.json"}


def test_a_model_is_kept_with_its_signature(results, client):
    from mlflow.models import get_model_info

    run_id = send(make_run("ours", 0.25))["set/ours/seed0"]
    signature = get_model_info(f"runs:/{run_id}/model").signature
    assert signature.inputs.inputs[0].type == np.float32
    assert signature.inputs.inputs[0].shape == (-1, 4)
    assert signature.outputs.inputs[0].shape == (-1, 3)


def test_nothing_is_sent_twice(results, stored_runs):
    folders = [make_run("ours", 0.25), make_run("theirs", 0.5)]
    first = send(*folders)
    assert send(*folders) == first
    program, *places = sorted(run.data.tags["place"] for run in stored_runs("toy"))
    assert program.startswith("program ")
    assert places == ["set/ours/seed0", "set/theirs/seed0", "summary"]


def test_a_run_that_was_made_again_takes_its_predecessors_place(results, stored_runs, client):
    others = make_run("theirs", 0.5)
    first = send(make_run("ours", 0.25), others)
    second = send(make_run("ours", 0.125, width=4), others)
    assert second["set/theirs/seed0"] == first["set/theirs/seed0"]
    assert second["set/ours/seed0"] != first["set/ours/seed0"]
    (run,) = [run for run in stored_runs("toy") if run.data.tags.get("place") == "set/ours/seed0"]
    assert run.data.params["width"] == "4"
    assert client().get_run(first["set/ours/seed0"]).info.lifecycle_stage == "deleted"


def test_results_of_another_person_are_left_alone(results, stored_runs, store):
    send(make_run("ours", 0.25))
    # Another person's results in the same store: the same places, another origin.
    (store / "origin").unlink()
    send(make_run("ours", 0.5))
    runs = [run for run in stored_runs("toy") if run.data.tags.get("place") == "set/ours/seed0"]
    assert sorted(run.data.metrics["loss/4 dB"] for run in runs) == [0.25, 0.5]


def test_the_program_is_kept_once(results, store):
    send(make_run("ours", 0.25), make_run("theirs", 0.5))
    (packed,) = store.rglob("program.zip")
    assert packed.read_bytes() == packed_program()
    # Five small files and the checkpoint.
    assert max(len([*model.rglob("*.*")]) for model in store.glob("artifacts/toy/models/*")) < 10


def test_a_kill_while_a_run_is_sent_leaves_no_half_of_it(results, stored_runs, monkeypatch):
    folder = make_run("ours", 0.25)

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tracking._Experiment, "_final", killed)
        with pytest.raises(KeyboardInterrupt):
            send(folder)
    send(folder)
    (run,) = [run for run in stored_runs("toy") if run.data.tags.get("place") == "set/ours/seed0"]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["loss/4 dB"] == 0.25


def test_pictures_and_tables_are_kept(results, client):
    send(make_run("ours", 0.25))
    run_id = send(make_run("ours", 0.25))["summary"]
    assert {file.path for file in client().list_artifacts(run_id)} == {"loss.png", "summary.csv"}
    (results / "figures" / "loss.png").write_bytes(b"another picture")
    assert send(make_run("ours", 0.25))["summary"] != run_id


def test_a_live_run_gives_way_to_the_whole_one(results, stored_runs):
    folder = Path("results/toy/set/ours/seed0")
    make_run("ours", 0.25)
    job = Job("toy", "set", "ours", 0, Path("data/processed/toy/set"), folder, Settings(width=5), live=True)
    with TrainingRun(job) as run:
        assert run.live is not None
        run.live.metrics({"validation_loss": 0.5}, step=10)
        (live,) = stored_runs("toy")
        assert (live.info.status, live.data.metrics) == ("RUNNING", {"validation_loss": 0.5})
        assert live.data.params["width"] == "5"
        run.save({"weights": []}, 1)
    send(folder)
    assert "live" not in {tag for run in stored_runs("toy") for tag in run.data.tags}
    assert {run.info.status for run in stored_runs("toy")} == {"FINISHED"}


def test_an_interrupted_live_training_goes_on_in_its_run(store, stored_runs):
    make_run("ours", 0.25)
    folder = Path("results/toy/set/live/seed0")
    job = Job("toy", "set", "live", 0, Path("data/processed/toy/set"), folder, Settings(width=5), live=True)

    def interrupted():
        with TrainingRun(job) as run:
            run.live.metrics({"loss": 0.5}, step=10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (live,) = stored_runs("toy")
    assert live.info.status == "KILLED"
    with TrainingRun(job) as run:
        assert run.live.run_id == live.info.run_id


def test_a_copy_of_the_results_leaves_the_first_ones_alone(results, stored_runs):
    send(make_run("ours", 0.25))
    shutil.copytree("results", "mine")
    (Path("mine") / "toy/set/ours/seed0/items.csv").write_text("item\n7\n")
    send(Path("mine/toy/set/ours/seed0"), results="mine")
    runs = [run for run in stored_runs("toy") if run.data.tags.get("place") == "set/ours/seed0"]
    assert len(runs) == 2


def test_without_a_server_nothing_is_lost_and_this_is_said_once(results, store, no_server, monkeypatch, capfd):
    folder = make_run("ours", 0.25)
    assert send(folder) == {}
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("tracking: ")
    assert no_server in line
    assert line.endswith("what was not sent is sent next time")
    unsent = store / "tracked" / "results" / "toy.unsent"
    assert unsent.exists()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    sent = send(folder)
    assert set(sent) == {"set/ours/seed0", "summary"}
    assert not unsent.exists()
    assert read_json(store / "tracked" / "results" / "toy.json") == sent
    # Ids that are known stay known when the server goes away.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", no_server)
    assert send(folder) == sent


def test_ids_of_runs_that_are_not_sent_again_stay_known(results):
    first = send(make_run("ours", 0.25), make_run("theirs", 0.5))
    second = send(make_run("ours", 0.125))
    assert second.keys() == first.keys()
    assert second["set/theirs/seed0"] == first["set/theirs/seed0"]


def test_another_label_of_the_scale_is_told(results, client):
    folder = make_run("ours", 0.25)
    send(folder)
    assert client().get_run(send(folder, scale="real")["set/ours/seed0"]).data.tags["scale"] == "real"


def test_a_run_that_is_replaced_takes_its_model_along(results, client):
    send(make_run("ours", 0.25))
    send(make_run("ours", 0.125))
    experiment = client().get_experiment_by_name("toy").experiment_id
    (model,) = client().search_logged_models([experiment])
    assert model.params["method"] == "ours"


def test_a_live_run_whose_process_is_gone_has_ended(results, stored_runs):
    folder = Path("results/toy/set/other/seed7")
    make_run("ours", 0.25)
    job = Job("toy", "set", "other", 7, Path("data/processed/toy/set"), folder, Settings(width=5), live=True)
    # As a kill would leave it.
    TrainingRun(job).__enter__()
    assert {run.info.status for run in stored_runs("toy")} == {"RUNNING"}
    with alone(folder / ".train.lock"):
        send(Path("results/toy/set/ours/seed0"))
        assert "RUNNING" in {run.info.status for run in stored_runs("toy")}
    send(Path("results/toy/set/ours/seed0"))
    assert [run.info.status for run in stored_runs("toy") if "live" in run.data.tags] == ["KILLED"]


def test_a_live_run_of_another_machine_is_left_alone(results, store, stored_runs):
    folder = make_run("ours", 0.25)
    client, experiment = open_experiment("toy")
    client.create_run(experiment, tags={"live": f"{'0' * 32} {folder.absolute()}"})
    send(folder)
    assert [run.info.status for run in stored_runs("toy") if "live" in run.data.tags] == ["RUNNING"]


def test_a_live_training_goes_on_without_a_server(workspace, no_server, capfd):
    make_run("ours", 0.25)
    folder = Path("results/toy/set/live/seed0")
    job = Job("toy", "set", "live", 0, Path("data/processed/toy/set"), folder, Settings(width=5), live=True)
    with TrainingRun(job) as run:
        run.live.metrics({"loss": 0.5}, step=10)
    assert (folder / "run.json").is_file()
    assert capfd.readouterr().err.count("live tracking: ") == 1


def test_a_store_that_is_damaged_is_one_line(results, store, capfd):
    (store / "mlflow.db").write_bytes(b"no database at all" * 100)
    send(make_run("ours", 0.25))
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("tracking: ")


def test_a_server_that_answers_nonsense_is_one_line(results, monkeypatch, capfd):
    class Nonsense(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"<html")

        def do_POST(self):
            self.do_GET()

        def log_message(self, *arguments):
            pass

    folder = make_run("ours", 0.25)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        send(folder)
        server.shutdown()
        thread.join()
    assert len(capfd.readouterr().err.splitlines()) == 1
    assert Path("mlruns/tracked/results/toy.unsent").exists()


def test_without_mlflow_the_results_stand(results, without_mlflow, capfd):
    send(make_run("ours", 0.25))
    assert "tracking: MLflow is not installed; what was not sent" in capfd.readouterr().err


def test_a_run_that_is_not_whole_is_named(results):
    folder = make_run("ours", 0.25)
    (folder / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"seed0: no metrics\.json; train and evaluate this run first"):
        send(folder)


def test_batches_are_no_larger_than_a_server_takes(results, monkeypatch):
    from mlflow import MlflowClient

    sizes = []
    log_batch = MlflowClient.log_batch

    def measured(self, run_id, metrics=(), params=(), **others):
        sizes.append((len(metrics), len(params)))
        return log_batch(self, run_id, metrics=metrics, params=params, **others)

    monkeypatch.setattr(MlflowClient, "log_batch", measured)
    send(make_run("ours", 0.25, steps=1200))
    assert sum(metrics for metrics, _ in sizes) > 1200
    # The limits of MLflow's REST interface.
    assert all(metrics <= 1000 and params <= 100 and metrics + params <= 1000 for metrics, params in sizes)
