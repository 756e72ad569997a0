"""Three plates of one scene on one grey scan, each taken through another filter, brought to one colour picture.

S. Prokudin-Gorskii exposed blue, green and red onto one glass plate, about 1905-1915. The plates differ in brightness
(a blue robe is light on one and black on another), so that edges are compared and not levels: a shift is as good as
the correlation of the magnitudes of the two Sobel gradients over the inner area,

    ρ(d) = <|∇a| - mean, |∇b(. - d)| - mean> / (norms),

searched exhaustively on small plates, and on large ones from coarse to fine.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# Plates from top to bottom on the scans of the Library of Congress, and the plate that others are moved to.
ORDER, REFERENCE = "BGR", "B"
# Rows and columns of a plate, at the least.
FEWEST_PIXELS = 64
# The search goes so far, as a share of a plate's sides; the plates' rims of this share are not compared.
REACH, RIM = 0.08, 0.08
# Plates higher than this are halved until they are not, and are searched exhaustively there.
EXHAUSTIVE_ROWS = 400
# Around twice a shift of the coarser level.
FINER_REACH = 2
# What remains is measured in so many parts along each side, on a level of at most so many rows.
PARTS, PART_ROWS, PART_REACH = 3, 1000, 4
# Parts that agree less say nothing (a sky).
PART_AGREEMENT = 0.3
# Frames are looked for in the outer share of a plate, halved until it has no more rows.
FRAME_SHARE, FRAME_ROWS = 0.1, 500
# A step of brightness along half of a line is the end of a frame, if a line outside it is dark or white along half.
STEP, DARK, WHITE = 0.08, 0.15, 0.95
# A line that is as black as this along four fifths is frame, also where the picture beside it is dark.
BLACK = 0.04

Shift = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of a picture, their ends left out."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def moved(self, shift: Shift) -> Box:
        """This box after a shift (rows, columns)."""
        rows, columns = shift
        return Box(self.top + rows, self.left + columns, self.bottom + rows, self.right + columns)

    def within(self, other: Box) -> Box:
        """What two boxes have in common."""
        return Box(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )


@dataclass(frozen=True)
class Alignment:
    """How a plate lies on the reference.

    Attributes:
        shift: rows and columns of the full plate by which it is moved, down and to the right.
        before: ρ without a shift, on the level of the exhaustive search.
        after: ρ at the best shift of that level.
        on_edge: the best shift lies on the edge of the search.
        residual: pixels of the full plate by which the parts of the picture still lie apart, the median of the parts;
            NaN where no part has enough edges.
    """

    shift: Shift
    before: float
    after: float
    on_edge: bool
    residual: float


def split(scan: np.ndarray, order: str = ORDER) -> dict[str, np.ndarray]:
    """Three plates of equal height, views of the scan; up to two rows at its foot are left over.

    Args:
        scan: ``[H, W]``.
        order: the filters from top to bottom, ``R``, ``G`` and ``B`` in any order.

    Returns:
        The plate of each filter, ``[H // 3, W]``.
    """
    height = len(scan) // 3
    return {name: scan[place * height : (place + 1) * height] for place, name in enumerate(order)}


def align(plates: Mapping[str, np.ndarray], reach: float = REACH) -> dict[str, Alignment]:
    """Find the shifts that bring green and red onto blue.

    Args:
        plates: the plate of each filter, uint8 or uint16 ``[h, w]``.
        reach: how far is searched, a share of the rows and of the columns.

    Returns:
        Of ``G`` and ``R``.
    """
    reference = _edges(plates[REFERENCE])
    return {name: _aligned(reference, _edges(plates[name]), reach) for name in "GR"}


def stack(plates: Mapping[str, np.ndarray], shifts: Mapping[str, Shift]) -> np.ndarray:
    """A colour picture of shifted plates, ``[h, w, 3]`` of their type; 0 in a channel that a plate does not cover."""
    rows, columns = plates[REFERENCE].shape
    out = np.zeros((rows, columns, 3), dtype=plates[REFERENCE].dtype)
    whole = Box(0, 0, rows, columns)
    for channel, name in enumerate("RGB"):
        down, right = shifts.get(name, (0, 0))
        covered = whole.moved((down, right)).within(whole)
        out[(*covered.slices, channel)] = plates[name][covered.moved((-down, -right)).slices]
    return out


def picture(plates: Mapping[str, np.ndarray], shifts: Mapping[str, Shift]) -> Box:
    """What all three plates cover after their shifts, without their black and white frames."""
    rows, columns = plates[REFERENCE].shape
    box = Box(0, 0, rows, columns)
    for name, plate in plates.items():
        box = box.within(_without_frame(plate).moved(shifts.get(name, (0, 0))))
    return box


def _aligned(reference: Sequence[np.ndarray], moving: Sequence[np.ndarray], reach: float) -> Alignment:
    """From the edges of two plates, each from fine to coarse."""
    margin = max(reach, RIM)
    coarse = reference[-1]
    farthest = [math.ceil(reach * side) for side in coarse.shape]
    scores = _correlations(coarse, moving[-1], _inner(coarse, margin), (0, 0), farthest)
    row, column = _largest(scores)
    on_edge = row in (0, 2 * farthest[0]) or column in (0, 2 * farthest[1])
    shift = (row - farthest[0], column - farthest[1])
    for still, moved in reversed(list(zip(reference[:-1], moving[:-1], strict=True))):
        inner = _inner(still, margin)
        around = _kept_near((2 * shift[0], 2 * shift[1]), inner, FINER_REACH)
        row, column = _largest(_correlations(still, moved, inner, around, (FINER_REACH, FINER_REACH)))
        shift = (around[0] + row - FINER_REACH, around[1] + column - FINER_REACH)
    before, after = float(scores[farthest[0], farthest[1]]), float(scores.max())
    return Alignment(shift, before, after, on_edge, _residual(reference, moving, shift, margin))


def _residual(reference: Sequence[np.ndarray], moving: Sequence[np.ndarray], shift: Shift, margin: float) -> float:
    """Median distance of a part's best shift from that of the whole, in pixels of the full plate, or NaN."""
    level = next(place for place, edges in enumerate(reference) if len(edges) <= PART_ROWS)
    still, moved, scale = reference[level], moving[level], 2**level
    inner = _inner(still, margin, PART_REACH)
    around = _kept_near((round(shift[0] / scale), round(shift[1] / scale)), inner, PART_REACH)
    apart = []
    for part in _parts(inner):
        scores = _correlations(still, moved, part, around, (PART_REACH, PART_REACH))
        row, column = _largest(scores)
        if {row, column} & {0, 2 * PART_REACH} or scores[row, column] < PART_AGREEMENT:
            continue
        down = around[0] + row - PART_REACH + _summit(scores[row - 1 : row + 2, column])
        right = around[1] + column - PART_REACH + _summit(scores[row, column - 1 : column + 2])
        apart.append(math.hypot(scale * down - shift[0], scale * right - shift[1]))
    return float(np.median(apart)) if apart else math.nan


def _parts(box: Box) -> Iterator[Box]:
    """Equal parts of a box."""
    rows = np.linspace(box.top, box.bottom, PARTS + 1).astype(int)
    columns = np.linspace(box.left, box.right, PARTS + 1).astype(int)
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            yield Box(int(top), int(left), int(bottom), int(right))


def _summit(three: np.ndarray) -> float:
    """Where the parabola through three values around a maximum is highest, from the middle."""
    curvature = three[0] - 2 * three[1] + three[2]
    return float(0.5 * (three[0] - three[2]) / curvature) if curvature < 0 else 0.0


def _inner(edges: np.ndarray, margin: float, more: int = 0) -> Box:
    """What is left without a margin, which is a share of the sides and so many pixels more."""
    rows, columns = (math.ceil(margin * side) + more for side in edges.shape)
    return Box(rows, columns, edges.shape[0] - rows, edges.shape[1] - columns)


def _kept_near(shift: Shift, inner: Box, around: int) -> Shift:
    """The nearest shift from which a search of ``around`` pixels does not leave the plate."""
    most = (max(inner.top - around, 0), max(inner.left - around, 0))
    return max(-most[0], min(shift[0], most[0])), max(-most[1], min(shift[1], most[1]))


def _correlations(
    reference: np.ndarray, moving: np.ndarray, box: Box, around: Shift, reach: Sequence[int]
) -> np.ndarray:
    """ρ over a box of the reference at every shift up to ``reach`` from ``around``, ``[2 reach + 1, 2 reach + 1]``."""
    still = reference[box.slices] - reference[box.slices].mean(dtype=np.float64).astype(np.float32)
    norm = np.sqrt(np.einsum("ij,ij->i", still, still).sum(dtype=np.float64))
    scores = np.zeros((2 * reach[0] + 1, 2 * reach[1] + 1))
    for column in range(scores.shape[1]):
        strip = moving[:, box.moved((0, reach[1] - column - around[1])).slices[1]]
        sums, squares = strip.sum(axis=1, dtype=np.float64), np.einsum("ij,ij->i", strip, strip).astype(np.float64)
        for row in range(scores.shape[0]):
            rows = box.moved((reach[0] - row - around[0], 0)).slices[0]
            # Sums of float32 along a row and of float64 over the rows.
            product = np.einsum("ij,ij->i", still, strip[rows]).sum(dtype=np.float64)
            energy = squares[rows].sum() - sums[rows].sum() ** 2 / still.size
            scores[row, column] = product / (norm * np.sqrt(energy)) if norm > 0 and energy > 0 else 0.0
    return scores


def _largest(scores: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(row), int(column)


def _edges(plate: np.ndarray) -> list[np.ndarray]:
    """|∇| of a plate and of its halves, float32, from fine to coarse."""
    levels = _levels(plate, EXHAUSTIVE_ROWS)
    return [np.hypot(ndimage.sobel(level, axis=0), ndimage.sobel(level, axis=1)) for level in levels]


def _levels(plate: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """A plate in [0, 1], float32, and halved by means over areas until it has no more rows."""
    level = plate.astype(np.float32) / np.float32(np.iinfo(plate.dtype).max)
    yield level
    while len(level) > rows:
        even = level[: len(level) // 2 * 2, : level.shape[1] // 2 * 2]
        level = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
        yield level


def _without_frame(plate: np.ndarray) -> Box:
    """The picture on a plate: inside the innermost step of brightness along each side."""
    *_, level = _levels(plate, FRAME_ROWS)
    scale = len(plate) / len(level)
    top, bottom = (_frame(side) for side in (level, level[::-1]))
    left, right = (_frame(side) for side in (level.T, level.T[::-1]))
    full = [math.ceil(scale * lines) for lines in (top, left, bottom, right)]
    return Box(full[0], full[1], plate.shape[0] - full[2], plate.shape[1] - full[3])


def _frame(lines: np.ndarray) -> int:
    """How many of the first lines are frame: up to its innermost step, and a little more where it lies aslant."""
    looked_at = int(FRAME_SHARE * len(lines))
    ends = int(FRAME_SHARE * lines.shape[1])
    band = lines[: looked_at + 4, ends:-ends]
    # Between two lines on each side, with a line between them.
    steps = np.abs(band[3:-1] + band[4:] - band[:-4] - band[1:-3]) / 2
    framed = np.maximum((band < DARK).mean(axis=1), (band > WHITE).mean(axis=1)) > 0.5
    after_frame = np.logical_or.accumulate(framed)[1:-3]
    ends_here = ((steps > STEP).mean(axis=1) > 0.5) & after_frame
    black = (band[:-4] < BLACK).mean(axis=1) > 0.8
    places = np.flatnonzero(ends_here | black)
    return int(places[-1]) + 4 if len(places) else 0
