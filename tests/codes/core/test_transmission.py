from __future__ import annotations

import numpy as np
import pytest

from hypernet.codes.core.channel import Code
from hypernet.codes.core.gf2 import rank
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.sources.matrices import construct
from hypernet.lab.errors import UserError


@pytest.fixture(scope="module")
def code():
    return Code.of("LDPC(49,24)", construct("LDPC49_24"))


def test_without_puncturing_and_shortening_all_bits_are_sent(code):
    whole = Transmission(code)
    assert whole.sent.tolist() == list(range(49))
    assert whole.rate == code.rate
    llr = np.random.default_rng(0).standard_normal((49, 3)).astype(np.float32)
    assert np.array_equal(whole.received(llr), llr)


def test_punctured_bits_are_not_sent_and_nothing_is_known_of_them(code):
    transmission = Transmission(code, punctured=[48, 0, 7])
    assert transmission.sent.tolist() == [bit for bit in range(49) if bit not in (0, 7, 48)]
    assert transmission.rate == pytest.approx(24 / 46)
    llr = np.arange(1, 93, dtype=np.float64).reshape(46, 2)
    values = transmission.received(llr)
    assert values.dtype == np.float64
    assert values.shape == (49, 2)
    assert (values[[0, 7, 48]] == 0).all()
    assert np.array_equal(values[transmission.sent], llr)


def test_shortened_bits_are_zero_in_every_word_and_known_to_be(code):
    shortened = [3, 20, 30, 48]
    transmission = Transmission(code, shortened=np.array(shortened))
    dense = code.parity_check.toarray()
    k = 45 - rank(np.delete(dense, shortened, axis=1))
    assert transmission.rate == pytest.approx(k / 45)
    assert len(transmission.information) == k
    words = transmission.random_words(400, np.random.default_rng(0))
    assert words.shape == (49, 400)
    assert words.dtype == np.uint8
    assert not words[shortened].any()
    assert not (dense.astype(int) @ words % 2).any()
    # Uniform over what is left: every information bit is a one in half of the words.
    assert np.abs(words[transmission.information].mean(axis=1) - 0.5).max() < 0.15
    values = transmission.received(np.full((45, 1), -2.0, dtype=np.float32))
    assert (values[shortened] == np.inf).all()
    assert (np.delete(values, shortened, axis=0) == -2).all()


def test_shortening_dependent_bits_loses_fewer_information_bits():
    # Bits 0 and 1 are equal in every word: with one known to be 0 the other is too, at no further cost.
    code = Code.of("pair", [[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    assert code.dimension == 3
    assert Transmission(code, shortened=[0]).rate == pytest.approx(2 / 4)
    assert Transmission(code, shortened=[0, 1]).rate == pytest.approx(2 / 3)


def test_puncturing_and_shortening_together(code):
    transmission = Transmission(code, punctured=[40, 41], shortened=[0, 1, 2])
    assert len(transmission.sent) == 44
    assert transmission.rate == pytest.approx(21 / 44)
    information = np.random.default_rng(1).integers(0, 2, (21, 6), dtype=np.uint8)
    words = transmission.encode(information)
    assert np.array_equal(words[transmission.information], information)
    values = transmission.received(1.0 - 2.0 * words[transmission.sent])
    assert (values[:3] == np.inf).all()
    assert (values[40:42] == 0).all()


@pytest.mark.parametrize(
    ("punctured", "shortened", "reason"),
    [
        ([49], [], "punctured bit 49 does not exist; accepted: 0 to 48"),
        ([], [-1], "shortened bit -1 does not exist; accepted: 0 to 48"),
        ([5, 3, 5], [], "punctured bit 5 is named more than once"),
        ([1, 2], [2, 3], "bit 2 is both punctured and shortened"),
        (range(49), [], "all 49 bits are punctured or shortened"),
        ([], range(49), "all 49 bits are punctured or shortened"),
        ([], range(48), "48 shortened bits leave no information bits"),
        (range(30), [], "19 bits are sent for 24 information bits"),
        ([1.5], [], "punctured positions must be a list of whole numbers from 0"),
        ([[1, 2]], [], "punctured positions must be a list of whole numbers from 0"),
        (["a"], [], "punctured positions must be a list of whole numbers from 0"),
    ],
)
def test_positions_that_cannot_be_are_one_line(code, punctured, shortened, reason):
    with pytest.raises(UserError, match=reason) as caught:
        Transmission(code, punctured, shortened)
    assert str(caught.value).startswith("LDPC(49,24): ")


@pytest.mark.parametrize("shape", [(49, 2), (47,), (0, 2)])
def test_values_of_another_number_of_bits_are_refused(code, shape):
    with pytest.raises(UserError, match="47 bits are sent; got values of shape"):
        Transmission(code, punctured=[1, 2]).received(np.zeros(shape))
