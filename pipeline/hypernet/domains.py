"""The nine domains of the talk, and which of them this version contains."""

from __future__ import annotations

import importlib
import importlib.util
from functools import partial
from types import ModuleType
from typing import Any

from hypernet.lab.config import DomainConfig
from hypernet.lab.errors import UserError

DOMAINS = {
    "radar": "Weather radar nowcasting",
    "shapes": "3D shapes from one image",
    "sonar": "3D shapes from bat echoes",
    "superres": "Super-resolution",
    "retouch": "Photo retouching",
    "ratings": "Explainable recommendation trees",
    "codes": "Error-correcting-code decoders",
    "molecules": "Molecule properties",
    "circuits": "Analog circuit design",
}


def available() -> list[str]:
    """Names of the domains that are built, in the order of the talk."""
    return [name for name in DOMAINS if importlib.util.find_spec(f"hypernet.{name}") is not None]


def room(domain: str, name: str) -> ModuleType:
    """Import one room of a domain, e.g. ``room("codes", "evaluate")`` or ``room("codes", "tools.decode")``.

    Raises:
        UserError: the domain does not exist, or not yet.
    """
    if domain not in available():
        known = ", ".join(available())
        state = "is planned but not built yet" if domain in DOMAINS else "is not a domain"
        raise UserError(f"{domain}: {state}; built: {known}")
    return importlib.import_module(f"hypernet.{domain}.{name}")


def config_types() -> dict[str, type[DomainConfig]]:
    """The configuration type of every domain that is built, each with what plans by a person's files."""
    types: dict[str, type[DomainConfig]] = {name: room(name, "config").Config for name in available()}
    for name, config in types.items():
        config.planned = staticmethod(partial(_planned, name))
    return types


def _planned(domain: str, path: str) -> Any:
    """See :class:`hypernet.lab.config.DomainConfig`; the room ``raw`` is imported where a plan asks for it."""
    return room(domain, "raw").planned(path)
