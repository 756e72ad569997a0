"""The record of one run: what ran on what, how long it took, and where MLflow keeps it."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from hypernet import __version__
from hypernet.lab.config import Section
from hypernet.lab.files import digest_of, read_json, sha256, write_json
from hypernet.lab.manifest import read_manifest
from hypernet.lab.runs.tracking import Tracker

# The command line leaves the label of a run's scale here. No training depends on it, so no settings hold it.
SCALE_VARIABLE = "HYPERNET_SCALE"
WORK = ".work"


def commit() -> str:
    """The commit of the working directory, with ``+`` where files differ from it; "unknown" outside git."""
    try:
        head, dirty = (
            subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=20).stdout
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return head.strip() + ("+" if dirty.strip() else "")


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in MB (10^6 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class TrainingRun:
    """A training from its first step to ``run.json``; entering it opens or continues its MLflow run.

    A run that was killed leaves its working folder behind; the next one with the same settings, data and
    program continues there, and any other starts afresh.

    Args:
        domain: name of the domain.
        dataset: name of the data set.
        method: method id.
        seed: seed of the run.
        data: folder of prepared data, with its manifest.
        directory: the run's own folder.
        settings: everything that the training depends on.
        program: digest of the program text (see :mod:`hypernet.lab.program`).
        start: the model file of another run that this training goes on from, where there is one.
    """

    def __init__(
        self,
        domain: str,
        dataset: str,
        method: str,
        seed: int,
        data: Path,
        directory: Path,
        settings: Section,
        program: str,
        start: Path | None = None,
    ):
        self.identity: dict[str, Any] = {"domain": domain, "dataset": dataset, "method": method, "seed": seed}
        self.directory = directory
        self.work = directory / WORK
        self.settings = settings.model_dump(mode="json")
        self.data_digest = read_manifest(data)["digest"]
        started_from = [] if start is None else [sha256(start)]
        self.fingerprint = digest_of([self.identity, self.settings, self.data_digest, program, *started_from])
        self.facts: dict[str, Any] = {}
        self.tracker: Tracker

    @property
    def name(self) -> str:
        """Name of the run as MLflow shows it."""
        return f"{self.identity['method']} {self.identity['dataset']} seed {self.identity['seed']}"

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        state = self.work / "state.json"
        known = read_json(state) if state.is_file() else {}
        if known.get("fingerprint") != self.fingerprint:
            shutil.rmtree(self.work, ignore_errors=True)
            known = {}
        self.work.mkdir(parents=True, exist_ok=True)
        self.tracker = Tracker(
            self.identity["domain"],
            self.name,
            tags={
                **{key: str(value) for key, value in self.identity.items()},
                "commit": commit(),
                "scale": os.environ.get(SCALE_VARIABLE, "unknown"),
                "data_digest": self.data_digest,
                "rule": "train",
            },
            run_id=known.get("mlflow_run_id"),
        )
        write_json(state, {"fingerprint": self.fingerprint, "mlflow_run_id": self.tracker.run_id})
        self.tracker.parameters({**self.identity, **self.settings})
        return self

    def __exit__(self, raised: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if raised is not None:
            self.tracker.close("KILLED" if raised is KeyboardInterrupt else "FAILED")
            return
        import torch

        seconds = self.facts.pop("seconds", time.monotonic() - self._started)
        self.tracker.metrics({"seconds": seconds, "parameter_count": self.facts.get("parameter_count", 0)})
        self.tracker.close()
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine() + " CPU"
        record = {
            **self.identity,
            "mlflow_run_id": self.tracker.run_id,
            "commit": commit(),
            "data_digest": self.data_digest,
            "parameters": self.settings,
            "seconds": round(seconds, 3),
            "peak_memory_mb": round(peak_memory_mb(), 1),
            "device": device,
            "versions": {
                "hypernet": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
            },
            **self.facts,
        }
        if self.tracker.unlogged:
            record["not_tracked"] = self.tracker.unlogged
        write_json(self.directory / "run.json", record)
        shutil.rmtree(self.work, ignore_errors=True)
