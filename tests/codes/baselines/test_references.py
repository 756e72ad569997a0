from __future__ import annotations

import itertools

import galois
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.baselines.references import HardDecision, MaximumLikelihood
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.sources.matrices import construct
from hypernet.lab.errors import UserError

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
    nearest = decided(HardDecision(parity_check), llr)
    assert not (parity_check.astype(int) @ nearest % 2).any()
    distances = (code_words(parity_check)[:, :, None] != received).sum(axis=1)
    assert np.array_equal((nearest != received).sum(axis=0), distances.min(axis=0))


@pytest.mark.parametrize("name", ["BCH31_16", "BCH63_45"])
def test_a_table_of_syndromes_made_in_pieces_is_the_same(name, monkeypatch):
    whole = HardDecision(construct(name)).flipped
    monkeypatch.setattr("hypernet.codes.baselines.references.NUMBERS_AT_ONCE", 7000)
    assert np.array_equal(HardDecision(construct(name)).flipped, whole)


@pytest.mark.parametrize(
    ("decoder", "shape", "reason"),
    [
        (HardDecision, (21, 40), "n - k may be at most 20"),
        (MaximumLikelihood, (3, 20), "k may be at most 16"),
        (MaximumLikelihood, (1985, 2001), "at most 67108864 numbers"),
    ],
)
def test_a_table_that_would_not_fit_is_refused(decoder, shape, reason):
    with pytest.raises(UserError, match=reason):
        decoder(np.eye(*shape, dtype=np.uint8))


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
    nearest = decided(HardDecision(construct("BCH31_16")), 1.0 - 2.0 * received[:, ::-1].T)
    assert np.array_equal(nearest.T[:, ::-1], expected)


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
