"""What counts as right, and the numbers made of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.parts import PAD, parse
from hypernet.circuits.core.scoring import exact_circuits, score
from hypernet.circuits.evaluate import _collapse, compare, measure
from hypernet.lab.files import write_table

PROBE = Probe(grid(12, 0.01, 100), [(1.0, -1.0)], "logmag")
TARGET = "SR:1.0|SL:2.2|PC:1.0"
CASES = {
    "SR:1.0|SL:2.2|PC:1.0": (1, 1, 3),
    "SL:2.2|SR:1.0|PC:1.0": (1, 1, 3),  # a series pair in the other order
    "SR:1.0|SL:4.7|PC:1.0": (0, 1, 3),
    "SR:1.0|SL:2.2|PL:1.0": (0, 0, 2),
    "SR:1.0|SL:2.2": (0, 0, 2),
    "SR:1.0|SL:2.2|PC:1.0|SR:1.0": (0, 0, 3),
    "PC:1.0|SR:1.0|SL:2.2": (0, 0, 0),
}


def arrays(texts, width=5):
    types, values = np.full((len(texts), width), PAD, dtype=np.int8), np.ones((len(texts), width))
    for row, text in enumerate(texts):
        circuit = parse(text)
        types[row, : len(circuit[0])], values[row, : len(circuit[0])] = circuit
    return types, values


def scored(texts, ended=None, target=TARGET):
    types, values = arrays(texts)
    target_types, target_values = arrays([target] * len(texts), 3)
    response = PROBE.measure(target_types, target_values)
    ended = np.ones(len(texts), bool) if ended is None else ended
    return score(PROBE, types, values, ended, target_types, target_values, response)


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_what_is_right(text, expected):
    row = scored([text]).iloc[0]
    assert (row.exact, row.topology, row.right_kinds) == expected
    assert row.parts == 3
    assert row.group == "length 3"


def test_the_same_response_has_no_error_and_another_has():
    table = scored(list(CASES))
    assert table.response_error[:2].max() < 1e-12
    assert table.response_error[2:].min() > 1e-3
    assert table.max_db[:2].max() < 1e-9


def test_the_largest_difference_in_db_of_a_divider():
    # A series resistor r gives V = 1 + r with the excitation (1, -1): 2 and 4.
    table = scored(["SR:3.0"], target="SR:1.0")
    assert table.max_db[0] == pytest.approx(20 * math.log10(2), rel=1e-9)


def test_without_an_end_nothing_is_right():
    row = scored([TARGET], ended=np.array([False])).iloc[0]
    assert (row.exact, row.topology, row.ended) == (0, 0, 0)


def test_an_empty_circuit_is_wrong_and_no_accident():
    types, values = np.full((1, 3), PAD, dtype=np.int8), np.ones((1, 3))
    target = arrays([TARGET], 3)
    table = score(PROBE, types, values, np.array([True]), *target, PROBE.measure(*target))
    assert table.exact[0] == 0
    assert np.isfinite(table.response_error[0])


def test_values_can_be_given_as_classes():
    types = np.array([[0, 1, 5], [1, 0, 5]], dtype=np.int8)
    classes = np.array([[0, 1, 2], [1, 0, 2]])
    assert exact_circuits(types, classes, types[::-1], classes[::-1]).tolist() == [True, True]


def test_right_values_count_only_where_the_topology_is_right():
    table = scored(list(CASES))
    assert table.right_values.isna().tolist() == [False, False, False, True, True, True, True]
    assert table.right_values[:3].tolist() == [3, 3, 2]


def test_the_numbers_of_a_run_are_shares_of_its_rows():
    texts = [TARGET] * 6 + ["SR:1.0|SL:4.7|PC:1.0"] * 3 + ["SR:1.0|SL:2.2|PL:1.0"] * 3
    by_name = {(measurement.group, measurement.metric): measurement for measurement in measure(scored(texts), seed=0)}
    for group in ("", "length 3"):
        assert by_name[group, "exact"].value == pytest.approx(6 / 12)
        assert by_name[group, "topology"].value == pytest.approx(9 / 12)
        assert by_name[group, "token"].value == pytest.approx((9 * 3 + 3 * 2) / 36)
        assert by_name[group, "value_given_topology"].value == pytest.approx((6 * 3 + 3 * 2) / 27)
        assert by_name[group, "response_match_1"].value == pytest.approx(6 / 12)
        assert by_name[group, "no_end"].value == 0.0
    table = scored(texts).assign(response_error=[0.0, 0.0099, 0.011, 0.019, 0.049, 0.051] + [1.0] * 6)
    by_limit = {
        measurement.metric: measurement.value for measurement in measure(table, seed=0) if measurement.group == ""
    }
    assert by_limit["response_match_1"] == pytest.approx(2 / 12)
    assert by_limit["response_match_5"] == pytest.approx(5 / 12)
    exact = by_name["", "exact"]
    # Wilson (1927) for 6 of 12.
    assert (exact.low, exact.high) == (pytest.approx(0.2538, abs=1e-4), pytest.approx(0.7462, abs=1e-4))


def test_a_better_response_is_never_rarer_than_an_exact_circuit():
    table = scored(list(CASES))
    assert ((table.response_error < 0.01) >= (table.exact == 1)).all()


def test_methods_are_compared_on_the_same_circuits(tmp_path):
    texts = [TARGET] * 30 + ["SR:1.0|SL:2.2|PL:1.0"] * 30
    runs = {}
    for method, answers in (("gru", texts[::-1]), ("gru_only_hypernet", texts), ("ours", [TARGET] * 60)):
        folder = tmp_path / method
        folder.mkdir()
        write_table(folder / "items.csv", scored(answers))
        runs["small", method, 0] = folder
    comparisons = {
        (comparison.method, comparison.reference, comparison.group): comparison for comparison in compare(runs)
    }
    assert comparisons["gru_only_hypernet", "gru", ""].difference == 0.0
    assert not comparisons["gru_only_hypernet", "gru", ""].holds
    ours = comparisons["ours", "gru_only_hypernet", ""]
    assert ours.difference == pytest.approx(0.5)
    assert ours.claimed
    assert ours.holds
    assert comparisons["ours", "gru_only_hypernet", "length 3"].n == 60


def test_methods_are_compared_in_equal_time_where_both_have_a_training_of_it(tmp_path):
    texts = [TARGET] * 30 + ["SR:1.0|SL:2.2|PL:1.0"] * 30
    runs = {}
    for method, now, later in (("gru_wide", texts, 20), ("ours_lowrank", texts, 50), ("ours_no_sim", texts, None)):
        folder = tmp_path / method
        folder.mkdir()
        table = scored(now)
        if later is not None:
            table["exact_equal_time"] = (table.index < later).astype(int)
        write_table(folder / "items.csv", table)
        runs["small", method, 0] = folder
    gains = {(each.method, each.reference, each.metric): each for each in compare(runs) if each.group == ""}
    assert gains["ours_lowrank", "gru_wide", "exact_gain"].difference == 0.0
    assert gains["ours_lowrank", "gru_wide", "exact_equal_time_gain"].difference == pytest.approx(0.5)
    assert ("ours_no_sim", "gru_wide", "exact_gain") in gains
    assert ("ours_no_sim", "gru_wide", "exact_equal_time_gain") not in gains


def test_how_the_genetic_algorithm_falls_with_length():
    table = scored([TARGET] * 80)
    table.loc[table.index >= 40, "group"] = "length 4"
    table.loc[table.index >= 50, "exact"] = 0
    drop = _collapse("small", 0, table)[0]
    assert drop.group == "length 4 after 3"
    assert drop.difference == pytest.approx(1 - 10 / 40)
    assert drop.claimed
    assert drop.holds
    # Whatever the order in which the circuits stand.
    assert _collapse("small", 0, table[::-1])[0].group == "length 4 after 3"
