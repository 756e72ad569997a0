"""Names of the data sets for people: apart from the captions, so that a new caption does not remake the data."""

from __future__ import annotations

DATASETS = {
    "preftrees": "Generated preferences",
    "ml1m": "MovieLens 1M",
    "jester1": "Jester set 1, part 1",
} | {f"ml100k_u{split}": f"MovieLens 100K, split u{split}" for split in range(1, 6)}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    generated, _, seed = dataset.partition("_seed")
    if generated == "preftrees" and seed:
        return f"{DATASETS[generated]}, data seed {seed}"
    return DATASETS.get(dataset, dataset)
