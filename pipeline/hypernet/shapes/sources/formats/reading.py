"""What the parsers of mesh formats share: the error for damaged bytes, and lines one at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator

from hypernet.shapes.core.solids import MOST_TRIANGLES

# As many as the triangles' corners, if none is shared.
MOST_VERTICES = 3 * MOST_TRIANGLES
# Characters; the words of a line take some twenty times its length.
LONGEST_LINE = 1_000_000


class DamagedError(ValueError):
    """The bytes are no whole file of their format; the message says where and why, without the file's name."""


def numbered_lines(content: bytes, comment: str = "\n") -> Iterator[tuple[int, str]]:
    """Number and text of each line, without what follows ``comment``; a list of all would take ten times the memory.

    Raises:
        DamagedError: a line of more than a million characters.
    """
    for number, line in enumerate(io.BytesIO(content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")), 1):
        if len(line) > LONGEST_LINE:
            raise DamagedError(f"line {number} has {len(line):,} characters; at most {LONGEST_LINE:,} are accepted")
        yield number, line.decode("latin-1").partition(comment)[0]


def check_counts(vertices: int, faces: int) -> None:
    """Refuse more than is accepted, before memory is taken for it.

    Raises:
        DamagedError: too many vertices or faces.
    """
    if vertices > MOST_VERTICES or faces > MOST_TRIANGLES:
        most = f"{MOST_VERTICES:,} vertices and {MOST_TRIANGLES:,} faces"
        raise DamagedError(f"{vertices:,} vertices and {faces:,} faces or more; at most {most} are accepted")


def shown(line: str) -> str:
    """The beginning of a line of a file, for a message."""
    return repr(" ".join(line[:200].split())[:60])
