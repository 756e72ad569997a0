"""Making the trained model of a method."""

from __future__ import annotations

import numpy as np
import torch

from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import TrainingRun
from hypernet.radar.baselines.ridge import fit_ridge
from hypernet.radar.config import MethodSettings, RidgeSettings, TrainedSettings
from hypernet.radar.core.tiles import OnTiles, PatchNetwork
from hypernet.radar.dataset import load
from hypernet.radar.trained import VERSION, describe, module_of, open_model

EXAMPLES = 2


def train(job: Job[MethodSettings]) -> None:
    """Train a method on prepared images and write ``model.ckpt`` and ``run.json`` to the run's folder."""
    radar = load(job.data)
    with TrainingRun(job) as run:
        torch.manual_seed(job.seed)
        settings = job.settings
        network = module_of(settings, radar.geometry)
        if isinstance(settings, RidgeSettings):
            network, facts = fit_ridge(radar, settings.method, job.seed)
            run.facts |= facts
        run.facts["parameter_count"] = count_parameters(network)
        if isinstance(settings, TrainedSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.radar.learning import learn

            whole = OnTiles(network, radar.geometry) if isinstance(network, PatchNetwork) else network
            learn(network, whole, radar, settings, run, job.threads)
        run.save(describe(radar) | {"state": network.cpu().state_dict()}, VERSION)
        if job.method != "pysteps":
            example = radar.inputs("test", np.arange(min(EXAMPLES, len(radar.windows["test"]))))
            run.sign(example, open_model(job.model)(example))
