"""Ridge regression fitted to the patches of a data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hypernet.lab.randomness import numpy_generator
from hypernet.radar.baselines.patch_linear import NormalEquations, Patches, PatchLinear, choose
from hypernet.radar.config import RidgeMethod
from hypernet.radar.core.frames import RadarData
from hypernet.radar.sources.patches import PatchPlaces

PATCHES_AT_ONCE = 2000


def fit_ridge(data: RadarData, settings: RidgeMethod, seed: int) -> tuple[PatchLinear, dict[str, Any]]:
    """Fit to training patches, drawn as for the networks, and choose alpha on all validation patches.

    Returns:
        the regression, and facts for the run's record.
    """
    places = PatchPlaces(data, "train")
    equations = NormalEquations(data.geometry)
    chosen = places.draw(numpy_generator(seed, "radar", "ridge"), min(settings.patches, 4 * len(places)))
    # Wet patches are drawn several times. In the order of their frames: neighbours are read together.
    different, times = np.unique(chosen, return_counts=True)
    for some in _batches(len(different)):
        equations.add(*places.cut(different[some]), times[some])
    regression, losses = choose(equations, settings.alphas, _validation(data))
    best = min(losses, key=losses.__getitem__)
    return regression, {"alpha": best, "patches": equations.count, "validation_patch_loss": losses[best]}


def _batches(count: int) -> Iterator[np.ndarray]:
    for first in range(0, count, PATCHES_AT_ONCE):
        yield np.arange(first, min(first + PATCHES_AT_ONCE, count))


def _validation(data: RadarData) -> Iterator[Patches]:
    places = PatchPlaces(data, "validation")
    for some in _batches(len(places)):
        yield places.cut(some)
