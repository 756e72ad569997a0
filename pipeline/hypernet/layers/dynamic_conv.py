"""Convolutions with filters of their own for every sample (Klein, Wolf and Afek 2015).

Everything here is cross-correlation, torch's convention: entry 0 of a vertical filter meets the upper row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.layers.layout import Layout, Role
from hypernet.layers.module import GeneratedModule, uniform

# Samples of one grouped convolution; more go through in turns, so that memory is bounded.
SAMPLES_AT_ONCE = 512
# Results of one band matrix of a separable filter.
ROWS_AT_ONCE = 32
# Results for each tap from which two grouped convolutions are the faster form on a CPU: forward alone, with gradients.
MANY_FOR_FORWARD, MANY_FOR_GRADIENTS = 1, 12

Pair = int | tuple[int, int]


def dynamic_conv2d(images: Tensor, weight: Tensor, bias: Tensor | None = None, padding: Pair = 0) -> Tensor:
    """Filter image b with filters b: y[b, o] = sum over c of W[b, o, c] * x[b, c] + β[b, o].

    The batch is folded into the groups of one grouped convolution, :data:`SAMPLES_AT_ONCE` samples at a time.
    Gradients reach images, filters and biases.

    Args:
        images: x, [B, in, H, W].
        weight: W, [B, out, in, kh, kw].
        bias: β, [B, out], or None.
        padding: zeros put around the images, for both sides or (rows, columns).

    Returns:
        y, [B, out, H + 2 ph - kh + 1, W + 2 pw - kw + 1].

    Raises:
        ValueError: if the shapes do not fit each other, or the filters are larger than the padded images.
    """
    rows, columns = _pair(padding)
    if images.dim() != 4 or weight.dim() != 5 or images.shape[:2] != (weight.shape[0], weight.shape[2]):
        raise ValueError(
            f"images {list(images.shape)} must be [B, in, H, W] and weight {list(weight.shape)} must be "
            "[B, out, in, kh, kw] with the same B and in"
        )
    if bias is not None and bias.shape != weight.shape[:2]:
        raise ValueError(
            f"bias {list(bias.shape)} must be [B, out] and weight {list(weight.shape)} must be "
            "[B, out, in, kh, kw] with the same B and out"
        )
    count, outputs, _, height, width = weight.shape
    left = images.shape[2] + 2 * rows - height + 1, images.shape[3] + 2 * columns - width + 1
    if min(left) < 1:
        raise ValueError(
            f"weight {list(weight.shape)} has filters larger than images {list(images.shape)} with padding "
            f"({rows}, {columns})"
        )
    if not count:
        return images.new_empty(0, outputs, *left)
    parts = []
    for start in range(0, count, SAMPLES_AT_ONCE):
        some = slice(start, start + SAMPLES_AT_ONCE)
        chosen = images[some]
        offset = None if bias is None else bias[some].flatten()
        filters = weight[some].flatten(0, 1)
        filtered = F.conv2d(chosen.flatten(0, 1)[None], filters, offset, padding=(rows, columns), groups=len(chosen))
        parts.append(filtered[0].unflatten(0, (len(chosen), outputs)))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class DynamicConv2d(GeneratedModule):
    """A convolution that reads its filters, per sample, from another network's output.

        y[b, o] = sum over c of W[b, o, c] * x[b, c] + β[b, o]

    θ holds the filters [out, in, kh, kw] row-major and then the bias [out].

    Args:
        in_channels: of x.
        out_channels: of y.
        kernel_size: (kh, kw), or one number for both.
        padding: zeros put around the images, for both sides or (rows, columns).
        bias: whether a bias is generated.

    Raises:
        ValueError: if a size is not positive, or the padding negative.

    >>> layer = DynamicConv2d(3, 8, 5, padding=2)
    >>> layer(torch.rand(4, 3, 20, 20), torch.randn(4, layer.parameter_count)).shape
    torch.Size([4, 8, 20, 20])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, *, padding: Pair = 0, bias: bool = False
    ):
        super().__init__()
        self.padding = _pair(padding)
        shape = (out_channels, in_channels, *_pair(kernel_size))
        if min(shape) < 1 or min(self.padding) < 0:
            raise ValueError(
                f"channels and kernel must be positive and the padding not negative, got {in_channels} to "
                f"{out_channels} channels, kernel {kernel_size}, padding {padding}"
            )
        fan_in = math.prod(shape[1:])
        # As torch starts its convolutions: U(-1/√fan_in, 1/√fan_in), whose variance is 1 / (3 fan_in).
        parts: list[tuple[str, Role, tuple[int, ...], int, float]] = [
            ("weight", "weight", shape, fan_in, 1 / (3 * fan_in))
        ]
        if bias:
            parts.append(("bias", "bias", (out_channels,), 0, 1 / (3 * fan_in)))
        self.layout = Layout(parts)

    def forward(self, inputs: Tensor, parameters: Tensor) -> Tensor:
        """Filter every image with its own filters: [B, in, H, W] and θ [B, N] to [B, out, H', W'].

        H' = H + 2 ph - kh + 1, W' = W + 2 pw - kw + 1.

        Raises:
            ValueError: if the shapes do not fit the layer or each other.
        """
        tensors = self.layout.split(parameters)
        return dynamic_conv2d(inputs, tensors["weight"], tensors.get("bias"), padding=self.padding)

    def ordinary(self) -> Tensor:
        """θ as `torch.nn.Conv2d` would start, [N]."""
        bound = self.parts[0].fan_in ** -0.5
        return uniform(self.parts, {part.name: bound for part in self.parts})

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Conv2d:
        """One sample's layer, [N], as a `torch.nn.Conv2d`.

        Raises:
            ValueError: if `parameters` is not [N].
        """
        tensors = self.named(parameters)
        outputs, channels, height, width = self.parts[0].shape
        layer = nn.Conv2d(channels, outputs, (height, width), padding=self.padding, bias="bias" in tensors)
        layer.to(parameters).load_state_dict(tensors)
        return layer


class SeparableDynamicConv2d(GeneratedModule):
    """One image and a filter of K rows and one of L columns per sample, without padding; see
    :func:`separable_dynamic_conv`.

    θ holds the vertical filter [K] and then the horizontal one [L], or their logits: with `normalise` either filter is
    a softmax, its entries are positive and add to 1, and the output is a mixture of displaced copies of the image
    (Klein, Wolf and Afek 2015).

    Args:
        rows: K.
        columns: L.
        normalise: whether θ holds logits.

    Raises:
        ValueError: if a size is not positive.

    >>> layer = SeparableDynamicConv2d(5, 5, normalise=True)
    >>> layer(torch.ones(2, 20, 20), torch.randn(2, 10)).shape
    torch.Size([2, 16, 16])
    """

    def __init__(self, rows: int, columns: int, *, normalise: bool = False):
        super().__init__()
        self.normalise = normalise
        if min(rows, columns) < 1:
            raise ValueError(f"sizes must be positive, got {rows} rows and {columns} columns")
        # Logits start at zero: an even mixture, with healthy gradients; large random ones saturate the softmax.
        self.layout = Layout(
            [
                ("vertical", "weight", (rows,), rows, 0.0 if normalise else 1 / rows),
                ("horizontal", "weight", (columns,), columns, 0.0 if normalise else 1 / columns),
            ]
        )

    def filters(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """The vertical [B, K] and the horizontal filters [B, L] of θ [B, N].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        vertical, horizontal = self.layout.split(parameters).values()
        if self.normalise:
            return vertical.softmax(dim=-1), horizontal.softmax(dim=-1)
        return vertical, horizontal

    def forward(self, inputs: Tensor, parameters: Tensor) -> Tensor:
        """Filter every image: [B, H, W] and θ [B, N] to [B, H - K + 1, W - L + 1].

        Raises:
            ValueError: if the shapes do not fit the layer or each other.
        """
        return separable_dynamic_conv(inputs, *self.filters(parameters))

    def ordinary(self) -> Tensor:
        """θ whose filters keep the size of a noisy image, N(0, 1 / K) and N(0, 1 / L); logits of zero: [N]."""
        return torch.cat([torch.randn(part.size) * part.variance**0.5 for part in self.parts])

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Conv2d:
        """One sample's filters, [N], as one `torch.nn.Conv2d` from one channel to one, their outer product.

        Raises:
            ValueError: if `parameters` is not [N].
        """
        self.named(parameters)  # checks the shape
        vertical, horizontal = (filters[0] for filters in self.filters(parameters[None]))
        layer = nn.Conv2d(1, 1, (len(vertical), len(horizontal)), bias=False).to(parameters)
        layer.weight.copy_(torch.outer(vertical, horizontal)[None, None])
        return layer


def separable_dynamic_conv(images: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Filter image b along its columns and then along its rows, without padding.

        y[b, i, j] = sum over k and l of v[b, k] h[b, l] x[b, i + k, j + l]

    Either filter is written as the band matrix T[i, j] = f[j - i], and y = T_v x T_hᵀ are two batched matrix products,
    :data:`ROWS_AT_ONCE` rows of the result at a time, so that the bands hold few zeros. That spends more operations
    than two grouped convolutions and less time, above all in the backward pass. Those are taken on a CPU for an image
    longer than twice its filters where no gradient is wanted, and for one much longer, whose bands would be mostly
    zeros, where one is (measured in docs/layers.md). On a GPU the bands keep full single precision, which convolutions
    there do not by default. A one and zeros as filter shift the image without rounding.

    Args:
        images: x, [B, H, W].
        vertical: v, [B, K].
        horizontal: h, [B, L].

    Returns:
        y, [B, H - K + 1, W - L + 1].

    Raises:
        ValueError: if the shapes do not fit each other.
    """
    sides = (vertical, horizontal)
    fits = images.dim() == 3 and all(
        filters.dim() == 2 and len(filters) == len(images) and 1 <= filters.shape[1] <= side
        for filters, side in zip(sides, images.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"images {list(images.shape)} must be [B, H, W], vertical {list(vertical.shape)} must be [B, K] and "
            f"horizontal {list(horizontal.shape)} [B, L], with the same B, K at most H and L at most W"
        )
    wants_gradient = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (images, vertical, horizontal))
    many = MANY_FOR_GRADIENTS if wants_gradient else MANY_FOR_FORWARD
    long = all(
        side - taps + 1 >= many * taps
        for side, taps in zip(images.shape[1:], (vertical.shape[1], horizontal.shape[1]), strict=True)
    )
    if images.device.type == "cpu" and long and len(images):
        columns_filtered = F.conv2d(images[None], vertical[:, None, :, None], groups=len(images))
        return F.conv2d(columns_filtered, horizontal[:, None, None, :], groups=len(images))[0]
    filtered = _blocks(_band_of(vertical, images.shape[1]), images, 1)
    return _blocks(_band_of(horizontal, images.shape[2]), filtered, 2)


def _band_of(filters: Tensor, size: int) -> Tensor:
    """The band matrix of one block of a side of `size` pixels."""
    taps = filters.shape[1]
    return _band(filters, min(ROWS_AT_ONCE, size - taps + 1) + taps - 1)


def _blocks(band: Tensor, images: Tensor, dim: int) -> Tensor:
    """Filter along a dimension (1: down the columns, 2: along the rows), one band matrix for every block."""
    block, reach = band.shape[1:]
    taps = reach - block + 1
    results = images.shape[dim] - taps + 1
    parts = []
    for first in range(0, results, block):
        count = min(block, results - first)
        piece = images.narrow(dim, first, count + taps - 1)
        matrix = band[:, :count, : count + taps - 1]
        parts.append(matrix @ piece if dim == 1 else piece @ matrix.mT)
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim)


def _band(filters: Tensor, size: int) -> Tensor:
    """T[b, i, j] = f[b, j - i], [B, size - K + 1, size], of filters [B, K].

    Rows of size + 1 entries that all hold the filter and zeros, read as if they had ``size`` entries: every row then
    starts one entry later than the one above.
    """
    count, taps = filters.shape
    rows = size - taps + 1
    line = F.pad(filters, (0, rows))[:, None].expand(-1, rows, -1).reshape(count, rows * (size + 1))
    bands: Tensor = line[:, : rows * size].unflatten(1, (rows, size))
    return bands


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value
