"""Forecast images that are numbers already: an array of grey levels in, an array out. `nowcast` reads radar files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.radar.core.frames import INPUTS

if TYPE_CHECKING:
    from hypernet.radar.trained import Forecaster

# Numbers of all images together: 1 GiB. A header of a few bytes may claim any size.
MOST_NUMBERS = 2**28


def predict(images: np.ndarray | str | Path, *, model: Forecaster | str | Path) -> np.ndarray:
    """Forecast the next image of each sample.

    Args:
        images: grey levels (dBZ / 70) in [0, 1], four images one step apart: ``[B, 4, H, W]`` or ``[4, H, W]``, or the
            path of such an array (.npy). H and W are at least the size that the model looks at. The step is that of
            the images that the model was trained on; of methods that look for motion themselves it may be any.
        model: a trained method, or the path of its ``model.ckpt``.

    Returns:
        grey levels float32 ``[B, H, W]``, one step after the last image.

    Raises:
        UserError: the images or the model cannot be read, or the images do not fit.

    Example:
        >>> next_images = hypernet.radar.predict(frames, model="model.ckpt")
    """
    from hypernet.radar.trained import open_model

    if isinstance(images, str | Path):
        name, frames = str(images), _read(Path(images))
    else:
        name, frames = "images", np.asarray(images)
    frames = _checked(name, frames)
    forecaster = open_model(model) if isinstance(model, str | Path) else model
    smallest = forecaster.geometry.size
    if min(frames.shape[2:]) < smallest:
        raise UserError(
            f"{name}: images of {frames.shape[2]} x {frames.shape[3]} pixels; accepted: at least {smallest}"
        )
    try:
        return forecaster.field()(frames)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="samples of four images, grey levels (dBZ / 70) in [0, 1]: .npy [B, 4, H, W]",
    )
    parser.add_argument("--out", type=Path, required=True, help="write the next images here: .npy [B, H, W]")


def run(arguments: argparse.Namespace) -> None:
    """Forecast the images of a file, and write the next ones."""
    for option in ("images", "out"):
        path = getattr(arguments, option)
        if path.suffix != ".npy":
            raise UserError(f"--{option} {path}: the name must end in .npy")
        if path.is_dir():
            raise UserError(f"--{option} {path}: this is a folder; name a file")
    forecast = predict(arguments.images, model=arguments.model)
    with atomic_path(arguments.out) as temporary:
        np.save(temporary, forecast)
    print(f"{len(forecast)} images forecast: {arguments.out}")


def _read(path: Path) -> np.ndarray:
    """The array of a file, not yet in memory."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of images")
    try:
        with np.errstate(all="ignore"):
            return np.load(path, allow_pickle=False, mmap_mode="r")
    except (ValueError, OSError, EOFError, OverflowError, MemoryError, SyntaxError, TypeError) as error:
        raise UserError(f"{path}: not an array of numpy ({' '.join(str(error).split())[:120]})") from None


def _checked(name: str, frames: np.ndarray) -> np.ndarray:
    """Grey levels float32 ``[B, 4, H, W]``."""
    if not isinstance(frames, np.ndarray):
        raise UserError(f"{name}: several arrays; accepted: one array (.npy)")
    if frames.ndim == 3:
        frames = frames[None]
    if frames.dtype.kind != "f" or frames.ndim != 4 or frames.shape[1] != INPUTS or not len(frames):
        raise UserError(f"{name}: {frames.dtype} {list(frames.shape)}; accepted: real numbers [B, {INPUTS}, H, W]")
    if frames.size > MOST_NUMBERS:
        raise UserError(f"{name}: {frames.size:,} numbers; accepted: {MOST_NUMBERS:,} at most")
    frames = np.asarray(frames, dtype=np.float32)
    outside = ~((frames >= 0) & (frames <= 1))
    if outside.any():
        place = np.argwhere(outside)[0].tolist()
        raise UserError(
            f"{name}: {frames[tuple(place)]} at {place} is no grey level; accepted: 0 to 1 (dBZ / 70), none missing"
        )
    return frames
