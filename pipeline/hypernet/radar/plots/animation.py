"""Radar images as pictures and animations: panels beside each other over one colour bar, the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.files import atomic_path
from hypernet.radar.core.frames import LARGEST_DBZ
from hypernet.radar.plots.colours import NO_DATA, TICKS_DBZ, rgb, scale

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

# Pixels of a panel's longer side; small images are enlarged by a whole factor so that their pixels stay square.
PANEL = 500
EDGE, TITLE, BAR, TEXT = 12, 24, 12, 13
INK, PAPER = (30, 30, 30), (255, 255, 255)
# Entries of an animation's palette that are not rain: paper to ink, for smooth letters, and no data.
GREYS = 32
MILLISECONDS = 500
# The first image of what is forecast and the last one stay longer.
PAUSE = 1200


def compose(panels: Mapping[str, np.ndarray], note: str = "") -> Image:
    """Panels beside each other over the colour bar.

    Args:
        panels: grey levels in [0, 1], ``[H, W]`` all alike, by title; not a number is drawn as no data.
        note: a line at the lower left.

    Returns:
        an RGB picture; its size depends on that of the panels and their number only.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = {title: _fitted(grey) for title, grey in panels.items()}
    height, width = next(iter(shown.values())).shape
    # A narrow panel still has room for its title, and one panel alone for the colour bar.
    column = max(width, 200 if len(shown) > 1 else 320)
    whole = EDGE + len(shown) * (column + EDGE)
    bar_top = EDGE + TITLE + height + EDGE
    picture = Image.new("RGB", (whole, bar_top + BAR + 2 * TEXT + 2 * EDGE), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(TEXT)
    for number, (title, grey) in enumerate(shown.items()):
        left = EDGE + number * (column + EDGE)
        draw.text((left, EDGE), title, fill=INK, font=font)
        picture.paste(Image.fromarray(rgb(grey)), (left, EDGE + TITLE))
    _colour_bar(picture, font, bar_top)
    if note:
        draw.text((EDGE, bar_top + BAR + TEXT + EDGE), note, fill=INK, font=font)
    return picture


def _fitted(grey: np.ndarray) -> np.ndarray:
    """The image enlarged, or averaged, by a whole factor to about ``PANEL`` pixels."""
    grey = np.asarray(grey, dtype=np.float32)
    longest = max(grey.shape)
    if longest <= PANEL:
        factor = max(1, PANEL // longest)
        return grey.repeat(factor, axis=0).repeat(factor, axis=1)
    factor = -(-longest // PANEL)
    rows, columns = (length // factor for length in grey.shape)
    blocks = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _colour_bar(picture: Image, font: FreeTypeFont | ImageFont, top: int) -> None:
    from PIL import Image, ImageDraw

    draw = ImageDraw.Draw(picture)
    label = "dBZ"
    length = min(300, picture.width - 2 * EDGE - 48)
    left = picture.width - EDGE - 48 - length
    bar = rgb(np.tile(np.linspace(0, 1, length), (BAR, 1)))
    picture.paste(Image.fromarray(bar), (left, top))
    for tick in TICKS_DBZ:
        place = left + round(tick / LARGEST_DBZ * (length - 1))
        draw.text((place, top + BAR + 2), str(tick), fill=INK, font=font, anchor="ma")
    draw.text((left + length + 14, top + BAR + 2), label, fill=INK, font=font)


def write_picture(path: Path, picture: Image) -> None:
    """Write a PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG")


def write_animation(path: Path, pictures: Sequence[Image], milliseconds: Sequence[int]) -> None:
    """Write an animated GIF that repeats for ever, whole or not at all.

    Args:
        path: its name.
        pictures: from ``compose``, all of one size.
        milliseconds: how long each stays.
    """
    from PIL import Image

    palette = Image.new("P", (1, 1))
    palette.putpalette(_palette().ravel().tolist())
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    with atomic_path(path) as temporary:
        frames[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=list(milliseconds),
            loop=0,
            disposal=1,
            optimize=False,
        )


def _palette() -> np.ndarray:
    """256 colours: paper to ink, no data, and the scale of rain as finely as the rest allows."""
    greys = np.linspace(PAPER, INK, GREYS).round()
    count = 256 - GREYS - 1
    rain = scale()[np.linspace(0, 255, count).round().astype(int)]
    return np.concatenate([greys, [NO_DATA], rain]).astype(np.uint8)
