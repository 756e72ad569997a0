"""Reconstruct an object from one photograph or several: a mesh, the network that is the object, pictures and a page."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, output_file
from hypernet.shapes.core.extraction import LARGEST, SMALLEST, EmptyFieldError, Field, extract
from hypernet.shapes.core.solids import Mesh, bodies_of
from hypernet.shapes.sources.mesh_files import WRITTEN, write_mesh
from hypernet.shapes.tools import viewer
from hypernet.shapes.tools.inputs import FRAMINGS, Photo, View, opened, views_of
from hypernet.shapes.tools.network_files import network_file, write_network

if TYPE_CHECKING:
    from torch import nn

    from hypernet.shapes.trained import Reconstructor

RESOLUTION = 256
# Of the grid that is evaluated first: finer than the voxels that the networks are trained on.
START = 64
# Pages and turntables show no finer a mesh: the page would be four times as large.
SHOWN_RESOLUTION = 128
# A photograph says nothing of size: the longest side in millimetres, in files that have a unit.
ASSUMED_MM = {".glb": 1000.0, ".stl": 100.0}
SMALLEST_MM, LARGEST_MM = 0.01, 1e6
# Further from the training images than this, in units of the distance that 99 % of held-out ones stay below.
FAMILIAR = 1.0


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """An object made from photographs, as ``reconstruct`` makes it; ``save`` and its like write it.

    Attributes:
        mesh: closed, in the canonical cube [-1, 1]³: x lateral, y up, z to the front.
        field: points float32 ``[n, 3]`` of the cube to scores ``[n]``, positive inside.
        views: the photographs as the network saw them.
        resolution: cells along a side of the cube.
        model: what made it.
        embedding: of the object, mean over the views, ``[E]``; None for methods without.
        nearest_classes: class of the training image nearest to each view; empty for methods without embeddings.
        familiarity: how far each view is from that image, in units of the distance that 99 % of held-out images stay
            below; above 1 it is unlike anything the model knows.
    """

    mesh: Mesh
    field: Field
    views: tuple[View, ...]
    resolution: int
    model: Reconstructor
    embedding: np.ndarray | None
    nearest_classes: tuple[str, ...]
    familiarity: tuple[float, ...]

    def __repr__(self) -> str:
        names = ", ".join(Path(view.name).name for view in self.views)
        return f"Reconstruction({names}, {self.model.method}, {len(self.mesh.triangles)} triangles)"

    def __str__(self) -> str:
        return self.summary()

    @cached_property
    def network(self) -> nn.Module:
        """The object as an ordinary network of points ``[n, 3]`` to logits ``[n, 1]``.

        Raises:
            UserError: the method writes no network for each object.
        """
        require_network(self.model)
        assert self.embedding is not None
        return self.model.network_of(self.model.theta(self.embedding[None])[0])

    @cached_property
    def _shown(self) -> Mesh:
        """The mesh of pages and turntables."""
        if self.resolution <= SHOWN_RESOLUTION:
            return self.mesh
        return extract(self.field, SHOWN_RESOLUTION, start=START)

    def save(self, path: str | Path, size_mm: float | None = None) -> str:
        """Write the mesh as ``.glb``, ``.obj``, ``.ply``, ``.stl`` or ``.off``; see ``placed`` for frames and units.

        Args:
            path: the file.
            size_mm: longest side of the object in millimetres.

        Returns:
            What is in the file: number of faces, of pieces where there are several, frame and units.

        Raises:
            UserError: another ending, a folder, a size out of range, or a library is missing.
        """
        path = output_file(path, *WRITTEN)
        ready = placed(self.mesh, path.suffix, size_mm)
        write_mesh(path, ready.mesh, unit=ready.unit, up=ready.up)
        closed = "closed" if self.mesh.watertight else "not closed"
        # Of a printed object, parts that would fall off, or hollows.
        pieces = f"{count} pieces, " if (count := int(bodies_of(self.mesh).max()) + 1) > 1 else ""
        return f"{len(self.mesh.triangles):,} faces, {closed}, {pieces}{ready.words}"

    def save_network(self, path: str | Path) -> None:
        """Write the object as a network: ``.npz`` for numpy, ``.onnx`` for others; see ``network_files``."""
        about = {
            "made_from": ", ".join(Path(view.name).name for view in self.views),
            "method": self.model.method,
            "trained_on": self.model.title,
        }
        write_network(path, self.network, about)

    def save_picture(self, path: str | Path) -> None:
        """Write a picture, ``.png``."""
        viewer.write_picture(path, self.mesh)

    def save_turntable(self, path: str | Path) -> None:
        """Write a turning object, ``.gif``."""
        viewer.write_turntable(path, self._shown)

    def save_page(self, path: str | Path) -> None:
        """Write a page that turns the object in the browser, ``.html``, without a network."""
        names = ", ".join(Path(view.name).name for view in self.views)
        caption = f"{names}, reconstructed by {self.model.method} ({self.model.title})\nDrag to turn, scroll to zoom."
        viewer.write_page(path, self._shown, names, caption)

    def summary(self) -> str:
        """What was done to each photograph, what it is like, and the warnings, a line each."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for view in self.views:
            yield f"{view.name}: {'; '.join(view.notes)}"
        for view, share, name in zip(self.views, self.familiarity, self.nearest_classes, strict=False):
            if share > FAMILIAR:
                yield (
                    f"warning: {view.name}: unlike any class it knows ({math.ceil(100 * share):,}% of the familiar"
                    f" range, in which 99 % of held-out images are; nearest: {name})"
                )
            else:
                yield f"{view.name}: nearest to training images of the class {name} ({share:.0%} of the familiar range)"
        if len(self.views) > 1:
            yield f"one object of {len(self.views)} views: their embeddings are averaged"
        yield f"{self.model.method}, grid of {self.resolution}³ in the cube"


def reconstruct(
    photos: Photo | Sequence[Photo],
    *,
    model: Reconstructor | str | Path,
    masks: Photo | Sequence[Photo] = (),
    resolution: int = RESOLUTION,
    class_name: str | None = None,
    framing: str = "auto",
    enclosed: bool = False,
) -> Reconstruction:
    """Reconstruct the object of a photograph, or of several photographs of one object.

    Several views are averaged in the embedding: the network of the object is written from their mean.

    Args:
        photos: files (PNG, JPEG, WebP, GIF, BMP, TIFF), or pixels uint8 RGBA ``[h, w, 4]``. A picture without
            transparent pixels is cut out of its ground by the colour of its border
            (:func:`hypernet.shapes.sources.photos.cut_out`).
        model: a trained method, or the path of its ``model.ckpt``.
        masks: pictures that are white where the object is, one for each photograph, instead of that rule.
        resolution: cells along a side of the cube, 4 to 512.
        class_name: the object's class, for the methods that are told it.
        framing: ``auto``, ``keep`` or ``recentre``: whether the object is brought to its place in training images.
        enclosed: whether ground that the object encloses, as between the legs of a chair, is removed too.

    Returns:
        The mesh, and all that can be made of it.

    Raises:
        UserError: a photograph, a mask or the model cannot be read, several views with a method that has no embedding,
            or the model sees nothing: its field is empty.

    Example:
        >>> chair = hypernet.shapes.reconstruct("chair.jpg", model="model.ckpt")  # doctest: +SKIP
        >>> chair.save("chair.glb"); chair.save_network("chair.npz")  # doctest: +SKIP
    """
    if not SMALLEST <= resolution <= LARGEST:
        raise UserError(f"resolution: {resolution}; accepted: {SMALLEST} to {LARGEST} cells along a side")
    photos = [photos] if isinstance(photos, Photo) else list(cast(Iterable[Photo], photos))
    masks = [masks] if isinstance(masks, Photo) else list(cast(Iterable[Photo], masks))
    reconstructor = opened(model)
    if not reconstructor.solid:
        raise UserError(f"{reconstructor.method}: gives points without an inside, of which no solid can be made")
    if len(photos) > 1 and not reconstructor.latent:
        raise UserError(f"{reconstructor.method}: has no embedding to average {len(photos)} views in; give one")
    classes = _class_numbers(reconstructor, class_name, len(photos))
    views = views_of(photos, reconstructor, masks, framing=framing, enclosed=enclosed)
    images = np.stack([view.pixels for view in views])
    embedding: np.ndarray | None = None
    familiarity: tuple[float, ...] = ()
    nearest: tuple[str, ...] = ()
    if reconstructor.latent:
        embedding = reconstructor.embedding(images).mean(axis=0)
        shape = reconstructor.field_of(embedding)
        shares, places = reconstructor.familiarity(images)
        familiarity = tuple(float(share) for share in shares)
        nearest = tuple(reconstructor.classes[int(place)] for place in places)
    else:
        (shape,) = reconstructor.fields(images, classes)
    try:
        mesh = extract(shape, resolution, start=START)
    except EmptyFieldError as error:
        names = ", ".join(view.name for view in views)
        raise EmptyFieldError(f"{names}: {reconstructor.method} sees no object there: {error}") from None
    return Reconstruction(mesh, shape, tuple(views), resolution, reconstructor, embedding, nearest, familiarity)


@dataclass(frozen=True)
class Placed:
    """A mesh in the frame and the units of a kind of file.

    Attributes:
        mesh: y up, z to the front, in ``unit``.
        unit: ``m`` or ``mm``.
        up: the axis that points up in the file.
        words: frame and units for people.
    """

    mesh: Mesh
    unit: str
    up: str
    words: str


def placed(mesh: Mesh, ending: str, size_mm: float | None = None) -> Placed:
    """A mesh of the canonical cube in the frame and the units of a kind of file.

    ``.glb`` has y up, z to the front and metres, as its standard says: 1 m on the longest side. ``.stl`` has z up, the
    front towards -y and millimetres, as programs for printing expect: 100 mm. ``.obj``, ``.ply`` and ``.off`` have no
    unit: y up, z to the front, in the coordinates of the canonical cube, or in millimetres where a size is given.

    Args:
        mesh: y up, z to the front.
        ending: of the file's name.
        size_mm: longest side of the object in millimetres instead.

    Raises:
        UserError: the size is out of range.
    """
    if size_mm is not None and not SMALLEST_MM <= size_mm <= LARGEST_MM:
        raise UserError(f"size: {size_mm:g} mm; accepted: {SMALLEST_MM:g} to {LARGEST_MM:g}")
    side = float(np.ptp(mesh.bounds, axis=0).max())
    if ending not in ASSUMED_MM and size_mm is None:
        words = f"in the canonical cube [-1, 1]³, y up, z to the front, longest side {side:.3f}"
        return Placed(mesh, "m", "y", words)
    long = ASSUMED_MM[ending] if size_mm is None else size_mm
    unit, length = ("m", long / 1000) if ending == ".glb" else ("mm", long)
    frame = "z up, front to -y" if ending == ".stl" else "y up, z to the front"
    words = f"{frame}, longest side {length:g} {unit}"
    if size_mm is None:
        words += " (assumed: a photograph says nothing of size)"
    scaled = Mesh(mesh.vertices * (length / side), mesh.triangles)
    return Placed(scaled, unit, "z" if ending == ".stl" else "y", words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet shapes reconstruct``."""
    parser.add_argument("photos", type=Path, nargs="+", help="one photograph, or several of one object")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--mask", type=Path, nargs="+", default=[], help="pictures, white where the object is: one for each photograph"
    )
    parser.add_argument(
        "--enclosed", action="store_true", help="remove ground between parts of the object too, as between legs"
    )
    parser.add_argument(
        "--framing", choices=FRAMINGS, default="auto", help="whether the object is brought to its place; default: auto"
    )
    parser.add_argument("--class", dest="class_name", help="the object's class, for methods that are told it")
    add_output_arguments(parser, "100 for stl, 1000 for glb, for others the coordinates of the cube")


def add_output_arguments(parser: argparse.ArgumentParser, size: str) -> None:
    """Declare what a reconstruction may be written as.

    Args:
        parser: of the verb.
        size: the longest side of a mesh where none is given, for people.
    """
    parser.add_argument(
        "--resolution",
        type=options.whole_number(SMALLEST, LARGEST),
        default=RESOLUTION,
        help=f"cells along a side of the cube; default: {RESOLUTION}",
    )
    parser.add_argument("--out", type=Path, help=f"the mesh: {', '.join(WRITTEN)}")
    parser.add_argument(
        "--size-mm",
        type=options.real_number(SMALLEST_MM, LARGEST_MM, f"a length from {SMALLEST_MM:g} to {LARGEST_MM:g} mm"),
        help=f"longest side of the mesh; default: {size}",
    )
    parser.add_argument("--network", type=Path, help="the object as a network: .npz or .onnx")
    parser.add_argument("--picture", type=Path, help="a picture: .png")
    parser.add_argument("--turntable", type=Path, help="the object turning: .gif")
    parser.add_argument("--page", type=Path, help="a page that turns it in the browser: .html")


def run(arguments: argparse.Namespace) -> None:
    """Reconstruct, write what was asked for, and say what it is."""
    outputs = outputs_of(arguments, [*arguments.photos, *arguments.mask, arguments.model])
    model = opened(arguments.model)
    if arguments.network is not None:
        require_network(model)
    shape = reconstruct(
        arguments.photos,
        model=model,
        masks=arguments.mask,
        resolution=arguments.resolution,
        class_name=arguments.class_name,
        framing=arguments.framing,
        enclosed=arguments.enclosed,
    )
    print(shape.summary())
    write_outputs(shape, outputs, arguments.size_mm)


def write_outputs(shape: Reconstruction, outputs: dict[str, Path], size_mm: float | None) -> None:
    """Write a reconstruction to files by option, and say what is in each."""
    writers: dict[str, Callable[[Path], str | None]] = {
        "out": lambda path: shape.save(path, size_mm),
        "network": shape.save_network,
        "picture": shape.save_picture,
        "turntable": shape.save_turntable,
        "page": shape.save_page,
    }
    for option, path in outputs.items():
        words = writers[option](path)
        print(f"{path}: {words or _kilobytes(path)}")


def outputs_of(arguments: argparse.Namespace, read: Sequence[Path]) -> dict[str, Path]:
    """The files to write by option, checked before anything is read.

    Raises:
        UserError: nothing to write, a name that cannot be written to, or one of the files that are read.
    """
    checks: dict[str, Callable[[Path], Path]] = {
        "out": lambda path: output_file(path, *WRITTEN),
        "network": network_file,
        **{content: partial(viewer.output_file, content) for content in viewer.ENDINGS},
    }
    outputs = {option: getattr(arguments, option) for option in checks}
    outputs = {option: path for option, path in outputs.items() if path is not None}
    if not outputs:
        raise UserError("nothing to write: give --out, --network, --picture, --turntable or --page")
    for option, path in outputs.items():
        try:
            checks[option](path)
        except UserError as error:
            raise UserError(f"--{option} {error}") from None
    if arguments.size_mm is not None and arguments.out is None:
        raise UserError("--size-mm: is of the mesh, which --out names")
    check_outputs(outputs.items(), read)
    return outputs


def _class_numbers(model: Reconstructor, class_name: str | None, count: int) -> np.ndarray | None:
    """The class for each photograph, where the method is told it."""
    if class_name is not None and class_name not in model.classes:
        raise UserError(f"class: {class_name}; accepted: {', '.join(model.classes)}")
    if not model.needs_class:
        if class_name is not None:
            raise UserError(f"{model.method}: sees the class by itself; leave it out")
        return None
    if class_name is None:
        raise UserError(f"{model.method}: is told the object's class; accepted: {', '.join(model.classes)}")
    return np.full(count, model.classes.index(class_name))


def require_network(model: Reconstructor) -> None:
    """Refuse a network of the object from a method that writes none."""
    if not model.generated:
        raise UserError(
            f"{model.method}: writes no network for each object; accepted: a model of a hypernetwork ({model.complete})"
        )


def _kilobytes(path: Path) -> str:
    return f"{path.stat().st_size / 1000:,.0f} kB"
