"""NMP-Edge as published, and its control: as many parameters as the hypernetwork, none of them generated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.lab.runs.models import count_parameters
from hypernet.molecules.core.network import MessagePassing, Sizes, StateChange, perceptron

# Up to which all is widened; a file may claim any size, and each width is tried.
MOST_CHANNELS = 1_024


class PlainChange(StateChange):
    """Equation 2: linear, ssp, linear of the message, with weights of its own for every round.

    Args:
        channels: C.
        steps: T.
        hidden: entries between the two; C in the published network.
    """

    def __init__(self, channels: int, steps: int, hidden: int):
        super().__init__()
        self.layers = nn.ModuleList(perceptron(channels, hidden, channels) for _ in range(steps))

    @torch.no_grad()
    def scale(self, step: int, factor: float) -> None:
        """See ``StateChange``."""
        layers = self.layers[step]
        assert isinstance(layers, nn.Sequential)
        last = layers[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(factor)

    def forward(self, step: int, numbers: Tensor, first: Tensor, state: Tensor, message: Tensor) -> Tensor:
        """See ``StateChange``."""
        return self.layers[step](message)


def nmp_edge(sizes: Sizes) -> MessagePassing:
    """The published network: h^{t+1} = h^t + S_t(m^{t+1})."""
    return MessagePassing(sizes, PlainChange(sizes.channels, sizes.steps, sizes.channels))


def nmp_wide(sizes: Sizes, parameters: int) -> MessagePassing:
    """The published network, widened.

    Args:
        sizes: of the network that it is the control of.
        parameters: how many it is to have: all states, edges and layers are as wide as fits, and what then is missing
            goes into the hidden layers of the state changes.
    """
    channels = sizes.channels
    while channels < MOST_CHANNELS and count_parameters(nmp_edge(sizes._replace(channels=channels + 1))) <= parameters:
        channels += 1
    wide = sizes._replace(channels=channels)
    missing = parameters - count_parameters(nmp_edge(wide))
    hidden = channels + round(missing / (sizes.steps * (2 * channels + 1)))
    return MessagePassing(wide, PlainChange(channels, sizes.steps, hidden))
