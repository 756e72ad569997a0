"""Forecasts of fields of any size, and further ahead than one step.

A network forecasts the centre of a square of its own size, so a large field is covered with squares that overlap by
twice the margin. Forecasts further ahead come from feeding forecasts back as the newest image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

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


class Stretch(NamedTuple):
    """What one square gives to a field, along one side.

    Attributes:
        start: first pixel of the field that is forecast, and of the padded field that is looked at for it.
        length: pixels that are forecast.
        first: first of the pixels that are taken.
        end: behind the last of them.
    """

    start: int
    length: int
    first: int
    end: int


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
        patch: c, where a square's forecast is made of patches that know nothing of each other, and the function
            forecasts rectangles of them too, ``[B, 4, R c + 2 m, Q c + 2 m] -> [B, R c, Q c]``. Only the patches
            that are seen are forecast then: of squares of 100 pixels in a field of 100, 196 instead of 900.
    """

    forecast: SquareForecast
    size: int
    margin: int
    border: Border = "zero"
    channels: tuple[int, ...] = ()
    patch: int | None = None

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
        field = np.empty((count, *self.channels, height, width), dtype=np.float32)
        by_shape: dict[tuple[int, int], list[tuple[Stretch, Stretch]]] = {}
        for rows, columns in itertools.product(self._stretches(height), self._stretches(width)):
            by_shape.setdefault((rows.length, columns.length), []).append((rows, columns))
        for shape, pieces in by_shape.items():
            high, wide = (length + 2 * margin for length in shape)
            squares = sliding_window_view(padded, (high, wide), axis=(2, 3))
            places = [(sample, *piece) for sample in range(count) for piece in pieces]
            at_once = max(1, PIXELS_AT_ONCE // (INPUTS * high * wide))
            for start in range(0, len(places), at_once):
                some = places[start : start + at_once]
                corners = np.array([(sample, rows.start, columns.start) for sample, rows, columns in some])
                # All three are arrays of places: the four frames stay, ``[b, 4, n, n]``.
                forecasts = self.forecast(squares[corners[:, 0], :, corners[:, 1], corners[:, 2]])
                for (sample, rows, columns), forecast in zip(some, forecasts, strict=True):
                    down, right = (slice(of.first - of.start, of.end - of.start) for of in (rows, columns))
                    taken = slice(rows.first, rows.end), slice(columns.first, columns.end)
                    field[sample, ..., *taken] = forecast[..., down, right]
        return np.moveaxis(field, (-2, -1), (1, 2))

    def _stretches(self, length: int) -> list[Stretch]:
        """Along one side of a field: what every square gives, every pixel once.

        Squares inside the field replace those that reach over its edge, later ones what they share with earlier ones;
        what is left of a square is in one piece.
        """
        last = length - self.size
        inside = [*range(self.margin, last + self.margin, self.centre), last + self.margin]
        low = range(0, self.margin, self.centre)
        over = sorted({*low, *(last + 2 * self.margin - start for start in low)})
        giver = np.empty(length, dtype=np.int64)
        for start in (*over, *inside):
            giver[start : start + self.centre] = start
        patch = self.patch or self.centre
        stretches = []
        for square in np.unique(giver).tolist():
            given = np.flatnonzero(giver == square)
            first, end = int(given[0]), int(given[-1]) + 1
            start = first - (first - square) % patch
            stretches.append(Stretch(start, end + (square - end) % patch - start, first, end))
        return stretches


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
