"""Reference circuits whose responses ngspice computed: targets that do not come from this project's simulator."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from hypernet.circuits.core.curves import interpolate
from hypernet.circuits.core.parts import ELEMENTS, R0_OHM, canonical, omega, parse, texts
from hypernet.circuits.sources.sampler import Sampler, only_resistors
from hypernet.lab.acquire import RemoteFile
from hypernet.lab.errors import UserError

CIRCUITS, RESPONSES = "circuits.json", "ngspice_ac.csv"
_TERMS = {"licence": "CC0", "citation": "reference two-ports of this project, ngspice 39.3"}
# Made for this project; they have no public address yet.
REFERENCE_FILES = (
    RemoteFile(CIRCUITS, "", "98dcc38491047f0cb7f1978d7ac2a507b15e0eb653818bc6599f6d501c0bc5df", **_TERMS),
    RemoteFile(RESPONSES, "", "734acbb76dd8989b5162e66699ef53344f9c5d428b8f90ac6fc56e3537198934", **_TERMS),
)
_ALIGNMENTS = {"series": 0, "parallel": 1}
_ELEMENTS = {"resistor": 0, "inductor": 1, "capacitor": 2}


def circuits_by_text(content: str) -> dict[str, str]:
    """Ids of the reference circuits by their canonical text; of two circuits with one text the first."""
    ids: dict[str, str] = {}
    for circuit in json.loads(content)["circuits"]:
        parts = circuit["components"]
        types = np.array(
            [[_ALIGNMENTS[part["alignment"]] * ELEMENTS + _ELEMENTS[part["type"]] for part in parts]], np.int8
        )
        values = np.array([[part["value_norm"] for part in parts]])
        ids.setdefault(texts(*canonical(types, values))[0], circuit["id"])
    return ids


def reference_circuits(files: Mapping[str, bytes], sampler: Sampler) -> list[str]:
    """Canonical texts of the reference circuits that a network with this catalogue and these lengths can write.

    Circuits of resistors only are left out, as in every data set.
    """
    chosen = []
    for text in circuits_by_text(files[CIRCUITS].decode()):
        types, values = parse(text)
        if len(types) in sampler.lengths and np.isin(values, sampler.values).all() and not only_resistors(types[None]):
            chosen.append(text)
    return chosen


def reference_responses(folder: Path, wanted: list[str], frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What ngspice computed for the circuits with these texts, on the grid of the networks.

    The files have ten points a decade; between them magnitude (as a logarithm) and phase go on linearly in log w.

    Args:
        folder: with both reference files.
        wanted: canonical texts.
        frequency: normalised, ``[d]``.

    Returns:
        V and the second component, complex ``[N, d]`` each.

    Raises:
        UserError: the grid goes beyond the files' range.
    """
    ids = circuits_by_text((folder / CIRCUITS).read_text(encoding="utf-8"))
    table = pd.read_csv(io.BytesIO((folder / RESPONSES).read_bytes()))
    voltages, currents = [], []
    for text in wanted:
        rows = table[table.circuit_id == ids[text]]
        place = omega(rows.f_hz.to_numpy())
        inside = frequency.clip(place[0], place[-1])
        if not np.allclose(inside, frequency, rtol=1e-9, atol=0):
            raise UserError(
                f"{folder / RESPONSES}: holds w from {place[0]:.4g} to {place[-1]:.4g}, "
                f"the grid of params.yaml goes from {frequency[0]:.4g} to {frequency[-1]:.4g}"
            )
        v1, v2, i2 = (rows[f"{name}_re"].to_numpy() + 1j * rows[f"{name}_im"].to_numpy() for name in ("v1", "v2", "i2"))
        voltages.append(interpolate(place, v2 / v1, inside))
        currents.append(interpolate(place, -i2 * R0_OHM / v1, inside))
    return np.array(voltages), np.array(currents)
