"""Hypernetworks: networks whose weights are the output of another network.

A network f reads one item (an image, an echo, an atom) and writes the weights θ of a small network g, which
is then applied to that item's points. With a batch of B items there are B different networks g; this package
applies them all in one batched matrix product per layer, without a loop over the items.

- `GeneratedLinear`, `generated_linear`: one linear layer with a weight of its own for every sample.
- `FunctionalMLP`: a whole multilayer perceptron g that owns no weights; `ParameterLayout` says which number is which.
- `GeneratedGRU`: a recurrent unit whose weights another network wrote.
- `DynamicConv2d`, `separable_dynamic_conv`: a convolution with filters of its own for every sample.
- `WeightHeads`: the last layer of f, which writes θ, initialised so that g starts as a usable network.
- `hyperfan_in_weight_variance`, `hyperfan_in_bias_variance`, `activation_gain`: that initialisation in numbers (Chang,
  Flokas and Lipson 2020).
- `tanh`: the hyperbolic tangent, faster on a CPU.

A name is imported when it is first used. Only torch is imported here, and nothing here knows a domain: the package can
be used alone. `docs/layers.md` has the equations and the speed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
