"""`hypernet codes decode` as a filter between programs: lines in, lines out, and no file where a line is bad."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hypernet.cli import main
from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.sources.matrices import construct
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError
from tests.codes.decoders import decoded_words

LLR = np.random.default_rng(0).normal(2.5, 2.0, size=(6, 31))


def decided(iterations):
    decoder = BeliefPropagation(TannerGraph(construct("BCH31_16")), iterations)
    return ["".join(map(str, row)) for row in (decoded_words(decoder, LLR) < 0).astype(int)]


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


def test_an_output_that_is_a_folder_is_refused(trained, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", LLR)
    (tmp_path / "out.npy").mkdir()
    arguments = ["--model", trained("bp"), "--llr", tmp_path / "llr.npy", "--out", tmp_path / "out.npy"]
    assert main(["codes", "predict", *map(str, arguments)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_call_from_python_is_refused_likewise(trained):
    decoder = open_model(trained("bp"))
    with pytest.raises(UserError, match=r"the input: BCH\(31,16\) takes words of 31"):
        decoder(np.ones((3, 7)))
