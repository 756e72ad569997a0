"""The ``circuits`` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from hypernet.circuits.names import series_values
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
)

# Far beyond any catalogue: V stays inside the range of doubles for ladders of this many parts.
NormalisedValue = Annotated[float, Field(ge=1e-6, le=1e6)]
LONGEST = 16
# Numbers of values are kept in eight bits.
MOST_VALUES = 120
# A model file's settings build its network before the weights are compared with it.
MOST_LAYERS = 64
# Drawn for every target at once.
MOST_CANDIDATES = 65_536


def _rising(values: list[float]) -> list[float]:
    if values != sorted(set(values)):
        raise ValueError(f"{values} must rise, each value once")
    return values


Lengths = Annotated[list[Annotated[int, Field(ge=1, le=LONGEST)]], Field(min_length=1), AfterValidator(_rising)]


class SeriesRange(Section):
    """The values of an E series (IEC 60063) from ``lowest`` to ``highest``; 1.0 is 1 kOhm, 1 mH, 1 nF."""

    series: Literal["E3", "E6", "E12", "E24", "E48", "E96"]
    lowest: NormalisedValue
    highest: NormalisedValue

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        count = len(series_values(self.series, self.lowest, self.highest))
        if count < 1:
            raise ValueError(f"{self.series} has no value from {self.lowest} to {self.highest}")
        if count > MOST_VALUES:
            raise ValueError(
                f"{self.series} has {count} values from {self.lowest} to {self.highest}; at most {MOST_VALUES} fit"
            )
        return self


ValueList = Annotated[list[NormalisedValue], Field(min_length=1, max_length=MOST_VALUES), AfterValidator(_rising)]
# Told apart before they are checked, so that a mistake is reported for the form that was meant.
Catalogue = Annotated[
    Annotated[SeriesRange, Tag("series")] | Annotated[ValueList, Tag("list")],
    Discriminator(lambda values: "list" if isinstance(values, list) else "series"),
]


class Ladders(Section):
    """What one data set consists of.

    Attributes:
        lengths: numbers of parts, drawn uniformly.
        values: the catalogue of every type: an E series, or a list.
        targets: of the test: drawn circuits, or the reference circuits whose responses ngspice computed.
        resonators: whether runs of series parts may hold a tank (L and C in parallel) and runs of parallel parts a trap
            (L and C in series to ground); each is two parts.
    """

    lengths: Lengths
    values: Catalogue
    targets: Literal["drawn", "ngspice"]
    resonators: bool = False

    def catalogue(self) -> list[float]:
        """The values, rising."""
        if isinstance(self.values, list):
            return self.values
        values: list[float] = series_values(self.values.series, self.values.lowest, self.values.highest).tolist()
        return values


class FrequencyGrid(Section):
    """Normalised angular frequencies, evenly spaced in their logarithm; 1.0 is 159 kHz."""

    points: Annotated[int, Field(ge=8, le=4096)]
    lowest: Positive
    highest: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.highest <= self.lowest:
            raise ValueError(f"highest is {self.highest}, not above lowest ({self.lowest})")
        return self


class Training(RepeatedTraining):
    """How long a network is trained and on how many circuits at a time."""

    batch_circuits: Count


class MLP(Section):
    """An encoder of fully connected layers; ``size`` is E, the entries of its result."""

    kind: Literal["mlp"]
    widths: Annotated[list[Count], Field(min_length=1, max_length=MOST_LAYERS)]
    size: Count


class MultiScale(Section):
    """The multi-scale one-dimensional ResNet; ``widths`` are channels after the stem and after each block."""

    kind: Literal["msresnet"]
    widths: Annotated[list[Count], Field(min_length=2, max_length=MOST_LAYERS)]
    hidden: Count
    size: Count
    pool: Literal["flatten", "average"]


Encoder = Annotated[MLP | MultiScale, Field(discriminator="kind")]


class DecoderSizes(Section):
    """Sizes of the recurrent unit that writes the circuit."""

    embedding: Count
    hidden: Count


class SimulatorLoss(Section):
    """The loss on the simulated response.

    Attributes:
        weight: lambda; 0 leaves it out.
        space: whether responses are compared compressed (``feature``) or as they are (``raw``).
        relaxation: the true types of parts with softened values (``values``), or softened types too (``mixture``, of
            parts on their own: not with resonators).
    """

    weight: Annotated[float, Field(ge=0)]
    space: Literal["feature", "raw"]
    relaxation: Literal["values", "mixture"]


class LowRank(Section):
    """The hypernetwork whose matrices deviate from shared ones by a low rank, with as many parameters as ``ours``.

    Attributes:
        rank: of the deviations.
        simulator_loss_weight: lambda of this method.
    """

    rank: Count
    simulator_loss_weight: Annotated[float, Field(ge=0)]


class GeneticPlan(Section):
    """The genetic algorithm.

    Attributes:
        population: individuals per target.
        generations: number of times that a population is replaced.
        tournament: individuals among which a parent is the best.
        crossover: probability of a one-point crossover.
        mutation: probability with which a gene is drawn anew.
        elite: individuals that go on unchanged.
    """

    population: Annotated[int, Field(ge=2)]
    generations: Count
    tournament: Count
    crossover: Share
    mutation: Share
    elite: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.elite >= self.population:
            raise ValueError(f"elite is {self.elite}, not below population ({self.population})")
        return self


class Ranking(Section):
    """Simulator-ranked decoding.

    Attributes:
        network: the method whose network draws the circuits of ``ours_rank64``.
        candidates: circuits drawn for each target, beside the greedy answer.
        temperature: logits are divided by it before drawing.
        polish_steps: gradient steps on the values of the best one, which are then snapped to the catalogue.
        polish_learning_rate: of the logarithm of the values.
    """

    network: Literal["ours_no_sim", "ours", "ours_lowrank"]
    candidates: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)]
    temperature: Positive
    polish_steps: Annotated[int, Field(ge=0)]
    polish_learning_rate: Positive


class RawSettings(SourceSettings):
    """What the circuits of one data set are, and how many are held out."""

    ladders: Ladders
    validation_circuits: Count
    test_circuits: Count


class PrepareSettings(Section):
    """How the circuits are measured."""

    ladders: Ladders
    frequency: FrequencyGrid
    excitations: list[tuple[float, float]]
    features: Literal["logmag", "tanh"]
    allow_ambiguous: bool


class EvaluationSettings(EvaluateSettings):
    """The evaluation has nothing to set."""


class MethodSettings(TrainSettings):
    """What the training of one method depends on."""


class GeneticSettings(MethodSettings):
    """``ga``: nothing is trained; the algorithm runs in the evaluation."""

    method: GeneticPlan


class NetworkSettings(MethodSettings):
    """What all networks that write circuits have."""

    train: Training
    encoder: Encoder
    decoder: DecoderSizes


class GRUSettings(NetworkSettings):
    """``gru``."""


class PerLengthSettings(NetworkSettings):
    """``gru_per_length``."""


class WideGRUSettings(NetworkSettings):
    """``gru_wide``: as many parameters as ``ours``, whose sizes stand under ``decoder``."""


class UnitHypernetworkSettings(NetworkSettings):
    """``gru_only_hypernet``."""

    simulator_loss: SimulatorLoss


class HypernetworkSettings(NetworkSettings):
    """``ours`` and ``ours_no_sim``."""

    simulator_loss: SimulatorLoss


class LowRankSettings(NetworkSettings):
    """``ours_lowrank``: as many parameters as ``ours``, whose sizes stand under ``decoder``."""

    simulator_loss: SimulatorLoss
    method: LowRank


class RankedSettings(MethodSettings):
    """``ours_rank64`` and ``ours_lowrank_rank64``: the network of another method, and the simulator."""

    method: Ranking

    def start(self) -> str | None:
        """See :class:`~hypernet.lab.config.TrainSettings`."""
        return self.method.network


METHODS = {
    "ga": Method("Genetic algorithm", GeneticSettings, at_once=True),
    "gru": Method("GRU", GRUSettings),
    "gru_per_length": Method("GRU per length", PerLengthSettings),
    "gru_wide": Method("GRU, as large as ours", WideGRUSettings),
    "gru_only_hypernet": Method("Ours, GRU-only hypernet", UnitHypernetworkSettings),
    "ours_no_sim": Method("Ours w/o simulator", HypernetworkSettings),
    "ours": Method("Ours", HypernetworkSettings),
    "ours_lowrank": Method("Ours, low-rank deviation", LowRankSettings),
    "ours_rank64": Method("Ours, simulator-ranked", RankedSettings, at_once=True),
    "ours_lowrank_rank64": Method("Ours, low-rank, simulator-ranked", RankedSettings, at_once=True),
}
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


class Config(DomainConfig):
    """The whole section; ``ladders`` names what the data sets consist of."""

    table = METHODS
    step_settings = STEP_SETTINGS
    evaluation_files = ("predictions.npz",)
    ladders: dict[DatasetName, Ladders]
    frequency: FrequencyGrid
    excitations: Annotated[list[tuple[float, float]], Field(min_length=1, max_length=4)]
    features: Literal["logmag", "tanh"]
    allow_ambiguous: bool
    validation_circuits: Count
    test_circuits: Count
    train: Training
    departures: dict[str, RepeatedChanges]
    encoder: Encoder
    decoder: DecoderSizes
    simulator_loss: SimulatorLoss
    ga: GeneticPlan
    ours_lowrank: LowRank
    ours_rank64: Ranking

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        trained = [name for name, method in METHODS.items() if issubclass(method.settings, NetworkSettings)]
        for method in self.departures:
            if method not in trained:
                raise ValueError(f"departures: {method} trains no network; accepted: {', '.join(trained)}")
        for dataset in self.datasets:
            if dataset not in self.ladders:
                accepted = ", ".join(self.ladders)
                raise ValueError(f"datasets: {dataset} is not under ladders; accepted: {accepted}")
        for method in self.methods:
            network = self._network_of(method)
            if network is not None and network not in self.methods:
                raise ValueError(f"methods: {method} goes on from {network}, which is missing")
        return self

    def _network_of(self, method: str) -> str | None:
        """The method whose network a simulator-ranked row takes; None of other rows."""
        return {"ours_rank64": self.ours_rank64.network, "ours_lowrank_rank64": "ours_lowrank"}.get(method)

    @model_validator(mode="after")
    def _no_mixed_resonators(self) -> Self:
        for dataset in self.datasets:
            if self.ladders[dataset].resonators and self.simulator_loss.relaxation == "mixture":
                raise ValueError(
                    f"simulator_loss.relaxation: mixture has no resonators, and {dataset} has some; accepted: values"
                )
        return self

    @model_validator(mode="after")
    def _ranks_fit(self) -> Self:
        if self.ours_lowrank.rank > self.decoder.embedding:
            raise ValueError(
                f"ours_lowrank.rank: {self.ours_lowrank.rank} is more than decoder.embedding, "
                f"{self.decoder.embedding}, the smaller side of the matrices"
            )
        return self

    @model_validator(mode="after")
    def _excited(self) -> Self:
        for excitation in self.excitations:
            if not any(excitation):
                raise ValueError("excitations: [0, 0] gives no response")
        return self

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See :class:`~hypernet.lab.config.DomainConfig`."""
        values = super().values(step, dataset, method) | {"ladders": self.ladders[dataset]}
        if step != "train" or method is None:
            return values
        if (network := self._network_of(method)) is not None:
            return values | {"method": self.ours_rank64.model_copy(update={"network": network})}
        changes = self.departures.get(method, RepeatedChanges()).model_dump(exclude_none=True)
        weights = {"ours_no_sim": 0.0, "ours_lowrank": self.ours_lowrank.simulator_loss_weight}
        weight = weights.get(method, self.simulator_loss.weight)
        loss = self.simulator_loss.model_copy(update={"weight": weight})
        return values | {"train": self.train.model_copy(update=changes), "simulator_loss": loss}
