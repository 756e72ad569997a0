"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from hypernet.superres.baselines.concat import ConcatImage, concat_parameters
from hypernet.superres.baselines.convolutions import InterpolatedFirst, SubPixel
from hypernet.superres.baselines.film import FilmImage, film_parameters
from hypernet.superres.baselines.hfir import FunctionalRepresentation
from hypernet.superres.baselines.liif import LocalImage
from hypernet.superres.baselines.oracle import FittedImages
from hypernet.superres.baselines.resampling import Resampling
from hypernet.superres.config import (
    DEFAULT_WIDTH,
    METHODS,
    BigSettings,
    ConcatSettings,
    FilmSettings,
    FunctionalRepresentationSettings,
    HyperSettings,
    InterpolatedFirstSettings,
    LocalSettings,
    MatchedSettings,
    MethodSettings,
    NetworkSizes,
    OracleSettings,
    ResamplingSettings,
    SubPixelSettings,
)
from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.model import HIDDEN_LAYERS, GeneratedImage, head_parameters

TITLES = {name: method.title for name, method in METHODS.items()}
WIDEST = 4096


def build(method: str, settings: MethodSettings) -> nn.Module:
    """The untrained network of a method.

    Returns:
        an ``ImageFunction``, an ``Upscaler`` or a ``Resampling``.
    """
    match settings:
        case HyperSettings(network=sizes, width=width, method=hyper):
            return GeneratedImage(sizes.embedding, sizes.frequencies, width, hyper.feature_mean_square)
        case ConcatSettings(network=sizes, width=width):
            return ConcatImage(sizes.embedding, sizes.frequencies, [width] * HIDDEN_LAYERS)
        case BigSettings(network=sizes, method=big):
            return ConcatImage(sizes.embedding, sizes.frequencies, big.widths)
        case MatchedSettings(network=sizes, method=matched):
            return ConcatImage(sizes.embedding, sizes.frequencies, _widths(sizes, matched.layers, concat_parameters))
        case FilmSettings(network=sizes, method=film):
            return FilmImage(sizes.embedding, sizes.frequencies, _widths(sizes, film.layers, film_parameters))
        case SubPixelSettings(low=low):
            return SubPixel(low.scale)
        case InterpolatedFirstSettings(low=low):
            return InterpolatedFirst(low.scale)
        case LocalSettings(low=low, method=local):
            return LocalImage(local.channels, local.width, low.scale)
        case FunctionalRepresentationSettings(method=hfir):
            return FunctionalRepresentation(hfir.channels, hfir.embedding, hfir.widths)
        case OracleSettings(low=low, method=oracle, network=sizes):
            widths = (DEFAULT_WIDTH,) * HIDDEN_LAYERS
            return FittedImages(oracle.images, (low.rows, low.columns), sizes.frequencies, widths)
        case ResamplingSettings():
            return Resampling(method)  # type: ignore[arg-type]  # its id is its kernel
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def _widths(sizes: NetworkSizes, layers: int, parameters: Callable[[int, int, list[int]], int]) -> list[int]:
    """Hidden widths, all equal, with which a network has as many trained numbers as the default's hypernetwork."""
    inputs = FourierFeatures(sizes.frequencies).size
    wanted = head_parameters(sizes.embedding, inputs, DEFAULT_WIDTH)
    nearest = min(
        range(1, WIDEST), key=lambda width: abs(parameters(sizes.embedding, inputs, [width] * layers) - wanted)
    )
    return [nearest] * layers
