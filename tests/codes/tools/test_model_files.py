"""A model file of a decoder: every method comes back, and one that claims what is not in it is refused in a line."""

from __future__ import annotations

import os
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
import torch

from hypernet.cli import main
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.dataset import load_code
from hypernet.codes.methods import build
from hypernet.codes.sources.matrices import construct
from hypernet.codes.trained import VERSION, matrix_of, open_model, stored_matrix
from hypernet.lab.runs.models import save_model


def channel_values(words):
    """Noisy zero words, ``[words, 31]``: some bits are received wrong."""
    zeros = np.zeros((31, words))
    return channel_llr(zeros, noise_deviation(3.0, 16 / 31), np.random.default_rng(0)).T.copy()


@pytest.fixture
def model(trained):
    return trained("bp")


@pytest.mark.parametrize("name", ["BCH31_16", "LDPC49_24", "POLAR64_48"])
def test_a_matrix_comes_back_from_its_stored_form(name):
    matrix = construct(name)
    back = matrix_of(stored_matrix(matrix))
    assert back.shape == matrix.shape
    assert back.has_canonical_format
    assert back.dtype == np.uint8
    assert not (back != matrix).nnz


@pytest.mark.parametrize("method", ["min_sum", "weighted_bp", "weighted_bp_recurrent", "static_g", "concat", "hyper"])
def test_the_weights_of_every_method_come_back(prepared, config, tmp_path, method):
    code = load_code(prepared("BCH31_16"))
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", method)
    decoder = build(method, code.parity_check, settings)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    content = {
        "domain": "codes",
        "version": VERSION,
        "dataset": "BCH31_16",
        "method": method,
        "title": code.title,
        "settings": settings.model_dump(mode="json"),
        "parity_check": stored_matrix(code.parity_check),
        "state_dict": decoder.state_dict(),
    }
    save_model(tmp_path / "model.ckpt", content)
    llr = channel_values(20)
    with torch.inference_mode():
        expected = decoder(torch.from_numpy(llr.T.copy())).numpy().T
    assert np.abs(open_model(tmp_path / "model.ckpt")(llr) - expected).max() < 1e-3


def refused(capsys, out, *arguments):
    """Run predict, check that it refuses in one line and leaves what stood; returns the line."""
    out.write_bytes(b"what stood here")
    before = sorted(out.parent.iterdir())
    with warnings.catch_warnings(record=True) as warned:
        assert main(["codes", "predict", *map(str, arguments), "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    # Outside of a test a warning would print its own lines.
    assert [str(warning.message) for warning in warned] == []
    assert printed.err.startswith("hypernet: ")
    assert out.read_bytes() == b"what stood here"
    assert sorted(out.parent.iterdir()) == before
    return printed.err


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_pickle_is_no_model_and_is_not_run(tmp_path, capsys, form):
    content = {"domain": "codes", "version": VERSION, "title": Trap(tmp_path / "sprung")}
    if form == "torch":
        torch.save(content, tmp_path / "model.ckpt")
    else:
        (tmp_path / "model.ckpt").write_bytes(pickle.dumps(content))
    np.save(tmp_path / "llr.npy", channel_values(2))
    line = refused(capsys, tmp_path / "out.npy", "--model", tmp_path / "model.ckpt", "--llr", tmp_path / "llr.npy")
    assert "model.ckpt: not a model file of this project" in line
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such model file"),
        (b"", "not a model file"),
        (b"hello", "not a model file"),
        ({"domain": "shapes"}, "not a model trained by `hypernet codes train`"),
        ([1, 2], "not a model file of this project (it holds a list)"),
        (torch.ones(3), "not a model file of this project (it holds a Tensor)"),
        ({"domain": "codes", "version": VERSION}, "model.ckpt: "),
        ({"domain": "codes", "version": VERSION, "title": "T", "method": "turbo", "settings": {}}, "model.ckpt: "),
    ],
)
def test_files_that_are_no_decoder(tmp_path, capsys, content, reason):
    path = tmp_path / "model.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    np.save(tmp_path / "llr.npy", channel_values(2))
    line = refused(capsys, tmp_path / "out.npy", "--model", path, "--llr", tmp_path / "llr.npy")
    assert str(path) in line
    assert reason in line


def stored(ones, shape):
    """A matrix as a model file holds it, right or not."""
    return {"parity_check": {"shape": list(shape), "indices": torch.tensor(ones, dtype=torch.int32)}}


def plain(method, parity_check, iterations=5):
    """What a model file of a method without weights would hold of this matrix."""
    settings = {"iterations": iterations} | ({"method": {}} if method == "bp" else {})
    matrix = stored_matrix(scipy.sparse.csr_array(parity_check.astype(np.uint8)))
    return {"method": method, "settings": settings, "parity_check": matrix, "state_dict": {}}


PAIR = [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        # One number that is stored, and read as a hundred million.
        ({"parity_check": {"shape": [1, 2], "indices": torch.zeros(2, 1).expand(2, 10**8)}}, "not contiguous"),
        (
            {"parity_check": {"shape": [1, 2], "indices": torch.empty(2, 10**6, device="meta")}},
            "not contiguous, or has no data",
        ),
        ({"parity_check": torch.ones(3, dtype=torch.uint8)}, "damaged"),
        ({"parity_check": {"shape": [1, 2], "indices": torch.zeros(2, 2)}}, "of type torch.float32"),
        (stored([0, 1], (1, 2)), "a parity-check matrix of type"),
        (stored(PAIR, (1,)), "damaged"),
        (stored(PAIR, (1, 2.0)), "a parity-check matrix of 1 x 2.0 with 2 ones"),
        # Two ones, and a side longer than any memory.
        (stored(PAIR, (10**12, 2)), "of 1000000000000 x 2 with 2 ones"),
        (stored(PAIR, (1, 10**12)), "of 1 x 1000000000000 with 2 ones"),
        (stored([[], []], (0, 0)), "of 0 x 0 with 0 ones"),
        (stored([[0, 0], [0, 0]], (1, 2)), "not in order"),
        (stored([[0, 0], [1, 0]], (1, 2)), "not in order"),
        (stored([[0, 0], [0, 2]], (1, 2)), "outside of it"),
        (stored([[0, 0], [-1, 1]], (1, 2)), "outside of it"),
        (stored([[0, 1], [0, 0]], (2, 2)), "column 2 has no ones"),
        (stored([[0, 1], [0, 1]], (2, 2)), "its parity-check matrix: the rank of H is n = 2"),
        ({"widths": {"g_hidden": 10**8}}, "size mismatch"),
        ({"widths": {"f_hidden": 10**9}}, "size mismatch"),
        ({"state_dict": {}}, "Missing key"),
        ({"title": "\x1b[2Jgone"}, "its title is no line of text"),
        ({"title": "x" * 10**6}, "its title is no line of text"),
        ({"title": 7}, "its title is no line of text"),
        ({"state_dict": [1]}, "AttributeError"),
        # Tables that would not fit into any memory, and a day of iterations.
        (plain("maximum_likelihood", np.ones((1, 40))), "code words of 40 bits; k may be at most 16"),
        (plain("maximum_likelihood", np.eye(4984, 5000) + np.eye(4984, 5000, 16)), "code words of 5000 bits"),
        (plain("hard_decision", np.eye(40, 41) + np.eye(40, 41, 1)), "syndromes for words of 41 bits"),
        (plain("bp", np.ones((1, 4)), iterations=10**12), "1000000000000 iterations; accepted: at most 100000"),
        # Sixteen million pairs of edges of sixty-four kilobytes.
        (
            {"parity_check": stored_matrix(scipy.sparse.csr_array(np.ones((4000, 2), dtype=np.uint8)))},
            "numbers for 31992000 pairs of edges",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:20],
)
def test_a_model_file_that_claims_what_is_not_in_it(prepared, config, tmp_path, capsys, changes, reason):
    code = load_code(prepared("BCH31_16"))
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", "hyper")
    stored = settings.model_dump(mode="json")
    stored["method"] |= {"pair_weights": True} if "pairs of edges" in reason else changes.get("widths", {})
    content = {
        "domain": "codes",
        "version": VERSION,
        "title": code.title,
        "method": "hyper",
        "settings": stored,
        "parity_check": stored_matrix(code.parity_check),
        "state_dict": build("hyper", code.parity_check, settings).state_dict(),
    }
    torch.save(content | changes, tmp_path / "model.ckpt")
    np.save(tmp_path / "llr.npy", channel_values(2))
    line = refused(capsys, tmp_path / "out.npy", "--model", tmp_path / "model.ckpt", "--llr", tmp_path / "llr.npy")
    assert "model.ckpt: a model of another version, or damaged" in line
    assert reason in line


def test_weights_in_double_precision_are_opened_in_single(prepared, config, tmp_path):
    code = load_code(prepared("BCH31_16"))
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", "weighted_bp")
    content = {
        "domain": "codes",
        "version": VERSION,
        "title": code.title,
        "method": "weighted_bp",
        "settings": settings.model_dump(mode="json"),
        "parity_check": stored_matrix(code.parity_check),
        "state_dict": build("weighted_bp", code.parity_check, settings).double().state_dict(),
    }
    save_model(tmp_path / "model.ckpt", content)
    assert np.isfinite(open_model(tmp_path / "model.ckpt")(channel_values(3))).all()


def test_a_truncated_model_is_refused(model, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", channel_values(2))
    (tmp_path / "half.ckpt").write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    line = refused(capsys, tmp_path / "out.npy", "--model", tmp_path / "half.ckpt", "--llr", tmp_path / "llr.npy")
    assert "half.ckpt: not a model file" in line
