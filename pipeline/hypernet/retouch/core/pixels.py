"""Colour maps at every pixel of a large image: fast, in bounded memory, and the same however the image is cut.

Every pixel goes through the same additions and multiplications in float32, each rounded by itself, in nested form:

    ((aR + dG + eB + g) R  +  (bG + fB + h) G  +  (cB + i) B)  +  j            (quadratic; others alike)

No matrix product is used: the kernels of BLAS may round the last columns of a block otherwise than those before them,
and a pixel would depend on the tile that it is in.

Measured on 2 cores, 12 megapixels of uint8, milliseconds of processor time, and by the clock with both cores: this 150
and 90, ten planes of a tile and `torch.mm` 250, a table of 33³ colours in torch 980 and in Pillow 370. A compiler fuses
all operations: numba 60 and 30, after 1.3 s to start and to compile, which a film or a folder pays back from some 200
megapixels on and a photograph does not; torch.compile, tried once, 130 by the clock after 18 s. See
``python -m benchmarks retouch``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from hypernet.lab.libraries import library
from hypernet.layers.feature_map import COLOUR_BASES
from hypernet.retouch.core.colour_map import ColourMap

# A channel's white.
WHITES = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}
# Pixels at once: few enough for the caches, and enough that threads seldom wait for the interpreter.
TILE = 65536
# Pixels at once of the compiled loop: their planes fit the first cache.
BLOCK = 512

# Maps a piece of the image into the piece of the same place of the result.
Work = Callable[[np.ndarray, np.ndarray], None]


def brightest(pixels: np.ndarray) -> float:
    """The largest channel value of an image, uint8, uint16 or float, in [0, 1]; of a float at most 1."""
    return min(max(float(pixels.max()) / WHITES.get(pixels.dtype, 1.0), 0.0), 1.0)


def apply_maps(
    pixels: np.ndarray,
    maps: Sequence[ColourMap],
    *,
    out: np.ndarray | None = None,
    tile: int = TILE,
    clamp: bool = True,
    fused: bool = False,
) -> np.ndarray:
    """Colour maps in sequence at every pixel.

    The result of an integer is floor(w · clamp(y) + 1/2), where w is its white, 255 or 65535, and y is computed in
    float32: the identity gives back the input exactly, and other maps differ from float64 by a level where y lies
    closer to a rounding step than float32 resolves. Threads are as many as torch has.

    Args:
        pixels: uint8, uint16 or float32 with white at 1, ``[H, W, 3]`` or ``[N, 3]``, of any strides. Floats are
            taken as they are, also outside [0, 1]; NaN stays NaN.
        maps: applied one after the other. Between them colours are clamped as at the end, not rounded.
        out: where to write, of the same shape and type; may be ``pixels``, but not overlap them otherwise.
        tile: pixels in memory at once for each thread; the result does not depend on it.
        clamp: to [0, 1], after each map. False leaves floats as they are; integers are always clamped.
        fused: let numba compile the loops; the result is the same. Cubic maps are never fused.

    Returns:
        An array of the shape and type of ``pixels``.

    Raises:
        ValueError: pixels of another type or shape, or an ``out`` that does not fit.
        UserError: ``fused``, and numba is not installed.
    """
    if pixels.dtype not in WHITES or pixels.ndim not in (2, 3) or pixels.shape[-1] != 3:
        raise ValueError(f"pixels must be uint8, uint16 or float32 [..., 3], not {pixels.dtype} {list(pixels.shape)}")
    if tile < 1:
        raise ValueError(f"a tile has at least 1 pixel, not {tile}")
    out = _checked_out(pixels, out)
    steps = _steps(maps, pixels.dtype, clamp)
    fused = fused and all(colour_map.basis != "cubic" for colour_map in maps)
    # Whole tiles of a memory without gaps, or of rows.
    alike = pixels.flags.c_contiguous and out.flags.c_contiguous
    source, target = (
        array.reshape(1, -1, 3) if alike else array.reshape(-1, *array.shape[-2:]) for array in (pixels, out)
    )
    pieces = list(_pieces(source.shape[:2], tile))
    threads = max(1, min(torch.get_num_threads(), len(pieces)))

    def run(share: Iterable[tuple[slice, slice]]) -> None:
        work = _fused(steps) if fused else _in_planes(steps, min(tile, source.shape[0] * source.shape[1]))
        for piece in share:
            work(source[piece], target[piece])

    if threads == 1:
        run(pieces)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, [pieces[first::threads] for first in range(threads)]))
    return out


def _checked_out(pixels: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    if out is None:
        return np.empty(pixels.shape, dtype=pixels.dtype)
    if out.shape != pixels.shape or out.dtype != pixels.dtype:
        raise ValueError(
            f"out must be {pixels.dtype} {list(pixels.shape)} as the pixels are, not {out.dtype} {list(out.shape)}"
        )
    same = out.ctypes.data == pixels.ctypes.data and out.strides == pixels.strides
    if not same and np.may_share_memory(out, pixels):
        raise ValueError("out overlaps the pixels without being them")
    return out


def _pieces(shape: tuple[int, ...], tile: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles of at most so many pixels that cover an image."""
    rows, columns = max(1, tile // max(1, shape[1])), min(tile, max(1, shape[1]))
    for top in range(0, shape[0], rows):
        for left in range(0, shape[1], columns):
            yield slice(top, top + rows), slice(left, left + columns)


@dataclass(frozen=True)
class Step:
    """A map of planes whose white is that of the pixels, and the limits of its result.

    Attributes:
        terms: powers of R, G and B to the three channels' coefficients, float32 ``[3, 1]``.
        low: the least value of a result.
        high: the largest value of a result.
    """

    terms: Mapping[tuple[int, ...], np.ndarray]
    low: np.float32
    high: np.float32


def _steps(maps: Sequence[ColourMap], dtype: np.dtype, clamp: bool) -> list[Step]:
    """The maps for planes of this type; the last of integers has the half that makes cutting off a rounding."""
    white, steps = WHITES[dtype], []
    for number, colour_map in enumerate(maps or [ColourMap.identity("affine")], start=1):
        powers = COLOUR_BASES[colour_map.basis]
        matrix = colour_map.matrix * white ** (1.0 - np.array(powers).sum(axis=1))
        half = 0.5 if dtype.kind == "u" and number >= len(maps) else 0.0
        matrix[:, powers.index((0, 0, 0))] += half
        terms = dict(zip(powers, matrix.T.astype(np.float32)[:, :, None], strict=True))
        low, high = (0.0, white + half) if clamp or dtype.kind == "u" else (-np.inf, np.inf)
        steps.append(Step(terms, np.float32(low), np.float32(high)))
    return steps


@dataclass(frozen=True)
class Nested:
    """A polynomial as Σ x_c P_c + constant, where P_c has no channel before c.

    Attributes:
        constant: ``[3, 1]``; None where it is 0.
        branches: c and P_c, without those that are 0.
    """

    constant: np.ndarray | None
    branches: tuple[tuple[int, Nested], ...]

    @classmethod
    def of(cls, terms: Mapping[tuple[int, ...], np.ndarray]) -> Nested:
        """From powers to coefficients."""
        branches = []
        for channel in range(3):
            inner = {
                (*powers[:channel], powers[channel] - 1, *powers[channel + 1 :]): coefficients
                for powers, coefficients in terms.items()
                if powers[channel] and not any(powers[:channel]) and coefficients.any()
            }
            if inner:
                branches.append((channel, cls.of(inner)))
        constant = terms.get((0, 0, 0))
        return cls(constant if constant is not None and constant.any() else None, tuple(branches))

    def __call__(self, planes: np.ndarray, out: np.ndarray, scratch: Sequence[np.ndarray]) -> None:
        """Of planes ``[3, n]`` into ``out`` ``[3, n]``; ``scratch`` has an array of that shape for every degree."""
        for number, (channel, inner) in enumerate(self.branches):
            term, free = (scratch[0], scratch[1:]) if number else (out, scratch)
            if inner.branches:
                inner(planes, term, free)
                np.multiply(term, planes[channel], out=term)
            else:
                np.multiply(inner.constant, planes[channel], out=term)  # type: ignore[arg-type]
            if number:
                np.add(out, term, out=out)
        if not self.branches:
            out[...] = 0
        if self.constant is not None:
            np.add(out, self.constant, out=out)


def _in_planes(steps: Sequence[Step], tile: int) -> Work:
    """By numpy, in planes of its own that are used again for every piece."""
    polynomials = [Nested.of(step.terms) for step in steps]
    degree = max(sum(powers) for step in steps for powers in step.terms)
    buffers = np.empty((2 + degree, 3, tile), dtype=np.float32)

    def work(source: np.ndarray, target: np.ndarray) -> None:
        shape = source.shape[:2]
        planes, out, *scratch = buffers[:, :, : shape[0] * shape[1]]
        for channel in range(3):
            planes[channel].reshape(shape)[...] = source[..., channel]
        for step, polynomial in zip(steps, polynomials, strict=True):
            polynomial(planes, out, scratch)
            np.clip(out, step.low, step.high, out=out)
            planes, out = out, planes
        for channel in range(3):
            target[..., channel] = planes[channel].reshape(shape)

    return work


def _fused(steps: Sequence[Step]) -> Work:
    """By a compiled loop over pixels; affine maps are written as quadratic ones."""
    order = COLOUR_BASES["quadratic"]
    zero = np.zeros((3, 1), dtype=np.float32)
    matrices = np.stack([np.hstack([step.terms.get(powers, zero) for powers in order]) for step in steps])
    lows, highs = (np.array(limits) for limits in zip(*((step.low, step.high) for step in steps), strict=True))
    loop = _compiled()

    def work(source: np.ndarray, target: np.ndarray) -> None:
        flat = np.ascontiguousarray(source).reshape(-1, 3)
        mapped = target.reshape(-1, 3) if target.flags.c_contiguous else np.empty_like(flat)
        loop(flat, mapped, matrices, lows, highs)
        if not target.flags.c_contiguous:
            target[...] = mapped.reshape(target.shape)

    return work


@functools.cache
def _compiled() -> Callable[..., None]:
    numba = library("numba", "numba", "retouch-fast")
    # Without `fastmath`: nothing is reordered or contracted, so that the result is that of numpy.
    compiled: Callable[..., None] = numba.njit(nogil=True)(_loop)
    return compiled


def _loop(source: np.ndarray, target: np.ndarray, matrices: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> None:
    """Quadratic maps ``[K, 3, 10]`` of pixels ``[n, 3]``, in the order of operations of ``Nested``."""
    planes = np.empty((2, 3, BLOCK), dtype=np.float32)
    for start in range(0, len(source), BLOCK):
        width = min(BLOCK, len(source) - start)
        for channel in range(3):
            for i in range(width):
                planes[0, channel, i] = source[start + i, channel]
        for k in range(len(matrices)):
            R, G, B = planes[k % 2, 0], planes[k % 2, 1], planes[k % 2, 2]
            low, high = lows[k], highs[k]
            for channel in range(3):
                rr, gg, bb, rg, rb, gb, r, g, b, constant = matrices[k, channel]
                out = planes[1 - k % 2, channel]
                for i in range(width):
                    y = (rr * R[i] + rg * G[i] + rb * B[i] + r) * R[i]
                    y = y + (gg * G[i] + gb * B[i] + g) * G[i]
                    y = y + (bb * B[i] + b) * B[i] + constant
                    out[i] = low if y < low else (high if y > high else y)
        for channel in range(3):
            for i in range(width):
                target[start + i, channel] = planes[len(matrices) % 2, channel, i]
