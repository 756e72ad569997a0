"""A training seen while it goes on: its curves in MLflow, from the first check on (`project.live_tracking`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypernet.lab.config import Section
from hypernet.lab.job import Job
from hypernet.lab.runs.store import StoreError, finite, first_line, log_parameters, open_experiment, origin

# By this tag `hypernet.lab.runs.tracking` finds it, and puts the whole run in its place when it is trained.
LIVE_TAG = "live"


def live_tag(folder: Path) -> str:
    """What the tag says of a run in this folder: nobody else's run has it."""
    return f"{origin()} {folder.absolute()}"


class LiveRun:
    """The MLflow run of a training that goes on; where MLflow does not answer, this says so once and is silent.

    Args:
        job: the training.
        settings: its settings, in plain types.
        run_id: goes on with this run, where the store has it.
    """

    def __init__(self, job: Job[Section], settings: Mapping[str, Any], run_id: str | None):
        self.run_id = run_id
        self._client: Any = None
        try:
            self._client, experiment = open_experiment(job.domain)
        except StoreError as error:
            self._give_up(str(error))
            return
        tags = {name: str(value) for name, value in job.identity.items()}
        tags |= {"rule": "train", LIVE_TAG: live_tag(job.folder)}

        def begin() -> None:
            if self.run_id is not None and self._is_there():
                self._client.update_run(self.run_id, status="RUNNING")
                return
            self.run_id = self._client.create_run(experiment, run_name=job.name, tags=tags).info.run_id
            log_parameters(self._client, self.run_id, {**job.identity, **settings})

        self._attempt(begin)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Show numbers at a step."""

        def log() -> None:
            from mlflow.entities import Metric

            now = int(time.time() * 1000)
            self._client.log_batch(
                self.run_id, metrics=[Metric(name, value, now, step) for name, value in finite(values).items()]
            )

        self._attempt(log)

    def close(self, status: str) -> None:
        """End it with one of MLflow's states: FINISHED, FAILED or KILLED."""
        self._attempt(lambda: self._client.set_terminated(self.run_id, status))

    def _is_there(self) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return bool(self._client.get_run(self.run_id).info.lifecycle_stage == "active")
        except MlflowException:
            return False

    def _attempt(self, action: Callable[[], None]) -> None:
        if self._client is None:
            return
        try:
            action()
        except Exception as error:  # tracking never stops a training
            self._give_up(first_line(error))

    def _give_up(self, reason: str) -> None:
        self._client = None
        print(f"live tracking: {reason}; the training goes on without it", file=sys.stderr, flush=True)
