"""The Tanner graph of a parity-check matrix as index tensors, and the two sums and products over it.

Messages live on edges. An edge e = (c, v) is a one of H; edges are numbered row by row, rows of few ones first:
checks of one degree are then one block of edges. Every tensor is batch-last, ``[E, B]`` or ``[n, B]``: a gather then
copies whole contiguous rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.codes.core.checks import product_of_others
from hypernet.codes.core.sparse import ParityCheck, sparse
from hypernet.lab.errors import UserError

# More pairs of edges on one variable than this have no weights of their own: they alone would take a gigabyte.
LARGEST_PAIRS = 2**25


class TannerGraph(nn.Module):
    """Index tensors of the Tanner graph of H; holds nothing that is trained.

    Args:
        parity_check: H, ``[m, n]`` of 0 and 1, sparse or dense.

    Attributes:
        variable_of_edge: ``[E]``, the variable node v of each edge.
        check_of_edge: ``[E]``, the check node c of each edge.
    """

    variable_of_edge: Tensor
    check_of_edge: Tensor

    def __init__(self, parity_check: ParityCheck | np.ndarray):
        super().__init__()
        ones = sparse(parity_check)
        self.checks, self.variables = ones.shape
        degrees = np.diff(ones.indptr)
        order = np.argsort(degrees, kind="stable")
        row, variable = np.repeat(np.arange(self.checks), degrees[order]), ones[order].indices
        self.edges = len(row)
        # (number of checks, degree) of each block; checks without a one have no edges.
        self.blocks = [
            (int(count), int(degree))
            for degree, count in zip(*np.unique(degrees, return_counts=True), strict=True)
            if degree
        ]
        for name, indices in {"variable_of_edge": variable, "check_of_edge": order[row]}.items():
            self.register_buffer(name, torch.from_numpy(indices.astype(np.int64)), persistent=False)

    def extra_repr(self) -> str:
        """Its sizes, for ``repr``."""
        return f"{self.variables} variables, {self.checks} checks, {self.edges} edges"

    def to_edges(self, per_variable: Tensor) -> Tensor:
        """Copy a value of each variable to its edges.

        Args:
            per_variable: ``[n, ...]``.

        Returns:
            The value of each edge's variable, ``[E, ...]``.
        """
        return per_variable.index_select(0, self.variable_of_edge)

    def sum_at_variables(self, messages: Tensor, onto: Tensor | None = None) -> Tensor:
        """Add the messages that arrive at each variable.

        Args:
            messages: ``[E, ...]``.
            onto: ``[n, ...]``, what they are added to, in place; zeros by default.

        Returns:
            The sums, ``[n, ...]``.
        """
        total = messages.new_zeros(self.variables, *messages.shape[1:]) if onto is None else onto
        return total.index_add_(0, self.variable_of_edge, messages)

    def at_checks(self, update: Callable[[Tensor], Tensor], messages: Tensor) -> Tensor:
        """Apply an update to the messages of all checks.

        Args:
            update: maps ``[m, d, B] -> [m, d, B]``; called once for each degree d, with the m checks of that degree.
            messages: ``[E, B]``.

        Returns:
            What it made of them, ``[E, B]``.
        """
        blocks = messages.split([checks * degree for checks, degree in self.blocks])
        done = [
            update(block.view(checks, degree, -1)).view(checks * degree, -1)
            for block, (checks, degree) in zip(blocks, self.blocks, strict=True)
        ]
        return done[0] if len(done) == 1 else torch.cat(done)

    def product_of_others(self, messages: Tensor) -> Tensor:
        """Multiply the messages on the other edges of each edge's check.

        Args:
            messages: ``[E, B]``.

        Returns:
            The products, ``[E, B]``.
        """
        return self.at_checks(product_of_others, messages)

    def satisfied(self, values: Tensor) -> Tensor:
        """Whether the decisions on a word satisfy all checks: a negative value is a 1.

        Args:
            values: bit values ``[n, B]``.

        Returns:
            Boolean ``[B]``; False for a word with a value that is not a number.
        """
        return self._even(values) & ~values.isnan().any(dim=0)

    def settled(self, values: Tensor) -> Tensor:
        """Whether the decisions on a word satisfy all checks and none of them is a draw, a value of zero.

        Args:
            values: bit values ``[n, B]``.

        Returns:
            Boolean ``[B]``; False for a word with a value that is not a number.
        """
        return self._even(values) & (values.abs().amin(dim=0) > 0)

    def _even(self, values: Tensor) -> Tensor:
        """Whether all checks have an even number of negative values, ``[n, B] -> [B]``."""
        words = values.shape[1]
        # Eight words in a number of 64 bits, a byte for each: their parities are then found together.
        spare = 8 * max(1, math.ceil(words / 8)) - words
        bits = F.pad(values.clamp(max=0.0).bool(), (0, spare)).contiguous().view(torch.int64)
        edges = bits.index_select(0, self.variable_of_edge)
        odd = torch.zeros_like(bits[0])
        for block, (checks, degree) in zip(
            edges.split([checks * degree for checks, degree in self.blocks]), self.blocks, strict=True
        ):
            parity = _folded(block.view(checks, degree, -1), torch.bitwise_xor)
            odd |= _folded(parity[None, :, 0], torch.bitwise_or)[0, 0]
        return ~odd.view(torch.bool)[:words]


def _folded(x: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """All entries along dimension 1 combined to a single one, ``[m, d, B] -> [m, 1, B]``."""
    while (width := x.shape[1]) > 1:
        half = width // 2
        pairs = combine(x[:, :half], x[:, half : 2 * half])
        x = torch.cat([pairs, x[:, 2 * half :]], dim=1) if width % 2 else pairs
    return x


class _Rows(torch.autograd.Function):
    """``x[there]`` for an index that reads every row once, and some again in rows whose result is not used.

    ``back`` undoes it: ``x[there][back] = x``. The gradient is then a gather too; torch's own adds row by row.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        return gradient.index_select(0, back), None, None


def _rows(x: Tensor, there: Tensor, back: Tensor) -> Tensor:
    """``x[there]``; see :class:`_Rows`."""
    result: Tensor = _Rows.apply(x, there, back)
    return result


class PairSum(nn.Module):
    """The weighted sum of the messages on the other edges of each edge's variable, with a weight for each pair.

    The weights of a variable of degree d are a ``[d, d]`` matrix with an empty diagonal. Variables of similar degree
    are one batched product, the narrower ones padded with zeros: one of degree 5 is batched with those of degree 8.
    On Polar(128,64) that takes a tenth of the time of one product with an ``[E, E]`` matrix; on a small graph the
    latter is faster.

    Args:
        graph: the Tanner graph.

    Attributes:
        receiving: ``[P]``, the edge that each pair's weight adds to, rising.
        sending: ``[P]``, the edge whose message it weighs.
    """

    # With up to this many edges the one product with an [E, E] matrix is taken.
    DENSE_EDGES = 128

    receiving: Tensor
    sending: Tensor
    _row: Tensor
    _edge: Tensor
    _entry: Tensor

    def __init__(self, graph: TannerGraph):
        super().__init__()
        self.edges = graph.edges
        variable = graph.variable_of_edge.numpy()
        degree = np.bincount(variable, minlength=graph.variables)
        pairs = int((degree.astype(np.int64) ** 2).sum())
        if pairs > LARGEST_PAIRS:
            raise UserError(f"{pairs} pairs of edges meet in a variable; at most {LARGEST_PAIRS} can have weights")
        first = np.cumsum(degree) - degree
        by_variable = np.argsort(variable, kind="stable")
        rank = np.empty(self.edges, dtype=np.int64)
        rank[by_variable] = np.arange(self.edges) - first[variable[by_variable]]
        # Each edge pairs with the edges 0 ... d - 1 of its variable but itself.
        partners = degree[variable]
        receiving = np.repeat(np.arange(self.edges), partners)
        place = np.arange(len(receiving)) - np.repeat(np.cumsum(partners) - partners, partners)
        sending = by_variable[first[variable[receiving]] + place]
        different = receiving != sending
        receiving, sending = receiving[different], sending[different]

        width = _widths(degree)
        nodes = np.argsort(width, kind="stable")
        ordered = width[nodes]
        row_of_node, entry_of_node = np.zeros_like(width), np.zeros_like(width)
        row_of_node[nodes] = np.cumsum(ordered) - ordered
        entry_of_node[nodes] = np.cumsum(ordered**2) - ordered**2
        row = row_of_node[variable] + rank
        # Rows of padding read edge 0; their weights are zero.
        edge = np.zeros(ordered.sum(), dtype=np.int64)
        edge[row] = np.arange(self.edges)
        entry = entry_of_node[variable[receiving]] + rank[receiving] * width[variable[receiving]] + rank[sending]
        # (number of variables, width) of each batched product.
        self.blocks = [(int(c), int(w)) for w, c in zip(*np.unique(ordered, return_counts=True), strict=True) if w]
        indices = {"receiving": receiving, "sending": sending, "_row": row, "_edge": edge, "_entry": entry}
        for name, index in indices.items():
            self.register_buffer(name, torch.from_numpy(index), persistent=False)

    def forward(self, weights: Tensor, messages: Tensor) -> Tensor:
        """``[P], [E, ...] -> [E, ...]``."""
        flat = messages.reshape(self.edges, -1)
        if self.edges <= self.DENSE_EDGES:
            matrix = weights.new_zeros(self.edges, self.edges).index_put((self.receiving, self.sending), weights)
            return (matrix @ flat).view_as(messages)
        size = sum(count * width**2 for count, width in self.blocks)
        matrices = weights.new_zeros(size).index_put((self._entry,), weights)
        rows = _rows(flat, self._edge, self._row)
        sums = [
            (matrix.view(count, width, width) @ block.view(count, width, -1)).view(count * width, -1)
            for matrix, block, (count, width) in zip(
                matrices.split([count * width**2 for count, width in self.blocks]),
                rows.split([count * width for count, width in self.blocks]),
                self.blocks,
                strict=True,
            )
        ]
        return _rows(torch.cat(sums), self._row, self._edge).view_as(messages)


def _widths(degree: np.ndarray) -> np.ndarray:
    """The width each degree is padded to: the largest degree takes in all down to half of it, and so on."""
    width = np.zeros_like(degree)
    while (rest := degree[width == 0].max(initial=0)) > 0:
        width[(width == 0) & (2 * degree > rest)] = rest
    return width
