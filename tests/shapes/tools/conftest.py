"""A model of the real kind whose answers are known: its heads write a ball for one picture and a slab for another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hypernet.lab.runs.models import save_model
from hypernet.shapes.core.decoder import functional_decoder
from hypernet.shapes.methods import build
from hypernet.shapes.names import CLASSES
from hypernet.shapes.trained import VERSION, Reconstructor, describe, embeddings, open_model

SIZE = 32
TRAINING = {
    "max_steps": 1, "check_every_steps": 1, "patience_checks": None, "gradient_clip": 10.0, "precision": "32-true",
    "accelerator": "cpu", "devices": 1, "learning_rate": 0.001, "final_learning_rate_share": 0.02, "batch": 2,
    "uniform": 8, "boundary": 8,
}  # fmt: skip
ENCODER = {"channels": 4, "stride": 2, "units": [{"channels": 8, "stride": 2}], "hidden": 16, "embedding": 16}
SETTINGS = {"train": TRAINING, "encoder": ENCODER, "decoder": {"width": 32, "layers": 6, "start": "ordinary"}}


def ball(points):
    return np.linalg.norm(points, axis=-1) < 0.55


def slab(points):
    return (np.abs(points) < np.array([0.8, 0.25, 0.45])).all(axis=-1)


def drawn(shape: str, size: int = SIZE, ground=None) -> np.ndarray:
    """A picture of a disc or a bar, RGBA, on a ground of one colour or on none."""
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    inside = np.hypot(x, y) < 0.375 * size if shape == "disc" else (abs(x) < 0.37 * size) & (abs(y) < 0.12 * size)
    pixels = np.zeros((size, size, 4), np.uint8)
    if ground is not None:
        pixels[...] = (*ground, 255)
    pixels[inside] = (200, 60, 40, 255)
    return pixels


@pytest.fixture(scope="session")
def thetas() -> np.ndarray:
    """4,546 weights each of two networks that are a ball and a slab, fitted for half a second."""
    torch.manual_seed(0)
    decoder = functional_decoder()
    theta = torch.stack([decoder.ordinary()] * 2).requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=0.01)
    random = np.random.default_rng(0)
    for _ in range(250):
        points = random.uniform(-1, 1, (2, 500, 3))
        labels = torch.from_numpy(np.stack([ball(points[0]), slab(points[1])]).astype(np.float32))
        logits = decoder(torch.from_numpy(points.astype(np.float32)), theta).squeeze(-1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return theta.detach().numpy()


@pytest.fixture(scope="session")
def model_file(thetas, tmp_path_factory) -> Path:
    """A ``model.ckpt`` of ``hyper`` that knows two pictures: the disc is a ball, the bar is a slab."""
    from hypernet.shapes.config import METHODS

    torch.manual_seed(1)
    network = build(METHODS["hyper"].settings.model_validate(SETTINGS)).eval()
    pictures = np.stack([drawn("disc"), drawn("bar")])
    known = embeddings(network, pictures).numpy().astype(np.float64)
    # θ = H e + θ_0 with two conditions: along the difference of the embeddings.
    along = known[1] - known[0]
    heads = np.outer(thetas[1] - thetas[0], along / (along @ along))
    with torch.no_grad():
        network.decode.heads.weight.copy_(torch.from_numpy(heads.astype(np.float32)))
        network.decode.heads.bias.copy_(torch.from_numpy((thetas[0] - heads @ known[0]).astype(np.float32)))
    content = {
        "domain": "shapes", "version": VERSION, "method": "hyper", "settings": SETTINGS,
        **describe("Two drawings", SIZE, False),
        "state": network.state_dict(),
        "gallery": torch.from_numpy(known.astype(np.float32)),
        "gallery_classes": torch.tensor([CLASSES.index("lamp"), CLASSES.index("table")]),
        "familiar_distance": float(np.linalg.norm(along)) / 4,
    }  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "model.ckpt"
    save_model(path, content)
    return path


@pytest.fixture(scope="session")
def model(model_file) -> Reconstructor:
    return open_model(model_file)


@pytest.fixture
def photos(tmp_path) -> dict[str, Path]:
    """Both pictures as files, and the disc before a green wall."""
    paths = {}
    for name, pixels in {
        "disc": drawn("disc"),
        "bar": drawn("bar"),
        "wall": drawn("disc", 64, ground=(40, 160, 70)),
    }.items():
        paths[name] = tmp_path / f"{name}.png"
        image = Image.fromarray(pixels)
        (image.convert("RGB") if name == "wall" else image).save(paths[name])
    return paths
