from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hypernet.domains import config_types
from hypernet.lab.config import RepeatedTraining, check_whole, load, merge, parse_assignment, read_yaml
from hypernet.lab.errors import UserError

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)
mappings = st.recursive(
    st.dictionaries(st.text(max_size=3), leaves, max_size=4),
    lambda inner: st.dictionaries(st.text(max_size=3), leaves | inner, max_size=4),
    max_leaves=12,
)


@given(mappings)
def test_merging_nothing_changes_nothing(content):
    assert merge(content, {}) == content
    assert merge({}, content) == content
    assert merge(content, content) == content


def leaf_paths(content, path=()):
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from leaf_paths(value, (*path, key))
        elif not isinstance(value, dict):
            yield (*path, key), value


@given(mappings, mappings)
def test_every_value_of_the_overlay_wins(base, overlay):
    merged = merge(base, overlay)
    for path, expected in leaf_paths(overlay):
        entry = merged
        for key in path:
            entry = entry[key]
        assert entry == expected


def test_an_overlay_replaces_lists_and_keeps_the_rest():
    merged = merge({"a": {"x": [1, 2], "y": 1}}, {"a": {"x": [3]}})
    assert merged == {"a": {"x": [3], "y": 1}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b.c=5", {"a": {"b": {"c": 5}}}),
        ("a=[1, 2]", {"a": [1, 2]}),
        ("a.b=null", {"a": {"b": None}}),
        ("a=x=y", {"a": "x=y"}),
    ],
)
def test_assignments(text, expected):
    assert parse_assignment(text) == expected


@pytest.mark.parametrize("text", ["a.b", "=3", "a=[1"])
def test_bad_assignments_are_refused(text):
    with pytest.raises(UserError, match="--set"):
        parse_assignment(text)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: 1\na: 2\n", "stands twice"),
        ("a: [1\n", "not valid YAML"),
        ("- 1\n", "mapping of sections"),
        ("a: {b: 1, b: 2}\n", "stands twice"),
    ],
)
def test_bad_files_are_refused_with_their_place(tmp_path, content, problem):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=problem) as caught:
        read_yaml(path)
    assert "bad.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_project_and_every_overlay_are_valid(request):
    root = request.config.rootpath
    for overlay in (None, "real", "paper", "evidence"):
        files = [root / "params.yaml"] + ([root / "config" / f"{overlay}.yaml"] if overlay else [])
        checked = check_whole(load(files), config_types())
        assert set(checked) == {"project", *config_types()}


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("codes.train.max_step=5", r"codes\.train\.max_step: unknown key; did you mean max_steps\?"),
        ("code.iterations=5", r"code: unknown section; did you mean codes\?"),
        ("codes.train.max_steps=0", r"codes\.train\.max_steps: .*greater than or equal to 1.*got 0"),
        ("codes.train.learning_rate=fast", r"codes\.train\.learning_rate: .*number"),
        ("codes.methods=[hyper, hyper]", r"codes\.methods: hyper stands here more than once"),
        ("codes.methods=[turbo]", r"codes: methods: turbo is not a method here; accepted: hard_decision"),
        ("codes.datasets=[LDPC]", r"codes: datasets: LDPC is not a known code"),
        ("codes.datasets=[MACKAY96_48]", r"MACKAY96_48 has no construction"),
        ("codes.seeds=[-1]", r"codes\.seeds\.0: .*greater than or equal to 0"),
        ("codes.evaluate.max_words=5", r"codes\.evaluate: max_words is 5, below min_words"),
        ("project.results=../elsewhere", r"project\.results"),
        ("project.results=data", r"project: data \(data\) and results \(data\) must not lie in each other"),
        ("project.results=data/results", "must not lie in each other"),
        ("project.data=results/data", "must not lie in each other"),
        ("project.results=pipeline", "results: pipeline is the project's own; take another folder"),
        ("project.data=mlruns/data", "data: mlruns is the project's own"),
        ("codes.evaluate.ebn0_db=[4, 4.0000001]", "4 dB stands here more than once"),
        ("circuits.ours_lowrank.rank=2000", r"ours_lowrank\.rank: 2000 is more than decoder\.embedding, 16"),
        ("circuits.ours_rank64.candidates=100000000", r"circuits\.ours_rank64\.candidates"),
        ("codes.train.learning_rate=.nan", r"codes\.train\.learning_rate"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_key(request, assignment, problem):
    content = load([request.config.rootpath / "params.yaml"], [assignment])
    with pytest.raises(UserError, match=problem) as caught:
        check_whole(content, config_types())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("steps", "checked_every"), [(300, 40), (25, 25)])
def test_a_second_training_differs_in_its_steps_only(steps, checked_every):
    first = RepeatedTraining(
        max_steps=100,
        check_every_steps=40,
        patience_checks=None,
        gradient_clip=None,
        precision="32-true",
        accelerator="auto",
        devices=1,
        learning_rate=0.01,
        final_learning_rate_share=0.1,
        equal_time_steps=steps,
    )
    again = first.again()
    assert (again.max_steps, again.check_every_steps) == (steps, checked_every)
    changed = {"max_steps", "check_every_steps"}
    assert again.model_dump(exclude=changed) == first.model_dump(exclude=changed)
    assert first.model_copy(update={"equal_time_steps": None}).again() is None


def test_a_missing_key_is_named(request):
    content = yaml.safe_load((request.config.rootpath / "params.yaml").read_text())
    del content["codes"]["train"]["max_steps"]
    with pytest.raises(UserError, match=r"codes\.train\.max_steps: this key is missing"):
        check_whole(content, config_types())


def test_a_configuration_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "deep.yaml"
    path.write_text("[" * 20_000)
    with pytest.raises(UserError, match=r"deep\.yaml: nested too deeply"):
        read_yaml(path)


@pytest.mark.parametrize("text", ["seed: 2020-13-45\n", f"seed: {'9' * 5000}\n"])
def test_values_that_yaml_cannot_make_are_one_line(tmp_path, text):
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(UserError, match=r"odd\.yaml: not valid YAML"):
        read_yaml(tmp_path / "odd.yaml")
    with pytest.raises(UserError, match="is not a YAML value"):
        parse_assignment(text.strip().replace(": ", "="))


def test_an_endless_configuration_is_refused():
    with pytest.raises(UserError, match=r"/dev/zero: more than 1,048,576 bytes"):
        read_yaml(Path("/dev/zero"))


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir [trace]", "!!python/name:os.system", "!!python/object/new:os.mkdir [trace]"]
)
def test_a_configuration_runs_no_code(tmp_path, monkeypatch, tag):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hostile.yaml").write_text(f"project: {tag}\n")
    with pytest.raises(UserError, match=r"hostile\.yaml, line 1.*not valid YAML"):
        read_yaml(tmp_path / "hostile.yaml")
    assert not (tmp_path / "trace").exists()
