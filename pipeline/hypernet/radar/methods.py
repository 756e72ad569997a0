"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from torch import nn

from hypernet.lab.runs.models import count_parameters
from hypernet.radar.baselines.constant_filter import ConstantFilter
from hypernet.radar.baselines.patch_cnn import PatchCNN
from hypernet.radar.baselines.pixel_cnn import PixelCNN
from hypernet.radar.baselines.soft_motion import Sharpness
from hypernet.radar.config import (
    METHODS,
    ConstantFilterSettings,
    MatchingMethod,
    Network,
    PatchCNNSettings,
    PatchDynamicSettings,
    PatchMatchingSettings,
    PixelCNNSettings,
    SoftMotionSettings,
    TrainedSettings,
    WholeDynamicSettings,
    WholeMatchingSettings,
)
from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.trunk import Layer
from hypernet.radar.model import (
    DisplacementNet,
    PatchDynamicConvolution,
    PatchMatching,
    WholeImageDynamicConvolution,
    WholeImageMatching,
)

TITLES = {name: method.title for name, method in METHODS.items()}


def build(settings: TrainedSettings, geometry: Geometry) -> nn.Module:
    """The untrained network of a method.

    Args:
        settings: its settings.
        geometry: sizes.

    Returns:
        a network on whole images or on patches, see ``on_patches``.
    """
    match settings:
        case ConstantFilterSettings():
            return ConstantFilter(geometry)
        case SoftMotionSettings():
            return WholeImageMatching(geometry, Sharpness())
        case WholeMatchingSettings(method=method):
            return WholeImageMatching(geometry, _displacements(INPUTS - 1, method))
        case PatchMatchingSettings(method=method):
            return PatchMatching(geometry, _displacements(PatchMatching.maps(method.around), method), method.around)
        case WholeDynamicSettings(network=network):
            return WholeImageDynamicConvolution(geometry, _layers(network), network.hidden)
        case PatchDynamicSettings(network=network):
            return PatchDynamicConvolution(geometry, _layers(network), network.hidden)
        case PatchCNNSettings(network=network):
            return PatchCNN(geometry, _layers(network), network.hidden)
        case PixelCNNSettings(network=network, method=method):
            hypernetwork = WholeImageDynamicConvolution(geometry, _layers(network), network.hidden)
            parameters = count_parameters(hypernetwork)
            return PixelCNN(geometry, _layers(network), network.hidden, method.kernel, parameters)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def _layers(network: Network) -> list[Layer]:
    return [Layer(**convolution.model_dump()) for convolution in network.layers]


def _displacements(maps: int, method: MatchingMethod) -> DisplacementNet:
    return DisplacementNet(maps, method.channels, method.kernel)


def on_patches(settings: TrainedSettings) -> bool:
    """Whether the network of these settings forecasts patches rather than whole images."""
    return isinstance(settings, PatchDynamicSettings | PatchCNNSettings)
