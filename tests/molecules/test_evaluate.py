"""Numbers of a run and comparisons of two, against what is counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hypernet.molecules import evaluate as module
from hypernet.molecules.core.targets import TARGETS
from hypernet.molecules.trained import conformal_margin, packed, unpacked


def _items(errors, heavy, **columns):
    true = np.linspace(-60.0, -50.0, len(errors))
    predicted = true + np.asarray(errors)
    return pd.DataFrame(
        {
            "molecule": [f"gdb {row}" for row in range(len(errors))],
            "heavy_atoms": heavy,
            "true": true,
            "predicted": predicted,
            "error": 1000 * (predicted - true),
            "abs_error": 1000 * np.abs(predicted - true),
            "covered": [1] * (len(errors) - 1) + [0],
            **columns,
        }
    )


def test_the_numbers_of_a_run():
    items = _items([0.1, -0.2, 0.3, -0.4], [6, 6, 7, 7], predicted_rebuilt=[-59.0, -56.0, np.nan, np.nan])
    numbers = {(entry.metric, entry.group): entry for entry in module.measure(items, TARGETS["U0"], 200)}
    assert numbers["mae", ""].value == pytest.approx(250.0)
    assert numbers["mae", ""].unit == "meV"
    assert numbers["mae", "6 heavy atoms"].value == pytest.approx(150.0)
    assert numbers["mae", "7 heavy atoms"].value == pytest.approx(350.0)
    assert numbers["mae_std", ""].value == pytest.approx(0.25 / np.std(items.true))
    assert (numbers["coverage", ""].value, numbers["coverage", ""].n) == (75.0, 4)
    assert numbers["mae_same", ""].value == pytest.approx(150.0)
    assert numbers["mae_rebuilt", ""].value == pytest.approx(1000 * (1.0 + abs(-56.0 - items.true[1])) / 2)
    assert numbers["mae", ""].low <= 250.0 <= numbers["mae", ""].high
    assert {module.position(group) for _, group in numbers} == {None, 6.0, 7.0}


def test_a_gain_is_the_share_of_the_references_error(tmp_path):
    runs = {}
    for method, scale in (("hyper", 0.5), ("nmp_wide", 1.0)):
        folder = tmp_path / method
        folder.mkdir()
        errors = scale * np.array([0.1, -0.2, 0.3, -0.4] * 10)
        later = {} if method == "hyper" else {"predicted_equal_time": np.linspace(-60, -50, 40) + 0.1}
        _items(errors, [7] * 40, **later).to_csv(folder / "items.csv", index=False)
        runs["qm9_7heavy_U0", method, 1] = folder
    gains = {(entry.method, entry.reference, entry.metric): entry for entry in module.compare(runs)}
    equal_steps = gains["hyper", "nmp_wide", "mae_gain"]
    assert equal_steps.difference == pytest.approx(50.0)
    # Every pair of errors has the same ratio.
    assert (equal_steps.ci95_low, equal_steps.ci95_high) == pytest.approx((50.0, 50.0))
    assert not equal_steps.claimed
    assert gains["hyper", "nmp_wide", "mae_equal_time_gain"].difference == pytest.approx(100 * (1 - 0.125 / 0.1))


def test_intervals_hold_nine_in_ten_of_the_held_out_errors():
    errors = np.random.default_rng(0).permutation(np.arange(1.0, 400.0))
    # The 360th smallest of 399: (399 + 1) * 0.9.
    assert conformal_margin(errors) == 360.0
    assert conformal_margin(np.array([3.0, 1.0])) == 3.0


def test_arrays_and_molecules_are_each_others_inverse(tiny):
    again = unpacked(packed(tiny))
    assert np.array_equal(again.numbers, tiny.numbers)
    assert np.array_equal(again.positions, tiny.positions)
    assert np.array_equal(again.counts, tiny.counts)
