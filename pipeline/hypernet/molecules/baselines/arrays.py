"""Tensors of a fitted method's file, checked: of a damaged one a line comes, and no wrong number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.runs.models import usable


def array(state: Mapping[str, Tensor], name: str, dtype: torch.dtype, *sizes: int | None) -> np.ndarray:
    """One of the tensors.

    Args:
        state: all of them.
        name: of this one.
        dtype: of its numbers.
        sizes: along each of its dimensions; None: any.

    Raises:
        ValueError: it is missing, of another type or shape, or holds what is no finite number.
    """
    tensor = state.get(name)
    if tensor is None or not usable(tensor):
        raise ValueError(f"{name} is missing, or no tensor of finite numbers")
    if tensor.dtype != dtype:
        raise ValueError(f"{name} is of the type {tensor.dtype}, not {dtype}")
    if len(sizes) != tensor.ndim or any(
        size not in (None, given) for size, given in zip(sizes, tensor.shape, strict=True)
    ):
        raise ValueError(f"{name} is of the shape {tuple(tensor.shape)}")
    return tensor.detach().numpy()


def beneath(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a part, under names of the whole."""
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def part(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What :func:`beneath` was given."""
    return {name.removeprefix(f"{prefix}."): state[name] for name in state if name.startswith(f"{prefix}.")}
