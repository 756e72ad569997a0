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
        ("methods=[ours_rank64]", "ours_rank64 goes on from ours,"),
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
        ("ours_lowrank.rank=0", "rank"),
        ("ladders.lengths4to6.values={series: E96, lowest: 0.1, highest: 6.8}", "has 176 values from 0.1 to 6.8"),
        ("ladders.lengths4to6.resonators=2", "resonators"),
        ("methods=[ours, ours_lowrank_rank64]", "ours_lowrank_rank64 goes on from ours_lowrank"),
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
    low_rank = config("ours_lowrank.simulator_loss_weight=0.7").settings("train", "length4", "ours_lowrank")
    assert low_rank.simulator_loss.weight == 0.7


def test_a_method_departs_from_the_common_training_alone(config):
    changes = "departures={gru: {learning_rate: 0.25, max_steps: 7}, gru_wide: {learning_rate: null}, ours: {}}"
    section = config("train.learning_rate=0.5", "train.max_steps=9", changes)
    methods = ("gru", "gru_wide", "ours", "ours_lowrank")
    trainings = {method: section.settings("train", "length4", method).train for method in methods}
    assert {method: training.learning_rate for method, training in trainings.items()} == {
        "gru": 0.25, "gru_wide": 0.5, "ours": 0.5, "ours_lowrank": 0.5
    }  # fmt: skip
    assert {method: training.max_steps for method, training in trainings.items()} == {
        "gru": 7, "gru_wide": 9, "ours": 9, "ours_lowrank": 9
    }  # fmt: skip


def test_types_are_not_mixed_where_there_are_resonators(config):
    changes = "datasets=[lengths4to6_resonators]", "simulator_loss.relaxation=mixture"
    with pytest.raises(UserError, match="mixture has no resonators, and lengths4to6_resonators has some"):
        config(*changes)
    assert config(changes[0]).ladders["lengths4to6_resonators"].resonators


@pytest.mark.parametrize(("series", "number"), [("E48", 48), ("E96", 96)])
def test_fine_series_can_be_drawn_from(config, series, number):
    ladders = config(
        f"ladders.fine={{lengths: [3], values: {{series: {series}, lowest: 1.0, highest: 9.99}}, targets: drawn}}"
    )
    assert len(ladders.ladders["fine"].catalogue()) == number


def test_both_ranked_rows_have_the_same_settings_but_their_network(config):
    section = config("ours_rank64.candidates=5")
    ranked, low_rank = (
        section.settings("train", "length4", name).method for name in ("ours_rank64", "ours_lowrank_rank64")
    )
    assert (ranked.network, low_rank.network) == ("ours", "ours_lowrank")
    assert low_rank.model_dump(exclude={"network"}) == ranked.model_dump(exclude={"network"})
    assert low_rank.candidates == 5


def test_every_network_of_the_default_has_a_training_of_equal_time(config):
    section = config()
    steps = {name: getattr(section.settings("train", "lengths4to6", name), "train", None) for name in METHODS}
    trained = {name: training for name, training in steps.items() if training is not None}
    assert all(training.equal_time_steps for training in trained.values())
    # All are compared in the time of this one, whose first training is such.
    assert trained["ours_lowrank"].again() == trained["ours_lowrank"]
    assert trained["gru_wide"].equal_time_steps < trained["gru_wide"].max_steps


def test_the_paper_overlay_is_accepted():
    from pathlib import Path

    from hypernet.domains import config_types
    from hypernet.lab.config import check, load

    project = Path(__file__).resolve().parents[2]
    content = load([project / "params.yaml", project / "config" / "paper.yaml"], [])
    section = check(config_types()["circuits"], content["circuits"], "circuits")
    assert section.encoder.kind == "msresnet"
    assert section.frequency.points == 128
