"""Making the trained model of a method."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from hypernet.lab.config import Section, TrainSettings
from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters, load_start
from hypernet.lab.runs.record import TrainingRun
from hypernet.ratings.baselines.fit import fit
from hypernet.ratings.config import HardMetaTreeSettings, MetaTreeSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.methods import build
from hypernet.ratings.trained import VERSION, open_model

EXAMPLES = 3


def train(job: Job[TrainSettings]) -> None:
    """Train a method on prepared ratings and write ``model.ckpt`` and ``run.json`` to the run's folder.

    A meta tree with hard routing goes on from the one with soft routing, whose run lies beside its own.

    Raises:
        UserError: the run that this one goes on from is missing.
    """
    ratings = RatingData.load(job.data)
    settings = job.settings
    start, known = load_start(job, VERSION)
    with TrainingRun(job, start) as run:
        content: dict[str, Any] = {"catalogue": _catalogue(ratings)}
        if isinstance(settings, MetaTreeSettings):
            content["state"] = _train_meta_tree(ratings, settings, known, run)
        else:
            fitted, facts = fit(job.method, ratings, settings, job.seed)
            content["state"] = fitted.state()
            run.facts |= facts
        run.save(content, VERSION)
        predictor = open_model(job.model)
        example = predictor.example(ratings, EXAMPLES)
        run.sign(example, predictor(example))


def _train_meta_tree(
    ratings: RatingData, settings: MetaTreeSettings, known: dict[str, Any], run: TrainingRun
) -> dict[str, Any]:
    torch.manual_seed(run.job.seed)
    tree = build(run.job.method, settings, len(ratings.features), ratings.low, ratings.high)
    run.facts["parameter_count"] = count_parameters(tree)
    hard = isinstance(settings, HardMetaTreeSettings)
    if known:
        _go_on_from(known, run.job, tree)
    if settings.stage.steps:
        # Imported here: it takes seconds, and the methods with nothing to train need none of it.
        from hypernet.ratings.learning import learn

        learn(tree, ratings, settings, hard, run, run.job.threads)
    return tree.cpu().state_dict()


def _go_on_from(known: dict[str, Any], job: Job[Section], tree: torch.nn.Module) -> None:
    """Give a network the weights of another method's trained model."""
    try:
        tree.load_state_dict(known["state"])
    except (KeyError, RuntimeError, TypeError):
        start = known["method"]
        raise UserError(
            f"{job.of_method(start) / job.model.name}: its networks are not of the sizes set here (features, "
            f"embedding, f_hidden, g_hidden); train {start} again with these settings"
        ) from None


def _catalogue(ratings: RatingData) -> dict[str, Any]:
    """What a model must know of its data to be used without it: items, features, scale; plain types and tensors."""
    arrays = {name: torch.from_numpy(getattr(ratings, name)) for name in ("mean", "deviation", "item_x", "user_x")}
    texts = {name: [str(text) for text in getattr(ratings, name)] for name in ("users", "items", "titles")}
    plain = {name: getattr(ratings, name) for name in ("title", "unit", "low", "high")}
    return arrays | texts | plain | {"features": [asdict(feature) for feature in ratings.features]}
