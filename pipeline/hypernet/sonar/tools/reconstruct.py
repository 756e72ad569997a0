"""`hypernet sonar reconstruct`: a mesh, a network or a page from an echo."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.shapes.core.extraction import EmptyFieldError, extract
from hypernet.shapes.tools.inputs import View
from hypernet.shapes.tools.reconstruct import (
    LARGEST,
    RESOLUTION,
    SMALLEST,
    START,
    add_output_arguments,
    outputs_of,
    require_network,
    write_outputs,
)
from hypernet.shapes.tools.reconstruct import Reconstruction as ShapeReconstruction
from hypernet.sonar.sources.echo_files import EchoRecord
from hypernet.sonar.tools.fitted import LEVELS, Fitted, fitted
from hypernet.sonar.trained import Listener, open_model

# An echo is farther from all of the training than 99 % of held-out ones are.
FAMILIAR = 1.0
# A file begins this long before or after its call at most.
LATEST_S = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction(ShapeReconstruction):
    """An object made from an echo; see ``hypernet.shapes.Reconstruction``. Sizes in files are those of the training."""

    model: Listener
    heard: Fitted

    def save(self, path: str | Path, size_mm: float | None = None) -> str:
        """As of shapes; without a size the longest side is what the training's objects had."""
        return super().save(path, 1e3 * self.model.scene.size_m if size_mm is None else size_mm)

    def _lines(self) -> Iterator[str]:
        scene, heard = self.model.scene, self.heard
        yield f"{heard.name}: {'; '.join(heard.notes) or 'taken as it is'}"
        for warning in heard.warnings:
            yield f"warning: {heard.name}: {warning}"
        for share, name in zip(self.familiarity, self.nearest_classes, strict=True):
            if share > FAMILIAR:
                yield f"warning: {heard.name}: {_unlike(share, name)}"
            else:
                yield f"{heard.name}: nearest to echoes of the class {name} ({share:.0%} of the familiar range)"
        yield (
            f"assumed, as in the training: longest side {scene.size_m:g} m, bat {scene.range_m:g} m away, "
            f"{scene.elevation_deg:g} degrees above, up to {scene.azimuth_range_deg:g} to either side of the front"
        )
        yield f"{self.model.method}, grid of {self.resolution}³ in the cube"


def reconstruct(
    echo: EchoRecord | str | Path,
    *,
    model: Listener | str | Path,
    resolution: int = RESOLUTION,
    pose: int = 0,
    start_s: float | None = None,
    full_scale_pa: float | None = None,
    level: str = "file",
    time_expansion: float | None = None,
) -> Reconstruction:
    """Reconstruct the object that an echo came from.

    Args:
        echo: ``.nc`` or ``.wav`` as ``hypernet sonar simulate`` writes it, a recorder's WAV of two ears, or a record.
        model: a trained method, or the path of its ``model.ckpt``.
        resolution: cells along a side of the cube, 4 to 512.
        pose: which of the file's poses, for methods that hear one pair.
        start_s: time of the first sample after the call began, where the file does not say it.
        full_scale_pa: pressure of a sample of size 1, where the file does not say it.
        level: ``file``, or ``match``: brought to the level of the training's echoes.
        time_expansion: how many times slower a .wav file plays, where the file does not say it.

    Raises:
        UserError: the echo or the model cannot be read, they do not fit, or the model hears no object.

    Example:
        >>> shape = hypernet.sonar.reconstruct("echo.nc", model="model.ckpt")  # doctest: +SKIP
        >>> shape.save("shape.glb")  # doctest: +SKIP
    """
    if not SMALLEST <= resolution <= LARGEST:
        raise UserError(f"resolution: {resolution}; accepted: {SMALLEST} to {LARGEST} cells along a side")
    if start_s is not None and not abs(start_s) <= LATEST_S:
        raise UserError(f"start_s: {start_s:g}; accepted: seconds from -{LATEST_S:g} to {LATEST_S:g}")
    if full_scale_pa is not None and not 0 < full_scale_pa < math.inf:
        raise UserError(f"full_scale_pa: {full_scale_pa:g}; accepted: a pressure in Pa above 0")
    listener = model if isinstance(model, Listener) else open_model(model)
    heard = fitted(echo, listener, pose, start_s, full_scale_pa, level, time_expansion)
    embedding: np.ndarray | None = None
    shares: tuple[float, ...] = ()
    nearest: tuple[str, ...] = ()
    if listener.latent:
        embedding = listener.embedding(heard.echoes)[0]
        shape = listener.field_of(embedding)
        distances, places = listener.familiarity(heard.echoes)
        shares, nearest = (float(distances[0]),), (listener.classes[int(places[0])],)
    else:
        (shape,) = listener.fields(heard.echoes)
    try:
        mesh = extract(shape, resolution, start=START)
    except EmptyFieldError as error:
        # What may be why.
        unlike = [_unlike(*pair) for pair in zip(shares, nearest, strict=True) if pair[0] > FAMILIAR]
        reasons = "".join(f"; {warning}" for warning in (*heard.warnings, *unlike))
        raise EmptyFieldError(f"{heard.name}: {listener.method} hears no object there: {error}{reasons}") from None
    view = View(heard.name, np.zeros((0, 0, 4), dtype=np.uint8), heard.notes)
    return Reconstruction(mesh, shape, (view,), resolution, listener, embedding, nearest, shares, heard)


def _unlike(share: float, name: str) -> str:
    """That an echo is far from all of the training."""
    return (
        f"unlike any echo it was trained on ({math.ceil(100 * share):,}% of the familiar range, in which 99 % of "
        f"held-out echoes are; nearest: {name})"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet sonar reconstruct``."""
    parser.add_argument("echo", type=Path, help="a .nc or .wav file: two ears, the left one first")
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument("--pose", type=options.whole_number(0, 1000), default=0, help="of the file; default: 0")
    parser.add_argument(
        "--start-ms",
        type=options.real_number(-1e3 * LATEST_S, 1e3 * LATEST_S, "a time in ms"),
        help="of the first sample after the call began, where the file does not say it",
    )
    parser.add_argument(
        "--full-scale-pa",
        type=options.real_number(1e-9, 1e6, "a pressure in Pa"),
        help="pressure of a sample of size 1, where the file does not say it",
    )
    parser.add_argument(
        "--level", choices=LEVELS, default="file", help="match: bring it to the level of the training's echoes"
    )
    parser.add_argument(
        "--time-expansion",
        type=options.real_number(1e-3, 100, "a factor of up to 100"),
        help="how many times slower the .wav file plays, such as 10",
    )
    add_output_arguments(parser, "that of the training's objects")


def run(arguments: argparse.Namespace) -> None:
    """Reconstruct, write what was asked for, and say what it is."""
    outputs = outputs_of(arguments, [arguments.echo, arguments.model])
    model = open_model(arguments.model)
    if arguments.network is not None:
        require_network(model)
    shape = reconstruct(
        arguments.echo,
        model=model,
        resolution=arguments.resolution,
        pose=arguments.pose,
        start_s=None if arguments.start_ms is None else arguments.start_ms / 1e3,
        full_scale_pa=arguments.full_scale_pa,
        level=arguments.level,
        time_expansion=arguments.time_expansion,
    )
    print(shape.summary())
    write_outputs(shape, outputs, arguments.size_mm)
