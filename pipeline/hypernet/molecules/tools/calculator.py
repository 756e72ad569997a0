"""A calculator for ASE: energies and forces of a trained network."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.molecules.core.elements import HYDROGEN
from hypernet.molecules.core.molecules import molecule, problem
from hypernet.molecules.tools.quantities import Energy, wanted

if TYPE_CHECKING:
    from hypernet.molecules.trained import Predictor

# Å: no two atoms of the molecules that are predicted here are farther apart.
FARTHEST = 30.0


def Calculator(  # noqa: N802  # made where ASE is, as a class of ASE's
    model: Predictor | str | Path, energy: Energy = "atomization"
) -> Any:
    """Energies (eV) and forces (eV/Å) of a trained network, as an ``ase.calculators.calculator.Calculator``.

    The network has seen molecules at rest alone: QM9 holds one relaxed geometry of each, and neither another geometry
    nor a force. Forces are the exact slope of what it predicts, but away from such geometries nothing has taught it
    that slope: use them to look at the network, and not for dynamics, barriers or frequencies. What it cannot know is
    refused: periodic cells, charges, odd numbers of electrons, elements that training has not seen, atoms that lie on
    each other, and several molecules at once. Larger molecules than those of the training give a warning.

    Args:
        model: a network trained on an energy that atoms add up to (U0, U, H, G, zpve), or the path of its
            ``model.ckpt``.
        energy: of U0, U, H and G: ``atomization``, less the energies of the free atoms, or ``total``. Forces are the
            same.

    Raises:
        UserError: ASE is missing, or the model has no forces.

    Example:
        >>> atoms.calc = hypernet.molecules.Calculator("model.ckpt")  # doctest: +SKIP
        >>> atoms.get_potential_energy(), atoms.get_forces()  # doctest: +SKIP
    """
    made = _calculator_class()
    from hypernet.molecules.trained import Predictor, open_model

    return made(model if isinstance(model, Predictor) else open_model(model), energy)


@functools.cache
def _calculator_class() -> Any:
    """The class, made once."""
    calculators = library("ase.calculators.calculator", "ASE", "ase")

    class NetworkCalculator(calculators.Calculator):  # type: ignore[name-defined]  # ASE has no types
        """See ``Calculator``."""

        implemented_properties = ("energy", "free_energy", "forces")

        def __init__(self, predictor: Predictor, energy: Energy):
            super().__init__()
            # Says at once what has no forces.
            predictor.energy_and_forces([predictor.elements[0]] * 2, np.eye(2, 3))
            (self.quantity,) = wanted([predictor.target], [predictor.title], ["eV"], energy)
            self.predictor, self.told = predictor, False
            _warn_of_jumps(predictor)

        def calculate(
            self,
            atoms: Any = None,
            properties: Any = ("energy",),
            system_changes: Any = calculators.all_changes,
        ) -> None:
            """Fill ``results``.

            Raises:
                UserError: atoms that the network cannot know.
            """
            super().calculate(atoms, properties, system_changes)
            numbers, positions = self.atoms.numbers, self.atoms.positions
            _refuse(self.atoms, self.predictor)
            if "numbers" in system_changes:
                _warn_of_size(numbers, self.predictor)
            if "forces" in properties and not self.told:
                self.told = True
                _warn_of_forces(self.predictor)
            value, forces = self.predictor.energy_and_forces([int(number) for number in numbers], positions)
            value = float(self.quantity.of(np.array([value]), molecule([int(n) for n in numbers], positions))[0])
            forces = forces * self.quantity.scale
            self.results = {"energy": value, "free_energy": value, "forces": forces}

    return NetworkCalculator


def _refuse(atoms: Any, predictor: Predictor) -> None:
    """Refuse what the network cannot know.

    Raises:
        UserError: see ``Calculator``.
    """
    if np.any(atoms.pbc):
        raise UserError("Atoms: periodic (pbc); accepted: single molecules, atoms.pbc = False")
    charge = float(atoms.info.get("charge", 0) or 0) or float(atoms.get_initial_charges().sum())
    if abs(charge) > 0.5:
        raise UserError(f"Atoms: net charge {charge:+g}; accepted: neutral molecules")
    if int(atoms.numbers.sum()) % 2:
        raise UserError(
            f"Atoms: {int(atoms.numbers.sum())} electrons, an odd number; accepted: molecules with closed shells"
        )
    if reason := problem(atoms.numbers, atoms.positions):
        raise UserError(f"Atoms: {reason}")


def _warn_of_size(numbers: np.ndarray, predictor: Predictor) -> None:
    heavy = int((numbers != HYDROGEN).sum())
    if heavy > predictor.most_heavy:
        warnings.warn(
            f"{heavy} heavy atoms; no molecule for training of {predictor.title} has more than {predictor.most_heavy}",
            stacklevel=4,
        )


def _warn_of_forces(predictor: Predictor) -> None:
    """At QM9's minima forces are of the order of 1 eV/Å, and relaxations of ethanol end in pieces."""
    warnings.warn(
        f"no force has trained {predictor.method}: forces are the slope of its energies, and where it has learned at "
        "relaxed geometries alone, as QM9's, relaxations and dynamics tear molecules apart",
        stacklevel=4,
    )


def _warn_of_jumps(predictor: Predictor) -> None:
    """An energy without an envelope jumps where two atoms pass the cutoff."""
    from hypernet.molecules.core.network import MessagePassing

    network = predictor.network
    if isinstance(network, MessagePassing) and not network.sizes.envelope and network.sizes.cutoff < FARTHEST:
        warnings.warn(
            f"the energy of {predictor.method} jumps where two atoms pass {network.sizes.cutoff:g} Å, and forces do "
            "not say so; train with `--set molecules.network.envelope=true` for an energy without jumps",
            stacklevel=4,
        )
