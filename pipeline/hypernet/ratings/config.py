"""The ``ratings`` section of params.yaml."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hypernet.lab.config import (
    Count,
    DatasetName,
    DomainConfig,
    EvaluateSettings,
    Method,
    Positive,
    Section,
    Share,
    SourceSettings,
    Steps,
    TrainSettings,
)

GENERATED = re.compile(r"preftrees(?:_seed(\d{1,6}))?")
PUBLISHED = ("ml100k_u1", "ml100k_u2", "ml100k_u3", "ml100k_u4", "ml100k_u5", "ml1m", "jester1")
# Deeper trees have 2^depth leaves in memory for every user.
DEEPEST = 8


def _rising(values: list[Any]) -> list[Any]:
    if values != sorted(set(values)):
        raise ValueError(f"{values} must rise, each value once")
    return values


Grid = Annotated[list[Count], Field(min_length=1), AfterValidator(_rising)]
PositiveGrid = Annotated[list[Positive], Field(min_length=1), AfterValidator(_rising)]
NotNegativeGrid = Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1), AfterValidator(_rising)]
DepthGrid = Annotated[list[Annotated[int, Field(ge=1, le=20)]], Field(min_length=1), AfterValidator(_rising)]


class Stage(Section):
    """One training of a meta tree; see :class:`Recipe`. ``start`` is the method whose weights it goes on from."""

    start: str | None
    steps: Annotated[int, Field(ge=0)]
    learning_rate: float
    final_learning_rate_share: float
    soft_share: float
    temperature: float
    final_temperature: float
    sparsity: float
    gradient_clip: float | None
    fewest_ratings: int | None


_COMMON = ("final_learning_rate_share", "final_temperature", "sparsity", "gradient_clip", "fewest_ratings")


class CsvTables(Section):
    """A data set in two CSV tables: users' ratings of items, and the items with any columns.

    Attributes:
        ratings: file with the columns user, item, rating, and perhaps split.
        items: file with the column item, perhaps title, and any attributes.
        keep: ``last`` where a user may have rated an item twice and the last rating counts.
        scale: lowest and highest rating that there can be; null: those of the ratings.
        split: how test and validation ratings are chosen where there is no column split: at random, or each user's
            latest by the column timestamp.
        unknown: ``skip`` where ratings of items that the table of items lacks are left out.
    """

    ratings: str
    items: str
    keep: Literal["last"] | None = None
    scale: tuple[float, float] | None = None
    split: Literal["random", "time"] = "random"
    unknown: Literal["skip"] | None = None


class Recipe(Section):
    """A way to train meta trees.

    Attributes:
        max_steps: steps of a training from scratch, with soft routing.
        learning_rate: at its start.
        final_learning_rate_share: the cosine decay of every training ends at this share of its learning rate.
        soft_share: share of the steps in which a rule looks at all attributes; from then on at one only.
        temperature: T at the first step. A rising T lets the softmax come near to one attribute by itself.
        final_temperature: T at the last step, and in further trainings.
        dynamic_steps: steps in which a dynamic tree goes on from the fixed one's weights; null: trained from scratch.
        harden_steps: steps with hard routing, going on from the soft tree's weights; 0: the same weights serve both.
        further_learning_rate: at the start of the trainings that go on from others.
        sparsity: lambda, the weight of R in the loss.
        gradient_clip: largest norm of the gradient.
        fewest_ratings: the smallest number of ratings of a user in a batch; null: those of the user who has fewest.
    """

    max_steps: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    final_learning_rate_share: Share
    soft_share: Share
    temperature: Positive
    final_temperature: Positive
    dynamic_steps: Annotated[int, Field(ge=0)] | None
    harden_steps: Annotated[int, Field(ge=0)]
    further_learning_rate: Annotated[float, Field(gt=0, le=1)]
    sparsity: Annotated[float, Field(ge=0)]
    gradient_clip: Positive | None
    fewest_ratings: Annotated[int, Field(ge=2)] | None

    def start(self, method: str) -> str | None:
        """The method whose weights the training of ``method`` goes on from."""
        if method.endswith("_hard"):
            return method.replace("_hard", "_soft")
        return "meta_fixed_soft" if method == "meta_dynamic_soft" and self.dynamic_steps is not None else None

    def stage(self, method: str) -> Stage:
        """The part of the recipe that one method's training follows."""
        start = self.start(method)
        if start is None:
            steps, rate, first, soft = self.max_steps, self.learning_rate, self.temperature, self.soft_share
        else:
            further = self.harden_steps if method.endswith("_hard") else self.dynamic_steps
            assert further is not None, "start() names no method where dynamic trees are trained from scratch"
            steps = further
            rate, first, soft = self.further_learning_rate, self.final_temperature, math.floor(self.soft_share)
        return Stage(
            start=start,
            steps=steps,
            learning_rate=rate,
            temperature=first,
            soft_share=soft,
            **{name: getattr(self, name) for name in Stage.model_fields if name in _COMMON},
        )


class Training(Section):
    """How batches are made and how often a training is checked."""

    check_every_steps: Count
    patience_checks: Count | None
    precision: Literal["32-true", "bf16-mixed", "64-true"]
    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    devices: Count
    users_per_batch: Count
    largest_support: Annotated[int, Field(ge=2)] | None
    query_ratings: Count
    loss_on: Literal["query", "all"]


class MetaTreeMethod(Section):
    """Sizes of a meta tree; ``depth`` is the number of rules on the longest path."""

    depth: Annotated[int, Field(ge=1, le=DEEPEST)]
    embedding: Count
    f_hidden: Count
    g_hidden: Count


class ExplainedMethod(MetaTreeMethod):
    """Sizes of a tree on a base.

    Attributes:
        questions: thresholds of a number that rules may ask about, at most.
        gain_damping: damping of the statistic in a rule, in ratings.
        recipe: how it is trained, one of ``recipes``.
    """

    questions: Annotated[int, Field(ge=1, le=99)]
    gain_damping: Positive
    recipe: str


class Damping(Section):
    """Of the base mu + b_i + a_u + c_u b_i, in ratings; see :mod:`hypernet.ratings.core.base`."""

    item: Positive
    level: Positive
    slope: Positive


class TreeGrid(Section):
    """Depths from which the best is chosen."""

    depths: DepthGrid


class NeighbourGrid(Section):
    """Numbers of neighbours (the user counts as one) and depths from which the best pair is chosen.

    The pair is chosen on ``selection_users`` users (null: all of them), drawn once.
    """

    neighbours: Grid
    depths: DepthGrid
    selection_users: Count | None


class Boosting(Section):
    """Gradient boosted regression trees."""

    trees: Count
    depth: Annotated[int, Field(ge=1, le=20)]
    learning_rate: Annotated[float, Field(gt=0, le=1)]


class Factorisation(Section):
    """Matrix factorisation by stochastic gradient descent."""

    factors: Count
    epochs: Count
    learning_rate: Positive
    regularisation: Annotated[float, Field(ge=0)]


class ShrunkTreeGrid(Section):
    """Trees of a user's ratings: depths, smallest leaves and shrinkages (in ratings) from which the best are chosen."""

    depths: DepthGrid
    smallest_leaves: Grid
    shrinkages: NotNegativeGrid


class BoostingGrid(Section):
    """Boosted trees: every depth and learning rate, stopped at the best number of trees up to ``most_trees``."""

    most_trees: Count
    depths: DepthGrid
    learning_rates: PositiveGrid
    user_levels: Annotated[list[Literal["none", "residual", "feature"]], Field(min_length=1)]


class FactorisationGrid(Section):
    """Settings of a factorisation from which the best are chosen."""

    candidates: Annotated[list[Factorisation], Field(min_length=1)]


class RidgeGrid(Section):
    """Dampings of a user's ridge regression from which the best is chosen, in ratings."""

    dampings: PositiveGrid


class BiasGrid(Section):
    """Dampings of item and user biases from which the best pair is chosen, in ratings."""

    item_dampings: PositiveGrid
    user_dampings: PositiveGrid


class Neighbours(Section):
    """Nearest neighbours with baselines: the number of neighbours."""

    neighbours: Count


class Bootstrap(Section):
    """Intervals: resamples of the users."""

    resamples: Annotated[int, Field(ge=100)]


class RawSettings(SourceSettings):
    """Where the raw tables come from: generated, an official archive (checked by digest), or CSV tables."""

    table: CsvTables | None
    allow_modified: bool

    def own_files(self) -> list[str]:
        """See :class:`~hypernet.lab.config.SourceSettings`."""
        return [self.table.ratings, self.table.items] if self.table else []


class PrepareSettings(Section):
    """How rows are divided and item statistics are made."""

    select: Literal["validation", "test"]
    validation_share: Annotated[float, Field(gt=0, lt=0.5)]
    item_mean: Literal["loo", "kfold"]
    keep: Literal["last"] | None
    scale: tuple[float, float] | None = None
    split: Literal["random", "time"] = "random"
    unknown: Literal["skip"] | None = None


class EvaluationSettings(EvaluateSettings):
    """What the evaluation depends on."""

    resamples: int


class BaselineSettings(TrainSettings):
    """A baseline with nothing to set."""


class TreeSettings(TrainSettings):
    """``global_tree`` and ``local_trees``."""

    user_level: Literal["none", "residual", "feature"]
    method: TreeGrid


class NeighbourTreeSettings(TrainSettings):
    """``knn_trees``."""

    user_level: Literal["none", "residual", "feature"]
    method: NeighbourGrid


class BoostingSettings(TrainSettings):
    """``gbrt``."""

    user_level: Literal["none", "residual", "feature"]
    method: Boosting


class FactorisationSettings(TrainSettings):
    """``svd`` and ``svdpp``."""

    method: Factorisation


class NeighboursSettings(TrainSettings):
    """``knn_baseline``."""

    method: Neighbours


class ShrunkTreeSettings(TrainSettings):
    """``local_trees_tuned``."""

    method: ShrunkTreeGrid


class BoostingGridSettings(TrainSettings):
    """``gbrt_tuned``."""

    method: BoostingGrid


class FactorisationGridSettings(TrainSettings):
    """``svd_tuned`` and ``svdpp_tuned``."""

    method: FactorisationGrid


class BiasGridSettings(TrainSettings):
    """``item_bias``."""

    method: BiasGrid


class RidgeSettings(TrainSettings):
    """``ridge_mean``."""

    method: RidgeGrid


class ResidualTreeSettings(TrainSettings):
    """``greedy_residual``."""

    base: Damping
    method: ShrunkTreeGrid


class ResidualRidgeSettings(TrainSettings):
    """``ridge_residual``."""

    base: Damping
    method: RidgeGrid


class NetworkSettings(TrainSettings):
    """A network that reads a user's ratings."""

    train: Training
    stage: Stage

    def start(self) -> str | None:
        """See :class:`~hypernet.lab.config.TrainSettings`."""
        return self.stage.start


class MetaTreeSettings(NetworkSettings):
    """A meta tree of the talk."""

    method: MetaTreeMethod


class ExplainedSettings(NetworkSettings):
    """A tree on a base; also ``deep_set``, which has as many parameters and no tree."""

    base: Damping
    method: ExplainedMethod


METHODS = {
    "oracle": Method("Truth (mean rating)", BaselineSettings, at_once=True),
    "global_mean": Method("Mean of all ratings", BaselineSettings, "P", at_once=True),
    "item_mean": Method("Item's mean", BaselineSettings, "P", at_once=True),
    "user_mean": Method("User's mean", BaselineSettings, at_once=True),
    "global_tree": Method("Global tree", TreeSettings, at_once=True),
    "local_trees": Method("Local trees", TreeSettings, at_once=True),
    "knn_trees": Method("Trees of neighbours", NeighbourTreeSettings, at_once=True),
    "gbrt": Method("Gradient boosted trees", BoostingSettings, at_once=True),
    "baseline_only": Method("User and item biases", BaselineSettings, "P", at_once=True),
    "knn_baseline": Method("Nearest neighbours", NeighboursSettings, "P", at_once=True),
    "svd": Method("SVD", FactorisationSettings, at_once=True),
    "svdpp": Method("SVD++", FactorisationSettings, at_once=True),
    "local_trees_tuned": Method("Local trees, tuned", ShrunkTreeSettings, at_once=True),
    "gbrt_tuned": Method("Gradient boosted trees, tuned", BoostingGridSettings, at_once=True),
    "svd_tuned": Method("SVD, tuned", FactorisationGridSettings, at_once=True),
    "svdpp_tuned": Method("SVD++, tuned", FactorisationGridSettings, at_once=True),
    "item_bias": Method("User and item biases, damped", BiasGridSettings, at_once=True),
    "ridge_mean": Method("Ridge line per user on the item's mean", RidgeSettings, at_once=True),
    "ridge_residual": Method("Ridge per user on what the base leaves", ResidualRidgeSettings, at_once=True),
    "greedy_residual": Method("Fitted tree per user on what the base leaves", ResidualTreeSettings, at_once=True),
    "deep_set": Method("Deep set, no tree", ExplainedSettings),
    "meta_explained_soft": Method("Explained meta tree, soft", ExplainedSettings),
    "meta_explained_hard": Method("Explained meta tree, hard", ExplainedSettings),
    "meta_fixed_soft": Method("Meta tree, soft", MetaTreeSettings),
    "meta_fixed_hard": Method("Meta tree, hard", MetaTreeSettings),
    "meta_dynamic_soft": Method("Dynamic meta tree, soft", MetaTreeSettings),
    "meta_dynamic_hard": Method("Dynamic meta tree, hard", MetaTreeSettings),
}
STEP_SETTINGS: dict[str, type[Section]] = {
    "raw": RawSettings,
    "prepare": PrepareSettings,
    "evaluate": EvaluationSettings,
}


class Config(DomainConfig):
    """The whole section; ``tables`` names data sets in CSV tables: ``{my_shop: {ratings: r.csv, items: i.csv}}``."""

    table = METHODS
    step_settings = STEP_SETTINGS
    tables: dict[DatasetName, CsvTables]
    allow_modified: bool
    select: Literal["validation", "test"]
    validation_share: Annotated[float, Field(gt=0, lt=0.5)]
    item_mean: Literal["loo", "kfold"]
    user_level: Literal["none", "residual", "feature"]
    recipe: str
    recipes: dict[str, Recipe]
    train: Training
    base: Damping
    meta_explained: ExplainedMethod
    meta_fixed: MetaTreeMethod
    meta_dynamic: MetaTreeMethod
    global_tree: TreeGrid
    local_trees: TreeGrid
    knn_trees: NeighbourGrid
    gbrt: Boosting
    svd: Factorisation
    svdpp: Factorisation
    knn_baseline: Neighbours
    local_trees_tuned: ShrunkTreeGrid
    gbrt_tuned: BoostingGrid
    svd_tuned: FactorisationGrid
    svdpp_tuned: FactorisationGrid
    item_bias: BiasGrid
    ridge_mean: RidgeGrid
    ridge_residual: RidgeGrid
    greedy_residual: ShrunkTreeGrid
    evaluate: Bootstrap

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for name in self.tables:
            if name in PUBLISHED or GENERATED.fullmatch(name):
                raise ValueError(f"tables: {name} is a built-in data set; give yours another name")
        for dataset in self.datasets:
            if dataset not in (*PUBLISHED, *self.tables) and not GENERATED.fullmatch(dataset):
                accepted = ", ".join(("preftrees", "preftrees_seed<number>", *PUBLISHED, *self.tables))
                raise ValueError(f"datasets: {dataset} is not a known data set; accepted: {accepted}")
        for key, recipe in (("recipe", self.recipe), ("meta_explained.recipe", self.meta_explained.recipe)):
            if recipe not in self.recipes:
                raise ValueError(f"{key}: {recipe} is not under recipes; accepted: {', '.join(self.recipes)}")
        return self

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        start = self.recipes[self.recipe].start("meta_dynamic_soft")
        fixed, dynamic = (sizes.model_dump(exclude={"depth"}) for sizes in (self.meta_fixed, self.meta_dynamic))
        if "meta_dynamic_soft" in self.methods and start is not None and fixed != dynamic:
            raise ValueError(
                "meta_dynamic: it goes on from the weights of meta_fixed and needs the same embedding, f_hidden and "
                "g_hidden (or dynamic_steps: null in the recipe)"
            )
        return self

    def feasible(self, dataset: str, method: str) -> bool:
        """Whether a method can be run on a data set: the oracle needs a known truth."""
        return method != "oracle" or GENERATED.fullmatch(dataset) is not None

    def values(self, step: Steps, dataset: str, method: str | None) -> dict[str, Any]:
        """See :class:`~hypernet.lab.config.DomainConfig`."""
        table = self.tables.get(dataset)
        values = super().values(step, dataset, method) | {
            "table": table,
            "keep": table.keep if table else None,
            "scale": table.scale if table else None,
            "split": table.split if table else "random",
            "unknown": table.unknown if table else None,
        }
        if method is None or not issubclass(METHODS[method].settings, NetworkSettings):
            return values
        if METHODS[method].settings is ExplainedSettings:
            explained = self.meta_explained
            return values | {"method": explained, "stage": self.recipes[explained.recipe].stage(method)}
        sizes = self.meta_dynamic if method.startswith("meta_dynamic") else self.meta_fixed
        return values | {"method": sizes, "stage": self.recipes[self.recipe].stage(method)}
