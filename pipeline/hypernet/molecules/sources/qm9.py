"""QM9 as the package qm9pack carries it: all 130,831 characterised molecules in three CSV files.

Only the files are read: the package is not imported, which would need libraries that are gone and much memory.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import itertools
import math
import re
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from hypernet.lab.acquire import MIRROR_VARIABLE, RemoteFile, acquire
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, sha256
from hypernet.molecules.core.elements import NUMBERS
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.names import MOST_HEAVY, TARGET_TITLES

PACKAGE = "qm9pack"
# In the order of the ids; the last id of each and the digest of its bytes, of qm9pack 1.0.3.
PARTS = (
    ("data/qm9_part1.csv", 44_746, "19f0a5d595462d52cd82eef3370f3e9eb55a1f52cb14985657200349568deff3"),
    ("data/qm9_part2.csv", 89_008, "2bca113fdc0b28a13563c80ed9b240e934f3da6c64c64fe74ddb4f0f36036e61"),
    ("data/qm9_part3.csv", 133_885, "9c5efb5733d2af149db8d95d36ff198b4ffed12d9f7b344220a1e5877d5c6a43"),
)
# Ids rise with the number of heavy atoms, with one exception: the last id of each.
LAST_IDS = {1: 3, 2: 8, 3: 17, 4: 48, 5: 184, 6: 831, 7: 4_238, 8: 23_927, 9: 133_885}
MIRRORED_HEAVY = 7
LICENCE = "QM9: CC0 as a third party's data card has it, figshare's own page was not seen; qm9pack: MIT"
CITATION = "R. Ramakrishnan et al., Quantum chemistry structures and properties of 134 kilo molecules, Sci Data 1, 2014"
MIRRORED = RemoteFile(
    name="qm9_upto7heavy.csv.gz",
    url="",
    sha256="668b32b6e6689584c40330b6bf808248d78f66d9aa437e5fd860644cfa812379",
    licence=LICENCE,
    citation=CITATION,
)
HEADER = (
    b"XYZ_file,Index,SMILES,InChi,N_atoms,Stoichiometry,Elements,XYZ_Ang,Mulliken_pop,Harmonic_Freq_cmi,RotA_GHz,"
    b"RotB_GHz,RotC_GHz,Dipole_debye,Polarizability_bohr3,HOMO_au,LUMO_au,HOMO_LUMO_gap_au,R2_bohr2,ZPVE_au,"
    b"InternalEnergy_0K_au,InternalEnergy_298K_au,Enthalphy_298K_au,GibbsFreeEnergy_298K_au,Heatcapacity_Cv_cal_mol_K"
)
# Bytes of a line, of which QM9 has none above 3,000.
LONGEST_LINE = 20_000
# Å.
FARTHEST = 1_000.0
COMPRESSION = 4
_NUMBERS = rb"[-+.,\d\[\]eE*^]+"
_LINE = re.compile(
    rb'"[^",]*",(\d{1,6}),"([^"]*)","[^"]*",(\d{1,3}),"\[(\d+(?:,\d+){4})\]",'
    rb"\"\['([HCNOF](?:','[HCNOF])*)'\]\","
    rb'"\[\[(' + _NUMBERS + rb')\]\]","[^"]*","[^"]*",(' + _NUMBERS + rb")\r?\n?"
)
# Id and stoichiometry alone.
_COUNTS = re.compile(rb'"[^",]*",(\d+),"[^"]*","[^"]*",\d+,"\[(\d+(?:,\d+){4})\]"')
# Of the stoichiometry.
_ORDER = b"HCNOF"
_TO_NUMBER = bytes.maketrans(_ORDER, bytes(NUMBERS[chr(letter)] for letter in _ORDER))


class Qm9(NamedTuple):
    """Molecules of QM9 in the order of their ids.

    Attributes:
        ids: 1-based, int64 ``[M]``.
        molecules: the molecules, "gdb 1" and so on.
        values: the twelve properties by their short names, in ``TARGETS[name].raw_unit``, energies total as in the
            files, float64 ``[M]``.
        rotational: rotational constants A, B and C in GHz, float64 ``[M, 3]``.
    """

    ids: np.ndarray
    molecules: Molecules
    values: dict[str, np.ndarray]
    rotational: np.ndarray


class Collected:
    """Molecules of QM9 one after the other, put together at the end."""

    def __init__(self) -> None:
        self.ids = array("q")
        self.counts = array("q")
        self.numbers = bytearray()
        self.positions = array("f")
        self.rows = array("d")
        self.smiles: list[str] = []

    def add(self, number: int, elements: bytes, positions: list[float], row: list[float], smiles: str) -> None:
        """Take one more.

        Args:
            number: its id.
            elements: atomic numbers of its atoms, a byte each.
            positions: in Å, three for each atom.
            row: A, B, C and the twelve properties, in the order of the files.
            smiles: of it.
        """
        self.ids.append(number)
        self.counts.append(len(elements))
        self.numbers += elements
        self.positions.extend(positions)
        self.rows.extend(row)
        self.smiles.append(smiles)

    def qm9(self) -> Qm9:
        """All of them."""
        ids = np.array(self.ids, dtype=np.int64)
        rows = np.array(self.rows).reshape(len(ids), -1)
        molecules = Molecules(
            np.frombuffer(bytes(self.numbers), dtype=np.uint8).copy(),
            np.array(self.positions, dtype=np.float32).reshape(-1, 3),
            np.array(self.counts, dtype=np.int64),
            [f"gdb {number}" for number in ids],
            self.smiles,
        )
        values = {name: rows[:, 3 + place].copy() for place, name in enumerate(TARGET_TITLES)}
        return Qm9(ids, molecules, values, rows[:, :3].copy())


def write_rows(out: Path, heavy: int) -> dict[str, str]:
    """Write the lines of all characterised molecules of at most so many heavy atoms, header first.

    The lines are byte for byte those of qm9pack; the same arguments give the same bytes.

    Args:
        out: ``.csv.gz``.
        heavy: most atoms that are not hydrogen, 1 to 9.

    Returns:
        ``origin``, ``licence`` and ``citation`` of the data.

    Raises:
        UserError: neither the package nor a mirror has them, or has other ones.
    """
    if heavy not in LAST_IDS:
        raise UserError(f"QM9 of at most {heavy} heavy atoms: accepted: 1 to {MOST_HEAVY}")
    last = LAST_IDS[heavy]
    sources, origin = _sources(heavy)
    with (
        atomic_path(out) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as file,
    ):
        file.write(HEADER + b"\n")
        for line in itertools.chain.from_iterable(map(_lines, sources)):
            match = _COUNTS.match(line)
            if match is None or int(match[1]) > last:
                break
            # Number 798 has one more than its neighbours.
            if sum(map(int, match[2].split(b",")[1:])) <= heavy:
                file.write(line)
    return {"origin": origin, "licence": LICENCE, "citation": CITATION}


def _sources(heavy: int) -> tuple[list[Path], str]:
    """Checked files that together hold these molecules, and what they are."""
    try:
        package = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):
        package = None
    if package is not None:
        needed = [part for place, part in enumerate(PARTS) if not place or PARTS[place - 1][1] < LAST_IDS[heavy]]
        folders = [Path(folder) for folder in package.submodule_search_locations or []]
        return [_checked(folders, inside, digest) for inside, _, digest in needed], f"{PACKAGE} 1.0.3"
    install = f'{PACKAGE}, which carries QM9, is not installed: pip install "hypernet[molecules]"'
    if heavy > MIRRORED_HEAVY:
        raise UserError(install)
    try:
        return [acquire(MIRRORED)], f"{MIRRORED.name} of a mirror"
    except UserError as error:
        raise UserError(
            f"{install}, or put {MIRRORED.name} into a folder and name the folder in {MIRROR_VARIABLE} ({error})"
        ) from None


def _checked(folders: list[Path], inside: str, digest: str) -> Path:
    for folder in folders:
        path = folder / inside
        if path.is_file():
            given = sha256(path)
            if given != digest:
                raise UserError(f"{path}: not that of {PACKAGE} 1.0.3: SHA-256 {given}, expected {digest}")
            return path
    raise UserError(f"{PACKAGE} is installed without {inside}: pip install --force-reinstall {PACKAGE}==1.0.3")


def _lines(path: Path) -> Iterator[bytes]:
    """Lines of a CSV file of QM9, packed or not, after its header, which is checked."""
    try:
        with _opened(path) as file:
            header = file.readline(LONGEST_LINE)
            if header.rstrip(b"\r\n") != HEADER:
                raise UserError(
                    f"{path}, line 1: not the header of qm9pack's CSV files: {header[:60].decode('latin-1')!a}"
                )
            number = 1
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise UserError(f"{path}, line {number}: longer than {LONGEST_LINE:,} bytes")
                yield line
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())[:120]})") from None


def _opened(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return io.BufferedReader(gzip.open(path), 2**20)
    return path.open("rb")


def read_csv(path: Path, heavy: int = MOST_HEAVY) -> Qm9:
    """Molecules of a CSV file in the form of qm9pack's, packed by gzip or not.

    Args:
        path: the file.
        heavy: those of more atoms that are not hydrogen are left out.

    Raises:
        UserError: no such file, another header, or a line that is not as all of QM9's are, with its number.
    """
    collected, last = Collected(), 0
    for place, line in enumerate(_lines(path), start=2):
        try:
            number, elements, positions, row, smiles = _parsed(line)
        except ValueError as error:
            raise UserError(f"{path}, line {place}: {error}") from None
        if number <= last:
            raise UserError(f"{path}, line {place}: id {number} after {last}; accepted: rising ids")
        last = number
        if len(elements) - elements.count(NUMBERS["H"]) <= heavy:
            collected.add(number, elements, positions, row, smiles)
    return collected.qm9()


def _parsed(line: bytes) -> tuple[int, bytes, list[float], list[float], str]:
    """Id, atomic numbers, positions, constants and properties, SMILES of a line."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("not a line of QM9: id, SMILES, InChI, atoms, elements of H, C, N, O, F, positions, numbers")
    number, smiles, atoms, stoichiometry, letters, places, numbers = match.groups()
    letters = letters.replace(b"','", b"")
    if len(letters) != int(atoms):
        raise ValueError(f"{len(letters)} elements for {int(atoms)} atoms")
    if [letters.count(letter) for letter in _ORDER] != [*map(int, stoichiometry.split(b","))]:
        raise ValueError(f"its elements are not those of its stoichiometry [{stoichiometry.decode()}]")
    positions = _floats(places.replace(b"],[", b","))
    if len(positions) != 3 * len(letters) or places.count(b"],[") != len(letters) - 1:
        raise ValueError(f"{len(positions)} coordinates for {len(letters)} atoms")
    if max(positions) > FARTHEST or min(positions) < -FARTHEST:
        raise ValueError(f"a coordinate beyond {FARTHEST:g} Å")
    row = _floats(numbers)
    if len(row) != 3 + len(TARGET_TITLES):
        raise ValueError(f"{len(row)} numbers at its end; accepted: {3 + len(TARGET_TITLES)}")
    if not math.isfinite(sum(row)):
        raise ValueError("a number that is not finite")
    return int(number), letters.translate(_TO_NUMBER), positions, row, smiles.decode("ascii", "replace")


def _floats(text: bytes) -> list[float]:
    """Numbers between commas, also Mathematica's ``1.*^-5``."""
    if b"*^" in text:
        text = text.replace(b"*^", b"e")
    return [*map(float, text.split(b","))]
