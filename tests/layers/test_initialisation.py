"""Initialisation by statistics: generated networks against networks that were initialised directly.

A mean square over an ensemble of networks is compared with its own standard error, so a factor that is wrong
fails and chance does not: the seeds are fixed, and five standard errors are allowed.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from hypernet.layers.heads import WeightHeads
from hypernet.layers.initialisation import activation_gain, hyperfan_in_bias_variance, hyperfan_in_weight_variance
from hypernet.layers.mlp import FunctionalMLP

NETWORKS, POINTS = 600, 4


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def signs(*shape):
    """Entries ±1: every vector has mean square 1 exactly, so chance enters through the weights alone."""
    return torch.randint(0, 2, shape) * 2.0 - 1


def mean_squares(layers, activation, x):
    """Mean square of every layer's outputs, [networks, layers]; layers are pairs (weight, bias or 0)."""
    rows = []
    for number, (weight, bias) in enumerate(layers):
        x = torch.einsum("npi,nio->npo", activation(x) if number else x, weight) + bias
        rows.append(x.square().mean(dim=(1, 2)))
    return torch.stack(rows, dim=1)


def directly_initialised(widths, activation, x):
    """The same for networks that were drawn one by one after He et al. (2015), with biases of zero.

    A layer's gain is that of the activation before it, 1 for the first layer.
    """
    gain = activation_gain(activation)
    weights = [
        torch.randn(len(x), i, o) * (gain if number else 1.0) / i**0.5 for number, (i, o) in enumerate(pairwise(widths))
    ]
    return mean_squares([(weight, 0) for weight in weights], activation, x)


def generated(network, parameters, x):
    tensors = network.layout.split(parameters.detach())
    pairs = [
        (tensors[f"{layer}.weight"], tensors[f"{layer}.bias"].unsqueeze(1) if f"{layer}.bias" in tensors else 0)
        for layer in range(len(network.widths) - 1)
    ]
    return mean_squares(pairs, network.activation, x)


def standard_error(samples):
    return samples.std(dim=0) / len(samples) ** 0.5


def heads_ensemble(network, features, x, draws=60, **sizes):
    """Mean squares [draws, layers] of generated networks, one row per draw of the heads.

    Networks of one draw share H and are not independent of each other, but draws are.
    """
    rows = []
    for some_features, some_x in zip(features.chunk(draws), x.chunk(draws), strict=True):
        heads = WeightHeads(features.shape[1], network, **sizes)
        rows.append(generated(network, heads(some_features), some_x).mean(dim=0))
    return torch.stack(rows)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("feature_size", [1.0, 0.2, 3.0])
@pytest.mark.parametrize(
    ("widths", "activation"),
    [
        ((16, 24, 1), nn.ReLU()),
        ((3, 32, 32, 32, 32, 32, 1), nn.ELU()),
        ((18, 16, 16, 1), nn.ReLU()),
        ((8, 48, 16, 48, 4), nn.Tanh()),
    ],
)
def test_generated_network_starts_with_the_variance_of_a_direct_one(widths, activation, bias, feature_size):
    network = FunctionalMLP(widths, activation, bias=bias)
    x = signs(NETWORKS, POINTS, widths[0])
    features = signs(NETWORKS, 64) * feature_size
    ours = heads_ensemble(network, features, x, feature_mean_square=feature_size**2)
    direct = directly_initialised(widths, activation, x)
    error = (standard_error(ours).square() + standard_error(direct).square()).sqrt()
    assert (error < 0.2).all(), "the ensemble is too small to tell a factor of two"
    assert ((ours.mean(0) - direct.mean(0)).abs() < 5 * error).all()


def test_features_with_a_mean_need_their_mean_square_not_their_variance():
    network = FunctionalMLP((16, 32, 32, 1), nn.ReLU(), bias=False)
    x = signs(NETWORKS, POINTS, 16)
    features = torch.rand(NETWORKS, 256)  # mean 1/2, variance 1/12, mean square 1/3
    right = heads_ensemble(network, features, x, feature_mean_square=1 / 3)
    assert ((right.mean(0) - 1).abs() < 5 * standard_error(right)).all()
    wrong = heads_ensemble(network, features, x, feature_mean_square=1 / 12)
    assert wrong.mean(0)[-1] > 16


@pytest.mark.parametrize("bias", [True, False])
def test_inputs_of_another_size_are_brought_to_one(bias):
    network = FunctionalMLP((3, 32, 32, 1), nn.ELU(), bias=bias, input_mean_square=1 / 3)
    x = torch.rand(NETWORKS, POINTS, 3) * 2 - 1
    ours = heads_ensemble(network, signs(NETWORKS, 64), x)
    assert ((ours.mean(0) - 1).abs() < 5 * standard_error(ours)).all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("bias", [True, False])
def test_shared_network_supplies_the_rest_of_the_variance(share, bias):
    network = FunctionalMLP((16, 24, 24, 1), nn.ReLU(), bias=bias)
    x, features = signs(NETWORKS, POINTS, 16), signs(NETWORKS, 64) * 0.5
    ours = heads_ensemble(network, features, x, draws=200, feature_mean_square=0.25, generated_share=share)
    assert ((ours.mean(0) - 1).abs() < 5 * standard_error(ours)).all()
    heads = WeightHeads(64, network, feature_mean_square=0.25, generated_share=share)
    base = heads.bias.detach()
    deviation = (heads(features).detach() - base).square().mean()
    assert deviation / (deviation + base.square().mean()) == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match="generated_share must be in"):
        WeightHeads(8, FunctionalMLP((3, 1), nn.ReLU()), generated_share=share)


def test_ordinary_initialisation_of_the_heads_would_be_seen():
    # The test of the test: torch's own start of the heads makes the generated network vanish.
    network = FunctionalMLP((16, 32, 32, 1), nn.ReLU(), bias=False)
    heads = nn.Linear(64, network.parameter_count)
    ours = generated(network, heads(signs(60, 64)), signs(60, POINTS, 16))
    direct = directly_initialised((16, 32, 32, 1), nn.ReLU(), signs(60, POINTS, 16))
    error = (standard_error(ours).square() + standard_error(direct).square()).sqrt()
    assert ((ours.mean(0) - direct.mean(0)).abs()[1:] > 5 * error[1:]).all()


def test_gradients_of_the_first_layers_input_do_not_vanish_or_explode():
    widths = (32, 32, 32, 32, 32, 32)
    network = FunctionalMLP(widths, nn.ReLU(), bias=False)
    x = signs(NETWORKS, POINTS, 32).requires_grad_()
    parameters = torch.cat([WeightHeads(64, network)(signs(30, 64)) for _ in range(NETWORKS // 30)])
    output = network(x, parameters)
    (gradient,) = torch.autograd.grad(output, x, torch.randn_like(output))
    per_network = gradient.square().mean(dim=(1, 2))
    # With equal fans hyperfan-in is hyperfan-out; the first layer's gain is 1 and every ReLU halves.
    assert abs(per_network.mean() - 1) < 5 * standard_error(per_network)


def test_generated_biases_supply_half_of_the_variance():
    network = FunctionalMLP((16, 64, 64, 64), nn.ReLU())
    parameters = torch.cat([WeightHeads(32, network)(signs(1, 32)) for _ in range(50)]).detach()
    for name, tensor in network.layout.split(parameters).items():
        if not name.endswith("bias"):
            continue
        biases = tensor.square()
        assert abs(biases.mean() - 0.5) < 5 * biases.std() / biases.numel() ** 0.5


def test_gains_start_at_one_and_learn():
    network = FunctionalMLP((3, 8, 1), nn.ELU(), gain=True)
    heads = WeightHeads(16, network)
    parameters = heads(torch.randn(4, 16))
    for name, tensor in network.layout.split(parameters).items():
        assert (tensor == 0).all() == name.endswith("gain")
    network(torch.randn(4, 5, 3), parameters).square().sum().backward()
    for part in network.layout.parts:
        assert (heads.weight.grad[part.span] != 0).any(), part


def test_heads_are_reproducible_from_the_seed():
    network = FunctionalMLP((3, 8, 1), nn.ELU())
    torch.manual_seed(5)
    first = WeightHeads(16, network).weight
    torch.manual_seed(5)
    assert torch.equal(first, WeightHeads(16, network).weight)


@pytest.mark.parametrize(
    ("activation", "gain"),
    [
        (nn.Identity(), 1.0),
        (nn.ReLU(), math.sqrt(2)),
        (nn.LeakyReLU(0.2), math.sqrt(2 / (1 + 0.2**2))),
        (torch.sin, (0.5 * (1 - math.exp(-2))) ** -0.5),  # E[sin²] = (1 - E[cos 2z]) / 2
        (lambda z: z.square(), 3**-0.5),  # fourth moment of the normal distribution
    ],
)
def test_activation_gain_against_closed_forms(activation, gain):
    assert activation_gain(activation) == pytest.approx(gain, rel=1e-6)


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ELU(), nn.GELU(), nn.SiLU()])
def test_activation_gain_against_a_random_sample(activation):
    outputs = activation(torch.randn(400_000))
    assert activation_gain(activation) == pytest.approx(outputs.square().mean().item() ** -0.5, rel=0.01)


def test_activation_gain_refuses_what_has_none():
    with pytest.raises(ValueError, match="mean square 0"):
        activation_gain(torch.zeros_like)
    with pytest.raises(ValueError, match="mean square inf"):
        activation_gain(lambda z: torch.exp(z.square()) ** 500)
    with pytest.raises(ValueError, match=r"not elementwise"):
        activation_gain(lambda z: z[:5])


def test_formulas_of_the_paper():
    # Table 1 with d_j = 10, d_k = d_l = 8, Var(e) = 0.5 and ReLU.
    sizes = {"feature_mean_square": 0.5, "gain": math.sqrt(2)}
    assert hyperfan_in_weight_variance(10, 8, bias=False, **sizes) == pytest.approx(2 / (10 * 8 * 0.5))
    assert hyperfan_in_weight_variance(10, 8, bias=True, **sizes) == pytest.approx(2 / (2 * 10 * 8 * 0.5))
    bias_variance = hyperfan_in_bias_variance(8, output_mean_square=2, feature_mean_square=0.5)
    assert bias_variance == pytest.approx(2 / (2 * 8 * 0.5))


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
def test_impossible_sizes_are_refused_by_name(value):
    with pytest.raises(ValueError, match="feature_mean_square must be positive"):
        hyperfan_in_weight_variance(3, 8, bias=True, feature_mean_square=value)
    with pytest.raises(ValueError, match="fan_in must be positive"):
        hyperfan_in_weight_variance(value, 8, bias=True)
    with pytest.raises(ValueError, match="output_mean_square must be positive"):
        hyperfan_in_bias_variance(8, output_mean_square=value)
    with pytest.raises(ValueError, match="input_mean_square must be positive"):
        FunctionalMLP((3, 1), nn.ReLU(), input_mean_square=value)


def test_features_that_do_not_fit_are_refused_naming_both_shapes():
    heads = WeightHeads(8, FunctionalMLP((3, 1), nn.ReLU()))
    with pytest.raises(ValueError, match=r"\[B, 8\].*\[2, 7\]"):
        heads(torch.zeros(2, 7))
    with pytest.raises(ValueError, match=r"feature_count .* got 0"):
        WeightHeads(0, FunctionalMLP((3, 1), nn.ReLU()))


def test_the_start_of_super_resolution():
    """Its specification: θ₀ after He with biases of zero, and H with half of He's standard deviation for F features.

    std(H) = ½ √(2 / F) √(2 / in), so that ReLU features, of mean square ½, move a weight by half of θ₀'s deviation.
    """
    count, size = 64, 0.5
    network = FunctionalMLP((18, 64, 64, 1), nn.ReLU(), input_mean_square=0.5)
    heads = WeightHeads(count, network, start="ordinary", generated_share=0.5, feature_mean_square=size)
    for part in network.parts:
        written, shared = heads.weight[part.span].detach(), heads.bias[part.span].detach()
        if part.role == "bias":
            assert (shared == 0).all()
            # Not as specified, where a bias moves as little as a weight: here by half of what a layer puts out.
            expected_written = 0.5 * 0.5 / (count * size)
        else:
            he = 2 / part.fan_in
            expected_written = (0.5 * (2 / count) ** 0.5 * he**0.5) ** 2
            # The mean of n squares of normal numbers has the standard error √(2 / n).
            assert abs(shared.square().mean().item() / he - 1) < 5 * (2 / shared.numel()) ** 0.5
        error = 5 * (2 / written.numel()) ** 0.5
        assert abs(written.square().mean().item() / expected_written - 1) < error
