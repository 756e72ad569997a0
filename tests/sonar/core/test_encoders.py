"""Encoders: shapes, what they depend on, and what they must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.shapes.core.encoder import ImageEmbedding, ResidualEncoder, Unit
from hypernet.sonar.baselines.resnet import ResidualEmbedding
from hypernet.sonar.baselines.sight import BothEmbedding, side_by_side
from hypernet.sonar.baselines.soundnet import WaveEmbedding, WaveLayer
from hypernet.sonar.core.encoders import BatEmbedding
from hypernet.sonar.core.residual import SpectrogramEncoder
from hypernet.sonar.core.spectrograms import Channels, Spectrogram, band_bins

SAMPLES = 512
UNITS = (Unit(8, 2), Unit(12, 2))


def channels(ears: int = 2, binaural: bool = True) -> Channels:
    return Channels(Spectrogram(64, 16, band_bins(64, 250e3, 15e3, 75e3)), ears, binaural=binaural)


def bat(ears: int = 2, samples: int = SAMPLES) -> BatEmbedding:
    given = channels(ears)
    return BatEmbedding(given, SpectrogramEncoder(8, 2, UNITS, given.count), samples, 16, 10)


@pytest.mark.parametrize("samples", [512, 700, 1024, 1025])
@pytest.mark.parametrize("ears", [2, 4, 7])
def test_the_axis_of_time_is_kept_for_echoes_of_any_length(samples, ears):
    assert bat(ears, samples)(torch.randn(3, ears, samples)).shape == (3, 10)


def test_the_extent_is_that_of_the_maps():
    encoder = SpectrogramEncoder(8, 2, UNITS, 3)
    for height, width in ((31, 65), (64, 33), (5, 7)):
        assert encoder(torch.zeros(2, 3, height, width)).shape[2:] == (
            encoder.extent(height),
            encoder.extent(width),
        )


def test_distance_is_told_apart_by_batman_and_lost_by_an_average():
    """The same echo later: a mean over time and frequency sees it by its ends alone, a range profile as another one."""
    torch.manual_seed(0)
    given = channels(binaural=False)
    mean = ResidualEmbedding(given, SpectrogramEncoder(8, 2, UNITS, given.count), 16, 10).eval()
    echo = torch.zeros(1, 2, SAMPLES)
    echo[..., 128:192] = torch.randn(1, 2, 64)
    later = torch.roll(echo, 128, dims=-1)

    def change(network: torch.nn.Module) -> float:
        with torch.no_grad():
            features = network.features(torch.cat([echo, later]))
        return float((features[1] - features[0]).norm() / features[0].norm())

    assert change(bat().eval()) > 3 * change(mean)


def test_the_wave_encoder():
    layers = [WaveLayer(4, 33, 2, 4), WaveLayer(8, 17, 2, 1)]
    network = WaveEmbedding(channels().spectrogram, 2, layers, 16, 10)
    assert network(torch.randn(5, 2, SAMPLES)).shape == (5, 10)


def test_what_is_side_by_side_comes_apart_again():
    random = np.random.default_rng(0)
    echoes = random.normal(size=(3, 2, SAMPLES)).astype(np.float32)
    images = random.integers(0, 256, (3, 24, 24, 4), dtype=np.uint8)
    image = ImageEmbedding(ResidualEncoder(8, 2, UNITS), 16, 6)
    echo = bat().eval()
    both = BothEmbedding(echo, image, 2, SAMPLES)
    with torch.no_grad():
        together = both(torch.from_numpy(side_by_side(echoes, images)))
        apart = torch.cat([echo(torch.from_numpy(echoes)), image(torch.from_numpy(images))], dim=1)
    assert torch.allclose(together, apart, atol=1e-6)
    assert both.size == 16
