"""The last layer of a hypernetwork: the heads that write all weights of a generated network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.layers.initialisation import (
    activation_gain,
    hyperfan_in_bias_variance,
    hyperfan_in_weight_variance,
    require_positive,
)
from hypernet.layers.mlp import FunctionalMLP


class WeightHeads(nn.Module):
    """θ = H e + θ₀: one linear head per weight, bias and gain of a `FunctionalMLP`, from features e.

    All heads are one matrix product: the head of `part` is `linear.weight[part.span]`,
    `linear.bias[part.span]` for `part` in `network.layout.parts`. θ₀ is one network shared by all samples,
    and H e is a sample's deviation from it.

    The heads start by hyperfan-in (Chang, Flokas and Lipson 2020, see `initialisation`): every generated
    layer's output, before the activation, has mean square 1, as in a directly initialised network (He et al.
    2015). The heads of gains start at zero. For another start, write it over `linear`.

    Args:
        feature_count: F, entries of the feature vector e.
        network: the network whose parameters are written.
        feature_mean_square: E[e²] at step 0. Measure it: in a network without biases, being wrong by a factor
            multiplies the outputs' mean square by that factor once per layer.
        input_mean_square: E[x²] of the generated network's inputs; 1/3 for coordinates uniform in [-1, 1].
        generated_share: ρ, the share of the variance of θ that H e supplies; θ₀, drawn at random, supplies
            the rest. 1 is hyperfan-in with θ₀ = 0; a small ρ lets all samples start near one shared network.

    Attributes:
        linear: all heads, an `nn.Linear(F, N)`.

    Raises:
        ValueError: if a size or a mean square is not positive, or the share is not in [0, 1].
    """

    def __init__(
        self,
        feature_count: int,
        network: FunctionalMLP,
        *,
        feature_mean_square: float = 1.0,
        input_mean_square: float = 1.0,
        generated_share: float = 1.0,
    ):
        super().__init__()
        require_positive(
            feature_count=feature_count,
            feature_mean_square=feature_mean_square,
            input_mean_square=input_mean_square,
        )
        if not 0 <= generated_share <= 1:
            raise ValueError(f"generated_share must be in [0, 1], got {generated_share}")
        self.linear = nn.utils.skip_init(nn.Linear, feature_count, network.parameter_count)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        first_gain, hidden_gain = input_mean_square**-0.5, activation_gain(network.activation)
        for part in network.layout.parts:
            if part.role == "gain":
                continue
            if part.role == "weight":
                # The gain undoes what the inputs' size did to the first layer, the activation to the others.
                variance = hyperfan_in_weight_variance(
                    part.shape[0],
                    feature_count,
                    bias=network.layout.bias,
                    gain=first_gain if part.layer == 0 else hidden_gain,
                    feature_mean_square=feature_mean_square,
                )
            else:
                variance = hyperfan_in_bias_variance(feature_count, feature_mean_square=feature_mean_square)
            shared = (1 - generated_share) * variance * feature_count * feature_mean_square
            with torch.no_grad():
                self.linear.weight[part.span].normal_(std=(generated_share * variance) ** 0.5)
                self.linear.bias[part.span].normal_(std=shared**0.5)

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
            raise ValueError(f"features must have the shape [B, {self.linear.in_features}], got {list(features.shape)}")
        return F.linear(features, self.linear.weight[chunk], self.linear.bias[chunk])
