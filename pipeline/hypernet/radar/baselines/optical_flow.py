"""Optical flow: Lucas and Kanade's motion field and semi-Lagrangian extrapolation, both by pysteps.

(Pulkkinen et al., "Pysteps", Geoscientific Model Development 12, 2019.) No row of the talk's table: what the field
uses today, by the library that it uses.
"""

from __future__ import annotations

import contextlib
import io
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Geometry


class OpticalFlow(nn.Module):
    """The forecast of pysteps: ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``; nothing in it is trained.

    Raises:
        UserError: pysteps or OpenCV is not installed.
    """

    def __init__(self, geometry: Geometry):
        super().__init__()
        self.margin = geometry.margin
        library()

    def forward(self, frames: Tensor) -> Tensor:
        """The centres of the next images, ``[B, N - 2 m, N - 2 m]``."""
        inner = slice(self.margin, frames.shape[-1] - self.margin)
        return torch.from_numpy(next_fields(frames.cpu().numpy())).to(frames.device)[:, inner, inner]


def next_fields(frames: np.ndarray) -> np.ndarray:
    """The next field of every sample.

    Args:
        frames: grey levels float32 ``[B, T, H, W]``, two or more equally far apart in time.

    Returns:
        float32 ``[B, H, W]``; 0 where the motion comes from outside the field.

    Raises:
        UserError: pysteps or OpenCV is not installed.
    """
    return np.stack([extrapolated(sample, 1)[0] for sample in frames]) if len(frames) else frames[:, -1].copy()


def extrapolated(
    frames: np.ndarray, steps: int, known: np.ndarray | None = None, motion: np.ndarray | None = None
) -> np.ndarray:
    """The next fields along the motion of the last ones.

    Args:
        frames: grey levels ``[T, H, W]``, two or more equally far apart in time.
        steps: how many.
        known: pixels with data, bool, the same shape; see ``velocity``.
        motion: what ``velocity`` gave for the same images, so that it is not looked for twice.

    Returns:
        float32 ``[steps, H, W]``; 0 where the motion comes from outside the field.

    Raises:
        UserError: pysteps or OpenCV is not installed.
    """
    pysteps = library()
    last = np.asarray(frames[-1], dtype=np.float64)
    rows, columns = velocity(frames, known) if motion is None else motion
    if not rows.any() and not columns.any():
        return np.repeat(last[None], steps, axis=0).astype(np.float32)
    fields = pysteps.nowcasts.get_method("extrapolation")(last, np.stack([columns, rows]), steps)
    return np.nan_to_num(fields, nan=0.0).astype(np.float32)


def velocity(frames: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """The motion of every pixel in one step, by Lucas and Kanade's method: southwards and eastwards, ``[2, H, W]``.

    Without rain in two images in a row there is no motion to be found, and the library has failed on it: it is 0.

    Args:
        frames: grey levels ``[T, H, W]``.
        known: pixels with data, bool, the same shape. Images without any have no say, nor have pixels without.

    Raises:
        UserError: pysteps or OpenCV is not installed.
    """
    pysteps = library()
    frames = np.asarray(frames, dtype=np.float64)
    known = np.ones(frames.shape, dtype=bool) if known is None else known
    some = _longest_run((frames * known > 0).any(axis=(1, 2)))
    if some.stop - some.start < 2:
        return np.zeros((2, *frames.shape[1:]))
    images = frames[some]
    seen = images if known[some].all() else np.ma.masked_array(images, ~known[some])
    columns, rows = pysteps.motion.get_method("LK")(seen)
    return np.stack([rows, columns])


def _longest_run(wet: np.ndarray) -> slice:
    """The longest run of images with rain, of several the last."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], wet, [False]]).astype(np.int8)))
    runs = [slice(int(first), int(end)) for first, end in zip(ends[::2], ends[1::2], strict=True)]
    return max(reversed(runs), key=lambda run: run.stop - run.start, default=slice(0, 0))


def library() -> ModuleType:
    """Import pysteps, where it is used: it takes seconds, and prints where its settings are.

    Raises:
        UserError: it is not installed, or OpenCV, which its Lucas-Kanade method asks for only when it is called.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import cv2  # noqa: F401 (only to know that it is there)
            import pysteps.motion
            import pysteps.nowcasts
    except ImportError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f'pysteps cannot be used ({reason}): pip install "hypernet[peers]"') from None
    return pysteps
