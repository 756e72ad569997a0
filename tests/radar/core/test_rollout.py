"""Forecasts of large fields from squares, with forecasters whose result over a whole field is known."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate, shift
from torch import nn

from hypernet.lab.errors import UserError
from hypernet.radar.core import rollout
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.rollout import Tiled, known_after, last_field, network_forecast, roll_out
from hypernet.radar.core.tiles import OnTiles, PatchNetwork

KERNEL = np.array([[0.0, 0.1, 0.0], [0.2, 0.3, 0.1], [0.1, 0.0, 0.2]], np.float32)


def rain(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def filtered(margin: int):
    """A forecast of squares: the last image correlated with :data:`KERNEL`."""

    def forecast(squares: np.ndarray) -> np.ndarray:
        whole = correlate(squares[:, -1], KERNEL[None], mode="constant")
        return whole[:, margin : squares.shape[2] - margin, margin : squares.shape[3] - margin]

    return forecast


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(7, 15),
    margin=st.integers(1, 3),
    more=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    border=st.sampled_from(["zero", "edge"]),
)
def test_squares_give_what_one_pass_over_the_whole_field_gives(size, margin, more, border):
    frames = rain(2, 4, size + more[0], size + more[1])
    field = Tiled(filtered(margin), size, margin, border)(frames)
    mode = {"zero": "constant", "edge": "nearest"}[border]
    np.testing.assert_allclose(field, correlate(frames[:, -1], KERNEL[None], mode=mode), atol=1e-6)


def test_patches_narrower_than_the_margin_cover_the_border_too():
    frames = rain(1, 4, 61, 58)
    field = Tiled(filtered(10), 28, 10)(frames)
    np.testing.assert_allclose(field, correlate(frames[:, -1], KERNEL[None], mode="constant"), atol=1e-6)


class PatchMeans(PatchNetwork):
    """Forecasts that tell one patch from another: the last image times the mean of all that the patch sees."""

    def __init__(self, margin: int):
        super().__init__()
        self.margin, self.seen = margin, 0

    def forward(self, patches):
        self.seen += len(patches)
        inner = slice(self.margin, patches.shape[-1] - self.margin)
        return patches[:, -1, inner, inner] * patches.mean(dim=(1, 2, 3))[:, None, None]


@settings(max_examples=60, deadline=None)
@given(
    patch=st.integers(1, 6),
    side=st.integers(1, 5),
    margin=st.integers(0, 7),
    more=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    border=st.sampled_from(["zero", "edge"]),
)
def test_patches_that_are_seen_are_those_of_whole_squares(patch, side, margin, more, border):
    geometry = Geometry(patch * side + 2 * margin, margin, patch, 1)
    frames = rain(2, 4, geometry.size + more[0], geometry.size + more[1])
    forecast = network_forecast(OnTiles(PatchMeans(margin), geometry))
    whole = Tiled(forecast, geometry.size, margin, border)(frames)
    np.testing.assert_allclose(Tiled(forecast, geometry.size, margin, border, patch=patch)(frames), whole, rtol=1e-5)


def test_patches_that_are_not_seen_are_not_forecast():
    geometry, network = Geometry(100, 10, 8, 21), PatchMeans(10)
    Tiled(network_forecast(OnTiles(network, geometry)), 100, 10, patch=8)(rain(1, 4, 100, 100))
    # Ten a side in the middle, two more along each edge.
    assert network.seen == 14**2


def test_a_field_of_the_networks_size_gets_the_networks_own_forecast():
    """A forecast that depends on the whole square tells one square from another."""

    def forecast(squares: np.ndarray) -> np.ndarray:
        return np.broadcast_to(squares.mean(axis=(1, 2, 3))[:, None, None], (len(squares), 16, 16))

    frames = rain(3, 4, 20, 20)
    field = Tiled(forecast, 20, 2)(frames)
    means = frames.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(field[:, 2:-2, 2:-2], np.broadcast_to(means[:, None, None], (3, 16, 16)), rtol=1e-6)
    # The rim sees dry pixels beyond the edge.
    assert (field[:, 0, 0] < means).all()


def test_networks_on_images_are_taken_as_they_are():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(4, 1, 5)
            self.dropout = nn.Dropout(0.5)

        def forward(self, frames):
            return self.dropout(self.convolution(frames))[:, 0]

    network, frames = Mean(), rain(1, 4, 37, 30)
    field = Tiled(network_forecast(network), 12, 2)(frames)
    weight, bias = (parameter.detach().numpy() for parameter in network.convolution.parameters())
    whole = sum(correlate(frames[0, image], weight[0, image], mode="constant") for image in range(4)) + bias
    np.testing.assert_allclose(field[0], whole, atol=1e-5)


def test_pixels_may_hold_several_numbers():
    frames = rain(2, 4, 31, 25)
    forecast = filtered(3)

    def three(squares: np.ndarray) -> np.ndarray:
        return np.stack([forecast(squares), 2 * forecast(squares), -forecast(squares)], axis=1)

    single, several = Tiled(forecast, 12, 3)(frames), Tiled(three, 12, 3, channels=(3,))(frames)
    assert several.shape == (2, 31, 25, 3)
    np.testing.assert_array_equal(several, single[..., None] * np.array([1, 2, -1], np.float32))


def test_rolling_out_moves_on_step_by_step():
    """The last image, moved by two pixels every step: after k steps by 2 k."""

    def step(frames: np.ndarray) -> np.ndarray:
        return shift(frames[:, -1], (0, 0, 2), order=0)

    frames = rain(2, 4, 9, 20)
    forecasts = roll_out(step, frames, 3)
    assert forecasts.shape == (2, 3, 9, 20)
    for lead in range(3):
        np.testing.assert_array_equal(forecasts[:, lead], shift(frames[:, -1], (0, 0, 2 * (lead + 1)), order=0))


def test_forecasts_are_fed_back_as_the_newest_image_within_0_and_1():
    seen = []

    def step(frames: np.ndarray) -> np.ndarray:
        seen.append(frames[0, :, 0, 0])
        return np.full(frames.shape[::2][:1] + frames.shape[2:], len(seen) - 0.5, np.float32)

    frames = np.zeros((1, 4, 5, 5), np.float32) + np.array([0.1, 0.2, 0.3, 0.4], np.float32)[None, :, None, None]
    forecasts = roll_out(step, frames, 3)
    np.testing.assert_allclose(seen, [[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5], [0.3, 0.4, 0.5, 1.0]])
    np.testing.assert_allclose(forecasts[0, :, 0, 0], [0.5, 1.5, 2.5])


def test_last_field_stays():
    frames = rain(1, 4, 6, 7)
    np.testing.assert_array_equal(roll_out(last_field, frames, 2)[0, 1], frames[0, 3])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_a_number_is_refused_with_its_place(value):
    frames = rain(1, 4, 12, 12)
    frames[0, 2, 3, 4] = value
    for forecast in (Tiled(filtered(2), 12, 2), last_field):
        with pytest.raises(UserError, match=re.escape("image 2, row 3, column 4: not a number (1 such pixels)")):
            forecast(frames)


def test_fields_smaller_than_a_square_are_refused():
    with pytest.raises(UserError, match="images of 11 x 30 pixels; accepted: at least 12 x 12"):
        Tiled(filtered(2), 12, 2)(rain(1, 4, 11, 30))


def test_wrong_shapes_are_refused():
    with pytest.raises(UserError, match=r"accepted: \[B, 4, H, W\]"):
        last_field(rain(1, 3, 12, 12))


def test_where_forecasts_depend_on_nothing_assumed():
    known = known_after(30, 41, margin=4, steps=3)
    rows, columns = np.nonzero(known)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 17, 12, 28)
    # With another border, that is just where the forecast does not change.
    frames = rain(1, 4, 30, 41)

    def spread(squares: np.ndarray) -> np.ndarray:
        return correlate(squares[:, -1], np.full((1, 9, 9), 1 / 81), mode="constant")[:, 4:-4, 4:-4]

    zero, edge = (roll_out(Tiled(spread, 20, 4, border), frames, 3)[0, -1] for border in ("zero", "edge"))
    np.testing.assert_array_equal(np.isclose(zero, edge, atol=1e-7), known)


def test_memory_is_bounded_on_national_composites(monkeypatch):
    monkeypatch.setattr(rollout, "PIXELS_AT_ONCE", 2**20)
    frames = np.zeros((1, 4, 1500, 1500), np.float32)

    def forecast(squares: np.ndarray) -> np.ndarray:
        return squares[:, -1, 10:-10, 10:-10]

    tracemalloc.start()
    field = Tiled(forecast, 100, 10)(frames)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert field.shape == (1, 1500, 1500)
    # The padded input, the check for numbers, the output and one batch of squares of 4 MiB: no copy of all squares.
    assert peak < 2.2 * frames.nbytes
