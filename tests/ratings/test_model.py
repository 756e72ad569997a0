"""Growing and using generated trees, against Algorithm 1 transcribed word for word and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hypernet.ratings.growing import join, pack
from hypernet.ratings.model import DynamicMetaTree, FixedMetaTree, Ratings, Trees, off_diagonal_sum, round_through

FEATURES, LOW, HIGH = 5, 1.0, 5.0


def network(network_type, depth, seed, embedding=8):
    torch.manual_seed(seed)
    tree = network_type(
        FEATURES, depth, embedding, f_hidden=7, g_hidden=6, temperature=1.5, low=LOW, high=HIGH
    ).double()
    with torch.no_grad():
        # The default start gives nearly the same rule everywhere; these differ.
        for parameter in tree.parameters():
            parameter.mul_(2.5)
    return tree


def ratings(counts, seed):
    generator = torch.Generator().manual_seed(seed)
    owner = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    x = torch.randn(len(owner), FEATURES, generator=generator, dtype=torch.float64)
    y = torch.randint(1, 6, (len(owner),), generator=generator).double()
    return Ratings(owner, x, y)


# Algorithm 1 of the paper for one user, recursive, one node at a time.
def grow_recursively(tree, h, x, chosen, depth, one_attribute, dynamic):
    r_all = h.mean(dim=0)
    r_chosen = h[chosen].sum(dim=0) / max(len(chosen), 1)
    state = torch.cat([r_chosen, r_all])
    leaf = ("leaf", LOW + (HIGH - LOW) * torch.sigmoid(tree.g(state))[0], len(chosen))
    if depth == 0:
        return leaf
    out = tree.f(state)
    w, b, beta = out[:FEATURES], out[FEATURES], out[FEATURES + 1]
    u = torch.softmax(tree.temperature * w, dim=0)
    if one_attribute:
        u = nn.functional.one_hot(u.argmax(), FEATURES).to(u.dtype)
    right = [i for i in chosen if torch.round(torch.sigmoid(beta * (x[i] @ u + b))) == 1]
    left = [i for i in chosen if i not in right]
    if dynamic and (not left or not right):
        return leaf
    children = [grow_recursively(tree, h, x, part, depth - 1, one_attribute, dynamic) for part in (left, right)]
    return ("rule", u, b, beta, *children)


def predict_recursively(node, x, hard):
    if node[0] == "leaf":
        return node[1]
    _, u, b, beta, left, right = node
    q = torch.sigmoid(beta * (x @ u + b))
    q = torch.round(q) if hard else q
    return (1 - q) * predict_recursively(left, x, hard) + q * predict_recursively(right, x, hard)


@pytest.mark.parametrize("network_type", [FixedMetaTree, DynamicMetaTree])
@pytest.mark.parametrize("seed", range(10))
@torch.no_grad()
def test_level_by_level_equals_the_recursion(network_type, seed):
    depth = 2 + seed % 3
    tree = network(network_type, depth, seed)
    support, query = ratings([1, 9, 4], seed), ratings([3, 3, 3], seed + 100)
    h = tree.h(torch.cat([support.x, support.y[:, None]], dim=1))
    for one_attribute in (False, True):
        trees = tree.grow(support, 3, one_attribute)
        right = trees.right(query.owner, query.x)
        for hard in (False, True):
            expected = []
            for user in range(3):
                theirs = support.owner == user
                root = grow_recursively(
                    tree,
                    h[theirs],
                    support.x[theirs],
                    list(range(int(theirs.sum()))),
                    depth,
                    one_attribute,
                    network_type is DynamicMetaTree,
                )
                expected += [predict_recursively(root, x, hard) for x in query.x[query.owner == user]]
            got = trees.predict(query.owner, right.round() if hard else right)
            torch.testing.assert_close(got, torch.stack(expected), rtol=0, atol=1e-9)


def by_hand(slope):
    tensor = torch.tensor
    return Trees(
        raw=tensor([[[1.0, 0.0]]]),
        direction=tensor([[[1.0, 0.0]]]),
        offset=tensor([[-0.5]]),
        slope=tensor([[slope]]),
        value=tensor([[0.0, 2.0, 4.0]]),
        leaf=tensor([[0.0, 1.0, 1.0]]),
        count=tensor([[2.0, 1.0, 1.0]]),
    )


@pytest.mark.parametrize(
    ("slope", "x", "soft", "hard"),
    [
        (4.0, 1.0, 3.761594, 4.0),
        (4.0, 0.5, 3.0, 2.0),
        (0.0, 1.0, 3.0, 2.0),
        (0.0, -7.0, 3.0, 2.0),
        (-4.0, 1.0, 2.238406, 2.0),
    ],
)
def test_a_tree_set_by_hand(slope, x, soft, hard):
    trees, owner, row = by_hand(slope), torch.tensor([0]), torch.tensor([[x, 9.0]])
    right = trees.right(owner, row)
    assert trees.predict(owner, right).item() == pytest.approx(soft, abs=1e-6)
    assert trees.predict(owner, round_through(right)).item() == hard
    assert pack(trees).predict(np.array([0]), row.numpy())[0] == hard


def test_the_off_diagonal_sum():
    assert off_diagonal_sum(torch.tensor([1.0, -2.0, 3.0])).item() == 22.0
    assert off_diagonal_sum(torch.eye(4)[2]).item() == 0.0
    w = torch.randn(6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    outer = w[:, :, None] * w[:, None, :]
    explicit = (outer - torch.diag_embed(torch.diagonal(outer, dim1=1, dim2=2))).abs().sum(dim=(1, 2))
    torch.testing.assert_close(off_diagonal_sum(w), explicit)
    assert torch.autograd.gradcheck(off_diagonal_sum, w)


def inner_nodes(trees):
    """1 where an inner node belongs to the tree, 0 at a leaf and below one, node by node."""
    nodes = trees.offset.shape[1]
    inner = torch.zeros_like(trees.offset)
    for node in range(nodes):
        above = inner[:, (node - 1) // 2] if node else 1.0
        inner[:, node] = above * (1.0 - trees.leaf[:, node])
    return inner


@pytest.mark.parametrize("network_type", [FixedMetaTree, DynamicMetaTree])
@torch.no_grad()
def test_every_row_ends_in_exactly_one_leaf(network_type):
    tree = network(network_type, 4, 3)
    query = ratings([20] * 6, 9)
    trees = tree.grow(ratings([2, 3, 5, 8, 13, 40], 1), 6, one_attribute=True)
    reach = trees.reach(trees.right(query.owner, query.x))
    torch.testing.assert_close((reach * trees.leaf[query.owner]).sum(dim=1), torch.ones(120, dtype=torch.float64))
    inner = inner_nodes(trees)
    assert (inner + trees.leaf[:, : inner.shape[1]] <= 1).all()
    if network_type is DynamicMetaTree:
        assert trees.leaf[:, :15].any()
        # A leaf was reached by somebody; the fixed structure has empty ones.
        assert (trees.count[trees.leaf > 0] >= 1).all()
        assert (trees.count[:, :15][inner > 0] >= 2).all()


@torch.no_grad()
def test_a_steep_slope_makes_soft_routing_hard():
    tree = network(FixedMetaTree, 3, 5)
    query = ratings([50], 6)
    trees = tree.grow(ratings([12], 7), 1, one_attribute=True)
    steep = Trees(**{**vars(trees), "slope": 1e7 * trees.slope.sign()})
    soft = steep.predict(query.owner, steep.right(query.owner, query.x))
    hard = trees.predict(query.owner, trees.right(query.owner, query.x).round())
    torch.testing.assert_close(soft, hard, rtol=0, atol=1e-9)


@pytest.mark.parametrize("network_type", [FixedMetaTree, DynamicMetaTree])
@torch.no_grad()
def test_a_tree_depends_on_its_owners_ratings_only_and_not_on_their_order(network_type):
    tree = network(network_type, 3, 2)
    support, query = ratings([6, 9, 4], 3), ratings([5, 5, 5], 4)

    def predict(given, owner, x, users):
        trees = tree.grow(given, users, one_attribute=True)
        return trees.predict(owner, trees.right(owner, x))

    together = predict(support, query.owner, query.x, 3)
    order = torch.randperm(19, generator=torch.Generator().manual_seed(0))
    shuffled = Ratings(*(part[order] for part in support))
    torch.testing.assert_close(predict(shuffled, query.owner, query.x, 3), together)
    for user in range(3):
        theirs, asked = support.owner == user, query.owner == user
        alone = Ratings(torch.zeros(int(theirs.sum()), dtype=torch.int64), support.x[theirs], support.y[theirs])
        zeros = torch.zeros(5, dtype=torch.int64)
        torch.testing.assert_close(predict(alone, zeros, query.x[asked], 1), together[asked])


@pytest.mark.parametrize("network_type", [FixedMetaTree, DynamicMetaTree])
@torch.no_grad()
def test_packed_trees_decide_as_the_network_does(network_type):
    tree = network(network_type, 4, 8).float()
    support, query = ratings([3, 30, 11], 5), ratings([200] * 3, 6)
    support, query = (Ratings(ratings.owner, ratings.x.float(), ratings.y.float()) for ratings in (support, query))
    trees = tree.grow(support, 3, one_attribute=True)
    expected = trees.predict(query.owner, trees.right(query.owner, query.x).round())
    forest = pack(trees)
    assert np.allclose(forest.predict(query.owner.numpy(), query.x.numpy()), expected.numpy(), atol=1e-6)
    single = []
    for user in range(3):
        theirs = support.owner == user
        alone = Ratings(torch.zeros(int(theirs.sum()), dtype=torch.int64), support.x[theirs], support.y[theirs])
        single.append(pack(tree.grow(alone, 1, one_attribute=True)))
    assert np.allclose(join(single).predict(query.owner.numpy(), query.x.numpy()), expected.numpy(), atol=1e-6)


def test_the_straight_through_gradient_is_that_of_the_soft_path():
    right = torch.tensor([0.2, 0.5, 0.9], requires_grad=True)
    rounded = round_through(right)
    assert rounded.tolist() == [0.0, 0.0, 1.0]
    rounded.sum().backward()
    assert right.grad.tolist() == [1.0, 1.0, 1.0]
    tree = network(FixedMetaTree, 2, 0)
    raw = torch.randn(3, FEATURES, dtype=torch.float64, requires_grad=True)
    weights = torch.arange(FEATURES, dtype=torch.float64)
    one_hot = tree.direction(raw, one_attribute=True)
    assert set(one_hot.detach().unique().tolist()) == {0.0, 1.0}
    (got,) = torch.autograd.grad((one_hot * weights).sum(), raw)
    (expected,) = torch.autograd.grad((tree.direction(raw, one_attribute=False) * weights).sum(), raw)
    torch.testing.assert_close(got, expected)


def test_the_gradient_of_the_loss_is_right():
    tree = network(FixedMetaTree, 2, 1)
    support, query = ratings([4, 5], 2), ratings([3, 3], 3)
    head = tree.f[0].weight

    def loss(weight):
        return torch.func.functional_call(_Grow(tree, support, query), {"tree.f.0.weight": weight}, ())

    assert torch.autograd.gradcheck(loss, head.detach().requires_grad_(), eps=1e-6, atol=1e-6)


class _Grow(nn.Module):
    def __init__(self, tree, support, query):
        super().__init__()
        self.tree, self.support, self.query = tree, support, query

    def forward(self):
        trees = self.tree.grow(self.support, 2, one_attribute=False)
        predicted = trees.predict(self.query.owner, trees.right(self.query.owner, self.query.x))
        return (predicted - self.query.y).square().mean() + 0.1 * off_diagonal_sum(trees.raw).mean()


@pytest.mark.parametrize("change", [{"features": 0}, {"depth": 0}, {"low": 5.0}])
def test_impossible_sizes_are_refused(change):
    sizes = {
        "features": 3,
        "depth": 2,
        "embedding": 4,
        "f_hidden": 4,
        "g_hidden": 4,
        "temperature": 1.0,
        "low": 1.0,
        "high": 5.0,
    }
    with pytest.raises(ValueError, match="meta tree needs"):
        FixedMetaTree(**{**sizes, **change})
