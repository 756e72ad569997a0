"""What runs again is told by the files, whatever happened to their dates and to Snakemake's own notes."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hypernet.cli import main

from .conftest import TINY

HYPER = "results/codes/BCH31_16/hyper/seed0"
PAGE = "write the page of results"
# What follows a run of this domain that was measured again.
JOINED = {
    "codes: join all runs into summary.csv",
    "codes: draw the pictures",
    "codes: bring MLflow to where the results are",
    PAGE,
}
HYPER_AGAIN = {"codes: train hyper on BCH31_16, seed 0", "codes: evaluate hyper on BCH31_16, seed 0", *JOINED}


@contextmanager
def edited(path: Path, pattern: str, replacement: str):
    """A file of the copy with another text, for a while."""
    before = path.read_text(encoding="utf-8")
    after, count = re.subn(pattern, replacement, before, count=1, flags=re.MULTILINE)
    assert count == 1, f"{path} has no {pattern}"
    path.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.fixture
def unnoted(copy):
    """The copy, without the folder .snakemake."""
    notes, kept = copy.path / ".snakemake", copy.path.with_name("notes")
    shutil.move(notes, kept)
    yield copy
    shutil.rmtree(notes, ignore_errors=True)
    shutil.move(kept, notes)


@pytest.fixture(params=["with Snakemake's notes", "without them"])
def noted(request, copy):
    """The copy, with and without the folder .snakemake."""
    return copy if request.param == "with Snakemake's notes" else request.getfixturevalue("unnoted")


def test_dates_decide_nothing(noted):
    files = [path for folder in ("data", "results") for path in (noted.path / folder).rglob("*") if path.is_file()]
    generator = random.Random(0)
    for path in files:
        date = generator.randrange(10**9, 2 * 10**9)
        os.utime(path, (date, date))
    # Some come from a machine whose clock is ahead.
    for path in [*generator.sample(files, 20), *(noted.path / "results" / "codes").rglob("*.made.json")]:
        os.utime(path, (2**33, 2**33))
    assert noted.planned() == set()
    noted.change("codes", "hyper", "f_hidden", value=8)
    assert noted.planned() == HYPER_AGAIN


def test_a_model_that_is_gone_is_made_again(noted):
    model = noted.path / HYPER / "model.ckpt"
    before = model.read_bytes()
    model.unlink()
    try:
        assert noted.planned() == HYPER_AGAIN
    finally:
        model.write_bytes(before)


def with_a_remark(package: Path):
    return edited(package / "codes" / "model.py", r"^class WeightGenerator", "# A remark.\nclass WeightGenerator")


def with_another_model(package: Path):
    return edited(package / "codes" / "model.py", r"^CHANNEL_LIMIT = 10\.0$", "CHANNEL_LIMIT = 10.0 + 0.0")


def with_other_colours(package: Path):
    return edited(package / "lab" / "results" / "figures.py", r"^COLOURS = ", "COLOURS = 1 * ")


MODEL_USED = {*HYPER_AGAIN, "codes: measure bp on BCH31_16, seed 0"}
COLOURS_USED = {
    *(f"{domain}: draw the pictures" for domain in TINY),
    *(f"{domain}: bring MLflow to where the results are" for domain in TINY),
    PAGE,
}


def test_an_edited_model_trains_its_users_again_and_a_remark_nobody(copy):
    package = copy.path / "pipeline" / "hypernet"
    with with_a_remark(package):
        assert copy.planned() == set()
    with with_another_model(package):
        assert copy.planned() == MODEL_USED


def test_colours_concern_pictures_and_templates_the_page(copy):
    package = copy.path / "pipeline" / "hypernet"
    with with_other_colours(package):
        assert copy.planned() == COLOURS_USED
    for name in ("page.html.j2", "style.css"):
        with edited(package / "report" / name, r"\Z", " "):
            assert copy.planned() == {PAGE}


def test_edits_are_seen_without_snakemakes_notes(unnoted):
    package = unnoted.path / "pipeline" / "hypernet"
    with with_a_remark(package), with_another_model(package), with_other_colours(package):
        assert unnoted.planned() == MODEL_USED | COLOURS_USED


def test_a_step_run_by_hand_is_as_fresh_as_any(copy, monkeypatch, capsys):
    copy.change("codes", "hyper", "f_hidden", value=8)
    kept = {path: path.read_bytes() for path in (copy.path / HYPER).iterdir() if path.is_file()}
    monkeypatch.chdir(copy.path)
    try:
        for verb in ("train", "evaluate"):
            assert main(["codes", verb, "--method", "hyper"]) == 0
        assert copy.planned() == JOINED
        capsys.readouterr()
        assert main(["plan"]) == 0
        assert f"{HYPER}/train" not in capsys.readouterr().out
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def test_the_plan_says_why(copy):
    copy.change("codes", "hyper", "f_hidden", value=8)
    lines = copy.run("hypernet", "plan").stdout.splitlines()
    assert f"{HYPER}/train: method.f_hidden: 32 -> 8" in lines
    assert f"{HYPER}/evaluate: {HYPER}/train runs" in lines


def test_an_overlay_leaves_the_default_alone(copy):
    overlay = {"project": {"data": "data/other", "results": "results/other"}, "ratings": {"datasets": ["jester1"]}}
    (copy.path / "other.yaml").write_text(yaml.safe_dump(overlay))
    # Files that are not there: it fails.
    environment = {**copy.environment, "HYPERNET_MIRROR": "", "https_proxy": "http://127.0.0.1:9"}
    failed = subprocess.run(
        ["snakemake", "--configfile", "other.yaml", "--", "ratings"],
        cwd=copy.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert copy.planned() == set()


def test_kill_minus_nine_leaves_no_lock_and_the_same_numbers(copy, tmp_path):
    results = copy.path / "results" / "codes"
    kept = shutil.copytree(results, tmp_path / "codes")
    shutil.rmtree(results / "BCH31_16")
    command = ["snakemake", "results/codes/summary.csv"]
    generator = random.Random(os.getpid())
    for _ in range(2):
        victim = subprocess.Popen(
            command,
            cwd=copy.path,
            env=copy.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Some time after its first job began.
        while not list(results.glob("BCH31_16/*/seed0/log.txt")):
            assert victim.poll() is None
            time.sleep(0.02)
        time.sleep(generator.uniform(0, 6))
        os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
    copy.run(*command)
    name = "BCH31_16/hyper/seed0/model.ckpt"
    assert (results / name).read_bytes() == (kept / name).read_bytes()
    again, before = (pd.read_csv(folder / "summary.csv") for folder in (results, kept))
    assert len(before) > (before.unit == "s").sum() > 0
    pd.testing.assert_frame_equal(again[again.unit != "s"], before[before.unit != "s"], check_exact=True)
    # The runs note how long they took, which pictures and MLflow show.
    assert copy.planned() == JOINED - {"codes: join all runs into summary.csv"}
    assert not list(copy.path.glob(".snakemake/locks/*"))
    shutil.rmtree(results)
    kept.rename(results)


def test_a_file_of_ones_own_that_is_not_there_stops_before_anything_runs(copy):
    copy.overlay({"codes": {"datasets": ["mine"], "matrices": {"mine": "typo.alist"}}})
    for command in (["snakemake", "codes"], ["hypernet", "plan"]):
        failed = copy.run(*command, check=False)
        assert failed.returncode != 0
        assert "typo.alist: no such file; the data set mine of codes is read from it" in failed.stdout
    # One that lies among the data is read like any other.
    inside = copy.path / "data" / "mine.alist"
    shutil.copy(copy.path / "data/raw/codes/BCH31_16/parity_check.alist", inside)
    copy.overlay({"codes": {"matrices": {"mine": "data/mine.alist"}}})
    assert "codes: parity-check matrix of mine" in copy.planned()
    inside.unlink()


def test_a_page_without_a_domain_is_made_once_and_a_second_snakemake_stops_and_harms_nothing(copy):
    page, params = copy.path / "results" / "index.html", copy.path / "params.yaml"
    before = page.read_bytes()
    content = yaml.safe_load(params.read_text(encoding="utf-8"))
    ratings = content.pop("ratings")
    params.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    first = subprocess.Popen(
        ["snakemake"], cwd=copy.path, env=copy.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lock = copy.path / ".hypernet.lock"
    while not lock.exists() or lock.read_text() != f"{first.pid}\n":
        assert first.poll() is None
        time.sleep(0.02)
    # It waits for the second, whichever is the faster.
    first.send_signal(signal.SIGSTOP)
    try:
        second = copy.run("snakemake", check=False)
    finally:
        first.send_signal(signal.SIGCONT)
    assert second.returncode != 0
    assert f"Snakemake works in this folder already (process {first.pid})" in second.stdout
    assert copy.jobs(first.communicate()[0]) == {PAGE}
    assert first.returncode == 0
    assert copy.planned() == set()
    copy.overlay({"ratings": ratings})
    assert copy.made() == {PAGE}
    assert page.read_bytes() == before
    assert copy.planned() == set()
