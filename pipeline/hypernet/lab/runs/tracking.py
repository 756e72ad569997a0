"""Keep what happened in MLflow, and never let the keeping stop the science.

Every call here succeeds from the caller's point of view. When MLflow is missing or its server is away, the tracker
says so once, goes on, and remembers what it would have logged so that run.json can hold it.
"""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypernet.lab.files import read_json, write_json
from hypernet.lab.program import PACKAGE_ROOT

DEFAULT_STORE = Path("mlruns")
# A batch of MLflow's store takes at most 1000 metrics and 100 parameters or tags.
METRIC_BATCH = 900
PARAMETER_BATCH = 90
LONGEST_PARAMETER = 5000


def tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``, or the sqlite store in the folder mlruns of the working directory."""
    # Several Snakemake jobs write to one sqlite file: a writer waits its turn instead of giving up after 5 s.
    return os.environ.get("MLFLOW_TRACKING_URI") or (
        f"sqlite:///{(DEFAULT_STORE / 'mlflow.db').absolute()}?timeout=120"
    )


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


def metric_name(text: str) -> str:
    """The name under which MLflow accepts a metric: letters, digits, and ``_ - . / :`` and blanks."""
    return re.sub(r"[^\w\-./: ]", "_", text)


class Tracker:
    """One MLflow run, opened anew or continued.

    Args:
        experiment: name of the experiment, one per domain.
        name: name of the run.
        tags: tags of the run.
        run_id: continue this run instead of opening one.
    """

    def __init__(self, experiment: str, name: str, tags: Mapping[str, str] | None = None, run_id: str | None = None):
        self.run_id = run_id
        self.experiment = experiment
        self.unlogged: list[dict[str, Any]] = []
        self._client: Any = None
        self._open(name, dict(tags or {}))

    @property
    def active(self) -> bool:
        """Whether what is logged reaches MLflow."""
        return self._client is not None

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Log parameters, flattened."""
        flat = flatten(values)

        def log() -> None:
            from mlflow.entities import Param

            entries = [Param(key, value) for key, value in flat.items()]
            for start in range(0, len(entries), PARAMETER_BATCH):
                self._client.log_batch(self.run_id, params=entries[start : start + PARAMETER_BATCH])

        self._attempt(log, {"parameters": flat})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log numbers at a step; those that are not finite are left out, because the store refuses them."""
        finite = {metric_name(k): float(v) for k, v in values.items() if abs(float(v)) < float("inf")}

        def log() -> None:
            from mlflow.entities import Metric

            now = int(time.time() * 1000)
            entries = [Metric(key, value, now, step) for key, value in finite.items()]
            for start in range(0, len(entries), METRIC_BATCH):
                self._client.log_batch(self.run_id, metrics=entries[start : start + METRIC_BATCH])

        self._attempt(log, {"metrics": finite, "step": step})

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags of the run."""

        def log() -> None:
            for key, value in values.items():
                self._client.set_tag(self.run_id, key, value)

        self._attempt(log, {"tags": dict(values)})

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Keep a file with the run."""
        self._attempt(lambda: self._client.log_artifact(self.run_id, str(path), folder), {"artifact": str(path)})

    def model(self, checkpoint: Path, loader: str, example_input: Any, example_output: Any) -> None:
        """Keep a trained model so that ``mlflow.pyfunc.load_model(...).predict(array)`` works.

        Args:
            checkpoint: the model file.
            loader: ``package.module:function``; the function takes the model file and returns a callable from
                an input array to an output array.
            example_input: an input array, from which the signature is taken.
            example_output: what the model returns for it.
        """

        def log() -> None:
            import mlflow

            mlflow.set_tracking_uri(tracking_uri())
            signature = mlflow.models.infer_signature(example_input, example_output)
            with warnings.catch_warnings(), mlflow.start_run(run_id=self.run_id):
                # It asks for type hints and an input example; the signature above says the same.
                warnings.simplefilter("ignore")
                mlflow.pyfunc.log_model(
                    name="model",
                    python_model=str(Path(__file__).with_name("pyfunc.py")),
                    model_config={"loader": loader},
                    artifacts={"checkpoint": str(checkpoint)},
                    signature=signature,
                    code_paths=[str(PACKAGE_ROOT)],
                    pip_requirements=["torch", "numpy", "lazy-loader", "lightning", "pydantic", "pyyaml", "mlflow"],
                )

        self._attempt(log, {"model": str(checkpoint)})

    def close(self, status: str = "FINISHED") -> None:
        """End the run with one of MLflow's states: FINISHED, FAILED or KILLED."""
        if self.active:
            self._attempt(lambda: self._client.set_terminated(self.run_id, status), {"status": status})

    def _open(self, name: str, tags: dict[str, str]) -> None:
        # A server that is away must not hold a training up for minutes of polite retries.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_DISABLE_ENV_CREATION", "true")
        # MLflow reports its use to its makers unless told not to.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        uri = tracking_uri()
        try:
            _quiet_mlflow()
            from mlflow import MlflowClient

            if uri.startswith("sqlite:"):
                client, experiment_id = _open_local(uri, self.experiment)
            else:
                client = MlflowClient(uri)
                experiment_id = _experiment(client, self.experiment, None)
            if self.run_id is not None and not _known(client, self.run_id):
                self.run_id = None
            if self.run_id is None:
                run = client.create_run(experiment_id, run_name=name, tags=tags)
                self.run_id = run.info.run_id
            else:
                client.update_run(self.run_id, status="RUNNING")
            self._client = client
        except ImportError:
            self._give_up("MLflow is not installed")
        except Exception as error:
            self._give_up(f"{uri} did not answer ({_first_line(error)})")

    def _attempt(self, log: Callable[[], None], record: dict[str, Any]) -> None:
        if not self.active:
            self.unlogged.append(record)
            return
        try:
            log()
        except Exception as error:
            self.unlogged.append(record)
            self._give_up(_first_line(error))

    def _give_up(self, reason: str) -> None:
        self._client = None
        print(
            f"tracking: {reason}; the run goes on and keeps its record in run.json",
            file=sys.stderr,
            flush=True,
        )


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__


def _quiet_mlflow() -> None:
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    import logging

    import mlflow  # noqa: F401 (it sets the levels of its loggers when it is imported)

    # At ERROR the store prints a page of traceback where this module says one line.
    for name in ("mlflow", "mlflow.store.db.utils", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _known(client: Any, run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException:
        return False


def _experiment(client: Any, name: str, artifacts: str | None) -> str:
    experiment = client.get_experiment_by_name(name)
    return str(experiment.experiment_id if experiment else client.create_experiment(name, artifact_location=artifacts))


def _open_local(uri: str, experiment: str) -> tuple[Any, str]:
    """Open the sqlite store; the first of several processes creates its tables while the others wait."""
    import filelock
    from mlflow import MlflowClient

    database = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    database.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(database.parent / ".opening.lock"):
        client = MlflowClient(uri)
        artifacts = (database.parent / "artifacts" / experiment).absolute().as_uri()
        return client, _experiment(client, experiment, artifacts)


def run_id_of(run_directory: Path) -> str | None:
    """MLflow's run id from ``run.json`` of a run, or None where the run was not tracked."""
    run_id: str | None = read_json(run_directory / "run.json").get("mlflow_run_id")
    return run_id


def keep_in_summary_run(experiment: str, folder: Path, files: Sequence[Path]) -> None:
    """Keep pictures and tables in the experiment's run "summary", the same one for as long as ``folder`` stands."""
    known = folder / ".mlflow_run.json"
    run_id = read_json(known)["mlflow_run_id"] if known.is_file() else None
    tracker = Tracker(experiment, "summary", tags={"rule": "figures"}, run_id=run_id)
    for path in files:
        tracker.artifact(path)
    tracker.close()
    write_json(known, {"mlflow_run_id": tracker.run_id})
