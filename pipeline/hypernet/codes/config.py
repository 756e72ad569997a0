"""The ``codes`` section of params.yaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hypernet.codes.names import CODES
from hypernet.lab.config import (
    Count,
    DatasetName,
    DomainConfig,
    EvaluateSettings,
    Method,
    RepeatedChanges,
    RepeatedTraining,
    Section,
    SourceSettings,
    Steps,
    TrainSettings,
)
from hypernet.lab.errors import UserError

# Up to these sizes a table of all syndromes, or of all code words, fits into memory and is made in seconds: n - k and k
# in bits, steps of the search for the lightest patterns, numbers in the table of words, and n of what is enumerated.
LARGEST_SYNDROME_BITS, LARGEST_SEARCH = 20, 2**30
LARGEST_WORD_BITS, LARGEST_TABLE, LONGEST_WORDS = 16, 2**26, 2048
# By method id, whether it can be run on a code of n bits with k bits of information.
REFERENCES: dict[str, Callable[[int, int], bool]] = {
    "hard_decision": lambda n, k: n - k <= LARGEST_SYNDROME_BITS and n << (n - k) <= LARGEST_SEARCH,
    "maximum_likelihood": lambda n, k: k <= LARGEST_WORD_BITS and n <= LONGEST_WORDS and n << k <= LARGEST_TABLE,
}
Decibel = Annotated[float, Field(ge=-20, le=30)]


def _told_apart(points: list[float]) -> list[float]:
    names = [f"{point:g}" for point in points]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"{', '.join(doubled)} dB stands here more than once")
    return points


Points = Annotated[list[Decibel], Field(min_length=1), AfterValidator(_told_apart)]


class Validation(Section):
    """The check by which weights are chosen: the bit error rate, never the loss, which low Eb/N0 dominates."""

    ebn0_db: Points
    words: Count


class Training(RepeatedTraining):
    """A decoder's training; ``words_per_point`` words at each of ``ebn0_db`` make one batch.

    ``loss`` sums the cross-entropy over all rounds, or, an ablation, takes that of the last.
    """

    ebn0_db: Points
    words_per_point: Count
    code_words: Literal["zero", "random"]
    validation: Validation
    loss: Literal["all_rounds", "last_round"]


class BeliefPropagationMethod(Section):
    """Plain belief propagation has nothing to set."""


class MinSumMethod(Section):
    """``scale`` is the normalisation of min-sum; 1 is the plain form."""

    scale: Annotated[float, Field(gt=0, le=1)]


class WeightedMethod(Section):
    """``largest_message`` is the clip on variable-to-check messages."""

    largest_message: Annotated[float, Field(ge=9, le=20)]
    train: RepeatedChanges


class RecurrentWeightedMethod(WeightedMethod):
    """The same, with one set of weights for all iterations."""


class StaticMethod(Section):
    """The hypernetwork decoder with theta_1 and theta_2 as plain parameters."""

    g_hidden: Count
    pair_weights: bool
    train: RepeatedChanges


class HyperMethod(Section):
    """Widths of f and g, whether every pair of edges has a trained factor, two ablations and an option.

    Attributes:
        f_hidden: width of the hypernetwork's hidden layers.
        g_hidden: hidden units of the variable update.
        pair_weights: train a factor for each pair of edges on one variable.
        train: what its training does differently.
        absolute: f sees the messages' magnitudes; false, an ablation, shows it the messages.
        arctanh: the series cut after q = 1005, or, an ablation, arctanh itself.
        damping: f sees the messages, or a learned mean of them and those of the first iteration.
    """

    f_hidden: Count
    g_hidden: Count
    pair_weights: bool
    train: RepeatedChanges
    absolute: bool
    arctanh: Literal["series", "exact"]
    damping: Literal["none", "learned"]


class ConcatMethod(Section):
    """The hypernetwork's control, which takes its widths, ablations and option from ``hyper``."""

    train: RepeatedChanges


class MonteCarlo(Section):
    """The Monte-Carlo evaluation: each point ends at ``min_frame_errors`` and ``min_words``, or at ``max_words``.

    ``parts`` jobs share the work. ``most_words`` names, by method, a lower ``max_words`` for decoders that are slow:
    the first of the words that the others hear. ``more_iterations`` names, by method, numbers of iterations that are
    measured as well as the trained one.
    """

    ebn0_db: Points
    chunk_words: Count
    min_words: Count
    max_words: Count
    min_frame_errors: Count
    parts: Annotated[int, Field(ge=1, le=1000)]
    most_words: dict[str, Count] = Field(default_factory=dict)
    more_iterations: dict[str, list[Count]]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_words < self.min_words:
            raise ValueError(f"max_words is {self.max_words}, below min_words ({self.min_words})")
        return self


class EvaluationSettings(EvaluateSettings):
    """What the evaluation of one method depends on."""

    monte_carlo: MonteCarlo
    iterations: list[Count]

    def parts(self) -> int:
        """See :class:`hypernet.lab.config.EvaluateSettings`."""
        return self.monte_carlo.parts


class RawSettings(SourceSettings):
    """Where one parity-check matrix comes from: a formula, the database's file, or the user's file ``matrix``."""

    source: Literal["constructed", "database"]
    matrix: str | None

    def own_files(self) -> list[str]:
        """See :class:`hypernet.lab.config.SourceSettings`."""
        return [self.matrix] if self.matrix else []


class PrepareSettings(Section):
    """Preparing a code has nothing to set."""


class MethodSettings(TrainSettings):
    """What the training of one method depends on; ``iterations`` is the number of check updates."""

    iterations: Count


class BeliefPropagationSettings(MethodSettings):
    """Belief propagation."""

    method: BeliefPropagationMethod


class MinSumSettings(MethodSettings):
    """Normalised min-sum."""

    method: MinSumMethod


class TrainedSettings(MethodSettings):
    """What the training of every method with trained weights depends on."""

    train: Training


class WeightedSettings(TrainedSettings):
    """Weighted belief propagation, weights for each iteration."""

    method: WeightedMethod


class RecurrentWeightedSettings(TrainedSettings):
    """Weighted belief propagation, the same weights in all iterations."""

    method: RecurrentWeightedMethod


class StaticSettings(TrainedSettings):
    """The decoder without a hypernetwork."""

    method: StaticMethod


class HyperSettings(TrainedSettings):
    """The hypernetwork decoder."""

    method: HyperMethod


class ConcatSettings(TrainedSettings):
    """The control: the hypernetwork's widths, and a training of its own."""

    method: HyperMethod


class UntrainedSettings(MethodSettings):
    """The hypernetwork decoder at step 0: the same widths, no training."""

    method: HyperMethod


class HardDecisionSettings(MethodSettings):
    """The code word nearest to the hard decisions."""


class MaximumLikelihoodSettings(MethodSettings):
    """The most likely code word."""


METHODS = {
    "hard_decision": Method("Hard decisions, nearest code word", HardDecisionSettings, at_once=True),
    "bp": Method("Belief propagation", BeliefPropagationSettings, at_once=True),
    "min_sum": Method("Normalised min-sum", MinSumSettings, at_once=True),
    "weighted_bp": Method("Weighted belief propagation", WeightedSettings),
    "weighted_bp_recurrent": Method("Weighted belief propagation, recurrent", RecurrentWeightedSettings, "P"),
    "static_g": Method("Learned update, no hypernetwork", StaticSettings),
    "concat": Method("Learned update with f's features (control)", ConcatSettings),
    "untrained": Method("Hyper-graph-network, untrained", UntrainedSettings, at_once=True),
    "hyper": Method("Hyper-graph-network decoder", HyperSettings),
    "maximum_likelihood": Method("Maximum likelihood", MaximumLikelihoodSettings, at_once=True),
}
# Decoders whose iterations are all alike, so that a trained one can run more of them.
ITERATIVE = tuple(name for name in METHODS if name not in (*REFERENCES, "weighted_bp"))
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


class Config(DomainConfig):
    """The whole section; ``matrices`` names the user's own parity-check files: ``{my_code: path/to/my.alist}``."""

    table = METHODS
    step_settings = STEP_SETTINGS
    source: Literal["constructed", "database"]
    matrices: dict[DatasetName, str] = Field(default_factory=dict)
    iterations: Count
    train: Training
    bp: BeliefPropagationMethod
    min_sum: MinSumMethod
    weighted_bp: WeightedMethod
    weighted_bp_recurrent: RecurrentWeightedMethod
    static_g: StaticMethod
    concat: ConcatMethod
    hyper: HyperMethod
    evaluate: MonteCarlo

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for name in self.matrices:
            if name in CODES:
                raise ValueError(f"matrices: {name} is a built-in code; give yours another name")
        accepted = [*CODES, *self.matrices]
        for dataset in self.datasets:
            if dataset not in accepted:
                raise ValueError(f"datasets: {dataset} is not a known code; accepted: {', '.join(accepted)}")
            if self.source == "constructed" and dataset in CODES and not CODES[dataset].constructed:
                raise ValueError(f"datasets: {dataset} has no construction; it needs source: database")
        if self.iterations == 1 and (rounds := {"hyper", "untrained", "static_g", "concat"} & set(self.methods)):
            raise ValueError(f"iterations: {min(rounds)} needs at least 2, the first is plain belief propagation")
        for method in self.evaluate.most_words:
            if method not in METHODS:
                raise ValueError(f"evaluate.most_words: {method} is not a method here; accepted: {', '.join(METHODS)}")
        for method, more in self.evaluate.more_iterations.items():
            if any(number <= self.iterations for number in more):
                raise ValueError(
                    f"evaluate.more_iterations.{method}: {more} must all be more than iterations ({self.iterations})"
                )
            if method not in ITERATIVE:
                raise ValueError(
                    f"evaluate.more_iterations: {method} cannot go on after its last iteration; "
                    f"accepted: {', '.join(ITERATIVE)}"
                )
        return self

    def feasible(self, dataset: str, method: str) -> bool:
        """Whether a method can be run on a code: the references enumerate all code words or all syndromes."""
        if method not in REFERENCES:
            return True
        if dataset in CODES:
            return REFERENCES[method](CODES[dataset].n, CODES[dataset].k)
        if dataset not in self.matrices:
            return False
        try:
            size = type(self).planned(self.matrices[dataset])
        except UserError:
            # The step that reads the file says what is wrong with it.
            return True
        return size is not None and REFERENCES[method](*size)

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See :class:`hypernet.lab.config.DomainConfig`."""
        if step == "evaluate":
            assert method is not None, "an evaluation is that of a method"
            more = self.evaluate.more_iterations.get(method, [])
            most = min(self.evaluate.max_words, self.evaluate.most_words.get(method, self.evaluate.max_words))
            changes = {"max_words": most, "min_words": min(most, self.evaluate.min_words)}
            rule = self.evaluate.model_copy(update={"more_iterations": {}, "most_words": {}} | changes)
            return {"monte_carlo": rule, "iterations": sorted({self.iterations, *more})}
        values = super().values(step, dataset, method) | {"matrix": self.matrices.get(dataset)}
        if method in ("untrained", "concat"):
            # The untrained decoder is the hypernetwork's, and the control has its widths.
            values["method"] = self.hyper.model_copy(update={"train": RepeatedChanges()})
        return values
