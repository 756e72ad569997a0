"""Counting the errors of simulated transmissions until there are enough, resumable after any chunk."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hypernet.codes.config import EvaluationSettings, MonteCarlo
from hypernet.codes.core.channel import channel_llr, noise_deviation
from hypernet.codes.core.transmission import Transmission
from hypernet.lab.files import read_json, write_json
from hypernet.lab.progress import Progress
from hypernet.lab.randomness import numpy_generator

COUNTS = ["iterations", "ebn0_db", "chunk", "words", "bit_errors", "squared_bit_errors", "frame_errors"]
SECONDS_BETWEEN_SAVES = 10.0
# Channel values of a chunk: one of long words has fewer of them than the settings say.
VALUES_AT_ONCE = 2**23

# Channel values ``[n, B]`` to bit values ``[n, B]``; negative decides for 1.
Decode = Callable[[np.ndarray], np.ndarray]
# As they stand in JSON: whole numbers, and Eb/N0 in dB.
Row = dict[str, Any]


def chunk_counts(decode: Decode, transmission: Transmission, ebn0_db: float, seed: int, chunk: int, words: int) -> Row:
    """Send one chunk of random code words and count what the decoder gets wrong.

    The chunk's words and noise depend on (seed, Eb/N0, chunk) alone: every decoder of a comparison sees the same.

    Args:
        decode: the decoder.
        transmission: the code, which bits of its words are sent, and which count.
        ebn0_db: Eb/N0 in dB.
        seed: seed of the run.
        chunk: number of the chunk.
        words: number of words in it.

    Returns:
        One row of counts, the columns :data:`COUNTS` but the first; ``squared_bit_errors`` is the sum over words of the
        squared number of wrong bits, from which the interval at the level of whole words follows.
    """
    generator = numpy_generator(seed, "codes", "final", f"{ebn0_db:.3f}", chunk)
    bits = transmission.random_words(words, generator)
    sent = bits if len(transmission.sent) == len(bits) else bits[transmission.sent]
    llr = transmission.received(channel_llr(sent, noise_deviation(ebn0_db, transmission.rate), generator))
    errors = (decode(llr) < 0) != bits.astype(bool)
    if len(transmission.counted) < len(errors):
        errors = errors[transmission.counted]
    wrong = errors.sum(axis=0).astype(np.int64)
    return {
        "ebn0_db": ebn0_db,
        "chunk": chunk,
        "words": words,
        "bit_errors": int(wrong.sum()),
        "squared_bit_errors": int((wrong**2).sum()),
        "frame_errors": int((wrong > 0).sum()),
    }


def enough(words: int, frame_errors: int, settings: MonteCarlo) -> bool:
    """Whether one part has simulated a point for long enough: the parts share the stopping rule evenly."""
    if words * settings.parts >= settings.max_words:
        return True
    errors_enough = frame_errors * settings.parts >= settings.min_frame_errors
    return words * settings.parts >= settings.min_words and errors_enough


def words_of_chunk(length: int, settings: MonteCarlo) -> int:
    """Words of a chunk: those of the settings, fewer of a code so long that they would take much memory."""
    return min(settings.chunk_words, max(1, VALUES_AT_ONCE // length))


def _counts_so_far(files: Sequence[Path], fingerprint: str) -> list[Row]:
    for path in files:
        if path.is_file():
            known = read_json(path)
            if isinstance(known, dict) and known.get("fingerprint") == fingerprint:
                rows: list[Row] = known["rows"]
                return rows
    return []


def simulate(
    decode: Callable[[int], Decode],
    transmission: Transmission,
    settings: EvaluationSettings,
    seed: int,
    part: int,
    out: Path | None,
    fingerprint: str,
) -> pd.DataFrame:
    """Count errors at every Eb/N0 and number of iterations of ``settings``, for one part of the chunks.

    Part p of P sends the chunks p, p + P, p + 2P, ... and stops by its share of the stopping rule. Counts are kept
    beside ``out`` every few seconds. A run that was killed continues from them and ends with the same counts,
    because what a chunk holds and when a part stops depend on nothing else.

    Args:
        decode: the decoder with a number of iterations; see :func:`chunk_counts`.
        transmission: the code, and which bits of its words are sent.
        settings: the points, iterations and the stopping rule.
        seed: seed of the run.
        part: number of the part, from 0.
        out: the JSON file of the counts; None keeps none.
        fingerprint: digest of all that the counts depend on; older counts with another one are dropped.

    Returns:
        One row per chunk, columns :data:`COUNTS`.
    """
    rule = settings.monte_carlo
    # Not in ``out`` itself: Snakemake deletes the outputs of a job before it starts the job again.
    unfinished = None if out is None else out.with_name(f".{out.name}")
    rows = _counts_so_far([path for path in (out, unfinished) if path is not None], fingerprint)
    share = math.ceil(rule.max_words / rule.parts)
    chunk_words = words_of_chunk(transmission.code.length, rule)
    progress = Progress("simulation", share * len(rule.ebn0_db) * len(settings.iterations), "words")
    progress.advance(sum(row["words"] for row in rows))
    saved = time.monotonic()
    for iterations, point in itertools.product(settings.iterations, rule.ebn0_db):
        decode_point = decode(iterations)
        before = [row for row in rows if row["ebn0_db"] == point and row["iterations"] == iterations]
        words = sum(row["words"] for row in before)
        frame_errors = sum(row["frame_errors"] for row in before)
        for chunk in itertools.count(part + len(before) * rule.parts, rule.parts):
            if enough(words, frame_errors, rule):
                break
            size = min(chunk_words, share - words)
            row = {"iterations": iterations} | chunk_counts(decode_point, transmission, point, seed, chunk, size)
            rows.append(row)
            words += size
            frame_errors += row["frame_errors"]
            progress.advance(size, f"(at {point:g} dB, {frame_errors} wrong words)")
            if unfinished is not None and time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                write_json(unfinished, {"fingerprint": fingerprint, "rows": rows})
                saved = time.monotonic()
        progress.advance(share - words)
    progress.close()
    if out is not None and unfinished is not None:
        write_json(out, {"fingerprint": fingerprint, "rows": rows})
        unfinished.unlink(missing_ok=True)
    return pd.DataFrame(rows, columns=COUNTS)
