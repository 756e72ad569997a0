"""`hypernet codes decode`, which `predict` is another name of, as a command and as a function."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.dataset import load_code
from hypernet.codes.tools.decode import decode, decode_stream
from hypernet.codes.trained import CHUNK, open_model, plain_decoder
from hypernet.lab.errors import UserError
from tests.codes.decoders import decoded_words

BITS = 31


@pytest.fixture
def model(trained):
    """The model file of belief propagation on BCH(31,16)."""
    return trained("bp")


def channel_values(words):
    """Noisy zero words, ``[words, n]``: some bits are received wrong."""
    zeros = np.zeros((BITS, words))
    return channel_llr(zeros, noise_deviation(3.0, 16 / 31), np.random.default_rng(0)).T.copy()


@pytest.fixture
def expected(prepared):
    """What belief propagation, called directly, makes of the channel values of 7 words."""
    decoder = BeliefPropagation(TannerGraph(load_code(prepared("BCH31_16")).parity_check), 5)
    soft = decoded_words(decoder, channel_values(7))
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


def test_more_iterations_than_were_trained(model, prepared, tmp_path):
    np.save(tmp_path / "llr.npy", channel_values(7))
    command = ["codes", "predict", "--model", model, "--llr", tmp_path / "llr.npy", "--out", tmp_path / "bits.npy"]
    assert main([*map(str, command), "--soft", str(tmp_path / "soft.npy"), "--iterations", "12"]) == 0
    decoder = BeliefPropagation(TannerGraph(load_code(prepared("BCH31_16")).parity_check), 12)
    expected = decoded_words(decoder, channel_values(7))
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
    assert (decoded.bits.dtype, decoded.soft.dtype) == (np.int8, np.float32)
    assert np.array_equal(decoded.bits, np.load(tmp_path / "bits.npy"))
    assert np.array_equal(decoded.soft, np.load(tmp_path / "soft.npy"))


def test_a_word_with_an_undecided_bit_is_no_success(tmp_path, capsys):
    # Of the second word nothing is known, and it satisfies H all the same; the third one's last bit equals its first.
    llr = np.array([[2.0, 3.0, -1.0, 4.0], [0.0] * 4, [2.0, 3.0, 1.0, 0.0]])
    matrix = [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]]
    decoded = decode(llr, matrix=matrix)
    assert decoded.success.tolist() == [True, False, True]
    np.savetxt(tmp_path / "h.txt", matrix, fmt="%d")
    np.save(tmp_path / "llr.npy", llr)
    command = ["codes", "decode", "--matrix", str(tmp_path / "h.txt"), "--llr", str(tmp_path / "llr.npy")]
    assert main([*command, "--success", str(tmp_path / "success.txt")]) == 0
    assert (tmp_path / "success.txt").read_text() == "1\n0\n1\n"
    assert "66.7% satisfy H, 1 have bits of which nothing is known (0)" in capsys.readouterr().err


def test_the_mean_number_of_iterations_is_that_of_the_words():
    # A check of two bits: a word whose signs agree is done at once; this one after none of 7, for its values cancel.
    agree, never = [2.0, 3.0], [np.inf, -np.inf]
    decoder = plain_decoder([[1, 1]], iterations=7)
    decoder(np.array([agree, agree, never]))
    assert decoder.word_updates == 1 + 1 + 7
    decoder(np.array([agree]), stop_early=False)
    assert decoder.word_updates == 9 + 7
    words = [agree, agree, never]
    for batch in (1, 2, 3):
        assert decode(words, matrix=[[1, 1]], iterations=7, batch=batch, check=False).mean_iterations == 3
    assert [part.mean_iterations for part in decode_stream(words, matrix=[[1, 1]], iterations=7, batch=2)] == [1, 7]
    assert decode(words, matrix=[[1, 1]], iterations=7, all_iterations=True, check=False).mean_iterations == 7


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
    decoded.save(success=tmp_path / "success.txt", information=tmp_path / "information.npy")
    assert (tmp_path / "success.txt").read_text() == "".join(f"{int(right)}\n" for right in decoded.success)
    assert np.array_equal(np.load(tmp_path / "information.npy"), decoded.information)
    for arguments in ({"bits": "bits.csv"}, {"soft": "soft.txt"}, {"bits": "a.npy", "soft": "a.npy"}):
        with pytest.raises(UserError, match=r"must end in \.npy|is written by --"):
            decoded.save(**arguments)


@pytest.mark.parametrize(
    ("llr", "options", "reason"),
    [
        (np.ones((2, 7)), {}, r"the input: BCH\(31,16\) takes words of 31"),
        ([[1.0], [1.0, 2.0]], {}, "the input: not an array of numbers"),
        ([["1"] * BITS], {}, "the input: channel values are real numbers, not <U1"),
        (None, {}, "real numbers, not object"),
        (np.ones((2, BITS)), {}, "hard bits, 0 and 1, are no log-likelihood ratios"),
        (np.full((1, BITS), 2.0), {"hard_bits": 0.1}, "bit 0 of word 0 .from 0. is 2, not 0 or 1"),
        (np.full((1, BITS), 2.0), {"hard_bits": 0.5}, "hard_bits: 0.5 is not a share of flipped bits"),
        (np.full((1, BITS), 2.0), {"hard_bits": 0.1, "opposite_sign": True}, "opposite_sign: hard bits"),
        (np.full((1, BITS), 2.0), {"puncture": "0-30"}, "all 31 bits are punctured"),
        (np.full((1, BITS), 2.0), {"puncture": "31"}, "punctured bit 31 does not exist; accepted: 0 to 30"),
        (np.full((1, BITS), 2.0), {"puncture": "5-3"}, "puncture: '5-3'; accepted: positions of bits from 0"),
        (np.full((1, BITS), 2.0), {"shorten": "0-99999999"}, "shorten: '0-99999999'; accepted"),
        (np.full((1, BITS), 2.0), {"shorten": [0.5]}, "shorten: float64 .1.; accepted"),
        (np.full((1, BITS), 2.0), {"shorten": 3}, "shorten: int; accepted"),
        (np.full((1, BITS), 2.0), {"puncture": [2], "shorten": [2]}, "bit 2 is both punctured and shortened"),
        (np.full((1, BITS), 2.0), {"puncture": [2]}, r"takes words of 30 channel values"),
        (np.full((1, BITS), 2.0), {"method": "bp"}, "a model has its own"),
        (np.full((1, BITS), 2.0), {"code": "BCH31_16"}, "give one of: a model, a matrix, the name"),
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


@pytest.mark.parametrize("given", [5, np.ones(2)])
def test_what_is_no_model_is_one_line(given):
    for function in (decode, decode_stream):
        with pytest.raises(UserError, match=r"model: .*; accepted: the path of a model\.ckpt, or an opened decoder"):
            function(channel_values(2), model=given)


def test_what_is_printed_of_decoders_and_words_is_short(model):
    decoder = open_model(model)
    assert repr(decoder) == "TrainedDecoder(BCH(31,16), bp, 5 iterations)"
    assert repr(decode(channel_values(7), model=decoder)) == "Decoded(BCH(31,16), bp, 7 words, 71.4% satisfy H)"
    assert repr(TannerGraph(np.array([[1, 1, 0], [0, 1, 1]]))) == "TannerGraph(3 variables, 2 checks, 4 edges)"


def test_an_opened_decoder_runs_at_least_one_iteration(model):
    with pytest.raises(UserError, match="iterations: 0 is not a whole number from 1"):
        open_model(model).use_iterations(0)
