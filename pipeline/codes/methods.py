"""Method ids and the decoders behind them."""

from __future__ import annotations

import numpy as np

from pipeline.codes.baselines import BeliefPropagation, MinSum, WeightedBeliefPropagation
from pipeline.codes.config import (
    BeliefPropagationSettings,
    HyperSettings,
    MethodSettings,
    MinSumSettings,
    StaticSettings,
    WeightedSettings,
)
from pipeline.codes.decoder import Decoder
from pipeline.codes.graph import TannerGraph
from pipeline.codes.model import GraphNetworkDecoder, StaticWeights, WeightGenerator

TITLES = {
    "bp": "Belief propagation",
    "min_sum": "Normalised min-sum",
    "weighted_bp": "Weighted belief propagation",
    "static_g": "Learned update, no hypernetwork",
    "hyper": "Hyper-graph-network decoder",
}


def build(method: str, parity_check: np.ndarray, settings: MethodSettings) -> Decoder:
    """The untrained decoder of a method for one code.

    Args:
        method: a method id, a key of :data:`TITLES`.
        parity_check: H, ``[m, n]``.
        settings: the settings of this method, of the type that its id names in ``config.SETTINGS``.
    """
    graph, iterations = TannerGraph(parity_check), settings.iterations
    match settings:
        case BeliefPropagationSettings():
            return BeliefPropagation(graph, iterations)
        case MinSumSettings(method=own):
            return MinSum(graph, iterations, own.scale)
        case WeightedSettings(method=own):
            return WeightedBeliefPropagation(graph, iterations, own.largest_message)
        case StaticSettings(method=own):
            weights = StaticWeights(graph.edges, own.g_hidden)
            return GraphNetworkDecoder(graph, iterations, weights, own.pair_weights)
        case HyperSettings(method=own):
            generator = WeightGenerator(graph.edges, own.f_hidden, own.g_hidden)
            return GraphNetworkDecoder(graph, iterations, generator, own.pair_weights)
    raise ValueError(f"{method}: no decoder takes settings of type {type(settings).__name__}")
