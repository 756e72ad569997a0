"""Molecules for tests: atoms at random, not nearer than atoms are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hypernet.molecules.core.molecules import Molecules, joined, molecule


def random_molecules(seed: int, sizes: Sequence[int], elements: Sequence[int] = (1, 6, 7, 8)) -> Molecules:
    """One of each size; atoms stand on a grid of 1.1 Å, shaken, so that none are near each other."""
    generator = np.random.default_rng(seed)
    grid = 1.1 * np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    made = []
    for place, size in enumerate(sizes):
        positions = grid[generator.permutation(len(grid))[:size]] + generator.uniform(-0.2, 0.2, (size, 3))
        made.append(molecule(generator.choice(elements, size), positions, f"molecule {place}"))
    return joined(made)
