"""What was heard of an object, the object itself, and what sight and sound make of it, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from hypernet.shapes.plots.galleries import Made
from hypernet.shapes.plots.tiles import TRUE, Example, Tile, board, photograph, scored_tile, view
from hypernet.sonar.plots.sounds import LEVELS, RANGE_DB, Sound, spectrogram_of

SIDE = 122


def spectrogram_image(sound: Sound, band_hz: tuple[float, float], size: int, ear: int = 0) -> np.ndarray:
    """The spectrogram of an ear as an image: time to the right, frequency upwards, 50 dB from yellow to violet.

    Args:
        sound: what is heard.
        band_hz: lowest and highest frequency shown.
        size: pixels of a side.
        ear: whose.

    Returns:
        RGBA uint8 ``[size, size, 4]``.
    """
    _, frequencies, spectra = spectrogram_of(sound)
    band = (frequencies >= band_hz[0] / 1e3) & (frequencies <= band_hz[1] / 1e3)
    level = 20 * np.log10(np.abs(spectra[ear][band]) + 1e-30)
    share = np.clip(1 + (level - level.max()) / RANGE_DB, 0, 1)
    rows, columns = (np.arange(size) * length // size for length in share.shape)
    colours: np.ndarray = mpl.colormaps[LEVELS](share[rows[::-1]][:, columns], bytes=True)
    return colours


def draw_reconstructions(
    examples: Sequence[Example], heard: Sequence[np.ndarray], made: Sequence[Made], where: str, shown: str
) -> Figure:
    """A row for each object: the echo, the image, the true shape, and what each method makes of it.

    Args:
        examples: the objects; their images are those that `vision` is given.
        heard: pictures of the echoes, RGBA uint8 ``[S, S, 4]``.
        made: by method, sight first.
        where: the data set's name.
        shown: what of an echo its picture shows, a sentence.
    """
    rows = []
    for number, (example, echo) in enumerate(zip(examples, heard, strict=True)):
        tiles = [
            Tile(photograph(echo, SIDE)),
            Tile(photograph(example.image, SIDE)),
            Tile(view(example.mesh, example.camera, SIDE, TRUE)),
        ]
        for method in made:
            shape = method.shapes[number]
            assert not isinstance(shape, np.ndarray)
            assert method.scores is not None
            tiles.append(scored_tile(shape, method.scores[number], method.cells, example.camera, SIDE))
        rows.append(tiles)
    return board(
        rows,
        SIDE,
        title=f"{where}: held-out objects, each from a single place of the bat",
        row_names=[example.class_name for example in examples],
        column_names=[
            "echo at the left ear",
            "image from the same place",
            "original: the true shape",
            *(way.title for way in made),
        ],
        foot=f"The first held-out object of each class, not chosen. {shown} All shapes are seen from where the bat "
        "was, with room around. Vision is given the image, all others echoes alone unless their name says both. IoU: "
        "intersection over union of 32³ voxels with the true shape, 100 % if they are the same.",
        apart=(2, 3),
        notes_above=True,
    )
