"""What a training sees of the configuration, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hypernet.lab.config import check
from hypernet.lab.errors import UserError
from hypernet.sonar.config import Config
from hypernet.sonar.names import dataset_title

PROJECT = Path(__file__).resolve().parents[2]


def section(**changes: Any) -> Config:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))["sonar"]
    checked: Config = check(Config, content | changes, "sonar")
    return checked


def test_a_data_set_s_name_says_reflections_number_and_population():
    config = section(datasets=["generated_bounces2_each7_seed3", "generated"])
    named = config.settings("prepare", "generated_bounces2_each7_seed3")
    assert named.hearing.bounces == 2
    assert config.settings("prepare", "generated").hearing.bounces == config.hearing.bounces
    raw = config.settings("raw", "generated_bounces2_each7_seed3")
    assert raw.generated.train == 7
    assert raw.generated.test == config.generated.test
    title = dataset_title("generated_bounces2_each7_seed3")
    assert title == "Echoes of generated shapes, two reflections, 7 of each class, data seed 3"


def test_what_each_row_is_given():
    config = section()
    senses = {name: getattr(config.settings("train", "generated", name), "senses", None) for name in config.table}
    assert senses == {
        "mean_shape": None,
        "nearest": None,
        "concat_matched": "pair",
        "fixed_decoder": "pair",
        "film": "pair",
        "soundnet": "pair",
        "resnet": "pair",
        "resnet_phase": "pair",
        "batman": "pair",
        "batman_pairs": "pairs",
        "batman_mics": "microphones",
        "vision": "image",
        "vision_sonar": "both",
    }
    assert config.settings("train", "generated", "resnet_phase").phase
    assert not config.settings("train", "generated", "resnet").phase


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets": ["generated_bounces3"]}, "generated_bounces3 is not a known data set"),
        ({"own": {"real": {"path": "x", "kind": "meshes"}}}, "real is the name of a data set"),
        ({"methods": ["batman_mics"]}, "scene.microphones is empty"),
        ({"representation": {"window": 128, "hop": 32, "low_hz": 15e3, "high_hz": 2e5}}, "half of hearing.rate_hz"),
        ({"representation": {"window": 16, "hop": 32, "low_hz": 15e3, "high_hz": 2e4}}, "frequencies of the band"),
        ({"representation": {"window": 4096, "hop": 32, "low_hz": 15e3, "high_hz": 2e4}}, "longer than an echo"),
        ({"samples": {"uniform": 10, "boundary": 10, "sigma": [0.1]}}, "samples.uniform holds 10"),
    ],
)
def test_what_cannot_be_is_one_clear_line(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        section(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("temperature_c", 293, "hearing.temperature_c"),
        ("humidity_percent", 120, "hearing.humidity_percent"),
        ("scattering", "specular", "hearing.scattering"),
        ("bounces", 3, "hearing.bounces"),
    ],
)
def test_air_and_scattering_are_checked(key, value, message):
    config = section()
    with pytest.raises(UserError, match=message):
        section(hearing=config.hearing.model_dump() | {key: value})
