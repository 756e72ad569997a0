"""Method ids and the decoders behind them."""

from __future__ import annotations

import numpy as np

from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum, WeightedBeliefPropagation
from hypernet.codes.baselines.references import HardDecision, MaximumLikelihood
from hypernet.codes.config import (
    METHODS,
    BeliefPropagationSettings,
    ConcatSettings,
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
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.core.sparse import ParityCheck
from hypernet.codes.model import ConcatWeights, GraphNetworkDecoder, StaticWeights, VariableUpdate, WeightGenerator

TITLES = {name: method.title for name, method in METHODS.items()} | {
    "ar_bp": "AR-BP (quoted)",
    "ecct": "Transformer ECCT (quoted)",
}


def build(
    method: str, parity_check: ParityCheck | np.ndarray, settings: MethodSettings
) -> Decoder | HardDecision | MaximumLikelihood:
    """The untrained decoder of a method for one code.

    Args:
        method: a method id, a key of :data:`TITLES`.
        parity_check: H, ``[m, n]``, sparse or dense.
        settings: the settings of this method, of the type that its id names in ``config.METHODS``.

    Returns:
        A module from channel values ``[n, B]`` to bit values ``[n, B]``; negative decides for 1.

    Raises:
        UserError: the code is too large for a method that enumerates its words or syndromes.
    """
    match settings:
        # They refuse a code that is too large for them, before anything of its size is made.
        case HardDecisionSettings():
            return HardDecision(parity_check)
        case MaximumLikelihoodSettings():
            return MaximumLikelihood(parity_check)
    graph, iterations = TannerGraph(parity_check), settings.iterations
    match settings:
        case BeliefPropagationSettings():
            return BeliefPropagation(graph, iterations)
        case MinSumSettings(method=min_sum):
            return MinSum(graph, iterations, min_sum.scale)
        case WeightedSettings(method=weighted):
            return WeightedBeliefPropagation(graph, iterations, weighted.largest_message, shared=False)
        case RecurrentWeightedSettings(method=weighted):
            return WeightedBeliefPropagation(graph, iterations, weighted.largest_message, shared=True)
        case StaticSettings(method=static):
            weights = StaticWeights(VariableUpdate(graph, static.g_hidden))
            return GraphNetworkDecoder(graph, iterations, weights, static.pair_weights)
        case HyperSettings(method=hyper) | UntrainedSettings(method=hyper) | ConcatSettings(method=hyper):
            emitter_type = ConcatWeights if isinstance(settings, ConcatSettings) else WeightGenerator
            emitter = emitter_type(VariableUpdate(graph, hyper.g_hidden), hyper.f_hidden, hyper.absolute)
            exact, damping = hyper.arctanh == "exact", hyper.damping == "learned"
            return GraphNetworkDecoder(graph, iterations, emitter, hyper.pair_weights, exact, damping)
    raise ValueError(f"{method}: no decoder takes settings of type {type(settings).__name__}")


def pair_count(parity_check: ParityCheck | np.ndarray, settings: MethodSettings) -> int:
    """How many ordered pairs of edges meet in a variable of H, where a method has a weight for each; else 0."""
    match settings:
        case WeightedSettings() | RecurrentWeightedSettings():
            has_weights = True
        case (
            StaticSettings(method=method)
            | HyperSettings(method=method)
            | UntrainedSettings(method=method)
            | ConcatSettings(method=method)
        ):
            has_weights = method.pair_weights
        case _:
            has_weights = False
    degree = parity_check.sum(axis=0, dtype=np.int64)
    return int((degree * (degree - 1)).sum()) if has_weights else 0
