"""Making the trained model of a method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hypernet.lab.machine import use_threads
from hypernet.lab.runs.models import count_parameters, save_model
from hypernet.lab.runs.record import TrainingRun
from hypernet.radar.baselines.ridge import fit_ridge
from hypernet.radar.config import MethodSettings, NetworkSettings, RidgeSettings
from hypernet.radar.core.tiles import OnTiles, PatchNetwork
from hypernet.radar.dataset import load
from hypernet.radar.trained import describe, forecasts_patches, module_of, open_model

LOADER = "hypernet.radar.trained:open_model"
EXAMPLES = 2


def train(
    dataset: str,
    method: str,
    seed: int,
    data: Path,
    out: Path,
    settings: MethodSettings,
    program: str,
    threads: int,
) -> None:
    """Train ``method`` on prepared images and write ``model.ckpt`` and ``run.json`` to ``out``."""
    radar = load(data)
    use_threads(threads)
    with TrainingRun("radar", dataset, method, seed, data, out, settings, program) as run:
        torch.manual_seed(seed)
        network = module_of(settings, radar.geometry)
        if isinstance(settings, RidgeSettings):
            network, facts = fit_ridge(radar, settings.method, seed)
            run.facts |= facts
        run.facts |= {"parameter_count": count_parameters(network), "data": str(data)}
        if isinstance(settings, NetworkSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.radar.learning import learn

            patches = forecasts_patches(settings)
            whole = OnTiles(network, radar.geometry) if isinstance(network, PatchNetwork) else network
            learn(network, whole, patches, radar, settings.train, run, threads)
        content = describe(dataset, method, radar.title, radar.geometry, settings)
        model = out / "model.ckpt"
        save_model(model, content | {"state": network.cpu().state_dict()})
        if method != "pysteps":
            forecaster = open_model(model)
            example = radar.inputs("test", np.arange(min(EXAMPLES, len(radar.windows["test"]))))
            run.tracker.model(model, LOADER, example, forecaster(example))
