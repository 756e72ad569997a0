"""Hypernetworks: networks whose weights are the output of another network.

A network f reads one item (an image, an echo, an atom) and writes the weights θ of a small network g, which
is then applied to that item's points. With a batch of B items there are B different networks g; this package
applies them all in batched products, without a loop over the items.

Networks g, each a `GeneratedModule`: it owns no weights, knows its `parts`, runs a batch as `g(x, theta)`, gives the
weights that an ordinary network starts with (`ordinary`) and one sample's network as an ordinary module (`export`):

- `GeneratedLinear`, `FunctionalMLP`: one linear layer, a whole multilayer perceptron.
- `GeneratedGRU`: a recurrent unit; `LowRankGRU`: one whose matrices deviate from shared ones by a low rank
  (`LowRankMatrix`), never multiplied out.
- `DynamicConv2d`, `SeparableDynamicConv2d`: convolutions with filters of their own for every sample.
- `GeneratedFeatureMap`, `colour_transform`: a linear map of fixed features, such as a colour transformation.
- `Joined`: several of them under one set of weights.
- `Generated`: any `nn.Module`.

The last layer of f, for any of them: `WeightHeads`, whole parts or low-rank deviations from a shared network, with a
start that keeps the size of activations (hyperfan-in; Chang, Flokas and Lipson 2020: `initialisation`).

What came before: `StaticKernels` and `HyperLSTMCell` (Ha, Dai and Le 2017), `LightConv1d` and `DynamicConv1d` (Wu et
al. 2019). Functions: `generated_linear`, `dynamic_conv2d`, `separable_dynamic_conv`, `light_conv`, `activation_gain`,
and `tanh`, faster on a CPU.

A name is imported when it is first used. Only torch is imported here, and nothing here knows a domain: the package can
be used alone. `docs/layers.md` has the equations and the speed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
