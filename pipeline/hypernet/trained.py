"""A trained model of any domain, opened by its file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypernet.domains import available, room
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored


def open_model(path: str | Path) -> Any:
    """Open a ``model.ckpt`` that `hypernet <domain> train` wrote; no code in it is run.

    Args:
        path: the file.

    Returns:
        What the domain's ``trained.open_model`` returns: a callable from arrays to arrays, with the domain's own
        methods beside (a decoder of `codes`, a forecaster of `radar`, a designer of `circuits`, trees of `ratings`).

    Raises:
        UserError: no such file, not a model of this project, of another version, or damaged.
    """
    content = load_model(path)
    domain = content.get("domain")
    if not isinstance(domain, str) or domain not in available():
        name = repr(domain[:80]) if isinstance(domain, str) else "no domain"
        raise UserError(f"{path}: a model of {name}; accepted: those of {', '.join(available())}")
    trained = room(domain, "trained")
    return restored(path, content, domain, trained.VERSION, trained.restore)
