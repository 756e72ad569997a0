from __future__ import annotations

import pytest

from hypernet.circuits.config import METHODS
from hypernet.circuits.methods import TITLES
from hypernet.lab.errors import UserError


def test_every_method_has_settings_and_a_name(config):
    assert list(METHODS) == list(TITLES) == config().methods


def test_the_catalogue_of_the_paper_scale_is_e6_over_two_decades(config):
    catalogue = config().ladders["lengths4to10"].catalogue()
    assert catalogue == [0.1, 0.15, 0.22, 0.33, 0.47, 0.68, 1.0, 1.5, 2.2, 3.3, 4.7, 6.8]


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("methods=[grn]", "grn is not a method"),
        ("methods=[ours_rank64]", "goes on from ours"),
        ("datasets=[lengths5]", "lengths5 is not under ladders"),
        ("ladders.lengths4to6.lengths=[6, 4]", "must rise"),
        ("ladders.lengths4to6.values=[1.0, -2.0]", "values"),
        ("ladders.lengths4to6.values=[1.0, 1.0]", "must rise"),
        ("ladders.lengths4to6.values={series: E7, lowest: 1.0, highest: 4.7}", "values"),
        ("ladders.lengths4to6.values={series: E3, lowest: 1.1, highest: 2.0}", "has no value"),
        ("ladders.lengths4to6.values={series: E24, lowest: 1.0e-6, highest: 1.0e+6}", "289 values"),
        ("frequency.lowest=0", "lowest"),
        ("frequency.highest=0.001", "not above lowest"),
        ("excitations=[[0, 0]]", "gives no response"),
        ("features=fourier", "logmag"),
        ("ga.elite=100", "not below population"),
        ("ga.crossover=1.5", "crossover"),
        ("encoder.kind=transformer", "encoder"),
        ("simulator_loss.space=log", "feature"),
        ("test_circuits=0", "test_circuits"),
        ("departures.ga={learning_rate: 0.1}", "ga trains no network"),
        ("departures.gru={batch_circuits: 5}", "batch_circuits"),
        ("ours_low_rank.rank=0", "rank"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_key(config, assignment, reason):
    with pytest.raises(UserError) as raised:
        config(assignment)
    assert reason in str(raised.value)
    assert "circuits" in str(raised.value)
    assert str(raised.value).count("\n") <= 1


def test_a_method_sees_only_what_its_training_depends_on(config):
    usual, other = config(), config("ga.population=50", "ours_rank64.candidates=4", "test_circuits=5")
    for method in ("gru", "ours", "ours_no_sim", "gru_wide"):
        assert usual.settings("train", "length4", method) == other.settings("train", "length4", method)
    assert usual.settings("train", "length4", "ga") != other.settings("train", "length4", "ga")
    assert usual.settings("prepare", "length4") == other.settings("prepare", "length4")


def test_the_method_without_simulator_has_no_weight_on_its_loss(config):
    section = config()
    assert section.settings("train", "length4", "ours_no_sim").simulator_loss.weight == 0.0
    assert section.settings("train", "length4", "ours").simulator_loss.weight > 0.0
    low_rank = config("ours_low_rank.simulator_loss_weight=0.7").settings("train", "length4", "ours_low_rank")
    assert low_rank.simulator_loss.weight == 0.7


def test_a_method_departs_from_the_common_training_alone(config):
    changes = "departures={gru: {learning_rate: 0.25, max_steps: 7}, gru_wide: {learning_rate: null}, ours: {}}"
    section = config("train.learning_rate=0.5", "train.max_steps=9", changes)
    methods = ("gru", "gru_wide", "ours", "ours_low_rank")
    trainings = {method: section.settings("train", "length4", method).train for method in methods}
    assert {method: training.learning_rate for method, training in trainings.items()} == {
        "gru": 0.25, "gru_wide": 0.5, "ours": 0.5, "ours_low_rank": 0.5
    }  # fmt: skip
    assert {method: training.max_steps for method, training in trainings.items()} == {
        "gru": 7, "gru_wide": 9, "ours": 9, "ours_low_rank": 9
    }  # fmt: skip


def test_the_paper_overlay_is_accepted():
    from pathlib import Path

    from hypernet.domains import config_types
    from hypernet.lab.config import check, load

    project = Path(__file__).resolve().parents[2]
    content = load([project / "params.yaml", project / "config" / "paper.yaml"], [])
    section = check(config_types()["circuits"], content["circuits"], "circuits")
    assert section.encoder.kind == "msresnet"
    assert section.frequency.points == 128
