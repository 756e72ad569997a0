"""From a parity-check matrix to code words on a noisy channel."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.codes.config import PrepareSettings
from hypernet.codes.core.gf2 import generator_matrix
from hypernet.codes.raw import FILE
from hypernet.codes.sources.alist import read_parity_check
from hypernet.codes.sources.matrices import CODES, matrix_digest, validate
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.manifest import read_manifest, write_manifest

ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Code:
    """A binary linear code.

    Attributes:
        title: its name for people, e.g. ``LDPC(49,24)``.
        parity_check: H, ``[m, n]`` of 0 and 1; its rows may depend on each other.
        generator: G, ``[k, n]`` of 0 and 1, with G H^T = 0 mod 2.
    """

    title: str
    parity_check: np.ndarray
    generator: np.ndarray

    @property
    def length(self) -> int:
        """n, the number of code bits."""
        return self.parity_check.shape[1]

    @property
    def rate(self) -> float:
        """R = k / n with k = n - rank(H). Not 1 - m/n: the array codes have dependent rows."""
        return self.generator.shape[0] / self.length


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Check the raw matrix, find its generator matrix, and write both to ``out/code.npz`` with a manifest.

    Raises:
        UserError: the matrix cannot define a code, or is not the published one that ``dataset`` names.
    """
    del settings
    path = raw / FILE
    parity_check = read_parity_check(path)
    for warning in validate(parity_check, str(path)):
        print(f"warning: {warning}", file=sys.stderr)
    known = CODES.get(dataset)
    if known is not None and matrix_digest(parity_check) != known.digest:
        raise UserError(
            f"{path}: this is not {known.title} (digest {matrix_digest(parity_check)[:16]}, not "
            f"{known.digest[:16]}). Delete the file to have it made again, or name your own under codes.matrices"
        )
    generator = generator_matrix(parity_check)
    title = known.title if known else f"{dataset} ({parity_check.shape[1]},{generator.shape[0]})"
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "code.npz") as temporary:
        np.savez(temporary, title=np.array(title), parity_check=parity_check, generator=generator)
    checks, length = parity_check.shape
    write_manifest(
        out,
        {
            "title": title,
            "matrix_digest": matrix_digest(parity_check),
            "n": length,
            "k": generator.shape[0],
            "checks": checks,
            "edges": int(parity_check.sum()),
        },
    )


def load_code(data: Path) -> Code:
    """Open a prepared code.

    Raises:
        UserError: the folder holds no prepared code.
    """
    read_manifest(data)
    with np.load(data / "code.npz") as arrays:
        return Code(str(arrays["title"]), arrays["parity_check"], arrays["generator"])


def noise_deviation(ebn0_db: float, rate: float) -> float:
    """Standard deviation of the channel noise: sigma^2 = 1 / (2 R 10^(Eb/N0 / 10)), for symbols of +-1."""
    return math.sqrt(1.0 / (2.0 * rate * 10.0 ** (ebn0_db / 10.0)))


def random_words(code: Code, words: int, generator: np.random.Generator) -> np.ndarray:
    """Code words drawn uniformly, ``[n, words]`` of 0 and 1, uint8."""
    information = generator.integers(0, 2, size=(code.generator.shape[0], words), dtype=np.uint8)
    bits = np.zeros((code.length, words), dtype=np.uint8)
    # Some rows of G at a time: those of a code of thousands of bits are not all made floating-point numbers at once.
    for first in range(0, len(information), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        sums = code.generator[rows].T.astype(np.float32) @ information[rows].astype(np.float32)
        bits ^= sums.astype(np.int32).astype(np.uint8) & 1
    return bits


def channel_llr(bits: np.ndarray, deviation: np.ndarray | float, generator: np.random.Generator) -> np.ndarray:
    """Send bits over the Gaussian channel as 0 -> +1, 1 -> -1 and return l = 2 y / sigma^2.

    Args:
        bits: code words ``[n, B]``.
        deviation: sigma, one for all or one per word ``[B]``.
        generator: source of the noise.

    Returns:
        log P(bit = 0 | y) / P(bit = 1 | y), float32 ``[n, B]``.
    """
    deviation = np.asarray(deviation, dtype=np.float32)
    received = 1.0 - 2.0 * bits + deviation * generator.standard_normal(bits.shape, dtype=np.float32)
    return (2.0 / deviation**2 * received).astype(np.float32)
