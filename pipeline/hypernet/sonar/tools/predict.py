"""`hypernet sonar predict`: voxels of the objects of many echoes."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.tools.predict import arrays_of, check_names, write_voxels
from hypernet.sonar.trained import Listener, open_model

GIVEN = "echoes"


def predict(echoes: np.ndarray | str | Path, *, model: Listener | str | Path) -> np.ndarray:
    """Reconstruct the object of each echo on the evaluation grid.

    Args:
        echoes: Pa, float ``[B, C, T]`` or ``[C, T]`` in the form of the training (rate, window and ears are those of
            the data set), or the path of such an array: .npy, or .npz with ``echoes``. ``vision`` takes images.
        model: a trained method, or the path of its ``model.ckpt``.

    Returns:
        bool ``[B, 32, 32, 32]`` at the centres ``hypernet.shapes.grid(32)``: x lateral, y up, z to the front.

    Raises:
        UserError: the echoes or the model cannot be read, or the echoes do not fit.

    Example:
        >>> occupancy = hypernet.sonar.predict(echoes, model="model.ckpt")  # doctest: +SKIP
    """
    name = "echoes"
    if isinstance(echoes, str | Path):
        name = str(echoes)
        echoes = arrays_of(Path(echoes), (GIVEN,), "uibf")[GIVEN]
    listener = model if isinstance(model, Listener) else open_model(model)
    given = np.asarray(echoes)
    if given.shape == listener.shape:
        given = given[None]
    try:
        return listener(given)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet sonar predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--echoes",
        type=Path,
        required=True,
        help="float [B, C, T] in Pa, in the form of the training: .npy, or .npz with the array echoes",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="write bool [B, 32, 32, 32] here: .npy, or .npz with occupancy"
    )


def run(arguments: argparse.Namespace) -> None:
    """Reconstruct the echoes of a file, and write the voxels."""
    check_names(arguments, GIVEN)
    write_voxels(arguments.out, predict(arguments.echoes, model=arguments.model))
