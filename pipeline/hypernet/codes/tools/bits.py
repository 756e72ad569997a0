"""Bits of words in files: .npy, or text with a word a line."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import numpy as np

from hypernet.lab.files import atomic_path


def save_array(path: Path, array: np.ndarray) -> None:
    """Write a .npy file, whole or not at all."""
    with atomic_path(path) as temporary:
        np.save(temporary, array)


def save_bits(path: Path, bits: np.ndarray) -> None:
    """Write bits ``[words, count]``, or a bit for each word ``[words]``: int8 in .npy, or .txt with a word a line."""
    if path.suffix == ".npy":
        save_array(path, bits.astype(np.int8))
        return
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii") as file:
        write_bits(file, bits.reshape(len(bits), -1))


def write_bits(out: TextIO, bits: np.ndarray) -> None:
    """A word a line, without anything between its bits."""
    lines = np.pad(bits.astype(np.uint8) + np.uint8(ord("0")), ((0, 0), (0, 1)), constant_values=ord("\n"))
    out.write(lines.tobytes().decode("ascii"))
