"""Graphs of molecules: who sends messages to whom, and several molecules as one graph without padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hypernet.molecules.core.molecules import Molecules, places_of

# Distances that are looked at together.
DISTANCES_AT_ONCE = 2**22
# Edges that are looked at together where no gradient is kept.
EDGES_AT_ONCE = 2**15


class Batch(NamedTuple):
    """Some molecules as one graph.

    Attributes:
        numbers: atomic numbers, int64 ``[A]``.
        positions: in Å, float ``[A, 3]``.
        molecule: of each atom, int64 ``[A]``.
        sender: atom w of each directed edge w -> v, int64 ``[E]``.
        receiver: atom v, int64 ``[E]``, in rising order.
        size: number of molecules.
    """

    numbers: Tensor
    positions: Tensor
    molecule: Tensor
    sender: Tensor
    receiver: Tensor
    size: int

    def distances(self) -> Tensor:
        """Of each edge, in Å, ``[E]``."""
        between = self.positions.index_select(0, self.sender) - self.positions.index_select(0, self.receiver)
        return between.square().sum(dim=1).sqrt()

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Batch:
        """On another device, with positions of another type."""
        return Batch(
            self.numbers.to(device),
            self.positions.to(device, dtype),
            self.molecule.to(device),
            self.sender.to(device),
            self.receiver.to(device),
            self.size,
        )


@dataclass(frozen=True)
class Graphs:
    """Molecules with their neighbours, found once: every batch is cut from these arrays.

    Attributes:
        molecules: the molecules.
        sender: w of each edge, counted within its molecule, uint16 ``[E]``, molecule after molecule.
        receiver: v likewise, in rising order within a molecule.
        edges: number of edges of each molecule, int64 ``[M]``.
    """

    molecules: Molecules
    sender: np.ndarray
    receiver: np.ndarray
    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.molecules)

    @cached_property
    def _starts(self) -> np.ndarray:
        """The first edge of each molecule, ``[M]``."""
        return np.cumsum(self.edges) - self.edges

    def batch(self, rows: np.ndarray) -> Batch:
        """Some molecules as one graph: arrays put one behind the other."""
        molecules = self.molecules
        rows = np.asarray(rows, dtype=np.int64)
        counts, edges = molecules.counts[rows], self.edges[rows]
        atoms, places = molecules.atoms_of(rows), places_of(self._starts[rows], edges)
        shift = np.repeat(np.cumsum(counts) - counts, edges)
        return Batch(
            torch.from_numpy(molecules.numbers[atoms].astype(np.int64)),
            torch.from_numpy(molecules.positions[atoms]),
            torch.from_numpy(np.repeat(np.arange(len(rows)), counts)),
            torch.from_numpy(self.sender[places] + shift),
            torch.from_numpy(self.receiver[places] + shift),
            len(rows),
        )

    def parts(self, rows: np.ndarray, most_edges: int = EDGES_AT_ONCE) -> list[np.ndarray]:
        """Some molecules, as many at once as have so many edges together, the small ones first; at least one.

        Args:
            rows: of the molecules.
            most_edges: bounds the memory.
        """
        order = rows[np.argsort(self.edges[rows], kind="stable")]
        sums = np.cumsum(self.edges[order])
        parts, start = [], 0
        while start < len(order):
            before = sums[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(sums, before + most_edges, side="right")))
            parts.append(order[start:end])
            start = end
        return parts

    def batches(self, most_edges: int = EDGES_AT_ONCE) -> Iterator[tuple[np.ndarray, Batch]]:
        """All molecules in :meth:`parts`: rows, and their graph."""
        for rows in self.parts(np.arange(len(self)), most_edges):
            yield rows, self.batch(rows)


def neighbours(molecules: Molecules, cutoff: float, nearest: int | None = None) -> Graphs:
    """Join every atom with those of its molecule that are near, in both directions and never with itself.

    Args:
        molecules: the molecules.
        cutoff: Å: farther atoms send nothing.
        nearest: so many of the nearest of them at most; then w may send to v and v not to w.
    """
    counts, starts = molecules.counts, molecules.starts
    senders: list[np.ndarray] = [np.zeros(0, np.uint16)] * len(molecules)
    receivers: list[np.ndarray] = [np.zeros(0, np.uint16)] * len(molecules)
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        pieces = min(len(rows), 1 + len(rows) * int(count) ** 2 // DISTANCES_AT_ONCE)
        for some in np.array_split(rows, pieces):
            atoms = starts[some][:, None] + np.arange(count)
            places = molecules.positions[atoms].astype(np.float64)
            distances = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
            distances[:, np.arange(count), np.arange(count)] = np.inf
            near = distances <= cutoff
            if nearest is not None and nearest < count - 1:
                # The nearest of the first index: atoms at equal distances keep their order.
                ranks = np.argsort(np.argsort(distances, axis=2, kind="stable"), axis=2, kind="stable")
                near &= ranks < nearest
            of, receiver, sender = np.nonzero(near)
            ends = np.cumsum(np.bincount(of, minlength=len(some)))[:-1]
            for row, v, w in zip(
                some,
                np.split(receiver.astype(np.uint16), ends),
                np.split(sender.astype(np.uint16), ends),
                strict=True,
            ):
                senders[row], receivers[row] = w, v
    edges = np.array([len(entry) for entry in senders], dtype=np.int64)
    empty = [np.zeros(0, np.uint16)]
    return Graphs(molecules, np.concatenate(senders or empty), np.concatenate(receivers or empty), edges)
