"""Names of the data sets: apart from the captions, so that a new caption does not remake data."""

from __future__ import annotations

FOLDS = ("photos", "photos_b", "photos_c")
KODAK, FIVEK = "kodak", "fivek"
# All three splits together: every photograph is tested once.
POOLED = "photos_all"
SOURCES = {
    "photos": "eight photographs, split a",
    "photos_b": "eight photographs, split b",
    "photos_c": "eight photographs, split c",
    KODAK: "Kodak and package photographs",
    FIVEK: "MIT-Adobe FiveK, expert C",
}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    return "eight photographs, each tested once" if dataset == POOLED else SOURCES.get(dataset, dataset)
