"""A step is fresh by what its files say: never by dates, and never where anything that it depends on is another."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, write_json
from hypernet.lab.freshness import MISSING, Digests, Step, difference
from hypernet.lab.manifest import write_manifest


@pytest.fixture
def data(workspace) -> Path:
    """A folder of prepared data."""
    folder = Path("data/set")
    folder.mkdir(parents=True)
    (folder / "x.npz").write_bytes(b"numbers")
    write_manifest(folder, {})
    return folder


@pytest.fixture
def step(data) -> Step:
    """A step that has been made."""
    step = Step(
        Path("run/train.made.json"), {"steps": 5, "f": {"hidden": 32}}, "program", (data,), (Path("run/model"),)
    )
    make(step)
    return step


def make(step: Step, content: str = "weights") -> None:
    with step.recorded():
        for path in step.outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


def reason(step: Step) -> str | None:
    return step.reason(Digests())


def test_what_was_just_made_is_fresh(step):
    assert reason(step) is None


def test_dates_decide_nothing(step, data):
    for path in (step.record, step.outputs[0], data / "x.npz", data / "manifest.json"):
        os.utime(path, (1, 1))
        assert reason(step) is None
        os.utime(path, (2**33, 2**33))
        assert reason(step) is None
        # Snakemake calls a job failed whose input is younger than its output.
        assert path.stat().st_mtime < 2**32


def test_a_setting_a_program_an_input_or_an_output_makes_it_stale(step, data):
    assert reason(replace(step, settings={"steps": 5, "f": {"hidden": 8}})) == "f.hidden: 32 -> 8"
    assert reason(replace(step, program="other")) == "the program"
    assert reason(replace(step, unfinished=data)) == "it has more to do"
    step.outputs[0].write_text("others' weights")
    assert reason(step) == "run/model is not the one that was left"
    step.outputs[0].unlink()
    assert reason(step) == "run/model is missing"
    make(step)
    (data / "x.npz").write_bytes(b"other numbers")
    write_manifest(data, {})
    assert reason(step) == "data/set is not the one that was read"


def test_an_input_more_or_less_makes_it_stale(step, data):
    other = Path("other")
    other.write_text("x")
    assert reason(replace(step, inputs=(data, other))) == "other is not the one that was read"
    assert reason(replace(step, inputs=())) == "other files"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"settings": {}}', '{"settings":1,"program":2,"inputs":3,"outputs":4}']
)
def test_a_damaged_record_is_none(step, content):
    step.record.write_text(content)
    assert reason(step) is not None
    step.record.unlink()
    assert reason(step) == "it left no record"


def test_a_step_that_fails_leaves_no_record(step):
    with pytest.raises(RuntimeError), step.recorded():
        raise RuntimeError
    assert reason(step) == "it left no record"
    assert not list(Path("run").glob(".*.lock"))


def test_what_is_recorded_is_what_was_read_at_the_start(step, data):
    with step.recorded():
        # Somebody makes the data anew while the step runs.
        (data / "x.npz").write_bytes(b"other numbers")
        write_manifest(data, {})
    assert reason(step) == "data/set is not the one that was read"


def test_a_flipped_bit_in_the_data_is_one_line(step, data):
    (data / "x.npz").write_bytes(b"nunbers")
    with pytest.raises(UserError, match=r"^data/set/x\.npz: damaged, or changed since it was made") as caught:
        make(step)
    assert "\n" not in str(caught.value)
    assert Digests().of(data) == "damaged x.npz"
    (data / "x.npz").unlink()
    assert Digests().of(data) == MISSING


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"files": 3, "digest": "a"}', '{"files": {"x": 1}, "digest": "a"}']
)
def test_a_damaged_manifest_is_no_digest(data, content):
    (data / "manifest.json").write_text(content)
    assert Digests().of(data) == "damaged manifest.json"


@pytest.mark.parametrize("name", ["/dev/zero", "../other", ".", "", "a\0b", "/etc/passwd", "x/../../y"])
def test_a_manifest_names_nothing_outside_its_folder(data, name):
    files = {name: "0" * 64}
    write_json(data / "manifest.json", {"files": files, "digest": digest_of(files), "facts": {}})
    assert Digests().of(data) == "damaged manifest.json"


def test_a_long_name_is_a_file_that_is_not_there(data):
    files = {"x" * 300: "0" * 64}
    write_json(data / "manifest.json", {"files": files, "digest": digest_of(files), "facts": {}})
    assert Digests().of(data) == MISSING


def test_a_manifests_digest_is_that_of_its_files(data):
    content = read_json(data / "manifest.json")
    write_json(data / "manifest.json", {**content, "files": {}})
    assert Digests().of(data) == "damaged manifest.json"


def test_a_device_is_no_file():
    assert Digests().of(Path("/dev/zero")) == MISSING


def test_lists_differ_by_what_went_and_came():
    assert difference({"runs": ["a", "b"]}, {"runs": ["a", "c", "d"]}) == "runs: - b, + c, + d"


def test_digests_are_kept_and_their_loss_costs_time_only(data):
    cache = Path("cache.json")
    first = Digests(cache)
    digest = first.of(data)
    first.keep()
    again = Digests(cache)
    assert again.of(data) == digest
    before = cache.stat().st_mtime_ns
    again.keep()
    assert cache.stat().st_mtime_ns == before
    for content in ("{", "[1]", '{"data/set/x.npz": 3}', '{"data/set/x.npz": []}', '{"x": NaN}'):
        cache.write_text(content)
        assert Digests(cache).of(data) == digest


def test_a_changed_file_is_seen_although_its_size_and_date_stay(data):
    cache, path = Path("cache.json"), data / "x.npz"
    first = Digests(cache)
    digest, facts = first.of(path), path.stat()
    first.keep()
    path.write_bytes(b"NUMBERS")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert Digests(cache).of(path) != digest


def test_a_folder_without_a_manifest_counts_with_its_files(workspace):
    folder = Path("curves")
    folder.mkdir()
    empty = Digests().of(folder)
    (folder / "a.csv").write_text("1")
    full = Digests().of(folder)
    (folder / ".snakemake_timestamp").write_text("")
    assert len({empty, full, Digests().of(folder)}) == 2
    assert Digests().of(Path("nowhere")) == MISSING


values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)
settings = st.recursive(
    values, lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
)


@given(settings, settings)
def test_a_difference_is_told_where_there_is_one(before, now):
    told = difference({"a": before}, {"a": now})
    assert (told == "") == (before == now)
    assert "\n" not in told
    assert told == "" or told.startswith("a")


def test_a_record_tells_what_it_was_made_from(step):
    record = read_json(step.record)
    assert record["settings"] == {"steps": 5, "f": {"hidden": 32}}
    assert set(record["inputs"]) == {"data/set"}
    assert set(record["outputs"]) == {"run/model"}
    write_json(step.record, record)
    assert reason(step) is None
