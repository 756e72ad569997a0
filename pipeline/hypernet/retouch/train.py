"""Making the trained model of a method."""

from __future__ import annotations

import numpy as np
import torch

from hypernet.lab.job import Job
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import EQUAL_TIME, TrainingRun
from hypernet.retouch.baselines.regressions import Fitted
from hypernet.retouch.config import (
    CycleTranslationSettings,
    FittedSettings,
    MethodSettings,
    NearestSettings,
    NetworkSettings,
    OracleSettings,
    PairedTranslationSettings,
    RidgeSettings,
    SharedSettings,
    UnpairedSettings,
)
from hypernet.retouch.core.functions import Retouching
from hypernet.retouch.core.stretch import StretchedMap, stretch_of, stretched
from hypernet.retouch.dataset import RetouchData, load, paired_views
from hypernet.retouch.methods import build
from hypernet.retouch.trained import VERSION, describe, open_model

EXAMPLES = 2


def train(job: Job[MethodSettings]) -> None:
    """Train a method on prepared photographs and write ``model.ckpt`` and ``run.json`` to the run's folder.

    Where the settings name ``equal_time_steps``, the same network is trained a second time from the start, for as many
    steps as take the hypernetwork's seconds; the file keeps both.
    """
    data = load(job.data)
    with TrainingRun(job) as run:
        settings = job.settings
        network = _fresh(job)
        content = describe(data.title)
        if isinstance(settings, NetworkSettings):
            run.facts["parameter_count"] = count_parameters(network)
            _learn(network, data, job, run)
            if (training := settings.train.again()) is not None:
                from hypernet.retouch.learning import learn

                again = _fresh(job)
                learn(again, data, settings.model_copy(update={"train": training}), run, job.threads, EQUAL_TIME)
                content["equal_time_state"] = again.cpu().state_dict()
        elif isinstance(settings, FittedSettings):
            run.facts["parameter_count"] = _fit(network, data, job)
        network = network.cpu().eval()
        run.save(content | {"state": network.state_dict()}, VERSION)
        example = _examples(data)
        if not isinstance(settings, OracleSettings):
            run.sign(example, open_model(job.model)(example))


def _fresh(job: Job[MethodSettings]) -> Retouching:
    """The untrained network, the same at every call."""
    torch.manual_seed(job.seed)
    return build(job.method, job.settings)


def _learn(network: Retouching, data: RetouchData, job: Job[MethodSettings], run: TrainingRun) -> None:
    """Train with steps. Lightning is imported here: it takes seconds, and what is fitted needs none of it."""
    settings = job.settings
    match settings:
        case UnpairedSettings():
            from hypernet.retouch.adversarial import learn_unpaired

            learn_unpaired(network, build(job.method, settings), data, settings, run, job.threads)
        case CycleTranslationSettings():
            from hypernet.retouch.adversarial import learn_cycle

            learn_cycle(network, build(job.method, settings), data, settings, run, job.threads)
        case PairedTranslationSettings():
            from hypernet.retouch.adversarial import learn_translation

            learn_translation(network, data, settings, run, job.threads)
        case NetworkSettings():
            from hypernet.retouch.learning import learn

            learn(network, data, settings, run, job.threads)


def _fit(network: Retouching, data: RetouchData, job: Job[MethodSettings]) -> int:
    """Fit without steps, on views of fresh degradations; returns the count of fitted numbers."""
    settings = job.settings
    assert isinstance(settings, SharedSettings | NearestSettings | RidgeSettings)
    random = numpy_generator(job.seed, "retouch", "fitted")
    given, wanted = paired_views(data, random, settings.method.samples, settings.network.thumbnail, settings.views)
    inner, shown = network, given
    if isinstance(network, StretchedMap):
        inner, given = network.inner, stretched(given, *stretch_of(given))
    assert isinstance(inner, Fitted)
    inner.fit(*(views.permute(0, 2, 3, 1).numpy() for views in (given, wanted, shown)))
    return sum(buffer.numel() for name, buffer in inner.named_buffers() if name != "map.start")


def _examples(data: RetouchData) -> np.ndarray:
    """Images that show what the model takes: float32 ``[2, H, W, 3]``."""
    images = [pair.input().astype(np.float32) / 255 for pair in data.pairs["test"][:EXAMPLES]]
    return np.stack([image for image in images if image.shape == images[0].shape])
