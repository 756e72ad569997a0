"""Which of the circuits that were found is the answer: good ones first, and of equally good ones the simplest.

* Of the circuits inside a mask, those whose yield is less than five points below the best count as equally good; where
  none is inside, those whose violation is at most 30 % above the smallest.
* For responses and gains, those whose error before the values were rounded is at most 30 % above the smallest, or below
  0.1 %, provided that after it they are at most three points above the smallest: parts that only make up for rounding
  are not worth their place, a finer series does that better.

Of equally good circuits the one with the fewest parts is taken, and of these the better one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.circuits.core.goals import Goal, MaskGoal
from hypernet.circuits.core.parts import lengths_of
from hypernet.circuits.core.tolerance import Band, spread, yield_share
from hypernet.circuits.tools.pool import Pool
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import Interval

RULES = {
    True: "inside the mask; of those with a yield less than 5 points below the best, fewest parts",
    False: "error before rounding at most 30 % above the smallest (or below 0.1 %), after it at most 3 points above "
    "the smallest; of these, fewest parts",
}
YIELD_SLACK, SCORE_SLACK, ROUNDED_SLACK = 0.05, 1.3, 0.03
# Draws for the yield of every circuit inside a mask, of those that are compared, and of the answer itself.
FEWEST_DRAWS, FEW_DRAWS, DRAWS = 100, 1000, 10_000
COMPARED = 40
LISTED = 10


@dataclass(frozen=True)
class Choice:
    """Circuits in the order in which they are recommended.

    Attributes:
        pool: the circuits, the answer first.
        scores: of the goal, ``[B]``.
        deviation_db: the largest over frequency of what S21 or the gain is off, ``[B]``; beyond a mask also of S11.
        yields: share of circuits with real parts that stay inside the mask, ``[B]``; NaN for other goals.
    """

    pool: Pool
    scores: np.ndarray
    deviation_db: np.ndarray
    yields: np.ndarray


def band_of(
    goal: Goal, types: np.ndarray, values: np.ndarray, tolerance: float, draws: int, seed: int, frequency: np.ndarray
) -> Band:
    """Monte Carlo of one circuit between the goal's source and load.

    See :func:`hypernet.circuits.core.tolerance.spread`.
    """
    generator = numpy_generator(seed, "circuits", "design", "tolerance")
    return spread(types, values, tolerance, draws, generator, frequency, terminations=goal.terminations)


def yield_of(
    goal: MaskGoal, types: np.ndarray, values: np.ndarray, tolerance: float, draws: int, seed: int
) -> Interval:
    """Share of circuits with parts of this tolerance that stay inside the mask, with its interval."""
    band = band_of(goal, types, values, tolerance, draws, seed, goal.frequency)
    return yield_share(band, goal.lower, goal.upper, goal.highest_reflection)


def choose(goal: Goal, pool: Pool, judged: Goal, tolerance: float, seed: int) -> Choice:
    """Order circuits by the rule of this module, one of each topology, at most :data:`LISTED`.

    Args:
        goal: what is wanted.
        pool: circuits, best score first; of those inside a mask as many as are compared are taken by their yield.
        judged: what is wanted, at as many frequencies as count: at more, what stands out between those of ``goal``
            is seen.
        tolerance: of the parts, a share.
        seed: of the draws.
    """
    if isinstance(goal, MaskGoal):
        pool = _promising(goal, pool, tolerance, seed)
    pool = pool.take(np.arange(min(len(pool), COMPARED)))
    scores = judged.scores(pool.types, pool.values)
    order = np.lexsort((lengths_of(pool.types), scores))
    pool, scores = pool.take(order), scores[order]
    yields = np.full(len(pool), np.nan)
    worth = scores
    if isinstance(goal, MaskGoal):
        circuits = zip(pool.types, pool.values, strict=True)
        yields = np.array([yield_of(goal, *circuit, tolerance, FEW_DRAWS, seed).value for circuit in circuits])
        if goal.met(scores[0]):
            # Who is outside comes behind all who are inside.
            worth = np.where(scores == 0, 1 - yields, 1 + scores)
            good = (scores == 0) & (worth < worth.min() + YIELD_SLACK)
        else:
            good = scores <= SCORE_SLACK * scores[0]
    else:
        good = pool.free <= max(SCORE_SLACK * pool.free.min(), goal.GOOD)
        good &= scores <= scores[0] + ROUNDED_SLACK
    parts = lengths_of(pool.types)
    order = np.lexsort((worth, np.where(good, parts, 0), ~good))
    _, first = np.unique(pool.types[order], axis=0, return_index=True)
    order = order[np.sort(first)[:LISTED]]
    pool = pool.take(order)
    deviation = judged.deviation(*judged.respond(pool.types, pool.values)).max(axis=1)
    return Choice(pool, scores[order], deviation, yields[order])


def _promising(goal: MaskGoal, pool: Pool, tolerance: float, seed: int) -> Pool:
    """Those inside the mask first, by a rough yield; the others as they were."""
    inside = goal.scores(pool.types, pool.values) == 0
    if inside.sum() <= COMPARED:
        return pool
    rough = np.zeros(len(pool))
    for row in np.flatnonzero(inside):
        rough[row] = yield_of(goal, pool.types[row], pool.values[row], tolerance, FEWEST_DRAWS, seed).value
    return pool.take(np.lexsort((lengths_of(pool.types), -rough, ~inside)))
