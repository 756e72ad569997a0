"""Colours and marks of the methods: sight red, BatMan blue and violet, its controls and others apart."""

from __future__ import annotations

from typing import Any

from hypernet.lab.results import figures

STYLE: dict[str, dict[str, Any]] = {
    "mean_shape": {"color": "0.6", "marker": "x"},
    "nearest": {"color": "black", "marker": "*"},
    "concat_matched": {"color": figures.COLOURS[1], "marker": "s"},
    "fixed_decoder": {"color": figures.COLOURS[1], "marker": "^"},
    "film": {"color": figures.COLOURS[2], "marker": "D"},
    "soundnet": {"color": figures.COLOURS[5], "marker": "v"},
    "resnet": {"color": figures.COLOURS[3], "marker": "<"},
    "resnet_phase": {"color": figures.COLOURS[3], "marker": ">"},
    "batman": {"color": figures.COLOURS[0], "marker": "o"},
    "batman_pairs": {"color": "#332288", "marker": "P"},
    "batman_mics": {"color": "#332288", "marker": "p"},
    "vision": {"color": figures.COLOURS[4], "marker": "X"},
    "vision_sonar": {"color": "#882255", "marker": "h"},
}
QUOTED_STYLE: dict[str, tuple[str, str]] = {
    "r2n2": ("0.45", "s"),
    "vision_published": (figures.COLOURS[4], "X"),
    **{
        method: (STYLE[method]["color"], STYLE[method]["marker"])
        for method in ("soundnet", "resnet", "resnet_phase", "batman", "batman_pairs")
    },
}
