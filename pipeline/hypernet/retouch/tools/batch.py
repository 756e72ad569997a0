"""Many photographs and films: what fails is named, and the rest is made."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.retouch.tools.deliverables import Retouched
from hypernet.retouch.tools.inputs import Task, is_film
from hypernet.retouch.tools.looks import Look, Recipe


def retouch_all(
    tasks: Sequence[Task],
    look: Look,
    recipe: Recipe,
    picture_options: Mapping[str, Any],
    film_options: Mapping[str, Any],
) -> None:
    """Retouch files one after the other, and say of each what became of it.

    Args:
        tasks: what to read and where to write.
        look: what retouches.
        recipe: how much of it, and what comes after.
        picture_options: see ``Retouched.save``.
        film_options: see ``films.retouch_film``.

    Raises:
        UserError: some could not be retouched; they are named before, a line each.
    """
    failed = 0
    for task in tasks:
        try:
            with _named_where_it_fails(task):
                print(_retouched(task, look, recipe, picture_options, film_options), flush=True)
        except UserError as error:
            if len(tasks) == 1:
                raise
            failed += 1
            print(f"left out: {error}", file=sys.stderr, flush=True)
    if failed:
        raise UserError(f"{failed:,} of {len(tasks):,} files were left out, for the reasons above")


@contextmanager
def _named_where_it_fails(task: Task) -> Iterator[None]:
    """A name that is too long or a closed folder ends only this file; a full disk ends all."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(f"{', '.join(map(str, task.outputs.values()))}: cannot be written ({error.strerror})") from None


def _retouched(
    task: Task,
    look: Look,
    recipe: Recipe,
    picture_options: Mapping[str, Any],
    film_options: Mapping[str, Any],
) -> str:
    """What became of a photograph or a film, some lines."""
    if is_film(task.path):
        from hypernet.retouch.tools.films import retouch_film

        out = task.outputs["out"]
        report = retouch_film(
            task.path,
            out,
            look,
            strength=recipe.strength,
            adjustments=recipe.adjustments,
            allow_fold=recipe.allow_fold,
            **film_options,
        )
        return "\n".join(f"{out}: {line}" for line in report.summary().splitlines())
    from hypernet.retouch.sources.image_files import read_photograph

    made = Retouched.of(str(task.path), read_photograph(task.path), look, recipe)
    writers: dict[str, Callable[[Path], str]] = {
        "out": lambda path: made.save(path, **picture_options),
        "matrix": made.save_matrix,
        "lut": made.save_lut,
        "page": made.save_page,
    }
    lines = [f"{path}: {writers[option](path)}" for option, path in task.outputs.items()]
    return "\n".join(filter(None, [made.summary(), *lines]))
