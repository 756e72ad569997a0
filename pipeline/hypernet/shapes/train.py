"""Making the trained model of a method."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.lab.errors import UserError
from hypernet.lab.job import Job
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.models import count_parameters
from hypernet.lab.runs.record import TrainingRun
from hypernet.shapes.baselines.means import MeanShape
from hypernet.shapes.baselines.retrieval import Retrieval
from hypernet.shapes.config import MethodSettings, NetworkSettings, RecurrentSettings, RetrievalSettings
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.networks import ConditionalShape, VoxelShape
from hypernet.shapes.dataset import ShapeData, Split, load
from hypernet.shapes.trained import VERSION, baseline, describe, embeddings, open_model

EXAMPLES = 2
# Embeddings of training views that are kept with the model, to know what it was trained on.
GALLERY = 2000
# A distance that this share of the validation images stay below is no sign of a strange object.
FAMILIAR_SHARE = 0.99


def train(job: Job[MethodSettings]) -> None:
    """Train a method on prepared shapes and write ``model.ckpt`` and ``run.json`` to the run's folder."""
    data = load(job.data)
    with TrainingRun(job) as run:
        torch.manual_seed(job.seed)
        settings = job.settings
        network: nn.Module
        if isinstance(settings, NetworkSettings):
            # Imported here: it takes seconds, and the methods with nothing to train need none of it.
            from hypernet.shapes.learning import learn
            from hypernet.shapes.methods import build

            if isinstance(settings, RecurrentSettings) and settings.views.size != data.image_size:
                raise UserError(
                    f"{job.data}: images of {data.image_size} pixels, shapes.views.size is {settings.views.size}; "
                    "prepare the data again"
                )
            network = build(settings)
            run.facts["parameter_count"] = count_parameters(network)
            learn(network, data, settings, run, job.threads)
        else:
            network = _fitted(job, data, run)
        network = network.cpu().eval()
        content = describe(data.title, data.image_size, data.framed) | {"state": network.state_dict()}
        if isinstance(network, Retrieval):
            content["thumbnails_framed"] = network.framed
        run.save(content | _gallery(network, data), VERSION)
        test = data.splits["test"]
        model = open_model(job.model)
        if model.solid and not model.needs_class:
            example = np.array(test.images[:EXAMPLES, 0])
            run.sign(example, model(example))


def _fitted(job: Job[MethodSettings], data: ShapeData, run: TrainingRun) -> nn.Module:
    """A method without a network."""
    training, validation = data.splits["train"], data.splits["validation"]
    settings = job.settings
    if not isinstance(settings, RetrievalSettings):
        means = baseline(settings)
        assert isinstance(means, MeanShape)
        truth = [torch.from_numpy(split.voxels()) for split in (training, validation)]
        classes = [torch.from_numpy(np.array(split.classes)) for split in (training, validation)]
        means.fit(truth[0], classes[0], truth[1], classes[1])
        run.facts["level"] = round(float(means.level), 3)
        return means
    best, chosen = -1.0, None
    scores = {}
    for size in settings.method.sizes:
        for framed in settings.method.framed:
            candidate = _retrieval(training, size, framed)
            predicted = candidate(torch.from_numpy(np.array(validation.images[:, 0]))).numpy() > 0
            score = float(np.mean(iou(predicted, validation.voxels())))
            scores[f"{size} pixels{', framed' if framed else ''}"] = round(score, 4)
            if score > best:
                best, chosen = score, candidate
    assert chosen is not None
    run.facts["validation_iou"] = scores
    run.facts |= {"size": chosen.size, "framed": chosen.framed}
    return chosen


def _retrieval(split: Split, size: int, framed: bool) -> Retrieval:
    views = split.images.shape[1]
    method = Retrieval(len(split), len(split) * views, size, framed)
    seen = [method.look(torch.from_numpy(np.array(split.images[row]))) for row in range(len(split))]
    method.thumbnails.copy_(torch.cat(seen))
    method.owner.copy_(torch.arange(len(split)).repeat_interleave(views))
    method.voxels.copy_(torch.from_numpy(np.array(split.packed)))
    return method


def _gallery(network: nn.Module, data: ShapeData) -> dict[str, object]:
    """What the model knows of its training images, see :func:`familiar`."""
    if not isinstance(network, ConditionalShape | VoxelShape):
        return {}
    training, validation = data.splits["train"], data.splits["validation"]
    rows = gallery_rows(len(training), "shapes")
    # As many embeddings as kept: one view of each object, in turn.
    view = np.arange(len(rows)) % training.images.shape[1]
    known = embeddings(network, training.images[rows, view])
    return familiar(known, training.classes[rows], embeddings(network, np.array(validation.images[:, 0])))


def gallery_rows(count: int, domain: str) -> np.ndarray:
    """Which of the training objects are kept with a model, ascending."""
    rows = np.arange(count)
    return np.sort(numpy_generator(0, domain, "gallery").permutation(rows)[:GALLERY]) if count > GALLERY else rows


def familiar(known: Tensor, classes: np.ndarray, held_out: Tensor) -> dict[str, object]:
    """What a model file says of its training: embeddings, and how far a familiar one is from them.

    Args:
        known: embeddings of training objects, ``[N, E]``.
        classes: theirs, ``[N]``.
        held_out: embeddings of validation objects, ``[V, E]``.
    """
    return {
        "gallery": known,
        "gallery_classes": torch.from_numpy(np.asarray(classes)),
        "familiar_distance": float(torch.cdist(held_out, known).amin(dim=1).quantile(FAMILIAR_SHARE)),
    }
