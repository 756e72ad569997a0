"""Dense linear algebra over the field of two elements, eight entries to a byte.

Both the elimination and the product take eight columns at once and look the sums of their rows up in a table of 256
("the method of the four Russians").
"""

from __future__ import annotations

import numpy as np

BITS = 1 << np.arange(8)


def row_reduce(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reduced row echelon form over GF(2).

    Args:
        matrix: ``[m, n]`` of 0 and 1.

    Returns:
        The reduced matrix without its zero rows, ``[rank, n]`` uint8, and the pivot columns ``[rank]``.
    """
    matrix = np.asarray(matrix, dtype=np.uint8)
    rows, columns = matrix.shape
    packed = np.packbits(matrix, axis=1)
    pivots: list[int] = []
    for byte in range((columns + 7) // 8):
        done = len(pivots)
        if done == rows:
            break
        strip = packed[:, byte].copy()
        # Which of the new pivots' rows are to be added to a row, a bit for each.
        sums = np.zeros(rows, dtype=np.uint8)
        # Rows of new pivots, as they are when they become one.
        chosen = np.zeros((8, packed.shape[1] - byte), dtype=np.uint8)
        for bit in range(8):
            rank = len(pivots)
            mask = np.uint8(0x80 >> bit)
            ones = np.flatnonzero(strip & mask)
            first = ones.searchsorted(rank)
            if first == len(ones):
                continue
            row, new = ones[first], rank - done
            chosen[new] = packed[row, byte:] ^ np.bitwise_xor.reduce(chosen[(sums[row] & BITS) != 0], axis=0)
            # The row comes to its place among the pivots; the one that was there takes its place.
            for values in (packed, strip, sums):
                values[row] = values[rank]
            packed[rank, byte:], strip[rank], sums[rank] = chosen[new], chosen[new, 0], 0
            others = np.flatnonzero(strip & mask)
            others = others[others != rank]
            strip[others] ^= strip[rank]
            sums[others] |= np.uint8(1 << new)
            pivots.append(8 * byte + bit)
        changed = np.flatnonzero(sums)
        if changed.size:
            packed[changed, byte:] ^= _sums(chosen)[sums[changed]]
    reduced = np.unpackbits(packed[: len(pivots)], axis=1, count=columns)
    return reduced, np.array(pivots, dtype=np.int64)


def product(matrix: np.ndarray, words: np.ndarray) -> np.ndarray:
    """A matrix times many vectors over GF(2).

    Args:
        matrix: ``[m, n]`` of 0 and 1.
        words: ``[n, W]`` uint8, any number of vectors side by side, eight to a byte.

    Returns:
        The products, ``[m, W]`` uint8, eight to a byte.
    """
    packed = np.packbits(matrix, axis=1, bitorder="little")
    total = np.zeros((len(matrix), words.shape[1]), dtype=np.uint8)
    for byte in range(packed.shape[1]):
        total ^= _sums(words[8 * byte : 8 * byte + 8])[packed[:, byte]]
    return total


def rank(matrix: np.ndarray) -> int:
    """Rank over GF(2) of a matrix ``[m, n]`` of 0 and 1."""
    return len(row_reduce(matrix)[1])


def generator_matrix(parity_check: np.ndarray) -> np.ndarray:
    """A basis of the words x with H x = 0: a generator matrix of the code, with G H^T = 0 mod 2.

    Args:
        parity_check: H, ``[m, n]`` of 0 and 1, of any rank.

    Returns:
        G, ``[k, n]`` uint8 with k = n - rank(H); the identity in the columns that are not pivots of H.
    """
    reduced, pivots = row_reduce(parity_check)
    columns = reduced.shape[1]
    free = np.setdiff1d(np.arange(columns), pivots)
    generator = np.zeros((len(free), columns), dtype=np.uint8)
    generator[np.arange(len(free)), free] = 1
    # Row i of the reduced H says: pivot bit i is the sum of the free bits where the row has ones.
    generator[:, pivots] = reduced[:, free].T
    return generator


def _sums(rows: np.ndarray) -> np.ndarray:
    """The sums of every choice among up to eight rows: entry c is that of the rows whose bits c has."""
    table = np.zeros((1 << len(rows), rows.shape[1]), dtype=np.uint8)
    for bit, row in enumerate(rows):
        table[1 << bit : 2 << bit] = table[: 1 << bit] ^ row
    return table
