"""``hypernet codes decode``: channel values in, bits out, as they come or all at once."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hypernet.codes.tools import inputs
from hypernet.codes.tools.account import Account
from hypernet.codes.tools.bits import save_array, save_bits, write_bits
from hypernet.codes.tools.front_end import Decoded, Receiver
from hypernet.codes.tools.inputs import Matrix, Positions, chosen_decoder, ranges, whole_number
from hypernet.codes.trained import (
    CHUNK,
    MIN_SUM_SCALE,
    MOST_ITERATIONS,
    PLAIN_ITERATIONS,
    PLAIN_METHODS,
    BlockDecoder,
)
from hypernet.lab import options
from hypernet.lab.files import check_outputs, option_file


def decode(
    llr: ArrayLike | str | Path,
    *,
    model: str | Path | BlockDecoder | None = None,
    matrix: Matrix | None = None,
    code: str | None = None,
    method: str | None = None,
    iterations: int | None = None,
    scale: float | None = None,
    puncture: Positions | None = None,
    shorten: Positions | None = None,
    hard_bits: float | None = None,
    opposite_sign: bool = False,
    all_iterations: bool = False,
    batch: int | None = None,
    check: bool = True,
) -> Decoded:
    """Decode noisy words with a trained decoder, or with belief propagation or min-sum on any code.

    Args:
        llr: channel values ln P(bit = 0) / P(bit = 1), ``[words, n]`` or ``[n]`` for one word; or where they are: a
            ``.npy``, ``.npz`` or ``.mat`` file of one array, a text or CSV file with one word a line, or ``-`` for
            standard input. An infinite value is a bit known for certain, 0 one of which nothing is known.
        model: ``model.ckpt`` of a trained run, or an opened decoder.
        matrix: instead of a model, a parity-check matrix H, ``[m, n]`` of 0 and 1, as an array, a matrix of
            scipy.sparse or a ``Code``; or its file.
        code: instead, a code that is known by name, e.g. ``BCH31_16``.
        method: on a matrix or a known code: ``bp``, the default, or ``min_sum``, which does not depend on the scale
            of the values.
        iterations: most check updates; None runs as many as were trained, and at most 50 of ``method``.
        scale: normalisation of min-sum, 0.75 by default; 1 is the plain form.
        puncture: positions (from 0, numbers or text as ``"0-767,800"``) of bits that were not sent: ``llr`` then has
            the others only.
        shorten: positions of bits that are 0 in every word and were not sent, likewise.
        hard_bits: ``llr`` has bits 0 and 1, of which the channel flips this share.
        opposite_sign: the values are ln P(1) / P(0), as of sionna and of tools for 3GPP.
        all_iterations: run all iterations on every word, for soft values of a receiver that iterates itself; else a
            word is left as soon as its decided bits satisfy H.
        batch: words decoded at once.
        check: where few words satisfy H, decode some again with the opposite sign and by min-sum, and warn where that
            points to a mistake in the values.

    Returns:
        The bits, the log-likelihood ratios they were decided by, whether each word is decided and satisfies H, and the
        mean number of iterations.

    Raises:
        UserError: no such file or code, words of another length than the code's, hard bits without ``hard_bits``, a
            value that is not a number, no words at all, or a decoder that cannot run this number of iterations.

    Example:
        >>> import hypernet
        >>> decoded = hypernet.codes.decode([[2.0, -0.5, 1.5]], matrix=[[1, 1, 0], [0, 1, 1]])
        >>> decoded.bits.tolist(), decoded.success.tolist()
        ([[0, 0, 0]], [True])
    """
    decoder = chosen_decoder(model, matrix, code, method, iterations, scale)
    receiver = Receiver(decoder, puncture, shorten, hard_bits, opposite_sign, all_iterations)
    account, parts = Account(receiver), []
    for sent, decoded in receiver.stream(llr, _words_at_once(batch, decoder)):
        parts.append(decoded)
        if check:
            account.add(sent, decoded)
    if check:
        for finding in account.findings():
            if finding.mistake:
                warnings.warn(f"{account.summary()}; {finding.text}", stacklevel=2)
    soft, success = (np.concatenate([getattr(part, name) for part in parts]) for name in ("soft", "success"))
    return Decoded(soft, success, decoder.title, decoder.method, receiver.mean_iterations, lambda: receiver.positions)


def decode_stream(
    llr: ArrayLike | str | Path,
    *,
    model: str | Path | BlockDecoder | None = None,
    matrix: Matrix | None = None,
    code: str | None = None,
    method: str | None = None,
    iterations: int | None = None,
    scale: float | None = None,
    puncture: Positions | None = None,
    shorten: Positions | None = None,
    hard_bits: float | None = None,
    opposite_sign: bool = False,
    all_iterations: bool = False,
    batch: int | None = None,
) -> Iterator[Decoded]:
    """Decode words as they come, at most ``batch`` at a time: for a pipe, or for more words than fit into memory.

    The errors of the decoder come at once, those of the input when its turn comes.

    Args:
        llr: channel values, as ``decode`` takes them, as it takes all that follows.
        model: ``model.ckpt`` of a trained run, or an opened decoder.
        matrix: instead, a parity-check matrix or its file.
        code: instead, a code that is known by name.
        method: ``bp`` or ``min_sum``, on a matrix or a known code.
        iterations: most check updates.
        scale: normalisation of min-sum.
        puncture: positions of bits that were not sent.
        shorten: positions of bits that are 0 and were not sent.
        hard_bits: ``llr`` has bits, of which the channel flips this share.
        opposite_sign: the values are ln P(1) / P(0).
        all_iterations: run all iterations on every word.
        batch: most words decoded at once.

    Returns:
        The words of each batch after decoding, in order.

    Raises:
        UserError: as ``decode``.

    Example:
        >>> from hypernet.codes import decode_stream
        >>> ones = sum(part.bits.sum() for part in decode_stream("llr.npy", code="BCH31_16"))  # doctest: +SKIP
    """
    decoder = chosen_decoder(model, matrix, code, method, iterations, scale)
    receiver = Receiver(decoder, puncture, shorten, hard_bits, opposite_sign, all_iterations)
    words = _words_at_once(batch, decoder)
    return (decoded for _, decoded in receiver.stream(llr, words))


def _words_at_once(batch: int | None, decoder: BlockDecoder) -> int:
    return decoder.words_at_once if batch is None else whole_number("batch", batch)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet codes decode`` and ``predict``."""
    inputs.add_code_arguments(parser, model="model.ckpt of a trained run")
    parser.add_argument(
        "--llr",
        required=True,
        help="channel values ln P(0)/P(1), one word a row: .npy, .npz, .mat, text or CSV, or - for standard input",
    )
    parser.add_argument("--method", choices=PLAIN_METHODS, help="on --matrix or --code; default: bp")
    inputs.add_iterations_argument(parser, f"as trained; at most {PLAIN_ITERATIONS} without a model")
    parser.add_argument(
        "--scale",
        type=options.real_number(1e-3, 1.0, "a number from 0.001 to 1"),
        help=f"normalisation of min_sum, 1 is the plain form; default: {MIN_SUM_SCALE}",
    )
    inputs.add_transmission_arguments(parser)
    parser.add_argument(
        "--hard-bits",
        type=options.real_number(1e-9, 0.499999, "a share of flipped bits above 0 and below 0.5"),
        metavar="P",
        help="the values are bits 0 and 1, of which the channel flips the share P",
    )
    parser.add_argument("--opposite-sign", action="store_true", help="the values are ln P(1)/P(0), as of sionna")
    parser.add_argument(
        "--all-iterations",
        action="store_true",
        help="do not stop at words that satisfy H: for soft values of a receiver that iterates itself",
    )
    parser.add_argument("--out", type=Path, help="write the decided bits to this file (.npy or .txt); else print them")
    parser.add_argument("--systematic", action="store_true", help="information bits only")
    parser.add_argument("--soft", type=Path, help="write the decoded log-likelihood ratios to this file (.npy)")
    parser.add_argument(
        "--success",
        type=Path,
        help="write 1 for each word that is decided and satisfies H, else 0, to this file (.npy or .txt)",
    )
    parser.add_argument(
        "--batch",
        type=options.whole_number(1, MOST_ITERATIONS),
        help=f"words decoded at once; 1 answers every line; default: {CHUNK}, fewer of a long code",
    )


def run(arguments: argparse.Namespace) -> None:
    """Decode channel values as they come, print the bits or write files, and say how many words satisfy H."""
    out, soft_out, success_out = _outputs(arguments)
    decoder = chosen_decoder(
        arguments.model, arguments.matrix, arguments.code, arguments.method, arguments.iterations, arguments.scale
    )
    receiver = Receiver(
        decoder,
        arguments.puncture,
        arguments.shorten,
        arguments.hard_bits,
        arguments.opposite_sign,
        arguments.all_iterations,
    )
    account = Account(receiver)
    soft, bits, success = [], [], []
    for sent, part in receiver.stream(arguments.llr, _words_at_once(arguments.batch, decoder)):
        account.add(sent, part)
        success.append(part.success)
        if soft_out is not None:
            soft.append(part.soft)
        decided = part.information if arguments.systematic else part.bits
        if out is not None:
            bits.append(decided)
        else:
            write_bits(sys.stdout, decided)
            sys.stdout.flush()
    if soft_out is not None:
        save_array(soft_out, np.concatenate(soft))
    if success_out is not None:
        save_bits(success_out, np.concatenate(success))
    if out is not None:
        save_bits(out, np.concatenate(bits))
        print(f"{account.words} words of {decoder.title} decoded by {decoder.method}: {out}")
    print(account.summary(), file=sys.stderr)
    if arguments.systematic:
        print(f"information bits: positions {ranges(receiver.positions)}, from 0", file=sys.stderr)
    for finding in account.findings():
        print(f"note: {finding.text}", file=sys.stderr)


def _outputs(arguments: argparse.Namespace) -> tuple[Path | None, Path | None, Path | None]:
    """The files to write, checked before any work."""
    endings = {"out": (".npy", ".txt"), "soft": (".npy",), "success": (".npy", ".txt")}
    files = {
        name: None if (path := getattr(arguments, name)) is None else option_file(name, path, *endings[name])
        for name in endings
    }
    read = [Path(path) for path in (arguments.llr, arguments.model, arguments.matrix) if path not in (None, "-")]
    check_outputs(files.items(), read)
    return files["out"], files["soft"], files["success"]
