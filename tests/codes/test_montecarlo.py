from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from hypernet.codes import montecarlo
from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.channel import Code, noise_deviation
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.montecarlo import COUNTS, chunk_counts, enough, simulate
from hypernet.codes.sources.matrices import construct

CODE = Code.of("BCH(31,16)", construct("BCH31_16"))
SENT = Transmission(CODE)


def rule(**changes):
    values = {"ebn0_db": [3, 4], "chunk_words": 50, "min_words": 200, "max_words": 400, "min_frame_errors": 1}
    return MonteCarlo(**(values | {"parts": 1, "more_iterations": {}} | changes))


def run(decode, out=None, seed=0, part=0, fingerprint="f", iterations=(5,), **changes):
    """Simulate with a decoder to which all numbers of iterations are the same."""
    settings = EvaluationSettings(monte_carlo=rule(**changes), iterations=list(iterations))
    return simulate(lambda number: decode, SENT, settings, seed, part, out, fingerprint)


def undecoded(llr):
    """The channel's own decisions: plenty of errors, none computed."""
    return llr


class KnownWords:
    """Gives the decoder away what was sent, so that it errs exactly where it is told to."""

    def __init__(self, monkeypatch):
        make = Transmission.random_words

        def remember(*arguments):
            self.bits = make(*arguments)
            return self.bits

        monkeypatch.setattr(Transmission, "random_words", remember)

    def decoder(self, wrong_bits):
        """Decodes word w with ``wrong_bits[w]`` wrong bits, the first ones."""

        def decode(llr):
            out = 1.0 - 2.0 * self.bits
            for word, wrong in enumerate(wrong_bits):
                out[:wrong, word] *= -1
            return out

        return decode


def test_the_counts_of_known_errors(monkeypatch):
    sent = KnownWords(monkeypatch)
    row = chunk_counts(sent.decoder([0, 3, 1, 0, 31, 2]), SENT, 4.0, seed=0, chunk=2, words=6)
    assert row == {
        "ebn0_db": 4.0,
        "chunk": 2,
        "words": 6,
        "bit_errors": 37,
        "squared_bit_errors": 9 + 1 + 961 + 4,
        "frame_errors": 4,
    }
    assert json.loads(json.dumps(row)) == row


def test_shortened_bits_count_nowhere_and_punctured_ones_do(monkeypatch):
    transmission = Transmission(CODE, punctured=[0, 1], shortened=[2, 3, 4])
    sent, taken = KnownWords(monkeypatch), []

    def decode(llr):
        taken.append(llr)
        return sent.decoder([4, 2])(llr)

    row = chunk_counts(decode, transmission, 4.0, seed=0, chunk=0, words=50)
    # Of the four wrong bits of the first word two are shortened.
    assert (row["bit_errors"], row["squared_bit_errors"], row["frame_errors"]) == (4, 8, 2)
    (llr,) = taken
    assert (llr[:2] == 0).all()
    assert (llr[2:5] == np.inf).all()
    assert (sent.bits[2:5] == 0).all()
    # 13 of 16 information bits are left, and 26 of 31 are sent.
    rest = llr[5:] * (1.0 - 2.0 * sent.bits[5:])
    mean = 2 / noise_deviation(4.0, 13 / 26) ** 2
    assert rest.mean() == pytest.approx(mean, rel=0.1)
    assert rest.var() == pytest.approx(2 * mean, rel=0.2)


def test_long_words_come_in_smaller_chunks(monkeypatch):
    monkeypatch.setattr(montecarlo, "VALUES_AT_ONCE", 31 * 30 + 5)
    counts = run(undecoded, ebn0_db=[4])
    assert counts["words"].tolist() == [30] * 7
    monkeypatch.setattr(montecarlo, "VALUES_AT_ONCE", 7)
    assert montecarlo.words_of_chunk(31, rule()) == 1


def test_an_exact_zero_decides_for_zero(monkeypatch):
    sent = KnownWords(monkeypatch)
    row = chunk_counts(np.zeros_like, SENT, 4.0, seed=0, chunk=0, words=40)
    # A decoder that outputs nothing is wrong in every one that was sent: about half of the bits.
    assert row["bit_errors"] == sent.bits.sum() > 0.4 * sent.bits.size


@pytest.mark.parametrize(
    ("words", "frame_errors", "expected"),
    [(199, 10**6, False), (200, 9, False), (200, 10, True), (399, 9, False), (400, 0, True)],
)
def test_when_a_point_ends(words, frame_errors, expected):
    assert enough(words, frame_errors, rule(min_frame_errors=10)) is expected


@pytest.mark.parametrize(
    ("words", "frame_errors", "expected"),
    [(49, 10**6, False), (50, 2, False), (50, 3, True), (99, 2, False), (100, 0, True)],
)
def test_four_parts_share_the_rule(words, frame_errors, expected):
    assert enough(words, frame_errors, rule(min_frame_errors=10, parts=4)) is expected


def test_a_point_ends_at_min_words_with_enough_errors():
    counts = run(undecoded)
    assert list(counts.columns) == COUNTS
    assert counts.groupby("ebn0_db")["words"].sum().to_dict() == {3: 200, 4: 200}
    assert counts["chunk"].tolist() == [0, 1, 2, 3] * 2


def test_a_point_without_errors_ends_exactly_at_max_words(monkeypatch):
    sent = KnownWords(monkeypatch)
    counts = run(sent.decoder([]), ebn0_db=[4], chunk_words=150)
    assert counts["words"].tolist() == [150, 150, 100]
    assert counts["frame_errors"].sum() == 0


def test_a_point_goes_on_until_it_has_its_errors(monkeypatch):
    sent = KnownWords(monkeypatch)
    counts = run(sent.decoder([5, 1]), ebn0_db=[4], min_words=50, max_words=1000, min_frame_errors=7)
    # Two wrong words a chunk: the fourth chunk brings the eighth.
    assert len(counts) == 4
    assert counts["frame_errors"].sum() == 8
    assert counts["bit_errors"].sum() == 24


# --- what else it may depend on -----------------------------------------------------------------------------

ORDER = ["iterations", "ebn0_db", "chunk"]


@pytest.mark.parametrize("parts", [2, 4])
def test_the_parts_together_are_the_whole(parts):
    fixed = {"min_words": 400, "max_words": 400}
    whole = run(undecoded, **fixed)
    pieces = [run(undecoded, part=part, parts=parts, **fixed) for part in range(parts)]
    assert {len(piece) for piece in pieces} == {len(whole) // parts}
    together = pd.concat(pieces).sort_values(ORDER, ignore_index=True)
    assert together.equals(whole.sort_values(ORDER, ignore_index=True))


def test_every_number_of_iterations_hears_the_same_noise():
    counts = run(undecoded, iterations=[5, 50])
    few, many = (counts[counts["iterations"] == number].drop(columns="iterations") for number in (5, 50))
    assert few.reset_index(drop=True).equals(many.reset_index(drop=True))


def test_every_number_of_iterations_has_its_own_decoder(monkeypatch):
    sent = KnownWords(monkeypatch)
    settings = EvaluationSettings(monte_carlo=rule(ebn0_db=[4]), iterations=[1, 2])
    counts = simulate(lambda number: sent.decoder([number]), SENT, settings, 0, 0, None, "f")
    assert counts.groupby("iterations")["bit_errors"].unique().to_dict() == {1: [1], 2: [2]}


def test_the_order_of_the_points_changes_no_count():
    forwards, backwards = (
        run(undecoded, ebn0_db=points).sort_values(ORDER, ignore_index=True) for points in ([3, 4], [4, 3])
    )
    assert forwards.equals(backwards)


def test_another_seed_sends_other_words():
    assert not run(undecoded, seed=0)["bit_errors"].equals(run(undecoded, seed=1)["bit_errors"])


# --- interruptions ------------------------------------------------------------------------------------------


class PowerCutError(Exception):
    pass


def failing_after(calls):
    """Decodes like :func:`undecoded`, but only so many chunks; counts those it was asked for."""
    asked = []

    def decode(llr):
        asked.append(llr.shape[1])
        if len(asked) > calls:
            raise PowerCutError
        return llr

    return decode, asked


@pytest.mark.parametrize("chunks_before", [0, 1, 3, 4, 6, 11])
def test_an_interrupted_simulation_ends_as_if_it_had_not_been(tmp_path, monkeypatch, chunks_before):
    whole = run(undecoded, iterations=[5, 50])
    assert len(whole) == 16
    monkeypatch.setattr(montecarlo, "SECONDS_BETWEEN_SAVES", -1.0)
    kept = tmp_path / "counts.json"
    decode, _ = failing_after(chunks_before)
    with pytest.raises(PowerCutError):
        run(decode, kept, iterations=[5, 50])
    # Snakemake would take this file for the finished counts, and delete it before it starts the job again.
    assert not kept.exists()
    decode, asked = failing_after(10**6)
    assert run(decode, kept, iterations=[5, 50]).equals(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["counts.json"]
    assert len(asked) == len(whole) - chunks_before
    # And once it is whole, nothing is sent again.
    decode, asked = failing_after(10**6)
    assert run(decode, kept, iterations=[5, 50]).equals(whole)
    assert asked == []


def test_a_cut_between_two_saves_loses_those_chunks_only(tmp_path):
    decode, _ = failing_after(5)
    with pytest.raises(PowerCutError):
        run(decode, tmp_path / "counts.json")
    assert run(undecoded, tmp_path / "counts.json").equals(run(undecoded))


def test_another_fingerprint_starts_afresh(tmp_path, monkeypatch):
    monkeypatch.setattr(montecarlo, "SECONDS_BETWEEN_SAVES", -1.0)
    decode, _ = failing_after(3)
    with pytest.raises(PowerCutError):
        run(decode, tmp_path / "counts.json", fingerprint="one program")
    decode, asked = failing_after(10**6)
    counts = run(decode, tmp_path / "counts.json", fingerprint="another program")
    assert len(asked) == len(counts) == 8
