"""Molecules on disk: atoms, neighbours that were looked for once, the property, and which molecules train."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, empty, write_json
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.molecules.config import OwnMolecules, PrepareSettings
from hypernet.molecules.core.graphs import Graphs, neighbours
from hypernet.molecules.core.molecules import Molecules, joined
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.core.targets import TARGETS, Target, free_atoms
from hypernet.molecules.core.units import FACTORS, factor, unit_named
from hypernet.molecules.names import dataset_title
from hypernet.molecules.raw import ARCHIVE_FILE, OWN, QM9_FILE, UNCHARACTERIZED_FILE
from hypernet.molecules.sources.archive import read_archive
from hypernet.molecules.sources.geometry import canonical, structure_of
from hypernet.molecules.sources.qm9 import Qm9, read_csv
from hypernet.molecules.sources.readers import read_structures
from hypernet.molecules.sources.text import shown

if TYPE_CHECKING:
    from torch_geometric.data import Data

SPLITS = ("train", "validation", "test")
FACTS, ARRAYS = "facts.json", "graphs.npz"
# Share of a person's molecules that is tested, and held out to choose weights by; and the fewest there may be.
TEST_SHARE, VALIDATION_SHARE = 0.1, 0.1
FEWEST = 20
# Force-field geometries of a rebuilt molecule, of which the one of least energy is taken.
REBUILT_CONFORMERS = 5
# Lines that a warning shows of what it is about.
SHOWN = 5
# Names that a message lists.
SHOWN_FACTS = 8
# 1,043 is a thousand to some, and one to others.
_COMMA = re.compile(r"[-+]?[\d.]*,[\d.,]+(?:[eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class PropertyData:
    """A prepared data set.

    Attributes:
        title: its name for people.
        target: the property.
        graphs: the molecules with their neighbours.
        values: the property in ``target.unit``, float64 ``[M]``.
        splits: rows by ``train``, ``validation`` and ``test``.
        rebuilt: rows of some tested molecules, and these with a geometry made from their SMILES.
    """

    title: str
    target: Target
    graphs: Graphs
    values: np.ndarray
    splits: dict[str, np.ndarray]
    rebuilt: tuple[np.ndarray, Molecules]

    @property
    def molecules(self) -> Molecules:
        """All molecules."""
        return self.graphs.molecules

    @cached_property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers that stand in the molecules for training."""
        return tuple(int(number) for number in np.unique(self.molecules.take(self.splits["train"]).numbers))

    def part(self, split: str) -> tuple[Molecules, np.ndarray]:
        """Molecules of a split, and their property."""
        rows = self.splits[split]
        return self.molecules.take(rows), self.values[rows]

    def graph(self, row: int) -> Data:
        """A molecule as a graph of PyTorch Geometric.

        Args:
            row: of the molecule.

        Returns:
            ``z`` ``[n]``, ``pos`` ``[n, 3]`` in Å, ``edge_index`` ``[2, E]`` from sender to receiver, ``y`` ``[1]`` in
            ``target.unit``, ``name`` and ``smiles``.
        """
        import torch
        from torch_geometric.data import Data

        batch = self.graphs.batch(np.array([row]))
        return Data(
            z=batch.numbers,
            pos=batch.positions,
            edge_index=torch.stack([batch.sender, batch.receiver]),
            y=torch.tensor([self.values[row]]),
            name=self.molecules.names[row],
            smiles=self.molecules.smiles[row],
        )


def load(folder: Path) -> PropertyData:
    """Read what :func:`prepare` wrote.

    Raises:
        UserError: no prepared data there.
    """
    read_manifest(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    molecules = Molecules(content["numbers"], content["positions"], content["counts"], facts["names"], facts["smiles"])
    rows = content["rebuilt_rows"]
    rebuilt = Molecules(
        content["rebuilt_numbers"],
        content["rebuilt_positions"],
        content["rebuilt_counts"],
        [molecules.names[row] for row in rows],
        [molecules.smiles[row] for row in rows],
    )
    return PropertyData(
        facts["title"],
        Target(**facts["target"]),
        Graphs(molecules, content["sender"], content["receiver"], content["edges"]),
        content["values"],
        {split: content[split] for split in SPLITS},
        (rows, rebuilt),
    )


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Read a raw folder, look for neighbours, and draw which molecules train.

    Raises:
        UserError: no raw data, a file that cannot be read, or too few molecules.
    """
    facts = dict(read_manifest(raw)["facts"])
    empty(out)
    if settings.own is not None:
        molecules, values, target = _personal(raw / OWN, settings.own)
        splits = own_splits(molecules)
    else:
        assert settings.target is not None
        target = TARGETS[settings.target]
        qm9 = _qm9(raw, settings)
        molecules, values = qm9.molecules, _in_unit(qm9, target)
        splits = _qm9_splits(dataset, len(molecules), settings)
    splits = with_all_elements(splits, molecules)
    graphs = neighbours(molecules, settings.graph.cutoff, settings.graph.nearest)
    rows, rebuilt = _rebuilt(molecules, splits["test"], settings.rebuilt)
    arrays = {
        "numbers": molecules.numbers,
        "positions": molecules.positions,
        "counts": molecules.counts,
        "values": values,
        "sender": graphs.sender,
        "receiver": graphs.receiver,
        "edges": graphs.edges,
        **splits,
        "rebuilt_rows": rows,
        "rebuilt_numbers": rebuilt.numbers,
        "rebuilt_positions": rebuilt.positions,
        "rebuilt_counts": rebuilt.counts,
    }
    with atomic_path(out / ARRAYS) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)
    write_json(
        out / FACTS,
        {
            "title": dataset_title(dataset),
            "target": asdict(target),
            "names": molecules.names,
            "smiles": molecules.smiles,
        },
    )
    counted = {"molecules": len(molecules), "atoms": len(molecules.numbers), "edges": int(graphs.edges.sum())}
    write_manifest(out, {**facts, **counted, **{split: len(rows) for split, rows in splits.items()}})


def _qm9(raw: Path, settings: PrepareSettings) -> Qm9:
    assert settings.heavy is not None
    if settings.source == "archive":
        excluded = None if settings.archive.keep_uncharacterized else raw / UNCHARACTERIZED_FILE
        return read_archive(raw / ARCHIVE_FILE, excluded, settings.heavy)
    return read_csv(raw / QM9_FILE)


def _in_unit(qm9: Qm9, target: Target) -> np.ndarray:
    """A property in the unit that it is learned in, free atoms' energies taken off in float64."""
    values = qm9.values[target.name] * factor(target.raw_unit, target.unit, target.dimension)
    if target.atomization:
        molecules = qm9.molecules
        values = values - molecules.per_molecule(free_atoms(target.reference, molecules.numbers))
    return values


def _qm9_splits(dataset: str, count: int, settings: PrepareSettings) -> dict[str, np.ndarray]:
    """Of one permutation the first molecules are tested, the next held out, the next train."""
    tested, held_out = settings.held_out.test, settings.held_out.validation
    order = np.random.RandomState(0).permutation(count)  # the one that other programs can draw too
    train = order[tested + held_out :]
    wanted = len(train) if settings.train is None else settings.train
    if wanted < 1 or wanted > len(train):
        raise UserError(
            f"{dataset}: {wanted:,} molecules to train on; {count:,} less {tested:,} tested and {held_out:,} held-out "
            f"leave {max(len(train), 0):,}"
        )
    return {"train": train[:wanted], "validation": order[tested : tested + held_out], "test": order[:tested]}


def own_splits(molecules: Molecules) -> dict[str, np.ndarray]:
    """Shares of a person's molecules; those of equal SMILES stay together.

    Args:
        molecules: all of them.

    Raises:
        UserError: none is left to train on.
    """
    keys = [canonical(text) if text else f"#{row}" for row, text in enumerate(molecules.smiles)]
    groups: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    names = list(groups)
    order = [row for place in np.random.RandomState(0).permutation(len(names)) for row in groups[names[place]]]
    tested = max(2, math.ceil(TEST_SHARE * len(order)))
    held_out = max(2, math.ceil(VALIDATION_SHARE * len(order)))
    ends = []
    for end in (tested, tested + held_out):
        while end < len(order) and keys[order[end]] == keys[order[end - 1]]:
            end += 1
        ends.append(end)
    rows = np.array(order)
    if ends[1] == len(rows):
        raise UserError(f"{len(rows):,} molecules of which too few differ: none is left to train on")
    return {"train": rows[ends[1] :], "validation": rows[ends[0] : ends[1]], "test": rows[: ends[0]]}


def with_all_elements(splits: dict[str, np.ndarray], molecules: Molecules) -> dict[str, np.ndarray]:
    """Splits of which the molecules with an element that no other has for training have gone over to the training.

    No method can say anything of an element that it has never seen.

    Args:
        splits: rows by name.
        molecules: all of them.

    Raises:
        UserError: none is left to test, or to choose weights by.
    """
    known = np.unique(molecules.take(splits["train"]).numbers)
    strange = molecules.per_molecule(~np.isin(molecules.numbers, known)) > 0
    moved = [splits[name][strange[splits[name]]] for name in ("validation", "test")]
    if not sum(len(rows) for rows in moved):
        return splits
    rest = {name: splits[name][~strange[splits[name]]] for name in ("validation", "test")}
    for name, rows in rest.items():
        if not len(rows):
            raise UserError(
                f"{len(molecules):,} molecules, none of which is left for {name}: those drawn for it have elements "
                "that no other has, and train; give more molecules of each element"
            )
    return {"train": np.concatenate([splits["train"], *moved]), **rest}


def _rebuilt(molecules: Molecules, tested: np.ndarray, count: int) -> tuple[np.ndarray, Molecules]:
    """The first tested molecules with a geometry made from their SMILES, where one can be made."""
    rows, made = [], []
    for row in tested[:count]:
        if not molecules.smiles[row]:
            continue
        structure = structure_of(
            molecules.smiles[row], molecules.names[row], molecules.names[row], conformers=REBUILT_CONFORMERS
        )
        if not structure.problem:
            rows.append(int(row))
            made.append(structure.molecules())
    return np.array(rows, dtype=np.int64), joined(made)


def _personal(folder: Path, settings: OwnMolecules) -> tuple[Molecules, np.ndarray, Target]:
    """A person's molecules and their property. What cannot be used is left out, counted and named."""
    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    written = settings.path.rstrip("/")

    def told(text: str) -> str:
        # Of the person's file, not of its copy.
        whole = str(folder / Path(written).name)
        return text.replace(whole, written).replace(str(folder), written)

    try:
        structures = read_structures(files, column=settings.column)
    except UserError as error:
        raise UserError(told(str(error))) from None
    sound, values, refused = [], [], []
    for structure in structures:
        reason = structure.problem
        value = math.nan
        if not reason:
            value, reason = _value(structure, settings.target)
        if reason:
            refused.append(f"{structure.where}: {reason}")
        else:
            sound.append(structure.molecules())
            values.append(value)
    for line in refused[:SHOWN]:
        print(f"warning: left out: {told(line)}", file=sys.stderr)
    if len(refused) > SHOWN:
        print(f"warning: left out: {len(refused) - SHOWN:,} more, {len(refused):,} in all", file=sys.stderr)
    if len(sound) < FEWEST:
        first = f" (the first left out: {told(refused[0])})" if refused else ""
        raise UserError(
            f"{settings.path}: {len(sound)} molecules with {settings.target}; accepted: {FEWEST} or more{first}"
        )
    molecules = joined(sound)
    target = own_target(settings)
    array = np.array(values) * (factor(settings.unit, target.unit, target.dimension) if target.dimension else 1.0)
    if settings.free_atoms is not None:
        array = array - molecules.per_molecule(free_atoms(settings.free_atoms, molecules.numbers))
    return molecules, array, target


def own_target(settings: OwnMolecules) -> Target:
    """The property of a person's own molecules.

    Raises:
        UserError: free atoms are to be taken off what is no energy.
    """
    for dimension in FACTORS:
        try:
            unit = unit_named(settings.unit, dimension)
        except UserError:
            continue
        if dimension == "energy":
            title = f"{settings.target} (energy of atomization)" if settings.free_atoms else settings.target
            energy = Target(settings.target, title, dimension, unit, "eV", "meV", settings.readout)
            return replace(energy, reference=settings.free_atoms or "")
        return Target(settings.target, settings.target, dimension, unit, unit, unit, settings.readout)
    if settings.free_atoms is not None:
        raise UserError(f"own: unit {settings.unit!r} of {settings.target} is none of an energy, but free_atoms is set")
    return Target(settings.target, settings.target, "", settings.unit, settings.unit, settings.unit, settings.readout)


def _value(structure: Structure, name: str) -> tuple[float, str]:
    """A molecule's property, or why there is none."""
    text = structure.facts.get(name)
    if text is None:
        there = ", ".join(shown(fact, 30) for fact in [*structure.facts][:SHOWN_FACTS]) or "nothing"
        there += f" and {len(structure.facts) - SHOWN_FACTS} more" if len(structure.facts) > SHOWN_FACTS else ""
        return math.nan, f"no {name}; there is {there}"
    try:
        value = float(text)
    except ValueError:
        comma = "; accepted: a decimal point, and nothing between thousands" if _COMMA.fullmatch(text.strip()) else ""
        return math.nan, f"{name} is {shown(text)}, no number{comma}"
    return (value, "") if math.isfinite(value) else (math.nan, f"{name} is {shown(text)}")


def described(data: PropertyData) -> dict[str, Any]:
    """What a model file says of the data it was trained on, in plain types."""
    train = data.molecules.take(data.splits["train"])
    return {
        "title": data.title,
        "target": asdict(data.target),
        "elements": list(data.elements),
        "most_heavy": int(train.heavy_atoms.max()),
        "most_atoms": int(train.counts.max()),
    }
