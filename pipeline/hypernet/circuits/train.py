"""Making the trained model of a method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.circuits.baselines.networks import PerLength
from hypernet.circuits.config import RANKED_FROM, NetworkSettings, RankedSettings
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.methods import build
from hypernet.circuits.trained import describe, open_model
from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.machine import use_threads
from hypernet.lab.runs.models import count_parameters, load_model, save_model
from hypernet.lab.runs.record import TrainingRun

LOADER = "hypernet.circuits.trained:open_model"
EXAMPLES = 3


def train(
    dataset: str,
    method: str,
    seed: int,
    data: Path,
    out: Path,
    settings: Section,
    program: str,
    threads: int,
) -> None:
    """Train ``method`` on drawn circuits and write ``model.ckpt`` and ``run.json`` to ``out``.

    The genetic algorithm has nothing to train, and simulator-ranked decoding takes the network of ``ours``, whose run
    lies beside its own.

    Raises:
        UserError: the run that this one goes on from is missing.
    """
    circuits = CircuitData.load(data)
    use_threads(threads)
    start = _start(method, out, settings)
    with TrainingRun("circuits", dataset, method, seed, data, out, settings, program, start) as run:
        content = describe(dataset, method, settings, circuits)
        # The page asks for it, of methods with nothing to train too.
        run.facts["parameter_count"] = 0
        if isinstance(settings, NetworkSettings):
            content["state"] = _train_network(circuits, settings, run, threads)
        elif isinstance(settings, RankedSettings):
            assert start is not None
            known = _read_start(start)
            content |= {"network": known["settings"], "state": known["state"]}
            run.facts["parameter_count"] = known["parameter_count"]
        content["parameter_count"] = run.facts["parameter_count"]
        model = out / "model.ckpt"
        save_model(model, content)
        if "state" in content:
            example = np.ascontiguousarray(circuits.test_response[:EXAMPLES])
            designer = open_model(model)
            if designer.knows_the_end:
                run.tracker.model(model, LOADER, example, designer(example))


def _start(method: str, out: Path, settings: Section) -> Path | None:
    if not isinstance(settings, RankedSettings):
        return None
    path = out.parents[1] / RANKED_FROM / out.name / "model.ckpt"
    if not path.is_file():
        raise UserError(f"{path}: not there; {method} goes on from {RANKED_FROM}, train that one first")
    return path


def _read_start(path: Path) -> dict[str, Any]:
    content = load_model(path)
    if not isinstance(content, dict) or content.get("method") != RANKED_FROM:
        raise UserError(f"{path}: not a model of {RANKED_FROM}; train that one again")
    return content


def _train_network(
    circuits: CircuitData, settings: NetworkSettings, run: TrainingRun, threads: int
) -> dict[str, torch.Tensor]:
    # Imported here: it takes seconds, and the methods with nothing to train need none of it.
    from hypernet.circuits.learning import learn

    torch.manual_seed(run.identity["seed"])
    lengths = circuits.sampler.lengths.tolist()
    network = build(settings, circuits.probe, lengths, len(circuits.values), circuits.mean, circuits.deviation)
    run.facts["parameter_count"] = count_parameters(network)
    learn(network, circuits, settings, isinstance(network, PerLength), run, threads)
    return network.cpu().state_dict()
