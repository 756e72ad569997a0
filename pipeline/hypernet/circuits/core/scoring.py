"""How right a written circuit is: exactly, in its topology, part by part, and in its response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hypernet.circuits.core.features import Probe, response_error
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, canonical, lengths_of


def exact_circuits(
    kinds: np.ndarray, values: np.ndarray, target_kinds: np.ndarray, target_values: np.ndarray
) -> np.ndarray:
    """Whether circuits are the same in length, kinds and values once both are in canonical order; ``[B]``.

    Args:
        kinds: ``[B, n]``.
        values: ``[B, n]``, values or value classes; those of the target are of the same sort.
        target_kinds: ``[B, m]``.
        target_values: ``[B, m]``.
    """
    kinds, values, target_kinds, target_values = aligned(kinds, values, target_kinds, target_values)
    inside = target_kinds >= 0
    return (kinds == target_kinds).all(axis=1) & ((values == target_values) | ~inside).all(axis=1)


def aligned(
    kinds: np.ndarray, values: np.ndarray, target_kinds: np.ndarray, target_values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both circuits in canonical order, padded to one width."""
    width = max(kinds.shape[1], target_kinds.shape[1])

    def padded(array: np.ndarray) -> np.ndarray:
        return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=PAD)

    ours = canonical(padded(kinds), padded(values))
    theirs = canonical(padded(target_kinds), padded(target_values))
    return *ours, *theirs


def score(
    probe: Probe,
    kinds: np.ndarray,
    values: np.ndarray,
    ended: np.ndarray,
    target_kinds: np.ndarray,
    target_values: np.ndarray,
    target: np.ndarray,
) -> pd.DataFrame:
    """One row per target circuit.

    Args:
        probe: how circuits are measured.
        kinds: written, ``[B, n]``; a row can be empty.
        values: ``[B, n]``, positive where there is a part.
        ended: whether the circuit was brought to its end, ``[B]``.
        target_kinds: ``[B, m]``.
        target_values: ``[B, m]``.
        target: compressed responses wanted, ``[B, C, d]``.

    Returns:
        columns ``circuit``, ``group``, ``exact``, ``topology``, ``right_kinds`` (positions with the right kind),
        ``parts`` (of the target), ``right_values`` (where the topology is right, else empty), ``response_error``
        (relative RMS of compressed responses), ``max_db`` (largest difference of 20 log10 |V| over frequency) and
        ``ended``. A circuit without an end is neither exact nor of the right topology.
    """
    response = probe.measure(kinds, np.where(kinds >= 0, values, 1.0))
    excitation = probe.excitations[0]
    own, wanted = (
        20.0 * np.log10(np.abs(respond(k, np.where(k >= 0, v, 1.0), probe.frequency, excitation)[0]))
        for k, v in ((kinds, values), (target_kinds, target_values))
    )
    our_kinds, our_values, right_kinds, right_values = aligned(kinds, values, target_kinds, target_values)
    ended = np.asarray(ended, dtype=bool)
    inside = right_kinds >= 0
    topology = (our_kinds == right_kinds).all(axis=1) & ended
    same_value = np.isclose(our_values, right_values, rtol=1e-9) & inside
    exact = topology & (same_value | ~inside).all(axis=1)
    parts = lengths_of(target_kinds)
    return pd.DataFrame(
        {
            "circuit": np.arange(len(kinds)),
            "group": [f"length {length}" for length in parts.tolist()],
            "exact": exact.astype(int),
            "topology": topology.astype(int),
            "right_kinds": ((our_kinds == right_kinds) & inside).sum(axis=1),
            "parts": parts,
            "right_values": pd.array(same_value.sum(axis=1), dtype="Int64").copy(),
            "response_error": response_error(response, target),
            "max_db": np.abs(own - wanted).max(axis=1),
            "ended": ended.astype(int),
        }
    ).assign(right_values=lambda table: table.right_values.where(table.topology == 1))
