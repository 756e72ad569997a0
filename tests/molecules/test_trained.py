"""What a model file may say of its property and elements, and molecules given as arrays."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from hypernet.molecules.baselines.composition import Composition
from hypernet.molecules.core.targets import TARGETS
from hypernet.molecules.trained import Predictor, target_of, unpacked

MEAN = Composition(np.zeros(0), np.zeros(0), -1.0, 0.0)
VALIDATION = (["a", "b"], np.zeros(2), np.ones(2))


def _facts(**changes):
    target = asdict(TARGETS["U0"])
    return {"title": "t", "target": target, "elements": [1, 6], "most_heavy": 1, "most_atoms": 5} | changes


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_property_comes_back(target):
    assert target_of(asdict(target)) == target


def test_a_persons_property_has_any_name_and_unit_but_nothing_that_a_terminal_obeys():
    target = target_of(
        asdict(TARGETS["Cv"]) | {"name": "x\x1b[2J", "dimension": "", "unit": "log\x07", "shown_unit": "log\x07"}
    )
    assert (target.name, target.unit, target.shown_factor) == ("x[2J", "log", 1.0)


@pytest.mark.parametrize(
    "damage",
    [
        {"dimension": "mass"},
        {"unit": "furlong"},
        {"shown_unit": "D"},
        {"readout": "median"},
        {"reference": "U9"},
        {"dimension": "", "unit": "a", "shown_unit": "b"},
        {"dimension": "", "unit": "a", "shown_unit": "a", "reference": "U0"},
    ],
)
def test_a_property_that_is_none_is_refused(damage):
    with pytest.raises((ValueError, LookupError), match=r"\w"):
        target_of(asdict(TARGETS["U0"]) | damage)


@pytest.mark.parametrize("elements", [[], [0, 1], [-1, 6], [6, 200], [1, 10**30]])
def test_elements_that_are_none_are_refused(elements):
    Predictor("mean", _facts(), MEAN, VALIDATION)
    with pytest.raises(ValueError, match="elements"):
        Predictor("mean", _facts(elements=elements), MEAN, VALIDATION)


def test_an_array_far_from_the_origin_keeps_its_distances():
    water = np.array([[8, 0, 0, 0.125], [1, 0, 0.75, -0.5], [1, 0, -0.75, -0.5], [0, 0, 0, 0]])
    far = water + np.where(water[:, :1] != 0, [[0, 1e6, -1e6, 1e6]], 0.0)
    positions = unpacked(np.stack([far, water])).positions
    np.testing.assert_allclose(positions[:3] - positions[0], water[:3, 1:] - water[0, 1:], atol=1e-6)
    np.testing.assert_array_equal(positions[3:], water[:3, 1:])
