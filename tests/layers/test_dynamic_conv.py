"""Filters per sample against scipy, torch's own convolution sample by sample, and closed forms."""

import pytest
import torch
from scipy.signal import correlate2d
from torch.func import vmap
from torch.nn import functional as F

from hypernet.layers import dynamic_conv
from hypernet.layers.dynamic_conv import DynamicConv2d, dynamic_conv2d, separable_dynamic_conv

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
# Sample, rows, columns, vertical and horizontal taps.
SIZES = [(2, 100, 75, 21, 4), (5, 12, 12, 5, 5), (1, 12, 9, 5, 3), (3, 7, 20, 7, 4), (4, 6, 6, 1, 1), (2, 5, 8, 5, 8)]
# Of images so much longer than the filters that another form is taken.
SIZES += [(3, 40, 30, 3, 2), (2, 38, 15, 3, 2)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, requires_grad=True)


def separable(size, dtype=torch.float64):
    batch, height, width, rows, columns = size
    shapes = (batch, height, width), (batch, rows), (batch, columns)
    return [random(*shape, dtype=dtype) for shape in shapes]


def by_loop(images, vertical, horizontal):
    return torch.stack(
        [
            F.conv2d(F.conv2d(x[None, None], v[None, None, :, None]), h[None, None, None])[0, 0]
            for x, v, h in zip(images, vertical, horizontal, strict=True)
        ]
    )


def by_groups(images, vertical, horizontal):
    filtered = F.conv2d(images[None], vertical[:, None, :, None], groups=len(images))
    return F.conv2d(filtered, horizontal[:, None, None], groups=len(images))[0]


def by_vmap(images, vertical, horizontal):
    def image_alone(x, v, h):
        return F.conv2d(F.conv2d(x[None, None], v[None, None, :, None]), h[None, None, None])[0, 0]

    return vmap(image_alone)(images, vertical, horizontal)


def by_unfolding(images, vertical, horizontal):
    squares = images.unfold(1, vertical.shape[1], 1).unfold(2, horizontal.shape[1], 1)
    return torch.einsum("bijkl,bk,bl->bij", squares, vertical, horizontal)


def by_layer(images, vertical, horizontal):
    kernel = vertical.shape[1], horizontal.shape[1]
    dense = (vertical[:, :, None] * horizontal[:, None]).flatten(1)
    return DynamicConv2d(1, 1, kernel)(images[:, None], dense)[:, 0]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("size", SIZES)
def test_separable_equals_scipy(size, dtype):
    images, vertical, horizontal = (filtered.detach() for filtered in separable(size, dtype))
    ours = separable_dynamic_conv(images, vertical, horizontal)
    dense = (vertical[:, :, None] * horizontal[:, None]).double()
    for filtered, image, kernel in zip(ours, images.double(), dense, strict=True):
        expected = torch.from_numpy(correlate2d(image.numpy(), kernel.numpy(), mode="valid"))
        torch.testing.assert_close(filtered.double(), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("other", [by_loop, by_groups, by_vmap, by_unfolding, by_layer])
@pytest.mark.parametrize("size", SIZES)
def test_all_forms_have_the_same_values_and_gradients(size, other):
    arguments = separable(size)
    ours, theirs = separable_dynamic_conv(*arguments), other(*arguments)
    torch.testing.assert_close(ours, theirs)
    cotangent = torch.randn_like(ours)
    torch.testing.assert_close(
        torch.autograd.grad(ours, arguments, cotangent), torch.autograd.grad(theirs, arguments, cotangent)
    )


@pytest.mark.parametrize("size", [(2, 5, 6, 3, 2), (1, 12, 13, 1, 1)])
def test_first_and_second_derivatives_of_the_separable_form(size):
    arguments = separable(size)
    assert torch.autograd.gradcheck(separable_dynamic_conv, arguments)
    assert torch.autograd.gradgradcheck(separable_dynamic_conv, arguments)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 1), (4, 2), (2, 2)])
def test_one_tap_shifts_without_rounding(row, column):
    images = torch.rand(2, 9, 8)
    vertical, horizontal = torch.eye(5)[[row, row]], torch.eye(3)[[column, column]]
    shifted = separable_dynamic_conv(images, vertical, horizontal)
    torch.testing.assert_close(shifted, images[:, row : row + 5, column : column + 6], rtol=0, atol=0)


def test_filters_that_add_to_one_keep_the_mass_inside():
    images = torch.zeros(3, 20, 18, dtype=torch.float64)
    images[:, 8:12, 8:10] = torch.rand(3, 4, 2, dtype=torch.float64)
    vertical, horizontal = (torch.randn(3, taps, dtype=torch.float64).softmax(dim=1) for taps in (7, 5))
    mass = separable_dynamic_conv(images, vertical, horizontal).sum(dim=(1, 2))
    torch.testing.assert_close(mass, images.sum(dim=(1, 2)))


def test_uniform_filters_are_a_box_mean():
    images = torch.rand(3, 10, 13, dtype=torch.float64)
    uniform = torch.full((3, 5), 0.2, dtype=torch.float64)
    expected = F.avg_pool2d(images[:, None], 5, stride=1)[:, 0]
    torch.testing.assert_close(separable_dynamic_conv(images, uniform, uniform), expected)


def test_a_shifted_image_gives_a_shifted_result():
    images, vertical, horizontal = (tensor.detach() for tensor in separable((2, 14, 14, 5, 5)))
    result, moved = (
        separable_dynamic_conv(tensor, vertical, horizontal) for tensor in (images, images.roll((1, -2), (1, 2)))
    )
    torch.testing.assert_close(moved[:, 1:, :-2], result[:, :-1, 2:])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", [0, 2, (1, 0)])
@pytest.mark.parametrize("batch", [4, 1, 0])
def test_layer_equals_a_loop_over_samples(batch, padding, bias):
    layer = DynamicConv2d(3, 2, (3, 4), padding=padding, bias=bias)
    assert not list(layer.parameters())
    assert layer.parameter_count == 2 * 3 * 3 * 4 + 2 * bias
    images, parameters = random(batch, 3, 6, 9), random(batch, layer.parameter_count)
    ours = layer(images, parameters)
    looped = [
        F.conv2d(x[None], p[:72].reshape(2, 3, 3, 4), p[72:] if bias else None, padding=padding)[0]
        for x, p in zip(images, parameters, strict=True)
    ]
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    assert ours.shape == (batch, 2, 4 + 2 * rows, 6 + 2 * columns)
    if batch:
        theirs = torch.stack(looped)
        torch.testing.assert_close(ours, theirs)
        cotangent = torch.randn_like(ours)
        torch.testing.assert_close(
            torch.autograd.grad(ours, (images, parameters), cotangent),
            torch.autograd.grad(theirs, (images, parameters), cotangent),
        )


def test_layer_equals_vmap_of_torchs_convolution():
    images, weight, bias = random(5, 2, 7, 8), random(5, 3, 2, 3, 3), random(5, 3)
    ours = dynamic_conv2d(images, weight, bias, padding=1)
    theirs = vmap(lambda x, w, b: F.conv2d(x[None], w, b, padding=1)[0])(images, weight, bias)
    torch.testing.assert_close(ours, theirs)


def test_derivatives_of_the_layer():
    arguments = random(2, 2, 4, 5), random(2, 3, 2, 2, 3), random(2, 3)
    assert torch.autograd.gradcheck(lambda *tensors: dynamic_conv2d(*tensors, padding=(1, 0)), arguments)


def test_more_samples_than_go_at_once(monkeypatch):
    images, weight, bias = random(7, 2, 5, 5), random(7, 2, 2, 3, 3), random(7, 2)
    whole = dynamic_conv2d(images, weight, bias)
    monkeypatch.setattr(dynamic_conv, "SAMPLES_AT_ONCE", 3)
    in_turns = dynamic_conv2d(images, weight, bias)
    torch.testing.assert_close(in_turns, whole)
    torch.testing.assert_close(
        torch.autograd.grad(in_turns.square().sum(), (images, weight, bias)),
        torch.autograd.grad(whole.square().sum(), (images, weight, bias)),
    )


@pytest.mark.parametrize(
    ("images", "weight"),
    [
        ((2, 3, 6, 6), (2, 4, 2, 3, 3)),
        ((3, 3, 6, 6), (2, 4, 3, 3, 3)),
        ((3, 6, 6), (2, 4, 3, 3, 3)),
        ((2, 3, 2, 6), (2, 4, 3, 3, 3)),
    ],
)
def test_filters_that_do_not_fit_are_refused_naming_both_shapes(images, weight):
    with pytest.raises(ValueError, match="images") as error:
        dynamic_conv2d(torch.zeros(images), torch.zeros(weight))
    assert str(list(images)) in str(error.value)
    assert str(list(weight)) in str(error.value)


@pytest.mark.parametrize("bias", [(2, 3), (1, 4), (4,)])
def test_bias_that_does_not_fit_is_refused(bias):
    with pytest.raises(ValueError, match=r"bias.*\[2, 4, 3, 3, 3\]"):
        dynamic_conv2d(torch.zeros(2, 3, 6, 6), torch.zeros(2, 4, 3, 3, 3), torch.zeros(bias))


@pytest.mark.parametrize(
    ("images", "vertical", "horizontal"),
    [
        ((2, 6, 6), (3, 3), (2, 3)),
        ((2, 6, 6), (2, 7), (2, 3)),
        ((2, 6, 6), (2, 3), (2, 7)),
        ((6, 6), (2, 3), (2, 3)),
        ((2, 6, 6), (2, 0), (2, 3)),
    ],
)
def test_separable_filters_that_do_not_fit_are_refused(images, vertical, horizontal):
    with pytest.raises(ValueError, match="vertical") as error:
        separable_dynamic_conv(torch.zeros(images), torch.zeros(vertical), torch.zeros(horizontal))
    assert all(str(list(shape)) in str(error.value) for shape in (images, vertical, horizontal))


def test_impossible_layers_are_refused():
    with pytest.raises(ValueError, match="kernel 0"):
        DynamicConv2d(1, 1, 0)
    with pytest.raises(ValueError, match="padding -1"):
        DynamicConv2d(1, 1, 3, padding=-1)
    with pytest.raises(ValueError, match=r"\[B, 9\]"):
        DynamicConv2d(1, 1, 3)(torch.zeros(2, 1, 5, 5), torch.zeros(2, 8))
