"""The ``superres`` section of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hypernet.lab.config import (
    Count,
    DatasetName,
    DomainConfig,
    EvaluateSettings,
    Method,
    Positive,
    RepeatedChanges,
    RepeatedTraining,
    Section,
    SourceSettings,
    Steps,
    TrainSettings,
    require_known,
)
from hypernet.superres.names import DIGITS, MNIST, SIZE, SOURCES

Side = Annotated[int, Field(ge=2, lt=SIZE)]


class Counts(Section):
    """Images of each split: the first of the source's, or so many of every class."""

    train: Annotated[int, Field(ge=10, le=60_000)]
    validation: Annotated[int, Field(ge=10, le=10_000)]
    test: Annotated[int, Field(ge=10, le=10_000)]


class AllCounts(Section):
    """How many images of each source are used."""

    digits: Counts
    mnist: Counts

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        digits, mnist = self.digits, self.mnist
        if digits.train + digits.validation + digits.test > 5_000:
            raise ValueError("digits: train, validation and test are more than the 5,000 that there are")
        if mnist.train + mnist.validation > 60_000:
            raise ValueError("mnist: train and validation are more than the 60,000 that there are")
        return self


class OwnImages(Section):
    """A person's own grey images: a folder of pictures, flat or one folder per class, or of IDX files.

    Attributes:
        path: the folder.
        kind: what it holds; ``auto`` looks.
        polarity: whether the ink is light on dark, as in MNIST, or dark on light, as on paper; ``auto`` looks at the
            border of every picture.
        centring: ``as_is``: pictures are square already; ``mass``: the ink is cut out, brought to 20 of 28 pixels and
            its centre of mass to the middle, as MNIST's was.
    """

    path: str
    kind: Literal["auto", "pictures", "idx"]
    polarity: Literal["auto", "light_on_dark", "dark_on_light"]
    centring: Literal["as_is", "mass"]

    def files(self) -> list[str]:
        """All files in the folder."""
        return sorted(str(path) for path in Path(self.path).rglob("*") if path.is_file())


class LowResolution(Section):
    """The small images: exact means over areas of the large ones.

    Attributes:
        rows: of a small image; a divisor of 32.
        columns: likewise.
        bits: to which their grey levels are rounded; null: not rounded.
    """

    rows: Side
    columns: Side
    bits: Annotated[int, Field(ge=1, le=16)] | None

    @model_validator(mode="after")
    def _divides(self) -> Self:
        for name, side in (("rows", self.rows), ("columns", self.columns)):
            if SIZE % side:
                raise ValueError(f"{name}: {side} does not divide {SIZE}")
        return self

    @property
    def scale(self) -> tuple[int, int]:
        """How many rows and columns of a large image stand for one of a small one."""
        return SIZE // self.rows, SIZE // self.columns


class Classifier(Section):
    """What tells digits apart, to see whether one has changed: a support vector machine, trained on large images.

    Attributes:
        images: so many of the training images at most; its time grows with their square.
        penalty: C.
        gamma: of the radial kernel.
    """

    images: Annotated[int, Field(ge=10, le=60_000)]
    penalty: Positive
    gamma: Positive


class NetworkSizes(Section):
    """What the networks share.

    Attributes:
        embedding: d, entries of what the encoder makes of a small image.
        frequencies: K of the Fourier features.
    """

    embedding: Count
    frequencies: Annotated[int, Field(ge=1, le=16)]


class Training(RepeatedTraining):
    """How long a network is trained, and on what.

    Attributes:
        batch: images.
        points: pixels of each image, drawn anew for every one; 0: all of them.
    """

    precision: Literal["32-true", "bf16-mixed"]
    batch: Count
    points: Annotated[int, Field(ge=0, le=SIZE * SIZE)]


class Trained(Section):
    """A method with nothing to set but its training."""

    train: RepeatedChanges


class HyperMethod(Trained):
    """The hypernetwork.

    Attributes:
        feature_mean_square: what the heads take the mean square of the embedding for at the start: 1 is the start of
            the protocol, smaller numbers give the images more different networks from the start.
    """

    feature_mean_square: Positive


class LayersMethod(Trained):
    """A perceptron of as many hidden layers, as wide as the hypernetwork's number of parameters allows."""

    layers: Annotated[int, Field(ge=1, le=16)]


class BigMethod(Trained):
    """A perceptron of these hidden widths."""

    widths: Annotated[list[Count], Field(min_length=1, max_length=16)]


class LocalMethod(Trained):
    """LIIF: channels of its encoder, width of its perceptron."""

    channels: Count
    width: Count


class FunctionalRepresentation(Trained):
    """HFIR: channels of its convolutions, entries of its embedding, hidden widths of the network it writes."""

    channels: Count
    embedding: Count
    widths: Annotated[list[Count], Field(min_length=1, max_length=16)]


class OracleMethod(Section):
    """The network fitted to each large image itself: how many images, steps of Adam and their rate."""

    images: Annotated[int, Field(ge=2, le=1000)]
    steps: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class Projection(Section):
    """Bringing an image's state towards its small image after the training: steps of Adam on the state alone.

    Attributes:
        images: so many of the tested ones; 0: none.
        steps: of Adam.
        learning_rate: of Adam, as a share of the mean size of the state's entries.
    """

    images: Annotated[int, Field(ge=0)]
    steps: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class RawSettings(SourceSettings):
    """Where the images come from."""

    own: OwnImages | None

    def own_files(self) -> list[str]:
        """See ``SourceSettings``."""
        return [] if self.own is None else self.own.files()


class PrepareSettings(Section):
    """How images become large and small ones."""

    counts: Counts | None
    own: OwnImages | None
    low: LowResolution
    classifier: Classifier


class EvaluationSettings(EvaluateSettings):
    """What the evaluation depends on.

    Attributes:
        other_sizes: so many of the tested images are also sampled at 16, 24 and 64 pixels.
        projection: whether and how outputs are brought towards the small images.
    """

    other_sizes: Annotated[int, Field(ge=2)]
    projection: Projection


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""

    low: LowResolution


class ResamplingSettings(MethodSettings):
    """``nearest``, ``bilinear``, ``bicubic``, ``lanczos``: nothing to set."""


class NetworkSettings(MethodSettings):
    """What all networks have."""

    train: Training


class FunctionSettings(NetworkSettings):
    """What the networks with the common encoder and Fourier features have."""

    network: NetworkSizes


class HyperSettings(FunctionSettings):
    """``hyper_h4`` ... ``hyper_h64``."""

    method: HyperMethod
    width: int


class ConcatSettings(FunctionSettings):
    """``concat_h4`` ... ``concat_h64``: hidden layers of the generated network's width."""

    method: Trained
    width: int


class BigSettings(FunctionSettings):
    """``concat_big``."""

    method: BigMethod


class MatchedSettings(FunctionSettings):
    """``concat_matched``: as many parameters as ``hyper_h16``."""

    method: LayersMethod


class FilmSettings(FunctionSettings):
    """``film``: as many parameters as ``hyper_h16``."""

    method: LayersMethod


class SubPixelSettings(NetworkSettings):
    """``espcn``."""


class InterpolatedFirstSettings(NetworkSettings):
    """``srcnn``."""


class LocalSettings(NetworkSettings):
    """``liif``."""

    method: LocalMethod


class FunctionalRepresentationSettings(NetworkSettings):
    """``hfir``."""

    method: FunctionalRepresentation


class OracleSettings(MethodSettings):
    """``oracle_fit``."""

    method: OracleMethod
    network: NetworkSizes


# Hidden widths of g. The first of the default stands for the method; with the others it is the curve of the page.
WIDTHS = (4, 8, 16, 32, 64)
DEFAULT_WIDTH = 16
HYPER = {f"hyper_h{width}": width for width in WIDTHS}
CONCAT = {f"concat_h{width}": width for width in WIDTHS}
METHODS = {
    "nearest": Method("Nearest", ResamplingSettings, at_once=True),
    "bilinear": Method("Bilinear", ResamplingSettings, at_once=True),
    "bicubic": Method("Bicubic", ResamplingSettings, at_once=True),
    "lanczos": Method("Lanczos", ResamplingSettings, at_once=True),
    **{
        name: Method(f"Concatenation, h = {width}", ConcatSettings, "D" if width == DEFAULT_WIDTH else "E")
        for name, width in CONCAT.items()
    },
    "concat_big": Method("Concatenation, 128-128-128", BigSettings, "E"),
    "concat_matched": Method("Concatenation, parameters matched", MatchedSettings),
    "film": Method("Gains and shifts (FiLM), parameters matched", FilmSettings),
    "espcn": Method("ESPCN", SubPixelSettings),
    "srcnn": Method("SRCNN", InterpolatedFirstSettings, "E"),
    "liif": Method("LIIF", LocalSettings),
    "hfir": Method("HFIR (Klocek et al., own port)", FunctionalRepresentationSettings, "E"),
    **{
        name: Method(f"Hypernetwork, h = {width}", HyperSettings, "D" if width == DEFAULT_WIDTH else "E")
        for name, width in HYPER.items()
    },
    "oracle_fit": Method("Fitted to the large image (oracle)", OracleSettings, "E", at_once=True),
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
    counts: AllCounts
    own: dict[DatasetName, OwnImages]
    low: LowResolution
    classifier: Classifier
    train: Training
    network: NetworkSizes
    hyper: HyperMethod
    concat: Trained
    concat_big: BigMethod
    concat_matched: LayersMethod
    film: LayersMethod
    espcn: Trained
    srcnn: Trained
    liif: LocalMethod
    hfir: FunctionalRepresentation
    oracle_fit: OracleMethod
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        require_known(self.datasets, self.own, SOURCES.__contains__, SOURCES)
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        family = "hyper" if method in HYPER else "concat" if method in CONCAT else method
        values = super().values(step, dataset, family)
        counts = {DIGITS: self.counts.digits, MNIST: self.counts.mnist}.get(dataset)
        width = {**HYPER, **CONCAT}.get(method or "")
        return values | {"counts": counts, "own": self.own.get(dataset), "width": width}
