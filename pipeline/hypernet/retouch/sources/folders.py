"""A person's own photographs: a folder of pictures, or of pairs before and after an edit.

Pairs lie in two folders, one named as in ``BEFORE`` and one as in ``AFTER`` (in any case, with or without a plural s),
or together in one folder, where the name of the edited one ends in such a word: IMG_1.jpg and IMG_1_edited.jpg, or
IMG_1_before.jpg and IMG_1_after.jpg. The files of a pair may have different endings: IMG_1.dng and IMG_1.jpg.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.lab.files import sha256
from hypernet.retouch.sources.formats.camera_files import RAW_ENDINGS
from hypernet.retouch.sources.image_files import READ_ENDINGS
from hypernet.retouch.sources.pairs import Pair, named

LAYOUTS = ("auto", "pool", "pairs")
BEFORE = ("before", "input", "raw", "source", "original", "a")
AFTER = ("after", "output", "edited", "edit", "retouched", "target", "label", "expert", "b")
ACCEPTED = (
    "two folders named before and after, input and output, raw and edited, source and target, original and expert or "
    "A and B, or one folder with NAME.jpg and NAME_edited.jpg, or NAME_before.jpg and NAME_after.jpg"
)
RENDERED = tuple(ending for ending in READ_ENDINGS if ending not in RAW_ENDINGS)
MOST_PICTURES = 1_000_000
# What programs put beside pictures; names that begin with a dot are passed over too.
PASSED_OVER = ("__macosx", "thumbs.db", "desktop.ini")
SIDECARS = (".xmp", ".json", ".pp3", ".aae", ".dop")
_HEAD = 2**16


def _ending_in(words: tuple[str, ...]) -> re.Pattern[str]:
    """Names such as IMG_1_edited and IMG_1-Edit; a and b end the names of series too often to mean sides."""
    return re.compile(rf"(?P<stem>.*[^ _.-])[ _.-]+(?:{'|'.join(word for word in words if len(word) > 1)})")


_ENDS = {BEFORE: _ending_in(BEFORE), AFTER: _ending_in(AFTER)}


@dataclass(frozen=True)
class Pool:
    """Clean photographs, by name; and what a person should know of how they were taken."""

    pictures: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PairFolder:
    """Photographs before and after, by name; and what a person should know of how they were taken."""

    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]


def find_photographs(folder: Path | str, layout: str = "auto") -> Pool | PairFolder:
    """The photographs of a folder, known by the endings of their names.

    Hidden files and the sidecars of editing programs are passed over.

    Args:
        folder: of pictures, with folders in it or none; or of pairs.
        layout: ``pool``: every picture is a clean photograph; ``pairs``: see above; ``auto``: pairs where the names say
            so, else a pool, and a note says what was taken.

    Raises:
        UserError: no such folder, fewer than two pictures or pairs, names that do not tell which picture is meant, or
            a layout that is none.
    """
    folder = Path(folder)
    if layout not in LAYOUTS:
        raise UserError(f"layout {layout!r} is none; accepted: {', '.join(LAYOUTS)}")
    pictures, notes = _walk(folder)
    if layout == "pool":
        return _pool(folder, pictures, notes)
    if (sides := _sides(folder)) is not None:
        return _of_sides(folder, *sides, pictures, notes)
    flat = [path for path in pictures if path.parent == folder]
    afters = {path for path in flat if _ENDS[AFTER].fullmatch(_folded(path.stem))}
    befores = [path for path in flat if path not in afters]
    pairs, single = _matched(folder, _by_stem(befores, folder, BEFORE), _by_stem(sorted(afters), folder, AFTER))
    if layout == "auto" and not pairs:
        return _pool(folder, pictures, [*notes, f"{folder}: taken as a pool of clean photographs"])
    if layout == "auto" and 4 * len(pairs) < len(pictures):
        example = f"{pairs[0].input.name} and {pairs[0].target.name}"
        raise UserError(
            f"{folder}: {2 * len(pairs)} of {len(pictures)} pictures are before and after by their names ({example}); "
            "say which is meant: pairs or pool"
        )
    nested = [path for path in pictures if path.parent != folder]
    if pairs:
        notes = [*notes, f"{folder}: taken as pairs, such as {pairs[0].input.name} and {pairs[0].target.name}"]
    return _paired(folder, pairs, [*single, *nested], notes)


def _walk(folder: Path) -> tuple[list[Path], list[str]]:
    """All pictures in a folder and in those in it, by name, and what was left out."""
    if not folder.is_dir():
        reason = "not a folder; name one that holds pictures" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {reason}")
    pictures, others, seen = [], [], set[str]()

    def stop(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror})")

    for place, folders, files in os.walk(folder, onerror=stop, followlinks=True):
        # A link to a folder above would never end.
        seen.add(os.path.realpath(place))
        folders[:] = sorted(
            name for name in folders if not passed_over(name) and os.path.realpath(Path(place, name)) not in seen
        )
        for name in sorted(name for name in files if not passed_over(name)):
            path = Path(place, name)
            if path.suffix.lower() in READ_ENDINGS and path.is_file():
                pictures.append(path)
            elif path.suffix.lower() not in SIDECARS:
                others.append(name)
        if len(pictures) > MOST_PICTURES:
            raise UserError(f"{folder}: more than {MOST_PICTURES:,} pictures")
    return pictures, [f"{folder}: left out, no pictures by their names: {named(others)}"] if others else []


def passed_over(name: str) -> bool:
    """Whether a file or folder is hidden, or put beside pictures by a program."""
    return name.startswith(".") or name.lower() in PASSED_OVER


def _sides(folder: Path) -> tuple[Path, Path] | None:
    """The folders of before and of after; None where there are not both."""
    places: dict[tuple[str, ...], list[Path]] = {BEFORE: [], AFTER: []}
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        word = path.name.casefold()
        for side, paths in places.items():
            if word in side or (len(word) > 2 and word.removesuffix("s") in side):
                paths.append(path)
    before, after = places[BEFORE], places[AFTER]
    if not before or not after:
        return None
    for several in (before, after):
        if len(several) > 1:
            names = ", ".join(path.name for path in several)
            raise UserError(f"{folder}: several folders of one side: {names}; accepted: one before and one after")
    return before[0], after[0]


def _of_sides(folder: Path, before: Path, after: Path, pictures: list[Path], notes: list[str]) -> PairFolder:
    befores = [path for path in pictures if path.is_relative_to(before)]
    afters = [path for path in pictures if path.is_relative_to(after)]
    elsewhere = sorted({*pictures} - {*befores} - {*afters})
    pairs, single = _matched(before, _by_stem(befores, before, BEFORE), _by_stem(afters, after, AFTER))
    if befores and afters and not pairs:
        raise UserError(
            f"{folder}: no picture of {before.name} ({befores[0].name} ...) has the name of one of {after.name} "
            f"({afters[0].name} ...)"
        )
    notes = [*notes, f"{folder}: taken as pairs, {before.name} before and {after.name} after"]
    return _paired(folder, pairs, [*single, *elsewhere], notes)


def _by_stem(paths: list[Path], folder: Path, side: tuple[str, ...] = ()) -> dict[str, list[Path]]:
    """Pictures of a folder by name, in whatever case and without a word that says which side they are of."""
    stems = defaultdict(list)
    for path in paths:
        stem = _folded(path.relative_to(folder).with_suffix("").as_posix())
        match = _ENDS[side].fullmatch(stem) if side else None
        stems[match["stem"] if match else stem].append(path)
    return stems


def _folded(name: str) -> str:
    # macOS writes an accent as a letter of its own.
    return unicodedata.normalize("NFC", name).casefold()


def _matched(
    folder: Path, befores: dict[str, list[Path]], afters: dict[str, list[Path]]
) -> tuple[list[Pair], list[Path]]:
    """The pairs, named as they are before and by where they lie in a folder; and the pictures without a partner."""
    pairs, single = [], []
    for stem in sorted({*befores, *afters}):
        before, after = befores.get(stem, []), afters.get(stem, [])
        if not before or not after:
            single += before + after
            continue
        _refuse_several(before)
        _refuse_several(after)
        pairs.append(Pair(before[0].relative_to(folder).with_suffix("").as_posix(), before[0], after[0]))
    return pairs, single


def _refuse_several(paths: list[Path]) -> None:
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths)
        raise UserError(f"{paths[0].parent}: {names} are of one name; accepted: one file of each photograph")


def _paired(folder: Path, pairs: list[Pair], single: list[Path], notes: list[str]) -> PairFolder:
    listed = named(path.relative_to(folder).as_posix() for path in single)
    if len(pairs) < 2:
        alone = f"; without a partner: {listed}" if single else ""
        raise UserError(f"{folder}: too few pairs ({len(pairs)}), at least 2 are needed; accepted: {ACCEPTED}{alone}")
    if single:
        notes = [*notes, f"{folder}: left out, without a partner: {listed}"]
    return PairFolder(tuple(pairs), tuple(notes))


def _pool(folder: Path, pictures: list[Path], notes: list[str]) -> Pool:
    kept, beside_raw = [], []
    for paths in _by_stem(pictures, folder).values():
        rendered = [path for path in paths if path.suffix.lower() in RENDERED]
        if len(rendered) == 1 < len(paths):
            beside_raw.append(rendered[0].name)
            paths = rendered
        _refuse_several(paths)
        kept += paths
    if beside_raw:
        notes = [*notes, f"{folder}: the raw files beside pictures of the same name are left out: {named(beside_raw)}"]
    if copies := _copies(kept):
        # A photograph must not be learned from and tested on.
        listed = named(path.relative_to(folder).as_posix() for path in sorted(copies))
        notes = [*notes, f"{folder}: left out, copies of others: {listed}"]
    pool = tuple(sorted(path for path in kept if path not in copies))
    if len(pool) < 2:
        raise UserError(
            f"{folder}: too few pictures ({len(pool)}), at least 2 are needed; accepted: {', '.join(RENDERED)} "
            "and raw files"
        )
    return Pool(pool, tuple(notes))


def _copies(paths: list[Path]) -> set[Path]:
    """Files that have the bytes of an earlier one."""
    groups = [sorted(paths)]
    questions: tuple[Callable[[Path], object], ...] = (lambda path: path.stat().st_size, _head_digest, sha256)
    # The costlier question is asked only of those that the cheaper one leaves alike.
    for question in questions:
        parted = defaultdict(list)
        for number, group in enumerate(groups):
            for path in group:
                parted[number, question(path)].append(path)
        groups = [group for group in parted.values() if len(group) > 1]
    return {path for group in groups for path in group[1:]}


def _head_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(_HEAD)).digest()
