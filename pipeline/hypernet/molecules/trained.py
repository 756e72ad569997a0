"""A trained method opened again: molecules in, a property of each out."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import fill, load_model, printable, restored, usable, without_weights
from hypernet.molecules.baselines.arrays import array
from hypernet.molecules.baselines.composition import Composition
from hypernet.molecules.baselines.schnet import SchNet, check_sizes
from hypernet.molecules.config import METHODS, Graph, MethodSettings, NetworkSettings, SchNetSettings
from hypernet.molecules.core.elements import FREE_ATOMS, SYMBOLS, symbols_of
from hypernet.molecules.core.graphs import neighbours
from hypernet.molecules.core.molecules import Molecules, molecule, near_origin
from hypernet.molecules.core.network import MessagePassing
from hypernet.molecules.core.regressor import Regressor
from hypernet.molecules.core.targets import Target
from hypernet.molecules.core.units import FACTORS
from hypernet.molecules.methods import REGRESSORS, build
from hypernet.molecules.model import WrittenChange

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
# Share of true values that lie within the margin, of molecules like those of the validation.
COVERED = 0.9


class NetworkRegressor:
    """A network with what makes its numbers a property: y = offset + scale * output.

    Args:
        network: the network.
        offset: what was taken off.
        scale: of the output.
        graph: who sends messages to whom.
    """

    def __init__(self, network: MessagePassing | SchNet, offset: Composition, scale: float, graph: Graph):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval()
        self.offset, self.scale, self.graph = offset, scale, graph

    def predict(self, molecules: Molecules) -> np.ndarray:
        """The property of each molecule, float64 ``[M]``."""
        out = np.empty(len(molecules))
        with torch.inference_mode():
            graphs = neighbours(molecules, self.graph.cutoff, self.graph.nearest)
            for rows, batch in graphs.batches():
                out[rows] = self.network(batch.to(self.device)).double().cpu().numpy()
        return self.offset.predict(molecules) + self.scale * out


class Predictor:
    """One method, ready to predict.

    Calling it with molecules as an array ``[B, n, 4]`` (atomic number, x, y and z in Å of every atom; rows of zeros
    fill up smaller molecules) gives float64 ``[B]`` in the target's unit.

    Args:
        method: method id.
        facts: what the model file says of its data, see ``dataset.described``.
        regressor: what predicts.
        validation: names, predictions and true values of the molecules for validation.
        equal_time: the same network after the second training of its run; None where there was none.

    Raises:
        ValueError: facts that are none of a property, or of elements.

    Attributes:
        target: the property, and its unit.
        elements: atomic numbers that training has seen.
        most_heavy: most atoms of a molecule for training that are not hydrogen.
        most_atoms: most atoms of one.
        margin: half the width of an interval around a prediction that holds the true value of nine molecules in ten,
            of molecules like those of the validation (split conformal prediction), in the target's unit.
        generated: whether weights are written for each atom.
    """

    def __init__(
        self,
        method: str,
        facts: Mapping[str, Any],
        regressor: Regressor | NetworkRegressor,
        validation: tuple[list[str], np.ndarray, np.ndarray],
        equal_time: NetworkRegressor | None = None,
    ):
        self.method, self.title = method, printable(facts["title"])
        self.target = target_of(facts["target"])
        self.elements = tuple(int(number) for number in facts["elements"])
        if not self.elements or min(self.elements) < 1 or max(self.elements) > len(SYMBOLS):
            raise ValueError("elements are no atomic numbers")
        self.most_heavy, self.most_atoms = int(facts["most_heavy"]), int(facts["most_atoms"])
        self.regressor, self.validation, self.equal_time = regressor, validation, equal_time
        self.margin = conformal_margin(np.abs(validation[1] - validation[2]))

    def __repr__(self) -> str:
        return f"Predictor({self.method}, {self.title})"

    @property
    def network(self) -> MessagePassing | SchNet | Regressor:
        """The network, or what predicts without one."""
        return self.regressor.network if isinstance(self.regressor, NetworkRegressor) else self.regressor

    @property
    def generated(self) -> bool:
        """See the class."""
        return self._change is not None

    @property
    def _change(self) -> WrittenChange | None:
        """What writes weights for each atom, where something does."""
        change = self.network.change if isinstance(self.network, MessagePassing) else None
        return change if isinstance(change, WrittenChange) else None

    def __call__(self, molecules: np.ndarray) -> np.ndarray:
        """See the class.

        Raises:
            UserError: an array of another shape, with atoms that are none, or molecules that the method cannot predict.
        """
        return self.predict(unpacked(molecules))

    def predict(self, molecules: Molecules) -> np.ndarray:
        """The property of each molecule in the target's unit, float64 ``[M]``.

        Raises:
            UserError: a molecule that the method cannot predict, such as one of elements that training has not seen.
        """
        self._require_known(molecules)
        return self.regressor.predict(molecules)

    def contributions(self, molecules: Molecules) -> np.ndarray:
        """Each atom's part of the property, float64 ``[A]``: they add up to the prediction, or average to it.

        Raises:
            UserError: see ``predict``; or the method has no such parts.
        """
        regressor = self._require_network("its predictions are no sums over atoms")
        self._require_known(molecules)
        parts = np.empty(len(molecules.numbers))
        with torch.inference_mode():
            graph = regressor.graph
            graphs = neighbours(molecules, graph.cutoff, graph.nearest)
            for rows, batch in graphs.batches():
                parts[molecules.atoms_of(rows)] = (
                    regressor.network.atoms(batch.to(regressor.device)).double().cpu().numpy()
                )
        average = self.target.readout == "mean"
        return regressor.offset.of_atoms(molecules, average) + regressor.scale * parts

    def theta(self, molecules: Molecules) -> list[np.ndarray]:
        """Weights that are written for each atom, in every round of messages: T of float32 ``[A, N]``.

        Raises:
            UserError: see ``predict``; or a method that writes none.
        """
        regressor = self._require_network("it writes no weights")
        network, change = regressor.network, self._change
        if not isinstance(network, MessagePassing) or change is None:
            raise UserError(f"{self.method}: it writes no weights; hyper and hyper_base do")
        self._require_known(molecules)
        batch = neighbours(molecules, regressor.graph.cutoff, regressor.graph.nearest).batch(np.arange(len(molecules)))
        with torch.inference_mode():
            states = network.states(batch.to(regressor.device))
            written = [change.theta(step, states[0], state) for step, state in enumerate(states[:-1])]
        return [theta.cpu().numpy() for theta in written]

    @property
    def mix(self) -> float:
        """c, the share of the first state in what f sees.

        Raises:
            UserError: a method without it.
        """
        if self._change is None:
            raise UserError(f"{self.method}: it has no c; hyper and hyper_base have")
        return float(self._change.mix.detach())

    def energy_and_forces(self, numbers: Sequence[int], positions: np.ndarray) -> tuple[float, np.ndarray]:
        """An energy and minus its gradient, computed in float64.

        Args:
            numbers: atomic numbers, ``[n]``.
            positions: in Å, ``[n, 3]``.

        Returns:
            in the target's unit, and in it per Å, ``[n, 3]``.

        Raises:
            UserError: a property that is no energy of the whole molecule, a method without gradients, or an element
                that training has not seen.
        """
        if self.target.dimension != "energy" or self.target.readout != "sum":
            raise UserError(f"{self.title}: forces are the slope of an energy, which {self.target.name} is none of")
        regressor = self._require_network("it has no gradient")
        molecules = molecule(numbers, np.asarray(positions, dtype=np.float64), "the molecule")
        self._require_known(molecules)
        graph = neighbours(molecules, regressor.graph.cutoff, regressor.graph.nearest).batch(np.array([0]))
        places = torch.from_numpy(np.array(positions, dtype=np.float64).reshape(-1, 3)).to(regressor.device)
        places.requires_grad_(True)
        batch = graph.to(regressor.device)._replace(positions=places)
        output = self._precise(regressor)(batch).sum()
        slope = torch.autograd.grad(output, places, allow_unused=True)[0]
        forces = np.zeros((len(numbers), 3)) if slope is None else -regressor.scale * slope.cpu().numpy()
        energy = float(regressor.offset.predict(molecules)[0] + regressor.scale * float(output.detach()))
        return energy, forces

    def _precise(self, regressor: NetworkRegressor) -> MessagePassing | SchNet:
        """The network in float64, made once."""
        if not hasattr(self, "_doubled"):
            self._doubled = copy.deepcopy(regressor.network).double()
        return self._doubled

    def _require_network(self, reason: str) -> NetworkRegressor:
        if not isinstance(self.regressor, NetworkRegressor):
            raise UserError(f"{self.method}: {reason}; accepted: schnet, nmp_edge, nmp_wide, hyper, hyper_base")
        return self.regressor

    def _require_known(self, molecules: Molecules) -> None:
        strange = ~np.isin(molecules.numbers, self.elements)
        if strange.any():
            row = int(molecules.molecule_of_atom[np.flatnonzero(strange)[0]])
            raise UserError(
                f"{molecules.names[row]}: {symbols_of(molecules.numbers[strange])}, which the training of {self.title} "
                f"has never seen; accepted: {symbols_of(self.elements)}"
            )


def target_of(facts: Mapping[str, Any]) -> Target:
    """The property that a model file names.

    Args:
        facts: attributes of a ``Target``; people's own have any name and unit, of which what a terminal would obey is
            left out.

    Raises:
        ValueError: a dimension, unit, readout or reference that is none.
    """
    texts: dict[str, Any] = {name: printable(value) for name, value in facts.items()}
    target = Target(**texts)
    units = FACTORS[target.dimension] if target.dimension else {target.unit: 1.0}
    if target.unit not in units or target.shown_unit not in units:
        raise ValueError(f"{target.unit} and {target.shown_unit} are no units of {target.dimension or 'one property'}")
    if target.readout not in ("sum", "mean") or target.reference not in ("", *FREE_ATOMS):
        raise ValueError(f"readout {target.readout}, reference {target.reference}")
    if target.reference and target.dimension != "energy":
        raise ValueError("free atoms have energies alone")
    return target


def conformal_margin(errors: np.ndarray) -> float:
    """Half width of an interval that holds nine in ten, from the absolute errors of held-out items ``[n]``.

    Split conformal prediction (Vovk et al. 2005): the ceil(0.9 (n + 1))-th smallest; the largest where there are too
    few of them.
    """
    place = math.ceil(COVERED * (len(errors) + 1))
    return float(np.sort(errors)[min(place, len(errors)) - 1])


def packed(molecules: Molecules) -> np.ndarray:
    """Molecules as an array: atomic number, x, y, z of every atom, filled up with zeros: float32 ``[B, n, 4]``."""
    out = np.zeros((len(molecules), int(molecules.counts.max(initial=0)), 4), dtype=np.float32)
    for row, (numbers, positions) in enumerate(molecules):
        out[row, : len(numbers), 0], out[row, : len(numbers), 1:] = numbers, positions
    return out


def unpacked(array: np.ndarray) -> Molecules:
    """Molecules of an array as :func:`packed` makes them.

    Raises:
        UserError: another shape, atomic numbers that are none, or a molecule without atoms.
    """
    array = np.asarray(array)
    accepted = "accepted: numbers [B, n, 4]: atomic number, x, y, z in Å of every atom, rows of zeros for none"
    if array.ndim != 3 or array.shape[2] != 4 or array.dtype.kind not in "fiu":
        raise UserError(f"molecules: {array.dtype} {list(array.shape)}; {accepted}")
    there = array[:, :, 0] != 0
    numbers = array[:, :, 0][there]
    if not np.isfinite(array).all() or ((numbers % 1 != 0) | (numbers < 1) | (numbers > len(SYMBOLS))).any():
        raise UserError(f"molecules: not a number, or an atomic number that is none; {accepted}")
    counts = there.sum(axis=1)
    if (counts == 0).any():
        raise UserError(f"molecules: number {int(np.flatnonzero(counts == 0)[0]) + 1} has no atoms; {accepted}")
    names = [f"molecule {row + 1}" for row in range(len(array))]
    positions = [near_origin(rows[some, 1:]).astype(np.float32) for rows, some in zip(array, there, strict=True)]
    flat = np.concatenate([np.zeros((0, 3), np.float32), *positions])
    return Molecules(numbers.astype(np.uint8), flat, counts.astype(np.int64), names)


def restore(content: dict[str, Any]) -> Predictor:
    """A method from the content of its file.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite number.
    """
    method = content["method"]
    if method not in METHODS:
        raise ValueError(f"the method {method!r} is not known here")
    settings = METHODS[method].settings.model_validate(content["settings"])
    assert isinstance(settings, MethodSettings)
    held_out = content["validation"]
    predicted, true = (array(held_out, name, torch.float64, None) for name in ("predicted", "true"))
    names = [printable(name) for name in held_out["names"]]
    if not len(names) == len(predicted) == len(true) > 0:
        raise ValueError("validation: arrays of different lengths")
    equal_time = None
    regressor: Regressor | NetworkRegressor
    if isinstance(settings, NetworkSettings):
        regressor = _network(settings, content, content["state"])
        if "equal_time_state" in content:
            equal_time = _network(settings, content, content["equal_time_state"])
    else:
        regressor = REGRESSORS[method].restored({name: _finite(tensor) for name, tensor in content["state"].items()})
    return Predictor(method, content, regressor, (names, predicted, true), equal_time)


def _network(settings: NetworkSettings, content: Mapping[str, Any], state: Mapping[str, Tensor]) -> NetworkRegressor:
    """A network with the weights of a file."""
    for weights in state.values():
        _finite(weights)
    if isinstance(settings, SchNetSettings):
        sizes = settings.method
        check_sizes(state, sizes.channels, sizes.filters, sizes.interactions, sizes.gaussians)
    # Without memory for the weights until their shapes are known to be those in the file.
    with without_weights():
        network = build(settings, content["target"]["readout"] == "mean")
    fill(network, state)
    offset = Composition.restored({name: _finite(tensor) for name, tensor in content["offset"].items()})
    scale = float(content["scale"])
    if not math.isfinite(scale):
        raise ValueError("the scale is not a finite number")
    return NetworkRegressor(network, offset, scale, settings.graph)


def _finite(weights: object) -> Tensor:
    if not usable(weights):
        raise ValueError("a weight is not a finite number")
    assert isinstance(weights, Tensor)
    return weights


def open_model(path: str | Path) -> Predictor:
    """Open a model that `hypernet molecules train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "molecules", VERSION, restore)
