"""A domain's runs in MLflow, made from the runs' files: one process for all of them, after the science.

Every run of the results is one run of MLflow, known by its place in the results; one that was trained or measured
again takes its predecessor's place. What could not be sent, a later call sends.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, sha256, write_json
from hypernet.lab.freshness import lock_of
from hypernet.lab.locks import is_held
from hypernet.lab.manifest import MANIFEST
from hypernet.lab.program import PACKAGE_ROOT
from hypernet.lab.results.summary import Measurement, mlflow_metrics
from hypernet.lab.runs.live import LIVE_TAG, live_tag
from hypernet.lab.runs.store import (
    StoreError,
    finite,
    first_line,
    log_parameters,
    open_experiment,
    origin,
    state_file,
    unsent_file,
)

# A batch of MLflow's store takes at most 1000 metrics.
METRIC_BATCH = 900
RUN_FILES = ("run.json", "metrics.json", "items.csv", "model.ckpt")
REQUIREMENTS = ("torch", "numpy", "lazy-loader", "lightning", "pydantic", "pyyaml", "mlflow")


@dataclass(frozen=True)
class TrackedRun:
    """One run of the results, as its files tell it.

    Attributes:
        folder: the run's folder.
        scale: label of the numbers.
    """

    folder: Path
    scale: str

    @property
    def place(self) -> str:
        """Its place in the domain's results, e.g. ``BCH31_16/hyper/seed0``."""
        return "/".join(self.folder.parts[-3:])

    @cached_property
    def record(self) -> dict[str, Any]:
        """What run.json says."""
        record: dict[str, Any] = read_json(self.folder / "run.json")
        return record

    @cached_property
    def digest(self) -> str:
        """Of all that is sent of the run."""
        return digest_of({name: sha256(self.folder / name) for name in RUN_FILES} | {"scale": self.scale})

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{self.record['method']} {self.record['dataset']} seed {self.record['seed']}"

    def measured(self) -> dict[str, float]:
        """The final numbers under the names that summary.csv gives them."""
        entries = read_json(self.folder / "metrics.json")["measurements"]
        numbers = mlflow_metrics(Measurement(**entry) for entry in entries)
        return finite(numbers | {"seconds": self.record["seconds"], "parameter_count": self.record["parameter_count"]})


def track(domain: str, runs: Sequence[Path], data: Path, results: Path, opener: str, scale: str) -> dict[str, str]:
    """Bring MLflow to where the results are; no failure of MLflow is one of this function.

    Args:
        domain: name of the domain, and of its experiment.
        runs: folders of the runs, each with model, record and measurements.
        data: the domain's folder of prepared data.
        results: the folder of results. The domain's tables and pictures there become the run "summary".
        opener: ``package.module:function``, what opens a model file and gives a function of an input array.
        scale: label of the numbers.

    Returns:
        MLflow's ids by place, as :func:`state_file` keeps them; where not all could be sent, those of before.

    Raises:
        UserError: a run is not whole.
    """
    for folder in runs:
        missing = [name for name in RUN_FILES if not (folder / name).is_file()]
        if missing:
            raise UserError(f"{folder}: no {missing[0]}; train and evaluate this run first")
    state, unsent = state_file(results, domain), unsent_file(results, domain)
    known: dict[str, str] = {}
    with contextlib.suppress(UserError):
        content = read_json(state)
        known = {str(place): str(run) for place, run in content.items()} if isinstance(content, dict) else {}
    try:
        experiment = _Experiment(domain, results, opener)
        known |= experiment.bring([TrackedRun(folder, scale) for folder in runs], data)
    except StoreError as error:
        reason = str(error)
    except Exception as error:  # whatever MLflow stumbles over
        reason = first_line(error)
    else:
        write_json(state, known)
        unsent.unlink(missing_ok=True)
        return known
    print(f"tracking: {reason}; what was not sent is sent next time", file=sys.stderr, flush=True)
    unsent.parent.mkdir(parents=True, exist_ok=True)
    unsent.touch()
    return known


class _Experiment:
    """The MLflow runs of one domain's results."""

    def __init__(self, domain: str, results: Path, opener: str):
        self.domain, self.opener = domain, opener
        self.out = results / domain
        # These results and no others: not another person's, nor a copy of them.
        self.origin = f"{origin()} {self.out.absolute()}"
        self.client, self.id = open_experiment(domain)
        self.there: dict[str, list[Any]] = {}

    def bring(self, runs: Sequence[TrackedRun], data: Path) -> dict[str, str]:
        """Send what MLflow does not have as it is; returns the MLflow id of every run by its place."""
        self.there, live = self._find()
        tracked = {}
        for run in runs:
            tracked[run.place] = self._keep(run.place, run.digest, partial(self._send, run, data))
            for shown in live.pop(live_tag(run.folder), []):
                self._delete(shown.info.run_id)
        # Of trainings that are not among the runs, those whose process is gone have ended.
        for tag, shown_runs in live.items():
            mine, _, folder = tag.partition(" ")
            for shown in shown_runs:
                alive = is_held(lock_of(Path(folder), "train"))
                if mine == origin() and shown.info.status == "RUNNING" and not alive:
                    self.client.set_terminated(shown.info.run_id, "KILLED")
        pictures = sorted(path for path in (self.out / "figures").glob("*") if path.suffix in (".png", ".gif"))
        tables = (self.out / name for name in ("summary.csv", "comparisons.csv"))
        files = [*pictures, *(path for path in tables if path.is_file())]
        digest = digest_of({path.name: sha256(path) for path in files})
        tracked["summary"] = self._keep("summary", digest, partial(self._send_files, "summary", files))
        return tracked

    def _find(self) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        """The runs that MLflow has: ours by place, and those of trainings that go on, by their folders."""
        ours: dict[str, list[Any]] = {}
        live: dict[str, list[Any]] = {}
        token = None
        while True:
            page = self.client.search_runs([self.id], max_results=1000, page_token=token)
            for run in page:
                tags = run.data.tags
                if LIVE_TAG in tags:
                    live.setdefault(tags[LIVE_TAG], []).append(run)
                elif tags.get("origin") == self.origin:
                    ours.setdefault(tags["place"], []).append(run)
            token = page.token
            if not token:
                return ours, live

    def _keep(self, place: str, digest: str, send: Callable[[], str]) -> str:
        """The id of the run at ``place``, sent where MLflow has none or another one; others there are deleted."""
        before = self.there.get(place, [])
        same = [run.info.run_id for run in before if run.data.tags.get("digest") == digest]
        if same:
            run_id = str(same[0])
        else:
            run_id = send()
            # Last of all: a run without it was not sent whole and is sent again.
            self.client.set_tag(run_id, "digest", digest)
        for run in before:
            if run.info.run_id != run_id:
                self._delete(run.info.run_id)
        return run_id

    def _delete(self, run_id: str) -> None:
        """Delete a run and its model."""
        for model in self.client.search_logged_models([self.id], f"source_run_id = '{run_id}'"):
            self.client.delete_logged_model(model.model_id)
        self.client.delete_run(run_id)

    def _begin(self, name: str, place: str, tags: Mapping[str, str], started: int | None = None) -> str:
        tags = {"origin": self.origin, "place": place, **tags}
        return str(self.client.create_run(self.id, start_time=started, tags=tags, run_name=name).info.run_id)

    def _send_files(self, place: str, files: Sequence[Path]) -> str:
        run_id = self._begin(place, place, {"domain": self.domain, "rule": "figures"})
        for path in files:
            self.client.log_artifact(run_id, str(path))
        self.client.set_terminated(run_id, "FINISHED")
        return run_id

    def _send(self, run: TrackedRun, data: Path) -> str:
        record = run.record
        started = int(record["started"] * 1000)
        ended = started + int(record["seconds"] * 1000)
        tags = {name: str(record[name]) for name in ("domain", "dataset", "method", "seed", "commit")}
        tags |= {"scale": run.scale, "rule": "train", "data_digest": record["data_digest"], "device": record["device"]}
        run_id = self._begin(run.name, run.place, tags, started)
        identity = {name: record[name] for name in ("domain", "dataset", "method", "seed")}
        log_parameters(self.client, run_id, {**identity, **record["parameters"]})
        dataset = self._dataset(run_id, record, data)
        self._curves(run_id, record, started)
        for name in ("items.csv", "run.json"):
            self.client.log_artifact(run_id, str(run.folder / name))
        model = self._model(run_id, run) if "signature" in record else None
        self._final(run_id, run.measured(), ended, model, dataset)
        self.client.set_terminated(run_id, "FINISHED", end_time=ended)
        return run_id

    def _dataset(self, run_id: str, record: Mapping[str, Any], data: Path) -> tuple[str, str]:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        # MLflow takes 36 letters.
        name, digest = record["dataset"], record["data_digest"][:36]
        source = (data / record["dataset"] / MANIFEST).as_posix()
        dataset = Dataset(name, digest, "local", f'{{"uri": "{source}"}}')
        self.client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
        return name, digest

    def _curves(self, run_id: str, record: Mapping[str, Any], started: int) -> None:
        from mlflow.entities import Metric

        entries = [
            Metric(name, value, started + int(row["seconds"] * 1000), int(row["step"]))
            for row in record.get("history", [])
            for name, value in finite({name: row[name] for name in row if name not in ("step", "seconds")}).items()
        ]
        self._batches(run_id, entries)

    def _final(
        self, run_id: str, numbers: Mapping[str, float], ended: int, model: str | None, dataset: tuple[str, str]
    ) -> None:
        from mlflow.entities import Metric

        more = {"model_id": model, "dataset_name": dataset[0], "dataset_digest": dataset[1]}
        self._batches(run_id, [Metric(name, value, ended, 0, **more) for name, value in numbers.items()])

    def _batches(self, run_id: str, entries: Sequence[Any]) -> None:
        for first in range(0, len(entries), METRIC_BATCH):
            self.client.log_batch(run_id, metrics=entries[first : first + METRIC_BATCH])

    def _model(self, run_id: str, run: TrackedRun) -> str:
        """Keep the model so that ``mlflow.pyfunc.load_model(...).predict(array)`` works; returns its id."""
        import mlflow
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        maps_from, maps_to = (
            Schema([TensorSpec(np.dtype(array["dtype"]), tuple(array["shape"]))])
            for array in (run.record["signature"][name] for name in ("input", "output"))
        )
        with _quiet(), mlflow.start_run(run_id=run_id):
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("pyfunc.py")),
                model_config={"opener": self.opener, **self._program},
                artifacts={"checkpoint": str(run.folder / "model.ckpt")},
                signature=ModelSignature(maps_from, maps_to),
                pip_requirements=list(REQUIREMENTS),
                params={name: run.record[name] for name in ("domain", "dataset", "method", "seed")},
            )
        return str(info.model_id)

    @cached_property
    def _program(self) -> dict[str, str]:
        """Where the program that opens the models is kept, once for each state of it, and its digest."""
        content = packed_program()
        digest = hashlib.sha256(content).hexdigest()
        run_id = self._keep(f"program {digest[:16]}", digest, partial(self._send_program, content, digest))
        return {"program": f"runs:/{run_id}/program.zip", "program_digest": digest}

    def _send_program(self, content: bytes, digest: str) -> str:
        tags = {"rule": "program", "domain": self.domain}
        run_id = self._begin(f"program {digest[:8]}", f"program {digest[:16]}", tags)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "program.zip"
            path.write_bytes(content)
            self.client.log_artifact(run_id, str(path))
        self.client.set_terminated(run_id, "FINISHED")
        return run_id


def packed_program() -> bytes:
    """This package as a zip archive, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(PACKAGE_ROOT.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(PACKAGE_ROOT.parent).as_posix()
                # Without its date.
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without MLflow's wishes: it asks for type hints and an input example; the signature says the same."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
