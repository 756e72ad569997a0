"""The meta tree: a hypernetwork that reads a user's ratings and writes the user's decision tree.

Shulman & Wolf, "Meta Decision Trees for Explainable Recommendation Systems", AIES 2020, arXiv 1912.09140, Algorithm 1.
The symbols are the paper's: h embeds one rating, f emits the rule of an inner node, g the value of a leaf.

    h_i        = h([x_i, y_i])                                        one vector per rating i of the user
    r_all, r_I = mean of h_i over all ratings, over those that reached the node (zero where there are none)
    w, b, beta = f([r_I, r_all]),    u = softmax(T w)                 "soft"; "hard": the one-hot of its largest entry
    q          = sigmoid(beta (u . x + b))                            probability of going right
    value      = y_min + (y_max - y_min) sigmoid(g([r_I, r_all]))
    prediction = sum over leaves of value * product of q or 1 - q along the path

The tree is grown level by level for all users at once: nodes are numbered as in a heap, node k has the children
2k + 1 and 2k + 2. Ratings find their way by hard decisions (right where q > 1/2; a tie goes left) that
carry no gradient.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

# What becomes of q before a row goes down: nothing (soft routing), or rounded (hard).
Route = Callable[[Tensor], Tensor]


class Ratings(NamedTuple):
    """The ratings of B users in one flat list.

    Attributes:
        owner: which of the B users, int64 ``[N]``.
        x: standardised features of the items, ``[N, D]``.
        y: ratings ``[N]``.
    """

    owner: Tensor
    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Trees:
    """The generated trees of B users, complete to depth d: 2^d - 1 inner nodes and 2^d deepest ones, heap order.

    Attributes:
        raw: w of every inner node before the softmax, ``[B, 2^d - 1, D]``.
        direction: u, non-negative with sum 1, ``[B, 2^d - 1, D]``.
        offset: b, ``[B, 2^d - 1]``.
        slope: beta, ``[B, 2^d - 1]``.
        value: rating predicted at a node, ``[B, 2^(d+1) - 1]``; only leaves' values count.
        leaf: 1 where a node is a leaf of the tree, 0 elsewhere, ``[B, 2^(d+1) - 1]``; one on every path.
        count: number of the user's ratings that reached a node, ``[B, 2^(d+1) - 1]``.
    """

    raw: Tensor
    direction: Tensor
    offset: Tensor
    slope: Tensor
    value: Tensor
    leaf: Tensor
    count: Tensor

    def right(self, owner: Tensor, x: Tensor) -> Tensor:
        """q of rows at every inner node: ``owner [Q], x [Q, D] -> [Q, 2^d - 1]``."""
        score = (self.direction[owner] * x[:, None, :]).sum(dim=2) + self.offset[owner]
        return torch.sigmoid(self.slope[owner] * score)

    def reach(self, right: Tensor) -> Tensor:
        """Probability that a row comes to each node, leaf or not: ``[Q, 2^d - 1] -> [Q, 2^(d+1) - 1]``."""
        levels = [right.new_ones(len(right), 1)]
        for first, width in _levels(right.shape[1]):
            q = right[:, first : first + width]
            levels.append(torch.stack([levels[-1] * (1.0 - q), levels[-1] * q], dim=2).flatten(1))
        return torch.cat(levels, dim=1)

    def predict(self, owner: Tensor, right: Tensor) -> Tensor:
        """Ratings of rows of these owners, given q at every inner node: ``[Q], [Q, 2^d - 1] -> [Q]``.

        Pass q itself for soft routing, q rounded for hard routing.
        """
        return (self.reach(right) * (self.leaf * self.value)[owner]).sum(dim=1)

    def rate(self, owner: Tensor, x: Tensor, route: Route) -> Tensor:
        """Ratings of rows of these owners: ``[Q], [Q, D] -> [Q]``."""
        return self.predict(owner, route(self.right(owner, x)))


def round_through(right: Tensor) -> Tensor:
    """q rounded, with the gradient of q itself (straight-through; Bengio et al. 2013); 1/2 becomes 0, which is left."""
    return right.round() + (right - right.detach())


def off_diagonal_sum(raw: Tensor) -> Tensor:
    """R of one node: the magnitudes of w w^T off its diagonal, summed: (sum |w|)^2 - sum w^2, ``[..., D] -> [...]``."""
    return raw.abs().sum(dim=-1).square() - raw.square().sum(dim=-1)


def _levels(nodes: int) -> list[tuple[int, int]]:
    """First node and number of nodes of every level of the ``nodes`` = 2^d - 1 inner nodes."""
    levels, first = [], 0
    while first < nodes:
        levels.append((first, first + 1))
        first = 2 * first + 1
    return levels


class Rater(Protocol):
    """What a network makes of users' ratings."""

    def rate(self, owner: Tensor, x: Tensor, route: Route) -> Tensor:
        """See :class:`Trees`."""


class Reader(nn.Module, abc.ABC):
    """A network that reads users' ratings."""

    @abc.abstractmethod
    def grow(self, support: Ratings, users: int, one_attribute: bool) -> Rater:
        """Make of each user's ratings what predicts others."""


class TreeNetwork(Reader):
    """A network that reads users' ratings and writes their trees.

    Attributes:
        temperature: T, the sharpness of a rule's softmax.
    """

    temperature: float

    @abc.abstractmethod
    def grow(self, support: Ratings, users: int, one_attribute: bool) -> Trees:
        """Grow the trees of all users (Algorithm 1).

        Args:
            support: their ratings; every user has at least one.
            users: B.
            one_attribute: every rule asks about one attribute ("hard" u); otherwise about a mean of all.
        """

    @abc.abstractmethod
    def summary(self, support: Ratings, users: int) -> Tensor:
        """r_all, what the network makes of each user's ratings, ``[B, r]``."""


class MetaTree(TreeNetwork):
    """The three networks f, g, h and the growing of trees. Subclasses say when a path ends.

    Args:
        features: D.
        depth: d, rules on the longest path.
        embedding: r, the width of h.
        f_hidden: hidden width of f.
        g_hidden: hidden width of g.
        temperature: T.
        low: y_min, the smallest rating of the training data.
        high: y_max, the largest.
    """

    def __init__(
        self,
        features: int,
        depth: int,
        embedding: int,
        f_hidden: int,
        g_hidden: int,
        temperature: float,
        low: float,
        high: float,
    ):
        super().__init__()
        if features < 1 or depth < 1 or not low < high:
            raise ValueError(
                f"a meta tree needs features, depth >= 1 and low < high, got {features}, {depth}, {low}, {high}"
            )
        self.depth, self.temperature, self.low, self.high = depth, temperature, low, high
        self.h = nn.Sequential(
            nn.Linear(features + 1, embedding),
            nn.ReLU(inplace=True),
            nn.Linear(embedding, embedding),
            nn.ReLU(inplace=True),
            nn.Linear(embedding, embedding),
            nn.ReLU(inplace=True),
            nn.Linear(embedding, embedding),
        )
        self.f = nn.Sequential(nn.Linear(2 * embedding, f_hidden), nn.ReLU(), nn.Linear(f_hidden, features + 2))
        self.g = nn.Sequential(nn.Linear(2 * embedding, g_hidden), nn.ReLU(), nn.Linear(g_hidden, 1))

    @abc.abstractmethod
    def ends(self, count: Tensor) -> Tensor:
        """Whether inner nodes become leaves, given how many ratings their children got.

        Args:
            count: ``[B, nodes, 2]``, left and right.

        Returns:
            bool ``[B, nodes]``.
        """

    def direction(self, raw: Tensor, one_attribute: bool) -> Tensor:
        """u from w, ``[..., D] -> [..., D]``: the softmax, or its largest entry alone with the softmax's gradient."""
        p = torch.softmax(self.temperature * raw, dim=-1)
        if not one_attribute:
            return p
        chosen = torch.zeros_like(p).scatter_(-1, p.argmax(dim=-1, keepdim=True), 1.0)
        # In this order the added gradient path is exactly zero, so that u is exactly one-hot.
        return chosen + (p - p.detach())

    def grow(self, support: Ratings, users: int, one_attribute: bool) -> Trees:
        """See :class:`TreeNetwork`."""
        owner, x = support.owner, support.x
        z = self._embed(support)
        place = torch.zeros_like(owner)
        # At the root all ratings are at the node.
        r_all, count = self._pool(z, owner, users)
        r_chosen, count = r_all[:, None], count[:, None]
        # Only an ended path has leaves above the deepest level.
        open_paths = z.new_ones(users, 1)
        levels = []
        for level in range(self.depth):
            width = 2**level
            state = torch.cat([r_chosen, r_all[:, None].expand_as(r_chosen)], dim=2)
            raw, offset, slope = self.f(state).split([x.shape[1], 1, 1], dim=2)
            offset, slope = offset.squeeze(2), slope.squeeze(2)
            direction = self.direction(raw, one_attribute)
            with torch.no_grad():
                node = owner * width + place
                if one_attribute:
                    chosen = direction.argmax(dim=2).flatten()[node]
                    score = x.gather(1, chosen[:, None]).squeeze(1)
                else:
                    score = (direction.flatten(0, 1)[node] * x).sum(dim=1)
                goes_right = slope.flatten()[node] * (score + offset.flatten()[node]) > 0
                place = 2 * place + goes_right
                children = torch.bincount(owner * 2 * width + place, minlength=users * 2 * width)
                ended = self.ends(children.view(users, width, 2))
                leaf = open_paths * ended
                open_paths = (open_paths * ~ended).repeat_interleave(2, dim=1)
            value = self._value(state) if bool(ended.any()) else torch.zeros_like(offset)
            levels.append((raw, direction, offset, slope, value, leaf, count))
            pooled, count = self._pool(z, owner * 2 * width + place, users * 2 * width)
            r_chosen, count = pooled.view(users, 2 * width, -1), count.view(users, 2 * width)
        state = torch.cat([r_chosen, r_all[:, None].expand_as(r_chosen)], dim=2)
        parts = (torch.cat(part, dim=1) for part in zip(*levels, strict=True))
        raws, directions, offsets, slopes, value, leaf, counts = parts
        return Trees(
            raw=raws,
            direction=directions,
            offset=offsets,
            slope=slopes,
            value=torch.cat([value, self._value(state)], dim=1),
            leaf=torch.cat([leaf, open_paths], dim=1),
            count=torch.cat([counts, count], dim=1),
        )

    def summary(self, support: Ratings, users: int) -> Tensor:
        """See :class:`TreeNetwork`."""
        return self._pool(self._embed(support), support.owner, users)[0]

    def _embed(self, support: Ratings) -> Tensor:
        """Input of the last layer of h for every rating, ``[N, r]``."""
        embedded: Tensor = self.h[:-1](torch.cat([support.x, support.y[:, None]], dim=1))
        return embedded

    def _pool(self, z: Tensor, node: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
        """Mean of h over the ratings at every node, 0 where there are none, and their number.

        h ends in a linear layer, and the mean of a linear function is the function of the mean: the layer is applied
        once a node, not once a rating.

        Args:
            z: input of the last layer of h, ``[N, r]``.
            node: where each rating is, ``[N]``.
            nodes: number of nodes.

        Returns:
            ``[nodes, r]`` and ``[nodes]``.
        """
        count = torch.bincount(node, minlength=nodes).to(z.dtype)
        total = z.new_zeros(nodes, z.shape[1]).index_add(0, node, z)
        mean = self.h[-1](total / count.clamp(min=1.0)[:, None])
        return mean * (count > 0)[:, None], count

    def _value(self, state: Tensor) -> Tensor:
        return self.low + (self.high - self.low) * torch.sigmoid(self.g(state).squeeze(2))


class FixedMetaTree(MetaTree):
    """Every path has d rules, also through nodes that no rating reached."""

    def ends(self, count: Tensor) -> Tensor:
        """See :class:`MetaTree`."""
        return torch.zeros(count.shape[:2], dtype=torch.bool, device=count.device)


class DynamicMetaTree(MetaTree):
    """A path ends where a rule would send all of the user's ratings to one side."""

    def ends(self, count: Tensor) -> Tensor:
        """See :class:`MetaTree`."""
        return (count == 0).any(dim=2)
