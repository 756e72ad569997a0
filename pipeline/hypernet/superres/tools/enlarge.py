"""Enlarge small images to any size: pictures, the network that is the image, a zoom into it, the spread of models."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, output_file
from hypernet.superres.names import SIZE
from hypernet.superres.sources.drawings import POLARITIES
from hypernet.superres.tools.batch import enlarge_array, enlarge_folder
from hypernet.superres.tools.deliverables import FEWEST_FRAMES, FRAME_SIZE, FRAMES, MOST_FRAMES, Enlargement, check_zoom
from hypernet.superres.tools.image_files import ARRAY, BITS, ENDINGS, MOVING
from hypernet.superres.tools.inputs import LARGE, Image, given_images
from hypernet.superres.tools.network_files import network_file
from hypernet.superres.tools.wanted import (
    ANTIALIAS,
    DEFAULT_SIZE,
    LARGEST_SCALE,
    MOST_STEPS,
    Wanted,
    check_window,
    sides_of,
    window_of,
)

if TYPE_CHECKING:
    from hypernet.superres.tools.ensemble import Ensemble, Model

# Any: who zooms asks for parts.
A_PART = (0.25, 0.25, 0.75, 0.75)


def enlarge(
    image: Image,
    *,
    model: Model | Sequence[Model] | Ensemble,
    size: int | tuple[int, int] | None = None,
    scale: float | None = None,
    window: Sequence[float] | None = None,
    antialias: str = "auto",
    polarity: str = "auto",
    from_large: str = "auto",
    largest_level: float | None = None,
    number: int | None = None,
    project: int = 0,
) -> Enlargement:
    """Enlarge a small image to any size.

    Args:
        image: a grey picture (PNG, JPEG, WebP, GIF, BMP, TIFF) of the size that the model was trained for, an array
            float in [0, 1] or uint8 ``[h, w]`` or ``[B, h, w]``, its file (.npy, or .npz with ``images``), or an IDX
            file. A digit of 28x28 or 32x32 is made small first: 28x28 with two black pixels on each side, then exact
            means over areas, as the small images of the training were made.
        model: a trained method, or the path of its ``model.ckpt``; of several, the mean.
        size: rows and columns of the result, or both at once; by default 512, or 32 of models that have no other.
        scale: pixels of the result along one of the small image, instead of ``size``.
        window: the part of the image that fills the result: its top, left, bottom and right end, in fractions of the
            image from 0 to 1.
        antialias: ``auto``: pixels larger than those of the training are means over a grid of samples; ``off``: every
            pixel is one sample.
        polarity: ``light_on_dark``, as the training's digits are; ``dark_on_light``, which is inverted for the network
            and inverted back; or ``auto``: the median of the border says which.
        from_large: which larger pictures are made small: ``auto``: digits of 28x28 and 32x32; ``as_is``: all square
            ones of 28x28 or more; ``mass``: any, whose ink is cut out and brought to the middle as MNIST's was.
        largest_level: white in an array of other numbers, such as 16.
        number: which image of several, from 0.
        project: by how many steps the image is moved until its area means come nearer to the small image; 30 bring
            most of what there is to gain (on digits like those of the training 1.4 dB of PSNR).

    Returns:
        The image, and all that can be made of it.

    Raises:
        UserError: the image or the model cannot be read, the image has another size or is in colour, or the model has
            not got the size that is asked for.

    Example:
        >>> digit = hypernet.superres.enlarge("digit.png", model="model.ckpt", size=512)  # doctest: +SKIP
        >>> digit.save("big.png"); digit.save_network("digit.json")  # doctest: +SKIP
    """
    from hypernet.superres.tools.ensemble import Ensemble

    wanted = Wanted(size, scale, window, antialias, from_large, project)
    given = given_images(image, polarity, largest_level)
    if number is None and len(given) > 1:
        raise UserError(f"{given.name}: holds {len(given):,} images; say which, from 0: number (--number)")
    ensemble = model if isinstance(model, Ensemble) else Ensemble(model)
    return Enlargement.of(given.small(number or 0, ensemble.low, from_large), ensemble, wanted)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet superres enlarge``."""
    parser.add_argument(
        "image",
        type=Path,
        help="a small grey picture or a digit of 28x28 or 32x32, .npy or .npz [B, rows, columns], IDX, or a folder of "
        "pictures",
    )
    parser.add_argument(
        "--model", type=Path, nargs="+", required=True, help="model.ckpt of a trained method; of several, their mean"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help=f"the image: {', '.join(ENDINGS)}; of a folder or of several images: a folder, or .npy of an array",
    )
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--size", type=_size, help=f"rows and columns, such as 512 or 512x300; default: {DEFAULT_SIZE}, or {SIZE}"
    )
    sizes.add_argument(
        "--scale",
        type=options.real_number(1e-3, LARGEST_SCALE, f"a number up to {LARGEST_SCALE:g}"),
        help="pixels along one of the small image, such as 4",
    )
    parser.add_argument(
        "--window",
        type=_window,
        metavar="TOP,LEFT,BOTTOM,RIGHT",
        help="the part that fills the result, in fractions of the image; default: 0,0,1,1",
    )
    parser.add_argument(
        "--antialias", choices=ANTIALIAS, default="auto", help="means of samples where pixels are coarse; default: auto"
    )
    parser.add_argument(
        "--polarity", choices=POLARITIES, default="auto", help="of the ink; default: auto, which looks at the border"
    )
    parser.add_argument(
        "--from-large",
        choices=LARGE,
        default="auto",
        help="which larger pictures are made small first: auto (28x28 and 32x32), as_is (square ones of 28x28 or "
        "more), mass (any: its ink is cut out and centred as MNIST's was); default: auto",
    )
    parser.add_argument(
        "--largest-level",
        type=options.real_number(1e-6, 1e9, "a number above 0"),
        help="white in an array of other numbers than [0, 1] or uint8, such as 16",
    )
    parser.add_argument(
        "--project",
        type=options.whole_number(0, MOST_STEPS),
        default=0,
        metavar="STEPS",
        help="move the image until it agrees better with the small one, such as 30 steps; default: 0",
    )
    parser.add_argument("--number", type=options.whole_number(0), help="which image of an array of several, from 0")
    parser.add_argument("--bits", type=int, choices=BITS, help="of a PNG or TIFF; default: 8")
    parser.add_argument(
        "--format",
        choices=[ending[1:] for ending in ENDINGS],
        help="of the files of a folder; default: png",
    )
    parser.add_argument("--spread", type=Path, help=f"standard deviation of several models: {', '.join(ENDINGS)}")
    parser.add_argument("--network", type=Path, help="the network that is the image: .json, .npz or .onnx")
    parser.add_argument(
        "--zoom", type=Path, help=f"a zoom from the whole image into the window, animated: {', '.join(MOVING)}"
    )
    parser.add_argument(
        "--frames",
        type=options.whole_number(FEWEST_FRAMES, MOST_FRAMES),
        default=FRAMES,
        help=f"of the zoom; default: {FRAMES}",
    )
    parser.add_argument(
        "--zoom-size", type=_size, default=FRAME_SIZE, help=f"rows and columns of its frames; default: {FRAME_SIZE[0]}"
    )
    parser.add_argument(
        "--threads", type=options.whole_number(1, 1024), default=1, help="CPU threads for torch; default: 1"
    )


def run(arguments: argparse.Namespace) -> None:
    """Enlarge one image, all of an array or all of a folder; write what was asked for, and say what is in it."""
    outputs = _outputs(arguments)
    from hypernet.lab.machine import use_threads
    from hypernet.superres.tools.ensemble import Ensemble

    wanted = Wanted(
        arguments.size, arguments.scale, arguments.window, arguments.antialias, arguments.from_large, arguments.project
    )
    use_threads(arguments.threads)
    image, models = arguments.image, arguments.model
    ending, bits = f".{arguments.format or 'png'}", arguments.bits or BITS[0]
    if image.is_dir():
        if arguments.number is not None or arguments.largest_level is not None:
            raise UserError(f"{image}: --number and --largest-level are of arrays, not of a folder of pictures")
        enlarge_folder(image, _out_alone(outputs, image), models, wanted, arguments.polarity, ending, bits)
        return
    check_outputs(outputs.items(), [image, *models])
    given = given_images(image, arguments.polarity, arguments.largest_level)
    several = len(given) > 1 and arguments.number is None
    if arguments.format is not None and not (several and "out" in outputs and arguments.out.suffix != ARRAY):
        raise UserError("--format: is of the files in a folder; the name of --out says it")
    if several:
        enlarge_array(given, _out_alone(outputs, image), models, wanted, ending, bits)
        return
    if "out" in outputs:
        with _option("out"):
            output_file(arguments.out, *ENDINGS)
    ensemble = Ensemble(models)
    small = given.small(arguments.number or 0, ensemble.low, arguments.from_large)
    if "network" in outputs:
        with _option("network"):
            ensemble.require_network()
    if "zoom" in outputs:
        with _option("zoom"):
            rows, columns = check_zoom(arguments.frames, arguments.zoom_size, arguments.window)
            ensemble.check_size(rows, columns, window_of(arguments.window or A_PART))
    enlargement = Enlargement.of(small, ensemble, wanted)
    writers: dict[str, Callable[[Path], str]] = {
        "out": lambda path: enlargement.save(path, bits),
        "spread": enlargement.save_spread,
        "network": enlargement.save_network,
        "zoom": lambda path: enlargement.save_zoom(path, arguments.window, arguments.frames, arguments.zoom_size),
    }
    print(enlargement.summary())
    for option, path in outputs.items():
        print(f"{path}: {writers[option](path)}")


def _out_alone(outputs: dict[str, Path], image: Path) -> Path:
    """Where several images go."""
    if list(outputs) != ["out"]:
        raise UserError(f"{image}: holds several images; accepted: --out alone, or --number with one of an array")
    return outputs["out"]


def _outputs(arguments: argparse.Namespace) -> dict[str, Path]:
    """The files to write by option, their names checked before anything is read.

    Raises:
        UserError: nothing to write, a name that cannot be written to, or what the number of models does not give.
    """
    checks: dict[str, Callable[[Path], Any]] = {
        "out": lambda path: path,
        "spread": lambda path: output_file(path, *ENDINGS),
        "network": network_file,
        "zoom": lambda path: output_file(path, *MOVING),
    }
    outputs = {option: path for option in checks if (path := getattr(arguments, option)) is not None}
    if not outputs:
        raise UserError("nothing to write: give --out, --spread, --network or --zoom")
    for option, path in outputs.items():
        with _option(option):
            checks[option](path)
    if "spread" in outputs and len(arguments.model) < 2:
        raise UserError("--spread: is of two or more models; --model names one")
    if "network" in outputs and len(arguments.model) > 1:
        raise UserError(f"--network: is of one model; --model names {len(arguments.model)}")
    if arguments.bits is not None and ("out" not in outputs or ARRAY in (arguments.out.suffix, f".{arguments.format}")):
        raise UserError("--bits: is of pictures; --out names none")
    return outputs


@contextlib.contextmanager
def _option(name: str) -> Iterator[None]:
    """Errors of this block are an option's."""
    try:
        yield
    except UserError as error:
        raise UserError(f"--{name} {error}") from None


def _size(text: str) -> tuple[int, int]:
    """Rows and columns from ``512`` or ``512x300``."""
    parts = text.lower().replace("×", "x").split("x")
    if not 1 <= len(parts) <= 2 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a size such as 512 or 512x300 (rows x columns)")
    try:
        return sides_of((int(parts[0]), int(parts[-1])))
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("size: ")) from None


def _window(text: str) -> tuple[float, ...]:
    """A window from four numbers between commas."""
    try:
        ends = tuple(float(part) for part in text[:200].split(","))
        check_window(ends)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not four numbers such as 0.25,0.25,0.5,0.5") from None
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("window: ")) from None
    return ends
