"""Time filters per sample against loops, vmap and unfolding, and nowcasts against pysteps' optical flow.

    python -m benchmarks radar [--repetitions 7] [--threads 1]

Before anything is timed, all forms of the dynamic convolution must give the same images and gradients, both ways
through the patches of an image the same forecast, and the two searches for one motion the same displacements. Rain is
simulated. Networks are not trained here: their time is that of trained ones, their error says nothing. pysteps is timed
where it is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from benchmarks import heading, milliseconds, row, settings, timing
from hypernet.lab.config import check, load
from hypernet.layers.dynamic_conv import separable_dynamic_conv
from hypernet.radar.baselines.global_motion import GlobalMotion
from hypernet.radar.baselines.last_frame import LastFrame
from hypernet.radar.baselines.optical_flow import OpticalFlow
from hypernet.radar.config import Config
from hypernet.radar.core.frames import INPUTS, Geometry, to_grey
from hypernet.radar.core.tiles import OnTiles, PatchNetwork, join
from hypernet.radar.core.trunk import Layer
from hypernet.radar.model import PatchDynamicConvolution, WholeImageDynamicConvolution
from hypernet.radar.sources.storms import event
from hypernet.radar.trained import Forecaster, module_of

SMOKE, PAPER = Geometry(100, 10, 8, 21), Geometry(250, 25, 10, 51)
# The networks of the paper's scale, as far as they are known: docs/radar.md.
WHOLE = [Layer(32, 9, 2, 2), Layer(64, 5, 1, 2), Layer(64, 3, 1, 2), Layer(64, 3, 1, 2)]
PATCH = [Layer(64, 5, 1, 2), Layer(64, 5, 1, 2), Layer(64, 3)]
HIDDEN = 256
# Samples, pixels a side, taps.
SIZES = [(128, 28, 21), (256, 60, 51), (32, 250, 51)]
IMAGES = 8
# A radar's surroundings and a country, pixels; an hour of ten-minute steps.
FIELDS = [(250, 250), (1226, 760)]
STEPS = 6
METHODS = ["pysteps", "last_frame", "global_motion", "soft_motion", "whole_matching", "patch_matching"]
PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
PYSTEPS = find_spec("pysteps") is not None and find_spec("cv2") is not None

Form = Callable[[Tensor, Tensor, Tensor], Tensor]


def print_rows(size: str, actions: Mapping[str, Callable[[], object]], repetitions: int, share: int = 1) -> None:
    """Time actions and print them, in milliseconds for each of ``share`` items, beside the first."""
    measured = milliseconds(actions, repetitions)
    first = next(iter(measured.values()))
    for label, values in measured.items():
        cells = timing([value / share for value in values], [value / share for value in first])
        print(row(size, label, *cells), flush=True)


# --- a filter per sample --------------------------------------------------------------------------------------


def by_groups(images: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    filtered = F.conv2d(images[None], vertical[:, None, :, None], groups=len(images))
    return F.conv2d(filtered, horizontal[:, None, None], groups=len(images))[0]


def one_by_one(image: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    filtered = F.conv2d(image[None, None], vertical[None, None, :, None])
    return F.conv2d(filtered, horizontal[None, None, None])[0, 0]


def by_loop(images: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    return torch.stack([one_by_one(*sample) for sample in zip(images, vertical, horizontal, strict=True)])


def by_unfolding(images: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    count, height, width = images.shape
    taps = vertical.shape[1]
    rows = F.unfold(images[:, None], (taps, 1)).reshape(count, taps, height - taps + 1, width)
    filtered = torch.einsum("bkij,bk->bij", rows, vertical)
    columns = F.unfold(filtered[:, None], (1, taps)).reshape(count, taps, height - taps + 1, width - taps + 1)
    return torch.einsum("bkij,bk->bij", columns, horizontal)


FORMS: dict[str, Form] = {
    "ours, band matrices": separable_dynamic_conv,
    "grouped convolutions": by_groups,
    "vmap": vmap(one_by_one),
    "loop over samples": by_loop,
    "unfold + einsum": by_unfolding,
}


def forwards(form: Form, arguments: Sequence[Tensor]) -> Tensor:
    with torch.inference_mode():
        return form(*arguments)


def both_ways(form: Form, arguments: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The images, and the filters' gradients of their mean square: what a training step needs."""
    result = form(*arguments)
    return result, *torch.autograd.grad(result.square().mean(), arguments[1:])


def filters(size: tuple[int, int, int], act: Callable[[Form, Sequence[Tensor]], object], repetitions: int) -> None:
    count, side, taps = size
    torch.manual_seed(0)
    images = torch.rand(count, side, side)
    arguments = [images, *(torch.randn(count, taps).softmax(dim=1).requires_grad_() for _ in range(2))]
    expected = both_ways(by_loop, arguments)
    for label, form in FORMS.items():
        torch.testing.assert_close(
            both_ways(form, arguments), expected, rtol=1e-4, atol=1e-6, msg=lambda text, label=label: f"{label}: {text}"
        )
    actions = {label: partial(act, form, arguments) for label, form in FORMS.items()}
    print_rows(f"{count} × {side} px, K = {taps}", actions, repetitions)


# --- one nowcast ----------------------------------------------------------------------------------------------


def rain(geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Simulated frames ``[IMAGES, 4, N, N]`` and the centres of the images after them."""
    grey = torch.from_numpy(np.stack([to_grey(event(0, index, geometry.size, INPUTS + 1)) for index in range(IMAGES)]))
    inner = slice(geometry.margin, geometry.size - geometry.margin)
    return grey[:, :INPUTS], grey[:, INPUTS, inner, inner]


def nowcasts(repetitions: int) -> None:
    torch.manual_seed(0)
    frames, truth = rain(PAPER)
    measured: dict[str, Callable[[Tensor], Tensor]] = {
        "global motion": GlobalMotion(PAPER),
        "last frame": LastFrame(PAPER),
    }
    if find_spec("pysteps") is not None and find_spec("cv2") is not None:
        measured = {"pysteps, Lucas-Kanade + extrapolation": OpticalFlow(PAPER), **measured}
    on_patches = PatchDynamicConvolution(PAPER, PATCH, HIDDEN)

    def patch_by_patch(images: Tensor) -> Tensor:
        return join(PatchNetwork.of_image(on_patches, images, PAPER), PAPER)

    networks = {
        "whole-image dynamic convolution": WholeImageDynamicConvolution(PAPER, WHOLE, HIDDEN),
        "patch dynamic convolution": OnTiles(on_patches, PAPER),
        "the same, patch by patch": patch_by_patch,
    }

    def forecast(act: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        with torch.inference_mode():
            return act(images)

    shared, single = (forecast(networks[label], frames[:1]) for label in list(networks)[1:])
    torch.testing.assert_close(shared, single)
    errors = dict.fromkeys(networks, "untrained")
    for label, method in measured.items():
        errors[label] = f"{float(0.5 * (forecast(method, frames) - truth).square().sum(dim=(1, 2)).mean()):.1f}"
    methods = {**measured, **networks}
    times = milliseconds(
        {label: partial(forecast, method, frames[:1]) for label, method in methods.items()}, repetitions
    )
    first = next(iter(times.values()))
    for label, values in times.items():
        print(row(f"{PAPER.size} × {PAPER.size}", label, *timing(values, first), errors[label]), flush=True)


# --- an hour of whole fields ------------------------------------------------------------------------------------


def hours(repetitions: int) -> None:
    """All steps of a nowcast, by the settings of params.yaml and with the reach of the paper's sizes."""
    config = check(Config, load([PARAMS])["radar"], "radar")
    torch.manual_seed(0)
    forecasters = {}
    for method in METHODS if PYSTEPS else METHODS[1:]:
        method_settings = config.settings("train", config.datasets[0], method)
        forecasters[method] = Forecaster(method, "", PAPER, method_settings, module_of(method_settings, PAPER))
    for height, width in FIELDS:
        frames = to_grey(event(0, 0, max(height, width), INPUTS))[None, :, :height, :width]
        actions = {
            forecaster.method: partial(forecaster.at(PAPER.margin).roll_out, frames, STEPS)
            for forecaster in forecasters.values()
        }
        print_rows(f"{height} × {width}", actions, repetitions)


# --- the search for one motion --------------------------------------------------------------------------------


def exhaustive(frames: np.ndarray, margin: int) -> list[list[float]]:
    """The displacement of every sample, by trying all."""
    size = frames.shape[-1]
    inner = slice(margin, size - margin)
    displacements = []
    for before, after in frames[:, 2:].astype(np.float64):
        centre = after[inner, inner]
        errors = {
            (dy, dx): np.square(
                centre - before[margin - dy : size - margin - dy, margin - dx : size - margin - dx]
            ).sum()
            for dy in range(-margin, margin + 1)
            for dx in range(-margin, margin + 1)
        }
        displacements.append([float(pixels) for pixels in min(errors, key=errors.__getitem__)])
    return displacements


def search(geometry: Geometry, repetitions: int) -> None:
    frames, _ = rain(geometry)
    array, method = frames.numpy(), GlobalMotion(geometry)
    if method.displacement(frames).tolist() != exhaustive(array, geometry.margin):
        raise AssertionError("the two searches find different displacements")
    actions = {
        "ours, Fourier transform": partial(method.displacement, frames),
        "loop over displacements": partial(exhaustive, array, geometry.margin),
    }
    print_rows(f"{geometry.size} px, up to {geometry.margin}", actions, repetitions, share=IMAGES)


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=7)
    if not PYSTEPS:
        print("pysteps or OpenCV is not installed: skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), median of {options.repetitions}\n"
        "\nA vertical and a horizontal filter per sample, forward; ratio to ours\n"
    )
    print(heading("samples", "implementation", "ms", "quartiles", "ratio"))
    for size in SIZES:
        filters(size, forwards, options.repetitions)
    print("\nThe same, forward and backward to the filters\n")
    print(heading("samples", "implementation", "ms", "quartiles", "ratio"))
    for size in SIZES:
        filters(size, both_ways, options.repetitions)
    print("\nOne nowcast of simulated rain; ratio to the first row, half the squared error of the image after it\n")
    print(heading("image", "method", "ms", "quartiles", "ratio", "error"))
    nowcasts(options.repetitions)
    print(f"\nA nowcast of {STEPS} steps for whole fields, up to {PAPER.margin} px a step; ratio to the first row\n")
    print(heading("field", "method", "ms", "quartiles", "ratio"))
    hours(options.repetitions)
    print("\nThe one displacement of an image, milliseconds per image; ratio to ours\n")
    print(heading("image", "search", "ms", "quartiles", "ratio"))
    for geometry in (SMOKE, PAPER):
        search(geometry, options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
