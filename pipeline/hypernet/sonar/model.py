"""BatMan: a network listens to an echo and writes all weights of g, the network that is the object.

    θ_E = H e(E) + θ_0,    z(p) = g(p; θ_E),    P(p is inside) = sigmoid(z)

the talk's form, with the functional decoder g of `hypernet.shapes` (Littwin and Wolf 2019); after N. Frank, L. Wolf,
D. Olshansky, A. Boonman and Y. Yovel, "Comparing Vision-based to Sonar-based 3D Reconstruction" (ICCP 2020), of which
no program and no data are public: encoder, representation and simulator are this project's.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from hypernet.shapes.config import DecoderSizes, EncoderSizes
from hypernet.shapes.core.encoder import Unit
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.model import GeneratedDecoder
from hypernet.sonar.config import Representation
from hypernet.sonar.core.encoders import BatEmbedding
from hypernet.sonar.core.residual import SpectrogramEncoder
from hypernet.sonar.core.spectrograms import Channels, Spectrogram, band_bins


@dataclass(frozen=True)
class Sound:
    """The form of what is heard of an object.

    Attributes:
        ears: C, echoes of an object; the first two are those of one head, and so on.
        samples: T, of each echo.
        rate_hz: samples of a second.
    """

    ears: int
    samples: int
    rate_hz: int


def spectrogram(sound: Sound, sizes: Representation) -> Spectrogram:
    """The transform of a representation, its constants not yet known."""
    return Spectrogram(sizes.window, sizes.hop, band_bins(sizes.window, sound.rate_hz, sizes.low_hz, sizes.high_hz))


def spectrogram_encoder(sizes: EncoderSizes, given: int) -> SpectrogramEncoder:
    """The residual network for spectrograms of ``given`` channels."""
    units = [Unit(unit.channels, unit.stride) for unit in sizes.units]
    return SpectrogramEncoder(sizes.channels, sizes.stride, units, given)


def bat_embedding(
    sound: Sound, representation: Representation, sizes: EncoderSizes, hidden: int | None = None
) -> BatEmbedding:
    """BatMan's encoder: magnitudes, compressed spectra and what is between the ears, over time.

    Args:
        sound: what is heard.
        representation: the spectrogram.
        sizes: of the network.
        hidden: width of its first fully connected layer, if another one than the sizes'.
    """
    channels = Channels(spectrogram(sound, representation), sound.ears, binaural=True)
    encoder = spectrogram_encoder(sizes, channels.count)
    return BatEmbedding(channels, encoder, sound.samples, hidden or sizes.hidden, sizes.embedding)


def hypernetwork(embed: nn.Module, size: int, decoder: DecoderSizes) -> ConditionalShape:
    """An embedding of ``size`` entries before the functional decoder, all of whose weights it writes."""
    return ConditionalShape(embed, GeneratedDecoder(size, decoder.width, decoder.layers, decoder.start))
