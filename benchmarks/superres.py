"""Time sampling an image function, a training step, and a large image's memory beside their peers.

    python -m benchmarks superres [--repetitions 5] [--threads 1]

Before anything is timed, all forms of one network must give the same numbers. Times are processor time; every round
runs all implementations, in turn forwards and backwards. Networks are untrained and of the default's sizes. Peers: the
same network as `functional_call` + `vmap` and as a loop over images, the query of LIIF as its authors wrote it, and
torch's bicubic interpolation, which no function of the image plane can undercut.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn import functional as F

from benchmarks import heading, row, settings
from benchmarks.layers import beside, rounds
from hypernet.lab.config import check, load
from hypernet.superres.baselines.liif import LEAST_AREA, SHIFT_MARGIN, LocalImage
from hypernet.superres.config import Config, NetworkSettings
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import as_points, axes
from hypernet.superres.learning import EnlargeTraining
from hypernet.superres.methods import TITLES, build
from hypernet.superres.model import GeneratedImage

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
METHODS = ("hyper_h16", "concat_h16", "concat_big", "concat_matched", "film", "liif", "hfir")
# Images, and rows and columns of each: a large picture of one, small ones of a batch.
ASKED = ((1, 512), (64, 32))
LARGE = 4096
# Written as forms of one function, they differ by rounding alone.
TOLERANCE = 2e-4


def networks() -> dict[str, ImageFunction]:
    """The untrained functions of the default configuration."""
    config: Config = check(Config, load([PARAMS])["superres"], "superres")
    made = {}
    for method in METHODS:
        settings_of = config.settings("train", "digits", method)
        assert isinstance(settings_of, NetworkSettings)
        network = build(method, settings_of)
        assert isinstance(network, ImageFunction)
        made[method] = network.eval()
    return made


def official_query(network: LocalImage, low: Tensor, points: Tensor) -> Tensor:
    """``query_rgb`` of LIIF's authors (github.com/yinboc/liif), in one colour: [B, h, w], [B, P, 2] to [B, P].

    Features are unfolded, fetched for every point and each of its four neighbours, and go through all of the MLP.
    """
    size = low.shape[1:]
    features = F.unfold(network.encoder((low[:, None] - 0.5) / 0.5), 3, padding=1).unflatten(-1, size)
    places = as_points(*axes(*size)).to(low).reshape(1, *size, 2).permute(0, 3, 1, 2).expand(len(low), -1, -1, -1)
    weight = torch.cat([network.of_features.weight, network.of_way.weight], dim=1)
    answers, areas = [], []
    for down in (-1, 1):
        for right in (-1, 1):
            moved = points + torch.tensor([down / size[0], right / size[1]]).to(low) + SHIFT_MARGIN
            grid = moved.clamp(-1 + SHIFT_MARGIN, 1 - SHIFT_MARGIN).flip(-1)[:, None]
            seen, at = (
                F.grid_sample(stored, grid, mode="nearest", align_corners=False)[:, :, 0].mT
                for stored in (features, places)
            )
            way = (points - at) * torch.tensor(size).to(low)
            inputs = torch.cat([seen, way, torch.tensor(network.cell).to(low).expand_as(way)], dim=-1)
            answers.append(network.further(F.linear(inputs, weight, network.of_way.bias)).squeeze(-1))
            areas.append(way.prod(dim=-1).abs() + LEAST_AREA)
    total = torch.stack(areas).sum(dim=0)
    return torch.stack([a * (area / total) for a, area in zip(answers, reversed(areas), strict=True)]).sum(dim=0)


def forms_of_the_network(network: GeneratedImage) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Other ways to run one generated network for each image: θ ``[B, N]`` and γ ``[P, 18]`` to ``[B, P]``."""
    template = network.network.export(network.network.ordinary())
    names = [name for name, _ in template.named_parameters()]
    parts = {part.name: part for part in network.network.parts}

    def named(theta: Tensor) -> dict[str, Tensor]:
        tensors = {}
        for name in names:
            layer, role = name.split(".")
            part = parts[f"{int(layer) // 2}.{role}"]
            values = theta[part.span].reshape(part.shape)
            tensors[name] = values.mT if role == "weight" else values
        return tensors

    def called(theta: Tensor, features: Tensor) -> Tensor:
        return functional_call(template, named(theta), (features,)).squeeze(-1)

    return {
        "vmap of functional_call": lambda theta, features: vmap(called, in_dims=(0, None))(theta, features),
        "loop over images": lambda theta, features: torch.stack([called(row, features) for row in theta]),
    }


def table(what: str, actions: Mapping[str, Callable[[], object]], repetitions: int, points: int) -> None:
    """Time actions and print a row for each beside the first, with nanoseconds a point."""
    times = rounds(actions, repetitions)
    first = next(iter(times.values()))
    for label, values in times.items():
        print(row(what, label, *beside(values, first), f"{1e6 * min(values) / points:,.1f}"), flush=True)


def sample(functions: Mapping[str, ImageFunction], images: int, side: int, repetitions: int) -> None:
    """Points of images whose states are known."""
    ours, local = functions["hyper_h16"], functions["liif"]
    assert isinstance(ours, GeneratedImage)
    assert isinstance(local, LocalImage)
    low, (rows, columns) = torch.rand(images, 8, 8), axes(side, side)
    points = as_points(rows, columns)
    everywhere = points.expand(images, -1, -1)
    states = {name: function.encode(low) for name, function in functions.items()}
    theta, forms = states["hyper_h16"], forms_of_the_network(ours)
    expected = ours.on_grid(theta, rows, columns).flatten(1)
    for form in forms.values():
        torch.testing.assert_close(form(theta, ours.features(points)), expected, atol=TOLERANCE, rtol=TOLERANCE)
    query = local.on_grid(states["liif"], rows, columns).flatten(1)
    torch.testing.assert_close(official_query(local, low, everywhere), query, atol=TOLERANCE, rtol=TOLERANCE)
    actions: dict[str, Callable[[], object]] = {
        f"{TITLES['hyper_h16']}: rows and columns": lambda: ours.on_grid(theta, rows, columns),
        "the same, point by point": lambda: ours.at(theta, everywhere),
    }
    for label, form in forms.items():
        actions[f"the same, {label}"] = lambda form=form: form(theta, ours.features(points))  # type: ignore[misc]
    for name in METHODS[1:]:
        actions[TITLES[name]] = partial(functions[name].on_grid, states[name], rows, columns)
    actions["LIIF, as its authors query it"] = lambda: official_query(local, low, everywhere)
    actions["Bicubic interpolation (torch)"] = lambda: F.interpolate(
        low[:, None], (side, side), mode="bicubic", align_corners=False
    )
    table(f"{images} x {side}²", actions, repetitions, images * side * side)


def train(repetitions: int) -> None:
    """Forward and backward passes of one batch of the default's size, all images and pixels as in a training."""
    config: Config = check(Config, load([PARAMS])["superres"], "superres")
    batch, pixels = config.train.batch, config.train.points
    low, high = torch.rand(batch, 8, 8), torch.rand(batch, 32, 32)
    places = torch.randint(32 * 32, (batch, pixels))
    values = high.flatten(1).gather(1, places)
    given = {"low": low, "places": places, "values": values}
    actions: dict[str, Callable[[], object]] = {}
    for name, function in networks().items():
        module = EnlargeTraining(function, config.train, (32, 32))
        module.log = lambda *arguments, **options: None  # type: ignore[method-assign]
        actions[TITLES[name]] = lambda module=module: module.training_step(given, 0).backward()  # type: ignore[misc]
    local = networks()["liif"]
    assert isinstance(local, LocalImage)
    points = as_points(*axes(32, 32))[places]
    actions["LIIF, as its authors query it"] = lambda: F.mse_loss(official_query(local, low, points), values).backward()
    print(heading("training step", "form", "ms", "ratio", "ns a point"))
    table(f"{batch} x {pixels}", actions, repetitions, batch * pixels)


# Linux's own count, which starts anew with a program; `getrusage` has the parent's in it.
MEMORY = """
import re, sys, time, torch
from pathlib import Path
from benchmarks.superres import LARGE, networks
from hypernet.superres.trained import Enlarger

def megabytes():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6

torch.set_num_threads(1)
enlarger = Enlarger(sys.argv[1], "", (8, 8), networks()[sys.argv[1]])
before, started = megabytes(), time.process_time()
enlarger.enlarge(torch.rand(1, 8, 8).numpy(), LARGE, LARGE)
print(f"{before:.0f} {megabytes():.0f} {time.process_time() - started:.2f}")
"""


def memory() -> None:
    """A picture of 4096² of one digit, each in a process of its own: 67 MB of it are the picture in float32."""
    print(heading("4096²", "method", "MB before", "MB at most", "s"))
    for method in METHODS:
        answer = subprocess.run(
            [sys.executable, "-c", MEMORY, method], capture_output=True, text=True, check=True
        ).stdout.split()
        print(row("4096²", TITLES[method], *answer), flush=True)


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=5)
    torch.manual_seed(0)
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), processor time, median of {options.repetitions}; "
        "ratios to the first implementation, with quartiles\n\nSampling; what looks at the image is done before\n"
    )
    print(heading("sampled", "form", "ms", "ratio", "ns a point"))
    with torch.inference_mode():
        for images, side in ASKED:
            sample(networks(), images, side, options.repetitions)
    print("\nA training step: forwards and backwards\n")
    train(3 * options.repetitions)
    print(f"\nA picture of {LARGE}² of one digit, in a process of its own\n")
    memory()


if __name__ == "__main__":
    main(sys.argv[1:])
