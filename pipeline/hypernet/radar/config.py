"""The ``radar`` section of params.yaml."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hypernet.lab.config import (
    Count,
    DomainConfig,
    EvaluateSettings,
    Method,
    NetworkTraining,
    Positive,
    Section,
    Share,
    SourceSettings,
    Steps,
    TrainingChanges,
    TrainSettings,
)
from hypernet.radar.names import SOURCES

SIMULATED = re.compile(r"simulated(?:_seed(\d{1,6}))?")


class Sizes(Section):
    """Pixels: N, m, c and K; see ``hypernet.radar.core.frames.Geometry``."""

    size: Annotated[int, Field(ge=16, le=1024)]
    margin: Annotated[int, Field(ge=1, le=128)]
    patch: Count
    taps: Count

    @model_validator(mode="after")
    def _fit(self) -> Self:
        centre = self.size - 2 * self.margin
        if centre < 1 or centre % self.patch:
            raise ValueError(f"size - 2 margin is {centre}, not a multiple of patch ({self.patch})")
        if self.taps % 2 == 0 or self.taps > 2 * self.margin + 1:
            raise ValueError(f"taps is {self.taps}; accepted: odd, at most 2 margin + 1 = {2 * self.margin + 1}")
        return self


class Simulated(Section):
    """The simulated archive: rainy events of ``frames`` images each, and dry images for the map's background."""

    train_events: Count
    validation_events: Count
    test_events: Annotated[int, Field(ge=2)]
    frames: Annotated[int, Field(ge=5)]
    dry_frames: Annotated[int, Field(ge=1)]


class WindowRules(Section):
    """Which windows are taken from an archive.

    Attributes:
        raster: pixels from one square to the next, in both directions.
        lowest_wet_share: windows whose last input has fewer pixels above 21 dBZ are left out.
        test_stride: steps from one tested window to the next in time; neighbours share four of five images.
    """

    raster: Count
    lowest_wet_share: Share
    test_stride: Count


class Training(NetworkTraining):
    """How long a network is trained, and on how many samples at a time."""

    batch: Count


class Convolution(Section):
    """One convolution: output channels, kernel, stride; and the pooling after it (1: none)."""

    channels: Count
    kernel: Count
    stride: Count
    pool: Count


class Network(Section):
    """A network of convolutions and one fully connected layer before what it puts out."""

    layers: Annotated[list[Convolution], Field(min_length=1, max_length=64)]
    hidden: Count


class NetworkChanges(TrainingChanges):
    """What one method's training does differently from the common one."""

    batch: Count | None = None


class NetworkMethod(Section):
    """A network and its training."""

    network: Network
    train: NetworkChanges


class RidgeMethod(Section):
    """Ridge regression: alphas, times the number of training patches, of which the validation chooses one."""

    alphas: Annotated[list[Positive], Field(min_length=1)]
    patches: Count


class MotionMethod(Section):
    """One displacement per image: from the last pair of images or all three, to whole pixels or finer."""

    frames: Literal["last", "all"]
    subpixel: Literal["none", "parabola"]


class RawSettings(SourceSettings):
    """Where the images come from: simulated, or files of a weather service."""

    simulated: Simulated | None
    size: int


class PrepareSettings(Section):
    """How images become grey levels and windows."""

    geometry: Sizes
    windows: WindowRules
    simulated: Simulated | None


class EvaluationSettings(EvaluateSettings):
    """What the evaluation depends on."""

    lead_steps: Count
    resamples: Annotated[int, Field(ge=100)]


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""


class LastFrameSettings(MethodSettings):
    """``last_frame``: nothing to set."""


class OpticalFlowSettings(MethodSettings):
    """``pysteps``: nothing to set."""


class MotionSettings(MethodSettings):
    """``global_motion``."""

    method: MotionMethod


class RidgeSettings(MethodSettings):
    """``patch_linear``."""

    method: RidgeMethod


class NetworkSettings(MethodSettings):
    """What all networks have."""

    train: Training
    network: Network


class WholeDynamicSettings(NetworkSettings):
    """``whole_dynamic``."""


class PatchDynamicSettings(NetworkSettings):
    """``patch_dynamic``."""


class PatchCNNSettings(NetworkSettings):
    """``patch_cnn``."""


METHODS = {
    "last_frame": Method("Last frame", LastFrameSettings, at_once=True),
    "global_motion": Method("Global motion", MotionSettings, at_once=True),
    "patch_linear": Method("Patch linear regression", RidgeSettings, at_once=True),
    "patch_cnn": Method("Patch CNN", PatchCNNSettings),
    "whole_dynamic": Method("Whole-image dynamic convolution", WholeDynamicSettings),
    "patch_dynamic": Method("Patch dynamic convolution", PatchDynamicSettings),
    "pysteps": Method("Optical flow (pysteps)", OpticalFlowSettings, "P", at_once=True),
}
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


class Config(DomainConfig):
    """The whole section."""

    table = METHODS
    step_settings = STEP_SETTINGS
    evaluation_files = ("predictions.npz", "lead_times.csv")
    geometry: Sizes
    simulated: Simulated
    windows: WindowRules
    train: Training
    global_motion: MotionMethod
    patch_linear: RidgeMethod
    patch_cnn: NetworkMethod
    whole_dynamic: NetworkMethod
    patch_dynamic: NetworkMethod
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        for dataset in self.datasets:
            if dataset not in SOURCES and not SIMULATED.fullmatch(dataset):
                accepted = ", ".join(("simulated", "simulated_seed<number>", *SOURCES))
                raise ValueError(f"datasets: {dataset} is not a known data set; accepted: {accepted}")
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        values = super().values(step, dataset, method)
        if isinstance(section := values.get("method"), NetworkMethod):
            values["network"] = section.network
        simulated = self.simulated if SIMULATED.fullmatch(dataset) else None
        return values | {"simulated": simulated, "size": self.geometry.size}
