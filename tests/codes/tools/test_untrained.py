"""`hypernet codes decode` without a trained model: on any matrix or known code, punctured, shortened, hard bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import construct
from hypernet.codes.tools import inputs
from hypernet.codes.tools.decode import decode, decode_stream
from hypernet.codes.tools.inputs import ranges
from hypernet.codes.trained import plain_decoder
from hypernet.lab.errors import UserError
from tests.codes.decoders import decoded_words

BITS = 31


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
    expected = decoded_words(decoder(TannerGraph(code.parity_check)), llr) < 0
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
    np.save(tmp_path / "llr.npy", np.full((1, BITS), 2.0))
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
        assert (decoded.mean_iterations is None) == (decoded.method == "maximum_likelihood")
        assert (decoded.bits[:, :2] == 0).all()
        assert (decoded.bits == words.T).all(axis=1).mean() > 0.9
        assert np.array_equal(decoded.positions, transmission.information)
