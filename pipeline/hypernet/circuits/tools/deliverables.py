"""What a design leaves behind: netlist, schematic, Bode plot, table of circuits, everything in numbers, a summary."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.circuits.core.goals import MaskGoal, decibels
from hypernet.circuits.tools.choice import DRAWS, RULES
from hypernet.circuits.tools.dissipation import COIL_Q
from hypernet.circuits.tools.pictures import draw_design
from hypernet.circuits.tools.solution import Solution
from hypernet.circuits.tools.summary import summary
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json, write_table, write_text

FILES = ("circuit.cir", "schematic.svg", "bode.png", "bode.svg", "circuits.csv", "design.json")


class Design(Solution):
    """A finished search with what a person takes away: a summary, numbers, and files."""

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """The circuit, how good it is, and where it came from, for people."""
        return summary(self)

    def content(self) -> dict[str, Any]:
        """Everything with units, as plain types: what ``design.json`` holds."""
        request, pool, target = self.request, self.choice.pool, self.request.target
        content = {
            "target": {
                "file": None if request.file is None else str(request.file),
                "kind": type(target).__name__.lower(),
                "points": len(target.frequency_hz),
                "lowest_hz": float(target.frequency_hz[0]),
                "highest_hz": float(target.frequency_hz[-1]),
            },
            "source_ohm": self.source_ohm,
            "load_ohm": self.load_ohm,
            "parts": self.parts,
            "text": self.text,
            "text_units": {"r0_ohm": self.scale.r0, "omega0_radian_per_second": self.scale.omega0},
            self.score_column: float(self.choice.scores[0]),
            f"{self.score_column}_before_rounding": float(pool.free[0]),
            "largest_deviation_db": float(self.choice.deviation_db[0]),
            **self.merits.content(self.through_name.lower()),
            **self._losses(),
            "tolerance": request.tolerance,
            "draws": DRAWS,
            "found_by": pool.origin[0],
            "simulated_circuits": self.search.simulated,
            "steps": [
                step | {"best": step["best"] if np.isfinite(step["best"]) else None} for step in self.search.steps
            ],
            "seconds": round(self.seconds, 3),
            "rule": RULES[isinstance(self.goal, MaskGoal)],
            "model": request.model,
            "network_longest_parts": self.longest_written,
            "series": request.parts,
            "max_parts": request.max_parts,
            "candidates": request.candidates,
            "resonators": request.resonators,
            "seed": request.seed,
            "response": self._curves(),
        }
        share = self.mask_yield
        if share is not None:
            content["inside_mask"] = self.goal.met(float(self.choice.scores[0]))
            content["yield"] = {"share": share.value, "low": share.low, "high": share.high}
        return content

    def _losses(self) -> dict[str, Any]:
        """Pass and stop band with coils that have losses."""
        if self.with_losses is None:
            return {}
        return {"with_losses": {"coil_q": COIL_Q, **self.with_losses.content(self.through_name.lower())}}

    def _curves(self) -> dict[str, list[float]]:
        """The answer over frequency, with the band of its tolerances, by what it is and its unit."""
        response, name, s = self.response, self.through_name.lower(), self.s_parameters
        curves = {
            "frequency_hz": response.frequency_hz,
            f"{name}_db": -decibels(self.through),
            "phase_degree": np.degrees(np.unwrap(np.angle(self.through))),
            "impedance_ohm": self.load_ohm * np.abs(response.voltage) / np.abs(response.current),
            f"{name}_low_db": self.band.low,
            f"{name}_high_db": self.band.high,
        }
        if s is not None and self.band.reflection is not None:
            curves |= {f"s{port}{port}_db": -decibels(s[:, port - 1, port - 1]) for port in (1, 2)}
            curves |= {"s11_low_db": self.band.reflection.low, "s11_high_db": self.band.reflection.high}
        return {key: curve.tolist() for key, curve in curves.items()}

    def write(self, folder: Path | str) -> None:
        """Write netlist, pictures, table and ``design.json`` to a folder: all, or none if one cannot be written.

        Other files in ``folder`` stay.

        Raises:
            UserError: the folder cannot be written to.
        """
        folder = Path(folder)
        check_folder(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
            written = Path(name)
            write_text(written / "circuit.cir", self.netlist)
            draw_design(self, written)
            write_table(written / "circuits.csv", self.candidates)
            write_json(written / "design.json", self.content())
            folder.mkdir(exist_ok=True)
            for file in FILES:
                (written / file).replace(folder / file)


def check_folder(folder: Path) -> None:
    """Whether a design can be written to a folder.

    Raises:
        UserError: it cannot; one line says why.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; name a folder")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
    for name in FILES:
        if (folder / name).is_dir():
            raise UserError(f"{folder / name}: this is a folder, and would be a file of this command")
