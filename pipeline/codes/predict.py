"""Use a trained decoder on your own channel values."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from pipeline.codes.config import SETTINGS
from pipeline.codes.methods import build
from pipeline.lab.errors import UserError
from pipeline.lab.files import atomic_path
from pipeline.lab.models import load_model

# Words decoded at once: the messages of this many stay in the processor's cache.
CHUNK = 500


class TrainedDecoder:
    """A decoder read from ``model.ckpt``.

    Args:
        content: what :func:`pipeline.lab.models.load_model` returned.
    """

    def __init__(self, content: dict):
        self.title, self.method = content["title"], content["method"]
        settings = SETTINGS[self.method].model_validate(content["settings"])
        parity_check = content["parity_check"].numpy()
        self.length = parity_check.shape[1]
        self._decoder = build(self.method, parity_check, settings)
        self._decoder.load_state_dict(content["state_dict"])
        self._decoder.eval()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._decoder.to(self._device)

    def decode_columns(self, llr: np.ndarray) -> np.ndarray:
        """Bit values for channel values, ``[n, B] -> [n, B]`` float32, one word a column."""
        with torch.inference_mode():
            return self._decoder(torch.from_numpy(llr).to(self._device)).cpu().numpy()

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
    return TrainedDecoder(content)


def _checked(llr: np.ndarray, length: int, title: str, where: str) -> np.ndarray:
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
        raise UserError(f"{where}: the channel value of word {word}, bit {bit} (from 0) is not a number")
    # An infinite value is a bit known for certain; a large finite one means the same and stays computable.
    return np.clip(llr, -1e4, 1e4).astype(np.float32)


def read_llr(source: str, length: int, title: str) -> np.ndarray:
    """Channel values ``[B, n]`` from a ``.npy`` file, a text file with one word a line, or ``-`` (standard input).

    Raises:
        UserError: no such file, not numbers (with the line), or words of another length.
    """
    if source != "-" and not Path(source).is_file():
        raise UserError(f"{source}: no such file of channel values")
    if source.endswith(".npy"):
        try:
            llr = np.load(source, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise UserError(f"{source}: not a .npy file of numbers ({error})") from None
        return _checked(llr, length, title, source)
    name = "standard input" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{name}: neither text nor .npy") from None
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.replace(",", " ").split()
        if not fields:
            continue
        try:
            row = [float(field) for field in fields]
        except ValueError as error:
            raise UserError(f"{name}, line {number}: {error}") from None
        if len(row) != length:
            raise UserError(f"{name}, line {number}: {len(row)} values; a word of {title} has {length}")
        rows.append(row)
    if not rows:
        raise UserError(f"{name}: no words in here; write {length} channel values a line")
    return _checked(np.array(rows), length, title, name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes predict``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained run")
    parser.add_argument(
        "--llr",
        required=True,
        help="channel values log P(0)/P(1), one word a row: a .npy file, a text file, or - for standard input",
    )
    parser.add_argument("--out", type=Path, help="write the decided bits here (.npy or .txt); else print them")
    parser.add_argument("--soft", type=Path, help="write the decoded log-likelihood ratios here (.npy)")


def run(arguments: argparse.Namespace) -> None:
    """Decode a file of channel values."""
    for path, accepted in ((arguments.out, (".npy", ".txt")), (arguments.soft, (".npy",))):
        if path is not None and path.suffix not in accepted:
            raise UserError(f"{path}: the name must end in {' or '.join(accepted)}")
    decoder = open_decoder(arguments.model)
    soft = decoder(read_llr(arguments.llr, decoder.length, decoder.title))
    bits = (soft < 0).astype(np.uint8)
    if arguments.soft is not None:
        with atomic_path(arguments.soft) as temporary:
            np.save(temporary, soft)
    if arguments.out is None:
        np.savetxt(sys.stdout, bits, fmt="%d", delimiter="")
        return
    with atomic_path(arguments.out) as temporary:
        if arguments.out.suffix == ".npy":
            np.save(temporary, bits)
        else:
            np.savetxt(temporary, bits, fmt="%d", delimiter="")
    print(f"{len(bits)} words of {decoder.title} decoded by {decoder.method}: {arguments.out}")
