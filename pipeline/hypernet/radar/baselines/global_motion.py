"""One displacement for the whole image.

    d = argmin over d in {-m..m}^2 of sum over p of (x4(p) - x3(p - d))^2        y(p) = x4(p - d)

p runs over the centre. The talk names the row "Global Motion Estimator" and says no more; this search is inferred. All
(2 m + 1)^2 sums come from a few Fourier transforms:

    sum of (x4(p) - x3(p - d))^2 = sum of x4(p)^2 - 2 sum of x4(p) x3(p - d) + sum of x3(p - d)^2

The first term is the same for all d; the others are cross-correlations, of x3 with x4 and of x3^2 with ones.

Rain that a displacement takes out of the centre costs this search nothing, so a blank image fits best where all rain
has left. The measure "similarity" counts over the overlap of the displaced image with the next one, and no pixels
without data:

    s(d) = 2 sum of x3(p - d) x4(p) / (sum of x3(p - d)^2 + sum of x4(p)^2 + 5 % of the sums over all p)

It is 1 at most, has no unit, and the last term keeps a few pixels in a corner from fitting by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hypernet.layers.dynamic_conv import separable_dynamic_conv
from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.lattice import Lattice
from hypernet.radar.core.matching import matched_whole
from hypernet.radar.core.subpixel import lowest_point

# Sums this close, as a share of the images' energy, are the same: the transform rounds.
SAME = 1e-12
# Of all rain: what is added below an overlap's, so that nearly empty overlaps count for little.
PRIOR = 0.05
# A mean square of the grey levels below which there is no rain to compare.
NO_RAIN = 1e-9
# Images of one transform in double precision: bounds the memory.
IMAGES_AT_ONCE = 8


class GlobalMotion(nn.Module):
    """Shift the last image by the one displacement that the images before it went through.

    Of displacements that fit equally well the shortest is taken (and of these the first from the north-west), and a
    centre without rain stays where it is. Whole displacements shift the image exactly; parts of pixels interpolate
    linearly.

    Args:
        geometry: sizes; displacements up to the margin are searched.
        frames: "last" compares the last two images, "all" adds the sums of the three pairs.
        subpixel: "parabola" moves the best displacement to the lowest point of the paraboloid through its sum and its
            eight neighbours'; "none" keeps whole pixels.
        measure: "difference" is the talk's, the least sum of squares over the centre; "similarity" the greatest s over
            what both images know, of any part of the images.
    """

    _by_length: Tensor

    def __init__(
        self,
        geometry: Geometry,
        frames: Literal["last", "all"] = "last",
        subpixel: Literal["none", "parabola"] = "none",
        measure: Literal["difference", "similarity"] = "difference",
    ):
        super().__init__()
        self.measure = measure
        self.margin, self.pairs, self.parabola = geometry.margin, frames, subpixel == "parabola"
        offset = torch.arange(-self.margin, self.margin + 1)
        length = (offset[:, None] ** 2 + offset**2).flatten()
        self.register_buffer("_by_length", torch.argsort(length, stable=True), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """The centre of the next image, ``[B, N - 2 m, N - 2 m]``, of frames ``[B, 4, N, N]``."""
        return separable_dynamic_conv(frames[:, -1], *self.filters(frames))

    def filters(self, frames: Tensor, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The displacement as filters, ``[B, 2 m + 1]`` each: 1 at its tap, or shared by the two around it."""
        displacement = self.displacement(frames, known).to(frames.dtype)
        # Content moves against a tap's offset: tap m - d fetches what moves by d.
        taps = torch.arange(2 * self.margin + 1, device=frames.device, dtype=frames.dtype)
        vertical, horizontal = (1 - (taps - (self.margin - displacement[..., None])).abs()).clamp(min=0).unbind(1)
        return vertical, horizontal

    def displacement(self, frames: Tensor, known: Tensor | None = None) -> Tensor:
        """Pixels southwards and eastwards in one step, float64 ``[B, 2]``.

        Args:
            frames: ``[B, 4, H, W]`` of any size.
            known: bool, the same shape: which pixels have data; only the measure "similarity" heeds it.
        """
        parts = [slice(first, first + IMAGES_AT_ONCE) for first in range(0, len(frames), IMAGES_AT_ONCE)]
        return torch.cat([self._search(frames[part], None if known is None else known[part]) for part in parts])

    def lattice(self, frames: Tensor, known: Tensor | None = None) -> Lattice:
        """The filters of whole fields ``[B, 4, H, W]``: one cell; see ``displacement`` for ``known``."""
        vertical, horizontal = self.filters(frames, known)
        return Lattice(vertical[:, None, None], horizontal[:, None, None], max(frames.shape[-2:]))

    def at_edge(self, displacement: Tensor) -> Tensor:
        """Whether displacements ``[B, 2]`` are the largest that are searched in a direction: bool ``[B]``."""
        return displacement.abs().amax(dim=1) >= self.margin

    def _search(self, frames: Tensor, known: Tensor | None) -> Tensor:
        side, last = 2 * self.margin + 1, INPUTS - 1
        starts = range(last) if self.pairs == "all" else [last - 1]
        if self.measure == "similarity":
            overlaps = overlapping(
                frames[:, starts[0] :], self.margin, None if known is None else known[:, starts[0] :]
            )
            # The least of it, as of the differences. What keeps empty overlaps from being chosen would pull the lowest
            # point between pixels towards no displacement.
            sums, around = -overlaps.similarity(), -overlaps.similarity(prior=0.0)
            tolerance = torch.full((len(frames), 1), SAME, dtype=sums.dtype, device=sums.device)
            rain = frames[:, -1]
        else:
            pairs = [squared_differences(frames[:, before], frames[:, before + 1], self.margin) for before in starts]
            sums = around = torch.stack(pairs).sum(dim=0)
            tolerance = SAME * frames.square().sum(dim=(1, 2, 3))[:, None]
            rain = _centre(frames[:, -1], self.margin)
        flat = sums.flatten(1)
        same = flat <= flat.amin(dim=1, keepdim=True) + tolerance
        # The first of the best in the order of length.
        chosen = self._by_length[same[:, self._by_length].to(torch.uint8).argmax(dim=1)]
        place = torch.stack([chosen // side, chosen % side], dim=1)
        displacement = (place - self.margin).double()
        if self.parabola:
            displacement = displacement + lowest_point(around, place)
        rainy = (rain > 0).flatten(1).any(dim=1)
        return displacement * rainy[:, None]


@dataclass(frozen=True)
class Overlaps:
    """Sums over what pairs of images know of each other; float64 ``[B, D, D]``, D = 2 reach + 1.

    Attributes:
        products: of x3(p - d) x4(p); entry (reach + dy, reach + dx) is that of content moving by d = (dy, dx).
        energies: of both squares.
        rain: of both squares over the whole images, ``[B, 1, 1]``.
        pixels: of all images of a sample.
    """

    products: Tensor
    energies: Tensor
    rain: Tensor
    pixels: int

    def similarity(self, prior: float = PRIOR) -> Tensor:
        """s of all displacements, 0 to 1; 0 where none has rain to compare. ``prior``: the share of all rain in it."""
        return (2 * self.products / (self.energies + prior * self.rain + NO_RAIN * self.pixels)).clamp(0, 1)


def overlapping(frames: Tensor, reach: int, known: Tensor | None = None) -> Overlaps:
    """The sums for all pairs of images in a row together, and all displacements up to the reach.

    Args:
        frames: ``[B, T, H, W]``.
        reach: in either direction, less than H and W.
        known: bool, the same shape: pixels that are not known have no say; all of them where it is not given.
    """
    frames = frames.double()
    sums = matched_whole(frames, reach, known)
    products, energies = (values[:, :, 0, 0].sum(dim=1) for values in (sums.products, sums.energies))
    whole = (frames if known is None else frames * known).square().sum(dim=(2, 3))
    rain = (whole[:, :-1] + whole[:, 1:]).sum(dim=1)[:, None, None]
    return Overlaps(products, energies, rain, frames[0].numel())


def squared_differences(before: Tensor, after: Tensor, margin: int) -> Tensor:
    """Sums of squares of the centre of ``after`` minus displaced ``before``, for all displacements up to the margin.

    Args:
        before: ``[B, H, W]``.
        after: ``[B, H, W]``.
        margin: m, of the centre and of the displacements.

    Returns:
        float64 ``[B, 2 m + 1, 2 m + 1]``; entry (m + dy, m + dx) is that of content moving by (dy, dx).
    """
    before, centre, size = before.double(), _centre(after, margin).double(), before.shape[1:]
    # Centres are put at the upper left corner: then entry k of a correlation is the one with before(p + k), and for k
    # from 0 to 2 m none of them goes round the edge. Displacement d is k = m - d: turned round at the end.
    squares = torch.fft.rfft2(before.square()) * torch.fft.rfft2(torch.ones_like(centre[0]), s=size).conj()
    products = torch.fft.rfft2(before) * torch.fft.rfft2(centre, s=size).conj()
    sums = torch.fft.irfft2(squares - 2 * products, s=size)[:, : 2 * margin + 1, : 2 * margin + 1]
    sums = sums + centre.square().sum(dim=(1, 2))[:, None, None]
    return sums.flip(1, 2)


def _centre(images: Tensor, margin: int) -> Tensor:
    height, width = images.shape[1:]
    return images[:, margin : height - margin, margin : width - margin]
