"""Time a 3x10 colour map at every pixel of photographs and frames beside peers, and weigh its memory.

    python -m benchmarks retouch [--repetitions 7] [--threads 1]

Before anything is timed, all forms of the map must give the same colours, a table within its error. Bytes go in and
out as bytes, floats as floats, whatever a form needs between. Every round runs all forms, in turn forwards and
backwards; ratios are of processor time, by the clock a machine without other work is needed. The network is not timed:
it looks at a thumbnail, whatever the size of the image.

Peers: OpenCV's affine 3 x 4 (`cv2.transform`), a floor, for it knows no curve; a table of 33³ colours by Pillow
(`Color3DLUT`) and by torch (`grid_sample`): OpenCV has tables of each channel by itself alone (`cv2.LUT`); kornia's
`adjust_brightness`, `adjust_contrast` and `adjust_saturation` in a row, the sliders of a user, and its 3 x 3 matrix
`rgb_to_yuv`. OpenCV, kornia, Pillow and numba are timed where they are installed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import heading, row, settings
from benchmarks.layers import ENOUGH, FEWEST, beside
from hypernet.layers.feature_map import COLOUR_BASES, Monomials
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.lut import error_of, lattice
from hypernet.retouch.core.pixels import apply_maps

Action = Callable[[], np.ndarray]
PEERS = {"cv2": "OpenCV", "kornia": "kornia", "PIL": "Pillow", "numba": "numba"}
# Rows and columns, and the types of the channels.
IMAGES = {
    "12 megapixels": ((3000, 4000), ("uint8", "float32")),
    "45 megapixels": ((5464, 8192), ("uint8",)),
    "1920 x 1080": ((1080, 1920), ("uint8", "float32")),
}
# Pixels up to which forms are asked that hold planes of the whole image in float32.
LARGEST_FOR_ALL = 2e7
TILE, SIZE = 65536, 33
# Levels of 8 bits, and colours: forms differ by rounding alone, tables by what `error_of` says too.
ROUNDING, TOLERANCE = 1, 1e-5
OURS, FUSED, NAIVE, TILED = "ours", "ours, compiled by numba", "10 planes, matmul", "10 planes of a tile, torch.mm"
PILLOW, GRID = "table 33³, Pillow", "table 33³, torch grid_sample"
AFFINE, YUV, SLIDERS = "affine 3 x 4, OpenCV", "3 x 3, kornia", "3 sliders, kornia"
# What does something else, and is compared in time alone.
OTHERS = (AFFINE, YUV, SLIDERS)
WHOLE = (NAIVE, GRID, YUV, SLIDERS)


def drawn_map() -> ColourMap:
    """Of the size of a retouching: a tenth of a channel either way."""
    return ColourMap(ColourMap.identity().matrix + 0.05 * np.random.default_rng(0).normal(size=(3, 10)))


def drawn_image(shape: tuple[int, int], dtype: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    if dtype == "float32":
        return rng.random((*shape, 3), dtype=np.float32)
    return rng.integers(0, 256, (*shape, 3), dtype=np.uint8)


def as_floats(image: np.ndarray) -> Tensor:
    """In [0, 1], of the whole image."""
    return torch.from_numpy(image) if image.dtype == np.float32 else torch.from_numpy(image).float().div_(255)


def as_image(colours: Tensor, like: np.ndarray) -> np.ndarray:
    """Clamped, and rounded to bytes where the image has bytes."""
    colours = colours.clamp_(0, 1)
    if like.dtype == np.float32:
        return colours.numpy()
    return colours.mul_(255).add_(0.5).to(torch.uint8).numpy()


def naive(image: np.ndarray, matrix: Tensor) -> np.ndarray:
    """As a formula is typed: ten planes of the whole image, and a product."""
    features = Monomials(COLOUR_BASES["quadratic"])(as_floats(image))
    return as_image(features @ matrix.T, image)


def tiled(image: np.ndarray, matrix: Tensor) -> np.ndarray:
    """Ten planes of a tile in a buffer that is used again, and a product of 3 x 10."""
    out, buffer, flat = np.empty_like(image), torch.ones(10, TILE), image.reshape(-1, 3)
    result = out.reshape(-1, 3)
    for first in range(0, len(flat), TILE):
        tile = as_floats(flat[first : first + TILE])
        planes = buffer[:, : len(tile)]
        planes[6:9] = tile.T
        R, G, B = planes[6:9]
        torch.mul(planes[6:9], planes[6:9], out=planes[:3])
        for place, (left, right) in enumerate(((R, G), (R, B), (G, B)), start=3):
            torch.mul(left, right, out=planes[place])
        result[first : first + TILE] = as_image((matrix @ planes).T, image)
    return out


def by_grid_sample(image: np.ndarray, table: Tensor) -> np.ndarray:
    """A table [1, 3, blue, green, red] at every pixel."""
    grid = as_floats(image).mul(2).sub_(1)[None, None]
    colours = F.grid_sample(table, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return as_image(colours[0, :, 0].permute(1, 2, 0).contiguous(), image)


def forms(image: np.ndarray) -> dict[str, Action]:
    """All ways to retouch an image of this type that are installed, ours first."""
    colour_map = drawn_map()
    matrix, nodes = torch.tensor(colour_map.matrix, dtype=torch.float32), lattice([colour_map], SIZE)
    table = torch.from_numpy(nodes).permute(3, 2, 1, 0)[None].contiguous()
    actions: dict[str, Action] = {OURS: lambda: apply_maps(image, [colour_map])}
    if find_spec("numba"):
        actions[FUSED] = lambda: apply_maps(image, [colour_map], fused=True)
    actions[TILED] = lambda: tiled(image, matrix)
    actions[NAIVE] = lambda: naive(image, matrix)
    actions[GRID] = lambda: by_grid_sample(image, table)
    if find_spec("PIL") and image.dtype == np.uint8:
        from PIL import Image, ImageFilter  # optional, like all peers

        picture, look = (
            Image.fromarray(image),
            ImageFilter.Color3DLUT(SIZE, table[0].permute(1, 2, 3, 0).flatten().tolist()),
        )
        actions[PILLOW] = lambda: np.asarray(picture.filter(look))
    if find_spec("cv2"):
        import cv2

        cv2.setNumThreads(torch.get_num_threads())
        affine = colour_map.matrix[:, 6:].astype(np.float32)
        actions[AFFINE] = lambda: cv2.transform(image, affine)
    if find_spec("kornia"):
        import kornia

        def planes() -> Tensor:
            return as_floats(image).permute(2, 0, 1)[None]

        def sliders() -> np.ndarray:
            colours = kornia.enhance.adjust_brightness(planes(), 0.05)
            colours = kornia.enhance.adjust_saturation(kornia.enhance.adjust_contrast(colours, 1.1), 1.2)
            return as_image(colours[0].permute(1, 2, 0), image)

        actions[SLIDERS] = sliders
        actions[YUV] = lambda: as_image(kornia.color.rgb_to_yuv(planes())[0].permute(1, 2, 0), image)
    return actions


def check(dtype: str) -> None:
    """All forms give the same colours.

    Raises:
        AssertionError: a form is further off than it may be.
    """
    image = drawn_image((211, 307), dtype)
    actions, colour_map = forms(image), drawn_map()
    expected = actions[OURS]()
    of_table = error_of([colour_map], lattice([colour_map], SIZE)).largest
    for label, action in actions.items():
        if label in OTHERS:
            continue
        apart = np.abs(action().astype(np.float64) - expected).max()
        loss = of_table if label in (PILLOW, GRID) else 0.0
        limit = 0.0 if label == FUSED else ROUNDING if dtype == "uint8" else TOLERANCE + loss / 255
        assert apart <= limit, f"{label}, {dtype}: {apart} from ours"


def times(actions: Mapping[str, Action], repetitions: int) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of processor time and by the clock, once a round; every second round in the opposite order."""
    spent: dict[str, tuple[list[float], list[float]]] = {label: ([], []) for label in actions}
    for action in actions.values():
        action()  # numba compiles, OpenCV starts its threads
    for repetition in range(repetitions):
        for label in list(actions)[:: -1 if repetition % 2 else 1]:
            processor, clock = spent[label]
            if len(processor) >= FEWEST and sum(processor) > ENOUGH:
                continue
            started, began = time.process_time(), time.perf_counter()
            actions[label]()
            processor.append(1000 * (time.process_time() - started))
            clock.append(1000 * (time.perf_counter() - began))
    return spent


def table(name: str, repetitions: int) -> None:
    """A row of each form, for the types that the image has."""
    shape, dtypes = IMAGES[name]
    for dtype in dtypes:
        image = drawn_image(shape, dtype)
        actions = forms(image)
        if image.size / 3 > LARGEST_FOR_ALL:
            actions = {label: action for label, action in actions.items() if label not in WHOLE}
        spent = times(actions, repetitions)
        first = spent[OURS][0]
        for label, (processor, clock) in spent.items():
            cells = f"{statistics.median(clock):.1f}", f"{min(clock):.1f}", *beside(processor, first)
            print(row(f"{name}, {dtype}", label, *cells), flush=True)


# Linux's own counts: what the process has, and the most it had since the count was begun anew.
MEMORY = """
import re, sys, torch
from pathlib import Path
from benchmarks.retouch import IMAGES, drawn_image, forms

def megabytes(count):
    return int(re.search(count + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6

torch.set_num_threads(int(sys.argv[3]))
forms(drawn_image((64, 64), "uint8"))[sys.argv[2]]()
action = forms(drawn_image(IMAGES[sys.argv[1]][0], "uint8"))[sys.argv[2]]
Path("/proc/self/clear_refs").write_text("5")
before = megabytes("VmRSS")
action()
print(f"{megabytes('VmHWM') - before:.0f}")
"""


def memory(threads: int) -> None:
    """What each form takes beside a photograph in bytes, each in a process of its own."""
    for name in ("12 megapixels", "45 megapixels"):
        rows, columns = IMAGES[name][0]
        labels = list(forms(drawn_image((64, 64), "uint8")))
        if rows * columns > LARGEST_FOR_ALL:
            labels = [label for label in labels if label not in WHOLE]
        for label in labels:
            command = [sys.executable, "-c", MEMORY, name, label, str(threads)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            print(row(f"{name}: {rows * columns * 3 / 1e6:.0f} MB", label, answer), flush=True)


def losses() -> None:
    """What a table loses, with and without nodes outside [0, 1]."""
    for size in (17, 33, 65):
        for clamp in (False, True):
            error = error_of([drawn_map()], lattice([drawn_map()], size, clamp=clamp))
            print(row(f"{size}³", "clamped" if clamp else "as they are", f"{error.largest:.3f}", f"{error.mean:.4f}"))


def main(argv: Sequence[str]) -> None:
    options = settings(argv, __doc__.splitlines()[0], repetitions=7)
    for module, name in PEERS.items():
        if find_spec(module) is None:
            print(f"{name} is not installed: skipped")
    print(
        f"numpy {np.__version__}, torch {torch.__version__}, {options.threads} thread(s), median of "
        f"{options.repetitions}; ratios of processor time to ours, with quartiles\n"
    )
    with torch.inference_mode():
        for dtype in ("uint8", "float32"):
            check(dtype)
        print(heading("image", "form", "ms by the clock", "fastest", "ms of processor", "ratio"))
        for name in IMAGES:
            table(name, options.repetitions)
    print("\nMemory beside the photograph, its retouched copy included\n")
    print(heading("photograph in bytes", "form", "MB"))
    memory(options.threads)
    print("\nWhat a table loses of this map, in levels of 8 bits\n")
    print(heading("nodes", "outside [0, 1]", "largest", "mean"))
    losses()


if __name__ == "__main__":
    main(sys.argv[1:])
