"""The losses: masking, the relaxed circuit, and gradients against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hypernet.circuits.config import SimulatorLoss
from hypernet.circuits.core.cells import END
from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.losses import IGNORED, ResponseLoss, chain_loss, chain_targets

CIRCUIT_TYPES = torch.tensor([[0, 5, 1], [2, 4, -1], [3, -1, -1]])
CLASSES = torch.tensor([[1, 0, 2], [2, 2, -1], [0, -1, -1]])
VALUES = torch.tensor([1.0, 2.2, 4.7])


def logits(seed=0, steps=3):
    generator = torch.Generator().manual_seed(seed)
    type_logits = torch.randn(3, steps + 1, 7, generator=generator, dtype=torch.float64)
    return type_logits, torch.randn(3, steps, 3, generator=generator, dtype=torch.float64)


def probe(excitations=((1.0, -1.0),), points=9):
    return Probe(grid(points, 0.01, 100), list(excitations), "logmag")


def loss(space="feature", relaxation="values"):
    return ResponseLoss(probe(), VALUES, SimulatorLoss(weight=1.0, space=space, relaxation=relaxation))


def wanted():
    return probe().of(CIRCUIT_TYPES, VALUES[CLASSES.clamp_min(0)])


def test_the_end_follows_the_last_part():
    assert chain_targets(CIRCUIT_TYPES).tolist() == [
        [0, 5, 1, END],
        [2, 4, END, IGNORED],
        [3, END, IGNORED, IGNORED],
    ]


def test_the_targets_of_resonators_are_their_tokens():
    assert chain_targets(torch.tensor([[1, 8, 11]])).tolist() == [[1, END + 1, END + 2, END]]


def test_the_cross_entropy_is_a_mean_over_what_is_there():
    type_logits, value_logits = logits()
    terms, values = [], []
    for row, (types, classes) in enumerate(zip(CIRCUIT_TYPES.tolist(), CLASSES.tolist(), strict=True)):
        chain = [part_type for part_type in types if part_type >= 0]
        for place, target in enumerate([*chain, END]):
            terms.append(-torch.log_softmax(type_logits[row, place], dim=0)[target])
        for place in range(len(chain)):
            values.append(-torch.log_softmax(value_logits[row, place], dim=0)[classes[place]])
    expected = sum(terms) / len(terms) + sum(values) / len(values)
    torch.testing.assert_close(chain_loss(type_logits, value_logits, CIRCUIT_TYPES, CLASSES), expected)


@pytest.mark.parametrize("relaxation", ["values", "mixture"])
@pytest.mark.parametrize("space", ["feature", "raw"])
def test_a_longer_padding_changes_nothing(space, relaxation):
    short, long = logits(steps=3), logits(steps=3)
    long = tuple(F.pad(tensor, (0, 0, 0, 2), value=7.0) for tensor in long)
    padded = tuple(F.pad(tensor, (0, 2), value=-1) for tensor in (CIRCUIT_TYPES, CLASSES))
    torch.testing.assert_close(chain_loss(*short, CIRCUIT_TYPES, CLASSES), chain_loss(*long, *padded))
    of_response = loss(space, relaxation)
    torch.testing.assert_close(
        of_response(*short, CIRCUIT_TYPES, CLASSES, wanted()), of_response(*long, *padded, wanted())
    )


@pytest.mark.parametrize("space", ["feature", "raw"])
def test_sure_of_the_right_values_the_response_loss_is_zero(space):
    type_logits, _ = logits()
    sure = 200.0 * F.one_hot(CLASSES.clamp_min(0), 3).double()
    assert float(loss(space)(type_logits, sure, CIRCUIT_TYPES, CLASSES, wanted())) < 1e-20


def test_sure_of_everything_both_relaxations_are_the_circuit_itself():
    sure = 200.0 * F.one_hot(CLASSES.clamp_min(0), 3).double()
    type_logits = 400.0 * F.one_hot(chain_targets(CIRCUIT_TYPES).clamp_min(0), 7).double()
    assert float(loss(relaxation="mixture")(type_logits, sure, CIRCUIT_TYPES, CLASSES, wanted())) < 1e-20


def test_the_talks_equation_written_out():
    type_logits, value_logits = logits(3)
    relaxed = torch.exp(torch.softmax(value_logits, dim=2) @ VALUES.double().log())
    total = 0.0
    for row in range(3):
        for w in probe().frequency:
            ends = []
            for sizes in (relaxed[row].tolist(), VALUES[CLASSES[row].clamp_min(0)].tolist()):
                v, i = 1.0 + 0j, -1.0 + 0j
                for type_code, size in zip(CIRCUIT_TYPES[row].tolist(), sizes, strict=True):
                    if type_code < 0:
                        continue
                    z = [size, 1j * w * size, 1 / (1j * w * size)][type_code % 3]
                    v, i = (v - z * i, i) if type_code < 3 else (v, i - v / z)
                ends.append([number * math.log1p(abs(number)) / abs(number) / 5 for number in (v, i)])
            total += sum(abs(written - other) ** 2 for written, other in zip(*ends, strict=True)) / len(
                probe().frequency
            )
    assert float(loss()(type_logits, value_logits, CIRCUIT_TYPES, CLASSES, wanted())) == pytest.approx(
        total / 3, rel=1e-6
    )


@pytest.mark.parametrize("relaxation", ["values", "mixture"])
def test_gradients_are_those_of_finite_differences(relaxation):
    type_logits, value_logits = (tensor.requires_grad_() for tensor in logits(5))
    of_response = loss(relaxation=relaxation)
    target = wanted()
    assert torch.autograd.gradcheck(
        lambda a, b: of_response(a, b, CIRCUIT_TYPES, CLASSES, target),
        (type_logits, value_logits),
        atol=1e-6,
        rtol=1e-4,
    )
    of_response(type_logits, value_logits, CIRCUIT_TYPES, CLASSES, target).backward()
    if relaxation == "mixture":
        assert type_logits.grad.abs().sum() > 0
    assert value_logits.grad.abs().sum() > 0


def test_the_steepest_ladder_has_a_finite_loss_and_gradient():
    types = torch.tensor([[2, 4] * 5])
    values = torch.tensor([0.1, 1.0])
    steep = ResponseLoss(probe(), values, SimulatorLoss(weight=1.0, space="feature", relaxation="values"))
    value = torch.zeros(1, 10, 2, requires_grad=True)
    target = probe().of(types, torch.full((1, 10), 0.1))
    assert np.isfinite(target.numpy()).all()
    result = steep(torch.zeros(1, 11, 7), value, types, torch.zeros_like(types), target.float())
    result.backward()
    assert torch.isfinite(result)
    assert torch.isfinite(value.grad).all()
    assert value.grad.abs().sum() > 0
