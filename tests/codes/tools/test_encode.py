"""`hypernet codes encode`: information bits in, words out, and back by `decode`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.cli import main
from hypernet.codes.core.channel import Code
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.matrices import construct
from hypernet.codes.tools.decode import decode
from hypernet.codes.tools.encode import encode
from hypernet.lab.errors import UserError


@pytest.fixture(scope="module")
def code():
    return Code.of("LDPC(49,24)", construct("LDPC49_24"))


def random_bits(words, count, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (words, count), dtype=np.uint8)


def test_words_satisfy_h_and_hold_their_information(code):
    information = random_bits(40, code.dimension)
    words = encode(information, code="LDPC49_24")
    # 1 - 2 c of an unsigned type would be 255 for a 1.
    assert set(np.unique(1 - 2 * words)) == {-1, 1}
    assert not (code.parity_check.toarray().astype(int) @ words.T % 2).any()
    assert np.array_equal(words[:, code.information], information)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_was_encoded_is_decoded(data):
    code = Code.of("LDPC(49,24)", construct("LDPC49_24"))
    order = np.random.default_rng(data.draw(st.integers(0, 1000))).permutation(code.length)
    punctured, shortened = np.split(order[: data.draw(st.integers(0, 8))], [data.draw(st.integers(0, 4))])
    options = {"puncture": punctured[:2], "shorten": shortened}
    shortest = decode(np.full((1, code.length - len(punctured[:2]) - len(shortened)), 9.0), matrix=code, **options)
    information = random_bits(5, len(shortest.positions), seed=data.draw(st.integers(0, 99)))
    sent = encode(information, matrix=code, **options)
    assert sent.shape == (5, code.length - len(punctured[:2]) - len(shortened))
    decoded = decode(9.0 - 18.0 * sent, matrix=code, check=False, **options)
    # Up to two erased bits are filled in wherever they stand: the array code has checks on one of them alone.
    assert decoded.success.all()
    assert np.array_equal(decoded.information, information)


@pytest.mark.parametrize("form", ["npy", "glued", "spaces", "commas", "standard input", "float"])
def test_bits_come_in_every_form(code, tmp_path, monkeypatch, capsys, form):
    information = random_bits(6, code.dimension)
    separator = {"spaces": " ", "commas": ", "}.get(form, "")
    text = "".join(separator.join(map(str, word)) + "\n" for word in information)
    path = tmp_path / "u.npy"
    if form == "standard input":
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        source = "-"
    elif form in ("npy", "float"):
        np.save(path, information.astype(np.uint8 if form == "npy" else float))
        source = str(path)
    else:
        path = tmp_path / "u.txt"
        path.write_text(text)
        source = str(path)
    write_alist(tmp_path / "mine.alist", code.parity_check)
    command = ["codes", "encode", "--matrix", str(tmp_path / "mine.alist"), "--bits", source]
    assert main(command) == 0
    printed = capsys.readouterr()
    expected = code.encode(information.T).T
    assert printed.out.split() == ["".join(map(str, word)) for word in expected]
    assert printed.err.startswith("6 words of 49 bits, rate 0.490; the 24 information bits stand at positions 0")
    if form != "standard input":
        assert main([*command, "--out", str(tmp_path / "w.npy")]) == 0
        assert np.array_equal(np.load(tmp_path / "w.npy"), expected)


def test_the_code_of_a_model_is_encoded(trained):
    information = random_bits(3, 16)
    assert np.array_equal(encode(information, model=trained("bp")), encode(information, code="BCH31_16"))


def test_one_word_and_words_in_a_row(code):
    information = random_bits(3, code.dimension)
    words = encode(information, matrix=code)
    assert np.array_equal(encode(information[0], matrix=code), words[:1])
    assert np.array_equal(encode(information.reshape(-1).tolist(), matrix=code), words)


@pytest.mark.parametrize(
    ("bits", "options", "reason"),
    [
        ([[0, 1]], {"code": "BCH31_16"}, r"the input: int64 \[1, 2\]; BCH\(31,16\) takes \[words, 16\] information"),
        (np.full((1, 16), 2), {"code": "BCH31_16"}, r"bit 0 of word 0 \(from 0\) is 2, not 0 or 1"),
        (np.full((1, 16), np.nan), {"code": "BCH31_16"}, "is nan, not 0 or 1"),
        (np.zeros((0, 16)), {"code": "BCH31_16"}, "takes .words, 16."),
        ([["a"] * 16], {"code": "BCH31_16"}, "the input: <U1"),
        (np.zeros((1, 16)), {}, "give one of: a matrix, the name of a known code, a model"),
        (np.zeros((1, 16)), {"code": "BCH31_16", "matrix": [[1, 1]]}, "give one of"),
        (np.zeros((1, 16)), {"code": "BCH31_16", "shorten": "0"}, r"takes \[words, 15\]"),
        ("absent.npy", {"code": "BCH31_16"}, "absent.npy: no such file of information bits"),
    ],
)
def test_what_cannot_be_encoded(bits, options, reason):
    with pytest.raises(UserError, match=reason):
        encode(bits, **options)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("u.txt", b"0101\n", "u.txt, line 1: 4 bits; a word of BCH(31,16) has 16 information bits"),
        ("u.txt", b"0" * 15 + b"2\n", "u.txt, line 1: '2' is not a bit, 0 or 1"),
        ("u.txt", b"\n\n", "u.txt: no words in here; write 16 bits a line"),
        ("u.txt", bytes(range(128, 256)), "u.txt: neither text nor .npy"),
        ("u.npy", b"\x93NUMPY", "u.npy: not a .npy file of bits"),
        ("u.txt", b"0" * 10_000, "u.txt, line 1: "),
    ],
)
def test_files_that_hold_no_bits(tmp_path, capsys, name, content, reason):
    (tmp_path / name).write_bytes(content)
    command = ["codes", "encode", "--code", "BCH31_16", "--bits", str(tmp_path / name)]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert reason in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert main([*command, "--out", str(tmp_path / name)]) == 2
