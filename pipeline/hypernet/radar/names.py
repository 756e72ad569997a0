"""Names of the data sets for people: apart from the captions, so that a new caption does not remake the data."""

from __future__ import annotations

# Data sets of files from weather services.
SOURCES = {
    "fmi": "Finland, two rainy days (FMI)",
    "knmi": "Netherlands, one rainy night (KNMI)",
    "bom": "Brisbane, one rainy day (BoM)",
    "mch": "Switzerland, one rainy evening (MeteoSwiss)",
    "nexrad_kdvn": "Davenport, 2013-2014 (NEXRAD)",
    "nexrad_keax": "Kansas City, 2013-2014 (NEXRAD)",
}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    base, _, seed = dataset.partition("_seed")
    if base == "simulated":
        return "Simulated rain" + (f", data seed {seed}" if seed else "")
    return SOURCES.get(dataset, dataset)
