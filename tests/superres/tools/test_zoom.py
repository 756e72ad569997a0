"""The way into a part of the image, and its files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.superres.core.grids import WHOLE, Window
from hypernet.superres.tools.enlarge import enlarge
from hypernet.superres.tools.zoom import EDGE_SIDE, edge, windows

from .conftest import small

PART = Window(0.2, 0.5, 0.45, 0.6)


def test_windows_shrink_by_one_factor_and_one_point_stays():
    path = windows(PART, 9)
    assert path[0] == WHOLE
    assert path[-1] == PART
    ends = np.array(path)
    for first, last, side in ((0, 2, 0.25), (1, 3, 0.1)):
        sides = ends[:, last] - ends[:, first]
        np.testing.assert_allclose(sides[1:] / sides[:-1], side ** (1 / 8))
        assert (np.diff(ends[:, first]) >= 0).all()
        assert (np.diff(ends[:, last]) <= 0).all()
        # The place in the frame of the point that stays.
        point = PART[first] / (1 - side)
        np.testing.assert_allclose((point - ends[:, first]) / sides, point)
    assert windows(WHOLE, 3) == [WHOLE] * 3
    # A part at the border, and one that is whole across.
    for part in (Window(0.5, 0, 1, 0.25), Window(0.3, 0, 0.4, 1)):
        assert all(0 <= end <= 1 for window in windows(part, 5) for end in window)


def test_the_edge_is_where_the_picture_is_steepest():
    picture = np.zeros((64, 64))
    picture[:, 20:] = 0.4
    picture[40:, :] += 0.6
    window = edge(picture)
    assert window.top < 40 / 64 < window.bottom
    assert window.bottom - window.top == pytest.approx(EDGE_SIDE)
    assert window.left <= 21 / 64 <= window.right
    corner = np.zeros((64, 64))
    corner[0, 0] = 1
    assert edge(corner) == Window(0, 0, EDGE_SIDE, EDGE_SIDE)


@pytest.mark.parametrize(("name", "kept"), [("z.gif", "GIF"), ("z.webp", "WEBP"), ("z.png", "PNG")])
@pytest.mark.parametrize("inverted", [False, True])
def test_frames_are_samples_of_the_function(models, tmp_path, name, kept, inverted):
    image = 1 - small() if inverted else small()
    result = enlarge(image, model=[models["hyper"], models["again"]], size=32)
    words = result.save_zoom(tmp_path / name, PART, frames=4, size=(36, 48))
    assert words.startswith("a zoom into 0.2,0.5,0.45,0.6 (top, left, bottom, right), 4 frames of 36 x 48 pixels, ")
    with Image.open(tmp_path / name) as moving:
        assert (moving.format, moving.size, moving.n_frames) == (kept, (48, 36), 4)
        assert moving.info.get("loop") == 0
        for number, window in enumerate(windows(PART, 4)):
            moving.seek(number)
            frame = np.asarray(moving.convert("L")) / 255
            np.testing.assert_allclose(frame, result.sample((36, 48), window), atol=0.51 / 255)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_a_window_it_goes_into_a_stroke_s_edge(models, tmp_path):
    result = enlarge(small(), model=models["hyper"], size=32)
    words = result.save_zoom(tmp_path / "z.gif", frames=2, size=16)
    ends = [float(end) for end in words.removeprefix("a zoom into ").split(" ")[0].split(",")]
    assert ends == pytest.approx(edge(result.sample(64)), abs=1e-3)
    part = result.sample(16, ends)
    assert np.ptp(part) > 0.1


def test_what_is_refused(models, tmp_path):
    result = enlarge(small(), model=models["hyper"], size=32)
    for reason, arguments in {
        "z.mp4: the name must end in .gif or .webp or .png": ("z.mp4",),
        "frames: 1 of 256 x 256": ("z.gif", PART, 1),
        "frames: 1001": ("z.gif", PART, 1001, 8),
        "frames: 2 of 65536 x 4096 pixels; .* 134,217,728 pixels at most": ("z.gif", PART, 2, (65536, 4096)),
        "window: 0,0,0,1; accepted": ("z.gif", (0, 0, 0, 1)),
        "is too small for 256 x 256 pixels": ("z.gif", (0.7, 0.7, 0.700001, 0.8)),
    }.items():
        name, *rest = arguments
        with pytest.raises(UserError, match=reason):
            result.save_zoom(tmp_path / name, *rest)
    still = enlarge(small(), model=models["espcn"])
    with pytest.raises(UserError, match=r"espcn\.ckpt: espcn: makes whole images"):
        still.save_zoom(tmp_path / "z.gif", PART, 3, 32)
    assert not list(tmp_path.iterdir())
