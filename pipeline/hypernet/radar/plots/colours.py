"""The colours of rain in all pictures: grey where it is dry, then a radar's colours with rising contrast.

Blue to yellow gets lighter, orange to purple gets darker, and no two neighbours differ by red against green alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hypernet.radar.core.frames import LARGEST_DBZ, LEVELS

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

# dBZ and the colour there; between them it changes evenly.
ANCHORS = (
    (0, (242, 242, 242)),
    (4.9, (228, 231, 235)),
    (5, (196, 215, 240)),
    (15, (120, 170, 225)),
    (22, (40, 105, 190)),
    (27, (20, 120, 160)),
    (33, (60, 175, 150)),
    (40, (250, 230, 90)),
    (47, (245, 150, 40)),
    (54, (205, 50, 35)),
    (62, (130, 15, 75)),
    (70, (60, 0, 80)),
)
# Where there is no data.
NO_DATA = (170, 170, 170)
TICKS_DBZ = tuple(range(0, 71, 10))


def scale() -> np.ndarray:
    """The colours of the grey levels 0..255, uint8 ``[256, 3]``."""
    places = np.array([dbz for dbz, _ in ANCHORS]) / LARGEST_DBZ * LEVELS
    colours = np.array([colour for _, colour in ANCHORS])
    levels = np.arange(LEVELS + 1)
    return (
        np.stack([np.interp(levels, places, colours[:, channel]) for channel in range(3)], axis=1)
        .round()
        .astype(np.uint8)
    )


def rgb(grey: np.ndarray) -> np.ndarray:
    """Colours, uint8 ``[..., 3]``, of grey levels in [0, 1], ``[...]``; not a number is no data."""
    known = np.isfinite(grey)
    levels = np.rint(np.where(known, grey, 0).clip(0, 1) * LEVELS).astype(np.uint8)
    colours = scale().take(levels, axis=0)
    colours[~known] = NO_DATA
    return colours


def colour_map() -> Colormap:
    """The scale for matplotlib; limits are those of grey levels or of dBZ."""
    from matplotlib.colors import ListedColormap

    red, green, blue = (channel / LEVELS for channel in NO_DATA)
    return ListedColormap(scale() / LEVELS, name="rain").with_extremes(bad=(red, green, blue))
