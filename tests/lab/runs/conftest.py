"""A store for MLflow in a working directory of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hypernet.lab.runs.store import tracking_uri

# Nothing listens on the discard port.
NO_SERVER = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
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
    """The environment variables that opening the store sets are undone."""
    for name in (
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
        "MLFLOW_HTTP_REQUEST_TIMEOUT",
        "MLFLOW_DISABLE_ENV_CREATION",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR",
        "MLFLOW_LOGGING_LEVEL",
        "MLFLOW_TRACKING_URI",
    ):
        # Set and then removed, so that the value of before comes back at the end of the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server that is not there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)
    return NO_SERVER


@pytest.fixture
def client():
    """A client of the store of the working directory, opened when it is called."""

    def make():
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri())

    return make


@pytest.fixture
def stored_runs(client):
    """The active runs of an experiment."""

    def runs(experiment: str) -> list:
        return client().search_runs([client().get_experiment_by_name(experiment).experiment_id])

    return runs
