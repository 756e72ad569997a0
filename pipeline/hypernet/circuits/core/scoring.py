"""How right a written circuit is: exactly, in its topology, part by part, and in its response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hypernet.circuits.core.features import Probe, response_error
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, canonical, lengths_of


def exact_circuits(
    types: np.ndarray, values: np.ndarray, target_types: np.ndarray, target_values: np.ndarray
) -> np.ndarray:
    """Whether circuits are the same in length, types and values once both are in canonical order; ``[B]``.

    Args:
        types: ``[B, n]``.
        values: ``[B, n]``, values or value classes; those of the target are of the same sort.
        target_types: ``[B, m]``.
        target_values: ``[B, m]``.
    """
    types, values, target_types, target_values = aligned(types, values, target_types, target_values)
    inside = target_types >= 0
    exact: np.ndarray = (types == target_types).all(axis=1) & ((values == target_values) | ~inside).all(axis=1)
    return exact


def aligned(
    types: np.ndarray, values: np.ndarray, target_types: np.ndarray, target_values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both circuits in canonical order, padded to one width."""
    width = max(types.shape[1], target_types.shape[1])

    def padded(array: np.ndarray) -> np.ndarray:
        return np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=PAD)

    ours = canonical(padded(types), padded(values))
    theirs = canonical(padded(target_types), padded(target_values))
    return *ours, *theirs


def score(
    probe: Probe,
    types: np.ndarray,
    values: np.ndarray,
    ended: np.ndarray,
    target_types: np.ndarray,
    target_values: np.ndarray,
    target: np.ndarray,
) -> pd.DataFrame:
    """One row per target circuit.

    Args:
        probe: how circuits are measured.
        types: written, ``[B, n]``; a row can be empty.
        values: ``[B, n]``, positive where there is a part.
        ended: whether the circuit was brought to its end, ``[B]``.
        target_types: ``[B, m]``.
        target_values: ``[B, m]``.
        target: compressed responses wanted, ``[B, C, d]``.

    Returns:
        columns ``circuit``, ``group``, ``exact``, ``topology``, ``right_kinds`` (positions with the right type),
        ``parts`` (of the target), ``right_values`` (where the topology is right, else empty), ``response_error``
        (relative RMS of compressed responses), ``max_db`` (largest difference of 20 log10 |V| over frequency) and
        ``ended``. A circuit without an end is neither exact nor of the right topology.
    """
    response = probe.measure(types, np.where(types >= 0, values, 1.0))
    excitation = probe.excitations[0]
    written, wanted = (
        20.0 * np.log10(np.abs(respond(t, np.where(t >= 0, v, 1.0), probe.frequency, excitation)[0]))
        for t, v in ((types, values), (target_types, target_values))
    )
    our_types, our_values, right_types, right_values = aligned(types, values, target_types, target_values)
    ended = np.asarray(ended, dtype=bool)
    inside = right_types >= 0
    topology = (our_types == right_types).all(axis=1) & ended
    same_value = np.isclose(our_values, right_values, rtol=1e-9) & inside
    exact = topology & (same_value | ~inside).all(axis=1)
    parts = lengths_of(target_types)
    return pd.DataFrame(
        {
            "circuit": np.arange(len(types)),
            "group": [f"length {length}" for length in parts.tolist()],
            "exact": exact.astype(int),
            "topology": topology.astype(int),
            "right_kinds": ((our_types == right_types) & inside).sum(axis=1),
            "parts": parts,
            "right_values": pd.array(same_value.sum(axis=1), dtype="Int64").copy(),
            "response_error": response_error(response, target),
            "max_db": np.abs(written - wanted).max(axis=1),
            "ended": ended.astype(int),
        }
    ).assign(right_values=lambda table: table.right_values.where(table.topology == 1))
