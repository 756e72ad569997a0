"""A free program's automatic mode, in the place of the talk's Lightroom column: ImageMagick, where it is installed."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.retouch.core.functions import Retouching
from hypernet.retouch.core.metrics import rounded

# Its name since version 7, and before.
COMMANDS = ("magick", "convert", "convert-im6")
SECONDS = 60


class ImageMagick(Retouching):
    """`-auto-level -auto-gamma`, or other options of ImageMagick that look at the image alone.

    Args:
        options: of the command line.
    """

    def __init__(self, options: list[str]):
        super().__init__()
        self.options = options

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``.

        Raises:
            UserError: ImageMagick is not installed, or failed.
        """
        levels = rounded(images.permute(0, 2, 3, 1).cpu().numpy())
        made = np.stack([self._retouched(image) for image in levels])
        return torch.from_numpy(made).to(images).div(255).permute(0, 3, 1, 2)

    def _retouched(self, image: np.ndarray) -> np.ndarray:
        rows, columns = image.shape[:2]
        size = f"{columns}x{rows}"
        raw = ["-depth", "8", "-size", size]
        command = [program(), *raw, "rgb:-", *self.options, "-depth", "8", "rgb:-"]
        answer = subprocess.run(command, input=image.tobytes(), capture_output=True, timeout=SECONDS, check=False)
        if answer.returncode or len(answer.stdout) != image.size:
            reason = answer.stderr.decode(errors="replace").strip().splitlines() or ["no image came back"]
            raise UserError(f"{command[0]}: {reason[0][:200]}")
        return np.frombuffer(answer.stdout, dtype=np.uint8).reshape(image.shape)


def program() -> str:
    """ImageMagick's command.

    Raises:
        UserError: it is not installed.
    """
    for command in COMMANDS:
        # Other programs have the name `convert` too.
        path = shutil.which(command)
        if path is not None and b"Version: ImageMagick" in _version(path):
            return path
    raise UserError("imagemagick: the program is not installed; install ImageMagick or leave the row out")


def _version(path: str) -> bytes:
    answer = subprocess.run([path, "--version"], capture_output=True, timeout=SECONDS, check=False)
    return answer.stdout if not answer.returncode else b""
