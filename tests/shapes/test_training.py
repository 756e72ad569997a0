from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.randomness import numpy_generator
from hypernet.shapes import dataset, raw
from hypernet.shapes.baselines.means import MeanShape
from hypernet.shapes.baselines.retrieval import Retrieval
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.learning import OccupancyTraining, PointBatches, SilhouetteBatches, VoxelBatches, overlap
from hypernet.shapes.methods import build
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.procedural import generate

SMALL = (
    "generated={train: 2, validation: 1, test: 2}",
    "views={size: 32, train: 3, test: 1, framed: true}",
    "samples={uniform: 1000, boundary: 1000, sigma: [0.1]}",
)


@pytest.fixture(scope="module")
def prepared(section, tmp_path_factory):
    root = tmp_path_factory.mktemp("training")
    config = section("shapes", *SMALL)
    raw.make("generated", root / "raw", config.settings("raw", "generated"))
    dataset.prepare("generated", root / "raw", root / "processed", config.settings("prepare", "generated"))
    return config, dataset.load(root / "processed")


def test_one_shape_is_learned_by_heart(prepared):
    """IoU above 95 % on the voxels of the one object that is trained on, within 300 steps."""
    config, data = prepared
    settings = config.settings("train", "generated", "hyper")
    torch.manual_seed(0)
    network = build(settings)
    assert isinstance(network, ConditionalShape)
    solid = generate("couch", 1000)
    split = data.splits["train"]
    row = int(np.flatnonzero((split.table["class"] == "couch") & (split.table["object"] == "1000"))[0])
    image = torch.from_numpy(np.array(split.images[row, :1]))
    surface = split.surface[row, :, :3].astype(np.float64)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    random = np.random.default_rng(0)
    for step in range(300):
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / 300) + 1e-5
        near = surface[random.integers(len(surface), size=512)] + random.normal(0, 0.05, (512, 3))
        points = np.concatenate([random.uniform(-1, 1, (512, 3)), near.clip(-1, 1)])
        labels = torch.from_numpy(solid.inside(points).astype(np.float32))[None]
        logits = network(image, torch.from_numpy(points.astype(np.float32))[None])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    training = OccupancyTraining(network, settings.train)
    batch = {"images": image, "voxels": torch.from_numpy(split.voxels([row]))}
    with torch.no_grad():
        assert float(training.errors(batch)) < 0.05


def test_mirrored_points_keep_their_labels_on_the_mirrored_shape(prepared):
    config, data = prepared
    settings = config.settings("train", "generated", "hyper")
    batches = PointBatches(data, settings.train, 0)
    batch = batches[3]
    half = settings.train.batch // 2
    names, numbers = batches.split.table["class"], batches.split.table["object"]
    rows = numpy_generator(0, "shapes", "train", 3).integers(len(batches.split), size=settings.train.batch)
    for place, row in enumerate(rows):
        solid = generate(names[row], int(numbers[row]))
        solid = solid.mirrored() if place >= half else solid
        points = batch["points"][place].numpy().astype(np.float64)
        np.testing.assert_array_equal(solid.inside(points), batch["labels"][place].numpy() > 0)


def test_a_ray_hits_the_object_where_its_pixel_is_opaque(prepared):
    """Of mirrored objects too: marched through the exact solid, against the opacity that the batch holds."""
    config, data = prepared
    settings = config.settings("train", "generated", "hyper")
    batches = SilhouetteBatches(data, settings.train, 0, rays=60, samples=8)
    batch = batches[5]
    half = settings.train.batch // 2
    rows = numpy_generator(0, "shapes", "train", 5).integers(len(batches.split), size=settings.train.batch)
    distances = np.linspace(1.5, 5.5, 600)[:, None]
    wrong = []
    for place, row in enumerate(rows):
        entry = batches.split.table.iloc[row]
        solid = generate(entry["class"], int(entry["object"]))
        solid = solid.mirrored() if place >= half else solid
        origin, directions = batch["origins"][place, 0].numpy(), batch["directions"][place].numpy()
        hit = np.array([solid.inside(origin + distances * direction).any() for direction in directions])
        alpha = batch["alpha"][place].numpy()
        certain = (alpha == 0) | (alpha == 1)
        wrong.append((hit != (alpha > 0.5))[certain].mean())
    assert np.mean(wrong) < 0.01


def test_voxels_are_mirrored_with_their_images(prepared):
    config, data = prepared
    settings = config.settings("train", "generated", "voxel_deconv")
    batches = VoxelBatches(data, settings.train, 0)
    batch = batches[0]
    rows = numpy_generator(0, "shapes", "train", 0).integers(len(batches.split), size=settings.train.batch)
    expected = data.splits["train"].voxels(rows)
    half = settings.train.batch // 2
    np.testing.assert_array_equal(batch["voxels"][:half].numpy() > 0, expected[:half])
    np.testing.assert_array_equal(batch["voxels"][half:].numpy() > 0, expected[half:, ::-1])


def test_a_batch_of_one_class_is_of_one_class(prepared):
    config, data = prepared
    settings = config.settings("train", "generated", "hyper_single")
    batches = PointBatches(data, settings.train, 0, by_class=True)
    for index in range(15):
        assert set(batches[index]["classes"].tolist()) == {index % len(CLASSES)}


def test_the_overlap_is_the_iou():
    predicted = torch.tensor([[True, True, False, False], [False] * 4, [False] * 4])
    truth = torch.tensor([[True, False, True, False], [False] * 4, [True, False, False, False]])
    torch.testing.assert_close(overlap(predicted, truth), torch.tensor([1 / 3, 1.0, 0.0]))


def test_the_level_of_the_mean_is_the_best_of_those_tried():
    torch.manual_seed(0)
    voxels = torch.rand(6, 32, 32, 32) < torch.linspace(0, 1, 32)[:, None, None]
    classes = torch.zeros(6, dtype=torch.int64)
    means = MeanShape(1)
    means.fit(voxels[:4], classes[:4], voxels[4:], classes[4:])
    torch.testing.assert_close(means.mean[0], voxels[:4].float().mean(dim=0))
    predicted = voxels[:4].float().mean(dim=0)

    def score(level):
        return float(overlap((predicted > level).flatten()[None].expand(2, -1), voxels[4:].flatten(1)).mean())

    best = max(score(level) for level in np.arange(0.05, 1, 0.05))
    assert score(float(means.level)) == pytest.approx(best, abs=1e-4)
    assert (means(classes[:1])[0] > 0).equal(predicted > means.level)


def test_the_nearest_silhouette_finds_its_own_view(prepared):
    _, data = prepared
    split = data.splits["train"]
    for framed in (False, True):
        method = Retrieval(len(split), 3 * len(split), 16, framed)
        seen = [method.look(torch.from_numpy(np.array(split.images[row]))) for row in range(len(split))]
        method.thumbnails.copy_(torch.cat(seen))
        method.owner.copy_(torch.arange(len(split)).repeat_interleave(3))
        method.voxels.copy_(torch.from_numpy(np.array(split.packed)))
        images = torch.from_numpy(np.array(split.images[:, 1]))
        assert method.nearest(images).tolist() == list(range(len(split)))
        np.testing.assert_array_equal(method(images).numpy() > 0, split.voxels())
        assert Camera.from_row(split.cameras[0, 0]).focal > 1
