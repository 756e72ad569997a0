"""Making the trained model of a method."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from hypernet.lab.config import Section, TrainSettings
from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.manifest import read_manifest
from hypernet.lab.runs.models import count_parameters, load_start
from hypernet.lab.runs.record import TrainingRun
from hypernet.ratings.baselines.fit import fit
from hypernet.ratings.config import ExplainedSettings, MetaTreeSettings
from hypernet.ratings.core.questions import questions
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.methods import build, build_on_base
from hypernet.ratings.model import Reader
from hypernet.ratings.rows_read import fit_biases, on_base, without_own
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
        run.facts |= _modified(job.data, run.settings)
        content: dict[str, Any] = {"catalogue": _catalogue(ratings)}
        if isinstance(settings, ExplainedSettings):
            content |= _train_on_base(ratings, settings, known, run)
        elif isinstance(settings, MetaTreeSettings):
            content["state"] = _train_meta_tree(ratings, settings, known, run)
        else:
            fitted, facts = fit(job.method, ratings, settings, job.seed)
            content["state"] = fitted.state()
            run.facts |= facts
        run.save(content, VERSION)
        predictor = open_model(job.model)
        example = predictor.example(ratings, EXAMPLES)
        run.sign(example, predictor(example))


def _modified(data: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What a run must say of data that are not as published: their digests, also among its parameters."""
    modified = read_manifest(data)["facts"].get("modified")
    if not modified:
        return {}
    return {"modified_files": modified, "parameters": settings | {"modified_files": modified}}


def _train_meta_tree(
    ratings: RatingData, settings: MetaTreeSettings, known: dict[str, Any], run: TrainingRun
) -> dict[str, Any]:
    torch.manual_seed(run.job.seed)
    tree = build(run.job.method, settings, len(ratings.features), ratings.low, ratings.high)
    return _learned(tree, ratings, settings, known, run)


def _train_on_base(
    ratings: RatingData, settings: ExplainedSettings, known: dict[str, Any], run: TrainingRun
) -> dict[str, Any]:
    """The state of a network on a base, and its questions.

    It is trained on the base that ``fit`` gives; the model has the one that all training ratings give.
    """
    torch.manual_seed(run.job.seed)
    users, items = len(ratings.users), len(ratings.items)
    # Of all training ratings: no rating is in them, and the network that this goes on from has the same.
    asked = questions(ratings.train.x, ratings.features, settings.method.questions)
    network = build_on_base(run.job.method, settings, len(ratings.features), items, asked, ratings.low, ratings.high)
    seen, biases = on_base(ratings, settings.base)
    network.base.begin(seen.fit, users, biases)
    _learned(network, seen, settings, known, run)
    final = fit_biases(ratings.train, users, items, settings.base)
    network.base.begin(without_own(ratings.train, final), users, final)
    parts = {name: torch.from_numpy(array) for name, array in asked._asdict().items()}
    return {"state": network.state_dict(), "questions": parts}


def _learned(
    network: Reader,
    ratings: RatingData,
    settings: MetaTreeSettings | ExplainedSettings,
    known: dict[str, Any],
    run: TrainingRun,
) -> dict[str, Any]:
    run.facts["parameter_count"] = count_parameters(network)
    if known:
        _go_on_from(known, run.job, network)
    if settings.stage.steps:
        # Imported here: it takes seconds, and the methods with nothing to train need none of it.
        from hypernet.ratings.learning import learn

        learn(network, ratings, settings, run, run.job.threads)
    return network.cpu().state_dict()


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
    if ratings.unknown is not None:
        arrays["unknown"] = torch.from_numpy(ratings.unknown)
    return arrays | texts | plain | {"features": [asdict(feature) for feature in ratings.features]}
