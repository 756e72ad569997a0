"""Making the trained model of a method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hypernet.codes.config import MethodSettings, TrainedSettings
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.dataset import load_code
from hypernet.codes.methods import build
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.models import count_parameters, save_model
from hypernet.lab.runs.record import TrainingRun

LOADER = "hypernet.codes.trained:open_model"


def train(
    dataset: str,
    method: str,
    seed: int,
    data: Path,
    out: Path,
    settings: MethodSettings,
    program: str,
    threads: int,
) -> None:
    """Train ``method`` on a prepared code and write ``model.ckpt`` and ``run.json`` to ``out``.

    A method with nothing to train gets the same files, so that no later step need know the difference.

    Raises:
        UserError: no prepared code in ``data``, or one too large for the method.
    """
    code = load_code(data)
    use_threads(threads)
    with TrainingRun("codes", dataset, method, seed, data, out, settings, program) as run:
        torch.manual_seed(seed)
        decoder = build(method, code.parity_check, settings)
        run.facts["parameter_count"] = count_parameters(decoder)
        if isinstance(settings, TrainedSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.codes.learning import learn

            assert isinstance(decoder, Decoder), "only message passing is trained"
            learn(decoder, code, settings.train, run, threads)
        model = out / "model.ckpt"
        save_model(
            model,
            {
                "domain": "codes",
                "dataset": dataset,
                "method": method,
                "title": code.title,
                "settings": settings.model_dump(mode="json"),
                "parity_check": torch.from_numpy(code.parity_check),
                "state_dict": decoder.cpu().state_dict(),
            },
        )
        example = channel_llr(
            np.zeros((code.length, 2)),
            noise_deviation(4.0, code.rate),
            numpy_generator(seed, "codes", "example"),
        )
        decoded = decoder.cpu()(torch.from_numpy(example)).detach().numpy()
        run.tracker.model(model, LOADER, example.T.copy(), decoded.T.copy())
