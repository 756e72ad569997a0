"""The other methods against brute force, scikit-learn, pysteps, and numbers measured on the real files."""

import gzip
import sys

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.radar.baselines import global_motion, optical_flow, patch_linear
from hypernet.radar.baselines.global_motion import PRIOR, GlobalMotion, overlapping, squared_differences
from hypernet.radar.baselines.last_frame import LastFrame
from hypernet.radar.baselines.optical_flow import OpticalFlow, extrapolated
from hypernet.radar.baselines.patch_cnn import PatchCNN
from hypernet.radar.baselines.patch_linear import NormalEquations, choose
from hypernet.radar.core.frames import Geometry, dbz_of_rain_rate, to_grey
from hypernet.radar.core.trunk import Layer
from hypernet.radar.model import PatchDynamicConvolution

SMALL = Geometry(40, 8, 4, 17)
PATCHES = Geometry(14, 1, 2, 3)


def drifting(displacements, size=40, seed=0):
    """Random fields float32 ``[B, 4, size, size]`` that move by ``displacements`` ``[B, 2]`` a step, round the edge."""
    generator = np.random.default_rng(seed)
    field = generator.random((len(displacements), size, size)).astype(np.float32)
    frames = [
        [np.roll(image, (step * dy, step * dx), axis=(0, 1)) for step in range(4)]
        for image, (dy, dx) in zip(field, np.asarray(displacements).tolist(), strict=True)
    ]
    return torch.from_numpy(np.array(frames))


def losses(forecast, truth):
    return 0.5 * (forecast - truth).double().square().sum(dim=(1, 2))


# --- last frame -----------------------------------------------------------------------------------------------


def test_last_frame_loss_is_half_scikit_learns_squared_error_times_pixels():
    metrics = pytest.importorskip("sklearn.metrics")
    frames, truth = torch.rand(3, 4, 40, 40), torch.rand(3, 24, 24)
    forecast = LastFrame(SMALL)(frames)
    assert torch.equal(forecast, frames[:, 3, 8:32, 8:32])
    for image, other, loss in zip(forecast, truth, losses(forecast, truth), strict=True):
        expected = metrics.mean_squared_error(other.flatten().double(), image.flatten().double()) * 24**2 / 2
        assert float(loss) == pytest.approx(expected, rel=1e-9)


# --- global motion --------------------------------------------------------------------------------------------


def every_shift(margin):
    reach = np.arange(-margin, margin + 1)
    return np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("frames", ["last", "all"])
def test_every_displacement_is_found_exactly(frames):
    shifts = every_shift(8)
    images = drifting(shifts)
    method = GlobalMotion(SMALL, frames)
    assert np.array_equal(method.displacement(images).numpy(), shifts)
    # The next image is known too: it moves on.
    following = np.stack([np.roll(x[3], tuple(d), axis=(0, 1)) for x, d in zip(images.numpy(), shifts, strict=True)])
    assert np.array_equal(method(images).numpy(), following[:, 8:32, 8:32])


@pytest.mark.parametrize("axis", [-1, -2])
def test_mirrored_images_have_mirrored_displacements(axis):
    images = drifting(np.random.default_rng(1).integers(-8, 9, (30, 2))) * torch.rand(30, 4, 40, 40).round()
    method = GlobalMotion(SMALL)
    sign = torch.tensor([1.0, -1.0] if axis == -1 else [-1.0, 1.0])
    displacement, mirrored = method.displacement(images), method.displacement(images.flip(axis))
    assert torch.equal(mirrored, displacement * sign)


def test_sums_of_squares_equal_those_of_the_loop():
    generator = np.random.default_rng(2)
    before, after = generator.random((2, 3, 19, 24))
    sums = squared_differences(torch.from_numpy(before), torch.from_numpy(after), 4).numpy()
    for row, dy in enumerate(range(-4, 5)):
        for column, dx in enumerate(range(-4, 5)):
            moved = before[:, 4 - dy : 15 - dy, 4 - dx : 20 - dx]
            expected = ((after[:, 4:15, 4:20] - moved) ** 2).sum(axis=(1, 2))
            np.testing.assert_allclose(sums[:, row, column], expected, rtol=1e-10)


def test_dry_images_and_ties_take_the_shortest_displacement():
    dry = torch.zeros(4, 40, 40)
    vanished, striped, at_edge = torch.zeros(3, 4, 40, 40).unbind()
    vanished[:3] = torch.rand(3, 40, 40)
    # Columns two pixels apart: every even displacement fits as well as no displacement.
    striped[:] = (torch.arange(40) % 2).float()
    # Rain that only the margin has says nothing of the centre.
    at_edge[:, :3] = torch.rand(4, 3, 40)
    displacement = GlobalMotion(SMALL).displacement(torch.stack([dry, vanished, striped, at_edge]))
    assert torch.equal(displacement, torch.zeros(4, 2, dtype=torch.float64))
    # Columns three pixels apart that move by one (or minus two) pixels.
    moving = torch.stack([((torch.arange(40) - step) % 3 == 0).float().expand(40, 40) for step in range(4)])
    assert GlobalMotion(SMALL).displacement(moving[None]).tolist() == [[0.0, 1.0]]


def test_all_frames_use_the_older_pairs():
    images = drifting([[3, -2]])
    images[0, 3] = images[0, 2]
    assert GlobalMotion(SMALL, "last").displacement(images).tolist() == [[0.0, 0.0]]
    assert GlobalMotion(SMALL, "all").displacement(images).tolist() == [[3.0, -2.0]]


def test_a_parabola_finds_parts_of_a_pixel_and_interpolates():
    y, x = np.mgrid[:40, :40]
    step = np.array([2.3, -1.6])
    blob = [np.exp(-((y - 18 - s * step[0]) ** 2 + (x - 22 - s * step[1]) ** 2) / 50) for s in range(5)]
    images, truth = torch.tensor(np.array(blob[:4]))[None], torch.tensor(blob[4])[None, 8:32, 8:32]
    fine, whole = (GlobalMotion(SMALL, subpixel=subpixel) for subpixel in ("parabola", "none"))
    np.testing.assert_allclose(fine.displacement(images)[0].numpy(), step, atol=0.02)
    assert whole.displacement(images).tolist() == [[2.0, -2.0]]
    assert losses(fine(images), truth) < 0.05 * losses(whole(images), truth)
    vertical, horizontal = fine.filters(images)
    offset = torch.arange(-8.0, 9.0, dtype=torch.float64)
    for filters, moved in zip((vertical, horizontal), fine.displacement(images)[0], strict=True):
        assert (filters > 0).sum() == 2
        torch.testing.assert_close(filters.sum(), torch.ones((), dtype=torch.float64))
        torch.testing.assert_close((filters[0] * offset).sum(), -moved)


def test_at_the_edge_of_the_search_there_is_no_parabola():
    images = drifting([[8, -8], [8, 0]])
    displacement = GlobalMotion(SMALL, subpixel="parabola").displacement(images)
    assert displacement[0].tolist() == [8.0, -8.0]
    assert displacement[1, 0] == 8
    assert abs(displacement[1, 1]) <= 0.5


def test_fields_need_not_be_square():
    moving = drifting([[3, -7], [-1, 2]])[:, :, 2:, :-9]
    assert GlobalMotion(SMALL).displacement(moving).tolist() == [[3.0, -7.0], [-1.0, 2.0]]


def test_many_images_go_through_in_turns(monkeypatch):
    shifts = every_shift(2)
    monkeypatch.setattr(global_motion, "IMAGES_AT_ONCE", 7)
    assert np.array_equal(GlobalMotion(SMALL).displacement(drifting(shifts)).numpy(), shifts)


@pytest.mark.parametrize("masked", [False, True])
def test_similarities_equal_those_of_the_loop(masked):
    generator = np.random.default_rng(5)
    images = generator.random((2, 3, 19, 24))
    known = generator.random(images.shape) < (0.7 if masked else 1.0)
    result = overlapping(torch.from_numpy(images), 6, torch.from_numpy(known)).similarity().numpy()
    images = images * known
    for row, dy in enumerate(range(-6, 7)):
        for column, dx in enumerate(range(-6, 7)):
            before = (slice(max(-dy, 0), 19 - max(dy, 0)), slice(max(-dx, 0), 24 - max(dx, 0)))
            after = (slice(max(dy, 0), 19 + min(dy, 0)), slice(max(dx, 0), 24 + min(dx, 0)))
            for sample, shown, seen in zip(range(2), images, known, strict=True):
                product = energy = most = 0.0
                for a, b, ka, kb in zip(shown[:-1], shown[1:], seen[:-1], seen[1:], strict=True):
                    both = ka[before] & kb[after]
                    product += (a[before] * b[after]).sum()
                    energy += (both * (a[before] ** 2 + b[after] ** 2)).sum()
                    most += (a**2).sum() + (b**2).sum()
                expected = 2 * product / (energy + PRIOR * most)
                assert result[sample, row, column] == pytest.approx(expected, rel=1e-5)


def test_rain_does_not_leave_a_blank_image_for_free():
    images = drifting([[1, -2]])[:, :, 4:-4, 4:-4]
    images[0, 2] = 0
    known = torch.ones(images.shape, dtype=torch.bool)
    known[0, 2] = False
    searches = {measure: GlobalMotion(SMALL, "all", measure=measure) for measure in ("difference", "similarity")}
    assert searches["similarity"].displacement(images, known).tolist() == [[1.0, -2.0]]
    assert searches["similarity"].displacement(images).tolist() == [[1.0, -2.0]]


def test_similarity_finds_showers_that_come_and_go():
    """Few small showers in a large dry image, most of which cross its edge: the least difference is where they left."""
    field = np.zeros((140, 140), np.float32)
    field[52:60, 60:66], field[70:76, 50:62], field[85:88, 80:88] = 0.5, 0.7, 0.6
    images = [np.roll(field, (-6 * step, 5 * step), axis=(0, 1))[50:90, 50:90] for step in range(4)]
    search = GlobalMotion(Geometry(40, 12, 4, 25), "all", measure="similarity")
    displacement = search.displacement(torch.from_numpy(np.array(images))[None])
    assert displacement.tolist() == [[-6.0, 5.0]]
    assert search.at_edge(displacement).tolist() == [False]
    assert GlobalMotion(SMALL).at_edge(torch.tensor([[8.0, 0.0], [7.4, -7.5], [0.0, -8.0]])).tolist() == [
        True,
        False,
        True,
    ]


def test_similarity_has_parts_of_pixels_and_no_motion_without_rain():
    y, x = np.mgrid[:40, :40]
    blob = [np.exp(-((y - 14 - 2.3 * s) ** 2 + (x - 24 + 1.6 * s) ** 2) / 50) for s in range(4)]
    images = torch.tensor(np.array(blob))[None]
    search = GlobalMotion(SMALL, "all", "parabola", "similarity")
    np.testing.assert_allclose(search.displacement(images)[0].numpy(), [2.3, -1.6], atol=0.05)
    assert search.displacement(torch.zeros(1, 4, 40, 40)).tolist() == [[0.0, 0.0]]


# --- regression and CNN on patches ----------------------------------------------------------------------------


def patches(count, seed=0):
    """Inputs and targets, uint8, that hang together linearly but for noise."""
    generator = np.random.default_rng(seed)
    inputs = generator.integers(0, 256, (count, 4, 4, 4), dtype=np.uint8)
    targets = inputs[:, 3, 1:3, :2] * 0.7 + inputs[:, 2, 1:3, 1:3] * 0.2 + generator.integers(0, 20, (count, 2, 2))
    return inputs, targets.astype(np.uint8)


def equations(count=300, pieces=1, seed=0):
    equations = NormalEquations(PATCHES)
    for inputs, targets in zip(*(np.array_split(array, pieces) for array in patches(count, seed)), strict=True):
        equations.add(inputs, targets)
    return equations


@pytest.mark.parametrize("alpha", [1e-4, 1e-1])
@pytest.mark.parametrize("count", [300, 20])
def test_ridge_equals_scikit_learns(alpha, count):
    linear_model = pytest.importorskip("sklearn.linear_model")
    inputs, targets = (array.reshape(count, -1) / 255 for array in patches(count))
    theirs = linear_model.Ridge(alpha=alpha * count, solver="cholesky").fit(inputs, targets)
    ours = equations(count).solve(alpha)
    np.testing.assert_allclose(ours.linear.weight.detach().numpy(), theirs.coef_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.linear.bias.detach().numpy(), theirs.intercept_, rtol=1e-6, atol=1e-6)
    forecast = ours(torch.from_numpy(patches(5, seed=1)[0]).float() / 255)
    assert forecast.shape == (5, 2, 2)
    expected = theirs.predict(patches(5, seed=1)[0].reshape(5, -1) / 255)
    np.testing.assert_allclose(forecast.detach().flatten(1).numpy(), expected, rtol=1e-6, atol=1e-6)


def test_sums_are_exact_however_patches_come():
    whole, parts = equations().solve(0.01), equations(pieces=17).solve(0.01)
    assert all(
        torch.equal(parameter, other) for parameter, other in zip(whole.parameters(), parts.parameters(), strict=True)
    )


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
def test_patches_that_count_several_times_are_as_if_they_came_so_often(monkeypatch, rows):
    inputs, targets = patches(300)
    times = np.random.default_rng(3).integers(1, 5, 300)
    repeated = NormalEquations(PATCHES)
    repeated.add(np.repeat(inputs, times, axis=0), np.repeat(targets, times, axis=0))
    monkeypatch.setattr(patch_linear, "ROWS_AT_ONCE", rows)
    counted = NormalEquations(PATCHES)
    counted.add(inputs, targets, times)
    assert counted.count == repeated.count == times.sum()
    ours, theirs = counted.solve(0.01), repeated.solve(0.01)
    assert torch.equal(ours.linear.weight, theirs.linear.weight)
    assert torch.equal(ours.linear.bias, theirs.linear.bias)
    # Against the formula, in another library.
    x, y = (array.reshape(300, -1) / 255 for array in (inputs, targets))
    x, y = (array - np.average(array, axis=0, weights=times) for array in (x, y))
    weighted = x * times[:, None]
    expected = np.linalg.solve(weighted.T @ x + 0.01 * times.sum() * np.eye(x.shape[1]), weighted.T @ y)
    np.testing.assert_allclose(ours.linear.weight.detach().numpy(), expected.T, rtol=1e-5, atol=1e-6)


def test_alpha_is_chosen_by_the_error_on_validation_patches():
    validation, alphas = patches(200, seed=2), [1e-6, 1e-3, 10.0]
    fitted = equations(count=40)
    best, losses_by_alpha = choose(fitted, alphas, (tuple(array[k::3] for array in validation) for k in range(3)))
    inputs, targets = (torch.from_numpy(array).float() / 255 for array in validation)
    expected = {alpha: float(losses(fitted.solve(alpha)(inputs), targets).mean().detach()) for alpha in alphas}
    assert losses_by_alpha == pytest.approx(expected, rel=1e-5)
    least = fitted.solve(min(expected, key=expected.get))
    assert torch.equal(best.linear.weight, least.linear.weight)
    assert len(set(losses_by_alpha.values())) == 3


def test_regression_without_patches_or_with_nothing_to_solve_is_refused():
    with pytest.raises(UserError, match="no training patches"):
        NormalEquations(PATCHES).solve(0.1)
    with pytest.raises(UserError, match="no validation patches"):
        choose(equations(), [0.1], [])
    # All patches alike: without a penalty nothing says which pixel counts.
    same = NormalEquations(PATCHES)
    same.add(np.full((3, 4, 4, 4), 7, np.uint8), np.full((3, 2, 2), 7, np.uint8))
    with pytest.raises(UserError, match="alphas: 0 is too small for 3 patches"):
        same.solve(0)
    with pytest.raises(ValueError, match=r"float64.*accepted: uint8"):
        same.add(np.zeros((3, 4, 4, 4)), np.zeros((3, 2, 2), np.uint8))


def test_cnn_and_dynamic_convolution_differ_in_their_heads_only():
    layers = [Layer(3, 3, 1, 2)]
    geometry = Geometry(28, 4, 5, 9)
    cnn, dynamic = PatchCNN(geometry, layers, 6), PatchDynamicConvolution(geometry, layers, 6)
    assert cnn(torch.rand(2, 4, 13, 13)).shape == (2, 5, 5)
    assert str(cnn.trunk) == str(dynamic.filters.trunk)


# --- optical flow ---------------------------------------------------------------------------------------------


def blobs(step, size=120):
    """Images ``[5, size, size]`` of round cells that move by ``step`` pixels."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    places, widths = generator.uniform(0, size, (40, 2)), generator.uniform(3, 6, 40)
    images = []
    for time in range(5):
        cells = [
            np.exp(-((y - py - time * step[0]) ** 2 + (x - px - time * step[1]) ** 2) / (2 * width**2))
            for (py, px), width in zip(places, widths, strict=True)
        ]
        images.append(np.max(cells, axis=0))
    images = np.array(images, dtype=np.float32)
    return np.where(images > 0.1, images, 0).astype(np.float32)


@pytest.fixture(scope="module")
def pysteps():
    pytest.importorskip("cv2")
    return pytest.importorskip("pysteps")


@pytest.mark.usefixtures("pysteps")
def test_optical_flow_follows_the_motion_and_leaves_dry_images():
    moving, dry = blobs((2.5, -4.0)), np.zeros((4, 120, 120), np.float32)
    vanished = np.concatenate([moving[:3], dry[:1]])
    geometry = Geometry(120, 10, 10, 21)
    frames = torch.from_numpy(np.stack([moving[:4], dry, vanished]))
    forecast = OpticalFlow(geometry)(frames)
    assert forecast.dtype == torch.float32
    truth = torch.from_numpy(moving[4])[None, 10:110, 10:110]
    assert losses(forecast[:1], truth) < 0.1 * losses(LastFrame(geometry)(frames)[:1], truth)
    assert not forecast[1:].any()


def test_optical_flow_of_an_outage_and_of_pixels_without_data(pysteps):
    images = blobs((2.5, -4.0))[:4]
    known = np.ones(images.shape, dtype=bool)
    known[1] = False
    last = images[3]
    for mask in (known, np.where(np.arange(4)[:, None, None] == 2, np.indices(last.shape)[0] < 60, True)):
        rows, columns = optical_flow.velocity(images * mask, mask)
        wet = last > 0.1
        assert rows[wet].mean() == pytest.approx(2.5, abs=0.7)
        assert columns[wet].mean() == pytest.approx(-4.0, abs=0.7)


def test_optical_flow_is_pysteps_own(pysteps):
    images = blobs((1.0, 3.0))[:4]
    velocity = pysteps.motion.get_method("LK")(images.astype(float))
    theirs = pysteps.nowcasts.get_method("extrapolation")(images[-1].astype(float), velocity, 3)
    assert np.isnan(theirs).any()
    ours = extrapolated(images, 3)
    np.testing.assert_allclose(ours, np.nan_to_num(theirs), rtol=1e-6, atol=1e-6)
    assert optical_flow.next_fields(images[None])[0] == pytest.approx(ours[0])


def test_without_pysteps_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"pysteps cannot be used .*hypernet\[peers\]"):
        OpticalFlow(SMALL)


# --- real files -----------------------------------------------------------------------------------------------


def fmi(folder):
    def image(path):
        lines = gzip.decompress(path.read_bytes()).split(b"\n")
        # P5, comments, width and height, the largest value, then the pixels.
        head = next(n for n, line in enumerate(lines[1:], 1) if not line.startswith(b"#"))
        width, height = map(int, lines[head].split())
        pixels = b"\n".join(lines[head + 2 :])
        return np.frombuffer(pixels, np.uint8, width * height).reshape(height, width)

    return np.stack([image(path) for path in sorted(folder.glob("*.pgm.gz"))]).astype(np.float32) / 255


def knmi(folder):
    h5py = pytest.importorskip("h5py")

    def image(path):
        with h5py.File(path) as file:
            return 0.12 * file["image1/image_data"][304:554, 217:467].astype(np.float32)

    return to_grey(dbz_of_rain_rate(np.stack([image(path) for path in sorted(folder.glob("*.h5"))])))


def bom(folder):
    h5py = pytest.importorskip("h5py")

    def image(path):
        with h5py.File(path) as file:
            packed = file["precipitation"]
            raw, scale = np.squeeze(packed[:]).astype(np.float32), float(np.squeeze(packed.attrs["scale_factor"]))
        return 6 * scale * np.where(raw < 0, 0, raw).reshape(256, 2, 256, 2).mean(axis=(1, 3))

    rates = np.stack([image(path) for path in sorted(folder.glob("*.nc"))])
    return to_grey(dbz_of_rain_rate(rates[:, 3:253, 3:253]))


def mch(folder):
    pillow = pytest.importorskip("PIL.Image")
    indices = [np.asarray(pillow.open(path))[195:445, 230:480] for path in sorted(folder.glob("*.gif"))]
    return np.stack(indices).astype(np.float32) / 255


@pytest.mark.parametrize(
    ("name", "read", "crop", "stride", "count", "last_frame", "motion", "first"),
    [
        ("fmi/20160928", fmi, np.s_[600:850, 250:500], 2, 32, 68.6946, 35.8374, (-10, 4)),
        ("fmi/20170509", fmi, np.s_[450:700, 350:600], 2, 32, 499.7166, 222.9425, (2, -2)),
        ("knmi", knmi, np.s_[:, :], 2, 84, 219.2116, 68.2319, (-4, 16)),
        ("bom", bom, np.s_[:, :], 1, 140, 142.8290, 74.2654, (-9, 1)),
        ("mch", mch, np.s_[:, :], 2, 32, 142.7117, 96.6879, (0, -5)),
    ],
)
def test_real_images_give_what_was_measured_with_numpy(
    radar_folder, name, read, crop, stride, count, last_frame, motion, first
):
    images = torch.from_numpy(read(radar_folder(name))[:, *crop].copy())
    geometry = Geometry(250, 25, 10, 51)
    starts = torch.arange(len(images) - 4 * stride)
    assert len(starts) == count
    frames = images[starts[:, None] + stride * torch.arange(4)]
    truth = images[starts + 4 * stride, 25:225, 25:225]
    method = GlobalMotion(geometry)
    assert float(losses(LastFrame(geometry)(frames), truth).mean()) == pytest.approx(last_frame, rel=1e-3)
    assert tuple(method.displacement(frames[:1])[0].tolist()) == first
    assert float(losses(method(frames), truth).mean()) == pytest.approx(motion, rel=1e-3)
