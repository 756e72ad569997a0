"""Files that are whole or absent: write under a temporary name, then rename."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; it takes the name ``path`` when the block succeeds.

    The temporary name keeps the suffix, because numpy and matplotlib choose their format by it.
    A block that raises leaves nothing behind, and what stood at ``path`` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def empty(folder: Path) -> None:
    """Make a folder that holds nothing: a new one, or what stood in it is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` to ``path`` as indented JSON, whole or not at all; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from ``path``.

    Raises:
        UserError: the file is missing or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error})") from None
    except RecursionError:
        raise UserError(f"{path}: not valid JSON (nested too deeply)") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: Any) -> str:
    """Hexadecimal SHA-256 of any JSON-like content, independent of the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_table(path: Path, table: Any) -> None:
    """Write a pandas table as CSV without its index, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def output_file(path: str | Path, *endings: str) -> Path:
    """A path to write to.

    Raises:
        UserError: another ending than these, or a folder.
    """
    path = Path(path)
    if path.suffix not in endings:
        raise UserError(f"{path}: the name must end in {' or '.join(endings)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def option_file(option: str, path: str | Path, *endings: str) -> Path:
    """As ``output_file``, with the option that names the file in the message."""
    try:
        return output_file(path, *endings)
    except UserError as error:
        raise UserError(f"--{option} {error}") from None


def check_outputs(outputs: Iterable[tuple[str, Path | None]], inputs: Iterable[Path]) -> None:
    """Refuse to write two things to one file, or over a file that is read.

    Args:
        outputs: the option that names a file, and the file; None where it names none.
        inputs: files that are read.

    Raises:
        UserError: a file is named twice.
    """
    taken = {os.path.realpath(path): "is read by the same command" for path in inputs}
    for option, path in outputs:
        if path is None:
            continue
        if (reason := taken.get(os.path.realpath(path))) is not None:
            raise UserError(f"--{option} {path}: this file {reason}; name another")
        taken[os.path.realpath(path)] = f"is written by --{option}"
