"""Different circuits with one response: a network cannot tell them apart, so a data set keeps one of them.

A tee of three equal resistors is such a case: with a catalogue of 1, 2 and 3 it equals a pi. Among the ladders of
length 4 with three values of E3 only two pairs are that near (`docs/circuits.md`).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

# Compressed responses nowhere further apart than this count as one.
SAME = 1e-3
# Coordinates in which neighbours are searched before all are compared.
PROBES = 8


def same_responses(response: np.ndarray) -> np.ndarray:
    """Groups of circuits whose responses are the same.

    Args:
        response: compressed, ``[N, C, d]``.

    Returns:
        number of the group of each circuit, ``[N]``.
    """
    flat = response.reshape(len(response), -1)
    # The coordinates that differ most, some way apart, make few false neighbours.
    chosen = np.argsort(flat.std(axis=0))[:: -max(1, flat.shape[1] // (4 * PROBES))][:PROBES]
    pairs = cKDTree(flat[:, chosen]).query_pairs(SAME, p=np.inf, output_type="ndarray")
    block = 2**20 // flat.shape[1] + 1
    same = np.concatenate(
        [np.zeros(0, bool)]
        + [
            (np.abs(flat[pairs[first : first + block, 0]] - flat[pairs[first : first + block, 1]]) < SAME).all(axis=1)
            for first in range(0, len(pairs), block)
        ]
    )
    left, right = pairs[same].T
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(len(flat), len(flat)))
    groups: np.ndarray = connected_components(graph, directed=False)[1]
    return groups


def doubles(response: np.ndarray, names: list[str]) -> tuple[list[str], int]:
    """Which circuits to leave out so that no two have one response.

    Args:
        response: compressed, ``[N, C, d]``.
        names: canonical texts.

    Returns:
        the texts of all but the smallest of each group, and how many circuits share their response with another.
    """
    group = same_responses(response)
    sizes = np.bincount(group)
    shared = np.flatnonzero(sizes[group] > 1)
    members: dict[int, list[str]] = {}
    for place in shared:
        members.setdefault(int(group[place]), []).append(names[place])
    return sorted(name for group_names in members.values() for name in sorted(group_names)[1:]), len(shared)
