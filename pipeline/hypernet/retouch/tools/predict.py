"""Retouched images of images that are arrays already: arrays in, arrays out. `apply` takes photographs and films."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, check_outputs, option_file
from hypernet.lab.inputs.arrays import ENDINGS, arrays_of

if TYPE_CHECKING:
    from hypernet.retouch.trained import Retoucher

IMAGES = "images"
SMALLEST_SIDE = 8
ACCEPTED = (
    "accepted: float in [0, 1] or uint8, [B, rows, columns, 3] or [rows, columns, 3], "
    f"{SMALLEST_SIDE} x {SMALLEST_SIDE} and larger"
)


def predict(images: np.ndarray | str | Path, *, model: Retoucher | str | Path) -> np.ndarray:
    """Retouch images, each by itself.

    Args:
        images: sRGB-encoded, float in [0, 1] or uint8, ``[B, H, W, 3]`` or ``[H, W, 3]``; or the path of such an array:
            .npy, or .npz with ``images``.
        model: a trained method, or the path of its ``model.ckpt``.

    Returns:
        ``[B, H, W, 3]``: uint8 of uint8, otherwise float32 in [0, 1].

    Raises:
        UserError: the images or the model cannot be read, or the images do not fit.

    Example:
        >>> retouched = hypernet.retouch.predict(images, model="model.ckpt")  # doctest: +SKIP
    """
    name = "images"
    if isinstance(images, str | Path):
        name, images = str(images), arrays_of(Path(images), (IMAGES,), "uibf")[IMAGES]
    given = _checked(name, np.asarray(images))
    from hypernet.retouch.trained import open_model

    retoucher = open_model(model) if isinstance(model, str | Path) else model
    try:
        return np.stack([retoucher.retouch(image) for image in given])
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _checked(name: str, images: np.ndarray) -> np.ndarray:
    """Images uint8 or float32, ``[B, H, W, 3]``.

    Raises:
        UserError: another shape or type, or numbers out of range.
    """
    if images.ndim == 3:
        images = images[None]
    fits = images.ndim == 4 and len(images) > 0 and images.shape[3] == 3 and min(images.shape[1:3]) >= SMALLEST_SIDE
    if not fits or (images.dtype != np.uint8 and images.dtype.kind != "f"):
        raise UserError(f"{name}: {images.dtype} {list(images.shape)}; {ACCEPTED}")
    if images.dtype == np.uint8:
        return images
    least, most = float(images.min()), float(images.max())
    # False too where one of them is not a number.
    if not (least >= 0 and most <= 1):
        raise UserError(f"{name}: values from {least:g} to {most:g}; {ACCEPTED} (divide by the level of white)")
    return images.astype(np.float32, copy=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet retouch predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="float in [0, 1] or uint8 [B, rows, columns, 3], sRGB-encoded: .npy, or .npz with the array images",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="write the same shape and type here: .npy, or .npz with the array retouched",
    )


def run(arguments: argparse.Namespace) -> None:
    """Retouch the images of a file, and write them."""
    for option in ("images", "out"):
        option_file(option, getattr(arguments, option), *ENDINGS)
    check_outputs([("out", arguments.out)], [arguments.images, arguments.model])
    made = predict(arguments.images, model=arguments.model)
    with atomic_path(arguments.out) as temporary:
        if arguments.out.suffix == ".npy":
            np.save(temporary, made)
        else:
            np.savez_compressed(temporary, retouched=made)
    rows, columns = made.shape[1:3]
    print(f"{len(made):,} image{'s' if len(made) > 1 else ''} of {columns} x {rows} pixels: {arguments.out}")
