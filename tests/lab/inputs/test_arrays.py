"""Arrays of numpy: what it writes is read, nothing is unpickled, and no header is believed."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.arrays import arrays_of

IMAGES = np.arange(48, dtype=np.uint8).reshape(2, 3, 4, 2)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("array", [IMAGES, np.asfortranarray(IMAGES), IMAGES > 9, IMAGES.astype(">i4"), IMAGES[:0]])
def test_what_numpy_writes_is_read_and_can_be_written_to(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", images=array, classes=np.array([3, 1]), other=np.array([{}]))
    np.savez_compressed(tmp_path / "b.npz", images=array)
    for name, expected in (("a.npy", {"images"}), ("a.npz", {"images", "classes"}), ("b.npz", {"images"})):
        arrays = arrays_of(tmp_path / name, ("images", "classes"))
        assert set(arrays) == expected
        assert arrays["images"].dtype == array.dtype
        np.testing.assert_array_equal(arrays["images"], array)
        assert arrays["images"].flags.writeable


def test_types_are_those_that_were_asked_for(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES / 9)
    np.testing.assert_array_equal(arrays_of(tmp_path / "a.npy", ("echoes",), "uibf")["echoes"], IMAGES / 9)
    with pytest.raises(UserError, match=r"float64 \[2, 3, 4, 2\]; accepted: whole numbers, 268,435,456 bytes at most"):
        arrays_of(tmp_path / "a.npy", ("echoes",))


WHOLE = npy(IMAGES)
CLAIM = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
HUGE = CLAIM + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 999, 999, 4), }".ljust(117) + b"\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "not an array of numpy"),
        (b"", "not an array of numpy"),
        (WHOLE[:-5], "shorter than its header says"),
        (HUGE + bytes(64), r"accepted: whole numbers, [\d,]+ bytes at most"),
        (WHOLE[:10] + b"{'descr': [[[" + WHOLE[23:], "not an array of numpy"),
        (WHOLE[:6] + b"\x03" + WHOLE[7:], "of a version that is not read here"),
        (npy(np.array([{}])), "Python objects"),
    ],
)
def test_bad_arrays_are_one_line_packed_or_not(tmp_path, content, reason):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UserError, match=reason) as caught:
            arrays_of(tmp_path / name, ("images",))
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert "\n" not in str(caught.value)


def test_what_is_no_file_of_arrays_is_one_line(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", pictures=IMAGES)
    with zipfile.ZipFile(tmp_path / "lzma.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("images.npy", WHOLE)
    for name, reason in (
        ("text.npz", "not an array of numpy"),
        ("lzma.npz", "images is packed in a way that numpy does not write"),
        ("other.npz", "no array images in it"),
        ("absent.npy", "no such file of images"),
        ("a.csv", "the name must end in .npy or .npz"),
    ):
        with pytest.raises(UserError, match=reason):
            arrays_of(tmp_path / name, ("images",))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_give_an_array_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    np.savez_compressed(path, images=IMAGES)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    message = ""
    try:
        arrays = arrays_of(path, ("images",))
    except UserError as error:
        message = str(error)
    else:
        assert arrays["images"].dtype.kind in "uib"
    assert "\n" not in message


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 8, 8), }", "has a side of -1"),
        (b"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }" + b" " * 20_000, "a header of 20,"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_headers_that_ask_for_memory_are_refused(tmp_path, header, problem, packed):
    content = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + bytes(128)
    path = tmp_path / f"a.{'npz' if packed else 'npy'}"
    if packed:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=problem):
        arrays_of(path, ("images",))
