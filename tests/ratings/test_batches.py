"""Batches of users: who is drawn, how many ratings, and that a batch is made from its number alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.ratings.batches import HeldOutUsers, UserBatches, grouped
from hypernet.ratings.config import Training
from hypernet.ratings.core.tables import Rows

COUNTS = np.array([7, 1, 30, 12, 3, 5, 2, 9])


def rows(counts, first=0):
    user = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(user)) + first
    # The first feature is the row's own number, so that a batch tells which rows it holds.
    x = np.stack([number, user], axis=1).astype(np.float32)
    return Rows(user, number, (number % 5 + 1).astype(np.float32), x)


def training(**changes):
    settings = {
        "check_every_steps": 1,
        "patience_checks": None,
        "precision": "32-true",
        "accelerator": "cpu",
        "devices": 1,
        "users_per_batch": 4,
        "largest_support": None,
        "query_ratings": 5,
        "loss_on": "query",
    }
    return Training(**(settings | changes))


def test_ratings_are_drawn_without_replacement_from_eligible_users():
    batches = UserBatches(rows(COUNTS), len(COUNTS), training(), seed=0)
    # Sorted by activity: 30, 12, 9, 7, ...; the fourth most active user has 7.
    assert (batches.fewest, batches.most, batches.left_out) == (2, 7, 1)
    sizes, users_seen = set(), set()
    for index in range(200):
        support, query = batches[index]
        n = (len(support.y) + len(query.y)) // 4
        sizes.add(n)
        assert len(query.y) == 4 * min(5, n // 2)
        both = torch.cat([support.x, query.x])
        assert len(both[:, 0].unique()) == 4 * n
        for part in (support, query):
            # Everything of a row belongs together, and all rows of an owner are one user's.
            assert torch.equal(part.y, part.x[:, 0] % 5 + 1)
            for owner in range(4):
                assert len(part.x[part.owner == owner, 1].unique()) == 1
        chosen = support.x[:, 1].unique().long().tolist()
        assert len(chosen) == 4
        assert all(COUNTS[user] >= n for user in chosen)
        users_seen |= set(chosen)
    assert sizes == set(range(2, 8))
    assert users_seen == set(range(8)) - {1}


def test_every_rating_of_a_user_is_equally_likely_to_be_asked():
    batches = UserBatches(rows(np.array([6, 6])), 2, training(users_per_batch=2, query_ratings=2), seed=3)
    asked = np.zeros(12)
    for index in range(1500):
        asked += np.bincount(batches[index][1].x[:, 0].long().numpy(), minlength=12)
    # Chi-squared with 11 degrees of freedom: 31.3 is its 99.9 % point.
    assert ((asked - asked.mean()) ** 2 / asked.mean()).sum() < 31.3


def test_a_batch_is_made_from_its_number_alone():
    first, second = (UserBatches(rows(COUNTS), len(COUNTS), training(), seed=1) for _ in range(2))
    third = UserBatches(rows(COUNTS), len(COUNTS), training(), seed=2)
    later = [second[index] for index in (9, 4, 7)]
    for part, again in zip(first[4], later[1], strict=True):
        assert all(torch.equal(tensor, other) for tensor, other in zip(part, again, strict=True))
    assert not torch.equal(first[4][0].x, third[4][0].x)


def test_largest_support_and_loss_on_all():
    batches = UserBatches(rows(COUNTS), len(COUNTS), training(largest_support=4, loss_on="all"), seed=0)
    for index in range(20):
        support, query = batches[index]
        assert len(query.y) <= 4 * 4
        assert set(support.x[:, 0].tolist()) < set(query.x[:, 0].tolist())


def test_more_users_asked_for_than_there_are():
    assert UserBatches(rows(COUNTS), len(COUNTS), training(users_per_batch=500), seed=0).batch_users == 7


def test_nobody_with_two_ratings():
    with pytest.raises(UserError, match="no user has two"):
        UserBatches(rows(np.array([1, 1, 1])), 3, training(), seed=0)


@pytest.mark.parametrize("at_once", [1, 8, 20, 1000])
def test_groups_hold_every_user_once(at_once):
    counts = np.array([3, 0, 25, 1, 1, 0, 0, 6, 0])
    held = rows(counts)
    groups = grouped(held, len(counts), at_once)
    assert [first for first, *_ in groups] == [0, *(end for _, end, *_ in groups[:-1])]
    assert groups[-1][1] == len(counts)
    for first, end, begin, stop in groups:
        assert stop - begin == counts[first:end].sum()
        assert end - first == 1 or stop - begin <= at_once


def test_checks_hold_every_held_out_rating_once():
    support, query = rows(np.array([3, 4, 25, 2])), rows(np.array([1, 0, 2, 5]), first=100)
    checks = HeldOutUsers(support, query, 4)
    checks.groups = grouped(support, 4, 8)
    seen = [checks[index] for index in range(len(checks))]
    assert sum(users for *_, users in seen) == 4
    assert torch.cat([asked.x for _, asked, _ in seen])[:, 0].tolist() == list(range(100, 108))
    for given, asked, users in seen:
        assert given.owner.unique().tolist() == list(range(users))
        for part in (given, asked):
            assert int(part.owner.max()) < users


def test_batches_may_have_fewer_ratings_of_a_user_than_anybody_gave():
    counts = np.array([7, 9, 30, 12])
    assert UserBatches(rows(counts), 4, training(), seed=0).fewest == 7
    batches = UserBatches(rows(counts), 4, training(users_per_batch=2), seed=0, fewest=2)
    sizes = {(len(support.y) + len(query.y)) // 2 for support, query in (batches[index] for index in range(100))}
    assert sizes == set(range(2, 13))
    # Not more than there are of the last of a batch.
    assert UserBatches(rows(np.array([2, 3])), 2, training(users_per_batch=2), seed=0, fewest=5).fewest == 2
