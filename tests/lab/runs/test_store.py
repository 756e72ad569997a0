"""Where MLflow's store is, and how it is opened."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.runs.store import StoreError, finite, flatten, metric_name, open_experiment, tracking_uri

PROCESSES = 4


def test_the_default_store_is_in_the_working_directory(workspace, monkeypatch):
    assert tracking_uri().partition("?")[0] == f"sqlite:///{workspace / 'mlruns' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert tracking_uri() == "http://127.0.0.1:9"


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


def test_numbers_that_are_none_are_left_out():
    assert finite({"a": 1, "b": math.nan, "c": math.inf, "d e": -2.5}) == {"a": 1.0, "d e": -2.5}


@pytest.mark.parametrize("name", ["my résumé #1 100%", "who? a=b&c"])
def test_a_folder_with_unusual_characters_holds_a_store(workspace, empty_store, monkeypatch, name):
    odd = workspace / name
    (odd / "mlruns").mkdir(parents=True)
    shutil.copy(empty_store, odd / "mlruns" / "mlflow.db")
    (workspace / "a.txt").write_text("a")
    monkeypatch.chdir(odd)
    client, experiment = open_experiment("codes")
    run = client.create_run(experiment)
    client.log_artifact(run.info.run_id, str(workspace / "a.txt"))
    assert len(list(odd.glob("mlruns/artifacts/codes/**/a.txt"))) == 1
    assert [path.name for path in workspace.iterdir() if path.name not in (name, "a.txt")] == ["params.yaml"]


# One process imports MLflow and opens nothing; its children start together on a store that is not there yet.
TOGETHER = f"""
import multiprocessing, os
from mlflow import MlflowClient
from hypernet.lab.runs.store import open_experiment

def work(index, barrier):
    barrier.wait()
    client, experiment = open_experiment(["codes", "radar"][index % 2])
    client.create_run(experiment, run_name=f"run {{index}}")
    os._exit(0)

context = multiprocessing.get_context("fork")
barrier = context.Barrier({PROCESSES})
workers = [context.Process(target=work, args=(index, barrier)) for index in range({PROCESSES})]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print([worker.exitcode for worker in workers])
"""


def test_several_processes_open_a_fresh_store_together(workspace, stored_runs):
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=False, timeout=600)
    assert done.stdout.strip() == str([0] * PROCESSES)
    # On a slow machine they say that they wait.
    assert all(line.endswith("another process opens the store; waiting for it") for line in done.stderr.splitlines())
    names = {run.info.run_name for experiment in ("codes", "radar") for run in stored_runs(experiment)}
    assert names == {f"run {index}" for index in range(PROCESSES)}


def test_a_process_killed_while_it_makes_the_store_leaves_one_that_can_be_made(workspace, stored_runs):
    program = "from hypernet.lab.runs.store import open_experiment; open_experiment('codes')"
    victim = subprocess.Popen([sys.executable, "-c", program])
    # As soon as its tables begin to be made.
    while not (started := [*Path("mlruns").glob(".new-*/mlflow.db")]) or not started[0].stat().st_size:
        assert victim.poll() is None, "the store was made before the process could be killed"
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not Path("mlruns/mlflow.db").exists()
    client, experiment = open_experiment("codes")
    client.create_run(experiment, run_name="after")
    assert [run.info.run_name for run in stored_runs("codes")] == ["after"]


def test_a_server_that_is_away_is_one_line(no_server):
    with pytest.raises(StoreError, match=f"{no_server} did not answer") as caught:
        open_experiment("codes")
    assert "\n" not in str(caught.value)


def test_a_missing_library_is_one_line(without_mlflow):
    with pytest.raises(StoreError, match=r"^MLflow is not installed$"):
        open_experiment("codes")
