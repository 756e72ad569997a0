"""What the one suite for all domains has to know of each: see ``test_components``. A new domain lists itself here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.lab.config import Section

Validate = Callable[[Any, Path, Section], float]


@dataclass(frozen=True)
class Component:
    """A domain, small enough to be trained in seconds.

    Attributes:
        dataset: the data set that is made, prepared and trained on.
        small: assignments over the domain's section that make it so.
        networks: methods whose training takes steps; the first is killed and goes on.
        others: methods that are trained and evaluated beside them, for the pictures.
        validated: name in run.json's history of the error by which weights are chosen; less is better.
        validate: that error of an opened model, counted here: (model, folder of prepared data, training settings).
        example: an input of the opened model from the folder of prepared data.
        concerned: the methods whose training depends on a setting, for some assignments.
    """

    dataset: str
    small: tuple[str, ...]
    networks: tuple[str, ...]
    others: tuple[str, ...]
    validated: str
    validate: Validate
    example: Callable[[Path], np.ndarray]
    concerned: Mapping[str, Sequence[str]]


# --- radar ----------------------------------------------------------------------------------------------------


def _radar_loss(model: Any, data: Path, settings: Section) -> float:
    """Half the squared error of an image, mean over the validation windows."""
    from hypernet.radar.dataset import load

    radar = load(data)
    rows = np.arange(len(radar.windows["validation"]))
    error = model(radar.inputs("validation", rows)) - radar.targets("validation", rows)
    return float(0.5 * np.square(error).sum(axis=(1, 2)).mean())


def _radar_images(data: Path) -> np.ndarray:
    from hypernet.radar.dataset import load

    return load(data).inputs("test", np.arange(2))


RADAR = Component(
    dataset="simulated",
    small=(
        "geometry={size: 60, margin: 6, patch: 8, taps: 13}",
        "simulated={train_events: 4, validation_events: 2, test_events: 3, frames: 8, dry_frames: 24}",
        "train.max_steps=12",
        "train.check_every_steps=4",
        "train.batch=32",
        "whole_dynamic.network={layers: [{channels: 8, kernel: 7, stride: 2, pool: 2}], hidden: 32}",
        "whole_dynamic.train={max_steps: 12, batch: 8}",
        "patch_dynamic.network={layers: [{channels: 8, kernel: 5, stride: 1, pool: 2}], hidden: 32}",
        "patch_cnn.network={layers: [{channels: 8, kernel: 5, stride: 1, pool: 2}], hidden: 32}",
        "evaluate={lead_steps: 3, resamples: 100}",
    ),
    networks=("whole_dynamic", "patch_dynamic", "patch_cnn"),
    others=("last_frame", "global_motion"),
    validated="validation_loss",
    validate=_radar_loss,
    example=_radar_images,
    concerned={
        "whole_dynamic.network.hidden=99": ["whole_dynamic"],
        "patch_linear.alphas=[0.5]": ["patch_linear"],
        "global_motion.subpixel=parabola": ["global_motion"],
        "evaluate.lead_steps=2": [],
    },
)

# --- ratings --------------------------------------------------------------------------------------------------


def _ratings_error(model: Any, data: Path, settings: Section) -> float:
    """Root of the mean squared error of the validation ratings, each by the tree of its user's other ratings."""
    from hypernet.ratings.batches import HeldOutUsers
    from hypernet.ratings.core.tables import RatingData
    from hypernet.ratings.learning import held_out_rmse

    ratings = RatingData.load(data)
    users = HeldOutUsers(ratings.fit, ratings.validation, len(ratings.users))
    return float(held_out_rmse(model.tree, users, torch.round if model.hard else lambda right: right))


def _ratings_of_a_person(data: Path) -> np.ndarray:
    return np.array([[3.0, 5.0], [8.0, 1.0]])


RATINGS = Component(
    dataset="preftrees",
    small=(
        "recipes.anneal.max_steps=30",
        "recipes.anneal.harden_steps=10",
        "train.check_every_steps=10",
        "train.users_per_batch=32",
        "meta_fixed={depth: 4, embedding: 8, f_hidden: 50, g_hidden: 20}",
        "meta_dynamic={depth: 4, embedding: 8, f_hidden: 50, g_hidden: 20}",
        "evaluate.resamples=100",
    ),
    networks=("meta_fixed_soft",),
    others=("user_mean", "meta_fixed_hard"),
    validated="validation_rmse",
    validate=_ratings_error,
    example=_ratings_of_a_person,
    concerned={
        "svd.factors=7": ["svd"],
        "recipes.anneal.harden_steps=7": ["meta_fixed_hard", "meta_dynamic_hard"],
        "recipes.official.max_steps=7": [],
        "evaluate.resamples=700": [],
    },
)

# --- codes ----------------------------------------------------------------------------------------------------


def _codes_error(model: Any, data: Path, settings: Any) -> float:
    """Mean over the validation points of ln(bit error rate)."""
    from hypernet.codes.dataset import load_code
    from hypernet.codes.learning import ValidationBatches

    batches = ValidationBatches(load_code(data), settings.train.validation, 0)
    points = len(settings.train.validation.ebn0_db)
    wrong, sent = np.zeros(points), np.zeros(points)
    for point, bits, llr in (batches[index] for index in range(len(batches))):
        wrong[point] += ((model.decode_columns(llr.numpy()) < 0) != bits.numpy()).sum()
        sent[point] += bits.numel()
    return float(np.log(wrong / sent).mean())


def _noisy_words(data: Path) -> np.ndarray:
    return np.random.default_rng(0).normal(2.0, 1.0, (3, 31))


CODES = Component(
    dataset="BCH31_16",
    small=(
        "train.max_steps=30",
        "train.check_every_steps=10",
        "train.validation={ebn0_db: [4, 5], words: 1000}",
        "evaluate={ebn0_db: [3, 4], chunk_words: 100, min_words: 400, max_words: 400, min_frame_errors: 1}",
    ),
    networks=("hyper",),
    others=("bp",),
    validated="validation_ln_ber",
    validate=_codes_error,
    example=_noisy_words,
    concerned={
        "min_sum.scale=0.5": ["min_sum"],
        "weighted_bp.largest_message=11": ["weighted_bp"],
        "evaluate.min_words=10": [],
    },
)

# --- circuits -------------------------------------------------------------------------------------------------


def _circuits_error(model: Any, data: Path, settings: Section) -> float:
    """Share of validation circuits that are not written exactly."""
    from hypernet.circuits.core.scoring import exact_circuits
    from hypernet.circuits.dataset import CircuitData
    from hypernet.circuits.learning import ValidationCircuits

    circuits = CircuitData.load(data)
    batches, right = ValidationCircuits(circuits), 0
    for response, types, classes in (batches[index] for index in range(len(batches))):
        chains = model.write(response.numpy())
        exact = exact_circuits(chains.types[:, 0], chains.classes[:, 0], types.numpy(), classes.numpy())
        right += int((exact & chains.ended[:, 0]).sum())
    return 1 - right / len(circuits.validation_types)


def _responses(data: Path) -> np.ndarray:
    from hypernet.circuits.dataset import CircuitData

    return CircuitData.load(data).test_response[:2]


CIRCUITS = Component(
    dataset="small",
    small=(
        "datasets=[small]",
        "ladders.small={lengths: [2, 3], values: [1.0, 2.2], targets: drawn}",
        "frequency.points=24",
        "validation_circuits=60",
        "test_circuits=60",
        "train.max_steps=60",
        "train.check_every_steps=20",
        "train.learning_rate=0.005",
        "train.batch_circuits=64",
        "departures.ours.equal_time_steps=25",
        "encoder.widths=[64]",
        "encoder.size=24",
        "decoder.hidden=16",
        "decoder.embedding=8",
        "ga.population=20",
        "ga.generations=5",
        "ours_rank64.candidates=8",
        "ours_rank64.polish_steps=5",
    ),
    networks=("ours",),
    others=("ga", "ours_rank64"),
    validated="validation_error",
    validate=_circuits_error,
    example=_responses,
    concerned={
        "ga.population=50": ["ga"],
        "ours_rank64.candidates=4": ["ours_rank64", "ours_lowrank_rank64"],
        "test_circuits=5": [],
    },
)

# --- shapes ---------------------------------------------------------------------------------------------------


def _shapes_error(model: Any, data: Path, settings: Section) -> float:
    """1 less the IoU on the points by which weights are chosen, mean over classes of the mean over shapes."""
    from hypernet.shapes.dataset import load

    split = load(data).splits["validation"]
    return _field_error(split, model.fields(np.array(split.images[:, 0])))


def _field_error(split: Any, fields: Sequence[Any]) -> float:
    from hypernet.lab.randomness import numpy_generator
    from hypernet.shapes.core.frames import grid
    from hypernet.shapes.learning import VALIDATION_POINTS

    chosen = numpy_generator(0, "shapes", "validation points").permutation(32**3)[:VALIDATION_POINTS]
    points, truth = grid(32).reshape(-1, 3)[chosen], split.voxels().reshape(len(split), -1)[:, chosen]
    inside = np.stack([field(points) > 0 for field in fields])
    errors = 1 - (inside & truth).sum(axis=1) / np.maximum((inside | truth).sum(axis=1), 1)
    return float(np.mean([errors[split.classes == place].mean() for place in np.unique(split.classes)]))


def _shape_images(data: Path) -> np.ndarray:
    from hypernet.shapes.dataset import load

    return np.array(load(data).splits["test"].images[:2, 0])


SHAPES = Component(
    dataset="generated",
    small=(
        "generated={train: 3, validation: 1, test: 2}",
        "views={size: 24, train: 2, test: 1, framed: true}",
        "samples={uniform: 300, boundary: 300, sigma: [0.1]}",
        "train.max_steps=30",
        "train.check_every_steps=10",
        "train.batch=8",
        "train.uniform=32",
        "train.boundary=32",
        "encoder={channels: 4, stride: 2, units: [{channels: 8, stride: 2}], hidden: 16, embedding: 12}",
        "decoder={width: 8, layers: 4, start: ordinary}",
        "concat_matched={width: 8, embedding: 8, train: {}}",
        "hyper_silhouettes.rays=16",
        "hyper_silhouettes.samples=8",
        "evaluate={resamples: 100, mesh: {objects_per_class: 1, resolution: 32, points: 300}}",
    ),
    networks=("hyper", "hyper_silhouettes"),
    others=("mean_shape", "retrieval"),
    validated="validation_error",
    validate=_shapes_error,
    example=_shape_images,
    concerned={
        "decoder.width=9": ["concat_matched", "film", "hyper", "hyper_single", "hyper_silhouettes", "hyper_uniform"],
        "concat.width=9": ["concat"],
        "retrieval.sizes=[12]": ["retrieval"],
        "hyper.train.learning_rate=0.5": ["hyper"],
        "evaluate.resamples=700": [],
    },
)

# --- sonar ----------------------------------------------------------------------------------------------------


def _sonar_error(model: Any, data: Path, settings: Section) -> float:
    """As that of shapes, from echoes with the noise of every check."""
    from hypernet.sonar.dataset import load

    echoes = load(data)
    split = echoes.split("validation")
    return _field_error(split, model.fields(echoes.given("validation", np.arange(len(split)), 0, model.senses)))


def _echoes(data: Path) -> np.ndarray:
    from hypernet.sonar.dataset import load

    return load(data).given("test", np.arange(2), 0, "pair")


SONAR = Component(
    dataset="generated",
    small=(
        "generated={train: 3, validation: 1, test: 2}",
        "image_size=24",
        "samples={uniform: 300, boundary: 300, sigma: [0.1]}",
        "train.max_steps=30",
        "train.check_every_steps=10",
        "train.batch=8",
        "train.uniform=32",
        "train.boundary=32",
        "encoder={channels: 4, stride: 2, units: [{channels: 8, stride: 2}], hidden: 16, embedding: 12}",
        "image_encoder={channels: 4, stride: 2, units: [{channels: 8, stride: 2}], hidden: 16, embedding: 12}",
        "decoder={width: 8, layers: 4, start: ordinary}",
        "concat_matched={width: 8, train: {}}",
        "evaluate={resamples: 100, mesh: {objects_per_class: 1, resolution: 32, points: 300}}",
    ),
    networks=("batman", "soundnet"),
    others=("mean_shape", "nearest", "vision"),
    validated="validation_error",
    validate=_sonar_error,
    example=_echoes,
    concerned={
        "soundnet.encoder.hidden=9": ["soundnet"],
        "encoder.hidden=9": [
            "batman", "batman_mics", "batman_pairs", "concat_matched", "film", "fixed_decoder", "resnet",
            "resnet_phase", "vision_sonar",
        ],
        "image_encoder.hidden=9": ["vision", "vision_sonar"],
        "nearest.frames=[3]": ["nearest"],
        "batman.train.learning_rate=0.5": ["batman"],
        "evaluate.resamples=700": [],
    },
)  # fmt: skip

# --- superres -------------------------------------------------------------------------------------------------


def _superres_error(model: Any, data: Path, settings: Section) -> float:
    """The mean PSNR on the pixels by which weights are chosen, its sign turned; of one scale on all pixels."""
    from hypernet.lab.randomness import numpy_generator
    from hypernet.superres.dataset import load
    from hypernet.superres.learning import VALIDATION_POINTS

    split = load(data).splits["validation"]
    count = VALIDATION_POINTS if model.functional else 32 * 32
    chosen = numpy_generator(0, "superres", "validation points").permutation(32 * 32)[:count]
    made, true = (
        images.reshape(len(split), -1)[:, chosen] for images in (model(split.low.numpy()), split.high.numpy())
    )
    return float(np.mean(10 * np.log10(np.square(made - true).mean(axis=1))))


def _small_images(data: Path) -> np.ndarray:
    from hypernet.superres.dataset import load

    return load(data).splits["test"].low[:2].numpy()


SUPERRES = Component(
    dataset="digits",
    small=(
        "counts.digits={train: 60, validation: 20, test: 20}",
        "train.max_steps=30",
        "train.check_every_steps=10",
        "train.batch=8",
        "train.points=32",
        "network={embedding: 16, frequencies: 3}",
        "film.train={equal_time_steps: 15}",
        "concat_matched.train={equal_time_steps: 15}",
        "oracle_fit={images: 3, steps: 5, learning_rate: 0.01}",
        "evaluate={other_sizes: 5, projection: {images: 3, steps: 2, learning_rate: 0.01}}",
    ),
    networks=("film", "hyper_h16", "espcn"),
    others=("bicubic", "concat_matched"),
    validated="validation_error",
    validate=_superres_error,
    example=_small_images,
    concerned={
        "hyper.feature_mean_square=0.5": ["hyper_h4", "hyper_h8", "hyper_h16", "hyper_h32", "hyper_h64"],
        "concat_matched.layers=2": ["concat_matched"],
        "film.train.equal_time_steps=16": ["film"],
        "liif.width=9": ["liif"],
        "evaluate.other_sizes=7": [],
    },
)

# --- retouch --------------------------------------------------------------------------------------------------


def _retouch_error(model: Any, data: Path, settings: Section) -> float:
    """The mean PSNR of the held-out thumbnails, its sign turned."""
    from hypernet.retouch.dataset import load, thumbnails

    given, wanted = (
        images.permute(0, 2, 3, 1).numpy() for images in thumbnails(load(data).pairs["validation"], model.size)
    )
    return float(np.mean(10 * np.log10(np.square(model(given) - wanted).mean(axis=(1, 2, 3)))))


def _photographs(data: Path) -> np.ndarray:
    from hypernet.retouch.dataset import load

    return np.stack([pair.input() for pair in load(data).pairs["test"][:2]]).astype(np.float32) / 255


RETOUCH = Component(
    dataset="photos",
    small=(
        "sizes={measured: 48, kept: 64}",
        "degradation.per_image=2",
        "network={thumbnail: 32, encoder: pooled, embedding: 16, statistics: true, stretch: true, dropout: 0.1}",
        "train.max_steps=30",
        "train.check_every_steps=10",
        "train.batch=4",
        "pixel_mlp.train={equal_time_steps: 15}",
        "hyper_unpaired.train={max_steps: 20, check_every_steps: 10}",
        "ridge.samples=40",
        "evaluate={film: 3, smoothing_s: 0.5}",
    ),
    networks=("pixel_mlp", "hyper"),
    others=("auto_contrast", "ridge", "hyper_unpaired", "oracle_quadratic"),
    validated="validation_error",
    validate=_retouch_error,
    example=_photographs,
    concerned={
        "hyper.train.learning_rate=0.003": ["hyper"],
        "pixel_mlp.train.equal_time_steps=16": ["pixel_mlp"],
        "hyper_unpaired.cycle=5.0": ["hyper_unpaired"],
        "ridge.penalty=0.2": ["ridge", "ridge_stretched"],
        "lut3d.tables=4": ["lut3d"],
        "evaluate.film=4": [],
    },
)

# --- molecules ------------------------------------------------------------------------------------------------


def _molecules_error(model: Any, data: Path, settings: Section) -> float:
    """Mean absolute error of the held-out molecules, in meV."""
    from hypernet.molecules.dataset import load

    molecules, true = load(data).part("validation")
    return float(1000 * np.abs(model.predict(molecules) - true).mean())


def _packed_molecules(data: Path) -> np.ndarray:
    from hypernet.molecules.dataset import load
    from hypernet.molecules.trained import packed

    return packed(load(data).part("test")[0].take([0, 1]))


MOLECULES = Component(
    dataset="qm9_5heavy_U0",
    small=(
        "held_out={test: 30, validation: 20}",
        "rebuilt=4",
        "train.max_steps=12",
        "train.check_every_steps=4",
        "train.batch=8",
        "network={channels: 8, steps: 2, spacing: 0.5, envelope: false, levelled: true}",
        "schnet={channels: 8, filters: 8, interactions: 1, gaussians: 8, train: {}}",
        "nmp_wide.train={equal_time_steps: 6}",
        "hyper={features: 4, layers: 2, hidden: 8, train: {}}",
        "krr.widths=[500.0]",
        "fingerprint_gbt.rounds=10",
        "evaluate.resamples=100",
    ),
    networks=("nmp_wide", "hyper", "hyper_base", "schnet"),
    others=("mean", "composition", "krr", "fingerprint_gbt"),
    validated="validation_error",
    validate=_molecules_error,
    example=_packed_molecules,
    concerned={
        "hyper.train.learning_rate=0.003": [
            "hyper", "hyper_per_step", "hyper_c0", "hyper_c1", "hyper_xavier", "hyper_linear",
        ],
        "hyper_base.features=5": ["nmp_wide", "hyper_base"],
        "hyper_base.train.max_steps=9": ["hyper_base"],
        "krr.ridges=[0.01]": ["krr"],
        "schnet.gaussians=9": ["schnet"],
        "nmp_wide.train.equal_time_steps=7": ["nmp_wide"],
        "evaluate.resamples=200": [],
    },
)  # fmt: skip

COMPONENTS = {
    "radar": RADAR, "ratings": RATINGS, "codes": CODES, "circuits": CIRCUITS, "shapes": SHAPES, "sonar": SONAR,
    "superres": SUPERRES, "retouch": RETOUCH, "molecules": MOLECULES,
}  # fmt: skip
