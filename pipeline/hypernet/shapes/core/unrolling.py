"""Groups of unequal size as one flat array."""

from __future__ import annotations

import numpy as np


def unrolled(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of every member of groups of these sizes, and its place in the group, ``[sum of counts]`` each.

    >>> unrolled(np.array([2, 0, 3]))
    (array([0, 0, 2, 2, 2]), array([0, 1, 0, 1, 2]))
    """
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
