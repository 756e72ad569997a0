"""The wrapper through which MLflow loads a trained model of any domain.

MLflow keeps this file with the model and runs it on loading ("models from code"), so no pickle is involved.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import mlflow
import numpy as np


class CheckpointModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow has no types
    """A checkpoint, and the name of the function that opens it: ``package.module:function`` under ``loader``."""

    def load_context(self, context: Any) -> None:
        """Open the checkpoint; MLflow calls this once on loading."""
        module, _, function = context.model_config["loader"].partition(":")
        self._model: Any = getattr(importlib.import_module(module), function)(Path(context.artifacts["checkpoint"]))

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> Any:
        """Apply the model to an input array."""
        del context, params
        return self._model(model_input)


mlflow.models.set_model(CheckpointModel())
