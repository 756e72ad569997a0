from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.core.graph import TannerGraph
from tests.codes.decoders import ITERATIONS, METHODS, channel_values, make, matrix, multiloss, random_code_words

CASES = Path(__file__).parents[1] / "cases"


def asymmetry(decoder, parity_check):
    """Largest difference between decode(l * s) and s * decode(l), s the signs of random code words."""
    llr = channel_values(parity_check, words=50, dtype=np.float32)
    signs = torch.from_numpy(1.0 - 2.0 * random_code_words(parity_check, 50)).float()
    with torch.inference_mode():
        flipped, plain = decoder(llr * signs, stop_early=False), decoder(llr, stop_early=False)
        # Values grow without bound where none is clipped.
        return ((flipped - signs * plain).abs() / plain.abs().clamp(min=10.0)).max().item() * 10.0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", ["BCH31_16", "LDPC49_24"])
def test_decoding_commutes_with_the_signs_of_a_code_word(method, code):
    assert asymmetry(make(method, matrix(code)), matrix(code)) < 1e-4


def test_without_the_absolute_value_it_does_not():
    parity_check = matrix("BCH31_16")
    decoder = make("hyper", parity_check)
    assert asymmetry(decoder, parity_check) < 1e-4
    decoder.emitter.trunk.absolute = False
    assert asymmetry(decoder, parity_check) > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_every_word_is_decoded_by_itself(method):
    parity_check = matrix("BCH31_16")
    decoder = make(method, parity_check).double()
    llr = channel_values(parity_check, words=30)
    order = torch.from_numpy(np.random.default_rng(0).permutation(30))
    with torch.inference_mode():
        whole = decoder(llr)
        assert (decoder(llr[:, order]) - whole[:, order]).abs().max() < 1e-7
        assert (decoder(llr[:, 7:8]) - whole[:, 7:8]).abs().max() < 1e-7


@pytest.mark.parametrize("method", METHODS)
def test_some_words_at_a_time_give_the_same(method):
    parity_check = matrix("LDPC49_24")
    decoder = make(method, parity_check).double()
    llr = channel_values(parity_check, words=23)
    decoder.words_at_once = 10
    with torch.inference_mode():
        assert (decoder(llr, stop_early=False) - decoder.decode(llr)).abs().max() < 1e-7
        in_parts = decoder(llr)
        assert decoder(llr[:, :0]).shape == decoder.decode(llr[:, :0]).shape == (49, 0)
        decoder.words_at_once = 100
        assert (decoder(llr) - in_parts).abs().max() < 1e-7


def test_how_many_words_are_held_at_once_falls_with_the_graph():
    small, large = (make("hyper", matrix(code)).words_at_once for code in ("BCH31_16", "POLAR128_64"))
    assert small == 2**20 // (4 * 16 * 120)
    assert large == 16


@pytest.mark.parametrize("method", METHODS)
def test_certain_and_erased_bits_give_numbers(method):
    parity_check = matrix("LDPC49_24")
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
    parity_check = matrix("LDPC49_24")
    decoder = make(method, parity_check)
    llr = channel_values(parity_check, words=5, dtype=np.float32)
    every = decoder.every_iteration(llr)
    assert every.shape == (ITERATIONS, 49, 5)
    assert torch.equal(every[-1], decoder(llr))


@pytest.mark.parametrize("method", METHODS)
def test_a_decoder_made_without_memory_takes_the_weights_of_another(method):
    # So are model files opened.
    parity_check = matrix("LDPC49_24")
    decoder = make(method, parity_check)
    with torch.device("meta"):
        opened = make(method, parity_check)
    opened.load_state_dict(decoder.state_dict(), assign=True)
    llr = channel_values(parity_check, words=5, dtype=np.float32)
    assert torch.equal(opened(llr), decoder(llr))


def test_no_iteration_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one iteration"):
        BeliefPropagation(TannerGraph(matrix("BCH31_16")), 0)


# --- stopping early -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_word_is_done_when_it_satisfies_all_checks(method):
    """What a word is decided as is its value after the first iteration that gives a code word, else after the last."""
    parity_check = matrix("LDPC49_24")
    decoder = make(method, parity_check, spread=0.02).double()
    llr = torch.from_numpy(np.random.default_rng(3).normal(3.0, 2.5, (49, 300)))
    signs = torch.from_numpy(1.0 - 2.0 * random_code_words(parity_check, 300))
    with torch.inference_mode():
        every = decoder.every_iteration(llr * signs)
        decided = decoder(llr * signs)
    good = torch.from_numpy(~((every < 0).numpy().transpose(0, 2, 1) @ parity_check.T % 2).any(axis=2))
    last = torch.where(good.any(dim=0), good.double().argmax(dim=0), ITERATIONS - 1)
    expected = every[last, :, torch.arange(300)].T
    assert (decided - expected).abs().max() < 1e-6 * expected.abs().max()
    # The rule is at work: some words are done at once, some later, and some never.
    if not method.startswith("hyper"):
        assert (last == 0).any()
        assert ((last > 0) & good.any(dim=0)).any()
        assert not good.any(dim=0).all()


def test_with_a_gradient_wanted_nothing_is_left_out():
    decoder = make("static_g", matrix("LDPC49_24"))
    llr = torch.full((49, 3), 8.0)
    values = decoder(llr)
    assert torch.equal(values, decoder.every_iteration(llr)[-1])
    assert values.requires_grad


def test_the_zero_word_is_not_done_before_its_erasures_are_filled_in():
    # A chain of checks: the last bits are filled in one after the other.
    parity_check = np.eye(9, 10, dtype=np.uint8) + np.eye(9, 10, 1, dtype=np.uint8)
    llr = torch.zeros(10, 1)
    llr[0] = 4.0
    for method in ("bp", "min_sum"):
        decoder = make(method, parity_check, iterations=30)
        with torch.inference_mode():
            assert (decoder(llr) > 0).all()
            assert (decoder(-llr) < 0).all()


def test_it_makes_fewer_updates(monkeypatch):
    decoder = make("bp", matrix("LDPC49_24"), iterations=20)
    seen, update = [], decoder.update
    monkeypatch.setattr(decoder, "update", lambda llr, *rest: seen.append(llr.shape[1]) or update(llr, *rest))
    llr = channel_values(matrix("LDPC49_24"), words=200)
    with torch.inference_mode():
        decoder(llr)
        assert seen[0] == 200
        assert seen == sorted(seen, reverse=True)
        assert sum(seen) < 0.3 * 20 * 200
        seen.clear()
        decoder(llr, stop_early=False)
        assert seen == [200] * 20


# --- any input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop_early", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_a_number_stays_within_its_word(method, stop_early):
    llr = torch.from_numpy(np.load(CASES / "onnx_one_nan_LDPC49.npy").astype(np.float32).T)
    (bad,) = llr.isnan().any(dim=0).nonzero()[:, 0].tolist()
    decoder = make(method, matrix("LDPC49_24"))
    clean = llr.nan_to_num(0.0)
    others = torch.arange(llr.shape[1]) != bad
    with torch.inference_mode():
        values, expected = decoder(llr, stop_early), decoder(clean, stop_early)
    assert torch.equal(values[:, others], expected[:, others])
    assert values[llr.isnan()].isnan().all()
    # Nor does it pass for decoded.
    assert not decoder.graph.satisfied(values)[bad]


@pytest.mark.parametrize("method", METHODS)
def test_words_may_lie_in_memory_in_any_order(method):
    parity_check = matrix("LDPC49_24")
    decoder = make(method, parity_check)
    llr = channel_values(parity_check, words=21, dtype=np.float32)
    with torch.inference_mode():
        assert torch.equal(decoder(llr.T.contiguous().T), decoder(llr))


@pytest.mark.parametrize("method", METHODS)
def test_channel_values_are_clipped_where_messages_are(method):
    """What is beyond the limit is as good as at it, in the messages and in the result."""
    parity_check = matrix("LDPC49_24")
    decoder = make(method, parity_check)
    limit = decoder.largest_value
    llr = channel_values(parity_check, words=20, dtype=np.float32)
    llr[::7] *= 1e30 / llr[::7].abs()
    clipped = llr.clamp(-limit, limit)
    with torch.inference_mode():
        assert torch.equal(decoder(llr), decoder(clipped))
        assert torch.equal(decoder.decode(llr), decoder.decode(clipped))
        assert torch.equal(decoder.every_iteration(llr), decoder.every_iteration(clipped))
        for messages, same in zip(decoder.messages(llr), decoder.messages(clipped), strict=True):
            assert torch.equal(messages, same)
            assert messages.abs().max() <= max(limit, 2.0**80 * limit if method == "min_sum" else 0)


def test_a_code_of_many_thousand_bits_takes_memory_by_its_edges():
    """A random graph of 64,800 bits: nothing of the size of H, or of the edges squared, is made."""
    generator = np.random.default_rng(0)
    edges = 3 * 64_800
    rows, columns = generator.permutation(edges) // 6, np.arange(edges) // 3
    parity_check = scipy.sparse.csr_array((np.ones(edges), (rows, columns)), shape=(32_400, 64_800))
    parity_check.data[:] = 1
    decoder = BeliefPropagation(TannerGraph(parity_check), 20)
    llr = torch.from_numpy(generator.normal(6.0, 3.0, (64_800, 2)).astype(np.float32))
    with torch.inference_mode():
        assert decoder.graph.satisfied(decoder(llr)).all()
    assert decoder.words_at_once == 16
