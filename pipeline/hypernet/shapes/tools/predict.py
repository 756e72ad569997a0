"""Occupancy of images that are arrays already: uint8 RGBA in, voxels out. `reconstruct` takes photographs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, check_outputs, option_file
from hypernet.lab.inputs.arrays import ENDINGS, arrays_of
from hypernet.shapes.tools.inputs import opened

if TYPE_CHECKING:
    from hypernet.shapes.trained import Reconstructor

IMAGES, CLASSES = "images", "classes"
# Each gives 32 kB of voxels.
MOST_IMAGES = 10_000


def predict(
    images: np.ndarray | str | Path, *, model: Reconstructor | str | Path, classes: np.ndarray | None = None
) -> np.ndarray:
    """Reconstruct the object of each image on the evaluation grid.

    Args:
        images: uint8 RGBA ``[B, S, S, 4]`` or ``[S, S, 4]``, transparent around the object, S as in training; or the
            path of such an array: .npy, or .npz with ``images`` and, for the methods that are told it, ``classes``.
        model: a trained method, or the path of its ``model.ckpt``.
        classes: places in the list of classes, ``[B]``, for the methods that are told the class.

    Returns:
        bool ``[B, 32, 32, 32]`` at the centres ``hypernet.shapes.grid(32)``: x lateral, y up, z to the front.

    Raises:
        UserError: the images or the model cannot be read, or the images do not fit.

    Example:
        >>> occupancy = hypernet.shapes.predict(images, model="model.ckpt")  # doctest: +SKIP
    """
    name = "images"
    if isinstance(images, str | Path):
        name = str(images)
        arrays = arrays_of(Path(images), (IMAGES, CLASSES))
        images, classes = arrays[IMAGES], arrays.get(CLASSES, classes)
    images = _checked(name, np.asarray(images))
    reconstructor = opened(model)
    if classes is not None and not reconstructor.needs_class:
        classes = None
    try:
        return reconstructor(images, classes)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet shapes predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="RGBA of the training size, uint8 [B, S, S, 4]: .npy, or .npz with the array images (and classes)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="write bool [B, 32, 32, 32] here: .npy, or .npz with occupancy"
    )


def run(arguments: argparse.Namespace) -> None:
    """Reconstruct the images of a file, and write the voxels."""
    check_names(arguments, IMAGES)
    write_voxels(arguments.out, predict(arguments.images, model=arguments.model))


def check_names(arguments: argparse.Namespace, given: str, endings: Sequence[str] = ENDINGS) -> None:
    """Refuse names of files that are no arrays, or that would write over what is read.

    Args:
        arguments: with ``model``, ``out``, and what is read under ``given``.
        given: the option's name.
        endings: of what is read.
    """
    for option, accepted in ((given, endings), ("out", ENDINGS)):
        option_file(option, getattr(arguments, option), *accepted)
    check_outputs([("out", arguments.out)], [getattr(arguments, given), arguments.model])


def write_voxels(out: Path, occupancy: np.ndarray) -> None:
    """Write bool ``[B, 32, 32, 32]`` to .npy or .npz, and say how full it is."""
    with atomic_path(out) as temporary:
        if out.suffix == ".npy":
            np.save(temporary, occupancy)
        else:
            np.savez_compressed(temporary, occupancy=occupancy)
    filled = occupancy.reshape(len(occupancy), -1).mean(axis=1)
    empty = f"; {empties} empty" if (empties := int((filled == 0).sum())) else ""
    print(f"{len(occupancy)} shapes of 32³ voxels, {filled.mean():.1%} of them inside{empty}: {out}")


def _checked(name: str, images: np.ndarray) -> np.ndarray:
    """Images uint8 ``[B, S, S, 4]``."""
    if images.ndim == 3:
        images = images[None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 4 or not len(images):
        raise UserError(f"{name}: {images.dtype} {list(images.shape)}; accepted: uint8 RGBA [B, S, S, 4]")
    if len(images) > MOST_IMAGES:
        raise UserError(f"{name}: {len(images):,} images; accepted: {MOST_IMAGES:,} at most")
    return images
