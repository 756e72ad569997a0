"""The weight-less network against `functional_call` (by `vmap`, in a loop) and the networks it exports."""

import copy
import io
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from hypernet.layers.mlp import FunctionalMLP

BATCH, POINTS = 3, 5
NETWORKS = [
    ((2, 1), nn.ReLU()),
    ((3, 8, 1), nn.ReLU()),
    ((3, 6, 7, 2), nn.Tanh()),
    ((3, 8, 8, 8, 8, 8, 1), nn.ELU()),
]
every_network = pytest.mark.parametrize(("widths", "activation"), NETWORKS)
every_option = pytest.mark.parametrize(("bias", "gain"), [(b, g) for b in (True, False) for g in (True, False)])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


class Peer(nn.Module):
    """The same network for one sample, written without the library: its own layers and order of numbers."""

    def __init__(self, widths, activation, bias, gain):
        super().__init__()
        self.activation = activation
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=bias, dtype=torch.float64) for i, o in pairwise(widths))
        self.gains = nn.ParameterList(torch.zeros(o, dtype=torch.float64) for o in widths[1:]) if gain else None

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            x = x @ layer.weight.T
            if self.gains is not None:
                x = x * (1 + self.gains[number])
            if layer.bias is not None:
                x = x + layer.bias
            if number < len(self.layers) - 1:
                x = self.activation(x)
        return x

    def named(self, flat):
        """Read the flat vectors [B, N] with a cursor: per layer the weight by rows [in, out], bias, gain."""
        named, cursor = {}, 0
        for number, layer in enumerate(self.layers):
            o, i = layer.weight.shape
            named[f"layers.{number}.weight"] = flat[:, cursor : cursor + i * o].reshape(-1, i, o).mT
            cursor += i * o
            if layer.bias is not None:
                named[f"layers.{number}.bias"] = flat[:, cursor : cursor + o]
                cursor += o
            if self.gains is not None:
                named[f"gains.{number}"] = flat[:, cursor : cursor + o]
                cursor += o
        assert cursor == flat.shape[1]
        return named


def by_vmap(peer, points, parameters):
    return vmap(lambda p, x: functional_call(peer, p, x))(peer.named(parameters), points)


def by_loop(peer, points, parameters):
    named = peer.named(parameters)
    samples = [{name: tensor[b] for name, tensor in named.items()} for b in range(len(points))]
    return torch.stack([functional_call(peer, p, x) for p, x in zip(samples, points, strict=True)])


@pytest.mark.parametrize("apply", [by_vmap, by_loop])
@every_network
@every_option
def test_outputs_and_gradients_equal_functional_call(apply, widths, activation, bias, gain):
    network = FunctionalMLP(widths, activation, bias=bias, gain=gain)
    peer = Peer(widths, activation, bias, gain)
    points, parameters = random(BATCH, POINTS, widths[0]), random(BATCH, network.parameter_count)
    ours, theirs = network(points, parameters), apply(peer, points, parameters)
    torch.testing.assert_close(ours, theirs)
    cotangent = torch.randn_like(ours)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (points, parameters), cotangent),
        torch.autograd.grad(theirs, (points, parameters), cotangent),
    )


@every_network
@every_option
def test_equals_a_loop_over_exported_networks(widths, activation, bias, gain):
    network = FunctionalMLP(widths, activation, bias=bias, gain=gain)
    points, parameters = random(BATCH, POINTS, widths[0]), random(BATCH, network.parameter_count)
    exported = [network.export(sample) for sample in parameters]
    looped = torch.stack([module(x) for module, x in zip(exported, points, strict=True)])
    torch.testing.assert_close(network(points, parameters), looped)


@every_option
def test_first_and_second_derivatives(bias, gain):
    network = FunctionalMLP((2, 3, 1), nn.Tanh(), bias=bias, gain=gain)
    arguments = (random(2, 3, 2), random(2, network.parameter_count))
    assert torch.autograd.gradcheck(network, arguments)
    assert torch.autograd.gradgradcheck(network, arguments)


def test_loss_on_the_gradient_at_the_points_reaches_the_parameters():
    network = FunctionalMLP((3, 8, 8, 1), nn.Softplus())
    points, parameters = random(BATCH, POINTS, 3), random(BATCH, network.parameter_count)
    (normals,) = torch.autograd.grad(network(points, parameters).sum(), points, create_graph=True)
    (normals.norm(dim=-1) - 1).square().sum().backward()
    assert parameters.grad.isfinite().all()
    assert (parameters.grad != 0).any(dim=1).all()


def test_samples_do_not_mix():
    network = FunctionalMLP((3, 8, 1), nn.ELU())
    points, parameters = random(BATCH, POINTS, 3), random(BATCH, network.parameter_count)
    (gradient,) = torch.autograd.grad(network(points, parameters)[1].sum(), parameters)
    assert (gradient[[0, 2]] == 0).all()
    assert (gradient[1] != 0).any()


def test_exported_network_is_ordinary_and_owns_its_weights():
    network = FunctionalMLP((3, 8, 8, 1), nn.ELU(), gain=True)
    points, parameters = random(POINTS, 3), random(network.parameter_count)
    exported = network.export(parameters)
    assert [type(module) for module in exported] == [nn.Linear, nn.ELU, nn.Linear, nn.ELU, nn.Linear]
    before = exported(points)
    with torch.no_grad():
        parameters.zero_()
    torch.testing.assert_close(exported(points), before, rtol=0, atol=0)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in exported.parameters())


@pytest.mark.parametrize("bias", [True, False])
def test_export_round_trip_through_a_state_dict_file(bias):
    network = FunctionalMLP((3, 8, 8, 1), nn.ReLU(), bias=bias)
    points, parameters = torch.randn(1, POINTS, 3), torch.randn(1, network.parameter_count)
    file = io.BytesIO()
    torch.save(network.export(parameters[0]).state_dict(), file)
    file.seek(0)
    fresh = nn.Sequential(
        nn.Linear(3, 8, bias=bias),
        nn.ReLU(),
        nn.Linear(8, 8, bias=bias),
        nn.ReLU(),
        nn.Linear(8, 1, bias=bias),
    )
    fresh.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(fresh(points), network(points, parameters))
    # Back to the flat vector: each layer's weight is stored [in, out], so transposed.
    flat = torch.cat([p.T.flatten() if p.dim() == 2 else p for p in fresh.parameters()])
    torch.testing.assert_close(flat, parameters[0], rtol=0, atol=0)


def test_network_owns_no_parameters_and_can_be_copied():
    network = FunctionalMLP((3, 8, 1), nn.ReLU())
    assert not list(network.parameters())
    assert not network.state_dict()
    points, parameters = torch.randn(BATCH, POINTS, 3), torch.randn(BATCH, network.parameter_count)
    torch.testing.assert_close(copy.deepcopy(network)(points, parameters), network(points, parameters))


@pytest.mark.parametrize(
    ("points", "message"),
    [((BATCH, POINTS, 2), r"\[3, 5, 2\].*\[3, 3, 8\]"), ((4, POINTS, 3), r"\[4, 5, 3\].*\[3, 3, 8\]")],
)
def test_points_that_do_not_fit_are_refused_naming_both_shapes(points, message):
    network = FunctionalMLP((3, 8, 1), nn.ReLU())
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(points), torch.zeros(BATCH, network.parameter_count))


def test_parameters_that_do_not_fit_are_refused_naming_both_shapes():
    network = FunctionalMLP((3, 8, 1), nn.ReLU())
    with pytest.raises(ValueError, match=r"\[B, 41\], got \[3, 40\]"):
        network(torch.zeros(BATCH, POINTS, 3), torch.zeros(BATCH, 40))
    with pytest.raises(ValueError, match=r"one sample's parameters.*\[41\].*got \[3, 41\]"):
        network.export(torch.zeros(BATCH, 41))


def test_activation_with_parameters_is_refused():
    with pytest.raises(ValueError, match=r"PReLU.*has parameters"):
        FunctionalMLP((3, 8, 1), nn.PReLU())
