"""A trained decoder opened again: channel values in, bit values out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.codes.config import ITERATIVE, SETTINGS
from hypernet.codes.methods import build
from hypernet.codes.sources.matrices import validate
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored

# Words decoded at once: the messages of this many stay in the processor's cache.
CHUNK = 500
# An infinite channel value is a bit known for certain; a large finite one means the same and stays computable.
LARGEST_LLR = 1e4


class TrainedDecoder:
    """A decoder read from ``model.ckpt``.

    Args:
        content: what :func:`hypernet.lab.runs.models.load_model` returned.

    Attributes:
        iterations: number of check updates; the trained one unless it is set to another.
        length: n, the number of code bits.
        parity_check: H, ``[m, n]``.
        module: the decoder itself, ``[n, B] -> [n, B]``.
    """

    def __init__(self, content: dict):
        self.title, self.method = content["title"], content["method"]
        settings = SETTINGS[self.method].model_validate(content["settings"])
        matrix, state = content["parity_check"], content["state_dict"]
        # A view of one number can claim any size; what is contiguous is no larger than its file.
        if not all(tensor.is_contiguous() for tensor in (matrix, *state.values())):
            raise ValueError("a tensor that is not contiguous")
        self.parity_check = matrix.numpy()
        validate(self.parity_check, "its parity-check matrix")
        self.length = self.parity_check.shape[1]
        self.iterations = settings.iterations
        # Without memory for the weights until their shapes are known to be those in the file.
        with torch.device("meta"):
            self.module = build(self.method, self.parity_check, settings)
        self.module.load_state_dict(state, assign=True)
        self.module.float()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module.to(self.device).eval()

    def use_iterations(self, iterations: int) -> None:
        """Run another number of check updates than was trained.

        Raises:
            UserError: this decoder has weights for the trained number only, or does not iterate.
        """
        if iterations != self.iterations and self.method not in ITERATIVE:
            raise UserError(f"{self.method}: was trained for {self.iterations} iterations and cannot run {iterations}")
        self.iterations = iterations

    def decode_columns(self, llr: np.ndarray) -> np.ndarray:
        """Bit values for channel values, ``[n, B] -> [n, B]`` float32, one word a column."""
        self.module.iterations = self.iterations
        with torch.inference_mode():
            return self.module(torch.from_numpy(llr).to(self.device)).cpu().numpy()

    def __call__(self, llr: np.ndarray) -> np.ndarray:
        """Bit values for channel values, ``[B, n] -> [B, n]`` float32, one word a row.

        Both are log P(bit = 0) / P(bit = 1): decide for 1 where the result is negative.

        Raises:
            UserError: not two-dimensional, another word length, or a value that is not a number.
        """
        llr = checked(np.asarray(llr), self.length, self.title, "the input")
        out = np.empty_like(llr)
        for start in range(0, len(llr), CHUNK):
            words = np.ascontiguousarray(llr[start : start + CHUNK].T)
            out[start : start + CHUNK] = self.decode_columns(words).T
        return out


def restore(content: dict[str, Any]) -> TrainedDecoder:
    """A decoder from the content of its file."""
    return TrainedDecoder(content)


def open_model(path: str | Path) -> TrainedDecoder:
    """Open a model that `hypernet codes train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "codes", restore)


def checked(llr: np.ndarray, length: int, title: str, where: str, first: int = 0) -> np.ndarray:
    """Channel values as float32 ``[words, n]``, infinite ones as large finite ones.

    Args:
        llr: channel values ``[words, n]``, or ``[n]`` for one word.
        length: n.
        title: name of the code, for messages.
        where: where they come from, for messages.
        first: number of the first word, for messages.

    Raises:
        UserError: not real numbers, words of another length, or a value that is not a number.
    """
    if llr.dtype.kind not in "fiu":
        raise UserError(f"{where}: channel values are real numbers, not {llr.dtype}")
    if llr.ndim == 1 and llr.size == length:
        llr = llr[None, :]
    if llr.ndim != 2 or llr.shape[1] != length:
        raise UserError(
            f"{where}: {title} takes words of {length} channel values, [words, {length}]; "
            f"this has shape {list(llr.shape)}"
        )
    bad = np.isnan(llr)
    if bad.any():
        word, bit = np.argwhere(bad)[0]
        raise UserError(f"{where}: the channel value of word {first + word}, bit {bit} (from 0) is not a number")
    return np.clip(llr, -LARGEST_LLR, LARGEST_LLR).astype(np.float32)
