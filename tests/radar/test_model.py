"""Dynamic convolution networks against scipy, exact shifts, and what their equation promises."""

import pytest
import torch
from scipy.signal import correlate2d

from hypernet.radar.baselines.constant_filter import ConstantFilter
from hypernet.radar.baselines.patch_cnn import PatchCNN
from hypernet.radar.baselines.pixel_cnn import PixelCNN
from hypernet.radar.baselines.soft_motion import Sharpness
from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.matching import matched, matched_whole
from hypernet.radar.core.tiles import OnTiles, cut, join
from hypernet.radar.core.trunk import Layer, Trunk
from hypernet.radar.model import (
    DisplacementNet,
    DynamicConvolution,
    PatchDynamicConvolution,
    PatchMatching,
    WholeImageDynamicConvolution,
    WholeImageMatching,
)

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
    features = network.filters.trunk(frames)
    # LayerNorm without its weights, written out.
    normal = (features - features.mean(dim=1, keepdim=True)) / (
        features.var(dim=1, correction=0, keepdim=True) + 1e-5
    ).sqrt()
    expected = linear(normal).unflatten(1, (2, 7)).softmax(dim=2)
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


def moving(shift, size=36, step_count=4, seed=0):
    """Random rain that moves by ``shift`` (rows, columns) in every step, ``[1, 4, n, n]``."""
    generator = torch.Generator().manual_seed(seed)
    wide = torch.rand(1, 1, size + 60, size + 60, generator=generator)
    wide = torch.nn.functional.avg_pool2d(wide, 3, 1, 1).sub(0.5).clamp(min=0)[0, 0]
    places = [(30 - step * shift[0], 30 - step * shift[1]) for step in range(step_count)]
    return torch.stack([wide[row : row + size, column : column + size] for row, column in places])[None]


MATCHING = Geometry(36, 6, 4, 13)


def matching(on_patches):
    """Untrained but sharp: the sum of the maps, ten times."""
    sharp = Sharpness()
    torch.nn.init.constant_(sharp.sharpness, 10.0)
    return PatchMatching(MATCHING, sharp, (1, 2)) if on_patches else WholeImageMatching(MATCHING, sharp)


@pytest.mark.parametrize("on_patches", [False, True])
@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-5, 4)])
def test_similarity_maps_move_rain_as_it_moved(on_patches, shift):
    frames = moving(shift, step_count=5)
    forecast = matching(on_patches)(frames[:, :4])
    # Noise is placed to a hundredth of a pixel: its overlaps at the edges differ.
    torch.testing.assert_close(forecast, frames[:, 4, 6:30, 6:30], rtol=0, atol=1e-2)


@pytest.mark.parametrize("geometry", [MATCHING, Geometry(40, 7, 2, 15), Geometry(34, 5, 8, 9)])
def test_the_forecast_of_a_square_is_the_middle_of_that_of_the_field(geometry):
    network = PatchMatching(geometry, matching(True).displacements, (1,))
    frames, margin = moving((1, -2), size=geometry.size), geometry.margin
    field = network.lattice(frames, start=(margin, margin)).moved(frames[:, -1])
    torch.testing.assert_close(network(frames), field[:, margin:-margin, margin:-margin])


@pytest.mark.parametrize("on_patches", [False, True])
def test_turned_images_give_turned_forecasts(on_patches):
    frames, network = moving((2, 3)), matching(on_patches)
    expected = torch.rot90(network(frames), 1, (1, 2))
    torch.testing.assert_close(network(torch.rot90(frames, 1, (2, 3))), expected, rtol=1e-4, atol=1e-5)


def test_patches_follow_rain_that_moves_apart():
    left, right = moving((0, -3), step_count=5), moving((0, 4), step_count=5, seed=1)
    frames = torch.cat([left, right], dim=-1)[..., 6:-6, :]
    geometry = Geometry(24, 6, 4, 13)
    lattice = PatchMatching(geometry, matching(True).displacements, (1,)).lattice(frames[:, :4])
    taps = 6 - lattice.horizontal.argmax(dim=-1)[0, 2:-2]
    assert (taps[:, 1:6] == -3).all()
    assert (taps[:, -6:-1] == 4).all()


def test_more_reach_finds_faster_rain_with_the_same_weights():
    frames, network = moving((0, 9), size=48), matching(False)
    assert network.lattice(frames).horizontal.shape[-1] == 13
    far = network.at(Geometry(48, 11, 2, 23))
    assert far.displacements is network.displacements
    assert int(far.lattice(frames).horizontal.argmax()) == 11 - 9
    assert network.geometry == MATCHING


def test_pixels_without_data_do_not_bias_the_motion():
    frames = moving((2, 3))
    known = torch.ones_like(frames, dtype=torch.bool)
    known[:, 1, :, 18:] = False
    lattice = matching(False).lattice(frames * known, known)
    assert (6 - int(lattice.vertical.argmax()), 6 - int(lattice.horizontal.argmax())) == (2, 3)


def test_dry_images_give_uniform_filters():
    for on_patches in (False, True):
        for filters in matching(on_patches).filters(torch.zeros(1, 4, 36, 36)):
            torch.testing.assert_close(filters, torch.full_like(filters, 1 / 13))


def test_a_displacement_net_starts_as_soft_global_motion():
    maps = PatchMatching.maps((1, 2))
    network, frames = PatchMatching(MATCHING, DisplacementNet(maps, 4, 3), (1, 2)), moving((1, 1))
    plain = Sharpness()
    # The three maps of each window count a third.
    torch.nn.init.constant_(plain.sharpness, 1 / 3)
    expected = PatchMatching(MATCHING, plain, (1, 2)).filters(frames)
    for filters, soft in zip(network.filters(frames), expected, strict=True):
        torch.testing.assert_close(filters, soft)


def test_some_patches_have_the_forecast_of_their_filters():
    network, frames = matching(True), torch.cat([moving((1, 2)), moving((-3, 0), seed=3)])
    places = torch.tensor([0, 7, 35])
    vertical, horizontal = network.filters(frames)
    vertical, horizontal, some = (part.detach() for part in (vertical, horizontal, network.some(frames, places)))
    for sample in range(2):
        for number, place in enumerate(places.tolist()):
            row, column = (4 * part for part in divmod(place, 6))
            tile = frames[sample, 3, row : row + 16, column : column + 16].numpy()
            weights = torch.outer(vertical[sample, place], horizontal[sample, place]).numpy()
            expected = torch.from_numpy(correlate2d(tile, weights, mode="valid"))
            torch.testing.assert_close(some[sample, number], expected, rtol=1e-4, atol=1e-5)


def test_the_maps_are_those_of_the_windows_and_of_the_image():
    network, frames = matching(True), moving((1, 1))
    seen = []
    network.displacements.register_forward_hook(lambda module, given, output: seen.append(given[0]))
    network.lattice(frames)
    maps = torch.cat(seen).unflatten(0, (9, 9))
    sums = matched(frames, 4, 6)
    torch.testing.assert_close(maps[4, 5, 0:3], sums.around(1).likelihood()[0, :, 4, 5])
    torch.testing.assert_close(maps[4, 5, 3:6], sums.around(2).likelihood()[0, :, 4, 5])
    torch.testing.assert_close(maps[4, 5, 6:9], matched_whole(frames, 6).likelihood()[0, :, 0, 0])


def test_gradients_reach_the_displacement_net():
    network = WholeImageMatching(Geometry(20, 3, 2, 7), DisplacementNet(3, 2, 3)).double()
    torch.nn.init.normal_(network.displacements.layers[-1].weight)
    frames = moving((1, 1), size=20).double()
    weights = list(network.parameters())
    assert torch.autograd.gradcheck(lambda *_: network(frames).sum(), weights, atol=1e-4)


def test_a_constant_filter_is_the_same_for_all_images():
    network = ConstantFilter(SMOKE)
    frames = torch.rand(3, 4, 100, 100)
    torch.testing.assert_close(network(frames), torch.nn.functional.avg_pool2d(frames[:, 3], 21, 1))
    torch.nn.init.normal_(network.logits)
    vertical, horizontal = network.filters(frames)
    expected = correlate2d(frames[1, 3].numpy(), torch.outer(vertical[0], horizontal[0]).detach().numpy(), mode="valid")
    torch.testing.assert_close(network(frames)[1].detach(), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)
    assert (vertical == vertical[0]).all()


@pytest.mark.parametrize(
    ("geometry", "layers", "hidden"),
    [(SMOKE, WHOLE_SMOKE, 128), (PAPER, WHOLE_PAPER, 256), (Geometry(136, 20, 8, 41), WHOLE_SMOKE, 128)],
)
def test_the_control_has_as_many_parameters_and_reaches_as_far(geometry, layers, hidden):
    hypernetwork = WholeImageDynamicConvolution(geometry, layers, hidden)
    parameters = sum(weights.numel() for weights in hypernetwork.parameters())
    control = PixelCNN(geometry, layers, hidden, 7, parameters)
    assert sum(weights.numel() for weights in control.parameters()) == pytest.approx(parameters, rel=0.02)
    frames = torch.rand(1, 4, geometry.size, geometry.size)
    # At the start it is the last image.
    torch.testing.assert_close(
        control(frames), frames[:, 3, geometry.margin : -geometry.margin, geometry.margin : -geometry.margin]
    )
    torch.nn.init.normal_(control.second.weight)
    frames.requires_grad_()
    middle = geometry.centre // 2
    # Through the convolutions alone: the trunk sees the whole image.
    control.embedding.requires_grad_(False)
    torch.nn.init.zeros_(control.embedding.weight)
    control(frames)[0, middle, middle].backward()
    rows = frames.grad[0].abs().sum(dim=(0, 2)).nonzero()
    assert rows.min() <= middle + geometry.margin - geometry.taps // 2
    assert rows.max() >= middle + geometry.margin + geometry.taps // 2
