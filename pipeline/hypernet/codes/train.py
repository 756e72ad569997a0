"""Making the trained model of a method."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hypernet.codes.baselines.references import HardDecision, MaximumLikelihood
from hypernet.codes.config import MethodSettings, TrainedSettings
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.dataset import load_code
from hypernet.codes.methods import build
from hypernet.codes.trained import VERSION, stored_matrix
from hypernet.lab.job import Job
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import EQUAL_TIME, TrainingRun


def train(job: Job[MethodSettings]) -> None:
    """Train a method on a prepared code and write ``model.ckpt`` and ``run.json`` to the run's folder.

    A method with nothing to train gets the same files, so that no later step need know the difference. Where the
    settings name ``equal_time_steps``, the same decoder is trained a second time from the start, for as many steps as
    take the hypernetwork's seconds; the file keeps both.

    Raises:
        UserError: no prepared code, or one too large for the method.
    """
    code = load_code(job.data)
    with TrainingRun(job) as run:
        decoder = _fresh(job, code)
        content: dict[str, Any] = {"title": code.title, "parity_check": stored_matrix(code.parity_check)}
        run.facts["parameter_count"] = count_parameters(decoder)
        if isinstance(job.settings, TrainedSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.codes.learning import learn

            assert isinstance(decoder, Decoder), "only message passing is trained"
            learn(decoder, code, job.settings.train, run, job.threads)
            if (training := job.settings.train.again()) is not None:
                again = _fresh(job, code)
                assert isinstance(again, Decoder), "it is the same method"
                learn(again, code, training, run, job.threads, EQUAL_TIME)
                content["equal_time_state"] = again.cpu().state_dict()
        decoder.cpu()
        run.save(content | {"state_dict": decoder.state_dict()}, VERSION)
        generator = numpy_generator(job.seed, "codes", "example")
        example = channel_llr(np.zeros((code.length, 2)), noise_deviation(4.0, code.rate), generator)
        run.sign(example.T, decoder(torch.from_numpy(example)).detach().numpy().T)


def _fresh(job: Job[MethodSettings], code: Code) -> Decoder | HardDecision | MaximumLikelihood:
    """The untrained decoder, the same at every call."""
    torch.manual_seed(job.seed)
    return build(job.method, code.parity_check, job.settings)
