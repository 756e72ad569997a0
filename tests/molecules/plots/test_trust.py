"""Coverage by counting, and where marks stand."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.molecules.methods import TITLES
from hypernet.molecules.plots.style import STYLE
from hypernet.molecules.plots.trust import LEVELS, Coverage, coverage, draw_trust
from hypernet.molecules.trained import conformal_margin


def test_coverage_by_counting():
    # Of nine held-out errors the fifth smallest is half the width at 50 %, the ninth at 90 %.
    held_out = np.array([9.0, 1, 8, 2, 7, 3, 6, 4, 5])
    tested = np.array([0.5, 5.0, 5.1, 9.0, 9.5])
    assert coverage(held_out, tested, (0.5, 0.9, 0.95)) == [Coverage(0.5, 2, 5), Coverage(0.9, 4, 5)]


@given(st.lists(st.floats(0, 100), min_size=9, max_size=300), st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_the_interval_of_nine_in_ten_is_the_models_own(held_out, tested):
    (covered,) = coverage(np.array(held_out), np.array(tested), (0.9,))
    assert covered.inside == sum(error <= conformal_margin(np.array(held_out)) for error in tested)


def test_exchangeable_errors_are_covered_as_promised():
    generator = np.random.default_rng(0)
    covered = coverage(generator.exponential(size=20_000), generator.exponential(size=20_000))
    assert [entry.level for entry in covered] == list(LEVELS)
    for entry in covered:
        assert entry.inside / entry.count == pytest.approx(entry.level, abs=0.02)


def rows(method: str, same: float, rebuilt: float) -> list[dict]:
    common = {"method": method, "group": "", "unit": "meV", "seeds": "0", "n": 90}
    return [
        common | {"metric": metric, "value": value, "ci95_low": 0.9 * value, "ci95_high": 1.2 * value}
        for metric, value in (("mae_same", same), ("mae_rebuilt", rebuilt))
    ]


def test_marks_stand_where_the_numbers_say():
    summary = pd.DataFrame([*rows("hyper", 20.0, 50.0), *rows("krr", 30.0, 40.0)])
    figure = draw_trust({"hyper": [Coverage(0.5, 30, 50), Coverage(0.9, 50, 50)]}, summary, TITLES, "QM9")
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[1].get_xydata(), [[50, 60], [90, 100]])
    assert "90 molecules" in right.get_title()
    blue = STYLE["hyper"]["color"]
    marks = [
        (*line.get_xydata()[0], line.get_markerfacecolor())
        for line in right.lines
        if line.get_color() == blue and len(line.get_xydata()) == 1
    ]
    # The table's last method is the lowest row.
    assert marks == [(20, pytest.approx(0.12), blue), (50, pytest.approx(-0.12), "white")]
    plt.close(figure)


def test_without_other_geometries_there_are_the_shares_alone():
    figure = draw_trust({"krr": [Coverage(0.5, 3, 5)]}, pd.DataFrame(rows("krr", 1, 2)).iloc[:0], TITLES, "QM9")
    assert len(figure.axes) == 1
    plt.close(figure)
