from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.codes.core.arctanh import truncated_arctanh, truncated_arctanh_series

ODD = np.arange(1, 1006, 2)
# What the linear interpolation of the table may differ from the series by.
TABLE_ERROR = 8e-6


def power_sum(p):
    """A_q(p) = p + p^3 / 3 + ... + p^1005 / 1005, every power on its own."""
    return (np.asarray(p, dtype=np.float64)[..., None] ** ODD / ODD).sum(axis=-1)


def gradient(p):
    p = torch.as_tensor(p).requires_grad_()
    truncated_arctanh(p).sum().backward()
    return p.grad


def test_the_series_at_known_places():
    assert truncated_arctanh_series(1.0) == pytest.approx(4.0920501804, abs=1e-10)
    assert truncated_arctanh_series(0.5) == pytest.approx(np.arctanh(0.5), abs=1e-12)
    grid = np.linspace(-1, 1, 501)
    assert np.abs(truncated_arctanh_series(grid) - power_sum(grid)).max() < 1e-12


@given(st.floats(-1, 1))
@settings(max_examples=100, deadline=None)
def test_the_table_is_the_series_anywhere(p):
    value = truncated_arctanh(torch.tensor([p], dtype=torch.float64)).item()
    assert abs(value - power_sum(p)) < TABLE_ERROR


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, TABLE_ERROR), (torch.float32, 2e-5)])
def test_the_table_is_the_series_on_a_fine_grid(dtype, tolerance):
    # Dense at the ends, where the curve bends. A float32 p near 1 is only known to 6e-8, and the slope there
    # is 503: that alone moves the value by 1.5e-5 (half a step times the slope).
    p = torch.cat([torch.linspace(-1, 1, 4001), 1 - torch.logspace(-7, -1, 2000)]).to(dtype)
    error = truncated_arctanh(p).double().numpy() - power_sum(p.double().numpy())
    assert np.abs(error).max() < tolerance


def test_it_is_odd_and_bounded():
    p = torch.linspace(0, 1, 997)
    values = truncated_arctanh(p)
    assert torch.equal(truncated_arctanh(-p), -values)
    assert values[0] == 0
    assert values.max().item() == pytest.approx(4.09205018, abs=2e-5)


def test_the_derivative_at_the_ends_is_503():
    assert gradient([-1.0, 1.0]).tolist() == pytest.approx([503.0, 503.0], rel=1e-4)
    assert gradient(torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)).tolist() == pytest.approx([503, 1, 503])


@given(st.floats(-0.9999, 0.9999))
@settings(max_examples=100, deadline=None)
def test_the_gradient_is_the_slope_of_the_power_sum(p):
    step = 1e-6
    slope = (power_sum(p + step) - power_sum(p - step)) / (2 * step)
    # 503 p^1004 bends by at most a third derivative of 1e8: 1e8 step^2 / 6 = 2e-5 of error in the difference.
    assert gradient(torch.tensor([p], dtype=torch.float64)).item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_the_gradient_in_float32_is_that_in_float64():
    p = torch.cat([torch.linspace(-1, 1, 2001), 1 - torch.logspace(-7, -1, 500)])
    exact = gradient(p.double())
    assert ((gradient(p) - exact).abs() / exact).max().item() < 1e-3


def test_values_and_gradients_keep_their_place():
    p = torch.linspace(-1, 1, 60).reshape(3, 4, 5)
    assert torch.equal(truncated_arctanh(p).flatten(), truncated_arctanh(p.flatten()))
    assert torch.equal(gradient(p.clone()).flatten(), gradient(p.clone().flatten()))
    assert torch.equal(truncated_arctanh(p.transpose(0, 2)), truncated_arctanh(p).transpose(0, 2))
