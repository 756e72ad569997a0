"""The training of a decoder: noisy words without end, the multiloss, and the bit error rate by which it is chosen."""

from __future__ import annotations

import math
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from hypernet.codes.baselines.belief_propagation import BeliefPropagation
from hypernet.codes.config import Training, Validation
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation, random_words
from hypernet.codes.core.message_passing import Decoder
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit


class TrainingBatches(Dataset[tuple[Tensor, Tensor]]):
    """Batch i of a training: ``words_per_point`` noisy words at every Eb/N0, made from the number i alone."""

    def __init__(self, code: Code, settings: Training, seed: int):
        self.code, self.settings, self.seed = code, settings, seed
        points = [noise_deviation(point, code.rate) for point in settings.ebn0_db]
        self.deviation = np.repeat(np.array(points, dtype=np.float32), settings.words_per_point)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Bits ``[n, B]`` as float and channel values ``[n, B]``."""
        generator = numpy_generator(self.seed, "codes", "train", index)
        if self.settings.code_words == "random":
            bits = random_words(self.code, len(self.deviation), generator)
        else:
            bits = np.zeros((self.code.length, len(self.deviation)), dtype=np.uint8)
        llr = channel_llr(bits, self.deviation, generator)
        return torch.from_numpy(bits.astype(np.float32)), torch.from_numpy(llr)


class ValidationBatches(Dataset[tuple[int, Tensor, Tensor]]):
    """Random code words with noise that is the same at every check: chunks of 500 words at every Eb/N0."""

    CHUNK = 500

    def __init__(self, code: Code, settings: Validation, seed: int):
        self.code, self.settings, self.seed = code, settings, seed
        self.chunks = math.ceil(settings.words / self.CHUNK)

    def __len__(self) -> int:
        return self.chunks * len(self.settings.ebn0_db)

    def __getitem__(self, index: int) -> tuple[int, Tensor, Tensor]:
        """Number of the Eb/N0 point, bits ``[n, B]`` as bool, channel values ``[n, B]``."""
        point, chunk = divmod(index, self.chunks)
        generator = numpy_generator(self.seed, "codes", "validation", point, chunk)
        words = min(self.CHUNK, self.settings.words - chunk * self.CHUNK)
        bits = random_words(self.code, words, generator)
        deviation = noise_deviation(self.settings.ebn0_db[point], self.code.rate)
        llr = channel_llr(bits, deviation, generator)
        return point, torch.from_numpy(bits.astype(bool)), torch.from_numpy(llr)


class DecoderTraining(pl.LightningModule):
    """Multiloss training of a decoder: the cross-entropy of the bits after every iteration, summed.

    Validation logs ``validation_ln_ber``, the mean over the Eb/N0 points of ln(bit error rate).
    """

    _errors: Tensor

    def __init__(self, decoder: Decoder, settings: Training):
        super().__init__()
        self.decoder, self.settings = decoder, settings
        self.register_buffer(
            "_errors", torch.zeros(2, len(settings.validation.ebn0_db), dtype=torch.float64), persistent=False
        )

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The multiloss; the logit is that of the bit being 0: a positive value decides for 0."""
        bits, llr = batch
        outputs = self.decoder.every_iteration(llr)
        if self.settings.loss == "last_round":
            outputs = outputs[-1:]
        target = (1.0 - bits).expand_as(outputs)
        loss = F.binary_cross_entropy_with_logits(outputs, target, reduction="none").mean(dim=(1, 2)).sum()
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss

    def validation_step(self, batch: tuple[int, Tensor, Tensor], batch_idx: int) -> None:
        """Count wrong bits."""
        point, bits, llr = batch
        self._errors[0, point] += ((self.decoder(llr) < 0) != bits).sum()
        self._errors[1, point] += bits.numel()

    def on_validation_epoch_end(self) -> None:
        """Log the mean ln(bit error rate), by which the weights are chosen."""
        wrong, sent = self._errors
        # Half an error where there is none: the logarithm stays finite and still falls with more words.
        self.log("validation_ln_ber", torch.log(wrong.clamp(min=0.5) / sent).mean())
        for point, ebn0_db in enumerate(self.settings.validation.ebn0_db):
            self.log(f"validation_ber_{ebn0_db:g}_db", wrong[point] / sent[point])
        self._errors.zero_()

    def configure_optimizers(self) -> Any:
        """Adam with a cosine decay from ``learning_rate`` to its ``final_learning_rate_share``."""
        settings = self.settings
        return adam_with_cosine_decay(
            self.decoder.parameters(),
            settings.learning_rate,
            settings.final_learning_rate_share,
            settings.max_steps,
        )


def validation_ln_ber(decoder: Decoder, checks: ValidationBatches) -> float:
    """The mean ln(bit error rate) that validation logs, for a decoder that is not trained."""
    errors = np.zeros((2, len(checks.settings.ebn0_db)))
    with torch.inference_mode():
        for index in range(len(checks)):
            point, bits, llr = checks[index]
            errors[:, point] += int(((decoder(llr) < 0) != bits).sum()), bits.numel()
    return float(np.log(np.maximum(errors[0], 0.5) / errors[1]).mean())


def learn(decoder: Decoder, code: Code, settings: Training, run: TrainingRun, threads: int, stage: str = "") -> None:
    """Train ``decoder`` in place; see :func:`hypernet.lab.training.fit`."""
    seed = run.identity["seed"]
    batches = TrainingBatches(code, settings, seed)
    checks = ValidationBatches(code, settings.validation, seed)
    plain = BeliefPropagation(decoder.graph, decoder.iterations)
    run.facts["validation_ln_ber_of_bp"] = validation_ln_ber(plain, checks)
    fit(
        DecoderTraining(decoder, settings),
        StepData(batches, checks, settings),
        settings,
        run,
        monitor="validation_ln_ber",
        threads=threads,
        stage=stage,
    )
