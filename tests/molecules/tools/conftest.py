"""Models of the real form whose networks were not trained, on the first molecules of QM9."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from hypernet.lab.runs.models import save_model
from hypernet.molecules.baselines.composition import fit_composition
from hypernet.molecules.config import NetworkSettings
from hypernet.molecules.core.targets import TARGETS, free_atoms
from hypernet.molecules.core.units import factor
from hypernet.molecules.methods import build
from hypernet.molecules.trained import VERSION, NetworkRegressor

SMALL = (
    "network.channels=8",
    "network.steps=2",
    "network.envelope=false",
    "schnet.channels=8",
    "schnet.filters=8",
    "schnet.interactions=2",
)
TRAINED, HELD_OUT = 200, 60


class Made(NamedTuple):
    """How a model is made: its method, the seed of its weights, its property, further settings, its data's name."""

    method: str = "hyper"
    seed: int = 0
    target: str = "U0"
    settings: tuple[str, ...] = ()
    title: str = "QM9, the first"
    held_out: int = HELD_OUT


MODELS = {
    "hyper": Made(),
    "again": Made(seed=1),
    "third": Made(seed=2),
    "schnet": Made("schnet"),
    "composition": Made("composition"),
    "gap": Made(target="gap"),
    "zpve": Made(target="zpve"),
    "mu": Made(target="mu"),
    "smooth": Made("nmp_edge", settings=("network.envelope=true",)),
    "elsewhere": Made(seed=3, title="QM9, the last"),
    "otherwise": Made(seed=3, held_out=HELD_OUT - 1),
}


@pytest.fixture(scope="session")
def models(section, rows, tmp_path_factory) -> dict[str, Path]:
    """``model.ckpt`` by name, each in a folder of its own: the formula's part is fitted, the network is not trained."""
    train = rows.molecules.take(np.arange(TRAINED))
    paths = {}
    for name, made in MODELS.items():
        target = TARGETS[made.target]
        held_out = rows.molecules.take(np.arange(TRAINED, TRAINED + made.held_out))
        values = rows.values[target.name] * factor(target.raw_unit, target.unit, target.dimension)
        if target.atomization:
            values = values - rows.molecules.per_molecule(free_atoms(target.name, rows.molecules.numbers))
        settings = section("molecules", *SMALL, *made.settings).settings("train", "qm9_7heavy_U0", made.method)
        average = target.readout == "mean"
        offset = fit_composition(train, values[:TRAINED], average, (1, 6, 7, 8, 9), 1e-6)
        content = {
            "domain": "molecules",
            "version": VERSION,
            "method": made.method,
            "settings": settings.model_dump(mode="json"),
            "title": f"{made.title}: {target.name}",
            "target": asdict(target),
            "elements": [1, 6, 7, 8, 9],
            "most_heavy": int(train.heavy_atoms.max()),
            "most_atoms": int(train.counts.max()),
        }
        predictor = offset
        if isinstance(settings, NetworkSettings):
            torch.manual_seed(made.seed)
            network = build(settings, average)
            content |= {"offset": offset.state(), "scale": 0.1}
            predictor = NetworkRegressor(network, offset, 0.1, settings.graph)
            content["state"] = network.cpu().state_dict()
        else:
            content["state"] = offset.state()
        content["validation"] = {
            "names": held_out.names,
            "predicted": torch.from_numpy(predictor.predict(held_out)),
            "true": torch.from_numpy(values[TRAINED : TRAINED + made.held_out]),
        }
        paths[name] = tmp_path_factory.mktemp(name) / "model.ckpt"
        save_model(paths[name], content)
    return paths


@pytest.fixture
def water(tiny):
    """Water, at a geometry of its own."""
    return tiny.take([0])
