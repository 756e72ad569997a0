"""The control without a tree: what the same pooled embeddings predict where nothing has to be explained.

    rating = mu + b_i + a_u + c_u b_i + s p([r_all, log(1 + n), x_i, b_i])

h, its mean r_all and the base are those of :mod:`hypernet.ratings.encoder`. p has one hidden layer, as wide as
it takes for as many trained numbers as the network that grows trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hypernet.ratings.encoder import PersonalBase, SetEncoder
from hypernet.ratings.model import Ratings, Reader, Route


@dataclass(frozen=True)
class Answers:
    """What B users would give.

    Attributes:
        pooled: r_all and log(1 + n), ``[B, r + 1]``.
        level: a_u, ``[B]``.
        tilt: c_u, ``[B]``.
        network: it makes ratings of these.
    """

    pooled: Tensor
    level: Tensor
    tilt: Tensor
    network: DeepSet

    def rate(self, owner: Tensor, x: Tensor, route: Route) -> Tensor:
        """Ratings of rows of these owners, ``[Q], [Q, D + 1] -> [Q]``; there is no way to route."""
        del route
        base = self.network.base
        rest = self.network.p(torch.cat([self.pooled[owner], x], dim=1)).squeeze(1)
        rating: Tensor = base.overall + self.level[owner] + (1.0 + self.tilt[owner]) * x[:, -1] + base.spread * rest
        return rating


class DeepSet(Reader):
    """See the module.

    Args:
        features: D.
        base: the base, whose numbers are set from the training ratings.
        embedding: r.
        hidden: hidden width of p.
    """

    def __init__(self, features: int, base: PersonalBase, embedding: int, hidden: int):
        super().__init__()
        self.base = base
        self.h = SetEncoder(features, embedding)
        self.p = nn.Sequential(nn.Linear(embedding + features + 2, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def grow(self, support: Ratings, users: int, one_attribute: bool) -> Answers:
        """See :class:`Reader`."""
        del one_attribute
        level, tilt = self.base.line(support, users)
        rest = self.base.remainder(support, level, tilt) / self.base.spread
        pooled, count = self.h.pool(self.h(support.x, rest), support.owner, users)
        return Answers(torch.cat([pooled, count.log1p()[:, None]], dim=1), level, tilt, self)
