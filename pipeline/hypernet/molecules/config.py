"""The ``molecules`` section of params.yaml."""

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
    Share,
    SourceSettings,
    Steps,
    TrainSettings,
    require_known,
)
from hypernet.molecules.names import FORMS, TARGET_TITLES, qm9_set

Alphas = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]


class Archive(Section):
    """The official files of QM9, where they are used instead of the package's.

    Attributes:
        path: dsgdb9nsd.xyz.tar.bz2, or a folder of its xyz files; null: searched by its name in HYPERNET_MIRROR.
        uncharacterized: uncharacterized.txt, likewise.
        keep_uncharacterized: whether the 3,054 molecules stay that became others when they were relaxed, as in the
            code of NMP-Edge.
    """

    path: str | None
    uncharacterized: str | None
    keep_uncharacterized: bool


class OwnMolecules(Section):
    """A person's own molecules with a property.

    Attributes:
        path: a table of SMILES (CSV, TSV, .smi), an SDF, an (extended) xyz file, or a folder of such.
        kind: what it is; ``auto``: by its ending.
        target: the column, SDF tag or key that holds the property.
        unit: of it; for energies, dipole moments, polarizabilities, areas and heat capacities any common one, for
            others any word.
        readout: ``sum`` for a property that grows with the molecule, ``mean`` for one that does not.
        free_atoms: U0, U, H or G: the property is a total energy of B3LYP/6-31G(2df,p), and the free atoms' energies
            are taken off; null: it is taken as it is.
        column: of the SMILES; null: by its name.
    """

    path: str
    kind: Literal["auto"]
    target: str
    unit: str
    readout: Literal["sum", "mean"]
    free_atoms: Literal["U0", "U", "H", "G"] | None = None
    column: str | None = None

    def files(self) -> list[str]:
        """The file, or all files in the folder."""
        path = Path(self.path)
        return sorted(str(inside) for inside in path.rglob("*") if inside.is_file()) if path.is_dir() else [self.path]


class HeldOut(Section):
    """Molecules that do not train, drawn once: the first are tested, the next choose weights and settings."""

    test: Annotated[int, Field(ge=2)]
    validation: Annotated[int, Field(ge=2)]


class Graph(Section):
    """Who sends messages to whom.

    Attributes:
        cutoff: Å; 100: everybody in a molecule.
        nearest: of those so many of the nearest; null: all.
    """

    cutoff: Annotated[float, Field(ge=0.5, le=100)]
    nearest: Count | None


class NetworkSizes(Section):
    """What all message passing here shares.

    Attributes:
        channels: C, entries of an atom's state.
        steps: T, rounds of messages.
        spacing: Å between the Gaussians of a distance.
        envelope: whether messages fade to nothing at the cutoff.
        levelled: whether weights are scaled until edge states and messages start with the size of an ordinary number.
    """

    channels: Annotated[int, Field(ge=2)]
    steps: Annotated[int, Field(ge=1, le=16)]
    spacing: Annotated[float, Field(gt=0, le=5)]
    envelope: bool
    levelled: bool


class Training(RepeatedTraining):
    """How long a network is trained, and on what.

    Attributes:
        batch: molecules.
        loss: of the normalised property: ``mse``, as in the code of NMP-Edge, or ``l1``.
        offset: what is taken off a property before it is learned: its mean (per ``atom`` for properties that are
            added up), or what a linear function of the ``composition`` says.
    """

    batch: Count
    loss: Literal["mse", "l1"]
    offset: Literal["atom", "composition"]


class Trained(Section):
    """A method with nothing to set but its training."""

    train: RepeatedChanges


class HyperMethod(Trained):
    """The hypernetwork.

    Attributes:
        features: F, entries of f's layers.
        layers: of f before the one that writes weights.
        hidden: entries between the two generated layers.
        mix: c: share of the first state in what f sees; null: drawn at the start and learned.
        per_step: whether every round of messages has an f of its own.
        start: of the heads: ``hyperfan`` or ``xavier``.
        output: what follows the second generated layer.
    """

    features: Count
    layers: Annotated[int, Field(ge=1, le=16)]
    hidden: Count
    mix: Share | None
    per_step: bool
    start: Literal["hyperfan", "xavier"]
    output: Literal["tanh", "linear"]


class BaseMethod(Trained):
    """The hypernetwork whose weights deviate from those that all atoms share.

    Attributes:
        features: F, entries of f's layers.
        layers: of f before the one that writes weights.
        mix: c; see ``HyperMethod``.
        share: of the weights' variance at the start that f supplies.
    """

    features: Count
    layers: Annotated[int, Field(ge=1, le=16)]
    mix: Share | None
    share: Share


class SchNetMethod(Trained):
    """SchNet of PyTorch Geometric: channels, entries of its filters, rounds, Gaussians of a distance."""

    channels: Annotated[int, Field(ge=2)]
    filters: Count
    interactions: Count
    gaussians: Annotated[int, Field(ge=2)]


class CompositionMethod(Section):
    """Ridge regression on the numbers of atoms of each element."""

    alpha: Positive


class CoulombMethod(Section):
    """Kernel ridge regression on sorted Coulomb matrices.

    Attributes:
        widths: of the Laplacian kernel, of which validation chooses.
        ridges: likewise.
        most: training molecules at most: memory grows with their square.
    """

    widths: Alphas
    ridges: Alphas
    most: Annotated[int, Field(ge=10, le=50_000)]


class FingerprintMethod(Section):
    """Boosted trees on Morgan fingerprints and composition.

    Attributes:
        bits: of the folded fingerprint.
        radius: bonds.
        rounds: of boosting at most; validation chooses how many.
        learning_rates: of which validation chooses.
        leaves: of a tree, likewise.
        least: fewest molecules of a leaf.
    """

    bits: Annotated[int, Field(ge=16, le=65_536)]
    radius: Annotated[int, Field(ge=0, le=8)]
    rounds: Count
    learning_rates: Alphas
    leaves: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    least: Count


class RawSettings(SourceSettings):
    """Where the molecules come from."""

    source: Literal["qm9pack", "archive"]
    archive: Archive
    heavy: int | None
    own: OwnMolecules | None

    def own_files(self) -> list[str]:
        """See ``SourceSettings``."""
        if self.own is not None:
            return self.own.files()
        paths = (self.archive.path, self.archive.uncharacterized)
        return [path for path in paths if path is not None and self.source == "archive"]


class PrepareSettings(Section):
    """How molecules become graphs.

    Attributes:
        rebuilt: so many of the tested molecules are also built anew from their SMILES, as somebody would who has no
            geometry.
    """

    source: Literal["qm9pack", "archive"]
    archive: Archive
    heavy: int | None
    target: str | None
    train: int | None
    own: OwnMolecules | None
    held_out: HeldOut
    graph: Graph
    rebuilt: Annotated[int, Field(ge=0)]


class EvaluationSettings(EvaluateSettings):
    """What the evaluation depends on.

    Attributes:
        resamples: of the bootstrap over tested molecules.
    """

    resamples: Annotated[int, Field(ge=100)]


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""


class MeanSettings(MethodSettings):
    """``mean``: nothing to set."""


class CompositionSettings(MethodSettings):
    """``composition``."""

    method: CompositionMethod


class CoulombSettings(MethodSettings):
    """``krr``."""

    method: CoulombMethod
    composition: CompositionMethod


class FingerprintSettings(MethodSettings):
    """``fingerprint_gbt``."""

    method: FingerprintMethod
    composition: CompositionMethod


class NetworkSettings(MethodSettings):
    """What all networks have."""

    train: Training
    graph: Graph


class SchNetSettings(NetworkSettings):
    """``schnet``."""

    method: SchNetMethod


class PassingSettings(NetworkSettings):
    """``nmp_edge``, and ``nmp_no_edge``."""

    method: Trained
    network: NetworkSizes
    edge_update: bool


class WideSettings(NetworkSettings):
    """``nmp_wide``: as many parameters as ``hyper_base``."""

    method: Trained
    network: NetworkSizes
    matched: BaseMethod


class BaseSettings(NetworkSettings):
    """``hyper_base``."""

    method: BaseMethod
    network: NetworkSizes


class HyperSettings(NetworkSettings):
    """``hyper`` and its variants."""

    method: HyperMethod
    network: NetworkSizes


# What the hypernetwork's variants have otherwise.
VARIANTS: dict[str, dict[str, Any]] = {
    "hyper": {},
    "hyper_per_step": {"per_step": True},
    "hyper_c0": {"mix": 0.0},
    "hyper_c1": {"mix": 1.0},
    "hyper_xavier": {"start": "xavier"},
    "hyper_linear": {"output": "linear"},
}
METHODS = {
    "mean": Method("Mean", MeanSettings, at_once=True),
    "composition": Method("Composition, ridge", CompositionSettings, at_once=True),
    "krr": Method("Coulomb matrix, kernel ridge", CoulombSettings, at_once=True),
    "fingerprint_gbt": Method("Morgan fingerprint, boosted trees", FingerprintSettings, at_once=True),
    "schnet": Method("SchNet (PyG)", SchNetSettings),
    "nmp_no_edge": Method("NMP-Edge without edge updates", PassingSettings, "E"),
    "nmp_edge": Method("NMP-Edge", PassingSettings),
    "nmp_wide": Method("NMP-Edge, parameters matched", WideSettings),
    "hyper_per_step": Method("Hypernetwork, f of each round", HyperSettings, "E"),
    "hyper_c0": Method("Hypernetwork, c = 0", HyperSettings, "E"),
    "hyper_c1": Method("Hypernetwork, c = 1", HyperSettings, "E"),
    "hyper_xavier": Method("Hypernetwork, Xavier start", HyperSettings, "E"),
    "hyper_linear": Method("Hypernetwork, linear output", HyperSettings, "E"),
    "hyper": Method("Hypernetwork", HyperSettings),
    "hyper_base": Method("Hypernetwork, deviations from NMP-Edge", BaseSettings),
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
    source: Literal["qm9pack", "archive"]
    archive: Archive
    own: dict[DatasetName, OwnMolecules]
    held_out: HeldOut
    graph: Graph
    rebuilt: Annotated[int, Field(ge=0)]
    train: Training
    network: NetworkSizes
    composition: CompositionMethod
    krr: CoulombMethod
    fingerprint_gbt: FingerprintMethod
    schnet: SchNetMethod
    nmp_no_edge: Trained
    nmp_edge: Trained
    nmp_wide: Trained
    hyper: HyperMethod
    hyper_base: BaseMethod
    evaluate: EvaluationSettings

    @model_validator(mode="after")
    def _known_datasets(self) -> Self:
        accepted = (*FORMS, f"any of {', '.join(TARGET_TITLES)}")
        require_known(self.datasets, self.own, lambda name: qm9_set(name) is not None, accepted)
        if self.archive.keep_uncharacterized and self.source != "archive":
            raise ValueError(
                "archive.keep_uncharacterized: qm9pack holds the 130,831 characterised molecules alone; the others are "
                "in the official archive: source: archive"
            )
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See ``hypernet.lab.config.DomainConfig``."""
        values = super().values(step, dataset, "hyper" if method in VARIANTS else method)
        named = qm9_set(dataset)
        values |= {"own": self.own.get(dataset), "edge_update": method != "nmp_no_edge"}
        if step == "train":
            values["matched"] = self.hyper_base.model_copy(update={"train": RepeatedChanges()})
            if method in VARIANTS:
                values["method"] = values["method"].model_copy(update=VARIANTS[method])
        elif step in ("raw", "prepare"):
            heavy, train, target = named or (None, None, None)
            values |= {"heavy": heavy, "train": train, "target": target}
        return values
