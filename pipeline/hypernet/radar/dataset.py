"""From pictures or files of radars to grey levels on disk, and the windows in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, write_json
from hypernet.lab.manifest import MANIFEST, read_manifest, write_manifest
from hypernet.radar.config import OwnRadar, PrepareSettings, Sizes
from hypernet.radar.core.frames import SPLITS, Geometry, RadarData, Sequence, Windows, quantised
from hypernet.radar.names import dataset_title
from hypernet.radar.raw import DRY, OWN, PALETTE, TRUTH, event_names
from hypernet.radar.sources import cf
from hypernet.radar.sources.background import Background, fit_background
from hypernet.radar.sources.days import MARK_SECONDS, MARK_TOLERANCE_SECONDS, day_files, station_of
from hypernet.radar.sources.grey_levels import recover
from hypernet.radar.sources.palette import find_palette
from hypernet.radar.sources.pictures import TIME_FORMAT, TIME_PATTERN, PictureSettings, find_pictures, read_pictures
from hypernet.radar.sources.rainy import joined, shares_of
from hypernet.radar.sources.sequences import measured_step, phases, stride_of, to_marks
from hypernet.radar.sources.windows import Chosen, choose, split

FRAMES, WINDOWS, FACTS, PANELS = "frames.nc", "windows.npz", "facts.json", "preprocessing.npz"
# Pictures that the background is found in: the dry ones, and some of the training events.
BACKGROUND_FRAMES = 240
PIXEL_METRES = 1000.0


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Write grey levels (``frames.nc``, CF netCDF) and windows (``windows.npz``) to ``out``.

    Raises:
        UserError: no raw data; pictures that do not fit their palette; times with another cadence; too few windows.
    """
    origin = dict(read_manifest(raw)["facts"])
    out.mkdir(parents=True, exist_ok=True)
    if settings.simulated is not None:
        parts, by_split, facts = _pictures(raw, out, settings)
    elif station := station_of(dataset):
        parts, by_split, facts = _days(day_files(raw, station), settings)
    else:
        parts, by_split, facts = _files(_sequence(raw, settings.own), settings)
    step_seconds = measured_step([part.time for part in parts])
    by_split["test"] = _thinned(by_split["test"], settings.windows.test_stride)
    for place, part in enumerate(parts):
        cf.write(out / _part_name(place, len(parts)), part)
    with atomic_path(out / WINDOWS) as temporary:
        arrays = {
            f"{name}_{key}": getattr(by_split[name], key) for name in SPLITS for key in Windows.__dataclass_fields__
        }
        np.savez_compressed(temporary, **arrays)
    write_json(
        out / FACTS,
        {
            "title": dataset_title(dataset),
            "simulated": settings.simulated is not None,
            "geometry": settings.geometry.model_dump(),
            "parts": len(parts),
            "step_seconds": step_seconds,
        },
    )
    counts = {f"{name}_windows": len(by_split[name]) for name in SPLITS}
    write_manifest(out, {**origin, **facts, **counts})


def load(folder: Path) -> RadarData:
    """Read what ``prepare`` wrote.

    Raises:
        UserError: no prepared data there.
    """
    read_manifest(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    parts = [cf.read_levels(folder / _part_name(place, facts["parts"])) for place in range(facts["parts"])]
    with np.load(folder / WINDOWS) as arrays:
        windows = {name: Windows(*(arrays[f"{name}_{key}"] for key in Windows.__dataclass_fields__)) for name in SPLITS}
    return RadarData(
        title=facts["title"],
        simulated=facts["simulated"],
        geometry=Geometry.of(Sizes.model_validate(facts["geometry"])),
        # A year of one radar is too large to stand in memory twice.
        grey=parts[0][0] if len(parts) == 1 else np.concatenate([grey for grey, _ in parts]),
        time=np.concatenate([time for _, time in parts]),
        windows=windows,
        step_seconds=facts["step_seconds"],
    )


def _part_name(place: int, parts: int) -> str:
    return FRAMES if parts == 1 else f"frames_{place}.nc"


def _thinned(windows: Windows, stride: int) -> Windows:
    """Every ``stride``-th window in time, all squares of it; times are counted from the first of each event."""
    start = np.full(int(windows.event.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(start, windows.event, windows.first)
    kept = (windows.first - start[windows.event]) % stride == 0
    return Windows(*(getattr(windows, key)[kept] for key in Windows.__dataclass_fields__))


def _pictures(
    raw: Path, out: Path, settings: PrepareSettings
) -> tuple[list[Sequence], dict[str, Windows], dict[str, Any]]:
    """Grey levels of the simulated radar's pictures; the background comes from dry and training pictures alone."""
    assert settings.simulated is not None
    palette, names = find_palette(PALETTE), event_names(settings.simulated)
    files = {name: find_pictures(raw / name) for name in (*names, DRY)}
    training = [path for name in names if name.startswith("train") for path in files[name][0]]
    wanted = max(1, BACKGROUND_FRAMES - len(files[DRY][0]))
    some = training[:: max(1, len(training) // wanted)]
    background = fit_background(read_pictures([*files[DRY][0], *some]), palette)
    background.save(out / "background.npz")
    grey, times, unknown = [], [], []
    for name in names:
        rgb = read_pictures(files[name][0])
        recovery = recover(rgb, background, palette)
        if name == names[0]:
            _keep_panels(out, rgb[-1], background, recovery.grey[-1])
        grey.append(quantised(recovery.grey))
        times.append(files[name][1])
        unknown.append(recovery.report.unknown)
    height, width = grey[0].shape[1:]
    place = PIXEL_METRES * (np.arange(max(height, width)) - (max(height, width) - 1) / 2)
    sequence = Sequence(
        grey=np.concatenate(grey),
        time=np.concatenate(times),
        missing=np.zeros((height, width), dtype=bool),
        x=place[:width],
        y=place[:height][::-1],
        projection="",
        attributes={"source": "simulated rain", "palette": palette.name, "background_sha256": background.digest},
    )
    rules = settings.windows
    if rules.step_seconds and stride_of(sequence.time, rules.step_seconds, rules.tolerance_seconds) > 1:
        raise UserError(f"windows.step_minutes is {rules.step_minutes:g}; simulated rain has an image each 10 minutes")
    chosen = _chosen([sequence], settings)
    event = chosen.windows.first // settings.simulated.frames
    of_split = np.array([name.partition("_")[0] for name in names])[event]
    by_split = {}
    for name in SPLITS:
        rows = of_split == name
        if not rows.any():
            raise UserError(f"radar.simulated: no wet window in the {name} events; take more of them")
        first, row, column = (getattr(chosen.windows, key)[rows] for key in ("first", "row", "column"))
        by_split[name] = Windows(first, row, column, event[rows])
    facts = {"dropped": dict(chosen.dropped), "unknown_pixels": float(np.mean(unknown))}
    return [sequence], by_split, facts


def _days(files: list[Path], settings: PrepareSettings) -> tuple[list[Sequence], dict[str, Windows], dict[str, Any]]:
    """The rainy days of one radar, joined; by the protocol's date for the test where the days reach so far."""
    rules = settings.windows
    tolerance = rules.tolerance_seconds if rules.resample == "nearest" else MARK_TOLERANCE_SECONDS
    sequence, facts = joined(files, rules.step_seconds or MARK_SECONDS, tolerance)
    chosen = _chosen([sequence], settings)
    by_split = split(chosen.windows, sequence.time, shares_of(chosen.windows, sequence.time))
    return [sequence], by_split, {**facts, "dropped": dict(chosen.dropped)}


def _sequence(raw: Path, personal: OwnRadar | None) -> Sequence:
    """What the files of a weather service or a person's own hold."""
    from hypernet.radar.sources.readers import read_files

    if personal is None:
        # Hidden files are what the steps note of themselves.
        names = (path for path in raw.iterdir() if path.is_file() and path.name != MANIFEST)
        return read_files(sorted(path for path in names if not path.name.startswith(".")))
    files = sorted(path for path in (raw / OWN).rglob("*") if path.is_file())
    pictures = None
    if personal.palette is not None:
        pictures = PictureSettings(
            palette=personal.palette,
            time_pattern=personal.time_pattern or TIME_PATTERN,
            time_format=personal.time_format or TIME_FORMAT,
            tolerance=personal.tolerance,
            pixel_km=personal.pixel_km,
            projection=personal.projection,
        )
    return read_files(files, form=personal.kind, pictures=pictures)


def _files(sequence: Sequence, settings: PrepareSettings) -> tuple[list[Sequence], dict[str, Windows], dict[str, Any]]:
    """Images at the step that is asked for, and their windows, split in time."""
    rules, facts = settings.windows, dict[str, Any]()
    if rules.resample == "nearest":
        assert rules.step_seconds is not None
        sequence, facts["off_mark_seconds"] = to_marks(sequence, rules.step_seconds, rules.tolerance_seconds)
        parts = [sequence]
    else:
        parts = phases(sequence, rules.step_seconds, rules.tolerance_seconds)
    chosen = _chosen(parts, settings)
    time = np.concatenate([part.time for part in parts])
    return parts, split(chosen.windows, time), {**facts, "dropped": dict(chosen.dropped)}


def _chosen(parts: list[Sequence], settings: PrepareSettings) -> Chosen:
    rules = settings.windows
    return choose(
        parts,
        Geometry.of(settings.geometry),
        rules.raster,
        rules.lowest_wet_share,
        step_seconds=measured_step([part.time for part in parts]),
        tolerance_seconds=rules.tolerance_seconds,
    )


def _keep_panels(out: Path, picture: np.ndarray, background: Background, grey: np.ndarray) -> None:
    """One picture and what is made of it, for the page."""
    with atomic_path(out / PANELS) as temporary:
        stages = {"picture": picture, "background": background.rgb, "holes": background.holes > 0, "gray": grey}
        np.savez_compressed(temporary, allow_pickle=False, **stages)


def truth_of(raw: Path) -> dict[str, np.ndarray]:
    """The classes that were drawn, by event: for tests of the way back from pictures."""
    with np.load(raw / TRUTH) as arrays:
        return {name: arrays[name] for name in arrays.files}
