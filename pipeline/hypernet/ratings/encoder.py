"""What networks on a base read: a user's line on the items' biases, and the pooled embeddings of what is left.

    a_u, c_u = damped ridge line of the user's ratings on b_i      (:mod:`hypernet.ratings.core.base`)
    r_i      = (y_i - mu - b_i - a_u - c_u b_i) / s
    h_i      = h([x_i, b_i, r_i, r_i x_i]),  pooled by means

Rows have one column more than the attributes: b_i.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.ratings.core.base import ItemBiases
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.model import Ratings


class PersonalBase(nn.Module):
    """mu, b_i of the known items, and a_u and c_u from a user's ratings.

    Args:
        items: M.
        level_damping: of a_u, in ratings.
        slope_damping: of c_u, in ratings of an item whose bias is 1.
    """

    def __init__(self, items: int, level_damping: float, slope_damping: float):
        super().__init__()
        self.level_damping, self.slope_damping = level_damping, slope_damping
        self.overall: Tensor
        self.spread: Tensor
        self.item_bias: Tensor
        self.register_buffer("overall", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("item_bias", torch.zeros(items))

    def begin(self, rows: Rows, users: int, biases: ItemBiases) -> None:
        """Set mu, b and s: the root mean square of what the base leaves of these wide rows, 1 if that is 0."""
        self.overall.fill_(biases.overall)
        self.item_bias.copy_(torch.from_numpy(biases.bias))
        support = Ratings(torch.from_numpy(rows.user), torch.from_numpy(rows.x), torch.from_numpy(rows.rating))
        left = self.remainder(support, *self.line(support, users)).square().mean().sqrt()
        self.spread.copy_(torch.where(left > 0, left, 1.0))

    def line(self, support: Ratings, users: int) -> tuple[Tensor, Tensor]:
        """a_u and c_u, ``[B]`` each: by :func:`hypernet.ratings.core.base.user_lines`."""
        owner, bias = support.owner, support.x[:, -1]
        rest = support.y - self.overall - bias
        parts = torch.stack([torch.ones_like(bias), bias, bias * bias, rest, rest * bias], dim=1)
        sums = bias.new_zeros(users, parts.shape[1]).index_add(0, owner, parts)
        count, first, second, total, product = sums.unbind(dim=1)
        count, second = count + self.level_damping, second + self.slope_damping
        determinant = count * second - first * first
        return (second * total - first * product) / determinant, (count * product - first * total) / determinant

    def remainder(self, support: Ratings, level: Tensor, tilt: Tensor) -> Tensor:
        """What the base leaves of every rating, ``[N]``."""
        owner, bias = support.owner, support.x[:, -1]
        rest: Tensor = support.y - self.overall - bias - level[owner] - tilt[owner] * bias
        return rest


class SetEncoder(nn.Module):
    """h and its mean over sets of ratings.

    Args:
        features: D.
        embedding: r.
    """

    def __init__(self, features: int, embedding: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 * features + 2, embedding),
            nn.ReLU(inplace=True),
            nn.Linear(embedding, embedding),
            nn.ReLU(inplace=True),
            nn.Linear(embedding, embedding),
            nn.ReLU(inplace=True),
        )
        self.last = nn.Linear(embedding, embedding)

    def forward(self, x: Tensor, rest: Tensor) -> Tensor:
        """Input of the last layer of h: ``[N, D + 1], [N] -> [N, r]``."""
        embedded: Tensor = self.layers(torch.cat([x, rest[:, None], x[:, :-1] * rest[:, None]], dim=1))
        return embedded

    def pool(self, embedded: Tensor, node: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
        """Mean of h over the ratings at every node, 0 where there are none, and their number; ``[nodes, r], [nodes]``.

        The last layer is linear, so it is applied to means.
        """
        count = torch.bincount(node, minlength=nodes).to(embedded.dtype)
        total = embedded.new_zeros(nodes, embedded.shape[1]).index_add(0, node, embedded)
        mean = self.last(total / count.clamp(min=1.0)[:, None])
        return mean * (count > 0)[:, None], count
