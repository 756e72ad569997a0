"""The Tanner graph of a parity-check matrix as index tensors, and the two sums and products over it.

Messages live on edges. An edge e = (c, v) is a one of H; edges are numbered row by row. Every tensor is
batch-last, ``[E, B]`` or ``[n, B]``: a gather then copies whole contiguous rows.
"""

from __future__ import annotations

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
        check, variable = np.nonzero(parity_check)
        self.edges = len(check)
        degrees = np.bincount(check, minlength=self.checks)
        self.check_degree = int(degrees.max())
        self.regular = bool((degrees == self.check_degree).all())
        # Short rows are filled up with edge number E, which stands for "no edge".
        position = np.arange(self.edges) - np.repeat(np.cumsum(degrees) - degrees, degrees)
        edges_of_check = np.full((self.checks, self.check_degree), self.edges)
        edges_of_check[check, position] = np.arange(self.edges)
        slot_of_edge = check * self.check_degree + position
        for name, indices in {
            "variable_of_edge": variable,
            "check_of_edge": check,
            "edges_of_check": edges_of_check.reshape(-1),
            "slot_of_edge": slot_of_edge,
        }.items():
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

    def by_check(self, messages: Tensor, filler: float) -> Tensor:
        """Lay messages out by check, ``[E, B] -> [m, d, B]``; missing edges of short rows hold ``filler``."""
        if self.regular:
            return messages.view(self.checks, self.check_degree, -1)
        padded = torch.cat([messages, messages.new_full((1, messages.shape[1]), filler)])
        return padded.index_select(0, self.edges_of_check).view(self.checks, self.check_degree, -1)

    def by_edge(self, messages: Tensor) -> Tensor:
        """Undo :meth:`by_check`: ``[m, d, B] -> [E, B]``."""
        flat = messages.reshape(self.checks * self.check_degree, -1)
        return flat if self.regular else flat.index_select(0, self.slot_of_edge)

    def product_of_others(self, messages: Tensor) -> Tensor:
        """For every edge the product of the messages on the other edges of its check: ``[E, B] -> [E, B]``."""
        return self.by_edge(_ExclusiveProduct.apply(self.by_check(messages, 1.0)))
