from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters
from hypernet.shapes.baselines.cbn import ConditionalNormDecoder
from hypernet.shapes.baselines.concat import ConcatDecoder
from hypernet.shapes.baselines.film import FilmDecoder
from hypernet.shapes.baselines.point_set import chamfer_loss
from hypernet.shapes.config import METHODS, NetworkSettings
from hypernet.shapes.core.networks import ConditionalShape, VoxelShape
from hypernet.shapes.learning import VoxelTraining
from hypernet.shapes.methods import TITLES, build
from hypernet.shapes.model import EMBEDDING_MEAN_SQUARE, GeneratedDecoder


def test_all_forms_of_the_generated_network_agree():
    """The batched products, one ordinary network per sample, and functional_call under vmap: values and gradients."""
    torch.manual_seed(0)
    decode = GeneratedDecoder(8, 32, 6, "fan").double()
    theta = decode.theta(torch.randn(3, 8, dtype=torch.float64)).detach().requires_grad_()
    points = torch.rand(3, 40, 3, dtype=torch.float64) * 2 - 1
    ours = decode.network(points, theta).squeeze(-1)
    (gradient,) = torch.autograd.grad(ours.square().sum(), theta)

    one_by_one = torch.stack(
        [decode.network.export(weights)(sample).squeeze(-1) for weights, sample in zip(theta, points, strict=True)]
    )
    torch.testing.assert_close(ours, one_by_one)

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            widths = (3, 32, 32, 32, 32, 32, 1)
            self.layers = nn.ParameterList(
                nn.Parameter(torch.zeros(shape, dtype=torch.float64))
                for given, out in pairwise(widths)
                for shape in ((given, out), (out,), (out,))
            )

        def forward(self, x):
            for layer in range(6):
                weight, bias, gain = (self.layers[3 * layer + place] for place in range(3))
                x = nn.functional.elu(x) if layer else x
                x = (x @ weight) * (1 + gain) + bias
            return x.squeeze(-1)

    plain = Plain()
    names = [name for name, _ in plain.named_parameters()]

    def apply(weights, sample):
        pieces = weights.split([parameter.numel() for parameter in plain.parameters()])
        shaped = {
            name: piece.view(parameter.shape)
            for name, piece, parameter in zip(names, pieces, plain.parameters(), strict=True)
        }
        return functional_call(plain, shaped, (sample,))

    mapped = vmap(apply)(theta, points)
    torch.testing.assert_close(ours, mapped)
    (other,) = torch.autograd.grad(mapped.square().sum(), theta)
    torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("start", ["ordinary", "fan", "hyperfan"])
def test_the_first_logits_are_neither_flat_nor_saturated(start):
    """For embeddings of the size that they have at the start."""
    spread = []
    for seed in range(5):
        torch.manual_seed(seed)
        decode = GeneratedDecoder(256, 32, 6, start)
        embedding = torch.randn(8, 256) * EMBEDDING_MEAN_SQUARE**0.5
        with torch.no_grad():
            spread.append(float(decode(embedding, torch.rand(8, 500, 3) * 2 - 1).std(dim=1).mean()))
    assert min(spread) > 0.05
    assert max(spread) < 3


def test_the_authors_start_is_nearly_constant():
    torch.manual_seed(0)
    decode = GeneratedDecoder(256, 32, 6, "official")
    with torch.no_grad():
        logits = decode(torch.randn(8, 256) * EMBEDDING_MEAN_SQUARE**0.5, torch.rand(8, 500, 3) * 2 - 1)
    assert float(logits.std(dim=1).mean()) < 0.05


def test_units_of_a_layer_start_different(section):
    network = build(section("shapes").settings("train", "generated", "hyper"))
    theta = network.decode.theta(torch.randn(1, 256))
    weight = network.decode.network.layout.split(theta)["1.weight"][0]
    assert torch.linalg.matrix_rank(weight) == 32


def test_the_control_has_as_many_parameters_as_the_hypernetwork(section):
    config = section("shapes")
    counts = {
        name: count_parameters(build(config.settings("train", "generated", name)))
        for name in ("hyper", "concat_matched")
    }
    assert abs(counts["concat_matched"] / counts["hyper"] - 1) < 0.02


@pytest.mark.parametrize(
    "method", [name for name, entry in METHODS.items() if issubclass(entry.settings, NetworkSettings)]
)
def test_every_network_can_be_trained(section, method):
    """All its parameters get a gradient, and logits have the shape of the points or of the grid."""
    small = ("voxel_r2n2.encoder=[4, 4, 8, 8]", "voxel_r2n2.hidden=16", "voxel_r2n2.decoder=[8, 8, 8, 4]")
    settings = section("shapes", *small, "cbn.width=16").settings("train", "generated", method)
    torch.manual_seed(0)
    network = build(settings)
    images = torch.randint(0, 256, (4, 48, 48, 4), dtype=torch.uint8)
    points, classes = torch.rand(4, 20, 3) * 2 - 1, torch.tensor([0, 1, 1, 12])
    if isinstance(network, ConditionalShape):
        result = network(images, points)
    elif method == "hyper_single":
        result = network(images, points, classes)
        torch.testing.assert_close(result[3:], network.of_class(12)(images[3:], points[3:]))
    else:
        result = network(images)
    expected = {VoxelShape: (4, 32, 32, 32), ConditionalShape: (4, 20)}.get(type(network))
    assert expected is None or result.shape == expected
    result.square().mean().backward()
    used = [parameter for name, parameter in network.named_parameters() if "networks" not in name]
    # What starts at zero hides the layers before it from the very first gradient.
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in used)


def test_what_is_written_is_what_is_published_and_run():
    assert set(METHODS) <= set(TITLES)


@pytest.mark.parametrize("decoder", [FilmDecoder(8, 32, 6), ConcatDecoder(8, 32, 6), ConditionalNormDecoder(8, 32)])
def test_decoders_know_their_multiplications(decoder):
    """Counted by torch's own counter of operations on many points."""
    from torch.utils.flop_counter import FlopCounterMode

    points = 1000
    decoder.eval()
    embedding = torch.randn(1, 8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        decoder(embedding, torch.rand(1, points, 3))
    with FlopCounterMode(display=False) as once, torch.no_grad():
        decoder(embedding, torch.rand(1, 1, 3))
    per_point = (counter.get_total_flops() - once.get_total_flops()) / 2 / (points - 1)
    # The gains of FiLM are multiplications that torch does not count.
    gains = sum(decoder.outputs) if isinstance(decoder, FilmDecoder) else 0
    assert decoder.multiply_adds - gains == pytest.approx(per_point)


def test_the_chamfer_loss_is_the_one_by_hand():
    predicted = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]])
    truth = torch.tensor([[[0.0, 0, 0.5], [1, 0, 0], [1, 2, 0]]])
    # There: 0.25 and 0, mean 0.125; back: 0.25, 0 and 4, mean 4.25 / 3.
    assert float(chamfer_loss(predicted, truth)) == pytest.approx(0.125 + 4.25 / 3)


def test_a_control_that_cannot_be_matched_is_refused(section):
    config = section("shapes", "concat_matched.width=2000")
    with pytest.raises(UserError, match=r"concat_matched: width 2000 and embedding 256 alone make .* choose smaller"):
        build(config.settings("train", "generated", "concat_matched"))


@pytest.mark.parametrize(("precision", "fused"), [("32-true", True), ("bf16-mixed", False)])
def test_gradients_can_be_clipped_in_mixed_precision(section, precision, fused):
    """Lightning refuses to clip those of a fused Adam there."""
    settings = section("shapes", f"train.precision={precision}").settings("train", "generated", "voxel_deconv")
    optimizer = VoxelTraining(build(settings), settings.train).configure_optimizers()["optimizer"]
    assert optimizer.defaults["fused"] is fused


def test_in_mixed_precision_the_decoder_keeps_single_precision(section):
    torch.manual_seed(0)
    network = build(section("shapes").settings("train", "generated", "hyper"))
    images, points = torch.randint(0, 256, (2, 48, 48, 4), dtype=torch.uint8), torch.rand(2, 30, 3)
    with torch.no_grad():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            embedding, logits = network.embed(images), network(images, points)
        assert embedding.dtype == torch.bfloat16
        torch.testing.assert_close(logits, network.decode(embedding.float(), points))
