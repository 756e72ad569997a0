from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum, WeightedBeliefPropagation
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.graph import TannerGraph
from hypernet.lab.runs.models import count_parameters
from tests.codes.decoders import ITERATIONS, TRAINED, channel_values, make, matrix

CASES = Path(__file__).parents[1] / "cases"


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
    return 2 * np.arctanh(np.prod([np.tanh(q / 2) for q in others]))


def scaled_minimum(others):
    return 0.75 * np.prod([-1.0 if q < 0 else 1.0 for q in others]) * min(abs(q) for q in others)


@pytest.mark.parametrize(("method", "rule"), [("bp", sum_product), ("min_sum", scaled_minimum)], ids=["bp", "min_sum"])
@pytest.mark.parametrize("code", ["BCH31_16", "LDPC49_24", "irregular"])
def test_flooding_is_the_literal_formula(method, rule, code):
    # The irregular one has checks on two, three and five bits: a block of edges for each degree.
    irregular = np.array([[1, 1, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1]])
    parity_check = irregular if code == "irregular" else matrix(code)
    llr = channel_values(parity_check, words=3)
    outputs = make(method, parity_check, iterations=3).every_iteration(llr).numpy()
    for word in range(3):
        expected = literal_flooding(parity_check, llr[:, word].numpy(), 3, rule)
        # In the literal formula a product near 1 is rounded by 1e-16, where the slope of arctanh is up to 1e9.
        assert np.abs(outputs[:, :, word] - expected).max() < 1e-5


def test_min_sum_with_equal_and_zero_values():
    # Whole numbers: many equal smallest ones, some zeros, and no rounding at all.
    parity_check = matrix("BCH31_16")
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
    graph = TannerGraph(matrix("BCH31_16"))
    llr = 0.45 * channel_values(matrix("BCH31_16"), words=20)
    weighted = WeightedBeliefPropagation(graph, ITERATIONS, largest_message=30.0, shared=shared).double()
    plain = BeliefPropagation(graph, ITERATIONS)
    expected = plain.every_iteration(llr)
    # The limit is not reached: there the two differ.
    assert 5 < max(messages.abs().max() for messages in plain.messages(llr)) < 15
    assert (weighted.every_iteration(llr) - expected).abs().max() < 1e-7


def test_weighted_belief_propagation_is_the_literal_formula():
    parity_check = matrix("BCH31_16")
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
            received = 2 * np.arctanh(product)
            expected = values + np.bincount(variable, output[iteration] * received, minlength=31)
            assert np.abs(outputs[iteration, :, word] - expected).max() < 1e-7


def test_the_recurrent_form_is_one_set_of_weights_repeated():
    parity_check = matrix("BCH31_16")
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


# --- right for any channel values ---------------------------------------------------------------------------


def box_plus(a, b):
    """2 arctanh(tanh(a / 2) tanh(b / 2)) of numbers of any size."""
    smaller = np.sign(a) * np.sign(b) * np.minimum(np.abs(a), np.abs(b))
    return smaller + np.log1p(np.exp(-np.abs(a + b))) - np.log1p(np.exp(-np.abs(a - b)))


def exact_flooding(parity_check, llr, iterations):
    """Belief propagation in double precision and the logarithmic domain, many words, without any limit ``[n, B]``."""
    check, variable = np.nonzero(parity_check)
    received = np.zeros((len(check), llr.shape[1]))
    for _ in range(iterations):
        total = llr + np.stack([received[variable == v].sum(axis=0) for v in range(len(llr))])
        sent = total[variable] - received
        for edge in range(len(check)):
            others = np.flatnonzero((check == check[edge]) & (np.arange(len(check)) != edge))
            message = sent[others[0]]
            for other in others[1:]:
                message = box_plus(message, sent[other])
            received[edge] = message
    return llr + np.stack([received[variable == v].sum(axis=0) for v in range(len(llr))])


def received_words(name, words, ebn0_db=4.0, seed=0):
    code = Code.of(name, matrix(name))
    generator = np.random.default_rng(seed)
    bits = random_words(code, words, generator)
    return bits, channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator)


@pytest.mark.parametrize("scale", [1e-2, 1e-1, 1.0, 3.0, 10.0, 100.0, 1000.0])
@pytest.mark.parametrize("name", ["BCH31_16", "LDPC49_24"])
def test_uncalibrated_values_are_decided_as_exact_belief_propagation_decides_them(name, scale):
    parity_check = matrix(name)
    bits, llr = received_words(name, 150)
    llr = (scale * llr).astype(np.float32)
    # Among ordinary words one with a bit that is wrong and sure of it, one with erased bits, one with known bits.
    llr[:, 0] = scale * 8 * (1 - 2.0 * bits[:, 0])
    llr[3, 0] *= -1
    llr[::5, 1] = 0.0
    llr[::4, 2] = np.where(bits[::4, 2], -1e7, 1e7)
    expected = exact_flooding(parity_check, llr.astype(np.float64), 3)
    known = torch.from_numpy(llr)
    known[::4, 2] = torch.where(known[::4, 2] < 0, -torch.inf, torch.inf)
    decoder = make("bp", parity_check, iterations=3)
    for dtype in (torch.float32, torch.float64):
        with torch.inference_mode():
            values = decoder(known.to(dtype), stop_early=False)
        assert not values.isnan().any()
        # Where rounding makes the exact value a draw too, nothing is decided.
        clear = np.abs(expected) > 1e-4 * np.abs(expected).max(axis=0)
        assert np.array_equal((values.numpy() < 0)[clear], (expected < 0)[clear])
        assert clear.mean() > 0.99
        finite = np.isfinite(values.numpy())
        assert finite.sum() == values.numel() - len(llr[::4])
        error = np.abs(values.numpy() - expected)[finite] / np.abs(expected).max()
        assert error.max() < 1e-4


def test_both_forms_of_the_check_update_are_used_on_words_side_by_side():
    parity_check = matrix("LDPC49_24")
    _, llr = received_words("LDPC49_24", 40)
    llr = torch.from_numpy(llr)
    llr[:, 1::2] *= 20
    decoder = make("bp", parity_check)
    together = decoder(llr)
    assert torch.equal(together[:, ::2], decoder(llr[:, ::2]))
    assert torch.equal(together[:, 1::2], decoder(llr[:, 1::2]))


@pytest.mark.parametrize("size", [5.0, 20.0, 100.0, 1e4, 1e9])
@pytest.mark.parametrize("method", ["bp", "min_sum", *TRAINED])
def test_a_flipped_bit_is_corrected_however_large_the_values_are(method, size):
    """Every bit of LDPC(49,24) flipped in a word of its own, in the zero word: all are corrected."""
    decoder = make(method, matrix("LDPC49_24"), spread=0.0)
    llr = size * (1 - 2 * torch.eye(49))
    with torch.inference_mode():
        assert (decoder(llr) > 0).all()
        # Without training the rounds of the hypernetwork undo what the first, belief propagation, has done.
        if not method.startswith("hyper"):
            assert (decoder(llr, stop_early=False) > 0).all()


def test_the_case_of_flipped_bits_is_corrected():
    llr = torch.from_numpy(np.load(CASES / "one_flipped_bit_100_LDPC49.npy").astype(np.float32).T)
    parity_check = matrix("LDPC49_24")
    for method in ("bp", "min_sum", "weighted_bp", "static_g"):
        with torch.inference_mode():
            decided = make(method, parity_check, spread=0.0)(llr) < 0
        assert not (parity_check @ decided.numpy() % 2).any()
        assert (decided != (llr < 0)).sum(dim=0).eq(1).all()


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**-3, 2.0**4, 2.0**20])
def test_min_sum_commutes_with_a_power_of_two(scale):
    _, llr = received_words("BCH63_45", 200, ebn0_db=2.0)
    llr = torch.from_numpy(llr)
    # 60 iterations: values of a word that is not decoded grow beyond all bounds.
    for iterations in (5, 60):
        decoder = make("min_sum", matrix("BCH63_45"), iterations)
        for stop_early in (True, False):
            with torch.inference_mode():
                assert torch.equal(decoder(scale * llr, stop_early), scale * decoder(llr, stop_early))


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.1, 10.0, 1e3, 1e6])
def test_min_sum_decides_alike_at_any_scale(scale):
    _, llr = received_words("LDPC49_24", 500)
    llr = torch.from_numpy(llr)
    decoder = make("min_sum", matrix("LDPC49_24"))
    with torch.inference_mode():
        plain, scaled = decoder(llr), decoder(scale * llr)
    assert ((plain < 0) == (scaled < 0)).all()
    torch.testing.assert_close(scaled / scale, plain, rtol=1e-4, atol=1e-4)


# --- erasures -----------------------------------------------------------------------------------------------


def peeled(parity_check, erased):
    """The largest stopping set within the erased bits: what is left when checks with one of them have filled it in."""
    left = erased.copy()
    while True:
        single = parity_check[parity_check @ left == 1]
        fillable = left & single.any(axis=0)
        if not fillable.any():
            return left
        left &= ~fillable


@pytest.mark.parametrize("value", [4.0, 10.0, 100.0])
@pytest.mark.parametrize("name", ["BCH31_16", "LDPC49_24", "POLAR64_48"])
@pytest.mark.parametrize("method", ["bp", "min_sum", *TRAINED])
def test_erased_bits_are_filled_in_as_far_as_peeling_does_and_no_further(method, name, value):
    parity_check = matrix(name)
    bits, _ = received_words(name, 60)
    bits[:, :20] = 0
    erased = np.random.default_rng(1).random(bits.shape) < np.linspace(0.1, 0.6, 60)
    sent = value * (1 - 2.0 * bits)
    llr = np.where(erased, 0.0, sent).astype(np.float32)
    left = np.stack([peeled(parity_check, column) for column in erased.T], axis=1)
    assert 0 < left.sum() < erased.sum()
    decoder = make(method, parity_check, iterations=5 if method in TRAINED else 40)
    with torch.inference_mode():
        values = decoder(torch.from_numpy(llr)).numpy()
    assert (values[left] == 0).all()
    if method not in TRAINED:
        assert (np.sign(values) == np.sign(sent))[~left].all()


def test_a_known_bit_is_never_overruled():
    parity_check = matrix("BCH31_16")
    _, llr = received_words("BCH31_16", 300, ebn0_db=0.0)
    llr = torch.from_numpy(llr)
    # Wrong ones among them: what is known for certain is not a matter of opinion.
    llr[::3] = (
        torch.where(torch.rand(llr[::3].shape, generator=torch.Generator().manual_seed(0)) < 0.5, -1, 1) * torch.inf
    )
    for method in ("bp", "min_sum", *TRAINED):
        with torch.inference_mode():
            values = make(method, parity_check, iterations=5)(llr)
        assert torch.equal(values[::3], llr[::3]), method
        assert torch.isfinite(values[1::3]).all()
        assert torch.isfinite(values[2::3]).all()
