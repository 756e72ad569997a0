"""The Tanner graph of a parity-check matrix as index tensors, and the two sums and products over it.

Messages live on edges. An edge e = (c, v) is a one of H; edges are numbered row by row, rows of few ones first:
checks of one degree are then one block of edges. Every tensor is batch-last, ``[E, B]`` or ``[n, B]``: a gather then
copies whole contiguous rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


class _ExclusiveProduct(torch.autograd.Function):
    """Product of all entries along dimension 1 but one's own: ``[m, d, B] -> [m, d, B]``.

    With P the product of the other factors, dP_i/dt_j = P_i / t_j for i != j. The quotient form needs two
    passes over the data where the products of torch's own backward need many.
    """

    @staticmethod
    def forward(ctx, factors: Tensor) -> Tensor:
        # Away from zero by a rounding step of 1, keeping the sign: the quotient then never divides by zero.
        step = torch.full((), torch.finfo(factors.dtype).eps, dtype=factors.dtype, device=factors.device)
        factors = factors + torch.copysign(step, factors)
        others = factors.prod(dim=1, keepdim=True) / factors
        ctx.save_for_backward(factors, others)
        return others

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        factors, others = ctx.saved_tensors
        weighted = gradient * others
        return (weighted.sum(dim=1, keepdim=True) - weighted) / factors


class TannerGraph(nn.Module):
    """Index tensors of the Tanner graph of H; holds nothing that is trained.

    Args:
        parity_check: H, ``[m, n]`` of 0 and 1.

    Attributes:
        variable_of_edge: ``[E]``, the variable node v of each edge.
        check_of_edge: ``[E]``, the check node c of each edge.
    """

    def __init__(self, parity_check: np.ndarray):
        super().__init__()
        parity_check = np.asarray(parity_check)
        self.checks, self.variables = parity_check.shape
        degrees = (parity_check != 0).sum(axis=1)
        order = np.argsort(degrees, kind="stable")
        row, variable = np.nonzero(parity_check[order])
        self.edges = len(row)
        # (number of checks, degree) of each block; checks without a one have no edges.
        self.blocks = [
            (int(count), int(degree))
            for degree, count in zip(*np.unique(degrees, return_counts=True), strict=True)
            if degree
        ]
        for name, indices in {"variable_of_edge": variable, "check_of_edge": order[row]}.items():
            self.register_buffer(name, torch.from_numpy(indices.astype(np.int64)), persistent=False)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """All ordered pairs of different edges on one variable: (receiving edge, sending edge), ``[P]`` each."""
        same = self.variable_of_edge[:, None] == self.variable_of_edge[None, :]
        same.fill_diagonal_(False)
        receiving, sending = same.nonzero(as_tuple=True)
        return receiving, sending

    def to_edges(self, per_variable: Tensor) -> Tensor:
        """Copy a value of each variable to its edges: ``[n, ...] -> [E, ...]``."""
        return per_variable.index_select(0, self.variable_of_edge)

    def sum_at_variables(self, messages: Tensor) -> Tensor:
        """Sum of the messages that arrive at each variable: ``[E, ...] -> [n, ...]``."""
        total = messages.new_zeros(self.variables, *messages.shape[1:])
        return total.index_add_(0, self.variable_of_edge, messages)

    def at_checks(self, update: Callable[[Tensor], Tensor], messages: Tensor) -> Tensor:
        """Apply ``update``, which maps ``[m, d, B] -> [m, d, B]``, to the messages of all checks: ``[E, B] -> [E, B]``.

        It is called once for each degree d, with the m checks of that degree.
        """
        blocks = messages.split([checks * degree for checks, degree in self.blocks])
        done = [
            update(block.view(checks, degree, -1)).view(checks * degree, -1)
            for block, (checks, degree) in zip(blocks, self.blocks, strict=True)
        ]
        return done[0] if len(done) == 1 else torch.cat(done)

    def product_of_others(self, messages: Tensor) -> Tensor:
        """For every edge the product of the messages on the other edges of its check: ``[E, B] -> [E, B]``."""
        return self.at_checks(_ExclusiveProduct.apply, messages)
