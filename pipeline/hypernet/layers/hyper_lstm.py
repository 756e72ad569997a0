"""A recurrent unit whose weights are rescaled at every step by a smaller one (Ha, Dai and Le 2017)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class HyperState(NamedTuple):
    """States of both units: h and c of the main one [B, H], ĥ and ĉ of the small one [B, S]."""

    h: Tensor
    c: Tensor
    hyper_h: Tensor
    hyper_c: Tensor


class HyperLSTMCell(nn.Module):
    """An LSTM cell whose weight matrices are scaled, row by row and step by step, by a small LSTM.

    For each gate y in i, g, f, o, with ĥ the state of the small LSTM, which reads (h_{t-1}; x_t):

        z_h = W_ĥh ĥ_{t-1} + b_ĥh        z_x = W_ĥx ĥ_{t-1} + b_ĥx        z_b = W_ĥb ĥ_{t-1}
        y_t = LN( d_h ⊙ W_h h_{t-1} + d_x ⊙ W_x x_t + b ),
              d_h = W_hz z_h,  d_x = W_xz z_x,  b = W_bz z_b + b_0
        c_t = σ(f_t) ⊙ c_{t-1} + σ(i_t) ⊙ tanh(g_t)        h_t = σ(o_t) ⊙ tanh(LN(c_t))

    (Ha, Dai and Le, "HyperNetworks", ICLR 2017, arXiv 1609.09106, section 3.2 and appendix A.2.) A whole matrix
    generated per step would be large; scaling its rows costs N_z numbers a gate. It starts as the paper's does: z_h
    and z_x are one, and the scales 0.1.

    Args:
        input_size: entries of x.
        hidden_size: H, entries of h.
        hyper_size: S, entries of ĥ.
        embedding: N_z, entries of every z.
        layer_norm: whether LN is there.

    >>> cell = HyperLSTMCell(3, 8, hyper_size=4, embedding=2)
    >>> state = None
    >>> for x in torch.rand(5, 2, 3):  # five steps, two sequences
    ...     state = cell(x, state)
    >>> state.h.shape
    torch.Size([2, 8])
    """

    GATES = 4

    def __init__(self, input_size: int, hidden_size: int, hyper_size: int, embedding: int, *, layer_norm: bool = True):
        super().__init__()
        if min(input_size, hidden_size, hyper_size, embedding) < 1:
            raise ValueError("input_size, hidden_size, hyper_size and embedding must be positive")
        self.hidden_size = hidden_size
        self.hyper = nn.LSTMCell(hidden_size + input_size, hyper_size)
        gates = self.GATES
        self.weight_h = nn.Parameter(torch.empty(gates, hidden_size, hidden_size))
        self.weight_x = nn.Parameter(torch.empty(gates, hidden_size, input_size))
        for matrix in (*self.weight_h, *self.weight_x):
            nn.init.orthogonal_(matrix)
        self.bias = nn.Parameter(torch.zeros(gates, hidden_size))
        self.to_z_h = nn.Linear(hyper_size, gates * embedding)
        self.to_z_x = nn.Linear(hyper_size, gates * embedding)
        self.to_z_b = nn.Linear(hyper_size, gates * embedding, bias=False)
        for to_z in (self.to_z_h, self.to_z_x):
            nn.init.zeros_(to_z.weight)
            nn.init.ones_(to_z.bias)
        nn.init.normal_(self.to_z_b.weight, std=0.01)
        self.scale_h = nn.Parameter(torch.full((gates, hidden_size, embedding), 0.1 / embedding))
        self.scale_x = nn.Parameter(torch.full((gates, hidden_size, embedding), 0.1 / embedding))
        self.shift = nn.Parameter(torch.zeros(gates, hidden_size, embedding))
        self.gate_norms = nn.ModuleList(
            nn.LayerNorm(hidden_size) if layer_norm else nn.Identity() for _ in range(gates)
        )
        self.cell_norm = nn.LayerNorm(hidden_size) if layer_norm else nn.Identity()

    def forward(self, inputs: Tensor, state: HyperState | None = None) -> HyperState:
        """One step: x [B, in] and the states before (zero) to the states after."""
        if state is None:
            zeros = inputs.new_zeros(len(inputs), self.hidden_size)
            hyper_zeros = inputs.new_zeros(len(inputs), self.hyper.hidden_size)
            state = HyperState(zeros, zeros, hyper_zeros, hyper_zeros)
        h, c, hyper_h, hyper_c = state
        z_h, z_x, z_b = (
            to_z(hyper_h).unflatten(1, (self.GATES, -1)) for to_z in (self.to_z_h, self.to_z_x, self.to_z_b)
        )
        from_state = _scaled(self.scale_h, z_h) * torch.einsum("ghk,bk->bgh", self.weight_h, h)
        from_input = _scaled(self.scale_x, z_x) * torch.einsum("ghk,bk->bgh", self.weight_x, inputs)
        gates = from_state + from_input + _scaled(self.shift, z_b) + self.bias
        i, g, f, o = (norm(gate) for norm, gate in zip(self.gate_norms, gates.unbind(dim=1), strict=True))
        new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        new_h = torch.sigmoid(o) * torch.tanh(self.cell_norm(new_c))
        return HyperState(new_h, new_c, *self.hyper(torch.cat([h, inputs], dim=1), (hyper_h, hyper_c)))


def _scaled(weight: Tensor, z: Tensor) -> Tensor:
    """W z of every gate: [gates, H, N_z] and [B, gates, N_z] to [B, gates, H]."""
    return torch.einsum("ghz,bgz->bgh", weight, z)
