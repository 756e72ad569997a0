from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.layers.activations import tanh


@given(st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=40))
def test_it_is_the_hyperbolic_tangent_and_exactly_odd(values):
    x = torch.tensor(values)
    assert torch.equal(tanh(-x), -tanh(x))
    torch.testing.assert_close(tanh(x).double(), torch.tanh(x.double()), rtol=0, atol=1.5e-7)
    assert tanh(x).abs().max() <= 1


def test_its_gradient():
    x = torch.linspace(-4, 4, 33, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(tanh, (x,))


def test_certain_and_undefined_values():
    assert tanh(torch.tensor([float("inf"), -float("inf")])).tolist() == [1.0, -1.0]
    assert tanh(torch.tensor([float("nan")])).isnan().all()
