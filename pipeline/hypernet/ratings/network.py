"""Trees that explain: a base says what others give and how the user rates, a tree what the user's taste adds to that.

    rating = mu + b_i + a_u + c_u b_i + tree_u(x_i)      "others give 4.1, you are 0.2 stricter; not action: -0.3"
    w      = f([r_I, r_all, log(1 + n_I), log(1 + n)]) + alpha G       a weight for each question; n_I ratings are here
    G      = R_1^2/(n_1 + lambda) + R_0^2/(n_0 + lambda) - R^2/(n_I + lambda)     R: sums of r_i over yes, no and both
    u      = softmax(T w) over the questions about attributes not asked above, or its largest entry alone
    q      = sigmoid(beta (u . (x - t))),   beta = 3 + softplus(f)
    leaf   = (y_max - y_min)/2 tanh(g) + s R/(n_I + kappa)

The line a_u, c_u, the remainders r_i and their pooled embeddings are those of :mod:`hypernet.ratings.encoder`.
In place of a rule's own threshold there is a list of questions, each an attribute and a threshold between two values
that items have; none asks about the user, who is the same for all the user's items, or about the item's mean rating,
which the base has. The growing by hard decisions and the routing are those of :mod:`hypernet.ratings.model`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hypernet.ratings.core.questions import Questions
from hypernet.ratings.encoder import PersonalBase, SetEncoder
from hypernet.ratings.model import Ratings, Route, TreeNetwork, Trees

# A flatter rule is hardly one.
FLATTEST = 3.0
# Where alpha and kappa start.
START_OF_GAIN, START_OF_SHRINKAGE = 0.5, 30.0


@dataclass(frozen=True)
class ExplainedTrees(Trees):
    """Generated trees whose leaves are what a base leaves over.

    Attributes:
        overall: mu, ``[B]``.
        level: a_u, ``[B]``.
        tilt: c_u, ``[B]``.
    """

    overall: Tensor
    level: Tensor
    tilt: Tensor

    def right(self, owner: Tensor, x: Tensor) -> Tensor:
        """See :class:`Trees`; the rows have the item's bias in their last column, about which no rule asks."""
        return super().right(owner, x[:, :-1])

    def rate(self, owner: Tensor, x: Tensor, route: Route) -> Tensor:
        """See :class:`Trees`."""
        base = self.overall[owner] + self.level[owner] + (1.0 + self.tilt[owner]) * x[:, -1]
        return base + super().rate(owner, x, route)


class ExplainedMetaTree(TreeNetwork):
    """The hypernetwork that grows trees on a base; see the module.

    Args:
        features: D.
        asked: the questions.
        base: the base, whose numbers are set from the training ratings.
        depth: d, at most the number of attributes asked about.
        embedding: r.
        f_hidden: hidden width of f.
        g_hidden: hidden width of g.
        temperature: T.
        reach: (y_max - y_min)/2, the largest that g adds.
        gain_damping: lambda.
    """

    def __init__(
        self,
        features: int,
        asked: Questions,
        base: PersonalBase,
        depth: int,
        embedding: int,
        f_hidden: int,
        g_hidden: int,
        temperature: float,
        reach: float,
        gain_damping: float,
    ):
        super().__init__()
        self.depth = min(depth, len(np.unique(asked.column)))
        self.temperature, self.reach, self.gain_damping, self.features = temperature, reach, gain_damping, features
        self.base = base
        self.h = SetEncoder(features, embedding)
        self.f = nn.Sequential(
            nn.Linear(2 * embedding + 2, f_hidden), nn.ReLU(), nn.Linear(f_hidden, len(asked.column) + 1)
        )
        last = nn.Linear(g_hidden, 1)
        # Before anything is learned a leaf is the damped mean of its ratings.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.g = nn.Sequential(nn.Linear(2 * embedding + 2, g_hidden), nn.ReLU(), last)
        self.alpha = nn.Parameter(torch.tensor(START_OF_GAIN))
        self.log_kappa = nn.Parameter(torch.tensor(START_OF_SHRINKAGE).log())
        self.column: Tensor
        self.threshold: Tensor
        self.register_buffer("column", torch.from_numpy(asked.column), persistent=False)
        self.register_buffer("threshold", torch.from_numpy(asked.threshold), persistent=False)

    def grow(self, support: Ratings, users: int, one_attribute: bool) -> ExplainedTrees:
        """See :class:`TreeNetwork`."""
        owner, x = support.owner, support.x[:, :-1]
        level, tilt = self.base.line(support, users)
        rest = self.base.remainder(support, level, tilt) / self.base.spread
        z = self.h(support.x, rest)
        yes = (x[:, self.column] > self.threshold).to(z.dtype)
        answers = torch.stack([yes, yes * rest[:, None]], dim=2)
        place = torch.zeros_like(owner)
        r_all, count = self.h.pool(z, owner, users)
        r_chosen, n_all = r_all[:, None], count.log1p()[:, None]
        count = count[:, None]
        total = self._sums(rest, owner, users)[:, None]
        asked_above = torch.zeros(users, 1, self.features, dtype=torch.bool, device=x.device)
        levels = []
        for depth in range(self.depth):
            width = 2**depth
            node = owner * width + place
            state = self._state(r_chosen, r_all, count, n_all)
            raw, slope = self.f(state).split([len(self.column), 1], dim=2)
            raw = raw + self.alpha * self._gain(answers, node, count, total)
            weights = self._weights(raw, asked_above[:, :, self.column], one_attribute)
            direction = x.new_zeros(*raw.shape[:2], self.features).index_add(2, self.column, weights)
            offset = -(weights * self.threshold).sum(dim=2)
            slope = FLATTEST + functional.softplus(slope.squeeze(2))
            with torch.no_grad():
                best = weights.argmax(dim=2)
                if one_attribute:
                    goes_right = yes.gather(1, best.flatten()[node][:, None]).squeeze(1) > 0
                else:
                    score = (direction.flatten(0, 1)[node] * x).sum(dim=1) + offset.flatten()[node]
                    goes_right = score > 0
                place = 2 * place + goes_right
                asked_above = asked_above | functional.one_hot(self.column[best], self.features).bool()
                asked_above = asked_above.repeat_interleave(2, dim=1)
            levels.append((raw, direction, offset, slope, count))
            pooled, count = self.h.pool(z, owner * 2 * width + place, users * 2 * width)
            total = self._sums(rest, owner * 2 * width + place, users * 2 * width).view(users, 2 * width)
            r_chosen, count = pooled.view(users, 2 * width, -1), count.view(users, 2 * width)
        raws, directions, offsets, slopes, counts = (torch.cat(part, dim=1) for part in zip(*levels, strict=True))
        value = self.reach * torch.tanh(self.g(self._state(r_chosen, r_all, count, n_all)).squeeze(2))
        value = value + self.base.spread * total / (count + self.log_kappa.exp())
        inner = torch.zeros_like(offsets)
        return ExplainedTrees(
            raw=raws,
            direction=directions,
            offset=offsets,
            slope=slopes,
            value=torch.cat([inner, value], dim=1),
            leaf=torch.cat([inner, torch.ones_like(value)], dim=1),
            count=torch.cat([counts, count], dim=1),
            overall=self.base.overall.expand(users),
            level=level,
            tilt=tilt,
        )

    def summary(self, support: Ratings, users: int) -> Tensor:
        """See :class:`TreeNetwork`."""
        level, tilt = self.base.line(support, users)
        rest = self.base.remainder(support, level, tilt) / self.base.spread
        pooled: Tensor = self.h.pool(self.h(support.x, rest), support.owner, users)[0]
        return pooled

    def _state(self, r_chosen: Tensor, r_all: Tensor, count: Tensor, n_all: Tensor) -> Tensor:
        nodes = r_chosen.shape[1]
        counts = torch.stack([count.log1p(), n_all.expand(-1, nodes)], dim=2)
        return torch.cat([r_chosen, r_all[:, None].expand_as(r_chosen), counts], dim=2)

    def _weights(self, raw: Tensor, closed: Tensor, one_attribute: bool) -> Tensor:
        """u over the questions, ``[B, nodes, Q]``; 0 for those about attributes asked above."""
        p = torch.softmax((self.temperature * raw).masked_fill(closed, -torch.inf), dim=-1)
        if not one_attribute:
            return p
        chosen = torch.zeros_like(p).scatter_(-1, p.argmax(dim=-1, keepdim=True), 1.0)
        return chosen + (p - p.detach())

    @torch.no_grad()
    def _gain(self, answers: Tensor, node: Tensor, count: Tensor, total: Tensor) -> Tensor:
        """G of every question at every node, ``[B, nodes, Q]``, from (yes, yes times r) ``[N, Q, 2]``."""
        users, nodes = count.shape
        sums = answers.new_zeros(users * nodes, *answers.shape[1:]).index_add(0, node, answers)
        n_yes, r_yes = sums.view(users, nodes, -1, 2).unbind(dim=3)
        n, r = count[:, :, None], total[:, :, None]
        damping = self.gain_damping
        split = r_yes**2 / (n_yes + damping) + (r - r_yes) ** 2 / (n - n_yes + damping)
        return split - r**2 / (n + damping)

    @staticmethod
    def _sums(values: Tensor, node: Tensor, nodes: int) -> Tensor:
        return values.new_zeros(nodes).index_add(0, node, values)
