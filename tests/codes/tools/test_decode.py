"""`hypernet codes decode`, which `predict` is another name of, as a command and as a function."""

from __future__ import annotations

import io
import os
import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.dataset import load_code
from hypernet.codes.methods import build
from hypernet.codes.sources.matrices import construct
from hypernet.codes.tools.decode import decode, decode_stream
from hypernet.codes.train import train
from hypernet.codes.trained import CHUNK, open_model
from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.runs.models import save_model

BITS = 31
LLR = np.random.default_rng(0).normal(2.5, 2.0, size=(6, 31))


@pytest.fixture
def model(prepared, config, tmp_path):
    """The model file of belief propagation on BCH(31,16), as its training step writes it."""
    settings = config("datasets=[BCH31_16]").settings("train", "BCH31_16", "bp")
    train(Job("codes", "BCH31_16", "bp", 0, prepared("BCH31_16"), tmp_path / "run", settings))
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


def save_as(form, llr, folder, monkeypatch):
    """Write channel values in one of the accepted forms; returns what to hand to --llr and the word count."""
    path = folder / "llr.npy"
    lines = [" ".join(repr(float(value)) for value in row) for row in llr]
    match form:
        case "float32" | "float64":
            np.save(path, llr.astype(form))
        case "columns in memory order":
            np.save(path, np.asfortranarray(llr))
        case "text" | "commas" | "blank lines":
            path = folder / "llr.txt"
            text = {"text": "\n".join(lines), "commas": "\n".join(lines).replace(" ", ", ")}
            path.write_text(text.get(form, "\n\n" + "\n \n".join(lines) + "\n\n"))
        case "standard input":
            monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines) + "\n"))
            return "-"
    return str(path)


FORMS = ["float32", "float64", "columns in memory order", "text", "commas", "blank lines", "standard input"]


@pytest.mark.parametrize("form", FORMS)
def test_every_accepted_input_gives_what_the_decoder_gives(model, expected, tmp_path, monkeypatch, capsys, form):
    source = save_as(form, channel_values(7), tmp_path, monkeypatch)
    command = ["codes", "predict", "--model", str(model), "--llr", source]
    outputs = [tmp_path / "bits.npy", tmp_path / "bits.txt", tmp_path / "soft.npy"]
    assert main([*command, "--out", str(outputs[0]), "--soft", str(outputs[2])]) == 0
    printed = capsys.readouterr().out
    assert "7 words of BCH(31,16) decoded by bp" in printed
    soft, bits = expected
    assert np.array_equal(np.load(outputs[0]), bits)
    assert np.abs(np.load(outputs[2]) - soft).max() < 1e-4
    if form != "standard input":
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
        "version": 1,
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
    for form in ("float32", "blank lines"):
        source = save_as(form, channel_values(7), tmp_path, monkeypatch)
        assert main(["codes", verb, "--model", str(model), "--llr", source, "--batch", batch]) == 0
        assert capsys.readouterr().out == "".join("".join(map(str, row)) + "\n" for row in expected[1])


# --- from Python --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_function_gives_what_the_command_writes(model, tmp_path, monkeypatch, capsys, form):
    command = ["codes", "decode", "--model", str(model), "--out", str(tmp_path / "bits.npy")]
    command += ["--soft", str(tmp_path / "soft.npy"), "--iterations", "9", "--batch", "3"]
    assert main([*command, "--llr", save_as(form, channel_values(7), tmp_path, monkeypatch)]) == 0
    capsys.readouterr()
    source = save_as(form, channel_values(7), tmp_path, monkeypatch)
    decoded = decode(source, model=model, iterations=9, batch=3)
    assert capsys.readouterr().out == ""
    assert (decoded.title, decoded.method) == ("BCH(31,16)", "bp")
    assert (decoded.bits.dtype, decoded.soft.dtype) == (np.uint8, np.float32)
    assert np.array_equal(decoded.bits, np.load(tmp_path / "bits.npy"))
    assert np.array_equal(decoded.soft, np.load(tmp_path / "soft.npy"))


def test_the_function_takes_arrays_and_lists_and_an_opened_decoder(model, expected):
    decoder = open_model(model)
    llr = channel_values(7)
    for given in (llr, llr.tolist(), llr.astype(np.float64), torch.from_numpy(llr)):
        assert np.array_equal(decode(given, model=decoder).bits, expected[1])
    assert np.array_equal(decode(llr[3], model=str(model)).bits, expected[1][3:4])


def test_another_number_of_iterations_leaves_the_given_decoder_as_it_is(model):
    decoder = open_model(model)
    before = decoder(channel_values(7))
    assert not np.array_equal(decode(channel_values(7), model=decoder, iterations=np.int64(1)).soft, before)
    assert decoder.iterations == 5
    assert np.array_equal(decoder(channel_values(7)), before)


def test_a_stream_is_decoded_as_it_comes(model, monkeypatch):
    lines = [" ".join(map(str, row)) + "\n" for row in channel_values(7).tolist()]
    taken = []

    class Pipe:
        def readline(self, longest):
            taken.append(len(taken))
            return lines[len(taken) - 1] if len(taken) <= len(lines) else ""

    monkeypatch.setattr("sys.stdin", Pipe())
    stream = decode_stream("-", model=model, batch=2)
    first = next(stream)
    assert len(taken) == 2
    parts = [first, *stream]
    assert [len(part.bits) for part in parts] == [2, 2, 2, 1]
    assert np.array_equal(np.concatenate([part.bits for part in parts]), decode(channel_values(7), model=model).bits)


def test_what_was_decoded_is_saved_in_the_commands_forms(model, expected, tmp_path):
    decoded = decode(channel_values(7), model=model)
    decoded.save(bits=tmp_path / "bits.npy", soft=str(tmp_path / "soft.npy"))
    decoded.save(tmp_path / "bits.txt")
    assert np.array_equal(np.load(tmp_path / "bits.npy"), expected[1])
    assert np.array_equal(np.load(tmp_path / "soft.npy"), decoded.soft)
    assert (tmp_path / "bits.txt").read_text() == "".join("".join(map(str, row)) + "\n" for row in expected[1])
    for arguments in ({"bits": "bits.csv"}, {"soft": "soft.txt"}, {"bits": "a.npy", "soft": "a.npy"}):
        with pytest.raises(UserError, match=r"must end in \.npy|cannot go to one file"):
            decoded.save(**arguments)


@pytest.mark.parametrize(
    ("llr", "options", "reason"),
    [
        (np.ones((2, 7)), {}, r"the input: BCH\(31,16\) takes words of 31"),
        ([[1.0], [1.0, 2.0]], {}, "the input: not an array of numbers"),
        ([["1"] * BITS], {}, "the input: channel values are real numbers, not <U1"),
        (None, {}, "real numbers, not object"),
        (np.ones((0, BITS)), {}, "no words in here"),
        (np.ones((1, BITS)), {"iterations": 0}, "iterations: 0 is not a whole number from 1 to 100000"),
        (np.ones((1, BITS)), {"iterations": 2.5}, "iterations: 2.5 is not a whole number"),
        (np.ones((1, BITS)), {"iterations": True}, "iterations: True is not a whole number"),
        (np.ones((1, BITS)), {"batch": 0}, "batch: 0 is not a whole number"),
        ("absent.npy", {}, "absent.npy: no such file of channel values"),
    ],
)
def test_what_the_function_refuses(model, llr, options, reason):
    with pytest.raises(UserError, match=reason):
        decode(llr, model=model, **options)


@pytest.mark.parametrize("given", [None, 5, np.ones(2)])
def test_what_is_no_model_is_one_line(given):
    for function in (decode, decode_stream):
        with pytest.raises(UserError, match=r"model: .*; accepted: the path of a model\.ckpt, or an opened decoder"):
            function(channel_values(2), model=given)


def test_what_is_printed_of_decoders_and_words_is_short(model):
    decoder = open_model(model)
    assert repr(decoder) == "TrainedDecoder(BCH(31,16), bp, 5 iterations)"
    assert repr(decode(channel_values(7), model=decoder)) == "Decoded(BCH(31,16), bp, 7 words)"
    assert repr(TannerGraph(np.array([[1, 1, 0], [0, 1, 1]]))) == "TannerGraph(3 variables, 2 checks, 4 edges)"


@pytest.mark.parametrize("separator", [",", " "])
def test_a_header_of_pandas_is_no_word(model, tmp_path, separator):
    table, path = pd.DataFrame(channel_values(7)), tmp_path / "llr.csv"
    table.to_csv(path, index=False, sep=separator)
    with pytest.raises(
        UserError, match=r"llr.csv, line 1: 0 to 30 in order.*to_csv\(path, header=False, index=False\)"
    ):
        decode(path, model=model)
    table.to_csv(path, index=False, header=False, sep=separator)
    assert np.array_equal(decode(path, model=model).bits, decode(channel_values(7), model=model).bits)
    # As a word, it has a form of its own; and no header stands below a word.
    word = " ".join(map(str, range(1, BITS)))
    path.write_text(f"0.0 {word}\n0 {word}\n")
    assert len(decode(path, model=model, batch=1).soft) == 2


def test_an_opened_decoder_runs_at_least_one_iteration(model):
    with pytest.raises(UserError, match="iterations: 0 is not a whole number from 1"):
        open_model(model).use_iterations(0)


# --- as a filter --------------------------------------------------------------------------------------------


def decided(iterations):
    decoder = BeliefPropagation(TannerGraph(construct("BCH31_16")), iterations)
    soft = decoder(torch.from_numpy(LLR.T.astype(np.float32)))
    return ["".join(map(str, row)) for row in (soft < 0).int().T.tolist()]


def test_a_filter_answers_every_line_at_once(trained):
    command = [sys.executable, "-m", "hypernet.cli", "codes", "decode", "--llr", "-", "--batch", "1"]
    command += ["--model", str(trained("bp"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for word, bits in zip(LLR, decided(5), strict=True):
            process.stdin.write(" ".join(map(str, word)) + "\n")
            process.stdin.flush()
            # Blocks for ever if the answer waited for more input.
            assert process.stdout.readline().strip() == bits
        process.stdin.close()
        assert process.wait() == 0


def test_more_iterations_than_were_trained_are_printed(trained, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", LLR)
    command = ["codes", "decode", "--model", str(trained("bp")), "--llr", str(tmp_path / "llr.npy")]
    assert main([*command, "--iterations", "30"]) == 0
    assert capsys.readouterr().out.split() == decided(30)


def test_a_decoder_that_cannot_go_on_says_so(trained, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", LLR)
    command = ["codes", "decode", "--model", str(trained("maximum_likelihood")), "--llr", str(tmp_path / "llr.npy")]
    assert main([*command, "--iterations", "9"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == "hypernet: maximum_likelihood: was trained for 5 iterations and cannot run 9"


def test_a_line_without_an_end_is_refused_early(trained, tmp_path, capsys):
    (tmp_path / "llr.txt").write_text("1 " * 10_000)
    command = ["codes", "decode", "--model", str(trained("bp")), "--llr", str(tmp_path / "llr.txt")]
    assert main(command) == 2
    assert "line 1: longer than" in capsys.readouterr().err


def test_a_good_line_before_a_bad_one_writes_no_file(trained, tmp_path, capsys):
    good = " ".join(map(str, LLR[0]))
    (tmp_path / "llr.txt").write_text(f"{good}\n{good} 7\n")
    (tmp_path / "bits.txt").write_text("as it was")
    command = ["codes", "decode", "--model", str(trained("bp")), "--llr", str(tmp_path / "llr.txt"), "--batch", "1"]
    assert main([*command, "--out", str(tmp_path / "bits.txt")]) == 2
    assert "line 2: 32 values" in capsys.readouterr().err
    assert (tmp_path / "bits.txt").read_text() == "as it was"


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
    assert [str(warning.message) for warning in warned] == []
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
    ("array", "reason"),
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
def test_arrays_that_are_no_channel_values(model, tmp_path, capsys, array, reason):
    np.save(tmp_path / "llr.npy", array, allow_pickle=True)
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", tmp_path / "llr.npy")
    assert str(tmp_path / "llr.npy") in line
    assert re.search(reason, line)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("llr.npy", b"", "not a .npy file"),
        ("llr.npy", b"hello", "not a .npy file"),
        ("llr.npy", announced((2, BITS)), "not a .npy file"),
        ("llr.npy", announced((10**12, BITS)), "not a .npy file of numbers .mmap length is greater than file size"),
        ("llr.npy", announced((2**62, BITS)), "not a .npy file of numbers .array is too big"),
        ("llr.npy", of_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 31), }"), "not a .npy file"),
        ("llr.npy", of_header("{'descr': '<f4', 'shape': "), "not a .npy file"),
        ("llr.npy", zipped(np.ones((2, BITS))), "not a .npy file"),
        # Headers that would run code, or take memory or time, where a reader believed them.
        ("llr.npy", of_header("{'descr': __import__('os').abort(), 'shape': (2, 31), }"), "not a .npy file"),
        ("llr.npy", of_header("{'descr': '<f4', 'shape': " + "(" * 90), "not a .npy file"),
        ("llr.npy", of_header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 31), }"), "not a .npy file"),
        ("llr.npy", of_header("{'descr': '|V0', 'fortran_order': False, 'shape': (10**15, 31), }"), "not a .npy file"),
        (
            "llr.npy",
            of_header("{'descr': '|V0', 'fortran_order': False, 'shape': (999999999999, 31), }"),
            "real numbers",
        ),
        ("llr.npy", of_header("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 0), }"), "takes words"),
        ("llr.npy", b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b"{" * 100, "not a .npy file"),
        ("llr.txt", b"", "no words in here"),
        ("llr.txt", b" \n\n", "no words in here"),
        ("llr.txt", b"1 2 3\n", "line 1: 3 values; a word of BCH.31,16. has 31"),
        ("llr.txt", b"1 " * BITS + b"\n" + b"1 " * 30, "line 2: 30 values"),
        ("llr.txt", b"1 " * 30 + b"nan", r"word 0, bit 30 \(from 0\) is not a number"),
        ("llr.txt", b"1_0 " + b"1 " * 30, "line 1: '1_0' is not a number"),
        ("llr.txt", b"9" * 1500 + b"x " + b"1 " * 30, "line 1: '9{40}' is not a number"),
        ("llr.txt", b"\x1b[2J " + b"1 " * 30, r"line 1: '.x1b\[2J' is not a number"),
        ("llr.txt", b"1 " * 30 + b"x", "line 1: 'x' is not a number"),
        ("llr.txt", bytes(range(256)), "neither text nor .npy"),
        ("llr.npz", zipped(np.ones((2, BITS))), "neither text nor .npy"),
    ],
)
def test_files_that_hold_no_channel_values(model, tmp_path, capsys, name, content, reason):
    (tmp_path / name).write_bytes(content)
    line = refused(capsys, tmp_path / "out.npy", "--model", model, "--llr", tmp_path / name)
    assert str(tmp_path / name) in line
    assert re.search(reason, line)


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
    content = {"domain": "codes", "version": 1, "title": Trap(tmp_path / "sprung")}
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
        ({"domain": "codes", "version": 1}, "model.ckpt: "),
        ({"domain": "codes", "version": 1, "title": "T", "method": "turbo", "settings": {}}, "model.ckpt: "),
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


def plain(method, parity_check, iterations=5):
    """What a model file of a method without weights would hold of this matrix."""
    settings = {"iterations": iterations} | ({"method": {}} if method == "bp" else {})
    matrix = torch.from_numpy(parity_check.astype(np.uint8))
    return {"method": method, "settings": settings, "parity_check": matrix, "state_dict": {}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        # One number that is stored, and read as a hundred million.
        ({"parity_check": torch.ones(1, 1, dtype=torch.uint8).expand(10_000, 10_000)}, "not contiguous"),
        ({"parity_check": torch.ones(3, dtype=torch.uint8)}, "damaged"),
        ({"parity_check": torch.eye(4, dtype=torch.uint8)}, "its parity-check matrix: the rank of H is n = 4"),
        ({"parity_check": torch.full((2, 4), 7, dtype=torch.uint8)}, "row 1, column 1 is neither 0 nor 1"),
        ({"widths": {"g_hidden": 10**8}}, "size mismatch"),
        ({"widths": {"f_hidden": 10**9}}, "size mismatch"),
        ({"state_dict": {}}, "Missing key"),
        # Of no entries, so of no bytes, but ten thousand million rows.
        ({"parity_check": torch.empty(10**10, 0, dtype=torch.uint8)}, r"got [10000000000, 0]"),
        (
            {"parity_check": torch.empty(10**6, 10**6, dtype=torch.uint8, device="meta")},
            "not contiguous, or has no data",
        ),
        ({"parity_check": torch.ones(2, 4, dtype=torch.complex64)}, "a parity-check matrix of type torch.complex64"),
        ({"title": "\x1b[2Jgone"}, "its title is no line of text"),
        ({"title": "x" * 10**6}, "its title is no line of text"),
        ({"title": 7}, "its title is no line of text"),
        ({"state_dict": [1]}, "AttributeError"),
        # Tables that would not fit into any memory, and a day of iterations.
        (plain("maximum_likelihood", np.ones((1, 40))), "a table of 2^39 code words; k may be at most 16"),
        (plain("maximum_likelihood", np.eye(4984, 5000) + np.eye(4984, 5000, 16)), "code words of 5000 bits"),
        (plain("hard_decision", np.eye(40, 41) + np.eye(40, 41, 1)), "a table of 2^40 syndromes"),
        (plain("bp", np.ones((1, 4)), iterations=10**12), "1000000000000 iterations; accepted: at most 100000"),
        # Sixteen million pairs of edges of twenty-four kilobytes.
        ({"parity_check": torch.ones(4000, 2, dtype=torch.uint8)}, "numbers for 31992000 pairs of edges"),
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
        "version": 1,
        "title": code.title,
        "method": "hyper",
        "settings": stored,
        "parity_check": torch.from_numpy(code.parity_check),
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
        "version": 1,
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
