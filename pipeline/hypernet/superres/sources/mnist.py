"""The official MNIST: its four files, and how its images are told from those of the sets that share their names."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np

from hypernet.lab.acquire import RemoteFile, acquire
from hypernet.lab.errors import UserError

# The official page, http://yann.lecun.com/exdb/mnist/, is often down; this copy of PyTorch's makers has the same bytes.
ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/{name}"
LICENCE = "CC BY-SA 3.0, as it is usually given; the official page states none"
CITATION = (
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document Recognition, Proceedings "
    "of the IEEE 86(11), 2278-2324, 1998; Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST Database"
)
PARTS = ("train", "t10k")
_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
FILES = {
    name: RemoteFile(name, ADDRESS.format(name=name), digest, LICENCE, CITATION) for name, digest in _SHA256.items()
}
# MD5 of the unpacked files of images: they stay what they are when a file is packed anew.
KNOWN = {"6bbc9ace898e44ae57da46a324031adb": "train", "2646ac647ad5339dbf082846283269ea": "t10k"}


def file_names(part: str) -> tuple[str, str]:
    """Names of the files of images and of labels of ``train`` (60,000) or ``t10k`` (10,000 to test on).

    Raises:
        UserError: another part.
    """
    if part not in PARTS:
        raise UserError(f"{part!r} is no part of MNIST; accepted: {', '.join(PARTS)}")
    return f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"


def official(part: str) -> tuple[Path, Path]:
    """Local copies of the official images and labels of a part; see ``file_names``.

    Raises:
        UserError: another part, or the files cannot be had (``hypernet.lab.acquire``).
    """
    images, labels = (acquire(FILES[name]) for name in file_names(part))
    return images, labels


def is_mnist(images: np.ndarray) -> bool:
    """Whether these are all images of an official part, in their order.

    Fashion-MNIST, Kuzushiji-MNIST and others have the same names and shapes.

    Args:
        images: uint8 ``[n, rows, columns]``.
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        return False
    # As an IDX file has them.
    digest = hashlib.md5(struct.pack(">4I", 2051, *images.shape), usedforsecurity=False)
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest() in KNOWN
