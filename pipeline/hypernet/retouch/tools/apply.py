"""Retouch photographs, folders of them and films at full size: a trained method, a saved colour map or a LUT."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, output_file

if TYPE_CHECKING:
    import numpy as np

    from hypernet.retouch.core.adjustments import Adjustments
    from hypernet.retouch.core.colour_map import ColourMap
    from hypernet.retouch.sources.image_files import Photograph
    from hypernet.retouch.tools.deliverables import Retouched
    from hypernet.retouch.tools.looks import Look
    from hypernet.retouch.trained import Retoucher

# As in core/adjustments.py, which takes a second to import: --help needs them.
MOST_STRENGTH, MOST_EXPOSURE, MOST_OF_A_SLIDER = 1.5, 3.0, 100.0
SLIDERS = {
    "exposure": "EV: brighter or darker",
    "temperature": "warmer or colder",
    "tint": "towards magenta or green",
    "contrast": "about the middle",
    "saturation": "more or less colour",
}
SMOOTHING_S, MOST_SMOOTHING_S = 0.5, 60.0
QUALITY = 95
SMALLEST_SIDE = 8
FORMATS = ("jpg", "png", "tif", "webp")
EXTRAS = {"matrix": (".json",), "lut": (".cube",), "page": (".html", ".htm")}


def apply(
    photo: str | Path | np.ndarray,
    *,
    model: Retoucher | str | Path | None = None,
    colour_map: ColourMap | str | Path | None = None,
    lut: np.ndarray | str | Path | None = None,
    strength: float = 1.0,
    adjustments: Adjustments | None = None,
    allow_fold: bool = False,
) -> Retouched:
    """Retouch a photograph at full size.

    Args:
        photo: a file, see ``read_photograph``; or sRGB-encoded pixels, uint8, uint16 or float in [0, 1], ``[H, W, 3]``.
        model: a trained method, or the path of its ``model.ckpt``; or, instead of it, one of the following.
        colour_map: a colour map, or the path of a saved one, ``look.json``.
        lut: a lattice ``[S, S, S, 3]``, or the path of a ``.cube`` file.
        strength: 0: the photograph as it is, 1: as the model says, up to 1.5: beyond it.
        adjustments: sliders, after the map.
        allow_fold: leave a map as it is that makes some brighter greys darker; otherwise its strength is reduced.

    Returns:
        The pixels, of the same type, and all that can be written of them.

    Raises:
        UserError: the photograph or what retouches it cannot be read, or a number is out of range.

    Example:
        >>> made = hypernet.retouch.apply("photo.jpg", model="model.ckpt", strength=0.8)  # doctest: +SKIP
        >>> made.save("retouched.jpg"); made.save_lut("look.cube")  # doctest: +SKIP
    """
    from hypernet.retouch.core.adjustments import Adjustments
    from hypernet.retouch.sources.image_files import read_photograph
    from hypernet.retouch.tools.deliverables import Retouched
    from hypernet.retouch.tools.looks import Recipe

    recipe = Recipe(strength, adjustments or Adjustments(), allow_fold)
    look = _look(model, colour_map, lut)
    if isinstance(photo, str | Path):
        return Retouched.of(str(photo), read_photograph(photo), look, recipe)
    return Retouched.of("photo", _of_array(photo), look, recipe)


def _look(
    model: Retoucher | str | Path | None = None,
    colour_map: ColourMap | str | Path | None = None,
    lut: np.ndarray | str | Path | None = None,
) -> Look:
    """What retouches: exactly one of these.

    Raises:
        UserError: none or several are given, or it cannot be read.
    """
    from hypernet.retouch.tools.looks import SavedLattice, SavedMap, open_look

    if sum(given is not None for given in (model, colour_map, lut)) != 1:
        raise UserError("give one of a model, a colour map and a LUT")
    if isinstance(colour_map, str | Path):
        from hypernet.retouch.sources.map_files import read_map

        return SavedMap(read_map(Path(colour_map)), Path(colour_map).name)
    if isinstance(lut, str | Path):
        from hypernet.retouch.sources.cube_files import read_cube

        return SavedLattice(read_cube(Path(lut)), Path(lut).name)
    return open_look(model, colour_map) if lut is None else SavedLattice(lut, "given")


def _of_array(pixels: np.ndarray) -> Photograph:
    """An array as a photograph.

    Raises:
        UserError: another shape or type, or numbers out of range.
    """
    import numpy as np

    from hypernet.retouch.sources.image_files import Photograph

    levels = np.asarray(pixels)
    accepted = f"accepted: uint8, uint16 or float in [0, 1], [H, W, 3], {SMALLEST_SIDE} x {SMALLEST_SIDE} or larger"
    fits = levels.ndim == 3 and levels.shape[2] == 3 and min(levels.shape[:2]) >= SMALLEST_SIDE
    if not fits or (levels.dtype.kind != "f" and levels.dtype not in (np.uint8, np.uint16)):
        raise UserError(f"photo: {levels.dtype} {list(levels.shape)}; {accepted}")
    if levels.dtype.kind == "f":
        # False too where one of them is not a number.
        if not (levels.min() >= 0 and levels.max() <= 1):
            raise UserError(f"photo: values from {levels.min():g} to {levels.max():g}; {accepted}")
        levels = levels.astype(np.float32, copy=False)
    return Photograph(levels)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet retouch apply``."""
    parser.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="photographs, folders of them, or films (mp4, mov, mkv, webm and others)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="the retouched file; of a folder or of several files a folder, in which their names are kept. Files in it "
        "are written over, inputs never",
    )
    looks = parser.add_argument_group("what retouches, one of these")
    looks.add_argument("--model", type=Path, help="model.ckpt of a trained method")
    looks.add_argument("--from-matrix", type=Path, metavar="look.json", help="a saved colour map, edited or not")
    looks.add_argument("--from-lut", type=Path, metavar="look.cube", help="a look-up table of any program")
    amounts = parser.add_argument_group("how much, and what comes after")
    amounts.add_argument(
        "--strength",
        type=options.real_number(0, MOST_STRENGTH, f"a number from 0 to {MOST_STRENGTH:g}"),
        default=1.0,
        metavar="A",
        help=f"0: as it is, 1: as the model says, up to {MOST_STRENGTH:g}; default: 1",
    )
    for name, words in SLIDERS.items():
        most = MOST_EXPOSURE if name == "exposure" else MOST_OF_A_SLIDER
        amounts.add_argument(
            f"--{name}",
            type=options.real_number(-most, most, f"a number from {-most:g} to {most:g}"),
            default=0.0,
            metavar="N",
            help=f"{words}, {-most:g} to {most:g}; default: 0",
        )
    amounts.add_argument(
        "--allow-fold",
        action="store_true",
        help="use a colour map as it is that makes some brighter greys darker; without, its strength is reduced",
    )
    more = parser.add_argument_group("more of one photograph")
    more.add_argument(
        "--matrix", type=Path, metavar="look.json", help="write its colour map, strength and sliders included"
    )
    more.add_argument(
        "--lut", type=Path, metavar="look.cube", help="write it as a LUT for Resolve, Premiere, Photoshop and ffmpeg"
    )
    more.add_argument("--page", type=Path, metavar="page.html", help="write a page before and after, with sliders")
    files = parser.add_argument_group("files")
    files.add_argument(
        "--format",
        choices=FORMATS,
        help="of the photographs in a folder; default: as they have, or tif where that is not "
        "written (HEIC, raw files)",
    )
    files.add_argument(
        "--quality",
        type=options.whole_number(1, 100),
        default=QUALITY,
        help=f"of JPEG and its like, 1 to 100; default: {QUALITY}",
    )
    files.add_argument(
        "--strip-location", action="store_true", help="leave out where it was taken: GPS and names of places"
    )
    films = parser.add_argument_group("films")
    films.add_argument(
        "--smoothing",
        type=options.real_number(0, MOST_SMOOTHING_S, f"seconds from 0 to {MOST_SMOOTHING_S:g}"),
        metavar="SECONDS",
        help=f"in which colour maps follow the film, anew at cuts; default: {SMOOTHING_S:g}",
    )
    films.add_argument("--offline", action="store_true", help="smooth forwards and backwards, without lag")
    parser.add_argument("--threads", type=options.whole_number(1, 1024), default=1, help="CPU threads; default: 1")


def run(arguments: argparse.Namespace) -> None:
    """Retouch what was given; write what was asked for, and say what became of it."""
    inputs, source, extras = arguments.inputs, _source(arguments), _extras(arguments)
    from hypernet.retouch.tools.inputs import Task, is_film, tasks

    films = [path for path in inputs if is_film(path)]
    if extras and (films or len(inputs) > 1 or inputs[0].is_dir()):
        raise UserError(f"--{next(iter(extras))}: is of one photograph")
    if not films and (arguments.smoothing is not None or arguments.offline):
        raise UserError("--smoothing, --offline: are of films; none is given")
    if films and arguments.from_lut is not None:
        raise UserError(f"--from-lut: is of photographs; on films ffmpeg puts it: -vf lut3d={arguments.from_lut.name}")
    ending = None if arguments.format is None else f".{arguments.format}"
    work, notes = ([], []) if arguments.out is None else tasks(inputs, arguments.out, ending)
    if extras:
        work = [Task(inputs[0], dict(work[0].outputs if work else {}) | extras)]
    if not work:
        raise UserError("nothing to write: give --out, --matrix, --lut or --page")
    outputs = [item for task in work for item in task.outputs.items()]
    check_outputs(outputs, [*(task.path for task in work), *source.values()])
    from hypernet.lab.machine import use_threads
    from hypernet.retouch.core.adjustments import Adjustments
    from hypernet.retouch.tools.batch import retouch_all
    from hypernet.retouch.tools.looks import Recipe, require_map

    use_threads(arguments.threads)
    sliders = Adjustments(**{name: getattr(arguments, name) for name in SLIDERS})
    recipe, look = Recipe(arguments.strength, sliders, arguments.allow_fold), _look(**source)
    if extras:
        require_map(look)
    for note in notes:
        print(note)
    picture_options = {"strip_location": arguments.strip_location, "quality": arguments.quality}
    film_options = {"strip_location": arguments.strip_location, "offline": arguments.offline}
    if arguments.smoothing is not None:
        film_options["smoothing_s"] = arguments.smoothing
    retouch_all(work, look, recipe, picture_options, film_options)


def _source(arguments: argparse.Namespace) -> dict[str, Path]:
    """What retouches, by the argument of ``apply``.

    Raises:
        UserError: none or several are given.
    """
    given = {"model": arguments.model, "colour_map": arguments.from_matrix, "lut": arguments.from_lut}
    source = {name: path for name, path in given.items() if path is not None}
    if len(source) != 1:
        raise UserError("give one of --model, --from-matrix and --from-lut: what retouches")
    return source


def _extras(arguments: argparse.Namespace) -> dict[str, Path]:
    """What is to be written beside the photograph, by option.

    Raises:
        UserError: a name that cannot be written to.
    """
    extras = {option: path for option in EXTRAS if (path := getattr(arguments, option)) is not None}
    for option, path in extras.items():
        try:
            output_file(path, *EXTRAS[option])
        except UserError as error:
            raise UserError(f"--{option} {error}") from None
    return extras
