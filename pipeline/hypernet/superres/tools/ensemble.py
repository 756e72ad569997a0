"""Several trained methods as one: the mean of their images, and how far these are apart."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.lab.errors import UserError
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import WHOLE, Window, area_mean, axes, pixel_centres
from hypernet.superres.core.metrics import psnr
from hypernet.superres.names import SIZE
from hypernet.superres.trained import Enlarger, open_model, row_blocks

Model = Enlarger | str | Path
Answer = TypeVar("Answer")
# Rows, columns, window and samples of each pixel.
Grid = tuple[int, int, Window, tuple[int, int]]


class Ensemble:
    """Trained methods that answer together, or one by itself.

    Args:
        models: trained methods, or the paths of their ``model.ckpt``; all for small images of one size.

    Attributes:
        models: the trained methods.
        low: rows and columns of their small images.
        functional: whether images of any size and any part of them can be asked for.

    Raises:
        UserError: a file cannot be read or is named twice, there is none, or they take images of unlike sizes.
    """

    def __init__(self, models: Model | Sequence[Model]):
        given: list[Model] = [models] if isinstance(models, Enlarger | str | os.PathLike) else list(models)
        paths = [Path(model).resolve() for model in given if not isinstance(model, Enlarger)]
        if not given:
            raise UserError("no model was given")
        for path in paths:
            if paths.count(path) > 1:
                raise UserError(f"{path}: this model was given twice; their spread would say nothing")
        self.models = [model if isinstance(model, Enlarger) else open_model(model) for model in given]
        self.names = [model.method if isinstance(model, Enlarger) else str(model) for model in given]
        self.low = self.models[0].low
        for name, model in zip(self.names, self.models, strict=True):
            if model.low != self.low:
                sizes = [f"{rows} x {columns}" for rows, columns in (model.low, self.low)]
                raise UserError(f"{name}: takes small images of {sizes[0]}, {self.names[0]} of {sizes[1]}")
        self.functional = all(model.functional for model in self.models)

    def __len__(self) -> int:
        return len(self.models)

    def states(self, low: np.ndarray, steps: int = 0) -> list[Tensor]:
        """What each keeps of a small image, float ``[h, w]`` in [0, 1]; see ``Enlarger.state``.

        Args:
            low: the small image.
            steps: by how many steps it is moved towards the small image; see ``Enlarger.projected_state``.

        Raises:
            UserError: steps are asked of a method whose images are no functions.
        """
        if not steps:
            return [self._asked(place, lambda model: model.state(low)) for place in range(len(self))]
        return [self._asked(place, lambda model: model.projected_state(low, steps)) for place in range(len(self))]

    def samples(self, rows: int, columns: int, window: Window) -> tuple[int, int]:
        """How many samples a pixel's mean is to be taken over, down and across.

        A function learns from 32 x 32 means over areas; on a coarser grid points of it miss what lies between, and the
        mean over twice as fine a grid is taken instead. Of interpolation that grid is the small image's.
        """
        if not self.functional:
            return 1, 1
        trained = any(model.trained for model in self.models)
        finest = (SIZE, SIZE) if trained else self.low
        shares = window.bottom - window.top, window.right - window.left
        counts = [
            1 if pixels >= grid * share else math.ceil(2 * grid * share / pixels)
            for pixels, grid, share in zip((rows, columns), finest, shares, strict=True)
        ]
        return counts[0], counts[1]

    def sample(
        self,
        states: Sequence[Tensor],
        rows: int,
        columns: int,
        window: Window = WHOLE,
        samples: tuple[int, int] = (1, 1),
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """An image of given states, block of rows by block of rows.

        Args:
            states: see ``states``.
            rows: of the image.
            columns: of the image.
            window: the part that fills it.
            samples: see ``samples``.

        Returns:
            the mean over the methods, float32 ``[rows, columns]`` in [0, 1], and their standard deviation (n - 1),
            likewise; None of a single one.

        Raises:
            UserError: a method has not got this size.
        """
        grid = rows, columns, window, samples
        readers = [self._reader(place, state, grid) for place, state in enumerate(states)]
        pixels = np.empty((rows, columns), dtype=np.float32)
        spread = np.empty_like(pixels) if len(readers) > 1 else None
        with torch.inference_mode():
            for block in row_blocks(rows, columns * samples[0] * samples[1]):
                values = [reader(block.start, block.stop) for reader in readers]
                if spread is None:
                    pixels[block] = values[0].numpy()
                    continue
                mean = sum(values[1:], start=values[0]) / len(values)
                squares = [(value - mean).square() for value in values]
                pixels[block] = mean.numpy()
                spread[block] = (sum(squares[1:], start=squares[0]) / (len(values) - 1)).sqrt().numpy()
        return pixels, spread

    def check_size(self, rows: int, columns: int, window: Window = WHOLE) -> None:
        """Refuse a size that a method has not got.

        Raises:
            UserError: so it is.
        """
        blank = np.zeros(self.low, dtype=np.float32)
        for place, model in enumerate(self.models):
            if not model.functional:
                self._asked(place, lambda model: model.sample(model.state(blank), rows, columns, window))

    def network(self, state: Tensor) -> nn.Module:
        """The network of an image; see ``Enlarger.network_of``.

        Raises:
            UserError: the first method writes none.
        """
        return self._asked(0, lambda model: model.network_of(state[0].cpu().numpy()))

    def require_network(self) -> None:
        """Refuse a network of an image from a method that writes none."""
        self._asked(0, lambda model: model.theta(np.zeros(self.low, dtype=np.float32)))

    def consistency(self, states: Sequence[Tensor], low: np.ndarray, pixels: np.ndarray, window: Window) -> float:
        """PSNR in dB between a small image and the means over areas of what was made of it.

        Args:
            states: see ``states``.
            low: the small image, ``[h, w]``.
            pixels: what was made; where it is a part of the image or smaller than ``low``, the whole is sampled again.
            window: the part that it is.
        """
        if window != WHOLE or pixels.shape[0] < low.shape[0] or pixels.shape[1] < low.shape[1]:
            pixels, _ = self.sample(states, 2 * SIZE, 2 * SIZE)
        (height, width), (rows, columns) = low.shape, pixels.shape
        if rows % height == 0 and columns % width == 0:
            # In float64: a sum over a large area has no more than seven digits otherwise.
            areas = pixels.reshape(height, rows // height, width, columns // width)
            means = torch.from_numpy(areas.mean(axis=(1, 3), dtype=np.float64))
        else:
            means = area_mean(torch.from_numpy(pixels), height, width)
        return float(psnr(means[None], torch.from_numpy(low)[None])[0])

    def _reader(self, place: int, state: Tensor, grid: Grid) -> Callable[[int, int], Tensor]:
        return self._asked(place, lambda model: _reader(model, state, *grid))

    def _asked(self, place: int, question: Callable[[Enlarger], Answer]) -> Answer:
        """What a method answers; its errors name its file."""
        try:
            return question(self.models[place])
        except UserError as error:
            name, method = self.names[place], self.models[place].method
            raise UserError(str(error) if name == method else f"{name}: {error}") from None


def distinct(rows: int, columns: int, window: Window) -> bool:
    """Whether neighbouring pixels of a grid have coordinates of their own in float32."""
    axis = zip((rows, columns), (window.top, window.left), (window.bottom, window.right), strict=True)
    return all(len(pixel_centres(count, *ends).float().unique()) == count for count, *ends in axis)


def _reader(
    model: Enlarger, state: Tensor, rows: int, columns: int, window: Window, samples: tuple[int, int]
) -> Callable[[int, int], Tensor]:
    """A function of the first row of a block and the row after it: its values, float32 ``[last - first, columns]``."""
    down, across = samples
    network = model.network
    if not isinstance(network, ImageFunction):
        fine = torch.from_numpy(model.sample(state, rows * down, columns * across, window)[0])
        whole = fine if samples == (1, 1) else area_mean(fine, rows, columns)
        return lambda first, last: whole[first:last]
    vertical, horizontal = (axis.to(model.device) for axis in axes(rows * down, columns * across, window))

    def read(first: int, last: int) -> Tensor:
        values = network.on_grid(state, vertical[first * down : last * down], horizontal)[0].clamp_(0, 1)
        return (values if samples == (1, 1) else area_mean(values, last - first, columns)).float().cpu()

    return read
