"""The packages' photographs are the expected ones, or said to be others."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import subprocess
import sys

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.lab.files import sha256
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.photographs import CELLS, PACKAGED, packaged_file, photographs, reduced

Image = pytest.importorskip("PIL.Image")
NAMES = ["astronaut", "coffee", "cat", "rocket", "motorcycle", "china", "flower", "grace_hopper"]
for _module in ("skimage", "sklearn", "matplotlib"):
    if importlib.util.find_spec(_module) is None:
        pytest.skip(f"{_module} is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def pictures():
    return photographs()


def test_there_are_eight_in_their_order(pictures):
    assert list(pictures) == list(PACKAGED) == NAMES
    for name, pixels in pictures.items():
        assert pixels.dtype == np.uint8
        assert pixels.shape == (*PACKAGED[name].size, 3)
        # No two are alike, none is grey or flat.
        assert np.ptp(pixels, axis=2).max() > 60
        assert pixels.std() > 30
    assert len({pixels.tobytes() for pixels in pictures.values()}) == 8


def test_they_are_as_their_files_have_them(pictures):
    """All but the rocket, whose profile is not sRGB's."""
    for name in NAMES:
        if name != "rocket":
            with Image.open(packaged_file(name)) as image:
                assert np.abs(np.asarray(image).astype(int) - pictures[name]).max() <= 1, name


def test_the_rocket_is_converted_from_its_profile(pictures):
    cms = pytest.importorskip("PIL.ImageCms")
    with Image.open(packaged_file("rocket")) as image:
        as_stored = np.asarray(image)
        source = cms.getOpenProfile(io.BytesIO(image.info["icc_profile"]))
        assert "Adobe RGB" in cms.getProfileDescription(source)
        converted = np.asarray(cms.profileToProfile(image, source, cms.createProfile("sRGB")))
    assert np.abs(converted.astype(int) - pictures["rocket"]).mean() < 0.6
    assert np.abs(as_stored.astype(int) - pictures["rocket"]).mean() > 2


def test_the_recorded_cells_and_digests_are_of_these_files(pictures):
    for name, photograph in PACKAGED.items():
        cells = np.frombuffer(bytes.fromhex(photograph.cells), dtype=np.uint8).reshape(CELLS, CELLS, 3)
        assert np.abs(255 * thumbnail(pictures[name], CELLS) - cells).max() < 1
        assert len(bytes.fromhex(photograph.sha256)) == 32
        assert photograph.licence
        assert photograph.source
    # Packages may pack them anew; of today's they are not.
    assert sha256(packaged_file("coffee")) == PACKAGED["coffee"].sha256


def test_copies_are_read_instead(tmp_path, pictures):
    copy = tmp_path / "kept.png"
    copy.write_bytes(packaged_file("cat").read_bytes())
    read = photographs({"cat": copy})
    assert list(read) == ["cat"]
    assert (read["cat"] == pictures["cat"]).all()


def test_a_photograph_packed_anew_is_used_and_named(tmp_path, pictures, capsys):
    path = tmp_path / "chelsea.jpg"
    Image.fromarray(pictures["cat"]).save(path, quality=90)
    pixels = photographs({"cat": path})["cat"]
    assert np.abs(pixels.astype(int) - pictures["cat"]).mean() < 5
    version = importlib.metadata.version("scikit-image")
    assert capsys.readouterr().err == (
        f"{path}: the photograph cat packed anew (scikit-image {version}): numbers may differ\n"
    )


@pytest.mark.parametrize("change", ["other", "smaller", "flipped", "brighter"])
def test_another_picture_is_refused(tmp_path, pictures, change):
    pixels = {
        "other": pictures["coffee"][:300, :451],
        "smaller": pictures["cat"][::2, ::2],
        "flipped": pictures["cat"][:, ::-1],
        "brighter": np.minimum(pictures["cat"], 247) + 8,
    }[change]
    path = tmp_path / "chelsea.png"
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    version = importlib.metadata.version("scikit-image")
    expected = rf"chelsea.png: not the photograph cat .*scikit-image {version} is here.*451 x 300 pixels"
    with pytest.raises(UserError, match=expected):
        photographs({"cat": path})


def test_a_package_that_is_missing_or_lost_its_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(UserError, match="scikit-image, which carries the photograph coffee, is not installed: pip"):
        packaged_file("coffee")
    (tmp_path / "skimage").mkdir()
    (tmp_path / "skimage" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "skimage")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(UserError, match=r"does not carry the photograph coffee \(looked for .*data/coffee.png\)"):
        packaged_file("coffee")


def test_no_package_is_imported_to_find_a_file():
    program = (
        "import sys; from hypernet.retouch.sources.photographs import PACKAGED, packaged_file;"
        "[packaged_file(name) for name in PACKAGED];"
        "print([name for name in ('skimage', 'sklearn', 'matplotlib', 'torch', 'PIL', 'pooch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((512, 768), 256, (256, 384)),
        ((768, 512), 256, (384, 256)),
        ((300, 451), 256, (256, 385)),
        ((100, 80), 256, (100, 80)),
        ((256, 300), 256, (256, 300)),
    ],
)
def test_photographs_are_brought_to_a_short_side(size, short_side, expected):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    small = reduced(pixels, short_side)
    assert small.shape == (*expected, 3)
    assert small.dtype == np.uint8
    if expected == size:
        assert (small == pixels).all()
    else:
        assert np.abs(small.mean(axis=(0, 1)) - pixels.mean(axis=(0, 1))).max() < 1
