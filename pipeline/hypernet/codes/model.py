"""The hyper-graph-network decoder, the same decoder without its hypernetwork, and its control.

Nachmani & Wolf, "Hyper-Graph-Network Decoders for Block Codes", NeurIPS 2019, arXiv 1909.09036.
The symbols are the paper's: x the check-to-variable messages, f the hypernetwork, g the variable update whose
weights theta f emits.

    x^1          plain belief propagation on the channel values l, which are clipped to +-10 wherever they stand
    theta^j      = f(|x^j|)                                   one pair (theta_1, theta_2) per word and round
    q~_e         = tanh( tanh(u_e theta_1) theta_2 ),         u_e = (the other messages at v, l_v)
    x^{j+1}_e    = 2 A_q( product of the others' q~ )         A_q: arctanh series cut after q = 1005
    o^{j+1}_v    = l_v + sum of x^{j+1} at v

g is odd and has no biases, and f sees only |x|: decoding therefore commutes with flipping the signs of the
channel values by a code word, and training on the all-zero word is training on all words.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hypernet.codes.core.arctanh import truncated_arctanh
from hypernet.codes.core.checks import twice_arctanh
from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.codes.core.message_passing import Decoder, check_update, half_tanh, known
from hypernet.layers.activations import tanh
from hypernet.layers.heads import WeightHeads
from hypernet.layers.initialisation import activation_gain
from hypernet.layers.layout import Layout
from hypernet.layers.module import GeneratedModule

CHANNEL_LIMIT = 10.0
# Here, not where it is used: a decoder is opened on torch's meta device, which has no numbers to integrate.
_TANH_GAIN = activation_gain(torch.tanh)


class VariableUpdate(GeneratedModule):
    """The network g at every variable node: q~_e = tanh( tanh(u_e theta_1) theta_2 ).

    u_e = (the other messages at e's variable v, l_v) has an entry for every edge, most of them zero, and is never
    made. Theta holds theta_1 [E + 1, H], the last row for the channel value, and theta_2 [H]. Words are the last axis,
    of the inputs and of theta: every weight is multiplied by something of every word.

    Args:
        graph: the Tanner graph.
        hidden: H.
    """

    def __init__(self, graph: TannerGraph, hidden: int):
        super().__init__()
        self.graph, self.hidden = graph, hidden
        # An edge of a variable of degree d reads d - 1 messages and a channel value: the mean of d over the edges.
        degree = graph.variable_of_edge.bincount()
        fan_in = max(1, round(int(degree.square().sum()) / max(1, graph.edges)))
        self.layout = Layout(
            [
                ("theta_1", "weight", (graph.edges + 1, hidden), fan_in, 1 / fan_in),
                ("theta_2", "weight", (hidden,), hidden, _TANH_GAIN**2 / hidden),
            ]
        )

    def forward(
        self,
        inputs: Tensor,
        parameters: Tensor,
        others: Callable[[Tensor], Tensor] | None = None,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Variable-to-check messages in the tanh domain.

        Args:
            inputs: check-to-variable messages x over channel values l, ``[E + n, B]``.
            parameters: theta, ``[N, B]`` (or ``[N, 1]`` where all words share it).
            others: how the messages on the other edges of a variable are added, ``[E, H, B] -> [E, H, B]``; their plain
                sum by default.
            offset: c, ``[E, H, B]``, moves the hidden units apart: the mean of tanh(u_e theta_1 + c) and
                tanh(u_e theta_1 - c) takes the place of tanh(u_e theta_1), and the update stays odd.

        Returns:
            q~, ``[E, B]``, between -1 and 1.

        Raises:
            ValueError: theta has another length.
        """
        graph = self.graph
        x, llr = inputs.split([graph.edges, graph.variables])
        for_messages, for_channel, theta_2 = self._split(parameters)
        products = x[:, None, :] * for_messages
        skip = llr[:, None, :] * for_channel
        if others is None:
            # The sum over the other edges is the sum over all edges less one's own term. In place: memory is the limit.
            hidden = graph.to_edges(graph.sum_at_variables(products, onto=skip)).sub_(products)
        else:
            hidden = others(products) + graph.to_edges(skip)
        units = tanh(hidden) if offset is None else 0.5 * (tanh(hidden + offset) + tanh(hidden - offset))
        return tanh((units * theta_2).sum(dim=1))

    def ordinary(self) -> Tensor:
        """Theta at random, of a size that keeps that of the messages, ``[N]``."""
        return torch.cat([torch.randn(part.size) * part.variance**0.5 for part in self.parts])

    @torch.no_grad()
    def export(self, parameters: Tensor) -> DenseUpdate:
        """One word's network, theta ``[N]``, as an ordinary module from ``[E + n, B]`` to ``[E, B]``.

        Raises:
            ValueError: theta is not ``[N]``.
        """
        return DenseUpdate(self.graph.variable_of_edge, **self.named(parameters))

    def unpack(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Theta ``[N, B]`` as theta_1 ``[E + 1, H, B]`` and theta_2 ``[H, B]``.

        Raises:
            ValueError: theta has another length.
        """
        for_messages, for_channel, theta_2 = self._split(parameters)
        return torch.cat([for_messages, for_channel[None]]), theta_2

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of theta_1 for the messages [E, H, B] and for the channel value [H, B], and theta_2 [H, B], as views."""
        if parameters.dim() != 2 or len(parameters) != self.parameter_count:
            raise ValueError(f"theta must have the shape [{self.parameter_count}, B], got {list(parameters.shape)}")
        # One split: its backward is one concatenation, where every slice would fill zeros around its gradient.
        rows = self.graph.edges * self.hidden
        for_messages, for_channel, theta_2 = parameters.split([rows, self.hidden, self.hidden])
        return for_messages.view(self.graph.edges, self.hidden, -1), for_channel, theta_2


class DenseUpdate(nn.Module):
    """g with weights of its own, over an E x E matrix of who reads whom: what :meth:`VariableUpdate.export` gives.

    Args:
        variable_of_edge: the variable of every edge, ``[E]``.
        theta_1: ``[E + 1, H]``.
        theta_2: ``[H]``.
    """

    reads: Tensor
    variable_of_edge: Tensor

    def __init__(self, variable_of_edge: Tensor, theta_1: Tensor, theta_2: Tensor):
        super().__init__()
        self.theta_1, self.theta_2 = nn.Parameter(theta_1), nn.Parameter(theta_2)
        reads = (variable_of_edge[:, None] == variable_of_edge).to(theta_1).fill_diagonal_(0)
        self.register_buffer("reads", reads)
        self.register_buffer("variable_of_edge", variable_of_edge.clone())

    def forward(self, inputs: Tensor) -> Tensor:
        """Messages over channel values ``[E + n, B]`` to q~ ``[E, B]``."""
        x, llr = inputs[: len(self.reads)], inputs[len(self.reads) :]
        hidden = torch.einsum("ef,fb,fh->ehb", self.reads, x, self.theta_1[:-1])
        hidden = hidden + llr[self.variable_of_edge][:, None, :] * self.theta_1[-1][:, None]
        return torch.tanh(torch.einsum("ehb,h->eb", torch.tanh(hidden), self.theta_2))


class PairWeights(nn.Module):
    """A trained factor p[e, e'] on every message that edge e reads from edge e' of the same variable; starts at 1.

    The official code trains the mask of the variable update; whether the paper does is not known. The factors are the
    same for every word, so they are none of the weights that f emits.

    Args:
        graph: the Tanner graph.
    """

    def __init__(self, graph: TannerGraph):
        super().__init__()
        self.sum = PairSum(graph)
        self.weight = nn.Parameter(torch.ones(len(self.sum.receiving)))

    def forward(self, products: Tensor) -> Tensor:
        """Weighted sum over the other edges of the variable: ``[E, H, B] -> [E, H, B]``."""
        total: Tensor = self.sum(self.weight, products)
        return total


class Trunk(nn.Module):
    """All of f but its last layer: features of a word's messages by four tanh layers without biases.

    Args:
        edges: E.
        width: F, of all four layers.
        absolute: it sees ``|x|``. Without it, an ablation, training on the zero word teaches the zero word only.
    """

    LAYERS = 4

    def __init__(self, edges: int, width: int, absolute: bool = True):
        super().__init__()
        self.absolute = absolute
        widths = [edges] + [width] * self.LAYERS
        shapes = [(wide_out, wide_in) for wide_in, wide_out in itertools.pairwise(widths)]
        self.layers = nn.ParameterList(nn.Parameter(torch.empty(shape)) for shape in shapes)
        for weight in self.layers:
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Messages ``[E, B]`` to features ``[F, B]``."""
        h = x.abs() if self.absolute else x
        for weight in self.layers:
            h = tanh(weight @ h)
        return h


class WeightGenerator(nn.Module):
    """The hypernetwork f: |x| -> theta; a :class:`Trunk` and a linear head for each part of g, without biases.

    Xavier uniform initialisation, as in the official code.

    Args:
        update: g.
        f_hidden: width of the trunk.
        absolute: see :class:`Trunk`.
    """

    def __init__(self, update: VariableUpdate, f_hidden: int, absolute: bool = True):
        super().__init__()
        self.update = update
        # What the heads draw is written over: it is not to use up the seed's numbers.
        with torch.random.fork_rng(devices=[]):
            self.heads = WeightHeads(f_hidden, update, samples_last=True, shared_base=False)
        with torch.no_grad():
            for part in update.parts:
                nn.init.xavier_uniform_(self.heads.weight[part.span])
        self.trunk = Trunk(update.graph.edges, f_hidden, absolute)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Theta of every word, and no offset: ``[E, B] -> [N, B]``."""
        return self.heads(self.trunk(x)), None


class StaticWeights(nn.Module):
    """The weights of g as plain parameters, the same for every word: the decoder without a hypernetwork.

    It starts near belief propagation: the hidden units all read the plain sum of the messages at slopes spread
    around 1/8, and are averaged to a slope of 1/2 = that of tanh(q/2). From a Xavier start it never gets there in
    a short training, so this is the start that serves the baseline best.

    Args:
        update: g.
    """

    def __init__(self, update: VariableUpdate):
        super().__init__()
        self.update = update
        hidden = update.hidden
        slopes = torch.logspace(-0.3, 0.3, hidden)
        slopes = 0.125 * slopes / slopes.mean()
        theta_1, theta_2 = slopes.repeat(update.graph.edges + 1), torch.full((hidden,), 4.0 / hidden)
        self.theta = nn.Parameter(torch.cat([theta_1, theta_2])[:, None])

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """The same theta whatever the messages, and no offset: ``[E, B] -> [N, 1]``."""
        del x
        return self.theta, None


class ConcatWeights(nn.Module):
    """The hypernetwork's control: its trunk and so its information, but joined to the inputs of a g of fixed weights.

    u_e is widened by a linear projection of the trunk's features, which every edge reads with weights of its own:

        c_e = W_e P features(|x|),      q~_e = tanh( (tanh(u_e theta_1 + c_e) + tanh(u_e theta_1 - c_e)) / 2 theta_2 )

    The mean is the odd part in u_e: without it features of magnitudes would break the symmetry. The projection is as
    wide as makes the number of parameters that of :class:`WeightGenerator`, nearest. It starts as
    :class:`StaticWeights` does, with P and W_e from Xavier's distribution (at c = 0 they would have no gradient).

    Args:
        update: g.
        f_hidden: width of the trunk.
        absolute: see :class:`Trunk`.
    """

    def __init__(self, update: VariableUpdate, f_hidden: int, absolute: bool = True):
        super().__init__()
        self.update = update
        self.trunk = Trunk(update.graph.edges, f_hidden, absolute)
        self.static = StaticWeights(update)
        units, written = update.graph.edges * update.hidden, update.parameter_count
        width = max(1, round(written * (f_hidden - 1) / (units + f_hidden)))
        self.projection = nn.Parameter(torch.empty(width, f_hidden))
        self.weight = nn.Parameter(torch.empty(units, width))
        for matrix in (self.projection, self.weight):
            nn.init.xavier_uniform_(matrix)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Theta ``[N, 1]`` of all words and the offsets c of every word, ``[E, H, B]``, from x ``[E, B]``."""
        offset = self.weight @ (self.projection @ self.trunk(x))
        return self.static.theta, offset.view(self.update.graph.edges, self.update.hidden, -1)


class GraphNetworkDecoder(Decoder):
    """Message passing whose variable update is the network g with weights from ``emitter``.

    Args:
        graph: the Tanner graph.
        iterations: L; one round of belief propagation and L - 1 rounds of g, all with the same f.
        emitter: maps messages ``[E, B]`` to theta and an offset or None; its ``update`` is g.
        pair_weights: see :class:`PairWeights`.
        exact_arctanh: an ablation, arctanh itself in place of the series cut after q = 1005.
        damping: f sees c x^1 + (1 - c) x^j with a trained c between 0 and 1, in place of x^j. Not in the official code
            of this decoder; from the gated decoder of Nachmani & Wolf 2020, arXiv 1911.03229.
    """

    def __init__(
        self,
        graph: TannerGraph,
        iterations: int,
        emitter: WeightGenerator | StaticWeights | ConcatWeights,
        pair_weights: bool,
        exact_arctanh: bool = False,
        damping: bool = False,
    ):
        # theta_1, its products with x, their sums, and the tanh of those.
        super().__init__(graph, iterations, CHANNEL_LIMIT, width=4 * emitter.update.hidden)
        self.emitter = emitter
        self.pairs = PairWeights(graph) if pair_weights else None
        self.exact_arctanh = exact_arctanh
        # c is the sigmoid of it and starts at 1/2.
        self.damping = nn.Parameter(torch.zeros(())) if damping else None

    def weights(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """For a look inside: theta_1 ``[E + 1, H, B]`` and theta_2 ``[H, B]`` at the messages x ``[E, B]``."""
        theta, _ = self.emitter(x)
        return self.emitter.update.unpack(theta)

    def update(self, llr: Tensor, messages: Tensor | None, iteration: int) -> Tensor:
        """X ``[E, B]``; see :class:`Decoder`."""
        finite = self.finite(llr)
        if messages is None:
            return self._first(llr, finite)
        seen = messages
        if self.damping is not None:
            seen = torch.lerp(messages, self._first(llr, finite), torch.sigmoid(self.damping))
        theta, offset = self.emitter(seen)
        q = self.emitter.update(torch.cat([messages, finite]), theta, self.pairs, offset)
        product = self.graph.product_of_others(known(self.graph, llr, q))
        return twice_arctanh(product) if self.exact_arctanh else 2.0 * truncated_arctanh(product)

    def _first(self, llr: Tensor, finite: Tensor) -> Tensor:
        """x^1 ``[E, B]`` from the channel values and the same with infinite ones made finite."""
        q = half_tanh(self.graph, llr, self.graph.to_edges(finite), self.largest_value)
        return check_update(self.graph, q, self.largest_value)
