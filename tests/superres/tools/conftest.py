"""Models of the real kind, small and fitted in a second to a few drawings, and these drawings as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hypernet.lab.runs.models import save_model
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import area_mean, axes
from hypernet.superres.methods import build
from hypernet.superres.trained import VERSION, describe

# Method and seed of each model, by name.
MODELS = {
    "hyper": ("hyper_h16", 0),
    "again": ("hyper_h16", 1),
    "third": ("hyper_h16", 2),
    "concat": ("concat_h4", 0),
    "bicubic": ("bicubic", 0),
    "nearest": ("nearest", 0),
    "espcn": ("espcn", 0),
}
STEPS = 100


def digit(number: int = 0) -> np.ndarray:
    """A stroke and a ring at a place that depends on the number, uint8 ``[28, 28]``, light on dark, with grey edges."""
    y, x = np.mgrid[:28, :28] + 0.5
    ring = 1.5 - abs(np.hypot(y - 11 - number % 3, x - 12 - number % 4) - 5)
    stroke = np.minimum(1.8 - abs(x - 9 - number % 5), 8.5 - abs(y - 14))
    return np.round(255 * np.clip(np.maximum(ring, stroke), 0, 1)).astype(np.uint8)


def small(number: int = 0) -> np.ndarray:
    """Its small image, float32 ``[8, 8]`` in [0, 1]."""
    high = torch.from_numpy(np.pad(digit(number), 2).astype(np.float32) / 255)
    return area_mean(high, 8, 8).numpy()


def write(path: Path, pixels: np.ndarray, **options) -> Path:
    """A picture's file."""
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture(scope="session")
def models(section, tmp_path_factory) -> dict[str, Path]:
    """``model.ckpt`` of some methods by name; all but ESPCN and interpolation fitted to eight drawings."""
    config = section("superres", "network={embedding: 16, frequencies: 4}")
    folder = tmp_path_factory.mktemp("models")
    high = torch.from_numpy(np.stack([np.pad(digit(number), 2) for number in range(8)]).astype(np.float32) / 255)
    low, grid = area_mean(high, 8, 8), axes(32, 32)
    paths = {}
    for name, (method, seed) in MODELS.items():
        settings = config.settings("train", "digits", method)
        torch.manual_seed(seed)
        network = build(method, settings)
        if isinstance(network, ImageFunction):
            optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
            for _ in range(STEPS):
                loss = (network.on_grid(network.encode(low), *grid) - high).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        content = {"domain": "superres", "version": VERSION, "method": method, **describe("Eight drawings")}
        content |= {"settings": settings.model_dump(mode="json"), "state": network.state_dict()}
        paths[name] = folder / f"{name}.ckpt"
        save_model(paths[name], content)
    return paths
