"""The ``radar`` section of params.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hypernet.lab.config import (
    Count,
    DatasetName,
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
    require_known,
)
from hypernet.radar.names import SOURCES, STATION


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} is even; accepted: an odd number of pixels")
    return value


OddCount = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]
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


class OtherSizes(Sizes):
    """Sizes of a single data set.

    Attributes:
        raster: pixels from one square to the next, instead of ``windows.raster``.
    """

    raster: Count | None = None

    def sizes(self) -> Sizes:
        """Those of the images alone."""
        return Sizes(size=self.size, margin=self.margin, patch=self.patch, taps=self.taps)


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
        step_minutes: from one image of a window to the next; null: the images as they come.
        tolerance_seconds: by how much an image may miss its step, or its mark.
        resample: ``stride``: every image of an even cadence belongs to a window, of 5-minute images at ten minutes
            each to one with every second; ``nearest``: the image nearest to each full ``step_minutes`` of the day, for
            radars whose volumes come unevenly. Archives of ``nexrad_<station>`` are resampled so in any case, within
            180 seconds.
    """

    raster: Count
    lowest_wet_share: Share
    test_stride: Count
    step_minutes: Annotated[float, Field(ge=0.5, le=1440)] | None
    tolerance_seconds: Positive
    resample: Literal["stride", "nearest"]

    @model_validator(mode="after")
    def _marks_need_a_step(self) -> Self:
        if self.resample == "nearest" and self.step_minutes is None:
            raise ValueError("resample: nearest needs step_minutes, which is null")
        return self

    @property
    def step_seconds(self) -> int | None:
        """``step_minutes`` in whole seconds."""
        return None if self.step_minutes is None else round(60 * self.step_minutes)


class OwnRadar(Section):
    """A person's own radar.

    Attributes:
        path: a file, a folder (with all in it) or a pattern such as ``data/2024*/*.h5``.
        kind: the format of the files; ``auto`` looks into each; ``pictures``: GIF or PNG, read by a palette.
        palette: of pictures: the path of a CSV, or the name of one of the package's.
        time_pattern: of pictures: regular expression that finds the time in a file's name; null: twelve digits.
        time_format: how the time is written there, as for ``strptime``; null: ``%Y%m%d%H%M``.
        tolerance: of pictures: largest difference of a channel at which a colour is still the palette's.
        pixel_km: of pictures: width of a pixel; null: 1 km is assumed, and said.
        projection: of pictures: a PROJ string with its origin in their middle, or "".
    """

    path: str
    kind: Literal["auto", "pictures", "fmi", "knmi", "bom", "mch", "nexrad", "netcdf", "odim"]
    palette: str | None = None
    time_pattern: str | None = None
    time_format: str | None = None
    tolerance: Annotated[int, Field(ge=0, le=64)] = 0
    pixel_km: Positive | None = None
    projection: str = ""

    @model_validator(mode="after")
    def _pictures_have_a_palette(self) -> Self:
        if self.kind == "pictures" and self.palette is None:
            raise ValueError("pictures need a palette: the path of a CSV that says which colour is how much rain")
        return self

    @model_validator(mode="after")
    def _whole_folders(self) -> Self:
        if any("**" in part and part != "**" for part in Path(self.path).parts):
            raise ValueError(f"path: {self.path}: two stars stand for folders, alone between slashes: data/**/*.h5")
        return self

    def files(self) -> list[str]:
        """The file, all files in the folder, or those that the pattern matches."""
        path = Path(self.path)
        if path.is_dir():
            inside = path.rglob("*")
        elif path.exists() or not any(sign in self.path for sign in "*?["):
            return [self.path]
        else:
            inside = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        return sorted(str(name) for name in inside if name.is_file())


class Training(NetworkTraining):
    """How long a network is trained, and on how many samples at a time.

    Attributes:
        batch: patches, or windows.
        warm_up_steps: over so many steps the learning rate first rises.
        turned: whether training windows are turned and mirrored at random, so that no direction of the wind is learned.
        only_moving: share of the training windows that are replaced by their last image moved evenly: rain that neither
            grows nor decays, of which there is none in nature, but in the files with which people try a forecast.
    """

    batch: Count
    warm_up_steps: Annotated[int, Field(ge=0)]
    turned: bool
    only_moving: Share


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
    warm_up_steps: Annotated[int, Field(ge=0)] | None = None
    turned: bool | None = None
    only_moving: Share | None = None


class TrainedMethod(Section):
    """A method of a few numbers that are trained."""

    train: NetworkChanges


class NetworkMethod(TrainedMethod):
    """A network and its training."""

    network: Network


class PixelMethod(NetworkMethod):
    """``pixel_cnn``: the network that reads the images, and the kernel of the convolutions that put out pixels."""

    kernel: OddCount


class MatchingMethod(TrainedMethod):
    """A network that reads how well images match under each displacement: ``channels`` maps, square kernels."""

    channels: Count
    kernel: OddCount


class PatchMatchingMethod(MatchingMethod):
    """The same for patches.

    Attributes:
        around: for each map of a patch, how many cells (as large as a patch) around it belong to the compared window.
        patches: of a window that a training step looks at.
    """

    around: Annotated[list[Annotated[int, Field(ge=0, le=32)]], Field(min_length=1, max_length=8)]
    patches: Count


class RidgeMethod(Section):
    """Ridge regression: alphas, times the number of training patches, of which the validation chooses one."""

    alphas: Annotated[list[Positive], Field(min_length=1)]
    patches: Count


class MotionMethod(Section):
    """One displacement per image: from the last pair of images or all three, to whole pixels or finer."""

    frames: Literal["last", "all"]
    subpixel: Literal["none", "parabola"]


class RawSettings(SourceSettings):
    """Where the images come from: simulated, files of a weather service, or a person's own."""

    simulated: Simulated | None
    own: OwnRadar | None
    size: int

    def own_files(self) -> list[str]:
        """See ``SourceSettings``."""
        return [] if self.own is None else self.own.files()


class PrepareSettings(Section):
    """How images become grey levels and windows."""

    geometry: Sizes
    windows: WindowRules
    simulated: Simulated | None
    own: OwnRadar | None


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


class TrainedSettings(MethodSettings):
    """What all methods have that are trained step by step."""

    train: Training


class ConstantFilterSettings(TrainedSettings):
    """``constant_filter``."""


class SoftMotionSettings(TrainedSettings):
    """``soft_motion``."""


class WholeMatchingSettings(TrainedSettings):
    """``whole_matching``."""

    method: MatchingMethod


class PatchMatchingSettings(TrainedSettings):
    """``patch_matching``."""

    method: PatchMatchingMethod


class NetworkSettings(TrainedSettings):
    """What all networks on images have."""

    network: Network


class WholeDynamicSettings(NetworkSettings):
    """``whole_dynamic``."""


class PatchDynamicSettings(NetworkSettings):
    """``patch_dynamic``."""


class PatchCNNSettings(NetworkSettings):
    """``patch_cnn``."""


class PixelCNNSettings(NetworkSettings):
    """``pixel_cnn``."""

    method: PixelMethod


METHODS = {
    "last_frame": Method("Last frame", LastFrameSettings, at_once=True),
    "global_motion": Method("Global motion", MotionSettings, at_once=True),
    "patch_linear": Method("Patch linear regression", RidgeSettings, at_once=True),
    "patch_cnn": Method("Patch CNN", PatchCNNSettings),
    "whole_dynamic": Method("Whole-image dynamic convolution", WholeDynamicSettings),
    "patch_dynamic": Method("Patch dynamic convolution", PatchDynamicSettings),
    "whole_matching": Method("Whole-image dynamic convolution, similarity maps", WholeMatchingSettings, at_once=True),
    "patch_matching": Method("Patch dynamic convolution, similarity maps", PatchMatchingSettings),
    "pixel_cnn": Method("Pixel CNN (control)", PixelCNNSettings),
    "soft_motion": Method("Soft global motion (one learned sharpness)", SoftMotionSettings, at_once=True),
    "constant_filter": Method("Constant filter", ConstantFilterSettings, at_once=True),
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
    geometries: dict[DatasetName, OtherSizes]
    simulated: Simulated
    own: dict[DatasetName, OwnRadar]
    windows: WindowRules
    train: Training
    global_motion: MotionMethod
    patch_linear: RidgeMethod
    patch_cnn: NetworkMethod
    whole_dynamic: NetworkMethod
    patch_dynamic: NetworkMethod
    whole_matching: MatchingMethod
    patch_matching: PatchMatchingMethod
    pixel_cnn: PixelMethod
    soft_motion: TrainedMethod
    constant_filter: TrainedMethod
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        accepted = ("simulated", "simulated_seed<number>", "nexrad_<station>", *SOURCES)
        require_known(self.datasets, self.own, _is_ours, accepted)
        for dataset in self.geometries:
            if dataset not in self.own and not _is_ours(dataset):
                raise ValueError(f"geometries: {dataset} is not a known data set; accepted: {', '.join(accepted)}")
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        values = super().values(step, dataset, method)
        if isinstance(section := values.get("method"), NetworkMethod):
            values["network"] = section.network
        simulated = self.simulated if SIMULATED.fullmatch(dataset) else None
        geometry, windows = self.geometry, self.windows
        if (other := self.geometries.get(dataset)) is not None:
            geometry = other.sizes()
            windows = windows.model_copy(update={"raster": other.raster or windows.raster})
        return values | {
            "windows": windows,
            "simulated": simulated,
            "own": self.own.get(dataset),
            "geometry": geometry,
            "size": geometry.size,
        }


def _is_ours(dataset: str) -> bool:
    return dataset in SOURCES or bool(SIMULATED.fullmatch(dataset) or STATION.fullmatch(dataset))
