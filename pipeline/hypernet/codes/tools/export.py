"""``hypernet codes export``: a trained decoder as an ONNX file, for programs without torch and this package."""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hypernet import __version__
from hypernet.codes.config import REFERENCES
from hypernet.codes.core.channel import Code, channel_llr, noise_deviation
from hypernet.codes.core.graph import TannerGraph
from hypernet.codes.core.message_passing import Decoder
from hypernet.codes.sources.matrices import matrix_digest
from hypernet.codes.tools.inputs import opened
from hypernet.codes.trained import MOST_ITERATIONS, BlockDecoder
from hypernet.lab import options
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file
from hypernet.lab.randomness import numpy_generator

OUT = "decoder.onnx"
INPUT, OUTPUT = "llr", "decoded"
SIGN = "ln P(bit = 0) / P(bit = 1); decide for 1 where it is negative"
# Every iteration becomes a part of the file of its own: more of them take minutes.
LARGEST_ITERATIONS = 100
# The file is run on noisy words before it is kept, and half of all values must agree to this share. Not all: where a
# word is not decoded, many iterations of belief propagation make large differences of rounding.
CHECK_WORDS, CHECK_DB = 200, 6.0
LARGEST_DIFFERENCE = 1e-2


class _WordsAsRows(nn.Module):
    """A decoder with words as rows, ``[words, n] -> [words, n]``."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, llr: Tensor) -> Tensor:
        """Bit values, ``[words, n] -> [words, n]``."""
        return self.decoder.decode(llr.T).T


class _GatheredSum(nn.Module):
    """``TannerGraph.sum_at_variables`` without a scatter.

    onnxruntime scatters with several threads; where two of them add to one variable, one addition is lost.
    """

    edges_of_variable: Tensor

    def __init__(self, graph: TannerGraph):
        super().__init__()
        variable = graph.variable_of_edge
        degree = torch.bincount(variable, minlength=graph.variables)
        order = variable.argsort(stable=True)
        # A variable of smaller degree adds the row behind the last edge, which is zero.
        edges = torch.full((graph.variables, max(1, int(degree.max()))), graph.edges)
        edges[variable[order], torch.arange(graph.edges) - (degree.cumsum(0) - degree)[variable[order]]] = order
        self.register_buffer("edges_of_variable", edges, persistent=False)

    def forward(self, messages: Tensor, onto: Tensor | None = None) -> Tensor:
        """The sums, ``[E, ...] -> [n, ...]``."""
        padded = torch.cat([messages, messages.new_zeros(1, *messages.shape[1:])])
        total = padded[self.edges_of_variable].sum(1)
        return total if onto is None else onto + total


@dataclass(frozen=True)
class Exported:
    """An ONNX file that decodes.

    Attributes:
        path: the file; input ``llr`` and output ``decoded``, both ``[words, n]`` float32.
        title: name of the code.
        method: method id of the decoder.
        iterations: number of check updates.
        length: n, the number of code bits.
    """

    path: Path
    title: str
    method: str
    iterations: int
    length: int

    def __repr__(self) -> str:
        return f"Exported({self.path}, {self.title}, {self.method}, {self.iterations} iterations)"


def export(model: str | Path | BlockDecoder, out: str | Path = OUT, *, iterations: int | None = None) -> Exported:
    """Write a decoder as ONNX, for any number of words, whole or not at all.

    The file is run by onnxruntime on noisy words before it is kept. Each iteration takes a second or more.

    Args:
        model: ``model.ckpt`` of a trained run, or an opened decoder.
        out: the file, ``.onnx``.
        iterations: number of check updates; None exports as many as were trained.

    Returns:
        Where the file is, and what is in it.

    Raises:
        UserError: no such model, another ending, this decoder is no message passing, it cannot run this number of
            iterations or they are too many, or the extra ``export`` is missing.

    Example:
        >>> import hypernet
        >>> model = "results/codes/BCH31_16/hyper/seed0/model.ckpt"
        >>> hypernet.codes.export(model, "decoder.onnx").iterations  # doctest: +SKIP
        5
    """
    out = output_file(out, ".onnx")
    decoder = opened(model, iterations)
    if decoder.method in REFERENCES:
        raise UserError(f"{decoder.method}: a table of words, not a network; only message passing can be exported")
    if decoder.iterations > LARGEST_ITERATIONS:
        raise UserError(f"{decoder.iterations} iterations: at most {LARGEST_ITERATIONS} can be exported")
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (torch's exporter needs it, and its own error is long)
    except ImportError as error:
        raise UserError(f'export needs {error.name}, of the extra "export": pip install "hypernet[export]"') from None
    module, n = decoder.module, decoder.length
    assert isinstance(module, Decoder)
    module.iterations = decoder.iterations
    k = Code.of(decoder.title, decoder.parity_check).dimension
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
    # A file has no way to leave a word that is done.
    expected = decoder(llr, stop_early=False)
    with atomic_path(out) as temporary:
        program.save(temporary)
        session = onnxruntime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        (decoded,) = session.run([OUTPUT], {INPUT: llr})
        difference = np.median(np.abs(decoded - expected) / (1.0 + np.abs(expected)))
        if not difference < LARGEST_DIFFERENCE:
            raise AssertionError(f"{out}: onnxruntime gives other values (by {difference:.0%}); nothing was written")
    return Exported(out, decoder.title, decoder.method, decoder.iterations, n)


def to_onnx(decoder: Decoder, llr: Tensor) -> torch.onnx.ONNXProgram:
    """A decoder as an ONNX program for any number of words.

    Args:
        decoder: what is written; it stays as it is.
        llr: channel values to trace it with, ``[words, n]``, of the type that the file is to take.

    Returns:
        The program, input ``llr`` and output ``decoded``.
    """
    from onnxscript import opset18

    decoder = copy.deepcopy(decoder).cpu().eval()
    for graph in [module for module in decoder.modules() if isinstance(module, TannerGraph)]:
        graph.add_module("gathered_sum", _GatheredSum(graph))
        # A module that is assigned would not come before the method of the class.
        graph.__dict__["sum_at_variables"] = graph.gathered_sum
    rows = _WordsAsRows(decoder)
    with torch.inference_mode():
        # Once before, so that the arctanh table is made of numbers and not traced.
        rows(llr)
    with _quiet():
        program = torch.onnx.export(
            rows,
            (llr,),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("words")},),
            custom_translation_table={torch.ops.aten.copysign.Tensor: _copysign(opset18)},
            verbose=False,
        )
    assert program is not None, "the exporter with dynamo=True returns a program"
    return program


def _copysign(op: Any) -> Callable[[Any, Any], Any]:
    """copysign for torch's exporter, which lacks it; -0 counts as positive."""

    def copysign(magnitude: Any, sign: Any) -> Any:
        size = op.Abs(magnitude)
        return op.Where(op.Less(sign, op.CastLike(0.0, sign)), op.Neg(size), size)

    return copysign


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's exporter, which warns of packages that it can do without and of its own deprecations."""
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes export``."""
    parser.add_argument("--model", type=Path, required=True, help="model.ckpt of a trained run")
    parser.add_argument("--out", type=Path, default=Path(OUT), help=f"the file, .onnx; default: {OUT}")
    parser.add_argument(
        "--iterations",
        type=options.whole_number(1, MOST_ITERATIONS),
        help="number of check updates; default: as trained",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the file and say what is in it."""
    out = output_file(arguments.out, ".onnx")
    decoder = opened(arguments.model, arguments.iterations)
    print(f"exporting {decoder.iterations} iterations, a second or more for each", file=sys.stderr)
    written = export(decoder, out)
    print(
        f"{written.title}, {written.method}, {written.iterations} iterations: {written.path}\n"
        f"input {INPUT} [words, {written.length}] float32, {SIGN}; output {OUTPUT} likewise"
    )
