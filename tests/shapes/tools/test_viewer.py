"""Pictures, turntables and pages of a mesh: what is in the files."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.shapes.core.extraction import extract
from hypernet.shapes.tools import viewer
from hypernet.shapes.tools.viewer import on_ground, turntable, view, write_page, write_picture, write_turntable


@pytest.fixture(scope="module")
def slab():
    """A flat thing, wide along x: its views differ around."""

    def field(points):
        return (1 - np.abs(points / np.float32([0.8, 0.2, 0.1])).max(axis=1)).astype(np.float32)

    return extract(field, 24)


def test_a_picture_is_transparent_where_nothing_is(slab, tmp_path):
    write_picture(tmp_path / "slab.png", slab, size=96)
    with Image.open(tmp_path / "slab.png") as image:
        assert (image.mode, image.size) == ("RGBA", (96, 96))
        pixels = np.asarray(image)
    assert np.array_equal(pixels, view(slab, 96))
    assert not pixels[:10, :, 3].any()
    assert (pixels[44:52, 44:52, 3] == 255).all()
    # The middle of the picture is the middle of the cube.
    rows, columns = np.nonzero(pixels[..., 3])
    assert abs(rows.mean() - 47.5) < 4
    assert abs(columns.mean() - 47.5) < 4


def test_a_turntable_goes_round_once(slab):
    frames = turntable(slab, size=48, frames=8)
    widths = [np.ptp(np.nonzero(frame[..., 3].any(axis=0))[0]) for frame in frames]
    # Half a turn on the slab looks as wide again, a quarter of a turn much narrower or wider.
    assert all(abs(widths[number] - widths[number + 4]) <= 2 for number in range(4))
    assert max(widths) > 1.5 * min(widths)


def test_a_turntable_is_a_small_gif_that_goes_on(slab, tmp_path):
    write_turntable(tmp_path / "slab.gif", slab, size=96, frames=10)
    with Image.open(tmp_path / "slab.gif") as image:
        assert (image.format, image.size, image.n_frames) == ("GIF", (96, 96), 10)
        assert image.info["loop"] == 0
        assert image.info["duration"] == viewer.MILLISECONDS
        frames = []
        for number in range(10):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")).astype(int))
    for frame, pixels in zip(frames, turntable(slab, 96, 10), strict=True):
        assert np.abs(frame - on_ground(pixels)).mean() < 4
        assert (frame[0] >= 250).all()
    assert (tmp_path / "slab.gif").stat().st_size < 100_000


def test_a_page_carries_its_mesh_and_fetches_nothing(slab, tmp_path):
    write_page(tmp_path / "slab.html", slab, "A <slab> & more", "of photo <1>\nsecond line")
    page = (tmp_path / "slab.html").read_text(encoding="utf-8")
    assert "<title>A &lt;slab&gt; &amp; more</title>" in page
    assert "of photo &lt;1&gt;\nsecond line" in page
    # No script, style, picture or link of elsewhere: three.js is in the page.
    assert not re.search(r"<script[^>]*\bsrc=|<link\b|<img\b|@import|\bimport\(", page)
    assert "WebGLRenderer" in page
    (encoded,) = re.findall(r'base64_data\s*=\s*"([A-Za-z0-9+/=]+)"', page)
    trimesh = pytest.importorskip("trimesh")
    import io

    scene = trimesh.load_scene(io.BytesIO(base64.b64decode(encoded)), file_type="glb")
    (mesh,) = scene.geometry.values()
    np.testing.assert_allclose(mesh.bounds, slab.bounds, atol=1e-6)
    assert len(mesh.faces) == len(slab.triangles)


def test_white_is_behind_what_is_transparent():
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 51]]], dtype=np.uint8)
    assert on_ground(pixels).tolist() == [[[255] * 3, [10, 20, 30], [204] * 3]]


def test_names_are_checked_before_work(slab, tmp_path):
    for write, name, ending in (
        (write_picture, "a.jpg", ".png"),
        (write_turntable, "a.png", ".gif"),
        (lambda path, mesh: write_page(path, mesh, "", ""), "a.htm", ".html"),
    ):
        with pytest.raises(UserError, match=f"must end in {ending}"):
            write(tmp_path / name, slab)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UserError, match="this is a folder"):
        write_picture(tmp_path / "folder.png", slab)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]
