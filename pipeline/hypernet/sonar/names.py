"""Names of the data sets: apart from the captions, so that a new caption does not remake the data."""

from __future__ import annotations

import re

GENERATED = "generated"
REAL, SHAPENET = "real", "shapenet"
# Data sets of files, which a person fetches or has.
SOURCES = {
    REAL: "Echoes of real meshes, trained on generated shapes",
    SHAPENET: "Echoes of ShapeNet's meshes",
}
# What the name of a generated data set may say: reflections, training objects of each class, which population.
GENERATED_NAME = re.compile(
    rf"{GENERATED}(?:_bounces(?P<bounces>[12]))?(?:_each(?P<each>[1-9]\d{{0,4}}))?(?:_seed(?P<seed>\d{{1,6}}))?"
)


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    matched = GENERATED_NAME.fullmatch(dataset)
    if matched is None:
        return SOURCES.get(dataset, dataset)
    parts = ["Echoes of generated shapes"]
    if matched["bounces"]:
        parts.append("two reflections" if matched["bounces"] == "2" else "one reflection")
    if matched["each"]:
        parts.append(f"{matched['each']} of each class")
    if matched["seed"]:
        parts.append(f"data seed {matched['seed']}")
    return ", ".join(parts)
