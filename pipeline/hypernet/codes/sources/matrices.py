"""The parity-check matrices of the fifteen codes of the papers, and what makes a matrix one that defines a code."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hypernet.codes.core.sparse import ParityCheck, sparse
from hypernet.codes.core.systematic import Encoder
from hypernet.codes.names import CODES
from hypernet.codes.sources import constructions
from hypernet.lab.errors import UserError


@dataclass(frozen=True)
class PublishedMatrix:
    """H of a code of the papers.

    Attributes:
        digest: SHA-256 of H as uint8 in row order.
        database_file: name of its file in the channel code database.
        database_sha256: SHA-256 of that file.
        construction: builds H, ``[m, n]`` uint8; None where only the file defines it.
    """

    digest: str
    database_file: str
    database_sha256: str
    construction: Callable[[], np.ndarray] | None


# By the names in :data:`hypernet.codes.names.CODES`.
MATRICES = {
    "BCH31_16": PublishedMatrix(
        "de3847aaaf08f458966be7b06940ab441d3ec863ce06812cfced17987333ad41",
        "BCH_N31_K16.txt",
        "49dfbeb37480e39c69349c36806faa62a8b8d58c8c9d3280f441e4877cc71c43",
        partial(constructions.bch, 31, 16),
    ),
    "BCH63_36": PublishedMatrix(
        "afca508927d46e68b9b90e65c063be81eb986e70a1dabfbe516b14cc4e7abaee",
        "BCH_N63_K36.txt",
        "7382676c5f36078d08827ab39ad5bfb13669f1ed27f72599b7ca68eaacfdbcd6",
        partial(constructions.bch, 63, 36),
    ),
    "BCH63_45": PublishedMatrix(
        "5646cdfb80cd502f5cec03f61994e8018a52baf234b735124e234f998d3ff7ef",
        "BCH_N63_K45.txt",
        "fab81ef305a1076c020d95ffac7e2c8a1dc214d55cc530566df4652ee6c7da6e",
        partial(constructions.bch, 63, 45),
    ),
    "BCH63_51": PublishedMatrix(
        "1272257eacc5fea074ae5100ea7d85f4149762f23e9685b4abeba56833a478c8",
        "BCH_N63_K51.txt",
        "48684af247bd25b7cf399ae9618aa8cc7923fd34aa98b972b1c89b552e242d7a",
        partial(constructions.bch, 63, 51),
    ),
    "POLAR64_32": PublishedMatrix(
        "fc76509ede64ca8e6264b6a9c679acc972f35cc5ad1c4249d1ef14417eb68f6e",
        "POLAR_N64_K32.txt",
        "d6c6d5248a2dc30620ca3460ffbbb4a7b2410272581e5a02853488dfcfbba924",
        partial(constructions.polar, 64, 32),
    ),
    "POLAR64_48": PublishedMatrix(
        "bb4612d7305e0b7584d76bab61da50c38fd5a8b429f6bafd14e0cb3227b6cab3",
        "POLAR_N64_K48.txt",
        "5d2fc98e0625d450aa799edb987a3c4ad0cfe14abf6cf705cbaa3b8ef9c018eb",
        partial(constructions.polar, 64, 48),
    ),
    "POLAR128_64": PublishedMatrix(
        "71c7cd15252fae826c080eab893a2c14bdc662db9ec0f94a2a883c1a9a43966a",
        "POLAR_N128_K64.txt",
        "699508953d81a613f75169b7a6b365d83a1a854789d377a435958d4c79827acb",
        partial(constructions.polar, 128, 64),
    ),
    "POLAR128_86": PublishedMatrix(
        "e29077bce30b76d7bfcfbc4e639ac09c06f02e7ef4837941f5d9662c0bfa3cc1",
        "POLAR_N128_K86.txt",
        "622f252a9c84517ab93ba25ef26f38e45c8c1d14a525bac3e93b75a1d5d9cce8",
        partial(constructions.polar, 128, 86),
    ),
    "POLAR128_96": PublishedMatrix(
        "442b96d353f56ab62a9be92aee9bcf2d51b9bac79d37af91ef03dcec5a6eeafb",
        "POLAR_N128_K96.txt",
        "daa944f56d9b7a8b2eaba9790a376b5a3050cf10660ad0479200ca3d8000cc29",
        partial(constructions.polar, 128, 96),
    ),
    "LDPC49_24": PublishedMatrix(
        "a450ec8fbb5d728e26f08113935a750f178354f39cbb8dc2f0633b395cf03513",
        "LDPC_N49_K24.alist",
        "16c8e5b1268fbe7e921042ae07baddade57ff0bbbf42d7f0ea3b2be161d55cbd",
        partial(constructions.array_ldpc, 7, 4),
    ),
    "LDPC121_60": PublishedMatrix(
        "8c3dce5d1a75e62d43d2e226337aa0f9b45641f23af24096dd57764e4651acb0",
        "LDPC_N121_K60.alist",
        "8de57807b12d3fdf3d59f12768020e50eb9064f93fe3d3fb2e9ae3d595d4a361",
        partial(constructions.array_ldpc, 11, 6),
    ),
    "LDPC121_70": PublishedMatrix(
        "e1be122e7f2ae744a60d90f0fc6471099b3ac74a3c3c0a65f90c11fe62048f2c",
        "LDPC_N121_K70.alist",
        "7f5ba34e68e974085fc6e1c7fb7c9a9ce8432f67af640ac2d639f73721a5d16f",
        partial(constructions.array_ldpc, 11, 5),
    ),
    "LDPC121_80": PublishedMatrix(
        "9d7707e2da903a8c4b8ddf8fa42853c060b4b1c4da4eb8b99c3320b13e574a7b",
        "LDPC_N121_K80.alist",
        "f6f281fd7058ef7dcf4e7cae4199a56ca8eb8c317ef70722d55cd2de5631c275",
        partial(constructions.array_ldpc, 11, 4),
    ),
    "MACKAY96_48": PublishedMatrix(
        "674dd78c6a1f1bb464d52ef4d24b3747b9ba240da3be0b697f777115eaffb761",
        "MACKAY_N96_K48.alist",
        "0c2cb00a7d7919f2bfd442f14024fc01c36e2e005130fe859234f3f6ce36f17e",
        None,
    ),
    "CCSDS128_64": PublishedMatrix(
        "42d4b3e8e8492521bc998b9f9136afd837972555856e6479652ee3315acb80b6",
        "CCSDS_N128_K64.alist",
        "92e492903b1f690b36e3eb7e095946331fdd35dc6e4ec8927359c3c5ce8a1a10",
        constructions.ccsds,
    ),
}

# So many bytes of a dense matrix at a time.
BYTES_AT_ONCE = 2**24


def matrix_digest(parity_check: ParityCheck) -> str:
    """SHA-256 of H as uint8 in row order; made from some rows at a time, as H may be far larger than its ones."""
    digest = hashlib.sha256()
    rows, columns = parity_check.shape
    step = max(1, BYTES_AT_ONCE // columns)
    for first in range(0, rows, step):
        digest.update(parity_check[first : first + step].toarray())
    return digest.hexdigest()


def construct(name: str) -> ParityCheck:
    """Build the parity-check matrix of a code that is known by name, and check its digest.

    Args:
        name: a key of ``hypernet.codes.names.CODES``, e.g. ``BCH31_16``.

    Returns:
        H, ``[m, n]`` uint8 of 0 and 1, sparse.

    Raises:
        UserError: the name is unknown, or the code has no construction.
    """
    if name not in CODES:
        accepted = ", ".join(known for known, code in CODES.items() if code.constructed)
        raise UserError(f"{name}: not a known code; accepted: {accepted}")
    published = MATRICES[name]
    if published.construction is None:
        title = CODES[name].title
        raise UserError(f"{name}: {title} has no construction; take it from the database (source: database)")
    parity_check = sparse(published.construction(), name)
    if matrix_digest(parity_check) != published.digest:
        raise AssertionError(f"{name}: the construction gave {matrix_digest(parity_check)}, not {published.digest}")
    return parity_check


def validate(parity_check: Any, where: str) -> list[str]:
    """Check that H defines a code.

    Args:
        parity_check: H, ``[m, n]``, in any form that :func:`hypernet.codes.core.sparse.sparse` takes.
        where: what to call it in a message, e.g. the file.

    Returns:
        Warnings: duplicate rows, and more rows than columns.

    Raises:
        UserError: no matrix, values other than 0 and 1, a row or column without a one, sizes above the limits, or no
            information bits left. Rows and columns are counted from 1, as in alist files.
    """
    matrix = sparse(parity_check, where)
    checks, length = matrix.shape
    for counts, name, what in (
        (np.diff(matrix.indptr), "row", "checks nothing"),
        (np.bincount(matrix.indices, minlength=length), "column", "is checked by nothing"),
    ):
        without = np.flatnonzero(counts == 0)
        if without.size:
            raise UserError(f"{where}: {name} {without[0] + 1} has no ones ({what}); every row and column needs one")
    # Fewer checks than bits always leave information bits.
    if checks >= length and Encoder(matrix).rank == length:
        transposed = f"; H is [m, n], this one [{checks}, {length}]: is it transposed?" if checks > length else ""
        raise UserError(f"{where}: the rank of H is n = {length}, so no information bits are left{transposed}")
    warnings = []
    if checks > length:
        warnings.append(f"{where}: more checks ({checks}) than bits ({length}); H is [m, n]: is it transposed?")
    rows = [row.tobytes() for row in np.split(matrix.indices, matrix.indptr[1:-1])]
    first: dict[bytes, int] = {}
    for number, row in enumerate(rows, start=1):
        first.setdefault(row, number)
    doubled = [first[row] for row, count in Counter(rows).items() if count > 1]
    return [*warnings, *(f"{where}: row {number} stands more than once" for number in doubled)]
