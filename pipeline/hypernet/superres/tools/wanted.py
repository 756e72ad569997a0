"""What is asked for: rows and columns, a part of the image, and how pixels are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.superres.names import SIZE
from hypernet.superres.sources.drawings import check
from hypernet.superres.tools.inputs import LARGE

if TYPE_CHECKING:
    from hypernet.superres.core.grids import Window
    from hypernet.superres.tools.ensemble import Ensemble

ANTIALIAS = ("auto", "off")
DEFAULT_SIZE = 512
# What a side may have, and a picture, or all pictures of an array together.
MOST_SIDE, MOST_PIXELS = 2**16, 2**28
LARGEST_SCALE = 8192.0
MOST_STEPS = 10_000


class Wanted:
    """The size and the part that is asked for; see ``enlarge``.

    Raises:
        UserError: what cannot be.
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale: float | None = None,
        window: Sequence[float] | None = None,
        antialias: str = "auto",
        from_large: str = "auto",
        project: int = 0,
    ):
        check("antialias", antialias, ANTIALIAS)
        check("from large", from_large, LARGE)
        if not 0 <= project <= MOST_STEPS:
            raise UserError(f"project: {project}; accepted: 0 to {MOST_STEPS:,} steps")
        if size is not None and scale is not None:
            raise UserError("size and scale: both say how large the result is; give one")
        if scale is not None and not 0 < scale <= LARGEST_SCALE:
            raise UserError(f"scale: {scale:g}; accepted: above 0, up to {LARGEST_SCALE:g}")
        self.size = None if size is None else sides_of(size)
        self.scale, self.window, self.antialias, self.from_large = scale, window_of(window), antialias, from_large
        self.project = project

    def grid(self, ensemble: Ensemble) -> tuple[int, int]:
        """Rows and columns of the result."""
        if self.size is not None:
            rows, columns = self.size
        elif self.scale is not None:
            part, (height, width) = self.window, ensemble.low
            shares = (part.bottom - part.top) * height, (part.right - part.left) * width
            rows, columns = sides_of(tuple(max(1, round(share * self.scale)) for share in shares))
        else:
            rows = columns = DEFAULT_SIZE if ensemble.functional else SIZE
        ensemble.check_size(rows, columns, self.window)
        require_distinct(rows, columns, self.window)
        return rows, columns


def sides_of(size: int | Sequence[int]) -> tuple[int, int]:
    """Rows and columns.

    Raises:
        UserError: no such size, or more than is made.
    """
    sides: tuple[int, ...] = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    text = " x ".join(str(side) for side in sides)[:60]
    whole = len(sides) == 2 and all(isinstance(side, int | np.integer) and side >= 1 for side in sides)
    if not whole or max(sides) > MOST_SIDE or int(sides[0]) * int(sides[1]) > MOST_PIXELS:
        raise UserError(
            f"size: {text}; accepted: rows x columns, 1 to {MOST_SIDE:,} each, {MOST_PIXELS:,} pixels at most"
        )
    return int(sides[0]), int(sides[1])


def window_of(window: Sequence[float] | None) -> Window:
    """A part of the image from its top, left, bottom and right end, in fractions of the image; the whole of None.

    Raises:
        UserError: other numbers, or ends out of range or in the wrong order.
    """
    from hypernet.superres.core.grids import WHOLE, Window

    if window is None:
        return WHOLE
    check_window(window)
    return Window(*(float(end) for end in window))


def check_window(window: Sequence[float]) -> None:
    """Raise UserError where ``window_of`` would."""
    accepted = "accepted: top, left, bottom, right in fractions of the image, 0 <= top < bottom <= 1 and left < right"
    ends = ",".join(f"{end:g}" for end in window)
    # Comparisons with what is not a number are false.
    if len(window) != 4 or not all(0 <= end <= 1 for end in window):
        raise UserError(f"window: {ends[:60]}; {accepted}")
    top, left, bottom, right = window
    if not (top < bottom and left < right):
        raise UserError(f"window: {ends[:60]}; {accepted}")


def require_distinct(rows: int, columns: int, window: Window) -> None:
    """Refuse windows in which neighbouring pixels are at the same place for a network that reads float32."""
    from hypernet.superres.tools.ensemble import distinct

    if not distinct(rows, columns, window):
        ends = ",".join(f"{end:g}" for end in window)
        raise UserError(
            f"window: {ends} is too small for {rows} x {columns} pixels: in single precision they have the same place"
        )
