"""The simulator checked against ngspice: one process runs one netlist at all frequencies.

ngspice is given either a netlist that was made of numbers alone, or a listing of somebody's file
(:mod:`hypernet.circuits.sources.spice.listing`), in which nothing can run.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from hypernet.circuits.core.parts import OMEGA0_RADIAN_PER_SECOND, R0_OHM
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.sources.export import write_netlist
from hypernet.circuits.sources.netlist import Ladder
from hypernet.circuits.sources.spice.listing import OURS, safe
from hypernet.lab.errors import UserError

TIMEOUT_SECONDS = 120
LINE_OF_FREQUENCIES = 20


def find_ngspice() -> str | None:
    """The program's path, or None where it is not installed."""
    return shutil.which("ngspice")


def respond_ngspice(
    types: np.ndarray,
    values: np.ndarray,
    frequency: np.ndarray,
    r0: float = R0_OHM,
    omega0: float = OMEGA0_RADIAN_PER_SECOND,
) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`hypernet.circuits.core.ladder.respond` computes for one ladder, from ngspice: complex ``[d]`` twice.

    The ladder is driven by 1 V and closed with R0, so V = v(in) / v(out) and the second component is i(V1) R0 / v(out).

    Args:
        types: ``[n]``, from the load to the source.
        values: normalised, ``[n]``.
        frequency: w, normalised, ``[d]``.
        r0: what 1.0 is in ohms, and the load.
        omega0: what 1.0 is in rad/s.

    Raises:
        UserError: there is no ngspice, or it could not simulate the circuit; with what it reported.
    """
    hertz = np.asarray(frequency, dtype=np.float64) * omega0 / (2 * np.pi)
    text = write_netlist(types, values, "compared with ngspice", r0, omega0, Terminations(None, 1.0))
    # The current that ngspice counts flows into the source at its positive node.
    load, current = _run(text, hertz, ["v(out)", "i(v1)"])
    return 1.0 / load, current * r0 / load


def run_file(ladder: Ladder, frequency_hz: np.ndarray) -> np.ndarray:
    """The transmission of the file that a ladder was read from, as ngspice computes it from the file's own statements.

    It is compared with 1 / `ladder.terminations.inverse_transmission(V, I)`.

    Args:
        ladder: as it was read; the node that is looked at is its ``output_node``.
        frequency_hz: ``[d]``.

    Returns:
        S21 between source and load where both have a resistance, else the gain from the source to that node, complex
        ``[d]``.

    Raises:
        UserError: there is no ngspice, the circuit comes from no file that ngspice can be given, or it had no response.
    """
    listing, ends = ladder.listing, ladder.terminations
    if listing is None:
        raise UserError(
            "ngspice: this circuit is of no file that can be given to it; accepted: a netlist with its source and load "
            "outside subcircuits, and values that ngspice reads"
        )
    # Its control language takes names of its own kind alone: wires lead to nodes that are called so.
    probes = {f"{OURS}out": listing.output_node, f"{OURS}in": listing.input_node}
    wires = [f"v{name} {name} {safe(node)} DC 0" for name, node in probes.items()]
    text = "\n".join([listing.text.rstrip("\n"), *wires, ".end"]) + "\n"
    hertz = np.asarray(frequency_hz, dtype=np.float64)
    out, at_port = _run(text, hertz, [f"v({name})" for name in probes])
    gain = out / (at_port if listing.drive is None else listing.drive)
    return gain * (2.0 * math.sqrt((ends.source or 0.0) / ends.load)) if ends.matched else gain


def run_text(text: str, frequency_hz: np.ndarray, node: str = "out") -> np.ndarray:
    """The voltage of a node of a netlist that this project wrote, run as it stands: complex ``[d]``, volts.

    Args:
        text: of :func:`hypernet.circuits.sources.export.write_netlist`, never of somebody else.
        frequency_hz: ``[d]``.
        node: the node.

    Raises:
        UserError: there is no ngspice, or it could not simulate the circuit.
    """
    return _run(text, np.asarray(frequency_hz, dtype=np.float64), [f"v({node})"])[0]


def _run(netlist: str, hertz: np.ndarray, vectors: list[str]) -> np.ndarray:
    """These vectors at these frequencies, complex ``[vectors, d]``."""
    program = find_ngspice()
    if program is None:
        raise UserError("ngspice: not on the PATH; install it, or leave out the comparison")
    # An AC analysis of one point each: ngspice takes no list of frequencies. A long line would be cut.
    points = [repr(float(frequency)) for frequency in hertz]
    blocks = (points[first : first + LINE_OF_FREQUENCIES] for first in range(0, len(points), LINE_OF_FREQUENCIES))
    control = [".control", "set numdgt=16", "set appendwrite"]
    for block in blocks:
        control += [f"foreach hertz {' '.join(block)}", "ac lin 1 $hertz $hertz"]
        control += [f"wrdata response.txt {' '.join(vectors)}", "destroy all", "end"]
    text = netlist.removesuffix(".end\n") + "\n".join([*control, ".endc", ".end"]) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ladder.cir").write_text(text, encoding="utf-8")
        try:
            ended = subprocess.run(
                [program, "-b", "-n", "ladder.cir"],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"ngspice: no answer after {TIMEOUT_SECONDS} s") from None
        written = Path(folder, "response.txt")
        # Its exit status says nothing: it is 0 after a singular matrix too.
        log = ended.stdout + ended.stderr
        fault = next((line.strip() for line in log.splitlines() if "singular" in line.lower()), None)
        if fault is not None or not written.exists():
            raise UserError(f"ngspice: no response of this circuit ({fault or log.strip()[-200:] or 'no output'})")
        # Each number has its frequency before it.
        table = np.loadtxt(written, ndmin=2)
    if table.shape != (len(hertz), 3 * len(vectors)) or not np.isfinite(table).all():
        raise UserError(f"ngspice: {table.shape[0]} of {len(hertz)} frequencies have a response")
    return table[:, 1::3].T + 1j * table[:, 2::3].T
