"""Method ids, their names for people, and what is behind them."""

from __future__ import annotations

from torch import nn

from hypernet.retouch.baselines.hdrnet import HdrNet
from hypernet.retouch.baselines.histograms import AutoContrast, Clahe, Equalize, GreyWorld
from hypernet.retouch.baselines.lut3d import ImageAdaptiveLut
from hypernet.retouch.baselines.oracles import Oracle
from hypernet.retouch.baselines.pixel_mlp import PixelPerceptron, matched_widths
from hypernet.retouch.baselines.programs import ImageMagick
from hypernet.retouch.baselines.regressions import Identity, NearestMaps, RidgeMaps, SharedMap
from hypernet.retouch.baselines.translation import CycleGanGenerator, Pix2PixGenerator
from hypernet.retouch.baselines.unet import UNet
from hypernet.retouch.config import (
    METHODS,
    AutoContrastSettings,
    ClaheSettings,
    CycleTranslationSettings,
    EqualizeSettings,
    FittedSettings,
    GeneratedSettings,
    GreyWorldSettings,
    GridSettings,
    IdentitySettings,
    MethodSettings,
    NearestSettings,
    NetworkSettings,
    NetworkSizes,
    OracleSettings,
    PairedTranslationSettings,
    PerceptronSettings,
    ProgramSettings,
    RidgeSettings,
    SharedSettings,
    TableSettings,
    UNetSettings,
    UnpairedSettings,
)
from hypernet.retouch.core.encoder import DeepEncoder, Encoder
from hypernet.retouch.core.functions import GlobalMap, Retouching
from hypernet.retouch.core.stretch import StretchedImages, StretchedMap
from hypernet.retouch.model import GeneratedMap

# Those that are only quoted, from tables of other papers.
QUOTED = {
    "dpe": "Deep Photo Enhancer",
    "deepupe": "DeepUPE",
    "csrnet": "CSRNet",
    "adaint": "AdaInt",
}
TITLES = {name: method.title for name, method in METHODS.items()} | QUOTED
GENERATED = 30


def build(method: str, settings: MethodSettings) -> Retouching:
    """What a method is before its training."""
    inner = _unstretched(method, settings)
    if not settings.network.stretch or not isinstance(settings, NetworkSettings | FittedSettings):
        return inner
    return StretchedMap(inner) if isinstance(inner, GlobalMap) else StretchedImages(inner)


def _unstretched(method: str, settings: MethodSettings) -> Retouching:
    sizes = settings.network
    match settings:
        case GeneratedSettings(basis=basis):
            return GeneratedMap(encoder(sizes), basis)
        case UnpairedSettings():
            return GeneratedMap(encoder(sizes))
        case PerceptronSettings(method=perceptron):
            return PixelPerceptron(encoder(sizes), matched_widths(sizes.embedding, perceptron.layers, GENERATED))
        case UNetSettings(method=unet):
            return UNet(unet.widths)
        case TableSettings(method=table):
            return ImageAdaptiveLut(encoder(sizes), table.tables, table.cells, table.smoothness, table.monotonicity)
        case GridSettings(method=grid):
            return HdrNet(sizes.thumbnail, grid.cells, grid.depth)
        case PairedTranslationSettings(method=translation):
            return Pix2PixGenerator(translation.channels, translation.depth)
        case CycleTranslationSettings(method=translation):
            return CycleGanGenerator(translation.channels, translation.depth)
        case _:
            return _without_steps(method, settings)


def _without_steps(method: str, settings: MethodSettings) -> Retouching:
    match settings:
        case IdentitySettings():
            return Identity()
        case GreyWorldSettings(method=grey_world):
            return GreyWorld(grey_world.linear)
        case AutoContrastSettings(method=auto_contrast):
            return AutoContrast(auto_contrast.cutoff)
        case EqualizeSettings():
            return Equalize()
        case ClaheSettings(method=clahe):
            return Clahe(clahe.clip_limit)
        case ProgramSettings(method=program):
            return ImageMagick(program.options)
        case SharedSettings():
            return SharedMap()
        case NearestSettings(method=nearest):
            return NearestMaps(nearest.samples, nearest.neighbours)
        case RidgeSettings(method=ridge):
            return RidgeMaps(ridge.penalty)
        case OracleSettings(basis=basis):
            return Oracle(basis)
    raise ValueError(f"{method}: no method takes settings of type {type(settings).__name__}")


def encoder(sizes: NetworkSizes) -> nn.Module:
    """What looks at the thumbnails."""
    if sizes.encoder == "deep":
        return DeepEncoder(sizes.embedding, sizes.dropout, sizes.thumbnail)
    return Encoder(sizes.embedding, sizes.statistics, sizes.dropout)
