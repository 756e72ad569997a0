"""All steps of a configuration, and which of them have to run."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from hypernet.lab.config import DomainConfig, EvaluateSettings, Section, SourceSettings, Steps, TrainSettings
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of
from hypernet.lab.freshness import Digests, Step
from hypernet.lab.program import CARRIERS, PACKAGE_ROOT, source_digest
from hypernet.lab.runs.store import unsent_file

# What a picture looks like changes no number.
LOOKS = frozenset({"hypernet.lab.results.figures"})
TRAINED, MEASURED = ("model.ckpt", "run.json"), ("metrics.json", "items.csv")
TABLES = ("summary.csv", "comparisons.csv", "metrics.json", "curves")


@dataclass(frozen=True)
class Folders:
    """Where files go.

    Attributes:
        data: raw and processed data.
        results: results.
    """

    data: Path
    results: Path

    def raw(self, domain: str, dataset: str) -> Path:
        """Raw data of a data set."""
        return self.data / "raw" / domain / dataset

    def processed(self, domain: str, dataset: str) -> Path:
        """What trainings and evaluations read of it."""
        return self.data / "processed" / domain / dataset

    def run(self, domain: str, dataset: str, method: str, seed: int) -> Path:
        """The folder of a run."""
        return self.results / domain / dataset / method / f"seed{seed}"


def _plain(settings: Section) -> Any:
    return settings.model_dump(mode="json")


def raw_step(folders: Folders, domain: str, dataset: str, settings: SourceSettings) -> Step:
    """The raw data of a data set."""
    folder = folders.raw(domain, dataset)
    inputs = tuple(Path(path) for path in settings.own_files())
    program = source_digest(f"hypernet.{domain}.raw")
    return Step(folder / ".raw.made.json", _plain(settings), program, inputs, (folder,))


def prepare_step(folders: Folders, domain: str, dataset: str, settings: Section) -> Step:
    """From raw data to what trainings read."""
    folder = folders.processed(domain, dataset)
    program = source_digest(f"hypernet.{domain}.dataset")
    return Step(folder / ".prepare.made.json", _plain(settings), program, (folders.raw(domain, dataset),), (folder,))


def train_step(folders: Folders, domain: str, dataset: str, method: str, seed: int, settings: TrainSettings) -> Step:
    """The training of one method."""
    run = folders.run(domain, dataset, method, seed)
    start = settings.start()
    before = () if start is None else (folders.run(domain, dataset, start, seed) / "model.ckpt",)
    return Step(
        run / "train.made.json",
        _plain(settings),
        source_digest(f"hypernet.{domain}.train"),
        (folders.processed(domain, dataset), *before),
        tuple(run / name for name in TRAINED),
    )


def part_step(
    folders: Folders, domain: str, dataset: str, method: str, seed: int, settings: Section, part: int
) -> Step:
    """One part of a divided evaluation."""
    run = folders.run(domain, dataset, method, seed)
    return Step(
        run / "parts" / f"{part}.made.json",
        _plain(settings),
        source_digest(f"hypernet.{domain}.evaluate"),
        (folders.processed(domain, dataset), run / "model.ckpt"),
        (run / "parts" / f"{part}.json",),
    )


def evaluate_step(
    folders: Folders,
    domain: str,
    dataset: str,
    method: str,
    seed: int,
    settings: EvaluateSettings,
    files: Sequence[str] = (),
) -> Step:
    """The evaluation of a run; ``files`` are what it writes beside measurements and items."""
    run = folders.run(domain, dataset, method, seed)
    parts = settings.parts()
    before = tuple(run / "parts" / f"{part}.json" for part in range(parts)) if parts > 1 else ()
    return Step(
        run / "evaluate.made.json",
        _plain(settings),
        source_digest(f"hypernet.{domain}.evaluate"),
        (folders.processed(domain, dataset), run / "model.ckpt", *before),
        tuple(run / name for name in (*MEASURED, *files)),
    )


def summarise_step(folders: Folders, domain: str, runs: Sequence[Path], scale: str) -> Step:
    """The join of all runs of a domain."""
    out = folders.results / domain
    published = PACKAGE_ROOT / domain / "published.csv"
    return Step(
        out / "summarise.made.json",
        {"runs": [run.as_posix() for run in runs], "scale": scale, "published": Digests().of(published)},
        source_digest(f"hypernet.{domain}.evaluate"),
        tuple(run / name for run in runs for name in MEASURED),
        tuple(out / name for name in TABLES),
    )


def figures_step(
    folders: Folders, domain: str, runs: Sequence[Path], names: Sequence[str], files: Sequence[str]
) -> Step:
    """The pictures of a domain; ``names`` are theirs, ``files`` what evaluations write for them."""
    out = folders.results / domain
    read = ("run.json", "model.ckpt", "items.csv", *files)
    datasets = sorted({run.parts[-3] for run in runs})
    return Step(
        out / "figures.made.json",
        {"runs": [run.as_posix() for run in runs]},
        source_digest(f"hypernet.{domain}.figures", carriers=CARRIERS - LOOKS),
        (
            *(out / name for name in TABLES[:2]),
            *(folders.processed(domain, dataset) for dataset in datasets),
            *(run / name for run in runs for name in read),
        ),
        tuple(out / "figures" / f"{name}.{ending}" for name in names for ending in ("png", "svg")),
    )


def track_step(folders: Folders, domain: str, runs: Sequence[Path], names: Sequence[str], scale: str) -> Step:
    """What MLflow is told."""
    out = folders.results / domain
    # An address may hold a password.
    server = digest_of(os.environ.get("MLFLOW_TRACKING_URI", ""))
    return Step(
        out / "track.made.json",
        {"runs": [run.as_posix() for run in runs], "scale": scale, "server": server},
        source_digest("hypernet.lab.runs.tracking", carriers=frozenset()),
        (
            *(out / name for name in TABLES[:2]),
            *(out / "figures" / f"{name}.png" for name in names),
            *(run / name for run in runs for name in (*TRAINED, *MEASURED)),
        ),
        (),
        unfinished=unsent_file(folders.results, domain),
    )


def page_step(folders: Folders, domains: Mapping[str, Sequence[str]], runs: Sequence[Path]) -> Step:
    """The page; ``domains`` names the pictures of each domain, ``runs`` are the folders of all their runs."""
    report = PACKAGE_ROOT / "report"
    rooms = [f"hypernet.{domain}.{room}" for domain in domains for room in ("captions", "methods")]
    digests = Digests()
    return Step(
        folders.results / "page.made.json",
        {path.name: digests.of(path) for path in sorted(report.glob("*")) if path.suffix in (".j2", ".css")},
        source_digest("hypernet.report.page", *rooms),
        tuple(
            folders.results / domain / name
            for domain, figures in domains.items()
            for name in (*TABLES[:2], *(f"figures/{figure}.png" for figure in figures))
        )
        + tuple(run / "run.json" for run in sorted(runs)),
        (folders.results / "index.html",),
    )


class Plan:
    """The steps of a checked configuration, each with those before it, and why any of them has to run.

    Args:
        folders: where files go.
        domains: the section of every domain that is run.
        figures: the names of every domain's pictures.
        scale: label of the numbers.
        digests: of the files.
    """

    def __init__(
        self,
        folders: Folders,
        domains: Mapping[str, DomainConfig],
        figures: Mapping[str, Sequence[str]],
        scale: str,
        digests: Digests,
    ):
        self.folders, self.domains, self.figure_names = folders, domains, figures
        self.scale, self.digests = scale, digests
        self._reasons: dict[Path, str | None] = {}

    @classmethod
    def of(cls, checked: Mapping[str, Any], figures: Mapping[str, Sequence[str]]) -> Self:
        """The plan of a configuration as `hypernet.lab.config.check_whole` returns it."""
        project = checked["project"]
        folders = Folders(Path(project.data), Path(project.results))
        domains = {name: section for name, section in checked.items() if name != "project"}
        return cls(folders, domains, figures, project.scale, Digests(folders.results / ".digests.json"))

    def _settings(self, domain: str, step: Steps, dataset: str, method: str | None = None) -> Any:
        return self.domains[domain].settings(step, dataset, method)

    @functools.cache  # noqa: B019 (a plan lives as long as its process)
    def raw(self, domain: str, dataset: str) -> Step:
        """See :func:`raw_step`."""
        return raw_step(self.folders, domain, dataset, self._settings(domain, "raw", dataset))

    @functools.cache  # noqa: B019
    def prepare(self, domain: str, dataset: str) -> Step:
        """See :func:`prepare_step`."""
        step = prepare_step(self.folders, domain, dataset, self._settings(domain, "prepare", dataset))
        return replace(step, upstream=(self.raw(domain, dataset),))

    @functools.cache  # noqa: B019
    def train(self, domain: str, dataset: str, method: str, seed: int) -> Step:
        """See :func:`train_step`."""
        settings = self._settings(domain, "train", dataset, method)
        start = settings.start()
        before = () if start is None else (self.train(domain, dataset, start, seed),)
        step = train_step(self.folders, domain, dataset, method, seed, settings)
        return replace(step, upstream=(self.prepare(domain, dataset), *before))

    @functools.cache  # noqa: B019
    def part(self, domain: str, dataset: str, method: str, seed: int, part: int) -> Step:
        """See :func:`part_step`."""
        settings = self._settings(domain, "evaluate", dataset, method)
        step = part_step(self.folders, domain, dataset, method, seed, settings, part)
        return replace(step, upstream=(self.train(domain, dataset, method, seed),))

    @functools.cache  # noqa: B019
    def evaluate(self, domain: str, dataset: str, method: str, seed: int) -> Step:
        """See :func:`evaluate_step`."""
        section, run = self.domains[domain], (domain, dataset, method, seed)
        settings = self._settings(domain, "evaluate", dataset, method)
        parts = settings.parts()
        before = tuple(self.part(*run, part) for part in range(parts)) if parts > 1 else ()
        step = evaluate_step(self.folders, *run, settings, section.evaluation_files)
        return replace(step, upstream=(self.train(*run), *before))

    def runs(self, domain: str) -> list[Path]:
        """The folders of a domain's runs."""
        return [self.folders.run(domain, *run) for run in self.domains[domain].runs()]

    @functools.cache  # noqa: B019
    def summarise(self, domain: str) -> Step:
        """See :func:`summarise_step`."""
        before = tuple(self.evaluate(domain, *run) for run in self.domains[domain].runs())
        return replace(summarise_step(self.folders, domain, self.runs(domain), self.scale), upstream=before)

    @functools.cache  # noqa: B019
    def figures(self, domain: str) -> Step:
        """See :func:`figures_step`."""
        files = self.domains[domain].evaluation_files
        step = figures_step(self.folders, domain, self.runs(domain), self.figure_names[domain], files)
        return replace(step, upstream=(self.summarise(domain),))

    @functools.cache  # noqa: B019
    def track(self, domain: str) -> Step:
        """See :func:`track_step`."""
        step = track_step(self.folders, domain, self.runs(domain), self.figure_names[domain], self.scale)
        return replace(step, upstream=(self.figures(domain),))

    @functools.cache  # noqa: B019
    def page(self) -> Step:
        """See :func:`page_step`."""
        runs = [run for domain in self.domains for run in self.runs(domain)]
        step = page_step(self.folders, {domain: self.figure_names[domain] for domain in self.domains}, runs)
        return replace(step, upstream=tuple(self.figures(domain) for domain in self.domains))

    def data_steps(self) -> list[Step]:
        """The steps that bring data in."""
        return [
            step
            for domain, section in self.domains.items()
            for dataset in section.datasets
            for step in (self.raw(domain, dataset), self.prepare(domain, dataset))
        ]

    def steps(self) -> Iterator[Step]:
        """All steps, each after those before it."""
        seen: set[Path] = set()

        def walk(step: Step) -> Iterator[Step]:
            if step.record in seen:
                return
            seen.add(step.record)
            for before in step.upstream:
                yield from walk(before)
            yield step

        for domain in self.domains:
            yield from walk(self.track(domain))
        yield from walk(self.page())

    def reason(self, step: Step) -> str | None:
        """Why a step has to run: for itself, or because one before it has to; None where it is fresh."""
        if step.record not in self._reasons:
            reason = step.reason(self.digests)
            if reason is None:
                before = next((before for before in step.upstream if self.reason(before)), None)
                reason = None if before is None else f"{_name(before)} runs"
            self._reasons[step.record] = reason
        return self._reasons[step.record]

    def require_own_files(self) -> None:
        """Look for a person's own files, which no step makes.

        Raises:
            UserError: one is not there; Snakemake would take what was made of an older one.
        """
        for domain, section in self.domains.items():
            for dataset in section.datasets:
                for path in self.raw(domain, dataset).inputs:
                    if not path.is_file():
                        raise UserError(f"{path}: no such file; the data set {dataset} of {domain} is read from it")

    def stale(self) -> dict[str, str]:
        """The steps that have to run, by name, with the reason."""
        self.require_own_files()
        return {_name(step): reason for step in self.steps() if (reason := self.reason(step))}


def _name(step: Step) -> str:
    """The record's place without its ending, e.g. ``results/codes/BCH31_16/hyper/seed0/train``."""
    name = step.record.name.removesuffix(".made.json").removeprefix(".")
    return (step.record.parent / name).as_posix()
