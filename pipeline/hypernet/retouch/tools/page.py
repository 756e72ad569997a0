"""A page with a photograph before and after: a divider, sliders that change the colour map, and its files.

The page is one file without any reference to the network. Its script composes the map as ``core`` does and applies it
to a smaller picture; a policy in the page (CSP) lets no other script run, whatever a file's name says.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hypernet.lab.files import output_file, write_text
from hypernet.lab.libraries import library
from hypernet.retouch.core.adjustments import (
    ENCODING,
    EXPOSURE_RANGE,
    MAGENTA,
    MOST_STRENGTH,
    RANGE,
    WARMTH,
    Adjustments,
)
from hypernet.retouch.core.colour_map import LUMA, MONOMIALS, ColourMap
from hypernet.retouch.core.pixels import brightest
from hypernet.retouch.sources.map_files import CHANNELS, COLOUR_SPACE, FORMAT, VERSION

ENDINGS = (".html", ".htm")
# Pixels of the long side of the picture in the page, and what it may take as PNG: otherwise it is a JPEG.
LONG_SIDE, LARGEST_PNG, JPEG_QUALITY = 1280, 2_000_000, 95
# Rows of a large photograph that are turned into bytes at once.
ROWS_AT_ONCE = 256
LONGEST_TITLE, LONGEST_LUT_TITLE = 200, 100
FOLDER = Path(__file__).parent


def write_page(
    path: str | Path,
    pixels: np.ndarray,
    colour_map: ColourMap,
    *,
    opacity: np.ndarray | None = None,
    title: str = "",
    strength: float = 1.0,
    adjustments: Adjustments | None = None,
    facts: Mapping[str, Any] | None = None,
) -> str:
    """Write the page, whole or not at all.

    Args:
        path: the file, ``.html``.
        pixels: the photograph before, uint8, uint16 or float ``[H, W, 3]``, sRGB-encoded; what lies outside [0, 1] is
            clipped in the page.
        colour_map: M at strength 1 and without adjustments.
        opacity: uint8 or uint16 ``[H, W]``; None of an opaque one.
        title: for people; any text.
        strength: that the page begins with.
        adjustments: that the page begins with.
        facts: what look.json says beside the map, see ``map_files.write_map``.

    Returns:
        What is in the file, for people.

    Raises:
        UserError: another ending, a folder, or a library is missing.
    """
    path = output_file(path, *ENDINGS)
    picture, width, height = _picture(pixels, opacity)
    rows, columns = pixels.shape[:2]
    start = {"strength": strength, **asdict(adjustments or Adjustments())}
    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js.j2"))
    content = {
        "matrix": colour_map.matrix.tolist(),
        "monomials": MONOMIALS[colour_map.basis],
        "names": list(start),
        "neutral": {"strength": 1.0, **asdict(Adjustments())},
        "constants": {"luma": LUMA.tolist(), "encoding": ENCODING, "warmth": WARMTH, "magenta": MAGENTA},
        "document": {
            "format": FORMAT,
            "version": VERSION,
            "basis": colour_map.basis,
            "colour_space": COLOUR_SPACE,
            "monomials": MONOMIALS[colour_map.basis],
            "facts": dict(facts or {}),
        },
        "brightest": brightest(pixels),
        "channels": CHANNELS,
        "stem": _file_stem(title),
        "lut_title": re.sub(r"[^ !#-~]", "_", title)[:LONGEST_LUT_TITLE],
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.get_template("page.html.j2").render(
        title=_printable(title) or "A photograph",
        about=f"{columns} x {rows} pixels; shown here: {width} x {height}. Drag the divider, or move it with the arrow "
        "keys; a double click on a slider brings it back.",
        picture=picture,
        width=width,
        height=height,
        sliders=_sliders(start),
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
        content=content,
    )
    write_text(path, text)
    return f"a page before and after, {path.stat().st_size / 1e6:.1f} MB"


def _sliders(start: dict[str, float]) -> list[dict[str, Any]]:
    """What the page's sliders are called, where they end, how far a step goes, and where they stand."""
    ends = {"strength": (0.0, MOST_STRENGTH, 0.01), "exposure": (-EXPOSURE_RANGE, EXPOSURE_RANGE, 0.05)}
    sliders = []
    for name, value in start.items():
        least, most, step = ends.get(name, (-RANGE, RANGE, 1))
        # A slider stands on a step, and the page must begin with the numbers that were given.
        exact = math.isclose(value / step, round(value / step), abs_tol=1e-9)
        sliders.append(
            {
                "name": name,
                "label": name.capitalize(),
                "least": f"{least:g}",
                "most": f"{most:g}",
                "step": f"{step:g}" if exact else "any",
                "value": repr(float(value)),
            }
        )
    return sliders


def _picture(pixels: np.ndarray, opacity: np.ndarray | None) -> tuple[str, int, int]:
    """The photograph at most ``LONG_SIDE`` long as a data URI, its width and its height."""
    image = library("PIL.Image", "Pillow", "retouch")
    rows, columns = pixels.shape[:2]
    scale = min(1.0, LONG_SIDE / max(rows, columns))
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    planes = [pixels] if opacity is None else [pixels, opacity]
    small = [
        image.fromarray(_as_bytes(plane)).resize(size, image.Resampling.LANCZOS, reducing_gap=3.0) for plane in planes
    ]
    picture = small[0]
    if opacity is not None:
        picture.putalpha(small[1])
    file = io.BytesIO()
    picture.save(file, format="PNG")
    if file.tell() <= LARGEST_PNG or opacity is not None:
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", *size
    file = io.BytesIO()
    # 4:4:4: a colour map may make much of what is left of a colour.
    picture.save(file, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", *size


def _as_bytes(levels: np.ndarray) -> np.ndarray:
    """Levels as uint8, in blocks of rows so that a large photograph is never in memory twice as floats."""
    if levels.dtype == np.uint8:
        return np.ascontiguousarray(levels)
    white = 65535.0 if levels.dtype == np.uint16 else 1.0
    out = np.empty(levels.shape, dtype=np.uint8)
    for first in range(0, len(levels), ROWS_AT_ONCE):
        block = slice(first, first + ROWS_AT_ONCE)
        out[block] = np.clip(levels[block] * np.float32(255 / white), 0, 255) + np.float32(0.5)
    return out


def _file_stem(title: str) -> str:
    """A name for the files that the page gives, of letters, digits and a few signs that no system forbids."""
    return re.sub(r"[^\w.-]+", "_", Path(title).stem)[:60].strip("._") or "look"


def _csp_hash(text: str) -> str:
    """What a policy calls an inline script or style, by its content."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _printable(text: str) -> str:
    """A title without line ends and what turns text round, cut to a length."""
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST_TITLE]
