"""One step of one run: what it works on, where it writes, what it may see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from hypernet.lab.config import Section

SettingsT_co = TypeVar("SettingsT_co", bound=Section, covariant=True)


@dataclass(frozen=True)
class Job(Generic[SettingsT_co]):
    """What a domain's `train` and `evaluate` are functions of.

    Attributes:
        domain: name of the domain.
        dataset: name of the data set.
        method: method id.
        seed: seed of the run.
        data: folder of prepared data, with its manifest.
        folder: the run's own folder.
        settings: everything of the configuration that the step depends on.
        program: digest of the program text behind the step (see `hypernet.lab.program`).
        threads: number of CPU threads.
        live: whether a training shows its curves in MLflow while it goes on.
    """

    domain: str
    dataset: str
    method: str
    seed: int
    data: Path
    folder: Path
    settings: SettingsT_co
    program: str = ""
    threads: int = 1
    live: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        """Domain, data set, method and seed: what tells a run from all others."""
        return {"domain": self.domain, "dataset": self.dataset, "method": self.method, "seed": self.seed}

    @property
    def name(self) -> str:
        """The run's name for people."""
        return f"{self.method} {self.dataset} seed {self.seed}"

    @property
    def model(self) -> Path:
        """The file of the trained model."""
        return self.folder / "model.ckpt"

    def of_method(self, method: str) -> Path:
        """The folder of another method's run on the same data with the same seed."""
        return self.folder.parents[1] / method / self.folder.name
