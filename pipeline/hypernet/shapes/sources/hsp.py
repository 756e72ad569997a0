"""The data of Häne et al. (HSP, 3DV 2017) and of Kar et al. (LSM, NIPS 2017): 20 views and voxels of ShapeNet objects.

Archives, as the loaders of chaene/hsp and akar43/lsm read them::

    blenderRenderPreprocess/<synset>/<id>/render_0.png ... render_19.png        HSP
    modelVoxels32_smooth/<synset>/<id>.mat      Volume [32, 32, 32], above 0: inside
    modelBlockedVoxels256/<synset>/<id>.mat     b [n, 16, 16, 16] blocks, bi [16, 16, 16] their numbers from 1
    train_<synset>.txt, val_<synset>.txt, test_<synset>.txt        a name <id>.mat a line

    renders/<synset>/<id>/render_0.png ..., camera_0.mat ...       LSM: K [3, 3], extrinsic [4, 4]
    voxels/modelVoxels32/<synset>/<id>.mat      Volume
    splits.json

Frames. Arrays are indexed x, y (up), z of ShapeNet's first version, front +x, as programs that turn them to its second
version (front -z) show; LSM's cameras live in Blender's frame (x, -z, y). The voxel cube is [-1/2, 1/2]³ of models
whose bounding box has the diagonal 1, so that an object fills 0.58 to 1 of it. It becomes the evaluation grid as it is:
objects are smaller than in the canonical frame, and labels are those of the published numbers. We had no file of these
archives: the layout is tested on files that the tests write.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import read_picture
from hypernet.shapes.core.cameras import ROW, Camera
from hypernet.shapes.core.frames import INNER, RESOLUTION
from hypernet.shapes.names import SYNSETS
from hypernet.shapes.sources.choy import is_name, read_lists, to_canonical
from hypernet.shapes.sources.matlab import read_arrays
from hypernet.shapes.sources.official import OfficialObject
from hypernet.shapes.sources.photos import framed

RENDERINGS = ("blenderRenderPreprocess", "renders")
# In the order in which they are looked for: the labels of the published 32³ numbers first.
VOXELS = ("modelVoxels32_smooth", "modelVoxels32", "voxels/modelVoxels32", "modelBlockedVoxels256")
BLOCKED = "modelBlockedVoxels256"
SPLIT_FILES = {"train": "train", "val": "validation", "test": "test"}
FULL = 256
_LARGEST_LIST = 2**22
# LSM's frame from ours: Blender's (x, y, z) is our (z, x, y).
_TO_BLENDER = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


class HspObject(OfficialObject):
    """An object of Häne et al. (2017) or of LSM."""

    @property
    def images(self) -> list[Path]:
        """The pictures, in the order of their numbers.

        Raises:
            UserError: there is none, or a number is missing.
        """
        count = sum(1 for _ in self.renderings.glob("render_*.png"))
        paths = [self.renderings / f"render_{number}.png" for number in range(count)]
        if not paths:
            raise UserError(f"{self.renderings}: no renderings (render_0.png, render_1.png, ...)")
        for path in paths:
            if not path.is_file():
                raise UserError(f"{self.renderings}: view {path.name} is missing")
        return paths


def find_objects(folder: Path, lists: Path | None = None) -> list[HspObject]:
    """All objects of the 13 classes in a folder that a list names, by class and identifier.

    Objects without voxels or renderings are left out and counted on the error output.

    Args:
        folder: holds the folders of HSP or of LSM.
        lists: LSM's ``splits.json``; without it that of the folder, or HSP's ``train_<synset>.txt`` and so on.

    Raises:
        UserError: nothing is there, or no list.
    """
    folder = Path(folder)
    renderings = next((folder / name for name in RENDERINGS if (folder / name).is_dir()), None)
    voxels = next((folder / name for name in VOXELS if (folder / name).is_dir()), None)
    if renderings is None or voxels is None:
        raise UserError(f"{folder}: neither HSP's {RENDERINGS[0]} and {VOXELS[0]} nor LSM's renders and {VOXELS[2]}")
    lists = folder / "splits.json" if lists is None and (folder / "splits.json").is_file() else lists
    splits = read_lists(lists) if lists is not None else _text_lists(folder)
    objects, missing = [], []
    for class_name, synset in SYNSETS.items():
        for name, split in sorted(splits.get(synset, {}).items()):
            listed = HspObject(class_name, name, split, renderings / synset / name, voxels / synset / f"{name}.mat")
            if listed.voxels.is_file() and listed.renderings.is_dir():
                objects.append(listed)
            else:
                missing.append(f"{synset}/{name}")
    if missing:
        message = f"{len(missing)} listed objects without voxels or renderings left out: {missing[0]} ..."
        print(f"{folder}: {message}", file=sys.stderr)
    if not objects:
        raise UserError(f"{folder}: no listed object has both renderings and voxels")
    return objects


def read_views(source: HspObject, size: int, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and cameras of an object.

    Args:
        source: of ``find_objects``.
        size: pixels on a side to which the pictures are brought.
        count: only the first ones; None: all.

    Returns:
        uint8 ``[views, size, size, 4]``, and rows of ``Camera.as_row``, float32 ``[views, 8]``: NaN where no camera
        lies beside the picture (HSP's loaders read none).

    Raises:
        UserError: a file cannot be read, a picture has no opacity, or its camera is of another kind.
    """
    images, cameras = [], []
    for number, path in enumerate(source.images[:count]):
        rgba, _ = read_picture(path, "shapes")
        if (rgba[..., 3] == 255).all():
            raise UserError(f"{path}: an opaque picture; renderings have a transparent ground")
        images.append(framed(rgba, size))
        camera = source.renderings / f"camera_{number}.mat"
        if camera.is_file():
            cameras.append(read_camera(camera, rgba.shape[1], rgba.shape[0]).as_row())
        else:
            cameras.append(np.full(ROW, np.nan, dtype=np.float32))
    return np.stack(images), np.stack(cameras)


def read_voxels(source: HspObject) -> np.ndarray:
    """Occupancy of the evaluation grid, bool ``[32, 32, 32]``, front +z; the cube is HSP's (see the module).

    Of 256³ voxels a cell is inside where any of its 8³ is, as the smooth grid counts above 0.

    Raises:
        UserError: the file cannot be read or has other sizes, or no voxel is occupied.
    """
    if source.voxels.parent.parent.name == BLOCKED:
        full, step = read_blocks(source.voxels), FULL // RESOLUTION
        occupied = full.reshape(RESOLUTION, step, RESOLUTION, step, RESOLUTION, step).any(axis=(1, 3, 5))
    else:
        occupied = read_volume(source.voxels)
    if occupied.shape != (RESOLUTION,) * 3:
        raise UserError(f"{source.voxels}: {' x '.join(map(str, occupied.shape))} voxels; accepted: {RESOLUTION}³")
    if not occupied.any():
        raise UserError(f"{source.voxels}: no voxel is occupied")
    return to_canonical(occupied)


def read_volume(path: Path) -> np.ndarray:
    """The array ``Volume`` above 0, as it lies in the file, bool ``[n, n, n]``.

    Raises:
        UserError: the file is of another kind, or the array is not there or no cube.
    """
    volume = read_arrays(path, ("Volume",))["Volume"]
    if volume.ndim != 3 or len(set(volume.shape)) != 1:
        raise UserError(f"{path}: Volume has the sizes {volume.shape}; a cube is needed")
    occupied: np.ndarray = volume > 0
    return occupied


def read_blocks(path: Path) -> np.ndarray:
    """Voxels that are kept as blocks, put together, as they lie in the file, bool ``[256, 256, 256]``.

    Raises:
        UserError: the file is of another kind, the arrays are not there, or a number of a block is none.
    """
    arrays = read_arrays(path, ("b", "bi"))
    blocks, numbers = arrays["b"], arrays["bi"]
    side = numbers.shape[0]
    if numbers.ndim != 3 or len(set(numbers.shape)) != 1 or blocks.ndim != 4 or len(set(blocks.shape[1:])) != 1:
        raise UserError(
            f"{path}: b and bi have the sizes {blocks.shape} and {numbers.shape}; accepted: [n,s,s,s], [g,g,g]"
        )
    if side * blocks.shape[1] != FULL:
        raise UserError(f"{path}: {side} blocks of {blocks.shape[1]} voxels on a side; accepted: {FULL} voxels")
    with np.errstate(invalid="ignore"):
        whole = numbers.astype(np.int64)
    if (whole != numbers).any() or whole.min() < 1 or whole.max() > len(blocks):
        raise UserError(
            f"{path}: bi numbers blocks from {numbers.min()} to {numbers.max()}; b holds 1 to {len(blocks)}"
        )
    return (blocks > 0)[whole - 1].transpose(0, 3, 1, 4, 2, 5).reshape(FULL, FULL, FULL)


def read_camera(path: Path, width: int, height: int) -> Camera:
    """LSM's camera of a picture, in our frame (the cube of the evaluation grid).

    Args:
        path: a .mat file with ``K`` and ``extrinsic``.
        width: of the picture that K belongs to, pixels.
        height: of it.

    Raises:
        UserError: the file is of another kind, or its matrices are no camera's.
    """
    arrays = read_arrays(path, ("K", "extrinsic"))
    intrinsic, extrinsic = arrays["K"].astype(np.float64), arrays["extrinsic"].astype(np.float64)
    if intrinsic.shape != (3, 3) or extrinsic.shape not in ((3, 4), (4, 4)):
        raise UserError(
            f"{path}: K {intrinsic.shape} and extrinsic {extrinsic.shape}; accepted: [3, 3] and [3 or 4, 4]"
        )
    if not (np.isfinite(intrinsic).all() and np.isfinite(extrinsic).all()):
        raise UserError(f"{path}: K and extrinsic must be finite")
    turned = np.concatenate([extrinsic[:3, :3] @ _TO_BLENDER, 2 * INNER * extrinsic[:3, 3:]], axis=1)
    try:
        return Camera.from_matrices(intrinsic, turned, width, height)
    except (UserError, ValueError) as error:
        raise UserError(f"{path}: {error}") from None


def _text_lists(folder: Path) -> dict[str, dict[str, str]]:
    """Split of each identifier of each synset from HSP's text files."""
    result: dict[str, dict[str, str]] = {}
    for synset in SYNSETS.values():
        for prefix, split in SPLIT_FILES.items():
            path = folder / f"{prefix}_{synset}.txt"
            if not path.is_file():
                continue
            if path.stat().st_size > _LARGEST_LIST:
                raise UserError(f"{path}: a list of more than {_LARGEST_LIST:,} bytes")
            for line in path.read_text(encoding="utf-8", errors="replace").split():
                name = line.removesuffix(".mat")
                if not is_name(name):
                    raise UserError(f"{path}: {line[:60]!r} is no name of a model")
                if result.setdefault(synset, {}).setdefault(name, split) != split:
                    raise UserError(f"{path}: {name} is in another split too")
    if not result:
        raise UserError(f"{folder}: no lists: splits.json, or train_<synset>.txt, val_<synset>.txt, test_<synset>.txt")
    return result
