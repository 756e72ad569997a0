"""What a network is shown of a goal between a source and a load: its own load, and no source."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.circuits.core.features import Probe
from hypernet.circuits.core.goals import MaskGoal, ScatteringGoal, TransmissionGoal
from hypernet.circuits.core.ladder import EXCITATION, respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.tools.completion import completed

W = np.geomspace(0.05, 20, 31)
ENDS = Terminations(0.5, 2.0)
CIRCUIT = tuple(array[None] for array in parse("SR:0.3|PC:1.1|SL:1.5|PL:3.3&PC:0.5"))


def goals():
    forth, back = (respond(*CIRCUIT, W, excitation) for excitation in (ENDS.excitation, ENDS.back_excitation))
    inverse = ENDS.inverse_transmission(*forth)
    s = [ENDS.input_reflection(*forth), 1 / inverse, 1 / inverse, ENDS.output_reflection(*forth, *back)]
    level = -20 * np.log10(np.abs(inverse[0]))
    return [
        TransmissionGoal(W, inverse[0], True, ENDS),
        TransmissionGoal(W, np.abs(inverse[0]), False, ENDS),
        ScatteringGoal(W, np.stack([entry[0] for entry in s], axis=-1).reshape(-1, 2, 2), ENDS),
        MaskGoal(W, level - 1e-3, level + 1e-3, ENDS),
    ]


@pytest.mark.parametrize("goal", goals(), ids=lambda goal: type(goal).__name__)
def test_of_the_circuit_itself_the_network_sees_its_response_with_the_networks_load(goal):
    probe = Probe(W, [EXCITATION], "logmag")
    np.testing.assert_allclose(completed(goal, probe, *CIRCUIT), probe.measure(*CIRCUIT), atol=1e-9)


@pytest.mark.parametrize("goal", goals(), ids=lambda goal: type(goal).__name__)
def test_of_another_circuit_it_sees_one_nearer_to_the_goal(goal):
    probe = Probe(W, [EXCITATION], "logmag")
    other = tuple(array[None] for array in parse("SR:0.3|PC:0.8|SL:2.2|PL:3.3&PC:0.5"))
    wanted, seen, before = probe.measure(*CIRCUIT), completed(goal, probe, *other), probe.measure(*other)
    assert np.abs(seen - wanted).mean() < np.abs(before - wanted).mean()
