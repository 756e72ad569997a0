"""Trained methods that answer together: their mean, how far they are apart, and how far off they were."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.core.targets import Target
from hypernet.molecules.names import TARGET_TITLES
from hypernet.molecules.tools.intervals import Interval, conformal
from hypernet.molecules.trained import Predictor, open_model

Model = Predictor | str | Path
# Fewest tested molecules whose errors tell an interval.
FEWEST_ERRORS = 30


@dataclass(frozen=True)
class Member:
    """A trained method.

    Attributes:
        predictor: the method.
        name: its path, or what it is.
        folder: of its run; None where it was opened before.
    """

    predictor: Predictor
    name: str
    folder: Path | None


@dataclass(frozen=True)
class Rebuilt:
    """How tested molecules were predicted whose geometry was made from their SMILES.

    Attributes:
        interval: that holds nine in ten.
        error: mean absolute error, in the target's unit.
        same: that of the same molecules at the geometries of the data.
        count: of them.
        width: half of the interval's width, the mean over these molecules, in the target's unit.
    """

    interval: Interval
    error: float
    same: float
    count: int
    width: float


class Ensemble:
    """Methods for one property that were trained on the same data, or one by itself.

    Args:
        members: the methods, of one data set and with the same molecules for validation.

    Attributes:
        target: the property.
        title: of the data set.
        interval: around the mean, which holds the true value of nine molecules in ten, of molecules like those of the
            validation and at geometries like theirs.
        width: half of its width, the mean over the validation, in the target's unit.

    Raises:
        UserError: methods of unlike data.
    """

    def __init__(self, members: Sequence[Member]):
        self.members = list(members)
        first = self.members[0]
        self.first = first.predictor
        self.target: Target = self.first.target
        self.title = self.first.title
        names, _, true = self.first.validation
        for member in self.members[1:]:
            other = member.predictor
            if (other.title, other.target) != (self.title, self.target):
                raise UserError(
                    f"{member.name}: trained on {other.title}, {first.name} on {self.title}; accepted: models of one "
                    f"data set for {self.target.name}"
                )
            if other.validation[0] != names or not np.array_equal(other.validation[2], true):
                raise UserError(
                    f"{member.name}: {other.title} was prepared otherwise for it than for {first.name} (other "
                    "molecules for validation); accepted: models of the same data"
                )
        predicted, spread = _summed_up([member.predictor.validation[1] for member in self.members])
        self.interval = conformal(np.abs(predicted - true), spread)
        self.width = float(self.interval.half(spread).mean())

    def __len__(self) -> int:
        return len(self.members)

    @property
    def validation_count(self) -> int:
        """Molecules for validation."""
        return len(self.first.validation[0])

    def predict(self, molecules: Molecules) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the methods in the target's unit, float64 ``[M]``; of one the latter is NaN.

        Raises:
            UserError: molecules that a method cannot predict.
        """
        return _summed_up([member.predictor.predict(molecules) for member in self.members])

    def contributions(self, molecules: Molecules) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each atom's part, float64 ``[A]``.

        Raises:
            UserError: see ``predict``; or a method has no such parts.
        """
        return _summed_up([member.predictor.contributions(molecules) for member in self.members])

    @cached_property
    def rebuilt(self) -> Rebuilt | None:
        """What geometries made from SMILES cost, where the runs' ``items.csv`` lie beside all models and tell it."""
        tables = [_rebuilt_items(member.folder) for member in self.members]
        if not all(tables):
            return None
        shared = [name for name in tables[0] if all(name in table for table in tables)]
        if len(shared) < FEWEST_ERRORS:
            return None
        true, same, made = np.array([[table[name] for name in shared] for table in tables]).transpose(2, 0, 1)
        predicted, spread = _summed_up(list(made))
        errors = np.abs(predicted - true[0])
        interval = conformal(errors, spread)
        return Rebuilt(
            interval,
            float(errors.mean()),
            float(np.abs(same.mean(axis=0) - true[0]).mean()),
            len(shared),
            float(interval.half(spread).mean()),
        )


def _summed_up(answers: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of several answers, or the only answer."""
    stacked = np.stack(answers)
    if len(stacked) == 1:
        return stacked[0], np.full(stacked.shape[1:], np.nan)
    return stacked.mean(axis=0), stacked.std(axis=0, ddof=1)


def _rebuilt_items(folder: Path | None) -> dict[str, tuple[float, float, float]]:
    """True and predicted values of a run's tested molecules with made geometries, by name; none where nothing tells."""
    if folder is None or not (folder / "items.csv").is_file():
        return {}
    import pandas as pd

    try:
        items = pd.read_csv(folder / "items.csv")
        there = items[np.isfinite(items["predicted_rebuilt"])]
        columns = (there[name].astype(float) for name in ("true", "predicted", "predicted_rebuilt"))
        return dict(zip(there["molecule"].astype(str), zip(*columns, strict=True), strict=True))
    # A file that is of something else, or of a person's own.
    except (KeyError, TypeError, ValueError, OSError):
        return {}


def assembled(models: Model | Sequence[Model], targets: Sequence[str] = ()) -> list[Ensemble]:
    """Open models and put those of one property together.

    Args:
        models: trained methods, or the paths of their ``model.ckpt``.
        targets: short names of the properties that are asked for, in this order; none: all, as they come.

    Raises:
        UserError: a file cannot be read or is named twice, there is none, the models were not trained for what is asked
            for, or those of one property were trained on unlike data.
    """
    given: list[Model] = [models] if isinstance(models, Predictor | str | os.PathLike) else list(models)
    if not given:
        raise UserError("no model was given")
    seen: set[object] = set()
    members: dict[str, list[Member]] = {}
    for model in given:
        identity = id(model) if isinstance(model, Predictor) else Path(model).resolve()
        if identity in seen:
            name = model.title if isinstance(model, Predictor) else model
            raise UserError(f"{name}: this model was given twice; their spread would say nothing")
        seen.add(identity)
        if isinstance(model, Predictor):
            member = Member(model, f"{model.method}, {model.title}", None)
        else:
            member = Member(open_model(model), str(model), Path(model).resolve().parent)
        members.setdefault(member.predictor.target.name, []).append(member)
    for target in targets:
        if target not in members:
            raise UserError(_untrained(target, list(members)))
    return [Ensemble(members[target]) for target in dict.fromkeys(targets or members)]


def _untrained(target: str, trained: Sequence[str]) -> str:
    """Why a property is not predicted, and what would train it."""
    line = f"--target {target}: the models given were trained for {', '.join(trained)}"
    if target not in TARGET_TITLES:
        return f"{line}; QM9 has {', '.join(TARGET_TITLES)}"
    dataset = f"qm9_7heavy_{target}"
    steps = [f"hypernet molecules {step} --set molecules.datasets=[{dataset}]" for step in ("raw", "prepare")]
    steps.append(f"{steps[0].replace(' raw ', ' train ')} --method hyper")
    return f"{line}; this trains another: {' && '.join(steps)}"
