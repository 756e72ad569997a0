"""The network that is an image, as a file: read by numpy alone, and by other programs of ONNX."""

from __future__ import annotations

import json
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from hypernet.lab.errors import UserError
from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.tools import network_files
from hypernet.superres.tools.enlarge import enlarge
from hypernet.superres.tools.network_files import INPUT, MEANING, OUTPUT, network_file, write_network

from .conftest import small

REASON = 'the extra "export" is not installed'
LINES = textwrap.dedent(network_files.__doc__.split("\n\n")[2]).splitlines()


@pytest.fixture(scope="module", params=["light_on_dark", "dark_on_light"])
def result(models, request):
    """An image as a network of 593 numbers, and one whose network is to be inverted."""
    image = small() if request.param == "light_on_dark" else 1 - small()
    return enlarge(image, model=models["hyper"], size=512)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(1).uniform(-1, 1, (500, 2)).astype(np.float32)


def expected_of(result, points):
    with torch.inference_mode():
        levels = result.network()(torch.from_numpy(points)).clamp(0, 1).numpy()
    return 1 - levels if result.small.inverted else levels


@pytest.mark.parametrize("ending", [".json", ".npz"])
def test_nine_lines_of_numpy_read_it(result, tmp_path, monkeypatch, ending):
    """The lines are those of the module's own documentation."""
    monkeypatch.chdir(tmp_path)
    result.save_network(f"digit{ending}")
    assert len(LINES) == 9
    lines = [*LINES] if ending == ".json" else ['net = np.load("digit.npz")', *LINES[1:]]
    assert 'net = np.load("digit.npz")' in network_files.__doc__
    names = {"np": np, "json": json}
    exec("\n".join(lines), names)  # the documentation's text
    np.testing.assert_allclose(names["picture"], result.pixels, atol=2e-6)
    assert np.ptp(names["picture"]) > 0.5


def test_what_the_json_says(result, tmp_path):
    path = tmp_path / "digit.json"
    words = result.save_network(path)
    content = json.loads(path.read_text())
    assert list(content) == ["about", "widths", "omega", *(f"{name}{layer}" for layer in range(3)
                                                           for name in ("weight", "bias"))]  # fmt: skip
    assert content["about"] == {**MEANING, "made_from": "image", "method": "hyper_h16", "trained_on": "Eight drawings"}
    assert content["widths"] == [18, 16, 16, 1]
    theta = result.states[0][0].numpy()
    numbers = [content[f"{name}{layer}"] for layer in range(3) for name in ("weight", "bias")]
    flat = np.concatenate([np.array(array, dtype=np.float32).ravel() for array in numbers])
    assert len(flat) == len(theta) == 593
    # All 32 bits are there, in the fewest digits.
    assert np.array_equal(flat[:-17], theta[:-17])
    assert all(repr(value) == str(np.float32(value)) for value in content["weight0"][0])
    assert path.stat().st_size < 10_000
    assert words == f"the image as a network of 593 numbers, {path.stat().st_size / 1e3:.1f} kB"


def test_the_same_network_is_the_same_file(result, tmp_path):
    for ending in (".json", ".npz"):
        paths = [tmp_path / f"{name}{ending}" for name in "ab"]
        for path in paths:
            result.save_network(path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_onnx_gives_the_same_levels(result, points, tmp_path):
    onnx = pytest.importorskip("onnx", reason=REASON)
    from onnx.reference import ReferenceEvaluator

    path = tmp_path / "digit.onnx"
    result.save_network(path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["method"] == "hyper_h16"
    assert about["points"] == MEANING["points"]
    (levels,) = ReferenceEvaluator(model).run(None, {INPUT: points})
    assert levels.dtype == np.float32
    np.testing.assert_allclose(levels, expected_of(result, points), atol=1e-5)


def test_onnxruntime_runs_it(result, points, tmp_path):
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    import onnxruntime

    result.save_network(tmp_path / "digit.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "digit.onnx", providers=["CPUExecutionProvider"])
    for number in (1, 7, 500):
        (levels,) = session.run([OUTPUT], {INPUT: points[:number]})
        np.testing.assert_allclose(levels, expected_of(result, points[:number]), atol=1e-5)


def test_a_file_with_other_values_is_not_kept(result, tmp_path, monkeypatch):
    pytest.importorskip("onnx", reason=REASON)
    as_onnx = network_files._as_onnx
    monkeypatch.setattr(
        network_files, "_as_onnx", lambda onnx, omega, layers, about: as_onnx(onnx, 2 * omega, layers, about)
    )
    with pytest.raises(AssertionError, match="onnx gives other levels"):
        result.save_network(tmp_path / "digit.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (nn.Sequential(FourierFeatures(4), nn.Linear(18, 4), nn.ELU(), nn.Linear(4, 1)), "dense layers with ReLU"),
        (nn.Sequential(FourierFeatures(4), nn.Linear(18, 4), nn.ReLU()), "dense layers with ReLU"),
        (nn.Sequential(FourierFeatures(4)), "dense layers with ReLU"),
        (nn.Sequential(FourierFeatures(4), nn.Linear(18, 2)), "Fourier features and one output"),
        (nn.Sequential(FourierFeatures(3), nn.Linear(18, 1)), "Fourier features and one output"),
        (nn.Sequential(nn.Identity(), nn.Linear(18, 1)), "Fourier features and one output"),
    ],
)
def test_another_network_is_refused(network, reason, tmp_path):
    with pytest.raises(UserError, match=reason):
        write_network(tmp_path / "n.npz", network)
    assert not list(tmp_path.iterdir())


def test_names_are_checked_before_work(result, tmp_path):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UserError, match=r"n.pt: the name must end in .json or .npz or .onnx"):
        network_file(tmp_path / "n.pt")
    with pytest.raises(UserError, match="this is a folder"):
        result.save_network(tmp_path / "folder.npz")


def test_without_the_extra_it_says_how_to_get_it(result, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r'onnx cannot be used .*pip install "hypernet\[export\]"'):
        result.save_network(tmp_path / "digit.onnx")
    assert not list(tmp_path.iterdir())
