"""What every generated network is: a module that owns no weights and reads them, per sample, from θ."""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor, nn

from hypernet.layers.layout import Layout, Part


class GeneratedModule(nn.Module, abc.ABC):
    """The network g(x; θ) of a hypernetwork, applied to a batch in which every sample brings its own θ.

    It has no parameters of its own: a base θ₀ that all samples share belongs to `WeightHeads`.

    Attributes:
        layout: the order of θ.
    """

    layout: Layout

    @property
    def parameter_count(self) -> int:
        """N, how many numbers a sample's network has."""
        return self.layout.size

    @property
    def parts(self) -> tuple[Part, ...]:
        """The tensors that θ is made of, in order."""
        return self.layout.parts

    def extra_repr(self) -> str:
        """The size, for printing."""
        return f"{self.parameter_count} generated weights"

    @abc.abstractmethod
    def forward(self, inputs: Tensor, parameters: Tensor) -> Any:
        """Apply every sample's network to that sample's inputs, without a loop over samples.

        Args:
            inputs: x, [B, ...].
            parameters: θ, [B, N].
        """

    @abc.abstractmethod
    def ordinary(self) -> Tensor:
        """θ of a network as an ordinary module would start, drawn anew at every call: [N]."""

    @abc.abstractmethod
    def export(self, parameters: Tensor) -> nn.Module:
        """One sample's network as an ordinary module that no longer needs this package.

        Args:
            parameters: θ of one sample, [N]; copied.

        Raises:
            ValueError: if `parameters` is not [N].
        """

    def named(self, parameters: Tensor) -> dict[str, Tensor]:
        """The tensors of one sample's network by name, copied.

        Args:
            parameters: θ of one sample, [N].

        Raises:
            ValueError: if `parameters` is not [N].
        """
        if parameters.shape != (self.parameter_count,):
            raise ValueError(
                f"one sample's parameters must have the shape [{self.parameter_count}], got {list(parameters.shape)}"
            )
        return {name: tensor[0].detach().clone() for name, tensor in self.layout.split(parameters[None]).items()}


def uniform(parts: tuple[Part, ...], bounds: dict[str, float]) -> Tensor:
    """θ whose parts are drawn from U(-bound, bound), [N]: how torch starts its own layers."""
    return torch.cat([torch.empty(part.size).uniform_(-bounds[part.name], bounds[part.name]) for part in parts])
