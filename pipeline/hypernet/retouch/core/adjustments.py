"""Sliders that photographers know, as an affine map of sRGB-encoded colours: after any colour map it stays one map.

In this order, with v the slider's value divided by 100, or EV for the exposure, and Y = 0.2126 R + 0.7152 G + 0.0722 B:

| step | formula |
|---|---|
| strength a | M becomes (1 - a) I + a M |
| exposure v | x becomes 2^(v / 2.2) x |
| temperature t, tint n | R, G, B times (1 + 0.3 t, 1 - 0.2 n, 1 - 0.3 t) / Y(1 + 0.3 t, 1 - 0.2 n, 1 - 0.3 t) |
| contrast v | x becomes 1/2 + 2^v (x - 1/2) |
| saturation v | x becomes Y(x) + (1 + v) (x - Y(x)) |

Y is the luma of Rec. 709, of encoded colours. The gain of the exposure is what a gain of 2^v of linear light comes to
where the encoding is the power 1/2.2: of half a stop, sRGB is off by at most 0.04 between 0.3 and 0.8, and by more in
deep shadows; highlights are cut where a camera's curve would bend. Temperature and tint keep the luma of greys: warmer
has more red and less blue, a positive tint more magenta. With all sliders at 0 the map is the identity, to the last
bit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.retouch.core.colour_map import LUMA, ColourMap

ENCODING = 2.2
WARMTH, MAGENTA = 0.3, 0.2
RANGE, EXPOSURE_RANGE = 100.0, 3.0
MOST_STRENGTH = 1.5


@dataclass(frozen=True)
class Adjustments:
    """Where the sliders stand; all at 0 change nothing.

    Attributes:
        exposure: in EV, -3 to 3.
        temperature: -100 (cold) to 100 (warm).
        tint: -100 (green) to 100 (magenta).
        contrast: -100 to 100, about the middle of the encoded scale.
        saturation: -100 (grey) to 100 (twice as far from grey).

    Raises:
        UserError: a slider outside its range.

    >>> bool((Adjustments().affine() == np.eye(3, 4)).all())
    True
    """

    exposure: float = 0.0
    temperature: float = 0.0
    tint: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            most, value = EXPOSURE_RANGE if field.name == "exposure" else RANGE, getattr(self, field.name)
            if not -most <= value <= most:
                raise UserError(f"{field.name} {value:g}: it must be from {-most:g} to {most:g}")

    def affine(self) -> np.ndarray:
        """The sliders as one map of encoded colours: ``[3, 4]``, of R, G, B and 1."""
        warmth, magenta = WARMTH * self.temperature / 100, MAGENTA * self.tint / 100
        change = np.array([warmth, -magenta, -warmth])
        # As 1 + Y(change), which is exactly 1 where nothing changes.
        balance = (1 + change) / (1 + LUMA @ change)
        contrast, saturation = 2 ** (self.contrast / 100), 1 + self.saturation / 100
        matrix = np.diag(balance * 2 ** (self.exposure / ENCODING) * contrast)
        mixed = saturation * np.eye(3) + (1 - saturation) * LUMA
        # Saturation leaves greys where they are, and with them the middle of the contrast.
        return np.hstack([mixed @ matrix, np.full((3, 1), (1 - contrast) / 2)])


def adjusted(colour_map: ColourMap, adjustments: Adjustments, strength: float = 1.0) -> ColourMap:
    """A map at a strength, and then the sliders: a map of the same basis.

    Args:
        colour_map: M.
        adjustments: the sliders.
        strength: a in [0, 1.5]: 0 is the photograph itself, 1 the map as it is.

    Raises:
        UserError: a strength outside its range.
    """
    if not 0 <= strength <= MOST_STRENGTH:
        raise UserError(f"strength {strength:g}: it must be from 0 to {MOST_STRENGTH:g}")
    return colour_map.at_strength(strength).then_affine(adjustments.affine())
