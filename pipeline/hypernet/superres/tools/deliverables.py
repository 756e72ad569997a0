"""An enlarged image and all that can be written of it: a picture, a spread, the network that it is, a zoom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import output_file
from hypernet.lab.inputs.pictures import told
from hypernet.superres.tools.image_files import ARRAY, ENDINGS, MOVING, write_animation, write_image
from hypernet.superres.tools.inputs import SmallImage
from hypernet.superres.tools.network_files import write_network
from hypernet.superres.tools.wanted import Wanted, require_distinct, sides_of, window_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hypernet.superres.tools.ensemble import Ensemble

FRAMES, FEWEST_FRAMES, MOST_FRAMES = 60, 2, 1000
FRAME_SIZE = (256, 256)
# Of all frames together: they are in memory until the file is written.
MOST_FRAME_PIXELS = 2**27
FRAME_MS, FIRST_MS, LAST_MS = 50, 500, 1500
# Of the grid on which the stroke's edge is looked for.
LOOKED_AT = 64
# Every one of 1,000 held-out digits agrees to 19 dB or more with what hypernetwork, FiLM, ESPCN and interpolation make
# of it; digits of another collection (UCI), which fill the frame, to 7 to 13 with what the hypernetwork does.
FAMILIAR_DB = 18.0
# A standard deviation that is white in a picture of the spread.
WHITE_SPREAD = 0.5


@dataclass(frozen=True, eq=False)
class Enlargement:
    """A small image at another size, as ``enlarge`` makes it; ``save`` and its like write it.

    Attributes:
        name: of the small image's file, and its number where there are several.
        pixels: float32 ``[n, m]`` in [0, 1], dark on light where the given image was.
        spread: of several models, their standard deviation at every pixel, float32 ``[n, m]``; None of one.
        notes: what was done to the image and how the result came to be, a sentence each.
        consistency: PSNR in dB between the small image and the means of the result over its pixels; of a part, or of a
            result that is smaller still, the means of the whole image's.
        small: the small image as the networks saw it.
        ensemble: what made it.
        states: what each model keeps of the small image: of the hypernetwork, all weights of its network.
    """

    name: str
    pixels: np.ndarray
    spread: np.ndarray | None
    notes: tuple[str, ...]
    consistency: float
    small: SmallImage
    ensemble: Ensemble
    states: list[Tensor]

    @classmethod
    def of(cls, small: SmallImage, ensemble: Ensemble, wanted: Wanted) -> Enlargement:
        """What models make of a small image.

        Raises:
            UserError: a model has not got the size that is asked for.
        """
        rows, columns = wanted.grid(ensemble)
        window, states = wanted.window, ensemble.states(small.pixels, wanted.project)
        samples = ensemble.samples(rows, columns, window) if wanted.antialias == "auto" else (1, 1)
        notes = list(small.notes)
        if wanted.project:
            notes.append(f"moved towards the small image by {wanted.project:,} steps (--project)")
        if samples != (1, 1):
            notes.append(
                f"{rows} x {columns} pixels are coarser than the function: each is the mean of {samples[0]} x "
                f"{samples[1]} samples (--antialias off: one sample)"
            )
        pixels, spread = ensemble.sample(states, rows, columns, window, samples)
        agreement = ensemble.consistency(states, small.pixels, pixels, window)
        if small.inverted:
            np.subtract(1, pixels, out=pixels)
        return cls(small.name, pixels, spread, tuple(notes), agreement, small, ensemble, states)

    def __repr__(self) -> str:
        rows, columns = self.pixels.shape
        methods = ", ".join(model.method for model in self.ensemble.models)
        return f"Enlargement({Path(self.name).name}, {rows} x {columns}, {methods})"

    def __str__(self) -> str:
        return self.summary()

    def network(self) -> nn.Module:
        """The image as an ordinary network of points (y, x) in [-1, 1] ``[n, 2]`` to grey levels ``[n, 1]``.

        Light ink on a dark ground, also where the given image was not: see ``small.inverted``.

        Raises:
            UserError: the method writes no network for each image, or there are several models.
        """
        if len(self.ensemble) > 1:
            raise UserError(f"a network is of one model; {len(self.ensemble)} were given")
        return self.ensemble.network(self.states[0])

    def save(self, path: str | Path, bits: int = 8) -> str:
        """Write the image: ``.png``, ``.tif``, ``.tiff`` of 8 or 16 bits, or ``.npy``, float32.

        Returns:
            What is in the file, for people.

        Raises:
            UserError: another ending, a folder, or another number of bits.
        """
        return write_image(output_file(path, *ENDINGS), self.pixels, bits)

    def save_spread(self, path: str | Path) -> str:
        """Write the standard deviation: ``.npy``, or a picture of 8 bits in which white is 0.5 and more.

        Raises:
            UserError: another ending, a folder, or there is one model.
        """
        path = output_file(path, *ENDINGS)
        if self.spread is None:
            raise UserError("the spread is of two or more models; one was given")
        if path.suffix == ARRAY:
            return f"standard deviation, {write_image(path, self.spread)}"
        words = write_image(path, self.spread, white=WHITE_SPREAD)
        return f"standard deviation, white from {WHITE_SPREAD:g} on, {words}"

    def save_network(self, path: str | Path) -> str:
        """Write the network that is the image: ``.json``, ``.npz`` or ``.onnx``; see ``network_files``.

        Raises:
            UserError: another ending, a folder, a library is missing, or there is no such network.
        """
        network, model = self.network(), self.ensemble.models[0]
        about = {"made_from": Path(self.name).name, "method": model.method, "trained_on": model.title}
        write_network(path, network, about, self.small.inverted)
        numbers = sum(parameter.numel() for parameter in network.parameters())
        return f"the image as a network of {numbers:,} numbers, {Path(path).stat().st_size / 1e3:,.1f} kB"

    def save_zoom(
        self,
        path: str | Path,
        window: Sequence[float] | None = None,
        frames: int = FRAMES,
        size: int | tuple[int, int] = FRAME_SIZE,
    ) -> str:
        """Write an animated zoom from the whole image into a part of it: ``.gif``, ``.webp`` or ``.png`` (animated).

        Args:
            path: the file.
            window: the part; None: a sixteenth of the sides around the steepest edge of a stroke.
            frames: their number.
            size: rows and columns of a frame, or both at once.

        Raises:
            UserError: another ending, a folder, a number out of range, or a model that has not got this size.
        """
        from hypernet.superres.tools.zoom import edge, windows

        path = output_file(path, *MOVING)
        grid = check_zoom(frames, size, window)
        last = edge(self.sample(LOOKED_AT)) if window is None else window_of(window)
        pictures = (self.sample(grid, part) for part in windows(last, frames))
        words = write_animation(path, pictures, [FIRST_MS, *[FRAME_MS] * (frames - 2), LAST_MS])
        ends = ",".join(f"{end:.4g}" for end in last)
        return f"a zoom into {ends} (top, left, bottom, right), {words}"

    def sample(self, size: int | tuple[int, int], window: Sequence[float] | None = None) -> np.ndarray:
        """The image at another size, or a part of it: float32 ``[n, m]`` in [0, 1]."""
        pixels, _ = self.ensemble.sample(self.states, *sides_of(size), window_of(window))
        return 1 - pixels if self.small.inverted else pixels

    @property
    def familiar(self) -> bool:
        """Whether the result agrees with the small image as far as those of MNIST's held-out digits do."""
        return self.consistency >= FAMILIAR_DB

    @property
    def agreement(self) -> str:
        """How far the result agrees with the small image, for people."""
        return f"agrees with the small image to {self.consistency:.1f} dB (PSNR of area means)"

    def summary(self) -> str:
        """What was done, how far the result agrees with the small image, and how far models are apart; a line each."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from told(self.name, self.notes)
        yield f"{self.name}: {self.agreement}"
        if not self.familiar:
            yield (
                f"warning: {self.name}: this is little, held-out digits of MNIST reach {FAMILIAR_DB:g} dB and more: is "
                "there black around it, and is it light on dark?"
            )
        if self.spread is not None:
            mean, most = float(self.spread.mean(dtype=np.float64)), float(self.spread.max())
            yield (
                f"mean of {len(self.ensemble)} models; their standard deviation is {mean:.4f} of white on average, "
                f"{most:.4f} at most"
            )


def check_zoom(frames: int, size: int | tuple[int, int], window: Sequence[float] | None) -> tuple[int, int]:
    """Rows and columns of a zoom's frames; see ``Enlargement.save_zoom``.

    Raises:
        UserError: a number out of range.
    """
    rows, columns = sides_of(size)
    if not FEWEST_FRAMES <= frames <= MOST_FRAMES or frames * rows * columns > MOST_FRAME_PIXELS:
        raise UserError(
            f"frames: {frames} of {rows} x {columns} pixels; accepted: {FEWEST_FRAMES} to {MOST_FRAMES}, and "
            f"{MOST_FRAME_PIXELS:,} pixels at most in all"
        )
    require_distinct(rows, columns, window_of(window))
    return rows, columns
