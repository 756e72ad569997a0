from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.core import systematic as module
from hypernet.codes.core.channel import Code
from hypernet.codes.core.sparse import of_positions, sparse
from hypernet.codes.core.systematic import Encoder
from hypernet.codes.sources.matrices import construct
from hypernet.lab.errors import UserError

bits = st.integers(0, 1)
# Dense, sparse, tall and flat ones, and sums of few rows: of any rank.
any_matrices = st.tuples(st.integers(1, 10), st.integers(1, 18)).flatmap(
    lambda shape: st.one_of(
        arrays(np.uint8, shape, elements=bits),
        arrays(np.uint8, shape, elements=bits, fill=st.just(0)),
        st.tuples(arrays(np.int64, (shape[0], 3), elements=bits), arrays(np.int64, (3, shape[1]), elements=bits)).map(
            lambda factors: (factors[0] @ factors[1] % 2).astype(np.uint8)
        ),
    )
)


def independent_from_the_right(matrix):
    """Columns that are no sum of columns to their right, by plain elimination, column after column."""
    basis, columns = {}, []
    for column in reversed(range(matrix.shape[1])):
        value = int("".join(map(str, matrix[:, column])), 2)
        while value and value.bit_length() in basis:
            value ^= basis[value.bit_length()]
        if value:
            basis[value.bit_length()] = value
            columns.append(column)
    return sorted(columns)


def check(matrix, words=21, seed=0):
    """All that an encoder promises of a small matrix."""
    encoder = Encoder(sparse(matrix))
    parity = independent_from_the_right(matrix)
    assert encoder.rank == len(parity)
    assert encoder.information.dtype == np.int64
    assert encoder.information.tolist() == sorted(set(range(matrix.shape[1])) - set(parity))
    information = np.random.default_rng(seed).integers(0, 2, (len(encoder.information), words), dtype=np.uint8)
    sent = encoder.encode(information)
    assert sent.dtype == np.uint8
    assert sent.shape == (matrix.shape[1], words)
    assert set(np.unique(sent)) <= {0, 1}
    assert np.array_equal(sent[encoder.information], information)
    assert not (matrix.astype(int) @ sent % 2).any()
    return encoder


@given(any_matrices)
@settings(max_examples=300, deadline=None)
def test_words_satisfy_all_checks_and_information_stands_as_far_left_as_it_can(matrix):
    check(matrix)


@pytest.mark.parametrize("seed", range(6))
def test_larger_sparse_matrices_with_bits_set_aside(seed):
    rng = np.random.default_rng(seed)
    matrix = np.zeros((60, 120), dtype=np.uint8)
    for column in range(120):
        matrix[rng.choice(60, 3, replace=False), column] = 1
    # Dependent rows, and dependent columns among the last.
    matrix[10], matrix[:, 119] = matrix[11] ^ matrix[12], matrix[:, 100]
    encoder = check(matrix)
    assert encoder.rank < 60


@pytest.mark.parametrize("name", ["BCH63_45", "POLAR64_32", "LDPC49_24", "LDPC121_80", "CCSDS128_64"])
def test_the_codes_of_the_papers(name):
    check(construct(name).toarray())


def test_the_encoder_is_linear():
    encoder = Encoder(construct("LDPC121_60"))
    first, second = np.random.default_rng(0).integers(0, 2, (2, len(encoder.information), 9), dtype=np.uint8)
    assert np.array_equal(encoder.encode(first ^ second), encoder.encode(first) ^ encoder.encode(second))


def test_a_redundant_matrix_keeps_the_information_bits_of_its_rank():
    # The array code has 28 rows of rank 25; every row once more changes nothing.
    dense = construct("LDPC49_24").toarray()
    encoder = check(np.vstack([dense, dense[::-1]]))
    assert (encoder.rank, len(encoder.information)) == (25, 24)


def test_words_are_made_some_at_a_time(monkeypatch):
    encoder = Encoder(construct("LDPC49_24"))
    information = np.random.default_rng(0).integers(0, 2, (24, 45))
    whole = encoder.encode(information)
    monkeypatch.setattr(module, "WORDS_AT_ONCE", 8)
    assert np.array_equal(encoder.encode(information), whole)
    assert encoder.encode(np.zeros((24, 0), dtype=np.uint8)).shape == (49, 0)


@pytest.mark.parametrize(
    ("information", "reason"),
    [
        (np.zeros(24), r"accepted is \[24, words\]; got \[24\]"),
        (np.zeros((23, 5)), r"accepted is \[24, words\]; got \[23, 5\]"),
        (np.full((24, 2), 2), "2 is neither 0 nor 1"),
        (np.full((24, 2), np.nan), "nan is neither 0 nor 1"),
        (np.full((24, 2), -1.5), r"-1\.5 is neither 0 nor 1"),
    ],
)
def test_what_are_no_information_bits_is_one_line(information, reason):
    with pytest.raises(UserError, match=f"information bits: {reason}"):
        Encoder(construct("LDPC49_24")).encode(information)


def test_a_system_too_large_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_DENSE", 100)
    with pytest.raises(UserError, match=r"the matrix \[66, 121\]: .* bytes; accepted: at most 100"):
        Encoder(construct("LDPC121_60"))


def test_the_generator_is_the_encoders(monkeypatch):
    code = Code.of("LDPC", construct("LDPC49_24"))
    assert code.generator.shape == (24, 49)
    assert np.array_equal(code.generator[:, code.information], np.eye(24))
    assert not (code.generator.astype(int) @ code.parity_check.T.toarray() % 2).any()
    monkeypatch.setattr("hypernet.codes.core.channel.LARGEST_GENERATOR", 1000)
    with pytest.raises(UserError, match=r"LDPC: a dense generator matrix \[24, 49\] takes more than 1000 bytes"):
        _ = code.generator


# --- sizes in use: no dense matrix, and seconds -------------------------------------------------------------


def staircase(n=64_800, k=32_400):
    """As DVB-S2 at rate 1/2: random addresses of the information bits, and an accumulator."""
    rng, checks = np.random.default_rng(0), n - k
    degrees = np.where(np.arange(k) < 12_960, 8, 3)
    rows, columns = rng.integers(0, checks, degrees.sum()), np.repeat(np.arange(k), degrees)
    parity = np.arange(checks)
    rows = np.concatenate([rows, parity, parity[1:]])
    columns = np.concatenate([columns, k + parity, k + parity[:-1]])
    places = np.unique(rows * n + columns)
    return of_positions(places // n, places % n, (checks, n), "DVB-S2")


def base_graph(size=384):
    """As the first base graph of 5G: a double diagonal of four block rows, then single parity blocks."""
    rng = np.random.default_rng(0)
    shifts = np.full((46, 68), -1)
    for row in range(46):
        bits = rng.choice(22, 19 if row < 4 else rng.integers(2, 8), replace=False)
        shifts[row, bits] = rng.integers(0, size, len(bits))
        if row >= 4:
            shifts[row, 22 + row] = 0
            shifts[row, 22 + rng.integers(4)] = rng.integers(0, size)
    for row, column, shift in [(0, 22, 1), (0, 23, 0), (1, 22, 0), (1, 23, 0), (1, 24, 0), (2, 24, 0), (2, 25, 0)]:
        shifts[row, column] = shift
    shifts[3, 22], shifts[3, 25] = 1, 0
    row, column = np.nonzero(shifts >= 0)
    within = np.arange(size)
    rows = row[:, None] * size + within
    columns = column[:, None] * size + (within + shifts[row, column][:, None]) % size
    return of_positions(rows.ravel(), columns.ravel(), (46 * size, 68 * size), "5G")


@pytest.mark.parametrize(("make", "k"), [(staircase, 32_400), (base_graph, 8448)], ids=["DVB-S2", "5G"])
def test_standards_have_their_information_bits_first(make, k):
    matrix = make()
    code = Code.of("large", matrix)
    assert code.dimension == k
    assert np.array_equal(code.information, np.arange(k))
    words = code.encode(np.random.default_rng(1).integers(0, 2, (k, 20), dtype=np.uint8))
    assert not (matrix.astype(np.int32) @ words % 2).any()
