from __future__ import annotations

from pathlib import Path

import pytest

from hypernet.domains import config_types
from hypernet.lab.config import check, load
from hypernet.lab.errors import UserError
from hypernet.radar.config import METHODS
from hypernet.radar.core.frames import Geometry
from hypernet.radar.methods import TITLES
from hypernet.radar.names import dataset_title

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
        ("windows.step_minutes=0", "step_minutes"),
        ("windows={step_minutes: null, resample: nearest}", "nearest needs step_minutes"),
        ("datasets=[nexrad_kd]", "nexrad_kd is not a known data set; .* nexrad_<station>"),
        ("geometries={tel_aviv: {size: 100, margin: 10, patch: 8, taps: 21}}", "tel_aviv is not a known data set"),
        ("geometries={fmi: {size: 100, margin: 10, patch: 7, taps: 21}}", "not a multiple of patch"),
        ("own={fmi: {path: here, kind: auto}}", "fmi is the name of a data set of this project"),
        ("own={nexrad_mine: {path: here, kind: auto}}", "nexrad_mine is the name of a data set of this project"),
        ("own={mine: {path: here, kind: pgm}}", "kind"),
        ("own={mine: {path: here, kind: pictures}}", "need a palette"),
        ('own={mine: {path: "a/**.h5", kind: auto}}', "two stars"),
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


def test_a_data_set_may_have_sizes_of_its_own(config):
    sizes = {"size": 250, "margin": 25, "patch": 10, "taps": 51}
    section = config("datasets=[fmi, fmi_250px]", f"geometries={{fmi_250px: {sizes}}}")
    assert section.settings("prepare", "fmi_250px").geometry.model_dump() == sizes
    assert section.settings("raw", "fmi_250px").size == 250
    assert section.settings("prepare", "fmi").geometry == section.geometry


@pytest.mark.parametrize(
    ("dataset", "title"),
    [
        ("fmi_250px", "Finland, two rainy days (FMI), squares of 250 km"),
        ("nexrad_kdvn", "Davenport, 2013-2014 (NEXRAD)"),
        ("nexrad_ktlx", "KTLX (NEXRAD)"),
        ("simulated_seed3", "Simulated rain, data seed 3"),
        ("mine", "mine"),
    ],
)
def test_names_for_people(config, dataset, title):
    assert config(f"datasets=[{dataset}]", "own={mine: {path: here, kind: auto}}").datasets == [dataset]
    assert dataset_title(dataset) == title


def test_the_files_of_a_persons_radar(config, tmp_path):
    for name in ("b.h5", "a.h5", "deeper/c.h5", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def files(path):
        settings = config("datasets=[mine]", f"own={{mine: {{path: '{path}', kind: auto}}}}").settings("raw", "mine")
        return [name.removeprefix(f"{tmp_path}/") for name in settings.own_files()]

    assert files(tmp_path) == ["a.h5", "b.h5", "deeper/c.h5", "notes.txt"]
    assert files(tmp_path / "*.h5") == ["a.h5", "b.h5"]
    assert files(tmp_path / "**" / "*.h5") == ["a.h5", "b.h5", "deeper/c.h5"]
    assert files(tmp_path / "a.h5") == ["a.h5"]
    assert files(tmp_path / "none.h5") == ["none.h5"]
