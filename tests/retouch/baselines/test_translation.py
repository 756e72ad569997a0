"""Generators of pix2pix and CycleGAN: sizes that the authors' code prints, images of any size."""

from __future__ import annotations

import pytest
import torch

from hypernet.retouch.baselines.translation import CycleGanGenerator, Pix2PixGenerator

SMALL = {
    "pix2pix": lambda: Pix2PixGenerator(width=4, depth=6),
    "cyclegan": lambda: CycleGanGenerator(width=4, blocks=2),
}


@pytest.fixture(params=list(SMALL))
def generator(request):
    torch.manual_seed(0)
    generator = SMALL[request.param]().eval()
    # Start values of sd 0.02 leave all so near to grey that nothing could differ.
    for parameter in generator.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, 0, 0.3)
    return generator


def test_sizes_are_those_the_authors_code_prints():
    with torch.device("meta"):
        generators = Pix2PixGenerator(), CycleGanGenerator()
    pix2pix, cyclegan = (sum(parameter.numel() for parameter in each.parameters()) for each in generators)
    assert round(cyclegan / 1e6, 3) == 11.378
    # 54.414 M with batch normalisation: a scale and a shift for each of 4,928 channels in place of a bias, and no
    # bias in the first convolution and the innermost.
    assert round((pix2pix + 4928 - 64 - 512) / 1e6, 3) == 54.414


@pytest.mark.parametrize("size", [(8, 8), (9, 70), (64, 64)])
def test_images_of_a_batch_do_not_see_each_other(generator, size):
    images = torch.rand(2, 3, *size)
    together = generator(images, images)
    assert together.shape == images.shape
    assert (together >= 0).all()
    assert (together <= 1).all()
    assert together.std().item() > 0.01
    alone = torch.cat([generator(image[None], image[None]) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_gradients_reach_all_convolutions(generator):
    images = torch.rand(2, 3, 64, 64)
    generator(images, images).square().mean().backward()
    # A bias before instance normalisation changes nothing.
    weights = [parameter for parameter in generator.parameters() if parameter.dim() > 1]
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in weights)


def test_the_noise_of_pix2pix_is_there_while_it_learns():
    torch.manual_seed(0)
    images = torch.rand(1, 3, 64, 64)
    generator = Pix2PixGenerator(width=4, depth=6)
    assert not torch.equal(generator(images, images), generator(images, images))
    generator.eval()
    assert torch.equal(generator(images, images), generator(images, images))
    quiet = Pix2PixGenerator(width=4, depth=6, dropout=0.0)
    assert torch.equal(quiet(images, images), quiet(images, images))


def test_pix2pix_sees_the_whole_image():
    """Through the bottleneck: the first pixel changes with the last; with fewer halvings it does not."""
    for depth, sees in ((6, True), (2, False)):
        torch.manual_seed(0)
        generator = Pix2PixGenerator(width=4, depth=depth)
        for layer in generator.modules():
            if isinstance(layer, torch.nn.InstanceNorm2d):
                layer.eval()
                layer.register_forward_hook(lambda _module, inputs, _output: inputs[0])
        images = torch.rand(1, 3, 64, 64, requires_grad=True)
        generator.eval()(images, images)[0, :, 0, 0].sum().backward()
        assert bool(images.grad[0, :, 32:, 32:].abs().sum() > 0) is sees
