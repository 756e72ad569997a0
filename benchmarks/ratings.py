"""Time generated trees against one scikit-learn tree per user, Surprise's SVD, and recursions of Algorithm 1.

    python -m benchmarks ratings [--repetitions 7] [--threads 1]

On ratings generated in the sizes of MovieLens 100K (943 users, 1682 items, 80,000 ratings, 20,000 to predict, 23
features), and on its split u1 itself where a folder named by HYPERNET_MIRROR has it. First a tree for every user and
the predictions of the held-out ratings, then predictions alone, then a training step.

Where a peer gives the same numbers it is compared with ours before anything is timed: predictions must be equal, and
gradients within a thousandth of their length.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import heading, milliseconds, row, settings, timing
from hypernet.lab.acquire import mirrors
from hypernet.ratings.baselines.factorisation import numbered
from hypernet.ratings.baselines.greedy import Questions, Shape, grow
from hypernet.ratings.baselines.residual import Residual
from hypernet.ratings.baselines.scikit import pack
from hypernet.ratings.batches import UserBatches
from hypernet.ratings.config import Damping, PrepareSettings, RawSettings, Training
from hypernet.ratings.core.base import askable
from hypernet.ratings.core.tables import Feature, RatingData, Rows
from hypernet.ratings.dataset import prepare
from hypernet.ratings.model import FixedMetaTree, Ratings, off_diagonal_sum
from hypernet.ratings.raw import make
from hypernet.ratings.trained import Catalogue, MetaTreePredictor

USERS, ITEMS, TRAIN, TEST, BINARY, NUMBERS = 943, 1682, 80_000, 20_000, 18, 5
LOW, HIGH, DEPTH = 1.0, 5.0, 3
REAL, REAL_FILE = "ml100k_u1", "u.data"
PREDICTIONS = 1_000_000
EMBEDDING, BATCH_USERS, BATCHES = 64, 128, 3
SPARSITY = 0.001
DAMPING, KAPPA = Damping(item=2, level=5, slope=10), 40
LARGEST_GRADIENT_DIFFERENCE = 1e-3


def generated() -> RatingData:
    """Ratings by two questions of each user's own, as many as in MovieLens 100K and as unequally spread."""
    generator = np.random.default_rng(0)
    width = BINARY + NUMBERS
    items = np.column_stack([generator.random((ITEMS, BINARY)) < 0.12, generator.normal(size=(ITEMS, NUMBERS))])
    items = ((items - items.mean(axis=0)) / items.std(axis=0)).astype(np.float32)
    popularity = 1.0 / np.sqrt(1.0 + np.arange(ITEMS))
    activity = generator.lognormal(4.2, 0.9, USERS).clip(20, 600)
    counts = (activity / activity.sum() * (TRAIN + TEST)).astype(int)
    counts[counts.argmin()] += TRAIN + TEST - counts.sum()
    chosen = [generator.choice(ITEMS, count, replace=False, p=popularity / popularity.sum()) for count in counts]
    user, item = np.repeat(np.arange(USERS), counts), np.concatenate(chosen)
    x, rows = items[item], np.arange(len(user))
    first, second = generator.integers(width, size=(2, USERS))
    place = 2 * (x[rows, first[user]] > 0) + (x[rows, second[user]] > 0)
    mean = generator.uniform(LOW, HIGH, (USERS, 4))[user, place]
    rating = np.round(mean + 0.6 * generator.normal(size=len(user))).clip(LOW, HIGH).astype(np.float32)
    held_out = np.zeros(len(user), dtype=bool)
    # A user's first rating is always there to grow a tree from.
    rest = np.setdiff1d(rows, np.searchsorted(user, np.arange(USERS)))
    held_out[generator.choice(rest, TEST, replace=False)] = True
    train, test = (Rows(user[part], item[part], rating[part], x[part]) for part in (~held_out, held_out))
    return RatingData(
        title="generated",
        unit="stars",
        select="test",
        features=tuple(Feature(str(number), "number", "item", "", "", str(number)) for number in range(width)),
        mean=np.zeros(width),
        deviation=np.ones(width),
        low=LOW,
        high=HIGH,
        users=np.arange(USERS).astype(str),
        items=np.arange(ITEMS).astype(str),
        titles=np.arange(ITEMS).astype(str),
        item_x=items,
        user_x=np.zeros((USERS, width), np.float32),
        fit=train,
        validation=test,
        train=train,
        test=test,
    )


def movielens() -> RatingData:
    with tempfile.TemporaryDirectory() as name:
        raw, prepared = Path(name, "raw"), Path(name, "prepared")
        make(REAL, raw, RawSettings(table=None, allow_modified=False))
        prepare(REAL, raw, prepared, PrepareSettings(select="test", validation_share=0.1, item_mean="loo", keep=None))
        return RatingData.load(prepared)


def meta_tree(data: RatingData, embedding: int) -> FixedMetaTree:
    torch.manual_seed(0)
    tree = FixedMetaTree(
        features=len(data.features),
        depth=DEPTH,
        embedding=embedding,
        f_hidden=50,
        g_hidden=20,
        temperature=1.0,
        low=data.low,
        high=data.high,
    )
    with torch.no_grad():
        # Larger weights than at the start: as after training, users' trees differ.
        for parameter in tree.parameters():
            parameter.mul_(2.0)
    return tree


# --- a tree for every user, and the predictions ---------------------------------------------------------------


def by_hypernetwork(data: RatingData, embedding: int) -> Callable[[], object]:
    known = {field.name: getattr(data, field.name) for field in fields(Catalogue)}
    predictor = MetaTreePredictor("meta_fixed_hard", Catalogue(**known), meta_tree(data, embedding))
    return lambda: predictor.answer(data.train, data.test, len(data.users))


def sklearn_trees(data: RatingData) -> list:
    from sklearn.tree import DecisionTreeRegressor

    x, y, offsets = data.train.x, data.train.rating, data.train.offsets(len(data.users))
    return [
        DecisionTreeRegressor(max_depth=DEPTH, random_state=0).fit(x[begin:end], y[begin:end])
        for begin, end in pairwise(offsets)
    ]


def by_sklearn(trees: list, rows: Rows) -> np.ndarray:
    offsets = rows.offsets(len(trees))
    asked = zip(trees, offsets[:-1], offsets[1:], strict=True)
    return np.concatenate([tree.predict(rows.x[begin:end]) for tree, begin, end in asked if end > begin])


def by_damped_gains(data: RatingData) -> np.ndarray:
    """No network: a tree for each user by damped gains, the trees of all users level by level, on the same base."""
    residual = Residual.of_training(data.train, len(data.users), len(data.items), DAMPING)
    questions = Questions.about(data.train.x, askable(data.features))
    forest, _ = grow(residual.sample(), questions, Shape(DEPTH, 1, KAPPA))
    return residual.base().predict(data.test) + forest.predict(data.test.user, data.test.x)


def by_svd(data: RatingData) -> Callable[[], object]:
    from surprise import SVD

    trainset = numbered(data.train, data.low, data.high).trainset
    asked = list(zip(data.test.user.tolist(), data.test.item.tolist(), data.test.rating.tolist(), strict=True))
    return lambda: SVD(random_state=0).fit(trainset).test(asked)


def whole_tasks(data: RatingData, repetitions: int) -> None:
    tasks = {
        "meta tree, r = 64": by_hypernetwork(data, 64),
        "meta tree, r = 512": by_hypernetwork(data, 512),
        "scikit-learn, a tree per user": lambda: by_sklearn(sklearn_trees(data), data.test),
        "fitted by damped gains, all users at once": lambda: by_damped_gains(data),
    }
    if find_spec("surprise") is not None:
        tasks["Surprise SVD, fit + test"] = by_svd(data)
    for task in tasks.values():
        task()
    times = milliseconds(tasks, repetitions)
    for label, values in times.items():
        print(row(data.title, label, *timing(values, times["scikit-learn, a tree per user"])), flush=True)


# --- predictions alone ----------------------------------------------------------------------------------------


def predictions(data: RatingData, repetitions: int) -> None:
    trees = sklearn_trees(data)
    forest, _ = pack(trees)
    chosen = np.sort(np.random.default_rng(0).integers(len(data.train), size=PREDICTIONS))
    rows = Rows(*(getattr(data.train, name)[chosen] for name in ("user", "item", "rating", "x")))
    tasks = {
        "ours, all trees in common arrays": lambda: forest.predict(rows.user, rows.x),
        "scikit-learn, tree by tree": lambda: by_sklearn(trees, rows),
    }
    ours, theirs = (task() for task in tasks.values())
    if not np.array_equal(ours, theirs):
        raise AssertionError(f"predictions differ by up to {np.abs(ours - theirs).max()}")
    times = milliseconds(tasks, repetitions)
    for label, values in times.items():
        rate = PREDICTIONS / float(np.median(values)) / 1000
        cells = timing(values, times["ours, all trees in common arrays"])
        print(row(data.title, label, *cells, f"{rate:.1f}"), flush=True)


# --- a training step ------------------------------------------------------------------------------------------

# Every form gives the ratings predicted for the queries and R, the mean over inner nodes.
Forward = Callable[[FixedMetaTree, Ratings, Ratings], tuple[Tensor, Tensor]]


def level_by_level(tree: FixedMetaTree, support: Ratings, query: Ratings) -> tuple[Tensor, Tensor]:
    trees = tree.grow(support, int(query.owner[-1]) + 1, one_attribute=False)
    predicted = trees.predict(query.owner, trees.right(query.owner, query.x))
    return predicted, off_diagonal_sum(trees.raw).mean()


def rule(tree: FixedMetaTree, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    raw, offset, slope = tree.f(state).split([tree.f[-1].out_features - 2, 1, 1], dim=-1)
    return raw, torch.softmax(tree.temperature * raw, dim=-1), offset, slope


def value(tree: FixedMetaTree, state: Tensor) -> Tensor:
    return tree.low + (tree.high - tree.low) * torch.sigmoid(tree.g(state))


def node_by_node(tree: FixedMetaTree, support: Ratings, query: Ratings) -> tuple[Tensor, Tensor]:
    """Recurse over the nodes, each for all users of the batch together: these have equally many ratings."""
    users = int(query.owner[-1]) + 1
    x, y, asked = (part.unflatten(0, (users, -1)) for part in (support.x, support.y, query.x))
    h = tree.h(torch.cat([x, y[:, :, None]], dim=2))
    r_all = h.mean(dim=1)
    penalties = []

    def recurse(here: Tensor, depth: int) -> Tensor:
        """Return what the subtree of a node predicts, [B, q]; ``here`` is 1 where a rating came to it, [B, n]."""
        r_here = (h * here[:, :, None]).sum(dim=1) / here.sum(dim=1, keepdim=True).clamp(min=1)
        state = torch.cat([r_here, r_all], dim=1)
        if depth == 0:
            return value(tree, state)
        raw, direction, offset, slope = rule(tree, state)
        penalties.append(off_diagonal_sum(raw).mean())
        with torch.no_grad():
            goes_right = (slope * ((x * direction[:, None]).sum(dim=2) + offset) > 0).float()
        q = torch.sigmoid(slope * ((asked * direction[:, None]).sum(dim=2) + offset))
        return (1 - q) * recurse(here * (1 - goes_right), depth - 1) + q * recurse(here * goes_right, depth - 1)

    predicted = recurse(torch.ones_like(y), tree.depth)
    return predicted.flatten(), torch.stack(penalties).mean()


def user_by_user(tree: FixedMetaTree, support: Ratings, query: Ratings) -> tuple[Tensor, Tensor]:
    """Algorithm 1 as it stands: each user's tree by itself, each node by itself."""
    predicted, penalties = [], []

    def recurse(h: Tensor, x: Tensor, asked: Tensor, r_all: Tensor, depth: int) -> Tensor:
        r_here = h.mean(dim=0) if len(h) else torch.zeros_like(r_all)
        state = torch.cat([r_here, r_all])
        if depth == 0:
            return value(tree, state)
        raw, direction, offset, slope = rule(tree, state)
        penalties.append(off_diagonal_sum(raw))
        with torch.no_grad():
            right = slope * (x @ direction + offset) > 0
        q = torch.sigmoid(slope * (asked @ direction + offset))
        below = (recurse(h[side], x[side], asked, r_all, depth - 1) for side in (~right, right))
        return (1 - q) * next(below) + q * next(below)

    for user in range(int(query.owner[-1]) + 1):
        theirs = support.owner == user
        x = support.x[theirs]
        h = tree.h(torch.cat([x, support.y[theirs, None]], dim=1))
        predicted.append(recurse(h, x, query.x[query.owner == user], h.mean(dim=0), tree.depth))
    return torch.cat(predicted), torch.stack(penalties).mean()


def loss(forward: Forward, tree: FixedMetaTree, batch: tuple[Ratings, Ratings]) -> Tensor:
    predicted, penalty = forward(tree, *batch)
    return (predicted - batch[1].y).square().mean() + SPARSITY * penalty


def gradient(forward: Forward, tree: FixedMetaTree, batch: tuple[Ratings, Ratings]) -> Tensor:
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss(forward, tree, batch), [*tree.parameters()])])


def training_steps(
    forward: Forward, tree: FixedMetaTree, optimizer: torch.optim.Optimizer, batches: list[tuple[Ratings, Ratings]]
) -> None:
    for batch in batches:
        optimizer.zero_grad()
        loss(forward, tree, batch).backward()
        optimizer.step()


def training(data: RatingData, repetitions: int) -> None:
    batches_of = UserBatches(
        data.train,
        len(data.users),
        Training(
            check_every_steps=1,
            patience_checks=None,
            precision="32-true",
            accelerator="cpu",
            devices=1,
            users_per_batch=BATCH_USERS,
            largest_support=None,
            query_ratings=5,
            loss_on="query",
        ),
        seed=0,
    )
    batches = [batches_of[index] for index in range(BATCHES)]
    forms: dict[str, Forward] = {
        "ours, level by level": level_by_level,
        "recursion, all users at once": node_by_node,
        "recursion, user by user": user_by_user,
    }
    ours = next(iter(forms))
    tree = meta_tree(data, EMBEDDING)
    gradients = {label: gradient(forward, tree, batches[0]) for label, forward in forms.items()}
    differences = {
        label: ((vector - gradients[ours]).norm() / gradients[ours].norm()).item()
        for label, vector in gradients.items()
    }
    if max(differences.values()) > LARGEST_GRADIENT_DIFFERENCE:
        raise AssertionError(f"the gradients differ, as shares of ours: {differences}")
    tasks = {}
    for label, forward in forms.items():
        network = meta_tree(data, EMBEDDING)
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
        tasks[label] = partial(training_steps, forward, network, optimizer, batches)
        tasks[label]()  # the optimizer allocates its state in the first step
    times = {label: [time / BATCHES for time in of] for label, of in milliseconds(tasks, repetitions).items()}
    size = round(float(np.mean([len(support.y) / BATCH_USERS for support, _ in batches])))
    for label, values in times.items():
        cells = timing(values, times[ours])
        print(row(data.title, f"{BATCH_USERS} × {size}", label, *cells, f"{differences[label]:.0e}"), flush=True)


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=7)
    if find_spec("surprise") is None:
        print("scikit-surprise is not installed: skipped\n")
    data_sets = [generated()]
    if any(folder.is_dir() and any(folder.rglob(REAL_FILE)) for folder in mirrors()):
        data_sets.append(movielens())
    else:
        print(f"{REAL}: no folder named by HYPERNET_MIRROR has {REAL_FILE}; skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), median of {options.repetitions}, depth {DEPTH}\n"
        "\nA tree for every user from all its ratings, and all held-out ratings predicted; ratio to scikit-learn\n"
    )
    print(heading("data", "method", "ms", "quartiles", "ratio"))
    for data in data_sets:
        whole_tasks(data, options.repetitions)
    print(f"\n{PREDICTIONS:,} predictions by one tree per user, rows in single precision; ratio to ours\n")
    print(heading("data", "form", "ms", "quartiles", "ratio", "million ratings/s"))
    for data in data_sets:
        predictions(data, options.repetitions)
    print(f"\nA training step, r = {EMBEDDING}: forward, backward, Adam; ratio to ours\n")
    print(heading("data", "users × ratings", "form", "ms", "quartiles", "ratio", "difference of the gradient"))
    for data in data_sets:
        training(data, options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
