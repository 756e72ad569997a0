"""Films retouched without flicker: a colour map of every frame, smoothed within shots, and all else as it was.

The film is read twice. First every frame is looked at, so that damage, cuts and flashes are known before anything is
written; then each is retouched and encoded. Of the frames themselves few are in memory at once.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs
from hypernet.lab.progress import Progress
from hypernet.retouch.core import sequences
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.sources.film_files import FilmReader, FilmWriter, writing

if TYPE_CHECKING:
    from hypernet.retouch.core.adjustments import Adjustments
    from hypernet.retouch.tools.looks import Look, Recipe

SMOOTHING_S = 0.5
# Of the smoothing: before and after a frame whose strength has to be reduced, it is reduced little by little.
EASING = 2.0
# Thumbnails that the network looks at together.
BATCH = 64
# Pixels of a film from which compiling the loops pays.
WORTH_COMPILING = 2e8
CUTS_NAMED = 12


@dataclass(frozen=True, eq=False)
class FilmReport:
    """What became of a film.

    Attributes:
        path: the file that was written.
        size: width and height of the frames as they are stored.
        codec: of the pictures, for people.
        seconds: when each frame is shown, ``[T]``.
        cuts: first frames of new shots, from 0.
        held: frames that took their neighbour's map: flashes and black ones.
        matrices: M of each frame by itself, ``[T, 3, F]``.
        smoothed: M as it was used, before strength and sliders, ``[T, 3, F]``.
        folded: frames whose strength was reduced, since a brighter grey of their shot would have become darker.
        weakest: the least strength of a frame.
        luma: mean luma of the source, in levels of 255.
        luma_after: of the result.
        flicker: luma flicker of the source, in levels of 255; it grows with the luma.
        flicker_after: of the result.
        notes: what was taken for granted, and what could not be kept.
    """

    path: Path
    size: tuple[int, int]
    codec: str
    seconds: np.ndarray
    cuts: tuple[int, ...]
    held: tuple[int, ...]
    matrices: np.ndarray
    smoothed: np.ndarray
    folded: int
    weakest: float
    luma: float
    luma_after: float
    flicker: float
    flicker_after: float
    notes: tuple[str, ...]

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.seconds)

    @property
    def jitter(self) -> float:
        """Mean step of the maps of frames by themselves, within shots."""
        return sequences.jitter(self.matrices, self.cuts)

    @property
    def jitter_smoothed(self) -> float:
        """Mean step of the maps that were used, within shots."""
        return sequences.jitter(self.smoothed, self.cuts)

    @property
    def lag(self) -> int:
        """Frames after a cut that are still retouched as the shot before it."""
        return sequences.lag_after_cuts(self.matrices, self.smoothed, self.cuts)

    def summary(self) -> str:
        """The report for people, some lines."""
        named = ", ".join(f"{cut:,} ({self.seconds[cut]:.2f} s)" for cut in self.cuts[:CUTS_NAMED])
        more = f" ... ({len(self.cuts):,} in all)" if len(self.cuts) > CUTS_NAMED else ""
        lines = [
            f"{self.frames:,} frames of {self.size[0]} x {self.size[1]} pixels, "
            f"{self.seconds[-1] - self.seconds[0]:.1f} s, {self.codec}",
            f"cuts at frames {named}{more}" if self.cuts else "no cuts",
            f"map from frame to frame: {self.jitter:.4f}, smoothed {self.jitter_smoothed:.4f}; "
            f"luma flicker: {self.flicker:.2f} levels about {self.luma:.0f}, retouched {self.flicker_after:.2f} about "
            f"{self.luma_after:.0f}",
        ]
        if self.folded:
            lines.append(
                f"strength reduced in {self.folded:,} frames, to {self.weakest:.2g} at the least, where brighter greys "
                "would have become darker (--allow-fold leaves it)"
            )
        return "\n".join([*lines, *self.notes])


@dataclass(frozen=True, eq=False)
class _Study:
    """Every frame looked at: ``[T, ...]`` each."""

    seconds: np.ndarray
    histograms: np.ndarray
    lumas: np.ndarray
    brightest: np.ndarray
    black: np.ndarray
    matrices: np.ndarray


def retouch_film(
    path: str | Path,
    out: str | Path,
    model: Look | str | Path | None = None,
    *,
    colour_map: ColourMap | None = None,
    strength: float = 1.0,
    smoothing_s: float = SMOOTHING_S,
    offline: bool = False,
    adjustments: Adjustments | None = None,
    allow_fold: bool = False,
    crf: float | None = None,
    strip_location: bool = False,
) -> FilmReport:
    """Retouch a film: its pictures; times, sound, rotation, tags and titles stay.

    The network looks at a thumbnail of every frame as it is shown. Its maps are smoothed in time within shots and begin
    anew at cuts; a fade is no cut, and is followed. A film that fades in from black is brightened at first as a dark
    one would be.

    Args:
        path: any film that FFmpeg decodes, but HDR.
        out: the film to write: .mp4, .m4v, .mov (H.264; HEVC where there are more than 8 bits), .mkv or .webm (VP9).
        model: a trained method with a colour map (a ``Retoucher``), or the path of its ``model.ckpt``.
        colour_map: instead of a model, one map for all frames.
        strength: 0: nothing is changed, 1: the method's map, up to 1.5.
        smoothing_s: time constant of the smoothing in seconds, 0: none.
        offline: smooth forwards and backwards, so that maps do not lag behind the pictures; a shot's first frame then
            knows of the next ones.
        adjustments: sliders, after the map.
        allow_fold: keep maps that make a brighter grey darker than a darker one.
        crf: quality of the encoder, 0 is best; None: a difference is hard to see.
        strip_location: leave out where the film was taken.

    Returns:
        What became of it.

    Raises:
        UserError: the film cannot be read to its end, or written, or the method has no colour map.

    Example:
        >>> print(retouch_film("night.mp4", "brighter.mp4", "model.ckpt", strength=0.8).summary())  # doctest: +SKIP
    """
    from hypernet.retouch.core.adjustments import Adjustments
    from hypernet.retouch.tools.looks import Recipe, open_look

    path, out = Path(path), Path(out)
    check_outputs([("out", out)], [path])
    if not 0 <= smoothing_s < math.inf:
        raise UserError(f"smoothing_s {smoothing_s:g}: accepted: 0 or more seconds")
    recipe = Recipe(strength, adjustments or Adjustments(), allow_fold)
    given: Any = model
    look = open_look(given, colour_map)
    if not look.is_map:
        raise UserError(
            f"{look.method}: makes each frame by itself and would flicker; accepted: a method with a colour map"
        )
    film = FilmReader(path)
    with writing(out, film, crf=crf, strip_location=strip_location) as writer:
        study = _studied(film, look)
        cuts = sequences.cuts(study.histograms)
        held = study.black.copy()
        held[sequences.flashes(study.histograms)] = True
        steady = sequences.held(study.matrices, held, cuts)
        steady = sequences.smoothed(steady, study.seconds, cuts, smoothing_s, zero_phase=offline)
        brightest = _by_shot(study.brightest, cuts)
        limits = np.array([recipe.composed(ColourMap(m), most)[1] for m, most in zip(steady, brightest, strict=True)])
        strengths = sequences.eased(limits, study.seconds, cuts, EASING * smoothing_s)
        lumas = _retouched(film, writer, steady, strengths, recipe)
    return FilmReport(
        path=out,
        size=(film.width, film.height),
        codec=writer.codec,
        seconds=study.seconds,
        cuts=tuple(cuts),
        held=tuple(np.flatnonzero(held).tolist()),
        matrices=study.matrices,
        smoothed=steady,
        folded=int((strengths < strength - 1e-9).sum()),
        weakest=float(strengths.min()),
        luma=255 * float(study.lumas.mean()),
        luma_after=255 * float(lumas.mean()),
        flicker=sequences.luma_flicker(study.lumas, cuts),
        flicker_after=sequences.luma_flicker(lumas, cuts),
        notes=(*film.notes, *writer.notes),
    )


def _studied(film: FilmReader, look: Look) -> _Study:
    """The first reading."""
    from hypernet.retouch.core.pixels import brightest

    progress = Progress(f"{film.path.name}: looking", film.expected_frames or None, "frames")
    seconds, histograms, lumas, largest, black = [], [], [], [], []
    thumbnails: list[np.ndarray] = []
    matrices: list[np.ndarray] = []

    def ask() -> None:
        matrices.extend(colour_map.matrix for colour_map in look.colour_maps(np.stack(thumbnails)))
        thumbnails.clear()

    for frame in film:
        small = frame.thumbnail(*sequences.THUMBNAIL)
        seconds.append(frame.seconds)
        histograms.append(sequences.histogram(small))
        lumas.append(sequences.mean_luma(small))
        largest.append(brightest(film.pixels(frame)))
        black.append(small.max() <= sequences.BLACK)
        thumbnails.append(film.upright(frame.thumbnail(look.size, look.size)))
        if len(thumbnails) == BATCH:
            ask()
        progress.advance(1)
    if thumbnails:
        ask()
    progress.close()
    return _Study(
        seconds=np.array(seconds),
        histograms=np.stack(histograms),
        lumas=np.array(lumas),
        brightest=np.array(largest),
        black=np.array(black),
        matrices=np.stack(matrices),
    )


def _by_shot(values: np.ndarray, cuts: Sequence[int]) -> np.ndarray:
    """The largest value of each frame's shot: what follows from it does not change within the shot."""
    shots = np.split(values, cuts)
    return np.concatenate([np.full(len(shot), shot.max()) for shot in shots])


def _retouched(
    film: FilmReader, writer: FilmWriter, matrices: np.ndarray, strengths: np.ndarray, recipe: Recipe
) -> np.ndarray:
    """The second reading: the luma of each frame written."""
    from hypernet.retouch.core.adjustments import adjusted
    from hypernet.retouch.core.pixels import apply_maps

    compiled = len(matrices) * film.width * film.height > WORTH_COMPILING
    compiled = compiled and importlib.util.find_spec("numba") is not None
    progress = Progress(f"{film.path.name}: retouching", len(matrices), "frames")
    lumas = []
    for frame in film:
        if frame.number >= len(matrices):
            break
        colour_map, strength = ColourMap(matrices[frame.number]), float(strengths[frame.number])
        final = adjusted(colour_map, recipe.adjustments, strength)
        pixels = film.pixels(frame)
        film.replace(frame, apply_maps(pixels, [final], out=pixels, fused=compiled))
        lumas.append(sequences.mean_luma(frame.thumbnail(*sequences.THUMBNAIL)))
        writer.write(frame)
        progress.advance(1)
    progress.close()
    if len(lumas) < len(matrices) or frame.number >= len(matrices):
        raise UserError(f"{film.path}: the film was changed while it was read")
    return np.array(lumas)
