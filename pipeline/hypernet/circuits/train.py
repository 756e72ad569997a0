"""Making the trained model of a method."""

from __future__ import annotations

import numpy as np
import torch

from hypernet.circuits.baselines.networks import PerLength
from hypernet.circuits.config import MethodSettings, NetworkSettings, RankedSettings
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.methods import build
from hypernet.circuits.trained import VERSION, describe, open_model
from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters, load_start
from hypernet.lab.runs.record import TrainingRun

EXAMPLES = 3


def train(job: Job[MethodSettings]) -> None:
    """Train a method on drawn circuits and write ``model.ckpt`` and ``run.json`` to the run's folder.

    The genetic algorithm has nothing to train, and simulator-ranked decoding takes the network of ``ours``, whose run
    lies beside its own.

    Raises:
        UserError: the run that this one goes on from is missing.
    """
    circuits = CircuitData.load(job.data)
    start, known = load_start(job, VERSION)
    with TrainingRun(job, start) as run:
        content = describe(circuits)
        if isinstance(job.settings, NetworkSettings):
            content["state"] = _train_network(circuits, job.settings, run)
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


def _train_network(circuits: CircuitData, settings: NetworkSettings, run: TrainingRun) -> dict[str, torch.Tensor]:
    # Imported here: it takes seconds, and the methods with nothing to train need none of it.
    from hypernet.circuits.learning import learn

    torch.manual_seed(run.job.seed)
    lengths = circuits.sampler.lengths.tolist()
    network = build(settings, circuits.probe, lengths, len(circuits.values), circuits.mean, circuits.deviation)
    run.facts["parameter_count"] = count_parameters(network)
    learn(network, circuits, settings, isinstance(network, PerLength), run, run.job.threads)
    return network.cpu().state_dict()
