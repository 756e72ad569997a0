"""Counting errors on simulated transmissions until there are enough of them, resumable after any chunk."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.codes.config import Evaluation
from pipeline.codes.dataset import Code, channel_llr, noise_deviation, random_words
from pipeline.lab.files import read_json, write_json
from pipeline.lab.progress import Progress
from pipeline.lab.randomness import numpy_generator

COUNTS = ["ebn0_db", "chunk", "words", "bit_errors", "squared_bit_errors", "frame_errors"]
SECONDS_BETWEEN_SAVES = 10.0

Decode = Callable[[np.ndarray], np.ndarray]


def chunk_counts(decode: Decode, code: Code, ebn0_db: float, seed: int, chunk: int, words: int) -> dict:
    """Send one chunk of random code words and count what the decoder gets wrong.

    The chunk's words and noise depend on (seed, Eb/N0, chunk) alone: every decoder of a comparison sees the same.

    Args:
        decode: channel values ``[n, B]`` to bit values ``[n, B]``; negative decides for 1.
        code: the code.
        ebn0_db: Eb/N0 in dB.
        seed: seed of the run.
        chunk: number of the chunk.
        words: number of words in it.

    Returns:
        One row of counts with the columns :data:`COUNTS`; ``squared_bit_errors`` is the sum over words of the
        squared number of wrong bits, from which the interval at the level of whole words follows.
    """
    generator = numpy_generator(seed, "codes", "final", f"{ebn0_db:.3f}", chunk)
    bits = random_words(code, words, generator)
    llr = channel_llr(bits, noise_deviation(ebn0_db, code.rate), generator)
    wrong = ((decode(llr) < 0) != bits.astype(bool)).sum(axis=0).astype(np.int64)
    return {
        "ebn0_db": ebn0_db,
        "chunk": chunk,
        "words": words,
        "bit_errors": int(wrong.sum()),
        "squared_bit_errors": int((wrong**2).sum()),
        "frame_errors": int((wrong > 0).sum()),
    }


def enough(words: int, frame_errors: int, settings: Evaluation) -> bool:
    """Whether a point has been simulated for long enough."""
    if words >= settings.max_words:
        return True
    return words >= settings.min_words and frame_errors >= settings.min_frame_errors


def simulate(
    decode: Decode, code: Code, settings: Evaluation, seed: int, work: Path, fingerprint: str
) -> pd.DataFrame:
    """Count errors at every Eb/N0 of ``settings``.

    Counts are kept in ``work`` every few seconds. A run that was killed continues from them and ends with the
    same counts, because what a chunk holds and when a point stops depend on nothing else.

    Args:
        decode: see :func:`chunk_counts`.
        code: the code.
        settings: the points and the stopping rule.
        seed: seed of the run.
        work: folder for the counts so far; it is removed at the end.
        fingerprint: digest of all that the counts depend on; older counts with another one are dropped.

    Returns:
        One row per chunk, columns :data:`COUNTS`.
    """
    kept = work / "counts.json"
    rows: list[dict] = []
    if kept.is_file():
        known = read_json(kept)
        rows = known["rows"] if known["fingerprint"] == fingerprint else []
    progress = Progress("words sent", settings.max_words * len(settings.ebn0_db), "words")
    progress.advance(sum(row["words"] for row in rows))
    saved = time.monotonic()
    for point in settings.ebn0_db:
        before = [row for row in rows if row["ebn0_db"] == point]
        words = sum(row["words"] for row in before)
        frame_errors = sum(row["frame_errors"] for row in before)
        for chunk in itertools.count(len(before)):
            if enough(words, frame_errors, settings):
                break
            size = min(settings.chunk_words, settings.max_words - words)
            row = chunk_counts(decode, code, point, seed, chunk, size)
            rows.append(row)
            words += size
            frame_errors += row["frame_errors"]
            progress.advance(size, f"{point:g} dB, {frame_errors} words wrong")
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                write_json(kept, {"fingerprint": fingerprint, "rows": rows})
                saved = time.monotonic()
        progress.advance(settings.max_words - words)
    progress.close()
    shutil.rmtree(work, ignore_errors=True)
    return pd.DataFrame(rows, columns=COUNTS)
