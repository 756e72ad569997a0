"""The weight-less gated recurrent unit against `torch.nn.GRUCell` and `torch.nn.GRU` with the same weights."""

import re
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

from hypernet.layers.gru import GeneratedGRU, LowRankGRU, gates
from hypernet.layers.heads import WeightHeads

PAGE = Path(__file__).resolve().parents[2] / "docs" / "layers.md"
BATCH, STEPS = 3, 4
SIZES = [(1, 1), (4, 3), (16, 24)]
every_size = pytest.mark.parametrize(("inputs", "hidden"), SIZES)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def cells(parameters, inputs, hidden):
    """torch's cells from the flat vectors, read with a cursor: W_i [in, 3 H], W_h [H, 3 H], b_i, b_h."""
    outputs = []
    for flat in parameters.detach():
        cell, cursor = nn.GRUCell(inputs, hidden, dtype=flat.dtype), 0
        for tensor in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh):
            values = flat[cursor : cursor + tensor.numel()]
            tensor.data.copy_(values.reshape(tensor.shape[::-1]).T if tensor.dim() == 2 else values)
            cursor += tensor.numel()
        assert cursor == len(flat)
        outputs.append(cell)
    return outputs


@every_size
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_step_equals_torch_cells_with_the_same_weights(inputs, hidden, precision, tolerance):
    unit = GeneratedGRU(inputs, hidden)
    parameters, x, h = (
        random(*shape).to(precision)
        for shape in ((BATCH, unit.parameter_count), (BATCH, 1, inputs), (BATCH, 1, hidden))
    )
    ours = unit.step(x, unit.unpack(parameters), h)
    theirs = torch.stack([cell(*sample) for cell, *sample in zip(cells(parameters, inputs, hidden), x, h, strict=True)])
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@every_size
@pytest.mark.parametrize("with_state", [True, False])
def test_run_equals_torch_gru_and_its_gradients(inputs, hidden, with_state):
    unit = GeneratedGRU(inputs, hidden)
    parameters, x = random(BATCH, unit.parameter_count), random(BATCH, STEPS, inputs)
    state = random(BATCH, hidden) if with_state else None
    ours = unit.run(x, unit.unpack(parameters), state)
    cotangent = torch.randn_like(ours)
    gradients = torch.autograd.grad(ours, (parameters, x), cotangent)
    for sample, cell in enumerate(cells(parameters, inputs, hidden)):
        gru = nn.GRU(inputs, hidden, batch_first=True, dtype=torch.float64)
        weights = [gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0]
        for tensor, value in zip(weights, cell.parameters(), strict=True):
            tensor.data.copy_(value)
        sequence = x[sample].detach().requires_grad_()
        theirs, _ = gru(sequence, None if state is None else state[sample][None])
        torch.testing.assert_close(ours[sample], theirs)
        *weights, at_input = torch.autograd.grad(theirs, (*weights, sequence), cotangent[sample])
        flat = torch.cat([weight.T.flatten() if weight.dim() == 2 else weight for weight in weights])
        torch.testing.assert_close(gradients[0][sample], flat)
        torch.testing.assert_close(gradients[1][sample], at_input)


@pytest.mark.parametrize("with_state", [True, False])
def test_run_is_step_after_step(with_state):
    unit = GeneratedGRU(4, 3)
    weights, x = unit.unpack(random(BATCH, unit.parameter_count)), random(BATCH, STEPS, 4)
    first = random(BATCH, 3) if with_state else None
    state = torch.zeros(BATCH, 1, 3, dtype=torch.float64) if first is None else first[:, None]
    whole = unit.run(x, weights, first)
    for place in range(STEPS):
        state = unit.step(x[:, [place]], weights, state)
        torch.testing.assert_close(whole[:, [place]], state)


def test_several_sequences_of_a_sample_are_repeated_samples():
    unit, sequences = GeneratedGRU(4, 3), 5
    parameters = random(BATCH, unit.parameter_count)
    x, h = random(BATCH, sequences, 4), random(BATCH, sequences, 3)
    together = unit.step(x, unit.unpack(parameters), h)
    repeated = unit.unpack(parameters.repeat_interleave(sequences, dim=0))
    apart = unit.step(x.flatten(0, 1)[:, None], repeated, h.flatten(0, 1)[:, None])
    torch.testing.assert_close(together.flatten(0, 1), apart[:, 0])


@every_size
def test_a_unit_of_low_rank_is_torchs_own_with_the_matrices_multiplied_out(inputs, hidden):
    heads = WeightHeads(5, GeneratedGRU(inputs, hidden), start="ordinary", rank={"input": 1, "hidden": 1}).double()
    e, x, first = random(BATCH, 5), random(BATCH, STEPS, inputs), random(BATCH, hidden)
    ours = LowRankGRU.of(heads.factors(e)).run(x, first)
    cotangent = torch.randn_like(ours)
    gradients = torch.autograd.grad(ours, (e, x, first), cotangent)
    theta = heads(e)
    for sample in range(BATCH):
        expected, _ = GeneratedGRU(inputs, hidden).export(theta[sample])(x[sample], first[sample][None])
        torch.testing.assert_close(ours[sample], expected)
    # Gradients through the factors and through the matrices themselves are the same.
    unit = GeneratedGRU(inputs, hidden)
    whole = unit.run(x, unit.unpack(theta), first)
    for gradient, theirs in zip(gradients, torch.autograd.grad(whole, (e, x, first), cotangent), strict=True):
        torch.testing.assert_close(gradient, theirs)


def test_a_unit_of_low_rank_takes_step_after_step():
    heads = WeightHeads(5, GeneratedGRU(4, 3), start="ordinary", rank={"input": 1, "hidden": 1}).double()
    unit = LowRankGRU.of(heads.factors(random(BATCH, 5)))
    x, first = random(BATCH, STEPS, 4), random(BATCH, 3)
    state = first[:, None]
    for place, expected in enumerate(unit.run(x, first).unbind(dim=1)):
        state = unit.step(x[:, [place]], state)
        torch.testing.assert_close(state[:, 0], expected)


def test_gates_take_two_precisions():
    """In mixed precision what comes from a matrix product is less precise than the first state."""
    from_input, state = torch.randn(BATCH, 9), torch.randn(BATCH, 3)
    expected = gates(from_input, from_input, state)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = gates(from_input.bfloat16(), from_input.bfloat16(), state)
    torch.testing.assert_close(mixed.float(), expected, rtol=0.02, atol=0.02)


def test_derivatives_by_finite_differences():
    unit = GeneratedGRU(2, 2)

    def run(parameters, x, state):
        return unit.run(x, unit.unpack(parameters), state)

    assert torch.autograd.gradcheck(run, (random(2, unit.parameter_count), random(2, 3, 2), random(2, 2)))


def test_samples_do_not_mix():
    unit = GeneratedGRU(4, 3)
    parameters, x = random(BATCH, unit.parameter_count), random(BATCH, STEPS, 4)
    (gradient,) = torch.autograd.grad(unit.run(x, unit.unpack(parameters))[1].sum(), parameters)
    assert (gradient[[0, 2]] == 0).all()
    assert (gradient[1] != 0).any()


@every_size
def test_parameter_count_and_start_are_those_of_torch(inputs, hidden):
    unit = GeneratedGRU(inputs, hidden)
    cell = nn.GRUCell(inputs, hidden)
    assert unit.parameter_count == sum(parameter.numel() for parameter in cell.parameters())
    start = unit.ordinary()
    assert start.shape == (unit.parameter_count,)
    bound = hidden**-0.5
    assert start.abs().max() <= bound
    if len(start) > 1000:
        # Uniform: variance bound^2 / 3.
        assert start.var().item() == pytest.approx(bound**2 / 3, rel=0.1)


def test_a_large_state_does_not_overflow():
    unit = GeneratedGRU(4, 3)
    parameters = (1e4 * torch.randn(BATCH, unit.parameter_count)).requires_grad_()
    states = unit.run(torch.randn(BATCH, STEPS, 4), unit.unpack(parameters))
    states.sum().backward()
    assert states.abs().max() <= 1
    assert parameters.grad.isfinite().all()


@pytest.mark.parametrize("sizes", [(0, 3), (4, 0), (-1, 3)])
def test_sizes_that_are_not_positive_are_refused(sizes):
    with pytest.raises(ValueError, match=rf"must be positive, got {sizes[0]} inputs and {sizes[1]} hidden"):
        GeneratedGRU(*sizes)


@pytest.mark.parametrize("shape", [(BATCH, 80), (81,), (2, 2, 81)])
def test_parameters_that_do_not_fit_are_refused_naming_the_shapes(shape):
    with pytest.raises(ValueError, match=r"\[B, 81\]"):
        GeneratedGRU(4, 3).unpack(torch.zeros(shape))


def test_example_of_the_page_runs():
    (example,) = re.findall(
        r"(?:^    .*\n)*^    unit = .*\n(?:^    .*\n)*", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    names = {"torch": torch, "GeneratedGRU": GeneratedGRU}
    exec(compile(textwrap.dedent(example), str(PAGE), "exec"), names)
    assert tuple(names["theta"].shape) == (8, 3024)
    assert tuple(names["states"].shape) == (8, 5, 24)
    assert tuple(names["further"].shape) == (8, 10, 24)
