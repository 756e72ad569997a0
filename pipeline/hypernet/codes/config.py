"""The ``codes`` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hypernet.codes.sources.matrices import CODES
from hypernet.lab.config import DomainConfig, NetworkTraining, Section, Steps

# Up to these sizes a table of all syndromes, or of all code words, fits into memory.
LARGEST_SYNDROME_BITS = 20
LARGEST_WORD_BITS = 16
REFERENCES = {
    "hard_decision": lambda n, k: n - k <= LARGEST_SYNDROME_BITS,
    "maximum_likelihood": lambda n, k: k <= LARGEST_WORD_BITS,
}
Decibel = Annotated[float, Field(ge=-20, le=30)]
Count = Annotated[int, Field(ge=1)]


class Validation(Section):
    """The check by which weights are chosen: the bit error rate, never the loss, which low Eb/N0 dominates."""

    ebn0_db: Annotated[list[Decibel], Field(min_length=1)]
    words: Count


class Training(NetworkTraining):
    """A decoder's training; ``words_per_point`` words at each of ``ebn0_db`` make one batch.

    ``loss`` sums the cross-entropy over all rounds, or, an ablation, takes that of the last.
    """

    ebn0_db: Annotated[list[Decibel], Field(min_length=1)]
    words_per_point: Count
    code_words: Literal["zero", "random"]
    validation: Validation
    loss: Literal["all_rounds", "last_round"]


class TrainingChanges(Section):
    """What one method's training does differently from the common one."""

    max_steps: Count | None = None
    check_every_steps: Count | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None


class BeliefPropagationMethod(Section):
    """Plain belief propagation has nothing to set."""


class MinSumMethod(Section):
    """``scale`` is the normalisation of min-sum; 1 is the plain form."""

    scale: Annotated[float, Field(gt=0, le=1)]


class WeightedMethod(Section):
    """``largest_message`` is the clip on variable-to-check messages."""

    largest_message: Annotated[float, Field(ge=9, le=20)]
    train: TrainingChanges


class RecurrentWeightedMethod(WeightedMethod):
    """The same with one set of weights for all iterations."""


class StaticMethod(Section):
    """The hypernetwork decoder with theta as plain parameters."""

    g_hidden: Count
    pair_weights: bool
    train: TrainingChanges


class HyperMethod(Section):
    """Widths of f and g, and whether every pair of edges has a trained factor.

    The others are ablations and an option: whether f sees the messages' magnitudes; arctanh as the series cut after
    q = 1005 or itself; f on the messages, or on their mean with the first ones, of which the share is learned.
    """

    f_hidden: Count
    g_hidden: Count
    pair_weights: bool
    train: TrainingChanges
    absolute: bool
    arctanh: Literal["series", "exact"]
    damping: Literal["none", "learned"]


class MonteCarlo(Section):
    """At each point until ``min_frame_errors`` and ``min_words``, or ``max_words``.

    ``parts`` jobs share the work. ``more_iterations`` names, by method, numbers of check updates beside that of
    the training.
    """

    ebn0_db: Annotated[list[Decibel], Field(min_length=1)]
    chunk_words: Count
    min_words: Count
    max_words: Count
    min_frame_errors: Count
    parts: Annotated[int, Field(ge=1, le=1000)]
    more_iterations: dict[str, list[Count]]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_words < self.min_words:
            raise ValueError(f"max_words is {self.max_words}, below min_words ({self.min_words})")
        return self


class EvaluationSettings(Section):
    """What the evaluation of one method depends on."""

    monte_carlo: MonteCarlo
    iterations: list[Count]


class RawSettings(Section):
    """Where one parity-check matrix comes from: built by formula, the database's file, or the user's file."""

    source: Literal["constructed", "database"]
    matrix: str | None


class PrepareSettings(Section):
    """Preparing a code has nothing to set."""


class MethodSettings(Section):
    """What the training of one method depends on."""

    iterations: Count


class BeliefPropagationSettings(MethodSettings):
    """See :class:`MethodSettings`."""

    method: BeliefPropagationMethod


class MinSumSettings(MethodSettings):
    """See :class:`MethodSettings`."""

    method: MinSumMethod


class TrainedSettings(MethodSettings):
    """What all trained methods have."""

    train: Training


class WeightedSettings(TrainedSettings):
    """See :class:`MethodSettings`."""

    method: WeightedMethod


class RecurrentWeightedSettings(TrainedSettings):
    """See :class:`MethodSettings`."""

    method: RecurrentWeightedMethod


class StaticSettings(TrainedSettings):
    """See :class:`MethodSettings`."""

    method: StaticMethod


class HyperSettings(TrainedSettings):
    """See :class:`MethodSettings`."""

    method: HyperMethod


class UntrainedSettings(MethodSettings):
    """The hypernetwork decoder at step 0: the same widths, no training."""

    method: HyperMethod


class HardDecisionSettings(MethodSettings):
    """See :class:`MethodSettings`."""


class MaximumLikelihoodSettings(MethodSettings):
    """See :class:`MethodSettings`."""


SETTINGS: dict[str, type[MethodSettings]] = {
    "hard_decision": HardDecisionSettings,
    "bp": BeliefPropagationSettings,
    "min_sum": MinSumSettings,
    "weighted_bp": WeightedSettings,
    "weighted_bp_recurrent": RecurrentWeightedSettings,
    "static_g": StaticSettings,
    "untrained": UntrainedSettings,
    "hyper": HyperSettings,
    "maximum_likelihood": MaximumLikelihoodSettings,
}
# Decoders whose iterations are all alike, so that a trained one can run more of them.
ITERATIVE = tuple(name for name in SETTINGS if name not in (*REFERENCES, "weighted_bp"))
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


class Config(DomainConfig):
    """The whole section; ``matrices`` names the user's own parity-check files: ``{my_code: path/to/my.alist}``."""

    method_settings = SETTINGS
    step_settings = STEP_SETTINGS
    source: Literal["constructed", "database"]
    matrices: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], str] = Field(default_factory=dict)
    iterations: Count
    train: Training
    bp: BeliefPropagationMethod
    min_sum: MinSumMethod
    weighted_bp: WeightedMethod
    weighted_bp_recurrent: RecurrentWeightedMethod
    static_g: StaticMethod
    hyper: HyperMethod
    evaluate: MonteCarlo

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for method in self.methods:
            if method not in SETTINGS:
                raise ValueError(f"methods: {method} is not a method here; accepted: {', '.join(SETTINGS)}")
        for name in self.matrices:
            if name in CODES:
                raise ValueError(f"matrices: {name} is a built-in code; give yours another name")
        accepted = [*CODES, *self.matrices]
        for dataset in self.datasets:
            if dataset not in accepted:
                raise ValueError(f"datasets: {dataset} is not a known code; accepted: {', '.join(accepted)}")
            if self.source == "constructed" and dataset in CODES and CODES[dataset].construction is None:
                raise ValueError(f"datasets: {dataset} has no construction; it needs source: database")
        if self.iterations == 1 and (rounds := {"hyper", "untrained", "static_g"} & set(self.methods)):
            raise ValueError(f"iterations: {min(rounds)} needs at least 2, the first is plain belief propagation")
        for method, more in self.evaluate.more_iterations.items():
            if any(number <= self.iterations for number in more):
                raise ValueError(
                    f"evaluate.more_iterations.{method}: {more} must all be more than iterations ({self.iterations})"
                )
            if method not in ITERATIVE:
                accepted = ", ".join(ITERATIVE)
                raise ValueError(
                    f"evaluate.more_iterations: {method} cannot go on after its last iteration; accepted: {accepted}"
                )
        return self

    def feasible(self, dataset: str, method: str) -> bool:
        """Whether a method can be run on a code: the references need a small number of words or syndromes."""
        if method not in REFERENCES:
            return True
        code = CODES.get(dataset)
        return code is not None and REFERENCES[method](code.n, code.k)

    def parts(self) -> int:
        """See :class:`~hypernet.lab.config.DomainConfig`."""
        return self.evaluate.parts

    def settings(self, step: Steps, dataset: str, method: str | None = None) -> Section:
        """See :class:`~hypernet.lab.config.DomainConfig`."""
        if step == "raw":
            return RawSettings(source=self.source, matrix=self.matrices.get(dataset))
        if step == "prepare":
            return PrepareSettings()
        if step == "evaluate":
            more = self.evaluate.more_iterations.get(method, [])
            iterations = sorted({self.iterations, *more})
            return EvaluationSettings(
                monte_carlo=self.evaluate.model_copy(update={"more_iterations": {}}), iterations=iterations
            )
        kind = SETTINGS[method]
        if method in REFERENCES:
            return kind(iterations=self.iterations)
        # The untrained decoder is the hypernetwork's.
        own = self.hyper if method == "untrained" else getattr(self, method)
        trained = issubclass(kind, TrainedSettings)
        if not (trained or method == "untrained"):
            return kind(iterations=self.iterations, method=own)
        changes = own.train.model_dump(exclude_none=True)
        own = own.model_copy(update={"train": TrainingChanges()})
        training = {"train": self.train.model_copy(update=changes)} if trained else {}
        return kind(iterations=self.iterations, method=own, **training)
