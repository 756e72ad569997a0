"""`hypernet codes decode`, which `predict` is another name of, as a command and as a function."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.dataset import load_code
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import construct
from hypernet.codes.tools import inputs
from hypernet.codes.tools.decode import decode, decode_stream
from hypernet.codes.tools.inputs import ranges
from hypernet.codes.train import train
from hypernet.codes.trained import CHUNK, open_model, plain_decoder
from hypernet.lab.errors import UserError
from hypernet.lab.job import Job

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


def run(decoder, llr):
    """What a decoder, called directly, makes of words ``[words, n]``."""
    with torch.inference_mode():
        return decoder(torch.from_numpy(np.ascontiguousarray(llr.T, dtype=np.float32))).numpy().T


@pytest.fixture
def expected(prepared):
    """What belief propagation, called directly, makes of the channel values of 7 words."""
    decoder = BeliefPropagation(TannerGraph(load_code(prepared("BCH31_16")).parity_check), 5)
    soft = run(decoder, channel_values(7))
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
    expected = run(decoder, channel_values(7))
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
    # Of the second word nothing is known: it satisfies H by default only. The third one's last bit is that of the first.
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


# --- as a filter --------------------------------------------------------------------------------------------


def decided(iterations):
    decoder = BeliefPropagation(TannerGraph(construct("BCH31_16")), iterations)
    return ["".join(map(str, row)) for row in (run(decoder, LLR) < 0).astype(int)]


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


# --- without a trained model --------------------------------------------------------------------------------


def words_of(code, words, ebn0_db, seed=0):
    """Random words ``[words, n]`` and what comes of them, ``[words, n]``."""
    generator = np.random.default_rng(seed)
    bits = random_words(code, words, generator)
    return bits.T, channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator).T.copy()


@pytest.fixture(scope="module")
def code():
    return Code.of("LDPC(49,24)", construct("LDPC49_24"))


@pytest.mark.parametrize(
    ("options", "decoder"),
    [
        ([], lambda graph: BeliefPropagation(graph, 50)),
        (["--method", "bp", "--iterations", "7"], lambda graph: BeliefPropagation(graph, 7)),
        (["--method", "min_sum"], lambda graph: MinSum(graph, 50, 0.75)),
        (["--method", "min_sum", "--scale", "1"], lambda graph: MinSum(graph, 50, 1.0)),
    ],
)
@pytest.mark.parametrize("source", ["matrix", "code"])
def test_a_matrix_is_decoded_without_a_model(code, tmp_path, capsys, options, decoder, source):
    bits, llr = words_of(code, 60, 3.0)
    np.save(tmp_path / "llr.npy", llr)
    write_alist(tmp_path / "mine.alist", code.parity_check)
    command = ["codes", "decode", "--llr", str(tmp_path / "llr.npy"), "--out", str(tmp_path / "bits.npy"), *options]
    command += ["--matrix", str(tmp_path / "mine.alist")] if source == "matrix" else ["--code", "LDPC49_24"]
    assert main([*command, "--success", str(tmp_path / "success.npy")]) == 0
    expected = run(decoder(TannerGraph(code.parity_check)), llr) < 0
    decided = np.load(tmp_path / "bits.npy")
    assert np.array_equal(decided, expected)
    # By the definition of H, in whole numbers.
    satisfied = ~((code.parity_check.toarray().astype(int) @ decided.T) % 2).any(axis=0)
    assert np.array_equal(np.load(tmp_path / "success.npy"), satisfied)
    assert 30 < satisfied.sum() < 60
    assert (decided[satisfied] == bits[satisfied]).all(axis=1).mean() > 0.9
    title = "mine" if source == "matrix" else "LDPC(49,24)"
    summary = capsys.readouterr().err.splitlines()[0]
    assert summary.startswith(f"60 words of {title}, ")
    assert f" iterations on average: {satisfied.mean():.1%} satisfy H" in summary


def test_every_form_of_a_matrix_is_decoded_alike(code):
    _, llr = words_of(code, 20, 3.0)
    matrix = code.parity_check
    expected = decode(llr, code="LDPC49_24").soft
    for given in (matrix, matrix.toarray(), matrix.toarray().tolist(), code):
        assert np.array_equal(decode(llr, matrix=given).soft, expected)
    assert np.array_equal(decode(llr, model=plain_decoder(matrix)).soft, expected)


@pytest.mark.parametrize("function", [decode, decode_stream])
def test_a_decoder_is_chosen_by_one_thing(function):
    llr = np.full((1, BITS), 2.0)
    with pytest.raises(UserError, match="give one of: a model, a matrix, the name of a known code"):
        function(llr)
    with pytest.raises(UserError, match="TURBO: not a known code"):
        function(llr, code="TURBO")
    with pytest.raises(UserError, match="method: 'turbo'; accepted without a trained model: bp, min_sum"):
        function(llr, code="BCH31_16", method="turbo")
    with pytest.raises(UserError, match="scale: that of min_sum; bp has none"):
        function(llr, code="BCH31_16", scale=0.5)
    with pytest.raises(UserError, match="scale: 2 is not a number above 0 and up to 1"):
        function(llr, code="BCH31_16", method="min_sum", scale=2)


def test_the_command_asks_for_one_source(tmp_path, capsys):
    assert main(["codes", "decode", "--llr", "x"]) == 2
    assert "one of the arguments --model --matrix --code is required" in capsys.readouterr().err
    assert main(["codes", "decode", "--llr", "x", "--code", "BCH31_16", "--model", "m"]) == 2
    assert "not allowed with argument" in capsys.readouterr().err
    np.save(tmp_path / "llr.npy", LLR)
    same = ["codes", "decode", "--llr", str(tmp_path / "llr.npy"), "--code", "BCH31_16"]
    assert main([*same, "--out", str(tmp_path / "llr.npy")]) == 2
    assert "is read by the same command" in capsys.readouterr().err
    assert main([*same, "--success", str(tmp_path / "a.npy"), "--out", str(tmp_path / "a.npy")]) == 2
    assert "is written by --" in capsys.readouterr().err


def test_hard_bits_are_those_of_a_binary_symmetric_channel(code):
    bits, _ = words_of(code, 200, 3.0)
    flipped = np.random.default_rng(1).random(bits.shape) < 0.02
    decoded = decode(bits ^ flipped, matrix=code, hard_bits=0.02)
    llr = (1.0 - 2.0 * (bits ^ flipped)) * np.log(0.98 / 0.02)
    assert np.array_equal(decoded.bits, decode(llr, matrix=code).bits)
    assert (decoded.bits != bits).any(axis=1).mean() < 0.3 * flipped.any(axis=1).mean()


def test_the_opposite_sign_is_read_where_it_is_asked_for(code, tmp_path, capsys):
    _, llr = words_of(code, 50, 4.0)
    assert np.array_equal(decode(-llr, matrix=code, opposite_sign=True).soft, decode(llr, matrix=code).soft)
    np.save(tmp_path / "llr.npy", -llr)
    assert main(["codes", "decode", "--code", "LDPC49_24", "--llr", str(tmp_path / "llr.npy"), "--opposite-sign"]) == 0
    assert capsys.readouterr().out.split() == ["".join(map(str, word)) for word in decode(llr, matrix=code).bits]


def test_all_iterations_go_on_where_a_word_is_decided(code):
    _, llr = words_of(code, 50, 5.0)
    graph = TannerGraph(code.parity_check)
    with torch.inference_mode():
        to_the_end = BeliefPropagation(graph, 20)(torch.from_numpy(llr.T.copy()), stop_early=False).numpy().T
    stopped, all_of_them = (decode(llr, matrix=code, iterations=20, all_iterations=flag) for flag in (False, True))
    assert np.abs(all_of_them.soft - to_the_end).max() < 1e-4
    assert np.abs(stopped.soft - to_the_end).max() > 1
    assert np.array_equal(stopped.bits[stopped.success], all_of_them.bits[stopped.success])


def test_information_bits_alone(code, tmp_path, capsys):
    information = np.random.default_rng(0).integers(0, 2, (5, code.dimension), dtype=np.uint8)
    llr = 4.0 - 8.0 * code.encode(information.T).T
    np.save(tmp_path / "llr.npy", llr)
    command = ["codes", "decode", "--code", "LDPC49_24", "--llr", str(tmp_path / "llr.npy"), "--systematic"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out.split() == ["".join(map(str, word)) for word in information]
    (line,) = [line for line in printed.err.splitlines() if line.startswith("information bits")]
    positions = decode(llr, matrix=code).positions
    assert line == f"information bits: positions {ranges(positions)}, from 0"
    assert np.array_equal(positions, code.information)


def test_a_ranges_text_names_its_numbers():
    assert ranges(np.array([0, 1, 2, 5, 7, 8])) == "0-2,5,7-8"
    assert ranges(np.array([], dtype=int)) == ""
    for text in ("0-2,5,7-8", " 0 - 2, 5,7-8"):
        assert inputs.positions("puncture", text).tolist() == [0, 1, 2, 5, 7, 8]


def test_a_model_decodes_punctured_and_shortened_words(trained):
    code = Code.of("BCH(31,16)", construct("BCH31_16"))
    transmission = Transmission(code, punctured=[30], shortened=[0, 1])
    generator = np.random.default_rng(0)
    words = transmission.random_words(50, generator)
    sent = channel_llr(words[transmission.sent], noise_deviation(7.0, transmission.rate), generator).T
    for model in (trained("bp"), trained("min_sum"), trained("maximum_likelihood")):
        decoded = decode(sent, model=model, puncture="30", shorten="0-1")
        assert (decoded.bits[:, :2] == 0).all()
        assert (decoded.bits == words.T).all(axis=1).mean() > 0.9
        assert np.array_equal(decoded.positions, transmission.information)
