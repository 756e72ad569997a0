"""Time generated networks, meshes from them, voxels, a training step and pictures beside their peers.

    python -m benchmarks shapes [--repetitions 5] [--threads 1]

Before anything is timed, all forms of one network must give the same numbers, and its gradients where it is trained;
meshes must be the same surface; voxels of one rule the same but for stated ones, pictures the same faces. Times are
processor time, so that other work on the machine counts little; every round runs all implementations, in turn forwards
and backwards. Shapes are generated, networks untrained, but for the one that meshes are made of. trimesh, embreex,
libigl and scikit-image come with the extra `shapes`; point-cloud-utils is timed where it is installed.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from benchmarks import heading, row, settings
from benchmarks.layers import beside, rounds
from hypernet.lab.config import check, load
from hypernet.layers import FunctionalMLP
from hypernet.shapes.baselines.cbn import ConditionalNormDecoder
from hypernet.shapes.baselines.concat import ConcatDecoder
from hypernet.shapes.config import Config, NetworkSettings
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import POINTS_AT_ONCE, field_of_network, functional_decoder
from hypernet.shapes.core.extraction import extract
from hypernet.shapes.core.frames import INNER, RESOLUTION, centres, grid
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.rendering import Scene
from hypernet.shapes.core.solids import Mesh, surface_samples, winding
from hypernet.shapes.core.voxels import occupancy, surface_voxels, voxelise
from hypernet.shapes.learning import OccupancyTraining
from hypernet.shapes.methods import TITLES, build
from hypernet.shapes.sources.procedural import generate

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
EMBEDDING = 256
# Objects and points of each: a reconstruction asks for many points of one, a training step for few of many.
ASKED = ((1, 65_536), (16, 512))
# Cells along a side of the meshes; beyond the second one, the whole grid is not evaluated.
COARSE, DENSE, FINE = 64, 128, 256
# Faces of the generated shape, and after its triangles are divided into four three and four times.
DIVISIONS = (0, 3, 4)
SHAPE = ("chair", 13)
VIEW, PARTS = 48, 2
POINT_CLOUD_UTILS = find_spec("point_cloud_utils") is not None

Form = Callable[[Tensor, Tensor], Tensor]


def table(
    what: str, actions: Mapping[str, Callable[[], object]], repetitions: int, notes: Mapping[str, str] | None = None
) -> None:
    """Time actions and print a row for each, beside the first; a note, where there are any, comes last."""
    times = rounds(actions, repetitions)
    first = next(iter(times.values()))
    for label, values in times.items():
        last = () if notes is None else (notes.get(label, ""),)
        print(row(what, label, *beside(values, first), *last), flush=True)


# --- points ---------------------------------------------------------------------------------------------------


def alternatives(network: FunctionalMLP) -> dict[str, Form]:
    """Other ways to run one generated network for each object: points ``[B, P, 3]`` and θ ``[B, N]`` to ``[B, P]``."""
    template = network.export(network.ordinary())
    layers = len(network.widths) - 1

    def scaled(theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        named = network.layout.split(theta)
        return [
            (named[f"{at}.weight"] * (1 + named[f"{at}.gain"]).unsqueeze(1), named[f"{at}.bias"])
            for at in range(layers)
        ]

    def by_vmap(points: Tensor, theta: Tensor) -> Tensor:
        named: dict[str, Tensor] = {}
        for at, (weight, bias) in enumerate(scaled(theta)):
            named |= {f"{2 * at}.weight": weight.mT, f"{2 * at}.bias": bias}
        return vmap(lambda weights, x: functional_call(template, weights, x))(named, points).squeeze(-1)

    def by_einsum(points: Tensor, theta: Tensor) -> Tensor:
        hidden = points
        for at, (weight, bias) in enumerate(scaled(theta)):
            hidden = torch.einsum("bpi,bio->bpo", F.elu(hidden) if at else hidden, weight) + bias[:, None]
        return hidden.squeeze(-1)

    def by_loop(points: Tensor, theta: Tensor) -> Tensor:
        answers = []
        for place, x in enumerate(points):
            for at, (weight, bias) in enumerate(scaled(theta[place : place + 1])):
                x = F.linear(F.elu(x) if at else x, weight[0].T, bias[0])
            answers.append(x.squeeze(-1))
        return torch.stack(answers)

    return {"functional_call + vmap": by_vmap, "einsum": by_einsum, "loop over objects": by_loop}


def exported(network: FunctionalMLP, theta: Tensor) -> Callable[[Tensor], Tensor]:
    """The objects' networks as ordinary modules, taken out beforehand, one after another."""
    modules = [network.export(weights) for weights in theta]
    return lambda points: torch.stack([module(x).squeeze(-1) for module, x in zip(modules, points, strict=True)])


def asked(objects: int, points: int, repetitions: int) -> None:
    """The network that is the object, other forms of it, and decoders that all objects share."""
    torch.manual_seed(0)
    network = functional_decoder()
    theta = torch.stack([network.ordinary() for _ in range(objects)])
    embedding, places = torch.randn(objects, EMBEDDING), torch.rand(objects, points, 3) * 2 - 1
    occupancy_networks = ConditionalNormDecoder(EMBEDDING, 256).eval()
    decoders = {
        "concat, width 32": ConcatDecoder(EMBEDDING, 32, 6),
        "concat, width 128": ConcatDecoder(EMBEDDING, 128, 6),
        "Occupancy Networks' decoder": occupancy_networks,
    }
    forms: dict[str, Callable[[Tensor], Tensor]] = {
        "ours": lambda given: network(given, theta).squeeze(-1),
        "exported networks": exported(network, theta),
        **{label: partial(_swapped, form, theta) for label, form in alternatives(network).items()},
    }
    cost = dict.fromkeys(forms, network.multiply_adds) | {
        label: decoder.multiply_adds for label, decoder in decoders.items()
    }

    @torch.inference_mode()
    def run(form: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.cat([form(piece) for piece in places.split(POINTS_AT_ONCE, dim=1)], dim=1)

    expected = run(forms["ours"])
    for label, form in forms.items():
        torch.testing.assert_close(
            run(form), expected, rtol=1e-5, atol=1e-5, msg=lambda text, label=label: f"{label}: {text}"
        )
    all_forms = forms | {label: partial(decoder, embedding) for label, decoder in decoders.items()}
    times = rounds({label: partial(run, form) for label, form in all_forms.items()}, repetitions)
    for label, values in times.items():
        median, ratio = beside(values, times["ours"])
        speed = objects * points / float(np.median(values)) / 1000
        print(row(f"{objects} × {points:,}", label, f"{cost[label]:,}", f"{speed:.3g}", median, ratio), flush=True)


def _swapped(form: Form, theta: Tensor, points: Tensor) -> Tensor:
    return form(points, theta)


# --- meshes ---------------------------------------------------------------------------------------------------


def fitted(steps: int = 600) -> nn.Module:
    """A network of the default's sizes fitted to one generated chair, as an ordinary module."""
    solid, random = generate(*SHAPE), np.random.default_rng(0)
    near, _ = surface_samples(solid.union(), 20_000, random)
    sampled = np.concatenate([near + random.normal(0, 0.05, near.shape), random.uniform(-1, 1, near.shape)])
    points, labels = torch.from_numpy(sampled).float(), torch.from_numpy(solid.inside(sampled)).float()
    torch.manual_seed(0)
    network = functional_decoder()
    theta = network.ordinary()[None].requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=5e-3)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / steps)
        chosen = torch.randint(len(points), (1, 1024))
        loss = F.binary_cross_entropy_with_logits(network(points[chosen], theta).squeeze(-1), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.export(theta[0])


def meshes(repetitions: int) -> None:
    """Coarse to fine beside the whole grid."""
    from skimage.measure import marching_cubes
    from trimesh.voxel.ops import matrix_to_marching_cubes

    module = fitted()
    field = field_of_network(module)
    solid = generate(*SHAPE)
    score = iou(field(grid(RESOLUTION)) > 0, occupancy(solid, RESOLUTION))
    print(
        f"(a network fitted to {SHAPE[0]} {SHAPE[1]}, {len(solid.parts)} parts: "
        f"IoU {score:.2f} at {RESOLUTION}³)\n\n"
        + heading("cells", "implementation", "ms", "ratio", "points, triangles")
    )

    def whole(resolution: int) -> tuple[np.ndarray, np.ndarray]:
        values = field(grid(resolution, 1.0))
        vertices, triangles, *_ = marching_cubes(values, 0.0, gradient_direction="ascent")
        first, second = centres(resolution, 1.0)[:2]
        return first + vertices * (second - first), triangles

    notes = {}
    for resolution in (COARSE, DENSE, FINE):
        counts: list[int] = []

        def counted(points: np.ndarray, counts: list[int] = counts) -> np.ndarray:
            counts.append(len(points))
            return field(points)

        mesh = extract(counted, resolution)
        count = sum(counts)
        notes[resolution] = f"{count:,}, {len(mesh.triangles):,}"
        if resolution <= DENSE:
            same_surface(mesh, Mesh(*whole(resolution)), 2 / resolution)
    places = grid(DENSE, 1.0).reshape(-1, 3).astype(np.float32)
    values = field(places).reshape((DENSE,) * 3)
    for resolution in (COARSE, DENSE):
        actions: dict[str, Callable[[], object]] = {
            "ours, coarse to fine": partial(extract, field, resolution),
            "whole grid + scikit-image": partial(whole, resolution),
        }
        asked = {
            "ours, coarse to fine": notes[resolution],
            "whole grid + scikit-image": f"{resolution**3:,}",
        }
        if resolution == DENSE:
            actions["values given: scikit-image alone"] = partial(marching_cubes, values, 0.0)
            actions["values given: trimesh, of voxels"] = partial(matrix_to_marching_cubes, values > 0)
        table(f"{resolution}³", actions, repetitions, asked)
    table(
        f"{FINE}³",
        {
            "ours, coarse to fine": partial(extract, field, FINE),
            "its points through the network alone": partial(field, places[:count]),
        },
        repetitions,
        {"ours, coarse to fine": notes[FINE]},
    )


def same_surface(ours: Mesh, other: Mesh, cell: float) -> None:
    """Two meshes with the same vertices, away from the border, where ours closes them.

    One in a thousand may lie elsewhere in its cell: ours moves values that are next to the level away from it.
    """
    from scipy.spatial import cKDTree

    inner = [mesh.vertices[(np.abs(mesh.vertices) < 1 - 2 * cell).all(axis=1)] for mesh in (ours, other)]
    for near, points in ((ours.vertices, inner[1]), (other.vertices, inner[0])):
        distances = cKDTree(near).query(points)[0]
        if np.quantile(distances, 0.999) > 0.01 * cell or distances.max() > cell:
            raise AssertionError(f"two surfaces of one field are up to {distances.max():.3g} apart")
    if not ours.watertight:
        raise AssertionError("the mesh is open")


# --- voxels ---------------------------------------------------------------------------------------------------


def divided(mesh: Mesh, times: int) -> Mesh:
    """Every triangle divided into four, some times over: the same surface."""
    from trimesh.remesh import subdivide

    vertices, triangles = mesh.vertices, mesh.triangles
    for _ in range(times):
        vertices, triangles = subdivide(vertices, triangles)
    return Mesh(vertices, triangles)


def voxels(repetitions: int) -> None:
    """Occupancy of the evaluation grid by its two rules, each beside what others give for it."""
    print(heading("faces", "implementation", "ms", "ratio", "rule; voxels (IoU with ours of the rule)"))
    whole = generate(*SHAPE).union()
    finer = [divided(whole, times) for times in DIVISIONS]
    # As those of collections are: open. One triangle in a hundred is missing.
    holes = Mesh(finer[1].vertices, np.delete(finer[1].triangles, np.s_[::100], axis=0))
    cases = [
        *((f"{len(mesh.triangles):,}", mesh, RESOLUTION, ("centre", "surface only", "touch")) for mesh in finer),
        (f"{len(holes.triangles):,}, with holes", holes, RESOLUTION, ("centre",)),
        (f"{len(finer[1].triangles):,}, at {2 * RESOLUTION}³", finer[1], 2 * RESOLUTION, ("centre",)),
    ]
    for name, mesh, resolution, rules in cases:
        table_of_rules = by_rule(mesh, resolution)
        for rule in rules:
            candidates = table_of_rules[rule]
            given = {label: action() for label, action in candidates.items()}
            ours = next(iter(given.values()))
            notes = {}
            for label, occupied in given.items():
                score = iou(occupied, ours)
                # The others follow the surface in ways of their own: how near they come is in the table.
                if rule == "centre" and mesh.watertight and score < 0.995:
                    raise AssertionError(f"{label}, {name} faces: IoU {score:.4f} with ours")
                notes[label] = f"{rule}; {int(occupied.sum()):,} ({score:.4f})"
            table(name, candidates, repetitions, notes)


def by_rule(mesh: Mesh, resolution: int) -> dict[str, dict[str, Callable[[], np.ndarray]]]:
    """The implementations of each rule, ours first."""
    import trimesh

    cell = 2 * INNER / resolution
    places = grid(resolution)

    def by_rays() -> np.ndarray:
        # A new object: trimesh keeps the tree of one that it has seen.
        inside = as_trimesh(mesh.vertices).contains(places.reshape(-1, 3))
        return np.asarray(inside).reshape(places.shape[:3])

    def as_trimesh(vertices: np.ndarray) -> trimesh.Trimesh:
        return trimesh.Trimesh(vertices, mesh.triangles, process=False)

    def by_trimesh(fill: bool) -> np.ndarray:
        # Its voxels have their centres at whole numbers.
        surface = as_trimesh(mesh.vertices / cell + resolution / 2 - 0.5).voxelized(1.0)
        return on_grid(np.round((surface.fill() if fill else surface).points).astype(np.int64), resolution)

    def libigl() -> np.ndarray:
        return winding(mesh, places) > 0.5

    centre: dict[str, Callable[[], np.ndarray]] = {
        "ours, winding number": partial(occupancy, mesh, resolution),
        "ours, with the search for thin sheets": lambda: voxelise(mesh, resolution).occupied,
        "libigl's winding number at all centres": libigl,
        "trimesh contains: rays of Embree": by_rays,
    }
    surface: dict[str, Callable[[], np.ndarray]] = {
        "ours, surface": partial(surface_voxels, mesh, resolution),
        "trimesh voxelized": partial(by_trimesh, False),
    }
    touch: dict[str, Callable[[], np.ndarray]] = {
        "ours, touch": lambda: voxelise(mesh, resolution, "touch", "winding").occupied,
        "trimesh voxelized + fill": partial(by_trimesh, True),
    }
    if POINT_CLOUD_UTILS:
        import point_cloud_utils

        def by_soup() -> np.ndarray:
            numbers = point_cloud_utils.triangle_soup_fast_winding_number(
                mesh.vertices, mesh.triangles.astype(np.int32), places.reshape(-1, 3)
            )
            return (numbers > 0.5).reshape(places.shape[:3])

        def by_boxes() -> np.ndarray:
            return on_grid(
                # Its origin is the first voxel's centre, whatever its documentation says.
                point_cloud_utils.voxelize_triangle_mesh(
                    mesh.vertices, mesh.triangles.astype(np.int32), cell, np.full(3, -INNER + cell / 2)
                ),
                resolution,
            )

        centre["point-cloud-utils, winding number"] = by_soup
        surface["point-cloud-utils"] = by_boxes
    return {"centre": centre, "surface only": surface, "touch": touch}


def on_grid(index: np.ndarray, resolution: int) -> np.ndarray:
    """Voxels by number, those outside of the grid left out."""
    occupied = np.zeros((resolution,) * 3, dtype=bool)
    index = index[((index >= 0) & (index < resolution)).all(axis=1)]
    occupied[tuple(index.T)] = True
    return occupied


# --- a training step ------------------------------------------------------------------------------------------


class Swapped(nn.Module):
    """Another form of the generated network in the place of ours."""

    def __init__(self, form: Form):
        super().__init__()
        self.form = form

    def forward(self, points: Tensor, theta: Tensor) -> Tensor:
        return self.form(points, theta).unsqueeze(-1)


def training_steps(repetitions: int) -> None:
    """One step of the default's sizes: batch, encoder, heads, points, gradients and Adam; pictures are noise."""
    config = check(Config, load([PARAMS])["shapes"], "shapes")
    random = torch.Generator().manual_seed(0)
    hyper = config.settings("train", "generated", "hyper")
    assert isinstance(hyper, NetworkSettings)
    size, sizes = config.views.size, hyper.train
    points = sizes.uniform + sizes.boundary
    batch = {
        "images": torch.randint(256, (sizes.batch, size, size, 4), generator=random, dtype=torch.uint8),
        "points": torch.rand(sizes.batch, points, 3, generator=random) * 2 - 1,
        "labels": torch.randint(2, (sizes.batch, points), generator=random).float(),
    }
    torch.manual_seed(0)
    network = build(hyper)
    networks = {"ours": network}
    for label, form in alternatives(network.decode.network).items():
        networks[label] = copy.deepcopy(network)
        networks[label].decode.network = Swapped(form)
    for method in ("film", "concat_matched", "concat", "cbn"):
        networks[TITLES[method]] = build(config.settings("train", "generated", method))
    modules = {label: OccupancyTraining(module, sizes) for label, module in networks.items()}
    expected = gradients(modules["ours"], batch)
    for label in alternatives(network.decode.network):
        torch.testing.assert_close(
            gradients(modules[label], batch),
            expected,
            rtol=1e-3,
            atol=1e-5,
            msg=lambda text, label=label: f"{label}: {text}",
        )
    optimisers = {
        label: torch.optim.Adam(module.parameters(), lr=1e-3, fused=True) for label, module in modules.items()
    }

    def step(label: str) -> None:
        optimisers[label].zero_grad()
        modules[label].loss(batch).backward()
        nn.utils.clip_grad_norm_(modules[label].parameters(), sizes.gradient_clip)
        optimisers[label].step()

    counts = {label: f"{sum(p.numel() for p in module.parameters()):,}" for label, module in networks.items()}
    print(heading("images × points", "implementation", "ms", "ratio", "parameters"))
    table(f"{sizes.batch} × {points}", {label: partial(step, label) for label in modules}, repetitions, counts)


def gradients(module: OccupancyTraining, batch: dict[str, Tensor]) -> list[Tensor]:
    """The loss, and its gradients of all parameters."""
    loss = module.loss(batch)
    return [loss.detach(), *torch.autograd.grad(loss, list(module.network.parameters()))]


# --- pictures -------------------------------------------------------------------------------------------------


def pictures(repetitions: int) -> None:
    """One view of a shape that no search tree has been made for."""
    import trimesh
    from trimesh.ray.ray_pyembree import RayMeshIntersector

    print(heading("pixels, rays", "implementation", "ms", "ratio"))
    camera = Camera.orbit(40, 27)
    vertices, triangles, colours = generate(*SHAPE).painted()
    side = VIEW * PARTS
    origins, directions = camera.rays(VIEW, VIEW, PARTS)

    def by_trimesh() -> np.ndarray:
        mesh = trimesh.Trimesh(vertices, triangles, process=False)
        faces = RayMeshIntersector(mesh).intersects_first(origins, directions)
        return np.asarray(faces >= 0).reshape(side, side)

    def ours() -> np.ndarray:
        return Scene(vertices, triangles, colours).silhouette(camera, side)

    different = int((ours() != by_trimesh()).sum())
    if different > 0:
        raise AssertionError(f"{different} of {side**2} rays meet something in one picture only")
    table(
        f"{VIEW}, {side**2:,}",
        {
            "ours, which rays meet a face": ours,
            "trimesh's rays of Embree": by_trimesh,
            "ours, the shaded picture": lambda: Scene(vertices, triangles, colours).render(camera, VIEW),
        },
        repetitions,
    )


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=5)
    if not POINT_CLOUD_UTILS:
        print("point-cloud-utils is not installed: skipped\n")
    print(
        f"torch {torch.__version__}, {options.threads} thread(s), processor time, median of {options.repetitions}; "
        "ratios to the first implementation, with quartiles\n"
        "\nPoints: one network for each object, and decoders that all objects share; forward\n"
    )
    print(heading("objects × points", "implementation", "multiply-adds a point", "million points/s", "ms", "ratio"))
    for objects, points in ASKED:
        asked(objects, points, options.repetitions)
    print("\nA mesh from a network ", end="")
    meshes(options.repetitions)
    print(f"\nVoxels of a mesh, {RESOLUTION}³ where nothing else is said\n")
    voxels(options.repetitions)
    print("\nA training step at the default's sizes\n")
    training_steps(3 * options.repetitions)
    print("\nA picture\n")
    pictures(options.repetitions)


if __name__ == "__main__":
    main(sys.argv[1:])
