"""Named random streams: every random choice says what it is for, and gets the same numbers on every machine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def _digest(seed: int, domain: str, purpose: str, index: tuple[int | str, ...]) -> bytes:
    # Every part carries its type and length, so that ("a", "bc") and ("ab", "c"), or 1 and "1", stay apart.
    parts = [
        f"{'str' if isinstance(part, str) else 'int'}:{len(str(part))}:{part}"
        for part in (seed, domain, purpose, *index)
    ]
    return hashlib.sha256("|".join(parts).encode()).digest()


def numpy_generator(seed: int, domain: str, purpose: str, *index: int | str) -> np.random.Generator:
    """The random stream of (seed, domain, purpose, index...), counter-based (Philox; Salmon et al. 2011).

    Streams of different names are independent; the same name gives the same stream in any process and order.
    """
    key = int.from_bytes(_digest(seed, domain, purpose, index)[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def derived_seed(seed: int, domain: str, purpose: str, *index: int | str) -> int:
    """A seed of 63 bits for libraries that want a number."""
    return int.from_bytes(_digest(seed, domain, purpose, index)[:8], "little") >> 1


def torch_generator(seed: int, domain: str, purpose: str, *index: int | str, device: str = "cpu") -> torch.Generator:
    """The same for torch."""
    import torch

    return torch.Generator(device).manual_seed(derived_seed(seed, domain, purpose, *index))
