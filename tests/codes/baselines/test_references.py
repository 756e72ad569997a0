from __future__ import annotations

import itertools
import tracemalloc

import galois
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.baselines.references import HardDecision, MaximumLikelihood
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation
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


def dense(parity_check):
    return parity_check.toarray() if scipy.sparse.issparse(parity_check) else parity_check


def noisy(bits, words):
    return np.random.default_rng(3).normal(0.5, 1.5, (bits, words))


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


@pytest.mark.parametrize(
    ("decoder", "shape", "reason"),
    [
        (HardDecision, (21, 40), r"more than 2\^20 syndromes for words of 40 bits; n - k may be at most 20"),
        (HardDecision, (20, 1025), r"2\^20 syndromes for words of 1025 bits; .* n 2\^\(n - k\) at most 1,073,741,824"),
        (HardDecision, (32400, 64800), r"more than 2\^20 syndromes"),
        (MaximumLikelihood, (3, 20), r"2\^17 or more code words of 20 bits; k may be at most 16"),
        (MaximumLikelihood, (1985, 2001), r"2\^16 code words of 2001 bits; .* n 2\^k at most 67,108,864"),
        (MaximumLikelihood, (4000, 4001), r"of 4001 bits; .* n at most 2,048"),
        (MaximumLikelihood, (32400, 64800), r"2\^32400 or more code words"),
    ],
)
def test_what_would_not_fit_is_refused_before_it_takes_memory(decoder, shape, reason):
    parity_check = scipy.sparse.eye_array(*shape, dtype=np.uint8, format="csr")
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=reason) as caught:
            decoder(parity_check)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_dependent_checks_count_once():
    """37 rows of rank 15 and 31: what is refused by rows may still be small by rank, and the other way round."""
    code = construct("BCH31_16")
    again = np.concatenate([dense(code)] * 2 + [dense(code)[:7] ^ dense(code)[1:8]])
    llr = noisy(31, 40)
    for decoder in (HardDecision, MaximumLikelihood):
        assert np.array_equal(decided(decoder(again), llr), decided(decoder(code), llr))
    with pytest.raises(UserError, match=r"2\^17 code words of 20 bits"):
        MaximumLikelihood(np.repeat(np.eye(3, 20, dtype=np.uint8), 2, axis=0))


@pytest.mark.parametrize("decoder", [HardDecision, MaximumLikelihood])
def test_a_matrix_may_be_dense_or_sparse_or_a_code(decoder):
    llr = noisy(7, 50)
    expected = decided(decoder(HAMMING), llr)
    for same in (scipy.sparse.coo_array(HAMMING), HAMMING.tolist(), Code.of("Hamming", HAMMING)):
        assert np.array_equal(decided(decoder(same), llr), expected)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e4, 1e37])
def test_the_most_likely_word_does_not_depend_on_the_scale(scale):
    parity_check = construct("BCH31_16")
    llr = noisy(31, 100)
    assert np.array_equal(
        decided(MaximumLikelihood(parity_check), llr * scale), decided(MaximumLikelihood(parity_check), llr)
    )


def test_a_certain_bit_is_never_changed():
    """Of all words that agree with the certain bits, the best by the others."""
    llr = noisy(7, 200)
    words = code_words(HAMMING)
    chosen = words[np.random.default_rng(5).integers(0, len(words), 200)].T
    certain = np.zeros((7, 200), dtype=bool)
    certain[[1, 4]] = True
    llr[certain] = np.where(chosen, -np.inf, np.inf)[certain]
    finite = np.where(certain, 0.0, llr)
    disagree = ((words[:, :, None] != chosen) & certain).any(axis=1)
    scores = np.where(disagree, -np.inf, -(words @ finite))
    assert np.array_equal(decided(MaximumLikelihood(HAMMING), llr), words[scores.argmax(axis=0)].T)


@pytest.mark.parametrize("decoder", [HardDecision, MaximumLikelihood])
def test_a_nan_stays_in_its_word(decoder):
    llr = torch.from_numpy(noisy(7, 20).astype(np.float32))
    expected = decoder(HAMMING)(llr)
    llr[3, 11] = torch.nan
    soft = decoder(HAMMING)(llr)
    assert soft[:, 11].isnan().all()
    others = torch.arange(20) != 11
    assert torch.equal(soft[:, others], expected[:, others])


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_a_table_holds_the_lightest_pattern_of_every_syndrome(rank, seed):
    """Columns that are alike, zero, or lie in a part of the space."""
    generator = np.random.default_rng(seed)
    parity_check = np.concatenate([np.eye(rank, dtype=np.uint8), generator.integers(0, 2, (rank, 4))], axis=1)
    parity_check[:, rank + 2] = parity_check[:, 0]
    parity_check[:, rank + 3] = 0
    decoder = HardDecision(parity_check)
    patterns = np.array(list(itertools.product((0, 1), repeat=rank + 4)))
    syndromes = patterns @ decoder.rows.astype(int).T % 2 @ decoder.place
    for syndrome in range(1 << rank):
        weight, at = 0, syndrome
        while at:
            at ^= decoder.columns[decoder.flipped[at]]
            weight += 1
        assert weight == patterns[syndromes == syndrome].sum(axis=1).min()


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
    assert not (dense(construct("BCH31_16")).astype(int) @ received[:, ::-1].T % 2).any()
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
