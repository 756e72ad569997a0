"""What is to be retouched, photographs, folders of them and films, and where each result goes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.film_colours import ENDINGS as WRITTEN_FILMS
from hypernet.retouch.sources.folders import MOST_PICTURES, SIDECARS, passed_over
from hypernet.retouch.sources.image_files import ACCEPTED, READ_ENDINGS, WRITTEN_ENDINGS
from hypernet.retouch.sources.pairs import named

# Known as films by their names; what else is given is read as a photograph.
FILMS = (*WRITTEN_FILMS, ".avi", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".3gp", ".wmv", ".flv", ".mxf", ".ogv", ".dv")
# Of what is read and cannot be written: HEIC, raw files and others, which TIFF holds without loss; and other films.
PICTURE_ENDING, FILM_ENDING = ".tif", ".mp4"
# Names of files that a sentence has room for.
FEW = 3


@dataclass(frozen=True)
class Task:
    """A file and what is to be written of it.

    Attributes:
        path: of the photograph or film.
        outputs: by option: ``out``, the retouched file; ``matrix``, ``lut`` and ``page`` of one photograph.
    """

    path: Path
    outputs: Mapping[str, Path]


def is_film(path: Path) -> bool:
    """Whether a file is a film, by its name."""
    return path.suffix.lower() in FILMS


def tasks(inputs: Sequence[Path], out: Path, ending: str | None = None) -> tuple[list[Task], list[str]]:
    """What has to be done, in the order of the inputs, and what was left out of folders, a sentence each.

    Args:
        inputs: photographs, films, and folders: all photographs in them and in folders below, but for hidden ones.
        out: a file for one photograph or film, otherwise a folder, in which names and folders are kept.
        ending: of the written photographs in a folder; None: as they have, or ``.tif`` where that is not written.

    Raises:
        UserError: an input that is not there, a folder without a photograph, or a name that cannot be written.
    """
    files: list[tuple[Path, Path]] = []
    notes: list[str] = []
    for path in inputs:
        if path.is_dir():
            pictures, words = _pictures_in(path)
            notes += words
            files += [(picture, picture.relative_to(path)) for picture in pictures]
            if out.resolve().is_relative_to(path.resolve()):
                raise UserError(f"--out {out}: lies in the folder that is read; name another")
        elif not path.exists():
            raise UserError(f"{path}: no such file or folder")
        else:
            files.append((path, Path(path.name)))
    if len(inputs) == 1 and not inputs[0].is_dir() and not _is_folder(out):
        if ending is not None:
            raise UserError("--format: is of the files in a folder; the name of --out says it")
        work = [Task(inputs[0], {"out": out})]
    else:
        if not out.is_dir() and (out.exists() or out.suffix.lower() in (*READ_ENDINGS, *FILMS)):
            raise UserError(f"--out {out}: this is a file; name a folder for several photographs")
        targets = [out / name.with_suffix(_ending(path, ending)) for path, name in files]
        work = [Task(path, {"out": target}) for (path, _), target in zip(files, targets, strict=True)]
        _refuse_one_name(work)
    for task in work:
        accepted = WRITTEN_FILMS if is_film(task.path) else WRITTEN_ENDINGS
        if task.outputs["out"].suffix.lower() not in accepted:
            raise UserError(f"--out {task.outputs['out']}: the name must end in {', '.join(accepted)}")
    return work, notes


def _refuse_one_name(work: Sequence[Task]) -> None:
    """Refuse inputs that would be written over each other: IMG_1.dng and IMG_1.tif, or of two folders."""
    sources: dict[str, Path] = {}
    for task in work:
        out = task.outputs["out"]
        if (other := sources.setdefault(os.path.realpath(out), task.path)) is not task.path:
            raise UserError(f"--out {out}: would be written of both {other} and {task.path}; give them by themselves")


def _is_folder(out: Path) -> bool:
    """Whether a person means a folder: it is there, or its name has no ending."""
    return out.is_dir() or not out.suffix


def _ending(path: Path, ending: str | None) -> str:
    """Of what becomes of a file in a folder."""
    if is_film(path):
        return path.suffix if path.suffix.lower() in WRITTEN_FILMS else FILM_ENDING
    if ending is not None:
        return ending
    return path.suffix if path.suffix.lower() in WRITTEN_ENDINGS else PICTURE_ENDING


def _pictures_in(folder: Path) -> tuple[list[Path], list[str]]:
    """All photographs of a folder and of those in it, by name, and what was left out, a sentence each.

    Raises:
        UserError: there is none, or there are too many.
    """
    pictures: list[Path] = []
    others: list[str] = []
    closed: list[str] = []
    links: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(str(error.filename))):
        folders[:] = sorted(name for name in folders if not passed_over(name))
        # They are not followed: a link to a folder above would never end.
        links += [name for name in folders if Path(place, name).is_symlink()]
        for name in sorted(files):
            ending = Path(name).suffix.lower()
            if passed_over(name) or ending in SIDECARS:
                continue
            if ending in READ_ENDINGS:
                pictures.append(Path(place) / name)
            else:
                others.append(name)
    if len(pictures) > MOST_PICTURES:
        raise UserError(f"{folder}: {len(pictures):,} photographs; accepted: {MOST_PICTURES:,} at most")
    films = [name for name in others if is_film(Path(name))]
    others = [name for name in others if name not in films]
    notes = [f"{folder}: left out, cannot be opened: {path}" for path in closed]
    if links:
        notes.append(f"{folder}: left out, links to folders; name them by themselves: {named(links, FEW)}")
    if others:
        notes.append(f"{folder}: left out, no photographs by their names: {named(others, FEW)}")
    if films:
        notes.append(f"{folder}: left out, films; name them by themselves: {named(films, FEW)}")
    if not pictures:
        why = f" ({notes[-1].removeprefix(f'{folder}: ')})" if notes else ""
        raise UserError(f"{folder}: no photographs in it{why}; accepted: {ACCEPTED}")
    return pictures, notes
