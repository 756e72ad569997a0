"""Curves and marks stand where the numbers say."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from hypernet.molecules.methods import TITLES
from hypernet.molecules.plots.costs import draw_costs
from hypernet.molecules.plots.curves import EQUAL_TIME, KEPT, Trace, draw_learning, draw_mix, draw_sizes
from hypernet.molecules.plots.style import STYLE


def row(method: str, metric: str, value: float, **more) -> dict:
    ends = {"ci95_low": 0.9 * value, "ci95_high": 1.1 * value}
    return {
        "method": method,
        "metric": metric,
        "group": "",
        "unit": "meV",
        "value": value,
        "seeds": "0",
        **ends,
        **more,
    }


def test_learning_is_the_error_with_rings_around_what_is_kept_and_equal_time_is_dotted():
    history = [
        {"step": 1, "seconds": 2.0, "validation_error": 50.0},
        {"step": 2, "seconds": 4.0, "validation_error": 30.0},
    ]
    first = {"method": "nmp_edge", "seed": 0, "history": history, "best_step": 2, "unit": "a0^3"}
    first["equal_time"] = {"history": history[:1], "best_step": 1}
    axes = plt.figure().add_subplot()
    draw_learning([first, first | {"seed": 1}], TITLES, axes)
    curve, ring, again, again_ring = axes.lines[:4]
    assert [line.get_linestyle() for line in (curve, again)] == ["-", ":"]
    np.testing.assert_array_equal(curve.get_xydata(), [[2, 50], [4, 30]])
    np.testing.assert_array_equal(ring.get_xydata(), [[4, 30]])
    np.testing.assert_array_equal(again_ring.get_xydata(), [[2, 50]])
    # Once for two seeds, and what rings and dots are.
    assert axes.get_legend_handles_labels()[1] == [TITLES["nmp_edge"], KEPT, EQUAL_TIME]
    assert "a₀³" in axes.get_ylabel()
    plt.close("all")


def test_sizes_are_curves_from_few_to_many_molecules():
    rows = [
        row("krr", "mae", 20.0, train=3000),
        row("krr", "mae", 40.0, train=1000),
        row("hyper", "mae", 9.0, train=300),
    ]
    figure = draw_sizes({"QM9": pd.DataFrame(rows)}, TITLES)
    (axes,) = figure.axes
    curves = {line.get_color(): line.get_xydata().tolist() for line in axes.lines if line.get_marker() in "so"}
    assert curves == {STYLE["krr"]["color"]: [[1000, 40], [3000, 20]], STYLE["hyper"]["color"]: [[300, 9]]}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["300", "1,000", "3,000"]
    plt.close(figure)


def test_c_has_a_line_for_each_training_and_a_name_for_each_method():
    trace = Trace("hyper", TITLES["hyper"], np.array([1.0, 2.0]), np.array([0.5, 0.4]))
    other = Trace("hyper_linear", TITLES["hyper_linear"], np.array([1.0]), np.array([0.9]))
    figure = draw_mix({"U0": [trace, trace, other], "gap": [trace], "mu": [trace], "r2": [trace]})
    assert [len(axes.lines) for axes in figure.axes] == [3, 1, 1, 1]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata(), [[1, 0.5], [2, 0.4]])
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [TITLES["hyper"], TITLES["hyper_linear"]]
    plt.close(figure)


def test_costs_are_marks_filled_after_equal_steps_and_hollow_after_equal_time():
    rows = [
        row("schnet", "mae", 20.0),
        row("schnet", "mae_equal_time", 15.0),
        row("schnet", "molecules_per_second", 900.0),
        row("schnet", "parameters", 1234.0),
        row("composition", "mae", 700.0),
        row("composition", "molecules_per_second", 2e6),
        row("composition", "parameters", 5.0),
    ]
    figure = draw_costs(pd.DataFrame(rows), TITLES, "QM9")
    (axes,) = figure.axes
    marks = [
        (*line.get_xydata()[0], line.get_markerfacecolor())
        for line in axes.lines
        if line.get_marker() == STYLE["schnet"]["marker"]
    ]
    assert marks == [(900, 20, STYLE["schnet"]["color"]), (900, 15, "white")]
    # What takes no time is a line.
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [700]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert f"{TITLES['schnet']}: 1,234" in names
    plt.close(figure)
    alone = pd.DataFrame([entry for entry in rows if entry["method"] == "composition"])
    assert draw_costs(alone, TITLES, "QM9") is None
    assert draw_costs(pd.DataFrame([row("krr", "mae", 1.0)]), TITLES, "QM9") is None
