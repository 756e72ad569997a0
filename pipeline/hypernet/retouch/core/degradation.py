"""Made pairs: a clean photograph T gives a target, the "expert's style" t = look(T), and an input x = degrade(T; φ).

Both are functions of the colour of a pixel alone. φ is known and kept, so that the right answer is known:

    ev, wr, wb       exposure, in stops; what red and blue get beside it: linear light times 2^(ev + (wr, 0, wb))
    c, s             contrast about 0.5; saturation about the luma
    g_r, g_g, g_b    exponent of each channel: S^(2^g)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hypernet.retouch.core.colour_map import LUMA

PARAMETERS = ("ev", "wr", "wb", "c", "s", "g_r", "g_g", "g_b")
# What φ is drawn from, uniformly. g of a channel is the sum of a common part and of its share.
EXPOSURE, WHITE_BALANCE = (-1.2, 0.3), (-0.35, 0.35)
CONTRAST, SATURATION = (0.6, 1.0), (0.5, 1.1)
COMMON_EXPONENT, CHANNEL_EXPONENT = (-0.8, 0.8), (-0.15, 0.15)
# The look: an S-shaped curve, more saturation, lifted blacks and warmer whites.
CURVE, VIVID, LIFT, RANGE, WARMTH = 0.06, 1.15, 0.04, 0.92, (1.04, 1.00, 0.90)
# IEC 61966-2-1: where the straight piece ends, in encoded and in linear values.
ENCODED_KNEE, LINEAR_KNEE = 0.04045, 0.0031308
# A power below 1 has no slope at 0. Far below half an 8-bit level under any exponent.
_LEAST = 1e-30


def to_linear(encoded: Tensor) -> Tensor:
    """sRGB-encoded values to linear light (IEC 61966-2-1), with finite gradients everywhere."""
    curved = ((encoded.clamp(min=ENCODED_KNEE) + 0.055) / 1.055) ** 2.4
    return torch.where(encoded <= ENCODED_KNEE, encoded / 12.92, curved)


def to_encoded(linear: Tensor) -> Tensor:
    """Linear light to sRGB-encoded values (IEC 61966-2-1), with finite gradients everywhere."""
    curved = 1.055 * linear.clamp(min=LINEAR_KNEE) ** (1 / 2.4) - 0.055
    return torch.where(linear <= LINEAR_KNEE, 12.92 * linear, curved)


def look(clean: Tensor) -> Tensor:
    """The style that is to be learned.

    Args:
        clean: sRGB-encoded colours in [0, 1], ``[B, 3, ...]``.

    Returns:
        Colours in [0, 1] of the same shape, not rounded.
    """
    curved = clean - CURVE * torch.sin(2 * torch.pi * clean)
    vivid = _saturated(curved, VIVID)
    warmth = _per_channel(clean.new_tensor(WARMTH)[None], clean)
    return (LIFT + RANGE * vivid * warmth).clamp(0, 1)


def look_none(clean: Tensor) -> Tensor:
    """No style: the target is the clean photograph itself."""
    return clean


LOOKS: dict[str, Callable[[Tensor], Tensor]] = {"expert": look, "none": look_none}


def degrade(clean: Tensor, parameters: Tensor) -> Tensor:
    """Spoil clean photographs: wrong exposure and white balance, less contrast, another saturation, exponents, 8 bits.

    Args:
        clean: sRGB-encoded colours in [0, 1], ``[B, 3, ...]``.
        parameters: φ of each, ``[B, 8]``, in the order of ``PARAMETERS``.

    Returns:
        Colours in [0, 1] of the same shape and type: multiples of 1/255, as an 8-bit file has them.
    """
    parameters = parameters.to(clean)
    exposure, red, blue, contrast, saturation = parameters[:, :5].unbind(dim=1)
    stops = exposure[:, None] + torch.stack([red, torch.zeros_like(red), blue], dim=1)
    exposed = (to_linear(clean) * _per_channel(torch.exp2(stops), clean)).clamp_(0, 1)
    flat = 0.5 + _per_channel(contrast[:, None], clean) * (to_encoded(exposed) - 0.5)
    pale = _saturated(flat, _per_channel(saturation[:, None], clean)).clamp(0, 1)
    powered = pale.clamp(min=_LEAST) ** _per_channel(torch.exp2(parameters[:, 5:]), clean)
    return (powered.clamp(0, 1) * 255).round() / 255


def draw_parameters(generator: np.random.Generator, count: int) -> np.ndarray:
    """φ of ``count`` photographs, float64 ``[count, 8]``; the first ones of more are the same."""
    ranges = [EXPOSURE, WHITE_BALANCE, WHITE_BALANCE, CONTRAST, SATURATION, *3 * [CHANNEL_EXPONENT], COMMON_EXPONENT]
    lowest, highest = np.array(ranges).T
    drawn = generator.uniform(lowest, highest, size=(count, len(ranges)))
    drawn[:, 5:8] += drawn[:, 8:]
    return drawn[:, :8]


def degrade_image(pixels: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """``degrade`` of one photograph, in double precision.

    Args:
        pixels: ``[H, W, 3]``, uint8, or floats in [0, 1].
        parameters: φ, ``[8]``.

    Returns:
        uint8 ``[H, W, 3]``.
    """
    degraded = degrade(_batched(pixels), torch.as_tensor(parameters, dtype=torch.float64)[None])
    return np.rint(_image(degraded) * 255).astype(np.uint8)


def look_image(pixels: np.ndarray, style: str = "expert") -> np.ndarray:
    """A look of one photograph, in double precision.

    Args:
        pixels: ``[H, W, 3]``, uint8, or floats in [0, 1].
        style: a name of ``LOOKS``.

    Returns:
        float64 ``[H, W, 3]`` in [0, 1], not rounded.
    """
    return _image(LOOKS[style](_batched(pixels)))


def _batched(pixels: np.ndarray) -> Tensor:
    white = 255 if pixels.dtype == np.uint8 else 1
    return torch.from_numpy(pixels.astype(np.float64) / white).movedim(-1, 0)[None]


def _image(batch: Tensor) -> np.ndarray:
    return np.ascontiguousarray(batch[0].movedim(0, -1).numpy())


def _per_channel(values: Tensor, colours: Tensor) -> Tensor:
    """``[B or 1, 3 or 1]`` beside colours ``[B, 3, ...]``."""
    return values.reshape(*values.shape, *(1,) * (colours.dim() - 2))


def _saturated(colours: Tensor, amount: Tensor | float) -> Tensor:
    """Colours moved from their luma, or to it."""
    red, green, blue = (weight * channel for weight, channel in zip(LUMA.tolist(), colours.unbind(dim=1), strict=True))
    luma = (red + green + blue).unsqueeze(1)
    return luma + amount * (colours - luma)
