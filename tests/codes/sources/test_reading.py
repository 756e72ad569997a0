from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.codes.sources import lines as module
from hypernet.codes.sources.alist import write_alist
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError

CASES = Path(__file__).parents[1] / "cases"
H = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 0], [1, 0, 0, 1, 1]], dtype=np.uint8)


def read(path):
    return read_parity_check(path).toarray()


@pytest.mark.parametrize("name", ["H.npy", "H.mtx", "H_csv.csv"])
def test_one_matrix_in_the_files_of_several_programs(name):
    matrix = read(CASES / name)
    assert matrix.dtype == np.uint8
    assert np.array_equal(matrix, np.load(CASES / "H.npy"))


def test_the_default_of_savetxt():
    expected = [[1, 1, 0, 1, 1, 0, 0], [1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 1, 0, 0, 1]]
    assert np.array_equal(read(CASES / "H_savetxt_default.txt"), expected)


def test_a_quasi_cyclic_file():
    # Shifts 0 1 2 -1 / 1 0 -1 2 of 3 x 3 blocks.
    expected = [
        [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0],
        [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1],
        [0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0],
        [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    ]
    assert np.array_equal(read(CASES / "qc.qc"), expected)


def texts():
    """The same matrix as alist, rows, CSV and Matrix Market."""
    market = io.BytesIO()
    scipy.io.mmwrite(market, scipy.sparse.coo_array(H))
    return {
        "alist": "5 3\n2 3\n2 2 1 2 1\n3 2 3\n1 3\n1 2\n2\n1 3\n3\n1 2 4\n2 3\n1 4 5\n",
        "rows": "\n".join("".join(map(str, row)) for row in H) + "\n",
        "csv": "\n".join(",".join(map(str, row)) for row in H) + "\n",
        "market": market.getvalue().decode(),
    }


@pytest.mark.parametrize("form", texts())
@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_packed_or_not_under_any_name(tmp_path, form, encoding, end):
    content = texts()[form].replace("\n", end).encode(encoding)
    (tmp_path / "h.dat").write_bytes(content)
    assert np.array_equal(read(tmp_path / "h.dat"), H)
    (tmp_path / "h.dat").write_bytes(gzip.compress(content))
    assert np.array_equal(read(tmp_path / "h.dat"), H)


def test_a_matrix_on_its_side_is_read_as_it_stands(tmp_path):
    write_alist(tmp_path / "h.alist", H.T)
    assert np.array_equal(read(tmp_path / "h.alist"), H.T)


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", b"# nothing\n% here\n", b"\xef\xbb\xbf", b"\xff\xfe", gzip.compress(b"", mtime=0)]
)
def test_a_file_without_content_is_one_line(tmp_path, content):
    (tmp_path / "h.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"h\.txt: the file is empty; accepted: alist, .*Matrix Market.*\.npz"):
        read(tmp_path / "h.txt")


def test_files_that_are_no_text_or_not_there(tmp_path):
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "zeros").write_bytes(bytes(1000))
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"1 0 1\n" * 1000)[:30])
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b hello, this is no gzip")
    reasons = {
        "binary": "line 1: not a text file",
        "zeros": "line 1: not a text file",
        "absent": "no such parity-check file",
        "": "cannot be read",
        "half.gz": "damaged|cannot be read",
        "bad.gz": "cannot be read",
    }
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=reason) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path))
        assert "\n" not in str(caught.value)


def test_what_has_no_end_is_not_read_to_it(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="/dev/zero, line 1: not a text file"):
        read("/dev/zero")
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    monkeypatch.setattr(module, "LARGEST_TEXT", 100_000)
    for content, reason in ((b"1" * 5000, "line 1: more than 1000 characters"), (b"\n" * 200_000, "more than 100000")):
        # A few bytes that are many when unpacked.
        (tmp_path / "h.gz").write_bytes(gzip.compress(content))
        with pytest.raises(UserError, match=reason):
            read(tmp_path / "h.gz")


def files():
    """The matrix as each program writes it."""
    contents = [text.encode() for text in texts().values()]
    contents += [gzip.compress(contents[0]), b"4 2 3\n0 1 2 -1\n1 0 -1 2\n"]
    for write in (
        lambda file: np.save(file, H),
        lambda file: np.savez_compressed(file, H=H, n=5),
        lambda file: scipy.sparse.save_npz(file, scipy.sparse.csr_array(H), compressed=False),
        lambda file: scipy.sparse.save_npz(file, scipy.sparse.coo_array(H)),
        lambda file: scipy.io.savemat(file, {"H": scipy.sparse.csc_array(H.astype(float))}),
        lambda file: scipy.io.savemat(file, {"H": H}, do_compression=True),
    ):
        file = io.BytesIO()
        write(file)
        contents.append(file.getvalue())
    return contents


@given(st.sampled_from(files()), st.data())
@settings(max_examples=400, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_no_damage_is_more_than_one_line(tmp_path_factory, content, data):
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        cut = data.draw(st.integers(0, 4))
        content = content[:place] + data.draw(st.binary(max_size=4)) + content[place + cut :]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        matrix, message = read_parity_check(path), ""
    except UserError as error:
        matrix, message = None, str(error)
    if matrix is None:
        assert message.startswith(str(path))
        assert "\n" not in message
    else:
        assert min(matrix.shape) >= 1
        assert matrix.has_canonical_format
        assert (matrix.data == 1).all()
        assert matrix.indices.max(initial=0) < matrix.shape[1]
