"""From a SMILES to positions of atoms, and from positions to a SMILES, by RDKit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from hypernet.lab.libraries import library
from hypernet.molecules.core.molecules import problem
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources.text import MOST_ATOMS, shown

CONFORMERS = 10
SEED = 20_2005
# Characters of a SMILES or InChI.
LONGEST = 5_000
# Of all conformers of a molecule together: large ones get fewer.
ATOMS_IN_ALL = 500
LARGE = 150
STEPS = 1_000
# Until embedding gives up; chains of the largest size take a third of it.
SECONDS = 30
# Of the search for orders of bonds.
MOST_TRIES = 10_000
# Sums of covalent radii up to which atoms are bonded: less than RDKit takes, which finds more than QM9's cages have.
REACH = 1.15
INCHI = "InChI="
FIELDS = {
    "MMFF": "and MMFF94",
    "UFF": "and UFF (MMFF94 has no parameters for it)",
    "": "alone (neither MMFF94 nor UFF has parameters for it)",
}


class Model(NamedTuple):
    """A structure that was made.

    Attributes:
        numbers: atomic numbers, uint8 ``[n]``.
        positions: in Å, float64 ``[n, 3]``.
        made: how, for people.
    """

    numbers: np.ndarray
    positions: np.ndarray
    made: str


def structure_of(
    smiles: str, name: str, where: str, conformers: int = CONFORMERS, facts: Mapping[str, str] | None = None
) -> Structure:
    """A molecule of which only the formula is known; its geometry is that of a force field.

    Args:
        smiles: SMILES, or InChI with its ``InChI=``.
        name: the molecule's; "" for its SMILES.
        where: for messages.
        conformers: so many are made, fewer of large molecules, and that of the lowest energy is taken.
        facts: what else is known.
    """
    text = smiles.strip()
    structure = Structure(
        name or text or where, where, smiles="" if text.startswith(INCHI) else text, facts=facts or {}
    )
    try:
        parsed = parsed_smiles(text)
    except ValueError as error:
        return replace(structure, problem=str(error))
    if text.startswith(INCHI):
        text = library("rdkit.Chem", "RDKit", "molecules").MolToSmiles(parsed)
        structure = replace(structure, smiles=text)
    return built(parsed, structure, conformers)


def parsed_smiles(text: str) -> Any:
    """RDKit's molecule of a SMILES or InChI.

    Raises:
        ValueError: RDKit cannot read it, or it is no molecule that can be.
    """
    if not text:
        raise ValueError("no SMILES")
    if not text.isprintable():
        raise ValueError(f"{shown(text)} has letters in it that are none; accepted: a SMILES or an InChI")
    if len(text) > LONGEST:
        raise ValueError(f"a SMILES of {len(text):,} characters; accepted: {LONGEST:,} at most")
    # RDKit takes what follows a blank for a name.
    if (rest := text.split(None, 1)[1:]) and not rest[0].startswith("|"):
        raise ValueError(f"{shown(text)} has a blank in it; accepted: a SMILES or an InChI")
    chem = library("rdkit.Chem", "RDKit", "molecules")
    form = "InChI" if text.startswith(INCHI) else "SMILES"
    base = library("rdkit.rdBase", "RDKit", "molecules")
    with base.BlockLogs(), base.CaptureErrorLog() as heard:
        # Without a C++ exception: RDKit answers with nothing and writes the reason to its log.
        parsed = chem.MolFromInchi(text) if form == "InChI" else chem.MolFromSmiles(text)
    if parsed is None:
        reason = reason_of(heard.messages)
        raise ValueError(f"RDKit cannot read the {form} {shown(text)}{f': {reason}' if reason else ''}")
    return parsed


def canonical(smiles: str) -> str:
    """The same SMILES for the same molecule however it was written; what RDKit cannot read stays as it is."""
    try:
        parsed = parsed_smiles(smiles)
    except ValueError:
        return smiles
    written: str = library("rdkit.Chem", "RDKit", "molecules").MolToSmiles(parsed)
    return written


def reason_of(messages: str) -> str:
    """The first line of RDKit's log that says something, without its time and its input."""
    for line in messages.splitlines():
        text = re.sub(r"^\[[\d:]+\]\s*", "", line)
        text = re.sub(r"^SMILES Parse Error:\s*", "", text)
        text = re.sub(r"(?: while parsing| for input):.*", "", text).strip()
        if text not in ("", "ERROR:") and "check for mistakes" not in text:
            return text[:120]
    return ""


def unusual_state(charge: int | None, radicals: int | None) -> str:
    """Why a molecule's electrons are not as those of all training data; "" where they are, or nothing tells."""
    if charge:
        return f"net charge {charge:+d}; accepted: neutral molecules"
    if radicals:
        return f"{radicals} unpaired electron{'s' if radicals > 1 else ''}; accepted: closed shells"
    return ""


def state_of(parsed: Any) -> tuple[int, int]:
    """Net charge and unpaired electrons of RDKit's molecule."""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    return int(chem.GetFormalCharge(parsed)), sum(atom.GetNumRadicalElectrons() for atom in parsed.GetAtoms())


def built(parsed: Any, structure: Structure, conformers: int, reason: str = "") -> Structure:
    """A structure with positions that are made for RDKit's molecule, hydrogens added.

    Args:
        parsed: sanitised; its own positions are not looked at.
        structure: its name, place, SMILES and facts.
        conformers: see ``structure_of``.
        reason: why its own positions are not used, for people.
    """
    charge, radicals = state_of(parsed)
    structure = replace(structure, charge=charge, radicals=radicals, problem=refusal(parsed))
    if structure.problem:
        return structure
    try:
        model = modelled(parsed, conformers)
    except ValueError as error:
        return replace(structure, problem=str(error))
    trouble = problem(model.numbers, model.positions)
    made = f"{reason}{model.made}"
    return replace(structure, numbers=model.numbers, positions=model.positions, made=made, problem=trouble)


def refusal(parsed: Any) -> str:
    """Why RDKit's molecule is none that can be used; "" where it is."""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    if parsed.GetNumAtoms() == 0:
        return "no atoms"
    if any(atom.GetAtomicNum() == 0 for atom in parsed.GetAtoms()):
        return "an atom that stands for any (* or R); accepted: elements"
    atoms = sum(1 + atom.GetTotalNumHs() for atom in parsed.GetAtoms())
    if atoms > MOST_ATOMS:
        return f"{atoms:,} atoms; accepted: {MOST_ATOMS} at most"
    parts = len(chem.GetMolFrags(parsed))
    if parts > 1:
        return f"{parts} molecules (a salt, a mixture or a solvate); accepted: one"
    return unusual_state(*state_of(parsed))


def modelled(parsed: Any, conformers: int) -> Model:
    """Positions by ETKDGv3 and a force field, those of the lowest energy of several; the same ones every time.

    Args:
        parsed: one molecule, sanitised, of ``MOST_ATOMS`` atoms at most.
        conformers: see ``structure_of``.

    Raises:
        ValueError: no structure could be made.
    """
    chem = library("rdkit.Chem", "RDKit", "molecules")
    embedding = library("rdkit.Chem.rdDistGeom", "RDKit", "molecules")
    base = library("rdkit.rdBase", "RDKit", "molecules")
    with base.BlockLogs():
        notes = _notes(parsed)
        whole = chem.AddHs(parsed)
        whole.RemoveAllConformers()
        atoms = whole.GetNumAtoms()
        field = _force_field(whole)
        count = max(1, min(conformers, ATOMS_IN_ALL // atoms)) if field else 1
        options = embedding.ETKDGv3()
        options.randomSeed, options.timeout = SEED, SECONDS
        # Of large molecules the eigenvectors of distances seldom give a start that can be saved.
        options.useRandomCoords = atoms > LARGE
        if not embedding.EmbedMultipleConfs(whole, count, options) and atoms <= LARGE:
            options.useRandomCoords = True
            embedding.EmbedMultipleConfs(whole, count, options)
        count = whole.GetNumConformers()
        if not count:
            raise ValueError("no 3-D structure could be made (RDKit's ETKDGv3 fails)")
        best, at_rest = _optimised(whole, field) if field else (0, True)
    numbers = np.array([atom.GetAtomicNum() for atom in whole.GetAtoms()], dtype=np.uint8)
    positions = np.array(whole.GetConformers()[best].GetPositions())
    of = f", the lowest of {count} conformers" if count > 1 else ", 1 conformer"
    moving = "" if at_rest else f", not at rest after {STEPS:,} steps"
    return Model(numbers, positions, f"geometry by RDKit's ETKDGv3 {FIELDS[field]}{of}{moving}{notes}")


def _notes(parsed: Any) -> str:
    """What a formula leaves open, and what it says that positions do not."""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    notes = ""
    looked_at = (chem.StereoType.Atom_Tetrahedral, chem.StereoType.Bond_Double)
    potential = [entry for entry in chem.FindPotentialStereo(parsed) if entry.type in looked_at]
    centres = [entry for entry in potential if entry.specified != chem.StereoSpecified.Specified]
    if centres:
        notes += f"; {len(centres)} stereo centre{'s' if len(centres) > 1 else ''} not given, taken as they came"
    if any(atom.GetIsotope() for atom in parsed.GetAtoms()):
        notes += "; isotopes are not looked at"
    return notes


def _force_field(whole: Any) -> str:
    """The force field that has parameters for a molecule with its hydrogens, "" where none has."""
    fields = library("rdkit.Chem.rdForceFieldHelpers", "RDKit", "molecules")
    if fields.MMFFHasAllMoleculeParams(whole):
        return "MMFF"
    return "UFF" if fields.UFFHasAllMoleculeParams(whole) else ""


def _optimised(whole: Any, field: str) -> tuple[int, bool]:
    """Bring all conformers to rest: the place of the lowest, and whether it came to rest."""
    fields = library("rdkit.Chem.rdForceFieldHelpers", "RDKit", "molecules")
    optimise = fields.MMFFOptimizeMoleculeConfs if field == "MMFF" else fields.UFFOptimizeMoleculeConfs
    results = optimise(whole, numThreads=1, maxIters=STEPS)
    # -1: the force field could not be set up.
    energies = [(energy if moving >= 0 and np.isfinite(energy) else np.inf) for moving, energy in results]
    best = int(np.argmin(energies))
    return best, results[best][0] == 0


def smiles_of(numbers: np.ndarray, positions: np.ndarray) -> str:
    """The SMILES of a neutral molecule's geometry, its bonds guessed by RDKit; "" where that fails.

    Args:
        numbers: atomic numbers, ``[n]``.
        positions: in Å, ``[n, 3]``.
    """
    if len(numbers) > MOST_ATOMS or problem(numbers, positions):
        return ""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    bonds = library("rdkit.Chem.rdDetermineBonds", "RDKit", "molecules")
    base = library("rdkit.rdBase", "RDKit", "molecules")
    bare = chem.RWMol()
    conformer = chem.Conformer(len(numbers))
    for place, (number, position) in enumerate(zip(numbers, positions, strict=True)):
        atom = chem.Atom(int(number))
        atom.SetNoImplicit(True)
        bare.AddAtom(atom)
        conformer.SetAtomPosition(place, [float(value) for value in position])
    bare.AddConformer(conformer)
    with base.BlockLogs():
        # Connecting the dots sees bonds across small cages; radii miss the weakest bonds, such as that of F2.
        for by_radii in (True, False):
            joined = chem.RWMol(bare)
            try:
                bonds.DetermineBonds(joined, charge=0, useVdw=by_radii, covFactor=REACH, maxIterations=MOST_TRIES)
                chem.SanitizeMol(joined)
                closed = state_of(joined) == (0, 0)
                text = str(chem.MolToSmiles(chem.RemoveHs(joined)))
            # RDKit raises whatever its C++ raises: ValueError, RuntimeError, its exceptions of sanitisation.
            except (ValueError, RuntimeError):
                continue
            if closed:
                return text
    return ""
