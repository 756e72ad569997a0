"""Making the trained model of a method."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import EQUAL_TIME, TrainingRun
from hypernet.molecules.baselines.composition import Composition, fit_composition
from hypernet.molecules.baselines.schnet import SchNet
from hypernet.molecules.config import BaseSettings, MethodSettings, NetworkSettings, PassingSettings, WideSettings
from hypernet.molecules.core.network import MessagePassing
from hypernet.molecules.core.regressor import Regressor
from hypernet.molecules.core.start import level
from hypernet.molecules.dataset import PropertyData, described, load
from hypernet.molecules.methods import build, fit
from hypernet.molecules.trained import VERSION, NetworkRegressor, open_model, packed

EXAMPLES = 2
# Molecules by which the starting weights are scaled.
LEVELLED_BY = 100
# Of the ridge regression that is taken off before a network learns the rest.
OFFSET_ALPHA = 1e-6


def train(job: Job[MethodSettings]) -> None:
    """Train a method on prepared molecules and write ``model.ckpt`` and ``run.json`` to the run's folder.

    Where the settings name ``equal_time_steps``, the same network is trained a second time from the start, for as many
    steps as take the hypernetwork's seconds; the file keeps both.
    """
    data = load(job.data)
    with TrainingRun(job) as run:
        settings = job.settings
        content: dict[str, Any] = described(data)
        regressor: Regressor | NetworkRegressor
        if isinstance(settings, NetworkSettings):
            regressor = _trained(job, settings, data, run, content)
        else:
            regressor = fit(settings, data)
            run.facts["parameter_count"] = regressor.parameter_count
            content["state"] = regressor.state()
        molecules, true = data.part("validation")
        content["validation"] = {
            "names": molecules.names,
            "predicted": torch.from_numpy(regressor.predict(molecules)),
            "true": torch.from_numpy(true),
        }
        run.save(content, VERSION)
        example = packed(data.molecules.take(data.splits["test"][:EXAMPLES]))
        run.sign(example, open_model(job.model)(example))


def _trained(
    job: Job[MethodSettings],
    settings: NetworkSettings,
    data: PropertyData,
    run: TrainingRun,
    content: dict[str, Any],
) -> NetworkRegressor:
    # Imported here: it takes seconds, and the methods without a network need none of it.
    from hypernet.molecules.learning import learn

    offset, scale = normalisation(data, settings.train.offset)
    wanted = (data.values - offset.predict(data.molecules)) / scale
    shown = scale * data.target.shown_factor
    content |= {"offset": offset.state(), "scale": scale}
    network = _fresh(job, settings, data)
    run.facts["parameter_count"] = count_parameters(network)
    learn(network, data, wanted, shown, settings.train, run, job.threads)
    content["state"] = network.cpu().state_dict()
    if (training := settings.train.again()) is not None:
        again = _fresh(job, settings, data)
        learn(again, data, wanted, shown, training, run, job.threads, EQUAL_TIME)
        content["equal_time_state"] = again.cpu().state_dict()
    return NetworkRegressor(network, offset, scale, settings.graph)


def _fresh(job: Job[MethodSettings], settings: NetworkSettings, data: PropertyData) -> MessagePassing | SchNet:
    """The untrained network, the same at every call."""
    torch.manual_seed(job.seed)
    network = build(settings, data.target.readout == "mean")
    if isinstance(network, MessagePassing) and network.change.levelled and _levelled(settings):
        rows = data.splits["train"]
        level(network, data.graphs.batch(rows[: min(len(rows), LEVELLED_BY)]))
    return network


def _levelled(settings: NetworkSettings) -> bool:
    return isinstance(settings, PassingSettings | WideSettings | BaseSettings) and settings.network.levelled


def normalisation(data: PropertyData, offset: str) -> tuple[Composition, float]:
    """What is taken off the property, and by what the rest is divided, both of the molecules for training alone.

    Args:
        data: the data set.
        offset: ``atom`` or ``composition``, see ``config.Training``.

    Returns:
        the scale of a property that is added up is that of an atom's part.
    """
    train, values = data.part("train")
    average = data.target.readout == "mean"
    elements = data.elements if offset == "composition" else ()
    fitted = fit_composition(train, values, average, elements, OFFSET_ALPHA)
    rest = values - fitted.predict(train)
    scale = float(np.std(rest if average else rest / train.counts))
    # Of molecules that all have the same.
    return fitted, scale if scale > 0 else 1.0
