"""The hypernetwork: f looks at an atom's state and writes the weights of the network that changes that state.

    theta_v^t = f(c h_v^0 + (1 - c) h_v^t)                          (eq. 3; at t = 0 it is f(h_v^0))
    h_v^{t+1} = h_v^t + g_theta(m_v^{t+1}),    g(m) = tanh(W2 tanh(W1 m)),   theta = (W1, W2)      (eq. 4)

One f and one c for all rounds. Nachmani and Wolf, "Molecule Property Prediction and Classification with Graph
Hypernetworks", arXiv 2002.00240; sizes of f and g after third parties' code, see docs/molecules.md.
"""

from __future__ import annotations

import abc
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from hypernet.layers import FunctionalMLP, WeightHeads, tanh
from hypernet.layers.heads import Form
from hypernet.molecules.core.elements import QM9_ELEMENTS
from hypernet.molecules.core.network import MessagePassing, ShiftedSoftplus, Sizes, StateChange

Start = Literal["hyperfan", "xavier"]
Output = Literal["tanh", "linear"]


# Numbers from which on the layers' tanh makes up for its longer start.
MANY = 2**15
# Numbers of all atoms' weights in a round, above which they are not written down for the backward pass, even where that
# would be the quicker way.
MOST_WRITTEN = 2**25


class Tanh(nn.Module):
    """The hyperbolic tangent, whichever is the quicker on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """In any shape."""
        return tanh(x) if x.numel() > MANY else torch.tanh(x)


class Features(nn.Module):
    """All of f but its last layer: tanh layers without biases, ``[A, C]`` to ``[A, F]``."""

    def __init__(self, channels: int, width: int, layers: int):
        super().__init__()
        sizes = [channels] + [width] * layers
        self.layers = nn.ParameterList()
        self.tanh = Tanh()
        for inputs, outputs in pairwise(sizes):
            weight = nn.Parameter(torch.empty(outputs, inputs))
            nn.init.xavier_uniform_(weight)
            self.layers.append(weight)

    def forward(self, state: Tensor) -> Tensor:
        """See the class."""
        for weight in self.layers:
            state = self.tanh(state @ weight.mT)
        return state


class WrittenChange(StateChange):
    """A state change whose network is written for every atom: what forms of it share.

    Args:
        network: g.
        features: all of f but its last layer; one for all rounds, or one for each.
        heads: likewise, its last layer.
        mix: c at the start; None: drawn, and learned within [0, 1].

    Attributes:
        mix: c.
        form: how g is computed, see ``WeightHeads.run``.
    """

    def __init__(self, network: FunctionalMLP, features: nn.ModuleList, heads: nn.ModuleList, mix: float | None):
        super().__init__()
        self.network, self.features, self.heads = network, features, heads
        self.mix = nn.Parameter(torch.rand(()) if mix is None else torch.tensor(float(mix)), requires_grad=mix is None)
        self.form: Form = "auto"

    def _heads(self, step: int) -> WeightHeads:
        heads = self.heads[step % len(self.heads)]
        assert isinstance(heads, WeightHeads)
        return heads

    @abc.abstractmethod
    def fresh_heads(self, feature_mean_square: float) -> WeightHeads:
        """Heads at their start.

        Args:
            feature_mean_square: of f's features.
        """

    @torch.no_grad()
    def begin(self, embedding: Tensor) -> None:
        """Start the heads, for features of the size that f has for the elements.

        Args:
            embedding: of the elements, ``[n, C]``.
        """
        for place in range(len(self.heads)):
            features: Tensor = self.features[place % len(self.features)](embedding)
            self.heads[place] = self.fresh_heads(float(features.square().mean()))

    def project(self) -> None:
        """Bring c back into [0, 1]: a clip in the forward pass would have no gradient outside of it."""
        self.mix.data.clamp_(0, 1)

    def described(self, step: int, first: Tensor, state: Tensor) -> Tensor:
        """Features of each atom from which the weights are written in a round, ``[A, F]``."""
        seen: Tensor = self.features[step % len(self.features)](torch.lerp(state, first, self.mix))
        return seen

    def theta(self, step: int, first: Tensor, state: Tensor) -> Tensor:
        """Weights written for each atom in a round, ``[A, N]``."""
        written: Tensor = self._heads(step)(self.described(step, first, state))
        return written

    def forward(self, step: int, numbers: Tensor, first: Tensor, state: Tensor, message: Tensor) -> Tensor:
        """See ``StateChange``."""
        heads = self._heads(step)
        if step == 0:
            # All states are the first ones: the atoms of an element share their weights, which are written once.
            places, example = by_element(numbers)
            features = self.described(step, first[example], state[example])
            grouped = message.new_zeros(len(example), int(places[1].max()) + 1, message.shape[1])
            return heads.run(self.network, grouped.index_put(places, message), features, "whole")[places]
        features = self.described(step, first, state)
        form = self.form
        if form == "auto" and len(state) * heads.parameter_count > MOST_WRITTEN:
            form = "factored"
        return heads.run(self.network, message.unsqueeze(1), features, form).squeeze(1)


class GeneratedChange(WrittenChange):
    """Equations 3 and 4: all of g is written.

    Args:
        channels: C.
        steps: T.
        width: F, of f's layers.
        layers: of f before its last.
        hidden: entries between W1 and W2.
        mix: see ``WrittenChange``.
        per_step: whether every round has an f of its own.
        start: of the heads. ``hyperfan``: generated weights have the size of an ordinary network's, after Chang, Flokas
            and Lipson (2020). ``xavier``: the heads are Glorot's linear layers, as in third parties' code; generated
            weights are then many times too small.
        output: what follows W2.
    """

    # Messages of the size of an ordinary number grow within some steps until both tanh are saturated for good.
    levelled = False

    def __init__(
        self,
        channels: int,
        steps: int,
        width: int,
        layers: int,
        hidden: int,
        mix: float | None,
        per_step: bool,
        start: Start,
        output: Output,
    ):
        network = FunctionalMLP(
            (channels, hidden, channels),
            Tanh(),
            bias=False,
            output_activation=Tanh() if output == "tanh" else None,
        )
        features = [Features(channels, width, layers) for _ in range(steps if per_step else 1)]
        heads = [WeightHeads(width, network, shared_base=False) for _ in features]
        super().__init__(network, nn.ModuleList(features), nn.ModuleList(heads), mix)
        self.start, self.width = start, width

    def scale(self, step: int, factor: float) -> None:
        """See ``StateChange``: its size is what the start of the heads says."""

    def fresh_heads(self, feature_mean_square: float) -> WeightHeads:
        """See ``WrittenChange``."""
        heads = WeightHeads(self.width, self.network, feature_mean_square=feature_mean_square, shared_base=False)
        if self.start == "xavier":
            nn.init.xavier_uniform_(heads.weight)
        return heads


class DeviatingChange(WrittenChange):
    """NMP-Edge's own state change, shared by all atoms, and what f writes for each atom added to its weights.

        h_v^{t+1} = h_v^t + S(m_v^{t+1}; theta_0^t + H^t f(c h_v^0 + (1 - c) h_v^t))

    With H = 0 it is equation 2. f's layers and c are shared by the rounds, each of which has its own theta_0 and H.

    Args:
        channels: C.
        steps: T.
        width: F, of f's layers.
        layers: of f before its last.
        mix: see ``WrittenChange``.
        share: of the weights' variance at the start that f supplies.
    """

    def __init__(self, channels: int, steps: int, width: int, layers: int, mix: float | None, share: float):
        network = FunctionalMLP((channels, channels, channels), ShiftedSoftplus(), bias=True)
        heads = [_ordinary(width, network, 1.0, share) for _ in range(steps)]
        super().__init__(network, nn.ModuleList([Features(channels, width, layers)]), nn.ModuleList(heads), mix)
        self.width, self.share = width, share

    @torch.no_grad()
    def scale(self, step: int, factor: float) -> None:
        """See ``StateChange``: the last matrix; the bias that is written, which is small, keeps its size."""
        last = next(part.span for part in self.network.parts if part.name == "1.weight")
        heads = self._heads(step)
        for written in (heads.weight, heads.bias):
            assert written is not None
            written[last].mul_(factor)

    def fresh_heads(self, feature_mean_square: float) -> WeightHeads:
        """See ``WrittenChange``."""
        return _ordinary(self.width, self.network, feature_mean_square, self.share)


def _ordinary(width: int, network: FunctionalMLP, feature_mean_square: float, share: float) -> WeightHeads:
    return WeightHeads(width, network, start="ordinary", feature_mean_square=feature_mean_square, generated_share=share)


def by_element(numbers: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Where each atom stands in a table with a row for every element there is.

    Args:
        numbers: atomic numbers, ``[A]``, of one atom or more.

    Returns:
        row and column of each atom, ``[A]``, and one atom of each row.
    """
    _, row, count = numbers.unique(return_inverse=True, return_counts=True)
    order = row.argsort(stable=True)
    starts = count.cumsum(0) - count
    column = torch.empty_like(row)
    column[order] = torch.arange(len(row), device=row.device) - starts[row[order]]
    return (row, column), order[starts]


def hyper_message_passing(sizes: Sizes, change: WrittenChange) -> MessagePassing:
    """The whole network, its heads started from its embedding of the elements of QM9."""
    network = MessagePassing(sizes, change)
    if not network.embedding.weight.is_meta:
        change.begin(network.embedding.weight[list(QM9_ELEMENTS)])
    return network
