"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from torch import nn

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters, of_parameters
from hypernet.shapes.baselines.cbn import ConditionalNormDecoder
from hypernet.shapes.baselines.concat import ConcatDecoder
from hypernet.shapes.baselines.film import FilmDecoder
from hypernet.shapes.baselines.per_class import PerClass
from hypernet.shapes.baselines.point_set import PointSet
from hypernet.shapes.baselines.voxel_deconv import DeconvolutionDecoder
from hypernet.shapes.baselines.voxel_r2n2 import PooledEncoder, RecurrentVoxelDecoder
from hypernet.shapes.config import (
    METHODS,
    ConcatSettings,
    ConditionalNormSettings,
    DecoderSizes,
    DeconvolutionSettings,
    EncoderSizes,
    FilmSettings,
    HyperSettings,
    MatchedSettings,
    NetworkSettings,
    PointSetSettings,
    RecurrentSettings,
    SingleSettings,
)
from hypernet.shapes.core.encoder import ImageEmbedding, ResidualEncoder, Unit
from hypernet.shapes.core.networks import ConditionalShape, VoxelShape
from hypernet.shapes.model import GeneratedDecoder
from hypernet.shapes.names import CLASSES

QUOTED = {
    "r2n2": "3D-R2N2 (Choy et al. 2016)",
    "ogn": "OGN (Tatarchenko et al. 2017)",
    "psgn": "PSGN (Fan et al. 2017)",
    "vtn": "VTN (Richter & Roth 2018)",
    "mtn": "MTN (Richter & Roth 2018)",
    "pcdi": "PCDI (Zeng et al. 2018)",
    "lsm": "LSM (Kar et al. 2017)",
    "vp3d": "VP3D (Kato & Harada 2019)",
}
TITLES = {name: method.title for name, method in METHODS.items()} | QUOTED


def build(settings: NetworkSettings) -> nn.Module:
    """The untrained network of a method.

    Returns:
        a ``ConditionalShape``, a ``VoxelShape``, a ``PointSet`` or a ``PerClass``.
    """
    match settings:
        case SingleSettings():
            return PerClass([_hyper(settings.encoder, settings.decoder) for _ in CLASSES])
        case HyperSettings():
            return _hyper(settings.encoder, settings.decoder)
        case FilmSettings(encoder=encoder, width=width, layers=layers):
            return ConditionalShape(_embedding(encoder), FilmDecoder(encoder.embedding, width, layers))
        case MatchedSettings():
            return _matched(settings)
        case ConcatSettings(encoder=encoder, layers=layers, method=method):
            return ConditionalShape(_embedding(encoder), ConcatDecoder(encoder.embedding, method.width, layers))
        case ConditionalNormSettings(encoder=encoder, method=method):
            return ConditionalShape(_embedding(encoder), ConditionalNormDecoder(encoder.embedding, method.width))
        case DeconvolutionSettings(encoder=encoder, method=method):
            return VoxelShape(_embedding(encoder), DeconvolutionDecoder(encoder.embedding, method.channels))
        case RecurrentSettings(method=method, views=views):
            embed = PooledEncoder(method.encoder, method.first_kernel, method.hidden, views.size)
            return VoxelShape(embed, RecurrentVoxelDecoder(method.hidden, method.decoder))
        case PointSetSettings(encoder=encoder, method=method):
            return PointSet(_embedding(encoder), method.hidden, method.count)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def _embedding(sizes: EncoderSizes, hidden: int | None = None, embedding: int | None = None) -> ImageEmbedding:
    units = [Unit(unit.channels, unit.stride) for unit in sizes.units]
    encoder = ResidualEncoder(sizes.channels, sizes.stride, units)
    return ImageEmbedding(encoder, hidden or sizes.hidden, embedding or sizes.embedding)


def _hyper(encoder: EncoderSizes, decoder: DecoderSizes) -> ConditionalShape:
    decode = GeneratedDecoder(encoder.embedding, decoder.width, decoder.layers, decoder.start)
    return ConditionalShape(_embedding(encoder), decode)


def _matched(settings: MatchedSettings) -> ConditionalShape:
    """The control: as many parameters as the hypernetwork, those of the heads given to the trunk."""
    encoder, decoder, method = settings.encoder, settings.decoder, settings.method
    wanted = count_parameters(_hyper(encoder, decoder))

    def network(hidden: int) -> ConditionalShape:
        decode = ConcatDecoder(method.embedding, method.width, decoder.layers)
        return ConditionalShape(_embedding(encoder, hidden, method.embedding), decode)

    matched, smallest = of_parameters(network, wanted)
    if matched is None:
        raise UserError(
            f"concat_matched: width {method.width} and embedding {method.embedding} alone make {smallest:,} parameters "
            f"of the hypernetwork's {wanted:,}; choose smaller ones"
        )
    return matched
