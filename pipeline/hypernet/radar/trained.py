"""A trained method opened again: four images in, the next one out, for squares and for fields of any size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, printable, restored, usable, without_weights
from hypernet.radar.baselines.constant_filter import ConstantFilter
from hypernet.radar.baselines.global_motion import GlobalMotion
from hypernet.radar.baselines.last_frame import LastFrame
from hypernet.radar.baselines.optical_flow import OpticalFlow, extrapolated, next_fields
from hypernet.radar.baselines.patch_linear import PatchLinear
from hypernet.radar.config import (
    METHODS,
    LastFrameSettings,
    MethodSettings,
    MotionSettings,
    OpticalFlowSettings,
    PatchMatchingSettings,
    RidgeSettings,
    Sizes,
    SoftMotionSettings,
    TrainedSettings,
    WholeMatchingSettings,
)
from hypernet.radar.core.frames import INPUTS, Geometry, RadarData
from hypernet.radar.core.lattice import Lattice
from hypernet.radar.core.motion import FieldMotion, motion_of
from hypernet.radar.core.rollout import FieldForecast, Tiled, checked, last_field, network_forecast, roll_out
from hypernet.radar.core.tiles import OnTiles, PatchNetwork
from hypernet.radar.methods import TITLES, build, on_patches
from hypernet.radar.model import DynamicConvolution, MatchingConvolution

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 2
# The file that comes with the package.
BUNDLED = Path(__file__).with_name("patch_matching.ckpt")
# Of methods that can look as far as is wanted, in images of any size.
ADAPTING = (
    LastFrameSettings,
    MotionSettings,
    OpticalFlowSettings,
    SoftMotionSettings,
    WholeMatchingSettings,
    PatchMatchingSettings,
)
# From this share of their reach on, filters whose mean stands for the motion pile up at their end.
EDGE_SHARE = 0.9
# Images of a network's size that are forecast at once.
IMAGES_AT_ONCE = 32


class Forecaster:
    """One method, ready to forecast.

    Calling it with images float32 ``[B, 4, N, N]`` in [0, 1] gives the centres of the next ones,
    ``[B, N - 2 m, N - 2 m]``.

    Args:
        method: method id.
        title: name of the data set for people.
        geometry: sizes.
        settings: of the method.
        network: its network on whole images or patches, or the module of a baseline.
        step_seconds: between the images that it was trained on; None where nothing was trained.

    Attributes:
        on_patches: whether ``network`` forecasts patches.
        adapts: whether it can look at images of any size as far as is wanted, see ``at``.
    """

    def __init__(
        self,
        method: str,
        title: str,
        geometry: Geometry,
        settings: MethodSettings,
        network: nn.Module,
        step_seconds: float | None = None,
    ):
        self.method, self.title, self.geometry, self.settings = method, title, geometry, settings
        self.step_seconds = step_seconds
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval()
        self.on_patches = forecasts_patches(settings)
        self.adapts = isinstance(settings, ADAPTING)
        self.whole = self.network
        if self.on_patches:
            assert isinstance(self.network, PatchNetwork)
            self.whole = OnTiles(self.network, geometry)

    def __repr__(self) -> str:
        size, centre = self.geometry.size, self.geometry.centre
        return f"Forecaster({self.method}, {self.title or 'untrained'}, {size} x {size} to {centre} x {centre})"

    @property
    def reach(self) -> int:
        """The largest displacement in one step that it can follow, pixels."""
        return self.geometry.margin if isinstance(self.settings, MotionSettings) else self.geometry.taps // 2

    def at(self, reach: int) -> Forecaster:
        """The same method with another reach, and for images from 2 ``reach`` + 1 pixels on.

        Windows and patches grow with the reach, as the rain of a finer radar does.

        Args:
            reach: the largest displacement in one step that it is to follow, pixels, from 1 on.

        Raises:
            UserError: its network takes images of one size and has filters of one length.
        """
        if not self.adapts:
            raise UserError(
                f"{self.method}: its network follows {self.reach} pixels in a step, no other; accepted: a method that "
                f"adapts ({', '.join(adapting_methods())})"
            )
        patch = max(1, round(self.geometry.patch * reach / max(self.reach, 1)))
        centre = patch * -(-(2 * reach + 1) // patch)
        geometry = Geometry(size=centre + 2 * reach, margin=reach, patch=patch, taps=2 * reach + 1)
        if isinstance(self.network, MatchingConvolution):
            network: nn.Module = self.network.at(geometry)
        elif isinstance(self.settings, MotionSettings):
            # Squares of a test are whole; fields have pixels without data, which the difference would take for dry.
            search = self.settings.method
            network = GlobalMotion(geometry, search.frames, search.subpixel, "similarity")
        else:
            network = module_of(self.settings, geometry)
        return Forecaster(self.method, self.title, geometry, self.settings, network, self.step_seconds)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """The centres of the next images.

        Args:
            frames: grey levels (dBZ / 70) in [0, 1], ``[B, 4, N, N]``.

        Returns:
            float32 ``[B, N - 2 m, N - 2 m]``.

        Raises:
            UserError: the images are of another shape, or a value is no grey level.
        """
        forecast = network_forecast(self.whole)
        frames = self._checked(frames)
        return np.concatenate(
            [forecast(frames[first : first + IMAGES_AT_ONCE]) for first in range(0, len(frames), IMAGES_AT_ONCE)]
        )

    def field(self) -> FieldForecast:
        """The forecast of fields of any size, ``[B, 4, H, W] -> [B, H, W]``.

        Networks on images and regression go square by square; methods that know a motion or a flow see the whole field.
        """
        if isinstance(self.settings, LastFrameSettings):
            return last_field
        if isinstance(self.settings, OpticalFlowSettings):
            return next_fields
        if self.adapts:
            return lambda frames: self.roll_out(frames, 1)[:, 0]
        # Patches that overlap share what the first layers make of them: squares of N, not of a patch.
        patch = self.geometry.patch if self.on_patches else None
        return Tiled(network_forecast(self.whole), self.geometry.size, self.geometry.margin, patch=patch)

    def roll_out(
        self, frames: np.ndarray, steps: int, known: np.ndarray | None = None, motion: FieldMotion | None = None
    ) -> np.ndarray:
        """Forecasts of whole fields, one step after the other: ``[B, 4, H, W] -> [B, steps, H, W]``.

        Methods that read a motion from the images keep it, and move the rain on by it; optical flow is extrapolated, as
        its users do. Of other methods forecasts are fed back.

        Args:
            frames: float32 ``[B, 4, H, W]`` in [0, 1].
            steps: how many.
            known: bool, the same shape: pixels with data. Where there are none, methods that read a motion do not look;
                for others it is dry there.
            motion: what ``motion`` gave for the same frames, so that it is not read from them twice.
        """
        frames = checked(frames)
        if isinstance(self.settings, OpticalFlowSettings):
            masks = [None] * len(frames) if known is None else list(known)
            flows = [None] * len(frames) if motion is None else list(zip(motion.rows, motion.columns, strict=True))
            return np.stack(
                [
                    extrapolated(sample, steps, mask, None if flow is None else np.stack(flow).astype(np.float64))
                    for sample, mask, flow in zip(frames, masks, flows, strict=True)
                ]
            )
        if not self.adapts or isinstance(self.settings, LastFrameSettings):
            return roll_out(self.field(), frames, steps)
        with torch.inference_mode():
            lattice = motion.lattice if motion is not None and motion.lattice else self._lattice(frames, known)
            fields, forecasts = torch.from_numpy(frames[:, -1]).to(self.device), []
            for _ in range(steps):
                fields = lattice.moved(fields)
                forecasts.append(fields)
            return torch.stack(forecasts, dim=1).cpu().numpy()

    def _lattice(self, frames: np.ndarray, known: np.ndarray | None) -> Lattice:
        """The filters of whole fields, by a method that reads a motion from them."""
        images = torch.from_numpy(frames).to(self.device)
        mask = None if known is None else torch.from_numpy(known).to(self.device)
        assert isinstance(self.network, MatchingConvolution | GlobalMotion)
        return self.network.lattice(images, mask)

    def motion(self, frames: np.ndarray, known: np.ndarray | None = None) -> FieldMotion | None:
        """The motion that the method's filters stand for, or None for methods that have none of their own.

        Args:
            frames: float32 ``[B, 4, H, W]`` in [0, 1], H and W at least N.
            known: see ``roll_out``.
        """
        frames = checked(frames)
        if isinstance(self.network, DynamicConvolution):
            return self._motion_of_squares(frames)
        if not isinstance(self.network, MatchingConvolution | GlobalMotion):
            return None
        with torch.inference_mode():
            lattice = self._lattice(frames, known)
            motion = motion_of(lattice.vertical.cpu().numpy(), lattice.horizontal.cpu().numpy())
            height, width = frames.shape[2:]
            rows, columns, entropy = (
                lattice.spread(torch.from_numpy(values.astype(np.float32)), height, width).numpy()
                for values in (motion.rows, motion.columns, motion.entropy)
            )
            # Cells count by their rain.
            last = torch.from_numpy(frames[:, -1]).to(self.device)
            rain = lattice.of_cells(last)[..., None]
            edges = []
            for filters in (lattice.vertical, lattice.horizontal):
                best = (filters * rain).sum(dim=(1, 2)).argmax(dim=1)
                edges.append((best == 0) | (best == filters.shape[-1] - 1))
        largest = 2 * math.log2(lattice.vertical.shape[-1])
        at_edge = (edges[0] | edges[1]).cpu().numpy() & (frames[:, -1] > 0).any(axis=(1, 2))
        return FieldMotion(rows, columns, entropy, largest, at_edge, lattice)

    def _motion_of_squares(self, frames: np.ndarray) -> FieldMotion:
        """That of a network whose filters are of squares, or of patches in them."""

        def of_squares(squares: np.ndarray) -> np.ndarray:
            filters = self.filters(squares)
            assert filters is not None
            motion = motion_of(*filters)
            values = np.stack([motion.rows, motion.columns, motion.entropy], axis=1)
            side = round(values[0, 0].size ** 0.5)
            width = self.geometry.centre // side
            return values.reshape(len(squares), 3, side, side).repeat(width, axis=2).repeat(width, axis=3)

        fields = Tiled(of_squares, self.geometry.size, self.geometry.margin, channels=(3,))(frames)
        rows, columns, entropy = (np.ascontiguousarray(values) for values in np.moveaxis(fields, -1, 0))
        weights = frames[:, -1] + 1e-9
        # A distribution that piles up at the end of its filter has its mean near it.
        edges = np.array(
            [
                max(abs(np.average(part, weights=weight)) for part in parts) > EDGE_SHARE * self.reach
                for *parts, weight in zip(rows, columns, weights, strict=True)
            ]
        )
        return FieldMotion(rows, columns, entropy, 2 * math.log2(self.geometry.taps), edges)

    def _checked(self, frames: np.ndarray) -> np.ndarray:
        """``frames`` as float32; only the least and the largest value are looked at."""
        frames, size = np.asarray(frames), self.geometry.size
        problem = f"{frames.dtype} {list(frames.shape)}"
        if frames.dtype.kind == "f" and frames.shape[1:] == (INPUTS, size, size) and len(frames):
            frames = np.ascontiguousarray(frames, dtype=np.float32)
            least, most = frames.min(), frames.max()
            # False too where one of them is not a number.
            if least >= 0 and most <= 1:
                return frames
            problem = f"values from {least} to {most}"
        raise UserError(
            f"images: {problem}; accepted: grey levels (dBZ / 70) from 0 to 1, float [B, {INPUTS}, {size}, {size}]; "
            "hypernet.radar.predict takes fields of any size, nowcast radar files"
        )

    def filters(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Vertical and horizontal filters ``[B, K]``, or ``[B, P, K]`` on patches; None for methods without."""
        if not isinstance(self.network, DynamicConvolution | MatchingConvolution | ConstantFilter):
            return None
        write: Any = self.whole.filters
        with torch.inference_mode():
            vertical, horizontal = write(torch.from_numpy(np.asarray(frames, np.float32)).to(self.device))
        return vertical.cpu().numpy(), horizontal.cpu().numpy()


def adapting_methods() -> list[str]:
    """Ids of the methods that can look as far as is wanted, in images of any size."""
    return [name for name, method in METHODS.items() if issubclass(method.settings, ADAPTING)]


def forecasts_patches(settings: MethodSettings) -> bool:
    """Whether a method's module forecasts patches rather than whole images."""
    return isinstance(settings, RidgeSettings) or (isinstance(settings, TrainedSettings) and on_patches(settings))


def module_of(settings: MethodSettings, geometry: Geometry) -> nn.Module:
    """The module of a method, untrained."""
    match settings:
        case TrainedSettings():
            return build(settings, geometry)
        case LastFrameSettings():
            return LastFrame(geometry)
        case MotionSettings(method=motion):
            return GlobalMotion(geometry, motion.frames, motion.subpixel)
        case RidgeSettings():
            return PatchLinear(geometry)
        case OpticalFlowSettings():
            return OpticalFlow(geometry)
    raise ValueError(f"no method takes settings of type {type(settings).__name__}")


def describe(data: RadarData) -> dict[str, Any]:
    """What a model file of this domain says beside its weights, in plain types."""
    geometry = data.geometry
    sizes = {"size": geometry.size, "margin": geometry.margin, "patch": geometry.patch, "taps": geometry.taps}
    return {"title": data.title, "geometry": sizes, "step_seconds": float(data.step_seconds)}


def restore(content: dict[str, Any]) -> Forecaster:
    """A method from the content of its file.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite real number.
    """
    method = content["method"]
    if method not in TITLES:
        raise ValueError(f"the method {method!r} is not known here")
    settings = METHODS[method].settings.model_validate(content["settings"])
    assert isinstance(settings, MethodSettings)
    geometry = Geometry.of(Sizes.model_validate(content["geometry"]))
    step_seconds = float(content["step_seconds"])
    if not 0 < step_seconds < math.inf:
        raise ValueError(f"{step_seconds} seconds from image to image")
    state = content["state"]
    if not isinstance(state, Mapping) or not all(
        usable(weights) and weights.is_floating_point() for weights in state.values()
    ):
        raise ValueError("a weight is not a finite real number")
    # Without memory for the weights until their shapes are known to be those in the file.
    has_weights = isinstance(settings, TrainedSettings | RidgeSettings)
    with without_weights() if has_weights else nullcontext():
        network = module_of(settings, geometry)
    network.load_state_dict(state, assign=True)
    # Trained in double precision: images come in single.
    return Forecaster(method, printable(content["title"]), geometry, settings, network.float(), step_seconds)


def bundled() -> Forecaster:
    """The model that comes with the package: ``patch_matching``, trained on simulated rain.

    It was trained with the settings of the default run on 400 simulated events. It reads motion in any direction and at
    any reach; what its method is worth on real rain stands in docs/radar.md.
    """
    return open_model(BUNDLED)


def open_model(path: str | Path) -> Forecaster:
    """Open a model that `hypernet radar train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "radar", VERSION, restore)
