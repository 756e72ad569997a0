"""A personal style: maps that depend on a photograph by few numbers alone, so that a few pairs can tell them.

    M = sum over k of (W_k s + b_k) P_k,    s: the 27 statistics,  P_k: the monomials after a normalisation k

A normalisation is an affine map of each channel that follows from the thumbnail; so the whole is one quadratic map.
What a person does to a pale photograph and to one of full contrast is often alike once both have the same range of
levels: then five pairs are enough for a good b_k, where W_k alone would need hundreds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hypernet.retouch.core.colour_map import LUMA
from hypernet.retouch.core.functions import GlobalMap
from hypernet.retouch.core.statistics import STATISTICS, statistics
from hypernet.retouch.core.stretch import LEAST_SPAN, Expansion, stretch_of

# The method's id in model files, and the side of its thumbnails.
STYLE, THUMBNAIL = "style", 64
# What ``middle`` aims at, about the mean and the standard deviation of photographs, and how far it goes.
MEAN, SPREAD, SHARE = 0.45, 0.22, 0.5
# Gains and offsets of each channel, [B, 3] each.
Levels = tuple[Tensor, Tensor]


def _as_they_are(thumbnails: Tensor) -> Levels:
    gains = thumbnails.new_ones(thumbnails.shape[:2])
    return gains, torch.zeros_like(gains)


def _full_range_of_luma(thumbnails: Tensor) -> Levels:
    luma = torch.tensordot(thumbnails, thumbnails.new_tensor(LUMA), dims=([1], [0]))
    return stretch_of(luma.unsqueeze(1).expand_as(thumbnails))


def _towards_the_middle(thumbnails: Tensor) -> Levels:
    values = thumbnails.flatten(2)
    gains = SPREAD / values.std(dim=2, correction=0).clamp(min=LEAST_SPAN)
    return 1 - SHARE + SHARE * gains, SHARE * (MEAN - values.mean(dim=2) * gains)


# none; the extremes of each channel become 0 and 1; those of the luma do, with the same gain and offset for all
# channels; each channel goes half the way to a common mean and standard deviation.
NORMALISATIONS: dict[str, Callable[[Tensor], Levels]] = {
    "none": _as_they_are,
    "levels": stretch_of,
    "luma_levels": _full_range_of_luma,
    "middle": _towards_the_middle,
}


class StyleMaps(GlobalMap):
    """M of each image from its statistics, as above; W_k is given none outside the range that it was fitted in.

    Args:
        normalisations: names of ``NORMALISATIONS``.

    Raises:
        ValueError: none, the same twice, or an unknown name.
    """

    weight: Tensor
    bias: Tensor
    least: Tensor
    largest: Tensor

    def __init__(self, normalisations: Sequence[str]):
        super().__init__()
        names = list(normalisations)
        if not names or len({*names}) < len(names) or not {*names} <= {*NORMALISATIONS}:
            raise ValueError(f"normalisations {names}: accepted: {', '.join(NORMALISATIONS)}, each at most once")
        self.normalisations = names
        numbers = self.map.parameter_count
        self.register_buffer("weight", torch.zeros(len(names), numbers, STATISTICS))
        self.register_buffer("bias", torch.zeros(len(names), numbers))
        self.register_buffer("least", torch.full((STATISTICS,), -1.0))
        self.register_buffer("largest", torch.full((STATISTICS,), 1.0))

    def expansions(self, thumbnails: Tensor) -> Tensor:
        """P of each normalisation, double ``[B, K, 10, 10]``: squared gains of a pale photograph nearly cancel."""
        expansion, given = _expansion(thumbnails.device), thumbnails.double()
        return torch.stack([expansion(*NORMALISATIONS[name](given)) for name in self.normalisations], dim=1)

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        limited = statistics(thumbnails).clamp(self.least, self.largest).double()
        written = torch.einsum("kns,bs->bkn", self.weight.double(), limited) + self.bias.double()
        matrices = written.unflatten(2, self.map.start.shape) @ self.expansions(thumbnails)
        return matrices.sum(dim=1).to(thumbnails)


@functools.cache
def _expansion(device: torch.device) -> Expansion:
    # Apart from the modules: its tables are in no model file.
    return Expansion("quadratic").to(device)
