"""Making the trained model of a method."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hypernet.lab.job import Job
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import TrainingRun
from hypernet.shapes.baselines.means import MeanShape
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.train import EXAMPLES, familiar, gallery_rows
from hypernet.shapes.trained import embeddings
from hypernet.sonar.baselines.nearest import NearestEcho, compared
from hypernet.sonar.baselines.sight import BothEmbedding
from hypernet.sonar.config import MethodSettings, NearestSettings, NetworkSettings, Senses
from hypernet.sonar.core.encoders import EchoEmbedding
from hypernet.sonar.dataset import EchoData, load
from hypernet.sonar.model import Sound, spectrogram
from hypernet.sonar.trained import VERSION, open_model, senses_of

# Training echoes from which the constants of spectrograms are taken.
MOST_FITTED = 2000


def train(job: Job[MethodSettings]) -> None:
    """Train a method on prepared echoes and write ``model.ckpt`` and ``run.json`` to the run's folder."""
    data = load(job.data)
    with TrainingRun(job) as run:
        torch.manual_seed(job.seed)
        settings, senses = job.settings, senses_of(job.settings)
        samples = data.split("train").echoes.shape[-1]
        sound = Sound(data.ears(senses), samples, data.rate_hz)
        network: nn.Module
        if isinstance(settings, NetworkSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.sonar.learning import learn
            from hypernet.sonar.methods import build

            network = build(settings, sound)
            if isinstance(network.embed, EchoEmbedding | BothEmbedding):
                network.embed.spectrogram.fit(_training_echoes(data, senses))
            run.facts["parameter_count"] = count_parameters(network)
            learn(network, data, settings, run, job.threads)
        elif isinstance(settings, NearestSettings):
            network = _nearest(settings, data, sound, run)
        else:
            network = _mean(data, run)
        network = network.cpu().eval()
        content = {
            "title": data.title,
            "image_size": data.image_size,
            "sound": [sound.ears, sound.samples, sound.rate_hz],
            "start_s": data.start_s,
            "noise_pa": data.noise_pa,
            "call": data.call,
            "scene": data.scene,
            "state": network.state_dict(),
        }
        if isinstance(network, NearestEcho):
            content |= {"representation": network.representation, "frames": network.frames}
        run.save(content | _gallery(network, data, senses), VERSION)
        model = open_model(job.model)
        example = data.given("test", np.arange(EXAMPLES), 0, senses)
        run.sign(example, model(example))


def _training_echoes(data: EchoData, senses: Senses) -> torch.Tensor:
    """Training echoes with noise, of the first view, as many as constants need."""
    count = min(len(data.split("train")), MOST_FITTED)
    heard = "pair" if senses == "both" else senses
    return torch.from_numpy(data.heard("train", np.arange(count), 0, heard))


def _mean(data: EchoData, run: TrainingRun) -> MeanShape:
    splits = [data.split(name) for name in ("train", "validation")]
    truth = [torch.from_numpy(split.voxels()) for split in splits]
    classes = [torch.from_numpy(np.array(split.classes)) for split in splits]
    means = MeanShape(1)
    means.fit(truth[0], classes[0], truth[1], classes[1])
    run.facts["level"] = round(float(means.level), 3)
    return means


def _nearest(settings: NearestSettings, data: EchoData, sound: Sound, run: TrainingRun) -> NearestEcho:
    """The nearest echo, in the representation that is best on the validation objects."""
    split, held_out = data.split("train"), data.split("validation")
    transform = spectrogram(sound, settings.representation)
    transform.fit(_training_echoes(data, "pair"))
    views = split.echoes.shape[1]
    everything = np.arange(len(split))
    known = torch.from_numpy(np.concatenate([data.heard("train", everything, view, "pair") for view in range(views)]))
    asked = torch.from_numpy(data.heard("validation", np.arange(len(held_out)), 0, "pair"))
    best, chosen = -1.0, None
    scores = {}
    for representation in settings.method.representations:
        for frames in settings.method.frames:
            listed = compared(transform, representation, frames, known)
            candidate = NearestEcho(transform, representation, frames, listed.shape[1], len(known), len(split))
            candidate.known.copy_(listed)
            candidate.owner.copy_(torch.arange(len(split)).repeat(views))
            candidate.voxels.copy_(torch.from_numpy(np.array(split.packed)))
            score = float(np.mean(iou(candidate(asked).numpy() > 0, held_out.voxels())))
            scores[f"{representation}, {frames} frames"] = round(score, 4)
            if score > best:
                best, chosen = score, candidate
    assert chosen is not None
    run.facts["validation_iou"] = scores
    run.facts |= {"representation": chosen.representation, "frames": chosen.frames}
    return chosen


def _gallery(network: nn.Module, data: EchoData, senses: Senses) -> dict[str, object]:
    """What the model knows of its training echoes, see :func:`familiar`."""
    if not isinstance(network, ConditionalShape):
        return {}
    training, held_out = data.split("train"), data.split("validation")
    rows = gallery_rows(len(training), "sonar")
    known = embeddings(network, data.given("train", rows, 0, senses))
    asked = embeddings(network, data.given("validation", np.arange(len(held_out)), 0, senses))
    return familiar(known, training.classes[rows], asked)
