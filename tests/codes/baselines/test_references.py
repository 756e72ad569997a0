from __future__ import annotations

import itertools

import galois
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.baselines.message_passing import BeliefPropagation
from hypernet.codes.baselines.references import HardDecision, MaximumLikelihood
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.dataset import channel_llr, noise_deviation
from hypernet.codes.sources.matrices import construct

HAMMING = np.array([[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]], dtype=np.uint8)
parity_checks = st.tuples(st.integers(1, 5), st.integers(2, 8)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)


def code_words(parity_check):
    words = np.array(list(itertools.product((0, 1), repeat=parity_check.shape[1])))
    return words[~(words @ parity_check.T % 2).any(axis=1)]


def decided(decoder, llr):
    soft = decoder(torch.from_numpy(llr.astype(np.float32)))
    assert set(soft.unique().tolist()) <= {-1.0, 1.0}
    return (soft < 0).numpy().astype(int)


@given(parity_checks, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_maximum_likelihood_is_the_best_of_all_words(parity_check, seed):
    llr = np.random.default_rng(seed).normal(0, 2, (parity_check.shape[1], 5)).astype(np.float32)
    words = code_words(parity_check)
    # log P(word | y) up to a constant is minus the sum of l over its ones.
    best = words[(-words @ llr.astype(np.float64)).argmax(axis=0)].T
    assert np.array_equal(decided(MaximumLikelihood(parity_check), llr), best)


@given(parity_checks, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_hard_decision_finds_a_nearest_word(parity_check, seed):
    llr = np.random.default_rng(seed).normal(0, 2, (parity_check.shape[1], 5)).astype(np.float32)
    received = (llr < 0).astype(int)
    found = decided(HardDecision(parity_check), llr)
    assert not (parity_check.astype(int) @ found % 2).any()
    distances = (code_words(parity_check)[:, :, None] != received).sum(axis=1)
    assert np.array_equal((found != received).sum(axis=0), distances.min(axis=0))


def test_the_hamming_code_corrects_every_single_error():
    for word in code_words(HAMMING):
        received = (1.0 - 2.0 * word)[:, None] * (1 - 2 * np.eye(7))
        assert np.array_equal(decided(HardDecision(HAMMING), received), np.tile(word[:, None], 7))


def test_bch_words_with_up_to_three_errors_are_decoded_as_galois_does():
    """Within its radius t = 3 the bounded-distance decoder of galois finds the nearest word too."""
    field = galois.GF(32, irreducible_poly="x^5 + x^2 + 1", compile="python-calculate")
    bch = galois.BCH(31, 16, extension_field=field)
    generator = np.random.default_rng(0)
    received = np.asarray(bch.encode(generator.integers(0, 2, (6, 16)))).astype(int)
    # galois writes the highest power of x first, the rows of this H the lowest.
    assert not (construct("BCH31_16").astype(int) @ received[:, ::-1].T % 2).any()
    for row, errors in zip(received, (0, 1, 2, 3, 3, 3), strict=True):
        row[generator.choice(31, errors, replace=False)] ^= 1
    expected = np.asarray(bch.decode(received, output="codeword"))
    found = decided(HardDecision(construct("BCH31_16")), 1.0 - 2.0 * received[:, ::-1].T)
    assert np.array_equal(found.T[:, ::-1], expected)


@pytest.mark.parametrize("ebn0_db", [3.0, 5.0])
def test_no_decoder_makes_fewer_wrong_words_than_maximum_likelihood(ebn0_db):
    parity_check = construct("BCH31_16")
    llr = channel_llr(np.zeros((31, 2000)), noise_deviation(ebn0_db, 16 / 31), np.random.default_rng(0))
    wrong = {
        "maximum likelihood": decided(MaximumLikelihood(parity_check), llr).any(axis=0).sum(),
        "hard decision": decided(HardDecision(parity_check), llr).any(axis=0).sum(),
        "bp": (BeliefPropagation(TannerGraph(parity_check), 5)(torch.from_numpy(llr)) <= 0).any(dim=0).sum(),
    }
    assert wrong["maximum likelihood"] < min(wrong["hard decision"], wrong["bp"])
    assert wrong["maximum likelihood"] > 0 or ebn0_db > 4
