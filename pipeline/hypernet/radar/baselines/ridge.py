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
    # In the order of their frames: neighbours are read together.
    for some in _batches(np.sort(chosen)):
        equations.add(*places.cut(some))
    regression, losses = choose(equations, settings.alphas, _validation(data))
    best = min(losses, key=losses.__getitem__)
    return regression, {"alpha": best, "patches": equations.count, "validation_patch_loss": losses[best]}


def _batches(chosen: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(chosen), PATCHES_AT_ONCE):
        yield chosen[first : first + PATCHES_AT_ONCE]


def _validation(data: RadarData) -> Iterator[Patches]:
    places = PatchPlaces(data, "validation")
    for some in _batches(np.arange(len(places))):
        yield places.cut(some)
