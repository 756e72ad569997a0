"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

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
) -> nn.Module:
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
        channels, own = probe.channels + 1, settings.encoder
        if isinstance(own, MLP):
            body = MLPEncoder(channels, probe.points, own.widths, own.size)
        else:
            body = MultiScaleResNet(channels, probe.points, own.widths, own.hidden, own.size, own.pool)
        return ResponseEncoder(body, *(torch.from_numpy(one) for one in (mean, deviation)), probe.position())

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
                hidden = next(one for one in range(1, WIDEST) if count_parameters(conditioned(one)) >= wanted)
            return conditioned(hidden)
        case UnitHypernetworkSettings():
            return hypernetwork(False)
        case HypernetworkSettings():
            return hypernetwork(True)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")
