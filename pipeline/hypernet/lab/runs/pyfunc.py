"""The wrapper through which MLflow loads a trained model of any domain.

MLflow keeps this file with the model and runs it on loading ("models from code"), so no pickle is involved. The
program that opens the model lies once in the experiment, packed, for all models that it wrote.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import shutil
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np


class CheckpointModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow has no types
    """A checkpoint; the configuration names what opens it (``opener``) and where its ``program`` is kept."""

    def load_context(self, context: Any) -> None:
        """Open the checkpoint; MLflow calls this once on loading."""
        module, _, function = context.model_config["opener"].partition(":")
        package, digest = module.partition(".")[0], context.model_config["program_digest"]
        if package not in sys.modules:
            self._fetch(context.model_config["program"], package)
            # Which program it is, for the next model.
            importlib.import_module(package).__dict__["__program__"] = digest
        elif sys.modules[package].__dict__.get("__program__", digest) != digest:
            warnings.warn(
                f"this process has the program of another model of {package}; a model of another version may not open",
                stacklevel=2,
            )
        self._model: Any = getattr(importlib.import_module(module), function)(Path(context.artifacts["checkpoint"]))

    def _fetch(self, program: str, package: str) -> None:
        """Put the kept program before an installed one; without it the installed one must do."""
        # For as long as the process lasts: parts of the program are imported when they are first used.
        folder = tempfile.mkdtemp(prefix=f"{package}-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        try:
            packed = mlflow.artifacts.download_artifacts(artifact_uri=program, dst_path=folder)
        except Exception as error:  # another store than the one in which the model was kept
            if importlib.util.find_spec(package) is None:
                raise ModuleNotFoundError(
                    f"{program} is not here ({error}) and {package} is not installed: pip install {package}"
                ) from None
            warnings.warn(f"{program} is not here; the installed {package} opens the model", stacklevel=2)
            return
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        sys.path.insert(0, folder)

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> Any:
        """Apply the model to an input array."""
        del context, params
        return self._model(model_input)


mlflow.models.set_model(CheckpointModel())
