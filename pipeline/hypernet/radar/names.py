"""Names of the data sets for people: apart from the captions, so that a new caption does not remake the data."""

from __future__ import annotations

import re

# Days of a NEXRAD radar by the four letters of its station, fetched by `hypernet radar archive`.
STATION = re.compile(r"nexrad_([a-z][a-z0-9]{3})")
# Data sets of files from weather services.
SOURCES = {
    "fmi": "Finland, two rainy days (FMI)",
    "fmi_250px": "Finland, two rainy days (FMI), squares of 250 km",
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
    if dataset not in SOURCES and (station := STATION.fullmatch(dataset)):
        return f"{station.group(1).upper()} (NEXRAD)"
    return SOURCES.get(dataset, dataset)
