"""3D-R2N2 for one view: a residual encoder, one step of its 3-D convolutional GRU, a residual voxel decoder.

C. B. Choy et al., "3D-R2N2: A Unified Approach for Single and Multi-view 3D Object Reconstruction" (ECCV 2016), the
residual GRU variant: a port of its layers. With one view the GRU makes one step from a state of zero.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.shapes.core.encoder import CHANNELS, as_channels
from hypernet.shapes.core.networks import VoxelDecoder

CELLS = 4
SLOPE = 0.1
# Their threshold on the probability.
THRESHOLD = 0.4


class PooledEncoder(nn.Module):
    """Six stages of two convolutions with a shortcut and a pooling each, then one fully connected layer.

    Args:
        channels: of the stages.
        kernel: of the very first convolution; all others have 3.
        size: entries of the feature vector.
        image_size: pixels of the square image.
    """

    def __init__(self, channels: list[int], kernel: int, size: int, image_size: int):
        super().__init__()
        self.size = size
        self.stages = nn.ModuleList()
        self.shortcuts = nn.ModuleList()
        given, side = CHANNELS, image_size
        for stage, out in enumerate(channels):
            first = kernel if stage == 0 else 3
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(given, out, first, padding=first // 2),
                    nn.LeakyReLU(SLOPE),
                    nn.Conv2d(out, out, 3, padding=1),
                    nn.LeakyReLU(SLOPE),
                )
            )
            # The first and the fourth stage have none in the original; elsewhere a 1x1 convolution where widths differ.
            self.shortcuts.append(nn.Conv2d(given, out, 1) if stage not in (0, 3) else nn.Identity())
            given, side = out, -(-side // 2)
        self.size = size
        self.last = nn.Linear(given * side * side, size)

    def forward(self, images: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]`` to ``[B, size]``."""
        hidden = as_channels(images)
        for stage, shortcut in zip(self.stages, self.shortcuts, strict=True):
            changed = stage(hidden)
            if not isinstance(shortcut, nn.Identity):
                changed = changed + shortcut(hidden)
            hidden = F.max_pool2d(changed, 2, ceil_mode=True)
        return F.leaky_relu(self.last(hidden.flatten(1)), SLOPE)


class RecurrentVoxelDecoder(VoxelDecoder):
    """The GRU's step on 4³ cells, then residual convolutions between doublings of the side.

    Args:
        size: entries of the feature vector.
        channels: of the GRU's state and of the stages at sides 8, 16, 32.
    """

    def __init__(self, size: int, channels: list[int]):
        super().__init__()
        state = channels[0]
        self.state = state
        # From a state of zero the reset gate has nothing to reset: h = u * tanh(W x), u = sigmoid(W_u x).
        self.update = nn.Linear(size, state * CELLS**3)
        self.candidate = nn.Linear(size, state * CELLS**3)
        self.stages = nn.ModuleList()
        self.shortcuts = nn.ModuleList()
        given = state
        for out in channels[1:]:
            self.stages.append(
                nn.Sequential(
                    nn.Conv3d(given, out, 3, padding=1),
                    nn.LeakyReLU(SLOPE),
                    nn.Conv3d(out, out, 3, padding=1),
                    nn.LeakyReLU(SLOPE),
                )
            )
            self.shortcuts.append(nn.Conv3d(given, out, 1))
            given = out
        self.last = nn.Conv3d(given, 1, 3, padding=1)

    def forward(self, embedding: Tensor) -> Tensor:
        """See ``VoxelDecoder``."""
        state = torch.sigmoid(self.update(embedding)) * torch.tanh(self.candidate(embedding))
        hidden = state.view(-1, self.state, CELLS, CELLS, CELLS)
        for stage, shortcut in zip(self.stages, self.shortcuts, strict=True):
            hidden = F.interpolate(hidden, scale_factor=2, mode="nearest")
            hidden = stage(hidden) + shortcut(hidden)
        # Inside where the probability is above 0.4, so that the logit's level is 0 as everywhere here.
        return self.last(hidden).squeeze(1) - torch.logit(torch.tensor(THRESHOLD))
