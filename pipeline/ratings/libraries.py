"""Libraries that only some data sets and methods need."""

from __future__ import annotations

import importlib
from types import ModuleType

from pipeline.lab.errors import UserError


def library(module: str, package: str) -> ModuleType:
    """Import a library of the extra ``ratings``.

    Args:
        module: what to import, e.g. ``sklearn.decomposition``.
        package: its name for people, e.g. ``scikit-learn``.

    Raises:
        UserError: it is not installed, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        said = " ".join(str(error).split())[:160]
        raise UserError(f'{package} cannot be used ({said}): pip install "hypernet[ratings]"') from None
