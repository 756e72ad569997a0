"""Interpolation: what needs no training. torch has three kernels of it, Pillow the fourth."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.lab.libraries import library
from hypernet.superres.core.grids import WHOLE, Window, axes

Kernel = Literal["nearest", "bilinear", "bicubic", "lanczos"]


class Resampling(nn.Module):
    """A small image interpolated at any pixel centres of it; beyond its border the border is repeated.

    The three kernels of torch are those of ``interpolate`` with ``align_corners=False`` and no smoothing; ``lanczos``
    is Pillow's ``resize``, in double precision's place float32 (mode F).

    Args:
        kernel: ``nearest``, ``bilinear``, ``bicubic`` or ``lanczos``.
    """

    def __init__(self, kernel: Kernel):
        super().__init__()
        self.kernel = kernel

    def forward(self, low: Tensor, rows: int, columns: int, window: Window = WHOLE) -> Tensor:
        """``[B, h, w]`` to ``[B, rows, columns]`` of a window of the image."""
        if self.kernel == "lanczos":
            return self._pillow(low, rows, columns, window)
        vertical, horizontal = axes(rows, columns, window)
        grid = torch.stack(torch.meshgrid(horizontal, vertical, indexing="xy"), dim=-1).to(low)
        sampled = F.grid_sample(
            low.unsqueeze(1),
            grid.expand(len(low), -1, -1, -1),
            mode=self.kernel,
            padding_mode="border",
            align_corners=False,
        )
        return sampled.squeeze(1)

    def _pillow(self, low: Tensor, rows: int, columns: int, window: Window) -> Tensor:
        image = library("PIL.Image", "Pillow", "superres")
        height, width = low.shape[1:]
        box = (window.left * width, window.top * height, window.right * width, window.bottom * height)
        resized = [
            np.asarray(image.fromarray(picture).resize((columns, rows), image.Resampling.LANCZOS, box=box))
            for picture in low.float().cpu().numpy()
        ]
        return torch.from_numpy(np.stack(resized)).to(low)
