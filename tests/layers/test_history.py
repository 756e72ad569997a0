"""The layers that came before, each against its definition written out, or the ordinary layer it contains."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hypernet.layers import DynamicConv1d, HyperLSTMCell, HyperState, LightConv1d, StaticKernels, light_conv


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_static_kernels_are_the_equations_slice_by_slice():
    kernels = StaticKernels(layers=3, embedding=4, channels=(2, 5), kernel_size=3, hidden=6).double()
    nn.init.normal_(kernels.first_bias)
    nn.init.normal_(kernels.out_bias)
    for layer in range(3):
        kernel = kernels(layer)
        assert kernel.shape == (5, 2, 3, 3)
        for channel in range(2):
            a = torch.tensor([
                float(sum(kernels.first_weight[channel, d, k] * kernels.embeddings[layer, k] for k in range(4)))
                + float(kernels.first_bias[channel, d])
                for d in range(6)
            ])  # fmt: skip
            piece = (kernels.out_weight @ a.double() + kernels.out_bias).view(5, 3, 3)
            torch.testing.assert_close(kernel[:, channel], piece, rtol=1e-6, atol=1e-6)
    tiled = kernels.tiled([[0, 1], [2, 0], [1, 1]])
    assert tiled.shape == (15, 4, 3, 3)
    torch.testing.assert_close(tiled[5:10, :2], kernels(2))


def test_static_kernels_start_with_he_variance_and_have_fewer_numbers_than_their_kernels():
    # Kernels of one draw are correlated by the network that writes them, so many draws.
    squares = [StaticKernels(8, 16, (16, 16), 3)(layer).square().mean() for _ in range(40) for layer in range(2)]
    assert torch.stack(squares).mean().item() == pytest.approx(2 / (16 * 9), rel=0.1)
    kernels = StaticKernels(64, 16, (64, 64), 3)
    assert sum(parameter.numel() for parameter in kernels.parameters()) < 64 * 64 * 64 * 9 / 10


def test_hyper_lstm_with_scales_of_one_is_an_lstm():
    cell, peer = HyperLSTMCell(3, 5, hyper_size=4, embedding=2, layer_norm=False).double(), nn.LSTMCell(3, 5).double()
    with torch.no_grad():
        cell.scale_h.fill_(0.5)  # two entries of z, both one
        cell.scale_x.fill_(0.5)
        # torch's order of gates is i, f, g, o; the paper's i, g, f, o.
        for ours, theirs in enumerate((0, 2, 1, 3)):
            rows = slice(5 * theirs, 5 * theirs + 5)
            cell.weight_h[ours] = peer.weight_hh[rows]
            cell.weight_x[ours] = peer.weight_ih[rows]
            cell.bias[ours] = peer.bias_ih[rows] + peer.bias_hh[rows]
    state, expected = None, None
    for x in torch.randn(6, 2, 3, dtype=torch.float64):
        state, expected = cell(x, state), peer(x, expected)
        torch.testing.assert_close(state.h, expected[0])
        torch.testing.assert_close(state.c, expected[1])


def test_hyper_lstm_is_the_equations_gate_by_gate():
    cell = HyperLSTMCell(3, 5, hyper_size=4, embedding=2).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(1, 3, dtype=torch.float64)
    state = HyperState(*(torch.randn(1, size, dtype=torch.float64) for size in (5, 5, 4, 4)))
    gates = []
    for y in range(4):
        rows = slice(2 * y, 2 * y + 2)
        z_h = cell.to_z_h.weight[rows] @ state.hyper_h[0] + cell.to_z_h.bias[rows]
        z_x = cell.to_z_x.weight[rows] @ state.hyper_h[0] + cell.to_z_x.bias[rows]
        z_b = cell.to_z_b.weight[rows] @ state.hyper_h[0]
        pre = (cell.scale_h[y] @ z_h) * (cell.weight_h[y] @ state.h[0])
        pre = pre + (cell.scale_x[y] @ z_x) * (cell.weight_x[y] @ x[0]) + cell.shift[y] @ z_b + cell.bias[y]
        gates.append(F.layer_norm(pre, (5,), cell.gate_norms[y].weight, cell.gate_norms[y].bias))
    i, g, f, o = gates
    c = f.sigmoid() * state.c[0] + i.sigmoid() * g.tanh()
    h = o.sigmoid() * F.layer_norm(c, (5,), cell.cell_norm.weight, cell.cell_norm.bias).tanh()
    hyper = cell.hyper(torch.cat([state.h, x], dim=1), (state.hyper_h, state.hyper_c))
    for ours, theirs in zip(cell(x, state), (h[None], c[None], *hyper), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_hyper_lstm_starts_as_a_tenth_of_its_matrices():
    cell = HyperLSTMCell(3, 5, hyper_size=4, embedding=2, layer_norm=False)
    state = cell(torch.randn(2, 3))
    # After one step the small unit has a state, and the scales are still what they start at.
    z = cell.to_z_h(state.hyper_h).unflatten(1, (4, 2))
    torch.testing.assert_close(torch.einsum("ghz,bgz->bgh", cell.scale_h, z), torch.full((2, 4, 5), 0.1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("taps", [1, 3, 4, 7])
def test_light_conv_is_the_sum_step_by_step(taps, causal):
    x, w = torch.randn(2, 6, 8, dtype=torch.float64), torch.randn(2, 6, 4, taps, dtype=torch.float64)
    y, left = light_conv(x, w, causal=causal), taps - 1 if causal else taps // 2
    shares = w.softmax(dim=-1)
    for b in range(2):
        for t in range(6):
            for c in range(8):
                total = sum(
                    shares[b, t, c // 2, j] * x[b, t + j - left, c] for j in range(taps) if 0 <= t + j - left < 6
                )
                torch.testing.assert_close(y[b, t, c], total)


def test_a_lightweight_convolution_is_torchs_depthwise_one_with_shared_rows():
    layer = LightConv1d(8, heads=2, taps=5)
    x = torch.randn(3, 11, 8)
    kernel = layer.weight.softmax(dim=-1).repeat_interleave(4, dim=0)[:, None]
    torch.testing.assert_close(layer(x), F.conv1d(x.mT, kernel, padding=2, groups=8).mT)


def test_a_dynamic_convolution_reads_its_own_step_and_no_later_one():
    layer = DynamicConv1d(8, heads=2, taps=3, causal=True).double()
    x = torch.randn(1, 6, 8, dtype=torch.float64)
    weight = (x @ layer.query.weight.T).view(1, 6, 2, 3)
    torch.testing.assert_close(layer(x), light_conv(x, weight, causal=True))
    later = x.clone()
    later[:, 4:] += 1
    torch.testing.assert_close(layer(later)[:, :4], layer(x)[:, :4], rtol=0, atol=0)
    assert torch.autograd.gradcheck(layer, x.requires_grad_())


@pytest.mark.parametrize("make", [LightConv1d, DynamicConv1d])
def test_channels_that_do_not_divide_are_refused(make):
    with pytest.raises(ValueError, match="7 channels must be a positive multiple of 2 heads"):
        make(7, heads=2, taps=3)
