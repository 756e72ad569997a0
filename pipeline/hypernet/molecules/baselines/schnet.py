"""SchNet as PyTorch Geometric has it, on this domain's graphs.

Schütt et al., "SchNet: A Continuous-filter Convolutional Neural Network for Modeling Quantum Interactions" (2017).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hypernet.lab.libraries import library
from hypernet.molecules.core.graphs import Batch

STARTS = "network.interactions."
Edges = tuple[Tensor, Tensor]


def handed_over(edges: Edges, batch: Tensor) -> Edges:
    """The interaction graph that the network is given in the place of positions: those it would find only here."""
    return edges


class SchNet(nn.Module):
    """PyG's network with neighbours that were found before, as many as there are.

    Args:
        channels: entries of an atom's state.
        filters: entries of a continuous filter.
        interactions: rounds.
        gaussians: of a distance, from 0 to the cutoff.
        cutoff: Å, at which messages have faded to nothing.
        average: whether atoms' parts are averaged and not added.

    Raises:
        UserError: PyTorch Geometric is missing.
    """

    def __init__(self, channels: int, filters: int, interactions: int, gaussians: int, cutoff: float, average: bool):
        super().__init__()
        models = library("torch_geometric.nn.models.schnet", "PyTorch Geometric", "molecules")
        weightless = torch.empty(0).is_meta
        # It reads numbers off tensors while it is built, and none can be read on the meta device.
        with torch.device("cpu") if weightless else contextlib.nullcontext():
            network = models.SchNet(
                hidden_channels=channels,
                num_filters=filters,
                num_interactions=interactions,
                num_gaussians=gaussians,
                cutoff=cutoff,
                interaction_graph=handed_over,
                readout="mean" if average else "add",
            )
        self.network = network.to("meta") if weightless else network

    def forward(self, batch: Batch) -> Tensor:
        """The normalised property of every molecule, ``[M]``."""
        return self.pooled(self.atoms(batch), batch)

    def pooled(self, parts: Tensor, batch: Batch) -> Tensor:
        """What atoms' parts ``[A]`` come to, ``[M]``."""
        return self.network.readout(parts[:, None], batch.molecule, dim=0, dim_size=batch.size).squeeze(1)

    def atoms(self, batch: Batch) -> Tensor:
        """Each atom's part, ``[A]``: the output of a network for which every atom is a molecule of its own."""
        edges = (torch.stack([batch.sender, batch.receiver]), batch.distances())
        alone = torch.arange(len(batch.numbers), device=batch.numbers.device)
        return self.network(batch.numbers, edges, alone).squeeze(1)


def check_sizes(state: Mapping[str, Tensor], channels: int, filters: int, interactions: int, gaussians: int) -> None:
    """Refuse weights of another size than a network's, before it is made: PyG's takes memory for it.

    Args:
        state: of the network.
        channels: see ``SchNet``.
        filters: likewise.
        interactions: likewise.
        gaussians: likewise.

    Raises:
        ValueError: so it is.
        KeyError: a weight is missing.
    """
    rounds = len({name.removeprefix(STARTS).partition(".")[0] for name in state if name.startswith(STARTS)})
    given = (
        state["network.embedding.weight"].shape[1],
        *state[f"{STARTS}0.mlp.0.weight"].shape,
        rounds,
    )
    if given != (channels, filters, gaussians, interactions):
        raise ValueError("its weights are not of the sizes that its settings name")
