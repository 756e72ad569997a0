"""Functions with shared weights, and the local one, against their definitions written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.superres import official_query
from hypernet.superres.baselines.concat import ConcatImage
from hypernet.superres.baselines.film import FilmImage
from hypernet.superres.baselines.hfir import FunctionalRepresentation
from hypernet.superres.baselines.liif import LocalImage
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import as_points, axes
from hypernet.superres.model import GeneratedImage

FUNCTIONS = {
    "hyper": lambda: GeneratedImage(16, 3, 8, 1.0),
    "concat": lambda: ConcatImage(16, 3, [12, 10]),
    "film": lambda: FilmImage(16, 3, [12, 10]),
    "liif": lambda: LocalImage(4, 8, (4, 4)),
    "hfir": lambda: FunctionalRepresentation(8, 12, [6, 9]),
}


@pytest.fixture(params=list(FUNCTIONS))
def function(request) -> ImageFunction:
    torch.manual_seed(0)
    return FUNCTIONS[request.param]().double()


def test_a_grid_holds_the_values_at_its_points(function):
    low = torch.rand(3, 8, 8, dtype=torch.float64)
    rows, columns = (axis.double() for axis in axes(11, 6))
    state = function.encode(low)
    points = as_points(rows, columns).expand(3, -1, -1)
    torch.testing.assert_close(function.on_grid(state, rows, columns).flatten(1), function.at(state, points))


def test_images_have_points_of_their_own_and_do_not_see_each_other(function):
    low, points = torch.rand(3, 8, 8, dtype=torch.float64), torch.rand(3, 5, 2, dtype=torch.float64) * 2 - 1
    together = function.at(function.encode(low), points)
    for place in range(3):
        alone = function.at(function.encode(low[place : place + 1]), points[place : place + 1])
        torch.testing.assert_close(together[place : place + 1], alone)


def test_multiply_adds_are_counted(function):
    """As many as torch counts for one more point, less those of γ's first layer that are saved on grids."""
    from torch.utils.flop_counter import FlopCounterMode

    state = function.encode(torch.rand(1, 8, 8, dtype=torch.float64))
    counts = []
    for points in (100, 200):
        with FlopCounterMode(display=False) as counter:
            function.at(state, torch.rand(1, points, 2, dtype=torch.float64))
        counts.append(counter.get_total_flops() / 2)
    counted = (counts[1] - counts[0]) / 100
    gains = sum(function.widths) if isinstance(function, FilmImage) else 0
    assert function.multiply_adds == pytest.approx(counted + gains)


def test_the_split_first_layer_is_one_layer_of_all_inputs():
    torch.manual_seed(0)
    network = ConcatImage(16, 4, [12, 10])
    low, points = torch.rand(2, 8, 8), torch.rand(2, 7, 2) * 2 - 1
    whole = nn.Linear(18 + 16, 12)
    with torch.no_grad():
        whole.weight.copy_(torch.cat([network.of_point.weight, network.of_embedding.weight], dim=1))
        whole.bias.copy_(network.of_embedding.bias)
    inputs = torch.cat([network.features(points), network.encode(low)[:, None].expand(-1, 7, -1)], dim=-1)
    hidden = network.further[0](whole(inputs).relu()).relu()
    expected = network.further[1](hidden).squeeze(-1)
    torch.testing.assert_close(network.at(network.encode(low), points), expected)


def test_gains_and_shifts_of_zero_leave_an_ordinary_perceptron():
    torch.manual_seed(0)
    network = FilmImage(16, 4, [12, 10])
    points = torch.rand(1, 7, 2)
    hidden = network.features(points)
    for place, layer in enumerate(network.layers):
        hidden = layer(hidden if place == 0 else hidden.relu())
    state = torch.zeros(1, 2 * 22)
    torch.testing.assert_close(network.at(state, points), hidden.squeeze(-1))


# --- the local image function ---------------------------------------------------------------------------------


def test_it_is_the_authors_query():
    torch.manual_seed(0)
    network = LocalImage(4, 8, (4, 4)).double()
    low, points = torch.rand(2, 8, 8, dtype=torch.float64), torch.rand(2, 300, 2, dtype=torch.float64) * 2 - 1
    """``query_rgb``, written out in the benchmark beside which ours is timed."""
    torch.testing.assert_close(network.at(network.encode(low), points), official_query(network, low, points))


def test_a_constant_answer_gives_a_constant_image():
    network = LocalImage(4, 8, (4, 4))
    with torch.no_grad():
        network.further[-1].weight.zero_()
        network.further[-1].bias.fill_(0.375)
    made = network.on_grid(network.encode(torch.rand(1, 8, 8)), *axes(33, 29))
    torch.testing.assert_close(made, torch.full((1, 33, 29), 0.375))


def test_at_a_small_pixel_s_centre_its_own_answer_counts_alone():
    torch.manual_seed(0)
    network = LocalImage(4, 8, (4, 4)).double()
    state = network.encode(torch.rand(1, 8, 8, dtype=torch.float64))
    rows, columns = (axis.double() for axis in axes(8, 8))
    made = network.on_grid(state, rows, columns)
    way = torch.zeros(1, 8, 8, 2, dtype=torch.float64)
    # Not in the last row and column: there all four neighbours are the same two, and all weights vanish.
    torch.testing.assert_close(made[:, :7, :7], network._answer(state, way)[:, :7, :7], atol=1e-5, rtol=1e-5)
