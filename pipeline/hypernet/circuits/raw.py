"""Raw data: the circuits that are held out, drawn or given; training circuits are drawn while a network is trained."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hypernet.circuits.config import RawSettings
from hypernet.circuits.sources.references import REFERENCE_FILES, reference_circuits
from hypernet.circuits.sources.sampler import Sampler
from hypernet.lab.files import atomic_path, empty, write_text
from hypernet.lab.manifest import write_manifest
from hypernet.lab.randomness import numpy_generator

FILE = "circuits.csv"
# Up to so many circuits of one length are all made, and the held-out ones chosen from them.
ENUMERABLE = 60_000


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the validation and test circuits of ``dataset`` to ``out``, with a manifest.

    ``circuits.csv`` has a row for each: ``split``, ``length`` and the canonical text. The split of a circuit
    follows from the SHA-256 of that text, so no training can draw a held-out one; given circuits, which can be of any
    split by their hash, are kept from the training by :func:`hypernet.circuits.dataset.prepare`.

    Raises:
        UserError: the reference files cannot be had.
    """
    ladders = settings.ladders
    sampler = Sampler(ladders.lengths, ladders.catalogue(), resonators=ladders.resonators)
    rows: list[tuple[str, int, str]] = []
    for split, wanted in (("validation", settings.validation_circuits), ("test", settings.test_circuits)):
        if split == "test" and ladders.targets == "ngspice":
            continue
        for length in ladders.lengths:
            generator = numpy_generator(0, "circuits", split, dataset, length)
            circuits = sampler.distinct(generator, wanted, split, length, ENUMERABLE)
            rows += [(split, length, text) for text in sampler.texts(*circuits)]
    files: dict[str, bytes] = {}
    facts = {"origin": "drawn by this project's sampler", "licence": "generated: free of rights"}
    if ladders.targets == "ngspice":
        from hypernet.lab.acquire import acquire

        files = {remote.name: acquire(remote).read_bytes() for remote in REFERENCE_FILES}
        rows += [("test", len(text.split("|")), text) for text in reference_circuits(files, sampler)]
        facts = {"origin": "responses computed by ngspice 39.3", "licence": REFERENCE_FILES[0].licence}
    empty(out)
    for name, content in files.items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("split", "length", "circuit"), *rows])
    write_text(out / FILE, table.getvalue())
    write_manifest(out, {**facts, "circuits": len(rows)})
