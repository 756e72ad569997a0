"""`hypernet codes export`: the ONNX file decodes as this program does."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.dataset import load_code
from hypernet.codes.methods import build
from hypernet.codes.tools.export import Exported, export, to_onnx
from hypernet.codes.trained import VERSION, open_model, stored_matrix
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model

REASON = "the extra `export` is not installed"
# Both sides of PairSum.DENSE_EDGES, checks of one degree and of many.
DECODERS = [
    ("BCH31_16", "bp"),
    ("POLAR64_48", "min_sum"),
    ("POLAR64_48", "weighted_bp"),
    ("BCH31_16", "static_g"),
    ("BCH31_16", "concat"),
    ("LDPC49_24", "hyper"),
]


@pytest.fixture(scope="module")
def model(prepared, config, tmp_path_factory):
    """A model file whose trained weights, where it has any, lie near their start."""
    folder = tmp_path_factory.mktemp("models")

    def path(dataset, method):
        code = load_code(prepared(dataset))
        section = config(f"datasets=[{dataset}]", "iterations=3", "hyper.pair_weights=true")
        settings = section.settings("train", dataset, method)
        torch.manual_seed(0)
        decoder = build(method, code.parity_check, settings)
        with torch.no_grad():
            for parameter in decoder.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        content = {
            "domain": "codes",
            "version": VERSION,
            "dataset": dataset,
            "method": method,
            "title": code.title,
            "settings": settings.model_dump(mode="json"),
            "parity_check": stored_matrix(code.parity_check),
            "state_dict": decoder.state_dict(),
        }
        save_model(folder / f"{dataset}-{method}.ckpt", content)
        return folder / f"{dataset}-{method}.ckpt"

    return path


def noisy_words(decoder, words, ebn0_db=4.0):
    zeros = np.zeros((decoder.length, words))
    return channel_llr(zeros, noise_deviation(ebn0_db, 0.5), np.random.default_rng(0)).T.copy()


def unusual_words(decoder):
    """A word with known bits, two with many erased ones, one without any value, and uncalibrated ones."""
    llr = noisy_words(decoder, 8)
    llr[0, ::2] = np.copysign(np.inf, llr[0, ::2])
    llr[1, ::2] = llr[2, 1::2] = llr[3] = 0.0
    llr[1:3] = 8 * np.sign(llr[1:3])
    llr[4] *= 1e4
    llr[5] *= 1e-3
    llr[6] *= 30
    return llr


def session(path, threads=1):
    onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(("dataset", "method"), DECODERS)
def test_the_file_decodes_as_the_program_does(model, tmp_path, dataset, method):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    decoder = open_model(model(dataset, method))
    written = export(decoder, tmp_path / "d.onnx")
    assert written == Exported(tmp_path / "d.onnx", decoder.title, method, 3, decoder.length)
    file = session(tmp_path / "d.onnx")
    (given,), (answer,) = file.get_inputs(), file.get_outputs()
    for port, name in ((given, "llr"), (answer, "decoded")):
        assert (port.name, port.shape, port.type) == (name, ["words", decoder.length], "tensor(float)")
    for words in (1, 7, 300):
        llr = noisy_words(decoder, words)
        ours = decoder(llr, stop_early=False)
        (theirs,) = file.run(None, {"llr": llr})
        assert theirs.shape == ours.shape
        assert np.array_equal(theirs < 0, ours < 0)
        # Single precision itself is so far off: near a product of 1 the slope of arctanh is up to 5e5.
        exact = decoder.module.double().decode(torch.from_numpy(llr.T.astype(np.float64))).detach().numpy().T
        decoder.module.float()
        assert np.abs(theirs - ours).max() < 1e-4 + 2 * np.abs(ours - exact).max() + 1e-6 * np.abs(ours).max()
    llr = unusual_words(decoder)
    ours = decoder(llr, stop_early=False)
    (theirs,) = file.run(None, {"llr": llr})
    assert np.array_equal(theirs < 0, ours < 0)
    # Known bits stay known, and what nothing is known of stays exactly zero.
    assert np.array_equal(theirs[0, ::2], llr[0, ::2])
    assert np.isfinite(theirs[1:]).all()
    assert np.array_equal(theirs == 0, ours == 0)
    assert (theirs[1:3] == 0).any()
    # What is not a number spoils its own word only.
    llr[1, 3] = np.nan
    (spoilt,) = file.run(None, {"llr": llr})
    assert np.isnan(spoilt[1, 3])
    assert np.array_equal(np.delete(spoilt, 1, axis=0), np.delete(theirs, 1, axis=0))


@pytest.mark.parametrize(("dataset", "method"), [("BCH31_16", "bp"), DECODERS[-1]])
def test_threads_change_nothing(model, tmp_path, dataset, method):
    onnx = pytest.importorskip("onnx", reason=REASON)
    pytest.importorskip("onnxscript", reason=REASON)
    decoder = open_model(model(dataset, method))
    export(decoder, tmp_path / "d.onnx")
    # Scattered additions of several threads to one bit lose some of them.
    reductions = [
        onnx.helper.get_node_attr_value(node, "reduction")
        for node in onnx.load(tmp_path / "d.onnx").graph.node
        if "Scatter" in node.op_type and any(attribute.name == "reduction" for attribute in node.attribute)
    ]
    assert set(reductions) <= {b"none"}
    llr = noisy_words(decoder, 500, ebn0_db=0.0)
    (alone,) = session(tmp_path / "d.onnx").run(None, {"llr": llr})
    parallel = session(tmp_path / "d.onnx", threads=4)
    for _ in range(6):
        (together,) = parallel.run(None, {"llr": llr})
        # Where the work is cut another way, exp and log round otherwise, and near a product of 1 that grows.
        assert np.array_equal(together < 0, alone < 0)
        assert np.quantile(np.abs(together - alone), 0.999) < 1e-3


@pytest.mark.parametrize(("dataset", "method"), [("BCH31_16", "bp"), ("POLAR64_48", "weighted_bp"), DECODERS[-1]])
def test_in_double_precision_all_values_are_the_same(model, tmp_path, dataset, method):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    decoder = open_model(model(dataset, method))
    module = decoder.module.double()
    # So noisy that no message reaches the limit, which the exporter rounds to single precision like all constants.
    llr = torch.from_numpy(noisy_words(decoder, 40, ebn0_db=-2.0).astype(np.float64))
    to_onnx(module, llr[:2]).save(tmp_path / "d.onnx")
    (theirs,) = session(tmp_path / "d.onnx").run(None, {"llr": llr.numpy()})
    assert np.abs(theirs - module.decode(llr.T).detach().numpy().T).max() < 1e-5


@pytest.mark.parametrize("method", ["hyper", "concat", "static_g", "weighted_bp", "bp"])
def test_one_value_that_is_not_a_number_does_not_fail_the_rest(model, tmp_path, method):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    llr = np.load(Path(__file__).parents[1] / "cases" / "onnx_one_nan_LDPC49.npy").astype(np.float32)
    decoder = open_model(model("LDPC49_24", method))
    export(decoder, tmp_path / "d.onnx")
    (decoded,) = session(tmp_path / "d.onnx").run(None, {"llr": llr})
    clean = ~np.isnan(llr).any(axis=1)
    assert np.array_equal(decoded[clean] < 0, decoder(llr[clean], stop_early=False) < 0)
    assert np.isfinite(decoded[clean]).all()
    assert np.isnan(decoded[np.isnan(llr)]).all()


def test_the_command_writes_a_file_that_says_what_it_is(model, tmp_path, capsys):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    out = tmp_path / "decoder.onnx"
    path = model("BCH31_16", "bp")
    assert main(["codes", "export", "--model", str(path), "--out", str(out), "--iterations", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"BCH(31,16), bp, 2 iterations: {out}\ninput llr [words, 31] float32, ln P(bit = 0)")
    assert printed.err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["decoder.onnx"]
    about = session(out).get_modelmeta()
    assert about.custom_metadata_map == {
        "title": "BCH(31,16)",
        "method": "bp",
        "n": "31",
        "k": "16",
        "iterations": "2",
        "llr": "ln P(bit = 0) / P(bit = 1); decide for 1 where it is negative",
        "parity_check_sha256": "de3847aaaf08f458966be7b06940ab441d3ec863ce06812cfced17987333ad41",
    }
    assert about.producer_name == "hypernet"
    decoder = open_model(path)
    decoder.use_iterations(2)
    llr = noisy_words(decoder, 30)
    assert np.array_equal(session(out).run(None, {"llr": llr})[0] < 0, decoder(llr) < 0)


def test_a_file_with_other_values_is_not_kept(model, tmp_path, monkeypatch):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=REASON)
    decoder = open_model(model("BCH31_16", "bp"))
    monkeypatch.setattr("hypernet.codes.tools.export._copysign", lambda op: lambda magnitude, sign: op.Sub(sign, sign))
    with pytest.raises(AssertionError, match="onnxruntime gives other values"):
        export(decoder, tmp_path / "d.onnx")
    assert not list(tmp_path.iterdir())


# --- what is refused ----------------------------------------------------------------------------------------


def refused(capsys, *arguments):
    assert main(["codes", "export", *map(str, arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1]


def test_what_cannot_be_exported_is_said_in_one_line(model, tmp_path, capsys):
    path, weighted = model("BCH31_16", "bp"), model("BCH31_16", "weighted_bp")
    (tmp_path / "folder.onnx").mkdir()
    before = sorted(tmp_path.iterdir())
    cases = {
        "no such model file": ["--model", tmp_path / "absent.ckpt"],
        "the name must end in .onnx": ["--model", path, "--out", tmp_path / "decoder.pt"],
        "this is a folder": ["--model", path, "--out", tmp_path / "folder.onnx"],
        "'0' is not a whole number": ["--model", path, "--iterations", "0"],
        "101 iterations: at most 100 can be exported": ["--model", path, "--iterations", "101"],
        "was trained for 3 iterations and cannot run 9": ["--model", weighted, "--iterations", "9"],
        "maximum_likelihood: a table of words": ["--model", model("BCH31_16", "maximum_likelihood")],
    }
    for reason, arguments in cases.items():
        line = refused(capsys, "--out", tmp_path / "d.onnx", *arguments)
        assert line.startswith("hypernet: ")
        assert reason in line
    assert sorted(tmp_path.iterdir()) == before


def test_the_function_refuses_as_the_command_does(model, tmp_path):
    path, weighted = model("BCH31_16", "bp"), model("BCH31_16", "weighted_bp")
    cases = [
        ("no such model file", (tmp_path / "absent.ckpt",), {}),
        ("the name must end in .onnx", (path, tmp_path / "d.pt"), {}),
        ("iterations: 0 is not a whole number", (path,), {"iterations": 0}),
        ("at most 100 can be exported", (path,), {"iterations": 101}),
        ("cannot run 9", (open_model(weighted),), {"iterations": 9}),
        ("a table of words", (model("BCH31_16", "maximum_likelihood"),), {}),
    ]
    for reason, arguments, options in cases:
        with pytest.raises(UserError, match=reason):
            export(*arguments, **options)


def test_what_is_printed_of_a_file_is_short():
    written = Exported(Path("d.onnx"), "BCH(31,16)", "bp", 5, 31)
    assert repr(written) == "Exported(d.onnx, BCH(31,16), bp, 5 iterations)"


def test_without_the_extra_it_says_how_to_get_it(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    line = refused(capsys, "--model", model("BCH31_16", "bp"), "--out", tmp_path / "d.onnx")
    assert line == 'hypernet: export needs onnxruntime, of the extra "export": pip install "hypernet[export]"'
    assert not list(tmp_path.iterdir())
