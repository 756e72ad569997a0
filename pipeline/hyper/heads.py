"""The last layer of a hypernetwork: the heads that write all weights of a generated network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.hyper.initialisation import (
    activation_gain,
    hyperfan_in_bias_variance,
    hyperfan_in_weight_variance,
)
from pipeline.hyper.mlp import FunctionalMLP


class WeightHeads(nn.Module):
    """θ = H e + θ₀: one linear head per weight, bias and gain of a `FunctionalMLP`, from features e.

    All heads are one matrix product: the head of `part` is `linear.weight[part.span]`,
    `linear.bias[part.span]` for `part` in `network.layout.parts`. θ₀ is shared by all samples.

    The heads start by hyperfan-in (Chang, Flokas and Lipson 2020, see `initialisation`) with θ₀ = 0, and the heads of
    gains at zero: outputs of every generated layer, before the activation, have mean square 1, as those of a
    directly initialised network (He et al. 2015) have. Other starts are written over `linear` by whoever
    wants them.

    Args:
        feature_count: F, entries of the feature vector e.
        network: the network whose parameters are written.
        feature_mean_square: E[e²] at step 0. Measure it: a factor c in it is c to the power of the depth in
            the output
            of a network without biases.
        input_mean_square: E[x²] of the generated network's inputs; 1/3 for coordinates uniform in [-1, 1].

    Attributes:
        linear: all heads, an `nn.Linear(F, N)`.

    Raises:
        ValueError: if a size or a mean square is not positive.
    """

    def __init__(
        self,
        feature_count: int,
        network: FunctionalMLP,
        *,
        feature_mean_square: float = 1.0,
        input_mean_square: float = 1.0,
    ):
        super().__init__()
        if feature_count < 1:
            raise ValueError(f"feature_count must be positive, got {feature_count}")
        self.linear = nn.utils.skip_init(nn.Linear, feature_count, network.parameter_count)
        bias = any(part.kind == "bias" for part in network.layout.parts)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        for part in network.layout.parts:
            # What each layer has to undo: the size of the inputs first, the activation's shrinking
            # afterwards.
            mean_square = input_mean_square if part.layer == 0 else activation_gain(network.activation) ** -2
            gain = mean_square**-0.5
            if part.kind == "weight":
                variance = hyperfan_in_weight_variance(
                    part.shape[0],
                    feature_count,
                    bias=bias,
                    gain=gain,
                    feature_mean_square=feature_mean_square,
                )
            elif part.kind == "bias":
                variance = hyperfan_in_bias_variance(
                    feature_count,
                    gain=gain,
                    feature_mean_square=feature_mean_square,
                    input_mean_square=mean_square,
                )
            else:
                continue
            with torch.no_grad():
                self.linear.weight[part.span].normal_(std=variance**0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Write the parameters of every sample's network.

        Args:
            features: e, [B, F].

        Returns:
            θ, [B, N].

        Raises:
            ValueError: if `features` is not [B, F].
        """
        return self.emit(features, slice(None))

    def emit(self, features: Tensor, chunk: slice) -> Tensor:
        """Write one chunk of the parameters, so that not all of them need be in memory at once.

        Args:
            features: e, [B, F].
            chunk: a slice of the flat vector, such as one of `network.layout.chunks(n)` or a part's span.

        Returns:
            θ[:, chunk]: the chunks of a layout, concatenated, are `forward`'s result.

        Raises:
            ValueError: if `features` is not [B, F].
        """
        if features.dim() != 2 or features.shape[1] != self.linear.in_features:
            raise ValueError(
                f"features must have the shape [B, {self.linear.in_features}], got {list(features.shape)}"
            )
        return F.linear(features, self.linear.weight[chunk], self.linear.bias[chunk])
