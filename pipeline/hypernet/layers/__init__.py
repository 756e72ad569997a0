"""Hypernetworks: networks whose weights are the output of another network.

A network f reads one item (an image, an echo, an atom) and writes the weights θ of a small network g, which
is then applied to that item's points. With a batch of B items there are B different networks g; this package
applies them all in one batched matrix product per layer, without a loop over the items.

- `linear`: `GeneratedLinear`, `generated_linear`: one linear layer with a weight of its own for every sample.
- `mlp`: `FunctionalMLP`, a whole multilayer perceptron g that owns no weights; `layout`: `ParameterLayout`, which
  says which number is which.
- `gru`: `GeneratedGRU`, a recurrent unit whose weights another network wrote.
- `dynamic_conv`: `DynamicConv2d`, a convolution with filters of its own for every sample.
- `heads`: `WeightHeads`, the last layer of f, which writes θ, initialised so that g starts as a usable network.
- `tanh`: the hyperbolic tangent, faster on a CPU.
- `initialisation`: the hyperfan-in variances (Chang, Flokas and Lipson 2020) and the gain of an activation.

Import from the modules: a domain is then trained again when what it uses changes, and not when another module
does. Only torch is imported here, and nothing here knows a domain. `docs/layers.md` has the equations and the speed.
"""
