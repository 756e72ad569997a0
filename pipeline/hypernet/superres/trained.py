"""A trained method opened again: small images in, images of any size out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import fill, load_model, printable, restored, usable, without_weights
from hypernet.superres.baselines.resampling import Resampling
from hypernet.superres.config import METHODS, MethodSettings
from hypernet.superres.core.functions import ImageFunction, Upscaler
from hypernet.superres.core.grids import WHOLE, Window, axes
from hypernet.superres.core.projection import projected_state
from hypernet.superres.methods import build
from hypernet.superres.model import GeneratedImage
from hypernet.superres.names import SIZE

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
# Points that are sampled at once: their hidden values are all the memory that a large image takes beside itself, and
# stay near the processor (2^18 of them take twice as long). Rows of a block are a multiple of GROUP.
POINTS_AT_ONCE, GROUP = 2**15, 16
# Of Adam on an image's state, as a share of the size of the state's entries: chosen on validation digits.
PROJECTION_RATE = 0.01


class Enlarger:
    """One method, ready to enlarge.

    Calling it with small images in [0, 1], float ``[B, h, w]``, gives images of 32x32, float32 ``[B, 32, 32]`` in
    [0, 1].

    Args:
        method: method id.
        title: name of the data set for people.
        low: rows and columns of the small images that it was trained on.
        network: an ``ImageFunction``, an ``Upscaler`` or a ``Resampling``.
        equal_time: the same network after the second training of its run; None where there was none.

    Attributes:
        functional: whether images of any size and any part of them can be asked for.
        trained: whether the network has weights that belong to the size of the small images.
        generated: whether a network is written for each image.
    """

    complete = "hyper_h16"

    def __init__(
        self, method: str, title: str, low: tuple[int, int], network: nn.Module, equal_time: nn.Module | None = None
    ):
        self.method, self.title, self.low = method, title, low
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval()
        self.equal_time = None
        if equal_time is not None:
            self.equal_time = Enlarger(method, title, low, equal_time)
        self.functional = not isinstance(network, Upscaler)
        self.trained = not isinstance(network, Resampling)
        self.generated = isinstance(network, GeneratedImage)

    def __repr__(self) -> str:
        rows, columns = self.low
        return f"Enlarger({self.method}, {self.title or 'untrained'}, from {rows} x {columns})"

    def __call__(self, low: np.ndarray) -> np.ndarray:
        """Images of 32x32; see the class."""
        return self.enlarge(low, SIZE, SIZE)

    def enlarge(self, low: np.ndarray, rows: int, columns: int, window: Window = WHOLE) -> np.ndarray:
        """Images of any size, or parts of them.

        Args:
            low: small images in [0, 1], float ``[B, h, w]`` (or ``[h, w]``: of one), of the size of the training.
            rows: of the result.
            columns: of the result.
            window: the part that fills the result, in fractions of the image.

        Returns:
            float32 ``[B, rows, columns]`` in [0, 1].

        Raises:
            UserError: images of another size or range, or a size that the method has not got.
        """
        return self.sample(self.state(low), rows, columns, window)

    def state(self, low: np.ndarray | Tensor) -> Tensor:
        """What sampling needs of each image: a network's weights, an embedding, features, or the small image itself."""
        given = self._checked(low)
        with torch.inference_mode():
            if not isinstance(self.network, ImageFunction):
                return given
            try:
                return self.network.encode(given)
            except ValueError as error:
                raise UserError(f"{self.method}: {error}") from None

    def projected_state(self, low: np.ndarray | Tensor, steps: int) -> Tensor:
        """As ``state``, then moved by some steps until the image's area means come nearer to the small image.

        Args:
            low: small images, see ``enlarge``.
            steps: of Adam on the state alone; 30 bring most of what there is to gain.

        Raises:
            UserError: images of another size or range, or a method whose images are no functions.
        """
        given = self._checked(low)
        if not isinstance(self.network, ImageFunction):
            raise UserError(f"{self.method}: makes no function that could be moved; {self.complete} does")
        try:
            return projected_state(self.network, given, (SIZE, SIZE), steps, PROJECTION_RATE)
        except ValueError as error:
            raise UserError(f"{self.method}: {error}") from None

    def sample(self, state: Tensor, rows: int, columns: int, window: Window = WHOLE) -> np.ndarray:
        """Images of given states (see ``state``), block by block: float32 ``[B, rows, columns]`` in [0, 1]."""
        if min(rows, columns) < 1:
            raise UserError(f"an image of {rows} x {columns} pixels; accepted: 1 x 1 and more")
        network = self.network
        if isinstance(network, Upscaler) and (rows, columns, window) != (SIZE, SIZE, WHOLE):
            raise UserError(
                f"{self.method}: makes whole images of {SIZE} x {SIZE} and nothing else; {self.complete} makes any size"
            )
        out = np.empty((len(state), rows, columns), dtype=np.float32)
        with torch.inference_mode():
            if not isinstance(network, ImageFunction):
                arguments = () if isinstance(network, Upscaler) else (rows, columns, window)
                return network(state, *arguments).clamp_(0, 1).float().cpu().numpy()
            vertical, horizontal = (axis.to(self.device) for axis in axes(rows, columns, window))
            for image in range(len(state)):
                for block in row_blocks(rows, columns):
                    values = network.on_grid(state[image : image + 1], vertical[block], horizontal)
                    out[image, block] = values[0].clamp_(0, 1).float().cpu().numpy()
        return out

    def theta(self, low: np.ndarray) -> np.ndarray:
        """All weights of the networks of some images, ``[B, h, w]`` to float32 ``[B, N]``.

        Raises:
            UserError: images of another size or range, or a method that writes no networks.
        """
        self._require_generated()
        return self.state(low).cpu().numpy()

    def network_of(self, theta: np.ndarray) -> nn.Module:
        """The network of one image, an ordinary module of points (y, x) in [-1, 1] ``[n, 2]`` to grey levels.

        Args:
            theta: its weights, ``[N]``.

        Raises:
            UserError: a method that writes no networks.
        """
        self._require_generated()
        network = self.network
        assert isinstance(network, GeneratedImage)
        weights = torch.from_numpy(np.asarray(theta, dtype=np.float32))
        return nn.Sequential(network.features.cpu(), *network.network.export(weights))

    def _require_generated(self) -> None:
        if not self.generated:
            raise UserError(f"{self.method}: its images are no networks that can be written; {self.complete}'s are")

    def _checked(self, low: np.ndarray | Tensor) -> Tensor:
        """Small images as float32 ``[B, h, w]``."""
        given = low if isinstance(low, Tensor) else torch.from_numpy(np.ascontiguousarray(low))
        if given.ndim == 2:
            given = given[None]
        rows, columns = self.low
        accepted = f"accepted: float [B, {rows}, {columns}] in [0, 1]"
        fits = given.is_floating_point() and given.ndim == 3 and len(given) > 0
        if not fits or (self.trained and given.shape[1:] != (rows, columns)):
            raise UserError(f"images: {given.dtype} {list(given.shape)}; {accepted}")
        least, most = float(given.min()), float(given.max())
        # False too where one of them is not a number.
        if not (least >= 0 and most <= 1):
            raise UserError(f"images: grey levels from {least:g} to {most:g}; {accepted} (divide by the largest level)")
        return given.to(self.device, torch.float32)


def row_blocks(rows: int, points: int) -> list[slice]:
    """Blocks of the rows of an image, of ``POINTS_AT_ONCE`` points or a little more.

    As a matrix product rounds its last rows otherwise than those in full groups, and few rows otherwise than many, all
    blocks but the last are full groups, and the last is none of few rows: then an image has the same bits as at once.

    Args:
        rows: of the image.
        points: that are sampled for each row.
    """
    height = max(1, POINTS_AT_ONCE // (points * GROUP)) * GROUP
    starts = [*range(0, max(rows - GROUP, 0) + 1, height)]
    return [slice(first, last) for first, last in zip(starts, [*starts[1:], rows], strict=True)]


def describe(title: str) -> dict[str, Any]:
    """What a model file of this domain says beside its weights, in plain types."""
    return {"title": title}


def restore(content: dict[str, Any]) -> Enlarger:
    """A method from the content of its file.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite number.
    """
    method = content["method"]
    if method not in METHODS:
        raise ValueError(f"the method {method!r} is not known here")
    settings = METHODS[method].settings.model_validate(content["settings"])
    assert isinstance(settings, MethodSettings)
    network = _network(method, settings, content["state"])
    again = content.get("equal_time_state")
    equal_time = None if again is None else _network(method, settings, again)
    return Enlarger(method, printable(content["title"]), (settings.low.rows, settings.low.columns), network, equal_time)


def _network(method: str, settings: MethodSettings, state: object) -> nn.Module:
    """A network with the weights of a file."""
    if not isinstance(state, Mapping) or not all(usable(weights) for weights in state.values()):
        raise ValueError("a weight is not a finite number")
    # Without memory for the weights until their shapes are known to be those in the file.
    with without_weights():
        network = build(method, settings)
    fill(network, state)
    return network


def open_model(path: str | Path) -> Enlarger:
    """Open a model that `hypernet superres train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "superres", VERSION, restore)
