"""Making the trained model of a method."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.machine import use_threads
from hypernet.lab.runs.models import count_parameters, load_model, save_model
from hypernet.lab.runs.record import TrainingRun
from hypernet.ratings.baselines.fit import fit
from hypernet.ratings.config import HardMetaTreeSettings, MetaTreeSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.methods import build
from hypernet.ratings.trained import open_model

LOADER = "hypernet.ratings.trained:open_model"
EXAMPLES = 3


def train(
    dataset: str,
    method: str,
    seed: int,
    data: Path,
    out: Path,
    settings: Section,
    program: str,
    threads: int,
) -> None:
    """Train ``method`` on prepared ratings and write ``model.ckpt`` and ``run.json`` to ``out``.

    A meta tree with hard routing goes on from the one with soft routing, whose run lies beside its own.

    Raises:
        UserError: the run that this one goes on from is missing.
    """
    ratings = RatingData.load(data)
    use_threads(threads)
    start = _start(method, out, settings)
    with TrainingRun("ratings", dataset, method, seed, data, out, settings, program, start) as run:
        content = {
            "domain": "ratings",
            "dataset": dataset,
            "method": method,
            "settings": settings.model_dump(mode="json"),
            "catalogue": _catalogue(ratings),
        }
        if isinstance(settings, MetaTreeSettings):
            content["state"] = _train_meta_tree(method, ratings, settings, start, run, threads)
        else:
            fitted, facts = fit(method, ratings, settings, seed)
            content["state"] = fitted.state()
            run.facts |= facts
        model = out / "model.ckpt"
        save_model(model, content)
        predictor = open_model(model)
        example = predictor.example(ratings, EXAMPLES)
        run.tracker.model(model, LOADER, example, predictor(example))


def _start(method: str, out: Path, settings: Section) -> Path | None:
    if not isinstance(settings, MetaTreeSettings) or settings.stage.start is None:
        return None
    path = out.parents[1] / settings.stage.start / out.name / "model.ckpt"
    if not path.is_file():
        raise UserError(f"{path}: not there; {method} goes on from {settings.stage.start}, train that one first")
    return path


def _train_meta_tree(
    method: str, ratings: RatingData, settings: MetaTreeSettings, start: Path | None, run: TrainingRun, threads: int
) -> dict[str, Any]:
    torch.manual_seed(run.identity["seed"])
    tree = build(method, settings, len(ratings.features), ratings.low, ratings.high)
    run.facts["parameter_count"] = count_parameters(tree)
    hard = isinstance(settings, HardMetaTreeSettings)
    if start is not None:
        assert settings.stage.start is not None
        _go_on_from(start, settings.stage.start, tree)
    if settings.stage.steps:
        # Imported here: it takes seconds, and the methods with nothing to train need none of it.
        from hypernet.ratings.learning import learn

        learn(tree, ratings, settings, hard, run, threads)
    return tree.cpu().state_dict()


def _go_on_from(path: Path, method: str, tree: torch.nn.Module) -> None:
    """Give a network the weights of the trained model of ``method``."""
    content = load_model(path)
    if not isinstance(content, dict) or content.get("method") != method:
        raise UserError(f"{path}: not a model of {method}; train that one again")
    try:
        tree.load_state_dict(content["state"])
    except (KeyError, RuntimeError, TypeError):
        raise UserError(
            f"{path}: its networks are not of the sizes set here (features, embedding, f_hidden, g_hidden); "
            f"train {method} again with these settings"
        ) from None


def _catalogue(ratings: RatingData) -> dict[str, Any]:
    """What a model must know of its data to be used without it: items, features, scale; plain types and tensors."""
    arrays = {name: torch.from_numpy(getattr(ratings, name)) for name in ("mean", "deviation", "item_x", "user_x")}
    texts = {name: [str(text) for text in getattr(ratings, name)] for name in ("users", "items", "titles")}
    plain = {name: getattr(ratings, name) for name in ("title", "unit", "low", "high")}
    return arrays | texts | plain | {"features": [asdict(feature) for feature in ratings.features]}
