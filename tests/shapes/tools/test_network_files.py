"""The network as a file: read by numpy alone, and by other programs of ONNX."""

from __future__ import annotations

import json
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from hypernet.lab.errors import UserError
from hypernet.shapes.core.decoder import field_of_network, functional_decoder
from hypernet.shapes.tools import network_files
from hypernet.shapes.tools.network_files import INPUT, MEANING, OUTPUT, network_file, write_network

REASON = 'the extra "export" is not installed'


@pytest.fixture(scope="module")
def network():
    """4,546 weights, gains among them."""
    torch.manual_seed(3)
    decoder = functional_decoder()
    theta = decoder.ordinary() + 0.1 * torch.randn(decoder.parameter_count)
    assert len(theta) == 4546
    return decoder.export(theta)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(1).uniform(-1, 1, (500, 3)).astype(np.float32)


def test_five_lines_of_numpy_read_it(network, points, tmp_path, monkeypatch):
    """The lines are those of the module's own documentation."""
    monkeypatch.chdir(tmp_path)
    write_network("chair.npz", network, {"photo": "chair.png"})
    paragraph = network_files.__doc__.split("\n\n")[2]
    lines = textwrap.dedent(paragraph).splitlines()
    assert len(lines) == 5
    names = {"np": np, "points": points}
    exec("\n".join(lines), names)  # the documentation's text
    expected = field_of_network(network)(points)
    np.testing.assert_allclose(names["points"][:, 0], expected, rtol=1e-4, atol=1e-5)
    clear = np.abs(expected) > 1e-4
    assert np.array_equal(names["inside"][clear], (expected > 0)[clear])
    assert 0 < names["inside"].mean() < 1


def test_what_the_arrays_are(network, tmp_path):
    path = tmp_path / "chair.npz"
    write_network(path, network, {"photo": "chair.png"})
    with np.load(path, allow_pickle=False) as arrays:
        shapes = [arrays[f"weight{layer}"].shape for layer in range(int(arrays["layers"]))]
        about = json.loads(str(arrays["about"]))
        dtypes = {arrays[f"bias{layer}"].dtype for layer in range(6)}
    assert shapes == [(3, 32), *[(32, 32)] * 4, (32, 1)]
    assert dtypes == {np.dtype(np.float32)}
    assert about["meaning"] == MEANING
    assert about["photo"] == "chair.png"
    assert path.stat().st_size < 25_000


def test_the_same_network_is_the_same_file(network, tmp_path):
    for name in ("a.npz", "b.npz"):
        write_network(tmp_path / name, network)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_onnx_gives_the_same_logits(network, points, tmp_path):
    onnx = pytest.importorskip("onnx", reason=REASON)
    from onnx.reference import ReferenceEvaluator

    path = tmp_path / "chair.onnx"
    write_network(path, network, {"photo": "chair.png"})
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key: entry.value for entry in model.metadata_props}["photo"] == "chair.png"
    (logits,) = ReferenceEvaluator(model).run(None, {INPUT: points})
    np.testing.assert_allclose(logits[:, 0], field_of_network(network)(points), rtol=1e-4, atol=1e-5)


def test_onnxruntime_runs_it(network, points, tmp_path):
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    import onnxruntime

    write_network(tmp_path / "chair.onnx", network)
    session = onnxruntime.InferenceSession(tmp_path / "chair.onnx", providers=["CPUExecutionProvider"])
    for number in (1, 7, 500):
        (logits,) = session.run([OUTPUT], {INPUT: points[:number]})
        np.testing.assert_allclose(logits[:, 0], field_of_network(network)(points[:number]), rtol=1e-4, atol=1e-5)


def test_a_file_with_other_values_is_not_kept(network, tmp_path, monkeypatch):
    pytest.importorskip("onnx", reason=REASON)
    as_onnx = network_files._as_onnx
    wrong = lambda onnx, layers, about: as_onnx(onnx, [(2 * weight, bias) for weight, bias in layers], about)  # noqa: E731
    monkeypatch.setattr(network_files, "_as_onnx", wrong)
    with pytest.raises(AssertionError, match="onnx gives other values"):
        write_network(tmp_path / "chair.onnx", network)
    assert not list(tmp_path.iterdir())


def test_layers_without_bias_are_written(points, tmp_path):
    network = nn.Sequential(nn.Linear(3, 5, bias=False), nn.ELU(), nn.Linear(5, 1))
    write_network(tmp_path / "n.npz", network)
    with np.load(tmp_path / "n.npz") as arrays:
        assert not arrays["bias0"].any()
        hidden = points @ arrays["weight0"]
        hidden = np.where(hidden > 0, hidden, np.expm1(hidden))
        logits = hidden @ arrays["weight1"] + arrays["bias1"]
    np.testing.assert_allclose(logits[:, 0], field_of_network(network)(points), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), "dense layers with ELU"),
        (nn.Sequential(nn.Linear(3, 4), nn.ELU(alpha=0.5), nn.Linear(4, 1)), "dense layers with ELU"),
        (nn.Sequential(nn.Linear(3, 4), nn.ELU()), "dense layers with ELU"),
        (nn.Sequential(nn.Linear(2, 4), nn.ELU(), nn.Linear(4, 1)), "three inputs and one output"),
        (nn.Sequential(), "dense layers with ELU"),
    ],
)
def test_another_network_is_refused(network, reason, tmp_path):
    with pytest.raises(UserError, match=reason):
        write_network(tmp_path / "n.npz", network)
    assert not list(tmp_path.iterdir())


def test_names_are_checked_before_work(network, tmp_path):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UserError, match=r"n.pt: the name must end in .npz or .onnx"):
        network_file(tmp_path / "n.pt")
    with pytest.raises(UserError, match="this is a folder"):
        write_network(tmp_path / "folder.npz", network)


def test_without_the_extra_it_says_how_to_get_it(network, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r'onnx cannot be used .*pip install "hypernet\[export\]"'):
        network_file(tmp_path / "chair.onnx")
    with pytest.raises(UserError, match="onnx cannot be used"):
        write_network(tmp_path / "chair.onnx", network)
    assert not list(tmp_path.iterdir())
