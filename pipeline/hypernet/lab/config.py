"""The configuration: one YAML file, overlays merged over it, everything checked before anything runs."""

from __future__ import annotations

import abc
import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hypernet.lab.errors import UserError

# A configuration has some thousand lines.
LARGEST_FILE = 2**20

Steps = Literal["raw", "prepare", "train", "evaluate"]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FolderName = Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")]
# The name of a data set is the name of a folder.
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class Section(BaseModel):
    """A part of the configuration: every key is known, typed and required unless it says otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _no_duplicates(values: list[Any]) -> list[Any]:
    doubled = sorted({str(value) for value in values if values.count(value) > 1})
    if doubled:
        raise ValueError(f"{', '.join(doubled)} stands here more than once")
    return values


NamesOnce = Annotated[list[str], Field(min_length=1), AfterValidator(_no_duplicates)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, le=2**31 - 1)]], Field(min_length=1), AfterValidator(_no_duplicates)]


# Files and folders of the project itself.
_TAKEN = frozenset(
    [
        "Makefile",
        "Snakefile",
        "benchmarks",
        "config",
        "constraints.txt",
        "docs",
        "dvc.lock",
        "dvc.yaml",
        "examples",
        "mlruns",
        "params.yaml",
        "pipeline",
        "profiles",
        "pyproject.toml",
        "rules",
        "tests",
    ]
)


class ProjectConfig(Section):
    """What holds for every domain: where data and results go, the scale of the numbers, what a job may use.

    ``live_tracking`` shows the curves of a training in MLflow while it goes on, not only when it has ended;
    ``group_small_steps`` hands a cluster the small steps of a domain as one job.
    """

    scale: Literal["smoke", "real", "paper"]
    data: FolderName
    results: FolderName
    live_tracking: bool
    gpus_per_training: Annotated[int, Field(ge=0, le=64)]
    memory_mb: Annotated[int, Field(ge=100)]
    minutes: Count
    group_small_steps: bool

    @model_validator(mode="after")
    def _apart(self) -> Self:
        data, results = self.data.split("/"), self.results.split("/")
        shorter = min(len(data), len(results))
        if data[:shorter] == results[:shorter]:
            raise ValueError(f"data ({self.data}) and results ({self.results}) must not lie in each other")
        for name, parts in (("data", data), ("results", results)):
            if parts[0] in _TAKEN:
                raise ValueError(f"{name}: {parts[0]} is the project's own; take another folder, such as {name}")
        return self


class TrainerSettings(Section):
    """What every training has: how long, how often it is checked, and on what it runs.

    Attributes:
        max_steps: number of optimiser steps.
        check_every_steps: steps from one validation to the next.
        patience_checks: number of checks without progress that ends the training; null: no early stopping.
        gradient_clip: largest norm of the gradient; null: any.
        precision: ``precision`` of Lightning's trainer.
        accelerator: ``accelerator`` of Lightning's trainer.
        devices: number of devices.
        allow_collapsed: keep a model that gives the same whatever it is given; it is flagged in the run's record.
    """

    max_steps: Count
    check_every_steps: Count
    patience_checks: Count | None
    gradient_clip: Positive | None
    precision: Literal["32-true", "bf16-mixed", "64-true"]
    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    devices: Count
    allow_collapsed: bool = False


class NetworkTraining(TrainerSettings):
    """The training of a network with Adam and a cosine decay; a domain adds how batches are made.

    Attributes:
        learning_rate: at the first step.
        final_learning_rate_share: the decay ends at this share of it.
    """

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    final_learning_rate_share: Share


class TrainingChanges(Section):
    """Where one method's training departs from the common one; None keeps the common value."""

    max_steps: Count | None = None
    check_every_steps: Count | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None


class RepeatedTraining(NetworkTraining):
    """A training after which the same network may be trained a second time, from the start, for as long as another one.

    Attributes:
        equal_time_steps: steps of the second training, which takes as long on a CPU as the training that the domain's
            methods are compared with; null: the first is such. As many as ``max_steps``: the second would be the first
            again.
    """

    equal_time_steps: Count | None

    def again(self) -> Self | None:
        """What the second training is; None where there is none."""
        steps = self.equal_time_steps
        if steps is None:
            return None
        return self.model_copy(update={"max_steps": steps, "check_every_steps": min(self.check_every_steps, steps)})


class RepeatedChanges(TrainingChanges):
    """Changes of a training that may have a second one."""

    equal_time_steps: Count | None = None


class SourceSettings(Section):
    """What a domain's raw data depends on."""

    def own_files(self) -> list[str]:
        """A person's own files that the data set is read from; of others none."""
        return []


class TrainSettings(Section):
    """What the training of one method depends on."""

    def start(self) -> str | None:
        """The method whose trained model this training goes on from, with the same data and seed; or None."""
        return None


class EvaluateSettings(Section):
    """What the evaluation of one method depends on."""

    def parts(self) -> int:
        """Into how many jobs the evaluation of one run is divided."""
        return 1


class Method(NamedTuple):
    """One row of a domain's tables.

    Attributes:
        title: its name for people.
        settings: the type of what its training may see. A field of it is filled from the section's key of the same
            name, ``method`` from the key that has the method's id.
        mark: "D" for a row of the default, "E" for one of the evidence, "P" for one on demand and at paper scale.
        at_once: whether little or nothing is trained, so that it is trained and measured in one process.
    """

    title: str
    settings: type[TrainSettings]
    mark: Literal["D", "E", "P"] = "D"
    at_once: bool = False


class DomainConfig(Section, abc.ABC):
    """The part every domain's section has. A domain adds its own keys and says which of them a step may see.

    Attributes:
        table: the domain's methods by id.
        step_settings: by step (all but training), the type of what it may see.
        evaluation_files: what an evaluation writes beside metrics.json and items.csv, for pictures.
        planned: what has to be known of a person's file before anything runs, by its path; None where there is
            nothing. A configuration imports no reader: `hypernet.domains` gives it the one of the room ``raw``.
    """

    table: ClassVar[Mapping[str, Method]]
    step_settings: ClassVar[Mapping[str, type[Section]]]
    evaluation_files: ClassVar[tuple[str, ...]] = ()
    planned: ClassVar[Callable[[str], Any]] = staticmethod(lambda path: None)
    datasets: NamesOnce
    methods: NamesOnce
    seeds: Seeds

    @model_validator(mode="after")
    def _known_methods(self) -> Self:
        for method in self.methods:
            if method not in self.table:
                raise ValueError(f"methods: {method} is not a method here; accepted: {', '.join(self.table)}")
        if not self.runs():
            raise ValueError("methods: none of them can be run on any of the datasets")
        return self

    def feasible(self, dataset: str, method: str) -> bool:
        """Whether a method can be run on a data set; those that cannot are left out."""
        del dataset, method
        return True

    def methods_at_once(self) -> list[str]:
        """The methods that are trained and measured in one process; none where an evaluation is divided."""
        evaluation = self.settings("evaluate", self.datasets[0], self.methods[0])
        if isinstance(evaluation, EvaluateSettings) and evaluation.parts() > 1:
            return []
        return [name for name, method in self.table.items() if method.at_once]

    def runs(self) -> list[tuple[str, str, int]]:
        """All runs: (data set, method, seed)."""
        return [
            (dataset, method, seed)
            for dataset in self.datasets
            for method in self.methods
            if self.feasible(dataset, method)
            for seed in self.seeds
        ]

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """What a step may see under other names than those of the section's keys.

        Args:
            step: the step.
            dataset: the data set.
            method: the method, of training and evaluation.

        Returns:
            by field of the step's settings. Here: of a training ``method``, the key that has the method's id, and
            ``train`` with the changes that stand there; of the evaluation the keys under ``evaluate``.
        """
        del dataset
        if step == "evaluate":
            return dict(getattr(self, "evaluate", ()))
        section = getattr(self, method, None) if step == "train" and method is not None else None
        if section is None:
            return {}
        changes = getattr(section, "train", None)
        train: NetworkTraining | None = getattr(self, "train", None)
        if train is None or not isinstance(changes, TrainingChanges):
            return {"method": section}
        return {
            "method": section.model_copy(update={"train": type(changes)()}),
            "train": train.model_copy(update=changes.model_dump(exclude_none=True)),
        }

    def settings(self, step: Steps, dataset: str, method: str | None = None) -> Section:
        """The slice of this section that one step of one run depends on, and nothing else."""
        settings_type = self.settings_type(step, method)
        values = self.values(step, dataset, method)
        return settings_type(
            **{name: values[name] if name in values else getattr(self, name) for name in settings_type.model_fields}
        )

    @classmethod
    def settings_type(cls, step: Steps, method: str | None = None) -> type[Section]:
        """The type of the slice that :meth:`settings` returns for ``step``."""
        if step != "train":
            return cls.step_settings[step]
        assert method is not None, "what a training may see depends on its method"
        return cls.table[method].settings


def require_known(
    datasets: Iterable[str], personal: Iterable[str], is_ours: Callable[[str], bool], accepted: Iterable[str]
) -> None:
    """Check names of data sets: each is of the project or a person's own, and none of these has a name of the project.

    Args:
        datasets: names under ``datasets``.
        personal: names under ``own``.
        is_ours: whether a name is of the project.
        accepted: names of the project, or their form, for people.

    Raises:
        ValueError: a name that is not known, or one that is taken.
    """
    personal = list(personal)
    for dataset in datasets:
        if not is_ours(dataset) and dataset not in personal:
            raise ValueError(
                f"datasets: {dataset} is not a known data set; accepted: {', '.join((*accepted, *personal))}"
            )
    for name in personal:
        if is_ours(name):
            raise ValueError(f"own: {name} is the name of a data set of this project; take another")


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML that refuses a key written twice; plain YAML would silently keep the last one."""


def _mapping_once(loader: yaml.SafeLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_once)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        UserError: no such file, not YAML (with line and column), a key written twice, or not a mapping.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise UserError(f"{path}: more than {LARGEST_FILE:,} bytes, the most that a configuration may have")
        content = yaml.load(raw.decode("utf-8"), _UniqueKeyLoader)  # a SafeLoader
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply for a configuration") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    except ValueError as error:  # a date or a number that is none
        raise UserError(f"{path}: not valid YAML ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', error)})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: a configuration file is a mapping of sections, not a {type(content).__name__}")
    mapping: dict[str, Any] = content
    return mapping


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``overlay`` over ``base``: mappings merge key by key, everything else replaces."""
    merged: dict[str, Any] = dict(base)
    for key, value in overlay.items():
        both_mappings = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both_mappings else value
    return merged


def parse_assignment(text: str) -> dict[str, Any]:
    """Turn ``codes.train.max_steps=50`` into the overlay ``{"codes": {"train": {"max_steps": 50}}}``.

    Raises:
        UserError: no ``=``, or a value that is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise UserError(f"--set {text}: write it as section.key=value")
    try:
        content: Any = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(f"--set {text[:80]}: {value[:80]!r} is not a YAML value") from None
    first, *others = path.strip().split(".")
    for key in reversed(others):
        content = {key: content}
    return {first: content}


def load(files: Sequence[Path], assignments: Sequence[str] = ()) -> dict[str, Any]:
    """Read ``files`` in order, each laid over those before, then the ``assignments``; nothing is checked yet."""
    merged: dict[str, Any] = {}
    for file in files:
        merged = merge(merged, read_yaml(file))
    for assignment in assignments:
        merged = merge(merged, parse_assignment(assignment))
    return merged


def check(model: type[Section], content: Any, where: str) -> Any:
    """Validate ``content`` against ``model``.

    Raises:
        UserError: one line that names the key's path, what is wrong and what is accepted.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = problems[0]
        path = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        if first["type"] == "extra_forbidden":
            reason = _unknown_key(model, first["loc"])
        elif first["type"] == "missing":
            reason = "this key is missing"
        else:
            # A check of a whole section says itself which key it means.
            got = "" if isinstance(first["input"], Mapping) else f", got {reprlib.repr(first['input'])}"
            reason = f"{_plain(first['msg'])}{got}"
        raise UserError(f"{'.'.join(part for part in (where, path) if part)}: {reason}{more}") from None


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _unknown_key(model: type[Section], location: tuple[Any, ...]) -> str:
    annotation: Any = model
    for part in location[:-1]:
        annotation = (
            get_args(annotation)[1] if get_origin(annotation) is dict else annotation.model_fields[part].annotation
        )
        if get_origin(annotation) is not dict and not (
            isinstance(annotation, type) and issubclass(annotation, BaseModel)
        ):
            return "unknown key"
    known = list(annotation.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    meant = f"; did you mean {close[0]}? Accepted here" if close else "; accepted here"
    return f"unknown key{meant}: {', '.join(known)}"


def check_whole(content: Mapping[str, Any], domains: Mapping[str, type[DomainConfig]]) -> dict[str, Any]:
    """Check the whole configuration: the project section and one section per domain.

    Args:
        content: the merged configuration.
        domains: the configuration type of every domain that exists.

    Returns:
        ``{"project": ProjectConfig, "<domain>": its DomainConfig, ...}`` for the sections that are there.

    Raises:
        UserError: see :func:`check`.
    """
    for key in content:
        if key != "project" and key not in domains:
            close = difflib.get_close_matches(str(key), ["project", *domains], n=1)
            meant = f"; did you mean {close[0]}? Accepted here" if close else "; accepted here"
            raise UserError(f"{key}: unknown section{meant}: {', '.join(['project', *domains])}")
    if "project" not in content:
        raise UserError("project: this section is missing")
    checked: dict[str, Any] = {"project": check(ProjectConfig, content["project"], "project")}
    for name, model in domains.items():
        if name in content:
            checked[name] = check(model, content[name], name)
    return checked
