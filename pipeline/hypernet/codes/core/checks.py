"""What a check tells each of its bits: the rules that combine the messages on the other edges.

All take and give ``[m, d, B]``: m checks of degree d, words last.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Parts = tuple[Tensor, ...]
# arctanh goes no further than this: below 1 by a few float32 steps.
LARGEST_PRODUCT = 1.0 - 1e-6
# exp of it and of its negative are float32 numbers with all their digits.
LARGEST_MAGNITUDE = 85.0


def others(combine: Callable[[Parts, Parts], Parts], parts: Parts, alone: tuple[float, ...]) -> Parts:
    """Combine all entries along dimension 1 but one's own, by a tree: nothing is divided out or taken off again.

    Args:
        combine: of two runs of entries, associative and commutative.
        parts: the numbers that make an entry, each ``[m, d, B]``.
        alone: what an entry without others gets.

    Returns:
        The combination of each entry's others, each ``[m, d, B]``.
    """
    degree = parts[0].shape[1]
    if degree == 1:
        return tuple(torch.full_like(part, value) for part, value in zip(parts, alone, strict=True))
    if degree == 2:
        return tuple(part.flip(1) for part in parts)
    half = degree // 2
    left, right, rest = zip(*(part.split([half, half, degree - 2 * half], dim=1) for part in parts), strict=True)
    pairs = combine(left, right)
    if degree % 2:
        pairs = tuple(torch.cat(both, dim=1) for both in zip(pairs, rest, strict=True))
    above, unpaired = zip(
        *(part.split([half, degree - 2 * half], dim=1) for part in others(combine, pairs, alone)), strict=True
    )
    columns = zip(combine(above, right), combine(above, left), unpaired, strict=True)
    return tuple(torch.cat(column, dim=1) for column in columns)


def _product(a: Parts, b: Parts) -> Parts:
    return (a[0] * b[0],)


def _product_and_derivative(a: Parts, b: Parts) -> Parts:
    """Products p of factors t, and the sums of g times the product of the other factors."""
    return a[0] * b[0], torch.addcmul(a[1] * b[0], a[0], b[1])


class _ProductOfOthers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, factors: Tensor) -> Tensor:
        ctx.save_for_backward(factors)
        return others(_product, (factors,), (1.0,))[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # With P_i the product of the factors but t_i: sum over i != j of g_i dP_i/dt_j is the sum over the others i of
        # g_i times the product of the others but i.
        (factors,) = ctx.saved_tensors
        return others(_product_and_derivative, (factors, gradient.contiguous()), (1.0, 0.0))[1]


def product_of_others(factors: Tensor) -> Tensor:
    """The product of the other factors of each check, ``[m, d, B] -> [m, d, B]``; exact at zeros, its gradient too."""
    result: Tensor = _ProductOfOthers.apply(factors)
    return result


class _TwiceArctanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, product: Tensor, largest: float) -> Tensor:
        ctx.save_for_backward(product)
        ctx.largest = largest
        # 2 arctanh(p) = ln((1 + p) / (1 - p)), with all digits of a small p; of the magnitude, so exactly odd.
        magnitude = product.abs().clamp(max=largest)
        return torch.copysign(torch.log1p(2.0 * magnitude / (1.0 - magnitude)), product)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        magnitude = product.abs()
        slope = 2.0 / (1.0 - magnitude.clamp(max=ctx.largest).square())
        return gradient * slope * (magnitude <= ctx.largest), None


def twice_arctanh(product: Tensor, largest: float = LARGEST_PRODUCT) -> Tensor:
    """2 arctanh(p) for ``|p| <= 1``, in any shape; p stops at ``largest``, short of 1, where it would be infinite."""
    result: Tensor = _TwiceArctanh.apply(product, largest)
    return result


def signed(rule: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A rule for magnitudes as one for messages: the result has the product of the signs of the others."""

    def messages(by_check: Tensor) -> Tensor:
        # That of a zero does not matter: it makes the magnitude of all the others zero.
        sign = torch.copysign(by_check.new_ones(()), by_check)
        return rule(by_check.abs()).mul_(sign).mul_(sign.prod(dim=1, keepdim=True))

    return messages


def sum_product(magnitude: Tensor) -> Tensor:
    """Sum-product: 2 arctanh(prod tanh(q / 2)), with all digits of results from 1e-37 to 85 in single precision.

    With h = 1 / (e^q - 1), which is (coth(q / 2) - 1) / 2, the rule is a sum of positive terms, in which nothing
    cancels: of two messages h + (1 + 2 h) h'. A zero is an infinite h.

    Args:
        magnitude: ``|q|``, ``[m, d, B]``, written over; more than 85 counts as 85.

    Returns:
        ``|r|``, ``[m, d, B]``, at most 85.
    """
    if magnitude.shape[1] == 1:
        return magnitude.fill_(LARGEST_MAGNITUDE)
    given = magnitude.clamp_(max=LARGEST_MAGNITUDE).expm1_().reciprocal_().unbind(1)
    result = torch.empty_like(magnitude)
    # All later messages first, then with those before: step by step in place, as the memory's speed is the limit.
    combined, unit = result.unbind(1), magnitude.new_ones(())
    combined[-2].copy_(given[-1])
    for edge in range(len(given) - 2, 0, -1):
        torch.addcmul(given[edge], combined[edge], torch.add(unit, given[edge], alpha=2.0), out=combined[edge - 1])
    before = given[0]
    for edge in range(1, len(given) - 1):
        factor = torch.add(unit, before, alpha=2.0)
        torch.addcmul(before, combined[edge], factor, out=combined[edge])
        before = torch.addcmul(before, given[edge], factor)
    combined[-1].copy_(before)
    return result.reciprocal_().log1p_().clamp_(max=LARGEST_MAGNITUDE)


def _box_plus(a: Parts, b: Parts) -> Parts:
    """2 arctanh(tanh(a / 2) tanh(b / 2)) for magnitudes of any size."""
    (a_,), (b_,) = a, b
    smaller = torch.minimum(a_, b_)
    correction = torch.log1p(torch.exp(-(a_ + b_))) - torch.log1p(torch.exp(-(a_ - b_).abs()))
    # Never negative but by rounding.
    return ((smaller + correction).clamp(min=0.0),)


def sum_product_of_any_size(magnitude: Tensor) -> Tensor:
    """Sum-product of finite magnitudes of any size, with an error that is single precision's of the smallest.

    Several times as slow as :func:`sum_product`.
    """
    return others(_box_plus, (magnitude,), (math.inf,))[0]


def _minimum(a: Parts, b: Parts) -> Parts:
    return (torch.minimum(a[0], b[0]),)


def minimum(magnitude: Tensor) -> Tensor:
    """Min-sum: the smallest magnitude of the others; of none, infinity."""
    return others(_minimum, (magnitude,), (math.inf,))[0]
