"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import torch
from torch import nn

from hypernet.circuits.baselines.networks import ConditionedGRU, PerLength
from hypernet.circuits.config import (
    MLP,
    GRUSettings,
    HypernetworkSettings,
    NetworkSettings,
    PerLengthSettings,
    UnitHypernetworkSettings,
    WideGRUSettings,
)
from hypernet.circuits.core.cells import ChainDecoder
from hypernet.circuits.core.encoder import MLPEncoder, MultiScaleResNet, ResponseEncoder
from hypernet.circuits.core.features import Probe
from hypernet.circuits.model import CircuitHypernetwork
from hypernet.lab.runs.models import count_parameters

TITLES = {
    "ga": "Genetic algorithm",
    "gru": "GRU",
    "gru_per_length": "GRU per length",
    "gru_wide": "GRU, as large as ours",
    "gru_only_hypernet": "Ours, GRU-only hypernet",
    "ours_no_sim": "Ours w/o simulator",
    "ours": "Ours",
    "ours_rank64": "Ours, simulator-ranked",
}
WIDEST = 4096


def build(
    settings: NetworkSettings, probe: Probe, lengths: list[int], values: int, mean: np.ndarray, deviation: np.ndarray
) -> ChainDecoder | PerLength:
    """The untrained network of a method.

    Args:
        settings: its settings.
        probe: how circuits are measured.
        lengths: numbers of parts that circuits have.
        values: K, number of values per type.
        mean: mean response of training circuits, ``[C, d]``.
        deviation: their standard deviation, ``[C, d]``.
    """

    def encoder() -> ResponseEncoder:
        channels, chosen = probe.channels + 1, settings.encoder
        body: nn.Module
        if isinstance(chosen, MLP):
            body = MLPEncoder(channels, probe.points, chosen.widths, chosen.size)
        else:
            body = MultiScaleResNet(channels, probe.points, chosen.widths, chosen.hidden, chosen.size, chosen.pool)
        return ResponseEncoder(body, torch.from_numpy(mean), torch.from_numpy(deviation), probe.position())

    size, sizes = settings.encoder.size, settings.decoder

    def conditioned(hidden: int) -> ConditionedGRU:
        return ConditionedGRU(encoder(), size, sizes.embedding, hidden, values)

    def hypernetwork(generated_heads: bool) -> CircuitHypernetwork:
        return CircuitHypernetwork(encoder(), size, sizes.embedding, sizes.hidden, values, generated_heads)

    match settings:
        case GRUSettings():
            return conditioned(sizes.hidden)
        case PerLengthSettings():
            return PerLength(lengths, lambda: conditioned(sizes.hidden))
        case WideGRUSettings():
            with torch.device("meta"):
                wanted = count_parameters(hypernetwork(True))
                widths = range(1, WIDEST)
                place = bisect_left(widths, wanted, key=lambda hidden: count_parameters(conditioned(hidden)))
            if place == len(widths):
                raise ValueError(f"no GRU of up to {WIDEST} units has {wanted:,} parameters")
            return conditioned(widths[place])
        case UnitHypernetworkSettings():
            return hypernetwork(False)
        case HypernetworkSettings():
            return hypernetwork(True)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")
