"""The simulator checked against ngspice: one process runs one netlist at all frequencies.

What ngspice is given is made of numbers alone (no title, name or line of a file that somebody else wrote), so nothing
of a stranger's netlist reaches its control language.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from hypernet.circuits.core.parts import OMEGA0_RADIAN_PER_SECOND, R0_OHM
from hypernet.circuits.sources.netlist import write_netlist
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

    Port 2 is driven and port 1 closed with R0, so V = v2 / v1 and the second component is -i2 R0 / v1.

    Args:
        types: ``[n]``, from port 1 to port 2.
        values: normalised, ``[n]``.
        frequency: w, normalised, ``[d]``.
        r0: what 1.0 is in ohms, and the load at port 1.
        omega0: what 1.0 is in rad/s.

    Raises:
        UserError: there is no ngspice, or it could not simulate the circuit; with what it reported.
    """
    hertz = np.asarray(frequency, dtype=np.float64) * omega0 / (2 * np.pi)
    text = write_netlist(types, values, "compared with ngspice", r0, omega0)
    re_v1, im_v1, re_v2, im_v2, re_i2, im_i2 = _run(text, hertz).T
    load, source = re_v1 + 1j * im_v1, re_v2 + 1j * im_v2
    return source / load, -(re_i2 + 1j * im_i2) * r0 / load


def _run(netlist: str, hertz: np.ndarray) -> np.ndarray:
    """v(port 1), v(port 2) and the current into port 2, real and imaginary parts: ``[d, 6]``."""
    program = find_ngspice()
    if program is None:
        raise UserError("ngspice: not on the PATH; install it, or leave out the comparison")
    # An AC analysis of one point each: ngspice takes no list of frequencies. A long line would be cut.
    points = [repr(float(frequency)) for frequency in hertz]
    blocks = (points[first : first + LINE_OF_FREQUENCIES] for first in range(0, len(points), LINE_OF_FREQUENCIES))
    control = [".control", "set numdgt=16", "set appendwrite"]
    for block in blocks:
        control += [f"foreach hertz {' '.join(block)}", "ac lin 1 $hertz $hertz"]
        control += ["wrdata response.txt v(p0) v(s) i(vm2)", "destroy all", "end"]
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
    if table.shape != (len(hertz), 9) or not np.isfinite(table).all():
        raise UserError(f"ngspice: {table.shape[0]} of {len(hertz)} frequencies have a response")
    return table[:, [1, 2, 4, 5, 7, 8]]
