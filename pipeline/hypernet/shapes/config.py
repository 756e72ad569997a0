"""The ``shapes`` section of params.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hypernet.lab.config import (
    Count,
    DatasetName,
    DomainConfig,
    EvaluateSettings,
    Method,
    NetworkTraining,
    Positive,
    Section,
    SourceSettings,
    Steps,
    TrainingChanges,
    TrainSettings,
    require_known,
)
from hypernet.shapes.names import GENERATED, SOURCES

# How many training shapes each class has, where it is not the common number, and which population they are from.
GENERATED_NAME = re.compile(rf"{GENERATED}(?:_each(?P<each>[1-9]\d{{0,4}}))?(?:_seed(?P<seed>\d{{1,6}}))?")
# What a person's folder of meshes may hold.
MESH_SUFFIXES = (".obj", ".off", ".ply", ".stl", ".glb", ".gltf")

# A seed is a place in a population: the splits of one, and one population and the next, share no shape.
MOST_TRAINED, MOST_VALIDATED, MOST_TESTED = 7_000, 1_000, 92_000

Pixels = Annotated[int, Field(ge=16, le=512)]


class Counts(Section):
    """Generated shapes of every class."""

    train: Annotated[int, Field(ge=1, le=MOST_TRAINED)]
    validation: Annotated[int, Field(ge=1, le=MOST_VALIDATED)]
    test: Annotated[int, Field(ge=2, le=MOST_TESTED)]


class Views(Section):
    """Images of each shape.

    Attributes:
        size: pixels of a side.
        train: how many there are of a training shape.
        test: how many there are of a tested shape.
        framed: whether the object stands in the middle of every image and fills the same share of it, as photographs
            are brought to; if not, cameras look at the middle of the cube, as in official renderings.
    """

    size: Pixels
    train: Annotated[int, Field(ge=2)]
    test: Count
    framed: bool


class Voxelisation(Section):
    """How a mesh becomes voxels and labels; see ``hypernet.shapes.core.voxels``.

    Attributes:
        rule: ``centre``: a voxel is inside where its centre is; ``touch``: also where the surface passes.
        solid: ``winding``, ``fill``, or ``auto``: fill for thin shells alone.
    """

    rule: Literal["centre", "touch"]
    solid: Literal["auto", "winding", "fill"]


class Samples(Section):
    """Points of each training shape, with their labels: a training draws from them.

    Attributes:
        uniform: points of U[-1, 1]³.
        boundary: points of the surface, each moved by N(0, sigma²) along every axis.
        sigma: the spreads, of the cube [-1, 1]; as many points have each.
    """

    uniform: Count
    boundary: Count
    sigma: Annotated[list[Positive], Field(min_length=1)]


class OwnMeshes(Section):
    """A person's own folder: ``<class>/*.obj`` (or off, ply, stl, glb, gltf), or each mesh in a folder below its class.

    Attributes:
        path: the folder.
        kind: what it holds.
        up: the axis that points up in the files.
    """

    path: str
    kind: Literal["auto", "meshes"]
    up: Literal["y", "z"] = "y"

    def files(self) -> list[str]:
        """All meshes in the folder."""
        inside = (path for pattern in ("*/*", "*/*/*") for path in Path(self.path).glob(pattern))
        return sorted(str(path) for path in inside if path.suffix.lower() in MESH_SUFFIXES and path.is_file())


class UnitSizes(Section):
    """One residual unit of the encoder."""

    channels: Count
    stride: Annotated[int, Field(ge=1, le=4)]


class EncoderSizes(Section):
    """What looks at the image.

    Attributes:
        channels: of the first convolution.
        stride: of the first convolution.
        units: residual units.
        hidden: width of the fully connected layer before the embedding.
        embedding: E, entries of the embedding.
    """

    channels: Count
    stride: Annotated[int, Field(ge=1, le=4)]
    units: Annotated[list[UnitSizes], Field(min_length=1, max_length=64)]
    hidden: Count
    embedding: Count


class DecoderSizes(Section):
    """The functional decoder g: width of its hidden layers, number of dense layers, how its heads start."""

    width: Count
    layers: Annotated[int, Field(ge=2, le=32)]
    start: Literal["ordinary", "fan", "official", "hyperfan"]


class Training(NetworkTraining):
    """How long a network is trained, and on what.

    Attributes:
        batch: images.
        uniform: uniform points of each image.
        boundary: boundary points of each image.
    """

    # Images and points have single precision.
    precision: Literal["32-true", "bf16-mixed"]
    batch: Count
    uniform: Annotated[int, Field(ge=0)]
    boundary: Annotated[int, Field(ge=0)]


class Changes(TrainingChanges):
    """What one method's training does differently from the common one."""

    batch: Count | None = None
    uniform: Annotated[int, Field(ge=0)] | None = None
    boundary: Annotated[int, Field(ge=0)] | None = None


class Trained(Section):
    """A method with nothing to set but its training."""

    train: Changes


class SilhouetteMethod(Trained):
    """Training from silhouettes alone: rays of another view of the same object, samples on each ray."""

    rays: Count
    samples: Count


class WideMethod(Trained):
    """A decoder of its own width."""

    width: Count


class MatchedMethod(Trained):
    """The control: a decoder of fixed weights behind a trunk as wide as the hypernetwork's parameters allow.

    Attributes:
        width: of the decoder.
        embedding: E, entries of the embedding.
    """

    width: Count
    embedding: Count


class DeconvolutionMethod(Trained):
    """Channels of the 4³ cells that transposed convolutions start from."""

    channels: Annotated[int, Field(ge=4)]


class RecurrentMethod(Trained):
    """3D-R2N2: channels of the encoder's stages and of the decoder's, entries of the feature vector."""

    encoder: Annotated[list[Count], Field(min_length=1, max_length=8)]
    first_kernel: Count
    hidden: Count
    decoder: Annotated[list[Count], Field(min_length=4, max_length=4)]


class PointSetMethod(Trained):
    """A set of points: how many, and the width of the layer before them."""

    hidden: Count
    count: Count


class RetrievalMethod(Section):
    """The nearest silhouette; of the thumbnails' sides and framings the validation chooses one."""

    sizes: Annotated[list[Annotated[int, Field(ge=1, le=512)]], Field(min_length=1)]
    framed: Annotated[list[bool], Field(min_length=1)]


class MeshScores(Section):
    """Chamfer distance, F-score and normal consistency: of some objects of each class, from extracted meshes.

    Attributes:
        objects_per_class: how many.
        resolution: cells along an axis from which a mesh is extracted.
        points: sampled on each surface.
    """

    objects_per_class: Count
    resolution: Annotated[int, Field(ge=16, le=512)]
    points: Count


class RawSettings(SourceSettings):
    """Where the shapes come from."""

    generated: Counts | None
    own: OwnMeshes | None

    def own_files(self) -> list[str]:
        """See ``SourceSettings``."""
        return [] if self.own is None else self.own.files()


class PrepareSettings(Section):
    """How shapes become images, voxels and labelled points."""

    views: Views
    voxels: Voxelisation
    samples: Samples
    own: OwnMeshes | None


class EvaluationSettings(EvaluateSettings):
    """What the evaluation depends on."""

    resamples: Annotated[int, Field(ge=100)]
    mesh: MeshScores


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""


class MeanSettings(MethodSettings):
    """``mean_shape``: nothing to set."""


class ClassMeanSettings(MethodSettings):
    """``class_mean_oracle``: nothing to set."""


class RetrievalSettings(MethodSettings):
    """``retrieval``."""

    method: RetrievalMethod


class NetworkSettings(MethodSettings):
    """What all networks have."""

    train: Training
    encoder: EncoderSizes


class HyperSettings(NetworkSettings):
    """``hyper``, and the same network without boundary points or with another start."""

    decoder: DecoderSizes


class SingleSettings(HyperSettings):
    """``hyper_single``."""


class SilhouetteSettings(HyperSettings):
    """``hyper_silhouettes``."""

    method: SilhouetteMethod


class FilmSettings(NetworkSettings):
    """``film``: a decoder of g's width and number of layers."""

    width: int
    layers: int


class ConcatSettings(NetworkSettings):
    """``concat`` and ``concat_wide``: as many layers as g."""

    method: WideMethod
    layers: int


class MatchedSettings(NetworkSettings):
    """``concat_matched``."""

    method: MatchedMethod
    decoder: DecoderSizes


class ConditionalNormSettings(NetworkSettings):
    """``cbn``."""

    method: WideMethod


class DeconvolutionSettings(NetworkSettings):
    """``voxel_deconv``."""

    method: DeconvolutionMethod


class RecurrentSettings(NetworkSettings):
    """``voxel_r2n2``."""

    method: RecurrentMethod
    views: Views


class PointSetSettings(NetworkSettings):
    """``points``."""

    method: PointSetMethod


METHODS = {
    "mean_shape": Method("Mean shape", MeanSettings, at_once=True),
    "class_mean_oracle": Method("Mean shape of the class (class given)", ClassMeanSettings, at_once=True),
    "retrieval": Method("Nearest silhouette", RetrievalSettings, at_once=True),
    "voxel_deconv": Method("Voxel deconvolution", DeconvolutionSettings, "E"),
    "voxel_r2n2": Method("3D-R2N2 (own port, one view)", RecurrentSettings, "P"),
    "points": Method("Point set", PointSetSettings, "E"),
    "concat": Method("Implicit function without hypernetwork", ConcatSettings, "E"),
    "concat_wide": Method("Implicit function without hypernetwork, wide", ConcatSettings, "E"),
    "concat_matched": Method("Implicit function, parameters matched", MatchedSettings),
    "film": Method("Generated gains and biases (FiLM)", FilmSettings),
    "cbn": Method("Occupancy Networks' decoder", ConditionalNormSettings, "P"),
    "hyper": Method("Hypernetwork", HyperSettings),
    "hyper_uniform": Method("Hypernetwork, no boundary points", HyperSettings, "E"),
    "hyper_single": Method("Hypernetwork, one per class (class given)", SingleSettings, "E"),
    "hyper_silhouettes": Method("Hypernetwork, from silhouettes alone", SilhouetteSettings),
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
    generated: Counts
    own: dict[DatasetName, OwnMeshes]
    views: Views
    voxels: Voxelisation
    samples: Samples
    train: Training
    encoder: EncoderSizes
    decoder: DecoderSizes
    retrieval: RetrievalMethod
    voxel_deconv: DeconvolutionMethod
    voxel_r2n2: RecurrentMethod
    points: PointSetMethod
    concat: WideMethod
    concat_wide: WideMethod
    concat_matched: MatchedMethod
    film: Trained
    cbn: WideMethod
    hyper: Trained
    hyper_uniform: Trained
    hyper_single: Trained
    hyper_silhouettes: SilhouetteMethod
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        for dataset in self.datasets:
            generated = GENERATED_NAME.fullmatch(dataset)
            if generated and int(generated["each"] or 1) > MOST_TRAINED:
                raise ValueError(f"datasets: {dataset}: a class has {MOST_TRAINED:,} training shapes at most")
        forms = (GENERATED, f"{GENERATED}_each<number>", f"{GENERATED}_seed<number>", *SOURCES)
        require_known(self.datasets, self.own, _is_ours, forms)
        return self

    @model_validator(mode="after")
    def _drawn_from_what_is_stored(self) -> Self:
        for name in self.methods:
            train = self.values("train", self.datasets[0], name).get("train")
            if train is None:
                continue
            for points in ("uniform", "boundary"):
                wanted, stored = getattr(train, points), getattr(self.samples, points)
                if wanted > stored:
                    raise ValueError(f"train of {name}: {points} is {wanted}, samples.{points} holds {stored}")
            if not train.uniform + train.boundary:
                raise ValueError(
                    f"train of {name}: uniform and boundary are both 0: there would be nothing to train on"
                )
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        values = super().values(step, dataset, method)
        counts = self.generated if dataset == "real" else None
        if (matched := GENERATED_NAME.fullmatch(dataset)) is not None:
            each = matched["each"]
            counts = self.generated.model_copy(update={"train": int(each)} if each else {})
        decoder = {"width": self.decoder.width, "layers": self.decoder.layers}
        return values | decoder | {"generated": counts, "own": self.own.get(dataset)}
