"""How well a space tells classes apart that nobody named when it was made: by neighbours, and by clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hypernet.lab.libraries import library
from hypernet.lab.results.statistics import Interval, jackknife, mean_t, wilson

# Dimensions that k-means is given, and neighbours that vote.
DIMENSIONS, NEIGHBOURS = 50, 5
# Starts of k-means; the best is kept.
STARTS = 10
# The extra of this project that installs scikit-learn for the domains whose spaces are looked at.
EXTRA = "shapes"


@dataclass(frozen=True)
class Separation:
    """How well a space tells classes apart.

    Attributes:
        silhouette: mean silhouette coefficient (Rousseeuw 1987), -1 to 1; above 0 objects are nearer to their own class
            than to the next one. None with fewer than two classes of two objects.
        nearest: share of the objects whose nearest other one is of their class, in [0, 1].
    """

    silhouette: float | None
    nearest: float

    def __str__(self) -> str:
        score = "" if self.silhouette is None else f"silhouette score {self.silhouette:.2f}, ".replace("-", "−")
        return f"{score}nearest neighbour of the same class {100 * self.nearest:.0f} %"


def separation(vectors: np.ndarray, classes: np.ndarray) -> Separation:
    """Of vectors ``[n, E]`` with classes ``[n]``, by Euclidean distances."""
    silhouettes = _silhouettes(vectors, classes)
    nearest = float((classes[_distances(vectors).argmin(axis=1)] == classes).mean())
    return Separation(None if silhouettes is None else float(np.mean(silhouettes)), nearest)


@dataclass(frozen=True)
class Clustered:
    """How well clusters and neighbours of a space agree with classes.

    Attributes:
        information: normalised mutual information of clusters and classes, in [0, 1], normalised by the mean of the two
            entropies (Strehl and Ghosh 2002); random clusters have some.
        agreement: adjusted Rand index (Hubert and Arabie 1985), 1 at best, about 0 for random clusters.
        purity: share of the objects that are of the commonest class of their cluster, in (0, 1].
        neighbours: share of the objects whose class is the commonest among their nearest others (five unless told), in
            [0, 1]; among equals the class that has the nearest of them.
        silhouette: mean silhouette coefficient of the classes, -1 to 1; None with fewer than two classes of two
            objects.
        intervals: 95 % intervals over objects, by the names above. Those of the clusters hold for the clusters as they
            are: other objects would have made others.
    """

    information: float
    agreement: float
    purity: float
    neighbours: float
    silhouette: float | None
    intervals: dict[str, Interval]


def clustered(
    vectors: np.ndarray, classes: np.ndarray, clusters: int | None = None, neighbours: int = NEIGHBOURS
) -> Clustered:
    """Clusters and neighbours in a space against classes; the same every time.

    k-means sees the first 50 principal components; neighbours and silhouettes are of the whole space.

    Args:
        vectors: ``[n, E]``.
        classes: of each, ``[n]``.
        clusters: how many; as many as classes unless given.
        neighbours: how many others of each object vote.

    Raises:
        ValueError: fewer than three vectors, one that is not finite, or classes of another number.
    """
    vectors, classes = np.asarray(vectors, dtype=np.float64), np.asarray(classes)
    if vectors.ndim != 2 or len(vectors) < 3 or classes.shape != vectors.shape[:1]:
        raise ValueError(
            f"at least three vectors [n, E] with classes [n] are needed, got {vectors.shape}, {classes.shape}"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("vectors that are not finite have no clusters")
    names, classes = np.unique(classes, return_inverse=True)
    labels = _kmeans(vectors, clusters or len(names))
    table = np.zeros((len(names), labels.max() + 1))
    np.add.at(table, (classes, labels), 1)
    right = _vote(vectors, classes, min(neighbours, len(vectors) - 1)) == classes
    silhouettes = _silhouettes(vectors, classes)
    bounds = {"information": (_information, 0.0), "agreement": (_agreement, -1.0), "purity": (_purity, 0.0)}
    intervals = {name: _over_objects(score, table, least) for name, (score, least) in bounds.items()}
    intervals["neighbours"] = wilson(int(right.sum()), len(right))
    if silhouettes is not None:
        intervals["silhouette"] = mean_t(silhouettes)
    return Clustered(
        information=intervals["information"].value,
        agreement=intervals["agreement"].value,
        purity=intervals["purity"].value,
        neighbours=intervals["neighbours"].value,
        silhouette=intervals["silhouette"].value if "silhouette" in intervals else None,
        intervals=intervals,
    )


def _distances(vectors: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs, infinite from each to itself, ``[n, n]``."""
    vectors = vectors.astype(np.float64)
    squares = (vectors**2).sum(axis=1)
    distances: np.ndarray = squares[:, None] + squares - 2 * vectors @ vectors.T
    np.fill_diagonal(distances, np.inf)
    return distances


def _silhouettes(vectors: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Silhouette coefficient of each vector, ``[n]``."""
    if not 2 <= len(np.unique(classes)) < len(classes):
        return None
    samples: np.ndarray = library("sklearn.metrics", "scikit-learn", EXTRA).silhouette_samples(vectors, classes)
    return samples


def _kmeans(vectors: np.ndarray, clusters: int) -> np.ndarray:
    """Cluster of each vector, ``[n]``, by k-means on the first principal components."""
    decomposition = library("sklearn.decomposition", "scikit-learn", EXTRA)
    cluster = library("sklearn.cluster", "scikit-learn", EXTRA)
    # Several threads add in any order, and the last bits would differ from run to run.
    with library("threadpoolctl", "threadpoolctl", EXTRA).threadpool_limits(1):
        components = decomposition.PCA(min(DIMENSIONS, *vectors.shape), random_state=0).fit_transform(vectors)
        # Equal vectors cannot be two clusters.
        different = len(np.unique(vectors, axis=0))
        means = cluster.KMeans(min(clusters, different), n_init=STARTS, random_state=0)
        labels: np.ndarray = means.fit_predict(components)
    return labels


def _vote(vectors: np.ndarray, classes: np.ndarray, neighbours: int) -> np.ndarray:
    """The commonest class among the nearest others of each vector, ``[n]``."""
    order = np.argsort(_distances(vectors), axis=1, kind="stable")[:, :neighbours]
    votes = classes[order]
    counts = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    # The first of the largest: the nearest.
    chosen: np.ndarray = votes[np.arange(len(votes)), counts.argmax(axis=1)]
    return chosen


def _over_objects(score: Callable[[np.ndarray], np.ndarray], table: np.ndarray, least: float) -> Interval:
    """Interval of a score of objects counted by class and cluster, ``[C, K]``.

    Each object is left out once: resampled, objects would agree with their copies.
    """
    classes, labels = np.nonzero(table)
    without = np.repeat(table[None], len(classes), axis=0)
    without[np.arange(len(classes)), classes, labels] -= 1
    interval = jackknife(float(score(table[None])[0]), score(without), table[classes, labels])
    return Interval(interval.value, max(interval.low, least), min(interval.high, 1.0), interval.n)


def _entropy(counts: np.ndarray) -> np.ndarray:
    """Of counts ``[..., k]`` along the last axis, in nats."""
    shares = counts / counts.sum(axis=-1, keepdims=True)
    entropy: np.ndarray = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=-1)
    return entropy


def _information(tables: np.ndarray) -> np.ndarray:
    """Normalised mutual information of tables ``[..., C, K]``: 2 I(c, k) / (H(c) + H(k)); 1 where all is one."""
    classes, labels = _entropy(tables.sum(axis=-1)), _entropy(tables.sum(axis=-2))
    shared = classes + labels - _entropy(tables.reshape(*tables.shape[:-2], -1))
    whole = classes + labels
    information: np.ndarray = np.where(whole > 0, 2 * np.maximum(shared, 0) / np.where(whole > 0, whole, 1.0), 1.0)
    return information


def _agreement(tables: np.ndarray) -> np.ndarray:
    """Adjusted Rand index of tables ``[..., C, K]``: pairs that are together in both, less those by chance."""

    def pairs(counts: np.ndarray) -> np.ndarray:
        together: np.ndarray = 0.5 * counts * (counts - 1)
        return together

    both = pairs(tables).sum(axis=(-2, -1))
    classes, labels = pairs(tables.sum(axis=-1)).sum(axis=-1), pairs(tables.sum(axis=-2)).sum(axis=-1)
    chance = classes * labels / pairs(tables.sum(axis=(-2, -1)))
    most = 0.5 * (classes + labels)
    agreement: np.ndarray = np.where(most > chance, (both - chance) / np.where(most > chance, most - chance, 1.0), 1.0)
    return agreement


def _purity(tables: np.ndarray) -> np.ndarray:
    purity: np.ndarray = tables.max(axis=-2).sum(axis=-1) / tables.sum(axis=(-2, -1))
    return purity
