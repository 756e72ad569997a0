"""Decoders, channel values and code words that several tests need."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum, WeightedBeliefPropagation
from hypernet.codes.core.gf2 import generator_matrix
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.sparse import sparse
from hypernet.codes.model import ConcatWeights, GraphNetworkDecoder, StaticWeights, VariableUpdate, WeightGenerator
from hypernet.codes.sources.matrices import construct

TRAINED = ["weighted_bp", "weighted_bp_recurrent", "static_g", "concat", "hyper", "hyper_pairs", "hyper_damped"]
METHODS = ["bp", "min_sum", *TRAINED]
ITERATIONS = 5


def hypernetwork(graph, f_hidden=32, g_hidden=16):
    return WeightGenerator(VariableUpdate(graph, g_hidden), f_hidden)


def make(method, parity_check, iterations=ITERATIONS, seed=0, spread=0.1):
    """A decoder whose trained weights, where it has any, lie anywhere near their start; at ``spread`` 0, at it."""
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
            parameter.add_(spread * torch.randn_like(parameter))
    return decoder


def channel_values(parity_check, words, seed=0, spread=2.5, dtype=np.float64):
    """Channel values ``[n, words]`` of the zero word at about 4 dB: some wrong, some large."""
    values = np.random.default_rng(seed).normal(4.0, spread, (parity_check.shape[1], words))
    return torch.from_numpy(values.astype(dtype))


def random_code_words(parity_check, words, seed=0):
    generator = generator_matrix(sparse(parity_check).toarray()).astype(int)
    information = np.random.default_rng(seed).integers(0, 2, (words, len(generator)))
    return (information @ generator % 2).T


def multiloss(outputs):
    return F.binary_cross_entropy_with_logits(outputs, torch.ones_like(outputs))


def matrix(name):
    """H of an embedded code, dense."""
    return construct(name).toarray()


def decoded_words(decoder, llr):
    """What a decoder, called directly, makes of words ``[words, n]``."""
    with torch.inference_mode():
        return decoder(torch.from_numpy(np.ascontiguousarray(llr.T, dtype=np.float32))).numpy().T
