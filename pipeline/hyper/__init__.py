"""Hypernetworks: networks whose weights are the output of another network.

A network f reads one item (an image, an echo, an atom) and writes the weights θ of a small network g, which
is then applied to that item's points. With a batch of B items there are B different networks g; this package
applies them all in one batched matrix product per layer, without a loop over the items.

- `GeneratedLinear`, `generated_linear`: one linear layer with a weight of its own for every sample.
- `FunctionalMLP`: a whole multilayer perceptron g that owns no weights; `ParameterLayout` says which number
  is which.
- `WeightHeads`: the last layer of f, which writes θ, initialised so that g starts as a usable network.
- `initialisation`: the hyperfan-in variances (Chang, Flokas and Lipson 2020) and the gain of an activation.

Only torch is imported here, and nothing here knows a domain. `docs/hyper.md` has the equations and the speed.
"""

from pipeline.hyper.heads import WeightHeads
from pipeline.hyper.initialisation import (
    activation_gain,
    hyperfan_in_bias_variance,
    hyperfan_in_weight_variance,
)
from pipeline.hyper.layout import ParameterLayout, Part
from pipeline.hyper.linear import GeneratedLinear, generated_linear
from pipeline.hyper.mlp import FunctionalMLP

__all__ = [
    "FunctionalMLP",
    "GeneratedLinear",
    "ParameterLayout",
    "Part",
    "WeightHeads",
    "activation_gain",
    "generated_linear",
    "hyperfan_in_bias_variance",
    "hyperfan_in_weight_variance",
]
