"""Forecasts of fields of any size, and further ahead than one step.

A network forecasts the centre of a square of its own size, so a large field is covered with squares that overlap by
twice the margin. Forecasts further ahead come from feeding forecasts back as the newest image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS

if TYPE_CHECKING:
    from torch import nn

# Squares ``[B, 4, n, n]`` in, their centres ``[B, n - 2 m, n - 2 m]`` out, float32.
SquareForecast = Callable[[np.ndarray], np.ndarray]
# Whole fields ``[B, 4, H, W]`` in, the next one ``[B, H, W]`` out.
FieldForecast = Callable[[np.ndarray], np.ndarray]
# Input pixels of the squares that are forecast together: bounds the memory at any size of the field.
PIXELS_AT_ONCE = 2**22
Border = Literal["zero", "edge"]


def network_forecast(network: nn.Module) -> SquareForecast:
    """A network as a function of numpy arrays; it is put into evaluation mode."""
    import torch

    network.eval()
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))

    def forecast(squares: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(squares).to(device)).float().cpu().numpy()

    return forecast


@dataclass(frozen=True)
class Tiled:
    """The next field from forecasts of squares.

    Squares that lie inside the field are forecast as they are: a field of exactly their size gets the network's own
    forecast. The outermost ``margin`` pixels of the forecast have no square inside the field; they come from squares
    that reach over the edge, where "zero" takes it for dry and "edge" repeats the nearest pixel.

    Attributes:
        forecast: of squares.
        size: n, their width and height: N of a network on whole images, c + 2 m of one on patches.
        margin: m, by how much their forecast is narrower on each side.
        border: what is assumed outside the field.
        channels: numbers of every pixel, where it is not one but an array: the function gives ``[B, *channels, n - 2 m,
            n - 2 m]`` then, and the field is ``[B, H, W, *channels]``.
    """

    forecast: SquareForecast
    size: int
    margin: int
    border: Border = "zero"
    channels: tuple[int, ...] = ()

    @property
    def centre(self) -> int:
        """Width and height of a square's forecast."""
        return self.size - 2 * self.margin

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """The next field of every sample.

        Args:
            frames: float32 ``[B, 4, H, W]`` in [0, 1], H and W at least ``size``.

        Returns:
            float32 ``[B, H, W]``.

        Raises:
            UserError: a value is not a number, or the field is smaller than a square.
        """
        frames = checked(frames)
        count, _, height, width = frames.shape
        if min(height, width) < self.size:
            raise UserError(f"images of {height} x {width} pixels; accepted: at least {self.size} x {self.size}")
        margin = self.margin
        around = ((0, 0), (0, 0), (margin, margin), (margin, margin))
        padded = np.pad(frames, around, mode="constant" if self.border == "zero" else "edge")
        squares = sliding_window_view(padded, (self.size, self.size), axis=(2, 3))
        field = np.empty((count, height, width, *self.channels), dtype=np.float32)
        centres = sliding_window_view(field, (self.centre, self.centre), axis=(1, 2), writeable=True)
        at_once = max(1, PIXELS_AT_ONCE // (INPUTS * self.size**2))
        for sample, row, column in self._batches(count, height, width, at_once):
            # All three are arrays of places: the four frames stay, ``[b, 4, n, n]``.
            centres[sample, row, column] = self.forecast(squares[sample, :, row, column])
        return field

    def _batches(
        self, count: int, height: int, width: int, at_once: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Numbers of samples, and upper left corners of squares in the padded field, ``[b]`` each.

        First those that reach over the edge; the ones inside come later and replace what they have in common. A
        square's corner in the padded field is that of its forecast in the field.
        """
        inside_rows, over_rows = self._starts(height)
        inside_columns, over_columns = self._starts(width)
        over = [*itertools.product(over_rows, [*over_columns, *inside_columns])]
        over += itertools.product(inside_rows, over_columns)
        for corners in (over, [*itertools.product(inside_rows, inside_columns)]):
            row, column = np.array(corners).T if corners else np.empty((2, 0), dtype=int)
            sample = np.repeat(np.arange(count), len(row))
            row, column = np.tile(row, count), np.tile(column, count)
            for start in range(0, len(sample), at_once):
                some = slice(start, start + at_once)
                yield sample[some], row[some], column[some]

    def _starts(self, length: int) -> tuple[list[int], list[int]]:
        """Along one side: first pixels of the squares inside the field, and of those that reach over its edge."""
        last = length - self.size
        inside = [*range(self.margin, last + self.margin, self.centre), last + self.margin]
        over = range(0, self.margin, self.centre)
        return inside, sorted({*over, *(last + 2 * self.margin - start for start in over)})


def last_field(frames: np.ndarray) -> np.ndarray:
    """The simplest forecast: everything stays; ``[B, 4, H, W]`` to ``[B, H, W]``."""
    return checked(frames)[:, -1]


def roll_out(step: FieldForecast, frames: np.ndarray, steps: int) -> np.ndarray:
    """Forecasts one after the other, each made from the four newest images, forecasts among them.

    What is fed back is clipped to [0, 1]; linear methods leave it.

    Args:
        step: a forecast of whole fields.
        frames: float32 ``[B, 4, H, W]`` in [0, 1].
        steps: how many, ten minutes each.

    Returns:
        float32 ``[B, steps, H, W]``, as the method gave them.
    """
    newest, forecasts = checked(frames), []
    for _ in range(steps):
        forecasts.append(step(newest))
        newest = np.concatenate([newest[:, 1:], forecasts[-1][:, None].clip(0.0, 1.0)], axis=1)
    return np.stack(forecasts, axis=1)


def known_after(height: int, width: int, margin: int, steps: int) -> np.ndarray:
    """Where a forecast after ``steps`` steps depends on nothing that was assumed outside the field.

    Returns:
        bool ``[H, W]``: the pixels at least ``steps`` times ``margin`` from the edge.
    """
    reach = steps * margin
    rows, columns = (np.minimum(np.arange(length), np.arange(length)[::-1]) >= reach for length in (height, width))
    return rows[:, None] & columns


def checked(frames: np.ndarray) -> np.ndarray:
    """``frames`` as float32 ``[B, 4, H, W]``.

    Raises:
        UserError: there are not four images, or a value is not a number: one would spoil all that a filter reaches.
    """
    frames = np.ascontiguousarray(frames, dtype=np.float32)
    if frames.ndim != 4 or frames.shape[1] != INPUTS:
        raise UserError(f"frames of shape {list(frames.shape)}; accepted: [B, {INPUTS}, H, W]")
    bad = ~np.isfinite(frames)
    if bad.any():
        first = np.argwhere(bad)[0]
        raise UserError(
            f"sample {first[0]}, image {first[1]}, row {first[2]}, column {first[3]}: not a number "
            f"({int(bad.sum())} such pixels); fill missing data first"
        )
    return frames
