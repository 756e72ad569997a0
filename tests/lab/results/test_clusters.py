"""Clusters and neighbours against scikit-learn, counts by hand, and spaces whose structure is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from hypernet.lab.results import clusters
from hypernet.lab.results.clusters import clustered, separation


def blobs(apart: float, classes: int = 5, each: int = 12, size: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Balls of deviation 1 around centres on the axes, and their numbers."""
    random = np.random.default_rng(3)
    numbers = np.repeat(np.arange(classes), each)
    vectors = random.normal(size=(len(numbers), size))
    vectors[np.arange(len(numbers)), numbers] += apart
    return vectors, numbers


def test_blobs_that_are_apart_are_told_apart():
    vectors, classes = blobs(60.0)
    order = np.random.default_rng(0).permutation(len(classes))
    measured = clustered(vectors[order], classes[order])
    for name in ("information", "agreement", "purity", "neighbours"):
        assert getattr(measured, name) == pytest.approx(1.0)
        interval = measured.intervals[name]
        assert interval.n == len(classes)
        assert interval.low <= interval.value == getattr(measured, name)
        assert interval.high == pytest.approx(1.0)
    # Leaving one out of perfect clusters leaves them perfect.
    assert measured.intervals["agreement"].low == pytest.approx(1.0)
    assert measured.silhouette == pytest.approx(metrics.silhouette_score(vectors, classes))
    assert measured.silhouette > 0.7


def test_names_of_classes_are_names():
    vectors, classes = blobs(4.0)
    named = clustered(vectors, np.array([f"class {number}" for number in classes]))
    assert named == clustered(vectors, classes)
    assert 0.2 < named.agreement < 0.9


def test_classes_without_structure_agree_by_chance():
    random = np.random.default_rng(0)
    vectors, classes = random.normal(size=(400, 20)), random.integers(0, 4, 400)
    measured = clustered(vectors, classes)
    assert abs(measured.agreement) < 0.02
    assert measured.information < 0.04
    assert measured.purity < 0.36
    assert measured.neighbours == pytest.approx(0.25, abs=0.06)
    assert measured.intervals["agreement"].low < 0 < measured.intervals["agreement"].high


def test_the_same_every_time():
    vectors, classes = blobs(3.0)
    assert clustered(vectors, classes) == clustered(vectors, classes)


def test_neighbours_are_those_of_scikit_learn():
    """Two classes and five neighbours: no two classes have equally many."""
    random = np.random.default_rng(5)
    classes = np.arange(60) % 2
    vectors = random.normal(size=(60, 3)) + 0.8 * classes[:, None]
    expected = cross_val_predict(KNeighborsClassifier(5), vectors, classes, cv=LeaveOneOut())
    assert clustered(vectors, classes).neighbours == pytest.approx((expected == classes).mean())


def test_among_equals_the_nearest_votes():
    """On a line: of four neighbours of the middle two are of each class, and the nearest of them is of class 1."""
    vectors, classes = np.array([[0.0], [1.0], [-1.5], [-2.0], [2.5]]), np.array([1, 1, 0, 0, 1])
    votes = clusters._vote(vectors, classes, 4)
    assert votes.tolist() == [1, 1, 1, 1, 1]
    assert clusters._vote(vectors, classes, 1).tolist() == [1, 1, 0, 0, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40))
def test_scores_of_clusters_are_those_of_scikit_learn(pairs):
    classes, labels = np.array(pairs).T
    table = np.zeros((5, 4))
    np.add.at(table, (classes, labels), 1)
    assert clusters._information(table) == pytest.approx(
        metrics.normalized_mutual_info_score(classes, labels), abs=1e-9
    )
    assert clusters._agreement(table) == pytest.approx(metrics.adjusted_rand_score(classes, labels), abs=1e-9)
    by_hand = sum(np.bincount(classes[labels == label]).max() for label in np.unique(labels)) / len(labels)
    assert clusters._purity(table) == pytest.approx(by_hand)


def test_scores_of_a_table_by_hand():
    """Two classes of three; clusters {a, a, a, b} and {b, b}: 4 pairs in both, 6 and 7 in each, 42 / 15 by chance."""
    table = np.array([[3.0, 0.0], [1.0, 2.0]])
    assert clusters._agreement(table) == pytest.approx((4 - 2.8) / (6.5 - 2.8))
    assert clusters._purity(table) == pytest.approx(5 / 6)


def test_an_interval_leaves_every_object_out_once():
    """Of a share the jackknife is Student's interval of the mean."""
    table = np.array([[30.0, 10.0], [5.0, 25.0]])
    interval = clusters._over_objects(clusters._purity, table, 0.0)
    right = np.repeat([1.0, 0.0], [55, 15])
    half = 1.99495 * right.std(ddof=1) / np.sqrt(70)
    assert interval.value == pytest.approx(55 / 70)
    assert interval.half_width == pytest.approx(half, rel=1e-4)
    assert interval.n == 70


def test_intervals_of_the_agreement_hold_what_more_objects_would_show():
    """The expected table is known: how often the interval of 120 objects holds its index."""
    random = np.random.default_rng(8)
    shares = np.array([[0.25, 0.05, 0.03], [0.04, 0.28, 0.02], [0.06, 0.07, 0.2]])
    truth = float(clusters._agreement(shares * 1e9))
    covered = 0
    for _ in range(300):
        table = random.multinomial(120, shares.ravel()).reshape(3, 3).astype(float)
        interval = clusters._over_objects(clusters._agreement, table, -1.0)
        covered += interval.low <= truth <= interval.high
    assert 0.9 <= covered / 300 <= 0.99


def test_few_vectors_of_few_places_have_few_clusters():
    vectors, classes = np.repeat([[0.0, 0.0], [1.0, 1.0]], 3, axis=0), np.array([0, 0, 1, 1, 2, 2])
    measured = clustered(vectors, classes)
    assert measured.purity == pytest.approx(4 / 6)
    single = clustered(vectors, np.zeros(6))
    assert (single.information, single.agreement, single.purity, single.silhouette) == (1.0, 1.0, 1.0, None)
    assert "silhouette" not in single.intervals


@pytest.mark.parametrize(
    ("vectors", "classes", "message"),
    [
        (np.zeros((2, 3)), np.zeros(2), "three vectors"),
        (np.zeros((4, 3)), np.zeros(3), "three vectors"),
        (np.zeros(4), np.zeros(4), "three vectors"),
        (np.full((4, 3), np.nan), np.zeros(4), "not finite"),
    ],
)
def test_what_has_no_clusters_is_refused(vectors, classes, message):
    with pytest.raises(ValueError, match=message):
        clustered(vectors, classes)


def test_classes_are_apart_as_counted_by_hand():
    """Two pairs on a line: (0, 1) and (10, 12); silhouettes are 1 - a / b with a in the pair and b the mean beyond."""
    vectors, classes = np.array([[0.0], [1.0], [10.0], [12.0]]), np.array([4, 4, 7, 7])
    scored = separation(vectors, classes)
    by_hand = np.mean([1 - 1 / 11, 1 - 1 / 10, 1 - 2 / 9.5, 1 - 2 / 11.5])
    assert scored.silhouette == pytest.approx(by_hand)
    assert scored.nearest == 1.0
    assert clustered(vectors, classes).silhouette == pytest.approx(by_hand)
    assert separation(vectors, np.array([1, 2, 1, 2])).nearest == 0.0
    assert separation(vectors, np.zeros(4, int)).silhouette is None
