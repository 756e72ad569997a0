"""A trained method opened again: photographs in, retouched ones out, and the colour map between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import fill, load_model, printable, restored, usable, without_weights
from hypernet.retouch.baselines.oracles import Oracle
from hypernet.retouch.baselines.regressions import as_map
from hypernet.retouch.baselines.styles import STYLE, THUMBNAIL, StyleMaps
from hypernet.retouch.config import METHODS, MethodSettings
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.functions import GlobalMap, Retouching
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.methods import build

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
# What trainings start with says nothing of a person's style.
COMPLETE = "hyper"
SMALLEST = 8


class Retoucher:
    """One method, ready to retouch.

    Calling it with images in [0, 1], float32 ``[B, H, W, 3]``, gives images of the same shape in [0, 1]. Colours are
    sRGB-encoded throughout.

    Args:
        method: method id.
        title: name of the data set for people.
        size: S, side of the thumbnails that it looks at.
        network: the method.
        equal_time: the same network after the second training of its run; None where there was none.

    Attributes:
        is_map: whether its answer is a colour map, which can be written, edited and applied to any size.
    """

    def __init__(self, method: str, title: str, size: int, network: Retouching, equal_time: Retouching | None = None):
        self.method, self.title, self.size = method, title, size
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval()
        self.is_map = isinstance(network, GlobalMap)
        self.equal_time = None if equal_time is None else Retoucher(method, title, size, equal_time)

    def __repr__(self) -> str:
        return f"Retoucher({self.method}, {self.title or 'untrained'}, thumbnails of {self.size} x {self.size})"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Images ``[B, H, W, 3]``; see the class."""
        given = np.asarray(images)
        if given.ndim != 4:
            raise UserError(f"images: {given.dtype} {list(given.shape)}; accepted: float [B, H, W, 3] in [0, 1]")
        return np.stack([self.unclamped(image) for image in given]).clip(0, 1)

    def unclamped(self, pixels: np.ndarray) -> np.ndarray:
        """One image as the method's numbers are, before they are cut to what a file can hold.

        Args:
            pixels: ``[H, W, 3]``, uint8, uint16, or float in [0, 1].

        Returns:
            float32 ``[H, W, 3]``.

        Raises:
            UserError: an image of another shape or range, or a method that needs the answer.
        """
        if self.is_map:
            return apply_maps(self._floats(pixels), [self.colour_map(pixels)], clamp=False)
        given = torch.from_numpy(self._floats(pixels)).permute(2, 0, 1)[None].to(self.device)
        with torch.inference_mode():
            return self.network(given, self._thumbnails(pixels))[0].permute(1, 2, 0).float().cpu().numpy()

    def toward(self, pixels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """As ``unclamped``, but an oracle is given the answer, of which other methods see nothing.

        Args:
            pixels: uint8 ``[H, W, 3]``.
            wanted: likewise.
        """
        network = self.network
        if isinstance(network, Oracle):
            return network.map_to(pixels / 255, wanted / 255)(pixels / 255)
        return self.unclamped(pixels)

    def retouch(self, pixels: np.ndarray) -> np.ndarray:
        """One image, of the type that it has.

        Args:
            pixels: ``[H, W, 3]``, uint8, uint16, or float in [0, 1].

        Returns:
            the same shape and type.

        Raises:
            UserError: an image of another shape or range, or a method that needs the answer.
        """
        if self.is_map and pixels.dtype.kind == "u":
            return apply_maps(pixels, [self.colour_map(pixels)])
        made = self.unclamped(pixels).clip(0, 1)
        if pixels.dtype.kind == "f":
            return made.astype(pixels.dtype)
        return np.floor(made * np.float64(np.iinfo(pixels.dtype).max) + 0.5).astype(pixels.dtype)

    def colour_map(self, pixels: np.ndarray) -> ColourMap:
        """The colour map of one image, ``[H, W, 3]``, uint8, uint16, or float in [0, 1].

        Raises:
            UserError: an image of another shape or range, or a method that makes no map.
        """
        return self._maps(self._thumbnails(pixels))[0]

    def colour_maps(self, thumbnails: np.ndarray) -> list[ColourMap]:
        """The colour maps of images whose thumbnails are at hand, float32 ``[B, S, S, 3]`` in [0, 1].

        Raises:
            UserError: thumbnails of another shape, or a method that makes no map.
        """
        given = np.asarray(thumbnails, dtype=np.float32)
        if given.shape[1:] != (self.size, self.size, 3):
            accepted = f"[B, {self.size}, {self.size}, 3]"
            raise UserError(f"thumbnails: {list(given.shape)}; accepted: float {accepted} in [0, 1]")
        if not (given.min(initial=0) >= 0 and given.max(initial=1) <= 1):
            raise UserError("thumbnails: values outside [0, 1], or that are none; accepted: float in [0, 1]")
        return self._maps(torch.from_numpy(given).permute(0, 3, 1, 2).to(self.device)) if len(given) else []

    def _maps(self, thumbnails: Tensor) -> list[ColourMap]:
        network = self.network
        if not isinstance(network, GlobalMap):
            raise UserError(f"{self.method}: makes no colour map; accepted: methods that do, such as {COMPLETE}")
        with torch.inference_mode():
            return [as_map(matrix) for matrix in network.matrix(thumbnails)]

    def _thumbnails(self, pixels: np.ndarray) -> Tensor:
        """The thumbnail of one image, ``[1, 3, S, S]``."""
        _refuse_unfit(pixels)
        small = thumbnail(pixels, self.size)
        if not np.isfinite(small).all():
            raise UserError("the image: a value is not a finite number; accepted: float in [0, 1]")
        return torch.from_numpy(small.clip(0, 1)).permute(2, 0, 1)[None].contiguous().to(self.device)

    def _floats(self, pixels: np.ndarray) -> np.ndarray:
        _refuse_unfit(pixels)
        if isinstance(self.network, Oracle):
            raise UserError(f"{self.method}: needs the wanted image; it is a bound, not a method")
        if pixels.dtype.kind == "f":
            return pixels.astype(np.float32, copy=False)
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _refuse_unfit(pixels: np.ndarray) -> None:
    fits = (
        pixels.ndim == 3
        and pixels.shape[2] == 3
        and (pixels.dtype.kind == "f" or pixels.dtype in (np.uint8, np.uint16))
    )
    if not fits:
        accepted = "accepted: uint8, uint16, or float in [0, 1], [H, W, 3]"
        raise UserError(f"the image: {pixels.dtype} {list(pixels.shape)}; {accepted}")
    if min(pixels.shape[:2]) < SMALLEST:
        rows, columns = pixels.shape[:2]
        raise UserError(f"the image: {columns} x {rows} pixels; accepted: {SMALLEST} x {SMALLEST} and more")


def describe(title: str) -> dict[str, Any]:
    """What a model file of this domain says beside its weights, in plain types."""
    return {"title": title}


def restore(content: dict[str, Any]) -> Retoucher:
    """A method from the content of its file.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite number.
    """
    method = content["method"]
    if method == STYLE:
        names = content["settings"]["normalisations"]
        style = _filled(lambda: StyleMaps(names), content["state"])
        return Retoucher(STYLE, printable(content["title"]), THUMBNAIL, style)
    if method not in METHODS:
        raise ValueError(f"the method {method!r} is not known here")
    settings = METHODS[method].settings.model_validate(content["settings"])
    assert isinstance(settings, MethodSettings)
    network = _filled(lambda: build(method, settings), content["state"])
    again = content.get("equal_time_state")
    equal_time = None if again is None else _filled(lambda: build(method, settings), again)
    return Retoucher(method, printable(content["title"]), settings.network.thumbnail, network, equal_time)


def _filled(make: Callable[[], Retouching], state: object) -> Retouching:
    """A network with the weights of a file."""
    if not isinstance(state, Mapping) or not all(usable(weights) for weights in state.values()):
        raise ValueError("a weight is not a finite number")
    # Without memory for the weights until their shapes are known to be those in the file.
    with without_weights():
        network = make()
    fill(network, state)
    return network


def open_model(path: str | Path) -> Retoucher:
    """Open a model that `hypernet retouch train` wrote, or `hypernet retouch learn`.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "retouch", VERSION, restore)
