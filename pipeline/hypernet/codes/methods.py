"""Method ids and the decoders behind them."""

from __future__ import annotations

import numpy as np

from hypernet.codes.baselines.message_passing import BeliefPropagation, MinSum, WeightedBeliefPropagation
from hypernet.codes.baselines.references import HardDecision, MaximumLikelihood
from hypernet.codes.config import (
    BeliefPropagationSettings,
    HardDecisionSettings,
    HyperSettings,
    MaximumLikelihoodSettings,
    MethodSettings,
    MinSumSettings,
    RecurrentWeightedSettings,
    StaticSettings,
    UntrainedSettings,
    WeightedSettings,
)
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.messages import Decoder
from hypernet.codes.model import GraphNetworkDecoder, StaticWeights, WeightGenerator

TITLES = {
    "hard_decision": "Hard decision, nearest word",
    "bp": "Belief propagation",
    "min_sum": "Normalised min-sum",
    "weighted_bp": "Weighted belief propagation",
    "weighted_bp_recurrent": "Weighted, recurrent",
    "static_g": "Learned update, no hypernetwork",
    "untrained": "Hyper-graph-network, untrained",
    "hyper": "Hyper-graph-network decoder",
    "maximum_likelihood": "Maximum likelihood",
    "ar_bp": "AR-BP (quoted)",
    "ecct": "Transformer ECCT (quoted)",
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
            return WeightedBeliefPropagation(graph, iterations, own.largest_message, shared=False)
        case RecurrentWeightedSettings(method=own):
            return WeightedBeliefPropagation(graph, iterations, own.largest_message, shared=True)
        case StaticSettings(method=own):
            weights = StaticWeights(graph.edges, own.g_hidden)
            return GraphNetworkDecoder(graph, iterations, weights, own.pair_weights)
        case HyperSettings(method=own) | UntrainedSettings(method=own):
            generator = WeightGenerator(graph.edges, own.f_hidden, own.g_hidden, own.absolute)
            exact, damping = own.arctanh == "exact", own.damping == "learned"
            return GraphNetworkDecoder(graph, iterations, generator, own.pair_weights, exact, damping)
        case HardDecisionSettings():
            return HardDecision(parity_check)
        case MaximumLikelihoodSettings():
            return MaximumLikelihood(parity_check)
    raise ValueError(f"{method}: no decoder takes settings of type {type(settings).__name__}")
