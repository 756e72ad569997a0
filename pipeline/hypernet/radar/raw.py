"""Raw data: pictures of a simulated radar, the files of a weather service, or a person's own."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, empty
from hypernet.lab.manifest import write_manifest
from hypernet.lab.progress import Progress
from hypernet.radar.config import SIMULATED, OwnRadar, RawSettings, Simulated
from hypernet.radar.sources.days import find_days, station_of
from hypernet.radar.sources.palette import find_palette
from hypernet.radar.sources.pictures import colour_list, draw, scene, write_pictures
from hypernet.radar.sources.services import files_of
from hypernet.radar.sources.storms import event

# Simulated events are a day apart; the dry pictures are of the days before.
FIRST_DAY = np.datetime64("2014-04-01T12:00:00", "s")
DRY_DAY = np.datetime64("2014-03-01T00:00:00", "s")
PALETTE = "simulated"
DRY, OWN = "dry", "own"
TRUTH = "truth.npz"
# Events of another split never share a random stream.
SPLIT_SEEDS = {"train": 0, "validation": 1, "test": 2}


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the raw files of ``dataset`` to ``out``, with a manifest that says where they come from.

    Simulated: a folder of palette GIFs for each event (``train_000`` and so on) and one of dry pictures; ``truth.npz``
    keeps the classes that were drawn, for tests alone.

    Raises:
        UserError: a file cannot be had.
    """
    days = find_days(dataset) if station_of(dataset) else []
    empty(out)
    if settings.own is not None:
        facts = _copied(out / OWN, settings.own)
    elif settings.simulated is not None:
        facts = _simulate(seed_of(dataset), out, settings.simulated, settings.size)
    elif days:
        facts = _copy_days(days, out)
    else:
        facts = _fetch(dataset, out)
    write_manifest(out, facts)


def seed_of(dataset: str) -> int:
    """The data seed of a simulated data set."""
    matched = SIMULATED.fullmatch(dataset)
    assert matched is not None, dataset
    return int(matched.group(1) or 0)


def event_names(simulated: Simulated) -> list[str]:
    """Names of the events in the order of time: training, validation, test."""
    counts = {
        "train": simulated.train_events,
        "validation": simulated.validation_events,
        "test": simulated.test_events,
    }
    return [f"{split}_{number:03d}" for split, count in counts.items() for number in range(count)]


def _simulate(seed: int, out: Path, simulated: Simulated, size: int) -> dict[str, str]:
    palette = find_palette(PALETTE)
    colours, where = colour_list(palette), scene(seed, size)
    names = event_names(simulated)
    progress = Progress("simulated events", len(names), "events")
    truth = {}
    for place, name in enumerate(names):
        split, _, number = name.partition("_")
        # Seeds of the splits of one data set, and of all data sets, stay apart.
        own_seed = len(SPLIT_SEEDS) * seed + SPLIT_SEEDS[split]
        classes = palette.classes_of_dbz(event(own_seed, int(number), size, simulated.frames))
        pictures = draw(classes, where, own_seed, int(number))
        write_pictures(out / name, pictures, colours, FIRST_DAY + np.timedelta64(place, "D"))
        truth[name] = classes
        progress.advance(1)
    progress.close()
    dry = np.zeros((simulated.dry_frames, size, size), dtype=np.uint8)
    write_pictures(out / DRY, draw(dry, where, len(SPLIT_SEEDS) * seed, len(names)), colours, DRY_DAY)
    # As numpy would, but packed lightly: a quarter of the time for a quarter more bytes.
    with (
        atomic_path(out / TRUTH) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name, classes in truth.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, classes, allow_pickle=False)
    return {"origin": "simulated by this project", "licence": "generated: free of rights"}


def _fetch(dataset: str, out: Path) -> dict[str, str]:
    from hypernet.lab.acquire import acquire

    remotes = files_of(dataset)
    for remote in remotes:
        path = acquire(remote)
        with atomic_path(out / remote.name) as temporary:
            shutil.copyfile(path, temporary)
    return {"origin": remotes[0].url.rpartition("/")[0], "licence": remotes[0].licence, "citation": remotes[0].citation}


def _copied(out: Path, radar: OwnRadar) -> dict[str, str]:
    """A person's files are copied, so that what was trained on stays what it was."""
    paths = [Path(name) for name in radar.files()]
    if not paths or not all(path.is_file() for path in paths):
        raise UserError(f"{radar.path}: no radar files there; accepted: a file, a folder of files, or a pattern")
    above = Path(os.path.commonpath([path.absolute().parent for path in paths]))
    for path in paths:
        target = out / path.absolute().relative_to(above)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return {"origin": radar.path, "licence": "the person's own files"}


def _copy_days(days: list[Path], out: Path) -> dict[str, str]:
    for path in days:
        with atomic_path(out / path.name) as temporary:
            shutil.copyfile(path, temporary)
    return {
        "origin": f"NEXRAD Level II, {len(days)} days fetched by `hypernet radar archive`",
        "licence": "public domain",
        "citation": "NOAA National Weather Service, Next Generation Radar (NEXRAD) Level II",
    }
