"""Forecast images that are numbers already: an array of grey levels in, an array out. `nowcast` reads radar files."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.radar.core.frames import INPUTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="four images each, grey levels (dBZ / 70) in [0, 1]: .npy [B, 4, H, W]",
    )
    parser.add_argument("--out", type=Path, required=True, help="write the next images here: .npy [B, H, W]")


def run(arguments: argparse.Namespace) -> None:
    """Read the images, forecast the next ones, and write them."""
    from hypernet.radar.trained import open_model

    for option in ("images", "out"):
        path = getattr(arguments, option)
        if path.suffix != ".npy":
            raise UserError(f"--{option} {path}: the name must end in .npy")
        if path.is_dir():
            raise UserError(f"--{option} {path}: this is a folder; name a file")
    frames = _read(arguments.images)
    forecaster = open_model(arguments.model)
    smallest = forecaster.geometry.size
    if min(frames.shape[2:]) < smallest:
        raise UserError(
            f"{arguments.images}: images of {frames.shape[2]} x {frames.shape[3]} pixels; accepted: at least {smallest}"
        )
    try:
        forecast = forecaster.field()(frames)
    except UserError as error:
        raise UserError(f"{arguments.images}: {error}") from None
    with atomic_path(arguments.out) as temporary:
        np.save(temporary, forecast)
    print(f"{len(forecast)} images forecast: {arguments.out}")


def _read(path: Path) -> np.ndarray:
    """Grey levels float32 ``[B, 4, H, W]``."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of images")
    try:
        with np.errstate(all="ignore"):
            frames = np.load(path, allow_pickle=False, mmap_mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not an array of numpy ({' '.join(str(error).split())[:120]})") from None
    if frames.ndim == 3:
        frames = frames[None]
    if frames.dtype.kind != "f" or frames.ndim != 4 or frames.shape[1] != INPUTS or not len(frames):
        raise UserError(f"{path}: {frames.dtype} {list(frames.shape)}; accepted: real numbers [B, {INPUTS}, H, W]")
    frames = np.asarray(frames, dtype=np.float32)
    outside = ~((frames >= 0) & (frames <= 1))
    if outside.any():
        place = np.argwhere(outside)[0].tolist()
        raise UserError(
            f"{path}: {frames[tuple(place)]} at {place} is no grey level; accepted: 0 to 1 (dBZ / 70), none missing"
        )
    return frames
