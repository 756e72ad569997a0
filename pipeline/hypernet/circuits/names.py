"""Names that settings and pages share: the data sets, and the E series of component values.

Apart from the captions, so that a new caption does not remake the data.
"""

from __future__ import annotations

import math

import numpy as np

DATASETS = {
    "length4": "Ladders of 4 parts, E3",
    "lengths4to6": "Ladders of 4 to 6 parts, E3",
    "lengths4to10": "Ladders of 4 to 10 parts, E6",
    "ngspice": "Reference circuits, responses by ngspice",
}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    return DATASETS.get(dataset, dataset)


# IEC 60063: the preferred values of one decade.
E_SERIES = {
    "E3": (1.0, 2.2, 4.7),
    "E6": (1.0, 1.5, 2.2, 3.3, 4.7, 6.8),
    "E12": (1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2),
    "E24": (
        *(1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0),
        *(3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2, 9.1),
    ),
    # From here on the series are geometric, with three digits; not before.
    "E48": tuple(round(10 ** (place / 48), 2) for place in range(48)),
    "E96": tuple(round(10 ** (place / 96), 2) for place in range(96)),
}  # fmt: skip


def series_values(series: str, lowest: float, highest: float) -> np.ndarray:
    """All values of an E series from ``lowest`` to ``highest``, rising, normalised (decades keep the mantissas)."""
    decades = range(math.floor(math.log10(lowest)) - 1, math.ceil(math.log10(highest)) + 1)
    # Decimal texts give the double that a reader of 0.22 expects, not 2.2 * 0.1.
    values = np.array([float(f"{mantissa}e{decade}") for decade in decades for mantissa in E_SERIES[series]])
    return values[(values >= lowest * (1 - 1e-9)) & (values <= highest * (1 + 1e-9))]
