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
import uuid
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, sha256, write_json, write_text
from hypernet.lab.manifest import MANIFEST
from hypernet.lab.program import PACKAGE_ROOT
from hypernet.lab.results.summary import Measurement, mlflow_metrics
from hypernet.lab.runs.live import LIVE_TAG
from hypernet.lab.runs.store import StoreError, finite, first_line, flatten, open_experiment

TRACKED, UNSENT, ORIGIN = "tracked.json", ".unsent", ".origin"
# A batch of MLflow's store takes at most 1000 metrics and 100 parameters or tags.
METRIC_BATCH, PARAMETER_BATCH = 900, 90
RUN_FILES = ("run.json", "metrics.json", "items.csv", "model.ckpt")
REQUIREMENTS = ("torch", "numpy", "lazy-loader", "lightning", "pydantic", "pyyaml", "mlflow")


@dataclass(frozen=True)
class TrackedRun:
    """One run of the results, as its files tell it.

    Attributes:
        folder: the run's folder.
        place: its place in the results, e.g. ``BCH31_16/hyper/seed0``.
    """

    folder: Path
    place: str

    @cached_property
    def record(self) -> dict[str, Any]:
        """What run.json says."""
        record: dict[str, Any] = read_json(self.folder / "run.json")
        return record

    @cached_property
    def digest(self) -> str:
        """Of all files of the run."""
        return digest_of({name: sha256(self.folder / name) for name in RUN_FILES})

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{self.record['method']} {self.record['dataset']} seed {self.record['seed']}"

    def measured(self) -> dict[str, float]:
        """The final numbers under the names that summary.csv gives them."""
        entries = read_json(self.folder / "metrics.json")["measurements"]
        numbers = mlflow_metrics(Measurement(**entry) for entry in entries)
        return finite(numbers | {"seconds": self.record["seconds"], "parameter_count": self.record["parameter_count"]})


def track(domain: str, runs: Sequence[Path], data: Path, out: Path, opener: str) -> None:
    """Bring MLflow to where the results are; no failure of MLflow is one of this function.

    Args:
        domain: name of the domain, and of its experiment.
        runs: folders of the runs, each with model, record and measurements.
        data: the domain's folder of prepared data.
        out: the domain's folder of results. Its tables and pictures become the run "summary"; it gets
            ``tracked.json`` with the id of every run, or ``.unsent`` beside it where something is left to be sent.
        opener: ``package.module:function``, what opens a model file and gives a function of an input array.

    Raises:
        UserError: a run is not whole.
    """
    for folder in runs:
        missing = [name for name in RUN_FILES if not (folder / name).is_file()]
        if missing:
            raise UserError(f"{folder}: no {missing[0]}; train and evaluate this run first")
    content: dict[str, Any] = {"origin": _origin(out), "runs": {}}
    try:
        experiment = _Experiment(domain, content["origin"], opener)
        content["runs"] = experiment.bring(runs, data, out)
    except StoreError as error:
        reason = str(error)
    except Exception as error:  # whatever MLflow stumbles over
        reason = first_line(error)
    else:
        write_json(out / TRACKED, content)
        (out / UNSENT).unlink(missing_ok=True)
        return
    print(f"tracking: {reason}; what was not sent is sent next time", file=sys.stderr, flush=True)
    write_json(out / TRACKED, content)
    # Newer than tracked.json: that tells Snakemake that there is something to do.
    (out / UNSENT).touch()


def _origin(out: Path) -> str:
    """A name for these results, whatever folder they come to lie in, that no other person's results have.

    In a file of its own and before anything is sent: Snakemake removes a step's outputs before the step begins.
    """
    path = out / ORIGIN
    if not path.is_file():
        write_text(path, uuid.uuid4().hex + "\n")
    return path.read_text(encoding="utf-8").strip()


class _Experiment:
    """The MLflow runs of one domain's results."""

    def __init__(self, domain: str, origin: str, opener: str):
        self.domain, self.origin, self.opener = domain, origin, opener
        self.client, self.id = open_experiment(domain)

    def bring(self, runs: Sequence[Path], data: Path, out: Path) -> dict[str, str]:
        """Send what MLflow does not have as it is; returns the MLflow id of every run by its place."""
        there, live = self._there()
        tracked = {}
        for folder in runs:
            run = TrackedRun(folder, "/".join(folder.parts[-3:]))
            tracked[run.place] = self._keep(there, run.place, run.digest, partial(self._send, run, data))
            for run_id in live.get(str(folder.absolute()), []):
                self.client.delete_run(run_id)
        pictures = sorted(path for path in (out / "figures").glob("*") if path.suffix in (".png", ".gif"))
        files = [*pictures, *(out / name for name in ("summary.csv", "comparisons.csv") if (out / name).is_file())]
        digest = digest_of({path.name: sha256(path) for path in files})
        tracked["summary"] = self._keep(there, "summary", digest, partial(self._send_files, "summary", files))
        return tracked

    def _there(self) -> tuple[dict[str, list[Any]], dict[str, list[str]]]:
        """The runs that MLflow has: ours by place, and those of trainings that go on, by their folders."""
        ours: dict[str, list[Any]] = {}
        live: dict[str, list[str]] = {}
        token = None
        while True:
            page = self.client.search_runs([self.id], max_results=1000, page_token=token)
            for run in page:
                tags = run.data.tags
                if LIVE_TAG in tags:
                    live.setdefault(tags[LIVE_TAG], []).append(run.info.run_id)
                elif tags.get("origin") == self.origin:
                    ours.setdefault(tags["place"], []).append(run)
            token = page.token
            if not token:
                return ours, live

    def _keep(self, there: Mapping[str, list[Any]], place: str, digest: str, send: Callable[[], str]) -> str:
        """The id of the run at ``place``, sent where MLflow has none or another one; others there are deleted."""
        before = there.get(place, [])
        same = [run.info.run_id for run in before if run.data.tags.get("digest") == digest]
        if same:
            run_id = str(same[0])
        else:
            run_id = send()
            # Last of all: a run without it was not sent whole and is sent again.
            self.client.set_tag(run_id, "digest", digest)
        for run in before:
            if run.info.run_id != run_id:
                self.client.delete_run(run.info.run_id)
        return run_id

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
        tags = {name: str(record[name]) for name in ("domain", "dataset", "method", "seed", "commit", "scale")}
        tags |= {"rule": "train", "data_digest": record["data_digest"], "device": record["device"]}
        run_id = self._begin(run.name, run.place, tags, started)
        self._parameters(run_id, record)
        dataset = self._dataset(run_id, record, data)
        self._curves(run_id, record, started)
        for name in ("items.csv", "run.json"):
            self.client.log_artifact(run_id, str(run.folder / name))
        model = self._model(run_id, run) if "signature" in record else None
        self._final(run_id, run.measured(), ended, model, dataset)
        self.client.set_terminated(run_id, "FINISHED", end_time=ended)
        return run_id

    def _parameters(self, run_id: str, record: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        identity = {name: record[name] for name in ("domain", "dataset", "method", "seed")}
        entries = [Param(name, value) for name, value in flatten({**identity, **record["parameters"]}).items()]
        for first in range(0, len(entries), PARAMETER_BATCH):
            self.client.log_batch(run_id, params=entries[first : first + PARAMETER_BATCH])

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
            for name, value in finite({name: row[name] for name in row if name != "step"}).items()
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
                model_config={"opener": self.opener, "program": f"runs:/{self._program}/program.zip"},
                artifacts={"checkpoint": str(run.folder / "model.ckpt")},
                signature=ModelSignature(maps_from, maps_to),
                pip_requirements=list(REQUIREMENTS),
            )
        return str(info.model_id)

    @cached_property
    def _program(self) -> str:
        """The id of the run that keeps the program that opens the models, once for each state of it."""
        content = packed_program()
        digest = hashlib.sha256(content).hexdigest()
        runs = self.client.search_runs([self.id], f"tags.program = '{digest}'", max_results=1)
        if runs:
            return str(runs[0].info.run_id)
        tags = {"rule": "program", "domain": self.domain}
        run_id = str(self.client.create_run(self.id, tags=tags, run_name=f"program {digest[:8]}").info.run_id)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "program.zip"
            path.write_bytes(content)
            self.client.log_artifact(run_id, str(path))
        self.client.set_terminated(run_id, "FINISHED")
        self.client.set_tag(run_id, "program", digest)
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
