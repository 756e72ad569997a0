"""What a model knows of the data it was trained on, read from its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from hypernet.ratings.core.tables import Feature

# Characters of an identifier or a title.
LONGEST_NAME = 10_000
# Characters of all identifiers or titles, each as wide as the longest.
LARGEST_TEXTS = 2**26


@dataclass(frozen=True)
class Catalogue:
    """What a model knows of the data it was trained on; see ``hypernet.ratings.RatingData``.

    ``unknown``, bool ``[M, D]``, are the features of an item that are not known; None: all are known.
    """

    title: str
    unit: str
    low: float
    high: float
    features: tuple[Feature, ...]
    mean: np.ndarray
    deviation: np.ndarray
    users: np.ndarray
    items: np.ndarray
    titles: np.ndarray
    item_x: np.ndarray
    user_x: np.ndarray
    unknown: np.ndarray | None = None

    @classmethod
    def read(cls, content: dict[str, Any]) -> Self:
        """From the part ``catalogue`` of a model file, which may be a stranger's.

        Raises:
            KeyError: a part is missing.
            TypeError: a part is of another type.
            ValueError: parts that do not fit together.
        """
        features = tuple(Feature(**feature).checked() for feature in content["features"])
        users, items, titles = (_texts(content, name) for name in ("users", "items", "titles"))
        width, low, high = len(features), float(content["low"]), float(content["high"])
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"no scale goes from {low:g} to {high:g}")
        if len(titles) != len(items):
            raise ValueError(f"{len(titles)} titles of {len(items)} items")
        deviation = numbers(content, "deviation", torch.float64, width)
        if (deviation <= 0).any():
            raise ValueError("a feature whose deviation is not above zero")
        return cls(
            title=_text(content["title"]),
            unit=_text(content["unit"]),
            low=low,
            high=high,
            features=features,
            mean=numbers(content, "mean", torch.float64, width),
            deviation=deviation,
            users=users,
            items=items,
            titles=titles,
            item_x=numbers(content, "item_x", torch.float32, len(items), width),
            user_x=numbers(content, "user_x", torch.float32, len(users), width),
            unknown=numbers(content, "unknown", torch.bool, len(items), width) if "unknown" in content else None,
        )


def _text(value: object) -> str:
    """A text that can be written to a file; a UnicodeEncodeError is a ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where a text belongs")
    value.encode()
    return value


def _texts(content: dict[str, Any], name: str) -> np.ndarray:
    texts = [_text(value) for value in content[name]]
    # In an array the longest text sets the width of all.
    longest = max(map(len, texts), default=0)
    if longest > LONGEST_NAME:
        raise ValueError(f"one of the {name} has {longest} characters; accepted: up to {LONGEST_NAME}")
    if longest * len(texts) > LARGEST_TEXTS:
        raise ValueError(f"{len(texts)} {name} of up to {longest} characters; accepted: {LARGEST_TEXTS:,} in all")
    return np.array(texts, dtype=str)


def numbers(content: dict[str, Any], name: str, dtype: torch.dtype, *shape: int) -> np.ndarray:
    """An array of a model file that is what it should be, every number of it in the file."""
    tensor = content[name]
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        raise ValueError(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, not {dtype} {shape}")
    # A view may have more numbers than the file.
    if tensor.layout != torch.strided or not tensor.is_contiguous():
        raise ValueError(f"{name} is not stored number by number")
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    array: np.ndarray = tensor.numpy()
    return array
