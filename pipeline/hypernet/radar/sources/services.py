"""Files of weather services: where they are, their digests and terms."""

from __future__ import annotations

import csv
from pathlib import Path

from hypernet.lab.acquire import RemoteFile
from hypernet.radar.sources.readers.knmi import LICENCE

# The example data of pysteps at one commit; the terms are those of the services.
ADDRESS = "https://raw.githubusercontent.com/pySTEPS/pysteps-data/eaa59fb8f39205a3b1a0b44724ad8cd4a86d107e/{path}"
TERMS = {
    "fmi": ("CC BY 4.0", "Finnish Meteorological Institute, open data"),
    "knmi": (LICENCE, "Royal Netherlands Meteorological Institute"),
    "bom": ("(c) Commonwealth of Australia; for evaluation only, not to be published again", "Bureau of Meteorology"),
    "mch": ("for evaluation only, not to be published again", "MeteoSwiss"),
}
# The same files, cut in another size.
SAME_FILES = {"fmi_250px": "fmi"}


def files_of(dataset: str) -> list[RemoteFile]:
    """The files of a data set, in the order of their names."""
    dataset = SAME_FILES.get(dataset, dataset)
    licence, citation = TERMS[dataset]
    with Path(__file__).with_name("services.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["dataset"] == dataset]
    return [RemoteFile(row["name"], ADDRESS.format(path=row["path"]), row["sha256"], licence, citation) for row in rows]
