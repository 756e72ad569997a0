"""A trained network opened again: responses in, circuits out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.circuits.baselines.networks import PerLength
from hypernet.circuits.config import LONGEST, SETTINGS, NetworkSettings, RankedSettings
from hypernet.circuits.core.features import COMPRESSIONS, Probe
from hypernet.circuits.core.writing import Chains, write
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.methods import TITLES, build
from hypernet.circuits.model import CircuitHypernetwork
from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored

# Numbers of values are kept in eight bits.
LARGEST_GRID, LARGEST_CATALOGUE = 4096, 127


def _rise(numbers: np.ndarray) -> bool:
    return numbers.ndim == 1 and bool(np.isfinite(numbers).all() and (np.diff(numbers, prepend=0.0) > 0).all())


def _is_plain(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_complex()


def describe(dataset: str, method: str, settings: Section, data: CircuitData) -> dict[str, Any]:
    """What a model file says beside its weights, in plain types and tensors."""
    return {
        "domain": "circuits",
        "dataset": dataset,
        "method": method,
        "settings": settings.model_dump(mode="json"),
        "title": data.title,
        "excitations": [list(one) for one in data.probe.excitations],
        "features": data.probe.compression,
        "lengths": data.sampler.lengths.tolist(),
        "values": data.values.tolist(),
        "frequency": torch.from_numpy(data.probe.frequency),
        "mean": torch.from_numpy(data.mean),
        "deviation": torch.from_numpy(data.deviation),
    }


class Designer:
    """A network read from ``model.ckpt``.

    Calling it with compressed responses float32 ``[B, C, d]`` gives one circuit each, float64 ``[B, longest, 2]``: kind
    (0..5, -1 behind the end) and normalised value (0 behind the end).

    Args:
        content: what :func:`hypernet.lab.runs.models.load_model` returned.

    Attributes:
        method: method id.
        title: name of the data set for people.
        probe: how circuits are measured: frequencies, excitations, compression.
        values: the catalogue, normalised, ``[K]``.
        lengths: numbers of parts that it was trained on.
        longest: the largest of them.
        network: the network.
        settings: of the method.
    """

    def __init__(self, content: dict[str, Any]):
        self.method, self.title = content["method"], content["title"]
        self.settings = SETTINGS[self.method].model_validate(content["settings"])
        ranked = isinstance(self.settings, RankedSettings)
        network = SETTINGS["ours"].model_validate(content["network"]) if ranked else self.settings
        if not isinstance(network, NetworkSettings):
            raise ValueError(f"{TITLES[self.method]} has no network")  # noqa: TRY004 (a file's content, not a type)
        self.values = np.array(content["values"], dtype=np.float64)
        self.lengths = [int(one) for one in content["lengths"]]
        frequency = content["frequency"].double().numpy()
        if content["features"] not in COMPRESSIONS or not 1 <= min(self.lengths) <= max(self.lengths) <= LONGEST:
            raise ValueError("features or lengths that this version does not know")
        if len(frequency) > LARGEST_GRID or not 1 <= len(self.values) <= LARGEST_CATALOGUE:
            raise ValueError("a grid or a catalogue that is too large")
        if not (_rise(frequency) and _rise(self.values)):
            raise ValueError("frequencies or values that are not positive and rising")
        if not all(isinstance(one, torch.Tensor) and _is_plain(one) for one in content["state"].values()):
            raise ValueError("weights that are no dense real numbers")
        self.probe = Probe(frequency, [tuple(one) for one in content["excitations"]], content["features"])
        self.longest = max(self.lengths)
        statistics = (content[name].float().numpy() for name in ("mean", "deviation"))
        # Without memory for the weights until their shapes are known to be those in the file.
        with torch.device("meta"):
            self.network = build(network, self.probe, self.lengths, len(self.values), *statistics)
        self.network.load_state_dict(content["state"], assign=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network.float().to(self.device).eval()

    @property
    def knows_the_end(self) -> bool:
        """Whether it finds the number of parts itself; a family with a network per length must be told."""
        return not isinstance(self.network, PerLength)

    def write(
        self, response: np.ndarray, samples: int = 0, seed: int = 0, length: int | None = None, temperature: float = 1.0
    ) -> Chains:
        """Circuits for compressed responses ``[T, C, d]``: the greedy answer, then ``samples`` drawn ones.

        Raises:
            UserError: this method must be told the number of parts.
        """
        if length is None and not self.knows_the_end:
            raise UserError(f"{TITLES[self.method]} must be told the number of parts; take a model of another method")
        tensor = torch.from_numpy(np.asarray(response, dtype=np.float32)).to(self.device)
        network = self.network.for_length(length)
        generator = torch.Generator(self.device).manual_seed(seed)
        return write(network, tensor, self.longest, samples, generator, temperature)

    def sizes(self, chains: Chains) -> np.ndarray:
        """Normalised values of the parts of written circuits; 1 where there is none."""
        return np.where(chains.kinds >= 0, self.values[chains.classes], 1.0)

    def candidates(self, response: np.ndarray, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The greedy answer and drawn ones: kinds int8 and values, ``[T, 1 + samples, longest]`` each."""
        chains = self.write(response, samples, seed)
        return chains.kinds, self.sizes(chains)

    def weights(self, response: np.ndarray) -> np.ndarray | None:
        """The weights that the hypernetwork writes for compressed responses, ``[T, N]``; None without one."""
        if not isinstance(self.network, CircuitHypernetwork):
            return None
        with torch.inference_mode():
            tensor = torch.from_numpy(np.asarray(response, dtype=np.float32)).to(self.device)
            return self.network.write(tensor).cpu().numpy()

    def __call__(self, response: np.ndarray) -> np.ndarray:
        """See the class."""
        chains = self.write(response)
        kinds, classes = chains.kinds[:, 0], chains.classes[:, 0]
        return np.stack([kinds.astype(np.float64), np.where(kinds >= 0, self.values[classes], 0.0)], axis=-1)


def restore(content: dict[str, Any]) -> Designer:
    """A network from the content of its file."""
    return Designer(content)


def open_model(path: str | Path) -> Designer:
    """Open a model that `hypernet circuits train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "circuits", restore)
