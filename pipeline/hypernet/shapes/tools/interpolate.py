"""From one object to another: a strip of the shapes between two photographs, in the embedding or in the weights."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, output_file
from hypernet.shapes.core.extraction import LARGEST, SMALLEST, EmptyFieldError, Field, extract
from hypernet.shapes.core.frames import INNER
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.mesh_files import write_mesh
from hypernet.shapes.tools import viewer
from hypernet.shapes.tools.inputs import FRAMINGS, Photo, View, opened, views_of

if TYPE_CHECKING:
    from hypernet.shapes.trained import Reconstructor

SPACES = ("embedding", "theta")
STEPS, MOST_STEPS = 8, 64
RESOLUTION, START = 96, 48
# Pixels of a picture in the strip, and of the line of text below it.
TILE, LINE = 180, 22
INK = (60, 60, 60)
# Theta halfway may be this far from the mean of both ends, as a share of their largest difference.
AFFINE = 1e-3


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Shapes between two photographs, as ``interpolate`` makes them.

    Attributes:
        shares: of the second object, ``[steps]``, 0 to 1.
        meshes: of the canonical cube; None where the field between the two has no surface.
        within: ``embedding`` or ``theta``.
        views: the two photographs as the network saw them.
        affine: whether theta halfway is the mean of the thetas at both ends, so that both ways are the same; None for
            methods that write no network.
    """

    shares: np.ndarray
    meshes: tuple[Mesh | None, ...]
    within: str
    views: tuple[View, ...]
    affine: bool | None

    def __repr__(self) -> str:
        names = " to ".join(Path(view.name).name for view in self.views)
        return f"Interpolation({names}, {len(self.meshes)} steps in the {self.within})"

    def strip(self) -> np.ndarray:
        """The photographs with the shapes between them, uint8 RGB ``[h, w, 3]``, each share written below."""
        from PIL import Image, ImageDraw

        first, second = (_enlarged(view.pixels) for view in self.views)
        shapes = [
            np.zeros((TILE, TILE, 4), np.uint8) if mesh is None else viewer.view(mesh, TILE) for mesh in self.meshes
        ]
        row = viewer.on_ground(np.concatenate([first, *shapes, second], axis=1))
        picture = Image.new("RGB", (row.shape[1], TILE + LINE), viewer.BACKGROUND)
        picture.paste(Image.fromarray(row), (0, 0))
        draw = ImageDraw.Draw(picture)
        words = ["first", *(f"{share:.2f}" for share in self.shares), "second"]
        for number, text in enumerate(words):
            missing = 0 < number <= len(self.meshes) and self.meshes[number - 1] is None
            place = (TILE * (number + 0.5), TILE + LINE / 2)
            draw.text(place, f"{text} (empty)" if missing else text, fill=INK, anchor="mm")
        return np.asarray(picture)

    def save(self, path: str | Path) -> None:
        """Write the strip, ``.png``."""
        viewer.write_image(output_file(path, ".png"), self.strip())

    def save_meshes(self, folder: str | Path) -> list[Path]:
        """Write ``step<k>.glb`` for every shape that is not empty, all to one scale: y up, the inner cube 1 m wide.

        Raises:
            UserError: the folder is a file, or holds something.
        """
        folder, written = _new_folder(folder), []
        for number, mesh in enumerate(self.meshes):
            if mesh is not None:
                path = folder / f"step{number:02d}.glb"
                folder.mkdir(parents=True, exist_ok=True)
                write_mesh(path, Mesh(mesh.vertices / (2 * INNER), mesh.triangles))
                written.append(path)
        return written

    def summary(self) -> str:
        """What was done to the photographs, and the volume of each shape."""
        lines = [f"{view.name}: {'; '.join(view.notes)}" for view in self.views]
        volumes = ", ".join("empty" if mesh is None else f"{mesh.volume:.3f}" for mesh in self.meshes)
        lines.append(f"{len(self.shares)} steps in the {self.within}; volumes in the cube of 8: {volumes}")
        if self.affine:
            lines.append("theta is an affine function of the embedding in this model: both ways are the same")
        return "\n".join(lines)


def interpolate(
    first: Photo,
    second: Photo,
    *,
    model: Reconstructor | str | Path,
    steps: int = STEPS,
    within: str = "embedding",
    resolution: int = RESOLUTION,
    masks: Sequence[Photo] = (),
    framing: str = "auto",
    enclosed: bool = False,
) -> Interpolation:
    """Shapes between the objects of two photographs.

    In the embedding e the weights of each shape are written from (1 - t) e_A + t e_B; in theta the weights themselves
    are mixed. Where theta is an affine function of e, as with dense heads and no activation before them, the two are
    one: H ((1 - t) e_A + t e_B) + θ_0 = (1 - t) θ_A + t θ_B. The summary says where it is so.

    Args:
        first: a photograph; see ``reconstruct``.
        second: another one.
        model: a trained method, or the path of its ``model.ckpt``.
        steps: number of shapes, the ends among them: t = 0, 1 / (steps - 1), ..., 1.
        within: ``embedding``, or ``theta`` for a method that writes a network for each object.
        resolution: cells along a side of the cube.
        masks: none, or one for each photograph; as for ``reconstruct``.
        framing: as for ``reconstruct``.
        enclosed: as for ``reconstruct``.

    Returns:
        The shapes.

    Raises:
        UserError: a photograph or the model cannot be read, the method has no embedding or no theta, or all shapes are
            empty.
    """
    if within not in SPACES:
        raise UserError(f"within: {within!r}; accepted: {', '.join(SPACES)}")
    if not 2 <= steps <= MOST_STEPS:
        raise UserError(f"steps: {steps}; accepted: 2 to {MOST_STEPS}")
    reconstructor = opened(model)
    if within == "theta" and not reconstructor.generated:
        raise UserError(f"{reconstructor.method}: writes no network for each object; accepted: --in embedding")
    if not reconstructor.latent:
        raise UserError(f"{reconstructor.method}: has no embedding to interpolate in")
    views = tuple(views_of((first, second), reconstructor, masks, framing=framing, enclosed=enclosed))
    ends = reconstructor.embedding(np.stack([view.pixels for view in views]))
    affine = None
    if reconstructor.generated:
        first_theta, second_theta, halfway = reconstructor.theta(np.stack([*ends, ends.mean(axis=0)]))
        mean = (first_theta + second_theta) / 2
        affine = bool(np.abs(halfway - mean).max() <= AFFINE * np.abs(second_theta - first_theta).max())
        if within == "theta":
            ends = np.stack([first_theta, second_theta])
    shares = np.linspace(0, 1, steps)
    meshes = []
    for share in shares:
        mixed = ((1 - share) * ends[0] + share * ends[1]).astype(np.float32)
        meshes.append(_mesh(_field(reconstructor, mixed, within), resolution))
    if not any(mesh is not None for mesh in meshes):
        names = " to ".join(view.name for view in views)
        raise EmptyFieldError(f"{names}: {reconstructor.method} sees no object in any of {steps} steps")
    return Interpolation(shares, tuple(meshes), within, views, affine)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet shapes interpolate``."""
    parser.add_argument("first", type=Path, help="a photograph")
    parser.add_argument("second", type=Path, help="another one")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--steps",
        type=options.whole_number(2, MOST_STEPS),
        default=STEPS,
        help=f"number of shapes, with the ends; default: {STEPS}",
    )
    parser.add_argument(
        "--in", dest="within", choices=SPACES, default=SPACES[0], help="what is mixed; default: embedding"
    )
    parser.add_argument("--mask", type=Path, nargs=2, default=(), help="pictures, white where the object is")
    parser.add_argument("--enclosed", action="store_true", help="as for reconstruct")
    parser.add_argument("--framing", choices=FRAMINGS, default="auto", help="as for reconstruct; default: auto")
    parser.add_argument(
        "--resolution",
        type=options.whole_number(SMALLEST, LARGEST),
        default=RESOLUTION,
        help=f"cells along a side of the cube; default: {RESOLUTION}",
    )
    parser.add_argument("--out", type=Path, required=True, help="the strip: .png")
    parser.add_argument("--meshes", type=Path, help="a new folder for the shapes: step<k>.glb")


def run(arguments: argparse.Namespace) -> None:
    """Interpolate, write the strip and the meshes, and say what was done."""
    try:
        output_file(arguments.out, ".png")
    except UserError as error:
        raise UserError(f"--out {error}") from None
    check_outputs([("out", arguments.out)], [arguments.first, arguments.second, arguments.model, *arguments.mask])
    if arguments.meshes is not None:
        try:
            _new_folder(arguments.meshes)
        except UserError as error:
            raise UserError(f"--meshes {error}") from None
    between = interpolate(
        arguments.first,
        arguments.second,
        model=arguments.model,
        steps=arguments.steps,
        within=arguments.within,
        resolution=arguments.resolution,
        masks=arguments.mask,
        framing=arguments.framing,
        enclosed=arguments.enclosed,
    )
    between.save(arguments.out)
    print(f"{between.summary()}\nstrip: {arguments.out}")
    if arguments.meshes is not None:
        written = between.save_meshes(arguments.meshes)
        print(f"{len(written)} meshes, y up, one scale (the inner cube is 1 m wide): {arguments.meshes}")


def _field(model: Reconstructor, mixed: np.ndarray, within: str) -> Field:
    from hypernet.shapes.core.decoder import field_of_network

    return model.field_of(mixed) if within == "embedding" else field_of_network(model.network_of(mixed))


def _mesh(shape: Field, resolution: int) -> Mesh | None:
    try:
        return extract(shape, resolution, start=START)
    except EmptyFieldError:
        return None


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    """A photograph at the size of the strip, its pixels as they are."""
    from PIL import Image

    picture = Image.fromarray(pixels).convert("RGBa").resize((TILE, TILE), Image.Resampling.NEAREST)
    return np.asarray(picture.convert("RGBA"))


def _new_folder(folder: str | Path) -> Path:
    """A folder to be made, or an empty one."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder}: holds files already; name a new folder")
    return folder
