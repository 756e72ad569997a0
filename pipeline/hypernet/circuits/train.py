"""Making the trained model of a method."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hypernet.circuits.baselines.networks import PerLength
from hypernet.circuits.config import MethodSettings, NetworkSettings, RankedSettings
from hypernet.circuits.core.cells import ChainDecoder
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.methods import build
from hypernet.circuits.trained import VERSION, describe, open_model
from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters, load_start
from hypernet.lab.runs.record import EQUAL_TIME, TrainingRun

EXAMPLES = 3


def train(job: Job[MethodSettings]) -> None:
    """Train a method on drawn circuits and write ``model.ckpt`` and ``run.json`` to the run's folder.

    Where the settings name ``equal_time_steps``, the same network is trained a second time from the start, for as many
    steps as take the seconds of ``ours_lowrank``; the file keeps both. The genetic algorithm has nothing to train, and
    simulator-ranked decoding takes the network of another method, whose run lies beside its own.

    Raises:
        UserError: the run that this one goes on from is missing.
    """
    circuits = CircuitData.load(job.data)
    start, known = load_start(job, VERSION)
    with TrainingRun(job, start) as run:
        content = describe(circuits)
        if isinstance(job.settings, NetworkSettings):
            content |= _train_network(circuits, job.settings, run)
        elif isinstance(job.settings, RankedSettings):
            content |= {"network": known["settings"], "state": known["state"]}
            run.facts["parameter_count"] = known["parameter_count"]
        content["parameter_count"] = run.facts["parameter_count"]
        run.save(content, VERSION)
        if "state" in content:
            example = np.ascontiguousarray(circuits.test_response[:EXAMPLES])
            designer = open_model(job.model)
            if designer.knows_the_end:
                run.sign(example, designer(example))


def _train_network(circuits: CircuitData, settings: NetworkSettings, run: TrainingRun) -> dict[str, Any]:
    """The weights after the training, and after the second one where there is one, by their names in the file."""
    # Imported here: it takes seconds, and the methods with nothing to train need none of it.
    from hypernet.circuits.learning import learn

    network = _fresh(circuits, settings, run.job.seed)
    run.facts["parameter_count"] = count_parameters(network)
    learn(network, circuits, settings, isinstance(network, PerLength), run, run.job.threads)
    content = {"state": network.cpu().state_dict()}
    training = settings.train.again()
    if training == settings.train:
        # The second training would be the first again.
        run.facts[EQUAL_TIME] = {
            name: run.facts[name] for name in ("seconds", "processor_seconds", "best_step", "history")
        }
        return content | {"equal_time_state": content["state"]}
    if training is not None:
        again = _fresh(circuits, settings, run.job.seed)
        changed = settings.model_copy(update={"train": training})
        learn(again, circuits, changed, isinstance(again, PerLength), run, run.job.threads, EQUAL_TIME)
        content["equal_time_state"] = again.cpu().state_dict()
    return content


def _fresh(circuits: CircuitData, settings: NetworkSettings, seed: int) -> ChainDecoder | PerLength:
    """The untrained network, the same at every call."""
    torch.manual_seed(seed)
    sampler = circuits.sampler
    lengths, values = sampler.lengths.tolist(), len(circuits.values)
    return build(
        settings, circuits.probe, lengths, values, circuits.mean, circuits.deviation, resonators=sampler.resonators
    )
