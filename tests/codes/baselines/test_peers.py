"""The same decisions as other packages, where they are installed (pip install -e ".[peers]")."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.sources.matrices import construct

WORDS, ITERATIONS = 3000, 5


@pytest.fixture(params=["LDPC49_24", "BCH63_45"])
def sent(request):
    parity_check = construct(request.param)
    code = Code.of(request.param, parity_check)
    generator = np.random.default_rng(1)
    bits = random_words(code, WORDS, generator)
    return code, channel_llr(bits, noise_deviation(4.0, code.rate), generator)


@pytest.mark.parametrize(("update", "share"), [("boxplus", 1e-4), ("minsum", 1e-4)])
def test_sionna_decides_the_same(sent, update, share):
    ldpc = pytest.importorskip("sionna.phy.fec.ldpc", reason="the extra `peers` is not installed")
    code, llr = sent
    peer = ldpc.LDPCBPDecoder(
        code.parity_check.toarray(), cn_update=update, num_iter=ITERATIONS, hard_out=False, llr_max=20.0, device="cpu"
    )
    graph = TannerGraph(code.parity_check)
    ours = BeliefPropagation(graph, ITERATIONS) if update == "boxplus" else MinSum(graph, ITERATIONS, 1.0)
    # Its log-likelihood ratio is that of a 1, and its words are rows.
    theirs = -peer(-torch.from_numpy(llr.T.copy())).T
    with torch.inference_mode():
        values = ours(torch.from_numpy(llr), stop_early=False)
    assert ((values < 0) != (theirs < 0)).float().mean() < share


@pytest.mark.parametrize("iterations", [5, 20])
def test_ldpc_decides_the_same(sent, iterations):
    """It stops a word as soon as its syndrome is zero, as we do."""
    ldpc = pytest.importorskip("ldpc", reason="the extra `peers` is not installed")
    code, llr = sent
    llr, parity_check = llr[:, :500], code.parity_check.toarray()
    decoder = ldpc.BpDecoder(
        parity_check, error_rate=0.1, max_iter=iterations, bp_method="product_sum", schedule="parallel"
    )
    hard = (llr < 0).astype(np.uint8)
    theirs = np.empty_like(hard)
    for word in range(hard.shape[1]):
        decoder.update_channel_probs(1.0 / (1.0 + np.exp(np.abs(llr[:, word].astype(np.float64)))))
        theirs[:, word] = hard[:, word] ^ decoder.decode((parity_check @ hard[:, word] % 2).astype(np.uint8))
    with torch.inference_mode():
        ours = (BeliefPropagation(TannerGraph(code.parity_check), iterations)(torch.from_numpy(llr)) < 0).numpy()
    # Where a word is not decoded, rounding grows from iteration to iteration.
    assert (ours != theirs).mean() < 1e-4 * iterations
    assert (ours != theirs)[:, ~(parity_check @ theirs % 2).any(axis=0)].mean() < 1e-4
