"""What the section refuses, what a data set's name says, and what a training sees of the section."""

from __future__ import annotations

import pytest

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters
from hypernet.molecules.config import VARIANTS
from hypernet.molecules.methods import build
from hypernet.molecules.names import TARGET_TITLES, dataset_title, qm9_set


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("datasets=[qm9_U1]", "qm9_U1 is not a known data set; accepted: qm9_7heavy_U0"),
        ("datasets=[qm9_9heavy_U0]", "qm9_9heavy_U0 is not a known data set"),
        ("datasets=[qm9_7heavy_train0_U0]", "qm9_7heavy_train0_U0 is not a known data set"),
        ("own={qm9_mu: {path: a, kind: auto, target: b, unit: eV, readout: sum}}", "qm9_mu is the name of a data set"),
        ("own={mine: {path: a, kind: sdf, target: b, unit: eV, readout: sum}}", "molecules.own.mine.kind"),
        ("own={mine: {path: a, kind: auto, target: b, unit: eV}}", "molecules.own.mine.readout"),
        ("archive.keep_uncharacterized=true", "in the official archive: source: archive"),
        ("graph.cutoff=0.1", "molecules.graph.cutoff"),
        ("hyper.mix=1.5", "molecules.hyper.mix"),
        ("train.loss=l2", "molecules.train.loss"),
        ("methods=[nmp]", "nmp is not a method here; accepted: mean, composition"),
    ],
)
def test_what_is_refused(section, assignment, line):
    with pytest.raises(UserError) as caught:
        section("molecules", assignment)
    assert line in str(caught.value)


def test_the_name_of_a_data_set_says_what_it_is():
    assert qm9_set("qm9_7heavy_U0") == (7, None, "U0")
    assert qm9_set("qm9_8heavy_train1000_gap") == (8, 1000, "gap")
    assert qm9_set("qm9_train500_mu") == (9, 500, "mu")
    assert all(qm9_set(f"qm9_{name}") == (9, None, name) for name in TARGET_TITLES)
    assert qm9_set("mine") is None
    assert dataset_title("qm9_U") == "QM9: U, internal energy at 298.15 K"
    assert dataset_title("mine") == "mine"


def test_variants_differ_from_the_hypernetwork_in_what_their_names_say(section):
    config = section("molecules")
    common = config.settings("train", "qm9_7heavy_U0", "hyper").model_dump()
    for name, changes in VARIANTS.items():
        settings = config.settings("train", "qm9_7heavy_U0", name).model_dump()
        assert settings == common | {"method": common["method"] | changes}


@pytest.mark.parametrize("average", [False, True])
def test_both_hypernetworks_and_their_control_have_as_many_parameters(section, average):
    config = section("molecules")
    counts = {
        name: count_parameters(build(config.settings("train", "qm9_7heavy_U0", name), average))
        for name in ("hyper", "hyper_base", "nmp_wide", "nmp_edge")
    }
    control = counts["nmp_wide"]
    assert abs(counts["hyper"] - control) <= 0.02 * control
    assert abs(counts["hyper_base"] - control) <= 0.02 * control
    assert counts["nmp_edge"] < control


def test_only_the_edge_updates_tell_the_ablation_from_the_network(section):
    config = section("molecules")
    plain, without = (config.settings("train", "qm9_7heavy_U0", name) for name in ("nmp_edge", "nmp_no_edge"))
    assert (plain.edge_update, without.edge_update) == (True, False)
    assert plain.model_copy(update={"edge_update": False}) == without
