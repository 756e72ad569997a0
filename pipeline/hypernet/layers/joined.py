"""Several generated networks whose weights one hypernetwork writes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from hypernet.layers.layout import Layout
from hypernet.layers.module import GeneratedModule


class Joined(GeneratedModule):
    """Several generated networks as one, such as a recurrent unit and the layers that read its states.

    θ holds the members' parameters one after the other, each in the member's order. A part's name is the member's name,
    a dot, and its name there. What the members have to do with each other is up to the caller, who takes each one's
    parameters from :meth:`split`; :meth:`forward` is for members that stand side by side.

    Args:
        members: the networks by name, in the order of θ.

    Raises:
        ValueError: if there is no member.

    >>> from hypernet.layers import GeneratedGRU, GeneratedLinear
    >>> unit, head = GeneratedGRU(3, 4), GeneratedLinear(4, 2)
    >>> both = Joined({"unit": unit, "head": head})
    >>> [part.name for part in both.parts][-3:], both.parameter_count == unit.parameter_count + head.parameter_count
    (['unit.hidden_bias', 'head.weight', 'head.bias'], True)
    >>> theta = both.split(both.ordinary().expand(8, -1))  # the parameters of eight units and eight heads
    >>> head(unit(torch.randn(8, 5, 3), theta["unit"]), theta["head"]).shape
    torch.Size([8, 5, 2])
    """

    def __init__(self, members: Mapping[str, GeneratedModule]):
        super().__init__()
        if not members:
            raise ValueError("there must be one member or more")
        self.members = nn.ModuleDict(dict(members))
        self._counts = {name: member.parameter_count for name, member in members.items()}
        self.layout = Layout(
            [replace(part, name=f"{name}.{part.name}") for name, member in members.items() for part in member.parts]
        )

    def split(self, parameters: Tensor) -> dict[str, Tensor]:
        """Every member's parameters by name, [B, N of the member], as views of the flat vectors.

        Args:
            parameters: θ, [B, N].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        self.layout.check(parameters)
        return dict(zip(self._counts, parameters.split(list(self._counts.values()), dim=1), strict=True))

    def forward(self, inputs: Tensor | Mapping[str, Tensor], parameters: Tensor) -> dict[str, Any]:
        """Every member on its inputs: what each returns, by name.

        Args:
            inputs: x of every member by name, or one [B, ...] that all of them read.
            parameters: θ, [B, N].

        Raises:
            ValueError: if `parameters` is not [B, N].
            KeyError: if a member has no inputs.
        """
        return {
            name: self.members[name](inputs if isinstance(inputs, Tensor) else inputs[name], theta)
            for name, theta in self.split(parameters).items()
        }

    def ordinary(self) -> Tensor:
        """θ of members that each start as an ordinary module would, [N]."""
        return torch.cat([member.ordinary() for member in self._networks().values()])

    def export(self, parameters: Tensor) -> nn.ModuleDict:
        """One sample's networks, [N], by name, each as its member exports it.

        Raises:
            ValueError: if `parameters` is not [N].
        """
        if parameters.shape != (self.parameter_count,):
            raise ValueError(
                f"one sample's parameters must have the shape [{self.parameter_count}], got {list(parameters.shape)}"
            )
        theta = self.split(parameters[None])
        return nn.ModuleDict({name: member.export(theta[name][0]) for name, member in self._networks().items()})

    def _networks(self) -> dict[str, GeneratedModule]:
        return {name: member for name, member in self.members.items() if isinstance(member, GeneratedModule)}
