"""What all tools of this domain take: a model, and whole numbers, from the command line or from Python."""

from __future__ import annotations

import copy
import numbers
import os
from pathlib import Path

from hypernet.codes.trained import MOST_ITERATIONS, TrainedDecoder, open_model
from hypernet.lab.errors import UserError


def opened(model: str | Path | TrainedDecoder, iterations: int | None = None) -> TrainedDecoder:
    """A decoder from its file or as it is, set to run ``iterations`` check updates (None: as it stands).

    A decoder that was given is not changed.

    Raises:
        UserError: no such file or no decoder, or one that cannot run this number of iterations.
    """
    if not isinstance(model, str | os.PathLike | TrainedDecoder):
        raise UserError(f"model: {type(model).__name__}; accepted: the path of a model.ckpt, or an opened decoder")
    decoder = copy.copy(model) if isinstance(model, TrainedDecoder) else open_model(model)
    if iterations is not None:
        decoder.use_iterations(whole_number("iterations", iterations))
    return decoder


def whole_number(name: str, value: object, most: int = MOST_ITERATIONS) -> int:
    """A number that counts something.

    Raises:
        UserError: not a whole number from 1 to ``most``.
    """
    if not isinstance(value, bool) and isinstance(value, numbers.Integral):
        number = int(value)
        if 1 <= number <= most:
            return number
    raise UserError(f"{name}: {value!r} is not a whole number from 1 to {most}")
