"""Old glass plates: three separations on one scan become one colour photograph, aligned and retouched."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, check_outputs, output_file

if TYPE_CHECKING:
    import numpy as np

    from hypernet.retouch.core.colour_map import ColourMap
    from hypernet.retouch.core.separations import Alignment, Box
    from hypernet.retouch.sources.image_files import Photograph
    from hypernet.retouch.trained import Retoucher

ORDERS = ("BGR", "RGB", "BRG", "RBG", "GBR", "GRB")
MOST_STRENGTH, MOST_REACH = 1.5, 0.25
COMPARISONS = (".png",)
# Edges of unrelated pictures agree to 0.1, and seldom to 0.26; those of 18 scans of plates to 0.44 and more.
NO_SCENE, UNSURE = 0.2, 0.35
# Channels of a grey scan differ by no more than so much of white, in all but a hundredth of the pixels.
NEARLY_GREY = 0.04
# Rows of the pictures that are compared: more cannot be told apart.
COMPARED_ROWS = 900


@dataclass(frozen=True, eq=False)
class Plates:
    """What has become of a scan.

    Attributes:
        pixels: the colour picture, uint8 or uint16 ``[h, w, 3]``: retouched where there is a model.
        aligned: the same before it was retouched.
        alignments: of ``G`` and ``R``: shifts (rows, columns) in pixels of the scan, and how edges agree.
        box: what was kept of the blue plate.
        size: rows and columns of a plate.
        colour_map: what retouched it; None without a model.
        notes: what a person should know, a sentence each.
        separations: the plates, views of the scan.
    """

    pixels: np.ndarray
    aligned: np.ndarray
    alignments: Mapping[str, Alignment]
    box: Box
    size: tuple[int, int]
    colour_map: ColourMap | None
    notes: tuple[str, ...]
    separations: Mapping[str, np.ndarray] = dataclasses.field(repr=False)

    @property
    def shifts(self) -> dict[str, tuple[int, int]]:
        """Of ``G`` and ``R``, rows and columns of the scan, down and to the right."""
        return {name: alignment.shift for name, alignment in self.alignments.items()}

    @property
    def agreement(self) -> dict[str, tuple[float, float]]:
        """Of ``G`` and ``R`` with ``B``: correlation of edges before and after, 1 at best."""
        return {name: (alignment.before, alignment.after) for name, alignment in self.alignments.items()}

    def summary(self) -> str:
        """Shifts, what was cropped, and notes, a line each."""
        lines = [f"{name}: {_moves(alignment)}" for name, alignment in self.alignments.items()]
        rows, columns = self.size
        top, foot, left, right = self.box.top, rows - self.box.bottom, self.box.left, columns - self.box.right
        if top or foot or left or right:
            lines.append(f"cropped: {top} rows at the top, {foot} at the foot; {left} columns left, {right} right")
        return "\n".join([*lines, *self.notes])

    def save_comparison(self, path: str | Path) -> None:
        """Draw the plates as they lie, aligned, and retouched, side by side (.png).

        Raises:
            UserError: another ending.
        """
        path = output_file(path, *COMPARISONS)
        from hypernet.lab.results.figures import use_style
        from hypernet.retouch.core.separations import stack

        use_style()
        import matplotlib.pyplot as plt

        pictures = {"plates as they lie": stack(self.separations, {}), "aligned": self.aligned}
        if self.colour_map is not None:
            pictures["retouched"] = self.pixels
        figure, axes = plt.subplots(1, len(pictures), figsize=(4.5 * len(pictures), 4.6), layout="constrained")
        for ax, (title, pixels) in zip(axes, pictures.items(), strict=True):
            ax.imshow(_reduced(pixels))
            ax.set_title(title)
            ax.axis("off")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Software": None})
        plt.close(figure)


def plates(
    scan: str | Path | np.ndarray,
    *,
    out: str | Path | None = None,
    model: Retoucher | str | Path | None = None,
    strength: float = 1.0,
    order: str = "BGR",
    crop: bool = True,
    reach: float | None = None,
) -> Plates:
    """Make one colour photograph of three separations on a scan, as S. Prokudin-Gorskii exposed them about 1910.

    Green and red are moved onto blue by whole pixels, to where edges agree best; parts of a pixel brought little (the
    agreement rises by 0.02 on average on small scans). Turned or stretched plates are not bent: what remains is said.

    Args:
        scan: a grey scan with three plates from top to bottom, 8 or 16 bits; or its levels, uint8 or uint16 ``[H, W]``.
        out: write the photograph here, with 16 bits where the scan has them and the format can (.png, .tif).
        model: a trained method that makes colour maps, or the path of its ``model.ckpt``; None: aligned only.
        strength: of the colour map, from 0 (aligned only) to 1.5.
        order: the filters of the plates from top to bottom.
        crop: leave out the black and white frames, and what not all three plates cover.
        reach: how far is searched, as a share of the rows and the columns of a plate; None: 0.08.

    Returns:
        The photograph, and all that is known of how it came about.

    Raises:
        UserError: the scan or the model cannot be read, or it is no scan of three plates.

    Example:
        >>> colour = hypernet.retouch.plates("scan.tif", out="colour.tif", model="model.ckpt")  # doctest: +SKIP
        >>> colour.shifts  # doctest: +SKIP
        {'G': (57, 24), 'R': (124, -13)}
    """
    if sorted(order) != sorted("RGB"):
        raise UserError(f"order: {order!r}; accepted: {', '.join(ORDERS)}")
    if not 0 <= strength <= MOST_STRENGTH:
        raise UserError(f"strength: {strength}; accepted: 0 to {MOST_STRENGTH}")
    if reach is not None and not 0 < reach <= MOST_REACH:
        raise UserError(f"reach: {reach}; accepted: above 0, up to {MOST_REACH}")
    if out is not None:
        from hypernet.retouch.sources.image_files import WRITTEN_ENDINGS

        if Path(out).suffix.lower() not in WRITTEN_ENDINGS:
            raise UserError(f"{out}: the name must end in {' or '.join(WRITTEN_ENDINGS)}")
        check_outputs([("out", Path(out))], [Path(given) for given in (scan, model) if isinstance(given, str | Path)])
    photograph, name, levels, notes = _levels(scan)
    made = _colour(name, levels, notes, order, crop, reach)
    if model is not None:
        made = _retouched(made, model, strength)
    return made if out is None else _written(Path(out), photograph, made)


def _levels(scan: str | Path | np.ndarray) -> tuple[Photograph | None, str, np.ndarray, list[str]]:
    """A scan's file where there is one, its name for messages, its levels, uint8 or uint16 ``[H, W]``, and notes."""
    import numpy as np

    from hypernet.retouch.sources.image_files import read_photograph

    if not isinstance(scan, str | Path):
        levels = np.asarray(scan)
        if levels.dtype not in (np.uint8, np.uint16) or levels.ndim != 2 or not levels.size:
            raise UserError(f"scan: {levels.dtype} {list(levels.shape)}; accepted: uint8 or uint16 [H, W]")
        return None, "scan", levels, []
    photograph = read_photograph(scan)
    # That it is grey is what makes it a scan of plates.
    pixels, notes = photograph.pixels, [note for note in photograph.notes if not note.startswith("grey:")]
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(pixels, 0, 1) * np.float32(65535)).astype(np.uint16)
        notes.append("its colours are converted to sRGB, and written as that")
    levels = pixels[..., 1]
    if (pixels != levels[..., None]).any():
        spread = pixels.max(axis=2) - pixels.min(axis=2)
        apart = spread > NEARLY_GREY * np.iinfo(pixels.dtype).max
        if apart.mean() > 0.01:
            raise UserError(
                f"{scan}: already in colour ({apart.mean():.0%} of its pixels are not grey); accepted: a grey scan of "
                "three plates, one above the other"
            )
        notes.append("nearly grey: its green channel is used")
    if photograph.opacity is not None:
        notes.append("opacity is left out")
    return photograph, str(scan), np.ascontiguousarray(levels), notes


def _colour(name: str, levels: np.ndarray, notes: list[str], order: str, crop: bool, reach: float | None) -> Plates:
    """The aligned picture of a scan.

    Raises:
        UserError: it is no scan of three plates.
    """
    from hypernet.retouch.core.separations import FEWEST_PIXELS, REACH, Box, align, picture, split, stack

    reach = REACH if reach is None else reach
    height, width = levels.shape
    if width > height:
        raise UserError(
            f"{name}: {width} x {height} pixels, wider than high; accepted: three plates one above the other (turn a "
            "scan on which they lie side by side)"
        )
    separations = split(levels, order)
    size = (height // 3, width)
    if min(size) < FEWEST_PIXELS:
        raise UserError(
            f"{name}: plates of {width} x {size[0]} pixels; accepted: {FEWEST_PIXELS} x {FEWEST_PIXELS} and more"
        )
    notes = list(notes)
    if height % 3:
        left_out = "last row is" if height % 3 == 1 else "last two rows are"
        notes.append(f"{height} rows do not make three equal plates: the {left_out} left out")
    alignments = align(separations, reach)
    best = max(alignment.after for alignment in alignments.values())
    if best < NO_SCENE:
        raise UserError(
            f"{name}: its upper, middle and lower third show no common scene (edges agree to {best:.2f} at best, those "
            "of plates to 0.4 and more); accepted: a scan of three plates, one above the other"
        )
    for channel, alignment in alignments.items():
        if alignment.on_edge:
            notes.append(
                f"warning: the best shift of {channel} lies on the edge of the search; look at the picture, or search "
                f"farther: reach (--reach) {min(2 * reach, MOST_REACH):g}"
            )
        if alignment.after < UNSURE:
            notes.append(f"warning: {channel} agrees with B to {alignment.after:.2f} only; look at the picture")
    shifts = {channel: alignment.shift for channel, alignment in alignments.items()}
    box = picture(separations, shifts) if crop else Box(0, 0, *size)
    if min(box.bottom - box.top, box.right - box.left) < FEWEST_PIXELS // 2:
        raise UserError(
            f"{name}: hardly anything is covered by all three plates and inside their frames; try --no-crop"
        )
    aligned = stack(separations, shifts)[box.slices]
    return Plates(aligned, aligned, alignments, box, size, None, tuple(notes), separations)


def _retouched(made: Plates, model: Retoucher | str | Path, strength: float) -> Plates:
    """The same picture through the colour map that a model makes of it."""
    from hypernet.retouch.core.pixels import apply_maps, brightest
    from hypernet.retouch.trained import open_model

    retoucher = open_model(model) if isinstance(model, str | Path) else model
    colour_map = retoucher.colour_map(made.aligned).at_strength(strength)
    notes = [*made.notes, f"retouched: {retoucher.method}, {retoucher.title}, strength {strength:g}"]
    colour_map, kept = colour_map.unfolded(brightest(made.aligned))
    if kept < 1:
        notes.append(
            f"warning: the colour map would make a brighter grey darker than a darker one; it is used at {kept:g} of "
            "its strength"
        )
    pixels = apply_maps(made.aligned, [colour_map])
    return dataclasses.replace(made, pixels=pixels, colour_map=colour_map, notes=tuple(notes))


def _written(path: Path, photograph: Photograph | None, made: Plates) -> Plates:
    """Write the picture, with what the scan's file says of itself; the notes say what was lost."""
    from hypernet.retouch.sources.image_files import Photograph, write_photograph

    photograph = photograph or Photograph(made.pixels)
    # The levels are sRGB's by now, of whatever profile the scan was.
    profile = None if photograph.is_wide else photograph.profile
    bits = 8 * made.pixels.dtype.itemsize
    colour = dataclasses.replace(
        photograph, pixels=made.pixels, opacity=None, profile=profile, bits=bits, original=None
    )
    return dataclasses.replace(made, notes=(*made.notes, *write_photograph(path, colour)))


def _moves(alignment: Alignment) -> str:
    """A shift in words."""
    rows, columns = alignment.shift
    residual = f"{alignment.residual:.1f} pixels" if not math.isnan(alignment.residual) else "an unknown distance"
    return (
        f"moved {abs(rows)} {'up' if rows < 0 else 'down'}, {abs(columns)} {'left' if columns < 0 else 'right'}; its "
        f"edges agree with B's to {alignment.after:.2f} (before: {alignment.before:.2f}); parts remain {residual} apart"
    )


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """For a screen: 8 bits, at most so many rows, means over areas."""
    import numpy as np

    step = -(-len(pixels) // COMPARED_ROWS)
    rows, columns = (side // step * step for side in pixels.shape[:2])
    blocks = pixels[:rows, :columns].reshape(rows // step, step, columns // step, step, 3)
    return np.rint(blocks.mean(axis=(1, 3)) * (255 / np.iinfo(pixels.dtype).max)).astype(np.uint8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet retouch plates``."""
    parser.add_argument("scan", type=Path, help="a grey scan of three plates, one above the other: 8 or 16 bits")
    parser.add_argument(
        "--out", type=Path, required=True, help="the colour photograph; of 16 bits where the scan is, as .png or .tif"
    )
    parser.add_argument("--model", type=Path, help="model.ckpt of a trained method; default: none, aligned only")
    parser.add_argument(
        "--strength",
        type=options.real_number(0, MOST_STRENGTH, f"a number from 0 to {MOST_STRENGTH}"),
        help="of the retouching, from 0 to 1.5; default: 1",
    )
    parser.add_argument(
        "--order", choices=ORDERS, default="BGR", help="filters of the plates from top to bottom; default: BGR"
    )
    parser.add_argument("--no-crop", action="store_true", help="keep the frames, and what not all three plates cover")
    parser.add_argument(
        "--reach",
        type=options.real_number(1e-3, MOST_REACH, f"a number above 0, up to {MOST_REACH}"),
        help="how far shifts are searched, as a share of a plate's sides; default: 0.08",
    )
    parser.add_argument(
        "--before-after", type=Path, help="plates as they lie, aligned and retouched, side by side: .png"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the colour photograph of a scan, and say how it came about."""
    scan, out, model = arguments.scan, arguments.out, arguments.model
    inputs = [scan, *([model] if model is not None else [])]
    check_outputs([("out", out), ("before-after", arguments.before_after)], inputs)
    if arguments.before_after is not None:
        output_file(arguments.before_after, *COMPARISONS)
    if model is None and arguments.strength is not None:
        raise UserError("--strength: is of a model's retouching; --model names none")
    strength = 1.0 if arguments.strength is None else arguments.strength
    made = plates(
        scan,
        out=out,
        model=model,
        strength=strength,
        order=arguments.order,
        crop=not arguments.no_crop,
        reach=arguments.reach,
    )
    print(made.summary())
    rows, columns = made.pixels.shape[:2]
    print(f"{out}: {columns} x {rows} pixels")
    if arguments.before_after is not None:
        made.save_comparison(arguments.before_after)
        print(f"{arguments.before_after}: before and after")
