"""The published table: what it says of itself, and how it comes to stand beside what is measured."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from hypernet.lab.files import write_json
from hypernet.lab.results.statistics import Correlation, correlation
from hypernet.lab.results.summary import Measurement, read_published, summarise
from hypernet.shapes import names as shapes_names
from hypernet.shapes.names import CLASSES
from hypernet.sonar import names

PUBLISHED = Path(names.__file__).with_name("published.csv")
SOUND = ("soundnet", "resnet", "resnet_phase", "batman", "batman_pairs")
SIGHT = "vision_published"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """IoU by method and class."""
    rows = read_published(PUBLISHED)
    assert set(rows["dataset"]) == {names.GENERATED}
    assert set(rows["metric"]) == {"published_iou"}
    return rows.pivot(index="method", columns="group", values="value")


def with_sight(table: pd.DataFrame, method: str) -> Correlation:
    """The class means of a method beside those of vision."""
    classes = list(CLASSES)
    return correlation(
        table.loc[SIGHT, classes].to_numpy(), table.loc[method, classes].to_numpy(), np.random.default_rng(0), 500
    )


def test_every_row_has_all_classes_and_their_mean(table):
    assert set(table.index) == {"r2n2", SIGHT, *SOUND}
    assert set(table.columns) == {*CLASSES, "mean"}
    assert table.notna().all(axis=None)
    np.testing.assert_allclose(table[list(CLASSES)].mean(axis=1), table["mean"], atol=0.05)


def test_the_rows_of_vision_are_those_of_the_vision_paper(table):
    known = read_published(Path(shapes_names.__file__).with_name("published.csv"))
    known = known[(known["dataset"] == "generated") & known["group"].str.startswith("Choy, ")]
    for method, here in (("r2n2", "r2n2"), ("hyper", SIGHT)):
        rows = known[known["method"] == method]
        there = dict(zip(rows["group"].str.removeprefix("Choy, "), rows["value"], strict=True))
        assert table.loc[here].to_dict() == there


@pytest.mark.parametrize(
    ("method", "pearson", "spearman", "in_order"),
    [
        ("soundnet", 0.920, 0.907, 0.907),
        ("resnet", 0.925, 0.864, 0.857),
        ("resnet_phase", 0.953, 0.968, 0.962),
        ("batman", 0.913, 0.929, 0.929),
        ("batman_pairs", 0.947, 0.945, 0.945),
    ],
)
def test_sight_and_sound_go_together(table, method, pearson, spearman, in_order):
    """Two classes of `resnet` and of `resnet_phase` have equal IoU: ranked in the table's order they correlate less."""
    measured = with_sight(table, method)
    assert round(measured.pearson.value, 3) == pearson
    assert round(measured.spearman.value, 3) == spearman
    assert measured.pearson.n == len(CLASSES)
    for interval in (measured.pearson, measured.spearman):
        assert 0 < interval.low < interval.value < interval.high <= 1
    sight, sound = (table.loc[name, list(CLASSES)].to_numpy() for name in (SIGHT, method))
    assert measured.spearman.value == pytest.approx(scipy.stats.spearmanr(sight, sound).statistic)
    ranks = [scipy.stats.rankdata(values, "ordinal") for values in (sight, sound)]
    assert round(float(np.corrcoef(*ranks)[0, 1]), 3) == in_order


def test_the_line_of_sound_against_sight(table):
    measured = with_sight(table, "batman")
    assert round(measured.slope, 3) == 1.214
    assert round(measured.intercept, 2) == -31.96


def test_what_the_text_says_of_the_table(table):
    classes, mean = table[list(CLASSES)], table["mean"]
    lead = classes.loc["batman"] - classes.loc["resnet_phase"]
    assert {name: round(lead[name], 1) for name in lead.index[lead < 0]} == {
        "car": -4.4,
        "speaker": -0.7,
        "table": -2.8,
    }
    assert round(mean["resnet_phase"] - mean["resnet"], 1) == 7.8
    more = classes.loc["batman_pairs"] - classes.loc["batman"]
    assert (more.idxmin(), round(more.min(), 1), more.idxmax(), round(more.max(), 1)) == ("monitor", 3.6, "table", 12.2)
    gap = (classes.loc[SIGHT] - classes.loc["batman"]).round(1).sort_values()
    assert gap.iloc[:3].to_dict() == {"cellphone": 7.4, "monitor": 9.5, "firearm": 11.9}
    assert gap.iloc[-3:].to_dict() == {"chair": 22.3, "bench": 24.8, "table": 26.7}


def test_they_stand_beside_what_is_measured(tmp_path, table):
    paths = []
    for method, groups in (("batman", (*CLASSES, "mean")), ("mean_shape", ("car", "mean"))):
        numbers = [Measurement(group, "published_iou", "%", 50.0, 49.0, 51.0, 15) for group in groups]
        path = tmp_path / f"{method}.json"
        content = {"dataset": names.GENERATED, "method": method, "seed": 0}
        write_json(path, {**content, "measurements": [asdict(number) for number in numbers]})
        paths.append(path)
    rows = summarise("sonar", "smoke", paths, PUBLISHED).set_index(["method", "group"])
    assert rows.loc[("batman", "car"), ["value", "published"]].to_list() == [50.0, 74.5]
    assert rows.loc[("batman", "mean"), "source"] == "Frank et al. 2020 (ICCP), as on the talk's slides"
    assert pd.isna(rows.loc[("mean_shape", "car"), "published"])
    # Not run here: quoted whole.
    for method in ("r2n2", SIGHT, "soundnet"):
        quoted = rows.loc[method]
        assert quoted["published"].to_dict() == table.loc[method].to_dict()
        assert quoted["value"].isna().all()
        assert set(quoted["n"]) == {0}
