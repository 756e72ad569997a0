from __future__ import annotations

import hashlib

import galois
import numpy as np
import pytest

from hypernet.codes.core.gf2 import rank
from hypernet.codes.core.sparse import sparse
from hypernet.codes.names import CODES
from hypernet.codes.sources import matrices
from hypernet.codes.sources.constructions import bch_generator_polynomial
from hypernet.codes.sources.matrices import MATRICES, construct, matrix_digest, validate
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError

# Plain Python arithmetic: galois would compile its fields for seconds, for a few products.
PLAIN = "python-calculate"

# Name: checks m, rank, k, ones E, column weights, row weights, 4-cycles; the papers' table, counted elsewhere.
TABLE = {
    "BCH31_16": (15, 15, 16, 120, (1, 7), (8, 8), 172),
    "BCH63_36": (27, 27, 36, 486, (1, 13), (18, 18), 5909),
    "BCH63_45": (18, 18, 45, 432, (1, 11), (24, 24), 7251),
    "BCH63_51": (12, 12, 51, 336, (1, 9), (28, 28), 5291),
    "POLAR64_32": (32, 32, 32, 576, (1, 32), (8, 64), 16696),
    "POLAR64_48": (16, 16, 48, 400, (1, 16), (16, 64), 9746),
    "POLAR128_64": (64, 64, 64, 1792, (1, 64), (8, 128), None),
    "POLAR128_86": (42, 42, 86, 1456, (1, 42), (16, 128), None),
    "POLAR128_96": (32, 32, 96, 1264, (1, 32), (16, 128), None),
    "LDPC49_24": (28, 25, 24, 196, (4, 4), (7, 7), 0),
    "LDPC121_60": (66, 61, 60, 726, (6, 6), (11, 11), 0),
    "LDPC121_70": (55, 51, 70, 605, (5, 5), (11, 11), 0),
    "LDPC121_80": (44, 41, 80, 484, (4, 4), (11, 11), 0),
    "CCSDS128_64": (64, 64, 64, 512, (3, 5), (8, 8), 0),
}
# First 16 digits of the SHA-256 of the published matrices, C order, uint8.
DIGESTS = {
    "BCH31_16": "de3847aaaf08f458",
    "BCH63_36": "afca508927d46e68",
    "BCH63_45": "5646cdfb80cd502f",
    "BCH63_51": "1272257eacc5fea0",
    "POLAR64_32": "fc76509ede64ca8e",
    "POLAR64_48": "bb4612d7305e0b75",
    "POLAR128_64": "71c7cd15252fae82",
    "POLAR128_86": "e29077bce30b76d7",
    "POLAR128_96": "442b96d353f56ab6",
    "LDPC49_24": "a450ec8fbb5d728e",
    "LDPC121_60": "8c3dce5d1a75e62d",
    "LDPC121_70": "e1be122e7f2ae744",
    "LDPC121_80": "9d7707e2da903a8c",
    "MACKAY96_48": "674dd78c6a1f1bb4",
    "CCSDS128_64": "42d4b3e8e8492521",
}


def four_cycles(parity_check):
    """Two checks that share s variables close s (s - 1) / 2 cycles of length four."""
    shared = parity_check.astype(np.int64) @ parity_check.T.astype(np.int64)
    pairs = shared[np.triu_indices_from(shared, k=1)]
    return int((pairs * (pairs - 1) // 2).sum())


@pytest.mark.parametrize("name", TABLE)
def test_a_construction_is_the_published_matrix(name):
    constructed = construct(name)
    parity_check = constructed.toarray()
    checks, rows_rank, k, ones, columns, rows, cycles = TABLE[name]
    assert parity_check.dtype == np.uint8
    assert parity_check.shape == (checks, CODES[name].n)
    assert matrix_digest(constructed).startswith(DIGESTS[name])
    assert rank(parity_check) == rows_rank
    assert CODES[name].n - rows_rank == k == CODES[name].k
    assert parity_check.sum() == ones
    column_weights, row_weights = parity_check.sum(axis=0), parity_check.sum(axis=1)
    assert (column_weights.min(), column_weights.max()) == columns
    assert (row_weights.min(), row_weights.max()) == rows
    if cycles is None:
        assert four_cycles(parity_check) > 80_000
    else:
        assert four_cycles(parity_check) == cycles
    assert validate(parity_check, name) == []


def test_every_digest_is_the_published_one():
    assert {name: published.digest[:16] for name, published in MATRICES.items()} == DIGESTS


@pytest.mark.parametrize("name", CODES)
def test_the_published_file_holds_this_matrix(published_file, name):
    parity_check = read_parity_check(published_file(name))
    assert matrix_digest(parity_check) == MATRICES[name].digest
    if name in TABLE:
        assert np.array_equal(parity_check.toarray(), construct(name).toarray())


def test_names_and_matrices_are_of_the_same_codes():
    assert list(CODES) == list(MATRICES)
    for name, code in CODES.items():
        assert code.constructed is (MATRICES[name].construction is not None)


def test_an_unknown_code_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"TURBO: not a known code; accepted: BCH31_16, .*CCSDS128_64") as caught:
        construct("TURBO")
    assert "MACKAY96_48" not in str(caught.value)


def test_mackay_has_no_construction_and_says_what_to_do():
    with pytest.raises(UserError, match=r"MacKay\(96,48\) has no construction.*source: database"):
        construct("MACKAY96_48")


@pytest.mark.parametrize(
    ("n", "k", "integer"), [(31, 16, 36783), (63, 36, 141459731), (63, 45, 492239), (63, 51, 5433)]
)
def test_bch_generator_polynomials_are_those_of_galois(n, k, integer):
    primitive = {31: "x^5 + x^2 + 1", 63: "x^6 + x + 1"}[n]
    coefficients = bch_generator_polynomial(n, k)
    assert int("".join(map(str, coefficients)), 2) == integer
    field = galois.GF(n + 1, irreducible_poly=primitive, compile=PLAIN)
    assert int(galois.BCH(n, k, extension_field=field).generator_poly) == integer


def test_there_is_no_bch_code_of_any_size():
    with pytest.raises(ValueError, match=r"no primitive BCH code \(31, 17\)"):
        bch_generator_polynomial(31, 17)


@pytest.mark.parametrize("rows_at_once", [1, 7, 28, 1000])
def test_a_digest_is_that_of_the_dense_bytes_however_many_rows_are_taken_at_once(rows_at_once, monkeypatch):
    parity_check = construct("LDPC49_24")
    monkeypatch.setattr(matrices, "BYTES_AT_ONCE", 49 * rows_at_once)
    assert matrix_digest(parity_check) == hashlib.sha256(parity_check.toarray().tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        ([[1, 2, 0], [0, 1, 1]], "row 1, column 2 is 2; accepted: 0 and 1"),
        ([[1, 1, 1], [0, 0, 0]], "row 2 has no ones"),
        ([[1, 1, 0], [1, 0, 0]], "column 3 has no ones"),
        ([[1, 1], [0, 1]], "rank of H is n = 2, so no information bits are left$"),
        # A generator matrix or H on its side: three bits, five checks.
        (
            [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]],
            r"rank of H is n = 3, so no information bits are left; H is \[m, n\], this one \[5, 3\]: is it transposed",
        ),
        ([1, 1], r"is \[m, n\] with m and n from 1; got \[2\]"),
        (np.zeros((3, 0), dtype=np.uint8), r"got \[3, 0\]"),
    ],
)
def test_a_matrix_that_defines_no_code_is_refused(matrix, reason):
    with pytest.raises(UserError, match=reason) as caught:
        validate(np.array(matrix), "mine.alist")
    assert str(caught.value).startswith("mine.alist: ")
    assert "\n" not in str(caught.value)


def test_a_row_that_stands_twice_is_a_warning():
    rows = [[0, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 1, 1, 0], [1, 1, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0]]
    warnings = validate(sparse([*rows, rows[0]]), "mine.alist")
    assert warnings == ["mine.alist: row 1 stands more than once", "mine.alist: row 2 stands more than once"]


def test_more_checks_than_bits_are_a_warning():
    # The repetition code of three bits, with all sums of its checks.
    warnings = validate(sparse([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]), "mine.alist")
    assert warnings[0].startswith("mine.alist: more checks (4) than bits (3)")
    assert "transposed" in warnings[0]
    assert warnings[1:] == ["mine.alist: row 1 stands more than once"]
