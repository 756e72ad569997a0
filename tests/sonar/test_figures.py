"""Pictures of runs: every one is drawn, also of data and methods that lack something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hypernet.shapes.names import CLASSES
from hypernet.sonar.core.regions import REGIONS
from hypernet.sonar.core.strength import target_strength
from hypernet.sonar.figures import _corner, _plate
from hypernet.sonar.plots.contrasts import Paired, draw_sight_and_sound, draw_surfaces


def objects() -> pd.DataFrame:
    random = np.random.default_rng(0)
    names = np.repeat(CLASSES, 3)
    sight = random.uniform(0, 90, len(names))
    return pd.DataFrame({"class": names, "sight": sight, "sound": sight / 2})


def test_sight_and_sound_on_common_axes():
    pair = Paired("BatMan", objects(), {"class_correlation": (1.0, 0.9, 1.0)})
    figure = draw_sight_and_sound([pair, pair, pair])
    assert len(figure.axes) == 6
    means, single = figure.axes[:2]
    assert "r = 1.00 [0.90, 1.00]" in means.get_title()
    assert "r =" not in single.get_title()
    for axes in figure.axes:
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_xlabel() == "IoU by sight (%)"


def test_surfaces_name_methods_of_any_data_set():
    rows = [
        {"method": method, "group": region, "metric": metric, "value": 40.0, "ci95_low": 30.0, "ci95_high": 55.0}
        for method in ("batman", "vision")
        for region in REGIONS
        for metric in ("recall", "normal_error")
    ]
    table = pd.DataFrame(rows)
    styles = {method: {"color": "black", "marker": "o"} for method in ("batman", "vision")}
    tables = {"first": table[table.method == "batman"], "second": table}
    figure = draw_surfaces(tables, {"batman": "BatMan", "vision": "Vision"}, styles)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["BatMan", "Vision"]
    assert all(axes.get_ylabel() for axes in figure.axes)


def test_the_shapes_of_the_strength_picture_are_those_of_its_closed_forms():
    frequency = np.array([40e3])
    (plate,) = target_strength(_plate(0.1), frequency, np.array([0.0]))[0]
    assert plate == pytest.approx(20 * np.log10(0.01 * 40e3 / 343.21), abs=0.1)
    once, twice = (target_strength(_corner(0.1), frequency, np.array([0.0]), bounces=count)[0, 0] for count in (1, 2))
    assert twice == pytest.approx(20 * np.log10(2 * 0.01 * np.sqrt(0.5) * 40e3 / 343.21), abs=0.2)
    assert once < twice - 20
