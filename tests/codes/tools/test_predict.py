from __future__ import annotations

import io
import os
import pickle
import re
import warnings

import numpy as np
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.baselines.message_passing import BeliefPropagation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.dataset import channel_llr, load_code, noise_deviation
from hypernet.codes.methods import build
from hypernet.codes.train import train
from hypernet.codes.trained import CHUNK, open_model
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model

BITS = 31


@pytest.fixture
def model(prepared, config, tmp_path):
    """The model file of belief propagation on BCH(31,16), as its training step writes it."""
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", "bp")
    train("BCH31_16", "bp", 0, prepared("BCH31_16"), tmp_path / "run", settings, "program", threads=1)
    return tmp_path / "run" / "model.ckpt"


def channel_values(words):
    """Noisy zero words, ``[words, n]``: some bits are received wrong."""
    zeros = np.zeros((BITS, words))
    return channel_llr(zeros, noise_deviation(3.0, 16 / 31), np.random.default_rng(0)).T.copy()


@pytest.fixture
def expected(prepared):
    """What belief propagation, called directly, makes of the channel values of 7 words."""
    decoder = BeliefPropagation(TannerGraph(load_code(prepared("BCH31_16")).parity_check), 5)
    soft = decoder(torch.from_numpy(channel_values(7).T.copy())).numpy().T
    bits = (soft < 0).astype(np.uint8)
    assert 0 < bits.sum() < (channel_values(7) < 0).sum()
    return soft, bits


def save_as(kind, llr, folder, monkeypatch):
    """Write channel values in one of the accepted forms; returns what to hand to --llr and the word count."""
    path = folder / "llr.npy"
    lines = [" ".join(repr(float(value)) for value in row) for row in llr]
    match kind:
        case "float32" | "float64":
            np.save(path, llr.astype(kind))
        case "columns in memory order":
            np.save(path, np.asfortranarray(llr))
        case "text" | "commas" | "blank lines":
            path = folder / "llr.txt"
            text = {"text": "\n".join(lines), "commas": "\n".join(lines).replace(" ", ", ")}
            path.write_text(text.get(kind, "\n\n" + "\n \n".join(lines) + "\n\n"))
        case "standard input":
            monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines) + "\n"))
            return "-"
    return str(path)


KINDS = ["float32", "float64", "columns in memory order", "text", "commas", "blank lines", "standard input"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_accepted_input_gives_what_the_decoder_gives(model, expected, tmp_path, monkeypatch, capsys, kind):
    source = save_as(kind, channel_values(7), tmp_path, monkeypatch)
    command = ["codes", "predict", "--model", str(model), "--llr", source]
    outputs = [tmp_path / "bits.npy", tmp_path / "bits.txt", tmp_path / "soft.npy"]
    assert main([*command, "--out", str(outputs[0]), "--soft", str(outputs[2])]) == 0
    said = capsys.readouterr().out
    assert "7 words of BCH(31,16) decoded by bp" in said
    soft, bits = expected
    assert np.array_equal(np.load(outputs[0]), bits)
    assert np.abs(np.load(outputs[2]) - soft).max() < 1e-4
    if kind != "standard input":
        assert main([*command, "--out", str(outputs[1])]) == 0
        capsys.readouterr()
        assert main(command) == 0
        printed = capsys.readouterr().out
        assert printed == outputs[1].read_text() == "".join("".join(map(str, row)) + "\n" for row in bits)


def test_one_word_may_be_a_plain_list(model, expected, tmp_path, capsys):
    np.save(tmp_path / "one.npy", channel_values(7)[3])
    assert main(["codes", "predict", "--model", str(model), "--llr", str(tmp_path / "one.npy")]) == 0
    assert capsys.readouterr().out == "".join(map(str, expected[1][3])) + "\n"


def test_whole_numbers_and_certain_bits(model, tmp_path, capsys):
    # The zero word with one wrong bit, known for certain elsewhere.
    llr = np.full((1, BITS), 3)
    llr[0, 5] = -1
    np.save(tmp_path / "whole.npy", llr)
    certain = np.where(llr > 0, np.inf, -1.0)
    np.save(tmp_path / "certain.npy", certain)
    for name in ("whole", "certain"):
        assert main(["codes", "predict", "--model", str(model), "--llr", str(tmp_path / f"{name}.npy")]) == 0
        assert capsys.readouterr().out == "0" * BITS + "\n"


def test_more_words_than_fit_at_once(model):
    llr = np.tile(channel_values(7), (200, 1))
    assert len(llr) > 2 * CHUNK
    assert len(llr) % CHUNK
    decoded = open_model(model)(llr)
    assert np.abs(decoded - np.tile(decoded[:7], (200, 1))).max() < 1e-4


@pytest.mark.parametrize("method", ["min_sum", "weighted_bp", "weighted_bp_recurrent", "static_g", "hyper"])
def test_the_weights_of_every_method_come_back(prepared, config, tmp_path, method):
    code = load_code(prepared("BCH31_16"))
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", method)
    decoder = build(method, code.parity_check, settings)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    content = {
        "domain": "codes",
        "dataset": "BCH31_16",
        "method": method,
        "title": code.title,
        "settings": settings.model_dump(mode="json"),
        "parity_check": torch.from_numpy(code.parity_check),
        "state_dict": decoder.state_dict(),
    }
    save_model(tmp_path / "model.ckpt", content)
    llr = channel_values(20)
    expected = decoder(torch.from_numpy(llr.T.copy())).detach().numpy().T
    assert np.abs(open_model(tmp_path / "model.ckpt")(llr) - expected).max() < 1e-3


def test_more_iterations_than_were_trained(model, prepared, tmp_path):
    np.save(tmp_path / "llr.npy", channel_values(7))
    command = ["codes", "predict", "--model", model, "--llr", tmp_path / "llr.npy", "--out", tmp_path / "bits.npy"]
    assert main([*map(str, command), "--soft", str(tmp_path / "soft.npy"), "--iterations", "12"]) == 0
    decoder = BeliefPropagation(TannerGraph(load_code(prepared("BCH31_16")).parity_check), 12)
    expected = decoder(torch.from_numpy(channel_values(7).T.copy())).numpy().T
    assert np.abs(np.load(tmp_path / "soft.npy") - expected).max() < 1e-4


@pytest.mark.parametrize("batch", ["1", "2", "3", "100"])
@pytest.mark.parametrize("verb", ["predict", "decode"])
def test_how_many_words_are_decoded_at_once_changes_nothing(
    model, expected, tmp_path, monkeypatch, capsys, batch, verb
):
    for kind in ("float32", "blank lines"):
        source = save_as(kind, channel_values(7), tmp_path, monkeypatch)
        assert main(["codes", verb, "--model", str(model), "--llr", source, "--batch", batch]) == 0
        assert capsys.readouterr().out == "".join("".join(map(str, row)) + "\n" for row in expected[1])


# --- what is refused ----------------------------------------------------------------------------------------


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
    assert [str(one.message) for one in warned] == []
    assert printed.err.startswith("hypernet: ")
    assert out.read_bytes() == b"what stood here"
    assert sorted(out.parent.iterdir()) == before
    return printed.err


def one_word(**places):
    llr = np.ones((2, BITS))
    for place, value in places.items():
        llr[1, int(place.removeprefix("bit_"))] = value
    return llr


def zipped(array):
    buffer = io.BytesIO()
    np.savez(buffer, array)
    return buffer.getvalue()


def of_header(text):
    """A .npy file with this header and some data."""
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.ljust(117).encode() + b"\n" + bytes(1000)


def announced(shape):
    """The header of a .npy file of that shape, and no data."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones((2, 30)), r"takes words of 31 channel values.*shape \[2, 30\]"),
        (np.ones((31, 2)), r"shape \[31, 2\]"),
        (np.ones((2, 31, 1)), r"shape \[2, 31, 1\]"),
        (np.float32(1.0), r"shape \[\]"),
        (one_word(bit_4=np.nan), r"word 1, bit 4 \(from 0\) is not a number"),
        (np.full((2, BITS), "1"), "real numbers, not <U1"),
        (np.ones((2, BITS), dtype=bool), "real numbers, not bool"),
        (np.ones((2, BITS), dtype=complex), "real numbers, not complex128"),
        (np.full((2, BITS), None), "not a .npy file of numbers"),
        (np.ones((0, BITS)), r"no words in here; accepted: \[words, 31\]"),
        (np.ones(0), r"shape \[1, 0\]"),
        (np.ones((2, 0)), r"shape \[2, 0\]"),
        (np.ones(2, dtype=[("a", "f4"), ("b", "i4")]), "channel values are real numbers"),
    ],
)
def test_arrays_that_are_no_channel_values(model, tmp_path, capsys, array, said):
    np.save(tmp_path / "llr.npy", array, allow_pickle=True)
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", tmp_path / "llr.npy")
    assert str(tmp_path / "llr.npy") in line
    assert re.search(said, line)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("llr.npy", b"", "not a .npy file"),
        ("llr.npy", b"hello", "not a .npy file"),
        ("llr.npy", announced((2, BITS)), "not a .npy file"),
        ("llr.npy", announced((10**12, BITS)), "not a .npy file of numbers .mmap length is greater than file size"),
        ("llr.npy", announced((2**62, BITS)), "not a .npy file of numbers .array is too big"),
        ("llr.npy", of_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 31), }"), "not a .npy file"),
        ("llr.npy", of_header("{'descr': '<f4', 'shape': "), "not a .npy file"),
        ("llr.npy", zipped(np.ones((2, BITS))), "not a .npy file"),
        ("llr.txt", b"", "no words in here"),
        ("llr.txt", b" \n\n", "no words in here"),
        ("llr.txt", b"1 2 3\n", "line 1: 3 values; a word of BCH.31,16. has 31"),
        ("llr.txt", b"1 " * BITS + b"\n" + b"1 " * 30, "line 2: 30 values"),
        ("llr.txt", b"1 " * 30 + b"nan", r"word 0, bit 30 \(from 0\) is not a number"),
        ("llr.txt", b"1 " * 30 + b"x", "line 1: could not convert string to float: 'x'"),
        ("llr.txt", bytes(range(256)), "neither text nor .npy"),
        ("llr.npz", zipped(np.ones((2, BITS))), "neither text nor .npy"),
    ],
)
def test_files_that_hold_no_channel_values(model, tmp_path, capsys, name, content, said):
    (tmp_path / name).write_bytes(content)
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", tmp_path / name)
    assert str(tmp_path / name) in line
    assert re.search(said, line)


def test_a_missing_input(model, tmp_path, capsys):
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", tmp_path / "absent.npy")
    assert "absent.npy: no such file of channel values" in line


def test_a_folder_is_no_input(model, tmp_path, capsys):
    (tmp_path / "llr.npy").mkdir()
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", tmp_path / "llr.npy")
    assert "llr.npy: this is a folder; name a file of channel values" in line


@pytest.mark.parametrize("value", ["0", "-1", "2.5", "many", "100001"])
@pytest.mark.parametrize("option", ["--iterations", "--batch"])
def test_impossible_numbers(model, tmp_path, capsys, option, value):
    np.save(tmp_path / "llr.npy", channel_values(2))
    arguments = ["--model", model, "--llr", tmp_path / "llr.npy", option, value]
    assert "is not a whole number from 1 to 100000" in refused(capsys, tmp_path / "out.npy", *arguments)


def test_a_bad_word_in_a_later_batch_is_named_by_its_place(model, tmp_path, capsys):
    llr = channel_values(7)
    llr[5, 3] = np.nan
    np.save(tmp_path / "llr.npy", llr)
    np.savetxt(tmp_path / "llr.txt", llr)
    for name in ("llr.npy", "llr.txt"):
        arguments = ["--model", model, "--llr", tmp_path / name, "--batch", 2]
        assert "word 5, bit 3 (from 0)" in refused(capsys, tmp_path / "out.npy", *arguments)


def test_bad_standard_input(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("1 2 3\n"))
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", "-")
    assert "standard input, line 1: 3 values" in line


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_pickle_is_no_model_and_is_not_run(tmp_path, capsys, form):
    content = {"domain": "codes", "title": Trap(tmp_path / "sprung")}
    if form == "torch":
        torch.save(content, tmp_path / "model.ckpt")
    else:
        (tmp_path / "model.ckpt").write_bytes(pickle.dumps(content))
    np.save(tmp_path / "llr.npy", channel_values(2))
    line = refused(capsys, tmp_path / "out.npy", "--model", tmp_path / "model.ckpt", "--llr", tmp_path / "llr.npy")
    assert "model.ckpt: not a model file of this project" in line
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such model file"),
        (b"", "not a model file"),
        (b"hello", "not a model file"),
        ({"domain": "shapes"}, "not a decoder trained by"),
        ([1, 2], "not a decoder trained by"),
        (torch.ones(3), "not a decoder trained by"),
        ({"domain": "codes"}, "model.ckpt: "),
        ({"domain": "codes", "title": "T", "method": "turbo", "settings": {}}, "model.ckpt: "),
    ],
)
def test_files_that_are_no_decoder(tmp_path, capsys, content, said):
    path = tmp_path / "model.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    np.save(tmp_path / "llr.npy", channel_values(2))
    line = refused(capsys, tmp_path / "out.npy", "--model", path, "--llr", tmp_path / "llr.npy")
    assert str(path) in line
    assert said in line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # One number that is stored, and read as a hundred million.
        ({"parity_check": torch.ones(1, 1, dtype=torch.uint8).expand(10_000, 10_000)}, "not contiguous"),
        ({"parity_check": torch.ones(3, dtype=torch.uint8)}, "damaged"),
        ({"parity_check": torch.eye(4, dtype=torch.uint8)}, "its parity-check matrix: the rank of H is n = 4"),
        ({"parity_check": torch.full((2, 4), 7, dtype=torch.uint8)}, "row 1, column 1 is neither 0 nor 1"),
        ({"settings": {"g_hidden": 10**8}}, "size mismatch"),
        ({"settings": {"f_hidden": 10**9}}, "size mismatch"),
        ({"state_dict": {}}, "Missing key"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:20],
)
def test_a_model_file_that_claims_what_is_not_in_it(prepared, config, tmp_path, capsys, changes, said):
    code = load_code(prepared("BCH31_16"))
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", "hyper")
    stored = settings.model_dump(mode="json")
    stored["method"] |= changes.pop("settings", {})
    content = {
        "domain": "codes",
        "title": code.title,
        "method": "hyper",
        "settings": stored,
        "parity_check": torch.from_numpy(code.parity_check),
        "state_dict": build("hyper", code.parity_check, settings).state_dict(),
    }
    torch.save(content | changes, tmp_path / "model.ckpt")
    np.save(tmp_path / "llr.npy", channel_values(2))
    line = refused(capsys, tmp_path / "out.npy", "--model", tmp_path / "model.ckpt", "--llr", tmp_path / "llr.npy")
    assert "model.ckpt: a decoder of another version, or damaged" in line
    assert said in line


def test_weights_in_double_precision_are_opened_in_single(prepared, config, tmp_path):
    code = load_code(prepared("BCH31_16"))
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", "weighted_bp")
    content = {
        "domain": "codes",
        "title": code.title,
        "method": "weighted_bp",
        "settings": settings.model_dump(mode="json"),
        "parity_check": torch.from_numpy(code.parity_check),
        "state_dict": build("weighted_bp", code.parity_check, settings).double().state_dict(),
    }
    save_model(tmp_path / "model.ckpt", content)
    assert np.isfinite(open_model(tmp_path / "model.ckpt")(channel_values(3))).all()


def test_a_truncated_model_is_refused(model, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", channel_values(2))
    (tmp_path / "half.ckpt").write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    line = refused(capsys, tmp_path / "out.npy", "--model", tmp_path / "half.ckpt", "--llr", tmp_path / "llr.npy")
    assert "half.ckpt: not a model file" in line


@pytest.mark.parametrize(("option", "name"), [("--out", "bits.csv"), ("--out", "bits"), ("--soft", "soft.txt")])
def test_an_output_of_another_kind_is_refused_before_any_work(tmp_path, capsys, option, name):
    # No model is there: the name is looked at first.
    arguments = ["codes", "predict", "--model", "absent", "--llr", "absent", option, str(tmp_path / name)]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert "the name must end in .npy" in printed.err
    assert printed.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_a_folder_is_refused(model, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", channel_values(2))
    (tmp_path / "out.npy").mkdir()
    arguments = ["--model", model, "--llr", tmp_path / "llr.npy", "--out", tmp_path / "out.npy"]
    assert main(["codes", "predict", *map(str, arguments)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_call_from_python_is_refused_likewise(model):
    decoder = open_model(model)
    with pytest.raises(UserError, match=r"the input: BCH\(31,16\) takes words of 31"):
        decoder(np.ones((3, 7)))
