"""Compression, the probe and the response error against plain formulas and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.circuits.core.features import COMPRESSIONS, Probe, grid, log_magnitude, response_error
from hypernet.circuits.core.ladder import BLOCK, respond
from hypernet.circuits.sources.sampler import draw

VALUES = np.array([1.0, 2.2, 4.7])
DEFAULT = [(1.0, -1.0)]


@pytest.fixture
def circuits():
    types, classes = draw(np.random.default_rng(0), np.array([2, 3, 4, 4]), 3)
    return types.astype(np.int64), VALUES[classes]


def test_grid_is_even_in_the_logarithm():
    frequency = grid(5, 0.01, 100)
    np.testing.assert_allclose(frequency, [0.01, 0.1, 1, 10, 100])


@given(st.complex_numbers(max_magnitude=1e30, allow_nan=False, allow_infinity=False))
def test_log_magnitude_keeps_the_direction_and_compresses_the_size(number):
    planes = torch.tensor([number.real, 1.0, number.imag, 0.0], dtype=torch.float64)[:, None]
    v_re, _, v_im, _ = log_magnitude(planes)[:, 0].tolist()
    size = abs(number)
    assert abs(complex(v_re, v_im)) == pytest.approx(np.log1p(size) / 5, rel=1e-9, abs=1e-300)
    if size > 1e-300:
        assert complex(v_re, v_im) * size == pytest.approx(number * np.log1p(size) / 5, rel=1e-9)


def test_log_magnitude_has_a_gradient_at_zero():
    planes = torch.zeros(1, 4, 3, dtype=torch.float64, requires_grad=True)
    log_magnitude(planes).sum().backward()
    # log(1 + |z|) / |z| goes to 1.
    torch.testing.assert_close(planes.grad, torch.full_like(planes, 0.2))


def test_log_magnitude_of_single_precision_does_not_overflow():
    planes = torch.tensor([1e30, -1e25, 1e30, 0.0])[:, None].requires_grad_()
    compressed = log_magnitude(planes)
    compressed.sum().backward()
    assert compressed.isfinite().all()
    assert planes.grad.isfinite().all()


def test_planes_are_re_v_re_i_im_v_im_i_of_each_excitation(circuits):
    frequency = grid(9, 0.01, 100)
    excitations = [(1.0, 0.0), (0.0, 1.0)]
    probe = Probe(frequency, excitations, "tanh")
    measured = probe.measure(*circuits)
    assert measured.shape == (4, probe.channels, probe.points) == (4, 8, 9)
    for number, excitation in enumerate(excitations):
        voltage, current = respond(*circuits, frequency, excitation)
        planes = np.stack([voltage.real, current.real, voltage.imag, current.imag], axis=1)
        np.testing.assert_allclose(measured[:, 4 * number : 4 * number + 4], np.tanh(planes))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_of_measure_and_compress_agree(compression, circuits):
    probe = Probe(grid(16, 0.01, 100), DEFAULT, compression)
    measured = probe.measure(*circuits)
    np.testing.assert_allclose(probe.of(*map(torch.from_numpy, circuits)).numpy(), measured, rtol=1e-13)
    np.testing.assert_allclose(probe.compress(*respond(*circuits, probe.frequency)), measured, rtol=1e-13)


def test_measures_large_batches_block_by_block():
    probe = Probe(grid(64, 0.01, 100), DEFAULT, "logmag")
    size = BLOCK // 64
    types, classes = draw(np.random.default_rng(0), np.full(2 * size + 1, 3), 3)
    whole = probe.measure(types, VALUES[classes])
    for row in (0, size - 1, size, 2 * size):
        np.testing.assert_array_equal(whole[[row]], probe.measure(types[[row]], VALUES[classes[[row]]]))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_gradient_of_the_probe_by_finite_differences(compression, circuits):
    types, values = map(torch.from_numpy, circuits)
    probe = Probe(grid(5, 0.3, 3), DEFAULT, compression)
    assert torch.autograd.gradcheck(lambda v: probe.of(types, v), (values.requires_grad_(),))


def test_gradient_of_the_simulation_loss_for_the_value_logits_by_finite_differences(circuits):
    types = torch.from_numpy(circuits[0])
    probe = Probe(grid(5, 0.3, 3), DEFAULT, "logmag")
    target = torch.from_numpy(probe.measure(*circuits))
    logits = torch.randn(*types.shape, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(logits):
        # The relaxed circuit: the geometric mean of the values under the softmax.
        values = torch.exp(torch.softmax(logits, dim=-1) @ torch.from_numpy(np.log(VALUES)))
        return (probe.of(types, values) - target).square().sum(dim=1).mean()

    assert torch.autograd.gradcheck(loss, (logits.requires_grad_(),))


def test_position_goes_from_minus_one_to_one_along_the_logarithm():
    position = Probe(grid(5, 0.01, 100), DEFAULT, "logmag").position()
    torch.testing.assert_close(position, torch.tensor([-1, -0.5, 0, 0.5, 1]))


def test_response_error_is_relative_and_broadcasts():
    target = np.array([[3.0, 0.0], [0.0, 4.0]])
    response = np.stack([target, 2 * target, np.zeros_like(target), -target])
    np.testing.assert_allclose(response_error(response, target), [0, 1, 1, 2])
    assert response_error(response[None], target[None, None]).shape == (1, 4)
