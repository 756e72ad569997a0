"""Image-adaptive tables, against scipy's interpolation, written-out sums and the size the paper states."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator
from torch import nn

from hypernet.retouch.baselines.lut3d import ImageAdaptiveLut, identity_table, looked_up


class Features(nn.Module):
    """Stands in for an encoder."""

    def __init__(self, size: int = 5):
        super().__init__()
        self.size = size
        self.layer = nn.Linear(3, size)

    def forward(self, thumbnails):
        return self.layer(thumbnails.mean(dim=(2, 3)))


class PaperClassifier(nn.Module):
    """The paper's, all but its last convolution, which has an output for each table."""

    size = 128 * 8 * 8

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((3, 16, 32, 64, 128, 128)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
            layers.append(nn.InstanceNorm2d(outputs, affine=True))
        self.layers = nn.Sequential(*layers[:-1], nn.Flatten())

    def forward(self, thumbnails):
        return self.layers(thumbnails)


@pytest.fixture
def method() -> ImageAdaptiveLut:
    """With three tables that are not alike, of 5 entries a side."""
    torch.manual_seed(0)
    method = ImageAdaptiveLut(Features(), side=5).double()
    nn.init.uniform_(method.tables)
    return method


@pytest.mark.parametrize("side", [2, 17, 33])
def test_it_starts_at_the_identity(side):
    images = torch.rand(2, 3, 9, 14)
    images[0, :, 0, :2] = torch.tensor([0.0, 1.0])
    made = ImageAdaptiveLut(Features(), side=side)(images, torch.rand(2, 3, 8, 8))
    torch.testing.assert_close(made, images, atol=1e-6, rtol=0)


def test_all_tables_learn_from_the_start():
    method = ImageAdaptiveLut(Features(), side=5)
    images = torch.rand(2, 3, 9, 14)
    method(images, torch.rand(2, 3, 8, 8)).square().mean().backward()
    assert (method.tables.grad.flatten(1).abs().sum(dim=1) > 0).all()
    assert method.head.weight.grad[0].abs().sum() > 0
    # Alike, the tables that start at zero would stay alike.
    assert not torch.equal(method.tables.grad[1], method.tables.grad[2])


def test_its_size_is_the_paper_s():
    method = ImageAdaptiveLut(PaperClassifier())
    count = sum(parameter.numel() for parameter in method.parameters())
    # "less than 600K parameters" (Zeng et al. 2022); the authors' trained files hold as many numbers.
    assert count == 593_516 < 600_000
    images = torch.rand(1, 3, 8, 8)
    assert method(images, torch.rand(1, 3, 256, 256)).shape == images.shape


def test_reading_is_scipy_s_interpolation():
    torch.manual_seed(0)
    table, images = torch.rand(1, 3, 7, 7, 7, dtype=torch.float64), torch.rand(1, 3, 11, 13, dtype=torch.float64)
    levels = np.linspace(0, 1, 7)
    # Indices red, green, blue, then channel.
    values = table[0].permute(3, 2, 1, 0).numpy()
    expected = RegularGridInterpolator((levels, levels, levels), values)(images[0].permute(1, 2, 0).numpy())
    torch.testing.assert_close(looked_up(table, images)[0].permute(1, 2, 0), torch.from_numpy(expected))


def test_at_its_entries_a_table_is_exact():
    table = torch.rand(1, 3, 5, 5, 5, dtype=torch.float64)
    red, green, blue = 3, 1, 4
    colour = torch.tensor([red, green, blue], dtype=torch.float64)[None, :, None, None] / 4
    torch.testing.assert_close(looked_up(table, colour)[0, :, 0, 0], table[0, :, blue, green, red])


def test_colours_outside_are_those_of_the_border(method):
    images = torch.rand(1, 3, 9, 9, dtype=torch.float64) * 2 - 0.5
    thumbnails = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    assert torch.equal(method(images, thumbnails), method(images.clamp(0, 1), thumbnails))


def test_reading_has_the_right_gradients():
    torch.manual_seed(0)
    table = torch.rand(2, 3, 4, 4, 4, dtype=torch.float64, requires_grad=True)
    # Inside cells: at entries the slope jumps.
    cell = torch.randint(0, 3, (2, 3, 2, 3))
    colours = ((cell + 0.1 + 0.8 * torch.rand(2, 3, 2, 3, dtype=torch.float64)) / 3).requires_grad_()
    assert torch.autograd.gradcheck(looked_up, (table, colours))


def test_tables_are_mixed_for_each_image_by_itself(method):
    images, thumbnails = torch.rand(3, 3, 9, 14, dtype=torch.float64), torch.rand(3, 3, 8, 8, dtype=torch.float64)
    together = method(images, thumbnails)
    weights = method.weights(thumbnails)
    assert (weights.std(dim=0) > 0).any()
    for place in range(3):
        alone = method(images[place : place + 1], thumbnails[place : place + 1])
        torch.testing.assert_close(together[place : place + 1], alone)
        # Tables are mixed before they are read, or after.
        parts = [looked_up(table[None], images[place : place + 1]) for table in method.tables]
        summed = sum(weight * part for weight, part in zip(weights[place], parts, strict=True))
        torch.testing.assert_close(summed, alone)


def test_a_crop_is_retouched_as_in_the_whole(method):
    images, thumbnails = torch.rand(2, 3, 19, 24, dtype=torch.float64), torch.rand(2, 3, 8, 8, dtype=torch.float64)
    whole = method(images, thumbnails)[:, :, 3:16, 5:21]
    torch.testing.assert_close(method(images[:, :, 3:16, 5:21], thumbnails), whole, atol=1e-12, rtol=0)


# --- regularisation -------------------------------------------------------------------------------------------


def test_the_identity_is_smooth_and_rising():
    side = 33
    method = ImageAdaptiveLut(Features(), side=side)
    step = 1 / (side - 1)
    # In each axis a third of the steps, those of its channel, are not zero; two of side - 1 count twice.
    rough = (side + 1) / (side - 1) * step**2
    assert method.regulariser().item() == pytest.approx(1e-4 * rough, rel=1e-4)


def test_a_falling_table_costs_its_steps():
    method = ImageAdaptiveLut(Features(), side=5, lambda_smooth=0.0)
    with torch.no_grad():
        method.tables[0] = 1 - identity_table(5)
    assert method.regulariser().item() == pytest.approx(10.0 * 0.25)


def test_the_regulariser_written_out(method):
    rough = falling = 0.0
    for table in method.tables.detach().numpy():
        for axis in (1, 2, 3):
            steps = np.diff(table, axis=axis)
            counted = np.ones(4)
            counted[[0, -1]] = 2
            rough += np.mean(np.moveaxis(steps, axis, -1) ** 2 * counted)
            falling += np.mean(np.maximum(-steps, 0))
    assert method.regulariser().item() == pytest.approx(1e-4 * rough + 10 * falling)
    weights = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 2.0]], dtype=torch.float64)
    assert (method.regulariser(weights) - method.regulariser()).item() == pytest.approx(1e-4 * 18 / 6)
