"""Method ids, their names for people, and the networks behind them."""

from __future__ import annotations

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters, of_parameters
from hypernet.shapes.baselines.concat import ConcatDecoder
from hypernet.shapes.baselines.film import FilmDecoder
from hypernet.shapes.config import EncoderSizes
from hypernet.shapes.core.encoder import ImageEmbedding, ResidualEncoder, Unit
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.sonar.baselines.resnet import ResidualEmbedding
from hypernet.sonar.baselines.sight import BothEmbedding
from hypernet.sonar.baselines.soundnet import WaveEmbedding, WaveLayer
from hypernet.sonar.config import (
    METHODS,
    BatSettings,
    BothSettings,
    FilmSettings,
    FixedSettings,
    MatchedSettings,
    NetworkSettings,
    ResidualSettings,
    VisionSettings,
    WaveSettings,
)
from hypernet.sonar.core.spectrograms import Channels
from hypernet.sonar.model import Sound, bat_embedding, hypernetwork, spectrogram, spectrogram_encoder

QUOTED = {
    "r2n2": "3D-R2N2, vision (Choy et al. 2016)",
    "vision_published": "The authors' vision work (Littwin & Wolf 2019)",
}
TITLES = {name: method.title for name, method in METHODS.items()} | QUOTED


def build(settings: NetworkSettings, sound: Sound) -> ConditionalShape:
    """The untrained network of a method, for echoes of the form ``sound``."""
    decoder, representation = settings.decoder, settings.representation
    match settings:
        case WaveSettings(method=method):
            sizes = method.encoder
            layers = [WaveLayer(layer.channels, layer.kernel, layer.stride, layer.pool) for layer in sizes.layers]
            wave = WaveEmbedding(spectrogram(sound, representation), sound.ears, layers, sizes.hidden, sizes.embedding)
            return hypernetwork(wave, sizes.embedding, decoder)
        case ResidualSettings(encoder=encoder, phase=phase):
            channels = Channels(spectrogram(sound, representation), sound.ears, phase=phase)
            network = spectrogram_encoder(encoder, channels.count)
            embed = ResidualEmbedding(channels, network, encoder.hidden, encoder.embedding)
            return hypernetwork(embed, encoder.embedding, decoder)
        case FilmSettings(encoder=encoder):
            decode = FilmDecoder(encoder.embedding, decoder.width, decoder.layers)
            return ConditionalShape(bat_embedding(sound, representation, encoder), decode)
        case FixedSettings(encoder=encoder, method=method):
            fixed = ConcatDecoder(encoder.embedding, method.width, decoder.layers)
            return ConditionalShape(bat_embedding(sound, representation, encoder), fixed)
        case MatchedSettings():
            return _matched(settings, sound)
        case BatSettings(encoder=encoder):
            return hypernetwork(bat_embedding(sound, representation, encoder), encoder.embedding, decoder)
        case VisionSettings(image_encoder=sizes):
            return hypernetwork(_image_embedding(sizes), sizes.embedding, decoder)
        case BothSettings(encoder=encoder, image_encoder=sizes):
            heard, seen = bat_embedding(sound, representation, encoder), _image_embedding(sizes)
            both = BothEmbedding(heard, seen, sound.ears, sound.samples)
            return hypernetwork(both, both.size, decoder)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def _image_embedding(sizes: EncoderSizes) -> ImageEmbedding:
    units = [Unit(unit.channels, unit.stride) for unit in sizes.units]
    encoder = ResidualEncoder(sizes.channels, sizes.stride, units)
    return ImageEmbedding(encoder, sizes.hidden, sizes.embedding)


def _matched(settings: MatchedSettings, sound: Sound) -> ConditionalShape:
    """The control: as many parameters as the hypernetwork, those of the heads given to the trunk."""
    encoder, decoder, width = settings.encoder, settings.decoder, settings.method.width
    written = hypernetwork(bat_embedding(sound, settings.representation, encoder), encoder.embedding, decoder)
    wanted = count_parameters(written)

    def network(hidden: int) -> ConditionalShape:
        decode = ConcatDecoder(encoder.embedding, width, decoder.layers)
        return ConditionalShape(bat_embedding(sound, settings.representation, encoder, hidden), decode)

    matched, smallest = of_parameters(network, wanted)
    if matched is None:
        raise UserError(
            f"concat_matched: width {width} alone makes {smallest:,} parameters of the hypernetwork's {wanted:,}; "
            "choose a smaller one"
        )
    return matched
