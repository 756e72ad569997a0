"""A local implicit image function: what stands around the nearest small pixels (Chen et al. 2021, LIIF)."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.superres.core.functions import ImageFunction

# As in the authors' code (github.com/yinboc/liif).
SHIFT_MARGIN, LEAST_AREA = 1e-6, 1e-9


class LocalImage(ImageFunction):
    """Values from the four nearest small pixels: an MLP reads the features around each and the way to its centre.

    Local ensemble: the four answers are averaged, each weighted by the area of the rectangle between the point and
    the *opposite* pixel's centre. The way is measured in small pixels; the size of a cell of the trained grid stands
    beside it. The state of an image is what the MLP's first layer makes of the 3x3 features around each small pixel,
    ``[B, h, w, width]``: computed once per pixel and not once per point, which changes nothing else.

    Args:
        channels: of the encoder's three convolutions.
        width: of the MLP's two hidden layers.
        scale: rows and columns that a small pixel becomes in training: a cell is as many parts of it.
    """

    def __init__(self, channels: int, width: int, scale: tuple[int, int]):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        inputs = 9 * channels + 4
        self.of_features = nn.Linear(9 * channels, width, bias=False)
        self.of_way = nn.Linear(4, width)
        self.further = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        for tensor in (self.of_features.weight, self.of_way.weight, self.of_way.bias):
            nn.init.uniform_(tensor, -(inputs**-0.5), inputs**-0.5)
        # Sides of a cell in units of half a small pixel, as relative coordinates times the small size are.
        self.cell = (2 / scale[0], 2 / scale[1])

    @property
    def multiply_adds(self) -> int:
        """See ``ImageFunction``: of four answers."""
        width = self.of_way.out_features
        return 4 * (4 * width + width * width + width)

    def encode(self, low: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        features = self.encoder((low.unsqueeze(1) - 0.5) / 0.5)
        around = F.unfold(features, 3, padding=1).mT
        return self.of_features(around).reshape(*low.shape, -1)

    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        height, width = state.shape[1:3]
        rows, columns = _neighbours(points[..., 0], height), _neighbours(points[..., 1], width)
        image = torch.arange(len(state), device=state.device)[:, None]
        answers, areas = [], []
        for (row, down), (column, right) in product(rows, columns):
            way = torch.stack([down, right], dim=-1)
            answers.append(self._answer(state[image, row, column], way))
            areas.append((down * right).abs() + LEAST_AREA)
        return _ensemble(answers, areas)

    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        height, width = state.shape[1:3]
        answers, areas = [], []
        for (row, down), (column, right) in product(_neighbours(rows, height), _neighbours(columns, width)):
            way = torch.stack(torch.broadcast_tensors(down[:, None], right[None]), dim=-1)
            answers.append(self._answer(state[:, row][:, :, column], way))
            areas.append((down[:, None] * right).abs() + LEAST_AREA)
        return _ensemble(answers, areas)

    def _answer(self, features: Tensor, way: Tensor) -> Tensor:
        """What the MLP says of the way from one neighbour: ``[B, ..., width]`` and ``[..., 2]`` to ``[B, ...]``."""
        inputs = torch.cat([way, way.new_tensor(self.cell).expand_as(way)], dim=-1)
        return self.further(features + self.of_way(inputs)).squeeze(-1)


def _neighbours(coordinates: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """The small pixels before and behind each point of an axis, and the way from their centres.

    Returns:
        twice the places ``[n]`` and the ways ``[n]``, of the size of half a small pixel; a point at the border has
        the same neighbour twice.
    """
    neighbours = []
    for shift in (-1, 1):
        moved = (coordinates + shift / count + SHIFT_MARGIN).clamp(-1 + SHIFT_MARGIN, 1 - SHIFT_MARGIN)
        place = ((moved + 1) * count / 2).floor().long().clamp(0, count - 1)
        centre = (2 * place + 1).to(coordinates) / count - 1
        neighbours.append((place, (coordinates - centre) * count))
    return neighbours


def _ensemble(answers: list[Tensor], areas: list[Tensor]) -> Tensor:
    """The mean of the four answers, in the order of ``product``, each weighted by the opposite one's area."""
    total = torch.stack(areas).sum(dim=0)
    weighted = [answer * (area / total) for answer, area in zip(answers, reversed(areas), strict=True)]
    return torch.stack(weighted).sum(dim=0)
