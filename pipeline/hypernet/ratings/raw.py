"""Raw data: generated ratings, an official archive checked by its digest, or CSV tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, empty
from hypernet.lab.manifest import write_manifest
from hypernet.ratings.config import GENERATED, CsvTables, RawSettings
from hypernet.ratings.sources import csv_tables, preftrees
from hypernet.ratings.sources.scales import told_scale


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the raw files of ``dataset`` to ``out``, with a manifest that says where they come from.

    What stood in ``out`` stays until everything new is here and has been checked.

    Raises:
        UserError: a file cannot be had or is not the published one; a CSV table is not there or cannot be read.
    """
    files, facts = _files(dataset, settings)
    if "citation" in facts:
        print(f"{dataset}: {facts['licence']}\nPlease cite: {facts['citation']}", file=sys.stderr)
    empty(out)
    for name, content in files.items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
    write_manifest(out, facts)


def _files(dataset: str, settings: RawSettings) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Contents by name, and facts."""
    if settings.table is not None:
        return _csv_tables(dataset, settings.table)
    if GENERATED.fullmatch(dataset):
        return preftrees.files(dataset), {"origin": "generated", "licence": "generated: free of rights"}
    # Imported here: the data sets that need no download need none of it.
    from hypernet.lab.acquire import acquire
    from hypernet.ratings.sources import archives

    if dataset == "jester1":
        files = {
            remote.name: acquire(remote).read_bytes() for remote in (archives.JESTER_RATINGS, archives.JESTER_TEXTS)
        }
        return files, archives.terms(archives.JESTER_RATINGS)
    archive = archives.MOVIELENS_1M if dataset == "ml1m" else archives.MOVIELENS_100K
    return archives.obtain(archive, settings.allow_modified)


def _csv_tables(dataset: str, table: CsvTables) -> tuple[dict[str, bytes], dict[str, Any]]:
    ratings, items = Path(table.ratings), Path(table.items)
    # Read here so that a mistake is named with the person's file and line, not those of a copy.
    source = csv_tables.read(ratings, items, dataset, table.keep, table.scale, table.split, table.unknown)
    for note in source.notes:
        print(f"{dataset}: {note}", file=sys.stderr)
    if source.rating.min() == source.rating.max():
        raise UserError(f"{table.ratings}: all ratings are {source.rating[0]:g}; there is nothing to predict")
    if table.scale is None:
        print(f"{dataset}: {told_scale(source.rating)}", file=sys.stderr)
    files = {csv_tables.RATINGS: ratings.read_bytes(), csv_tables.ITEMS: items.read_bytes()}
    return files, {"origin": [table.ratings, table.items]}
