"""MLflow's store: where it is, how it is opened, and the names it accepts."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypernet.lab.files import write_text

DEFAULT_STORE = Path("mlruns")
LONGEST_PARAMETER = 5000
# A batch of MLflow's store takes at most 100 parameters.
PARAMETER_BATCH = 90


class StoreError(Exception):
    """MLflow is not installed, or its store does not answer; the text is one line that says so."""


def tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``, or the sqlite store in the folder mlruns of the working directory."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    database = (DEFAULT_STORE / "mlflow.db").absolute()
    # In an address a question mark ends the path, and nothing can stand for it.
    path = DEFAULT_STORE / "mlflow.db" if "?" in str(database) else database
    # Several processes write to one sqlite file: a writer waits its turn instead of giving up after 5 s.
    return f"sqlite:///{path}?timeout=120"


def origin() -> str:
    """A name for what this working directory sends, that no other person's has.

    It stands beside the default store, which nothing hands on: results may be copied, or come from a colleague.
    """
    path = DEFAULT_STORE / "origin"
    known = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
    if not re.fullmatch(r"[0-9a-f]{32}", known):
        known = uuid.uuid4().hex
        write_text(path, known + "\n")
    return known


def state_file(results: Path, domain: str) -> Path:
    """Where the ids of a domain's runs stand: beside the default store, for they mean nothing on another machine."""
    place = results.relative_to(results.anchor) if results.is_absolute() else results
    return DEFAULT_STORE / "tracked" / place / f"{domain}.json"


def unsent_file(results: Path, domain: str) -> Path:
    """The file that is there while something is left to be sent."""
    return state_file(results, domain).with_suffix(".unsent")


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested settings to ``{"train.max_steps": "900"}``; lists stay one value."""
    flat: dict[str, str] = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = str(value)[:LONGEST_PARAMETER]
    return flat


def log_parameters(client: Any, run_id: str, values: Mapping[str, Any]) -> None:
    """Log nested settings as parameters of a run, flattened."""
    from mlflow.entities import Param

    entries = [Param(name, value) for name, value in flatten(values).items()]
    for first in range(0, len(entries), PARAMETER_BATCH):
        client.log_batch(run_id, params=entries[first : first + PARAMETER_BATCH])


def metric_name(text: str) -> str:
    """The name under which MLflow accepts a metric: letters, digits, and ``_ - . / :`` and blanks."""
    return re.sub(r"[^\w\-./: ]", "_", text)


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """The numbers that the store takes, under the names that it takes."""
    return {metric_name(name): float(value) for name, value in values.items() if abs(float(value)) < float("inf")}


def first_line(error: Exception) -> str:
    """An error of a library in one line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__


def open_experiment(name: str) -> tuple[Any, str]:
    """The client of the store, and the id of the experiment ``name``, which is made where it is missing.

    Raises:
        StoreError: MLflow is not installed, or its store does not answer.
    """
    # A server that is away must not hold the work up for minutes of polite retries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_DISABLE_ENV_CREATION", "true")
    # MLflow reports its use to its makers unless told not to.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    uri = tracking_uri()
    try:
        import mlflow

        # At ERROR the store prints a page of traceback where this module says one line.
        for logger in ("mlflow", "mlflow.store.db.utils", "alembic"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        mlflow.set_tracking_uri(uri)
        if uri.startswith("sqlite:"):
            return _open_local(uri, name)
        client = mlflow.MlflowClient(uri)
        return client, _experiment(client, name, None)
    except ImportError:
        raise StoreError("MLflow is not installed") from None
    except Exception as error:  # whatever a store or a server stumbles over
        raise StoreError(f"{uri} did not answer ({first_line(error)})") from None


def _open_local(uri: str, experiment: str) -> tuple[Any, str]:
    """Open the sqlite store; the first of several processes makes it while the others wait."""
    import filelock
    from mlflow import MlflowClient

    database = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    database.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(database.parent / ".opening.lock")
    try:
        lock.acquire(timeout=15)
    except filelock.Timeout:
        print(f"{database.parent}: another process opens the store; waiting for it", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        if not database.exists():
            # Made whole elsewhere, then renamed: a process killed here would leave a store that never opens again.
            with tempfile.TemporaryDirectory(dir=database.parent, prefix=".new-") as folder:
                fresh = Path(folder) / database.name
                MlflowClient(f"sqlite:///{fresh}").search_experiments()
                fresh.replace(database)
        client = MlflowClient(uri)
        artifacts = (database.parent / "artifacts" / experiment).absolute().as_uri()
        return client, _experiment(client, experiment, artifacts)
    finally:
        lock.release()


def _experiment(client: Any, name: str, artifacts: str | None) -> str:
    experiment = client.get_experiment_by_name(name)
    return str(experiment.experiment_id if experiment else client.create_experiment(name, artifact_location=artifacts))
