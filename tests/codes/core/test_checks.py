from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.codes.core.checks import (
    minimum,
    others,
    product_of_others,
    signed,
    sum_product,
    sum_product_of_any_size,
    twice_arctanh,
)

mpmath = pytest.importorskip("mpmath", reason="an oracle with as many digits as are wanted")


def at_check(values, dtype=torch.float64):
    """The messages of a single check and word, ``[1, d, 1]``."""
    return torch.tensor(values, dtype=dtype)[None, :, None]


def exact(values, edge):
    """2 arctanh of the product of the other tanh(q / 2), with 400 digits."""
    with mpmath.workdps(400):
        product = mpmath.mpf(1)
        for other, value in enumerate(values):
            if other != edge:
                product *= mpmath.tanh(mpmath.mpf(float(value)) / 2)
        return 2 * mpmath.atanh(product)


# --- all entries but one's own ------------------------------------------------------------------------------


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=70))
@settings(max_examples=60, deadline=None)
def test_others_are_all_entries_but_ones_own(values):
    given_values = torch.tensor(values)[None, :, None].repeat(2, 1, 3)
    (sums,) = others(lambda a, b: (a[0] + b[0],), (given_values,), (0,))
    assert torch.equal(sums, given_values.sum(dim=1, keepdim=True) - given_values)
    factors = [np.prod([v for j, v in enumerate(values) if j != i], dtype=object) for i in range(len(values))]
    products = product_of_others(given_values.double())[1, :, 2]
    assert products.tolist() == pytest.approx([float(f) for f in factors], rel=1e-12)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
@pytest.mark.parametrize("degree", [1, 2, 3, 6, 7])
def test_the_product_is_exact_at_zeros_and_so_is_its_gradient(degree, zeros):
    factors = torch.from_numpy(np.random.default_rng(degree).uniform(0.1, 1, (2, degree, 3)))
    factors[0, :zeros] = 0.0
    products = product_of_others(factors)[0]
    for edge in range(degree):
        others_that_are_zero = min(zeros, degree) - (edge < zeros)
        assert (products[edge] == 0).all() if others_that_are_zero else (products[edge] > 0).all()
    assert torch.autograd.gradcheck(product_of_others, (factors.requires_grad_(),))


def test_a_product_of_very_small_factors_loses_none_that_can_be_told_from_zero():
    factors = at_check([1e-18, 1e-18, 0.5, 1.0, 1.0], torch.float32)
    assert product_of_others(factors).flatten().tolist() == pytest.approx([5e-19, 5e-19, 1e-36, 5e-37, 5e-37])


# --- 2 arctanh ----------------------------------------------------------------------------------------------


@given(st.floats(-1, 1))
@settings(max_examples=200, deadline=None)
def test_twice_arctanh_has_all_digits_of_any_product(p):
    p = min(max(p, -1 + 1e-6), 1 - 1e-6)
    value = twice_arctanh(torch.tensor([p], dtype=torch.float64)).item()
    assert value == pytest.approx(2 * np.arctanh(p), rel=1e-9, abs=0)


def test_twice_arctanh_stops_at_its_limit_where_its_gradient_is_zero():
    p = torch.tensor([-1.0, -0.9, 0.0, 0.3, 0.9, 1.0], dtype=torch.float64, requires_grad=True)
    values = twice_arctanh(p, 0.8)
    values.sum().backward()
    assert values.tolist() == pytest.approx([*2 * np.arctanh([-0.8, -0.8, 0.0, 0.3, 0.8, 0.8])])
    assert p.grad.tolist() == pytest.approx([0, 0, 2, 2 / (1 - 0.09), 0, 0])
    inner = torch.linspace(-0.7, 0.7, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: twice_arctanh(x, 0.8), (inner,))


# --- the sum-product rule -----------------------------------------------------------------------------------

magnitudes = st.one_of(st.just(0.0), st.floats(1e-6, 80), st.floats(1e-6, 1e-2), st.floats(20, 80))


@given(st.lists(st.tuples(magnitudes, st.sampled_from([-1, 1])), min_size=2, max_size=9))
@settings(max_examples=200, deadline=None)
def test_the_sum_product_rule_has_all_digits(messages):
    values = [np.float32(sign * magnitude) for magnitude, sign in messages]
    for dtype, relative in ((torch.float64, 1e-12), (torch.float32, 3e-6)):
        got = signed(sum_product)(at_check(values, dtype))[0, :, 0].tolist()
        for edge in range(len(values)):
            # 1e-37: smaller ones are no numbers of single precision with all their digits.
            assert got[edge] == pytest.approx(float(exact(values, edge)), rel=relative, abs=1e-36)


sizes = st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.floats(1, 1e30))


@given(st.lists(st.tuples(sizes, st.sampled_from([-1, 1])), min_size=2, max_size=9))
@settings(max_examples=200, deadline=None)
def test_the_rule_for_any_size_is_the_same_rule(messages):
    values = [np.float32(sign * magnitude) for magnitude, sign in messages]
    got = signed(sum_product_of_any_size)(at_check(values, torch.float32))[0, :, 0].tolist()
    for edge in range(len(values)):
        rest = [abs(float(v)) for other, v in enumerate(values) if other != edge]
        # Where all are large, tanh is 1 even with 400 digits: there it is the smallest, less the logarithm of how many.
        if min(rest) < 300:
            assert got[edge] == pytest.approx(float(exact(values, edge)), rel=2e-6, abs=2e-6)
        else:
            ties = sum(np.exp(min(rest) - v) for v in rest)
            assert abs(got[edge]) == pytest.approx(min(rest) - np.log(ties), rel=1e-6)
            assert (got[edge] < 0) == (sum(v < 0 for other, v in enumerate(values) if other != edge) % 2 == 1)


@pytest.mark.parametrize("degree", [1, 2, 3, 8, 24])
@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("rule", [sum_product, sum_product_of_any_size, minimum])
def test_an_erasure_makes_all_other_messages_of_its_check_exactly_zero(rule, zeros, degree):
    values = np.random.default_rng(0).normal(0, 9, degree)
    values[:zeros] = 0.0
    got = signed(rule)(at_check(values, torch.float32))[0, :, 0]
    for edge in range(degree):
        erased_others = min(zeros, degree) - (edge < zeros)
        assert (got[edge] == 0) == (erased_others > 0)


def test_what_is_not_a_number_stays_in_its_word_and_a_known_bit_does_not_count():
    values = torch.full((1, 4, 3), 2.0)
    values[0, 1, 0], values[0, 1, 1] = float("nan"), float("inf")
    for rule in (sum_product, minimum):
        got = signed(rule)(values.clone())
        assert got[0, :, 0].isnan().tolist() == [True, False, True, True]
        assert got[0, 0, 1] == pytest.approx(signed(rule)(torch.full((1, 3, 1), 2.0))[0, 0, 0].item())
        assert not got[:, :, 1:].isnan().any()


def test_min_sum_is_the_smallest_of_the_others_with_equal_ones():
    got = signed(minimum)(at_check([-3.0, 1.0, 1.0, -2.0, 5.0]))[0, :, 0]
    assert got.tolist() == [-1.0, 1.0, 1.0, -1.0, 1.0]
    assert signed(minimum)(at_check([2.0])).item() == float("inf")
