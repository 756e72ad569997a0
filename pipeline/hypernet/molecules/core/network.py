"""NMP-Edge, message passing with edge updates, but for what changes an atom's state: that is what methods differ in.

    h_v^0        = table[z_v]
    e_vw^t       = E_t([h_w; h_v; e_vw])          e_vw before the first: Gaussians of the distance
    m_v^{t+1}    = sum over w of (P_t h_w) * G_t(e_vw^t)                                   (eq. 1 of the talk)
    h_v^{t+1}    = h_v^t + S_t(h_v^0, h_v^t, m_v^{t+1})                                    (eq. 2, or eq. 3 and 4)
    y            = sum or mean over v of readout(h_v^T)

Jørgensen, Jacobsen and Schmidt, "Neural Message Passing with Edge Updates for Predicting Properties of Molecules and
Materials", arXiv 1806.03146; sizes and starts after the authors' code, msgnet.
"""

from __future__ import annotations

import abc
import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.molecules.core.elements import TABLE_SIZE
from hypernet.molecules.core.graphs import Batch


class Sizes(NamedTuple):
    """What all message passing here shares.

    Attributes:
        channels: C, entries of a state.
        steps: T, rounds of messages.
        cutoff: Å: farther atoms send nothing.
        spacing: Å between the centres of the Gaussians, which is their width too.
        envelope: whether messages fade to nothing at the cutoff, as a cosine: then the output is continuous in the
            positions, which forces need.
        edge_update: whether edges have states of their own (NMP-Edge), or stay Gaussians of their distance.
        average: whether atoms' parts are averaged and not added.
    """

    channels: int
    steps: int
    cutoff: float
    spacing: float
    envelope: bool
    edge_update: bool
    average: bool


class StateChange(nn.Module, abc.ABC):
    """What a round of messages makes of the states of atoms."""

    # Whether `start.level` may give messages and changes another size than Glorot's start does.
    levelled: ClassVar[bool] = True

    @abc.abstractmethod
    def scale(self, step: int, factor: float) -> None:
        """Multiply what is added in a round by a factor, at the start."""

    @abc.abstractmethod
    def forward(self, step: int, numbers: Tensor, first: Tensor, state: Tensor, message: Tensor) -> Tensor:
        """What is added to the state.

        Args:
            step: t, from 0.
            numbers: atomic numbers, ``[A]``, of which h^0 is made.
            first: h^0, ``[A, C]``.
            state: h^t.
            message: m^{t+1}.
        """

    def project(self) -> None:  # most have nothing to bring back
        """Bring parameters back into their range, after a step of the optimiser."""


def shifted_softplus(x: Tensor) -> Tensor:
    """ssp(x) = ln(1 + exp x) - ln 2."""
    return F.softplus(x).sub_(math.log(2))


class ShiftedSoftplus(nn.Module):
    """:func:`shifted_softplus` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """In any shape."""
        return shifted_softplus(x)


def glorot(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """A linear layer that starts with Glorot's uniform weights and biases of zero."""
    layer = nn.Linear(inputs, outputs, bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Linear, ssp, linear."""
    return nn.Sequential(glorot(inputs, hidden), ShiftedSoftplus(), glorot(hidden, outputs))


class Gaussians(nn.Module):
    """exp(-(d - mu_k)^2 / (2 s^2)) with mu_k from 0 to the cutoff, s apart.

    Args:
        cutoff: Å.
        spacing: s, Å.
    """

    def __init__(self, cutoff: float, spacing: float):
        super().__init__()
        self.spacing = spacing
        self.count = max(2, math.ceil(cutoff / spacing - 1e-9))

    def forward(self, distances: Tensor) -> Tensor:
        """``[E]`` to ``[E, K]``."""
        # Made anew each time: a network whose weights come from a file has no memory for them before.
        centres = torch.arange(self.count, device=distances.device, dtype=distances.dtype) * self.spacing
        apart = (distances[:, None] - centres) / self.spacing
        # Smaller numbers than exp(-60) change no sum, and denormal ones are many times as slow.
        return torch.exp((-0.5 * apart.square()).clamp(min=-60))


class EdgeUpdate(nn.Module):
    """E_t: linear of ``[h_w; h_v; e]`` to 2C, ssp, linear to C.

    The first layer is three: what atoms give is computed once for each atom, not for each of its edges.
    """

    def __init__(self, channels: int, edge_size: int):
        super().__init__()
        whole = glorot(2 * channels + edge_size, 2 * channels)
        self.channels = channels
        self.weight, self.bias = whole.weight, whole.bias
        self.out = glorot(2 * channels, channels)

    def forward(self, state: Tensor, edge: Tensor, sender: Tensor, receiver: Tensor) -> Tensor:
        """States ``[A, C]`` and edges ``[E, d]`` to edges ``[E, C]``."""
        return self.out(self.hidden(state, edge, sender, receiver))

    def hidden(self, state: Tensor, edge: Tensor, sender: Tensor, receiver: Tensor) -> Tensor:
        """What comes before the last layer, ``[E, 2C]``."""
        of_sender, of_receiver, of_edge = self.weight.split([self.channels, self.channels, edge.shape[1]], dim=1)
        sent = F.linear(state, of_sender).index_select(0, sender)
        received = F.linear(state, of_receiver, self.bias).index_select(0, receiver)
        return shifted_softplus(F.linear(edge, of_edge).add_(sent).add_(received))


class Message(nn.Module):
    """m_v = sum over w of (P h_w) * G(e_vw); G is linear, ssp, linear, ssp."""

    def __init__(self, channels: int, edge_size: int):
        super().__init__()
        self.project = glorot(channels, channels, bias=False)
        self.gate = perceptron(edge_size, channels, channels)

    def forward(
        self,
        state: Tensor,
        edge: Tensor,
        share: Tensor | None,
        sender: Tensor,
        receiver: Tensor,
        before: nn.Linear | None = None,
    ) -> Tensor:
        """Messages, ``[A, C]``.

        Args:
            state: of the atoms, ``[A, C]``.
            edge: ``[E, d]``.
            share: what the envelope leaves of each, ``[E, 1]``.
            sender: of each, ``[E]``.
            receiver: of each, ``[E]``.
            before: a layer that the edges have yet to go through: with the gate's first one it is a single product.
        """
        first, activation, second = self.gate
        assert isinstance(first, nn.Linear)
        if before is None:
            gate = first(edge)
        else:
            gate = F.linear(edge, first.weight @ before.weight, torch.addmv(first.bias, first.weight, before.bias))
        gate = shifted_softplus(second(activation(gate)))
        if share is not None:
            gate = gate * share
        sent = self.project(state).index_select(0, sender) * gate
        # In the precision of the states, also where products are made in a lower one.
        return torch.zeros_like(state).index_add(0, receiver, sent.to(state.dtype))


class MessagePassing(nn.Module):
    """The whole network.

    Args:
        sizes: of it.
        change: what makes new states of messages.
    """

    def __init__(self, sizes: Sizes, change: StateChange):
        super().__init__()
        channels = sizes.channels
        self.sizes = sizes
        self.embedding = nn.Embedding(TABLE_SIZE, channels)
        nn.init.normal_(self.embedding.weight, std=channels**-0.25)
        self.gaussians = Gaussians(sizes.cutoff, sizes.spacing)
        first = self.gaussians.count
        edge_sizes = [first] + [channels if sizes.edge_update else first] * sizes.steps
        self.edge_updates = nn.ModuleList(
            EdgeUpdate(channels, edge_sizes[step]) for step in range(sizes.steps if sizes.edge_update else 0)
        )
        self.messages = nn.ModuleList(Message(channels, edge_sizes[step + 1]) for step in range(sizes.steps))
        self.change = change
        self.readout = perceptron(channels, channels // 2, 1)

    def forward(self, batch: Batch) -> Tensor:
        """The normalised property of every molecule, ``[M]``."""
        return self.pooled(self.atoms(batch), batch)

    def pooled(self, parts: Tensor, batch: Batch) -> Tensor:
        """What atoms' parts ``[A]`` come to, ``[M]``."""
        parts = parts.to(batch.positions.dtype)
        total = parts.new_zeros(batch.size).index_add(0, batch.molecule, parts)
        if not self.sizes.average:
            return total
        return total / torch.bincount(batch.molecule, minlength=batch.size).clamp(min=1)

    def atoms(self, batch: Batch) -> Tensor:
        """Each atom's part, ``[A]``."""
        return self.readout(self.states(batch)[-1]).squeeze(1)

    def fading(self, distances: Tensor) -> Tensor | None:
        """What the envelope leaves of a message over each distance, ``[E]`` to ``[E, 1]``; None without one."""
        if not self.sizes.envelope:
            return None
        return 0.5 * (torch.cos(distances * (math.pi / self.sizes.cutoff)) + 1)[:, None]

    def states(self, batch: Batch) -> list[Tensor]:
        """States of all atoms before the first round and after each, T + 1 of ``[A, C]``."""
        sizes, sender, receiver = self.sizes, batch.sender, batch.receiver
        distances = batch.distances()
        edge = self.gaussians(distances)
        share = self.fading(distances)
        first = self.embedding(batch.numbers)
        states = [first]
        for step, message in enumerate(self.messages):
            state = states[-1]
            if not sizes.edge_update:
                made = message(state, edge, share, sender, receiver)
            elif step < sizes.steps - 1:
                edge = self.edge_updates[step](state, edge, sender, receiver)
                made = message(state, edge, share, sender, receiver)
            else:
                # Nobody but the message looks at the last states of edges.
                update = self.edge_updates[step]
                assert isinstance(update, EdgeUpdate)
                hidden = update.hidden(state, edge, sender, receiver)
                made = message(state, hidden, share, sender, receiver, update.out)
            states.append(state + self.change(step, batch.numbers, first, state, made))
        return states
