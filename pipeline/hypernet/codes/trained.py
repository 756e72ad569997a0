"""Decoders of a block code as a person uses them: opened from a trained file, or plain ones that need none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from torch import Tensor, nn

from hypernet.codes.baselines.belief_propagation import BeliefPropagation, MinSum
from hypernet.codes.config import ITERATIVE, METHODS, MethodSettings
from hypernet.codes.core.channel import Code
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.core.sparse import ParityCheck, sparse
from hypernet.codes.methods import build, pair_count
from hypernet.codes.sources.matrices import validate
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored, without_weights

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 2
# Words decoded at once, and the most of their channel values.
CHUNK, VALUES_AT_ONCE = 500, 2**22
# More would go on for hours; the longest trained ones have 50.
MOST_ITERATIONS = 100_000
LONGEST_TITLE = 1000
# This many pairs take little memory, whether or not a file holds weights for them.
PAIRS_ANYWAY = 2**20
# Of a plain decoder, which stops as soon as a word is decoded; and the usual factor of min-sum.
PLAIN_METHODS = ("bp", "min_sum")
PLAIN_ITERATIONS = 50
MIN_SUM_SCALE = 0.75


class BlockDecoder:
    """A decoder of a block code: channel values in, bit values out.

    ``decoder(llr)`` maps ``[words, n]`` to ``[words, n]``. Both are log-likelihood ratios ln P(bit = 0) / P(bit = 1):
    decide for 1 where the result is negative.

    Args:
        title: name of the code, for people.
        method: method id, e.g. ``bp``.
        parity_check: H, ``[m, n]``.
        module: the decoder itself, ``[n, B] -> [n, B]``.
        iterations: number of check updates.

    Attributes:
        title: name of the code, e.g. ``BCH(31,16)``.
        method: method id, e.g. ``hyper``.
        iterations: number of check updates.
        length: n, the number of code bits.
        parity_check: H, ``[m, n]``, a ``scipy.sparse.csr_array``.
        module: the decoder itself.
        device: where it computes.
    """

    def __init__(self, title: str, method: str, parity_check: ParityCheck, module: nn.Module, iterations: int):
        self.title, self.method, self.parity_check, self.iterations = title, method, parity_check, iterations
        self.length = int(parity_check.shape[1])
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module = module.to(self.device).eval()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.title}, {self.method}, {self.iterations} iterations)"

    @property
    def word_updates(self) -> int:
        """Check updates of single words so far; over the words, their mean number of iterations. 0 of a table."""
        return self.module.word_updates if isinstance(self.module, Decoder) else 0

    @property
    def words_at_once(self) -> int:
        """How many words are decoded at a time: fewer of a long code."""
        return max(1, min(CHUNK, VALUES_AT_ONCE // self.length))

    def use_iterations(self, iterations: int) -> None:
        """Run another number of check updates.

        Raises:
            UserError: not a whole number from 1, or this decoder has weights for the trained number only or does not
                iterate.
        """
        if not 1 <= iterations <= MOST_ITERATIONS:
            raise UserError(f"iterations: {iterations} is not a whole number from 1 to {MOST_ITERATIONS}")
        if iterations != self.iterations and self.method not in ITERATIVE:
            raise UserError(f"{self.method}: was trained for {self.iterations} iterations and cannot run {iterations}")
        self.iterations = iterations

    def decode_columns(self, llr: np.ndarray, stop_early: bool = True) -> np.ndarray:
        """Decode words that stand in columns.

        Args:
            llr: channel values, ``[n, B]`` float32.
            stop_early: leave a word as it is once its decided bits satisfy all checks.

        Returns:
            Bit values, ``[n, B]`` float32.
        """
        values = torch.from_numpy(llr).to(self.device)
        with torch.inference_mode():
            if isinstance(self.module, Decoder):
                self.module.iterations = self.iterations
                decoded: Tensor = self.module(values, stop_early)
            else:
                decoded = self.module(values)
        return decoded.cpu().numpy()

    def satisfied(self, bits: np.ndarray) -> np.ndarray:
        """Whether decided bits are a code word.

        Args:
            bits: ``[B, n]`` of 0 and 1, or bool.

        Returns:
            ``[B]`` bool, true where all checks of H are even.
        """
        # Sums of single bytes wrap around at 256, which is even.
        checks = self.parity_check @ np.ascontiguousarray(bits.T).astype(np.uint8)
        even: np.ndarray = ~((checks & 1).any(axis=0))
        return even

    def __call__(self, llr: ArrayLike, stop_early: bool = True) -> np.ndarray:
        """Decode words that stand in rows.

        Args:
            llr: channel values, ``[B, n]``, or ``[n]`` for one word.
            stop_early: leave a word as it is once its decided bits satisfy all checks; without, all iterations run.

        Returns:
            Bit values, ``[B, n]`` float32.

        Raises:
            UserError: not two-dimensional, another word length, or a value that is not a number.
        """
        values = checked(as_array(llr, "the input"), self.length, self.title, "the input")
        out = np.empty_like(values)
        for start in range(0, len(values), self.words_at_once):
            words = np.ascontiguousarray(values[start : start + self.words_at_once].T)
            out[start : start + self.words_at_once] = self.decode_columns(words, stop_early).T
        return out


class TrainedDecoder(BlockDecoder):
    """A decoder read from ``model.ckpt``.

    Args:
        content: what the file holds; ``open_model`` reads it.

    Attributes:
        equal_time: the same decoder after the second training of its run; None where there was none.
    """

    def __init__(self, content: dict[str, Any]):
        title, method = content["title"], content["method"]
        # It is printed: no line ends and no control sequences of a terminal.
        if not isinstance(title, str) or not title.isprintable() or len(title) > LONGEST_TITLE:
            raise ValueError("its title is no line of text")
        settings = METHODS[method].settings.model_validate(content["settings"])
        assert isinstance(settings, MethodSettings)
        stored, state, again = content["parity_check"], content["state_dict"], content.get("equal_time_state")
        if not isinstance(stored, dict) or not isinstance(stored["indices"], Tensor):
            raise TypeError("its parity-check matrix has no list of ones")
        # A view of one number can claim any size, as can a tensor without data; what is contiguous and has data is no
        # larger than its file.
        for tensor in (stored["indices"], *state.values(), *({} if again is None else again).values()):
            if not tensor.is_contiguous() or tensor.device.type != "cpu":
                raise ValueError("a tensor that is not contiguous, or has no data")
        parity_check = matrix_of(stored)
        validate(parity_check, "its parity-check matrix")
        if settings.iterations > MOST_ITERATIONS:
            raise ValueError(f"{settings.iterations} iterations; accepted: at most {MOST_ITERATIONS}")
        # A small file must not make a large decoder: where pairs of edges have weights, they are in it.
        pairs, numbers = pair_count(parity_check, settings), sum(tensor.numel() for tensor in state.values())
        if pairs > max(numbers, PAIRS_ANYWAY):
            raise ValueError(f"{numbers} numbers for {pairs} pairs of edges")
        module = _filled(method, parity_check, settings, state)
        super().__init__(title, method, parity_check, module, settings.iterations)
        self.equal_time: BlockDecoder | None = None
        if again is not None:
            module = _filled(method, parity_check, settings, again)
            self.equal_time = BlockDecoder(title, method, parity_check, module, settings.iterations)


def _filled(method: str, parity_check: ParityCheck, settings: MethodSettings, state: dict[str, Tensor]) -> nn.Module:
    """The decoder with weights from a file: without memory for them until their shapes are known to be the file's."""
    with without_weights():
        module: nn.Module = build(method, parity_check, settings)
    module.load_state_dict(state, assign=True)
    return module.float()


def plain_decoder(
    code: Code | ParityCheck,
    method: str = "bp",
    iterations: int = PLAIN_ITERATIONS,
    scale: float = MIN_SUM_SCALE,
    title: str = "",
) -> BlockDecoder:
    """A decoder that needs no training, of any code.

    Args:
        code: the code, or its parity-check matrix H, ``[m, n]``.
        method: ``bp``, belief propagation, or ``min_sum``, which does not depend on the scale of the channel values.
        iterations: most check updates of a word.
        scale: normalisation of min-sum; 1 is the plain form.
        title: name of the code where ``code`` is a matrix.

    Returns:
        The decoder.

    Raises:
        UserError: another method, or an impossible number.

    Example:
        >>> from hypernet.codes import plain_decoder
        >>> decoder = plain_decoder([[1, 1, 0], [0, 1, 1]])
        >>> (decoder([[2.0, -0.5, 1.0]]) < 0).tolist()
        [[False, False, False]]
    """
    if method not in PLAIN_METHODS:
        raise UserError(f"method: {method!r}; accepted without a trained model: {', '.join(PLAIN_METHODS)}")
    if not (isinstance(scale, int | float) and 0 < scale <= 1):
        raise UserError(f"scale: {scale!r} is not a number above 0 and up to 1")
    if isinstance(code, Code):
        parity_check, title = code.parity_check, title or code.title
    else:
        parity_check = sparse(code)
    graph = TannerGraph(parity_check)
    module = BeliefPropagation(graph, 1) if method == "bp" else MinSum(graph, 1, scale)
    checks, bits = parity_check.shape
    decoder = BlockDecoder(title or f"a code of {bits} bits and {checks} checks", method, parity_check, module, 1)
    decoder.use_iterations(iterations)
    return decoder


def stored_matrix(parity_check: ParityCheck) -> dict[str, Any]:
    """H as it stands in a model file: ``shape``, and the row and the column of every 1, ``indices [2, E]`` int32."""
    ones = parity_check.tocoo()
    indices = np.stack([ones.row, ones.col]).astype(np.int32)
    return {"shape": [int(side) for side in parity_check.shape], "indices": torch.from_numpy(indices)}


def matrix_of(stored: dict[str, Any]) -> ParityCheck:
    """H from a model file.

    Raises:
        ValueError: no matrix that :func:`stored_matrix` would have written.
    """
    rows, columns = stored["shape"]
    indices = stored["indices"]
    if indices.dtype != torch.int32 or indices.ndim != 2 or len(indices) != 2:
        raise ValueError(f"a parity-check matrix of type {indices.dtype}, {list(indices.shape)}")
    # Every row and every column has a 1: no side is longer than the list of them.
    ones = indices.shape[1]
    if not all(type(side) is int and 1 <= side <= ones for side in (rows, columns)):
        raise ValueError(f"a parity-check matrix of {rows} x {columns} with {ones} ones")
    row, column = indices.numpy().astype(np.int64)
    rising = row * columns + column
    if min(row.min(), column.min()) < 0 or row.max() >= rows or column.max() >= columns or (np.diff(rising) < 1).any():
        raise ValueError("a parity-check matrix whose ones lie outside of it, or are not in order")
    return csr_array((np.ones(ones, dtype=np.uint8), (row, column)), shape=(rows, columns))


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
    """Channel values as float32 ``[words, n]``; an infinite one is a bit known for certain.

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
    with np.errstate(over="ignore"):
        words = llr.astype(np.float32)
    beyond = np.isinf(words) & np.isfinite(llr)
    if beyond.any():
        word, bit = np.argwhere(beyond)[0]
        raise UserError(
            f"{where}: the channel value of word {first + word}, bit {bit} (from 0) is {llr[word, bit]:g}; accepted: "
            "up to 3.4e38, or inf for a bit that is known"
        )
    return words
