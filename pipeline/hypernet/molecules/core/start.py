"""A start at which distances are heard: every edge state, message and state change of the size of an ordinary number.

With Glorot's weights alone each shifted softplus halves what passes through it, and a message sums products of such
small numbers: networks then spend a third of a short training on a plateau on which they know the formula alone.
Layer by layer the weights are scaled until what comes out has the wanted size (Mishkin and Matas, "All You Need is a
Good Init", ICLR 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor

from hypernet.molecules.core.graphs import Batch
from hypernet.molecules.core.network import EdgeUpdate, Message, MessagePassing

# Root mean squares: of edge states and messages, and of what a round adds to a state, whose own is about as large.
EDGE, MESSAGE, CHANGE = 1.0, 1.0, 0.5


@torch.no_grad()
def level(network: MessagePassing, batch: Batch) -> None:
    """Scale the starting weights of a network in place.

    Args:
        network: untrained.
        batch: molecules with edges, some tens of them.
    """
    sender, receiver = batch.sender, batch.receiver
    distances = batch.distances()
    edge, share = network.gaussians(distances), network.fading(distances)
    first = network.embedding(batch.numbers)
    state = first
    for step, message in enumerate(network.messages):
        assert isinstance(message, Message)
        if network.sizes.edge_update:
            update = network.edge_updates[step]
            assert isinstance(update, EdgeUpdate)
            edge = update(state, edge, sender, receiver)
            edge = edge * _scaled(update.out.weight, edge, EDGE)
        made = message(state, edge, share, sender, receiver)
        made = made * _scaled(message.project.weight, made, MESSAGE)
        change = network.change(step, batch.numbers, first, state, made)
        factor = CHANGE / _size(change)
        network.change.scale(step, factor)
        state = state + factor * change


def _scaled(weight: Tensor, made: Tensor, wanted: float) -> float:
    """Scale weights so that what they make has the wanted size, and return by what."""
    factor = wanted / _size(made)
    weight.mul_(factor)
    return factor


def _size(values: Tensor) -> float:
    """Root mean square; 1 of nothing but zeros."""
    size = float(values.square().mean().sqrt())
    return size if size > 0 else 1.0
