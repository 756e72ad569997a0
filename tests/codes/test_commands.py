"""`hypernet codes decode` as a filter, and `hypernet codes curve`."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.cli import main
from hypernet.codes.baselines.message_passing import BeliefPropagation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import construct
from hypernet.codes.train import train

LLR = np.random.default_rng(0).normal(2.5, 2.0, size=(6, 31))


@pytest.fixture(scope="module")
def trained(prepared, config, tmp_path_factory):
    """Model files of methods with nothing to train, and of an untrained hypernetwork."""
    folder = tmp_path_factory.mktemp("runs")

    def model(method):
        settings = config().settings("train", "BCH31_16", method)
        train("BCH31_16", method, 0, prepared("BCH31_16"), folder / method, settings, "program", threads=1)
        return folder / method / "model.ckpt"

    return model


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


def test_more_iterations_than_were_trained(trained, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", LLR)
    command = ["codes", "decode", "--model", str(trained("bp")), "--llr", str(tmp_path / "llr.npy")]
    assert main([*command, "--iterations", "30"]) == 0
    assert capsys.readouterr().out.split() == decided(30)


def test_a_decoder_that_cannot_go_on_says_so(trained, tmp_path, capsys):
    np.save(tmp_path / "llr.npy", LLR)
    command = ["codes", "decode", "--model", str(trained("maximum_likelihood")), "--llr", str(tmp_path / "llr.npy")]
    assert main([*command, "--iterations", "9"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "hypernet: maximum_likelihood: was trained for 5 iterations and cannot run 9"


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


def test_the_curve_of_a_users_matrix(trained, tmp_path, capsys):
    write_alist(tmp_path / "mine.alist", construct("BCH31_16"))
    command = [
        "codes",
        "curve",
        "--matrix",
        str(tmp_path / "mine.alist"),
        "--model",
        str(trained("maximum_likelihood")),
    ]
    command += ["--ebn0", "2:3:1", "--words", "2000", "--out", str(tmp_path / "c.png")]
    assert main(command) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    plain, best = (rows.set_index("ebn0_db").ber for _, rows in table.groupby("decoder", sort=False))
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert plain.index.tolist() == [2.0, 3.0]
    # No decoder beats maximum likelihood, and belief propagation on this code is far from it.
    assert (best < 0.6 * plain).all()
    assert plain[3.0] < plain[2.0]


def test_a_curve_of_bounds_alone_is_drawn(tmp_path, capsys):
    # A word of two bits that are the same: at 12 dB there are no errors to count.
    (tmp_path / "h.txt").write_text("11\n")
    command = ["codes", "curve", "--matrix", str(tmp_path / "h.txt"), "--ebn0", "12:13:1", "--words", "100"]
    assert main([*command, "--out", str(tmp_path / "c.png")]) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    assert table.ber.isna().all()
    assert table.high.between(0.02, 0.04).all()
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_a_curve_over_a_folder_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "c.csv").mkdir()
    assert main(["codes", "curve", "--code", "BCH31_16", "--out", str(tmp_path / "c.png")]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"hypernet: {tmp_path / 'c.csv'}: this is a folder, and would be a file of this command\n"
    assert printed.out == ""


def test_a_doubled_row_is_a_warning_beside_the_table(tmp_path, capsys):
    (tmp_path / "h.txt").write_text("111\n111\n")
    command = ["codes", "curve", "--matrix", str(tmp_path / "h.txt"), "--ebn0", "1:1:1", "--words", "500"]
    assert main([*command, "--out", str(tmp_path / "c.png")]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith(f"warning: {tmp_path / 'h.txt'}: row 1 stands more than once\n")
    assert "warning" not in printed.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--matrix", "nowhere.alist"], "nowhere.alist: no such parity-check file"),
        (["--code", "BCH31_16", "--out", "c.pdf"], "c.pdf: the name must end in .png"),
        (["--code", "BCH31_16", "--ebn0", "5:1:1"], "from -20 to 30 dB, rising, at most 100 points"),
        (["--code", "BCH31_16", "--ebn0", "nan:1:1"], "rising"),
        (["--code", "BCH31_16", "--words", "0"], "'0' is not a whole number"),
        (["--code", "BCH31_16", "--iterations", "1000000"], "is not a whole number from 1 to 100000"),
        (["--matrix", "/dev/zero"], "/dev/zero: more than 33554432 bytes"),
        (["--code", "TURBO"], "invalid choice: 'TURBO'"),
        ([], "one of the arguments --matrix --code is required"),
    ],
)
def test_what_a_curve_cannot_be_drawn_of(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["codes", "curve", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_model_of_another_code_is_refused(trained, tmp_path, capsys):
    command = ["codes", "curve", "--code", "LDPC49_24", "--model", str(trained("bp")), "--out", str(tmp_path / "c.png")]
    assert main(command) == 2
    assert "trained on BCH(31,16), whose matrix is not that of LDPC(49,24)" in capsys.readouterr().err
