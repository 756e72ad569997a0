"""The hyper-graph-network decoder, and the same decoder without its hypernetwork.

Nachmani & Wolf, "Hyper-Graph-Network Decoders for Block Codes", NeurIPS 2019, arXiv 1909.09036.
The symbols are the paper's: x the check-to-variable messages, f the hypernetwork, g the variable update whose
weights theta f emits.

    x^1          plain belief propagation on the channel values clipped to +-10
    theta^j      = f(|x^j|)                                   one pair (theta_1, theta_2) per word and round
    q~_e         = tanh( tanh(u_e theta_1) theta_2 ),         u_e = (the other messages at v, l_v)
    x^{j+1}_e    = 2 A_q( product of the others' q~ )         A_q: arctanh series cut after q = 1005
    o^{j+1}_v    = l_v + sum of x^{j+1} at v

g is odd and has no biases, and f sees only |x|: decoding therefore commutes with flipping the signs of the
channel values by a code word, and training on the all-zero word is training on all words.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hypernet.codes.core.arctanh import truncated_arctanh
from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.codes.core.message_passing import Decoder, check_update, twice_arctanh
from hypernet.layers.activations import tanh

CHANNEL_LIMIT = 10.0


class PairWeights(nn.Module):
    """A trained factor p[e, e'] on every message that edge e reads from edge e' of the same variable; starts at 1.

    The official code trains the mask of the variable update; whether the paper does is not known.

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


class VariableUpdate(nn.Module):
    """The two-layer network g at every variable node, given its weights.

    Args:
        graph: the Tanner graph.
        pair_weights: train a factor per ordered pair of edges as well (see :class:`PairWeights`).
    """

    def __init__(self, graph: TannerGraph, pair_weights: bool):
        super().__init__()
        self.graph = graph
        self.pairs = PairWeights(graph) if pair_weights else None

    def forward(self, llr: Tensor, x: Tensor, theta_1: Tensor, theta_2: Tensor) -> Tensor:
        """Variable-to-check messages in the tanh domain.

        Args:
            llr: channel values ``[n, B]``.
            x: check-to-variable messages ``[E, B]``.
            theta_1: first layer ``[E + 1, H, B]`` (or ``[E + 1, H, 1]`` where all words share it).
            theta_2: second layer ``[H, B]`` (or ``[H, 1]``).

        Returns:
            q~, ``[E, B]``, between -1 and 1.
        """
        graph = self.graph
        products = x[:, None, :] * theta_1[:-1]
        skip = llr[:, None, :] * theta_1[-1]
        if self.pairs is None:
            # The sum over the other edges is the sum over all edges less one's own term.
            hidden = graph.to_edges(graph.sum_at_variables(products) + skip) - products
        else:
            hidden = self.pairs(products) + graph.to_edges(skip)
        return tanh((tanh(hidden) * theta_2).sum(dim=1))


class WeightGenerator(nn.Module):
    """The hypernetwork f: |x| -> (theta_1, theta_2).

    Four tanh layers and two linear heads, no biases, Xavier uniform initialisation.

    Args:
        edges: E.
        f_hidden: width of the four hidden layers.
        g_hidden: H, the hidden width of the network whose weights are emitted.
        absolute: f sees ``|x|``. Without it, an ablation, training on the zero word teaches the zero word only.
    """

    LAYERS = 4

    def __init__(self, edges: int, f_hidden: int, g_hidden: int, absolute: bool = True):
        super().__init__()
        self.edges, self.g_hidden, self.absolute = edges, g_hidden, absolute
        widths = [edges] + [f_hidden] * self.LAYERS
        shapes = [(wide_out, wide_in) for wide_in, wide_out in itertools.pairwise(widths)]
        self.layers = nn.ParameterList(nn.Parameter(torch.empty(shape)) for shape in shapes)
        self.head_1 = nn.Parameter(torch.empty((edges + 1) * g_hidden, f_hidden))
        self.head_2 = nn.Parameter(torch.empty(g_hidden, f_hidden))
        for weight in self.parameters():
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Emit the weights for every word: ``[E, B] -> ([E + 1, H, B], [H, B])``."""
        h = x.abs() if self.absolute else x
        for weight in self.layers:
            h = tanh(weight @ h)
        theta_1 = (self.head_1 @ h).view(self.edges + 1, self.g_hidden, -1)
        return theta_1, self.head_2 @ h


class StaticWeights(nn.Module):
    """The weights of g as plain parameters, the same for every word: the decoder without a hypernetwork.

    It starts near belief propagation: the hidden units all read the plain sum of the messages at slopes spread
    around 1/8, and are averaged to a slope of 1/2 = that of tanh(q/2). From a Xavier start it never gets there in
    a short training, so this is the start that serves the baseline best.

    Args:
        edges: E.
        g_hidden: H, the hidden width of g.
    """

    def __init__(self, edges: int, g_hidden: int):
        super().__init__()
        self.g_hidden = g_hidden
        slopes = torch.logspace(-0.3, 0.3, g_hidden)
        slopes = 0.125 * slopes / slopes.mean()
        self.theta_1 = nn.Parameter(slopes[None, :, None].repeat(edges + 1, 1, 1))
        self.theta_2 = nn.Parameter(torch.full((g_hidden, 1), 4.0 / g_hidden))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The same weights whatever the messages: ``[E, B] -> ([E + 1, H, 1], [H, 1])``."""
        del x
        return self.theta_1, self.theta_2


class GraphNetworkDecoder(Decoder):
    """Message passing whose variable update is the network g with weights from ``weights``.

    Args:
        graph: the Tanner graph.
        iterations: L; one round of belief propagation and L - 1 rounds of g, all with the same f.
        weights: maps messages ``[E, B]`` to (theta_1, theta_2); has ``g_hidden``, the H of their shapes.
        pair_weights: see :class:`PairWeights`.
        exact_arctanh: an ablation, arctanh itself in place of the series cut after q = 1005.
        damping: f sees c x^1 + (1 - c) x^j with a trained c between 0 and 1, in place of x^j. Not in the official code
            of this decoder; from the gated decoder of Nachmani & Wolf 2020, arXiv 1911.03229.
    """

    def __init__(
        self,
        graph: TannerGraph,
        iterations: int,
        weights: WeightGenerator | StaticWeights,
        pair_weights: bool,
        exact_arctanh: bool = False,
        damping: bool = False,
    ):
        # theta_1, its products with x, their sums, and the tanh of those.
        super().__init__(graph, iterations, width=4 * weights.g_hidden)
        self.weights = weights
        self.variable_update = VariableUpdate(graph, pair_weights)
        self.exact_arctanh = exact_arctanh
        # c is the sigmoid of it and starts at 1/2.
        self.damping = nn.Parameter(torch.zeros(())) if damping else None

    def messages(self, llr: Tensor) -> Iterator[Tensor]:
        """Yield x ``[E, B]`` after each check update; see :class:`Decoder`."""
        graph = self.graph
        x = check_update(graph, tanh(0.5 * graph.to_edges(llr.clamp(-CHANNEL_LIMIT, CHANNEL_LIMIT))))
        first = x
        yield x
        for _ in range(self.iterations - 1):
            seen = x if self.damping is None else torch.lerp(x, first, torch.sigmoid(self.damping))
            q = self.variable_update(llr, x, *self.weights(seen))
            product = graph.product_of_others(q)
            x = twice_arctanh(product) if self.exact_arctanh else 2.0 * truncated_arctanh(product)
            yield x
