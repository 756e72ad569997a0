"""Fourier features against their definition."""

from __future__ import annotations

import math

import torch

from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.core.grids import as_points, axes


def test_features_stand_in_the_order_of_the_definition():
    features, (y, x) = FourierFeatures(4), (0.3, -0.7)
    omega = [math.pi * 2 ** (k / 2) for k in range(4)]
    expected = [y, x]
    expected += [math.sin(w * y) for w in omega] + [math.sin(w * x) for w in omega]
    expected += [math.cos(w * y) for w in omega] + [math.cos(w * x) for w in omega]
    made = features(torch.tensor([[y, x]], dtype=torch.float64))[0]
    torch.testing.assert_close(made, torch.tensor(expected, dtype=torch.float64))
    assert features.size == len(expected)


def test_a_grid_s_features_are_those_of_its_rows_and_of_its_columns():
    features, (rows, columns) = FourierFeatures(3), axes(5, 7)
    whole = features(as_points(rows, columns)).reshape(5, 7, -1)
    of_rows, of_columns = features.along(rows), features.along(columns)
    torch.testing.assert_close(whole[..., features.of_rows], of_rows[:, None].expand(5, 7, -1))
    torch.testing.assert_close(whole[..., features.of_columns], of_columns[None].expand(5, 7, -1))
    assert sorted(features.of_rows + features.of_columns) == list(range(features.size))
