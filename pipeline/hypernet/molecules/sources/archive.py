"""QM9 as it was published: an archive of xyz files, and the list of molecules that failed its authors' check."""

from __future__ import annotations

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.progress import Progress
from hypernet.molecules.core.elements import HYDROGEN, QM9_ELEMENTS
from hypernet.molecules.names import MOST_HEAVY
from hypernet.molecules.sources.qm9 import LAST_IDS, Collected, Qm9
from hypernet.molecules.sources.text import text_of
from hypernet.molecules.sources.xyz import Qm9Record, qm9_record

COUNT, UNCHARACTERIZED = 133_885, 3_054
# Bytes of a molecule's file, of which QM9 has none above 5,000; members of the archive.
LARGEST_MEMBER, MOST_MEMBERS = 50_000, 200_000
_ID = re.compile(rb"\s*\d+\s+gdb\s+(\d{1,9})\s")
# An id alone, or with its SMILES; not "3054 compounds".
_ROW = re.compile(r"\s*(\d{1,6})(?:\s+[CNOFHcno\d@+\-\[\]()=#%/\\.]+)*\s*")


def read_archive(archive: Path, uncharacterized: Path | None, heavy: int) -> Qm9:
    """Molecules of the published archive, in the order of their ids, without unpacking it to disk.

    Args:
        archive: ``dsgdb9nsd.xyz.tar.bz2``, or a folder of its files.
        uncharacterized: ``uncharacterized.txt``, or a list of ids; those are left out. None: nothing is.
        heavy: molecules of more atoms that are not hydrogen are left out.

    Raises:
        UserError: something cannot be read, or a file is not in QM9's form.
    """
    if heavy not in LAST_IDS:
        raise UserError(f"QM9 of at most {heavy} heavy atoms: accepted: 1 to {MOST_HEAVY}")
    excluded = set() if uncharacterized is None else read_uncharacterized(uncharacterized)
    collected, seen = Collected(), set()
    progress = Progress(archive.name, COUNT, "molecules")
    for place, (name, content) in enumerate(_members(archive)):
        progress.advance(1)
        if place >= MOST_MEMBERS:
            raise UserError(f"{archive}: more than {MOST_MEMBERS:,} files; QM9 has {COUNT:,}")
        match = _ID.match(content)
        if match and (LAST_IDS[heavy] < int(match[1]) <= COUNT or int(match[1]) in excluded):
            continue
        record = _record(archive, name, content)
        if record.number in seen:
            raise UserError(f"{archive}: {name}: a second molecule of id {record.number}")
        seen.add(record.number)
        if sum(element != HYDROGEN for element in record.elements) <= heavy:
            collected.add(record.number, bytes(record.elements), record.positions, record.row, record.smiles)
    progress.close()
    if not collected.ids:
        raise UserError(f"{archive}: no molecules of QM9 of at most {heavy} heavy atoms in it")
    qm9 = collected.qm9()
    order = np.argsort(qm9.ids)
    values = {name: numbers[order] for name, numbers in qm9.values.items()}
    return Qm9(qm9.ids[order], qm9.molecules.take(order), values, qm9.rotational[order])


def read_uncharacterized(path: Path) -> set[int]:
    """Ids of molecules whose geometry is not that of their formula.

    Raises:
        UserError: not 3,054 of them.
    """
    lines = [line for line in text_of(path).split("\n") if not line.lstrip().startswith("#")]
    ids = {int(match[1]) for line in lines if (match := _ROW.fullmatch(line))}
    if len(ids) != UNCHARACTERIZED or max(ids) > COUNT or min(ids) < 1:
        raise UserError(f"{path}: {len(ids):,} ids; expected {UNCHARACTERIZED:,} of 1 to {COUNT:,}, one a line")
    return ids


def _record(archive: Path, name: str, content: bytes) -> Qm9Record:
    """A molecule of a file's bytes."""
    try:
        record = qm9_record(content.decode("ascii").replace("\r\n", "\n").rstrip().split("\n"))
        strange = set(record.elements) - set(QM9_ELEMENTS)
        numbers = np.array([*record.positions, *record.row])
    except ValueError as error:
        raise UserError(f"{archive}: {name}: not in QM9's form: {error}") from None
    if strange or not np.isfinite(numbers).all():
        raise UserError(f"{archive}: {name}: {'other elements than QM9 has' if strange else 'a number that is none'}")
    if not 1 <= record.number <= COUNT:
        raise UserError(f"{archive}: {name}: id {record.number}; accepted: 1 to {COUNT:,}")
    return record


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the xyz files, one after the other."""
    if archive.is_dir():
        for path in sorted(archive.glob("*.xyz")):
            if path.stat().st_size > LARGEST_MEMBER:
                raise UserError(f"{path}: larger than any file of QM9")
            yield path.name, path.read_bytes()
        return
    try:
        # As a stream: nothing is sought, and nothing is held but a member.
        with tarfile.open(archive, "r|*") as members:
            while (member := members.next()) is not None:
                # It remembers every member that it has passed.
                members.members.clear()  # type: ignore[attr-defined]
                if not member.isfile() or not member.name.endswith(".xyz") or "/." in f"/{member.name}":
                    continue
                if member.size > LARGEST_MEMBER:
                    raise UserError(f"{archive}: {member.name}: larger than any file of QM9")
                file = members.extractfile(member)
                yield member.name, file.read() if file else b""
    except FileNotFoundError:
        raise UserError(f"{archive}: no such file") from None
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{archive}: cannot be read as a tar archive ({' '.join(str(error).split())[:120]})") from None
