"""How large the weights of a head must be, so that what it writes has the size of an ordinary initialisation.

A head writes the weights of a generated layer from features e with F entries: W = H e and b = G e. An
ordinary initialisation of H looks at F and at the number of weights written, not at the widths of the
generated layer, so W comes out in the wrong scale. Chang, Flokas and Lipson, "Principled Weight
Initialization for Hypernetworks" (ICLR 2020, arXiv 2312.08399, Table 1), choose Var(H) and Var(G) so that the
size of the activations stays the same from layer to layer: "hyperfan-in". The functions below return these
variances; a head is filled with

    torch.nn.init.normal_(head.weight, std=variance**0.5)

and its own bias with zeros. The formulas assume entries of H that are independent with zero mean.

The paper writes Var(e) and assumes E[e] = 0. What enters its derivation is the mean square E[e²], which is
also right for features with a mean (after a ReLU, say), so the arguments here are mean squares.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def activation_gain(activation: Callable[[Tensor], Tensor]) -> float:
    """Return 1 / sqrt(E[activation(z)²]) for a standard normal z.

    A layer whose weights have the variance gain² / fan_in undoes what the activation before it did to the
    mean square: √2 for ReLU (He et al. 2015, "Delving Deep into Rectifiers", eq. 10), 1 for the identity. The
    expectation is integrated numerically, so every elementwise activation has its exact gain and no table is
    needed. `torch.nn.init.calculate_gain` knows fewer, and for tanh has the rounder 5/3 instead of 1.593.

    Args:
        activation: an elementwise function of one tensor.

    Raises:
        ValueError: if the activation changes the shape, or its mean square is zero or not finite.
    """
    # The density beyond |z| = 12 is below 1e-31; a fine even grid also copes with kinks.
    z = torch.linspace(-12, 12, 24_001, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        output = activation(z.clone())
    if output.shape != z.shape:
        raise ValueError(f"the activation made {list(output.shape)} of {list(z.shape)}: it is not elementwise")
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    mean_square = torch.trapezoid(output.square() * density, z).item()
    if not (0 < mean_square < math.inf):
        raise ValueError(f"the activation has mean square {mean_square}, so no gain can restore it")
    return float(mean_square**-0.5)


def hyperfan_in_weight_variance(
    fan_in: int,
    feature_count: int,
    *,
    bias: bool,
    gain: float = 1.0,
    feature_mean_square: float = 1.0,
) -> float:
    """Return Var(H) that keeps the mean square of the activations from layer to layer (hyperfan-in).

        Var(H) = gain² / (k · fan_in · F · E[e²]),   k = 2 if the layer has a generated bias, else 1

    Then Var(W) = gain² / (k · fan_in): He's initialisation for k = 1. For k = 2 the weights supply one half
    of the variance and the generated bias the other (Chang et al. 2020, Table 1).

    Args:
        fan_in: inputs of the generated layer, d_j in the paper.
        feature_count: F, entries of the feature vector e, d_k in the paper.
        bias: whether the layer's bias is generated too, by a head of `hyperfan_in_bias_variance`.
        gain: `activation_gain` of the activation; its square is 2 for ReLU, the paper's 2^(1_ReLU).
        feature_mean_square: E[e²], Var(e) in the paper.

    Raises:
        ValueError: if an argument is not positive.
    """
    require_positive(fan_in=fan_in, feature_count=feature_count, gain=gain, feature_mean_square=feature_mean_square)
    return gain**2 / ((2 if bias else 1) * fan_in * feature_count * feature_mean_square)


def hyperfan_in_bias_variance(
    feature_count: int, *, output_mean_square: float = 1.0, feature_mean_square: float = 1.0
) -> float:
    """Return Var(G) with which a generated bias supplies half of a layer's variance (hyperfan-in).

        Var(G) = E[y²] / (2 · F · E[e²])

    Then Var(b) = E[y²] / 2; the other half comes from `hyperfan_in_weight_variance(..., bias=True)`.

    Args:
        feature_count: F, entries of the feature vector e that this head reads, d_l in the paper.
        output_mean_square: E[y²] of the layer before its activation, weights and bias together: 1 here. The
            paper keeps the size after the activation at 1 instead, so it has gain² there, 2^(1_ReLU).
        feature_mean_square: E[e²], Var(e) in the paper.

    Raises:
        ValueError: if an argument is not positive.
    """
    require_positive(
        feature_count=feature_count,
        output_mean_square=output_mean_square,
        feature_mean_square=feature_mean_square,
    )
    return output_mean_square / (2 * feature_count * feature_mean_square)


def require_positive(**values: float) -> None:
    """Raise a ValueError that names the first value which is not positive and finite."""
    for name, value in values.items():
        if not (0 < value < math.inf):
            raise ValueError(f"{name} must be positive and finite, got {value}")
