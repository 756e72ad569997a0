"""Shapes on disk: images, voxels, labelled points and surfaces of every object, split by split."""

from __future__ import annotations

import json
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
from hypernet.lab.files import empty, write_json, write_table
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.lab.progress import Progress
from hypernet.shapes.config import PrepareSettings, Samples, Views, Voxelisation
from hypernet.shapes.core.frames import RESOLUTION
from hypernet.shapes.core.polytopes import Solid
from hypernet.shapes.names import CLASSES, dataset_title
from hypernet.shapes.raw import LISTING, MESHES, OFFICIAL, SHAPES, read_generated, split_of
from hypernet.shapes.sources import choy, hsp
from hypernet.shapes.sources.collections import find_meshes
from hypernet.shapes.sources.mesh_files import read_mesh
from hypernet.shapes.sources.objects import GeneratedObject, MeshObject, ShapeObject, VoxelObject

SPLITS = ("train", "validation", "test")
TABLE, FACTS = "objects.csv", "facts.json"
# Points of every object's surface, with normals: what point sets are trained on and meshes are scored against.
SURFACE_POINTS = 4096
# Pixels of a side of the renderings of Choy et al.
OFFICIAL_SIZE = 137
# From here on several processes share the work: starting one costs about two seconds.
MANY = 2000


@dataclass(frozen=True)
class Split:
    """The objects of a split, as arrays that stay on disk until they are looked at.

    Attributes:
        images: uint8 RGBA ``[n, V, S, S, 4]``.
        cameras: rows of ``Camera.as_row``, float32 ``[n, V, 8]``.
        classes: places in ``CLASSES``, int64 ``[n]``.
        packed: voxels of the evaluation grid, eight to a byte, uint8 ``[n, 4096]``.
        points: float32 ``[n, U + B, 3]``: uniform ones first, then those near the boundary.
        labels: whether they are inside, eight to a byte, uint8 ``[n, (U + B) / 8]``.
        surface: points of the surface and outward normals, float16 ``[n, 4096, 6]``.
        table: a row per object: ``class``, ``object``, ``collection``, ``voxels``.
    """

    images: np.ndarray
    cameras: np.ndarray
    classes: np.ndarray
    packed: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    surface: np.ndarray
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.classes)

    def voxels(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Voxels of some objects, bool ``[m, 32, 32, 32]``."""
        bits = np.unpackbits(self.packed[rows], axis=1)
        return bits.reshape(-1, RESOLUTION, RESOLUTION, RESOLUTION).astype(bool)


@dataclass(frozen=True)
class ShapeData:
    """A prepared data set.

    Attributes:
        title: its name for people.
        image_size: pixels of a side.
        framed: whether the object was brought to the same place and size in every image.
        uniform: how many of the stored points are uniform.
        boundary: how many lie near the boundary.
        splits: by name.
    """

    title: str
    image_size: int
    framed: bool
    uniform: int
    boundary: int
    splits: dict[str, Split]

    def labelled_points(
        self, split: str, rows: np.ndarray, uniform: int, boundary: int, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Some of the stored points of objects, uniform ones and those near the boundary.

        Args:
            split: name of the split.
            rows: the objects, ``[B]``.
            uniform: uniform points of each.
            boundary: points near the boundary of each.
            random: where they are drawn from.

        Returns:
            points float32 ``[B, P, 3]``, the uniform ones first, and whether they are inside, bool ``[B, P]``.
        """
        chosen = np.concatenate(
            [
                random.integers(self.uniform, size=(len(rows), uniform)),
                self.uniform + random.integers(self.boundary, size=(len(rows), boundary)),
            ],
            axis=1,
        )
        stored = self.splits[split]
        bits = stored.labels[rows[:, None], chosen >> 3] >> (7 - (chosen & 7)).astype(np.uint8) & 1
        return stored.points[rows[:, None], chosen], bits.astype(bool)


def load(folder: Path) -> ShapeData:
    """Read what :func:`prepare` wrote; large arrays stay on disk.

    Raises:
        UserError: no prepared data there.
    """
    read_manifest(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    table = pd.read_csv(folder / TABLE, dtype={"object": str}, keep_default_na=False)
    splits = {}
    for split in SPLITS:
        arrays = {
            path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in (folder / split).glob("*.npy")
        }
        splits[split] = Split(**arrays, table=table[table["split"] == split].reset_index(drop=True))
    return ShapeData(**facts, splits=splits)


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Voxelise every object, draw labelled points and render its views; write arrays to ``out``.

    The same bytes whether one process does it or several: whatever is drawn at random is named by the object.

    Raises:
        UserError: no raw data, or a file that cannot be read.
    """
    facts = dict(read_manifest(raw)["facts"])
    empty(out)
    tasks = list(_tasks(dataset, raw, settings))
    for split in SPLITS:
        if all(task.split != split for task in tasks):
            raise UserError(f"{dataset}: no object for {split}; a class of ten objects or more has some of each split")
    rows: list[dict[str, Any]] = []
    progress = Progress("shapes", len(tasks), "shapes")
    for split in SPLITS:
        chosen = [task for task in tasks if task.split == split]
        writer = ArrayWriter(out / split, len(chosen))
        for task, made in zip(chosen, _described(chosen, settings), strict=True):
            writer.add(made.arrays)
            rows.append({"split": split, **made.row})
            for note in made.notes:
                print(f"{task.class_name}/{task.identity}: {note}", file=sys.stderr)
            progress.advance(1)
        writer.close()
    progress.close()
    write_table(out / TABLE, pd.DataFrame(rows))
    write_json(
        out / FACTS,
        {
            "title": dataset_title(dataset),
            "image_size": settings.views.size,
            "framed": settings.views.framed,
            "uniform": settings.samples.uniform,
            "boundary": settings.samples.boundary,
        },
    )
    counts = {split: sum(row["split"] == split for row in rows) for split in SPLITS}
    write_manifest(out, {**facts, **counts})


@dataclass(frozen=True)
class _Task:
    """An object to be described, in a form that goes to another process."""

    split: str
    class_name: str
    identity: str
    source: Any


@dataclass(frozen=True)
class _Made:
    arrays: dict[str, np.ndarray]
    row: dict[str, Any]
    notes: tuple[str, ...]


def listed(raw: Path, real: bool) -> Iterator[tuple[str, str, str, Solid | Path]]:
    """Split, class, identity and source of the generated shapes and the meshes of a raw folder.

    Args:
        raw: the folder.
        real: whether generated shapes are only trained on, and all meshes tested.
    """
    if (raw / SHAPES).is_file():
        for split, class_name, seed, solid in read_generated(raw):
            if not (real and split == "test"):
                yield split, class_name, str(seed), solid
    if (raw / MESHES).is_dir():
        meshes = find_meshes(raw / MESHES)
        for class_name in CLASSES:
            members = [entry for entry in meshes if entry[0] == class_name]
            for place, (_, identity, path) in enumerate(members):
                yield "test" if real else split_of(place, len(members)), class_name, identity, path


def _tasks(dataset: str, raw: Path, settings: PrepareSettings) -> Iterator[_Task]:
    """All objects of a raw folder, split by split."""
    real = dataset == "real"
    for described in listed(raw, real):
        yield _Task(*described)
    if real:
        for sample in choy.find_objects(raw / OFFICIAL):
            yield _Task("test", sample.class_name, sample.identity, sample)
    if (raw / LISTING).is_file():
        folder = Path(json.loads((raw / LISTING).read_text(encoding="utf-8"))["folder"])
        for entry in choy.find_objects(folder) if dataset == "choy" else hsp.find_objects(folder):
            yield _Task(entry.split, entry.class_name, entry.identity, entry)


def _described(tasks: list[_Task], settings: PrepareSettings) -> Iterator[_Made]:
    up = "y" if settings.own is None else settings.own.up
    describe = partial(_describe, views=settings.views, voxels=settings.voxels, samples=settings.samples, up=up)
    if len(tasks) < MANY:
        yield from map(describe, tasks)
        return
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(describe, tasks, chunksize=16)


def _describe(task: _Task, views: Views, voxels: Voxelisation, samples: Samples, up: str) -> _Made:
    """Everything that is kept of one object."""
    count = views.test if task.split == "test" else views.train
    # Official images are framed from their own size.
    size = max(views.size, OFFICIAL_SIZE) if views.framed else views.size
    shape = _object(task, voxels, size, count, up)
    occupied = shape.voxels()
    if not occupied.any():
        raise UserError(
            f"{task.class_name}/{task.identity}: no voxel of {RESOLUTION}³ is inside; leave it out, or set "
            "shapes.voxels.rule to touch"
        )
    images, cameras = shape.views(count, views.size, views.framed)
    points = sample_points(shape, samples, shape.random("points"))
    near, normals = shape.surface(SURFACE_POINTS, shape.random("surface"))
    arrays = {
        "images": images,
        "cameras": cameras,
        "classes": np.array(CLASSES.index(task.class_name)),
        "packed": np.packbits(occupied.ravel()),
        "points": points,
        "labels": np.packbits(shape.inside(points.astype(np.float64))),
        "surface": np.concatenate([near, normals], axis=1).astype(np.float16),
    }
    row = {
        "class": task.class_name,
        "object": task.identity,
        "collection": shape.collection,
        "voxels": int(occupied.sum()),
    }
    return _Made(arrays, row, tuple(shape.notes))


def _object(task: _Task, voxels: Voxelisation, size: int, count: int, up: str) -> ShapeObject:
    source = task.source
    match source:
        case Path():
            return MeshObject(task.class_name, task.identity, read_mesh(source, up=up), voxels.rule, voxels.solid)
        case choy.ChoyObject():
            occupied, views = choy.read_voxels(source), choy.read_views(source, size, count)
        case hsp.HspObject():
            occupied, views = hsp.read_voxels(source), hsp.read_views(source, size, count)
        case _:
            return GeneratedObject(task.class_name, task.identity, source)
    return VoxelObject(task.class_name, task.identity, occupied, *views)


def sample_points(shape: ShapeObject, samples: Samples, random: np.random.Generator) -> np.ndarray:
    """Points of U[-1, 1]³, then points of the surface moved by N(0, sigma²): float32 ``[U + B, 3]`` in the cube."""
    uniform = random.uniform(-1, 1, (samples.uniform, 3))
    near, _ = shape.surface(samples.boundary, random)
    spreads = np.resize(samples.sigma, samples.boundary)[:, None]
    boundary = np.clip(near + spreads * random.standard_normal(near.shape), -1, 1)
    return np.concatenate([uniform, boundary]).astype(np.float32)


class ArrayWriter:
    """Writes ``<name>.npy`` files of a known number of items to a folder; the first item says which, of what shapes.

    Args:
        folder: made if it is not there.
        count: number of items, the first axis of every array.
    """

    def __init__(self, folder: Path, count: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.count, self.place = folder, count, 0
        self.arrays: dict[str, np.memmap[Any, Any]] = {}

    def add(self, arrays: dict[str, np.ndarray]) -> None:
        """Write the next item's part of every array.

        Raises:
            UserError: an array is of another shape than those before.
        """
        for name, array in arrays.items():
            if name not in self.arrays:
                self.arrays[name] = np.lib.format.open_memmap(
                    self.folder / f"{name}.npy", mode="w+", dtype=array.dtype, shape=(self.count, *array.shape)
                )
            if self.arrays[name].shape[1:] != array.shape:
                raise UserError(
                    f"object {self.place + 1}: {name} of shape {list(array.shape)}, others have "
                    f"{list(self.arrays[name].shape[1:])}"
                )
            self.arrays[name][self.place] = array
        self.place += 1

    def close(self) -> None:
        """Bring everything to the disk."""
        for array in self.arrays.values():
            array.flush()
