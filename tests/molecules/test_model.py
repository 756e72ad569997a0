"""The hypernetwork: its forms, c, its starts by statistics, and the control with as many parameters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from hypernet.lab.runs.models import count_parameters, without_weights
from hypernet.layers import WeightHeads
from hypernet.molecules.baselines.nmp_edge import nmp_edge, nmp_wide
from hypernet.molecules.core.elements import QM9_ELEMENTS
from hypernet.molecules.core.graphs import Batch, neighbours
from hypernet.molecules.core.network import MessagePassing, Sizes
from hypernet.molecules.model import DeviatingChange, GeneratedChange, WrittenChange, by_element, hyper_message_passing

SIZES = Sizes(channels=8, steps=3, cutoff=4.0, spacing=0.25, envelope=True, edge_update=True, average=False)


def hyper(
    sizes: Sizes = SIZES, width: int = 6, hidden: int = 10, mix: float | None = None, **options
) -> MessagePassing:
    """An untrained hypernetwork."""
    torch.manual_seed(1)
    given_options = {"per_step": False, "start": "hyperfan", "output": "tanh"} | options
    change = GeneratedChange(sizes.channels, sizes.steps, width, 3, hidden, mix, **given_options)
    return hyper_message_passing(sizes, change)


def deviating(share: float = 0.3, width: int = 6, sizes: Sizes = SIZES) -> MessagePassing:
    """An untrained network whose weights are shared ones and a deviation for each atom."""
    torch.manual_seed(1)
    return hyper_message_passing(sizes, DeviatingChange(sizes.channels, sizes.steps, width, 3, None, share))


def change_of(network: MessagePassing) -> WrittenChange:
    """What a round makes of the states."""
    assert isinstance(network.change, WrittenChange)
    return network.change


@pytest.fixture(scope="module")
def batch(rows) -> Batch:
    """Forty molecules."""
    return neighbours(rows.molecules, 4.0).batch(np.arange(100, 140))


def thetas(network: MessagePassing, batch: Batch) -> list[torch.Tensor]:
    """Weights written in each round."""
    states = network.states(batch)
    return [change_of(network).theta(step, states[0], states[step]) for step in range(network.sizes.steps)]


# --- forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("options", [{}, None, {"output": "linear"}, {"per_step": True}])
def test_the_factored_form_is_the_whole_one(batch, dtype, tolerance, options):
    network = (deviating() if options is None else hyper(**options)).to(dtype)
    given_batch = batch.to("cpu", dtype)
    results, gradients = [], []
    for form in ("whole", "factored", "auto"):
        change_of(network).form = form
        states = network.states(given_batch)[-1]
        results.append(states)
        gradients.append(torch.autograd.grad(states.sin().sum(), change_of(network).heads[0].weight)[0])
    for result, gradient in zip(results[1:], gradients[1:], strict=True):
        torch.testing.assert_close(result, results[0], rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(gradient, gradients[0], rtol=1e3 * tolerance, atol=1e3 * tolerance)


def test_weights_of_many_atoms_are_not_written_down(batch, monkeypatch):
    """Of features so wide that the whole form is the smaller one."""
    network, forms = hyper(width=20, hidden=8), []
    run = WeightHeads.run

    def spied(self, network, inputs, features, form):
        forms.append(form)
        return run(self, network, inputs, features, form)

    monkeypatch.setattr(WeightHeads, "run", spied)
    expected = network(batch)
    assert forms == ["whole", "auto", "auto"]
    monkeypatch.setattr("hypernet.molecules.model.MOST_WRITTEN", 100)
    torch.testing.assert_close(network(batch), expected, rtol=1e-5, atol=1e-5)
    assert forms[3:] == ["whole", "factored", "factored"]


def test_a_round_is_equation_4_with_the_weights_of_equation_3(batch):
    """Atom by atom: theta of the whole states, W1 and W2 cut from it, two tanh."""
    network, given_batch = hyper().double(), batch.to("cpu", torch.float64)
    change, states = change_of(network), network.states(given_batch)
    torch.manual_seed(0)
    message = torch.randn_like(states[0])
    for step, theta in enumerate(thetas(network, given_batch)):
        made = change(step, given_batch.numbers, states[0], states[step], message)
        first, second = theta.split([8 * 10, 10 * 8], dim=1)
        hidden = torch.einsum("ai,aio->ao", message, first.view(-1, 8, 10)).tanh()
        expected = torch.einsum("ai,aio->ao", hidden, second.view(-1, 10, 8)).tanh()
        torch.testing.assert_close(made, expected, rtol=1e-10, atol=1e-11)


def test_theta_is_what_f_makes_of_the_mixed_states(batch):
    network = hyper(mix=0.3).double()
    change, states = change_of(network), network.states(batch.to("cpu", torch.float64))
    hidden = 0.3 * states[0] + 0.7 * states[2]
    for weight in change.features[0].layers:
        hidden = torch.tanh(hidden @ weight.T)
    torch.testing.assert_close(
        change.theta(2, states[0], states[2]), hidden @ change.heads[0].weight.T, rtol=1e-8, atol=1e-7
    )


def test_the_gradient_of_the_path_through_theta():
    """Of states, message and c, in double precision; at c = 0.4, far from both ends."""
    torch.manual_seed(0)
    change = change_of(hyper(mix=0.4)).double()
    change.mix.requires_grad_()
    numbers = torch.tensor([1, 6, 1, 8])
    table = torch.randn(9, 8, dtype=torch.float64, requires_grad=True)
    state, message = (torch.randn(4, 8, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for step in range(2):

        def run(table, state, message, mix, step=step):
            first = table[numbers]
            arguments = (step, numbers, first, first if step == 0 else state, message)
            return torch.func.functional_call(change, {"mix": mix}, arguments)

        assert torch.autograd.gradcheck(run, (table, state, message, change.mix), atol=1e-5)


@given(st.lists(st.integers(1, 118), min_size=1, max_size=20))
def test_atoms_of_an_element_stand_in_its_row(numbers):
    (row, column), example = by_element(torch.tensor(numbers))
    elements = sorted(set(numbers))
    assert [numbers[place] for place in example.tolist()] == elements
    seen: dict[int, list[int]] = {}
    for number, r, c in zip(numbers, row.tolist(), column.tolist(), strict=True):
        assert elements[r] == number
        seen.setdefault(r, []).append(c)
    assert all(columns == [*range(len(columns))] for columns in seen.values())


# --- c ------------------------------------------------------------------------------------------------------


def test_with_c_of_one_the_weights_are_the_same_in_all_rounds(batch):
    first, second, third = thetas(hyper(mix=1.0), batch)
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    first, second, third = thetas(hyper(mix=0.0), batch)
    assert (first - second).abs().max() > 1e-3
    assert (second - third).abs().max() > 1e-3


def test_in_the_first_round_c_does_not_count(batch):
    expected = thetas(hyper(mix=0.0), batch)[0]
    for mix in (0.25, 0.5, 1.0):
        torch.testing.assert_close(thetas(hyper(mix=mix), batch)[0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
def test_c_stays_within_its_range_and_comes_back(batch, sign):
    network = hyper()
    change = change_of(network)
    assert 0 <= change.mix.item() <= 1
    optimizer = torch.optim.Adam(network.parameters(), lr=1.0)
    for step in range(100):
        optimizer.zero_grad()
        # Pulled over one end, then over the other.
        (sign * (1 if step < 50 else -1) * change.mix + 0 * network(batch).sum()).backward()
        optimizer.step()
        network.change.project()
        assert 0 <= change.mix.item() <= 1
        if step == 49:
            assert change.mix.item() == (0 if sign == 1 else 1)
    assert change.mix.item() == (1 if sign == 1 else 0)


def test_c_is_learned_only_where_it_is_not_given(batch):
    learned, fixed = hyper(), hyper(mix=0.5)
    learned(batch).sum().backward()
    fixed(batch).sum().backward()
    assert change_of(learned).mix.grad is not None
    assert change_of(learned).mix.grad.item() != 0
    assert change_of(fixed).mix.grad is None
    assert count_parameters(learned) == count_parameters(fixed) + 1


def test_c_is_drawn_between_its_ends():
    drawn = []
    for seed in range(200):
        torch.manual_seed(seed)
        drawn.append(GeneratedChange(2, 1, 1, 1, 1, None, False, "hyperfan", "tanh").mix.item())
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3


# --- starts -------------------------------------------------------------------------------------------------


def written(channels: int, hidden: int, start: str, width: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """W1 and W2 that are written for the elements of QM9 at the start."""
    network = hyper(SIZES._replace(channels=channels), width, hidden, start=start)
    embedding = network.embedding.weight[[*QM9_ELEMENTS]]
    theta = change_of(network).theta(0, embedding, embedding).detach()
    return theta[:, : channels * hidden], theta[:, channels * hidden :]


def test_hyperfan_gives_generated_weights_the_size_of_ordinary_ones():
    """Chang, Flokas and Lipson (2020): var W1 = 1 / C, and of W2 1 / (g_h E[tanh(z)²]), z of variance 1."""
    first, second = written(64, 128, "hyperfan")
    assert 64 * first.square().mean().item() == pytest.approx(1, rel=0.05)
    after = integrate.quad(lambda z: np.tanh(z) ** 2 * stats.norm.pdf(z), -8, 8)[0]
    assert 128 * after * second.square().mean().item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(("channels", "width"), [(64, 0.024), (256, 0.011)])
def test_xavier_makes_generated_weights_too_small(channels, width):
    """As measured on a third party's code."""
    both = torch.cat(written(channels, 128, "xavier"), dim=1)
    assert both.std().item() == pytest.approx(width, rel=0.2)


def test_deviations_add_their_share_to_the_variance_of_ordinary_weights():
    """An ordinary first layer has var W1 = 1 / C; with a bias that is generated too, a share of 1 adds half of that."""
    network = deviating(0.4, 64, SIZES._replace(channels=64))
    embedding = network.embedding.weight[[*QM9_ELEMENTS]]
    for step in range(3):
        theta, shared = change_of(network).theta(step, embedding, embedding), change_of(network).heads[step].bias
        first = slice(0, 64 * 64)
        assert 64 * shared[first].square().mean().item() == pytest.approx(1, rel=0.1)
        assert 64 * (theta - shared)[:, first].square().mean().item() == pytest.approx(0.4 / 2, rel=0.1)


def test_without_deviations_all_atoms_share_equation_2(batch):
    network = deviating().double()
    change, states = change_of(network), network.states(batch.to("cpu", torch.float64))
    message = torch.randn_like(states[0])
    for heads in change.heads:
        torch.nn.init.zeros_(heads.weight)
    for step in range(3):
        plain = change.network.export(change.heads[step].bias)
        made = change(step, batch.numbers, states[0], states[0], message)
        torch.testing.assert_close(made, plain(message), rtol=1e-10, atol=1e-12)


def test_rounds_can_have_networks_of_their_own(batch):
    shared, each = hyper(), hyper(per_step=True)
    assert len(change_of(shared).heads) == 1
    assert len(change_of(each).heads) == len(change_of(each).features) == 3
    assert count_parameters(each.change) == 3 * (count_parameters(shared.change) - 1) + 1
    each(batch).sum().backward()
    assert all(heads.weight.grad.abs().max() > 0 for heads in change_of(each).heads)


def test_a_change_is_bounded_by_the_outer_tanh(batch):
    bounded, linear = hyper(), hyper(output="linear")
    for network in (bounded, linear):
        with torch.no_grad():
            change_of(network).heads[0].weight.mul_(100)
    steps = [[b - a for a, b in itertools.pairwise(network.states(batch))] for network in (bounded, linear)]
    assert max(step.abs().max() for step in steps[0]) <= 1 + 1e-6
    assert max(step.abs().max() for step in steps[1]) > 1


@pytest.mark.parametrize("options", [{}, {"start": "xavier", "per_step": True}])
def test_a_network_without_weights_has_the_shapes_of_one_with_them(options):
    with without_weights():
        empty = hyper(**options)
    assert all(parameter.is_meta for parameter in empty.parameters())
    assert {name: tensor.shape for name, tensor in empty.state_dict().items()} == {
        name: tensor.shape for name, tensor in hyper(**options).state_dict().items()
    }


# --- the control --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "width", "hidden", "cutoff", "spacing"),
    [
        (8, 6, 10, 4.0, 0.25),
        (32, 8, 16, 4.0, 0.25),
        (32, 64, 64, 5.0, 0.25),
        (64, 64, 128, 15.0, 0.1),
        (256, 64, 128, 15.0, 0.1),
    ],
)
def test_the_control_has_as_many_parameters(channels, width, hidden, cutoff, spacing):
    sizes = SIZES._replace(channels=channels, cutoff=cutoff, spacing=spacing)
    with without_weights():
        wanted = count_parameters(hyper(sizes, width, hidden))
        wide = nmp_wide(sizes, wanted)
    assert count_parameters(wide) == pytest.approx(wanted, rel=0.02)
    assert wide.sizes.channels >= channels


def test_the_control_of_fewer_parameters_than_it_has_is_narrower_within():
    with without_weights():
        plain = count_parameters(nmp_edge(SIZES))
        assert count_parameters(nmp_wide(SIZES, plain)) == plain
