"""The data of Choy et al. (ECCV 2016): 24 renderings and 32³ voxels of ShapeNet objects, in the canonical frame.

Archives, as unpacked::

    ShapeNetRendering/<synset>/<id>/rendering/00.png ... 23.png, rendering_metadata.txt
    ShapeNetVox32/<synset>/<id>/model.binvox

Single objects may also lie flat: ``<synset>_<class>/`` with the pictures, the metadata and the voxels.

Frames. Objects stand with y up, their front at +x and the mirror plane z = 0: of the five official samples the chair's
back and the airplane's fin are at small x, the pickup's bed too, and voxels agree best with their mirror image in z.
Ours has the front at +z and the mirror plane x = 0, so (x, y, z) becomes (-z, y, x), a turn about y. The objects'
longest side fills the voxel cube, which becomes the evaluation grid.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import read_picture
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.frames import RESOLUTION
from hypernet.shapes.names import SYNSETS
from hypernet.shapes.sources.binvox import read_binvox
from hypernet.shapes.sources.mesh_files import read_bytes
from hypernet.shapes.sources.official import OfficialObject
from hypernet.shapes.sources.photos import framed

RENDERINGS, VOXELS, METADATA = "ShapeNetRendering", "ShapeNetVox32", "rendering_metadata.txt"
MODEL = "model.binvox"
CLASS_OF = {synset: name for name, synset in SYNSETS.items()}
# Lists of identifiers of each split, as Pix2Vox and LSM publish them: the same 30,643, 4,371 and 8,770 objects.
LISTS = ("ShapeNet.json", "splits.json", "pix2vox_ShapeNet.json")
# Share of each class, in the order of identifiers, that 3D-R2N2 trains on; of those, the last eighth chooses weights.
TRAINED_SHARE, HELD_OUT_SHARE = 0.8, 0.125
# Its renderings cannot be read; every program leaves it out.
BROKEN = {("04090263", "4a32519f44dc84aabafe26e2eb69ebf4")}
# Bytes of a file of metadata (24 rows are under 2 kB) and of lists (2 MB).
_LARGEST_METADATA, _LARGEST_LISTS = 2**16, 2**26
_MOST_VIEWS = 100
# In-plane rotation in degrees that counts as none.
_LEVEL = 1e-6


class ChoyObject(OfficialObject):
    """An object of Choy et al. (2016)."""

    @property
    def images(self) -> list[Path]:
        """The pictures, in the order of their numbers.

        Raises:
            UserError: there is none, or a number is missing.
        """
        paths = sorted(self.renderings.glob("[0-9][0-9].png"))
        if not paths:
            raise UserError(f"{self.renderings}: no renderings (00.png, 01.png, ...)")
        for number, path in enumerate(paths):
            if path.name != f"{number:02d}.png":
                raise UserError(f"{self.renderings}: view {number:02d}.png is missing")
        return paths

    @property
    def cameras(self) -> list[Camera]:
        """The camera of each picture, in the canonical frame.

        Raises:
            UserError: metadata or voxels cannot be read, or are not those of the pictures.
        """
        rows = read_metadata(self.renderings / METADATA)
        if len(rows) != (count := len(self.images)):
            raise UserError(
                f"{self.renderings / METADATA}: {len(rows)} rows for {count} views; one row a view is needed"
            )
        _, _, scale = read_binvox(self.voxels)
        return [Camera.choy(azimuth, elevation, ratio, scale) for azimuth, elevation, ratio in rows]


def find_objects(folder: Path, lists: Path | None = None) -> list[ChoyObject]:
    """All objects of the 13 classes in a folder, by class and identifier.

    What cannot be used is left out and said on the error output: the object that is known to be broken, and objects
    without voxels.

    Args:
        folder: holds ``ShapeNetRendering`` and ``ShapeNetVox32``, or folders of single objects.
        lists: JSON file of identifiers for each split; objects that it does not name are left out. Without it
            ``ShapeNet.json`` or ``splits.json`` in the folder, else the rule of 3D-R2N2: of each class the first 80 %
            in the order of identifiers are trained on (the last eighth of them is held out), the others tested.

    Raises:
        UserError: nothing is there, or the lists cannot be read.
    """
    folder = Path(folder)
    if not (folder / RENDERINGS).is_dir():
        objects = _flat(folder)
        if not objects:
            raise UserError(f"{folder}: neither {RENDERINGS} and {VOXELS} nor folders <synset>_<class> are in it")
        return objects
    if lists is None:
        named = [folder / name for name in LISTS] + [folder / "splits" / name for name in LISTS]
        lists = next((path for path in named if path.is_file()), None)
    splits = read_lists(lists) if lists is not None else None
    objects = []
    without_voxels: list[str] = []
    for class_name, synset in SYNSETS.items():
        source = folder / RENDERINGS / synset
        names = sorted(path.name for path in source.iterdir() if path.is_dir()) if source.is_dir() else []
        for name in [name for name in names if (synset, name) in BROKEN]:
            print(f"{source / name}: left out, its renderings are known to be broken", file=sys.stderr)
            names.remove(name)
        split_of = portions(names) if splits is None else splits.get(synset, {})
        for name in names:
            voxels = folder / VOXELS / synset / name / MODEL
            if not voxels.is_file():
                without_voxels.append(f"{synset}/{name}")
            elif name in split_of:
                objects.append(ChoyObject(class_name, name, split_of[name], source / name / "rendering", voxels))
    if without_voxels:
        print(
            f"{folder}: {len(without_voxels)} objects without voxels left out: {without_voxels[0]} ...", file=sys.stderr
        )
    if not objects:
        raise UserError(f"{folder}: no object of the 13 classes has both renderings and voxels")
    return objects


def portions(identifiers: list[str]) -> dict[str, str]:
    """The split of each object of a class by the rule of 3D-R2N2 (see ``find_objects``)."""
    ordered = sorted(identifiers)
    trained = int(TRAINED_SHARE * len(ordered))
    fitted = trained - int(HELD_OUT_SHARE * trained)
    return {
        name: "train" if place < fitted else "validation" if place < trained else "test"
        for place, name in enumerate(ordered)
    }


def read_lists(path: Path) -> dict[str, dict[str, str]]:
    """Split of each identifier of each synset, from a file in the form of Pix2Vox or of LSM.

    Raises:
        UserError: it is neither, or an identifier is in two splits.
    """
    path = Path(path)
    wanted = "accepted: Pix2Vox' ShapeNet.json or LSM's splits.json"
    try:
        content = json.loads(read_bytes(path, _LARGEST_LISTS, "a file of lists"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: lists that cannot be read ({' '.join(str(error).split())[:120]}); {wanted}") from None
    if isinstance(content, list):
        entries = [(entry.get("taxonomy_id"), entry) for entry in content if isinstance(entry, dict)]
    elif isinstance(content, dict):
        entries = list(content.items())
    else:
        entries = []
    result: dict[str, dict[str, str]] = {}
    for synset, entry in entries:
        if not isinstance(synset, str) or synset not in CLASS_OF:
            continue
        split_of = result.setdefault(synset, {})
        for key, split in (("train", "train"), ("val", "validation"), ("test", "test")):
            names = entry.get(key) if isinstance(entry, dict) else None
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise UserError(f"{path}: {synset} has no list of identifiers {key!r}; {wanted}")
            for name in names:
                if not is_name(name):
                    raise UserError(f"{path}: {name[:60]!r} is no name of a model")
                if split_of.setdefault(name, split) != split:
                    raise UserError(f"{path}: {synset}/{name} is in two splits, {split_of[name]} and {split}")
    if not result:
        raise UserError(f"{path}: no synset of the 13 classes; {wanted}")
    return result


def is_name(text: str) -> bool:
    """Whether a text names an object, and no folder elsewhere."""
    return text not in ("", ".", "..") and not set(text) & set("/\\\0")


def read_metadata(path: Path) -> np.ndarray:
    """Azimuth and elevation in degrees and the distance ratio of each view, ``[views, 3]``.

    A row is azimuth, elevation, in-plane rotation, distance ratio, field of view. The last is not that of the pictures
    and is not used.

    Raises:
        UserError: rows of other lengths, what is no number, a distance that is not above 0, or a camera that is not
            level: the official ones all are, so the sign of the rotation is not known.
    """
    path = Path(path)
    try:
        lines = read_bytes(path, _LARGEST_METADATA, "a file of metadata").decode("ascii").splitlines()
    except ValueError as error:
        raise UserError(f"{path}: metadata that cannot be read ({' '.join(str(error).split())[:120]})") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        if not (words := line.split()):
            continue
        try:
            azimuth, elevation, in_plane, ratio, _ = (float(word) for word in words)
        except ValueError:
            raise UserError(
                f"{path}, line {number}: {line.strip()[:60]!r}; five numbers are needed: azimuth, elevation, in-plane "
                "rotation, distance ratio, field of view"
            ) from None
        if not np.isfinite([azimuth, elevation, in_plane, ratio]).all() or ratio <= 0 or abs(elevation) > 90:
            raise UserError(f"{path}, line {number}: elevation {elevation}, distance ratio {ratio} are no camera's")
        if abs(in_plane) > _LEVEL:
            raise UserError(f"{path}, line {number}: in-plane rotation {in_plane} degrees; accepted: 0")
        rows.append((azimuth, elevation, ratio))
    if not 0 < len(rows) <= _MOST_VIEWS:
        raise UserError(f"{path}: {len(rows)} rows; accepted: one for each of 1 to {_MOST_VIEWS} views")
    return np.array(rows)


def read_views(source: ChoyObject, size: int, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and cameras of an object.

    Args:
        source: of ``find_objects``.
        size: pixels on a side to which the pictures are brought.
        count: only the first ones; None: all.

    Returns:
        uint8 ``[views, size, size, 4]``, and rows of ``Camera.as_row``, float32 ``[views, 8]``.

    Raises:
        UserError: a file cannot be read; a picture has no opacity or is not square.
    """
    images = []
    for path in source.images[:count]:
        rgba, _ = read_picture(path, "shapes")
        if rgba.shape[0] != rgba.shape[1] or (rgba[..., 3] == 255).all():
            shape = f"{rgba.shape[1]} x {rgba.shape[0]} pixels, {'opaque' if rgba[..., 3].all() else 'transparent'}"
            raise UserError(f"{path}: {shape}; renderings are square, with a transparent ground")
        images.append(framed(rgba, size))
    return np.stack(images), np.stack([camera.as_row() for camera in source.cameras[:count]])


def read_voxels(source: ChoyObject) -> np.ndarray:
    """Occupancy of the evaluation grid in the canonical frame, bool ``[32, 32, 32]``.

    Raises:
        UserError: the file cannot be read, has another resolution, or no voxel is occupied.
    """
    occupied, _, _ = read_binvox(source.voxels)
    if occupied.shape != (RESOLUTION,) * 3:
        raise UserError(f"{source.voxels}: {' x '.join(map(str, occupied.shape))} voxels; accepted: {RESOLUTION}³")
    if not occupied.any():
        raise UserError(f"{source.voxels}: no voxel is occupied")
    return to_canonical(occupied)


def to_canonical(occupied: np.ndarray) -> np.ndarray:
    """Voxels ``[x, y, z]`` of ShapeNet's first version (front +x) in our frame (front +z): (x, y, z) -> (-z, y, x)."""
    return np.ascontiguousarray(occupied.transpose(2, 1, 0)[::-1])


def _flat(folder: Path) -> list[ChoyObject]:
    """Single objects: folders whose names begin with a synset."""
    objects = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        class_name = CLASS_OF.get(place.name.split("_")[0])
        if class_name is not None and (place / MODEL).is_file():
            objects.append(ChoyObject(class_name, place.name, "test", place, place / MODEL))
    return objects
