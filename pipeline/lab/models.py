"""Trained models on disk: whole files that open without running any code from them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from pipeline.lab.errors import UserError
from pipeline.lab.files import atomic_path


def count_parameters(model: torch.nn.Module) -> int:
    """Number of trained numbers in a model."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def save_model(path: Path, content: dict[str, Any]) -> None:
    """Write a trained model, whole or not at all.

    ``content`` is made of tensors and plain types only, so that ``torch.load(path, weights_only=True)`` opens it:
    a stranger's model file can then run no code.
    """
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_model(path: Path) -> dict[str, Any]:
    """Read what :func:`save_model` wrote.

    Raises:
        UserError: no such file, or not a model of this project.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such model file; train one first")
    try:
        with warnings.catch_warnings():
            # What torch says of a strange file, the error below says in one line.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        said = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: not a model file of this project ({said})") from None
