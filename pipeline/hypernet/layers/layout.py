"""Which of the numbers in a flat parameter vector is which weight, bias or gain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor

Role = Literal["weight", "bias", "gain"]


@dataclass(frozen=True)
class Part:
    """One tensor of one layer, and where it stands in the flat vector.

    Attributes:
        layer: index of the layer, from 0.
        role: `weight` of shape (in, out), `bias` of shape (out,), or `gain` of shape (out,).
        shape: the tensor's shape for one sample.
        start: where it begins in the flat vector, row-major.
    """

    layer: int
    role: Role
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """How many numbers it takes."""
        return math.prod(self.shape)

    @property
    def span(self) -> slice:
        """The slice of the flat vector that holds it."""
        return slice(self.start, self.start + self.size)


class ParameterLayout:
    """The order of a multilayer perceptron's parameters in one flat vector.

    Layer after layer; in a layer the weight [in, out] row-major, then its bias [out], then its gain [out].

    Args:
        widths: inputs, hidden widths and outputs: two or more positive numbers.
        bias: whether every layer has a bias.
        gain: whether every layer has a gain.

    Attributes:
        widths: the widths, as a tuple.
        bias: whether every layer has a bias.
        parts: every `Part`, in order.
        size: N, the length of the flat vector.

    Raises:
        ValueError: if there are fewer than two widths or one is not positive.
    """

    def __init__(self, widths: Sequence[int], *, bias: bool = True, gain: bool = False):
        self.widths, self.bias = tuple(widths), bias
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths must be two or more positive numbers, got {list(self.widths)}")
        parts: list[Part] = []
        position = 0
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths)):
            shapes: dict[Role, tuple[int, ...]] = {"weight": (fan_in, fan_out)}
            if bias:
                shapes["bias"] = (fan_out,)
            if gain:
                shapes["gain"] = (fan_out,)
            for role, shape in shapes.items():
                parts.append(Part(layer, role, shape, position))
                position += parts[-1].size
        self.parts = tuple(parts)
        self.size = position

    def split(self, parameters: Tensor) -> list[dict[str, Tensor]]:
        """Return every layer's tensors by role, as views of the flat vectors.

        Args:
            parameters: [B, N], one flat vector per sample.

        Returns:
            One dictionary per layer: `weight` [B, in, out] and, where the layout has them, `bias` and `gain`
            [B, out].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        if parameters.dim() != 2 or parameters.shape[1] != self.size:
            raise ValueError(
                f"parameters must have the shape [B, {self.size}] for widths {list(self.widths)}, "
                f"got {list(parameters.shape)}"
            )
        layers: list[dict[str, Tensor]] = [{} for _ in self.widths[1:]]
        # One split: its backward is one concatenation. A slice per part would sum padded vectors of length N.
        pieces = parameters.split([part.size for part in self.parts], dim=1)
        for part, piece in zip(self.parts, pieces, strict=True):
            layers[part.layer][part.role] = piece.unflatten(1, part.shape)
        return layers

    def chunks(self, chunk_size: int) -> tuple[slice, ...]:
        """Return slices of at most `chunk_size` numbers that cover the flat vector once, in order.

        Raises:
            ValueError: if `chunk_size` is not positive.
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be positive, got {chunk_size}")
        return tuple(slice(start, min(start + chunk_size, self.size)) for start in range(0, self.size, chunk_size))
