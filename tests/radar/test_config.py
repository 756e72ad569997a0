from __future__ import annotations

from pathlib import Path

import pytest

from hypernet.domains import config_types
from hypernet.lab.config import check, load
from hypernet.lab.errors import UserError
from hypernet.radar.config import METHODS
from hypernet.radar.core.frames import Geometry
from hypernet.radar.methods import TITLES

PROJECT = Path(__file__).resolve().parents[2]


def test_every_method_has_settings_and_a_name():
    assert list(METHODS) == list(TITLES)


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("methods=[whole]", "whole is not a method"),
        ("datasets=[tel_aviv]", "tel_aviv is not a known data set"),
        ("geometry.taps=20", "odd, at most"),
        ("geometry.taps=23", "at most 2 margin \\+ 1 = 21"),
        ("geometry.patch=7", "not a multiple of patch"),
        ("geometry.margin=50", "size - 2 margin"),
        ("simulated.frames=4", "frames"),
        ("simulated.test_events=1", "test_events"),
        ("windows.lowest_wet_share=2", "lowest_wet_share"),
        ("patch_linear.alphas=[0]", "alphas"),
        ("global_motion.subpixel=spline", "parabola"),
        ("evaluate.lead_steps=0", "lead_steps"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_key(config, assignment, reason):
    with pytest.raises(UserError, match=reason) as raised:
        config(assignment)
    assert str(raised.value).startswith("radar")


def test_a_method_trains_with_the_common_settings_and_its_own_changes(config):
    section = config()
    assert section.settings("train", "simulated", "whole_dynamic").train.batch == 16
    assert section.settings("train", "simulated", "patch_dynamic").train.batch == section.train.batch


@pytest.mark.parametrize("overlay", ["real", "paper", "evidence"])
def test_overlays_are_accepted(overlay):
    content = load([PROJECT / "params.yaml", PROJECT / "config" / f"{overlay}.yaml"], [])
    section = check(config_types()["radar"], content["radar"], "radar")
    assert section.runs()
    if overlay == "paper":
        assert Geometry.of(section.geometry).centre == 200
        assert Geometry.of(section.geometry).patches == 400
