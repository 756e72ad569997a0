"""Why few decoded words satisfy H: the sign, the scale, or the noise, from decoding some of them again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from hypernet.codes.core.sparse import ParityCheck
from hypernet.codes.trained import BlockDecoder, plain_decoder

# Below this share of words that satisfy H something is said of it; and how many words are decoded again for that, fewer
# of a long code.
LOW_SHARE = 0.9
MOST_WORDS, FEWEST_WORDS, MOST_VALUES = 500, 20, 2**21
# Of less than this share of decoded words nothing is concluded on the scale: they are those with little noise.
FEWEST_DECODED = 0.5
# So much larger a share of words points to a cause.
CLEAR_GAIN = 0.1
# Another scale of the values than this factor is named, from so many bits that were, or would be, corrected.
CLEAR_FACTOR, FEWEST_BITS = 2.0, 50.0
MOST_ITERATIONS = 50
LARGEST_FACTOR = 1e6
# Standard deviations by which checks that hold by chance may be off one half, and when that tells nothing.
CHANCE, LARGEST_SPREAD = 4.0, 0.05


def words_kept(length: int) -> int:
    """How many words of n bits are decoded again at most."""
    return min(MOST_WORDS, max(FEWEST_WORDS, MOST_VALUES // length))


def has_all_ones(parity_check: ParityCheck, shortened: np.ndarray) -> bool:
    """Whether the word of ones is a code word: all values negated then decode as well, to the complement.

    Args:
        parity_check: H.
        shortened: positions that are 0 in every word; ones are asked for in the others.
    """
    ones = np.ones(parity_check.shape[1], dtype=np.int64)
    ones[shortened] = 0
    return not ((parity_check.astype(np.int64) @ ones) % 2).any()


@dataclass(frozen=True)
class Finding:
    """What decoding some words again says of their values.

    Attributes:
        text: a sentence.
        mistake: whether it points to a mistake, and not to mere noise.
    """

    text: str
    mistake: bool = True


def diagnose(
    decoder: BlockDecoder,
    values: Callable[[np.ndarray], np.ndarray],
    sent: np.ndarray,
    stop_early: bool,
    sign_shows: bool,
    hard: bool,
) -> list[Finding]:
    """Decode some words again, with the opposite sign and by min-sum, to tell why few of them satisfy H.

    Args:
        decoder: the decoder they were given to.
        values: makes the values of all bits, ``[B, n]``, of those that were sent.
        sent: values of the words that were sent, ``[B, t]``.
        stop_early: as the decoder was run.
        sign_shows: whether a word with all signs wrong violates H; see :func:`has_all_ones`.
        hard: the values were made of bits.

    Returns:
        The likeliest cause, and more of it.
    """
    min_sum = plain_decoder(decoder.parity_check, "min_sum", min(decoder.iterations, MOST_ITERATIONS))

    def satisfied(of: BlockDecoder, llr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        decided = of(values(llr), stop_early) < 0
        return of.satisfied(decided), decided

    as_given = satisfied(decoder, sent)[0].mean()
    right, decided = satisfied(min_sum, sent)
    by_min_sum = as_given if decoder.method == "min_sum" else right.mean()
    tried = f"of {len(sent)} words"
    if sign_shows:
        turned = max(satisfied(each, -sent)[0].mean() for each in (decoder, min_sum))
        if turned > max(as_given, by_min_sum) + CLEAR_GAIN:
            would = f"{turned:.0%} {tried} would satisfy H, not {as_given:.0%}"
            if hard:
                return [Finding(f"with 0 and 1 exchanged {would}")]
            return [
                Finding(
                    f"with the opposite sign {would}: other programs (sionna, 3GPP tools) use ln P(1)/P(0); "
                    "--opposite-sign reads such values"
                )
            ]
    if by_min_sum > as_given + CLEAR_GAIN:
        cause = "the values look uncalibrated (y instead of 2 y / sigma^2?); scale them, or take --method min_sum"
        if hard:
            cause = "the channel flips another share of the bits than is assumed"
        finding = Finding(
            f"by min-sum, which does not depend on the scale of the values, {by_min_sum:.0%} {tried} would satisfy H, "
            f"not {as_given:.0%}: {cause}"
        )
        return [finding, *calibration(values(sent)[right], decided[right], hard)]
    without = f"min-sum ({by_min_sum:.0%} {tried}), which does not depend on the scale, would not help"
    if sign_shows and not hard:
        without = (
            f"neither the opposite sign ({turned:.0%} {tried}) nor min-sum ({by_min_sum:.0%}), which does not depend "
            "on the scale, would help"
        )
    return [_noise(decoder, values(sent), without)]


def _noise(decoder: BlockDecoder, values: np.ndarray, without: str) -> Finding:
    """How far what came is from random bits."""
    hold, spread = _checks_that_hold(decoder, values)
    text = f"{without}; before decoding {hold:.1%} of the checks hold"
    if spread > LARGEST_SPREAD:
        return Finding(f"{text}, of too few words to tell noise from another code", mistake=False)
    if abs(hold - 0.5) < spread:
        return Finding(f"{text}, as many as of random bits: another code, another order of the bits, or only noise")
    return Finding(f"{text} (of random bits 50%): too much noise for this code and decoder", mistake=False)


def calibration(values: np.ndarray, decided: np.ndarray, hard: bool = False) -> list[Finding]:
    """What corrected bits say of the scale of the values.

    A value l claims to have the wrong sign with probability 1 / (1 + e^|l|). In words that were decoded, it is known
    how many had it.

    Args:
        values: channel values of words that satisfy H once decoded, ``[B, n]``.
        decided: their bits, ``[B, n]`` bool.
        hard: the values were made of bits.

    Returns:
        What is wrong with the scale, where it is clearly another one; else nothing.
    """
    size = np.abs(values)
    known = (size > 0) & np.isfinite(size)
    size, wrong = size[known].astype(np.float64), int(((values < 0) != decided)[known].sum())

    def claimed(log_factor: float) -> float:
        return float(expit(-math.exp(log_factor) * size).sum())

    claim, limit = claimed(0.0), math.log(LARGEST_FACTOR)
    # Half a bit where there is none: the factor is then a bound.
    target = max(float(wrong), 0.5)
    if max(claim, wrong) < FEWEST_BITS or not claimed(limit) < target < claimed(-limit):
        return []
    factor = math.exp(brentq(lambda log_factor: claimed(log_factor) - target, -limit, limit, xtol=1e-3))
    if 1 / CLEAR_FACTOR < factor < CLEAR_FACTOR:
        return []
    if hard:
        share = wrong / size.size
        return [Finding(f"of the received bits {share:.2%} were flipped: decode them with --hard-bits {share:.2g}")]
    size_of = f"{factor:.2g} times too small" if factor > 1 else f"{1 / factor:.2g} times too large"
    return [
        Finding(
            f"the values claim that {claim / size.size:.2%} of the received bits are wrong, {wrong / size.size:.2%} "
            f"were: they are about {size_of} for log-likelihood ratios (y instead of 2 y / sigma^2, or another sigma?)"
        )
    ]


def _checks_that_hold(decoder: BlockDecoder, values: np.ndarray) -> tuple[float, float]:
    """The share of checks that the received signs satisfy, and how far from one half that of random bits may lie."""
    matrix = decoder.parity_check.astype(np.int32)
    odd = (matrix @ (values < 0).T.astype(np.int32)) % 2
    # A check on a bit of which nothing came holds or not by chance.
    judged = (matrix @ (values == 0).T.astype(np.int32)) == 0
    count = int(judged.sum())
    return (float((odd[judged] == 0).mean()), CHANCE * 0.5 / math.sqrt(count)) if count else (0.5, 1.0)
