"""A film of known content, and how steady what a method makes of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypernet.lab.randomness import numpy_generator
from hypernet.retouch.core import sequences
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.dataset import Pair
from hypernet.retouch.trained import Retoucher

# Pixels of a frame, and frames a second.
HEIGHT, WIDTH, RATE = 108, 192, 25
# Share of the photograph that a frame shows, over which the camera moves; and noise of poor light, of 255.
SHOWN, NOISE = 0.8, 2.0
SHOTS = 2


@dataclass(frozen=True)
class Film:
    """Frames of two shots, and what a method says of each.

    Attributes:
        frames: uint8 ``[T, H, W, 3]``.
        cuts: first frames of new shots.
        seconds: when each frame is shown, ``[T]``.
    """

    frames: np.ndarray
    cuts: list[int]
    seconds: np.ndarray


def made_film(pairs: Sequence[Pair], frames: int) -> Film:
    """A camera moves over the inputs of the first two photographs, a shot each, in poor light.

    Args:
        pairs: held-out pairs.
        frames: of each shot.
    """
    first = {pair.photograph: pair for pair in reversed(pairs)}
    names = list(dict.fromkeys(pair.photograph for pair in pairs))[:SHOTS]
    shots = [_shot(first[name], frames, number) for number, name in enumerate(names)]
    images = np.concatenate(shots)
    return Film(images, [frames * number for number in range(1, len(shots))], np.arange(len(images)) / RATE)


def _shot(pair: Pair, frames: int, number: int) -> np.ndarray:
    random = numpy_generator(0, "retouch", "film", number)
    picture = pair.input()
    # The largest part of the photograph that has a frame's shape, and of that a share: nothing is squeezed.
    scale = SHOWN * min(picture.shape[0] / HEIGHT, picture.shape[1] / WIDTH)
    height, width = int(scale * HEIGHT), int(scale * WIDTH)
    images = np.empty((frames, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for frame in range(frames):
        moved = frame / max(frames - 1, 1)
        top, left = (
            round(moved * (whole - shown)) for whole, shown in zip(picture.shape, (height, width), strict=False)
        )
        window = picture[top : top + height, left : left + width]
        rows, columns = (np.arange(count) * side // count for count, side in ((HEIGHT, height), (WIDTH, width)))
        noisy = window[rows][:, columns] + NOISE * random.standard_normal((HEIGHT, WIDTH, 3))
        images[frame] = np.clip(np.rint(noisy), 0, 255)
    return images


def matrices_of(model: Retoucher, film: Film) -> np.ndarray:
    """M of each frame by itself, ``[T, 3, F]``, of a method with colour maps."""
    small = np.stack([thumbnail(frame, model.size) for frame in film.frames])
    return np.stack([colour_map.matrix for colour_map in model.colour_maps(small)])


def measured_film(
    model: Retoucher, pairs: Sequence[Pair], frames: int, smoothing_s: float
) -> dict[str, tuple[float, str]]:
    """How steady a method is on a film, by metric with its unit.

    Args:
        model: the trained method.
        pairs: held-out pairs.
        frames: of each shot.
        smoothing_s: time constant of the smoothing, seconds.
    """
    film = made_film(pairs, frames)
    if not model.is_map:
        return {
            "flicker": (
                sequences.luma_flicker(_lumas([model.retouch(frame) for frame in film.frames]), film.cuts),
                "levels",
            )
        }
    matrices = matrices_of(model, film)
    steady = sequences.smoothed(matrices, film.seconds, film.cuts, smoothing_s)

    def flicker(used: np.ndarray) -> float:
        made = [apply_maps(frame, [ColourMap(matrix)]) for frame, matrix in zip(film.frames, used, strict=True)]
        return sequences.luma_flicker(_lumas(made), film.cuts)

    return {
        "jitter": (sequences.jitter(matrices, film.cuts), "1"),
        "jitter_smoothed": (sequences.jitter(steady, film.cuts), "1"),
        "flicker": (flicker(matrices), "levels"),
        "flicker_smoothed": (flicker(steady), "levels"),
        "lag": (float(sequences.lag_after_cuts(matrices, steady, film.cuts)), "frames"),
    }


def _lumas(frames: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([sequences.mean_luma(frame) / 255 for frame in frames])
