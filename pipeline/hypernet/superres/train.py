"""Making the trained model of a method."""

from __future__ import annotations

import torch
from torch import nn

from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import EQUAL_TIME, TrainingRun
from hypernet.superres.baselines.oracle import FittedImages
from hypernet.superres.config import MethodSettings, NetworkSettings, OracleSettings
from hypernet.superres.dataset import DigitData, load
from hypernet.superres.methods import build
from hypernet.superres.trained import VERSION, describe, open_model

EXAMPLES = 2


def train(job: Job[MethodSettings]) -> None:
    """Train a method on prepared images and write ``model.ckpt`` and ``run.json`` to the run's folder.

    Where the settings name ``equal_time_steps``, the same network is trained a second time from the start, for as many
    steps as take the hypernetwork's seconds; the file keeps both.
    """
    data = load(job.data)
    with TrainingRun(job) as run:
        settings = job.settings
        network = _fresh(job)
        content = describe(data.title)
        if isinstance(settings, NetworkSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.superres.learning import learn

            run.facts["parameter_count"] = count_parameters(network)
            learn(network, data, settings.train, run, job.threads)
            if (training := settings.train.again()) is not None:
                again = _fresh(job)
                learn(again, data, training, run, job.threads, EQUAL_TIME)
                content["equal_time_state"] = again.cpu().state_dict()
        elif isinstance(network, FittedImages):
            assert isinstance(settings, OracleSettings)
            _fit(network, data, settings)
            run.facts["parameter_count"] = network.theta.shape[1]
        network = network.cpu().eval()
        run.save(content | {"state": network.state_dict()}, VERSION)
        example = data.splits["test"].low[:EXAMPLES].numpy()
        run.sign(example, open_model(job.model)(example))


def _fresh(job: Job[MethodSettings]) -> nn.Module:
    """The untrained network, the same at every call."""
    torch.manual_seed(job.seed)
    return build(job.method, job.settings)


def _fit(network: FittedImages, data: DigitData, settings: OracleSettings) -> None:
    test, count = data.splits["test"], settings.method.images
    network.fit(test.low[:count], test.high[:count], settings.method.steps, settings.method.learning_rate)
