"""How wide an interval around a prediction is that holds the true value of nine molecules in ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.molecules.trained import conformal_margin


@dataclass(frozen=True)
class Interval:
    """Prediction ± (level + slope * spread).

    Attributes:
        level: in the target's unit.
        slope: on the standard deviation of an ensemble; 0: the interval is as wide everywhere.
    """

    level: float
    slope: float

    def half(self, spread: np.ndarray) -> np.ndarray:
        """Half widths where an ensemble is so far apart, ``[M]``; of one method the spread is not looked at."""
        return self.level + self.slope * spread if self.slope else np.full(np.shape(spread), self.level)


def conformal(errors: np.ndarray, spread: np.ndarray) -> Interval:
    """The interval of absolute errors of held-out molecules.

    Split conformal prediction (Vovk et al. 2005). With an ensemble, errors over s + mean(s), s being its spread, are
    ranked too (normalised conformal prediction, Papadopoulos et al. 2011; the mean keeps molecules on which methods
    agree by chance from counting for much), and this interval is taken where it is narrower on average.

    Args:
        errors: ``[n]``.
        spread: of the ensemble for each, ``[n]``; NaN of one method.
    """
    plain = Interval(conformal_margin(errors), 0.0)
    base = float(np.mean(spread))
    # Not a number, of one method.
    if not base > 0:
        return plain
    slope = conformal_margin(errors / (spread + base))
    scaled = Interval(slope * base, slope)
    return scaled if scaled.half(spread).mean() < plain.level else plain
