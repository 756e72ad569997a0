"""Dynamic convolution networks against scipy, exact shifts, and what their equation promises."""

import pytest
import torch
from scipy.signal import correlate2d

from hypernet.radar.baselines.patch_cnn import PatchCNN
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.tiles import OnTiles, cut, join
from hypernet.radar.core.trunk import Layer, Trunk
from hypernet.radar.model import DynamicConvolution, PatchDynamicConvolution, WholeImageDynamicConvolution

SMOKE, PAPER = Geometry(100, 10, 8, 21), Geometry(250, 25, 10, 51)
WHOLE_SMOKE = [Layer(16, 7, 2, 2), Layer(32, 5, 1, 2), Layer(32, 3, 1, 2)]
WHOLE_PAPER = [Layer(32, 9, 2, 2), Layer(64, 5, 1, 2), Layer(64, 3, 1, 2), Layer(64, 3, 1, 2)]
PATCH_SMOKE = [Layer(32, 5, 1, 2), Layer(32, 5, 1, 2)]
PATCH_PAPER = [Layer(64, 5, 1, 2), Layer(64, 5, 1, 2), Layer(64, 3)]
SMALL = [Layer(3, 3, 1, 2)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def small(taps=7, size=14, margin=3):
    """A network whose filters are far from uniform."""
    network = DynamicConvolution(size, margin, taps, SMALL, 5).double()
    torch.nn.init.normal_(network.filters.heads.weight)
    return network


def fixed(vertical, horizontal, size=20, margin=4):
    """A network whose filters are all but one tap, at ``vertical`` and ``horizontal``, for any image."""
    network = DynamicConvolution(size, margin, 2 * margin + 1, SMALL, 5)
    with torch.no_grad():
        network.filters.heads.bias[vertical] = 1e4
        network.filters.heads.bias[2 * margin + 1 + horizontal] = 1e4
    return network


@pytest.mark.parametrize(
    ("network", "size", "target", "features"),
    [
        (WholeImageDynamicConvolution(SMOKE, WHOLE_SMOKE, 128), 100, 80, 32 * 3 * 3),
        (WholeImageDynamicConvolution(PAPER, WHOLE_PAPER, 256), 250, 200, 64 * 5 * 5),
        (PatchDynamicConvolution(SMOKE, PATCH_SMOKE, 128), 28, 8, 32 * 4 * 4),
        (PatchDynamicConvolution(PAPER, PATCH_PAPER, 256), 60, 10, 64 * 10 * 10),
    ],
)
def test_layers_of_both_scales(network, size, target, features):
    frames = torch.rand(2, 4, size, size)
    taps = network.filters.heads.parameter_count // 2
    assert taps == (51 if size in (250, 60) else 21)
    vertical, horizontal = network.filters(frames)
    assert vertical.shape == horizontal.shape == (2, taps)
    assert network(frames).shape == (2, target, target)
    assert network.filters.trunk.features[1].in_features == features


def test_at_first_filters_are_uniform_and_gradients_reach_the_heads():
    network = DynamicConvolution(14, 3, 7, SMALL, 5)
    frames = torch.rand(3, 4, 14, 14)
    for filters in network.filters(frames):
        torch.testing.assert_close(filters, torch.full((3, 7), 1 / 7))
    expected = torch.nn.functional.avg_pool2d(frames[:, -1:], 7, stride=1)[:, 0]
    torch.testing.assert_close(network(frames), expected)
    (network(frames) - frames[:, -1, 3:-3, 3:-3]).square().mean().backward()
    # Features that are 0 for all samples reach nothing.
    alive = network.filters.trunk(frames).amax(dim=0) > 0
    assert alive.any()
    assert network.filters.heads.weight.grad[:, alive].abs().min() > 0


def test_filters_are_the_softmax_of_a_linear_layer():
    network = small().float()
    torch.nn.init.normal_(network.filters.heads.bias)
    linear = torch.nn.Linear(5, 14)
    linear.load_state_dict(network.filters.heads.state_dict())
    frames = torch.rand(6, 4, 14, 14)
    expected = linear(network.filters.trunk(frames)).unflatten(1, (2, 7)).softmax(dim=2)
    vertical, horizontal = network.filters(frames)
    torch.testing.assert_close(vertical, expected[:, 0], rtol=0, atol=1e-6)
    torch.testing.assert_close(horizontal, expected[:, 1], rtol=0, atol=1e-6)


def test_the_centre_tap_is_the_last_image():
    frames = torch.rand(2, 4, 20, 20)
    torch.testing.assert_close(fixed(4, 4)(frames), frames[:, -1, 4:16, 4:16], rtol=0, atol=1e-6)


def test_one_tap_fetches_from_where_it_lies():
    frames = torch.rand(2, 4, 20, 20)
    # Three rows north of the centre tap, two columns east of it.
    expected = frames[:, -1, 4 - 3 : 16 - 3, 4 + 2 : 16 + 2]
    torch.testing.assert_close(fixed(4 - 3, 4 + 2)(frames), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("taps", [7, 5, 1])
def test_equals_scipy_and_the_crop_of_its_centre(taps):
    network, frames = small(taps), torch.rand(3, 4, 14, 14, dtype=torch.float64)
    vertical, horizontal = network.filters(frames)
    torch.testing.assert_close(vertical.sum(dim=1), torch.ones(3, dtype=torch.float64))
    beyond = 3 - taps // 2
    for forecast, image, v, h in zip(network(frames), frames[:, -1], vertical, horizontal, strict=True):
        kernel = torch.outer(v, h).detach().numpy()
        valid = torch.from_numpy(correlate2d(image.numpy(), kernel, mode="valid"))
        assert valid.shape == (15 - taps, 15 - taps)
        expected = valid[beyond : beyond + 8, beyond : beyond + 8]
        torch.testing.assert_close(forecast.detach(), expected, rtol=1e-10, atol=1e-10)


def test_forecasts_stay_between_the_values_in_reach():
    network, frames = small(), torch.rand(6, 4, 14, 14, dtype=torch.float64)
    forecast, last = network(frames), frames[:, -1:]
    highest = torch.nn.functional.max_pool2d(last, 7, stride=1)[:, 0]
    lowest = -torch.nn.functional.max_pool2d(-last, 7, stride=1)[:, 0]
    assert (forecast <= highest + 1e-12).all()
    assert (forecast >= lowest - 1e-12).all()


@pytest.mark.parametrize(
    ("geometry", "layers"),
    [
        # Shared to the last convolution; to the second pooling; to the first convolution; not even that.
        (SMOKE, PATCH_SMOKE),
        (Geometry(70, 25, 10, 51), PATCH_PAPER),
        (Geometry(29, 7, 5, 9), [Layer(3, 3, 1, 2), Layer(4, 3, 1, 1)]),
        (Geometry(30, 5, 5, 11), [Layer(3, 3, 2, 2)]),
        # Strides that do not divide what they go over.
        (Geometry(34, 5, 8, 11), [Layer(3, 4, 2, 2), Layer(4, 2, 2, 1)]),
    ],
)
@pytest.mark.parametrize("network_type", [PatchDynamicConvolution, PatchCNN])
def test_all_patches_of_an_image_equal_the_patches_one_by_one(geometry, layers, network_type):
    network = network_type(geometry, layers, 6).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    frames = torch.rand(3, 4, geometry.size, geometry.size, dtype=torch.float64)
    patches = cut(frames, geometry)
    forecast = OnTiles(network, geometry)
    one_by_one = torch.stack([network(image_patches) for image_patches in patches])
    torch.testing.assert_close(forecast(frames), join(one_by_one, geometry))
    if network_type is PatchDynamicConvolution:
        filters = (
            torch.stack(parts)
            for parts in zip(*(network.filters(image_patches) for image_patches in patches), strict=True)
        )
        for ours, theirs in zip(forecast.filters(frames), filters, strict=True):
            assert ours.shape == (3, geometry.patches, geometry.taps)
            torch.testing.assert_close(ours, theirs)


def test_derivatives_by_finite_differences():
    network = small(taps=3, size=8, margin=1)
    frames = torch.rand(1, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (frames,))


def test_a_network_learns_a_displacement():
    """Five pixels to the south and two to the west are found from the error alone."""
    network = DynamicConvolution(24, 6, 13, [Layer(8, 5, 2, 2)], 16)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(100):
        frames = torch.rand(16, 4, 24, 24)
        loss = (network(frames) - frames[:, -1, 1:13, 8:20]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    vertical, horizontal = network.filters(torch.rand(4, 4, 24, 24))
    assert (vertical.argmax(dim=1) == 6 - 5).all()
    assert (horizontal.argmax(dim=1) == 6 + 2).all()


@pytest.mark.parametrize("taps", [4, 9, 0, -1])
def test_impossible_numbers_of_taps_are_refused(taps):
    with pytest.raises(ValueError, match=f"{taps} taps; accepted: odd, at most 7"):
        DynamicConvolution(14, 3, taps, SMALL, 5)


def test_images_too_small_for_the_layers_are_refused():
    with pytest.raises(ValueError, match="12 x 12 pixels are too small"):
        Trunk(12, PATCH_SMOKE + PATCH_SMOKE, 5)
