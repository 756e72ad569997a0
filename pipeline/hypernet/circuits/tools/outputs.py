"""Two-ports as Touchstone files, and the endings that a response can be written with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_text

ENDINGS = (".csv", ".s2p", ".png", ".svg")


def check_output(path: Path) -> Path:
    """The path, if a response can be written there.

    Raises:
        UserError: another ending than those of :data:`ENDINGS`, or a folder.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: the name must end in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def write_touchstone(
    path: Path, hertz: np.ndarray, s: np.ndarray, references: tuple[float, float], comment: str
) -> None:
    """Write a two-port: version 1.1 where both ports have one reference, otherwise 2.0, which has a ``[Reference]``.

    Args:
        path: of the file.
        hertz: frequencies, ``[d]``, rising.
        s: its S parameters, complex ``[d, 2, 2]``.
        references: resistances of port 1 and port 2 in ohms.
        comment: for the first line.
    """
    # Of the file's columns: S11, S21, S12, S22, in Touchstone's order for two ports.
    order = (s[:, 0, 0], s[:, 1, 0], s[:, 0, 1], s[:, 1, 1])
    columns = [hertz, *(plane for entry in order for plane in (entry.real, entry.imag))]
    rows = [" ".join(repr(float(number)) for number in row) for row in np.stack(columns, axis=1)]
    first = f"! {' '.join(comment.encode('ascii', 'replace').decode().split())}"
    option = f"# Hz S RI R {float(references[0])!r}"
    if references[0] == references[1]:
        write_text(path, "\n".join([first, option, *rows]) + "\n")
        return
    both = " ".join(repr(float(reference)) for reference in references)
    head = [first, "[Version] 2.0", option, "[Number of Ports] 2", "[Two-Port Data Order] 21_12"]
    head += [f"[Number of Frequencies] {len(hertz)}", f"[Reference] {both}", "[Network Data]"]
    write_text(path, "\n".join([*head, *rows, "[End]"]) + "\n")
