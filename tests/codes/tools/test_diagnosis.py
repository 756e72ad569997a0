"""What is said where few decoded words satisfy H: computed, and right."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hypernet.cli import main
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.sources.matrices import construct
from hypernet.codes.tools.decode import decode
from hypernet.codes.tools.diagnosis import calibration, has_all_ones, words_kept
from hypernet.codes.trained import plain_decoder


@pytest.fixture(scope="module")
def code():
    return Code.of("LDPC(49,24)", construct("LDPC49_24"))


def received(code, ebn0_db=4.0, words=600, seed=0):
    generator = np.random.default_rng(seed)
    bits = random_words(code, words, generator)
    return channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator).T.copy()


def notes(llr, capsys, tmp_path, *options):
    """What the command says on standard error: the summary, and the lines below it."""
    np.save(tmp_path / "llr.npy", llr)
    command = ["codes", "decode", "--code", "LDPC49_24", "--llr", str(tmp_path / "llr.npy"), *options]
    assert main(command) == 0
    summary, *more = capsys.readouterr().err.splitlines()
    return summary, more


def test_right_values_are_passed_with_a_share_alone(code, capsys, tmp_path):
    llr = received(code)
    summary, more = notes(llr, capsys, tmp_path)
    share = decode(llr, matrix=code).success.mean()
    assert share > 0.95
    decoder = plain_decoder(code)
    decoder(llr)
    mean = decoder.word_updates / len(llr)
    assert 1.0 < mean < 5.0
    assert summary == (
        f"600 words of LDPC(49,24), bp, {mean:.1f} of at most 50 iterations on average: {share:.1%} satisfy H"
    )
    assert more == []


@pytest.mark.parametrize("method", ["bp", "min_sum"])
def test_a_wrong_sign_is_named(code, capsys, tmp_path, method):
    llr = received(code)
    summary, (note,) = notes(-llr, capsys, tmp_path, "--method", method)
    right = decode(llr[:500], matrix=code, method=method).success.mean()
    assert "satisfy H" in summary
    assert float(note.split("%")[0].split()[-1]) == pytest.approx(100 * right, abs=1.5)
    assert note.startswith("note: with the opposite sign ")
    assert "(sionna, 3GPP tools) use ln P(1)/P(0); --opposite-sign reads such values" in note
    # As it says, that helps.
    _, more = notes(-llr, capsys, tmp_path, "--method", method, "--opposite-sign")
    assert more == []


@pytest.mark.parametrize("factor", [noise_deviation(4.0, 24 / 49) ** 2 / 2, 1 / 30])
def test_received_values_that_are_no_ratios_are_named_with_their_factor(code, capsys, tmp_path, factor):
    _, more = notes(received(code) * factor, capsys, tmp_path)
    assert more[0].startswith("note: by min-sum, which does not depend on the scale of the values, ")
    assert "uncalibrated (y instead of 2 y / sigma^2?)" in more[0]
    size = float(more[1].split("they are about ")[1].split(" times too small")[0])
    assert size == pytest.approx(1 / factor, rel=0.15)


def test_a_wrong_sign_shows_beside_a_wrong_scale(code, capsys, tmp_path):
    _, more = notes(-received(code) / 30, capsys, tmp_path)
    assert more[0].startswith("note: with the opposite sign ")


def test_a_wrong_scale_shows_where_all_words_are_decoded(code, capsys, tmp_path):
    summary, (note,) = notes(3 * received(code, 6.0, 3000), capsys, tmp_path)
    assert float(summary.split("on average: ")[1].split("%")[0]) > 95
    assert "times too large" in note
    assert float(note.split("they are about ")[1].split(" times")[0]) == pytest.approx(3, rel=0.4)
    # Of min-sum, which does not depend on it, nothing is to be said.
    assert notes(3 * received(code, 6.0, 3000), capsys, tmp_path, "--method", "min_sum")[1] == []


@pytest.mark.parametrize("cause", ["noise", "order"])
def test_noise_and_another_order_of_the_bits_are_told_apart(code, capsys, tmp_path, cause):
    llr = received(code, -1.0 if cause == "noise" else 6.0)
    if cause == "order":
        llr = llr[:, np.random.default_rng(3).permutation(code.length)]
    _, more = notes(llr, capsys, tmp_path)
    checks = (code.parity_check.toarray().astype(int) @ (llr[:500] < 0).T.astype(int)) % 2
    assert f"before decoding {(checks == 0).mean():.1%} of the checks hold" in more[0]
    words = "too much noise" if cause == "noise" else "another code, another order of the bits"
    assert words in more[0]


def test_a_few_words_tell_no_noise_from_another_code(code, capsys, tmp_path):
    _, (note,) = notes(received(code, -1.0, words=5), capsys, tmp_path)
    assert "of too few words to tell noise from another code" in note


def test_a_code_with_the_word_of_ones_says_that_a_sign_does_not_show(capsys, tmp_path):
    matrix = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]])
    np.savetxt(tmp_path / "h.txt", matrix, fmt="%d")
    np.save(tmp_path / "llr.npy", np.full((3, 6), -4.0))
    command = ["codes", "decode", "--matrix", str(tmp_path / "h.txt"), "--llr", str(tmp_path / "llr.npy")]
    assert main(command) == 0
    assert "100.0% satisfy H (a wrong sign of all values would not show" in capsys.readouterr().err
    sparse = plain_decoder(matrix).parity_check
    none = np.zeros(0, dtype=int)
    assert has_all_ones(sparse, none)
    # With a bit that is known to be 0, it shows.
    assert not has_all_ones(sparse, np.array([0]))
    assert has_all_ones(sparse, np.array([0, 1]))
    assert not has_all_ones(plain_decoder(construct("LDPC49_24")).parity_check, none)


def test_words_without_a_negative_value_are_pointed_out(code, capsys, tmp_path):
    summary, (note,) = notes(np.abs(received(code)), capsys, tmp_path)
    assert "100.0% satisfy H" in summary
    assert note.startswith("note: no value is negative, so every word is the zero word even before it is decoded")


def test_hard_bits_with_another_share_of_flipped_ones(code, capsys, tmp_path):
    bits = random_words(code, 600, np.random.default_rng(0)).T
    received_bits = bits ^ (np.random.default_rng(1).random(bits.shape) < 0.03)
    _, more = notes(received_bits, capsys, tmp_path, "--hard-bits", "0.3")
    assert "the channel flips another share of the bits than is assumed" in more[0]
    assert float(more[1].split("--hard-bits ")[1]) == pytest.approx(0.03, rel=0.2)
    _, (note,) = notes(1 - received_bits, capsys, tmp_path, "--hard-bits", "0.03")
    assert note.startswith("note: with 0 and 1 exchanged 9")


def test_the_function_warns_of_what_the_command_says(code):
    llr = received(code)
    with pytest.warns(UserWarning, match=r"satisfy H; with the opposite sign 9\d% of 500 words would satisfy H"):
        decode(-llr, matrix=code)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode(-llr, matrix=code, check=False)
        decode(llr, matrix=code)
        # Noise is no mistake.
        assert decode(received(code, 0.0), matrix=code).success.mean() < 0.9


@pytest.mark.parametrize("scale", [0.02, 0.2, 1.0, 5.0])
def test_the_factor_is_that_of_the_scale(scale):
    # Consistent Gaussian ratios: mean m, variance 2 m.
    generator = np.random.default_rng(0)
    llr = generator.normal(6.0, np.sqrt(12.0), (2000, 50))
    findings = calibration(scale * llr, np.zeros((2000, 50), dtype=bool))
    if scale == 1.0:
        assert findings == []
    else:
        size = float(findings[0].text.split("they are about ")[1].split(" times")[0])
        assert size == pytest.approx(max(scale, 1 / scale), rel=0.1)


def test_too_few_bits_say_nothing_of_the_scale():
    assert calibration(np.full((1, 20), 0.1), np.zeros((1, 20), dtype=bool)) == []
    assert calibration(np.full((1, 20), np.inf), np.zeros((1, 20), dtype=bool)) == []


@pytest.mark.parametrize(("length", "words"), [(7, 500), (4000, 500), (64_800, 32), (10**6, 20)])
def test_fewer_long_words_are_decoded_again(length, words):
    assert words_kept(length) == words
