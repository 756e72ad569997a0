"""Packed files: gzip, bzip2 and zip, of every format, are the files themselves; what is damaged is one line."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.radar.sources.readers import read_files, read_frames
from hypernet.radar.sources.readers.packing import content
from tests.radar.sources.test_readers import cf_file, write_knmi, write_odim, write_pgm

pytest.importorskip("h5py")
pytest.importorskip("xarray")


def zipped(data, *names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name in names or ("folder/a",):
            archive.writestr(name, data)
    return buffer.getvalue()


PACKINGS = {"gzip": gzip.compress, "bzip2": bz2.compress, "zip": zipped}
WRITERS = {
    "pgm": lambda path: write_pgm(path, packed=False),
    "knmi": lambda path: write_knmi(path, [[0, 100, 65535]]),
    "odim": lambda path: write_odim(path, [[0, 64, 255]]),
    "netcdf": lambda path: cf_file(path, np.arange(6.0).reshape(1, 3, 2), "dBZ"),
    "netcdf-3": lambda path: cf_file(path, np.arange(6.0).reshape(1, 3, 2), "dBZ", engine="scipy"),
}


@pytest.mark.parametrize("form", WRITERS)
def test_packed_files_are_the_files_themselves(tmp_path, form):
    path = WRITERS[form](tmp_path / "plain")
    (expected,) = read_frames(path)
    for packing, pack in PACKINGS.items():
        packed = tmp_path / packing
        packed.write_bytes(pack(path.read_bytes()))
        (frame,) = read_frames(packed)
        assert np.array_equal(frame.dbz, expected.dbz)
        assert np.array_equal(frame.missing, expected.missing)
        assert frame.time == expected.time


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_packed_files_cut_off(tmp_path, packing, share):
    data = PACKINGS[packing](np.random.default_rng(0).bytes(100_000))
    (tmp_path / "cut").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=f"cut: the {packing} file is cut off or damaged") as caught:
        content(tmp_path / "cut")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packing", PACKINGS)
def test_packed_files_damaged(tmp_path, packing):
    data = bytearray(PACKINGS[packing](b"P5 radar " * 10_000))
    middle = len(data) // 3
    data[middle : middle + 20] = bytes(255 - value for value in data[middle : middle + 20])
    (tmp_path / "bad").write_bytes(bytes(data))
    with pytest.raises(UserError, match=f"bad: the {packing} file is cut off or damaged"):
        content(tmp_path / "bad")


@pytest.mark.parametrize("packing", PACKINGS)
def test_small_files_that_unpack_to_gigabytes_are_refused(tmp_path, packing):
    data = PACKINGS[packing](bytes(2**22))
    (tmp_path / "bomb").write_bytes(data)
    with pytest.raises(UserError, match="bomb: more than 1048576 bytes"):
        content(tmp_path / "bomb", 2**20)


def test_archives_that_are_refused(tmp_path):
    (tmp_path / "two.zip").write_bytes(zipped(b"P5", "a", "b"))
    with pytest.raises(UserError, match=r"two\.zip: a zip archive of 2 files; accepted: of a single one"):
        read_files(tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"P5")
    with pytest.raises(UserError, match="packed in another way than accepted"):
        read_files(tmp_path / "lzma.zip")
    locked = bytearray(zipped(b"P5"))
    # Bit 0 of the flags, in the entry and in the directory.
    locked[locked.rfind(b"PK\1\2") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    with pytest.raises(UserError, match="has a password"):
        read_files(tmp_path / "locked.zip")
