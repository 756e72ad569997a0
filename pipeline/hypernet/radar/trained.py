"""A trained method opened again: four images in, the next one out, for squares and for fields of any size."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, printable, restored, usable, without_weights
from hypernet.layers.dynamic_conv import separable_dynamic_conv
from hypernet.radar.baselines.global_motion import GlobalMotion
from hypernet.radar.baselines.last_frame import LastFrame
from hypernet.radar.baselines.optical_flow import OpticalFlow, extrapolated, next_fields
from hypernet.radar.baselines.patch_linear import PatchLinear
from hypernet.radar.config import (
    METHODS,
    LastFrameSettings,
    MethodSettings,
    MotionSettings,
    NetworkSettings,
    OpticalFlowSettings,
    RidgeSettings,
    Sizes,
)
from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.rollout import FieldForecast, Tiled, checked, last_field, network_forecast, roll_out
from hypernet.radar.core.tiles import OnTiles, PatchNetwork
from hypernet.radar.methods import TITLES, build, on_patches
from hypernet.radar.model import DynamicConvolution

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1

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

    Attributes:
        on_patches: whether ``network`` forecasts patches.
    """

    def __init__(self, method: str, title: str, geometry: Geometry, settings: MethodSettings, network: nn.Module):
        self.method, self.title, self.geometry, self.settings = method, title, geometry, settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval()
        self.on_patches = forecasts_patches(settings)
        self.whole = self.network
        if self.on_patches:
            assert isinstance(self.network, PatchNetwork)
            self.whole = OnTiles(self.network, geometry)

    def __repr__(self) -> str:
        size, centre = self.geometry.size, self.geometry.centre
        return f"Forecaster({self.method}, {self.title or 'untrained'}, {size} x {size} to {centre} x {centre})"

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

        Networks and regression go square by square; the baselines that know one motion or flow see the whole field.
        """
        if isinstance(self.settings, LastFrameSettings):
            return last_field
        if isinstance(self.settings, OpticalFlowSettings):
            return next_fields
        if isinstance(self.settings, MotionSettings):
            return self._shifted
        # Patches that overlap share what the first layers make of them: squares of N, not of a patch.
        patch = self.geometry.patch if self.on_patches else None
        return Tiled(network_forecast(self.whole), self.geometry.size, self.geometry.margin, patch=patch)

    def roll_out(self, frames: np.ndarray, steps: int) -> np.ndarray:
        """Forecasts of whole fields, one step after the other: ``[B, 4, H, W] -> [B, steps, H, W]``.

        Forecasts are fed back; optical flow is extrapolated along one motion instead, as its users do.
        """
        if isinstance(self.settings, OpticalFlowSettings):
            return np.stack([extrapolated(sample, steps) for sample in checked(frames)])
        return roll_out(self.field(), frames, steps)

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

    def _shifted(self, frames: np.ndarray) -> np.ndarray:
        """Whole fields displaced by their one motion; what comes in from outside is dry."""
        assert isinstance(self.network, GlobalMotion)
        with torch.inference_mode():
            seen = torch.from_numpy(np.ascontiguousarray(frames, dtype=np.float32)).to(self.device)
            around = (self.geometry.margin,) * 4
            wide = torch.nn.functional.pad(seen[:, -1], around)
            return separable_dynamic_conv(wide, *self.network.filters(seen)).cpu().numpy()

    def filters(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Vertical and horizontal filters ``[B, K]``, or ``[B, P, K]`` on patches; None for methods without."""
        if not isinstance(self.network, DynamicConvolution):
            return None
        assert isinstance(self.whole, OnTiles | DynamicConvolution)
        with torch.inference_mode():
            vertical, horizontal = self.whole.filters(torch.from_numpy(np.asarray(frames, np.float32)).to(self.device))
        return vertical.cpu().numpy(), horizontal.cpu().numpy()


def forecasts_patches(settings: MethodSettings) -> bool:
    """Whether a method's module forecasts patches rather than whole images."""
    return isinstance(settings, RidgeSettings) or (isinstance(settings, NetworkSettings) and on_patches(settings))


def module_of(settings: MethodSettings, geometry: Geometry) -> nn.Module:
    """The module of a method, untrained."""
    match settings:
        case NetworkSettings():
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


def describe(title: str, geometry: Geometry) -> dict[str, Any]:
    """What a model file of this domain says beside its weights, in plain types."""
    sizes = {"size": geometry.size, "margin": geometry.margin, "patch": geometry.patch, "taps": geometry.taps}
    return {"title": title, "geometry": sizes}


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
    state = content["state"]
    if not isinstance(state, Mapping) or not all(
        usable(weights) and weights.is_floating_point() for weights in state.values()
    ):
        raise ValueError("a weight is not a finite real number")
    # Without memory for the weights until their shapes are known to be those in the file.
    has_weights = isinstance(settings, NetworkSettings | RidgeSettings)
    with without_weights() if has_weights else nullcontext():
        network = module_of(settings, geometry)
    network.load_state_dict(state, assign=True)
    # Trained in double precision: images come in single.
    return Forecaster(method, printable(content["title"]), geometry, settings, network.float())


def open_model(path: str | Path) -> Forecaster:
    """Open a model that `hypernet radar train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "radar", VERSION, restore)
