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

import pytest
import yaml

from hypernet.domains import available

HYPER = "results/codes/BCH31_16/hyper/seed0"
# What follows a run of this domain that was measured again.
JOINED = {
    "codes: join all runs into summary.csv",
    "codes: draw the pictures",
    "codes: bring MLflow to where the results are",
    "write the page of results",
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


@pytest.fixture(params=["with Snakemake's notes", "without them"])
def noted(request, copy):
    """The copy, with and without the folder .snakemake."""
    kept = copy.path / ".snakemake"
    if request.param == "without them":
        shutil.move(kept, copy.path.with_name("notes"))
    yield copy
    if request.param == "without them":
        shutil.rmtree(kept, ignore_errors=True)
        shutil.move(copy.path.with_name("notes"), kept)


def test_a_setting_of_one_method_concerns_its_steps_and_what_joins_them(noted):
    assert noted.planned() == set()
    noted.change("codes", "hyper", "f_hidden", value=8)
    assert noted.planned() == HYPER_AGAIN


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
    assert noted.planned() == HYPER_AGAIN
    if (noted.path / ".snakemake").exists():
        noted.run("snakemake")
        assert model.read_bytes() == before
    else:
        model.write_bytes(before)
    assert noted.planned() == set()


def test_an_edited_model_trains_its_users_again_and_a_remark_nobody(noted):
    model = noted.path / "pipeline" / "hypernet" / "codes" / "model.py"
    with edited(model, r"^class WeightGenerator", "# A remark.\nclass WeightGenerator"):
        assert noted.planned() == set()
    with edited(model, r"^CHANNEL_LIMIT = 10\.0$", "CHANNEL_LIMIT = 10.0 + 0.0"):
        assert noted.planned() == {*HYPER_AGAIN, "codes: measure bp on BCH31_16, seed 0"}


def test_colours_concern_pictures_and_templates_the_page(noted):
    package = noted.path / "pipeline" / "hypernet"
    with edited(package / "lab" / "results" / "figures.py", r"^COLOURS = ", "COLOURS = 1 * "):
        pictures = {f"{domain}: draw the pictures" for domain in available()}
        told = {f"{domain}: bring MLflow to where the results are" for domain in available()}
        assert noted.planned() == {*pictures, *told, "write the page of results"}
    for name in ("page.html.j2", "style.css"):
        with edited(package / "report" / name, r"\Z", " "):
            assert noted.planned() == {"write the page of results"}


def test_a_step_run_by_hand_is_as_fresh_as_any(copy):
    copy.change("codes", "hyper", "f_hidden", value=8)
    kept = {path: path.read_bytes() for path in (copy.path / HYPER).iterdir() if path.is_file()}
    try:
        for verb in ("train", "evaluate"):
            copy.run("hypernet", "codes", verb, "--method", "hyper")
        assert copy.planned() == JOINED
        assert f"{HYPER}/train" not in copy.run("hypernet", "plan").stdout
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    copy.change("codes", "hyper", "f_hidden", value=32)
    assert copy.planned() == set()


def test_the_plan_says_why(copy):
    copy.change("codes", "hyper", "f_hidden", value=8)
    lines = copy.run("hypernet", "plan").stdout.splitlines()
    assert f"{HYPER}/train: method.f_hidden: 32 -> 8" in lines
    assert f"{HYPER}/evaluate: {HYPER}/train runs" in lines


def test_an_overlay_leaves_the_default_alone(copy):
    overlay = {"project": {"data": "data/other", "results": "results/other"}, "radar": {"datasets": ["knmi"]}}
    (copy.path / "other.yaml").write_text(yaml.safe_dump(overlay))
    # Files that are not there: it fails.
    environment = {**copy.environment, "HYPERNET_MIRROR": "", "https_proxy": "http://127.0.0.1:9"}
    failed = subprocess.run(
        ["snakemake", "--configfile", "other.yaml", "--", "radar"],
        cwd=copy.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert copy.planned() == set()


def test_a_second_snakemake_in_the_folder_stops_and_harms_nothing(copy):
    picture = copy.path / "results/codes/figures/waterfall.png"
    before = picture.read_bytes()
    picture.unlink()
    first = subprocess.Popen(
        ["snakemake"], cwd=copy.path, env=copy.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    lock = copy.path / ".hypernet.lock"
    while not lock.exists() or lock.read_text() != f"{first.pid}\n":
        assert first.poll() is None
        time.sleep(0.02)
    second = copy.run("snakemake", check=False)
    assert second.returncode != 0
    assert f"Snakemake works in this folder already (process {first.pid})" in second.stdout
    assert first.wait() == 0
    assert picture.read_bytes() == before
    assert copy.planned() == set()


def test_kill_minus_nine_leaves_no_lock_and_the_same_numbers(copy):
    summary = copy.path / "results/codes/summary.csv"
    before = summary.read_bytes()
    shutil.rmtree(copy.path / "results/codes/BCH31_16")
    generator = random.Random(os.getpid())
    for _ in range(2):
        victim = subprocess.Popen(
            ["snakemake", "codes"],
            cwd=copy.path,
            env=copy.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(generator.uniform(2, 10))
        os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
    copy.run("snakemake")
    assert summary.read_bytes() == before
    assert copy.planned() == set()
    assert not list(copy.path.glob(".snakemake/locks/*"))


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


def test_a_page_without_a_domain_is_made_once(copy):
    params = copy.path / "params.yaml"
    content = yaml.safe_load(params.read_text(encoding="utf-8"))
    ratings = content.pop("ratings")
    params.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    assert copy.planned() == {"write the page of results"}
    copy.run("snakemake")
    assert copy.planned() == set()
    copy.overlay({"ratings": ratings})
    copy.run("snakemake")
    assert copy.planned() == set()
