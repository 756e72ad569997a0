from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from hypernet.domains import available, room
from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_table
from hypernet.lab.job import Job
from hypernet.lab.results.claims import check_claims
from hypernet.lab.results.summary import (
    COMPARISON_COLUMNS,
    KEY,
    Comparison,
    Measurement,
    comparison_table,
    mlflow_metrics,
    read_published,
    summarise,
    write_results,
    write_summary,
)

HEADER = "dataset,method,group,metric,value,status,source\n"


def measurement(value: float | None = 1.0, half: float = 0.1, group: str = "4 dB", **changes) -> Measurement:
    low, high = (None, None) if value is None else (value - half, value + half)
    given = {"group": group, "metric": "ber", "unit": "1", "value": value, "low": low, "high": high, "n": 100}
    return Measurement(**given | changes)


@pytest.fixture
def runs(tmp_path: Path):
    """Writes metrics.json of runs given as (dataset, method, seed, measurements)."""

    def write(*given) -> list[Path]:
        paths = []
        for dataset, method, seed, measurements in given:
            folder = tmp_path / "runs" / dataset / method / f"seed{seed}"
            job = Job("toy", dataset, method, seed, tmp_path, folder, Section())
            write_results(job, pd.DataFrame({"item": [0]}), measurements)
            paths.append(folder / "metrics.json")
        return paths

    return write


@pytest.fixture
def published(tmp_path: Path):
    """Writes a published.csv with the given lines below its header."""

    def write(*lines: str) -> Path:
        path = tmp_path / "published.csv"
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
        return path

    return write


def row(table: pd.DataFrame, **where) -> pd.Series:
    chosen = table[np.logical_and.reduce([table[key] == value for key, value in where.items()])]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_the_table_has_the_columns_of_the_contract_and_a_row_per_key(runs, published):
    metrics = runs(
        ("A", "bp", 0, [measurement(), measurement(group="5 dB"), measurement(metric="fer")]),
        ("A", "hyper", 0, [measurement()]),
        ("A", "hyper", 1, [measurement()]),
        ("B", "bp", 0, [measurement()]),
    )
    table = summarise("codes", "smoke", metrics, published())
    contract = "domain, dataset, method, metric, unit, value, ci95, n, seeds, published, source, scale, group"
    assert set(contract.split(", ")) <= set(table.columns)
    assert len(table) == 5
    assert not table.duplicated(KEY).any()
    assert set(table["domain"]) == {"codes"}
    assert set(table["scale"]) == {"smoke"}


def test_one_seed_keeps_its_own_interval(runs, published):
    single = measurement(2.0, 0.25, n=7, unit="dB")
    joined = row(summarise("codes", "real", runs(("A", "bp", 3, [single])), published()), dataset="A")
    assert (joined["value"], joined["ci95"], joined["n"]) == (2.0, 0.25, 7)
    assert (joined["unit"], joined["seeds"], joined["group"]) == ("dB", "3", "4 dB")
    assert (joined["ci95_low"], joined["ci95_high"]) == (1.75, 2.25)


@pytest.mark.parametrize(("values", "half"), [([1.0, 2.0, 4.0], 0.1), ([2.0, 2.0, 2.0], 0.3)])
def test_seeds_are_joined(runs, published, values, half):
    given = [("A", "bp", seed, [measurement(value, half)]) for seed, value in enumerate(values)]
    joined = row(summarise("codes", "smoke", runs(*given), published()), dataset="A")
    between = scipy.stats.t.ppf(0.975, 2) * scipy.stats.sem(values)
    expected = max(between, half / math.sqrt(3))
    assert joined["value"] == pytest.approx(np.mean(values))
    assert joined["ci95"] == pytest.approx(expected)
    assert (joined["n"], joined["seeds"]) == (300, "0 1 2")


def test_where_no_error_was_seen_a_bound_stands(runs, published):
    never = measurement(None, low=None, high=0.003)
    rarely = measurement(0.001, low=0.0005, high=0.004)
    metrics = runs(("A", "bp", 0, [never]), ("A", "hyper", 0, [never]), ("A", "hyper", 1, [rarely]))
    table = summarise("codes", "smoke", metrics, published())
    for method, high in (("bp", 0.003), ("hyper", 0.004)):
        joined = row(table, method=method)
        assert pd.isna(joined["value"])
        assert pd.isna(joined["ci95"])
        assert pd.isna(joined["ci95_low"])
        assert joined["ci95_high"] == high


def test_a_value_without_an_interval_stays_without_one(runs, published):
    bare = measurement(5.0, low=None, high=None)
    metrics = runs(("A", "bp", 0, [bare]))
    joined = row(summarise("codes", "smoke", metrics, published()), dataset="A")
    assert joined["value"] == 5.0
    assert pd.isna(joined["ci95"])


def test_published_and_unverified_numbers_never_share_a_column(runs, published):
    metrics = runs(("A", "bp", 0, [measurement(), measurement(group="5 dB"), measurement(group="6 dB")]))
    known = published(
        'A,bp,4 dB,ber,0.5,published,"Somebody 2019, table 1"',
        "A,bp,5 dB,ber,0.25,unverified,from memory",
        "B,bp,6 dB,ber,0.125,published,of another data set",
    )
    table = summarise("codes", "smoke", metrics, known)
    read, remembered, none = (row(table, group=group) for group in ("4 dB", "5 dB", "6 dB"))
    assert read["published"] == 0.5
    assert read["source"] == "Somebody 2019, table 1"
    assert pd.isna(read["unverified"])
    assert remembered["unverified"] == 0.25
    assert remembered["source"] == "from memory"
    assert pd.isna(remembered["published"])
    assert pd.isna(none["published"])
    assert pd.isna(none["unverified"])
    assert none["source"] == ""


def test_a_number_that_could_not_be_had_says_so_and_is_quoted_nowhere_else(runs, published):
    metrics = runs(("A", "bp", 0, [measurement(), measurement(group="5 dB")]))
    known = published("A,bp,4 dB,ber,,not available,no table", "A,turbo,5 dB,ber,,not available,no table")
    table = summarise("codes", "smoke", metrics, known)
    assert len(table) == 2
    sought, other = row(table, group="4 dB"), row(table, group="5 dB")
    assert sought["source"] == "not available: no table"
    assert sought[["published", "unverified"]].isna().all()
    assert other["source"] == ""


def test_a_method_that_is_only_quoted_has_a_row_without_a_measurement(runs, published):
    metrics = runs(("A", "bp", 0, [measurement()]), ("B", "bp", 0, [measurement(group="5 dB")]))
    known = published(
        "A,turbo,4 dB,ber,0.5,published,x",
        "A,turbo,9 dB,ber,0.5,published,a group that was not measured",
        "B,turbo,4 dB,ber,0.5,published,a group of another data set",
        "C,turbo,4 dB,ber,0.5,published,a data set that was not measured",
        "A,turbo,4 dB,fer,0.5,published,a metric that was not measured",
    )
    table = summarise("codes", "smoke", metrics, known)
    assert len(table) == 3
    quoted = row(table, method="turbo")
    assert (quoted["published"], quoted["source"], quoted["n"], quoted["seeds"]) == (0.5, "x", 0, "")
    assert (quoted["domain"], quoted["scale"], quoted["unit"]) == ("codes", "smoke", "1")
    assert quoted[["value", "ci95", "ci95_low", "ci95_high", "unverified"]].isna().all()


def test_names_that_look_like_numbers_meet_their_published_row(runs, published):
    metrics = runs(("49", "bp", 0, [measurement(group="4")]))
    table = summarise("codes", "smoke", metrics, published("49,bp,4,ber,0.5,published,x"))
    assert row(table, dataset="49")["published"] == 0.5


def test_a_group_may_be_empty(runs, published):
    metrics = runs(("A", "bp", 0, [measurement(group="")]))
    table = summarise("codes", "smoke", metrics, published("A,bp,,ber,0.5,published,x"))
    assert row(table, group="")["published"] == 0.5


def test_one_run_given_twice_is_not_taken_for_two(runs, published):
    metrics = runs(("A", "bp", 0, [measurement(1.0, 0.3)]))
    try:
        joined = row(summarise("codes", "smoke", metrics * 2, published()), dataset="A")
    except UserError:
        return
    assert (joined["ci95"], joined["n"], joined["seeds"]) == (pytest.approx(0.3), 100, "0")


@pytest.mark.parametrize(
    ("lines", "number", "problem"),
    [
        (["A,bp,,ber,0.5,published,x", "A,bp,1,ber,0.5,maybe,x"], 3, "maybe"),
        (["A,bp,,ber,half,published,x"], 2, "half"),
        (["A,bp,,ber,,published,x"], 2, "value"),
        (["A,bp,,ber,nan,published,x"], 2, "nan"),
        (["A,bp,,ber,inf,published,x"], 2, "inf"),
        (["A,bp,,ber,0.5,published,x", "B,bp,,ber,1,published,x", "A,bp,,ber,0.5,unverified,y"], 4, "twice"),
        (["", "A,bp,,ber,half,published,x"], 3, "half"),
        (["A,bp,,ber,0.5,published,x", "B,bp,,ber,0.5,published,x,y"], 3, "published"),
        (["A,bp,,ber,0.5,published,x,y", "B,bp,,ber,0.5,published,x,y"], 2, "published"),
        (["A,bp,,ber"], 2, "status"),
        (["A,bp,,ber,0.5,not available,x"], 2, "value"),
    ],
    ids=[
        "status",
        "no number",
        "no value",
        "nan",
        "infinite",
        "twice",
        "after a blank line",
        "a cell too many",
        "a cell too many everywhere",
        "cells missing",
        "a number that is not available",
    ],
)
def test_a_bad_published_row_is_one_line_with_its_number(published, lines, number, problem):
    path = published(*lines)
    with pytest.raises(UserError, match=problem) as caught:
        read_published(path)
    assert str(path) in str(caught.value)
    assert f"line {number}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["dataset,method\nA,bp\n", HEADER.replace("status", "state"), ""])
def test_other_columns_are_refused(tmp_path, content):
    path = tmp_path / "published.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=r"published\.csv"):
        read_published(path)


def test_a_missing_published_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"published\.csv"):
        read_published(tmp_path / "published.csv")


@pytest.mark.parametrize("domain", available())
def test_the_published_numbers_of_every_domain_are_readable_and_name_their_source(domain):
    table = read_published(Path(room(domain, "config").__file__).with_name("published.csv"))
    # The talk shows super-resolution as a picture; nobody published numbers of it.
    assert len(table) or domain == "superres"
    assert (table["source"].str.len() > 0).all()
    absent = table["status"] == "not available"
    assert np.isfinite(table["value"][~absent]).all()
    assert table["value"][absent].isna().all()
    assert set(table["method"]) <= set(room(domain, "methods").TITLES)


def test_the_names_in_mlflow_hold_the_group():
    given = [measurement(0.5), measurement(None), measurement(0.25, group="", metric="fer")]
    assert mlflow_metrics(given) == {"ber/4 dB": 0.5, "fer": 0.25}


def comparison(**changes) -> Comparison:
    given = {
        "dataset": "A",
        "group": "4 dB",
        "seed": 0,
        "method": "hyper",
        "reference": "bp",
        "metric": "neg_ln_ber",
        "difference": 0.5,
        "ci95_low": 0.25,
        "ci95_high": 0.75,
        "n": 40,
        "claimed": True,
    }
    return Comparison(**given | changes)


NOT_ABOVE_ZERO = {"ci95_low": -0.1}


def test_what_is_written_can_be_read_again(tmp_path, runs, published):
    metrics = runs(
        ("A", "bp", 0, [measurement(0.1, 0.01), measurement(0.01, 0.001, group="5 dB")]),
        ("A", "hyper", 0, [measurement(0.05, 0.01), measurement(None, group="5 dB", high=0.002)]),
        ("B", "bp", 0, [measurement(0.2, group=""), measurement(9.0, metric="fer")]),
    )
    table = summarise("codes", "smoke", metrics, published())
    comparisons = comparison_table("codes", [comparison()])
    out = tmp_path / "out"
    for _ in range(2):
        write_summary(out, table, comparisons, "ber", lambda group: float(group.split()[0]) if group else 0.0)
    again = pd.read_csv(out / "summary.csv", keep_default_na=True)
    assert list(again.columns) == list(table.columns)
    assert again["value"].to_numpy() == pytest.approx(table["value"].to_numpy(dtype=float), nan_ok=True)
    assert list(pd.read_csv(out / "comparisons.csv").columns) == COMPARISON_COLUMNS
    nested = read_json(out / "metrics.json")
    assert nested["A"] == {"bp": {"ber": {"4 dB": 0.1, "5 dB": 0.01}}, "hyper": {"ber": {"4 dB": 0.05}}}
    assert nested["B"] == {"bp": {"ber": {"all": 0.2}, "fer": {"4 dB": 9.0}}}
    curves = pd.read_csv(out / "curves" / "A.csv")
    assert list(curves["position"]) == [4.0, 5.0]
    assert list(curves["bp"]) == [0.1, 0.01]
    assert curves["hyper"].isna().tolist() == [False, True]
    assert sorted(path.name for path in (out / "curves").iterdir()) == ["A.csv", "B.csv"]


def write_comparisons(path: Path, *given: Comparison) -> Path:
    write_table(path, comparison_table("codes", given))
    return path


def test_claims_that_hold_are_printed_with_their_interval(tmp_path, capsys):
    unclaimed = comparison(method="min_sum", claimed=False, **NOT_ABOVE_ZERO)
    check_claims(write_comparisons(tmp_path / "c.csv", comparison(), comparison(seed=1), unclaimed))
    lines = capsys.readouterr().out.splitlines()
    assert sum("hyper over bp" in line and "[+0.250, +0.750]" in line for line in lines) == 2
    assert not any("min_sum" in line for line in lines)
    assert not any("FAILS" in line for line in lines)


@pytest.mark.parametrize("low", [0.0, -0.1])
def test_a_claim_whose_interval_touches_zero_fails(tmp_path, capsys, low):
    path = write_comparisons(tmp_path / "c.csv", comparison(), comparison(group="5 dB", ci95_low=low))
    with pytest.raises(UserError, match="1 of 2"):
        check_claims(path)
    (failed,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILS")]
    assert "5 dB" in failed


def test_a_claim_with_a_margin_needs_that_much(tmp_path, capsys):
    check_claims(write_comparisons(tmp_path / "c.csv", comparison(margin=0.5)))
    path = write_comparisons(tmp_path / "c.csv", comparison(), comparison(group="5 dB", margin=0.51))
    with pytest.raises(UserError, match="1 of 2"):
        check_claims(path)
    (failed,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILS")]
    assert "5 dB" in failed
    assert "at least 0.51" in failed


def test_nothing_claimed_is_an_error(tmp_path):
    for given in ([], [comparison(claimed=False)]):
        with pytest.raises(UserError, match="no claimed comparison"):
            check_claims(write_comparisons(tmp_path / "c.csv", *given))
    with pytest.raises(UserError, match="no such file"):
        check_claims(tmp_path / "nothing.csv")


def test_a_claim_without_a_group_is_printed_without_one(tmp_path, capsys):
    check_claims(write_comparisons(tmp_path / "c.csv", comparison(group="")))
    assert "nan" not in capsys.readouterr().out
