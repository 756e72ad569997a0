"""Tensors of a file are taken only where they are what they should be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.molecules.baselines.arrays import array, beneath, part


def test_a_sound_tensor_is_given_as_it_is():
    state = {"a": torch.arange(6.0).reshape(2, 3)}
    np.testing.assert_array_equal(array(state, "a", torch.float32, None, 3), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (None, "a is missing"),
        ("text", "a is missing, or no tensor"),
        (torch.tensor([[1.0, float("nan"), 2.0]]), "finite"),
        (torch.zeros(1).expand(1, 3), "finite"),
        (torch.zeros(1, 3, device="meta"), "finite"),
        (torch.zeros(1, 3, dtype=torch.float64), "float64"),
        (torch.zeros(3), r"shape \(3,\)"),
        (torch.zeros(1, 4), r"shape \(1, 4\)"),
    ],
    ids=["missing", "text", "nan", "one number for all", "no memory", "type", "dimensions", "size"],
)
def test_what_does_not_fit_is_refused(tensor, message):
    state = {} if tensor is None else {"a": tensor}
    with pytest.raises(ValueError, match=message):
        array(state, "a", torch.float32, None, 3)


def test_a_part_comes_back_from_the_whole():
    inner = {"a": torch.ones(1), "b.c": torch.zeros(2)}
    whole = {"a": torch.full((3,), 2.0), **beneath("inner", inner)}
    assert set(whole) == {"a", "inner.a", "inner.b.c"}
    assert part("inner", whole) == inner
