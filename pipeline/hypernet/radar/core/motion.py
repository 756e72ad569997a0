"""What displacement filters say: how the rain moves, and how certain that is.

A forecast pixel is the sum of v[a] h[b] x(i + a - r, j + b - r) over taps a and b, r = (K - 1) / 2. Both filters are
shares that add to 1, so together they are a distribution of displacements. A tap south of the centre fetches what lies
south: the rain moves **against** the tap's offset, northwards. Rows grow southwards, columns eastwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hypernet.radar.core.frames import Geometry

if TYPE_CHECKING:
    from hypernet.radar.core.lattice import Lattice

COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
# Below this many km/h there is no direction worth a word.
STILL_KM_PER_HOUR = 0.5


@dataclass(frozen=True)
class Motion:
    """Displacements of the rain in one step, and their uncertainty; all arrays ``[...]``.

    Attributes:
        rows: mean displacement southwards in pixels.
        columns: mean displacement eastwards in pixels.
        row_variance: variance of the displacement southwards, pixels squared.
        column_variance: variance eastwards. The two are independent (the filters are separable), so there is no
            covariance between them.
        entropy: of the distribution of displacements, in bits: 0 is one displacement for sure,
            2 log2 K is uniform.
    """

    rows: np.ndarray
    columns: np.ndarray
    row_variance: np.ndarray
    column_variance: np.ndarray
    entropy: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """Of (rows, columns), ``[..., 2, 2]``."""
        return np.stack([self.row_variance, self.column_variance], axis=-1)[..., None] * np.eye(2)

    def average(self, weights: np.ndarray) -> Motion:
        """The motion of a mixture of all displacement distributions, such as that of an image from its patches.

        Args:
            weights: what each counts, ``[...]``, such as the rain of a patch; all alike where they add to 0.

        Returns:
            one motion; variances are those of the mixture, the entropy is the mean one.
        """
        weights = np.broadcast_to(np.asarray(weights, dtype=np.float64), np.shape(self.rows))
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(weights.shape, 1 / weights.size)

        def mean(values: np.ndarray) -> np.ndarray:
            return (weights * values).sum()

        rows, columns = mean(self.rows), mean(self.columns)
        return Motion(
            rows,
            columns,
            mean(self.row_variance + (self.rows - rows) ** 2),
            mean(self.column_variance + (self.columns - columns) ** 2),
            mean(self.entropy),
        )


def motion_of(vertical: np.ndarray, horizontal: np.ndarray) -> Motion:
    """The motion that filters stand for.

    Args:
        vertical: ``[..., K]``, shares that add to 1; entry 0 is the northernmost tap.
        horizontal: ``[..., K]``; entry 0 is the westernmost tap.

    Raises:
        ValueError: a filter is no distribution, or K is even.
    """
    row_mean, row_variance, row_entropy = _moments(vertical)
    column_mean, column_variance, column_entropy = _moments(horizontal)
    return Motion(-row_mean, -column_mean, row_variance, column_variance, row_entropy + column_entropy)


def _moments(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shares = np.asarray(shares, dtype=np.float64)
    taps = shares.shape[-1]
    if taps % 2 == 0 or not np.allclose(shares.sum(axis=-1), 1, atol=1e-3) or shares.min() < 0:
        raise ValueError(f"filters of {taps} taps; accepted: an odd number of shares that add to 1")
    offset = np.arange(taps) - taps // 2
    mean = shares @ offset
    variance = (shares * (offset - mean[..., None]) ** 2).sum(axis=-1)
    # A share of 0 adds nothing: p log p goes to 0 with p. Plus 0.0 turns -0.0 into 0.0.
    entropy = -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=-1) + 0.0
    return mean, variance, entropy


@dataclass(frozen=True)
class FieldMotion:
    """How the rain of whole fields moves, pixel by pixel, as a method sees it.

    Attributes:
        rows: pixels southwards in one step, float32 ``[B, H, W]``.
        columns: pixels eastwards in one step, float32 ``[B, H, W]``.
        entropy: of the distribution of displacements in bits, float32 ``[B, H, W]``; 0 is one displacement for sure.
        largest_entropy: that of a uniform distribution; 0 for methods that know one displacement only.
        at_edge: whether the best displacement lies on the edge of what is searched, bool ``[B]``: the rain may be
            faster.
        lattice: the filters that all of this was read from, on which a forecast can go on; None where there are none.
    """

    rows: np.ndarray
    columns: np.ndarray
    entropy: np.ndarray
    largest_entropy: float
    at_edge: np.ndarray
    lattice: Lattice | None = None

    @property
    def is_uniform(self) -> bool:
        """Whether all pixels of the first field move alike."""
        return bool(np.ptp(self.rows[0]) == 0 and np.ptp(self.columns[0]) == 0)

    def mean(self, weights: np.ndarray) -> tuple[float, float, float]:
        """Mean of ``rows``, ``columns`` and ``entropy`` of the first field.

        Args:
            weights: what each pixel counts, such as its rain, ``[H, W]``; all alike where they add to 0.
        """
        weights = weights if weights.sum() > 0 else np.ones_like(weights)
        rows, columns, entropy = (
            float(np.average(values[0], weights=weights)) for values in (self.rows, self.columns, self.entropy)
        )
        return rows, columns, entropy


def uniform_field(displacement: np.ndarray, shape: tuple[int, int], at_edge: np.ndarray) -> FieldMotion:
    """One displacement for all pixels of a field, known for sure.

    Args:
        displacement: pixels southwards and eastwards, ``[B, 2]``.
        shape: H and W.
        at_edge: bool ``[B]``.
    """
    count = len(displacement)
    rows, columns = (
        np.broadcast_to(values.astype(np.float32)[:, None, None], (count, *shape)) for values in displacement.T
    )
    return FieldMotion(rows, columns, np.zeros((count, *shape), np.float32), 0.0, np.asarray(at_edge, dtype=bool))


def kilometres_per_hour(pixels_per_step: np.ndarray | float, pixel_km: float, step_seconds: float) -> np.ndarray:
    """Speed of a displacement in pixels per step; ``pixel_km`` is the width of a pixel."""
    return np.asarray(pixels_per_step) * pixel_km * (3600 / step_seconds)


def pixels_per_step(kilometres_per_hour: float, pixel_km: float, step_seconds: float) -> int:
    """Whole pixels that a search has to reach for rain of this speed, one at least."""
    return max(1, math.ceil(kilometres_per_hour * step_seconds / 3600 / pixel_km - 1e-6))


def in_words(south: float, east: float) -> str:
    """A motion for people: "24 km/h to the north-east", or "still".

    Args:
        south: km/h southwards; the map's up is taken for north.
        east: km/h eastwards.
    """
    speed = math.hypot(south, east)
    if speed < STILL_KM_PER_HOUR:
        return "still"
    bearing = math.degrees(math.atan2(east, -south))
    return f"{speed:.0f} km/h to the {COMPASS[round(bearing / 45) % 8]}"


@dataclass(frozen=True)
class Arrows:
    """Arrows over an image, all ``[P]``; pixels, y southwards as the image's rows.

    Attributes:
        x: column of the arrow's place.
        y: its row.
        right: displacement eastwards in one step.
        down: displacement southwards.
        entropy: bits.
    """

    x: np.ndarray
    y: np.ndarray
    right: np.ndarray
    down: np.ndarray
    entropy: np.ndarray


def arrows(motion: Motion, geometry: Geometry) -> Arrows:
    """Where the arrows of one input image stand.

    Args:
        motion: of its patches, ``[P]`` from left to right and from the top down, or of the whole image, ``[]``.
        geometry: sizes; places are pixels of the N x N input.
    """
    side = math.isqrt(np.size(motion.rows))
    if side * side not in (1, geometry.patches):
        raise ValueError(f"{np.size(motion.rows)} motions; accepted: 1 or {geometry.patches}")
    width = geometry.centre / side
    middle = geometry.margin + width * (np.arange(side) + 0.5) - 0.5
    x, y = (places.ravel() for places in np.meshgrid(middle, middle))
    return Arrows(x, y, *(np.ravel(values) for values in (motion.columns, motion.rows, motion.entropy)))
