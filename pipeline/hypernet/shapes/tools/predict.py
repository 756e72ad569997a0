"""Occupancy of images that are arrays already: uint8 RGBA in, voxels out. `reconstruct` takes photographs."""

from __future__ import annotations

import argparse
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file
from hypernet.shapes.tools.inputs import check_outputs, opened

if TYPE_CHECKING:
    from hypernet.shapes.trained import Reconstructor

ENDINGS = (".npy", ".npz")
IMAGES, CLASSES = "images", "classes"
# Bytes of all images together, and how many: each gives 32 kB of voxels. A header of a few bytes may claim any size.
KINDS = {"uib": "whole numbers", "uibf": "numbers"}
MOST_BYTES, MOST_IMAGES = 2**28, 10_000
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def predict(
    images: np.ndarray | str | Path, *, model: Reconstructor | str | Path, classes: np.ndarray | None = None
) -> np.ndarray:
    """Reconstruct the object of each image on the evaluation grid.

    Args:
        images: uint8 RGBA ``[B, S, S, 4]`` or ``[S, S, 4]``, transparent around the object, S as in training; or the
            path of such an array: .npy, or .npz with ``images`` and, for the methods that are told it, ``classes``.
        model: a trained method, or the path of its ``model.ckpt``.
        classes: places in the list of classes, ``[B]``, for the methods that are told the class.

    Returns:
        bool ``[B, 32, 32, 32]`` at the centres ``hypernet.shapes.grid(32)``: x lateral, y up, z to the front.

    Raises:
        UserError: the images or the model cannot be read, or the images do not fit.

    Example:
        >>> occupancy = hypernet.shapes.predict(images, model="model.ckpt")  # doctest: +SKIP
    """
    name = "images"
    if isinstance(images, str | Path):
        name = str(images)
        arrays = arrays_of(Path(images), (IMAGES, CLASSES))
        images, classes = arrays[IMAGES], arrays.get(CLASSES, classes)
    images = _checked(name, np.asarray(images))
    reconstructor = opened(model)
    if classes is not None and not reconstructor.needs_class:
        classes = None
    try:
        return reconstructor(images, classes)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet shapes predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--images",
        type=Path,
        required=True,
        help="RGBA of the training size, uint8 [B, S, S, 4]: .npy, or .npz with the array images (and classes)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="write bool [B, 32, 32, 32] here: .npy, or .npz with occupancy"
    )


def run(arguments: argparse.Namespace) -> None:
    """Reconstruct the images of a file, and write the voxels."""
    check_names(arguments, IMAGES)
    write_voxels(arguments.out, predict(arguments.images, model=arguments.model))


def check_names(arguments: argparse.Namespace, given: str, endings: Sequence[str] = ENDINGS) -> None:
    """Refuse names of files that are no arrays, or that would write over what is read.

    Args:
        arguments: with ``model``, ``out``, and what is read under ``given``.
        given: the option's name.
        endings: of what is read.
    """
    for option, accepted in ((given, endings), ("out", ENDINGS)):
        try:
            output_file(getattr(arguments, option), *accepted)
        except UserError as error:
            raise UserError(f"--{option} {error}") from None
    check_outputs({"out": arguments.out}, [getattr(arguments, given), arguments.model])


def write_voxels(out: Path, occupancy: np.ndarray) -> None:
    """Write bool ``[B, 32, 32, 32]`` to .npy or .npz, and say how full it is."""
    with atomic_path(out) as temporary:
        if out.suffix == ".npy":
            np.save(temporary, occupancy)
        else:
            np.savez_compressed(temporary, occupancy=occupancy)
    filled = occupancy.reshape(len(occupancy), -1).mean(axis=1)
    empty = f"; {empties} empty" if (empties := int((filled == 0).sum())) else ""
    print(f"{len(occupancy)} shapes of 32³ voxels, {filled.mean():.1%} of them inside{empty}: {out}")


def arrays_of(path: Path, names: Sequence[str], types: str = "uib") -> dict[str, np.ndarray]:
    """The arrays of a file, after their sizes were checked.

    Args:
        path: .npy, which holds the first of them, or .npz.
        names: of the arrays; the first must be there.
        types: kinds of numpy's types that are accepted.

    Raises:
        UserError: no such file, damaged, or without the first array.
    """
    if path.suffix not in ENDINGS:
        raise UserError(f"{path}: the name must end in {' or '.join(ENDINGS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file of {names[0]}")
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return {names[0]: _array(file, path.name, types)}
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for name in names:
                if f"{name}.npy" in archive.namelist():
                    with archive.open(f"{name}.npy") as member:
                        arrays[name] = _array(member, name, types)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: not an array of numpy ({' '.join(str(error).split())[:120]})") from None
    except (SyntaxError, tokenize.TokenError, TypeError, OverflowError, MemoryError, RecursionError, zlib.error):
        raise UserError(f"{path}: not an array of numpy (its header is damaged)") from None
    if names[0] not in arrays:
        raise UserError(f"{path}: no array {names[0]} in it")
    return arrays


def _array(file: IO[bytes], name: str, types: str) -> np.ndarray:
    """One array; the size that its header claims is checked first, packed or not."""
    read_header = HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        raise ValueError(f"{name} has a format of a version that is not read here")
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    if dtype.kind not in types or (count := math.prod(shape)) * dtype.itemsize > MOST_BYTES:
        raise ValueError(f"{name} is {dtype} {list(shape)}; accepted: {KINDS[types]}, {MOST_BYTES:,} bytes at most")
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError(f"{name} is shorter than its header says")
    # A copy: torch wants memory that can be written to.
    return np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if fortran else "C").copy()


def _checked(name: str, images: np.ndarray) -> np.ndarray:
    """Images uint8 ``[B, S, S, 4]``."""
    if images.ndim == 3:
        images = images[None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 4 or not len(images):
        raise UserError(f"{name}: {images.dtype} {list(images.shape)}; accepted: uint8 RGBA [B, S, S, 4]")
    if len(images) > MOST_IMAGES:
        raise UserError(f"{name}: {len(images):,} images; accepted: {MOST_IMAGES:,} at most")
    return images
