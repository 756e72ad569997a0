"""Libraries of the extra ``radar``: file formats, projections and radars' geometry."""

from __future__ import annotations

import importlib
from types import ModuleType

from pipeline.lab.errors import UserError


def library(module: str, package: str) -> ModuleType:
    """Import a library of the extra ``radar``; some take seconds, so only where it is used.

    Args:
        module: what to import, e.g. ``PIL.Image``.
        package: its name for people, e.g. ``Pillow``.

    Raises:
        UserError: it is not installed, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        said = " ".join(str(error).split())[:160]
        raise UserError(f'{package} cannot be used ({said}): pip install "hypernet[radar]"') from None
