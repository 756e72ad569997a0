"""A trained decoder, opened from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from hypernet.codes.config import ITERATIVE, METHODS, MethodSettings
from hypernet.codes.methods import build, pair_count
from hypernet.codes.sources.matrices import validate
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored, without_weights

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
# Words decoded at once: the messages of this many stay in the processor's cache.
CHUNK = 500
# An infinite channel value is a bit known for certain; a large finite one means the same and stays computable.
LARGEST_LLR = 1e4
# More would go on for hours; the longest trained ones have 50.
MOST_ITERATIONS = 100_000
LONGEST_TITLE = 1000
# This many pairs take little memory, whether or not a file holds weights for them.
PAIRS_ANYWAY = 2**20


class TrainedDecoder:
    """A decoder read from ``model.ckpt``: channel values in, bit values out.

    ``decoder(llr)`` maps ``[words, n]`` to ``[words, n]``. Both are log-likelihood ratios ln P(bit = 0) / P(bit = 1):
    decide for 1 where the result is negative.

    Args:
        content: what the file holds; ``open_model`` reads it.

    Attributes:
        title: name of the code, e.g. ``BCH(31,16)``.
        method: method id, e.g. ``hyper``.
        iterations: number of check updates; the trained one unless it is set to another.
        length: n, the number of code bits.
        parity_check: H, ``[m, n]``.
        module: the decoder itself, ``[n, B] -> [n, B]``.
        device: where it computes.
    """

    def __init__(self, content: dict[str, Any]):
        self.title: str = content["title"]
        self.method: str = content["method"]
        # It is printed: no line ends and no control sequences of a terminal.
        if not isinstance(self.title, str) or not self.title.isprintable() or len(self.title) > LONGEST_TITLE:
            raise ValueError("its title is no line of text")
        settings = METHODS[self.method].settings.model_validate(content["settings"])
        assert isinstance(settings, MethodSettings)
        matrix, state = content["parity_check"], content["state_dict"]
        # A view of one number can claim any size, as can a tensor without data; what is contiguous and has data is no
        # larger than its file.
        for tensor in (matrix, *state.values()):
            if not tensor.is_contiguous() or tensor.device.type != "cpu":
                raise ValueError("a tensor that is not contiguous, or has no data")
        if matrix.dtype != torch.uint8:
            raise ValueError(f"a parity-check matrix of type {matrix.dtype}")
        self.parity_check: np.ndarray = matrix.numpy()
        validate(self.parity_check, "its parity-check matrix")
        self.length = int(self.parity_check.shape[1])
        self.iterations = settings.iterations
        if self.iterations > MOST_ITERATIONS:
            raise ValueError(f"{self.iterations} iterations; accepted: at most {MOST_ITERATIONS}")
        # A small file must not make a large decoder: where pairs of edges have weights, they are in it.
        pairs, stored = pair_count(self.parity_check, settings), sum(tensor.numel() for tensor in state.values())
        if pairs > max(stored, PAIRS_ANYWAY):
            raise ValueError(f"{stored} numbers for {pairs} pairs of edges")
        # Without memory for the weights until their shapes are known to be those in the file.
        with without_weights():
            self.module = build(self.method, self.parity_check, settings)
        self.module.load_state_dict(state, assign=True)
        self.module.float()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module.to(self.device).eval()

    def __repr__(self) -> str:
        return f"TrainedDecoder({self.title}, {self.method}, {self.iterations} iterations)"

    def use_iterations(self, iterations: int) -> None:
        """Run another number of check updates than was trained.

        Raises:
            UserError: not a whole number from 1, or this decoder has weights for the trained number only or does not
                iterate.
        """
        if iterations < 1:
            raise UserError(f"iterations: {iterations} is not a whole number from 1 to {MOST_ITERATIONS}")
        if iterations != self.iterations and self.method not in ITERATIVE:
            raise UserError(f"{self.method}: was trained for {self.iterations} iterations and cannot run {iterations}")
        self.iterations = iterations

    def decode_columns(self, llr: np.ndarray) -> np.ndarray:
        """Decode words that stand in columns.

        Args:
            llr: channel values, ``[n, B]`` float32.

        Returns:
            Bit values, ``[n, B]`` float32.
        """
        self.module.iterations = self.iterations
        with torch.inference_mode():
            decoded: Tensor = self.module(torch.from_numpy(llr).to(self.device))
        return decoded.cpu().numpy()

    def __call__(self, llr: ArrayLike) -> np.ndarray:
        """Decode words that stand in rows.

        Args:
            llr: channel values, ``[B, n]``, or ``[n]`` for one word.

        Returns:
            Bit values, ``[B, n]`` float32.

        Raises:
            UserError: not two-dimensional, another word length, or a value that is not a number.
        """
        values = checked(as_array(llr, "the input"), self.length, self.title, "the input")
        out = np.empty_like(values)
        for start in range(0, len(values), CHUNK):
            words = np.ascontiguousarray(values[start : start + CHUNK].T)
            out[start : start + CHUNK] = self.decode_columns(words).T
        return out


def restore(content: dict[str, Any]) -> TrainedDecoder:
    """A decoder from the content of its file.

    Raises:
        ValueError: a matrix or settings that no training here would have written.
    """
    try:
        return TrainedDecoder(content)
    except UserError as error:
        raise ValueError(str(error)) from None


def open_model(path: str | Path) -> TrainedDecoder:
    """Open a model that ``hypernet codes train`` wrote.

    Args:
        path: ``model.ckpt`` of a trained run.

    Returns:
        The decoder, on the GPU where there is one.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "codes", VERSION, restore)


def as_array(values: ArrayLike, where: str) -> np.ndarray:
    """What a caller gave as an array.

    Raises:
        UserError: rows of different lengths, or nothing that makes an array.
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: not an array of numbers ({' '.join(str(error).split())[:160]})") from None


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
    clipped: np.ndarray = np.clip(llr, -LARGEST_LLR, LARGEST_LLR)
    return clipped.astype(np.float32)
