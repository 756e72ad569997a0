"""The last layer of a hypernetwork: the heads that write all weights of a generated network."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.layers.bilinear import bilinear
from hypernet.layers.initialisation import require_positive
from hypernet.layers.layout import Part
from hypernet.layers.low_rank import LowRankMatrix
from hypernet.layers.mlp import FunctionalMLP
from hypernet.layers.module import GeneratedModule

Start = Literal["hyperfan", "ordinary", "zero"]
STARTS = ("hyperfan", "ordinary", "zero")
Form = Literal["auto", "whole", "factored"]


class WeightHeads(nn.Module):
    """θ = H e + θ₀: one linear head for every part of any generated network, from features e.

    θ₀ is one network shared by all samples, and H e is a sample's deviation from it. A part that is named in `rank`
    deviates by a low rank instead: its matrix is W₀ + U(e) V(e) with U [in, r] and V [r, out] written from e.

    How it starts, with ρ = `generated_share`, the share of the variance of θ that e supplies:

    * `hyperfan`: every part of θ has the size of an ordinary start (Chang, Flokas and Lipson 2020, see
      `initialisation`): H e supplies ρ of its variance, and θ₀, drawn at random, the rest. With ρ = 1 and θ₀ = 0 that
      is hyperfan-in; with a small ρ all samples start near one shared network.
    * `ordinary`: θ₀ is `module.ordinary()`, a network as a person would start it, and H e adds ρ of its variance.
    * `zero`: θ₀ likewise and H = 0: all samples start as the same network, to the last bit.

    The heads of gains start at zero. For another start, write it over `weight` and `bias`.

    Without a shared base, `shared_base=False`, θ = H e and nothing else: every weight is what e makes of it, as in
    Nachmani and Wolf 2019. All of θ then starts from e, so it goes with `start="hyperfan"`, `generated_share=1`, no
    rank, and parts that start around 0.

    Args:
        feature_count: F, entries of the feature vector e.
        module: the network whose parameters are written.
        start: `hyperfan`, `ordinary` or `zero`.
        feature_mean_square: E[e²] at step 0. Measure it: in a network without biases, being wrong by a factor
            multiplies the outputs' mean square by that factor once per layer.
        generated_share: ρ.
        rank: r for every matrix for which that is fewer numbers, r (in + out) < in · out; or by part name, which is
            checked. None, or a part left out: written whole.
        samples_last: features are [F, B] and θ is [N, B]. Faster where g is a product over the samples of every
            weight, as in a decoder of many words.
        shared_base: whether there is a θ₀; see above for what goes without it.

    Attributes:
        weight: H, [M, F], a row for every number written.
        bias: what the heads add, [M]; θ₀ of the parts that are written whole. None without a shared base.
        base: W₀ of the parts of low rank, one after the other, [sum of their sizes].

    Raises:
        ValueError: if a size or a mean square is not positive, the share is not in [0, 1], the start is unknown, a
            rank is not between 1 and the smaller side of a matrix, or an option needs the base that there is not.

    >>> network = FunctionalMLP((2, 32, 1), nn.ReLU())
    >>> heads = WeightHeads(16, network)
    >>> theta = heads(torch.randn(8, 16))  # the weights of eight networks
    >>> network(torch.rand(8, 100, 2), theta).shape
    torch.Size([8, 100, 1])
    >>> linear = WeightHeads(16, network, shared_base=False)
    >>> bool((linear(torch.zeros(8, 16)) == 0).all())  # features of zero: weights of zero
    True
    """

    def __init__(
        self,
        feature_count: int,
        module: GeneratedModule,
        *,
        start: Start = "hyperfan",
        feature_mean_square: float = 1.0,
        generated_share: float = 1.0,
        rank: int | Mapping[str, int] | None = None,
        samples_last: bool = False,
        shared_base: bool = True,
    ):
        super().__init__()
        require_positive(feature_count=feature_count, feature_mean_square=feature_mean_square)
        if not 0 <= generated_share <= 1:
            raise ValueError(f"generated_share must be in [0, 1], got {generated_share}")
        if start not in STARTS:
            raise ValueError(f"start must be one of {', '.join(STARTS)}, got {start!r}")
        self.layout, self.samples_last = module.layout, samples_last
        self.ranks = _ranks(module.parts, rank)
        moved = [part.name for part in module.parts if part.mean != 0]
        if not shared_base and (start != "hyperfan" or generated_share != 1 or self.ranks or moved):
            raise ValueError(
                "shared_base=False goes with start='hyperfan', generated_share=1, no rank and parts that start around "
                f"0; got start={start!r}, generated_share={generated_share}, rank {self.ranks or None}"
                + (f", and parts that start elsewhere: {', '.join(moved)}" if moved else "")
            )
        self._sizes = [
            part.size if part.name not in self.ranks else sum(part.shape) * self.ranks[part.name]
            for part in module.parts
        ]
        count = sum(self._sizes)
        self.weight = nn.Parameter(torch.zeros(count, feature_count))
        self.bias = nn.Parameter(torch.zeros(count)) if shared_base else None
        low = sum(part.size for part in module.parts if part.name in self.ranks)
        self.base = nn.Parameter(torch.zeros(low)) if low else None
        self._start(module, start, generated_share, feature_count * feature_mean_square)

    @torch.no_grad()
    def _start(self, module: GeneratedModule, start: Start, share: float, feature_square: float) -> None:
        """Fill H, its bias and W₀; `feature_square` is F E[e²], by which H e is larger than H."""
        if self.weight.is_meta:
            # There is nothing to fill, and on this device every operation would import torch's compiler.
            return
        ordinary = None if start == "hyperfan" else module.ordinary().to(self.weight)
        if start == "zero":
            share = 0.0
        base_at = 0
        for part, size, first in zip(
            module.parts, self._sizes, itertools.accumulate([0, *self._sizes[:-1]]), strict=True
        ):
            rows = slice(first, first + size)
            shared = (1 - share) * part.variance
            rank = self.ranks.get(part.name)
            if rank is None:
                self.weight[rows].normal_(std=(share * part.variance / feature_square) ** 0.5)
                if self.bias is None:
                    continue
                if ordinary is not None:
                    self.bias[rows] = ordinary[part.span]
                else:
                    self.bias[rows].normal_(mean=part.mean, std=shared**0.5)
                continue
            assert self.base is not None
            assert self.bias is not None
            base = self.base[base_at : base_at + part.size]
            base_at += part.size
            if ordinary is not None:
                base.copy_(ordinary[part.span])
            else:
                base.normal_(mean=part.mean, std=shared**0.5)
            # U starts at random and shared, V as what e makes of it, so that U V has the variance ρ v and gradients
            # reach both. E[(U V)²] = r E[U²] E[V²] and E[U²] = 1 / in.
            inputs = part.shape[0]
            left = slice(first, first + inputs * rank)
            right = slice(first + inputs * rank, first + size)
            self.bias[left].normal_(std=inputs**-0.5)
            self.weight[right].normal_(std=(share * part.variance * inputs / rank / feature_square) ** 0.5)

    def extra_repr(self) -> str:
        """The sizes, for printing."""
        low = f", rank {self.ranks}" if self.ranks else ""
        return f"{self.weight.shape[1]} features -> {self.layout.size} weights{low}"

    @property
    def parameter_count(self) -> int:
        """N, the length of θ."""
        return self.layout.size

    def forward(self, features: Tensor) -> Tensor:
        """Write the parameters of every sample's network.

        Args:
            features: e, [B, F]; [F, B] with `samples_last`.

        Returns:
            θ, [B, N]; [N, B] with `samples_last`.

        Raises:
            ValueError: if `features` has another shape.
        """
        if not self.ranks:
            self._check(features)
            return self._linear(features, slice(None))
        written = [
            part.whole().flatten(1) if isinstance(part, LowRankMatrix) else part.flatten(1)
            for part in self.factors(features).values()
        ]
        theta = torch.cat(written, dim=1)
        return theta.mT if self.samples_last else theta

    def factors(self, features: Tensor) -> dict[str, Tensor | LowRankMatrix]:
        """Write the parts of every sample's network by name, those of low rank as their factors.

        Args:
            features: e, [B, F]; [F, B] with `samples_last`.

        Returns:
            every part, [B, *shape], or the factors of its matrices: for a network that never multiplies them out.

        Raises:
            ValueError: if `features` has another shape.
        """
        self._check(features)
        written = self._linear(features, slice(None))
        if self.samples_last:
            written = written.mT
        parts: dict[str, Tensor | LowRankMatrix] = {}
        base_at = 0
        for part, piece in zip(self.layout.parts, written.split(self._sizes, dim=1), strict=True):
            rank = self.ranks.get(part.name)
            if rank is None:
                parts[part.name] = piece.unflatten(1, part.shape)
                continue
            assert self.base is not None
            base = self.base[base_at : base_at + part.size].view(part.shape)
            base_at += part.size
            inputs, outputs = part.shape
            left, right = piece.split([inputs * rank, rank * outputs], dim=1)
            parts[part.name] = LowRankMatrix(
                base, left.unflatten(1, (inputs, rank)), right.unflatten(1, (rank, outputs))
            )
        return parts

    def emit(self, features: Tensor, chunk: slice) -> Tensor:
        """Write one chunk of the parameters, so that not all of them need be in memory at once.

        Args:
            features: e, [B, F]; [F, B] with `samples_last`.
            chunk: a slice of θ, such as one of `module.layout.chunks(n)` or a part's span.

        Returns:
            θ[:, chunk]: the chunks of a layout, concatenated, are `forward`'s result.

        Raises:
            ValueError: if `features` has another shape, or parts are of low rank: those are written with their base.
        """
        self._check(features)
        if self.ranks:
            raise ValueError(f"parts of low rank ({', '.join(self.ranks)}) are not written in chunks; call the heads")
        return self._linear(features, chunk)

    def run(self, network: FunctionalMLP, inputs: Tensor, features: Tensor, form: Form = "auto") -> Tensor:
        """g(x; H e + θ₀) of a multilayer perceptron, without θ in memory where that is the smaller way.

        θ is linear in e, so a layer of a sample is one matrix product with x ⊗ e (`factored`):

            Σ_i x_i W[i, o] = Σ_i Σ_k x_i e_k H[i, o, k] + Σ_i x_i W₀[i, o]

        That takes P in F numbers a sample and layer, of which few are in memory together, where θ (`whole`) takes and
        keeps in × out: it is the way for many items with one or a few points each, such as the atoms of a batch of
        molecules.

        Args:
            network: the module that the heads were made for.
            inputs: x, [B, P, widths[0]].
            features: e, [B, F].
            form: `auto` takes the one that takes fewer numbers.

        Returns:
            [B, P, widths[-1]], equal up to rounding in all forms.

        Raises:
            ValueError: if shapes do not fit, or `factored` is asked of heads of low rank or with samples last.
        """
        self._check(features)
        if network.layout.parts != self.layout.parts:
            raise ValueError("the heads were made for another network")
        possible = not self.ranks and not self.samples_last
        if form == "factored" and not possible:
            raise ValueError("the factored form is for heads that write whole parts with the samples first")
        if form == "whole" or not possible or (form == "auto" and not self._fewer_factored(network, inputs)):
            theta = self(features)
            outputs: Tensor = network(inputs, theta.mT if self.samples_last else theta)
            return outputs
        hidden = inputs
        for layer in range(len(network.widths) - 1):
            if layer > 0:
                hidden = network.activation(hidden)
            hidden = self._factored_layer(layer, hidden, features)
        result: Tensor = hidden if network.output_activation is None else network.output_activation(hidden)
        return result

    def _fewer_factored(self, network: FunctionalMLP, inputs: Tensor) -> bool:
        weights = [part for part in network.parts if part.role == "weight"]
        points, count = inputs.shape[1], self.weight.shape[1]
        return points * count * sum(part.shape[0] for part in weights) < sum(part.size for part in weights)

    def _factored_layer(self, layer: int, hidden: Tensor, features: Tensor) -> Tensor:
        spans = {part.name: part.span for part in self.layout.parts}
        part = next(part for part in self.layout.parts if part.name == f"{layer}.weight")
        fan_in, fan_out = part.shape
        result = bilinear(hidden, features, self.weight[part.span])
        if self.bias is not None:
            result = result + hidden @ self.bias[part.span].view(fan_in, fan_out)
        gain, bias = spans.get(f"{layer}.gain"), spans.get(f"{layer}.bias")
        if gain is not None:
            result = result * (1 + self._linear(features, gain)).unsqueeze(1)
        if bias is not None:
            result = result + self._linear(features, bias).unsqueeze(1)
        return result

    def _linear(self, features: Tensor, rows: slice) -> Tensor:
        bias = None if self.bias is None else self.bias[rows]
        if not self.samples_last:
            return F.linear(features, self.weight[rows], bias)
        if bias is None:
            return self.weight[rows] @ features
        return torch.addmm(bias.unsqueeze(1), self.weight[rows], features)

    def _check(self, features: Tensor) -> None:
        count, last = self.weight.shape[1], self.samples_last
        if features.dim() != 2 or features.shape[0 if last else 1] != count:
            expected = f"[{count}, B]" if last else f"[B, {count}]"
            raise ValueError(f"features must have the shape {expected}, got {list(features.shape)}")


def _ranks(parts: tuple[Part, ...], rank: int | Mapping[str, int] | None) -> dict[str, int]:
    """Rank of every part that deviates by a low rank."""
    matrices = {part.name: part for part in parts if part.role == "weight" and len(part.shape) == 2}
    if rank is None:
        return {}
    # One number is meant for every matrix that is larger than its factors.
    ranks = dict(rank) if isinstance(rank, Mapping) else {
        name: rank for name, part in matrices.items() if rank * sum(part.shape) < part.size
    }  # fmt: skip
    if isinstance(rank, int) and rank < 1:
        raise ValueError(f"rank must be positive, got {rank}")
    for name, value in ranks.items():
        if name not in matrices:
            raise ValueError(f"rank: {name} is no matrix of the network; there are {', '.join(matrices) or 'none'}")
        if not 1 <= value <= min(matrices[name].shape):
            raise ValueError(f"rank of {name} must be from 1 to {min(matrices[name].shape)}, got {value}")
    return ranks
