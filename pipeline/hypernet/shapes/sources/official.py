"""What an object of the official archives is before anything of it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OfficialObject:
    """One object of an archive.

    Attributes:
        class_name: one of ``hypernet.shapes.names.CLASSES``.
        identity: ShapeNet's identifier, or the folder's name of a single object.
        split: ``train``, ``validation`` or ``test``; of a single object ``test``.
        renderings: folder of the pictures.
        voxels: the file of its voxels.
    """

    class_name: str
    identity: str
    split: str
    renderings: Path
    voxels: Path
