"""Echoes on disk: what is heard and seen of every object, its voxels and labelled points, split by split."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hypernet.lab.errors import UserError
from hypernet.lab.files import empty, read_json, write_json, write_table
from hypernet.lab.machine import use_threads
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.lab.progress import Progress
from hypernet.lab.randomness import numpy_generator
from hypernet.shapes.core.frames import RESOLUTION
from hypernet.shapes.core.polytopes import Solid
from hypernet.shapes.dataset import SPLITS, SURFACE_POINTS, ArrayWriter, ShapeData, Split, listed, sample_points
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.mesh_files import read_mesh
from hypernet.shapes.sources.objects import GeneratedObject, MeshObject
from hypernet.sonar.baselines.sight import side_by_side
from hypernet.sonar.config import PrepareSettings, Senses
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.poses import mirrored_ears, mirrored_microphones
from hypernet.sonar.core.regions import surface_regions
from hypernet.sonar.names import REAL, dataset_title
from hypernet.sonar.raw import CALL, MODELS
from hypernet.sonar.sources.archive import EchoArchive, stored
from hypernet.sonar.sources.recordings import call_from
from hypernet.sonar.sources.shapenet import Model
from hypernet.sonar.sources.targets import air_of, listen, start_s, sweep

TABLE, FACTS, ECHOES, EMITTED = "objects.csv", "facts.json", "echoes.nc", "call.npy"
# Points of a held-out object's surface whose sort is told.
REGION_POINTS = 2048
# From here on several processes share the work: starting one costs about two seconds.
MANY = 400


@dataclass(frozen=True)
class EchoSplit(Split):
    """The objects of a split with what is heard of them, as arrays that stay on disk until they are looked at.

    Attributes:
        echoes: at the ears of all heads without noise, Pa, float32 ``[n, V, P, 2, T]``.
        microphones: at further microphones, Pa, float32 ``[n, V, M, T]``.
        azimuths: of the bat in degrees, float32 ``[n, V]``.
        regions: of the first points of a held-out object's surface, places in
            ``hypernet.sonar.core.regions.REGIONS``, uint8 ``[n, 2048]``.
    """

    echoes: np.ndarray
    microphones: np.ndarray
    azimuths: np.ndarray
    regions: np.ndarray


@dataclass(frozen=True)
class EchoData(ShapeData):
    """A prepared data set.

    Attributes:
        rate_hz: samples of a second.
        noise_pa: spread of the noise.
        mirrored_ears: for every ear, head by head, the one whose echo it has in the mirror; None if there is none.
        mirrored_microphones: the same for further microphones.
        heads: number of heads, P.
        start_s: time of the first sample after the call began.
        speed_of_sound: metres a second.
        call: the emitted call for people.
        emitted: its pressure 1 m in front of the mouth at the same rate, Pa, ``[n]``.
        scene: the settings of the scene.
    """

    rate_hz: int
    noise_pa: float
    mirrored_ears: list[int] | None
    mirrored_microphones: list[int] | None
    heads: int
    start_s: float
    speed_of_sound: float
    call: str
    emitted: np.ndarray
    scene: dict[str, Any]

    def split(self, name: str) -> EchoSplit:
        """A split by its name."""
        split = self.splits[name]
        assert isinstance(split, EchoSplit)
        return split

    def ears(self, senses: Senses) -> int:
        """How many echoes of each object are given."""
        if senses == "pairs":
            return 2 * self.heads
        return 2 + (self.split("train").microphones.shape[2] if senses == "microphones" else 0)

    def mirror(self, senses: Senses) -> list[int] | None:
        """For every ear that is given, the one whose echo it has in the mirror; None where there is none."""
        if self.mirrored_ears is None or senses == "pairs":
            return self.mirrored_ears
        first = self.mirrored_ears[:2]
        if max(first) > 1:
            return None
        if senses != "microphones":
            return first
        aside = self.mirrored_microphones
        return None if aside is None else [*first, *(2 + place for place in aside)]

    def clean(self, split: str, rows: np.ndarray, view: np.ndarray, senses: Senses) -> np.ndarray:
        """Echoes without noise, Pa, float32 ``[B, C, T]``.

        Args:
            split: name of the split.
            rows: the objects, ``[B]``.
            view: which of its views each is heard from, ``[B]``.
            senses: what is given.
        """
        chosen = self.split(split)
        if senses == "pairs":
            echoes = chosen.echoes[rows, view]
            return echoes.reshape(len(echoes), -1, echoes.shape[-1])
        pair = chosen.echoes[rows, view, 0]
        return np.concatenate([pair, chosen.microphones[rows, view]], axis=1) if senses == "microphones" else pair

    def heard(self, split: str, rows: np.ndarray, view: int, senses: Senses) -> np.ndarray:
        """Echoes with noise, the same every time and for every method, Pa, float32 ``[B, C, T]``."""
        echoes = np.array(self.clean(split, rows, np.full(len(rows), view), senses))
        table = self.splits[split].table
        for place, row in enumerate(rows):
            identity = (table["collection"][row], table["class"][row], table["object"][row])
            random = numpy_generator(0, "sonar", "noise", *identity, view)
            echoes[place] += self.noise_pa * random.standard_normal(echoes[place].shape, dtype=np.float32)
        return echoes

    def given(self, split: str, rows: np.ndarray, view: int, senses: Senses) -> np.ndarray:
        """What a method is given of some objects: echoes with noise, images, or both side by side."""
        if senses == "image":
            return np.array(self.splits[split].images[rows, view])
        echoes = self.heard(split, rows, view, senses)
        return side_by_side(echoes, self.splits[split].images[rows, view]) if senses == "both" else echoes


def load(folder: Path) -> EchoData:
    """Read what :func:`prepare` wrote; large arrays stay on disk.

    Raises:
        UserError: no prepared data there.
    """
    read_manifest(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    table = pd.read_csv(folder / TABLE, dtype={"object": str}, keep_default_na=False)
    splits: dict[str, Split] = {}
    for name in SPLITS:
        arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in (folder / name).glob("*.npy")}
        sounds = stored(folder / name / ECHOES)
        views = sounds["echo"].shape[:2]
        none = np.zeros((*views, 0, sounds["echo"].shape[-1]), dtype=np.float32)
        arrays.setdefault("regions", np.zeros((len(arrays["classes"]), 0), dtype=np.uint8))
        splits[name] = EchoSplit(
            **arrays,
            echoes=sounds["echo"],
            microphones=sounds.get("microphone_echo", none),
            azimuths=sounds["azimuth"],
            table=table[table["split"] == name].reset_index(drop=True),
        )
    emitted = np.load(folder / EMITTED, allow_pickle=False)
    return EchoData(**facts, emitted=emitted, splits=splits)


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Simulate the echoes of every object, draw its images and labelled points; write arrays to ``out``.

    The same bytes whether one process does it or several: whatever is drawn at random is named by the object.

    Raises:
        UserError: no raw data, a file that cannot be read, or a scene whose echoes do not fit into their window.
    """
    manifest = read_manifest(raw)
    empty(out)
    call = call_of(raw, settings)
    tasks = list(_tasks(dataset, raw))
    for split in SPLITS:
        if all(task.split != split for task in tasks):
            raise UserError(f"{dataset}: no object for {split}; a class of six objects or more has some of each split")
    scene, hearing = settings.scene, settings.hearing
    facts = {
        "rate_hz": hearing.rate_hz,
        "start_s": start_s(scene, hearing),
        "speed_of_sound": air_of(hearing).speed_of_sound,
        "call": call.title,
    }
    attributes = {
        **facts,
        **{name: value for name, value in scene.model_dump().items() if isinstance(value, int | float)},
        **{name: value for name, value in hearing.model_dump().items() if not isinstance(value, bool)},
        "absorption": int(hearing.absorption),
        "conventions": "world frame: x to the object's front, y to its left, z up; azimuth from x to y; time of sample "
        "i after the call began: start_s + i / rate_hz",
        "title": f"{dataset_title(dataset)}. Re-implementation; the simulator is not the authors'. Without noise",
        "program": manifest.get("digest", ""),
    }
    rows: list[dict[str, Any]] = []
    power, silent = 0.0, 0
    progress = Progress("echoes", len(tasks), "objects")
    for split in SPLITS:
        chosen = [task for task in tasks if task.split == split]
        writer = ArrayWriter(out / split, len(chosen))
        archive = EchoArchive(
            out / split / ECHOES,
            [(task.class_name, task.identity) for task in chosen],
            (scene.views, len(scene.heads), 2, hearing.samples),
            len(scene.microphones),
            attributes,
            scene.heads,
        )
        for task, made in zip(chosen, _described(chosen, settings, call), strict=True):
            writer.add(made.arrays)
            archive.add(made.azimuths, made.echoes, made.microphones)
            rows.append({"split": split, **made.row})
            for note in made.notes:
                print(f"{task.class_name}/{task.identity}: {note}", file=sys.stderr)
            if split == "train":
                power += float(np.square(made.echoes, dtype=np.float64).mean()) / len(chosen)
            silent += made.row["silent"]
            progress.advance(1)
        writer.close()
        archive.close()
    progress.close()
    write_table(out / TABLE, pd.DataFrame(rows))
    np.save(out / EMITTED, call.samples(hearing.rate_hz), allow_pickle=False)
    write_json(
        out / FACTS,
        facts
        | {
            "title": dataset_title(dataset),
            "image_size": settings.image_size,
            "framed": True,
            "uniform": settings.samples.uniform,
            "boundary": settings.samples.boundary,
            "noise_pa": (power * 10 ** (-hearing.snr_db / 10)) ** 0.5,
            "mirrored_ears": mirrored_ears(scene.heads),
            "mirrored_microphones": mirrored_microphones(scene.microphones),
            "heads": len(scene.heads),
            "scene": scene.model_dump(),
        },
    )
    counts = {split: sum(row["split"] == split for row in rows) for split in SPLITS}
    write_manifest(out, {**manifest["facts"], **counts, "silent": silent})


def call_of(raw: Path, settings: PrepareSettings) -> Call:
    """The emitted call: the recorded one of a raw folder, or a sweep."""
    if not (raw / CALL).is_file():
        return sweep(settings.call)
    low, high = settings.call.band_hz
    return call_from(raw / CALL, low_hz=low, high_hz=high)


@dataclass(frozen=True)
class _Task:
    """An object to be described, in a form that goes to another process."""

    split: str
    class_name: str
    identity: str
    source: Solid | Path | Model


@dataclass(frozen=True)
class _Made:
    arrays: dict[str, np.ndarray]
    azimuths: np.ndarray
    echoes: np.ndarray
    microphones: np.ndarray
    row: dict[str, Any]
    notes: tuple[str, ...]


def _tasks(dataset: str, raw: Path) -> Iterator[_Task]:
    """All objects of a raw folder, split by split."""
    for entry in listed(raw, dataset == REAL):
        yield _Task(*entry)
    if (raw / MODELS).is_file():
        for model in read_json(raw / MODELS):
            yield _Task(model["split"], model["class"], model["object"], Model(Path(model["path"])))


def _described(tasks: list[_Task], settings: PrepareSettings, call: Call) -> Iterator[_Made]:
    describe = partial(_describe, settings=settings, call=call)
    if len(tasks) < MANY:
        # More threads wait for each other over arrays of this size.
        use_threads(1)
        yield from map(describe, tasks)
        return
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), fork, initializer=use_threads, initargs=(1,)) as pool:
        yield from pool.map(describe, tasks, chunksize=16)


def _describe(task: _Task, settings: PrepareSettings, call: Call) -> _Made:
    """Everything that is kept of one object."""
    rule, up = settings.voxels, "y" if settings.own is None else settings.own.up
    shape: GeneratedObject | MeshObject
    if isinstance(task.source, Solid):
        shape = GeneratedObject(task.class_name, task.identity, task.source)
    else:
        mesh = task.source.read() if isinstance(task.source, Model) else read_mesh(task.source, up=up)
        shape = MeshObject(task.class_name, task.identity, mesh, rule.rule, rule.solid)
    occupied = shape.voxels()
    if not occupied.any():
        raise UserError(
            f"{task.class_name}/{task.identity}: no voxel of {RESOLUTION}³ is inside; leave it out, or set "
            "sonar.voxels.rule to touch"
        )
    heard = listen(shape, settings.scene, call, settings.hearing, settings.image_size)
    points = sample_points(shape, settings.samples, shape.random("points"))
    near, normals = shape.surface(SURFACE_POINTS, shape.random("surface"))
    arrays = {
        "images": heard.images,
        "cameras": heard.cameras,
        "classes": np.array(CLASSES.index(task.class_name)),
        "packed": np.packbits(occupied.ravel()),
        "points": points,
        "labels": np.packbits(shape.inside(points.astype(np.float64))),
        "surface": np.concatenate([near, normals], axis=1).astype(np.float16),
    }
    if task.split == "test":
        arrays["regions"] = surface_regions(near[:REGION_POINTS], normals[:REGION_POINTS])
    row = {
        "class": task.class_name,
        "object": task.identity,
        "collection": shape.collection,
        "voxels": int(occupied.sum()),
        "silent": heard.silent,
    }
    return _Made(arrays, heard.azimuths, heard.echoes, heard.microphones, row, (*shape.notes, *heard.notes))
