"""Raw data of the domain: package photographs, Kodak's, an export of FiveK, or a person's own; and their splits."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import empty, read_json, write_json
from hypernet.lab.manifest import write_manifest
from hypernet.lab.randomness import numpy_generator
from hypernet.retouch.config import FiveK, OwnPhotographs, RawSettings
from hypernet.retouch.names import FOLDS, KODAK
from hypernet.retouch.sources import fivek, kodak, photographs
from hypernet.retouch.sources.folders import Pool, find_photographs
from hypernet.retouch.sources.pairs import Pair

ENTRIES = "entries.json"
ORIGIN = "photographs that scikit-image, scikit-learn and matplotlib carry"
SPLITS = ("train", "validation", "test")
# Share of a person's photographs that is tested, and held out to choose weights by.
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
FEWEST = 4
# Of fewer clean photographs none is held out: weights are chosen on unseen degradations of those that train.
FEW = 20
# Of Kodak's photographs in their order and then these of the packages: tested, and held out.
KODAK_ADDED = ("astronaut", "coffee", "cat", "rocket", "china", "flower")
KODAK_TESTED, KODAK_HELD_OUT = (0, 6, 12, 18, 20, 21, 24, 25), (3, 9, 15)


@dataclass(frozen=True)
class Entry:
    """A photograph: what is wanted, and what it was before; None where inputs are to be made."""

    name: str
    input: Path | None
    target: Path


@dataclass(frozen=True)
class Source:
    """A raw data set, and which split each photograph belongs to.

    Attributes:
        paired: whether the inputs are real.
        splits: ``train``, ``validation`` and ``test``.
        other_inputs: for unpaired trainings, where they are others than those of the pairs.
        other_targets: likewise.
    """

    paired: bool
    splits: dict[str, list[Entry]]
    other_inputs: list[Path]
    other_targets: list[Path]


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the raw files of ``dataset`` to ``out``, with a manifest that says where they come from.

    Raises:
        UserError: files are not where they should be, or cannot be read.
    """
    empty(out)
    if settings.own is not None:
        facts = _copied_own(dataset, out, settings.own)
    elif settings.fivek is not None:
        facts = _copied_fivek(out, settings.fivek)
    elif dataset == KODAK:
        facts = _copied_kodak(out)
    else:
        facts = _written_photographs(out, FOLDS.index(dataset))
    write_manifest(out, facts)


def read_raw(raw: Path) -> Source:
    """Read what :func:`make` wrote."""
    content = read_json(raw / ENTRIES)

    def place(name: str | None) -> Path | None:
        return None if name is None else raw / name

    splits: dict[str, list[Entry]] = {split: [] for split in SPLITS}
    for split, entries in content["splits"].items():
        splits[split] = [Entry(entry["name"], place(entry["input"]), raw / entry["target"]) for entry in entries]
    others = ([raw / name for name in content[side]] for side in ("other_inputs", "other_targets"))
    return Source(content["paired"], splits, *others)


def _written_photographs(out: Path, fold: int) -> dict[str, Any]:
    """The package photographs; every third one is tested. With so few, all others train."""
    pictures = photographs.photographs()
    names = list(pictures)
    tested = names[fold :: len(FOLDS)]
    splits: dict[str, list[Pair | tuple[str, Path]]] = {split: [] for split in SPLITS}
    for name, pixels in pictures.items():
        path = out / f"{name}.png"
        photographs.write_png(path, pixels)
        splits["test" if name in tested else "train"].append((name, path))
    splits["validation"] = splits["train"]
    _write_entries(out, splits, paired=False)
    return {"origin": ORIGIN, "licence": _licences(names)}


def _copied_kodak(out: Path) -> dict[str, Any]:
    """Kodak's photographs and six of the packages', in the split of ``docs/retouch.md``."""
    pool: list[tuple[str, Path]] = []
    for source in kodak.kodak_files():
        shutil.copyfile(source, out / source.name)
        pool.append((source.stem, out / source.name))
    pictures = photographs.photographs()
    for name in KODAK_ADDED:
        photographs.write_png(out / f"{name}.png", pictures[name])
        pool.append((name, out / f"{name}.png"))
    splits: dict[str, list[Pair | tuple[str, Path]]] = {split: [] for split in SPLITS}
    for place, entry in enumerate(pool):
        split = "test" if place in KODAK_TESTED else "validation" if place in KODAK_HELD_OUT else "train"
        splits[split].append(entry)
    _write_entries(out, splits, paired=False)
    return {"origin": f"Kodak, and {ORIGIN}", "licence": f"Kodak: {kodak.LICENCE}; {_licences(KODAK_ADDED)}"}


def _licences(names: Sequence[str]) -> str:
    chosen = [photographs.PACKAGED[name] for name in names]
    return "; ".join(f"{name}: {item.source}, {item.licence}" for name, item in zip(names, chosen, strict=True))


def _copied_fivek(out: Path, settings: FiveK) -> dict[str, Any]:
    pairs = fivek.fivek_pairs(fivek.fivek_folder(settings.path), settings.resize)
    splits = {split: list(pairs.splits.get(split, ())) for split in ("train", "val", "test")}
    held_out = splits.pop("val")
    if not held_out:
        held_out, splits["train"] = _parted(splits["train"], "fivek", VALIDATION_SHARE)
    copied = {split: _copied_pairs(out / split, entries) for split, entries in splits.items()}
    copied["validation"] = _copied_pairs(out / "validation", held_out)
    others = {}
    for side, paths in (("other_inputs", pairs.inputs), ("other_targets", pairs.targets)):
        (out / side).mkdir()
        others[side] = [Path(shutil.copyfile(path, out / side / path.name)) for path in paths]
    _write_entries(out, copied, paired=True, **others)
    for note in pairs.facts["notes"]:
        print(f"fivek: {note}", file=sys.stderr)
    return {"origin": f"MIT-Adobe FiveK, expert C: {fivek.ADDRESS}", "licence": fivek.LICENCE, **pairs.facts}


def _copied_own(dataset: str, out: Path, settings: OwnPhotographs) -> dict[str, Any]:
    """A person's files are copied, so that what was trained on stays what it was."""
    taken = find_photographs(settings.path, settings.kind)
    for note in taken.notes:
        print(note, file=sys.stderr)
    entries: Sequence[Pair | tuple[str, Path]]
    if isinstance(taken, Pool):
        folder = Path(settings.path)
        entries = [(path.relative_to(folder).as_posix(), path) for path in taken.pictures]
    else:
        entries = taken.pairs
    if len(entries) < FEWEST:
        raise UserError(f"{settings.path}: {len(entries)} photographs; accepted: {FEWEST} and more")
    tested, rest = _parted(entries, dataset, TEST_SHARE)
    held_out, trained = _parted(rest, dataset, VALIDATION_SHARE)
    if isinstance(taken, Pool) and len(entries) < FEW:
        held_out = trained = rest
    parts = {"train": trained, "validation": held_out, "test": tested}
    if isinstance(taken, Pool):
        splits = {split: _copied_pool(out / split, part) for split, part in parts.items()}
    else:
        splits = {split: _copied_pairs(out / split, part) for split, part in parts.items()}
    _write_entries(out, splits, paired=not isinstance(taken, Pool))
    return {"origin": settings.path, "licence": "the person's own files", "notes": list(taken.notes)}


def _parted(entries: Sequence[Any], name: str, share: float) -> tuple[list[Any], list[Any]]:
    """Some, at least one, drawn once and for all, and the others."""
    order = numpy_generator(0, "retouch", "split", name, len(entries)).permutation(len(entries))
    count = max(1, round(share * len(entries)))
    return [entries[place] for place in sorted(order[:count])], [entries[place] for place in sorted(order[count:])]


def _copied_pairs(out: Path, pairs: Sequence[Pair]) -> list[Any]:
    copied = []
    for number, pair in enumerate(pairs):
        members = []
        for side, path in (("input", pair.input), ("target", pair.target)):
            (out / side).mkdir(parents=True, exist_ok=True)
            # Numbered: names that differ in their folders alone must not meet.
            members.append(Path(shutil.copyfile(path, out / side / f"{number:05d}_{path.name}")))
        copied.append(Pair(pair.name, *members))
    return copied


def _copied_pool(out: Path, pictures: Sequence[tuple[str, Path]]) -> list[Any]:
    out.mkdir(parents=True)
    return [
        (name, Path(shutil.copyfile(path, out / f"{number:05d}_{path.name}")))
        for number, (name, path) in enumerate(pictures)
    ]


def _write_entries(
    out: Path,
    splits: dict[str, list[Any]],
    paired: bool,
    other_inputs: Sequence[Path] = (),
    other_targets: Sequence[Path] = (),
) -> None:
    def relative(path: Path) -> str:
        return path.relative_to(out).as_posix()

    def described(entry: Pair | tuple[str, Path]) -> dict[str, str | None]:
        if isinstance(entry, Pair):
            return {"name": entry.name, "input": relative(entry.input), "target": relative(entry.target)}
        return {"name": entry[0], "input": None, "target": relative(entry[1])}

    write_json(
        out / ENTRIES,
        {
            "paired": paired,
            "splits": {split: [described(entry) for entry in entries] for split, entries in splits.items()},
            "other_inputs": [relative(path) for path in other_inputs],
            "other_targets": [relative(path) for path in other_targets],
        },
    )
