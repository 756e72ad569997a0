"""Discriminators and their losses, by closed forms and by what gradients see."""

from __future__ import annotations

import pytest
import torch

from hypernet.retouch.core.discriminator import (
    PatchDiscriminator,
    SmallDiscriminator,
    discriminator_hinge,
    generator_hinge,
    gradient_penalty,
)


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def seen(network: torch.nn.Module, side: int, place: int) -> list[tuple[int, int]]:
    """First and last row and column of the pixels that an entry of the answer depends on."""
    image = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    network.double()(image)[0, 0, place, place].backward()
    touched = image.grad[0].abs().sum(dim=0) > 0
    rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
    return [(int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))]


def test_a_patch_has_70_pixels():
    torch.manual_seed(0)
    network = PatchDiscriminator(width=4, normalised=False)
    assert network(torch.rand(1, 3, 160, 160)).shape == (1, 1, 18, 18)
    for place in (5, 9):
        for first, last in seen(network, 160, place):
            assert last - first + 1 == 70
            # Patches are 8 pixels apart.
            assert first == 8 * place - 23


def test_sizes_of_the_patch_discriminator():
    # The authors' code prints 2.765 M for CycleGAN's.
    with torch.device("meta"):
        plain, conditional = PatchDiscriminator(), PatchDiscriminator(channels=6)
    assert count(plain) == 2_764_737
    assert count(conditional) - count(plain) == 3 * 64 * 16


@pytest.mark.parametrize("size", [(24, 24), (37, 64)])
@pytest.mark.parametrize("normalised", [True, False])
def test_images_of_a_batch_do_not_see_each_other(size, normalised):
    torch.manual_seed(0)
    network, images = PatchDiscriminator(6, 4, normalised).double(), torch.rand(3, 6, *size, dtype=torch.float64)
    together = network(images)
    assert together.shape == (3, 1, size[0] // 8 - 2, size[1] // 8 - 2)
    torch.testing.assert_close(together, torch.cat([network(image[None]) for image in images]))


@pytest.mark.parametrize("side", [64, 128])
def test_the_small_discriminator(side):
    torch.manual_seed(0)
    network = SmallDiscriminator()
    assert count(network) == 448 + 4640 + 18_496 + 73_856 + 1153
    images = torch.rand(2, 3, side, side)
    together = network(images)
    assert together.shape == (2, 1, side // 16, side // 16)
    torch.testing.assert_close(together, torch.cat([network(image[None]) for image in images]))


# --- losses ---------------------------------------------------------------------------------------------------


def test_hinge_losses_by_hand():
    real, made = torch.tensor([2.0, 0.5, -1.0, 1.0]), torch.tensor([-3.0, 0.0, -0.5])
    assert float(discriminator_hinge(real, made)) == pytest.approx((0 + 0.5 + 2 + 0) / 4 + (0 + 1 + 0.5) / 3)
    assert float(generator_hinge(made)) == pytest.approx(3.5 / 3)


def test_what_is_beyond_the_margins_teaches_nothing():
    real, made = torch.full((4,), 1.5, requires_grad=True), torch.full((4,), -1.5, requires_grad=True)
    discriminator_hinge(real, made).backward()
    assert torch.equal(real.grad, torch.zeros(4))
    assert torch.equal(made.grad, torch.zeros(4))


@pytest.mark.parametrize("scale", [0.1, 1.0, 7.0])
def test_the_penalty_of_a_linear_function(scale):
    """(|w| - 1)², and the gradient in w is 2 (|w| - 1) w / |w|."""
    torch.manual_seed(0)
    weight = torch.randn(3, 8, 9, dtype=torch.float64)
    weight = (scale * weight / weight.norm()).requires_grad_()
    real, made = torch.rand(2, 4, 3, 8, 9, dtype=torch.float64)
    penalty = gradient_penalty(lambda images: (images * weight).sum(dim=(1, 2, 3)), real, made)
    assert float(penalty) == pytest.approx((scale - 1) ** 2, abs=1e-12)
    penalty.backward()
    torch.testing.assert_close(weight.grad, 2 * (scale - 1) * weight.detach() / scale)


def test_the_penalty_of_a_map_of_answers_is_that_of_their_mean():
    weight = torch.randn(3, 8, 8, dtype=torch.float64)
    real, made = torch.rand(2, 4, 3, 8, 8, dtype=torch.float64)

    def answers(images):
        value = (images * weight).sum(dim=(1, 2, 3))
        return torch.stack([0.5 * value, 1.5 * value], dim=1)[:, None, None]

    assert float(gradient_penalty(answers, real, made)) == pytest.approx(float((weight.norm() - 1) ** 2))


def test_the_penalty_looks_between_real_and_made_images():
    torch.manual_seed(0)
    places = []

    def answers(images):
        places.append(images.detach())
        return images.square().sum(dim=(1, 2, 3)) / 2

    real, made = torch.rand(2, 50, 3, 8, 8, dtype=torch.float64)
    penalty = gradient_penalty(answers, real, made)
    share = (places[0] - real) / (made - real)
    # A share of each image, the same at all its pixels, and all shares from 0 to 1.
    assert float(share.flatten(1).std(dim=1).max()) < 1e-9
    assert 0 <= float(share.min()) < 0.1 < 0.9 < float(share.max()) <= 1
    # The gradient of |x|²/2 is x.
    expected = (places[0].flatten(1).norm(dim=1) - 1).square().mean()
    assert float(penalty) == pytest.approx(float(expected))


def test_a_constant_discriminator_is_penalised_and_can_learn():
    torch.manual_seed(0)
    network = SmallDiscriminator((4, 4))
    with torch.no_grad():
        network.layers[-1].weight.zero_()
    penalty = gradient_penalty(network, torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16))
    assert float(penalty) == pytest.approx(1)
    penalty.backward()
    assert all(parameter.grad is None or torch.isfinite(parameter.grad).all() for parameter in network.parameters())
