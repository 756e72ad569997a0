"""`hypernet sonar predict`: voxels of the objects of many echoes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.arrays import ENDINGS, arrays_of
from hypernet.shapes.tools.predict import check_names, write_voxels
from hypernet.sonar.sources import hdf5
from hypernet.sonar.sources.echo_files import UNKNOWN_CALL, EchoRecord, read_echo
from hypernet.sonar.tools.fitted import Fitted, fitted
from hypernet.sonar.trained import Listener, open_model

GIVEN, NETCDF = "echoes", ".nc"


def predict(echoes: np.ndarray | str | Path, *, model: Listener | str | Path) -> np.ndarray:
    """Reconstruct the object of each echo on the evaluation grid.

    Args:
        echoes: Pa, float ``[B, C, T]`` or ``[C, T]`` in the form of the training (rate, window and ears are those of
            the data set), or the path of such an array: .npy, or .npz with ``echoes``. ``vision`` takes images. A .nc
            file is brought into that form as ``reconstruct`` does it, with the noise of the training: ``echoes.nc`` of
            a data set, of which each object is taken from its first view; or a file of ``hypernet sonar simulate``,
            of which each pose is taken, or all together by a method that hears them so.
        model: a trained method, or the path of its ``model.ckpt``.

    Returns:
        bool ``[B, 32, 32, 32]`` at the centres ``hypernet.shapes.grid(32)``: x lateral, y up, z to the front.

    Raises:
        UserError: the echoes or the model cannot be read, or the echoes do not fit.

    Example:
        >>> occupancy = hypernet.sonar.predict(echoes, model="model.ckpt")  # doctest: +SKIP
    """
    listener = model if isinstance(model, Listener) else open_model(model)
    return _predicted(echoes, listener)[0]


def _predicted(echoes: np.ndarray | str | Path, listener: Listener) -> tuple[np.ndarray, tuple[str, ...]]:
    """Occupancy, and what may make it wrong, a sentence each."""
    name, warnings = "echoes", tuple[str, ...]()
    if isinstance(echoes, str | Path):
        name, path = str(echoes), Path(echoes)
        if path.suffix == NETCDF:
            heard = list(_of_netcdf(path, listener))
            warnings = tuple(dict.fromkeys(warning for item in heard for warning in item.warnings))
            echoes = np.concatenate([item.echoes for item in heard])
        else:
            echoes = arrays_of(path, (GIVEN,), "uibf")[GIVEN]
    given = np.asarray(echoes)
    if given.shape == listener.shape:
        given = given[None]
    try:
        return listener(given), warnings
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _of_netcdf(path: Path, listener: Listener) -> Iterator[Fitted]:
    """The echoes of a file, object by object or pose by pose, in the form of the training.

    Raises:
        UserError: the file cannot be read, or one of its echoes cannot be what the model was trained to hear.
    """
    with hdf5.opened(path, "netCDF") as file:
        archived = getattr(file.get("echo"), "ndim", 0) == 5
        records = list(_archived(path, file, listener)) if archived else []
    poses = [0] * len(records)
    if not archived:
        record = read_echo(path)
        poses = list(range(len(record.samples) if listener.senses == "pair" else 1))
        records = [record] * len(poses)
    for number, (record, pose) in enumerate(zip(records, poses, strict=True)):
        try:
            yield fitted(record, listener, pose, seed=number)
        except UserError as error:
            place = f"{'object' if archived else 'pose'} {number}: " if len(records) > 1 else ""
            raise UserError(f"{path}: {place}{str(error).removeprefix('echo: ')}") from None


def _archived(path: Path, file: Any, listener: Listener) -> Iterator[EchoRecord]:
    """Each object of a data set's echoes ``[object, view, pair, ear, time]``, as it is heard from its first view."""
    echoes, aside = (hdf5.numbers(path, file, name) for name in ("echo", "microphone_echo"))
    assert echoes is not None
    known = [hdf5.attribute(file, name) for name in ("rate_hz", "start_s", "speed_of_sound")]
    if not echoes.size or not all(isinstance(number, int | float) and number > 0 for number in known):
        raise UserError(f"{path}: no echoes of a data set (they have the attributes rate_hz, start_s, speed_of_sound)")
    rate, start, speed = (float(number) for number in known)
    further = listener.senses == "microphones"
    if further and (aside is None or aside.shape[:2] != echoes.shape[:2] or aside.shape[-1] != echoes.shape[-1]):
        raise UserError(f"{path}: no echoes of further microphones, which {listener.method} hears")
    for place, views in enumerate(echoes):
        samples = views[0]
        if further and aside is not None:
            samples = np.concatenate([samples[0], aside[place, 0]])[None]
        elif listener.senses == "pair":
            samples = samples[:1]
        offsets = np.full((samples.shape[1], 3), np.nan)
        title = str(hdf5.attribute(file, "call") or UNKNOWN_CALL)
        yield EchoRecord(samples, rate, start, (), offsets, speed, title, np.zeros(0))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet sonar predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained method")
    parser.add_argument(
        "--echoes",
        type=Path,
        required=True,
        help="float [B, C, T] in Pa, in the form of the training: .npy, or .npz with the array echoes; or a .nc file: "
        "echoes of a data set, or of simulate",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="write bool [B, 32, 32, 32] here: .npy, or .npz with occupancy"
    )


def run(arguments: argparse.Namespace) -> None:
    """Reconstruct the echoes of a file, and write the voxels."""
    check_names(arguments, GIVEN, (*ENDINGS, NETCDF))
    occupancy, warnings = _predicted(arguments.echoes, open_model(arguments.model))
    for warning in warnings:
        print(f"warning: {arguments.echoes}: {warning}")
    write_voxels(arguments.out, occupancy)
