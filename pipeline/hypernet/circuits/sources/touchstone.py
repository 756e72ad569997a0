"""Touchstone files (.s2p), read as text and as nothing else.

``skrf.Network(path)`` first tries to unpickle what it is given, and unpickling runs whatever code a file names. Given
text in memory it goes to its Touchstone parser directly.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from hypernet.lab.errors import UserError

if TYPE_CHECKING:
    import skrf

# A network analyser's longest sweeps have some 100,000 points of about 200 characters.
LARGEST_BYTES = 50_000_000


def read_touchstone(path: Path) -> skrf.Network:
    """Parse a Touchstone file of any version that scikit-rf knows; no byte of it is run.

    Raises:
        UserError: no such file, too large, not text, or not Touchstone.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > LARGEST_BYTES:
        raise UserError(f"{path}: more than {LARGEST_BYTES:,} bytes, the most that a Touchstone file may have")
    if b"\0" in content:
        raise UserError(f"{path}: not a Touchstone file (it holds binary data; Touchstone is text)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # the comments of older instruments
    try:
        import skrf
    except ImportError:
        raise UserError(f"{path}: Touchstone files need scikit-rf; install hypernet[circuits]") from None
    stream = io.StringIO(text)
    stream.name = path.name  # type: ignore[attr-defined]  # the parser reads the number of ports from the name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return skrf.Network(stream)
    except Exception as error:  # skrf lets through whatever its parser stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: not a Touchstone file ({reason})") from None
