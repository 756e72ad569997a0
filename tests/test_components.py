"""What every domain keeps to, tested once for all: a domain is tested by standing in ``components``."""

from __future__ import annotations

import copy
import functools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import hypernet
from hypernet import cli
from hypernet.domains import available, config_types, room
from hypernet.lab.config import DomainConfig, check, load
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.plan import MEASURED, TRAINED
from hypernet.lab.runs.models import load_model, save_model
from hypernet.lab.training import StepSampler
from tests.components import COMPONENTS, Component

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"


def test_every_domain_is_listed():
    assert set(COMPONENTS) == set(available())


@dataclass(frozen=True)
class Domain:
    """A domain with its small data prepared in a working directory of its own."""

    name: str
    component: Component
    section: Callable[..., DomainConfig]
    root: Path

    def job(self, method: str, results: str = "results", *assignments: str) -> Job:
        """The training of a method."""
        component, section = self.component, self.section(*self.component.small, *assignments)
        return Job(
            self.name,
            component.dataset,
            method,
            0,
            self.root / "data" / "processed" / self.name / component.dataset,
            self.root / results / self.name / component.dataset / method / "seed0",
            section.settings("train", component.dataset, method),
        )

    @functools.cached_property
    def runs(self) -> dict[str, Job]:
        """The trained methods, the networks first."""
        jobs = {method: self.job(method) for method in (*self.component.networks, *self.component.others)}
        for job in jobs.values():
            room(self.name, "train").train(job)
        return jobs

    @property
    def model(self) -> Path:
        """The file of the first network."""
        return self.runs[self.component.networks[0]].model

    def open(self, path: Path | str) -> Any:
        return room(self.name, "trained").open_model(path)


@pytest.fixture(scope="module", params=list(COMPONENTS))
def domain(request, section, tmp_path_factory) -> Domain:
    name, component = request.param, COMPONENTS[request.param]
    domain = Domain(name, component, functools.partial(section, name), tmp_path_factory.mktemp(name))
    settings, dataset = domain.section(*component.small), component.dataset
    raw, data = (domain.root / "data" / stage / name / dataset for stage in ("raw", "processed"))
    room(name, "raw").make(dataset, raw, settings.settings("raw", dataset))
    room(name, "dataset").prepare(dataset, raw, data, settings.settings("prepare", dataset))
    return domain


# --- settings -------------------------------------------------------------------------------------------------


def sections(content: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a configuration has keys of its own: the path of every mapping in it."""
    yield path
    for key, value in content.items():
        if isinstance(value, dict):
            yield from sections(value, (*path, key))


def test_an_unknown_key_is_refused_with_its_path_wherever_it_stands(domain):
    whole = load([PARAMS], [])[domain.name]
    for path in sections(whole):
        content = copy.deepcopy(whole)
        functools.reduce(dict.__getitem__, path, content)["no_such_key"] = 1
        with pytest.raises(UserError) as caught:
            check(config_types()[domain.name], content, domain.name)
        (line,) = str(caught.value).splitlines()
        # Where one of several forms is accepted, the form stands between them; a check of a whole section has a colon.
        assert line.replace(": ", ".").startswith(".".join([domain.name, *path, ""])), line
        assert "no_such_key" in line, line


def test_a_setting_concerns_the_methods_that_use_it_and_no_others(domain):
    component, dataset = domain.component, domain.component.dataset
    before = domain.section(*component.small)
    methods = room(domain.name, "config").METHODS
    for assignment, concerned in component.concerned.items():
        after = domain.section(*component.small, assignment)
        assert after != before, f"{assignment} changes nothing"
        changed = [
            method
            for method in methods
            if before.settings("train", dataset, method) != after.settings("train", dataset, method)
        ]
        assert sorted(changed) == sorted(concerned), assignment
        if concerned:
            for step in ("raw", "prepare"):
                assert before.settings(step, dataset) == after.settings(step, dataset), assignment


def test_settings_survive_the_way_to_a_rule_and_a_model_file(domain):
    section, dataset = domain.section(*domain.component.small), domain.component.dataset
    for method in room(domain.name, "config").METHODS:
        settings = section.settings("train", dataset, method)
        settings_type = type(section).settings_type("train", method)
        assert check(settings_type, settings.model_dump(mode="json"), f"{domain.name} train") == settings


# --- trainings ------------------------------------------------------------------------------------------------


def test_the_kept_weights_are_those_of_the_best_check(domain):
    component = domain.component
    for method in component.networks:
        job = domain.runs[method]
        history = read_json(job.folder / "run.json")["history"]
        assert len(history) > 2
        best = min(row[component.validated] for row in history)
        kept = component.validate(domain.open(job.model), job.data, job.settings)
        assert kept == pytest.approx(best, rel=1e-4, abs=1e-6)


def test_a_training_that_is_killed_goes_on_to_the_same_weights(domain, monkeypatch):
    whole = domain.runs[domain.component.networks[0]]
    job = domain.job(whole.method, "killed")
    steps, train = StepSampler.__iter__, room(domain.name, "train").train
    # After the second check, where the state is kept, and before the third.
    stop = whole.settings.train.check_every_steps * 2 + 3 if hasattr(whole.settings, "train") else 23

    def stumbling(self: StepSampler) -> Iterator[int]:
        for step in steps(self):
            if step == stop:
                raise KeyboardInterrupt
            yield step

    with monkeypatch.context() as patch:
        patch.setattr(StepSampler, "__iter__", stumbling)
        with pytest.raises(KeyboardInterrupt):
            train(job)
    assert not job.model.exists()
    assert not (job.folder / "run.json").exists()
    train(job)
    assert same(load_model(job.model), load_model(whole.model))


def same(first: Any, second: Any) -> bool:
    """Whether two contents of model files are equal to the last bit."""
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


def test_the_command_of_a_rule_makes_what_the_rule_promises(domain, monkeypatch):
    """As Snakemake calls it: the slices of the configuration as JSON, on the data that are there."""
    section, dataset = domain.section(*domain.component.small), domain.component.dataset
    method = next(name for name in domain.component.others if name in section.methods_at_once())
    steps = ("train", "evaluate")
    slices = {step: section.settings(step, dataset, method).model_dump(mode="json") for step in steps}
    monkeypatch.chdir(domain.root)
    options = ["--data", "data", "--results", "by_rule", "--dataset", dataset, "--method", method, "--seed", "0"]
    assert cli.main([domain.name, "measure", *options, "--threads", "1", "--settings", json.dumps(slices)]) == 0
    made = {path.name for path in (domain.root / "by_rule" / domain.name / dataset / method / "seed0").iterdir()}
    records = ("train.made.json", "evaluate.made.json", "measure.cost.json")
    assert {*TRAINED, *MEASURED, *section.evaluation_files, *records} <= made


# --- model files ----------------------------------------------------------------------------------------------


def test_a_model_says_the_same_wherever_its_file_lies(domain, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere.ckpt"
    shutil.copy(domain.model, elsewhere)
    example = domain.component.example(domain.runs[domain.component.networks[0]].data)
    monkeypatch.chdir(tmp_path)
    model, by_file_alone, by_name = (
        domain.open(domain.model),
        hypernet.open_model(elsewhere),
        domain.open(str(elsewhere)),
    )
    assert type(model) is type(by_file_alone) is type(by_name)
    assert repr(model) == repr(by_file_alone)
    for other in (by_file_alone, by_name):
        np.testing.assert_equal(other(example), model(example))


def weights_in(content: dict[str, Any]) -> str:
    """The key under which a model file keeps its weights."""
    return next(key for key in ("state", "state_dict") if key in content)


def test_what_is_no_model_of_the_domain_is_one_line_that_names_the_file(domain, tmp_path):
    content = load_model(domain.model)
    key = weights_in(content)
    fewer = dict(list(content[key].items())[1:])
    reshaped = {name: torch.zeros(2, 3, 5) for name in content[key]}
    other = next(name for name in available() if name != domain.name)
    foreign = f"not a model trained by `hypernet {domain.name} train`"
    cases: list[tuple[Any, str]] = [
        (None, "no such model file"),
        (b"", "not a model file of this project"),
        (b"PK\x03\x04 no archive", "not a model file of this project"),
        (domain.model.read_bytes()[:-1000], "not a model file of this project"),
        ([1, 2], "it holds a list"),
        ({}, foreign),
        (content | {"domain": other}, foreign),
        (content | {"version": 0}, "of an older form"),
        (content | {"version": 10**6}, "of a newer form"),
        ({name: value for name, value in content.items() if name != "version"}, "of an older form"),
        (content | {"method": "no_such_method"}, "train it again"),
        (content | {"settings": {}}, "train it again"),
        (content | {key: {}}, "train it again"),
        (content | {key: fewer}, "train it again"),
        (content | {key: reshaped}, "train it again"),
    ]
    for number, (what, problem) in enumerate(cases):
        path = tmp_path / f"case{number}.ckpt"
        if isinstance(what, bytes):
            path.write_bytes(what)
        elif what is not None:
            save_model(path, what)
        with pytest.raises(UserError) as caught:
            domain.open(path)
        (line,) = str(caught.value).splitlines()
        assert line.startswith(f"{path}: "), line
        assert problem in line, line


# --- pictures -------------------------------------------------------------------------------------------------


def test_the_pictures_are_those_that_the_captions_name(domain, monkeypatch):
    evaluation, captions = room(domain.name, "evaluate"), room(domain.name, "captions")
    section, dataset = domain.section(*domain.component.small), domain.component.dataset
    for job in domain.runs.values():
        evaluation.evaluate(replace(job, settings=section.settings("evaluate", dataset, job.method)))
    folders = [job.folder for job in domain.runs.values()]
    out = domain.root / "results" / domain.name
    published = Path(captions.__file__).with_name("published.csv")
    evaluation.summarise(folders, published, out, "smoke")
    monkeypatch.chdir(domain.root)
    # What is drawn is left out of the files: that takes most of the time and is tested with the pictures.
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **options: Path(path).touch())
    room(domain.name, "figures").draw(folders, out, out / "figures")
    names = {path.stem for path in (out / "figures").glob("*.png")}
    assert names == set(captions.FIGURES)
