"""A trained hypernetwork as the start of a style: only its last layer is learned, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, restored
from hypernet.retouch.core.shrinkage import Form
from hypernet.retouch.core.stretch import StretchedMap, stretch_of
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.model import GeneratedMap
from hypernet.retouch.tools.mixtures import Fitting, Mixture
from hypernet.retouch.trained import VERSION, restore

# Names of what the mixture is made of.
AFRESH, ONWARD, RECOLOURED, AS_IT_IS = "its features", "its features and its maps", "its maps recoloured", "its maps"


class Start:
    """A trained model whose last layer, M = H e(x) + h, can be written anew.

    Args:
        path: ``model.ckpt`` of a hypernetwork of 3x10 maps.

    Raises:
        UserError: no such file, or a model without such a layer.
    """

    def __init__(self, path: str | Path):
        self.content = load_model(path)
        retoucher = restored(path, self.content, "retouch", VERSION, restore)
        network = retoucher.network
        self.is_stretched = isinstance(network, StretchedMap)
        inner = network.inner if isinstance(network, StretchedMap) else network
        if not isinstance(inner, GeneratedMap) or inner.basis != "quadratic":
            raise UserError(
                f"{path}: {retoucher.method}: has no last layer that writes 3x10 maps; accepted: a model of hyper"
            )
        self.network, self.inner, self.size, self.method = network, inner, retoucher.size, retoucher.method
        self.device = retoucher.device

    def forms(
        self, images: Sequence[np.ndarray], weights: np.ndarray
    ) -> tuple[dict[str, list[Fitting]], dict[str, np.ndarray]]:
        """Ways to write the last layer anew, and what it is now, for views that ``images`` show.

        Args:
            images: float ``[H, W, 3]`` in [0, 1].
            weights: of the views, ``[n]``.
        """
        small = np.stack([thumbnail(image, self.size) for image in images])
        thumbnails = torch.from_numpy(small).permute(0, 3, 1, 2).contiguous().to(self.device)
        with torch.inference_mode():
            features = self.inner.encoder(thumbnails).double().cpu().numpy()
            written = self.inner.matrix(thumbnails).double().cpu().numpy()
            expansions = self._expansions(thumbnails)
        count = len(images)
        identity = np.broadcast_to(np.eye(3, 10, 6), (count, 3, 10))
        # Of M and 1, so that a colour that a map has made becomes another by an affine map.
        made = np.concatenate([written @ expansions, np.broadcast_to(np.eye(10)[9:], (count, 1, 10))], axis=1)
        none = np.zeros((count, 0))
        forms = {
            AFRESH: Form(features, expansions, identity),
            ONWARD: Form(features, expansions, written),
            RECOLOURED: Form(none, made, np.broadcast_to(np.eye(3, 4), (count, 3, 4))),
        }
        fittings = {name: [Fitting(form, weights)] for name, form in forms.items()}
        return fittings, {AS_IT_IS: written @ expansions}

    def _expansions(self, thumbnails: torch.Tensor) -> np.ndarray:
        """What the network does to the monomials, ``[n, 10, 10]``."""
        if isinstance(self.network, StretchedMap):
            return np.asarray(self.network.expansion(*stretch_of(thumbnails)).double().cpu().numpy())
        return np.broadcast_to(np.eye(10), (len(thumbnails), 10, 10))

    def relearned(self, mixture: Mixture) -> dict[str, Any]:
        """The content of the model's file with the last layer of a mixture of these forms."""
        prefix = "inner." if self.is_stretched else ""
        state = dict(self.content["state"])
        weight, bias = (state[f"{prefix}heads.{name}"].double().numpy() for name in ("weight", "bias"))
        weight, bias = weight.reshape(3, 10, -1), bias.reshape(3, 10)
        shares, fits = mixture.shares, mixture.dependences
        recolour = fits[RECOLOURED].bias + shares[RECOLOURED] * np.eye(3, 4)
        kept = np.eye(3) * (shares[AS_IT_IS] + shares[ONWARD]) + recolour[:, :3]
        new_weight = np.einsum("cd,dfe->cfe", kept, weight) + fits[AFRESH].weight + fits[ONWARD].weight
        new_bias = kept @ bias + fits[AFRESH].bias + fits[ONWARD].bias
        new_bias += shares[AFRESH] * np.eye(3, 10, 6)
        new_bias[:, 9] += recolour[:, 3]
        new = {"weight": new_weight.reshape(30, -1), "bias": new_bias.reshape(30)}
        for name, values in new.items():
            state[f"{prefix}heads.{name}"] = torch.from_numpy(np.ascontiguousarray(values)).float()
        content = {key: value for key, value in self.content.items() if key != "equal_time_state"}
        return content | {"state": state}
