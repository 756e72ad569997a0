"""The ``retouch`` section of params.yaml."""

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
from hypernet.retouch.names import FIVEK, KODAK, SOURCES

Side = Annotated[int, Field(ge=16, le=1024)]


class Sizes(Section):
    """Sides of the photographs, pixels.

    Attributes:
        measured: short side of the images that are measured; larger ones are reduced, none is enlarged.
        kept: side of the squares that trainings draw their views from.
    """

    measured: Annotated[int, Field(ge=32, le=8192)]
    kept: Side


class Degradation(Section):
    """How inputs are made from clean photographs, where there are no pairs.

    Attributes:
        look: ``expert``: the target is the clean photograph in one fixed style, to be found out; ``none``: it is the
            clean photograph.
        per_image: inputs of each tested photograph, of fixed degradations.
    """

    look: Literal["expert", "none"]
    per_image: Annotated[int, Field(ge=1, le=64)]


class Views(Section):
    """How trainings see the photographs.

    Attributes:
        smallest: least side of a view, as a share of the photograph's.
    """

    smallest: Annotated[float, Field(gt=0, le=1)]


class OwnPhotographs(Section):
    """A person's own photographs.

    Attributes:
        path: the folder.
        kind: ``pool``: clean photographs, whose degradations are to be undone; ``pairs``: before and after, in two
            folders or by their names; ``auto`` looks.
        resize: pairs whose members differ in size, but not in shape, are brought to the target's size.
    """

    path: str
    kind: Literal["auto", "pool", "pairs"]
    resize: bool

    def files(self) -> list[str]:
        """All files in the folder."""
        return sorted(str(path) for path in Path(self.path).rglob("*") if path.is_file())


class FiveK(Section):
    """MIT-Adobe FiveK, expert C, as somebody has exported it.

    Attributes:
        path: the folder; null: a folder ``fivek`` in a mirror.
        resize: see ``OwnPhotographs``.
    """

    path: str | None
    resize: bool


class NetworkSizes(Section):
    """What the networks that look at a thumbnail share.

    Attributes:
        thumbnail: S, side of the thumbnails.
        encoder: ``pooled``: four convolutions, mean and maximum, and the statistics; ``deep``: the classifier of Zeng
            et al. for thumbnails of 256.
        embedding: entries of e.
        statistics: whether ``pooled`` is given the 27 global statistics.
        stretch: whether networks answer for images whose channels are stretched to [0, 1], not for the images as they
            are; a colour map for stretched colours is one of the same size for the colours themselves.
        dropout: share of the features that a training step leaves out.
    """

    thumbnail: Annotated[int, Field(ge=16, le=512)]
    encoder: Literal["pooled", "deep"]
    embedding: Count
    statistics: bool
    stretch: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _whole_cells(self) -> Self:
        if self.encoder == "deep" and self.thumbnail % 32:
            raise ValueError(f"thumbnail: {self.thumbnail} is no multiple of 32, which the deep encoder needs")
        return self


class Training(RepeatedTraining):
    """How long a network is trained, and on what.

    Attributes:
        batch: images.
        weight_decay: of Adam, apart from the gradient (AdamW).
        lab_weight: of the squared difference in L*a*b* (over 100²) beside that in RGB.
    """

    precision: Literal["32-true", "bf16-mixed"]
    batch: Count
    weight_decay: Annotated[float, Field(ge=0)]
    lab_weight: Annotated[float, Field(ge=0)]


class Changes(RepeatedChanges):
    """What one method's training does differently from the common one."""

    batch: Count | None = None
    gradient_clip: Positive | None = None
    lab_weight: Annotated[float, Field(ge=0)] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None


class Trained(Section):
    """A method with nothing to set but its training."""

    train: Changes


class AutoContrastMethod(Section):
    """``auto_contrast``: share of the values of a channel that are cut off at either end."""

    cutoff: Annotated[float, Field(ge=0, lt=0.5)]


class ClaheMethod(Section):
    """``clahe``: limit of the contrast (scikit-image's)."""

    clip_limit: Annotated[float, Field(gt=0, le=1)]


class GreyWorldMethod(Section):
    """``grey_world``: whether channels are scaled in linear light."""

    linear: bool


class ProgramMethod(Section):
    """``imagemagick``: the options of its command line."""

    options: Annotated[list[Annotated[str, Field(pattern=r"^[-+]?[a-z0-9.,%x-]+$")]], Field(min_length=1)]


class Samples(Section):
    """What is fitted without steps: training views that it is given."""

    samples: Annotated[int, Field(ge=2, le=100_000)]


class NearestMethod(Samples):
    """``nearest_matrix``: of so many neighbours the mean."""

    neighbours: Count

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        if self.neighbours > self.samples:
            raise ValueError(f"neighbours: {self.neighbours} are more than the {self.samples} samples")
        return self


class RidgeMethod(Samples):
    """``ridge`` and ``ridge_stretched``: the penalty."""

    penalty: Positive


class LayersMethod(Trained):
    """A perceptron of as many hidden layers, as wide as the hypernetwork's number of parameters allows."""

    layers: Annotated[int, Field(ge=1, le=8)]


class WidthsMethod(Trained):
    """A U-Net of these channels."""

    widths: Annotated[list[Count], Field(min_length=2, max_length=8)]


class TableMethod(Trained):
    """``lut3d``: basis tables, their cells along an axis, and the weights of the two penalties."""

    tables: Annotated[int, Field(ge=1, le=16)]
    cells: Annotated[int, Field(ge=2, le=65)]
    smoothness: Annotated[float, Field(ge=0)]
    monotonicity: Annotated[float, Field(ge=0)]


class GridMethod(Trained):
    """``hdrnet``: cells of the bilateral grid in the plane and in depth."""

    cells: Annotated[int, Field(ge=2, le=64)]
    depth: Annotated[int, Field(ge=2, le=32)]


class UnpairedMethod(Section):
    """``hyper_unpaired``: the weights of its losses.

    Attributes:
        cycle: of |G(F(x)) - x| and |F(G(y)) - y|.
        identity: of |F(y) - y| and |G(x) - x|.
        content: of ||F(x) - x||² and ||G(y) - y||².
        adversarial: of the discriminators' verdict.
        discriminator_steps: steps of the discriminators for each of the maps'.
        discriminator_learning_rate: of the discriminators.
        train: see ``Changes``.
    """

    cycle: Annotated[float, Field(ge=0)]
    identity: Annotated[float, Field(ge=0)]
    content: Annotated[float, Field(ge=0)]
    adversarial: Annotated[float, Field(ge=0)]
    discriminator_steps: Count
    discriminator_learning_rate: Annotated[float, Field(gt=0, le=1)]
    train: Changes


class TranslationMethod(Section):
    """``pix2pix`` and ``cyclegan``.

    Attributes:
        channels: of the first layer of a generator.
        depth: halvings of pix2pix' generator, residual blocks of CycleGAN's.
        discriminator_channels: of the first layer of a discriminator.
        weight: of the absolute error (pix2pix), or of the cycle; half of it is that of the identity.
        train: see ``Changes``.
    """

    channels: Count
    depth: Annotated[int, Field(ge=1, le=16)]
    discriminator_channels: Count
    weight: Annotated[float, Field(ge=0)]
    train: Changes


class RawSettings(SourceSettings):
    """Where the photographs come from."""

    own: OwnPhotographs | None
    fivek: FiveK | None

    def own_files(self) -> list[str]:
        """See ``SourceSettings``."""
        return [] if self.own is None else self.own.files()


class PrepareSettings(Section):
    """How photographs become pairs."""

    own: OwnPhotographs | None
    fivek: FiveK | None
    sizes: Sizes
    degradation: Degradation


class EvaluationSettings(EvaluateSettings):
    """What the evaluation depends on.

    Attributes:
        film: frames of each shot of the film by which steadiness is measured; 0: none.
        smoothing_s: of a film's maps, seconds.
    """

    film: Annotated[int, Field(ge=0, le=10_000)]
    smoothing_s: Annotated[float, Field(ge=0)]


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""

    network: NetworkSizes


class IdentitySettings(MethodSettings):
    """``identity``."""


class GreyWorldSettings(MethodSettings):
    """``grey_world``."""

    method: GreyWorldMethod


class AutoContrastSettings(MethodSettings):
    """``auto_contrast``."""

    method: AutoContrastMethod


class EqualizeSettings(MethodSettings):
    """``equalize``."""


class ClaheSettings(MethodSettings):
    """``clahe``."""

    method: ClaheMethod


class ProgramSettings(MethodSettings):
    """``imagemagick``."""

    method: ProgramMethod


class OracleSettings(MethodSettings):
    """``oracle_affine``, ``oracle_quadratic``."""

    basis: str


class FittedSettings(MethodSettings):
    """What is fitted to training views."""

    views: Views


class SharedSettings(FittedSettings):
    """``global_ls`` and ``global_ls_stretched``."""

    method: Samples


class NearestSettings(FittedSettings):
    """``nearest_matrix``."""

    method: NearestMethod


class RidgeSettings(FittedSettings):
    """``ridge`` and ``ridge_stretched``."""

    method: RidgeMethod


class NetworkSettings(MethodSettings):
    """What all networks have."""

    train: Training
    views: Views


class GeneratedSettings(NetworkSettings):
    """``hyper``, ``affine``, ``cubic``: the hypernetwork in three bases."""

    method: Trained
    basis: str


class UnpairedSettings(NetworkSettings):
    """``hyper_unpaired``."""

    method: UnpairedMethod


class PerceptronSettings(NetworkSettings):
    """``pixel_mlp``."""

    method: LayersMethod


class UNetSettings(NetworkSettings):
    """``unet``."""

    method: WidthsMethod


class TableSettings(NetworkSettings):
    """``lut3d``."""

    method: TableMethod


class GridSettings(NetworkSettings):
    """``hdrnet``."""

    method: GridMethod


class PairedTranslationSettings(NetworkSettings):
    """``pix2pix``."""

    method: TranslationMethod


class CycleTranslationSettings(NetworkSettings):
    """``cyclegan``."""

    method: TranslationMethod


METHODS = {
    "identity": Method("Identity (input as it is)", IdentitySettings, at_once=True),
    "grey_world": Method("Grey world", GreyWorldSettings, at_once=True),
    "auto_contrast": Method("Auto-contrast", AutoContrastSettings, at_once=True),
    "equalize": Method("Histogram equalization", EqualizeSettings, at_once=True),
    "clahe": Method("CLAHE", ClaheSettings, at_once=True),
    "imagemagick": Method("ImageMagick, automatic", ProgramSettings, "P", at_once=True),
    "global_ls": Method("Least squares, one 3x10 for all", SharedSettings, at_once=True),
    "global_ls_stretched": Method("Stretch, then one 3x10 for all", SharedSettings, "E", at_once=True),
    "nearest_matrix": Method("3x10 of the nearest image", NearestSettings, at_once=True),
    "ridge": Method("Ridge regression, statistics to 3x10", RidgeSettings, at_once=True),
    "ridge_stretched": Method("Ridge regression after the stretch", RidgeSettings, "E", at_once=True),
    "pixel_mlp": Method("Pixel perceptron, parameters matched", PerceptronSettings),
    "unet": Method("U-Net", UNetSettings, "E"),
    "lut3d": Method("Image-adaptive 3D LUT (own port)", TableSettings, "E"),
    "hdrnet": Method("HDRNet (own port)", GridSettings, "P"),
    "pix2pix": Method("pix2pix (own port)", PairedTranslationSettings, "P"),
    "cyclegan": Method("CycleGAN, unpaired (own port)", CycleTranslationSettings, "P"),
    "affine": Method("Hypernetwork, 3x4", GeneratedSettings, "E"),
    "cubic": Method("Hypernetwork, 3x20", GeneratedSettings, "E"),
    "hyper_plain": Method("Hypernetwork, 3x10, without the stretch", GeneratedSettings, "E"),
    "hyper": Method("Hypernetwork, 3x10", GeneratedSettings),
    "hyper_unpaired": Method("Hypernetwork, 3x10, unpaired", UnpairedSettings),
    "oracle_affine": Method("Best 3x4 of each pair (oracle)", OracleSettings, at_once=True),
    "oracle_quadratic": Method("Best 3x10 of each pair (oracle)", OracleSettings, at_once=True),
}
BASES = {
    "hyper": "quadratic",
    "hyper_plain": "quadratic",
    "affine": "affine",
    "cubic": "cubic",
    "oracle_affine": "affine",
    "oracle_quadratic": "quadratic",
}
# What takes its images as they are whatever the networks do, and what is fitted to stretched ones.
PLAIN, STRETCHED = ("hyper_plain", "global_ls", "nearest_matrix", "ridge"), ("global_ls_stretched", "ridge_stretched")
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


class Config(DomainConfig):
    """The whole section."""

    table = METHODS
    step_settings = STEP_SETTINGS
    own: dict[DatasetName, OwnPhotographs]
    fivek: FiveK
    sizes: Sizes
    kodak_sizes: Sizes
    degradation: Degradation
    views: Views
    train: Training
    network: NetworkSizes
    grey_world: GreyWorldMethod
    auto_contrast: AutoContrastMethod
    clahe: ClaheMethod
    imagemagick: ProgramMethod
    global_ls: Samples
    nearest_matrix: NearestMethod
    ridge: RidgeMethod
    hyper: Trained
    hyper_plain: Trained
    affine: Trained
    cubic: Trained
    hyper_unpaired: UnpairedMethod
    pixel_mlp: LayersMethod
    unet: WidthsMethod
    lut3d: TableMethod
    hdrnet: GridMethod
    pix2pix: TranslationMethod
    cyclegan: TranslationMethod
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        require_known(self.datasets, self.own, SOURCES.__contains__, SOURCES)
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        values = super().values(step, dataset, (method or "").removesuffix("_stretched") or None)
        network = self.network
        if method in (*PLAIN, *STRETCHED):
            network = network.model_copy(update={"stretch": method in STRETCHED})
        return values | {
            "network": network,
            "own": self.own.get(dataset),
            "fivek": self.fivek if dataset == FIVEK else None,
            "sizes": self.kodak_sizes if dataset == KODAK else self.sizes,
            "basis": BASES.get(method or ""),
        }
