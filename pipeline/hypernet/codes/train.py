"""Making the trained model of a method."""

from __future__ import annotations

import numpy as np
import torch

from hypernet.codes.config import MethodSettings, TrainedSettings
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.dataset import load_code
from hypernet.codes.methods import build
from hypernet.codes.trained import VERSION
from hypernet.lab.job import Job
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import TrainingRun


def train(job: Job[MethodSettings]) -> None:
    """Train a method on a prepared code and write ``model.ckpt`` and ``run.json`` to the run's folder.

    A method with nothing to train gets the same files, so that no later step need know the difference.

    Raises:
        UserError: no prepared code, or one too large for the method.
    """
    code = load_code(job.data)
    with TrainingRun(job) as run:
        torch.manual_seed(job.seed)
        decoder = build(job.method, code.parity_check, job.settings)
        run.facts["parameter_count"] = count_parameters(decoder)
        if isinstance(job.settings, TrainedSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.codes.learning import learn

            assert isinstance(decoder, Decoder), "only message passing is trained"
            learn(decoder, code, job.settings.train, run, job.threads)
        decoder.cpu()
        matrix = torch.from_numpy(code.parity_check)
        run.save({"title": code.title, "parity_check": matrix, "state_dict": decoder.state_dict()}, VERSION)
        generator = numpy_generator(job.seed, "codes", "example")
        example = channel_llr(np.zeros((code.length, 2)), noise_deviation(4.0, code.rate), generator)
        run.sign(example.T, decoder(torch.from_numpy(example)).detach().numpy().T)
