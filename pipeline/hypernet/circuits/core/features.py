"""What the networks see of a response, and how far two responses are from each other.

The second component of the state, the current that leaves port 2, is called I here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.core.ladder import BLOCK, propagate

# Re V, Re I, Im V, Im I for each excitation.
PLANES = 4


def grid(points: int, lowest: float, highest: float) -> np.ndarray:
    """Normalised angular frequencies, evenly spaced in their logarithm, ``[points]``."""
    return np.geomspace(lowest, highest, points)


def log_magnitude(planes: Tensor) -> Tensor:
    """Compress complex numbers: z -> z log(1 + |z|) / |z| / 5.

    Responses span many decades. Neither |z|² nor 1 / |z| is formed where it would overflow.

    Args:
        planes: ``[..., 4, d]``: Re V, Re I, Im V, Im I.
    """
    real, imaginary = planes[..., :2, :], planes[..., 2:, :]
    zero = (real == 0) & (imaginary == 0)
    magnitude = torch.hypot(torch.where(zero, torch.ones_like(real), real), imaginary)
    scale = torch.where(zero, torch.ones_like(magnitude), torch.log1p(magnitude) / magnitude) / 5.0
    return torch.cat([real * scale, imaginary * scale], dim=-2)


# How a response is compressed: `logmag`, or `tanh`, which saturates; `none` is the response itself.
COMPRESSIONS: dict[str, Callable[[Tensor], Tensor]] = {"logmag": log_magnitude, "tanh": torch.tanh, "none": torch.clone}


class Probe:
    """How circuits are measured: the frequencies, the excitations and the compression of the response.

    Args:
        frequency: w, ``[d]``, normalised, rising.
        excitations: one or more (V_in, I_in) at port 1; two unit columns give the whole matrix T.
        compression: a name in :data:`COMPRESSIONS`.
    """

    def __init__(self, frequency: np.ndarray, excitations: Sequence[tuple[float, float]], compression: str):
        self.frequency = np.asarray(frequency, dtype=np.float64)
        self.excitations = [(voltage, current) for voltage, current in excitations]
        self.compression = compression
        self._compress = COMPRESSIONS[compression]
        self._points = torch.from_numpy(self.frequency)

    @property
    def points(self) -> int:
        """d, the number of frequencies."""
        return len(self.frequency)

    @property
    def channels(self) -> int:
        """C, the number of real channels of a response."""
        return PLANES * len(self.excitations)

    def of(self, types: Tensor, values: Tensor) -> Tensor:
        """Compressed response of circuits, ``[B, C, d]``, double precision, differentiable in ``values``.

        Args:
            types: ``[B, n]`` integers, negative for padding.
            values: ``[B, n]`` normalised values.
        """
        values = values.double()
        return self.read(lambda points, excitation: propagate(types, values, points, excitation), values.device)

    def read(
        self, circuit: Callable[[Tensor, tuple[float, float]], tuple[Tensor, ...]], device: torch.device
    ) -> Tensor:
        """Compressed response of anything that answers (frequencies, excitation) with (Re V, Re I, Im V, Im I)."""
        points = self._points.to(device)
        planes = [torch.stack(circuit(points, excitation), dim=1) for excitation in self.excitations]
        return torch.cat([self._compress(plane) for plane in planes], dim=1)

    def measure(self, types: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The same without gradients and block by block: float64 ``[B, C, d]``."""
        parts, sizes = torch.from_numpy(np.asarray(types, np.int64)), torch.from_numpy(np.asarray(values, np.float64))
        out = np.empty((len(parts), self.channels, self.points))
        block = max(1, BLOCK // self.points)
        with torch.inference_mode():
            for first in range(0, len(parts), block):
                rows = slice(first, first + block)
                out[rows] = self.of(parts[rows], sizes[rows]).numpy()
        return out

    def compress(self, voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
        """Compress a response to one excitation, given as complex ``[B, d]`` twice: float64 ``[B, 4, d]``."""
        planes = np.stack([voltage.real, current.real, voltage.imag, current.imag], axis=1)
        compressed: np.ndarray = self._compress(torch.from_numpy(planes)).numpy()
        return compressed

    def position(self) -> Tensor:
        """log w scaled to [-1, 1], float32 ``[d]``: the fifth channel, for a value shifts a curve along log w."""
        place = np.log(self.frequency)
        return torch.from_numpy((2 * (place - place[0]) / (place[-1] - place[0]) - 1).astype(np.float32))


def response_error(response: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Relative RMS error of compressed responses: RMS(response - target) / RMS(target).

    Args:
        response: ``[..., C, d]``.
        target: the same shape, or one that broadcasts to it.
    """
    difference = np.square(response - target).mean(axis=(-2, -1))
    error: np.ndarray = np.sqrt(difference / np.square(target).mean(axis=(-2, -1)))
    return error
