"""Channel values in every form that programs write, and what is refused as none."""

from __future__ import annotations

import gzip
import io
import os
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.io

from hypernet.cli import main
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.tools.decode import decode
from hypernet.codes.tools.received import Received
from hypernet.lab.errors import UserError

BITS = 31


def channel_values(words):
    """Noisy zero words, ``[words, 31]``: some bits are received wrong."""
    zeros = np.zeros((BITS, words))
    return channel_llr(zeros, noise_deviation(3.0, 16 / 31), np.random.default_rng(0)).T.copy()


@pytest.fixture
def model(trained):
    return trained("bp")


def read(source, words=3, length=BITS, hard=False):
    return np.concatenate([*Received(source, length, "BCH(31,16)", hard).batches(words)])


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
        (np.ones((31, 2)), r"shape \[31, 2\]: are the words in its columns\? Transpose it"),
        (np.ones(32), r"shape \[1, 32\]"),
        (np.ones((2, 31, 1)), r"shape \[2, 31, 1\]"),
        (np.ones((2000, 30)), r"shape \[2000, 30\]"),
        (np.float32(1.0), r"shape \[\]"),
        (one_word(bit_4=np.nan), r"word 1, bit 4 \(from 0\) is not a number"),
        (np.full((2, BITS), "1"), "real numbers, not <U1"),
        (np.ones((2, BITS), dtype=bool), "hard bits, 0 and 1, are no log-likelihood ratios; --hard-bits P"),
        (np.ones((2, BITS)), "hard bits, 0 and 1"),
        (np.eye(2, BITS, dtype=np.uint8), "hard bits, 0 and 1"),
        (np.full((2, BITS), 7, dtype=np.uint8), "log-likelihood ratios have a sign, uint8 has none"),
        (np.zeros((2, BITS), dtype=np.uint16), "log-likelihood ratios have a sign, uint16 has none"),
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
        ("llr.npz", zipped(np.ones((2, 30))), "takes words of 31 channel values"),
        ("llr.npz", b"PK\x03\x04" + bytes(100), "not an archive of numpy"),
        ("llr.mat", b"\x89HDF\r\n\x1a\n" + bytes(100), "accepted: those that save.*-v7.* writes"),
        ("llr.mat", b"MATLAB 5.0 MAT-file" + bytes(200), "llr.mat: "),
        ("llr.txt.gz", gzip.compress(b"1.5 " * 30 + b"2", mtime=0)[:-12], "gzip is damaged or cut off"),
        ("llr.txt", b"01" * 15 + b"1\n", "line 1: hard bits, 0 and 1"),
        ("llr.txt", b"1 " * BITS + b"\n7\n", "line 2: 1 values"),
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


# --- forms --------------------------------------------------------------------------------------------------


def lines(llr, separator=" ", point="."):
    return "".join(separator.join(repr(float(v)).replace(".", point) for v in row) + "\n" for row in llr)


def text_forms():
    llr = channel_values(7)
    table = pd.DataFrame(llr.astype(np.float64))
    return {
        "spaces": lines(llr),
        "commas": lines(llr, ", "),
        "tabs": lines(llr, "\t"),
        "semicolons": lines(llr, ";"),
        "a semicolon after the last": lines(llr, ";").replace("\n", ";\n"),
        "semicolons and decimal commas": lines(llr, ";", ","),
        "tabs and decimal commas": lines(llr, "\t", ","),
        "spaces and decimal commas": lines(llr, "  ", ","),
        "Windows line ends": lines(llr).replace("\n", "\r\n"),
        "a byte-order mark": "\ufeff" + lines(llr),
        "comments": "% MATLAB\n# numpy\n\n" + lines(llr),
        "a value a line": lines(llr.reshape(-1, 1)),
        "pandas": table.to_csv(),
        "pandas without row numbers": table.to_csv(index=False),
        "pandas with semicolons": table.to_csv(sep=";", decimal=","),
        "names of columns": ",".join(f"bit{i}" for i in range(BITS)) + "\n" + lines(llr, ","),
    }


@pytest.mark.parametrize("form", text_forms())
def test_text_is_read_as_it_is_written(tmp_path, form, monkeypatch):
    text = text_forms()[form]
    (tmp_path / "llr.txt").write_text(text, encoding="utf-8", newline="")
    assert np.array_equal(read(tmp_path / "llr.txt"), channel_values(7))
    monkeypatch.setattr("sys.stdin", io.StringIO(text, newline=None))
    assert np.array_equal(read("-"), channel_values(7))


def test_utf_16_and_gzip(tmp_path):
    text = lines(channel_values(7))
    (tmp_path / "llr.txt").write_text(text, encoding="utf-16")
    (tmp_path / "llr.txt.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("llr.txt", "llr.txt.gz"):
        assert np.array_equal(read(tmp_path / name), channel_values(7))


def test_values_that_are_left_over(tmp_path, capsys):
    (tmp_path / "llr.txt").write_text("2\n" * 33)
    with pytest.raises(UserError, match="2 lines of a value each left over; 31 make a word"):
        read(tmp_path / "llr.txt")
    assert capsys.readouterr().err.endswith("a value a line: 31 lines are taken for a word\n")


@pytest.mark.parametrize("do_compression", [False, True])
def test_files_of_matlab(tmp_path, do_compression):
    llr = channel_values(7).astype(np.float64)
    for value in (llr, llr.reshape(1, -1), llr.reshape(-1, 1)):
        scipy.io.savemat(tmp_path / "llr.mat", {"llr": value}, do_compression=do_compression)
        assert np.array_equal(read(tmp_path / "llr.mat"), channel_values(7))
    # A single number beside it is a setting.
    scipy.io.savemat(tmp_path / "llr.mat", {"llr": llr, "sigma": 0.5})
    assert np.array_equal(read(tmp_path / "llr.mat"), channel_values(7))
    scipy.io.savemat(tmp_path / "two.mat", {"llr": llr, "y": llr})
    with pytest.raises(UserError, match=r"two.mat: holds llr, y; accepted: one array of real numbers"):
        read(tmp_path / "two.mat")


def test_an_archive_of_one_array(tmp_path):
    np.savez_compressed(tmp_path / "llr.npz", llr=channel_values(7))
    assert np.array_equal(read(tmp_path / "llr.npz"), channel_values(7))
    np.savez(tmp_path / "two.npz", llr=channel_values(7), sigma=0.5)
    with pytest.raises(UserError, match=r"two.npz: 2 arrays \(llr, sigma\)"):
        read(tmp_path / "two.npz")


def test_an_array_whatever_its_name(tmp_path):
    np.save(tmp_path / "llr.npy", channel_values(7))
    (tmp_path / "llr.npy").rename(tmp_path / "llr")
    assert np.array_equal(read(tmp_path / "llr"), channel_values(7))


def test_words_in_a_row_are_told_apart(capsys):
    assert np.array_equal(read(channel_values(7).reshape(-1)), channel_values(7))
    assert capsys.readouterr().err == "the input: 217 values in a row: 7 words of 31\n"


def test_a_pipe_may_hold_an_array(monkeypatch):
    for llr in (channel_values(7), np.asfortranarray(channel_values(7))):
        buffer = io.BytesIO()
        np.save(buffer, llr)
        buffer.seek(0)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(buffer)))
        assert np.array_equal(read("-"), llr)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"\x93NUMPY\x01\x00\xff"))))
    with pytest.raises(UserError, match=r"standard input: not a \.npy file of numbers"):
        read("-")


def test_a_pipe_by_its_name(model, capsys):
    """As `/dev/stdin` and the `<(...)` of a shell are."""
    llr = channel_values(7)
    out, into = os.pipe()
    os.write(into, lines(llr).encode())
    os.close(into)
    try:
        assert main(["codes", "decode", "--model", str(model), "--llr", f"/dev/fd/{out}"]) == 0
    finally:
        os.close(out)
    expected = decode(llr, model=model, check=False).bits
    assert capsys.readouterr().out.split() == ["".join(map(str, word)) for word in expected]


def test_the_header_that_pandas_writes_is_named(tmp_path, capsys):
    pd.DataFrame(channel_values(7)).to_csv(tmp_path / "llr.csv")
    assert np.array_equal(read(tmp_path / "llr.csv"), channel_values(7))
    assert capsys.readouterr().err == f"{tmp_path / 'llr.csv'}: line 1 is taken for a header\n"
    # As a word, it has a form of its own; and no header stands below a word.
    word = " ".join(map(str, range(1, BITS)))
    (tmp_path / "llr.csv").write_text(f"0.0 {word}\n0 {word}\n")
    assert read(tmp_path / "llr.csv").tolist() == [list(range(BITS))] * 2


@pytest.mark.parametrize("form", ["glued", "spaces", "uint8", "bool", "float"])
def test_hard_bits_are_read_where_they_are_asked_for(tmp_path, form):
    bits = (channel_values(7) < 0).astype(np.uint8)
    source = tmp_path / "bits.txt"
    if form in ("glued", "spaces"):
        source.write_text("".join(("" if form == "glued" else " ").join(map(str, row)) + "\n" for row in bits))
    else:
        source = bits.astype(form)
    assert np.array_equal(read(source, hard=True), bits)


def test_what_is_no_hard_bit_is_named():
    values = np.zeros((7, BITS))
    values[5, 4] = -1
    with pytest.raises(UserError, match=r"bit 4 of word 5 \(from 0\) is -1, not 0 or 1"):
        read(values, hard=True)


def test_quantised_values_may_be_zeros_and_ones_in_a_later_word():
    words = np.array([[1, -1, 0], [1, 1, 0], [0, 1, 1]], dtype=np.int8)
    assert np.array_equal(read(words, words=1, length=3), words)
    with pytest.raises(UserError, match="hard bits"):
        read(words[1:], words=1, length=3)
