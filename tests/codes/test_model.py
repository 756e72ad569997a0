from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.model import ConcatWeights, GraphNetworkDecoder, VariableUpdate, WeightGenerator
from hypernet.lab.runs.models import count_parameters
from tests.codes.decoders import ITERATIONS, channel_values, hypernetwork, make, matrix, multiloss

SMALL = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]], dtype=np.uint8)


def literal_graph_network(parity_check, llr, emit, pair_matrix, iterations, damping=0.0, exact=False):
    """The decoder of docs/codes.md with dense arrays: u_e has an entry for every edge, most of them zero.

    Args:
        parity_check: H.
        llr: channel values of one word, ``[n]``.
        emit: x ``[E]`` to theta_1 ``[E + 1, 16]``, theta_2 ``[16]`` and c ``[E, 16]``.
        pair_matrix: p ``[E, E]``; ones where there are no pair weights.
        iterations: L.
        damping: c, the share of the first messages in what f sees.
        exact: arctanh itself, not the series.

    Returns:
        The output of every iteration, ``[L, n]``.
    """
    check, variable = (torch.from_numpy(index) for index in np.nonzero(parity_check))
    itself = torch.eye(len(check), dtype=torch.bool)
    reads = ((variable[:, None] == variable) & ~itself) * pair_matrix
    not_multiplied = (check[:, None] != check) | itself
    at_variable = F.one_hot(variable, len(llr)).to(llr)

    def products(messages):
        return torch.where(not_multiplied, torch.ones_like(reads), messages.expand_as(reads)).prod(dim=1)

    llr = llr.clamp(-10, 10)
    z = products(torch.tanh(0.5 * llr)[variable])
    x = torch.log((1 + z) / (1 - z))
    outputs, first = [llr + x @ at_variable], x
    odd = torch.arange(1, 1006, 2)
    for _ in range(iterations - 1):
        theta_1, theta_2, c = emit(damping * first + (1 - damping) * x)
        u = torch.cat([reads * x, llr[variable][:, None]], dim=1)
        # The odd part in u of a network that reads c beside it; without c, the network itself.
        network = [torch.tanh(sign * u @ theta_1 + c) @ theta_2 for sign in (1, -1)]
        q = torch.tanh(0.5 * (network[0] - network[1]))
        x = 2 * (torch.atanh(products(q)) if exact else (products(q)[:, None] ** odd / odd).sum(dim=1))
        outputs.append(llr + x @ at_variable)
    return torch.stack(outputs)


def literal_features(trunk, x):
    h = x.abs()
    for layer in trunk.layers:
        h = torch.tanh(h @ layer.T)
    return h


def literal_emitter(method, emitter):
    """What makes theta_1, theta_2 and c of one word's messages ``[E]``, from the same parameters."""

    def hyper(x):
        head_1, head_2 = emitter.heads.weight.split([(len(x) + 1) * 16, 16])
        h = literal_features(emitter.trunk, x)
        return (h @ head_1.T).reshape(len(x) + 1, 16), h @ head_2.T, 0.0

    def static(x, theta):
        theta_1, theta_2 = theta[:, 0].split([(len(x) + 1) * 16, 16])
        return theta_1.reshape(len(x) + 1, 16), theta_2

    def concat(x):
        projected = emitter.projection @ literal_features(emitter.trunk, x)
        return *static(x, emitter.static.theta), (emitter.weight @ projected).reshape(len(x), 16)

    return {"static_g": lambda x: (*static(x, emitter.theta), 0.0), "concat": concat}.get(method, hyper)


# In double precision the table of A_q (8e-6, several messages to a bit) is the only difference. In single
# precision a message near 1 is rounded by 6e-8 and the slope of 2 A_q is up to 1006: 6e-5 for each message.
@pytest.mark.parametrize(
    ("dtype", "tolerance", "gradient_tolerance"), [(torch.float64, 1e-4, 1e-4), (torch.float32, 1e-3, 1e-3)]
)
@pytest.mark.parametrize("method", ["hyper", "hyper_pairs", "hyper_damped", "hyper_exact", "static_g", "concat"])
def test_the_sparse_decoder_is_the_dense_formula(method, dtype, tolerance, gradient_tolerance):
    parity_check = matrix("BCH31_16")
    decoder = make(method, parity_check).to(dtype)
    llr = channel_values(parity_check, words=4, dtype=np.float32)
    outputs = decoder.every_iteration(llr.to(dtype))
    multiloss(outputs).backward()
    gradients = {name: parameter.grad.double() for name, parameter in decoder.named_parameters()}

    decoder.zero_grad()
    decoder.double()
    emit, pairs = literal_emitter(method, decoder.emitter), decoder.pairs
    edges = decoder.graph.edges
    pair_matrix = torch.ones(edges, edges, dtype=torch.float64)
    if pairs is not None:
        pair_matrix = pair_matrix.index_put((pairs.sum.receiving, pairs.sum.sending), pairs.weight)
    damping = 0.0 if decoder.damping is None else torch.sigmoid(decoder.damping)
    words = [
        literal_graph_network(parity_check, word, emit, pair_matrix, ITERATIONS, damping, method == "hyper_exact")
        for word in llr.double().T
    ]
    expected = torch.stack(words, dim=2)
    multiloss(expected).backward()

    # The formula must be at work: its rounds move the output well beyond the tolerance.
    assert (expected[1:] - expected[:-1]).abs().max() > 0.1
    assert (outputs - expected).abs().max() < tolerance
    assert set(gradients) == {name for name, _ in decoder.named_parameters()}
    for name, parameter in decoder.named_parameters():
        error = (gradients[name] - parameter.grad).norm() / parameter.grad.norm()
        assert error < gradient_tolerance, name


@pytest.mark.parametrize(("code", "count"), [("BCH31_16", 69_376), ("LDPC49_24", 110_720)])
def test_the_number_of_parameters_is_the_papers(code, count):
    graph = TannerGraph(matrix(code))
    decoder = GraphNetworkDecoder(graph, ITERATIONS, hypernetwork(graph), pair_weights=False)
    assert count_parameters(decoder) == count
    with_pairs = GraphNetworkDecoder(graph, ITERATIONS, hypernetwork(graph), pair_weights=True)
    column_weights = matrix(code).sum(axis=0, dtype=int)
    assert count_parameters(with_pairs) == count + (column_weights * (column_weights - 1)).sum()


@pytest.mark.parametrize("sizes", [(32, 16), (8, 4), (20, 32)])
@pytest.mark.parametrize("code", ["BCH31_16", "POLAR64_48", "CCSDS128_64"])
def test_the_control_has_as_many_parameters_as_the_hypernetwork(code, sizes):
    graph = TannerGraph(matrix(code))
    f_hidden, g_hidden = sizes
    control = ConcatWeights(VariableUpdate(graph, g_hidden), f_hidden)
    count = count_parameters(hypernetwork(graph, f_hidden, g_hidden))
    assert abs(count_parameters(control) - count) < 0.02 * count
    if sizes == (32, 16):
        assert count_parameters(control) == count


def starts():
    """Matrices that start from Xavier's distribution, for LDPC(49,24)."""
    update = VariableUpdate(TannerGraph(matrix("LDPC49_24")), 16)
    generator, control = WeightGenerator(update, 32), ConcatWeights(update, 32)
    heads = generator.heads.weight.split([part.size for part in update.parts])
    return [*generator.trunk.layers, *heads, *control.trunk.layers, control.projection, control.weight]


def test_the_hypernetwork_starts_from_xaviers_distribution():
    torch.manual_seed(0)
    for weight in starts():
        bound = (6 / sum(weight.shape)) ** 0.5
        assert weight.abs().max() <= bound
        # Uniform: standard deviation bound / sqrt(3); 6 standard errors of it, which are 0.45 / sqrt(count).
        assert abs(weight.std() / (bound / 3**0.5) - 1) < 6 * 0.45 / weight.numel() ** 0.5


def test_what_the_heads_would_have_started_with_uses_up_no_numbers_of_the_seed():
    graph = TannerGraph(matrix("BCH31_16"))
    torch.manual_seed(0)
    generator = hypernetwork(graph)
    after = torch.rand(1)
    torch.manual_seed(0)
    shapes = [(121 * 16, 32), (16, 32), (32, 120), *[(32, 32)] * 3]
    drawn = [torch.nn.init.xavier_uniform_(torch.empty(shape)) for shape in shapes]
    assert torch.equal(generator.heads.weight, torch.cat(drawn[:2]))
    assert all(torch.equal(layer, matrix) for layer, matrix in zip(generator.trunk.layers, drawn[2:], strict=True))
    assert torch.equal(torch.rand(1), after)


def test_untrained_pair_weights_change_nothing():
    graph = TannerGraph(matrix("BCH31_16"))
    llr = channel_values(matrix("BCH31_16"), words=8)
    generator = hypernetwork(graph)
    without, with_pairs = (GraphNetworkDecoder(graph, ITERATIONS, generator, on).double() for on in (False, True))
    assert (without(llr) - with_pairs(llr)).abs().max() < 1e-9


# --- the variable update as a generated module --------------------------------------------------------------


def update_and_inputs(code="BCH31_16", words=3, dtype=torch.float64):
    """g with 16 hidden units, theta of ``words`` words and what arrives at its variables, words last."""
    torch.manual_seed(0)
    update = VariableUpdate(TannerGraph(matrix(code)), 16)
    theta = torch.stack([update.ordinary() for _ in range(words)], dim=1).to(dtype)
    inputs = torch.randn(update.graph.edges + update.graph.variables, words, dtype=dtype)
    return update, theta, inputs


def test_the_update_owns_no_parameters_and_its_parts_cover_theta():
    update, theta, _ = update_and_inputs()
    assert list(update.parameters()) == []
    assert [(part.name, part.shape) for part in update.parts] == [("theta_1", (121, 16)), ("theta_2", (16,))]
    assert update.parts[1].span == slice(121 * 16, 122 * 16)
    assert update.parameter_count == len(theta) == 122 * 16
    theta_1, theta_2 = update.unpack(theta)
    assert torch.equal(theta_1.flatten(0, 1), theta[: 121 * 16])
    assert torch.equal(theta_2, theta[121 * 16 :])


@pytest.mark.parametrize("code", ["BCH31_16", "LDPC49_24", "POLAR64_48"])
def test_a_batch_is_every_words_exported_network(code):
    update, theta, inputs = update_and_inputs(code)
    together = update(inputs, theta)
    for word in range(3):
        alone = update.export(theta[:, word])(inputs[:, word : word + 1])
        torch.testing.assert_close(together[:, word : word + 1], alone, rtol=1e-10, atol=1e-12)
    shared = update(inputs, theta[:, :1])
    torch.testing.assert_close(shared, update.export(theta[:, 0])(inputs), rtol=1e-10, atol=1e-12)


def test_an_exported_update_is_a_copy():
    update, theta, inputs = update_and_inputs()
    network = update.export(theta[:, 0])
    before = network(inputs)
    theta.zero_()
    assert torch.equal(network(inputs), before)


def test_the_gradient_of_the_update():
    graph = TannerGraph(SMALL)
    update = VariableUpdate(graph, 2)
    generator = torch.Generator().manual_seed(0)
    shapes = [(graph.edges + graph.variables, 3), (update.parameter_count, 3), (graph.edges, 2, 3)]
    inputs, theta, offset = (
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    )
    assert torch.autograd.gradcheck(update, (inputs, theta))
    assert torch.autograd.gradcheck(lambda *given: update(given[0], given[1], None, given[2]), (inputs, theta, offset))


def test_the_update_is_odd_with_and_without_an_offset():
    update, theta, inputs = update_and_inputs(dtype=torch.float32)
    offset = torch.randn(120, 16, 3)
    for apart in (None, offset):
        assert torch.equal(update(-inputs, theta, None, apart), -update(inputs, theta, None, apart))
    assert not torch.allclose(update(inputs, theta, None, offset), update(inputs, theta))


def test_a_wrong_theta_is_refused_naming_both_shapes():
    update, theta, inputs = update_and_inputs()
    with pytest.raises(ValueError, match=r"\[1952, B\].*\[3, 1952\]"):
        update(inputs, theta.T)
    with pytest.raises(ValueError, match=r"\[1952\].*\[1952, 3\]"):
        update.export(theta)


def test_an_ordinary_update_keeps_the_size_of_the_messages():
    """Where every edge reads as many inputs, the second layer's sums have mean square 1, as `activation_gain` says."""
    update = VariableUpdate(TannerGraph(matrix("LDPC49_24")), 64)
    torch.manual_seed(0)
    draws = 200
    theta = torch.stack([update.ordinary() for _ in range(draws)], dim=1)
    square = torch.atanh(update(torch.randn(196 + 49, draws, dtype=torch.float64), theta.double())).square().mean(dim=0)
    # Within a draw the edges share weights, so the error is that over draws.
    assert abs(square.mean() - 1) < 5 * square.std() / draws**0.5
