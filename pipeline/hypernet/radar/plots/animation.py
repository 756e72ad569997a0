"""Radar images as pictures and animations: panels beside each other over one colour bar, the same bytes every time."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.files import atomic_path
from hypernet.radar.core.frames import LARGEST_DBZ, rain_rate_of_dbz
from hypernet.radar.plots.colours import NO_DATA, TICKS_DBZ, rgb, scale

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

# Pixels of a panel's longer side; small images are enlarged by a whole factor so that their pixels stay square.
PANEL = 500
# Pixels: empty edge, height of a line, of the colour bar and of letters.
EDGE, LINE, BAR, TEXT = 14, 18, 14, 13
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
    from PIL import Image, ImageDraw

    shown = {title: resized(grey, _panel(grey.shape)) for title, grey in panels.items()}
    height, width = next(iter(shown.values())).shape
    # A narrow panel still has room for its title, and one panel alone for the colour bar.
    column = max(width, 200 if len(shown) > 1 else 400)
    whole = EDGE + len(shown) * (column + EDGE)
    bar_top = EDGE + LINE + 6 + height + EDGE
    picture = Image.new("RGB", (whole, bar_top + BAR + 3 * LINE + EDGE), PAPER)
    draw, letters = ImageDraw.Draw(picture), font(TEXT)
    for number, (title, grey) in enumerate(shown.items()):
        left = EDGE + number * (column + EDGE)
        draw.text((left, EDGE), title, fill=INK, font=letters)
        picture.paste(Image.fromarray(rgb(grey)), (left, EDGE + LINE + 6))
    colour_bar(picture, EDGE, bar_top, min(whole - 2 * EDGE, 600))
    if note:
        draw.text((EDGE, bar_top + BAR + 2 * LINE + 4), note, fill=INK, font=letters)
    return picture


def _panel(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of a panel of an image."""
    height, width = shape
    longest = max(shape)
    factor = PANEL // longest if longest <= PANEL else PANEL / longest
    return max(1, round(factor * width)), max(1, round(factor * height))


def resized(grey: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image of another width and height: its pixels repeated, or averaged over what is known.

    Args:
        grey: ``[H, W]``; not a number is no data.
        size: width and height.

    Returns:
        float32 ``[height, width]``; not a number where less than half is known.
    """
    from PIL import Image

    grey = np.asarray(grey, dtype=np.float32)
    if size[0] >= grey.shape[1] and size[1] >= grey.shape[0]:
        return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.NEAREST))
    known = np.isfinite(grey)
    share, total = (
        np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX))
        for values in (known, np.where(known, grey, 0))
    )
    return np.where(share >= 0.5, total / np.maximum(share, 0.5), np.float32(np.nan))


@functools.cache
def font(size: int, bold: bool = False) -> FreeTypeFont:
    """Letters of all European languages, with the signs of degrees and minus: those that matplotlib brings."""
    from PIL import ImageFont

    package = importlib.util.find_spec("matplotlib")
    assert package is not None
    assert package.origin is not None
    fonts = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(fonts / f"DejaVuSans{'-Bold' if bold else ''}.ttf", size)


def colour_bar(picture: Image, left: int, top: int, width: int) -> None:
    """Draw the scale of rain: dBZ, and below it the rain rate by Marshall and Palmer in mm/h.

    Args:
        picture: to draw on.
        left: column where it begins.
        top: row.
        width: in pixels, with the units; ``BAR`` and two ``LINE`` high.
    """
    from PIL import Image, ImageDraw

    draw, letters = ImageDraw.Draw(picture), font(TEXT)
    length = width - round(letters.getlength("mm/h")) - 26
    bar = rgb(np.tile(np.linspace(0, 1, length), (BAR, 1)))
    picture.paste(Image.fromarray(bar), (left, top))
    rates = rain_rate_of_dbz(np.array(TICKS_DBZ))
    for tick, rate in zip(TICKS_DBZ, rates.tolist(), strict=True):
        place = left + round(tick / LARGEST_DBZ * (length - 1))
        draw.line((place, top, place, top + BAR + 2), fill=INK)
        anchor = "ma" if tick else "la"
        draw.text((place, top + BAR + 3), str(tick), fill=INK, font=letters, anchor=anchor)
        text = f"{rate:.0f}" if rate >= 10 else f"{rate:.1g}"
        draw.text((place, top + BAR + LINE + 1), text, fill=INK, font=letters, anchor=anchor)
    for line, unit in enumerate(("dBZ", "mm/h")):
        draw.text((left + width, top + BAR + 3 + (LINE - 2) * line), unit, fill=INK, font=letters, anchor="ra")


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
