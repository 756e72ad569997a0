"""Optional libraries: imported where they are used, and missed in one line."""

from __future__ import annotations

import importlib
from types import ModuleType

from hypernet.lab.errors import UserError


def library(module: str, package: str, extra: str) -> ModuleType:
    """Import a library of one of this project's extras; some take seconds, so only where they are used.

    Args:
        module: what to import, e.g. ``sklearn.decomposition``.
        package: its name for people, e.g. ``scikit-learn``.
        extra: the extra of this project that installs it, e.g. ``ratings``.

    Raises:
        UserError: it is not installed, or does not work here.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f'{package} cannot be used ({reason}): pip install "hypernet[{extra}]"') from None
