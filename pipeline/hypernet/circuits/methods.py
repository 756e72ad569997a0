"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from hypernet.circuits.baselines.networks import ConditionedGRU, PerLength
from hypernet.circuits.config import (
    METHODS,
    MLP,
    GRUSettings,
    HypernetworkSettings,
    LowRankSettings,
    NetworkSettings,
    PerLengthSettings,
    UnitHypernetworkSettings,
    WideGRUSettings,
)
from hypernet.circuits.core.cells import RESONATOR_TOKENS, TOKENS, ChainDecoder
from hypernet.circuits.core.encoder import MLPEncoder, MultiScaleResNet, ResponseEncoder
from hypernet.circuits.core.features import Probe
from hypernet.circuits.model import CircuitHypernetwork, LowRankHypernetwork
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters, without_weights

TITLES = {name: method.title for name, method in METHODS.items()}
WIDEST = 4096


def build(
    settings: NetworkSettings,
    probe: Probe,
    lengths: list[int],
    values: int,
    mean: np.ndarray,
    deviation: np.ndarray,
    resonators: bool = False,
) -> ChainDecoder | PerLength:
    """The untrained network of a method.

    Args:
        settings: its settings.
        probe: how circuits are measured.
        lengths: numbers of parts that circuits have.
        values: K, number of values per type.
        mean: mean response of training circuits, ``[C, d]``.
        deviation: their standard deviation, ``[C, d]``.
        resonators: whether circuits may have tanks and traps.
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
    tokens = RESONATOR_TOKENS if resonators else TOKENS

    def conditioned(hidden: int) -> ConditionedGRU:
        return ConditionedGRU(encoder(), size, sizes.embedding, hidden, values, tokens)

    def hypernetwork(generated_heads: bool) -> CircuitHypernetwork:
        return CircuitHypernetwork(
            encoder(), size, sizes.embedding, sizes.hidden, values, generated_heads, tokens=tokens
        )

    def low_rank(hidden: int, rank: int) -> LowRankHypernetwork:
        return LowRankHypernetwork(encoder(), size, sizes.embedding, hidden, values, rank, tokens)

    match settings:
        case GRUSettings():
            return conditioned(sizes.hidden)
        case PerLengthSettings():
            return PerLength(lengths, lambda: conditioned(sizes.hidden))
        case WideGRUSettings():
            return _as_large(lambda: hypernetwork(True), conditioned)
        case UnitHypernetworkSettings():
            return hypernetwork(False)
        case HypernetworkSettings():
            return hypernetwork(True)
        case LowRankSettings():
            rank = settings.method.rank
            return _as_large(lambda: hypernetwork(True), lambda hidden: low_rank(hidden, rank), narrowest=rank)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def _as_large(model: Callable[[], nn.Module], make: Callable[[int], ChainDecoder], narrowest: int = 1) -> ChainDecoder:
    """The narrowest network that has as many parameters as a model.

    Raises:
        ValueError: a network of :data:`WIDEST` entries is still smaller.
    """
    with without_weights():
        wanted = count_parameters(model())
        widths = range(narrowest, WIDEST)
        place = bisect_left(widths, wanted, key=lambda hidden: count_parameters(make(hidden)))
    if place == len(widths):
        raise UserError(f"no such network of up to {WIDEST} units has {wanted:,} parameters")
    return make(widths[place])
