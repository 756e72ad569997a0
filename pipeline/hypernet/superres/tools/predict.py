"""Large images of small ones that are arrays already: arrays in, arrays out. `enlarge` takes pictures and any size."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, check_outputs, option_file
from hypernet.lab.inputs.arrays import ENDINGS, arrays_of
from hypernet.superres.names import SIZE
from hypernet.superres.tools.deliverables import FAMILIAR_DB
from hypernet.superres.tools.inputs import IMAGES, as_levels

if TYPE_CHECKING:
    from hypernet.superres.trained import Enlarger

# Each gives 4 kB.
MOST_IMAGES = 100_000
IMAGES_AT_ONCE = 500


def predict(images: np.ndarray | str | Path, *, model: Enlarger | str | Path) -> np.ndarray:
    """Enlarge small images to 32x32.

    Args:
        images: light ink on a dark ground, float in [0, 1] or uint8, ``[B, h, w]`` or ``[h, w]`` of the size of the
            training; or the path of such an array: .npy, or .npz with ``images``.
        model: a trained method, or the path of its ``model.ckpt``.

    Returns:
        float32 ``[B, 32, 32]`` in [0, 1].

    Raises:
        UserError: the images or the model cannot be read, or the images do not fit.

    Example:
        >>> high = hypernet.superres.predict(images, model="model.ckpt")  # doctest: +SKIP
    """
    return _large(*_small(images), model)


def _large(name: str, low: np.ndarray, model: Enlarger | str | Path) -> np.ndarray:
    """What a method makes of small images, float32 ``[B, 32, 32]``."""
    from hypernet.superres.trained import Enlarger, open_model

    enlarger = model if isinstance(model, Enlarger) else open_model(model)
    high = np.empty((len(low), SIZE, SIZE), dtype=np.float32)
    try:
        for first in range(0, len(low), IMAGES_AT_ONCE):
            piece = slice(first, first + IMAGES_AT_ONCE)
            high[piece] = enlarger(low[piece])
    except UserError as error:
        raise UserError(f"{name}: {str(error).removeprefix('images: ')}") from None
    return high


def _small(images: np.ndarray | str | Path) -> tuple[str, np.ndarray]:
    """What small images are called in messages, and their levels in [0, 1], float32 ``[B, h, w]``."""
    name = "images"
    if isinstance(images, str | Path):
        name = str(images)
        images = arrays_of(Path(images), (IMAGES,), "uibf")[IMAGES]
    levels, white = as_levels(name, np.asarray(images))
    if len(levels) > MOST_IMAGES:
        raise UserError(f"{name}: {len(levels):,} images; accepted: {MOST_IMAGES:,} at most")
    return name, (levels / white).astype(np.float32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet superres predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="small images of the training's size, light on dark, float in [0, 1] or uint8 [B, rows, columns]: .npy, "
        "or .npz with the array images",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="write float32 [B, 32, 32] here: .npy, or .npz with high"
    )


def run(arguments: argparse.Namespace) -> None:
    """Enlarge the images of a file, and write the large ones."""
    for option in ("images", "out"):
        option_file(option, getattr(arguments, option), *ENDINGS)
    check_outputs([("out", arguments.out)], [arguments.images, arguments.model])
    name, low = _small(arguments.images)
    high = _large(name, low, arguments.model)
    with atomic_path(arguments.out) as temporary:
        if arguments.out.suffix == ".npy":
            np.save(temporary, high)
        else:
            np.savez_compressed(temporary, high=high)
    agreement = _agreement(high, low)
    print(
        f"{len(high):,} image{'s' if len(high) > 1 else ''} of {SIZE} x {SIZE} pixels: {arguments.out}; agreement with "
        f"the small ones {agreement.mean():.1f} dB on average, {agreement.min():.1f} at least (PSNR of area means)"
    )
    if few := int((agreement < FAMILIAR_DB).sum()):
        print(
            f"warning: {few:,} of {len(high):,} agree to less than {FAMILIAR_DB:g} dB: are they light on dark, like "
            "the training's digits, with black around them?"
        )


def _agreement(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """PSNR in dB between area means of large images and the small ones, ``[B]``."""
    import torch

    from hypernet.superres.core.metrics import consistency

    return consistency(torch.from_numpy(high), torch.from_numpy(low)).numpy()
