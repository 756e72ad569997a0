"""Convolutions with filters of their own for every sample (Klein, Wolf and Afek 2015).

Everything here is cross-correlation, torch's convention: entry 0 of a vertical filter meets the upper row.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Samples of one grouped convolution; more go through in turns, so that memory is bounded.
SAMPLES_AT_ONCE = 512

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


class DynamicConv2d(nn.Module):
    """A convolution that reads its filters, per sample, from another network's output; it owns no parameters.

        y[b, o] = sum over c of W[b, o, c] * x[b, c] + β[b, o]

    Args:
        in_channels: of x.
        out_channels: of y.
        kernel_size: (kh, kw), or one number for both.
        padding: zeros put around the images, for both sides or (rows, columns).
        bias: whether a bias is generated.

    Attributes:
        parameter_count: how many numbers per sample the layer consumes.

    Raises:
        ValueError: if a size is not positive, or the padding negative.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Pair, *, padding: Pair = 0, bias: bool = False
    ):
        super().__init__()
        self.padding, self.bias = _pair(padding), bias
        self._shape = (out_channels, in_channels, *_pair(kernel_size))
        if min(self._shape) < 1 or min(self.padding) < 0:
            raise ValueError(
                f"channels and kernel must be positive and the padding not negative, got {in_channels} to "
                f"{out_channels} channels, kernel {kernel_size}, padding {padding}"
            )
        self._weights = in_channels * out_channels * self._shape[2] * self._shape[3]
        self.parameter_count = self._weights + (out_channels if bias else 0)

    def unpack(self, parameters: Tensor) -> tuple[Tensor, Tensor | None]:
        """Views of flat vectors as filters [B, out, in, kh, kw] and biases [B, out] or None.

        Args:
            parameters: [B, parameter_count], the filters row-major and then the bias.

        Raises:
            ValueError: if `parameters` is not [B, parameter_count].
        """
        if parameters.dim() != 2 or parameters.shape[1] != self.parameter_count:
            raise ValueError(
                f"parameters must have the shape [B, {self.parameter_count}], got {list(parameters.shape)}"
            )
        weight = parameters[:, : self._weights].unflatten(1, self._shape)
        return weight, parameters[:, self._weights :] if self.bias else None

    def forward(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Filter every image with its own filters.

        Args:
            images: [B, in, H, W].
            parameters: [B, parameter_count]; see :meth:`unpack`.

        Returns:
            [B, out, H + 2 ph - kh + 1, W + 2 pw - kw + 1].

        Raises:
            ValueError: if the shapes do not fit the layer or each other.
        """
        return dynamic_conv2d(images, *self.unpack(parameters), padding=self.padding)


def separable_dynamic_conv(images: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Filter image b along its columns and then along its rows, without padding.

        y[b, i, j] = sum over k and l of v[b, k] h[b, l] x[b, i + k, j + l]

    Either filter is written as the band matrix T[i, j] = f[j - i], and y = T_v x T_hᵀ are two batched matrix products.
    That spends more operations than two grouped convolutions and mostly less time, above all in the backward pass, as
    long as images are no more than some five times as long as the filters (measured in docs/layers.md). On a GPU it
    keeps full single precision, which convolutions there do not by default. A one and zeros as filter shift the image
    without rounding.

    Args:
        images: x, [B, H, W].
        vertical: v, [B, K].
        horizontal: h, [B, L].

    Returns:
        y, [B, H - K + 1, W - L + 1].

    Raises:
        ValueError: if the shapes do not fit each other.
    """
    fits = images.dim() == 3 and all(
        filters.dim() == 2 and len(filters) == len(images) and 1 <= filters.shape[1] <= side
        for filters, side in zip((vertical, horizontal), images.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"images {list(images.shape)} must be [B, H, W], vertical {list(vertical.shape)} must be [B, K] and "
            f"horizontal {list(horizontal.shape)} [B, L], with the same B, K at most H and L at most W"
        )
    _, height, width = images.shape
    return _band(vertical, height) @ images @ _band(horizontal, width).mT


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
