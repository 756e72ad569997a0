"""The pictures and tables come from real, tiny runs; what the pictures look like is for a person to judge."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import hypernet.ratings.config
from hypernet.lab.files import read_json, write_json
from hypernet.lab.job import Job
from hypernet.lab.results.summary import COLUMNS, read_published
from hypernet.ratings.captions import FIGURES
from hypernet.ratings.evaluate import NEW_USERS, SELECTED_ON_TEST, evaluate, summarise
from hypernet.ratings.figures import draw
from hypernet.ratings.methods import TITLES
from hypernet.ratings.train import train

PUBLISHED = Path(hypernet.ratings.config.__file__).with_name("published.csv")
TINY = (
    "recipes.anneal.max_steps=20",
    "recipes.anneal.dynamic_steps=5",
    "recipes.anneal.harden_steps=5",
    "recipes.explained.max_steps=10",
    "recipes.explained.harden_steps=5",
    "meta_explained.embedding=8",
    "train.check_every_steps=5",
    "train.users_per_batch=16",
    "meta_fixed={depth: 7, embedding: 8, f_hidden: 50, g_hidden: 20}",
    "meta_dynamic={depth: 4, embedding: 8, f_hidden: 50, g_hidden: 20}",
    "evaluate.resamples=100",
    "local_trees.depths=[1, 2]",
    "global_tree.depths=[3]",
)
METHODS = [
    *("oracle", "user_mean", "global_tree", "local_trees", "local_trees_tuned", "greedy_residual"),
    *("deep_set", "meta_explained_soft", "meta_explained_hard"),
    *("meta_fixed_soft", "meta_fixed_hard", "meta_dynamic_soft", "meta_dynamic_hard"),
]


@pytest.fixture(scope="module")
def results(small_population, config, tmp_path_factory):
    """A working directory with prepared data, and in it a folder of results with runs."""
    root = tmp_path_factory.mktemp("work")
    shutil.copytree(small_population, root / "data" / "processed" / "ratings" / "preftrees")
    out, section, runs = root / "results", config(*TINY), []
    for method in METHODS:
        run, data = out / "preftrees" / method / "seed0", small_population
        job = Job("ratings", "preftrees", method, 0, data, run, section.settings("train", "preftrees", method))
        train(job)
        evaluate(replace(job, settings=section.settings("evaluate", "preftrees", method)))
        runs.append(run)
    summarise(runs, PUBLISHED, out, "smoke")
    return root, out, runs


def test_the_tables_have_every_method_and_group(results):
    _, out, _ = results
    table = pd.read_csv(out / "summary.csv", keep_default_na=False)
    assert list(table.columns) == COLUMNS
    assert set(table.method) == set(METHODS)
    rmse = table[table.metric == "rmse"]
    assert set(rmse.group) == {"", NEW_USERS}
    # Every user-tree method is held against the truth.
    assert set(table[table.metric == "root_recovery"].method) >= {
        *("local_trees", "greedy_residual", "meta_explained_hard", "meta_fixed_hard", "meta_dynamic_hard")
    }
    comparisons = pd.read_csv(out / "comparisons.csv", keep_default_na=False)
    # The price of explaining, and what fitting a tree on the same base is ahead or behind.
    pairs = set(zip(comparisons.method, comparisons.reference, strict=True))
    assert {("deep_set", "meta_explained_hard"), ("meta_explained_hard", "greedy_residual")} <= pairs
    claimed = comparisons[comparisons.claimed]
    assert set(claimed.reference) == {"user_mean", "global_tree", "local_trees_tuned", "greedy_residual"}
    assert set(claimed.method) == {"meta_fixed_hard", "meta_explained_hard"}


def test_the_tables_say_where_files_were_modified(results, tmp_path):
    _, _, runs = results
    marked = []
    for run in runs[1:3]:
        folder = tmp_path / run.parent.name / run.name
        shutil.copytree(run, folder)
        marked.append(folder)
    record = read_json(marked[0] / "run.json")
    write_json(marked[0] / "run.json", record | {"modified_files": {"u.data": "0" * 32}})
    for folders, scale in ((marked, "smoke, modified files of preftrees"), (marked[1:], "smoke")):
        summarise(folders, PUBLISHED, tmp_path / "out", "smoke")
        assert set(pd.read_csv(tmp_path / "out" / "summary.csv")["scale"]) == {scale}


def test_every_promised_picture_is_drawn(results, monkeypatch):
    root, out, runs = results
    monkeypatch.chdir(root)
    draw(runs, out, out / "figures")
    for name in FIGURES:
        assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        ElementTree.parse(out / "figures" / f"{name}.svg")
    errors = (out / "figures" / "errors.svg").read_text(encoding="utf-8")
    for method in METHODS:
        assert f"<!-- {TITLES[method]} -->" in errors


def test_without_a_hypernetwork_the_pictures_say_so(results, monkeypatch, tmp_path, render):
    render(".svg")
    root, _, runs = results
    monkeypatch.chdir(root)
    summarise(runs[:3], PUBLISHED, tmp_path, "smoke")
    draw(runs[:3], tmp_path, tmp_path / "figures")
    text = (tmp_path / "figures" / "user_tree.svg").read_text(encoding="utf-8")
    assert "<!-- No meta tree with hard routing among the runs -->" in text


def test_the_published_table_is_complete():
    table = read_published(PUBLISHED)
    run_here = [method for method in TITLES if method in set(table.method) and not TITLES[method].endswith("(quoted)")]
    assert len(run_here) == 10
    for group in ("", SELECTED_ON_TEST):
        rows = table[table.group == group].set_index(["dataset", "method", "metric"]).value
        # Ten rows with two numbers on three data sets, and six quoted ones.
        assert len(rows) == 66
        # The talk's headline numbers.
        assert rows["ml100k_u1", "meta_fixed_soft", "rmse"] == 0.947
        assert rows["jester1", "meta_dynamic_hard", "mae"] == 3.097
        assert rows["ml1m", "svdpp", "rmse"] == 0.861
