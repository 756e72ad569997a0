"""Which of the numbers in a flat vector θ is which weight of a generated network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

Role = Literal["weight", "bias", "gain"]


@dataclass(frozen=True)
class Part:
    """One tensor of a generated network, and where it stands in θ.

    Attributes:
        name: its name, unique in the network, e.g. ``0.weight``.
        role: `weight`, `bias`, or `gain` (a factor 1 + s on a layer's outputs).
        shape: the tensor's shape for one sample.
        start: where it begins in θ, row-major.
        fan_in: number of inputs that one output sums over; 0 for a bias or a gain.
        variance: of its entries around `mean`, at which the network starts as an ordinary one does.
        mean: of its entries at the start; 0 but for parts such as the scale of a norm.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    start: int
    fan_in: int
    variance: float
    mean: float = 0.0

    @property
    def size(self) -> int:
        """How many numbers it takes."""
        return math.prod(self.shape)

    @property
    def span(self) -> slice:
        """The slice of θ that holds it."""
        return slice(self.start, self.start + self.size)


class Layout:
    """The order of a generated network's numbers in θ: part after part, each row-major.

    Attributes:
        parts: every `Part`, in order.
        size: N, the length of θ.
    """

    def __init__(self, parts: Iterable[tuple[str, Role, tuple[int, ...], int, float] | Part]):
        """Take (name, role, shape, fan_in, variance) of every part, or parts wherever they start, in order.

        Raises:
            ValueError: if a size is not positive, or a name stands twice.
        """
        placed: list[Part] = []
        start = 0
        for entry in parts:
            part = entry if isinstance(entry, Part) else Part(*entry[:3], 0, *entry[3:])
            if not part.shape or min(part.shape) < 1:
                raise ValueError(f"every size of {part.name} must be positive, got {list(part.shape)}")
            placed.append(replace(part, start=start))
            start += placed[-1].size
        if len({part.name for part in placed}) < len(placed):
            raise ValueError(f"names must differ, got {[part.name for part in placed]}")
        self.parts, self.size = tuple(placed), start

    def check(self, parameters: Tensor) -> None:
        """Refuse what is not [B, N].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        if parameters.dim() != 2 or parameters.shape[1] != self.size:
            raise ValueError(f"parameters must have the shape [B, {self.size}], got {list(parameters.shape)}")

    def split(self, parameters: Tensor) -> dict[str, Tensor]:
        """Every part by name, [B, *shape], as views of the flat vectors.

        Args:
            parameters: θ, [B, N].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        self.check(parameters)
        # One split: its backward is one concatenation. A slice per part would sum padded vectors of length N.
        pieces = parameters.split([part.size for part in self.parts], dim=1)
        return {part.name: piece.unflatten(1, part.shape) for part, piece in zip(self.parts, pieces, strict=True)}

    def chunks(self, chunk_size: int) -> tuple[slice, ...]:
        """Slices of at most `chunk_size` numbers that cover θ once, in order.

        Raises:
            ValueError: if `chunk_size` is not positive.
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size must be positive, got {chunk_size}")
        return tuple(slice(start, min(start + chunk_size, self.size)) for start in range(0, self.size, chunk_size))
