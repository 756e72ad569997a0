"""Dynamic convolution: filters that depend on the images displace the last one.

    (V, H) = B(x1, x2, x3, x4)        sv = softmax(V)        sh = softmax(H)
    y(i, j) = sum over a and b of sv[a] sh[b] x4(i + a - r, j + b - r),        r = (K - 1) / 2

(B. Klein, L. Wolf and Y. Afek, "A Dynamic Convolutional Layer for Short Range Weather Prediction", CVPR 2015.) B is
the network that writes the filters; nothing is trained behind them. The product of the filters is a distribution of
displacements, so a forecast is a mixture of displaced copies of the last image: it stays between the least and the
largest value in reach, rain neither grows nor decays. Content moves against a tap's offset: a tap south of the centre
fetches what lies south.

Known from the talk: four images in, the centre of the next one out; a vertical and a horizontal filter after softmax;
a crop at the end; that there is a form on whole images and one on patches. From a summary of the paper's figure: that
the last image is what is filtered. Inferred, for the paper's text could not be had: the layers of B, the number of
taps, the size of the patches; all of them are arguments here.

B as a network on images learns which way the wind blew on the training days, and little else: turned test images show
it. So there is a second form of B, this project's addition: it reads maps of how well the images match under each
displacement (``hypernet.radar.core.matching``), from which motion can be read in any direction and at any reach.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from hypernet.layers.dynamic_conv import SeparableDynamicConv2d, separable_dynamic_conv
from hypernet.layers.heads import WeightHeads
from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.lattice import Lattice
from hypernet.radar.core.matching import filters_of, matched, matched_whole
from hypernet.radar.core.subpixel import between_pixels
from hypernet.radar.core.tiles import PatchNetwork, cut, windows
from hypernet.radar.core.trunk import Layer, Trunk

# Numbers of the maps that go through a network together: what stays in the processor's cache.
NUMBERS_AT_ONCE = 2**20


class FilterNet(nn.Module):
    """B: images to a vertical and a horizontal displacement filter.

    The heads start at zero, so both filters start uniform: the forecast is a blur, and gradients are healthy. With
    large random heads, or large features, the softmax saturates, and nothing is learned any more: features are
    normalised (LayerNorm) before the heads.

    Args:
        size: n, width and height of the images.
        taps: K.
        layers: see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.
    """

    def __init__(self, size: int, taps: int, layers: Sequence[Layer], hidden: int):
        super().__init__()
        self.trunk = Trunk(size, layers, hidden)
        self.normalisation = nn.LayerNorm(hidden)
        self.convolution = SeparableDynamicConv2d(taps, taps, normalise=True)
        self.heads = WeightHeads(hidden, self.convolution, start="zero")

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Shares that add to 1, ``[B, K]`` each, of frames ``[B, 4, n, n]``; entry 0 is north, or west."""
        return self.convolution.filters(self.heads(self.normalisation(self.trunk(frames))))

    def of_image(self, frames: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor]:
        """The filters of all patches of images ``[B, 4, H, W]``, ``[B, P, K]`` each."""
        features = self.trunk.of_image(frames, geometry)
        vertical, horizontal = self.convolution.filters(self.heads(self.normalisation(features.flatten(0, 1))))
        return vertical.unflatten(0, features.shape[:2]), horizontal.unflatten(0, features.shape[:2])


class DynamicConvolution(nn.Module):
    """The forecast of squares of n pixels, narrower by the margin on each side; see the module.

    Fewer taps than 2 m + 1 look less far; what they do not reach is cropped.

    Args:
        size: n.
        margin: m.
        taps: K.
        layers: of the network that writes the filters; see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.

    Raises:
        ValueError: K is even, or above 2 m + 1.
    """

    def __init__(self, size: int, margin: int, taps: int, layers: Sequence[Layer], hidden: int):
        super().__init__()
        if taps % 2 == 0 or not 0 < taps <= 2 * margin + 1:
            raise ValueError(f"{taps} taps; accepted: odd, at most {2 * margin + 1}")
        self.filters = FilterNet(size, taps, layers, hidden)
        # Cropped before the filters instead of after them: the same numbers, fewer of them.
        self._beyond = margin - taps // 2

    def forward(self, frames: Tensor) -> Tensor:
        """The centre of the next image, ``[B, n - 2 m, n - 2 m]``, of frames ``[B, 4, n, n]``."""
        return self._displaced(frames[:, -1], *self.filters(frames))

    def _displaced(self, last: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
        reach = slice(self._beyond, last.shape[-1] - self._beyond)
        return separable_dynamic_conv(last[:, reach, reach], vertical, horizontal)


class WholeImageDynamicConvolution(DynamicConvolution):
    """One pair of filters for an image: ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``.

    Args:
        geometry: sizes.
        layers: see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.
    """

    def __init__(self, geometry: Geometry, layers: Sequence[Layer], hidden: int):
        super().__init__(geometry.size, geometry.margin, geometry.taps, layers, hidden)


class PatchDynamicConvolution(DynamicConvolution, PatchNetwork):
    """One pair of filters for a patch: ``[B, 4, c + 2 m, c + 2 m] -> [B, c, c]``.

    Args:
        geometry: sizes.
        layers: see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.
    """

    def __init__(self, geometry: Geometry, layers: Sequence[Layer], hidden: int):
        super().__init__(geometry.patch_input, geometry.margin, geometry.taps, layers, hidden)

    def of_image(self, frames: Tensor, geometry: Geometry) -> Tensor:
        """See ``hypernet.radar.core.tiles.PatchNetwork``."""
        vertical, horizontal = (filters.flatten(0, 1) for filters in self.filters.of_image(frames, geometry))
        last = cut(frames[:, -1:], geometry)
        return self._displaced(last.flatten(0, 2), vertical, horizontal).unflatten(0, last.shape[:2])


class DisplacementNet(nn.Module):
    """Maps of displacements to the logits of one: convolutions over displacements, ``[n, C, D, D] -> [n, D, D]``.

    They do not know where in the map they are, so no direction can be learned by heart, and D may be another than in
    training. What they put out is added to the weighted sum of the maps, which is soft global motion, and the last one
    starts at zero: training begins there.

    Args:
        maps: C, how many maps come in.
        channels: of the two layers within.
        kernel: width and height of the kernels, odd.
    """

    def __init__(self, maps: int, channels: int, kernel: int):
        super().__init__()
        padding = kernel // 2
        self.layers = nn.Sequential(
            nn.Conv2d(maps, channels, kernel, padding=padding),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, padding=padding),
            nn.ReLU(),
            nn.Conv2d(channels, 1, kernel, padding=padding),
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.sharpness = nn.Parameter(torch.full((maps,), (INPUTS - 1) / maps))

    def forward(self, maps: Tensor) -> Tensor:
        """The logits, ``[n, D, D]``."""
        plain = torch.einsum("c,ncij->nij", self.sharpness, maps)
        if maps.device.type == "cpu":
            maps = maps.contiguous(memory_format=torch.channels_last)
        return plain + self.layers(maps)[:, 0]


class MatchingConvolution(nn.Module, abc.ABC):
    """Dynamic convolution whose filters come from maps of similarity: ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``.

    Args:
        geometry: sizes.
        displacements: maps to logits, ``[n, C, D, D] -> [n, D, D]``.

    Attributes:
        geometry: sizes; another with the same weights sees images of another size, or further.
    """

    def __init__(self, geometry: Geometry, displacements: nn.Module):
        super().__init__()
        self.geometry = geometry
        self.displacements = displacements

    def at(self, geometry: Geometry) -> Self:
        """The same weights for other sizes; they are shared."""
        other = copy.copy(self)
        other.geometry = geometry
        return other

    @abc.abstractmethod
    def lattice(self, frames: Tensor, known: Tensor | None = None, start: tuple[int, int] = (0, 0)) -> Lattice:
        """The filters of fields.

        Args:
            frames: ``[B, 4, H, W]`` of any size.
            known: bool, the same shape: pixels with data; all where it is not given.
            start: row and column of the upper left corner of a cell.
        """

    def written(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Vertical and horizontal filters, ``[n, D]`` each, of maps ``[n, C, D, D]``."""
        logits = self.displacements(maps)
        return between_pixels(filters_of(logits), logits, maps)

    def forward(self, frames: Tensor) -> Tensor:
        """The centre of the next image, ``[B, N - 2 m, N - 2 m]``, of frames ``[B, 4, N, N]``."""
        margin = self.geometry.margin
        inner = slice(margin, frames.shape[-1] - margin)
        return self._of_centre(frames).moved(frames[:, -1])[:, inner, inner]

    def _of_centre(self, frames: Tensor) -> Lattice:
        """The lattice of squares ``[B, 4, N, N]``, right for their centres."""
        margin = self.geometry.margin
        return self.lattice(frames, start=(margin, margin))


class WholeImageMatching(MatchingConvolution):
    """One pair of filters for the image, from the three maps of its pairs of images."""

    def lattice(self, frames: Tensor, known: Tensor | None = None, start: tuple[int, int] = (0, 0)) -> Lattice:
        """See ``MatchingConvolution``; one cell covers the field."""
        maps = matched_whole(frames, self.geometry.taps // 2, known).likelihood().flatten(1, 3)
        vertical, horizontal = self.written(maps)
        return Lattice(vertical[:, None, None], horizontal[:, None, None], max(frames.shape[-2:]))

    def filters(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Shares that add to 1, ``[B, K]`` each, of frames ``[B, 4, N, N]``; entry 0 is north, or west."""
        lattice = self.lattice(frames)
        return lattice.vertical[:, 0, 0], lattice.horizontal[:, 0, 0]


class PatchMatching(MatchingConvolution):
    """A pair of filters for each patch, from maps of windows around it and those of the whole image.

    Args:
        geometry: sizes; the cells of the lattice are as large as a patch.
        displacements: see ``MatchingConvolution``; its maps are the three pairs' of each window, then the image's.
        around: how many cells around the patch each window holds.
    """

    def __init__(self, geometry: Geometry, displacements: nn.Module, around: Sequence[int]):
        super().__init__(geometry, displacements)
        self.around = tuple(around)

    @staticmethod
    def maps(around: Sequence[int]) -> int:
        """Number of maps that are read for each patch."""
        return (INPUTS - 1) * (len(around) + 1)

    def lattice(self, frames: Tensor, known: Tensor | None = None, start: tuple[int, int] = (0, 0)) -> Lattice:
        """See ``MatchingConvolution``."""
        return self._placed(self._filters(self._maps(frames, known, start)), start)

    def _placed(self, filters: tuple[Tensor, Tensor], start: tuple[int, int]) -> Lattice:
        """The lattice of all cells' filters; see ``MatchingConvolution.lattice`` for ``start``."""
        cell = self.geometry.patch
        return Lattice(*filters, cell, (-(-start[0] % cell), -(-start[1] % cell)))

    def _of_centre(self, frames: Tensor) -> Lattice:
        """See ``MatchingConvolution``; no filters are written that the centre does not need."""
        margin, (before, side) = self.geometry.margin, self._centre()
        maps = self._maps(frames, None, (margin, margin))
        near = torch.arange(maps.shape[1], device=maps.device).clamp(before - 1, before + side)
        vertical, horizontal = self._filters(maps[:, before - 1 : before + side + 1, before - 1 : before + side + 1])
        near = near - (before - 1)
        vertical, horizontal = (filters[:, near][:, :, near] for filters in (vertical, horizontal))
        return self._placed((vertical, horizontal), (margin, margin))

    def filters(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the P patches of frames ``[B, 4, N, N]``, ``[B, P, K]`` each."""
        vertical, horizontal = self._filters(self._of_patches(frames))
        return vertical.flatten(1, 2), horizontal.flatten(1, 2)

    def some(self, frames: Tensor, places: Tensor) -> Tensor:
        """Forecasts of some patches alone, for training: ``[B, n, c, c]``.

        Each has the filters of its patch, without those of its neighbours.

        Args:
            frames: ``[B, 4, N, N]``.
            places: numbers of patches, ``[n]``; from left to right and from the top down.
        """
        geometry = self.geometry
        reach, patch = geometry.taps // 2, geometry.patch
        maps = self._of_patches(frames).flatten(1, 2)[:, places]
        vertical, horizontal = self._filters(maps[:, None])
        inner = slice(geometry.margin - reach, frames.shape[-1] - geometry.margin + reach)
        tiles = windows(frames[:, -1, inner, inner], patch + 2 * reach, patch).flatten(1, 2)[:, places]
        moved = separable_dynamic_conv(tiles.flatten(0, 1), vertical.flatten(0, 2), horizontal.flatten(0, 2))
        return moved.unflatten(0, tiles.shape[:2])

    def _of_patches(self, frames: Tensor) -> Tensor:
        """The maps of the patches of frames ``[B, 4, N, N]``, ``[B, R, Q, C, D, D]``."""
        margin, (before, side) = self.geometry.margin, self._centre()
        inner = slice(before, before + side)
        return self._maps(frames, None, (margin, margin))[:, inner, inner]

    def _centre(self) -> tuple[int, int]:
        """Number of the first cell of the centre, in either direction, and how many there are."""
        geometry = self.geometry
        return -(-geometry.margin // geometry.patch), geometry.centre // geometry.patch

    def _maps(self, frames: Tensor, known: Tensor | None, start: tuple[int, int]) -> Tensor:
        """The maps of all cells of fields, ``[B, R, Q, C, D, D]``."""
        reach, pairs = self.geometry.taps // 2, INPUTS - 1
        whole = matched_whole(frames, reach, known).likelihood()[:, :, 0, 0]
        maps = whole.new_empty(0)
        for sample in range(len(frames)):
            # Pair by pair, each into its place: at full size one pair takes tens of megabytes.
            for pair in range(pairs):
                at = slice(sample, sample + 1), slice(pair, pair + 2)
                sums = matched(frames[at], self.geometry.patch, reach, None if known is None else known[at], start)
                if not len(maps):
                    lattice, sides = sums.products.shape[2:4], whole.shape[-2:]
                    maps = whole.new_empty(len(frames), *lattice, self.maps(self.around), *sides)
                for number, cells in enumerate(self.around):
                    maps[sample, :, :, pairs * number + pair] = sums.around(cells).likelihood()[0, 0]
                maps[sample, :, :, pair - pairs] = whole[sample, pair]
        return maps

    def _filters(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Filters ``[B, R, Q, K]`` of maps ``[B, R, Q, C, D, D]``, some cells at a time."""
        many = maps.flatten(0, 2)
        at_once = max(1, NUMBERS_AT_ONCE // many[0].numel())
        vertical, horizontal = (
            torch.cat(filters).unflatten(0, maps.shape[:3])
            for filters in zip(*(self.written(some) for some in many.split(at_once)), strict=True)
        )
        return vertical, horizontal
