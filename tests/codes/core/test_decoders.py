from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum, WeightedBeliefPropagation
from hypernet.codes.core.gf2 import generator_matrix
from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.codes.model import ConcatWeights, GraphNetworkDecoder, StaticWeights, VariableUpdate, WeightGenerator
from hypernet.codes.sources.matrices import construct
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters

METHODS = ["bp", "min_sum", "weighted_bp", "weighted_bp_recurrent", "static_g", "concat"]
METHODS += ["hyper", "hyper_pairs", "hyper_damped"]
ITERATIONS = 5


def hypernetwork(graph, f_hidden=32, g_hidden=16):
    return WeightGenerator(VariableUpdate(graph, g_hidden), f_hidden)


def make(method, parity_check, iterations=ITERATIONS, seed=0):
    """A decoder whose trained weights, where it has any, lie anywhere near their start."""
    graph = TannerGraph(parity_check)
    torch.manual_seed(seed)
    match method:
        case "bp":
            decoder = BeliefPropagation(graph, iterations)
        case "min_sum":
            decoder = MinSum(graph, iterations, 0.75)
        case "weighted_bp" | "weighted_bp_recurrent":
            shared = method == "weighted_bp_recurrent"
            decoder = WeightedBeliefPropagation(graph, iterations, 10.0, shared)
        case "static_g":
            decoder = GraphNetworkDecoder(graph, iterations, StaticWeights(VariableUpdate(graph, 16)), False)
        case "concat":
            decoder = GraphNetworkDecoder(graph, iterations, ConcatWeights(VariableUpdate(graph, 16), 32), False)
        case "hyper" | "hyper_pairs" | "hyper_damped" | "hyper_exact":
            variant = method.removeprefix("hyper")
            decoder = GraphNetworkDecoder(
                graph, iterations, hypernetwork(graph), variant == "_pairs", variant == "_exact", variant == "_damped"
            )
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return decoder


def channel_values(parity_check, words, seed=0, spread=2.5, dtype=np.float64):
    """Channel values ``[n, words]`` of the zero word at about 4 dB: some wrong, some large."""
    values = np.random.default_rng(seed).normal(4.0, spread, (parity_check.shape[1], words))
    return torch.from_numpy(values.astype(dtype))


def random_code_words(parity_check, words, seed=0):
    generator = generator_matrix(parity_check).astype(int)
    information = np.random.default_rng(seed).integers(0, 2, (words, len(generator)))
    return (information @ generator % 2).T


# --- belief propagation -------------------------------------------------------------------------------------


@st.composite
def trees(draw):
    """Parity checks whose Tanner graph has no cycle: each new check shares one bit with those before."""
    rows, bits = [[0, 1, 2]], 3
    for _ in range(draw(st.integers(0, 3))):
        fresh = draw(st.integers(1, 3))
        rows.append([draw(st.integers(0, bits - 1)), *range(bits, bits + fresh)])
        bits += fresh
    parity_check = np.zeros((len(rows), bits), dtype=np.uint8)
    for row, ones in enumerate(rows):
        parity_check[row, ones] = 1
    return parity_check


@given(trees(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_on_a_graph_without_cycles_belief_propagation_is_exact(parity_check, seed):
    checks, bits = parity_check.shape
    llr = np.random.default_rng(seed).normal(0.5, 1.0, bits)
    words = np.array(list(itertools.product((0, 1), repeat=bits)))
    words = words[~(words @ parity_check.T % 2).any(axis=1)]
    # log P(word | y) up to a constant is minus the sum of l over the ones of the word.
    weight = -(words @ llr)
    exact = [logsumexp(weight[words[:, v] == 0]) - logsumexp(weight[words[:, v] == 1]) for v in range(bits)]
    # No two bits are more than that many checks apart.
    decoder = BeliefPropagation(TannerGraph(parity_check), iterations=checks)
    marginals = decoder(torch.from_numpy(llr[:, None]))[:, 0].numpy()
    assert np.abs(marginals - exact).max() < 1e-9


def literal_flooding(parity_check, llr, iterations, check_rule):
    """Flooding word by word: one message at a time, in the order of the formulas in docs/codes.md."""
    edges = [(c, v) for c, v in itertools.product(*map(range, parity_check.shape)) if parity_check[c, v]]
    received = {}
    outputs = []
    for iteration in range(iterations):
        sent = {}
        for c, v in edges:
            others = [received[e] for e in edges if e[1] == v and e[0] != c] if iteration else []
            sent[c, v] = llr[v] + sum(others)
        received = {(c, v): check_rule([sent[e] for e in edges if e[0] == c and e[1] != v]) for c, v in edges}
        arriving = [sum(received[e] for e in edges if e[1] == v) for v in range(len(llr))]
        outputs.append(llr + np.array(arriving))
    return np.array(outputs)


def sum_product(others):
    product = np.prod([np.tanh(np.clip(q, -20, 20) / 2) for q in others])
    return 2 * np.arctanh(np.clip(product, -(1 - 1e-6), 1 - 1e-6))


def scaled_minimum(others):
    return 0.75 * np.prod([-1.0 if q < 0 else 1.0 for q in others]) * min(abs(q) for q in others)


@pytest.mark.parametrize(("method", "rule"), [("bp", sum_product), ("min_sum", scaled_minimum)], ids=["bp", "min_sum"])
@pytest.mark.parametrize("code", ["BCH31_16", "LDPC49_24", "irregular"])
def test_flooding_is_the_literal_formula(method, rule, code):
    # The irregular one has checks on two, three and five bits: a block of edges for each degree.
    irregular = np.array([[1, 1, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1]])
    parity_check = irregular if code == "irregular" else construct(code)
    llr = channel_values(parity_check, words=3)
    outputs = make(method, parity_check, iterations=3).every_iteration(llr).numpy()
    for word in range(3):
        expected = literal_flooding(parity_check, llr[:, word].numpy(), 3, rule)
        # Where a product stops at 1 - 1e-6 the slope of arctanh is 5e5: rounding of 1e-16 becomes 1e-10.
        assert np.abs(outputs[:, :, word] - expected).max() < 1e-7


def test_single_precision_decides_as_double_does():
    parity_check = construct("LDPC49_24")
    llr = channel_values(parity_check, words=2000)
    decoder = make("bp", parity_check)
    differing = (decoder(llr) < 0) != (decoder(llr.float()) < 0)
    assert (decoder(llr) < 0).any()
    assert differing.double().mean() < 1e-4


def test_min_sum_with_equal_and_zero_values():
    # Whole numbers: many equal smallest ones, some zeros, and no rounding at all.
    parity_check = construct("BCH31_16")
    llr = np.random.default_rng(1).integers(-2, 4, (31, 3)).astype(np.float32)
    outputs = MinSum(TannerGraph(parity_check), 2, 0.75).every_iteration(torch.from_numpy(llr))
    for word in range(3):
        assert np.array_equal(outputs[:, :, word], literal_flooding(parity_check, llr[:, word], 2, scaled_minimum))


def test_an_erased_bit_is_a_zero_message_and_not_a_missing_edge():
    parity_check = np.array([[1, 1, 1, 0], [0, 0, 1, 1]])
    llr = torch.tensor([0.0, 2.0, -1.0, 3.0], dtype=torch.float64)[:, None]
    outputs = make("bp", parity_check, iterations=2).every_iteration(llr)[:, :, 0].numpy()
    assert np.abs(outputs - literal_flooding(parity_check, llr[:, 0].numpy(), 2, sum_product)).max() < 1e-6


@pytest.mark.parametrize("shared", [False, True])
def test_all_weights_at_one_is_belief_propagation(shared):
    graph = TannerGraph(construct("BCH31_16"))
    llr = channel_values(construct("BCH31_16"), words=20)
    weighted = WeightedBeliefPropagation(graph, ITERATIONS, largest_message=20.0, shared=shared).double()
    plain = BeliefPropagation(graph, ITERATIONS)
    assert (weighted.every_iteration(llr) - plain.every_iteration(llr)).abs().max() < 1e-7


def test_weighted_belief_propagation_is_the_literal_formula():
    parity_check = construct("BCH31_16")
    decoder = make("weighted_bp", parity_check, iterations=3).double()
    llr = channel_values(parity_check, words=2)
    channel, output = (w.detach().numpy()[:, :, 0] for w in (decoder.channel_weight, decoder.output_weight))
    pair = decoder.pair_weight.detach().numpy()
    check, variable = np.nonzero(parity_check)
    same_variable = [
        (e, o) for e, o in itertools.product(range(120), repeat=2) if e != o and variable[e] == variable[o]
    ]
    pairs = decoder.pair_sum
    assert list(zip(pairs.receiving.tolist(), pairs.sending.tolist(), strict=True)) == same_variable
    outputs = decoder.every_iteration(llr).detach().numpy()
    for word in range(2):
        values, received = llr[:, word].numpy(), np.zeros(120)
        for iteration in range(3):
            sent = channel[iteration] * values[variable]
            for number, (edge, other) in enumerate(same_variable if iteration else []):
                sent[edge] += pair[iteration - 1, number] * received[other]
            half_tanh = np.tanh(np.clip(sent, -10, 10) / 2)
            others = [(check == check[edge]) & (np.arange(120) != edge) for edge in range(120)]
            product = np.array([half_tanh[chosen].prod() for chosen in others])
            received = 2 * np.arctanh(np.clip(product, -(1 - 1e-6), 1 - 1e-6))
            expected = values + np.bincount(variable, output[iteration] * received, minlength=31)
            assert np.abs(outputs[iteration, :, word] - expected).max() < 1e-7


def test_the_recurrent_form_is_one_set_of_weights_repeated():
    parity_check = construct("BCH31_16")
    recurrent = make("weighted_bp_recurrent", parity_check, iterations=4).double()
    unrolled = make("weighted_bp", parity_check, iterations=4).double()
    with torch.no_grad():
        for name, parameter in unrolled.named_parameters():
            parameter.copy_(dict(recurrent.named_parameters())[name].expand_as(parameter))
    llr = channel_values(parity_check, words=10)
    assert (recurrent.every_iteration(llr) - unrolled.every_iteration(llr)).abs().max() < 1e-9
    edges, pairs = recurrent.graph.edges, len(recurrent.pair_sum.receiving)
    assert count_parameters(recurrent) == 2 * edges + pairs
    assert count_parameters(unrolled) == 4 * 2 * edges + 3 * pairs


# --- the hypernetwork decoder -------------------------------------------------------------------------------


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

    z = products(torch.tanh(0.5 * llr.clamp(-10, 10))[variable])
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


def multiloss(outputs):
    return F.binary_cross_entropy_with_logits(outputs, torch.ones_like(outputs))


# In double precision the table of A_q (8e-6, several messages to a bit) is the only difference. In single
# precision a message near 1 is rounded by 6e-8 and the slope of 2 A_q is up to 1006: 6e-5 for each message.
@pytest.mark.parametrize(
    ("dtype", "tolerance", "gradient_tolerance"), [(torch.float64, 1e-4, 1e-4), (torch.float32, 1e-3, 1e-3)]
)
@pytest.mark.parametrize("method", ["hyper", "hyper_pairs", "hyper_damped", "hyper_exact", "static_g", "concat"])
def test_the_sparse_decoder_is_the_dense_formula(method, dtype, tolerance, gradient_tolerance):
    parity_check = construct("BCH31_16")
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
    graph = TannerGraph(construct(code))
    decoder = GraphNetworkDecoder(graph, ITERATIONS, hypernetwork(graph), pair_weights=False)
    assert count_parameters(decoder) == count
    with_pairs = GraphNetworkDecoder(graph, ITERATIONS, hypernetwork(graph), pair_weights=True)
    column_weights = construct(code).sum(axis=0, dtype=int)
    assert count_parameters(with_pairs) == count + (column_weights * (column_weights - 1)).sum()


@pytest.mark.parametrize("sizes", [(32, 16), (8, 4), (20, 32)])
@pytest.mark.parametrize("code", ["BCH31_16", "POLAR64_48", "CCSDS128_64"])
def test_the_control_has_as_many_parameters_as_the_hypernetwork(code, sizes):
    graph = TannerGraph(construct(code))
    f_hidden, g_hidden = sizes
    control = ConcatWeights(VariableUpdate(graph, g_hidden), f_hidden)
    count = count_parameters(hypernetwork(graph, f_hidden, g_hidden))
    assert abs(count_parameters(control) - count) < 0.02 * count
    if sizes == (32, 16):
        assert count_parameters(control) == count


def starts():
    """Matrices that start from Xavier's distribution, for LDPC(49,24)."""
    update = VariableUpdate(TannerGraph(construct("LDPC49_24")), 16)
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
    graph = TannerGraph(construct("BCH31_16"))
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
    graph = TannerGraph(construct("BCH31_16"))
    llr = channel_values(construct("BCH31_16"), words=8)
    generator = hypernetwork(graph)
    without, with_pairs = (GraphNetworkDecoder(graph, ITERATIONS, generator, on).double() for on in (False, True))
    assert (without(llr) - with_pairs(llr)).abs().max() < 1e-9


# --- the variable update as a generated module --------------------------------------------------------------


def update_and_inputs(code="BCH31_16", words=3, dtype=torch.float64):
    """g with 16 hidden units, theta of ``words`` words and what arrives at its variables, words last."""
    torch.manual_seed(0)
    update = VariableUpdate(TannerGraph(construct(code)), 16)
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
    update = VariableUpdate(TannerGraph(construct("LDPC49_24")), 64)
    torch.manual_seed(0)
    draws = 200
    theta = torch.stack([update.ordinary() for _ in range(draws)], dim=1)
    square = torch.atanh(update(torch.randn(196 + 49, draws, dtype=torch.float64), theta.double())).square().mean(dim=0)
    # Within a draw the edges share weights, so the error is that over draws.
    assert abs(square.mean() - 1) < 5 * square.std() / draws**0.5


# --- what holds for every decoder ---------------------------------------------------------------------------


def asymmetry(decoder, parity_check):
    """Largest difference between decode(l * s) and s * decode(l), s the signs of random code words."""
    llr = channel_values(parity_check, words=50, dtype=np.float32)
    signs = torch.from_numpy(1.0 - 2.0 * random_code_words(parity_check, 50)).float()
    with torch.inference_mode():
        return (decoder(llr * signs) - signs * decoder(llr)).abs().max().item()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", ["BCH31_16", "LDPC49_24"])
def test_decoding_commutes_with_the_signs_of_a_code_word(method, code):
    assert asymmetry(make(method, construct(code)), construct(code)) < 1e-4


def test_without_the_absolute_value_it_does_not():
    parity_check = construct("BCH31_16")
    decoder = make("hyper", parity_check)
    assert asymmetry(decoder, parity_check) < 1e-4
    decoder.emitter.trunk.absolute = False
    assert asymmetry(decoder, parity_check) > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_every_word_is_decoded_by_itself(method):
    parity_check = construct("BCH31_16")
    decoder = make(method, parity_check).double()
    llr = channel_values(parity_check, words=30)
    order = torch.from_numpy(np.random.default_rng(0).permutation(30))
    with torch.inference_mode():
        whole = decoder(llr)
        assert (decoder(llr[:, order]) - whole[:, order]).abs().max() < 1e-7
        assert (decoder(llr[:, 7:8]) - whole[:, 7:8]).abs().max() < 1e-7


@pytest.mark.parametrize("method", METHODS)
def test_some_words_at_a_time_give_the_same(method):
    parity_check = construct("LDPC49_24")
    decoder = make(method, parity_check).double()
    llr = channel_values(parity_check, words=23)
    decoder.words_at_once = 10
    with torch.inference_mode():
        assert (decoder(llr) - decoder.decode(llr)).abs().max() < 1e-7
        assert decoder(llr[:, :0]).shape == (49, 0)


def test_how_many_words_are_held_at_once_falls_with_the_graph():
    small, large = (make("hyper", construct(code)).words_at_once for code in ("BCH31_16", "POLAR128_64"))
    assert small == 2**20 // (4 * 16 * 120)
    assert large == 16


@pytest.mark.parametrize("method", METHODS)
def test_certain_and_erased_bits_give_numbers(method):
    parity_check = construct("LDPC49_24")
    decoder = make(method, parity_check)
    llr = torch.stack([torch.full((49,), value) for value in (0.0, 1e-30, 17.0, 1e4, -1e4)], dim=1)
    llr[::2, 3] = 0.0
    outputs = decoder.every_iteration(llr)
    assert torch.isfinite(outputs).all()
    assert (outputs[-1, :, 2] > 0).all()
    if any(True for _ in decoder.parameters()):
        multiloss(outputs).backward()
        assert all(torch.isfinite(parameter.grad).all() for parameter in decoder.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_the_last_of_every_iteration_is_the_result(method):
    parity_check = construct("LDPC49_24")
    decoder = make(method, parity_check)
    llr = channel_values(parity_check, words=5, dtype=np.float32)
    every = decoder.every_iteration(llr)
    assert every.shape == (ITERATIONS, 49, 5)
    assert torch.equal(every[-1], decoder(llr))


@pytest.mark.parametrize("method", METHODS)
def test_a_decoder_made_without_memory_takes_the_weights_of_another(method):
    # So are model files opened.
    parity_check = construct("LDPC49_24")
    decoder = make(method, parity_check)
    with torch.device("meta"):
        opened = make(method, parity_check)
    opened.load_state_dict(decoder.state_dict(), assign=True)
    llr = channel_values(parity_check, words=5, dtype=np.float32)
    assert torch.equal(opened(llr), decoder(llr))


def test_no_iteration_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one iteration"):
        BeliefPropagation(TannerGraph(construct("BCH31_16")), 0)


# --- the sums and products over the graph -------------------------------------------------------------------

SMALL = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]], dtype=np.uint8)


def test_products_and_sums_over_a_small_irregular_graph():
    graph = TannerGraph(SMALL)
    assert graph.edges == 10
    # Numbered row by row: (2 3), (4 5 6), (7 8 9 10), (11).
    numbers = np.zeros(SMALL.shape)
    numbers[np.nonzero(SMALL)] = np.arange(2.0, 12.0)
    # An edge alone at its check has the empty product.
    others = np.zeros(SMALL.shape)
    others[np.nonzero(SMALL)] = [3, 2, 30, 24, 20, 720, 630, 560, 504, 1]
    edges = graph.check_of_edge.numpy(), graph.variable_of_edge.numpy()
    assert sorted(zip(*edges, strict=True)) == sorted(zip(*np.nonzero(SMALL), strict=True))
    messages = torch.from_numpy(numbers[edges])[:, None]
    assert graph.product_of_others(messages)[:, 0].tolist() == pytest.approx(others[edges].tolist())
    assert graph.sum_at_variables(messages)[:, 0].tolist() == [2 + 7, 3 + 4 + 8, 5 + 9, 6 + 10 + 11]
    assert graph.to_edges(torch.tensor([1.0, 2.0, 3.0, 4.0])).numpy().tolist() == (edges[1] + 1).tolist()


@pytest.mark.parametrize("parity_check", [SMALL, construct("BCH31_16")[:4]], ids=["irregular", "regular"])
def test_the_gradient_of_the_product_of_others(parity_check):
    graph = TannerGraph(parity_check)
    messages = channel_values(np.ones((1, graph.edges)), words=2).tanh().requires_grad_()
    assert torch.autograd.gradcheck(graph.product_of_others, (messages,))


def dense_pair_sum(pairs, weights, messages):
    matrix = weights.new_zeros(pairs.edges, pairs.edges).index_put((pairs.receiving, pairs.sending), weights)
    return torch.einsum("ef,f...->e...", matrix, messages)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("columns", [(5,), (3, 2)], ids=["one number an edge", "a vector an edge"])
@pytest.mark.parametrize("parity_check", [SMALL, np.ones((7, 3)), np.eye(4)], ids=["irregular", "full", "no pairs"])
def test_the_weighted_sum_over_pairs_of_edges_and_its_gradient(parity_check, columns, dense, monkeypatch):
    monkeypatch.setattr(PairSum, "DENSE_EDGES", 1000 if dense else 0)
    pairs = PairSum(TannerGraph(parity_check))
    generator = torch.Generator().manual_seed(0)
    weights, messages = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((len(pairs.receiving),), (pairs.edges, *columns))
    )
    assert (pairs(weights, messages) - dense_pair_sum(pairs, weights, messages)).abs().max() < 1e-12
    assert torch.autograd.gradcheck(pairs, (weights, messages))


def test_the_pairs_are_those_of_different_edges_on_one_variable_in_order():
    graph = TannerGraph(SMALL)
    pairs, variable = PairSum(graph), graph.variable_of_edge
    same = (variable[:, None] == variable) & ~torch.eye(graph.edges, dtype=torch.bool)
    assert [pairs.receiving.tolist(), pairs.sending.tolist()] == same.nonzero().T.tolist()


def test_too_many_pairs_for_weights_are_refused_at_once():
    with pytest.raises(UserError, match="pairs of edges meet in a variable; at most 33554432 can have weights"):
        PairSum(TannerGraph(np.ones((6000, 2), dtype=np.uint8)))


@pytest.mark.parametrize("code", ["POLAR64_48", "BCH63_45", "CCSDS128_64"])
def test_pairs_in_blocks_by_degree_are_one_product_with_a_matrix(code):
    pairs = PairSum(TannerGraph(construct(code)))
    degrees = construct(code).sum(axis=0, dtype=int)
    # Filled up to less than twice the degree; a block holds at most four times the numbers that are needed.
    assert (degrees**2).sum() <= sum(count * width**2 for count, width in pairs.blocks) < 4 * (degrees**2).sum()
    generator = torch.Generator().manual_seed(0)
    weights = 1.0 + 0.1 * torch.randn(len(pairs.receiving), generator=generator)
    messages = torch.randn(pairs.edges, 50, generator=generator)
    expected = dense_pair_sum(pairs, weights.double(), messages.double())
    assert (pairs(weights, messages) - expected).abs().max() < 1e-5 * expected.abs().max()
