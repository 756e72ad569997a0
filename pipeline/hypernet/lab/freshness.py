"""What a step's outputs say of themselves: made from which settings, program and inputs.

Beside its outputs a step leaves a record. A step is fresh where its outputs are there as it left them and the record
is the one that it would leave now; dates decide nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, sha256, write_json
from hypernet.lab.locks import alone
from hypernet.lab.manifest import MANIFEST

MISSING, DAMAGED = "missing", "damaged"


class Digests:
    """Digests of files and folders, each computed once as long as nothing of it changes.

    Args:
        cache: a file that keeps them between processes; without it they are computed anew, that is all.
    """

    def __init__(self, cache: Path | None = None):
        self.cache = cache
        self._known: dict[str, list[Any]] = {}
        self._changed = False
        if cache is not None and cache.is_file():
            with contextlib.suppress(UserError, OSError):
                content = read_json(cache)
                notes = content.items() if isinstance(content, dict) else ()
                self._known = {name: note for name, note in notes if _is_note(note)}

    def of(self, path: Path) -> str:
        """Digest of a file's bytes; of a folder with a manifest that of its files, as far as they are as it says.

        Returns:
            hexadecimal digits; ``missing`` where the file, or a file of the folder, is not there; ``damaged`` and a
            name where a file of the folder is not the one that its manifest names.
        """
        try:
            facts = path.stat()
        except (OSError, ValueError):
            return MISSING
        if stat.S_ISDIR(facts.st_mode):
            return self._of_folder(path)
        if not stat.S_ISREG(facts.st_mode):
            # A device never ends.
            return MISSING
        if facts.st_mtime > time.time():
            # A date in the future would make everything that is made now seem old.
            os.utime(path)
            facts = path.stat()
        identity = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
        known = self._known.get(str(path))
        if known is not None and known[:-1] == identity:
            return str(known[-1])
        digest = sha256(path)
        self._known[str(path)] = [*identity, digest]
        self._changed = True
        return digest

    def _of_folder(self, folder: Path) -> str:
        manifest = folder / MANIFEST
        if not manifest.is_file():
            digests = {path.name: self.of(path) for path in sorted(folder.iterdir())}
            # Without what other programs note there: Snakemake leaves the date of a folder that it made.
            return digest_of({name: digest for name, digest in digests.items() if not name.startswith(".")})
        # Looked at for its date's sake too: Snakemake knows the folder by this file.
        self.of(manifest)
        try:
            content = read_json(manifest)
            files, digest = content["files"], content["digest"]
            if digest != digest_of(files) or not all(_is_inside(name) for name in files):
                return f"{DAMAGED} {MANIFEST}"
            for name, expected in files.items():
                there = self.of(folder / name)
                if there != expected:
                    return MISSING if there == MISSING else f"{DAMAGED} {name}"
        except (UserError, LookupError, TypeError, AttributeError, ValueError, RecursionError):
            return f"{DAMAGED} {MANIFEST}"
        return str(digest)

    def keep(self) -> None:
        """Write the cache, if something is new in it."""
        if self.cache is not None and self._changed:
            write_json(self.cache, self._known)


def _is_note(note: Any) -> bool:
    """Whether it is what the cache keeps of a file: four whole numbers and a digest."""
    return isinstance(note, list) and [type(part) for part in note] == [int, int, int, int, str]


def _is_inside(name: str) -> bool:
    """Whether a name in a manifest is that of a file in its folder."""
    parts = Path(name).parts
    return bool(parts) and ".." not in parts and not Path(name).is_absolute() and "\0" not in name


def lock_of(folder: Path, step: str) -> Path:
    """The file that is locked while a step is at work in a folder, such as ``train`` in that of a run."""
    return folder / f".{step}.lock"


@dataclass(frozen=True)
class Step:
    """One step as its record tells it.

    Attributes:
        record: the file of the record.
        settings: what of the configuration it depends on, in plain types.
        program: digest of the program text behind it.
        inputs: files, and folders with a manifest.
        outputs: likewise.
        upstream: the steps that make its inputs; only a plan needs them.
        unfinished: a file that says, while it is there, that the step has more to do.
    """

    record: Path
    settings: Any
    program: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    upstream: tuple[Step, ...] = ()
    unfinished: Path | None = None

    def _content(self, digests: Digests) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "program": self.program,
            "inputs": {path.as_posix(): digests.of(path) for path in self.inputs},
        }

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Run the step within this: the old record goes at the start, the new one comes at a good end.

        Raises:
            UserError: a folder that is read is not as its manifest says.
        """
        folder, name = self.record.parent, self.record.name.removeprefix(".").removesuffix(".made.json")
        # Not in a folder that the step empties.
        lock = folder.with_name(f".{folder.name}.{name}.lock") if folder in self.outputs else lock_of(folder, name)
        with alone(lock):
            self.record.unlink(missing_ok=True)
            # What is read now, not what stands there when the step ends.
            content = self._content(Digests())
            _refuse_damaged(content["inputs"])
            yield
            digests = Digests()
            made = {path.as_posix(): digests.of(path) for path in self.outputs}
            write_json(self.record, {**content, "outputs": made})

    def reason(self, digests: Digests) -> str | None:
        """Why the step has to run, whatever the steps before it do; None where it is fresh."""
        if self.unfinished is not None and self.unfinished.exists():
            return "it has more to do"
        # All of them are looked at, the record too: see `Digests.of` about dates.
        digests.of(self.record)
        inputs = {path.as_posix(): digests.of(path) for path in self.inputs}
        outputs = {path.as_posix(): digests.of(path) for path in self.outputs}
        for path, digest in outputs.items():
            if digest == MISSING or digest.startswith(DAMAGED):
                return f"{path} is {digest}"
        try:
            record = read_json(self.record)
            known = [record[name] for name in ("settings", "program", "inputs", "outputs")]
        except (UserError, KeyError, TypeError):
            return "it left no record"
        settings, program, read, made = known
        if settings != self.settings:
            return difference(settings, self.settings) or "settings"
        if program != self.program:
            return "the program"
        for now, before, what in ((inputs, read, "was read"), (outputs, made, "was left")):
            if now != before:
                known_as = before if isinstance(before, dict) else {}
                other = next((path for path in now if known_as.get(path) != now[path]), "")
                return f"{other} is not the one that {what}" if other else "other files"
        return None


def _refuse_damaged(inputs: dict[str, str]) -> None:
    for folder, digest in inputs.items():
        word, _, name = digest.partition(" ")
        if word == DAMAGED:
            raise UserError(
                f"{folder}/{name}: damaged, or changed since it was made; Snakemake makes it anew, or by hand the "
                "step that made it (raw, prepare)"
            )


class _Absent:
    """Stands for a key that is not there."""


def difference(before: Any, now: Any, path: str = "") -> str:
    """The first place where two settings differ, e.g. ``method.f_hidden: 32 -> 8``; empty where they do not."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in (*now, *(key for key in before if key not in now)):
            inside = difference(before.get(key, _Absent), now.get(key, _Absent), f"{path}.{key}" if path else str(key))
            if inside:
                return inside
        return ""
    if before == now:
        return ""
    if isinstance(before, list) and isinstance(now, list):
        gone = [f"- {value}" for value in before if value not in now]
        changes = [*gone, *(f"+ {value}" for value in now if value not in before)]
        if changes:
            return f"{path}: {', '.join(changes[:3])}{f' and {len(changes) - 3} more' if len(changes) > 3 else ''}"
    texts = ["nothing" if value is _Absent else repr(value) for value in (before, now)]
    texts = [text if len(text) <= 40 else f"{text[:37]}..." for text in texts]
    return f"{path}: {texts[0]} -> {texts[1]}"
