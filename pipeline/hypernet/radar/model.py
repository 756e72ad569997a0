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
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from hypernet.layers.dynamic_conv import SeparableDynamicConv2d, separable_dynamic_conv
from hypernet.layers.heads import WeightHeads
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.tiles import PatchNetwork, cut
from hypernet.radar.core.trunk import Layer, Trunk


class FilterNet(nn.Module):
    """B: images to a vertical and a horizontal displacement filter.

    The heads start at zero, so both filters start uniform: the forecast is a blur, and gradients are healthy. With
    large random heads the softmax saturates.

    Args:
        size: n, width and height of the images.
        taps: K.
        layers: see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.
    """

    def __init__(self, size: int, taps: int, layers: Sequence[Layer], hidden: int):
        super().__init__()
        self.trunk = Trunk(size, layers, hidden)
        self.convolution = SeparableDynamicConv2d(taps, taps, normalise=True)
        self.heads = WeightHeads(hidden, self.convolution, start="zero")

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Shares that add to 1, ``[B, K]`` each, of frames ``[B, 4, n, n]``; entry 0 is north, or west."""
        return self.convolution.filters(self.heads(self.trunk(frames)))

    def of_image(self, frames: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor]:
        """The filters of all patches of images ``[B, 4, H, W]``, ``[B, P, K]`` each."""
        features = self.trunk.of_image(frames, geometry)
        vertical, horizontal = self.convolution.filters(self.heads(features.flatten(0, 1)))
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
