from __future__ import annotations

import http.server
import math
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.config import Section
from hypernet.lab.files import read_json
from hypernet.lab.manifest import write_manifest
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.runs.tracking import Tracker, flatten, metric_name, run_id_of, tracking_uri

# Nothing listens on the discard port.
NO_SERVER = "http://127.0.0.1:9"
PROCESSES = 8
STEPS = 3


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which nothing was logged; MLflow takes seconds to make its tables."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(workspace: Path, empty_store: Path) -> Path:
    """The folder of a store of the working directory."""
    (workspace / "mlruns").mkdir()
    shutil.copy(empty_store, workspace / "mlruns" / "mlflow.db")
    return workspace / "mlruns"


@pytest.fixture(autouse=True)
def environment(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables that a tracker sets are undone."""
    for name in (
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
        "MLFLOW_HTTP_REQUEST_TIMEOUT",
        "MLFLOW_DISABLE_ENV_CREATION",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR",
        "MLFLOW_LOGGING_LEVEL",
    ):
        # Set and then removed, so that the value of before comes back at the end of the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def client():
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri())


def runs_of(experiment: str) -> list:
    experiment_found = client().get_experiment_by_name(experiment)
    return client().search_runs([experiment_found.experiment_id])


def test_the_default_store_is_in_the_working_directory(workspace, monkeypatch):
    assert tracking_uri().partition("?")[0] == f"sqlite:///{workspace / 'mlruns' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)
    assert tracking_uri() == NO_SERVER


nested = st.recursive(
    st.integers() | st.booleans() | st.none() | st.lists(st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, min_size=1, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), nested, max_size=4))
def test_flat_names_lead_to_their_values(content):
    flat = flatten(content)
    for name, value in flat.items():
        entry = content
        for key in name.split("."):
            entry = entry[key]
        assert value == str(entry)

    def leaves(inner):
        return sum(map(leaves, inner.values())) if isinstance(inner, dict) else 1

    assert len(flat) == leaves(content)


@pytest.mark.parametrize("name", ["ber/4 dB", "Eb/N0 (dB)", "a=b", "−ln(BER)", "é", "x_1.y-z:2"])
def test_metric_names_are_those_that_mlflow_accepts(name):
    from mlflow.utils.validation import _validate_metric_name

    _validate_metric_name(metric_name(name))


def test_a_run_holds_what_was_logged(store, tmp_path, capfd):
    note = tmp_path / "note.txt"
    note.write_text("hello")
    tracker = Tracker("codes", "bp A seed 0", tags={"commit": "abc"})
    tracker.parameters({"a": {"b": 1}, "c": "x" * 9000})
    for step in range(3):
        tracker.metrics({"loss": step / 2, "worse": math.nan, "worst": math.inf}, step=step)
    tracker.tags({"rule": "train"})
    tracker.artifact(note, "notes")
    tracker.close()
    (run,) = runs_of("codes")
    assert run.info.run_id == tracker.run_id
    assert run.info.run_name == "bp A seed 0"
    assert run.info.status == "FINISHED"
    assert set(run.data.params) == {"a.b", "c"}
    assert run.data.params["a.b"] == "1"
    assert set(run.data.params["c"]) == {"x"}
    history = client().get_metric_history(tracker.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert run.data.metrics == {"loss": 1.0}
    assert run.data.tags["commit"] == "abc"
    assert run.data.tags["rule"] == "train"
    assert [point.path for point in client().list_artifacts(tracker.run_id, "notes")] == ["notes/note.txt"]
    assert list(store.glob("artifacts/codes/**/note.txt")) != []
    assert tracker.unlogged == []
    assert capfd.readouterr().err == ""


def test_a_run_is_continued_and_an_unknown_one_is_opened_anew(store):
    first = Tracker("codes", "x")
    first.metrics({"loss": 1.0}, step=0)
    first.close("FAILED")
    again = Tracker("codes", "x", run_id=first.run_id)
    again.metrics({"loss": 0.5}, step=1)
    again.close()
    assert again.run_id == first.run_id
    assert [point.step for point in client().get_metric_history(first.run_id, "loss")] == [0, 1]
    assert client().get_run(first.run_id).info.status == "FINISHED"
    other = Tracker("codes", "x", run_id="0123456789abcdef0123456789abcdef")
    assert other.active
    assert other.run_id not in (first.run_id, "0123456789abcdef0123456789abcdef")
    assert {point.info.run_id for point in runs_of("codes")} == {first.run_id, other.run_id}


def test_a_folder_with_unusual_characters_holds_a_store(workspace, empty_store, monkeypatch):
    odd = workspace / "my résumé #1 100%"
    (odd / "mlruns").mkdir(parents=True)
    shutil.copy(empty_store, odd / "mlruns" / "mlflow.db")
    (workspace / "a.txt").write_text("a")
    monkeypatch.chdir(odd)
    tracker = Tracker("codes", "x")
    tracker.artifact(workspace / "a.txt")
    tracker.close()
    assert tracker.unlogged == []
    assert [run.info.run_id for run in runs_of("codes")] == [tracker.run_id]
    assert len(list(odd.glob("mlruns/artifacts/**/a.txt"))) == 1


# One process imports MLflow and opens nothing; its children start together on a store that is not there yet.
TOGETHER = f"""
import multiprocessing, os
from pathlib import Path
from mlflow import MlflowClient
from hypernet.lab.runs.tracking import Tracker

def work(index, barrier):
    note = Path(f"note{{index}}.txt")
    note.write_text(str(index))
    barrier.wait()
    tracker = Tracker("codes", f"run {{index}}", tags={{"index": str(index)}})
    tracker.parameters({{f"p{{k}}": index * 1000 + k for k in range(100)}})
    for step in range({STEPS}):
        tracker.metrics({{"loss": index + step / 10, "error": -index}}, step=step)
    tracker.artifact(note)
    tracker.close()
    os._exit(len(tracker.unlogged))

context = multiprocessing.get_context("fork")
barrier = context.Barrier({PROCESSES})
workers = [context.Process(target=work, args=(index, barrier)) for index in range({PROCESSES})]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print([worker.exitcode for worker in workers])
"""


def test_several_processes_lose_nothing_in_a_fresh_store(workspace):
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=False, timeout=200)
    assert (done.stderr, done.stdout.strip()) == ("", str([0] * PROCESSES))
    runs = runs_of("codes")
    assert sorted(int(run.data.tags["index"]) for run in runs) == list(range(PROCESSES))
    for run in runs:
        index = int(run.data.tags["index"])
        assert run.info.run_name == f"run {index}"
        assert run.info.status == "FINISHED"
        assert run.data.params == {f"p{k}": str(index * 1000 + k) for k in range(100)}
        for name, expected in (
            ("loss", [index + step / 10 for step in range(STEPS)]),
            ("error", [-index] * STEPS),
        ):
            history = sorted(client().get_metric_history(run.info.run_id, name), key=lambda point: point.step)
            assert [point.step for point in history] == list(range(STEPS))
            assert [point.value for point in history] == expected
        (note,) = client().list_artifacts(run.info.run_id)
        assert Path(client().download_artifacts(run.info.run_id, note.path)).read_text() == str(index)


def test_without_a_server_the_record_is_kept_and_this_is_said_once(monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)
    tracker = Tracker("codes", "x")
    assert not tracker.active
    tracker.parameters({"a": {"b": 1}})
    tracker.metrics({"loss": 0.5}, step=3)
    tracker.tags({"rule": "train"})
    tracker.artifact(tmp_path / "nothing.txt")
    tracker.model(tmp_path / "model.ckpt", "a.b:c", np.zeros(1), np.zeros(1))
    tracker.close()
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("tracking: ")
    assert NO_SERVER in line
    assert tracker.run_id is None
    assert tracker.unlogged == [
        {"parameters": {"a.b": "1"}},
        {"metrics": {"loss": 0.5}, "step": 3},
        {"tags": {"rule": "train"}},
        {"artifact": str(tmp_path / "nothing.txt")},
        {"model": str(tmp_path / "model.ckpt")},
    ]


class NoSettings(Section):
    pass


def test_a_training_without_a_server_keeps_its_record_in_run_json(workspace, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)
    data, directory = workspace / "data", workspace / "run"
    write_manifest(data, {})
    with TrainingRun("codes", "A", "bp", 0, data, directory, NoSettings(), "program") as run:
        run.tracker.metrics({"loss": 0.25}, step=7)
    record = read_json(directory / "run.json")
    assert {"metrics": {"loss": 0.25}, "step": 7} in record["not_tracked"]
    assert any("parameters" in entry for entry in record["not_tracked"])
    assert run_id_of(directory) is None
    assert capfd.readouterr().err.count("tracking:") == 1


def test_a_training_with_a_store_names_its_run(workspace, store):
    data, directory = workspace / "data", workspace / "run"
    write_manifest(data, {})
    with TrainingRun("codes", "A", "bp", 0, data, directory, NoSettings(), "program") as run:
        run.tracker.metrics({"loss": 0.25}, step=7)
    assert "not_tracked" not in read_json(directory / "run.json")
    stored = client().get_run(run_id_of(directory))
    assert stored.data.metrics["loss"] == 0.25
    assert stored.data.params["method"] == "bp"
    assert not run.work.exists()


def test_batches_are_no_larger_than_a_server_takes(store, monkeypatch):
    from mlflow import MlflowClient

    sizes = []
    log_batch = MlflowClient.log_batch

    def measured(self, run_id, metrics=(), params=(), **others):
        sizes.append((len(metrics), len(params)))
        return log_batch(self, run_id, metrics=metrics, params=params, **others)

    monkeypatch.setattr(MlflowClient, "log_batch", measured)
    tracker = Tracker("codes", "x")
    tracker.parameters({f"p{index}": index for index in range(250)})
    tracker.metrics({f"m{index}": index for index in range(2000)})
    assert [sum(column) for column in zip(*sizes, strict=True)] == [2000, 250]
    # The limits of MLflow's REST interface.
    assert all(metrics <= 1000 and params <= 100 and metrics + params <= 1000 for metrics, params in sizes)


@pytest.fixture
def lost(store, capfd) -> Tracker:
    """A tracker whose store is destroyed after its first number."""
    tracker = Tracker("codes", "x")
    tracker.metrics({"loss": 1.0}, step=0)
    (store / "mlflow.db").unlink()
    (store / "mlflow.db").write_bytes(b"no database at all" * 100)
    for step in (1, 2, 3):
        tracker.metrics({"loss": 1.0}, step=step)
    tracker.close()
    return tracker


def test_a_store_that_goes_away_in_the_middle_is_said_once_and_the_rest_is_kept(lost, capfd):
    assert capfd.readouterr().err.count("tracking: ") == 1
    assert [entry["step"] for entry in lost.unlogged] == [1, 2, 3]


def test_a_store_that_goes_away_in_the_middle_is_said_in_one_line(lost, capfd):
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_server_that_answers_nonsense_does_not_stop_a_run(monkeypatch, capfd):
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

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        tracker = Tracker("codes", "x")
        tracker.metrics({"loss": 1.0})
        tracker.close()
        server.shutdown()
        thread.join()
    assert tracker.unlogged == [{"metrics": {"loss": 1.0}, "step": 0}]
    assert capfd.readouterr().err.count("tracking:") == 1


def test_without_mlflow_the_run_goes_on(workspace):
    program = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from hypernet.lab.runs.tracking import Tracker\n"
        "tracker = Tracker('codes', 'x'); tracker.metrics({'a': 1}); tracker.close()\n"
        "assert tracker.unlogged == [{'metrics': {'a': 1.0}, 'step': 0}]"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tracking: MLflow is not installed") == 1
    assert len(done.stderr.splitlines()) == 1
