"""The record of one training: what ran on what, how long it took, and what came out."""

from __future__ import annotations

import contextlib
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hypernet import __version__
from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, sha256, write_json
from hypernet.lab.job import Job
from hypernet.lab.manifest import read_manifest

if TYPE_CHECKING:
    import numpy as np

    from hypernet.lab.runs.live import LiveRun

WORK = ".work"
# A second training of a run's network that takes as long as another method's: its facts stand under this name.
EQUAL_TIME = "equal_time"


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
    """A training from its first step to ``model.ckpt`` and ``run.json``.

    A run that was killed leaves its working folder behind; the next one with the same settings, data and
    program continues there, and any other starts afresh.

    Args:
        job: the step.
        start: the model file of another run that this training goes on from, where there is one.

    Attributes:
        facts: what run.json holds beside what every run has; a training adds to them.
        work: folder for what is needed only while the training lasts.
    """

    def __init__(self, job: Job[Section], start: Path | None = None):
        self.job = job
        self.work = job.folder / WORK
        self.settings = job.settings.model_dump(mode="json")
        self.data_digest = read_manifest(job.data)["digest"]
        started_from = [] if start is None else [sha256(start)]
        self.fingerprint = digest_of([job.identity, self.settings, self.data_digest, job.program, *started_from])
        self.facts: dict[str, Any] = {"parameter_count": 0}
        self.live: LiveRun | None = None

    def __enter__(self) -> Self:
        from hypernet.lab.machine import use_threads

        use_threads(self.job.threads)
        self._started = time.time()
        state = self.work / "state.json"
        known: dict[str, Any] = {}
        with contextlib.suppress(UserError):
            content = read_json(state)
            known = content if isinstance(content, dict) else {}
        if known.get("fingerprint") != self.fingerprint:
            shutil.rmtree(self.work, ignore_errors=True)
            known = {}
        self.work.mkdir(parents=True, exist_ok=True)
        if self.job.live:
            from hypernet.lab.runs.live import LiveRun

            self.live = LiveRun(self.job, self.settings, known.get("live_run"))
        live_run = None if self.live is None else self.live.run_id
        write_json(state, {"fingerprint": self.fingerprint, "live_run": live_run})
        return self

    @property
    def identity(self) -> dict[str, Any]:
        """See `Job.identity`."""
        return self.job.identity

    def save(self, content: dict[str, Any], version: int) -> None:
        """Write the trained model to ``model.ckpt``.

        Args:
            content: of tensors and plain types; what every model file says is added.
            version: of the domain's form of model files (see `hypernet.lab.runs.models`).
        """
        from hypernet.lab.runs.models import save_model

        common = {**self.job.identity, "version": version, "settings": self.settings}
        del common["seed"]
        save_model(self.job.model, common | content)

    def sign(self, example_input: np.ndarray, example_output: np.ndarray) -> None:
        """Note what the opened model maps to what: MLflow asks for types and shapes; the first axis may be any."""
        self.facts["signature"] = {
            name: {"dtype": str(array.dtype), "shape": [-1, *array.shape[1:]]}
            for name, array in (("input", example_input), ("output", example_output))
        }

    def __exit__(self, raised: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if raised is not None:
            if self.live is not None:
                self.live.close("KILLED" if raised is KeyboardInterrupt else "FAILED")
            return
        import torch

        job, ended = self.job, time.time()
        seconds = self.facts.pop("seconds", ended - self._started)
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine() + " CPU"
        record = {
            **job.identity,
            "commit": commit(),
            "data": job.data.as_posix(),
            "data_digest": self.data_digest,
            "program_digest": job.program,
            "parameters": self.settings,
            "started": round(ended - seconds, 3),
            "seconds": round(seconds, 3),
            "peak_memory_mb": round(peak_memory_mb(), 1),
            "device": device,
            "threads": job.threads,
            "versions": {
                "hypernet": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
            },
            **self.facts,
        }
        write_json(job.folder / "run.json", record)
        if self.live is not None:
            self.live.close("FINISHED")
        shutil.rmtree(self.work, ignore_errors=True)
