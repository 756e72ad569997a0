"""Errors stand where the numbers say."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hypernet.molecules.methods import TITLES
from hypernet.molecules.plots import accuracy
from hypernet.molecules.plots.accuracy import Predicted, draw_errors, draw_parity, draw_relative
from hypernet.molecules.plots.style import STYLE, intervals_over, plain, unit_for_people


def predicted(count: int) -> Predicted:
    """Half too large by 0.1, half too small by 0.3."""
    true = np.linspace(-3, 5, count)
    return Predicted("hyper", "Hypernetwork", true, true + np.where(np.arange(count) % 2, 0.1, -0.3))


def row(method: str, metric: str, group: str, value: float, dataset: str = "a", unit: str = "meV") -> dict:
    return {
        "dataset": dataset,
        "method": method,
        "metric": metric,
        "group": group,
        "unit": unit,
        "value": value,
        "ci95_low": 0.8 * value,
        "ci95_high": 1.1 * value,
        "n": 12,
        "seeds": "0",
    }


def test_parity_has_the_diagonal_the_errors_and_their_mean():
    figure = draw_parity([predicted(100)], "gap", "eV", "meV", 1000.0, "QM9")
    above, below = figure.axes
    np.testing.assert_allclose(above.lines[0].get_xdata(), above.lines[0].get_ydata())
    assert [text.get_text() for text in above.texts] == ["MAE 200 meV"]
    np.testing.assert_allclose(np.unique(below.lines[1].get_ydata().round(6)), [-300, 100])
    plt.close(figure)


def test_many_molecules_are_counted_in_cells():
    count = accuracy.MOST_POINTS + 500
    figure = draw_parity([predicted(count)] * 2, "gap", "eV", "meV", 1000.0, "QM9")
    cells = [collection for axes in figure.axes[:4] for collection in axes.collections]
    assert len(cells) == 4
    for cell in cells:
        assert cell.get_array().sum() == count
        # One scale for all.
        assert (cell.norm.vmin, cell.norm.vmax) == (cells[0].norm.vmin, cells[0].norm.vmax)
    plt.close(figure)


def test_equal_values_have_a_parity_plot():
    figure = draw_parity([Predicted("mean", "Mean", np.ones(3), np.ones(3))], "x", "u", "u", 1.0, "mine")
    figure.draw_without_rendering()
    plt.close(figure)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234.5, "1,234"), (123.4, "123"), (12.34, "12.3"), (0.01234, "0.0123")]
)
def test_three_digits_are_shown(value, text):
    assert accuracy._rounded(value) == text


def test_errors_by_size_and_by_group():
    summary = pd.DataFrame(
        [row("krr", "mae", f"{heavy} heavy atoms", 10.0 * heavy) for heavy in (2, 10, 9)] + [row("krr", "mae", "", 5.0)]
    )
    errors = {"alcohol": np.array([1.0, 2, 3, 4, 5]), "ether": np.full(4, 9.0), "amine": np.arange(6.0) + 10}
    figure = draw_errors(summary, {"krr": errors}, TITLES, "QM9")
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_xydata(), [[2, 20], [9, 90], [10, 100]])
    assert [label.get_text() for label in left.get_xticklabels()] == ["2\n(12)", "9\n(12)", "10\n(12)"]
    # Too few ethers; the worst group is the lowest.
    assert [label.get_text() for label in right.get_yticklabels()] == ["amine (6)", "alcohol (5)"]
    means = [tuple(line.get_xydata()[0]) for line in right.lines if line.get_marker() == STYLE["krr"]["marker"]]
    assert means == [(12.5, 0), (3, 1)]
    low, high = stats.t.interval(0.95, 4, loc=3, scale=stats.sem([1, 2, 3, 4, 5]))
    bars = [segment for lines in right.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(bars[1], [[low, 1], [high, 1]])
    plt.close(figure)


def test_errors_of_which_nothing_is_known_have_no_picture():
    assert draw_errors(pd.DataFrame([row("krr", "mae", "", 5.0)]), {"krr": {}}, TITLES, "QM9") is None


def test_relative_errors_are_bars_in_a_panel_for_each_data_set():
    rows = [row("mean", "mae_std", "", 0.9), row("hyper", "mae_std", "", 0.1), row("hyper", "mae_std", "", 0.3, "b")]
    figure = draw_relative(pd.DataFrame(rows), TITLES, {"b": "The second", "a": "The first", "c": "None"})
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("The second", "The first")
    assert [label.get_text() for label in first.get_yticklabels()] == [TITLES["mean"], TITLES["hyper"]]
    widths = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in second.patches}
    assert widths == {1: 0.9, 0: 0.1}
    assert [text.get_text().strip() for text in first.texts] == ["0.300 (0.240 to 0.330)"]
    assert draw_relative(pd.DataFrame([row("mean", "mae", "", 0.9)]), TITLES, {"a": "The first"}) is None
    plt.close(figure)


def test_units_and_words_for_people():
    assert [unit_for_people(unit) for unit in ("a0^3", "meV", "a$b")] == ["a₀³", "meV", r"a\$b"]
    assert plain("$x$") == r"\$x\$"
    assert intervals_over(pd.DataFrame({"seeds": ["0"]})) == "95 % interval over molecules"
    assert "trainings" in intervals_over(pd.DataFrame({"seeds": ["0", "0 1"]}))
