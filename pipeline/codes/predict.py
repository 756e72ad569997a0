"""Use a trained decoder on your own channel values."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import torch

from pipeline.codes.config import ITERATIVE, SETTINGS
from pipeline.codes.matrices import validate
from pipeline.codes.methods import build
from pipeline.lab.errors import UserError
from pipeline.lab.files import atomic_path
from pipeline.lab.models import load_model

# Words decoded at once: the messages of this many stay in the processor's cache.
CHUNK = 500
# An infinite channel value is a bit known for certain; a large finite one means the same and stays computable.
LARGEST_LLR = 1e4


class TrainedDecoder:
    """A decoder read from ``model.ckpt``.

    Args:
        content: what :func:`pipeline.lab.models.load_model` returned.

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
        llr = _checked(np.asarray(llr), self.length, self.title, "the input")
        out = np.empty_like(llr)
        for start in range(0, len(llr), CHUNK):
            words = np.ascontiguousarray(llr[start : start + CHUNK].T)
            out[start : start + CHUNK] = self.decode_columns(words).T
        return out


def open_decoder(path: Path) -> TrainedDecoder:
    """Open a trained decoder.

    Raises:
        UserError: no such file, or not a decoder.
    """
    content = load_model(path)
    if not isinstance(content, dict) or content.get("domain") != "codes":
        raise UserError(f"{path}: this is not a decoder trained by `hypernet codes train`")
    try:
        return TrainedDecoder(content)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError, UserError) as error:
        said = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path}: a decoder of another version, or damaged ({type(error).__name__}: {said}); train it again"
        ) from None


def _checked(llr: np.ndarray, length: int, title: str, where: str, first: int = 0) -> np.ndarray:
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


def llr_chunks(source: str, length: int, title: str, words: int) -> Iterator[np.ndarray]:
    """Channel values as they come, ``[up to words, n]`` at a time.

    Args:
        source: a ``.npy`` file, a text file with one word a line, or ``-`` (standard input, text).
        length: n.
        title: name of the code, for messages.
        words: number of words handed on at once.

    Raises:
        UserError: no such file, not numbers (with the line), words of another length, or no words at all.
    """
    if source == "-":
        yield from _text_chunks(sys.stdin, "standard input", length, title, words)
    elif Path(source).is_dir():
        raise UserError(f"{source}: this is a folder; name a file of channel values")
    elif not Path(source).is_file():
        raise UserError(f"{source}: no such file of channel values")
    elif source.endswith(".npy"):
        try:
            # numpy warns where a header's numbers overflow; the error below says it.
            with np.errstate(all="ignore"):
                # Mapped, not read: a file larger than the memory is decoded piece by piece.
                llr = np.load(source, allow_pickle=False, mmap_mode="r")
        except Exception as error:
            # numpy's reader meets a bad header with errors of many types.
            said = " ".join(str(error).split())[:160]
            raise UserError(f"{source}: not a .npy file of numbers ({said})") from None
        if not isinstance(llr, np.ndarray):
            raise UserError(f"{source}: not a .npy file of one array but an archive")
        rows = llr[None, :] if llr.ndim == 1 else llr
        # The shape is judged whole, the values piece by piece.
        for start in range(0, len(rows) if rows.ndim == 2 else 1, words):
            part = rows[start : start + words] if rows.ndim == 2 else rows
            yield _checked(np.asarray(part), length, title, source, first=start)
        if len(rows) == 0:
            raise UserError(f"{source}: no words in here; accepted: [words, {length}] channel values")
    else:
        with Path(source).open(encoding="utf-8-sig") as lines:
            yield from _text_chunks(lines, source, length, title, words)


def _text_chunks(lines: TextIO, name: str, length: int, title: str, words: int) -> Iterator[np.ndarray]:
    # No number needs this many characters; a line without an end must not fill the memory.
    longest = 64 * length + 1024
    rows: list[list[float]] = []
    read = 0
    for number in itertools.count(1):
        try:
            line = lines.readline(longest)
        except UnicodeDecodeError:
            raise UserError(f"{name}: neither text nor .npy") from None
        if len(line) == longest and not line.endswith("\n"):
            raise UserError(f"{name}, line {number}: longer than {longest} characters; a word has {length} values")
        if fields := line.replace(",", " ").split():
            if "_" in line:
                # Python would read 1_0 as 10.
                raise UserError(f"{name}, line {number}: {line.strip()[:40]!r} is not a list of numbers")
            try:
                row = [float(field) for field in fields]
            except ValueError as error:
                raise UserError(f"{name}, line {number}: {error}") from None
            if len(row) != length:
                raise UserError(f"{name}, line {number}: {len(row)} values; a word of {title} has {length}")
            rows.append(row)
        if rows and (len(rows) == words or not line):
            yield _checked(np.array(rows), length, title, name, first=read)
            read, rows = read + len(rows), []
        if not line:
            break
    if not read:
        raise UserError(f"{name}: no words in here; write {length} channel values a line")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes predict`` and ``decode``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained run")
    parser.add_argument(
        "--llr",
        required=True,
        help="channel values log P(0)/P(1), one word a row: a .npy file, a text file, or - for standard input",
    )
    parser.add_argument("--out", type=Path, help="write the decided bits here (.npy or .txt); else print them")
    parser.add_argument("--soft", type=Path, help="write the decoded log-likelihood ratios here (.npy)")
    parser.add_argument("--iterations", type=whole_number, help="number of check updates; default: as trained")
    parser.add_argument(
        "--batch",
        type=whole_number,
        default=CHUNK,
        help=f"words decoded at once; 1 answers every line; default: {CHUNK}",
    )


def whole_number(text: str) -> int:
    """An option's value that counts something."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Decode channel values as they come."""
    for path, accepted in ((arguments.out, (".npy", ".txt")), (arguments.soft, (".npy",))):
        if path is not None and path.suffix not in accepted:
            raise UserError(f"{path}: the name must end in {' or '.join(accepted)}")
        if path is not None and path.is_dir():
            raise UserError(f"{path}: this is a folder; name a file")
    if arguments.out is not None and arguments.out == arguments.soft:
        raise UserError(f"{arguments.out}: bits and log-likelihood ratios cannot go to one file")
    decoder = open_decoder(arguments.model)
    if arguments.iterations is not None:
        decoder.use_iterations(arguments.iterations)
    soft, bits, words = [], [], 0
    for llr in llr_chunks(arguments.llr, decoder.length, decoder.title, arguments.batch):
        decoded = decoder(llr)
        words += len(decoded)
        if arguments.soft is not None:
            soft.append(decoded)
        if arguments.out is None:
            _write_bits(sys.stdout, decoded)
            sys.stdout.flush()
        else:
            bits.append((decoded < 0).astype(np.uint8))
    if arguments.soft is not None:
        with atomic_path(arguments.soft) as temporary:
            np.save(temporary, np.concatenate(soft))
    if arguments.out is None:
        return
    with atomic_path(arguments.out) as temporary:
        if arguments.out.suffix == ".npy":
            np.save(temporary, np.concatenate(bits))
        else:
            np.savetxt(temporary, np.concatenate(bits), fmt="%d", delimiter="")
    print(f"{words} words of {decoder.title} decoded by {decoder.method}: {arguments.out}")


def _write_bits(out: TextIO, decoded: np.ndarray) -> None:
    digits = np.where(decoded < 0, ord("1"), ord("0")).astype(np.uint8)
    lines = np.pad(digits, ((0, 0), (0, 1)), constant_values=ord("\n"))
    out.write(lines.tobytes().decode("ascii"))
