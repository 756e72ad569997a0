"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from torch import nn

from hypernet.radar.baselines.patch_cnn import PatchCNN
from hypernet.radar.config import (
    METHODS,
    Network,
    NetworkSettings,
    PatchCNNSettings,
    PatchDynamicSettings,
    WholeDynamicSettings,
)
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.trunk import Layer
from hypernet.radar.model import PatchDynamicConvolution, WholeImageDynamicConvolution

TITLES = {name: method.title for name, method in METHODS.items()}


def build(settings: NetworkSettings, geometry: Geometry) -> nn.Module:
    """The untrained network of a method.

    Args:
        settings: its settings.
        geometry: sizes.

    Returns:
        a network on whole images or on patches, see ``on_patches``.
    """
    layers, hidden = _layers(settings.network), settings.network.hidden
    match settings:
        case WholeDynamicSettings():
            return WholeImageDynamicConvolution(geometry, layers, hidden)
        case PatchDynamicSettings():
            return PatchDynamicConvolution(geometry, layers, hidden)
        case PatchCNNSettings():
            return PatchCNN(geometry, layers, hidden)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def _layers(network: Network) -> list[Layer]:
    return [Layer(**convolution.model_dump()) for convolution in network.layers]


def on_patches(settings: NetworkSettings) -> bool:
    """Whether the network of these settings forecasts patches rather than whole images."""
    return not isinstance(settings, WholeDynamicSettings)
