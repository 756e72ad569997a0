"""Targets from whatever holds them, with what is doubtful or was taken for granted told on stderr, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.circuits.core.two_port import from_waves
from hypernet.circuits.sources import checks
from hypernet.circuits.sources.tables import read_table
from hypernet.circuits.sources.targets import TARGETS, Scattering, Target
from hypernet.circuits.sources.touchstone import COMPLEX_REFERENCE, OTHER_OHM, read_touchstone
from hypernet.lab.errors import UserError

if TYPE_CHECKING:
    import skrf

TOUCHSTONE, TABLES = (".s2p", ".ts"), (".csv", ".tsv", ".txt")


def read_target(path: Path | str, load_port: int = 2) -> Target:
    """Read what a person wants: a two-port (.s2p) or a table (.csv) as `docs/circuits.md` describes them.

    Args:
        path: a ``.s2p`` or a ``.csv`` file (or ``.ts``, ``.tsv``, ``.txt``).
        load_port: the port of a ``.s2p`` file where the load is, 1 or 2; the source is at the other.

    Returns:
        A `hypernet.circuits.Scattering` with the references of a ``.s2p`` file; for a table
        what its columns say.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    path = Path(path)
    _check_port(load_port)
    suffix = path.suffix.lower()
    if suffix not in TOUCHSTONE + TABLES:
        raise UserError(f"{path}: the name must end in {', '.join(TOUCHSTONE)} (Touchstone) or {', '.join(TABLES)}")
    target, notes = read_table(path) if suffix in TABLES else _read_two_port(path, load_port)
    _tell(str(path), notes)
    warn(target, str(path))
    return target


def as_target(
    target: Path | str | Target | skrf.Network, load_port: int = 2, name: str = "target", accepted: str = TARGETS
) -> Target:
    """A target from whatever holds one: a file, a two-port of scikit-rf, or arrays.

    Args:
        target: a file for :func:`read_target`, a two-port, or a target.
        load_port: the port of a file or a network where the load is, 1 or 2.
        name: of what is no file, for messages.
        accepted: what the caller takes, for messages.

    Raises:
        UserError: it cannot be used; one line.
    """
    _check_port(load_port)
    if isinstance(target, Path | str):
        return read_target(target, load_port)
    if isinstance(target, Target):
        usable, notes = checks.checked(target, name)
    elif hasattr(target, "nports"):
        usable, notes = scattering_of(target, load_port, name)
    else:
        raise UserError(f"{name}: a {type(target).__name__}; accepted: {accepted}")
    _tell(name, notes)
    warn(usable, name)
    return usable


def _check_port(load_port: int) -> None:
    if load_port not in (1, 2):
        raise UserError(f"load_port: {load_port!r} is neither 1 nor 2")


def _tell(name: str, notes: list[str]) -> None:
    for note in notes:
        print(f"note: {name}: {note}", file=sys.stderr)


def warn(target: Target, name: str) -> None:
    """Print what is doubtful about a target to stderr, a line each."""
    for doubt in checks.doubts(target):
        print(f"warning: {name}: {doubt}", file=sys.stderr)


def _read_two_port(path: Path, load_port: int) -> tuple[Target, list[str]]:
    """The two-port of a Touchstone file, and what is to be told of it, a sentence each.

    Args:
        path: the file.
        load_port: the port where the load is, 1 or 2; the source is at the other.

    Raises:
        UserError: it cannot be read or used; one line.
    """
    file = read_touchstone(path)
    target, notes = _target(str(path), file.places, file.frequency_hz, file.s, file.reference_ohm)
    return target if load_port == 2 else target.turned(), [*file.notes, *notes]


def scattering_of(network: skrf.Network, load_port: int = 2, name: str = "network") -> tuple[Scattering, list[str]]:
    """The same of a network of scikit-rf; noise data of it are passed over.

    Args:
        network: the two-port, at four frequencies or more.
        load_port: as for :func:`read_target`.
        name: for messages.

    Raises:
        UserError: no two-port, or one that cannot be used; one line.
    """
    if network.nports != 2:
        raise UserError(f"{name}: {network.nports} ports; accepted: a two-port")
    hertz, s, z0 = np.asarray(network.f, np.float64), network.s, network.z0
    notes: list[str] = []
    reference = (OTHER_OHM, OTHER_OHM)
    if len(hertz):
        if not (z0.real > 0).all():
            raise UserError(f"{name}: a port impedance has no positive resistance")
        if (z0 == z0[0]).all() and not z0[0].imag.any():
            reference = (float(z0[0, 0].real), float(z0[0, 1].real))
        else:
            notes.append(COMPLEX_REFERENCE)
            s = from_waves(s, z0, OTHER_OHM, network.s_def)
    target, more = _target(name, [f"point {place}" for place in range(1, len(hertz) + 1)], hertz, s, reference)
    return target if load_port == 2 else target.turned(), notes + more


def _target(
    name: str, places: Sequence[str], hertz: np.ndarray, s: np.ndarray, reference_ohm: tuple[float, float]
) -> tuple[Scattering, list[str]]:
    order, notes = checks.arranged(name, hertz, places, checks.FEWEST_POINTS)
    hertz, s = hertz[order], s[order]
    finite = np.isfinite(s).all(axis=(1, 2))
    if not finite.all():
        raise UserError(f"{name}: the parameters at {hertz[np.argmin(finite)]:.6g} Hz are no numbers")
    target, more = checks.two_port(name, Scattering(hertz, s, *reference_ohm))
    return target, notes + more
