"""The functional decoder g(p; θ): a network of some thousand weights that says of a point whether it is inside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.layers import FunctionalMLP

# What a field is: points float32 [n, 3] in [-1, 1]^3 to logits [n]; inside where the logit is positive.
Field = Callable[[np.ndarray], np.ndarray]
# Points that go through a network at once: their activations stay in the processor's cache.
POINTS_AT_ONCE = 2**14


def functional_decoder(width: int = 32, layers: int = 6) -> FunctionalMLP:
    """The network g of the paper: 3 - width - ... - width - 1 with ELU, a gain and a bias in every layer.

    Layer l of one image's network is h ← ELU((h W_l) ∘ (1 + s_l) + b_l), without ELU after the last one. Width 32 and
    6 layers are 4,546 weights (Littwin and Wolf 2019, their configuration "resnet_5").

    Args:
        width: of the hidden layers.
        layers: number of dense layers.
    """
    # Coordinates are uniform in [-1, 1]: their mean square is 1/3.
    return FunctionalMLP((3, *[width] * (layers - 1), 1), nn.ELU(), gain=True, input_mean_square=1 / 3)


@torch.inference_mode()
def logits_on(decode: Callable[[Tensor], Tensor], points: np.ndarray) -> np.ndarray:
    """Logits of many points, some at a time.

    Args:
        decode: ``[1, n, 3]`` to ``[1, n]``.
        points: ``[..., 3]``.

    Returns:
        float32 ``[...]``.
    """
    flat = torch.from_numpy(np.ascontiguousarray(points, dtype=np.float32)).reshape(1, -1, 3)
    pieces = [decode(piece) for piece in flat.split(POINTS_AT_ONCE, dim=1)]
    whole = torch.cat(pieces, dim=1) if pieces else flat.new_zeros(1, 0)
    return whole.reshape(points.shape[:-1]).cpu().numpy()


def field_of_network(network: nn.Module) -> Field:
    """The field of an ordinary network ``[n, 3] -> [n, 1]``, such as an exported one."""
    return lambda points: logits_on(lambda piece: network(piece[0])[None, :, 0], points)
