"""A trained network opened again: responses in, circuits out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.circuits.baselines.networks import PerLength
from hypernet.circuits.config import LONGEST, METHODS, NetworkSettings, RankedSettings
from hypernet.circuits.core.features import COMPRESSIONS, Probe
from hypernet.circuits.core.writing import Chains, write
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.methods import TITLES, build
from hypernet.circuits.model import CircuitHypernetwork
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored, without_weights

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
# What a file may claim; numbers of values are kept in eight bits.
LARGEST_GRID, LARGEST_CATALOGUE, MOST_EXCITATIONS, MOST_WEIGHTS = 4096, 127, 4, 2**28


def _rise(numbers: np.ndarray) -> bool:
    return numbers.ndim == 1 and bool(np.isfinite(numbers).all() and (np.diff(numbers, prepend=0.0) > 0).all())


def _plain(tensor: object, largest: int = MOST_WEIGHTS) -> torch.Tensor:
    """A tensor of a file, if its numbers are dense, real and all in the file.

    A file of a few bytes may claim any shape with strides of 0, and to convert it would take the memory of that shape.
    """
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.device.type != "cpu":
        raise ValueError("arrays that are no dense numbers")
    if tensor.is_complex() or tensor.is_quantized or not tensor.is_contiguous():
        raise ValueError("arrays that are no dense real numbers")
    if tensor.numel() > largest:
        raise ValueError(f"an array of {tensor.numel():,} numbers, {largest:,} at most are known here")
    return tensor


def describe(data: CircuitData) -> dict[str, Any]:
    """What a model file of this domain says beside its weights, in plain types and tensors."""
    # Said only where it is so: files of earlier versions have no such entry.
    resonators = {"resonators": True} if data.sampler.resonators else {}
    return resonators | {
        "title": data.title,
        "excitations": [list(excitation) for excitation in data.probe.excitations],
        "features": data.probe.compression,
        "lengths": data.sampler.lengths.tolist(),
        "values": data.values.tolist(),
        "frequency": torch.from_numpy(data.probe.frequency),
        "mean": torch.from_numpy(data.mean),
        "deviation": torch.from_numpy(data.deviation),
    }


class Designer:
    """A network read from ``model.ckpt``.

    Calling it with compressed responses float32 ``[B, C, d]`` gives a circuit for each, float64 ``[B, longest, 2]``:
    type of part (0..5, with resonators 8 and 11 too, -1 behind the end) and normalised value (0 behind the end).

    Args:
        content: of a model file, as `hypernet.lab.runs.models.load_model` returns it.

    Attributes:
        method: method id.
        title: name of the data set for people.
        probe: how circuits are measured: frequencies, excitations, compression.
        values: the catalogue, normalised, ``[K]``.
        lengths: numbers of parts that it was trained on.
        longest: the largest of them.
        network: the network.
        settings: of the method.
        equal_time: the same network after the second training of its run; None where there was none.
    """

    def __init__(self, content: dict[str, Any]):
        self.method, self.title = content["method"], content["title"]
        self.settings = METHODS[self.method].settings.model_validate(content["settings"])
        network = self.settings
        if isinstance(network, RankedSettings):
            network = METHODS[network.method.network].settings.model_validate(content["network"])
        if not isinstance(network, NetworkSettings):
            title = TITLES[self.method].lower()
            raise UserError(f"{self.method}: a {title} has no network to open; take a model of another method")
        values, lengths, excitations = (content[name] for name in ("values", "lengths", "excitations"))
        if not all(isinstance(numbers, list) for numbers in (values, lengths, excitations)):
            raise ValueError("values, lengths or excitations that are no lists")
        if not isinstance(self.title, str) or len(lengths) > LONGEST:
            raise ValueError("a title that is no text, or lengths that this version does not know")
        if not 1 <= len(values) <= LARGEST_CATALOGUE or not 1 <= len(excitations) <= MOST_EXCITATIONS:
            raise ValueError("a catalogue or a number of excitations that is too large, or none")
        if content["features"] not in COMPRESSIONS or not set(lengths) <= set(range(1, LONGEST + 1)):
            raise ValueError("features or lengths that this version does not know")
        resonators = content.get("resonators", False)
        if not isinstance(resonators, bool):
            raise ValueError("resonators that are neither there nor not")  # noqa: TRY004 - of a file, not of an argument
        self.values = np.array(values, dtype=np.float64)
        self.lengths = sorted({int(length) for length in lengths})
        self.longest = max(self.lengths)
        frequency = _plain(content["frequency"], LARGEST_GRID).double().numpy()
        if not (_rise(frequency) and _rise(self.values)):
            raise ValueError("frequencies or values that are not positive and rising")
        pairs = [(float(voltage), float(current)) for voltage, current in excitations]
        self.probe = Probe(frequency, pairs, content["features"])
        shape = (self.probe.channels, self.probe.points)
        mean, deviation = (_plain(content[name], shape[0] * shape[1]).float().numpy() for name in ("mean", "deviation"))
        if mean.shape != shape or deviation.shape != shape:
            raise ValueError(f"statistics of the response that are not {shape[0]} x {shape[1]} numbers")
        state = {str(name): _plain(weights) for name, weights in content["state"].items()}
        if sum(weights.numel() for weights in state.values()) > MOST_WEIGHTS:
            raise ValueError(f"more than {MOST_WEIGHTS:,} weights")
        # Without memory for the weights until their shapes are known to be those in the file.
        with without_weights():
            self.network = build(
                network, self.probe, self.lengths, len(self.values), mean, deviation, resonators=resonators
            )
        self.network.load_state_dict(state, assign=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network.float().to(self.device).eval()
        again = content.get("equal_time_state")
        first = {name: entry for name, entry in content.items() if name != "equal_time_state"}
        self.equal_time = None if again is None else Designer(first | {"state": again})

    def __repr__(self) -> str:
        parts = " to ".join(str(length) for length in dict.fromkeys([self.lengths[0], self.longest]))
        return f"Designer({self.method}, {self.title}, {parts} parts, {self.probe.points} frequencies)"

    @property
    def knows_the_end(self) -> bool:
        """Whether it finds the number of parts itself; a family with a network per length needs it."""
        return not isinstance(self.network, PerLength)

    def write(
        self, response: np.ndarray, samples: int = 0, seed: int = 0, length: int | None = None, temperature: float = 1.0
    ) -> Chains:
        """Circuits for compressed responses ``[T, C, d]``: the greedy answer, then ``samples`` drawn ones.

        Raises:
            UserError: this method needs the number of parts.
        """
        if length is None and not self.knows_the_end:
            raise UserError(f"{TITLES[self.method]} needs the number of parts; take a model of another method")
        tensor = torch.from_numpy(np.asarray(response, dtype=np.float32)).to(self.device)
        network = self.network.for_length(length)
        generator = torch.Generator(self.device).manual_seed(seed)
        return write(network, tensor, self.longest, samples, generator, temperature)

    def sizes(self, chains: Chains) -> np.ndarray:
        """Normalised values of the parts of written circuits; 1 where there is none."""
        return np.where(chains.types >= 0, self.values[chains.classes], 1.0)

    def candidates(self, response: np.ndarray, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The greedy answer and drawn ones: types int8 and values, ``[T, 1 + samples, longest]`` each."""
        chains = self.write(response, samples, seed)
        return chains.types, self.sizes(chains)

    def weights(self, response: np.ndarray) -> np.ndarray | None:
        """The weights that the hypernetwork writes for compressed responses, ``[T, N]``; None without one."""
        if not isinstance(self.network, CircuitHypernetwork):
            return None
        with torch.inference_mode():
            tensor = torch.from_numpy(np.asarray(response, dtype=np.float32)).to(self.device)
            return self.network.write(tensor).cpu().numpy()

    def __call__(self, response: np.ndarray) -> np.ndarray:
        """The most probable circuit for each compressed response, as the class says."""
        chains = self.write(response)
        types, classes = chains.types[:, 0], chains.classes[:, 0]
        return np.stack([types.astype(np.float64), np.where(types >= 0, self.values[classes], 0.0)], axis=-1)


def opened(model: Path | str | Designer) -> Designer:
    """A network from its file, or the network itself.

    Raises:
        UserError: neither; or as for :func:`open_model`.
    """
    if not isinstance(model, Path | str | Designer):
        raise UserError(f"model: a {type(model).__name__}; accepted: a model.ckpt, or what open_model returned")
    return model if isinstance(model, Designer) else open_model(model)


def restore(content: dict[str, Any]) -> Designer:
    """A network from the content of its file."""
    return Designer(content)


def open_model(path: str | Path) -> Designer:
    """Open a model that `hypernet circuits train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of a method without a network, of another version, or
            damaged.
    """
    return restored(path, load_model(path), "circuits", VERSION, restore)
