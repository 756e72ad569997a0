"""`hypernet codes curve`: error rates of any code."""

from __future__ import annotations

import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from scipy.stats import norm

from hypernet.cli import main
from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.channel import Code
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.montecarlo import simulate
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import construct
from hypernet.codes.tools.curve import curve
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError


def test_the_curve_of_a_users_matrix(trained, tmp_path, capsys, render):
    render(".png")
    write_alist(tmp_path / "mine.alist", construct("BCH31_16"))
    command = [
        "codes",
        "curve",
        "--matrix",
        str(tmp_path / "mine.alist"),
        "--model",
        str(trained("maximum_likelihood")),
    ]
    command += ["--ebn0", "2:3:1", "--words", "1000", "--out", str(tmp_path / "c.png")]
    assert main(command) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    assert table.columns.tolist() == COLUMNS
    plain, min_sum, best = (rows.set_index("ebn0_db").ber for _, rows in table.groupby("decoder", sort=False))
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert plain.index.tolist() == [2.0, 3.0]
    # No decoder beats maximum likelihood, and belief propagation on this code is far from it.
    assert (best < 0.6 * plain).all()
    assert (best < 0.6 * min_sum).all()
    words = [rows.set_index("ebn0_db").fer for _, rows in table.groupby("decoder", sort=False)]
    assert (words[2] < words[0]).all()
    # A wrong word has from 1 to 31 wrong bits.
    assert (table.fer / 31 <= table.ber).all()
    assert (table.ber <= table.fer).all()
    assert plain[3.0] < plain[2.0]


COLUMNS = ["decoder", "ebn0_db", "ber", "ber_low", "ber_high", "fer", "fer_low", "fer_high", "words"]


def test_a_curve_of_bounds_alone_is_drawn(tmp_path, capsys, render):
    render(".png")
    # A word of two bits that are the same: at 12 dB there are no errors to count.
    (tmp_path / "h.txt").write_text("11\n")
    command = ["codes", "curve", "--matrix", str(tmp_path / "h.txt"), "--ebn0", "12:13:1", "--words", "100"]
    assert main([*command, "--out", str(tmp_path / "c.png")]) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    assert table.ber.isna().all()
    assert table.ber_high.between(0.02, 0.04).all()
    assert table.fer_high.between(0.02, 0.04).all()
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_a_curve_over_a_folder_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "c.csv").mkdir()
    assert main(["codes", "curve", "--code", "BCH31_16", "--out", str(tmp_path / "c.png")]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"hypernet: {tmp_path / 'c.csv'}: this is a folder, and would be a file of this command\n"
    assert printed.out == ""


def test_a_doubled_row_is_a_warning_beside_the_table(tmp_path, capsys, sizes):
    (tmp_path / "h.txt").write_text("111\n111\n")
    command = ["codes", "curve", "--matrix", str(tmp_path / "h.txt"), "--ebn0", "1:1:1", "--words", "500"]
    assert main([*command, "--out", str(tmp_path / "c.png")]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith(f"warning: {tmp_path / 'h.txt'}: row 1 stands more than once\n")
    assert "warning" not in printed.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--matrix", "nowhere.alist"], "nowhere.alist: no such"),
        (["--code", "BCH31_16", "--out", "c.pdf"], "c.pdf: the name must end in .png"),
        (["--code", "BCH31_16", "--ebn0", "5:1:1"], "from -20 to 30 dB, rising, at most 100 points"),
        (["--code", "BCH31_16", "--ebn0", "nan:1:1"], "rising"),
        (["--code", "BCH31_16", "--words", "0"], "'0' is not a whole number"),
        (["--code", "BCH31_16", "--iterations", "1000000"], "is not a whole number from 1 to 100000"),
        (["--matrix", "/dev/zero"], "/dev/zero"),
        (["--code", "BCH31_16", "--puncture", "31"], "punctured bit 31 does not exist; accepted: 0 to 30"),
        (["--code", "BCH31_16", "--shorten", "0-30"], "all 31 bits are punctured or shortened"),
        (["--code", "TURBO"], "invalid choice: 'TURBO'"),
        ([], "one of the arguments --matrix --code is required"),
    ],
)
def test_what_a_curve_cannot_be_drawn_of(arguments, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["codes", "curve", *arguments]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_model_of_another_code_is_refused(trained, tmp_path, capsys):
    command = ["codes", "curve", "--code", "LDPC49_24", "--model", str(trained("bp")), "--out", str(tmp_path / "c.png")]
    assert main(command) == 2
    assert "trained on BCH(31,16), whose matrix is not that of LDPC(49,24)" in capsys.readouterr().err


def test_the_function_gives_what_the_command_writes(trained, tmp_path, capsys, render):
    render(".png", "function")
    model = trained("min_sum")
    command = ["codes", "curve", "--code", "BCH31_16", "--model", str(model), "--ebn0", "2:3:0.5", "--words", "1000"]
    command += ["--iterations", "3", "--frame-errors", "50", "--seed", "4", "--out", str(tmp_path / "command.png")]
    assert main(command) == 0
    capsys.readouterr()
    options = {"ebn0": [2, 2.5, 3], "words": 1000, "iterations": 3, "frame_errors": 50, "seed": 4}
    result = curve(code="BCH31_16", model=open_model(model), **options)
    assert capsys.readouterr().out == ""
    assert (result.title, result.rate) == ("BCH(31,16)", 16 / 31)
    written = pd.read_csv(tmp_path / "command.csv")
    pd.testing.assert_frame_equal(result.table, written)
    result.save(tmp_path / "function.png")
    assert (tmp_path / "function.csv").read_bytes() == (tmp_path / "command.csv").read_bytes()
    assert (tmp_path / "function.png").read_bytes().startswith(b"\x89PNG")
    plt.close(result.draw())
    # The same matrix as an array is the same code, by another name.
    array = curve(construct("BCH31_16").toarray().astype(int).tolist(), model=model, **options)
    assert array.title == "(31,16)"
    pd.testing.assert_frame_equal(array.table, result.table)


@pytest.mark.parametrize(
    ("ebn0", "points"),
    [
        (3, [3.0]),
        (np.float32(2.5), [2.5]),
        (np.array(3), [3.0]),
        (torch.tensor(3.0), [3.0]),
        (np.arange(1, 4), [1.0, 2.0, 3.0]),
        (pd.Series([2, 4]), [2.0, 4.0]),
        (range(2), [0.0, 1.0]),
        ((point / 2 for point in range(2)), [0.0, 0.5]),
        ("4", [4.0]),
        ("2, 4,6.5", [2.0, 4.0, 6.5]),
        ("-1:1:1", [-1.0, 0.0, 1.0]),
    ],
)
def test_points_come_as_numbers_arrays_or_text(ebn0, points):
    assert curve([[1, 1]], ebn0=ebn0, words=1).table.ebn0_db.unique().tolist() == points


@pytest.mark.parametrize(("text", "points"), [("2,4", [2.0, 4.0]), ("4", [4.0])])
def test_the_command_takes_values(text, points, tmp_path, capsys, sizes):
    command = ["codes", "curve", "--code", "BCH31_16", "--ebn0", text, "--words", "100"]
    assert main([*command, "--out", str(tmp_path / "c.png")]) == 0
    assert pd.read_csv(tmp_path / "c.csv").ebn0_db.unique().tolist() == points


@pytest.mark.parametrize(
    "form",
    [
        lambda matrix: matrix.astype(np.float64),
        lambda matrix: matrix.astype(np.float32),
        lambda matrix: matrix.astype(bool),
        scipy.sparse.csr_matrix,
        lambda matrix: scipy.sparse.csr_matrix(matrix * 1.0),
        scipy.sparse.coo_array,
        torch.tensor,
        pd.DataFrame,
    ],
)
def test_every_form_of_a_matrix_gives_the_same_curve(form, table_of_100_words):
    given = form(construct("BCH31_16").toarray())
    pd.testing.assert_frame_equal(curve(given, ebn0=2, words=100, iterations=5).table, table_of_100_words)


@pytest.fixture(scope="module")
def table_of_100_words():
    """The curve of a code by its name."""
    return curve(code="BCH31_16", ebn0=2, words=100, iterations=5).table


def test_a_code_keeps_its_title():
    code = Code.of("mine", construct("BCH31_16"))
    options = {"ebn0": [2, 3], "words": 100, "iterations": 5}
    result = curve(code, **options)
    pd.testing.assert_frame_equal(result.table, curve(code="BCH31_16", **options).table)
    assert repr(result) == "Curve(mine, rate 0.516, decoders: 2, points: 2)"
    assert curve(Code.of("", construct("BCH31_16")), ebn0=2, words=1).title == "(31,16)"


def test_the_rates_of_a_repetition_code_are_those_of_its_formula():
    # Of three bits that are the same the likeliest value is the sign of their sum, which belief propagation finds.
    result = curve([[1, 1, 0], [0, 1, 1]], ebn0=[0, 2], words=20_000, frame_errors=10**6, iterations=4)
    exact = norm.sf(np.sqrt(2 * 10 ** (np.array([0.0, 2.0]) / 10)))
    plain, min_sum = (rows for _, rows in result.table.groupby("decoder", sort=False))
    for rate in ("ber", "fer"):
        assert (plain[rate] / exact).to_numpy() == pytest.approx(1, abs=0.1)
        # Its normalisation weighs far bits less.
        assert (min_sum[rate].to_numpy() > plain[rate].to_numpy()).all()
        for rows in (plain, min_sum):
            assert ((rows[f"{rate}_low"] < rows[rate]) & (rows[rate] < rows[f"{rate}_high"])).all()
    assert (result.table.words == 20_000).all()
    assert (result.rate, result.dimension) == (1 / 3, 1)


def test_puncturing_and_shortening_change_the_rate():
    # Seven bits that are the same, of which three are sent: the repetition code of three.
    matrix = np.eye(6, 7, dtype=int) + np.eye(6, 7, 1, dtype=int)
    options = {"ebn0": [2], "words": 20_000, "frame_errors": 10**6, "iterations": 7}
    result = curve(matrix, **options, puncture="3-6")
    assert result.rate == 1 / 3
    exact = norm.sf(np.sqrt(2 * 10**0.2))
    assert result.table.ber[0] / exact == pytest.approx(1, abs=0.1)
    # A check on four bits, two of them known to be 0: the other two are the same.
    shortened = curve([[1, 1, 1, 1]], **options, shorten=[0, 3])
    assert (shortened.rate, shortened.dimension) == (1 / 2, 1)
    assert shortened.table.ber[0] / exact == pytest.approx(1, abs=0.1)
    assert shortened.table.ber[0] == shortened.table.fer[0]


def test_the_information_bits_alone_are_counted():
    """Two repetition codes side by side, of two bits and of four: information bits 0 and 2."""
    matrix = np.zeros((4, 6), dtype=int)
    for check, bit in enumerate((0, 2, 3, 4)):
        matrix[check, bit : bit + 2] = 1
    options = {"ebn0": [0.0], "words": 20_000, "frame_errors": 10**6, "iterations": 4}
    whole, alone = curve(matrix, **options), curve(matrix, **options, information_only=True)
    assert whole.rate == alone.rate == 1 / 3
    all_bits, information = whole.table.iloc[0], alone.table.iloc[0]
    # The bits of a repetition code are decided by their sum.
    pair, four = (norm.sf(np.sqrt(2 * repeated / 3)) for repeated in (2, 4))
    assert information.ber_low < (pair + four) / 2 < information.ber_high
    assert all_bits.ber_low < (2 * pair + 4 * four) / 6 < all_bits.ber_high
    assert information.fer == all_bits.fer
    assert alone.draw().axes[0].get_ylabel() == "Bit error rate (information bits)"
    plt.close("all")


@pytest.mark.parametrize(
    ("length", "most", "fewest"), [(31, 50_000, 5_000), (10_000, 10_000, 500), (200_000, 1000, 100)]
)
def test_long_words_are_fewer(monkeypatch, length, most, fewest):
    rules = []

    def no_rates(decoder, transmission, settings, seed):
        rules.append(settings.monte_carlo)
        return pd.DataFrame({"ebn0_db": [1.0]})

    monkeypatch.setattr("hypernet.codes.tools.curve._rates", no_rates)
    monkeypatch.setattr("hypernet.codes.tools.curve._announce", lambda *arguments: None)
    ones = np.ones(length, dtype=np.uint8)
    curve(scipy.sparse.csr_array((ones, (np.zeros(length, dtype=int), np.arange(length))), shape=(1, length)))
    assert {(rule.max_words, rule.min_words) for rule in rules} == {(most, fewest)}


def test_what_takes_long_is_announced(monkeypatch, capsys):
    monkeypatch.setattr("hypernet.codes.tools.curve.time.monotonic", itertools.count(step=30).__next__)
    curve([[1, 1]], ebn0=[2, 3], words=100)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("at most")]
    # Two decoders take 30 seconds each for 2 words, at two points of 100.
    assert line == (
        "at most about 100 minutes: 2 points of up to 100 words, 2 decoders; a point ends after 100 words with 100 of "
        "them wrong"
    )


def test_the_picture_has_both_rates_beside_the_uncoded_ones(tmp_path):
    result = curve(code="BCH31_16", ebn0=[2, 4], words=1000)
    figure = result.draw()
    bits, words = figure.axes
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["Eb/N0 (dB)"] * 2
    assert [axes.get_ylabel() for axes in figure.axes] == [f"{name} error rate (all bits)" for name in ("Bit", "Word")]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*result.table.decoder.unique(), "Uncoded BPSK"]
    for axes, rate in ((bits, lambda p: p), (words, lambda p: 1 - (1 - p) ** 16)):
        (line,) = [line for line in axes.lines if line.get_label() == "Uncoded BPSK"]
        exact = rate(norm.sf(np.sqrt(2 * 10 ** (line.get_xdata() / 10))))
        np.testing.assert_allclose(line.get_ydata(), exact, rtol=1e-9)
    plt.close(figure)


def test_progress_reads_well(monkeypatch, capsys):
    monkeypatch.setattr("hypernet.lab.progress.time.monotonic", itertools.count(step=20).__next__)
    rule = MonteCarlo(
        ebn0_db=[6.0],
        chunk_words=500,
        min_words=1000,
        max_words=1000,
        min_frame_errors=1,
        parts=1,
        more_iterations={},
    )
    settings = EvaluationSettings(monte_carlo=rule, iterations=[1])
    simulate(lambda _: lambda llr: llr, Transmission(Code.of("", np.array([[1, 1]]))), settings, 0, 0, None, "")
    first, *_ = [line for line in capsys.readouterr().err.splitlines() if "wrong" in line]
    assert re.fullmatch(r"simulation: 500 of 1,000 words, \d+ s \(at 6 dB, \d+ wrong words\)", first)


def test_the_name_of_a_matrix_is_no_formula(tmp_path, render):
    render(".png")
    path = tmp_path / r"$\frac$.txt"
    path.write_text("11\n")
    result = curve(path, ebn0=[1], words=100)
    assert result.title == r"$\frac$"
    result.save(tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "give either a matrix or the name of a known code"),
        ({"matrix": [[1, 1]], "code": "BCH31_16"}, "give either a matrix or the name"),
        ({"code": "TURBO"}, "TURBO: not a known code; accepted: BCH31_16, "),
        ({"code": "MACKAY96_48"}, r"MacKay\(96,48\) has no construction"),
        ({"matrix": [1, 1]}, r"the matrix: a parity-check matrix is \[m, n\]"),
        ({"matrix": [[1, 1], [1]]}, "the matrix: rows of different lengths"),
        ({"matrix": [[0.5, 1.0]]}, "the matrix: row 1, column 1 is 0.5"),
        ({"matrix": [[np.nan, 1.0]]}, "the matrix: row 1, column 1 is nan"),
        ({"matrix": [["1", "1"]]}, "the matrix: entries of type <U1"),
        ({"matrix": object()}, "the matrix: "),
        ({"matrix": {"H": 1}}, "the matrix: "),
        ({"matrix": scipy.sparse.coo_matrix(([1, 1], ([0, 0], [1, 1])))}, "row 1, column 2 is given more than once"),
        ({"matrix": scipy.sparse.coo_matrix((10**9, 10**9))}, "the matrix: "),
        ({"matrix": [[2, 1]]}, "the matrix: row 1, column 1 is 2"),
        ({"matrix": [[1, 1]], "ebn0": []}, "ebn0: .*1 to 100 points"),
        ({"matrix": [[1, 1]], "ebn0": [np.nan]}, "ebn0: .*from -20 to 30 dB"),
        ({"matrix": [[1, 1]], "ebn0": [3, 3]}, "ebn0: .*more than once"),
        ({"matrix": [[1, 1]], "ebn0": "1:6"}, "ebn0: '1:6' is not first:last:step in dB"),
        ({"matrix": [[1, 1]], "ebn0": None}, "ebn0: None is not a number of dB, several, or first:last:step"),
        ({"matrix": [[1, 1]], "ebn0": np.ones((2, 2))}, "ebn0: .*is not a number of dB"),
        ({"matrix": [[1, 1]], "ebn0": ["x"]}, "ebn0: .*is not a number of dB"),
        ({"matrix": [[1, 1]], "ebn0": itertools.count()}, "ebn0: .*1 to 100 points"),
        ({"matrix": [[1, 1]], "ebn0": 31}, "ebn0: .31.0.: from -20 to 30 dB"),
        ({"matrix": [[1, 1]], "ebn0": "2,,4"}, "ebn0: '2,,4' is not first:last:step in dB, like 1:6:0.5, nor values"),
        ({"matrix": [[1, 1]], "ebn0": "2,2.0"}, "ebn0: '2,2.0': a point stands here more than once"),
        ({"matrix": [[1, 1]], "ebn0": ""}, "ebn0: '' is not first:last:step"),
        ({"matrix": [[1, 1]], "words": 0}, "words: 0 is not a whole number from 1 to 1000000000"),
        ({"matrix": [[1, 1]], "frame_errors": 1.5}, "frame_errors: 1.5 is not a whole number"),
        ({"matrix": [[1, 1]], "iterations": 10**6}, "iterations: 1000000 is not a whole number"),
    ],
)
def test_what_the_function_refuses(arguments, reason):
    with pytest.raises(UserError, match=reason):
        curve(**arguments)


def test_a_given_decoder_of_another_code_is_refused(trained):
    with pytest.raises(UserError, match=r"the model: trained on BCH\(31,16\), whose matrix is not that of \(2,1\)"):
        curve([[1, 1]], model=open_model(trained("bp")))
