"""What a network that writes circuits is trained on: its types and values, and the response of what it writes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hypernet.circuits.config import SimulatorLoss
from hypernet.circuits.core.cells import END, tokens_of
from hypernet.circuits.core.features import Probe
from hypernet.circuits.core.ladder import carry, mixed_coefficients

IGNORED = -100


def chain_targets(types: Tensor) -> Tensor:
    """The token that each step should give, of a type or the end: ``[B, n] -> [B, n + 1]``.

    Behind the end :data:`IGNORED`.
    """
    lengths = (types >= 0).sum(dim=1, keepdim=True)
    padded = F.pad(tokens_of(types), (0, 1), value=-1)
    place = torch.arange(padded.shape[1], device=types.device)
    return torch.where(place < lengths, padded, torch.where(place == lengths, END, IGNORED))


def chain_loss(type_logits: Tensor, value_logits: Tensor, types: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy of types with the end plus that of values, each a mean over what is there (not over padding).

    Args:
        type_logits: ``[B, n + 1, T]``.
        value_logits: ``[B, n, K]``.
        types: int64 ``[B, n]``, negative for padding.
        classes: int64 ``[B, n]``, negative for padding.
    """
    of_types = F.cross_entropy(type_logits.flatten(0, 1), chain_targets(types).flatten(), ignore_index=IGNORED)
    of_values = F.cross_entropy(
        value_logits.flatten(0, 1), torch.where(classes >= 0, classes, IGNORED).flatten(), ignore_index=IGNORED
    )
    return of_types + of_values


class ResponseLoss:
    """L_S: how far the response of the written circuit is from the wanted one (the talk's equation).

        L_S = 1/d sum_i |V_i - V(S)_i|^2 + |I_i - I(S)_i|^2

    The circuit is relaxed so that gradients reach the logits: true types, each value exp(sum_k p_k log v_k) with the
    softmax p of its logits; with ``relaxation: mixture`` the matrices are mixed over the softmax of the types too (of
    parts on their own: circuits with resonators have no such mixture). By default responses are compared as the network
    sees them: as they are they differ by many decades, and one circuit would rule the batch.

    Args:
        probe: how circuits are measured.
        values: the catalogue, ``[K]``.
        settings: weight, space and relaxation.
    """

    def __init__(self, probe: Probe, values: Tensor, settings: SimulatorLoss):
        self.probe = probe if settings.space == "feature" else Probe(probe.frequency, probe.excitations, "none")
        self.log_values, self.settings = values.double().log(), settings

    def __call__(
        self, type_logits: Tensor, value_logits: Tensor, types: Tensor, classes: Tensor, response: Tensor
    ) -> Tensor:
        """Mean of L_S over a batch; arguments as in :func:`chain_loss`, and the compressed response ``[B, C, d]``."""
        # In double precision: ladders of ten parts reach 1e27.
        log_values = self.log_values.to(types.device)
        relaxed = (value_logits.double().softmax(dim=-1) @ log_values).exp()
        if self.settings.space == "feature":
            wanted = response.double()
        else:
            wanted = self.probe.of(types, log_values.exp()[classes.clamp_min(0)])
        if self.settings.relaxation == "values":
            written = self.probe.of(types, relaxed)
        else:
            share = type_logits[:, :-1, :END].double().softmax(dim=-1)
            written = self.probe.read(
                lambda points, excitation: carry(
                    *mixed_coefficients(share * (types >= 0).unsqueeze(-1), relaxed), points, excitation
                ),
                types.device,
            )
        return (written - wanted).square().sum(dim=1).mean()
