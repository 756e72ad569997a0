"""Molecules with their bonds, read by RDKit: SDF and MOL (V2000 and V3000), MOL2, and PDB of a molecule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.molecules.core.molecules import problem
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources.geometry import CONFORMERS, built, reason_of, refusal, smiles_of, state_of
from hypernet.molecules.sources.text import MOST_ATOMS, check_count, stem_of, text_of

# Characters of a record without its tags; 500 atoms have a tenth.
LONGEST_RECORD = 2**20
# Å: all heights within this are a plane.
FLAT = 0.01
# Lengths of bonds by the sums of covalent radii: drawings have all bonds of a length, or any.
SHORTEST_BOND, LONGEST_BOND = 0.75, 1.3
_COUNTS = re.compile(r"^ *(\d{1,3}).*V2000|^M  V30 COUNTS +(\d+)", re.MULTILINE)
_TAG = re.compile(r">[^<]*+<([^>]*+)>")


class Record(NamedTuple):
    """A molecule as it stands in a file.

    Attributes:
        name: its title; "" where it has none.
        text: what RDKit reads.
        atoms: how many it says that it has.
        tags: what else stands with it.
        drawn: whether it says that its positions are a drawing's.
    """

    name: str
    text: str
    atoms: int
    tags: Mapping[str, str]
    drawn: bool = False


def read_records(path: Path, conformers: int = CONFORMERS) -> list[Structure]:
    """All molecules of an ``.sdf``, ``.sd``, ``.mol``, ``.mol2`` or ``.pdb`` file, packed by gzip or not.

    Positions are those of the file where it has all hydrogens and no drawing; else they are made, and ``made`` says
    why.

    Raises:
        UserError: the file cannot be read, or has no molecules.
    """
    ending = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    split, structure = FORMS[ending]
    records = []
    for record in split(text_of(path)):
        records.append(record)
        check_count(path, len(records))
    if not records:
        raise UserError(f"{path}: no molecules in it")
    structures = []
    for place, record in enumerate(records, start=1):
        alone = len(records) == 1
        name = record.name or (stem_of(path) if alone else f"{stem_of(path)} {place}")
        start = Structure(name, f"{path}" if alone else f"{path}, record {place}", facts=record.tags)
        if record.atoms > MOST_ATOMS or len(record.text) > LONGEST_RECORD:
            trouble = f"{record.atoms:,} atoms" if record.atoms > MOST_ATOMS else f"{len(record.text):,} characters"
            structures.append(replace(start, problem=f"{trouble}; accepted: {MOST_ATOMS} atoms at most"))
        else:
            structures.append(structure(record, start, conformers))
    return structures


def _sdf(text: str) -> Iterator[Record]:
    """Of an SDF or MOL file; a record begins with its title, which may be empty."""
    parts = re.split(r"^\$\$\$\$.*\n?", text, flags=re.MULTILINE)
    # What follows the last mark.
    while parts and not parts[-1].strip():
        parts.pop()
    for part in parts:
        block, mark, rest = part.partition("M  END")
        lines = block.split("\n")
        counts = _COUNTS.search(block)
        atoms = int(counts[1] or counts[2][:9]) if counts else 0
        drawn = len(lines) > 1 and lines[1][20:22].upper() == "2D"
        yield Record(lines[0].strip(), block + mark + "\n", atoms, _tags(rest.split("\n")), drawn)


def _tags(lines: list[str]) -> dict[str, str]:
    """``> <name>``, its lines, and an empty line."""
    tags: dict[str, list[str]] = {}
    name = None
    for line in lines:
        if match := _TAG.match(line):
            name = match[1].strip()
            tags[name] = []
        elif not line.strip():
            name = None
        elif name is not None:
            tags[name].append(line.strip())
    return {name: "\n".join(values) for name, values in tags.items()}


def _mol2(text: str) -> Iterator[Record]:
    """Of a MOL2 file."""
    for part in re.split(r"^(?=@<TRIPOS>MOLECULE)", text, flags=re.MULTILINE):
        if not part.startswith("@<TRIPOS>MOLECULE"):
            continue
        lines = [*part.split("\n", 3), "", "", ""]
        count = re.match(r"\s*(\d{1,9})", lines[2])
        yield Record(lines[1].strip().strip("*"), part, int(count[1]) if count else 0, {})


def _pdb(text: str) -> Iterator[Record]:
    """Of a PDB file: its models, or all of it."""
    lines = text.split("\n")
    models: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("MODEL "):
            models.append([])
        elif line.startswith(("ATOM  ", "HETATM")):
            models[-1].append(line)
    for model in models:
        if model:
            yield Record("", "\n".join([*model, "END", ""]), len(model), {})


def _with_bonds(read: Callable[[Any, str], Any], record: Record, structure: Structure, conformers: int) -> Structure:
    """A structure of what has bonds."""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    base = library("rdkit.rdBase", "RDKit", "molecules")
    with base.BlockLogs(), base.CaptureErrorLog() as heard:
        parsed = read(chem, record.text)
        if parsed is None:
            reason = reason_of(heard.messages)
            return replace(structure, problem=f"RDKit cannot read it{f': {reason}' if reason else ''}")
        positions = np.array(parsed.GetConformer().GetPositions()) if parsed.GetNumConformers() else np.zeros((0, 3))
        drawn = _drawn(parsed, positions, record.drawn)
        if not drawn:
            chem.AssignStereochemistryFrom3D(parsed)
        structure = replace(structure, smiles=chem.MolToSmiles(chem.RemoveHs(parsed)))
    missing = sum(atom.GetTotalNumHs() for atom in parsed.GetAtoms())
    added = f"{missing} hydrogen{'s' if missing > 1 else ''} added" if missing else ""
    if drawn or missing:
        what = "; ".join(filter(None, ["a flat drawing" if drawn else "", added]))
        return built(parsed, structure, conformers, f"{what}; ")
    charge, radicals = state_of(parsed)
    numbers = np.array([atom.GetAtomicNum() for atom in parsed.GetAtoms()], dtype=np.uint8)
    trouble = refusal(parsed) or problem(numbers, positions)
    return replace(structure, numbers=numbers, positions=positions, charge=charge, radicals=radicals, problem=trouble)


def _drawn(parsed: Any, positions: np.ndarray, says_so: bool) -> bool:
    """Whether positions are a drawing: in a plane though the molecule is not, or with bonds of no real length."""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    if len(positions) != parsed.GetNumAtoms():
        return True
    if len(positions) == 0 or np.ptp(positions[:, 2]) > FLAT:
        return False
    if says_so and len(positions) > 1:
        return True
    bulky = chem.HybridizationType.SP3
    if any(atom.GetHybridization() >= bulky and atom.GetDegree() >= 3 for atom in parsed.GetAtoms()):
        return True
    table = chem.GetPeriodicTable()
    for bond in parsed.GetBonds():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        radii = sum(table.GetRcovalent(atom.GetAtomicNum()) for atom in ends)
        length = np.linalg.norm(positions[ends[0].GetIdx()] - positions[ends[1].GetIdx()])
        if not SHORTEST_BOND * radii < length < LONGEST_BOND * radii:
            return True
    return False


def _mol_record(record: Record, structure: Structure, conformers: int) -> Structure:
    return _with_bonds(lambda chem, text: chem.MolFromMolBlock(text, removeHs=False), record, structure, conformers)


def _mol2_record(record: Record, structure: Structure, conformers: int) -> Structure:
    return _with_bonds(lambda chem, text: chem.MolFromMol2Block(text, removeHs=False), record, structure, conformers)


def _pdb_record(record: Record, structure: Structure, conformers: int) -> Structure:
    """Positions alone: orders of bonds are not in the format."""
    del conformers
    chem = library("rdkit.Chem", "RDKit", "molecules")
    base = library("rdkit.rdBase", "RDKit", "molecules")
    with base.BlockLogs():
        parsed = chem.MolFromPDBBlock(record.text, sanitize=False, removeHs=False, proximityBonding=False)
    if parsed is None or not parsed.GetNumAtoms():
        return replace(structure, problem="RDKit cannot read it")
    numbers = np.array([atom.GetAtomicNum() for atom in parsed.GetAtoms()], dtype=np.uint8)
    positions = np.array(parsed.GetConformer().GetPositions())
    structure = replace(structure, numbers=numbers, positions=positions)
    trouble = problem(numbers, positions)
    if 0 in numbers:
        trouble = f"the element of atom {int(np.flatnonzero(numbers == 0)[0]) + 1} cannot be told"
    if not trouble and 6 in numbers and 1 not in numbers:
        trouble = "no hydrogens, and no orders of bonds by which to add them; accepted: PDB with hydrogens, SDF, MOL"
    smiles = "" if trouble else smiles_of(numbers, positions)
    if not trouble and not smiles:
        trouble = "its bonds cannot be told (are all hydrogens in it?); accepted: PDB with hydrogens, SDF, MOL"
    return replace(structure, smiles=smiles, problem=trouble)


FORMS: dict[str, tuple[Callable[[str], Iterator[Record]], Callable[[Record, Structure, int], Structure]]] = {
    "sdf": (_sdf, _mol_record),
    "sd": (_sdf, _mol_record),
    "mol": (_sdf, _mol_record),
    "mol2": (_mol2, _mol2_record),
    "pdb": (_pdb, _pdb_record),
}
