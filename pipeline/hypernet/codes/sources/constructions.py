"""Parity-check matrices by formula. Each equals the published file element by element (checked by digest)."""

from __future__ import annotations

import itertools

import numpy as np

# Primitive polynomials x^5 + x^2 + 1 and x^6 + x + 1 as bit masks, the standard ones.
PRIMITIVE = {31: 0b100101, 63: 0b1000011}

# Frozen sets of the polar codes; rows of the transform that carry no information.
FROZEN = {
    (64, 48): "0-6,8,9,10,12,16,17,18,32,33",
    (64, 32): "0-14,16-22,24,25,26,32-36,40,48",
    (128, 96): "0-14,16-20,24,32,33,34,36,40,48,64,65,66,68,72",
    (128, 86): "0-14,16-22,24,25,26,28,32-38,40,48,64,65,66,68,72,80,96",
    (128, 64): "0-26,28,32-38,40,41,42,44,48,49,50,52,56,64-70,72,73,74,76,80,81,82,84,88,96,97,98,100",
}

# 4 x 8 blocks of 16 x 16 circulants: the column shifts whose identities are added; none where empty.
CCSDS_SHIFTS = (
    ((0, 7), (2,), (14,), (6,), (), (0,), (13,), (0,)),
    ((6,), (0, 15), (0,), (1,), (0,), (), (0,), (7,)),
    ((4,), (1,), (0, 15), (14,), (11,), (0,), (), (3,)),
    ((0,), (1,), (9,), (0, 13), (14,), (1,), (0,), ()),
)


def _cyclotomic_powers(n: int, power: int) -> list[int]:
    """The exponents power * 2^i mod n: the conjugates of alpha^power."""
    coset = [power % n]
    while (following := coset[-1] * 2 % n) != coset[0]:
        coset.append(following)
    return coset


def bch_generator_polynomial(n: int, k: int) -> np.ndarray:
    """Coefficients of the narrow-sense primitive BCH generator polynomial, highest degree first, ``[n - k + 1]``.

    The least common multiple of the minimal polynomials of alpha, alpha^2, ... until its degree is n - k.
    """
    exponent = [1]
    for _ in range(n - 1):
        following = exponent[-1] << 1
        exponent.append(following ^ PRIMITIVE[n] if following > n else following)
    logarithm = {value: power for power, value in enumerate(exponent)}

    def times(a: int, b: int) -> int:
        return exponent[(logarithm[a] + logarithm[b]) % n] if a and b else 0

    polynomial, roots = [1], set()
    for power in itertools.count(1):
        if len(polynomial) == n - k + 1:
            return np.array(polynomial, dtype=np.uint8)
        if len(polynomial) > n - k + 1:
            raise ValueError(f"there is no primitive BCH code ({n}, {k})")
        if power % n in roots:
            continue
        for root in _cyclotomic_powers(n, power):
            roots.add(root)
            shifted = [*polynomial, 0]
            scaled = [0, *(times(value, exponent[root]) for value in polynomial)]
            polynomial = [a ^ b for a, b in zip(shifted, scaled, strict=True)]
    raise AssertionError("unreachable: the count has no end")


def bch(n: int, k: int) -> np.ndarray:
    """H ``[n - k, n]``: row i is h(x) = (x^n + 1) / g(x), highest degree first, shifted right by i."""
    generator = bch_generator_polynomial(n, k)
    remainder = np.zeros(n + 1, dtype=np.uint8)
    remainder[[0, n]] = 1
    quotient = np.zeros(k + 1, dtype=np.uint8)
    for place in range(k + 1):
        if remainder[place]:
            quotient[place] = 1
            remainder[place : place + len(generator)] ^= generator
    return np.stack([np.pad(quotient, (shift, n - k - 1 - shift)) for shift in range(n - k)])


def array_ldpc(prime: int, block_rows: int) -> np.ndarray:
    """Array LDPC code (Fan 2000), ``[block_rows * p, p * p]``: block (i, j) is the identity shifted by -i j."""
    identity = np.eye(prime, dtype=np.uint8)
    return np.block([[np.roll(identity, -i * j, axis=1) for j in range(prime)] for i in range(block_rows)])


def ccsds() -> np.ndarray:
    """The short LDPC code (128,64) of CCSDS 231.0-B, ``[64, 128]``."""
    identity = np.eye(16, dtype=np.uint8)

    def circulant(shifts: tuple[int, ...]) -> np.ndarray:
        total = np.zeros_like(identity)
        for shift in shifts:
            total ^= np.roll(identity, shift, axis=1)
        return total

    return np.block([[circulant(shifts) for shifts in row] for row in CCSDS_SHIFTS])


def _numbers(text: str) -> list[int]:
    spans = (part.split("-") for part in text.split(","))
    return [number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)]


def polar(n: int, k: int) -> np.ndarray:
    """H ``[n - k, n]``: the columns of the polar transform at the bit-reversed frozen positions (Arikan 2009)."""
    stages = n.bit_length() - 1
    transform = np.ones((1, 1), dtype=np.uint8)
    for _ in range(stages):
        transform = np.kron(transform, np.array([[1, 0], [1, 1]], dtype=np.uint8))
    reversed_bits = [int(f"{position:0{stages}b}"[::-1], 2) for position in _numbers(FROZEN[n, k])]
    return np.ascontiguousarray(transform[:, reversed_bits].T)
