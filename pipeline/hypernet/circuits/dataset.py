"""Circuits on disk with their responses, and circuits drawn for training."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.circuits.config import PrepareSettings
from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.ladder import EXCITATION
from hypernet.circuits.core.parts import PAD, parse
from hypernet.circuits.names import dataset_title
from hypernet.circuits.raw import ENUMERABLE, FILE
from hypernet.circuits.sources.sampler import Sampler, only_resistors
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, write_json
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.lab.randomness import numpy_generator

ARRAYS, FACTS = "circuits.npz", "facts.json"
# Circuits of a length that has too many to compare them all.
SAMPLED = 20_000
LARGEST_AMBIGUOUS_SHARE = 0.01
STATISTICS_FROM = 4_096


@dataclass(frozen=True)
class CircuitData:
    """A prepared data set.

    Attributes:
        title: its name for people.
        probe: how circuits are measured.
        sampler: draws circuits of a split.
        mean: mean response of training circuits, float32 ``[C, d]``.
        deviation: their standard deviation, likewise.
        validation_types: types of parts, int8 ``[N, longest]``.
        validation_classes: numbers of their values, likewise.
        test_types: likewise.
        test_classes: likewise.
        test_response: compressed, float32 ``[N, C, d]``.
    """

    title: str
    probe: Probe
    sampler: Sampler
    mean: np.ndarray
    deviation: np.ndarray
    validation_types: np.ndarray
    validation_classes: np.ndarray
    test_types: np.ndarray
    test_classes: np.ndarray
    test_response: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The catalogue, ``[K]``."""
        return self.sampler.values

    @property
    def longest(self) -> int:
        """Most parts of a circuit."""
        return int(self.sampler.lengths.max())

    def measure(self, types: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Compressed responses of circuits of this catalogue, float32 ``[B, C, d]``."""
        return self.probe.measure(types, self.values[classes]).astype(np.float32)

    @classmethod
    def load(cls, folder: Path) -> CircuitData:
        """Read what :func:`prepare` wrote.

        Raises:
            UserError: no prepared data there.
        """
        read_manifest(folder)
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        # The files' names are older than the attributes'.
        types = {f"{split}_types": kept.pop(f"{split}_kinds") for split in ("validation", "test")}
        excitations = [(voltage, current) for voltage, current in facts["excitations"]]
        probe = Probe(kept.pop("frequency"), excitations, facts["features"])
        sampler = Sampler(facts["lengths"], facts["values"], facts["dropped"], facts.get("resonators", False))
        return cls(title=facts["title"], probe=probe, sampler=sampler, **types, **kept)


def as_arrays(names: list[str], values: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Types and value classes, int8 ``[N, longest]``, of circuits given as texts of one catalogue."""
    types, classes = (np.full((len(names), longest), PAD, dtype=np.int8) for _ in range(2))
    for row, name in enumerate(names):
        circuit, sizes = parse(name, f"circuit {row + 1}")
        types[row, : len(circuit)] = circuit
        classes[row, : len(circuit)] = np.searchsorted(values, sizes)
    return types, classes


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Simulate the held-out circuits, look for circuits that share a response, and write arrays to ``out``.

    Raises:
        UserError: no raw data; or more than 1 % of the circuits share their response with another one.
    """
    # Imported here and below: they take half a second, and trainings need none of it.
    import pandas as pd

    facts = dict(read_manifest(raw)["facts"])
    table = pd.read_csv(raw / FILE)
    ladders, spread = settings.ladders, settings.frequency
    probe = Probe(grid(spread.points, spread.lowest, spread.highest), settings.excitations, settings.features)
    sampler = Sampler(ladders.lengths, ladders.catalogue(), resonators=ladders.resonators)
    for excitation in settings.excitations:
        if excitation != EXCITATION and len(settings.excitations) == 1:
            print(f"{dataset}: excitation {list(excitation)} hides parts of some circuits", file=sys.stderr)
    dropped, shared, compared = _ambiguous(dataset, sampler, probe)
    print(f"{dataset}: {shared} of {compared} circuits share their response with another one", file=sys.stderr)
    if shared > LARGEST_AMBIGUOUS_SHARE * compared and not settings.allow_ambiguous:
        raise UserError(
            f"circuits.ladders.{dataset}.values: with these values {shared} of {compared} circuits share their "
            f"response with another one, such as {dropped[0]}; take an E series, or set allow_ambiguous"
        )
    left_out = set(dropped)
    held_out = {
        split: [name for name in table[table.split == split].circuit if name not in left_out]
        for split in ("validation", "test")
    }
    if ladders.targets == "ngspice":
        # Given circuits can be of any split by their hash: no network may see one before the test.
        dropped = sorted(left_out.union(held_out["test"]))
        held_out["validation"] = [name for name in held_out["validation"] if name not in held_out["test"]]
    sampler = Sampler(ladders.lengths, ladders.catalogue(), dropped, ladders.resonators)
    arrays: dict[str, np.ndarray] = {"frequency": probe.frequency}
    for split, names in held_out.items():
        types, classes = as_arrays(names, sampler.values, max(ladders.lengths))
        arrays |= {f"{split}_kinds": types, f"{split}_classes": classes}
    if ladders.targets == "ngspice":
        from hypernet.circuits.sources.references import reference_responses

        voltage, current = reference_responses(raw, names, probe.frequency)
        if settings.excitations != [EXCITATION]:
            raise UserError("circuits.excitations: the responses of ngspice are those of [1, -1]")
        arrays["test_response"] = probe.compress(voltage, current).astype(np.float32)
    else:
        arrays["test_response"] = probe.measure(types, sampler.values[classes]).astype(np.float32)
    arrays |= _statistics(sampler, probe)
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / ARRAYS) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)
    write_json(
        out / FACTS,
        {
            "title": dataset_title(dataset),
            "excitations": settings.excitations,
            "features": settings.features,
            "lengths": ladders.lengths,
            "values": ladders.catalogue(),
            "dropped": dropped,
            # Said only where it is so: files of earlier versions have no such entry.
            **({"resonators": True} if ladders.resonators else {}),
        },
    )
    counts = {split: len(arrays[f"{split}_kinds"]) for split in ("validation", "test")}
    write_manifest(out, {**facts, **counts, "sharing_a_response": shared, "compared": compared})


def _ambiguous(dataset: str, sampler: Sampler, probe: Probe) -> tuple[list[str], int, int]:
    """Texts of circuits to leave out, how many share a response, and among how many that was looked for."""
    from hypernet.circuits.sources.ambiguity import doubles

    names: list[str] = []
    responses: list[np.ndarray] = []
    for length in sampler.lengths.tolist():
        if sampler.count(length) <= ENUMERABLE:
            types, classes = sampler.every(length)
            kept = ~only_resistors(types)
            types, classes = types[kept], classes[kept]
        else:
            generator = numpy_generator(0, "circuits", "ambiguity", dataset, length)
            types, classes = sampler.distinct(generator, SAMPLED, "train", length, ENUMERABLE)
        names += sampler.texts(types, classes)
        response = probe.measure(types, sampler.values[classes]).astype(np.float32)
        responses.append(response.reshape(len(types), -1))
    return *doubles(np.concatenate(responses), names), len(names)


def _statistics(sampler: Sampler, probe: Probe) -> dict[str, np.ndarray]:
    generator = numpy_generator(0, "circuits", "statistics")
    types, classes = sampler.draw(generator, STATISTICS_FROM, "train")
    response = probe.measure(types, sampler.values[classes])
    # Channels that hardly vary are not blown up.
    deviation = response.std(axis=0) + 1e-3
    return {"mean": response.mean(axis=0).astype(np.float32), "deviation": deviation.astype(np.float32)}
