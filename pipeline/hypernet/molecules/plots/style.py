"""What each method looks like in every picture, and how units and intervals are written."""

from __future__ import annotations

from typing import Any

import pandas as pd

from hypernet.lab.results.figures import COLOURS

_GENERATED, _SHARED, _VARIANT = COLOURS[0], COLOURS[1], COLOURS[5]
STYLE: dict[str, dict[str, Any]] = {
    "mean": {"color": "0.6", "marker": "d"},
    "composition": {"color": "0.4", "marker": "P"},
    "krr": {"color": COLOURS[2], "marker": "s"},
    "fingerprint_gbt": {"color": COLOURS[3], "marker": "^"},
    "schnet": {"color": COLOURS[4], "marker": "X"},
    "nmp_no_edge": {"color": _SHARED, "marker": "v"},
    "nmp_edge": {"color": _SHARED, "marker": "o"},
    "nmp_wide": {"color": _SHARED, "marker": "D"},
    "hyper_per_step": {"color": _VARIANT, "marker": "s"},
    "hyper_c0": {"color": _VARIANT, "marker": "<"},
    "hyper_c1": {"color": _VARIANT, "marker": ">"},
    "hyper_xavier": {"color": _VARIANT, "marker": "v"},
    "hyper_linear": {"color": _VARIANT, "marker": "^"},
    "hyper_base": {"color": _VARIANT, "marker": "p"},
    "hyper": {"color": _GENERATED, "marker": "o"},
}
_UNITS = {"a0^3": "a₀³", "a0^2": "a₀²", "Angstrom^3": "Å³", "Angstrom^2": "Å²", "e*Angstrom": "e Å"}


def plain(text: str) -> str:
    """Words of a person's file, which matplotlib must not read as formulas."""
    return text.replace("$", r"\$")


def unit_for_people(unit: str) -> str:
    """A unit as it stands at an axis."""
    return plain(_UNITS.get(unit, unit))


def intervals_over(summary: pd.DataFrame) -> str:
    """What the intervals of some rows of ``summary.csv`` are over."""
    several = summary.seeds.astype(str).str.contains(" ").any()
    return f"95 % interval over {'trainings and molecules' if several else 'molecules'}"
