"""Names of the data sets for people: apart from the captions, so that a new caption does not remake the data."""

from __future__ import annotations

DATASETS = {
    "length4": "Ladders of 4 parts, E3",
    "lengths4to6": "Ladders of 4 to 6 parts, E3",
    "lengths4to10": "Ladders of 4 to 10 parts, E6",
    "ngspice": "Reference circuits, responses by ngspice",
}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    return DATASETS.get(dataset, dataset)
