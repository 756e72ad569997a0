"""The ``sonar`` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hypernet.lab.config import (
    Count,
    DatasetName,
    DomainConfig,
    Method,
    NamesOnce,
    Positive,
    Section,
    Steps,
    TrainSettings,
    require_known,
)
from hypernet.shapes.config import (
    Counts,
    DecoderSizes,
    EncoderSizes,
    EvaluationSettings,
    OwnMeshes,
    Pixels,
    Samples,
    Trained,
    Training,
    Voxelisation,
    WideMethod,
)
from hypernet.shapes.config import RawSettings as ShapeSources
from hypernet.sonar.names import GENERATED, GENERATED_NAME, REAL, SOURCES

# What of an object a network is given: the first pair of echoes, the pairs of all heads, all microphones with the first
# head, an image, or the first pair and an image.
Senses = Literal["pair", "pairs", "microphones", "image", "both"]
Angle = Annotated[float, Field(ge=-360, le=360)]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]


class Scene(Section):
    """Where the bat is, and how it holds its head.

    Attributes:
        size_m: longest side of every object.
        range_m: from the middle of the object to the bat's mouth.
        elevation_deg: of the bat above the object's horizon.
        azimuth_range_deg: azimuths are drawn between minus and plus this; 0 is before the object's front.
        views: places from which each object is heard.
        heads: yaw, pitch and roll of the head in degrees, one for each pair of echoes at every place.
        microphones: places of further microphones in metres forward, left and up of the mouth; for ``batman_mics``.
    """

    size_m: Annotated[float, Field(gt=0, le=10)]
    range_m: Annotated[float, Field(gt=0, le=50)]
    elevation_deg: Annotated[float, Field(ge=-89, le=89)]
    azimuth_range_deg: Annotated[float, Field(ge=0, le=180)]
    views: Count
    heads: Annotated[
        list[Annotated[list[Angle], Field(min_length=3, max_length=3)]], Field(min_length=1, max_length=16)
    ]
    microphones: Annotated[list[Triple], Field(max_length=64)]


class EmittedCall(Section):
    """The emitted call: a sweep, or one cut from a recording.

    Attributes:
        shape: of the sweep.
        start_hz: its first frequency.
        end_hz: its last one.
        duration_s: how long it lasts.
        window: its envelope.
        recording: a WAV file, or the name of one in a folder of HYPERNET_MIRROR; the call is then cut out of it.
        band_hz: what is kept of a recording.
    """

    shape: Literal["linear", "hyperbolic"]
    start_hz: Annotated[float, Field(ge=1000, le=500_000)]
    end_hz: Annotated[float, Field(ge=1000, le=500_000)]
    duration_s: Annotated[float, Field(gt=0, le=0.1)]
    window: Literal["hann", "tukey"]
    recording: str | None
    band_hz: Annotated[list[Positive], Field(min_length=2, max_length=2)]


class Hearing(Section):
    """Air, ears and the form of an echo.

    Attributes:
        rate_hz: samples of a second.
        samples: of each echo.
        scattering: how a surface reflects.
        diffuse_share: share of ``mixed`` that is scattered at random.
        bounces: 1, or 2 with echoes that come back by way of a second surface.
        ears: how sensitive they are to directions.
        baseline_m: distance between them.
        temperature_c: of the air.
        humidity_percent: of the air.
        absorption: whether air absorbs sound.
        snr_db: mean power of the training set's echoes over that of the noise.
    """

    rate_hz: Annotated[int, Field(ge=8000, le=2_000_000)]
    samples: Annotated[int, Field(ge=64, le=2**17)]
    scattering: Literal["kirchhoff", "lambert", "mixed"]
    diffuse_share: Annotated[float, Field(ge=0, le=1)]
    bounces: Literal[1, 2]
    ears: Literal["bat", "omni", "cardioid"]
    baseline_m: Annotated[float, Field(ge=0, le=1)]
    temperature_c: Annotated[float, Field(ge=-40, le=60)]
    humidity_percent: Annotated[float, Field(ge=0, le=100)]
    absorption: bool
    snr_db: Annotated[float, Field(ge=-20, le=120)]


class Representation(Section):
    """The spectrogram: length and step of its windows in samples, and the band that is kept."""

    window: Annotated[int, Field(ge=16, le=4096)]
    hop: Count
    low_hz: Positive
    high_hz: Positive


class Augmentation(Section):
    """What a training changes in an echo that leaves the object the same.

    Attributes:
        mirror: whether half of each batch is mirrored, left ear for right.
        shift_samples: by how many samples all ears together are shifted at most.
    """

    mirror: bool
    shift_samples: Annotated[int, Field(ge=0, le=64)]


class EchoTrainingSettings(Training):
    """The training of a network.

    Attributes:
        warm_up_steps: over so many steps the learning rate rises from nearly 0.
    """

    warm_up_steps: Annotated[int, Field(ge=0)]


class Convolution(Section):
    """A layer of the wave encoder: a convolution along time, then a maximum over ``pool`` samples."""

    channels: Count
    kernel: Count
    stride: Count
    pool: Count


class WaveSizes(Section):
    """What listens to the wave itself: convolutions, then the fully connected layers."""

    layers: Annotated[list[Convolution], Field(min_length=1, max_length=12)]
    hidden: Count
    embedding: Count


class MatchedMethod(Trained):
    """The control: a decoder of fixed weights of this width; the trunk is as wide as makes the parameters equal."""

    width: Count


class WaveMethod(Trained):
    """SoundNet's encoder."""

    encoder: WaveSizes


class NearestMethod(Section):
    """The nearest echo: representations and blurs in time, of which the validation chooses one of each."""

    representations: Annotated[list[Literal["magnitude", "envelope"]], Field(min_length=1)]
    frames: Annotated[list[Annotated[int, Field(ge=1, le=64)]], Field(min_length=1)]


class RawSettings(ShapeSources):
    """Where the objects and the call come from."""

    call: EmittedCall


class PrepareSettings(Section):
    """How objects become echoes, images, voxels and labelled points."""

    scene: Scene
    call: EmittedCall
    hearing: Hearing
    image_size: Pixels
    voxels: Voxelisation
    samples: Samples
    own: OwnMeshes | None


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""


class MeanSettings(MethodSettings):
    """``mean_shape``: nothing to set."""


class NearestSettings(MethodSettings):
    """``nearest``."""

    method: NearestMethod
    representation: Representation


class NetworkSettings(MethodSettings):
    """What all networks have."""

    train: EchoTrainingSettings
    augmentation: Augmentation
    representation: Representation
    decoder: DecoderSizes

    @property
    def senses(self) -> Senses:
        """What the network is given."""
        return "pair"


class WaveSettings(NetworkSettings):
    """``soundnet``."""

    method: WaveMethod


class ResidualSettings(NetworkSettings):
    """``resnet`` and ``resnet_phase``: convolutions that are averaged over time and frequency."""

    encoder: EncoderSizes
    phase: bool


class BatSettings(NetworkSettings):
    """``batman`` and the other rows with its encoder: the range profile is kept."""

    encoder: EncoderSizes


class PairsSettings(BatSettings):
    """``batman_pairs``: it hears the pairs of all heads."""

    @property
    def senses(self) -> Senses:
        """See ``NetworkSettings``."""
        return "pairs"


class MicrophonesSettings(BatSettings):
    """``batman_mics``: one head, and all microphones."""

    @property
    def senses(self) -> Senses:
        """See ``NetworkSettings``."""
        return "microphones"


class FilmSettings(BatSettings):
    """``film``: the same encoder, and of the decoder only gains and biases are generated."""


class FixedSettings(BatSettings):
    """``fixed_decoder``: the same encoder, its embedding added in the first layer."""

    method: WideMethod


class MatchedSettings(BatSettings):
    """``concat_matched``: the same encoder before a fixed decoder, with as many parameters as ``batman``."""

    method: MatchedMethod


class VisionSettings(NetworkSettings):
    """``vision``: the network of ``shapes`` on images from where the bat is."""

    image_encoder: EncoderSizes

    @property
    def senses(self) -> Senses:
        """See ``NetworkSettings``."""
        return "image"


class BothSettings(NetworkSettings):
    """``vision_sonar``: the embeddings of both side by side."""

    encoder: EncoderSizes
    image_encoder: EncoderSizes

    @property
    def senses(self) -> Senses:
        """See ``NetworkSettings``."""
        return "both"


METHODS = {
    "mean_shape": Method("Mean shape", MeanSettings, at_once=True),
    "nearest": Method("Nearest echo", NearestSettings, at_once=True),
    "concat_matched": Method("BatMan's encoder, fixed decoder, parameters matched", MatchedSettings),
    "fixed_decoder": Method("BatMan's encoder, fixed decoder, small", FixedSettings, "E"),
    "film": Method("BatMan's encoder, generated gains and biases (FiLM)", FilmSettings),
    "soundnet": Method("SoundNet encoder", WaveSettings),
    "resnet": Method("ResNet encoder", ResidualSettings),
    "resnet_phase": Method("ResNet encoder + phase", ResidualSettings),
    "batman": Method("BatMan, single pair", BatSettings),
    "batman_pairs": Method("BatMan, multiple pairs", PairsSettings),
    "batman_mics": Method("BatMan, one head pose, more microphones", MicrophonesSettings, "E"),
    "vision": Method("Vision (the network of shapes)", VisionSettings, "E"),
    "vision_sonar": Method("Vision + BatMan", BothSettings, "E"),
}
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


def _is_ours(dataset: str) -> bool:
    return dataset in SOURCES or GENERATED_NAME.fullmatch(dataset) is not None


class Config(DomainConfig):
    """The whole section."""

    table = METHODS
    step_settings = STEP_SETTINGS
    evaluation_files = ("predictions.npz",)
    reflections_compared: NamesOnce
    generated: Counts
    own: dict[DatasetName, OwnMeshes]
    scene: Scene
    call: EmittedCall
    hearing: Hearing
    image_size: Pixels
    voxels: Voxelisation
    samples: Samples
    representation: Representation
    augmentation: Augmentation
    train: EchoTrainingSettings
    encoder: EncoderSizes
    image_encoder: EncoderSizes
    decoder: DecoderSizes
    nearest: NearestMethod
    concat_matched: MatchedMethod
    fixed_decoder: WideMethod
    film: Trained
    soundnet: WaveMethod
    resnet: Trained
    resnet_phase: Trained
    batman: Trained
    batman_pairs: Trained
    batman_mics: Trained
    vision: Trained
    vision_sonar: Trained
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        forms = (GENERATED, f"{GENERATED}[_bounces2][_each<number>][_seed<number>]", *SOURCES)
        require_known(self.datasets, self.own, _is_ours, forms)
        return self

    @model_validator(mode="after")
    def _heard(self) -> Self:
        band, rate = self.representation, self.hearing.rate_hz
        if not band.low_hz < band.high_hz <= rate / 2:
            raise ValueError(
                f"representation: low_hz {band.low_hz:g} and high_hz {band.high_hz:g} must rise, to half of "
                f"hearing.rate_hz ({rate / 2:g}) at most"
            )
        bins = round(band.window * (band.high_hz - band.low_hz) / rate)
        if bins < 2:
            raise ValueError(
                f"representation: windows of {band.window} samples leave {bins} frequencies of the band; take longer "
                "ones"
            )
        if band.window > self.hearing.samples:
            raise ValueError(f"representation: window {band.window} is longer than an echo ({self.hearing.samples})")
        if "batman_mics" in self.methods and not self.scene.microphones:
            raise ValueError("batman_mics: scene.microphones is empty; it needs microphones beside the ears")
        return self

    @model_validator(mode="after")
    def _drawn_from_what_is_stored(self) -> Self:
        for points in ("uniform", "boundary"):
            wanted, stored = getattr(self.train, points), getattr(self.samples, points)
            if wanted > stored:
                raise ValueError(f"train: {points} is {wanted}, samples.{points} holds {stored}")
        if not self.train.uniform + self.train.boundary:
            raise ValueError("train: uniform and boundary are both 0: there would be nothing to train on")
        return self

    def feasible(self, dataset: str, method: str) -> bool:
        """See ``DomainConfig``: a data set that names its reflections is for the rows that are compared over them."""
        named = GENERATED_NAME.fullmatch(dataset)
        return not (named and named["bounces"]) or method in self.reflections_compared

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        values = super().values(step, dataset, method)
        counts, hearing = (self.generated if dataset == REAL else None), self.hearing
        if (matched := GENERATED_NAME.fullmatch(dataset)) is not None:
            each, bounces = matched["each"], matched["bounces"]
            counts = self.generated.model_copy(update={"train": int(each)} if each else {})
            hearing = hearing.model_copy(update={"bounces": int(bounces)} if bounces else {})
        return values | {
            "generated": counts,
            "hearing": hearing,
            "own": self.own.get(dataset),
            "phase": method == "resnet_phase",
        }
