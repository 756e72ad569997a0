"""Which method forecasts, how far it looks for motion, and whether the images are what it can forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.motion import FieldMotion, in_words, kilometres_per_hour, pixels_per_step, uniform_field
from hypernet.radar.tools.inputs import Inputs

if TYPE_CHECKING:
    from hypernet.radar.baselines.global_motion import GlobalMotion
    from hypernet.radar.trained import Forecaster

# Methods with nothing to train, and the trained one that comes with the package.
UNTRAINED, BUNDLED = ("last_frame", "global_motion", "pysteps"), "patch_matching"
# Rain is rarely faster, km/h.
FASTEST = 150.0
# Motions of one image that differ by more than so many pixels a step, and by more than this share, are in doubt.
DOUBT_PIXELS, DOUBT_SHARE = 2.0, 0.5
# A step that is this much off that of the training is another one.
OTHER_STEP = 0.05


@dataclass(frozen=True)
class Suited:
    """A method set to some images.

    Attributes:
        forecaster: looks as far as it should, where it can.
        reach: pixels in a step up to which motion is looked for.
        motion: that the method itself uses; None for methods that use none.
        searched: the one displacement of the images, found beside the method; None where it is the method's.
        followed: the motion along which air comes into the forecast.
        warnings: what is not as it should be, a line each.
    """

    forecaster: Forecaster
    reach: int
    motion: FieldMotion | None
    searched: FieldMotion | None
    followed: FieldMotion
    warnings: tuple[str, ...]


def chosen_method(model: Forecaster | str | Path | None, method: str | None) -> Forecaster:
    """The method that is asked for; the one that comes with the package where nothing is.

    Raises:
        UserError: both are given, the model cannot be read, or the method needs training.
    """
    from hypernet.radar import trained

    if model is not None and method is not None:
        raise UserError("a nowcast takes a model or a method; accepted: one of them, or neither")
    if model is not None:
        return trained.open_model(model) if isinstance(model, str | Path) else model
    if method in (None, BUNDLED):
        return trained.bundled()
    if method not in UNTRAINED:
        raise UserError(f"method {method}: accepted without a model: {', '.join((BUNDLED, *UNTRAINED))}")
    return untrained(method, 1)


def untrained(method: str, reach: int) -> Forecaster:
    """A method that needs no training, for fields of any size from 2 ``reach`` + 1 pixels on."""
    from hypernet.radar.baselines.last_frame import LastFrame
    from hypernet.radar.baselines.optical_flow import OpticalFlow
    from hypernet.radar.config import LastFrameSettings, MotionMethod, MotionSettings, OpticalFlowSettings
    from hypernet.radar.trained import Forecaster

    geometry = Geometry(size=2 * reach + 1, margin=reach, patch=1, taps=2 * reach + 1)
    match method:
        case "last_frame":
            return Forecaster(method, "", geometry, LastFrameSettings(), LastFrame(geometry))
        case "pysteps":
            return Forecaster(method, "", geometry, OpticalFlowSettings(), OpticalFlow(geometry))
    settings = MotionSettings(method=MotionMethod(frames="all", subpixel="parabola"))
    return Forecaster(method, "", geometry, settings, _search(reach))


def suited(forecaster: Forecaster, inputs: Inputs, fastest: float = FASTEST) -> Suited:
    """A method set to images: it looks for motion up to ``fastest`` km/h where it can, and is warned of where not.

    Raises:
        UserError: the images are smaller than what the method looks at.
    """
    shape = inputs.images.grey.shape[1:]
    wanted = max(pixels_per_step(fastest, pixel_km, inputs.step_seconds) for pixel_km in inputs.pixel_km)
    # Half of the image, in either direction, is left to compare.
    reach = max(1, min(wanted, (min(shape) - 1) // 2))
    if forecaster.method in UNTRAINED and not forecaster.title:
        forecaster = untrained(forecaster.method, reach)
    elif forecaster.adapts:
        forecaster = forecaster.at(reach)
    smallest = forecaster.geometry.size
    if not forecaster.adapts and min(shape) < smallest:
        raise UserError(
            f"images of {shape[0]} x {shape[1]} pixels; accepted: at least {smallest} x {smallest}, what the method "
            "looks at"
        )
    frames, known = inputs.frames[None], inputs.known[None]
    motion = _used(forecaster, frames, known)
    searched = None if forecaster.method == "global_motion" else _displaced(_search(reach), frames, known)
    still = uniform_field(np.zeros((1, 2)), shape, np.zeros(1, dtype=bool))
    followed = motion or (still if forecaster.method == "last_frame" else searched)
    # Optical flow, the last image and networks of fixed size do not look for displacements up to the reach.
    looked = motion if forecaster.adapts and forecaster.method != "pysteps" and motion else searched
    assert looked is not None
    assert followed is not None
    warnings = [
        *_too_near(inputs, reach, wanted, fastest, looked),
        *_unlike_training(forecaster, inputs, searched),
        *_in_doubt(inputs, motion, searched),
    ]
    return Suited(forecaster, reach, motion, searched, followed, tuple(warnings))


def _used(forecaster: Forecaster, frames: np.ndarray, known: np.ndarray) -> FieldMotion | None:
    """The motion that a method uses itself."""
    if forecaster.method == "pysteps":
        from hypernet.radar.baselines.optical_flow import velocity

        rows, columns = velocity(frames[0], known[0])[None].astype(np.float32).swapaxes(0, 1)
        return FieldMotion(rows, columns, np.zeros_like(rows), 0.0, np.zeros(1, dtype=bool))
    if forecaster.method == "global_motion":
        return _displaced(cast("GlobalMotion", forecaster.network), frames, known)
    return forecaster.motion(frames, known)


def _search(reach: int) -> GlobalMotion:
    """The search for the displacement of whole images, over what they know."""
    from hypernet.radar.baselines.global_motion import GlobalMotion

    geometry = Geometry(size=2 * reach + 1, margin=reach, patch=1, taps=2 * reach + 1)
    return GlobalMotion(geometry, frames="all", subpixel="parabola", measure="similarity")


def _displaced(search: GlobalMotion, frames: np.ndarray, known: np.ndarray) -> FieldMotion:
    """The one displacement of whole images ``[1, 4, H, W]``."""
    import torch

    displacement = search.cpu().displacement(torch.from_numpy(frames), torch.from_numpy(known))
    return uniform_field(displacement.numpy(), frames.shape[2:], search.at_edge(displacement).numpy())


def _too_near(inputs: Inputs, reach: int, wanted: int, fastest: float, looked: FieldMotion) -> Iterator[str]:
    """Whether motion is, or may be, beyond what is looked for."""
    if reach < wanted:
        height, width = inputs.images.grey.shape[1:]
        most = float(kilometres_per_hour(reach, min(inputs.pixel_km), inputs.step_seconds))
        yield (
            f"images of {height} x {width} pixels are too small to look for {fastest:g} km/h; motion is looked for up "
            f"to {most:.0f} km/h"
        )
    if looked.at_edge[0]:
        yield (
            "the best displacement lies on the edge of the search: the rain may be faster than what is forecast; "
            + (f"look further with --fastest {2 * fastest:g}" if reach == wanted else "larger images would tell")
        )


def _unlike_training(forecaster: Forecaster, inputs: Inputs, searched: FieldMotion | None) -> Iterator[str]:
    """Whether a network of fixed size saw other images in its training."""
    if forecaster.adapts or searched is None:
        return
    rows, columns, _ = searched.mean(inputs.frames[-1])
    pixels = max(abs(rows), abs(columns))
    if pixels > forecaster.reach:
        yield (
            f"the rain moves {pixels:.0f} pixels in a step, this model follows {forecaster.reach} at most; accepted: a "
            "model of larger margin, or a method that adapts, such as --method global_motion"
        )
    trained = forecaster.step_seconds
    if trained is not None and abs(inputs.step_seconds / trained - 1) > OTHER_STEP:
        yield (
            f"the model was trained on images {trained / 60:.3g} min apart, these are {inputs.step_seconds / 60:.3g}; "
            "what it has learned of speeds does not hold"
        )


def _in_doubt(inputs: Inputs, motion: FieldMotion | None, searched: FieldMotion | None) -> Iterator[str]:
    """Whether a method's motion is quite another than that of the image as a whole."""
    if motion is None or searched is None:
        return
    rain = inputs.frames[-1]
    (rows, columns, _), (south, east, _) = motion.mean(rain), searched.mean(rain)
    apart, length = np.hypot(rows - south, columns - east), np.hypot(south, east)
    if apart > max(DOUBT_PIXELS, DOUBT_SHARE * length):
        of_method, words = (
            motion_in_words(pixels, inputs.pixel_km, inputs.step_seconds) for pixels in ((rows, columns), (south, east))
        )
        yield (
            f"the motion is in doubt: the method's is {of_method}, that of the image as a whole {words}; see what "
            "--method global_motion gives"
        )


def motion_in_words(pixels: tuple[float, float], pixel_km: tuple[float, float], step_seconds: float) -> str:
    """A displacement in one step, pixels southwards and eastwards, as a speed and a direction."""
    south, east = (
        float(kilometres_per_hour(part, width, step_seconds)) for part, width in zip(pixels, pixel_km, strict=True)
    )
    return in_words(south, east)
