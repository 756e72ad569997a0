"""Which rules decide something, on trees written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.ratings.core.asked import asked_counts, deciding
from hypernet.ratings.core.trees import LEAF, Forest

# Two items, apart in attribute 0; attribute 1 is the same for both.
ITEMS = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)


@pytest.fixture
def forest():
    """User 0 asks about 0, below "yes" about 0 again, and below "no" about 1; user 1 has a leaf alone."""
    feature = np.array([0, 1, 0, LEAF, LEAF, LEAF, LEAF, LEAF], np.int32)
    inner = feature != LEAF
    return Forest(
        root=np.array([0, 7]),
        feature=feature,
        threshold=np.where(inner, 0.5, 0.0),
        sign=inner.astype(np.int8),
        left=np.array([1, 3, 5, 3, 4, 5, 6, 7]),
        right=np.array([2, 4, 6, 3, 4, 5, 6, 7]),
        value=np.where(inner, np.nan, 3.0),
        support=np.zeros(8, np.int32),
    )


def test_a_rule_decides_where_items_come_out_on_both_sides(forest):
    assert deciding(forest, ITEMS).tolist() == [True, False, False] + [False] * 5
    assert asked_counts(forest, ITEMS, 2).tolist() == [[1, 0], [0, 0]]


def test_with_other_items_other_rules_decide(forest):
    items = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    assert asked_counts(forest, items, 2).tolist() == [[1, 1], [0, 0]]


def test_more_blocks_than_one_change_nothing(forest, monkeypatch):
    monkeypatch.setattr("hypernet.ratings.core.asked.ROWS_AT_ONCE", 1)
    assert asked_counts(forest, ITEMS, 2).tolist() == [[1, 0], [0, 0]]
