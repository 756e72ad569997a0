"""``hypernet codes export``: a trained decoder as an ONNX file, for programs without torch and this package."""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hypernet import __version__
from hypernet.codes.config import REFERENCES
from hypernet.codes.core.gf2 import rank
from hypernet.codes.core.messages import Decoder
from hypernet.codes.dataset import channel_llr, noise_deviation
from hypernet.codes.sources.matrices import matrix_digest
from hypernet.codes.tools.predict import whole_number
from hypernet.codes.trained import LARGEST_LLR, TrainedDecoder, open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.randomness import numpy_generator

INPUT, OUTPUT = "llr", "decoded"
SIGN = "ln P(bit = 0) / P(bit = 1); decide for 1 where it is negative"
# Every iteration becomes a part of the file of its own: more of them take minutes.
LARGEST_ITERATIONS = 100
# The file is run on noisy words before it is kept, and half of all values must agree to this share. Not all: where a
# word is not decoded, many iterations of belief propagation make large differences of rounding.
CHECK_WORDS, CHECK_DB = 200, 6.0
LARGEST_DIFFERENCE = 1e-2


class _WordsAsRows(nn.Module):
    """A decoder with words as rows, ``[words, n] -> [words, n]``, and infinite channel values made finite."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, llr: Tensor) -> Tensor:
        """Bit values, ``[words, n] -> [words, n]``."""
        return self.decoder.decode(llr.clamp(-LARGEST_LLR, LARGEST_LLR).T).T


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes export``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained run")
    parser.add_argument("--out", type=Path, default=Path("decoder.onnx"), help="default: decoder.onnx")
    parser.add_argument("--iterations", type=whole_number, help="number of check updates; default: as trained")


def run(arguments: argparse.Namespace) -> None:
    """Write the file and say what is in it."""
    out = arguments.out
    if out.suffix != ".onnx":
        raise UserError(f"{out}: the name must end in .onnx")
    if out.is_dir():
        raise UserError(f"{out}: this is a folder; name a file")
    decoder = open_model(arguments.model)
    if arguments.iterations is not None:
        decoder.use_iterations(arguments.iterations)
    print(f"exporting {decoder.iterations} iterations, a second or more for each", file=sys.stderr)
    export(decoder, out)
    print(
        f"{decoder.title}, {decoder.method}, {decoder.iterations} iterations: {out}\n"
        f"input {INPUT} [words, {decoder.length}] float32, {SIGN}; output {OUTPUT} likewise"
    )


def export(decoder: TrainedDecoder, out: Path) -> None:
    """Write a decoder to ``out`` as ONNX, for any number of words, whole or not at all.

    The file is run by onnxruntime on noisy words before it is kept.

    Raises:
        UserError: this decoder is no message passing, has too many iterations, or the extra ``export`` is missing.
    """
    if decoder.method in REFERENCES:
        raise UserError(f"{decoder.method}: a table of words, not a network; only message passing can be exported")
    if decoder.iterations > LARGEST_ITERATIONS:
        raise UserError(f"{decoder.iterations} iterations: at most {LARGEST_ITERATIONS} can be exported")
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (torch's exporter needs it, and says so at length)
    except ImportError as error:
        raise UserError(f'export needs {error.name}, of the extra "export": pip install -e ".[export]"') from None
    module, n = copy.deepcopy(decoder.module).cpu(), decoder.length
    module.iterations = decoder.iterations
    k = n - rank(decoder.parity_check)
    noise = numpy_generator(0, "codes", "export")
    llr = channel_llr(np.zeros((n, CHECK_WORDS)), noise_deviation(CHECK_DB, k / n), noise).T.copy()
    program = to_onnx(module, torch.from_numpy(llr))
    program.model.metadata_props.update(
        title=decoder.title,
        method=decoder.method,
        n=str(n),
        k=str(k),
        iterations=str(decoder.iterations),
        llr=SIGN,
        parity_check_sha256=matrix_digest(decoder.parity_check),
    )
    program.model.doc_string = f"{decoder.title}: {decoder.method}, {decoder.iterations} iterations. {SIGN}"
    program.model.producer_name, program.model.producer_version = "hypernet", __version__
    expected = decoder(llr)
    with atomic_path(out) as temporary:
        program.save(temporary)
        session = onnxruntime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        (found,) = session.run([OUTPUT], {INPUT: llr})
        difference = np.median(np.abs(found - expected) / (1.0 + np.abs(expected)))
        if not difference < LARGEST_DIFFERENCE:
            raise AssertionError(f"{out}: onnxruntime gives other values (by {difference:.0%}); nothing was written")


def to_onnx(decoder: Decoder, llr: Tensor) -> torch.onnx.ONNXProgram:
    """A decoder as an ONNX program for any number of words.

    Args:
        decoder: on the processor.
        llr: channel values to trace it with, ``[words, n]``, of the type that the file is to take.
    """
    from onnxscript import opset18

    rows = _WordsAsRows(decoder.eval())
    with torch.inference_mode():
        # Once before, so that the arctanh table is made of numbers and not traced.
        rows(llr)
    with _quiet():
        return torch.onnx.export(
            rows,
            (llr,),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("words")},),
            custom_translation_table={torch.ops.aten.copysign.Tensor: _copysign(opset18)},
            verbose=False,
        )


def _copysign(op):
    """copysign for torch's exporter, which knows none. It takes -0 for positive: a sign of nothing."""

    def copysign(magnitude, sign):
        size = op.Abs(magnitude)
        return op.Where(op.Less(sign, op.CastLike(0.0, sign)), op.Neg(size), size)

    return copysign


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says of packages that are not there and of its own future."""
    names = ("torch.onnx", "onnx_ir", "onnxscript")
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
