"""Cutting and joining: every pixel goes where slices of the image say."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.radar.core import tiles
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.tiles import OnTiles, PatchNetwork, cut, join, tile_views


@st.composite
def geometries(draw):
    patch, side, margin = (draw(st.integers(low, 5)) for low in (1, 1, 0))
    return Geometry(patch * side + 2 * margin, margin, patch, 1)


def numbered(count, geometry, dtype=torch.int64):
    """Frames all of whose pixels are different."""
    return torch.arange(count * 4 * geometry.size**2).reshape(count, 4, geometry.size, geometry.size).to(dtype)


@given(geometries(), st.integers(0, 3))
def test_patches_are_slices_and_their_centres_join_to_the_image(geometry, count):
    frames = numbered(count, geometry)
    patches = cut(frames, geometry)
    assert patches.shape == (count, geometry.patches, 4, geometry.patch_input, geometry.patch_input)
    side = geometry.centre // geometry.patch
    for number in range(geometry.patches):
        row, column = (place * geometry.patch for place in divmod(number, side))
        expected = frames[:, :, row : row + geometry.patch_input, column : column + geometry.patch_input]
        assert torch.equal(patches[:, number], expected)
    margin = geometry.margin
    inner = slice(margin, margin + geometry.patch)
    whole = slice(margin, geometry.size - margin)
    assert torch.equal(join(patches[:, :, -1, inner, inner], geometry), frames[:, -1, whole, whole])


@given(geometries(), st.integers(1, 2))
def test_joining_is_a_bijection(geometry, count):
    pixels = geometry.patches * geometry.patch**2
    tiles = torch.arange(count * pixels).reshape(count, geometry.patches, geometry.patch, geometry.patch)
    joined = join(tiles, geometry)
    assert joined.shape == (count, geometry.centre, geometry.centre)
    assert torch.equal(joined.flatten().sort().values, tiles.flatten())
    flat = Geometry(geometry.centre, 0, geometry.patch, 1)
    assert torch.equal(cut(joined[:, None].expand(-1, 4, -1, -1), flat)[:, :, 0], tiles)


def test_views_of_frames_in_memory_copy_nothing():
    frames = np.random.default_rng(0).integers(0, 256, (6, 20, 20), dtype=np.uint8)
    views = tile_views(torch.from_numpy(frames), Geometry(20, 4, 3, 1))
    assert views.shape == (6, 4, 4, 11, 11)
    assert views.dtype == torch.uint8
    frames[2, 3 + 5, 6 + 7] += 1
    assert views[2, 1, 2, 5, 7] == frames[2, 8, 13]
    assert views.untyped_storage().data_ptr() == torch.from_numpy(frames).untyped_storage().data_ptr()


@pytest.mark.parametrize("at_once", [1, 40, 10**6])
def test_a_network_on_patches_forecasts_images_some_at_a_time(monkeypatch, at_once):
    seen = []

    class Shift(PatchNetwork):
        def forward(self, patches):
            seen.append(len(patches))
            return patches[:, -1, 1:4, 3:6]

    monkeypatch.setattr(tiles, "PATCHES_AT_ONCE", at_once)
    geometry = Geometry(16, 2, 3, 3)
    frames = numbered(5, geometry, torch.float32)
    assert torch.equal(OnTiles(Shift(), geometry)(frames), frames[:, -1, 1:13, 3:15])
    # The patches of one image go together.
    assert max(seen) <= max(at_once, 16)
    assert sum(seen) == 5 * 16


def test_rectangles_of_patches_are_forecast_too():
    class Shift(PatchNetwork):
        def forward(self, patches):
            return patches[:, -1, 1:4, 3:6]

    frames = torch.rand(5, 4, 2 * 3 + 4, 5 * 3 + 4)
    assert torch.equal(OnTiles(Shift(), Geometry(16, 2, 3, 3))(frames), frames[:, -1, 1:7, 3:18])


def test_what_does_not_fit_is_refused():
    geometry = Geometry(16, 2, 3, 3)
    with pytest.raises(ValueError, match=r"\[2, 4, 15, 16\].*3 pixels do not fill a centre of 11 x 12"):
        cut(torch.zeros(2, 4, 15, 16), geometry)
    with pytest.raises(ValueError, match=r"\[2, 15, 3, 3\].*16, 3, 3"):
        join(torch.zeros(2, 15, 3, 3), geometry)
    with pytest.raises(ValueError, match=r"\[2, 7, 3, 3\] must be \[B, 6, 3, 3\]"):
        join(torch.zeros(2, 7, 3, 3), geometry, rows=2)
    with pytest.raises(ValueError, match="5 pixels do not fill a centre of 12 x 12"):
        cut(torch.zeros(2, 4, 16, 16), Geometry(16, 2, 5, 3))
